package guard

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// codings are those that content is sent in, the preferred first.
var codings = []string{coding.Brotli, coding.Zstd, coding.Gzip}

// mayEncode reports whether a response with content of this size would be sent to
// some clients in a content coding.
func (x *exchange) mayEncode(res *http.Response, size int64) bool {
	h := res.Header
	return !x.route.NoCoding && size >= 0 && size <= coding.MaxSize && len(h["Content-Encoding"]) == 0 &&
		coding.Compressible(h.Get("Content-Type"), size) && !forbidsTransform(h)
}

// acceptsCoding reports whether the client may want to have content in a coding.
func (x *exchange) acceptsCoding() bool { return len(x.r.Header["Accept-Encoding"]) > 0 }

// forbidsTransform reports whether Cache-Control has no-transform (RFC 9111 §5.2.2.6).
func forbidsTransform(h http.Header) bool {
	for _, line := range h["Cache-Control"] {
		if strings.Contains(strings.ToLower(line), "no-transform") {
			return true
		}
	}
	return false
}

// encode chooses the content coding of an answer, and returns the content in it.
// c becomes the state of that representation.
func (x *exchange) encode(h *held, c *state) io.ReadSeeker {
	if !x.mayEncode(h.res, h.Size) || c.Tag.IsZero() || c.Tag.IsWeak() {
		return h.spool.reader()
	}
	addVary(h.res.Header, "Accept-Encoding")
	name := x.chooseCoding(*c)
	if name == coding.Identity {
		return h.spool.reader()
	}
	encoded, err := x.encoded.Get(h.digest, name, func() ([]byte, error) { return io.ReadAll(h.spool.reader()) })
	if err != nil {
		if !errors.Is(err, coding.ErrNoGain) {
			x.err = err
		}
		return h.spool.reader()
	}
	c.Others = append(c.Others[:len(c.Others):len(c.Others)], c.Tag)
	c.Tag = c.Tag.WithCoding(coding.Suffix(name))
	deleteFields(h.res.Header, digestFields)
	h.res.Header["Content-Encoding"] = []string{name}
	return bytes.NewReader(encoded)
}

// digestFields are digests of the content as it was.
var digestFields = []string{"Content-Md5", "Digest", "Content-Digest", "Repr-Digest"}

// chooseCoding returns the coding for an answer. Ranges are cut from identity, as
// that is what a client without a part resumes with, unless If-Range names a coding.
func (x *exchange) chooseCoding(c state) string {
	accept := x.r.Header["Accept-Encoding"]
	if !x.acceptsCoding() {
		return coding.Identity
	}
	if x.r.Method == http.MethodGet && len(x.fields.Range) > 0 {
		return x.rangedCoding(c)
	}
	if d := x.evaluate(c); d.Outcome != precondition.Perform && !byDate(d) {
		return coding.Identity // no content will be sent
	}
	name, _ := coding.Negotiate(accept, codings...)
	if name == "" {
		return coding.Identity
	}
	return name
}

// byDate reports whether a decision rests on a date, so that a 304 has to name the
// very representation that a 200 would have.
func byDate(d precondition.Decision) bool { return d.Field == precondition.IfModifiedSince }

func (x *exchange) rangedCoding(c state) string {
	if len(x.fields.IfRange) != 1 {
		return coding.Identity
	}
	named, err := etag.Parse(strings.Trim(x.fields.IfRange[0], " \t"))
	if err != nil {
		return coding.Identity
	}
	for _, name := range codings {
		if named == c.Tag.WithCoding(coding.Suffix(name)) && coding.Acceptable(x.r.Header["Accept-Encoding"], name) {
			return name
		}
	}
	return coding.Identity
}
