package guard

import (
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"sync"
	"sync/atomic"
)

// answerWriter says how long what is sent to the client is fresh, and counts it.
type answerWriter struct {
	http.ResponseWriter
	x      *exchange
	status int
	bytes  int64
	moved  atomic.Int64 // how often something was sent

	interim struct {
		sync.Mutex
		ended bool
	}
}

// passInterim passes on an interim response (RFC 9110 §15.2), from any goroutine. What is in the header already is for the
// answer alone.
func (w *answerWriter) passInterim(status int, fields textproto.MIMEHeader) error {
	w.interim.Lock()
	defer w.interim.Unlock()
	if w.interim.ended {
		return nil
	}
	h := w.Header()
	kept := maps.Clone(h)
	clear(h)
	maps.Copy(h, http.Header(fields))
	w.WriteHeader(status)
	clear(h)
	maps.Copy(h, kept)
	return nil
}

// endInterim has none passed on any more: the answer is about to be sent.
func (w *answerWriter) endInterim() {
	w.interim.Lock()
	defer w.interim.Unlock()
	w.interim.ended = true
}

// Unwrap is for [http.ResponseController].
func (w *answerWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *answerWriter) WriteHeader(status int) {
	if w.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		w.status = status
		w.x.setFreshness(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *answerWriter) Write(p []byte) (int, error) {
	n, err := w.ResponseWriter.Write(p)
	w.moved.Add(1)
	w.bytes += int64(n)
	return n, err
}

// ReadFrom lets the operating system copy files.
func (w *answerWriter) ReadFrom(r io.Reader) (int64, error) {
	n, err := io.Copy(w.ResponseWriter, r)
	w.bytes += n
	return n, err
}

// noCache is shared by all answers, to be read only.
var noCache = []string{"no-cache"}

// setFreshness sets the route's Cache-Control in the header of an answer to GET or HEAD that has none.
// Without one of the route's, what has a tag of ours is not to be used unasked: a browser would guess how
// long the content of a Last-Modified stays what it is, and could not write with the old tag (RFC 9111 §4.2.2).
func (x *exchange) setFreshness(h http.Header) {
	if x.route == nil || x.r.Method != http.MethodGet && x.r.Method != http.MethodHead || len(h["Cache-Control"]) > 0 {
		return
	}
	switch x.w.status {
	case http.StatusOK, http.StatusNotModified, http.StatusPartialContent:
	default:
		return
	}
	switch {
	case x.route.CacheControl == CacheControlOff:
	case x.route.CacheControl != "":
		h["Cache-Control"] = []string{x.route.CacheControl}
	case len(h["Etag"]) > 0 && len(h["Expires"]) == 0:
		h["Cache-Control"] = noCache
	}
}
