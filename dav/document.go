package dav

import (
	"errors"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/dav/internal/davxml"
)

// document is the content of a request that is to be XML, of whatever Content-Type: clients send text/plain, too (npm
// webdav), or none.
func (x *exchange) document() io.Reader {
	for _, line := range x.r.Header["Content-Encoding"] {
		if !strings.EqualFold(strings.TrimSpace(line), "identity") {
			return failingReader{errCoded}
		}
	}
	return x.r.Body
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

var errCoded = condhttp.NewProblem(http.StatusUnsupportedMediaType, "content-coding",
	"the content is in a content coding", "send the content without Content-Encoding")

// documentError is what the client is told of a document that could not be read. It may be gone, or be listening still.
func (x *exchange) documentError(err error) error {
	if _, ok := errors.AsType[*davxml.Error](err); ok {
		return err
	}
	if _, ok := errors.AsType[*condhttp.Problem](err); ok {
		return err
	}
	x.rec.Err = err
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return condhttp.NewProblem(http.StatusRequestTimeout, "timeout",
			"the content did not arrive in time; nothing was changed", "send it again")
	}
	return condhttp.NewProblem(http.StatusBadRequest, "incomplete-content",
		"the content ended too early or is not framed as announced; nothing was changed", "send it again")
}
