package condhttp

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"sync"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// tagState is how far a response has come.
type tagState uint8

const (
	// waiting: there is no header yet.
	waiting tagState = iota
	// holding: the header of a 200 is known; it and the content are held back.
	holding
	// passing: the header has gone out, and content follows as it is written.
	passing
	// dropping: the response is complete, and what the handler still writes is
	// thrown away.
	dropping
)

// tagWriter is the ResponseWriter that a handler inside a Tagger writes to.
type tagWriter struct {
	w       http.ResponseWriter
	r       *http.Request // as the client has sent it
	checker Checker
	max     int
	head    bool               // the client wants no content
	judge   bool               // preconditions were kept from the handler
	cancel  context.CancelFunc // tells the handler to stop

	state    tagState
	own      etag.Tag    // the handler's, or zero
	header   http.Header // as it was when the header of a 200 was written
	declared int64       // Content-Length by the handler, or -1
	buf      *bytes.Buffer
	dropped  int
}

// buffers holds those that are small enough to keep.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// keepBuffer bounds in bytes a buffer that is kept for other responses.
const keepBuffer = 64 << 10

func (t *tagWriter) Header() http.Header { return t.w.Header() }

func (t *tagWriter) WriteHeader(status int) {
	switch {
	case t.state == passing: // a second header, which net/http tells of in its log
		t.w.WriteHeader(status)
	case t.state != waiting:
	case isInformational(status):
		t.w.WriteHeader(status)
	case status == http.StatusOK:
		t.begin()
	default:
		t.pass(status)
	}
}

// begin takes the header of a 200.
func (t *tagWriter) begin() {
	h := t.Header()
	tag, ok := ownTag(h)
	if !ok || !mayTag(h) || !t.declare(h) {
		t.untagged()
		return
	}
	t.own = tag
	if t.own.IsZero() || t.answerOwn() {
		t.hold()
	}
}

// ownTag is the ETag that a handler has set, or zero. ok is false if it is
// malformed.
func ownTag(h http.Header) (tag etag.Tag, ok bool) {
	lines := h["Etag"]
	if len(lines) == 0 {
		return etag.Tag{}, true
	}
	tag, err := etag.Parse(lines[0])
	return tag, err == nil && len(lines) == 1
}

// declare takes note of a Content-Length. It reports whether content of that
// length can be held back.
func (t *tagWriter) declare(h http.Header) bool {
	lines := h["Content-Length"]
	if len(lines) == 0 {
		return true
	}
	n, err := strconv.ParseInt(lines[0], 10, 64)
	t.declared = n
	return err == nil && len(lines) == 1 && 0 <= n && (n <= int64(t.max) || len(h["Etag"]) > 0)
}

// answerOwn answers by the handler's own tag, as far as can be done before there is
// content. It reports whether the content is to be held back: for a range
// of it, or, on HEAD, for its length.
func (t *tagWriter) answerOwn() bool {
	d, current := t.checker.decide(t.r, currentOf(t.Header(), t.own))
	if !t.checker.permit(t.w, t.r, d, current) {
		t.state = dropping
		return false
	}
	if (t.head || d.Range == precondition.RangeApplies) && t.declared <= int64(t.max) {
		return true
	}
	t.pass(http.StatusOK)
	return false
}

// hold keeps the header, and a place for the content.
func (t *tagWriter) hold() {
	t.state = holding
	t.header = t.Header().Clone()
	t.buf = buffers.Get().(*bytes.Buffer)
	t.buf.Reset()
	t.buf.Grow(int(max(0, min(t.declared, int64(t.max)))))
}

// untagged sends a 200 that has no tag of ours, with what is held back of it.
// Preconditions that the handler has not seen are evaluated now.
func (t *tagWriter) untagged() {
	if t.state == holding {
		// What it has become since may hold trailers.
		defer maps.Copy(t.Header(), t.Header().Clone())
		t.restore()
	}
	if t.judge {
		tag, _ := ownTag(t.Header())
		d, current := t.checker.decide(t.r, currentOf(t.Header(), tag))
		if !t.checker.permit(t.w, t.r, d, current) {
			t.state = dropping
			t.release()
			return
		}
	}
	t.pass(http.StatusOK)
}

// restore makes the header what it was when the handler wrote it: what the
// handler does to it afterwards has no effect, as with package net/http.
func (t *tagWriter) restore() {
	h := t.Header()
	clear(h)
	maps.Copy(h, t.header)
}

// pass sends the header, and from now on all content as it comes.
func (t *tagWriter) pass(status int) {
	t.state = passing
	if t.head {
		t.state = dropping
	}
	t.w.WriteHeader(status)
	if t.buf != nil && t.buf.Len() > 0 && t.state == passing {
		// The next Write meets the same error.
		_, _ = t.w.Write(t.buf.Bytes())
	}
	t.release()
}

func (t *tagWriter) release() {
	if t.buf != nil && t.buf.Cap() <= keepBuffer {
		buffers.Put(t.buf)
	}
	t.buf = nil
}

func (t *tagWriter) Write(p []byte) (int, error) {
	if t.prepare(len(p)) {
		return t.buf.Write(p)
	}
	if t.state == passing {
		return t.w.Write(p)
	}
	return t.drop(len(p))
}

// WriteString is for io.WriteString.
func (t *tagWriter) WriteString(s string) (int, error) {
	if t.prepare(len(s)) {
		return t.buf.WriteString(s)
	}
	if t.state == passing {
		return io.WriteString(t.w, s)
	}
	return t.drop(len(s))
}

// prepare makes ready for n more bytes, and reports whether they are to be held
// back.
func (t *tagWriter) prepare(n int) bool {
	if t.state == waiting {
		t.WriteHeader(http.StatusOK)
	}
	if t.state != holding {
		return false
	}
	total := int64(t.buf.Len()) + int64(n)
	if total <= int64(t.max) && (t.declared < 0 || total <= t.declared) {
		return true
	}
	t.untagged()
	return false
}

// drop takes n bytes that nobody wants. A handler that goes on for longer than
// could have been held back is told to stop.
func (t *tagWriter) drop(n int) (int, error) {
	if t.dropped += n; t.dropped > t.max {
		t.cancel()
		return 0, http.ErrBodyNotAllowed
	}
	return n, nil
}

// ReadFrom lets the operating system copy a file, if it can.
func (t *tagWriter) ReadFrom(src io.Reader) (int64, error) {
	if t.state == passing {
		return io.Copy(t.w, src)
	}
	return io.Copy(struct{ io.Writer }{t}, src)
}

func (t *tagWriter) Flush() { _ = t.FlushError() }

// FlushError is what http.ResponseController calls. A handler that flushes
// wants the client to see what there is, so that there is no waiting for a tag.
func (t *tagWriter) FlushError() error {
	if t.state == waiting {
		t.WriteHeader(http.StatusOK)
	}
	if t.state == holding {
		t.untagged()
	}
	err := http.NewResponseController(t.w).Flush()
	if t.head {
		t.cancel()
	}
	return err
}

func (t *tagWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if t.state == holding {
		t.untagged()
	}
	conn, buf, err := http.NewResponseController(t.w).Hijack()
	if err == nil {
		t.state = passing // any Write fails below
	}
	return conn, buf, err
}

// Unwrap is for http.ResponseController.
func (t *tagWriter) Unwrap() http.ResponseWriter { return t.w }

// finish completes the response after the handler has returned.
func (t *tagWriter) finish() {
	if t.state == waiting {
		t.WriteHeader(http.StatusOK)
	}
	if t.state != holding {
		return
	}
	if hasTrailers(t.Header()) || t.declared >= 0 && t.declared != int64(t.buf.Len()) {
		t.untagged()
		return
	}
	t.conclude()
}

// conclude tags the content that is held back, now that it is complete, and answers.
func (t *tagWriter) conclude() {
	t.restore()
	t.state = dropping
	tag := t.own
	if tag.IsZero() {
		tag = etag.Of(t.buf.Bytes())
	}
	d, current := t.checker.decide(t.r, currentOf(t.Header(), tag))
	if t.checker.permit(t.w, t.r, d, current) {
		validatorsOf(current).setOver(t.Header(), current.Now)
		t.checker.send(t.w, t.r, d, current, representation{bytes.NewReader(t.buf.Bytes()), int64(t.buf.Len())})
	}
	t.release()
}
