package lane

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	// together is up to how many bytes of an answer leave in one piece. Above it the beginning goes
	// first.
	together = 32 << 10
	// early is how many bytes are held back while more may come.
	early = 4 << 10
	// beforeChunking is how many bytes of content net/http looks at before it decides on its length
	// and type.
	beforeChunking = 2 << 10
)

// response is the response writer of one request. As with net/http's, its methods are called by one
// goroutine at a time.
type response struct {
	conn   *conn
	r      *http.Request
	header http.Header // the handler's
	out    []byte      // what is to be written to the connection

	status  int // 0 until the header section is said
	length  int64
	written int64
	// sealed is the header section as it was said, for as long as it has not been rendered.
	sealed   http.Header
	rendered bool
	done     bool // the handler has returned
	chunking bool
	trailers []string
	// close says that the connection ends with this answer.
	close bool
	// waiting is the content that decides on its own length and type; nil if what the header
	// section says is enough.
	waiting *bufio.Writer
	err     error // of the connection
}

var (
	outs     = sync.Pool{New: func() any { b := make([]byte, 0, together+early); return &b }}
	waitings = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, beforeChunking) }}
)

// Header is for [http.ResponseWriter].
func (w *response) Header() http.Header { return w.header }

// WriteHeader is for [http.ResponseWriter].
func (w *response) WriteHeader(status int) {
	switch {
	case w.status != 0:
		w.conn.logf("http: superfluous response.WriteHeader call")
		return
	case status < 100 || status > 999:
		panic(fmt.Sprintf("invalid WriteHeader code %v", status))
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.inform(status)
		return
	}
	w.status, w.length = status, -1
	if said := first(w.header, "Content-Length"); said != "" {
		if n, err := strconv.ParseInt(said, 10, 64); err == nil && n >= 0 {
			w.length = n
		} else {
			w.conn.logf("http: invalid Content-Length of %q", said)
			w.sealed = w.header.Clone() // net/http has kept it, and sends it
			w.header.Del("Content-Length")
		}
	}
	if w.isSettled() {
		w.render(w.header, nil)
		return
	}
	if w.sealed == nil {
		w.sealed = w.header.Clone()
	}
	w.waiting = waitings.Get().(*bufio.Writer)
	w.waiting.Reset((*content)(w))
}

// inform sends an interim answer (RFC 9110 §15.2).
func (w *response) inform(status int) {
	w.out = appendStatusLine(w.out, status)
	w.out = appendFields(w.out, w.header, map[string]bool{"Content-Length": true, "Transfer-Encoding": true})
	w.out = append(w.out, "\r\n"...)
	_ = w.send()
}

// isSettled reports whether the header section says all that there is to say, whatever the content
// will be.
func (w *response) isSettled() bool {
	h := w.header
	if len(h["Transfer-Encoding"]) > 0 || len(h["Trailer"]) > 0 || w.sealed != nil {
		return false
	}
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return false
		}
	}
	if !allowsContent(w.status) {
		return true
	}
	_, typed := h["Content-Type"]
	return w.length >= 0 && (typed || h.Get("Content-Encoding") != "")
}

// render writes the header section h. Of the fields that it lacks, content, the first that there
// is, may decide. It decides as net/http does, in the same order.
func (w *response) render(h http.Header, content []byte) {
	w.rendered = true
	x := extra{of: h}
	hasTrailers := w.waiting != nil && w.announceTrailers(&x)
	coding := first(h, "Transfer-Encoding")
	_, hasLength := h["Content-Length"]
	mayHaveLength := w.done && !hasTrailers && coding == "" && !hasLength && allowsContent(w.status)
	if mayHaveLength && (len(content) > 0 || w.r.Method != http.MethodHead) {
		w.length = int64(len(content))
		x.length, x.hasLength = w.length, true
	}
	w.close = w.close || w.r.Close || first(h, "Connection") == "close" || w.conn.lane.draining.Load()
	if !allowsContent(w.status) {
		x.drop(suppressed(w.status)...)
	} else if _, typed := h["Content-Type"]; !typed && h.Get("Content-Encoding") == "" && coding == "" && len(content) > 0 {
		x.contentType = http.DetectContentType(content)
	}
	w.frame(&x, coding)
	if w.close && (w.conn.lane.draining.Load() || !httpguts.HeaderValuesContainsToken([]string{first(h, "Connection")}, "close")) {
		x.drop("Connection")
		x.close = true
	}
	w.out = appendStatusLine(w.out, w.status)
	w.out = x.append(appendFields(w.out, h, x.without))
}

// frame decides how the client sees where the content ends (RFC 9112 §6.3).
func (w *response) frame(x *extra, coding string) {
	knowsLength := w.length != -1
	if knowsLength && coding != "" && coding != "identity" {
		w.conn.logf("http: WriteHeader called with both Transfer-Encoding of %q and a Content-Length of %d", coding, w.length)
		x.drop("Content-Length")
		knowsLength = false
	}
	switch {
	case w.r.Method == http.MethodHead || !allowsContent(w.status) || knowsLength:
		x.drop("Transfer-Encoding")
	case coding == "identity":
		w.close = true
		x.drop("Transfer-Encoding")
	default:
		w.chunking, x.chunked = true, true
		x.drop("Content-Length")
		if coding == "chunked" {
			x.drop("Transfer-Encoding")
		}
	}
}

// announceTrailers notes which fields come after the content, and reports whether there are any
// (RFC 9110 §6.5).
func (w *response) announceTrailers(x *extra) (any bool) {
	for name := range x.of {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			x.drop(name)
			any = true
		}
	}
	for _, list := range x.of["Trailer"] {
		any = true
		for name := range strings.SplitSeq(list, ",") {
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); name != "" && httpguts.ValidTrailerHeader(name) {
				w.trailers = append(w.trailers, name)
			}
		}
	}
	return any
}

// Write is for [http.ResponseWriter].
func (w *response) Write(p []byte) (int, error) {
	if goesOn, err := w.admit(len(p)); !goesOn {
		return 0, err
	}
	if w.waiting != nil {
		return w.waiting.Write(p)
	}
	return w.put(p)
}

// WriteString is for [io.StringWriter]. Chunks have other sizes than with Write.
func (w *response) WriteString(s string) (int, error) {
	if goesOn, err := w.admit(len(s)); !goesOn {
		return 0, err
	}
	if w.waiting != nil {
		return w.waiting.WriteString(s)
	}
	return w.put([]byte(s))
}

// admit counts n more bytes of content, and reports whether they are to be written.
func (w *response) admit(n int) (bool, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	switch {
	case n == 0:
		return false, nil
	case !allowsContent(w.status):
		return false, http.ErrBodyNotAllowed
	}
	if w.written += int64(n); w.length != -1 && w.written > w.length {
		return false, http.ErrContentLength
	}
	return true, nil
}

// content is a response whose header section waits for the first of its content.
type content response

// Write takes a part of the content: with chunking, a chunk.
func (c *content) Write(p []byte) (int, error) {
	w := (*response)(c)
	if !w.rendered {
		w.render(w.sealed, p)
	}
	if !w.chunking || w.r.Method == http.MethodHead {
		return w.put(p)
	}
	w.out = strconv.AppendInt(w.out, int64(len(p)), 16)
	w.out = append(w.out, "\r\n"...)
	n, err := w.put(p)
	w.out = append(w.out, "\r\n"...)
	return n, err
}

// put has p sent, soon.
func (w *response) put(p []byte) (int, error) {
	switch {
	case w.err != nil:
		return 0, w.err
	case w.r.Method == http.MethodHead:
		return len(p), nil
	case len(w.out)+len(p) <= together:
		if w.out = append(w.out, p...); len(w.out) < early {
			return len(p), nil
		}
		if err := w.send(); err != nil {
			return 0, err
		}
		return len(p), nil
	}
	if err := w.send(); err != nil {
		return 0, err
	}
	n, err := w.conn.Write(p)
	w.err = err
	return n, err
}

// ReadFrom is for [io.ReaderFrom]: what is long is copied by the operating system, if it can.
func (w *response) ReadFrom(src io.Reader) (n int64, err error) {
	buf := copies.Get().(*[]byte)
	defer copies.Put(buf)
	if !w.rendered { // net/http first copies so much as to know the type, and that ends a chunk
		n, err = io.CopyBuffer(struct{ io.Writer }{w}, io.LimitReader(src, sniffed), *buf)
		if err != nil || n < sniffed {
			return n, err
		}
	}
	if w.waiting != nil {
		err = w.waiting.Flush()
	}
	var more int64
	if to := w.copier(); to != nil && err == nil {
		more, err = to.ReadFrom(src)
		w.written += more
		w.close = w.close || err != nil // it may be the connection's
	} else if err == nil {
		more, err = io.CopyBuffer(struct{ io.Writer }{w}, src, *buf)
	}
	return n + more, err
}

// sniffed is how many bytes net/http looks at to tell a type.
const sniffed = 512

var copies = sync.Pool{New: func() any { b := make([]byte, together); return &b }}

// copier returns what the rest of the content may be copied to, past us, if that is worth it.
func (w *response) copier() io.ReaderFrom {
	to, ok := w.conn.Conn.(io.ReaderFrom)
	if !ok || w.chunking || w.r.Method == http.MethodHead || !allowsContent(w.status) || w.length-w.written <= together || w.send() != nil {
		return nil
	}
	return to
}

// FlushError is for [http.ResponseController].
func (w *response) FlushError() error {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	var err error
	if w.waiting != nil {
		err = w.waiting.Flush()
		if !w.rendered {
			w.render(w.sealed, nil)
		}
	}
	return errors.Join(err, w.send())
}

// Flush is FlushError for those who look for an [http.Flusher].
func (w *response) Flush() { _ = w.FlushError() }

// SetReadDeadline is for [http.ResponseController].
func (w *response) SetReadDeadline(t time.Time) error { return w.conn.SetReadDeadline(t) }

// SetWriteDeadline is for [http.ResponseController].
func (w *response) SetWriteDeadline(t time.Time) error { return w.conn.SetWriteDeadline(t) }

// EnableFullDuplex is for [http.ResponseController]. There is no content that could be read
// meanwhile.
func (w *response) EnableFullDuplex() error { return nil }

// finish sends what there is after the handler has returned, and reports whether the connection
// goes on.
func (w *response) finish() bool {
	w.done = true
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if w.waiting != nil {
		_ = w.waiting.Flush()
		if !w.rendered {
			w.render(w.sealed, nil)
		}
		waitings.Put(w.waiting)
		w.waiting = nil
	}
	if w.chunking {
		w.out = append(w.out, "0\r\n"...)
		w.out = append(appendFields(w.out, w.finalTrailers(), nil), "\r\n"...)
	}
	whole := w.r.Method == http.MethodHead || w.length == -1 || !allowsContent(w.status) || w.length == w.written
	return w.send() == nil && whole && !w.close
}

func (w *response) finalTrailers() http.Header {
	var t http.Header
	for name, values := range w.header {
		if trailer, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			if t == nil {
				t = make(http.Header)
			}
			t[trailer] = values
		}
	}
	for _, name := range w.trailers {
		if t == nil {
			t = make(http.Header)
		}
		for _, value := range w.header[name] {
			t.Add(name, value)
		}
	}
	return t
}

// send writes what is held back.
func (w *response) send() error {
	if len(w.out) > 0 && w.err == nil {
		_, w.err = w.conn.Write(w.out)
	}
	w.out = w.out[:0]
	return w.err
}

// ordinary is up to how many fields are written without the sorter of net/http.
const ordinary = 24

// appendFields appends the lines of h, but for the fields without, as [http.Header.WriteSubset]
// writes them.
func appendFields(b []byte, h http.Header, without map[string]bool) []byte {
	var room [ordinary]string
	names := room[:0]
	if len(h) > len(room) {
		var lines bytes.Buffer
		_ = h.WriteSubset(&lines, without)
		return append(b, lines.Bytes()...)
	}
	for name := range h {
		if !without[name] {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if !httpguts.ValidHeaderFieldName(name) {
			continue
		}
		for _, value := range h[name] {
			if strings.ContainsAny(value, "\r\n") {
				value = newlineToSpace.Replace(value)
			}
			b = append(append(b, name...), ": "...)
			b = append(append(b, textproto.TrimString(value)...), "\r\n"...)
		}
	}
	return b
}

var newlineToSpace = strings.NewReplacer("\n", " ", "\r", " ")

// extra is what a server changes about a header section.
type extra struct {
	of          http.Header
	without     map[string]bool // fields that are not sent
	hasLength   bool
	length      int64
	contentType string
	close       bool
	chunked     bool
}

// drop leaves fields out.
func (x *extra) drop(names ...string) {
	for _, name := range names {
		if _, ok := x.of[name]; !ok {
			continue
		}
		if x.without == nil {
			x.without = make(map[string]bool)
		}
		x.without[name] = true
	}
}

// append appends what the server adds, in the order of net/http, and the end of the header section.
func (x *extra) append(b []byte) []byte {
	if _, dated := x.of["Date"]; !dated {
		b = append(b, "Date: "...)
		b = time.Now().UTC().AppendFormat(b, http.TimeFormat)
		b = append(b, "\r\n"...)
	}
	if x.hasLength {
		b = append(b, "Content-Length: "...)
		b = strconv.AppendInt(b, x.length, 10)
		b = append(b, "\r\n"...)
	}
	if x.contentType != "" {
		b = append(append(append(b, "Content-Type: "...), x.contentType...), "\r\n"...)
	}
	if x.close {
		b = append(b, "Connection: close\r\n"...)
	}
	if x.chunked {
		b = append(b, "Transfer-Encoding: chunked\r\n"...)
	}
	return append(b, "\r\n"...)
}

func appendStatusLine(b []byte, status int) []byte {
	b = append(b, "HTTP/1.1 "...)
	text := http.StatusText(status)
	if text == "" {
		return fmt.Appendf(b, "%03d status code %d\r\n", status, status)
	}
	b = append(strconv.AppendInt(b, int64(status), 10), ' ')
	return append(append(b, text...), "\r\n"...)
}

// allowsContent reports whether an answer of this status has content (RFC 9110 §6.4.1).
func allowsContent(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// suppressed are the fields that net/http sends with no answer of this status, which has no content.
func suppressed(status int) []string {
	if status == http.StatusNotModified {
		return []string{"Content-Type", "Content-Length", "Transfer-Encoding"} // RFC 9110 §15.4.5
	}
	return []string{"Content-Length", "Transfer-Encoding"}
}

func first(h http.Header, name string) string {
	if v := h[name]; len(v) > 0 {
		return v[0]
	}
	return ""
}
