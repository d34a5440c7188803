package logs

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/etag"
)

const (
	// maxTagged bounds the targets whose tags are remembered, and maxTags how many of each.
	maxTagged = 2048
	maxTags   = 8
	// fewest is how many targets must show what many do.
	fewest = 5
)

// tagged has the tags that a target was sent with.
type tagged struct {
	target uint64
	path   string
	tags   []nodeTag
	// more is how many responses had a tag that found no place.
	more int64
}

// A nodeTag is a tag from a node.
type nodeTag struct {
	node, tag   string
	coding      string
	count       int64
	first, last int64
	sample      instance // the first
}

// sawTag notes the tag of a response to a GET.
func (w *worker) sawTag(e *accesslog.Entry, g *get) {
	tag := e.Text(accesslog.ETag)
	if tag == `""` || tag == `W/""` {
		w.found.add("empty-etag-matches-itself", certain, e, func(f *finding) {
			f.says = "the response carries the tag " + keep(tag) + ", which says nothing of the version, and matches itself"
			f.evidence = facts(e, accesslog.ETag)
		})
	}
	key := g.target(e)
	w.sawRead(e, key, g.machine(e), tag)
	if !w.tags.sees(key) {
		return
	}
	t, isNew := w.tags.at(key)
	if t == nil {
		return
	}
	if isNew {
		t.target, t.path = key, keep(g.path)
	}
	at, _ := e.UnixNano()
	node := nodeOf(e)
	for i := range t.tags {
		n := &t.tags[i]
		if n.tag == tag && n.node == node {
			n.count++
			if at < n.first {
				n.first = at
				n.sample = instanceOf(e)
			}
			n.last = max(n.last, at)
			return
		}
	}
	if len(t.tags) >= maxTags || len(tag) > maxKept {
		t.more++
		return
	}
	n := nodeTag{node: keep(node), tag: keep(tag), coding: keep(e.Text(accesslog.ContentEncoding)), count: 1, first: at, last: at}
	n.sample = instanceOf(e)
	t.tags = append(t.tags, n)
}

// instanceOf is an instance of no finding yet.
func instanceOf(e *accesslog.Entry) instance {
	at, _ := e.UnixNano()
	return instance{at: at, file: e.File().Name(), line: e.Line(), text: e.Sample()}
}

func joinTagged(into, from *tagged) {
	into.path = min(into.path, from.path)
	into.more += from.more
	for _, f := range from.tags {
		i := slices.IndexFunc(into.tags, func(n nodeTag) bool { return n.tag == f.tag && n.node == f.node })
		switch {
		case i >= 0:
			n := &into.tags[i]
			n.count += f.count
			if f.first < n.first {
				n.first, n.sample = f.first, f.sample
			}
			n.last = max(n.last, f.last)
		case len(into.tags) < maxTags:
			into.tags = append(into.tags, f)
		default:
			into.more += f.count
		}
	}
}

// A tagReport is what the tags of all targets show.
type tagReport struct {
	splits []Split
	// swaps are the moments at which targets got another tag for the same size.
	swaps   []swap
	targets int // with more than one tag
}

// A swap is the change of a tag, at some time from after to until.
type swap struct {
	after, until int64
	rel          etag.Relation
	path         string
	to           *nodeTag
}

// judgeTags looks at the tags of all targets. Writes are those of the whole log.
func (w *worker) judgeTags(writes *history) []Split {
	var r tagReport
	for _, t := range sortedTagged(w.tags) {
		slices.SortFunc(t.tags, func(a, b nodeTag) int {
			return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.node, b.node), cmp.Compare(a.tag, b.tag))
		})
		if _, written := writes.lastChange(t.target); !written && w.unstable(t) {
			continue
		}
		r.look(t, writes)
	}
	w.redeployed(&r)
	for i := range r.splits {
		w.split(&r.splits[i])
	}
	slices.SortStableFunc(r.splits, func(a, b Split) int { return cmp.Compare(total(b.Tags), total(a.Tags)) })
	return r.splits
}

func total(tags []NodeTag) (n int64) {
	for _, t := range tags {
		n += t.Count
	}
	return n
}

func sortedTagged(s *sampled[tagged]) []*tagged {
	list := make([]*tagged, 0, len(s.values))
	for _, t := range s.values {
		list = append(list, t)
	}
	slices.SortFunc(list, func(a, b *tagged) int { return cmp.Compare(a.path, b.path) })
	return list
}

// unstable reports whether the target has another tag with nearly every response.
func (w *worker) unstable(t *tagged) bool {
	if t.more == 0 {
		return false
	}
	seen := map[string]bool{}
	for _, n := range t.tags {
		if n.count > 1 || seen[n.tag] {
			return false
		}
		seen[n.tag] = true
	}
	i := t.tags[0].sample
	i.finding = finding{rule: "unstable-etag-per-request", confidence: likely,
		says: fmt.Sprintf("each of the first %d answers for %s had another tag, and at least %d more: no client can ever name the current one", len(t.tags), t.path, t.more)}
	for _, n := range t.tags[:3] {
		i.evidence = append(i.evidence, diagnose.Fact{Name: "ETag", Value: n.tag, Source: place(n.sample.file, n.sample.line)})
	}
	w.found.addInstances(1, i)
	return true
}

// look finds out whether the tags of t are at the same time on different nodes, or one after
// the other.
func (r *tagReport) look(t *tagged, writes *history) {
	if len(t.tags) < 2 {
		return
	}
	r.targets++
	for i := range t.tags {
		for j := i + 1; j < len(t.tags); j++ {
			a, b := &t.tags[i], &t.tags[j]
			if a.tag == b.tag || a.coding != b.coding {
				continue
			}
			if apart(t, a, b, writes) {
				r.splits = append(r.splits, splitOf(t, a, b))
				return
			}
		}
	}
	r.swap(t)
}

// apart reports whether two nodes have different tags for t at the same time, and keep to them. A write in between
// gives another tag, and a later one may bring the first back.
func apart(t *tagged, a, b *nodeTag, writes *history) bool {
	if a.node == b.node || a.tag == b.tag || a.coding != b.coding || !ownTag(t, a) || !ownTag(t, b) {
		return false
	}
	from := max(a.first, b.first)
	if at, ok := writes.lastChange(t.target); ok {
		from = max(from, at+int64(doubt))
	}
	return min(a.last, b.last) > from
}

// ownTag reports whether the node of n has sent no other tag, with the same coding.
func ownTag(t *tagged, n *nodeTag) bool {
	return t.more == 0 &&
		!slices.ContainsFunc(t.tags, func(o nodeTag) bool { return o.node == n.node && o.coding == n.coding && o.tag != n.tag })
}

func splitOf(t *tagged, a, b *nodeTag) Split {
	rel := etag.Relate(a.tag, b.tag, etag.Facts{}, etag.Facts{})
	s := Split{Path: t.path, Rule: splitRule(rel), sample: a.sample}
	s.Says = fmt.Sprintf("%s answers with %s, %s at the same time with %s: %s", a.node, a.tag, b.node, b.tag, rel)
	for _, n := range t.tags {
		s.Tags = append(s.Tags, NodeTag{
			Node: n.node, ETag: n.tag, Count: n.count, First: instant(n.first), Last: instant(n.last), Says: readings(n.tag),
		})
	}
	return s
}

// splitRule is the rule that says why nodes have different tags.
func splitRule(rel etag.Relation) string {
	switch rel.Kind {
	case etag.FarmCopies:
		return copiesRule(rel)
	case etag.OtherLayer, etag.OtherForm:
		return "cdn-nodes-different-etag"
	case etag.OtherTime:
		return "farm-mtime-skew"
	}
	return "cdn-nodes-different-etag"
}

// copiesRule is the rule for tags of copies of one file.
func copiesRule(rel etag.Relation) string {
	for _, part := range []struct{ name, rule string }{{"change number", "iis-changenumber-differs"}, {"inode", "apache-inode-in-etag"}} {
		a, b := rel.Sent.Parts[part.name], rel.Current.Parts[part.name]
		if a != b && rel.Elapsed == 0 {
			return part.rule
		}
	}
	return "farm-mtime-skew"
}

func instant(nanos int64) time.Time {
	if nanos == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanos).UTC()
}

// readings is what a tag says, if its dialect is known.
func readings(tag string) []string {
	list := etag.Recognise(tag, etag.Facts{})
	if len(list) == 0 {
		return nil
	}
	return list[0].Says()
}

// split counts the responses of a split.
func (w *worker) split(s *Split) {
	i := instance{finding: finding{rule: s.Rule, confidence: likely, says: s.Path + ": " + s.Says}}
	if s.Rule != "cdn-nodes-different-etag" {
		i.confidence = certain // the tags say so themselves, and the nodes keep to them
	}
	for _, n := range s.Tags {
		i.evidence = append(i.evidence, diagnose.Fact{
			Name: "ETag of " + n.Node, Value: fmt.Sprintf("%s, %d times from %s to %s%s", n.ETag, n.Count, clock(n.First), clock(n.Last),
				said(n.Says)),
		})
	}
	i.at, i.file, i.line, i.text = s.Tags[0].First.UnixNano(), s.sample.file, s.sample.line, s.sample.text
	w.found.addInstances(1, i)
}

// said is what a tag says, without the first sentence, which says who makes such tags.
func said(says []string) string {
	if len(says) < 2 {
		return ""
	}
	return ": " + strings.Join(says[1:], "; ")
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "?"
	}
	return t.Format("2006-01-02 15:04:05")
}

// swap notes a change of the tag of t to one that says the same size and another time.
func (r *tagReport) swap(t *tagged) {
	for i := range t.tags {
		a := &t.tags[i]
		for j := i + 1; j < len(t.tags); j++ {
			b := &t.tags[j]
			if b.tag == a.tag || b.coding != a.coding || b.node != a.node || b.first <= a.last {
				continue
			}
			rel := etag.Relate(a.tag, b.tag, etag.Facts{}, etag.Facts{})
			if rel.Kind == etag.OtherTime || rel.Kind == etag.FarmCopies {
				r.swaps = append(r.swaps, swap{a.last, b.first, rel, t.path, b})
			}
			return
		}
	}
}

// redeployed looks for a moment at which most of the targets that got another tag may have got it.
func (w *worker) redeployed(r *tagReport) {
	if len(r.swaps) < fewest {
		return
	}
	slices.SortFunc(r.swaps, func(a, b swap) int { return cmp.Or(cmp.Compare(a.until, b.until), cmp.Compare(a.path, b.path)) })
	best := together(r.swaps)
	if len(best) < fewest || 2*len(best) < r.targets {
		return
	}
	from, until := best[0].after, best[0].until
	var list []instance
	for _, s := range best {
		from, until = max(from, s.after), min(until, s.until)
	}
	for _, s := range best[:min(len(best), maxSamples)] {
		i := s.to.sample
		i.finding = finding{rule: "redeploy-changes-etag", confidence: likely,
			says: fmt.Sprintf("%d of %d targets with more than one tag got a new one between %s and %s, each with the same size and another time: deployed again with the same content",
				len(best), r.targets, clock(instant(from)), clock(instant(until))),
			evidence: []diagnose.Fact{{Name: s.path, Value: s.rel.String(), Source: place(s.to.sample.file, s.to.sample.line)}},
		}
		list = append(list, i)
	}
	w.found.addInstances(int64(len(best)), list...)
}

// together returns the most changes that one moment can explain. They are in the order of
// their end.
func together(swaps []swap) (best []swap) {
	most, moment := 0, int64(0)
	for _, s := range swaps {
		n := 0
		for i := range swaps {
			if swaps[i].covers(s.until) {
				n++
			}
		}
		if n > most {
			most, moment = n, s.until
		}
	}
	for _, s := range swaps {
		if s.covers(moment) {
			best = append(best, s)
		}
	}
	return best
}

// covers reports whether the change may have been at this time.
func (s *swap) covers(at int64) bool { return s.after < at && at <= s.until }
