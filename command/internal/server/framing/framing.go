// Package framing refuses requests of which nobody can say where their content ends: RFC 9112 §6.1 and §6.3.
//
// net/http ignores Transfer-Encoding in a request of HTTP/1.0, takes such a request without
// Content-Length for one without content, and removes Content-Length where both are sent; its handlers cannot see
// that. A server of before then would store nothing, or the chunks as they are framed, and say that it
// went well. So the connections of a listener made by [Listen] follow what is read, as far as is needed to find the
// header sections, and [Handler] looks at what they found. They also skip a blank line before a request (RFC 9112 §2.2),
// and see to it that a server which also speaks HTTP/2 does not wait for the preface of that where something else has come.
package framing

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/observe"
)

type contextKey struct{}

// Context is for [http.Server.ConnContext]. c is a connection of ours, or has a method Beneath that
// returns one.
func Context(ctx context.Context, c net.Conn) context.Context {
	if over, ok := c.(interface{ Beneath() net.Conn }); ok {
		c = over.Beneath()
	}
	if c, ok := c.(*conn); ok {
		return context.WithValue(ctx, contextKey{}, c)
	}
	return ctx
}

// Handler returns a handler that passes on what is clear, and answers the rest itself. observe, which may be nil, is
// told of those answers.
func Handler(next http.Handler, observe observe.Observer) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			next.ServeHTTP(w, r)
			return
		}
		h := head{}
		c, ours := r.Context().Value(contextKey{}).(*conn)
		if ours {
			var seen bool
			if h, seen = c.take(); !seen {
				h.unclear = true
			}
		}
		if p := refusal(r, h); p != nil {
			w.Header().Set("Connection", "close")
			Refuse(w, r, p, observe)
			return
		}
		if h.transferEncoding && h.contentLength {
			w.Header().Set("Connection", "close") // "regardless, the server MUST close the connection" (§6.1)
		}
		if h.tunnel && ours {
			w = &tunnelWriter{w, c}
			defer c.resume()
		}
		next.ServeHTTP(w, r)
	})
}

// Refuse answers r with p in the place of a handler, and tells told, which may be nil.
func Refuse(w http.ResponseWriter, r *http.Request, p *condhttp.Problem, told observe.Observer) {
	started := time.Now()
	counted := &counter{ResponseWriter: w}
	p.Write(counted, r)
	if told != nil {
		told(r, &observe.Record{Started: started, Duration: time.Since(started), Status: p.Status, Bytes: counted.n, Reason: p.Reason})
	}
}

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}

// refusal says why the request goes no further, or is nil.
func refusal(r *http.Request, h head) *condhttp.Problem {
	old := r.ProtoMinor == 0
	switch {
	case old && h.transferEncoding:
		return condhttp.NewProblem(http.StatusBadRequest, "ambiguous-length",
			"the request is of HTTP/1.0, which has no Transfer-Encoding, so it is not clear where its content ends", "send Content-Length, or HTTP/1.1")
	case h.unclear:
		return condhttp.NewProblem(http.StatusBadRequest, "ambiguous-length",
			"it is not clear where the content of the request ends", "send one Content-Length, or one Transfer-Encoding: chunked")
	case old && method.NeedsContent(r.Method) && len(r.Header["Content-Length"]) == 0:
		return condhttp.NewProblem(http.StatusLengthRequired, "length-required",
			"the request is of HTTP/1.0 and has no Content-Length, so its content would be lost", "send Content-Length: 0 if there is none")
	}
	return nil
}

// resume goes on with HTTP after a request for another protocol, if it was refused.
func (c *conn) resume() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.follow.head.tunnel = false
}

// tunnelWriter tells the connection that it is taken over.
type tunnelWriter struct {
	http.ResponseWriter
	conn *conn
}

// Unwrap is for [http.ResponseController].
func (w *tunnelWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Hijack is for [http.ResponseController].
func (w *tunnelWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	c, b, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err == nil {
		w.conn.leave()
	}
	return c, b, err
}
