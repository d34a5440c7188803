// Package pace cuts off clients that have stalled, and only those: a deadline
// that moves on as long as content does.
//
// The timeouts of [http.Server] bound a whole request, so a limit that stops a client
// which has gone also stops one with a slow line and a large file. A [Handler] bounds the time without progress
// instead:
//
//	server := &http.Server{
//		Handler:           pace.New(next, time.Minute),
//		ReadHeaderTimeout: 10 * time.Second,
//		WriteTimeout:      time.Minute,
//	}
//
// WriteTimeout must be the handler's limit: the server arms the deadline with
// each request, and the handler only moves it. So a small answer costs a look at
// the clock and no system call, timer or allocation. ReadTimeout must be zero.
package pace

import (
	"io"
	"net/http"
	"sync"
	"time"
)

const (
	// minRead is how much of a request's content must arrive to count as
	// progress, so that a client cannot hold a connection for a byte a minute.
	minRead = 4 << 10
	// minWrite is how much of an answer is written between two looks at the
	// clock.
	minWrite = 16 << 10
	// chunk is how much is handed to the connection at once when content is copied
	// by the operating system. All of it must go within the limit.
	chunk = 256 << 10
	// slack is the part of the limit by which a deadline is let stand although
	// there was progress: moving it is not free.
	slack = 8
)

// Handler passes requests on and moves their deadlines.
type Handler struct {
	next  http.Handler
	limit time.Duration
	pool  sync.Pool // of *exchange
}

// New returns a handler that lets next run without content moving for limit. When
// the time is up, reading content fails with [os.ErrDeadlineExceeded], and
// writing fails.
func New(next http.Handler, limit time.Duration) *Handler {
	return &Handler{next: next, limit: limit, pool: sync.Pool{New: func() any { return new(exchange) }}}
}

// ServeHTTP passes r on to the next handler. The response writer given to that
// must not be used after it has returned.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := h.pool.Get().(*exchange)
	*x = exchange{ResponseWriter: w, limit: h.limit, wrote: time.Now()}
	switch {
	case r.ContentLength != 0:
		r = x.receive(r)
	case r.ProtoMajor >= 2:
		// There the server ends the exchange itself when the time is up, even if
		// nothing could be written yet.
		x.stopWrite()
	}
	h.next.ServeHTTP(x, r)
	x.begin() // an answer without header and content begins now
	// After a panic the exchange is left to the garbage collector.
	*x = exchange{}
	h.pool.Put(x)
}

// exchange is the response writer of one request.
type exchange struct {
	http.ResponseWriter
	limit time.Duration
	// wrote is when the deadline for writing was set last: the first time, by
	// the server, a little earlier. It is zero while there is none. read is the
	// same for reading.
	wrote, read time.Time
	// began says that the answer has begun.
	began bool
	// out and in are the bytes written and read since the last look at the clock.
	out, in int64
}

// receive makes the deadline for reading move with the content of r. There is
// none for writing until the answer begins: how long the client takes is told by the
// one for reading, and how long the handler takes is not the client's fault.
func (x *exchange) receive(r *http.Request) *http.Request {
	// The server looks at the type of the Body it made when it decides whether
	// content that was not read is worth waiting for. So that one stays.
	body := r.Body
	r = r.WithContext(r.Context())
	r.Body = &reader{body, x}
	x.moveRead(x.wrote)
	x.stopWrite()
	return r
}

// Unwrap is for [http.ResponseController].
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// begin gives the answer its time, however long the handler took to find it.
func (x *exchange) begin() {
	if !x.began {
		x.began = true
		x.progress()
	}
}

func (x *exchange) WriteHeader(status int) {
	if status >= http.StatusOK {
		x.begin()
	}
	x.ResponseWriter.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	x.begin()
	n, err := x.ResponseWriter.Write(p)
	x.sent(int64(n))
	return n, err
}

// ReadFrom lets the operating system copy, as far as the server can, a chunk at
// a time.
func (x *exchange) ReadFrom(src io.Reader) (n int64, err error) {
	x.begin()
	to, ok := x.ResponseWriter.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{x}, src)
	}
	return chunks(to, src, x.sent)
}

// chunks copies src a chunk at a time, and tells sent of each.
func chunks(to io.ReaderFrom, src io.Reader, sent func(int64)) (n int64, err error) {
	// A file inside two limits would not be recognised.
	limited, ok := src.(*io.LimitedReader)
	if !ok {
		limited = &io.LimitedReader{R: src, N: 1<<63 - 1}
	}
	for left := limited.N; left > 0; {
		limited.N = min(left, chunk)
		part, err := to.ReadFrom(limited)
		n, left = n+part, left-part
		ended := limited.N > 0 // src did not fill the chunk
		limited.N = left
		if err != nil || ended {
			return n, err
		}
		sent(part)
	}
	return n, nil
}

func (x *exchange) sent(n int64) {
	if x.out += n; x.out >= minWrite {
		x.out = 0
		x.progress()
	}
}

// progress moves the deadline for writing, unless that was done just now.
func (x *exchange) progress() {
	if now := time.Now(); now.Sub(x.wrote) >= x.limit/slack {
		x.moveWrite(now)
	}
}

// The errors that are ignored here are those of the connection, which reading
// and writing will tell.

// stopWrite ends the deadline for writing until the answer begins.
func (x *exchange) stopWrite() {
	x.wrote = time.Time{}
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(time.Time{})
}

func (x *exchange) moveWrite(now time.Time) {
	x.wrote = now
	_ = http.NewResponseController(x.ResponseWriter).SetWriteDeadline(now.Add(x.limit))
}

func (x *exchange) moveRead(now time.Time) {
	x.read = now
	_ = http.NewResponseController(x.ResponseWriter).SetReadDeadline(now.Add(x.limit))
}

// received notes that n bytes of content came. At its end the server itself ends
// the deadline.
func (x *exchange) received(n int) {
	if x.in += int64(n); x.in < minRead {
		return
	}
	x.in = 0
	if now := time.Now(); now.Sub(x.read) >= x.limit/slack {
		x.moveRead(now)
	}
}

// reader is the content of a request.
type reader struct {
	io.ReadCloser
	x *exchange
}

func (b *reader) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == nil {
		b.x.received(n)
	}
	return n, err
}
