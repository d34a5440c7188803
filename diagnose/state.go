package diagnose

import (
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
)

// stateBefore returns what is known of the resource at the time the preconditions were evaluated, and
// whether this exchange itself tells. Otherwise it is what the latest earlier one told.
//
// A 304 without validators tells only that there is a representation; an earlier response may
// tell more.
func (e *examination) stateBefore() (s State, witnessed bool) {
	s = e.ownState()
	if s.Known && (s.ETag != "" || s.LastModified != "" || e.status() != 304) {
		return s, true
	}
	if p := e.last((*examination).tells); p != nil && p.after.Known {
		return p.after, false
	}
	return s, s.Known
}

// tells reports whether the exchange leaves anything known, be it that the state
// that was known before is no longer the current one.
func (e *examination) tells() bool {
	return e.after.Known || e.writes() && e.succeeded()
}

// ownState is what the response tells of the state the request met.
//
// The validators of a 304, and of a response to GET and HEAD, are those of the selected
// representation (RFC 9110 §8.8); so are those of a 412, since nothing was changed. Those of the
// response to a write are of what it made.
func (e *examination) ownState() State {
	switch status := e.status(); {
	case e.x.Cache != "":
		return State{} // the client's cache tells what was current once
	case status == 412, status == 304, e.reads() && (status == 200 || status == 206):
		return e.responseState(e.reads() && status != 412)
	case status == 201 && e.method() == "PUT" && len(e.fields.IfMatch) == 0:
		// §9.3.4: 201 says that it was created. Beside If-Match that is what is to be doubted.
		return State{Known: true, Source: e.source()}
	case e.asksForIt() && (status == 404 || status == 410):
		return State{Known: true, Source: e.source()}
	}
	return State{}
}

// stateAfter is what the exchange tells of the state it left behind.
func (e *examination) stateAfter() State {
	switch status := e.status(); {
	case (e.method() == "DELETE" || e.method() == "MOVE") && e.succeeded() && status != 202:
		return State{Known: true, Source: e.source()}
	case (e.method() == "PUT" || e.method() == "PATCH") && (status == 200 || status == 201 || status == 204):
		return e.responseState(true)
	case e.reads(), status == 412, status == 404, status == 410:
		return e.ownState()
	}
	return State{}
}

// responseState reads the validators of the response. If there are none, the existence
// is known only if the response itself is proof of it.
func (e *examination) responseState(exists bool) State {
	s := State{ETag: firstLine(e.x.Response.Header, "ETag"), LastModified: firstLine(e.x.Response.Header, "Last-Modified")}
	source := e.source()
	if s.ETag == "" && !e.x.Response.Header.Has("ETag") {
		s.ETag, source = e.toldElsewhere(source)
	}
	if !exists && s.ETag == "" && s.LastModified == "" {
		return State{}
	}
	s.Known, s.Exists, s.Source, s.Facts = true, true, source, e.facts()
	return s
}

// toldElsewhere returns the current tag from what the server logged, or from the content of a refusal, and where it was read.
func (e *examination) toldElsewhere(source string) (tag, where string) {
	if e.x.Current != "" && len(e.x.Current) <= maxTag {
		return e.x.Current, "what the server logged"
	}
	if tag := e.toldTag(); tag != "" {
		return tag, "the content of " + source
	}
	return "", source
}

// firstLine is the value of the first line with the name; "" if it was cut, since then
// it must not be compared.
func firstLine(h capture.Header, name string) string {
	lines := h.Named(name)
	if len(lines) == 0 || lines[0].Cut || len(lines[0].Value) > maxTag {
		return ""
	}
	return lines[0].Value
}

func (e *examination) source() string {
	if e.alone {
		return "this response"
	}
	return e.place("response")
}

// facts is what the response tells of the representation that its tag is for.
func (e *examination) facts() etag.Facts {
	h := e.x.Response.Header
	f := etag.Facts{
		LastModified: parseDate(h.Get("Last-Modified")),
		Date:         parseDate(h.Get("Date")),
		Coding:       strings.ToLower(h.Get("Content-Encoding")),
		Server:       h.Get("Server"),
	}
	if f.Coding == "identity" {
		f.Coding = ""
	}
	if f.Coding == "" && e.reads() {
		f.Size, f.Content = e.representation()
	}
	return f
}

// representation returns the size of the representation in an uncoded response to a read, 0 if it is not
// known, and its data if they are there, complete and as sent.
func (e *examination) representation() (size int64, data []byte) {
	switch e.status() {
	case 200:
		size, _ = strconv.ParseInt(e.resp("Content-Length"), 10, 64)
		if c := e.x.Response.Content; e.method() == "GET" && c.Complete() {
			size, data = c.Len, c.Data
		}
	case 206:
		if r, err := byterange.ParseContentRange(e.resp("Content-Range")); err == nil {
			size = r.Size
		}
	}
	return max(size, 0), data
}
