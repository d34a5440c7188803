package pace

import (
	"io"
	"net/http"
	"time"
)

// Answers returns a handler for gateways: it cuts off clients that take nothing of
// an answer for limit, however long next waits for somebody else between two
// parts of it, as with server-sent events.
//
//	server := &http.Server{
//		Handler:           pace.Answers(next, time.Minute),
//		ReadHeaderTimeout: 10 * time.Second,
//	}
//
// WriteTimeout and ReadTimeout must be zero. How long the content of a request may
// take is for next to bound; what it has left unread is waited for a few seconds, so
// that the client has the answer before the connection is closed.
func Answers(next http.Handler, limit time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &answering{ResponseWriter: w, limit: limit, two: r.ProtoMajor >= 2, content: r.ContentLength != 0}
		next.ServeHTTP(a, r)
		a.receiveRest()
		a.arm() // for what the server still has in its buffers
	})
}

// answering is the response writer of one request.
type answering struct {
	http.ResponseWriter
	limit time.Duration
	// two says that the connection is of HTTP/2, where a deadline that passes
	// ends the exchange even if nothing is being written.
	two bool
	// content says that the request has content.
	content bool
	// armed is when the deadline was set last; zero if there is none.
	armed time.Time
}

// Unwrap is for [http.ResponseController].
func (a *answering) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// The errors of deadlines are those of the connection, which writing will tell.

// arm gives the client limit from now on, or a little less.
func (a *answering) arm() {
	if now := time.Now(); now.Sub(a.armed) >= a.limit/slack {
		a.armed = now
		_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(now.Add(a.limit))
	}
}

// disarm lets next take its time.
func (a *answering) disarm() {
	if a.two && !a.armed.IsZero() {
		a.armed = time.Time{}
		_ = http.NewResponseController(a.ResponseWriter).SetWriteDeadline(time.Time{})
	}
}

// linger bounds the wait of the server for content that nobody has read.
const linger = 5 * time.Second

// receiveRest bounds that wait. In HTTP/2 there is none.
func (a *answering) receiveRest() {
	if a.content && !a.two {
		_ = http.NewResponseController(a.ResponseWriter).SetReadDeadline(time.Now().Add(min(a.limit, linger)))
	}
}

func (a *answering) WriteHeader(status int) {
	a.arm()
	if status >= http.StatusOK {
		a.receiveRest()
	}
	a.ResponseWriter.WriteHeader(status)
	a.disarm()
}

func (a *answering) Write(p []byte) (int, error) {
	a.arm()
	n, err := a.ResponseWriter.Write(p)
	a.disarm()
	return n, err
}

// FlushError is for [http.ResponseController].
func (a *answering) FlushError() error {
	a.arm()
	err := http.NewResponseController(a.ResponseWriter).Flush()
	a.disarm()
	return err
}

// Flush is FlushError for those who look for an [http.Flusher].
func (a *answering) Flush() { _ = a.FlushError() }

// ReadFrom lets the operating system copy from a file, as far as the server can, a
// chunk at a time. What comes from elsewhere may be long in coming.
func (a *answering) ReadFrom(src io.Reader) (n int64, err error) {
	to, ok := a.ResponseWriter.(io.ReaderFrom)
	if _, isFile := unlimited(src).(interface{ Fd() uintptr }); !ok || !isFile {
		return io.Copy(struct{ io.Writer }{a}, src)
	}
	a.arm()
	n, err = chunks(to, src, func(int64) { a.arm() })
	a.disarm()
	return n, err
}

func unlimited(src io.Reader) io.Reader {
	if limited, ok := src.(*io.LimitedReader); ok {
		return limited.R
	}
	return src
}
