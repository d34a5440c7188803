package logs

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/etag"
)

// This file finds clients that were given a tag after it had been replaced: by a cache, or by a node that
// was behind the one that took the write. A cache that serves what is stale to some is doing its work; it
// matters here only when a client edits by what it was given, and is refused.

const (
	// maxReaders bounds the combinations of target, tag and client whose reads are remembered, and maxReads how
	// many of each, which are the last ones.
	maxReaders = 8192
	maxReads   = 4
	// grain is how far apart two times of one log that are in full seconds may be in truth.
	grain = 2 * time.Second
	// doubt is how much later than a write a read must have been logged to have begun after it,
	// where the log does not have how long it took, or where two servers with clocks of their own logged them.
	doubt = 30 * time.Second
)

// reads are the last reads, at most maxReads, by which one client got one tag of a target, the latest first.
type reads []read

// A read is a response to a GET with a tag, from a cache or from a node.
type read struct {
	at     int64
	took   time.Duration // -1 if not known
	user   string
	node   string
	file   *accesslog.File
	line   int64
	age    int64  // of the stored response, in seconds; 0 if it was none or is not known
	cached string // what the cache says if it answered by itself
}

// readKey is for a client that got a tag of a target.
func readKey(target, client uint64, tag string) uint64 { return mix(mix(target, hash(tag)), client) }

// sawRead notes that a client got a tag.
func (w *worker) sawRead(e *accesslog.Entry, target, client uint64, tag string) {
	node := nodeOf(e)
	if node == "" && e.State(accesslog.Age) != accesslog.Present && e.State(accesslog.Cache) != accesslog.Present || len(tag) > maxKept {
		return
	}
	key := readKey(target, client, tag)
	if !w.reads.sees(key) {
		return
	}
	age, _ := e.Int(accesslog.Age)
	stored := storedMark(e)
	at, timed := e.UnixNano()
	if node == "" && age <= 0 && stored == "" || !timed {
		return
	}
	list, _ := w.reads.at(key ^ programOf(e))
	if list == nil {
		return
	}
	last := read{}
	if len(*list) > 0 {
		last = (*list)[0] // mostly the next read is much like it
	}
	list.add(read{
		at: at, took: durationOf(e), user: keepAs(last.user, e.Text(accesslog.User)), node: keepAs(last.node, node),
		file: e.File(), line: e.Line(), age: max(age, 0), cached: keepAs(last.cached, stored),
	})
}

// keepAs is keep(s), or known if that is the same.
func keepAs(known, s string) string {
	if known == s {
		return known
	}
	return keep(s)
}

// storedMark is what a cache says if it answered from what it had stored, without asking whether that is
// still current; or "".
func storedMark(e *accesslog.Entry) string {
	mark := e.Text(accesslog.Cache)
	lower := strings.ToLower(mark)
	if strings.Contains(lower, "refresh") || strings.Contains(lower, "revalidated") {
		return ""
	}
	for _, word := range [...]string{"hit", "stale", "updating"} {
		if strings.Contains(lower, word) {
			return mark
		}
	}
	return ""
}

// add puts r among the last.
func (list *reads) add(r read) {
	i := slices.IndexFunc(*list, func(s read) bool { return r.after(&s) })
	if i < 0 {
		i = len(*list)
	}
	if i == maxReads {
		return
	}
	*list = slices.Insert((*list)[:min(len(*list), maxReads-1)], i, r)
}

// after orders reads by time, and those of the same time by their place.
func (r *read) after(s *read) bool {
	if r.at != s.at {
		return r.at > s.at
	}
	if r.file != s.file {
		return r.file.Name() > s.file.Name()
	}
	return r.line > s.line
}

func joinReads(into, from *reads) {
	for _, r := range *from {
		into.add(r)
	}
}

// A replacement is the write that made another version of the one a tag names.
type replacement struct {
	tag     string
	at      int64
	took    time.Duration // -1 if not known
	node    string
	file    string
	who     principal
	removed bool
	fact    diagnose.Fact
}

// replacement looks for the write that replaced one of the versions in If-Match.
func (r *refusal) replacement() *replacement {
	for _, m := range r.ifMatch {
		if m.Tag.IsZero() || m.Tag.IsWeak() {
			continue
		}
		if w := r.replacedBy(m.Raw); w != nil {
			return &replacement{tag: keep(m.Raw), at: w.at, took: w.took, node: w.node, file: w.file, who: w.who, removed: w.removes(),
				fact: w.fact("the change")}
		}
	}
	return nil
}

// replacedBy returns the write that replaced the version that tag names; nil if the log does not show that
// no write has made it again since. Both that it was current once, and that each write since made another version,
// must be seen: tags may be those of a content, of a variant, or of one node alone.
func (r *refusal) replacedBy(tag string) *write {
	var next *write // the oldest looked at; it and those after it made other versions
	for w := range r.a.history.of(r.target) {
		switch {
		case w.unknown():
			return nil
		case !w.done() || !w.changes() && w.etag == "":
			continue
		case w.etag == w.ifMatch && w.etag != "":
			return nil // the tag in the response is that from before
		case w.etag == tag:
			return next
		case w.ifMatch == tag && (w.etag == "" || replaces(tag, w.etag)):
			if w.etag == "" && !w.removes() && next != nil {
				return next // it may have stored the same content; by then it was replaced
			}
			return w
		case !w.removes() && !replaces(tag, w.etag):
			return nil
		}
		next = w
	}
	return nil
}

// replaces reports whether two tags name versions one of which came after the other, and not the same
// one in another form, on another server or by another program.
func replaces(tag, by string) bool {
	if by == "" {
		return false
	}
	switch etag.Relate(tag, by, etag.Facts{}, etag.Facts{}).Kind {
	case etag.Identical, etag.SameButForm, etag.FarmCopies, etag.OtherTime, etag.OtherLayer, etag.OtherForm:
		return false
	}
	return true
}

// judgeRead finds out whether the client was given the tag after it had been replaced.
func (h *heldRefusal) judgeRead(all *sampled[reads]) bool {
	p := h.replaced
	if p == nil {
		return false
	}
	list := all.values[readKey(h.target, h.who.key(), p.tag)^h.who.program()]
	if list == nil {
		return false
	}
	for i := range *list {
		r := &(*list)[i]
		if r.at > h.at || r.user != "" && r.user != h.who.user || !r.follows(p) {
			continue
		}
		if r.stored() || r.node != "" && p.node != "" && r.node != p.node {
			h.staleRead(r)
			return true
		}
	}
	return false
}

// stored reports whether a cache answered.
func (r *read) stored() bool { return r.age > 0 || r.cached != "" }

// follows reports whether the read began after the replacement was done.
func (r *read) follows(p *replacement) bool {
	gap := time.Duration(r.at - p.at)
	if r.file.Name() != p.file || r.took < 0 || p.took < 0 {
		return gap > doubt+max(r.took, 0)+max(p.took, 0)
	}
	return gap > grain+r.took+p.took
}

// staleRead says that the client got its tag by r.
func (h *heldRefusal) staleRead(r *read) {
	p := h.replaced
	by := fmt.Sprintf("%s, which was behind %s", r.node, p.node)
	if r.stored() {
		by = "a cache"
	}
	who, did := p.who.subject(), "replaced"
	if p.who.is(h.who) {
		who = "this client itself"
	}
	if p.removed {
		did = "removed"
	}
	h.rule, h.confidence, h.config = "stale-etag-from-cache-or-replica", likely, nil
	h.before = 0 // those before are put down to it themselves
	if r.older(p) && r.user != "" {
		h.confidence = certain
	}
	h.says = fmt.Sprintf("the client got %s %s before from %s; %s had %s it %s before that", p.tag, say(time.Duration(h.at-r.at)), by, who,
		did, say(time.Duration(r.at-p.at)))
	h.evidence = slices.DeleteFunc(h.evidence, func(f diagnose.Fact) bool { return f.Source == p.fact.Source })
	h.evidence = append(h.evidence, p.fact, r.fact(p.tag))
}

// older reports whether the response of the cache is from before the replacement, by its age.
func (r *read) older(p *replacement) bool {
	return r.file.Name() == p.file && time.Duration(r.age)*time.Second > time.Duration(r.at-p.at)+grain
}

// fact is that the client got the tag.
func (r *read) fact(tag string) diagnose.Fact {
	value := "GET, ETag " + tag
	if r.age > 0 {
		value += fmt.Sprintf(", Age %d", r.age)
	}
	if r.cached != "" {
		value += ", cache " + r.cached
	}
	if r.node != "" {
		value += ", by " + r.node
	}
	return diagnose.Fact{Name: "the read", Value: value, Source: place(r.file.Name(), r.line)}
}
