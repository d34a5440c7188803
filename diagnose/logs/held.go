package logs

import (
	"fmt"
	"slices"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/etag"
)

// maxHeld bounds the refusals that wait for what the end of the log tells of their tags.
const maxHeld = 4096

// A heldRefusal is one that names a tag, and of which more may be known when the log has ended: who gave
// that tag out, and when. Workers see the reads that tell in no particular order.
type heldRefusal struct {
	instance
	timed  bool
	target uint64
	who    principal
	tags   []string
	node   string // that refused it
	// before is how many refusals before it belong to the same finding.
	before int64
	// unexplained is set if nothing but the difference of the tags is known.
	unexplained bool
	// creates is set if the write was to make what is not there.
	creates bool
	// replaced says when one of the tags was replaced; nil if that is not known.
	replaced *replacement
}

// hold keeps a refusal back if the end of the log may tell more of it.
func (a *analyst) hold(r *refusal, f finding, before int64) bool {
	switch {
	case len(a.held) >= maxHeld:
		return false
	case f.rule == "create-if-absent-exists" || f.rule == "lock-object-held":
		return a.holdCreate(r, f, before)
	case len(r.ifMatch) == 0:
		return false
	}
	node := nodeOf(r.e)
	h := heldRefusal{who: r.who, node: keep(node), before: before}
	h.unexplained = f.confidence == diagnose.Insufficient || f.rule == "refused-as-designed"
	if h.unexplained || takesTagForFresh(f.rule) {
		h.replaced = r.replacement()
	}
	if h.replaced == nil && (!h.unexplained || node == "") {
		return false
	}
	h.instance, h.target = instanceOf(r.e), targetOf(r.e, hash(r.e.Text(accesslog.Path)))
	h.finding = f
	if f.confidence < likely {
		h.config = config(r.e.File())
	}
	_, h.timed = r.e.UnixNano()
	for _, m := range r.ifMatch {
		if !m.Any {
			h.tags = append(h.tags, keep(m.Raw))
		}
	}
	a.held = append(a.held, h)
	return true
}

// takesTagForFresh reports whether a rule supposes that the client got its tag while that was current.
func takesTagForFresh(rule string) bool {
	switch rule {
	case "stale-etag-concurrent-edit", "own-write-not-tracked", "client-loops-on-stale-etag":
		return true
	}
	return false
}

// release puts down the refusals that were held back, now that w has all reads.
func (a *analyst) release(w *worker) {
	for i := range a.held {
		h := &a.held[i]
		if h.creates {
			h.judgeMissing(w.missing, a.history)
		} else if !h.judgeRead(w.reads) && h.unexplained && h.node != "" {
			if t := w.tags.values[h.target]; t != nil {
				h.judgeNodes(t, a.history)
			}
		}
		a.found.addInstances(1+h.before, h.instance)
		a.found[h.rule].refusals++
		if h.timed {
			a.times.at(h.at).cause(h.rule, 1)
		}
	}
}

// judgeNodes finds out whether the tag is that of another node.
func (h *heldRefusal) judgeNodes(t *tagged, writes *history) {
	for i := range t.tags {
		theirs := &t.tags[i]
		if theirs.node == h.node || !slices.Contains(h.tags, theirs.tag) {
			continue
		}
		for j := range t.tags {
			ours := &t.tags[j]
			if ours.node != h.node || !apart(t, theirs, ours, writes) {
				continue
			}
			rel := etag.Relate(theirs.tag, ours.tag, etag.Facts{}, etag.Facts{})
			h.rule, h.confidence, h.config = splitRule(rel), likely, nil
			if h.rule != "cdn-nodes-different-etag" {
				h.confidence = certain
			}
			h.says = fmt.Sprintf("If-Match has the tag that %s gives, and it was refused by %s, which has another one: %s", theirs.node, h.node, rel)
			h.evidence = append(h.evidence, theirs.fact(), ours.fact())
			return
		}
	}
}

// fact is that the node gave the tag.
func (n *nodeTag) fact() diagnose.Fact {
	return diagnose.Fact{Name: "ETag of " + n.node, Value: n.tag, Source: place(n.sample.file, n.sample.line)}
}
