package guard

import (
	"context"
	"net/http"
	"time"
)

// outlive lets the request go on when the client has closed its side of the connection. net/http ends the context of
// a request then, but a client that has sent all it had to say may still be listening, as nc and many
// scripts are: TCP does not tell it from one that has gone. So the backend gets as much time between two pieces of its
// answer as it has for the beginning; a client that has gone is noticed at the latest then, and mostly before,
// when something is sent to it. A stream of HTTP/2 says by itself that it is not wanted any more.
func (x *exchange) outlive() {
	if x.r.ProtoMajor != 1 || x.outlives {
		return
	}
	x.outlives = true
	patience := x.route.Timeouts.Response
	if patience <= 0 {
		patience = DefaultResponseTimeout
	}
	closed := x.r.Context()
	ctx, cancel := context.WithCancel(context.WithoutCancel(closed))
	stop := context.AfterFunc(closed, func() {
		x.w.waitOut(ctx, patience)
		cancel()
	})
	x.r = x.r.WithContext(ctx)
	x.onEnd(func() {
		stop()
		cancel()
	})
}

// patient returns out so that it goes on as outlive says.
func (x *exchange) patient(out *http.Request) *http.Request {
	if x.outlives {
		return out
	}
	x.outlive()
	return out.WithContext(x.r.Context())
}

// waitOut returns when nothing was sent for as long as patience lasts, or ctx is done.
func (w *answerWriter) waitOut(ctx context.Context, patience time.Duration) {
	for {
		was := w.moved.Load()
		select {
		case <-ctx.Done():
			return
		case <-time.After(patience):
		}
		if w.moved.Load() == was {
			return
		}
	}
}
