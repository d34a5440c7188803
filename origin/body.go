package origin

import (
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/store"
)

// sendRange sends part of c. It is the last that happens to an answer.
func (x *exchange) sendRange(c resource.Content, r byterange.Range) {
	n, err := c.WriteRange(x.w, r.Start, r.Length)
	x.sent(n, err)
}

// contentChanged is the reason of an answer that was not completed because its content
// changed while it was sent.
const contentChanged = "content-changed"

// sent records what was sent. If it is not all that was announced the connection
// must not be used any more: the client has to see a cut, not an end.
func (x *exchange) sent(n int64, err error) {
	x.rec.Bytes += n
	if err == nil {
		return
	}
	x.rec.Err = err
	if errors.Is(err, store.ErrChanged) {
		x.cut(contentChanged)
		x.log.WarnContext(x.ctx, "an answer was cut: the content changed while it was sent", "name", x.target.Name, "error", err)
	}
	panic(http.ErrAbortHandler)
}

// cut records why an answer ended early. That is for the log alone: the client has its status already.
func (x *exchange) cut(reason string) { x.rec.Reason = reason }
