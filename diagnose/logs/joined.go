package logs

import (
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// This file finds caches that ask for the whole without the client's condition: from the log of the cache
// alone, and from that of the cache and that of the server behind it.

// maxJoined bounds the requests that are looked for in the logs of two servers.
const maxJoined = 4096

// A joined request is one that has an identifier, as each of the first two logs has it.
type joined struct {
	sides [2]side
	// odd is set if a log has it twice, or more than two logs have it: a client may use an identifier again.
	odd bool
}

// A side is what one log says of a request. The zero side is none.
type side struct {
	file        *accesslog.File
	line        int64
	status      int
	conditional bool
	// front has the line if it is that of a cache that had nothing stored for a conditional request.
	front *instance
}

// join notes a GET that the log of another server may have too.
func (w *worker) join(e *accesslog.Entry, hp uint64) {
	id := e.Text(accesslog.RequestID)
	if id == "" || e.State(accesslog.IfNoneMatch) == accesslog.NotLogged {
		return
	}
	key := mix(hash(id), hp)
	if !w.joined.sees(key) {
		return
	}
	j, _ := w.joined.at(key)
	if j == nil {
		return
	}
	inm := e.State(accesslog.IfNoneMatch) == accesslog.Present
	s := side{file: e.File(), line: e.Line(), status: e.Status(), conditional: inm || e.State(accesslog.IfModifiedSince) == accesslog.Present}
	if inm && missed(e) {
		i := instanceOf(e)
		i.evidence = facts(e, accesslog.IfNoneMatch, accesslog.Cache, accesslog.Status)
		s.front = &i
	}
	j.add(s)
}

// missed reports whether the log says that a cache had nothing stored.
func missed(e *accesslog.Entry) bool {
	return strings.Contains(strings.ToLower(e.Text(accesslog.Cache)), "miss")
}

func (j *joined) add(s side) {
	switch {
	case j.sides[0].file == nil:
		j.sides[0] = s
	case j.sides[0].file == s.file, j.sides[1].file != nil:
		j.odd = true
	default:
		j.sides[1] = s
	}
}

func joinJoined(into, from *joined) {
	into.odd = into.odd || from.odd
	for _, s := range from.sides {
		if s.file != nil {
			into.add(s)
		}
	}
}

// judgeJoined looks for requests that reached a cache with If-None-Match, and the server behind it without.
func (w *worker) judgeJoined() {
	if w.joined == nil {
		return
	}
	var list []instance
	for _, j := range w.joined.values {
		if i, ok := j.dropped(); ok {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b instance) int { return a.before(&b) })
	for _, i := range list {
		w.found.addInstances(w.joined.scale(), i)
	}
}

// joinedScale is of how many requests one was looked for in two logs.
func (w *worker) joinedScale() int64 {
	if w.joined == nil {
		return 1
	}
	return w.joined.scale()
}

// dropped reports whether a cache left out the condition because it had nothing stored.
func (j *joined) dropped() (instance, bool) {
	if j.odd || j.sides[1].file == nil || j.sides[0].conditional == j.sides[1].conditional {
		return instance{}, false
	}
	front, back := &j.sides[0], &j.sides[1]
	if back.conditional {
		front, back = back, front
	}
	if front.front == nil || back.status != 200 {
		return instance{}, false
	}
	i := *front.front
	i.rule, i.confidence = "cdn-miss-drops-conditional", certain
	i.says = "the cache had nothing stored, and asked the server behind for the whole, without the condition that the client had sent"
	i.evidence = append(i.evidence, diagnose.Fact{Name: "the request behind", Value: "If-None-Match absent, answered 200",
		Source: place(back.file.Name(), back.line)})
	return i, true
}

// missDropped looks at a 304 with this tag among those the client named. If a cache that had nothing stored
// sent it, and got a 200 from the server behind, it had not asked with If-None-Match.
func (w *worker) missDropped(e *accesslog.Entry) {
	if e.Text(accesslog.UpstreamStatus) != "200" || !missed(e) || value(e, accesslog.IfNoneMatch) == "*" {
		return
	}
	w.found.add("cdn-miss-drops-conditional", likely, e, func(f *finding) {
		f.says = "the client has the current version, and the server behind sent it to the cache all the same: the cache had nothing stored, and asked without If-None-Match"
		f.evidence = facts(e, accesslog.IfNoneMatch, accesslog.ETag, accesslog.Cache, accesslog.UpstreamStatus, accesslog.Status)
	})
}
