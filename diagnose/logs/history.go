package logs

import (
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

const (
	// maxWrites is how many writes are remembered, and maxLook how many of one target are
	// looked at.
	maxWrites = 1 << 16
	maxLook   = 64
)

// maxKept bounds the bytes of a value that is remembered.
const maxKept = 128

// keep returns a copy of a value of an entry, cut if it is long. A cut value ends in "…", so it
// equals no tag.
func keep(s string) string {
	if len(s) > maxKept {
		return strings.ToValidUTF8(s[:maxKept], "") + "…"
	}
	return strings.Clone(s)
}

// A write is a request with an unsafe method, as it is remembered.
type write struct {
	target  uint64
	at      int64         // nanoseconds
	took    time.Duration // -1 if not known
	who     principal
	method  string
	status  int
	ifMatch string
	etag    string // of what it made
	size    int64  // of the request's content; -1 if not known
	node    string
	created bool // with If-None-Match: *
	gone    bool // the client had gone before it got the answer
	file    string
	line    int64
	before  int64 // number of the write to the same target before it
}

// writeOf makes a write of an entry.
func writeOf(e *accesslog.Entry, target uint64) write {
	w := write{
		target: target, who: principalOf(e), method: methodName(e.Text(accesslog.Method)), status: e.Status(),
		ifMatch: keep(e.Text(accesslog.IfMatch)), etag: keep(madeTag(e)), size: sizeOf(e), node: keep(nodeOf(e)),
		created: strings.TrimSpace(e.Text(accesslog.IfNoneMatch)) == "*", file: e.File().Name(), line: e.Line(),
	}
	w.at, _ = e.UnixNano()
	w.took, w.gone = durationOf(e), e.ClientGone()
	return w
}

// madeTag is the tag of what a write made.
func madeTag(e *accesslog.Entry) string {
	if e.State(accesslog.NewETag) != accesslog.NotLogged {
		return e.Text(accesslog.NewETag)
	}
	return e.Text(accesslog.ETag)
}

// sizeOf is the size of the request, to compare with that of another one of the same
// log; -1 if it is not known.
func sizeOf(e *accesslog.Entry) int64 {
	for _, f := range [...]accesslog.Field{accesslog.ContentLength, accesslog.ObjectSize, accesslog.BytesReceived} {
		if n, ok := e.Int(f); ok {
			return n
		}
	}
	return -1
}

// durationOf is how long the request took; -1 if that is not known.
func durationOf(e *accesslog.Entry) time.Duration {
	if d, known := e.Duration(); known {
		return d
	}
	return -1
}

// nodeOf is the machine that answered: the server behind, if the log names one, or else the one
// that wrote the log. Of several servers that were tried it is the last.
func nodeOf(e *accesslog.Entry) string {
	if e.State(accesslog.Upstream) != accesslog.Present {
		return e.Text(accesslog.Node)
	}
	up := e.Text(accesslog.Upstream)
	if i := strings.LastIndexAny(up, ", "); i >= 0 {
		up = up[i+1:]
	}
	return up
}

// targetOf is a number for the resource: host, path and query. h is the hash of the path.
func targetOf(e *accesslog.Entry, h uint64) uint64 {
	if q := queryOf(e.Text(accesslog.Query)); q != "" {
		h = mix(h, hash(q))
	}
	return withHost(e, h)
}

// queryOf is a query without what says by whom and how a resource is asked for, as signatures do: see sign.OfResource.
func queryOf(q string) string {
	for i := 0; i < len(q); i++ { // once, and not for each of the marks: every GET comes here
		switch before := q[:i]; q[i] {
		case '=':
			if strings.HasSuffix(before, "x-id") || strings.HasSuffix(before, "sig") || strings.HasSuffix(before, "comp") {
				return withoutOperation(q)
			}
		case '-':
			if strings.HasSuffix(before, "X-Amz") || strings.HasSuffix(before, "X-Goog") {
				return withoutOperation(q)
			}
		}
	}
	return q
}

func withoutOperation(q string) string {
	_, q, _ = strings.Cut(sign.OfResource("?"+q), "?")
	return q
}

// withHost adds the host of e, if its log has that, to a hash.
func withHost(e *accesslog.Entry, h uint64) uint64 {
	host := e.Text(accesslog.Host)
	if host == "" {
		host = e.File().Site()
	}
	if host != "" {
		return mix(h, hash(host))
	}
	return h
}

// methodName returns a method without the memory of its entry.
func methodName(m string) string {
	switch m {
	case "PUT":
		return "PUT"
	case "DELETE":
		return "DELETE"
	case "PATCH":
		return "PATCH"
	case "POST":
		return "POST"
	case "LOCK":
		return "LOCK"
	case "MOVE":
		return "MOVE"
	}
	return keep(m)
}

// changes reports whether the write changed the content of its target.
func (w *write) changes() bool {
	return w.done() && !method.Annotates(w.method)
}

// removes reports whether the target was gone after it.
func (w *write) removes() bool { return w.done() && (w.method == "DELETE" || w.method == "MOVE") }

// done reports whether the write was answered with success.
func (w *write) done() bool { return w.status >= 200 && w.status < 300 }

// unknown reports whether it is not known what became of the write: the client had gone, or
// something in between gave up.
func (w *write) unknown() bool {
	return w.status == 0 || w.status == 408 || w.status == 499 || w.status >= 500
}

// A history has the last writes, in the order in which they came.
type history struct {
	ring []write
	next int64 // number of the next write, from 1; its place is number modulo maxWrites
	last map[uint64]int64
}

func newHistory() *history { return &history{next: 1, last: map[uint64]int64{}} }

// add remembers w and forgets the write that came maxWrites before it.
func (h *history) add(w write) {
	if h.ring == nil {
		h.ring = make([]write, maxWrites)
	}
	place := &h.ring[h.next%maxWrites]
	if h.last[place.target] == h.next-maxWrites {
		delete(h.last, place.target)
	}
	w.before = h.last[w.target]
	h.last[w.target] = h.next
	*place = w
	h.next++
}

// of yields the writes to a target, the last first, at most maxLook.
func (h *history) of(target uint64) func(yield func(*write) bool) {
	return func(yield func(*write) bool) {
		n := h.last[target]
		for range maxLook {
			if n <= max(0, h.next-maxWrites-1) {
				return
			}
			w := &h.ring[n%maxWrites]
			if w.target != target || !yield(w) {
				return
			}
			n = w.before
		}
	}
}

// lastChange is when the content of a target was last changed, as far as is remembered.
func (h *history) lastChange(target uint64) (at int64, ok bool) {
	for w := range h.of(target) {
		if w.changes() {
			return w.at, true
		}
	}
	return 0, false
}

// ago is the time from w to a later one.
func (w *write) ago(at int64) time.Duration { return time.Duration(at - w.at) }
