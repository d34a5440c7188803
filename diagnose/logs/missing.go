package logs

import (
	"fmt"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// This file finds writes that were to make what is not there and were refused, although a 404 just before or after says that it
// was not there.

const (
	// maxAbsences is how many answers 404 are remembered of a target, which are the last.
	maxAbsences = 4
	// missingWithin is how far from the refusal a 404 may be.
	missingWithin = time.Minute
)

// absences are the last answers 404 of a target, the latest first.
type absences []absence

// An absence is a 404 or 410.
type absence struct {
	at     int64
	method string
	status int
	file   string
	line   int64
}

// notFound notes that there is nothing at a target, if the log can tell of writes that want just that. A write with content that is
// answered 404 may lack its collection only.
func (w *worker) notFound(e *accesslog.Entry, hp uint64) {
	at, timed := e.UnixNano()
	if !timed || e.State(accesslog.IfNoneMatch) == accesslog.NotLogged {
		return
	}
	switch e.Text(accesslog.Method) {
	case "GET", "HEAD", "PROPFIND", "DELETE", "PATCH":
	default:
		return
	}
	target := targetOf(e, hp)
	if !w.missing.sees(target) {
		return
	}
	if list, _ := w.missing.at(target); list != nil {
		list.add(absence{at: at, method: methodName(e.Text(accesslog.Method)), status: e.Status(), file: e.File().Name(), line: e.Line()})
	}
}

// add puts a among the last, as reads.add does.
func (list *absences) add(a absence) {
	i := slices.IndexFunc(*list, func(b absence) bool { return a.at > b.at || a.at == b.at && a.line > b.line })
	if i < 0 {
		i = len(*list)
	}
	if i == maxAbsences {
		return
	}
	*list = slices.Insert((*list)[:min(len(*list), maxAbsences-1)], i, a)
}

func joinAbsences(into, from *absences) {
	for _, a := range *from {
		into.add(a)
	}
}

// holdCreate keeps back the refusal of a write that was to make something.
func (a *analyst) holdCreate(r *refusal, f finding, before int64) bool {
	h := heldRefusal{instance: instanceOf(r.e), who: r.who, before: before, creates: true, target: resourceOf(r.e)}
	h.finding = f
	if f.confidence < likely {
		h.config = config(r.e.File())
	}
	if _, h.timed = r.e.UnixNano(); !h.timed {
		return false
	}
	a.held = append(a.held, h)
	return true
}

// judgeMissing finds out whether there was nothing when the write was refused.
func (h *heldRefusal) judgeMissing(all *sampled[absences], writes *history) {
	list := all.values[h.target]
	if list == nil {
		return
	}
	for _, m := range *list {
		from, to, when := m.at, h.at, "before"
		if m.at > h.at {
			from, to, when = h.at, m.at, "after"
		}
		if to-from > int64(missingWithin) || changedBetween(writes, h.target, from, to) {
			continue
		}
		h.rule, h.confidence, h.config = "412-for-missing-resource", likely, nil
		h.says = fmt.Sprintf("If-None-Match: * says to make it only if it is not there, and a %s %s %s was answered %d: there was nothing, unless somebody made it in between whom the log does not have",
			m.method, say(time.Duration(to-from)), when, m.status)
		h.evidence = append(h.evidence, diagnose.Fact{Name: m.method + " " + when, Value: fmt.Sprint(m.status), Source: place(m.file, m.line)})
		return
	}
}

// changedBetween reports whether a write may have made or removed the target in a time. Logs are written when the answer is
// complete, and mostly in full seconds.
func changedBetween(writes *history, target uint64, from, to int64) bool {
	for w := range writes.of(target) {
		if (w.changes() || w.unknown()) && w.at >= from-int64(grain) && w.at <= to+int64(grain) {
			return true
		}
	}
	return false
}
