package guard

import (
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// upload is the content of a write. A nil upload is none.
type upload struct {
	content *spool
	source  *source
}

// source is the content of a request as it arrives from the client.
type source struct {
	io.Reader
	client  *http.Request // whose content it is
	control *http.ResponseController
	timeout time.Duration

	mu    sync.Mutex
	err   error // what ended it, io.EOF for its end
	ended bool  // the connection may be another request's by now
}

// Read bounds each wait for more.
func (s *source) Read(p []byte) (int, error) {
	s.setDeadline(s.timeout)
	n, err := s.Reader.Read(p)
	if err == io.EOF {
		s.setDeadline(0)
		if !isTrailer(s.client.Trailer) {
			err = errMalformedTrailer
		}
	}
	if err != nil {
		s.mu.Lock()
		s.err = err
		s.mu.Unlock()
	}
	return n, err
}

// failure is what ended the content, if not its end.
func (s *source) failure() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == io.EOF {
		return nil
	}
	return s.err
}

// end leaves the connection alone from now on: a transport may still want to read when
// the request has been answered.
func (s *source) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
}

// setDeadline sets the deadline of reading, or none for 0. A connection that
// cannot do that has no deadline.
func (s *source) setDeadline(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	var at time.Time
	if d > 0 {
		at = time.Now().Add(d)
	}
	_ = s.control.SetReadDeadline(at)
}

// unfitContent says why the content of the request is not accepted, as far as its
// fields tell.
func (x *exchange) unfitContent() *condhttp.Problem {
	switch {
	case x.r.Method == http.MethodPut && len(x.r.Header["Content-Range"]) > 0:
		return condhttp.NewProblem(http.StatusBadRequest, "partial-content",
			"the request has a Content-Range, and a server that does not know it would store the part in the place of the whole (RFC 9110 §14.5)",
			"send the whole content without Content-Range")
	case x.route.MaxBody >= 0 && x.r.ContentLength > x.route.MaxBody:
		return condhttp.ContentTooLarge(x.route.MaxBody)
	}
	return nil
}

// passContent sends a request on with its content as that arrives. If it ends early, that is the client's doing and
// not the backend's.
func (x *exchange) passContent(out *http.Request) answer {
	if out.Body != nil {
		out.Body = &trailedBody{x.sourceOf(out), x.sent, out.Trailer}
	}
	res, err := x.send(out)
	switch {
	case err == nil:
		return passed{res}
	case x.source != nil && x.source.failure() != nil:
		x.err = x.source.failure()
		return refusal((&upload{source: x.source}).problem(nothingChanged))
	}
	return failed{err}
}

// receive reads the content of a request before anything is sent to the backend,
// as far as there is room. So a cut upload changes nothing: there is an answer instead.
func (x *exchange) receive(out *http.Request) (*upload, answer) {
	if out.Body == nil {
		return nil, nil
	}
	s := x.sourceOf(out)
	if x.route.MaxBody >= 0 {
		s.Reader = http.MaxBytesReader(x.w.ResponseWriter, out.Body, x.route.MaxBody)
	}
	up := &upload{content: x.newSpool(), source: s}
	err := up.content.fill(s, out.ContentLength)
	switch {
	case s.failure() != nil:
		x.err = s.failure()
		return nil, refusal(up.problem(nothingChanged))
	case err != nil:
		return nil, failed{err}
	}
	return up, nil
}

// sourceOf begins to read the content of a request.
func (x *exchange) sourceOf(out *http.Request) *source {
	x.source = &source{Reader: out.Body, client: x.sent, control: http.NewResponseController(x.w), timeout: x.route.Timeouts.Content}
	x.onEnd(x.source.end)
	return x.source
}

// attach makes the upload the content of a request.
func (u *upload) attach(request, client *http.Request) {
	request.TransferEncoding = nil // a length that is known is told: not every backend takes chunks
	if u == nil {
		request.Body, request.ContentLength = nil, 0
		return
	}
	// The fields are there once the content has been read; without a length there is
	// a place for them.
	request.Trailer = trailerOf(client)
	if request.Trailer != nil {
		request.ContentLength = -1
	}
	if !u.content.whole {
		request.Body = &trailedBody{io.MultiReader(u.content.reader(), u.source), client, request.Trailer}
		return
	}
	if request.Trailer == nil {
		request.ContentLength = u.content.size
		if u.content.size == 0 {
			request.Body = http.NoBody
			return
		}
	}
	request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(u.content.reader()), nil }
	request.Body, _ = request.GetBody()
}

// is reports whether the content is, byte for byte, that of h.
func (u *upload) is(h *held) bool {
	return u != nil && u.content.whole && h.exists && !h.content.IsZero() && u.content.digest == h.digest
}

func (u *upload) err() error { return u.source.failure() }

// What a problem says of the outcome when content ended early.
const (
	nothingChanged = "nothing was changed"
	partSent       = "a part of it had been sent on: it may or may not have changed something"
)

// problem is what the client is told of content that ended early.
func (u *upload) problem(outcome string) *condhttp.Problem {
	return condhttp.ContentUnread(u.err(), outcome)
}

// boundRest bounds how long net/http waits for the rest of content that was not read: it
// wants to have a little of it before it sends an answer, so as to use the connection again.
func (x *exchange) boundRest() {
	if x.r.ContentLength == 0 || x.source != nil && x.source.wholly() {
		return
	}
	if x.source != nil && x.source.failure() != nil {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Unix(1, 0)) // it has waited enough
		return
	}
	if x.route != nil && x.route.Timeouts.Content > 0 {
		_ = http.NewResponseController(x.w).SetReadDeadline(time.Now().Add(x.route.Timeouts.Content))
	}
}

// wholly reports whether the content was read to its end.
func (s *source) wholly() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err == io.EOF
}
