package cache

import (
	"crypto/rand"
	"crypto/sha256"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// respond makes the response to request of e: its preconditions (RFC 9111 §4.3.2) and its Range (RFC 9110 §14) are
// evaluated, and it carries its age. The error is that of the content, which may be gone.
func (e *Entry) respond(r *http.Request, now time.Time) (*http.Response, error) {
	header := make(http.Header, len(e.Header)+4)
	for name, lines := range e.Header {
		header[name] = slices.Clip(lines) // who adds to them must not add to what is stored
	}
	header["Age"] = []string{AgeField(e.Age(now))}
	resp := &http.Response{
		StatusCode: e.Status, Header: header, Request: r, Body: http.NoBody,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, ContentLength: e.Length(),
	}
	plan := byterange.Plan{Size: e.Length()}
	if precondition.Applies(e.Status) {
		d := precondition.Evaluate(precondition.Cache, r.Method, precondition.FieldsOf(r.Header), e.current(now))
		if d.Outcome == precondition.NotModified {
			resp.StatusCode, resp.ContentLength = http.StatusNotModified, 0
			condhttp.ToNotModified(resp.Header)
			return finished(resp), nil
		}
		if d.Range == precondition.RangeApplies && e.Status == http.StatusOK {
			plan = byterange.Resolve(r.Header["Range"], e.Length())
		}
	}
	err := e.fill(resp, r, plan)
	return finished(resp), err
}

// current is the state that preconditions are evaluated against. Without Last-Modified that is the Date (§4.3.2).
func (e *Entry) current(now time.Time) precondition.Current {
	v := validatorsOf(e.Header, e.Received)
	c := precondition.Current{Exists: true, Tag: v.tag, LastModified: v.modified, Now: now}
	if c.LastModified.IsZero() {
		c.LastModified = e.generated()
	}
	return c
}

// fill gives resp what plan says of the content.
func (e *Entry) fill(resp *http.Response, r *http.Request, plan byterange.Plan) error {
	part := byterange.Range{Length: e.Length()}
	switch plan.Kind {
	case byterange.Unsatisfiable:
		resp.StatusCode, resp.ContentLength = http.StatusRequestedRangeNotSatisfiable, 0
		resp.Header.Set("Content-Range", plan.ContentRange())
		resp.Header.Set("Content-Length", "0")
		resp.Header.Del("Content-Type")
		resp.Header.Del("Content-Encoding")
		return nil
	case byterange.Single:
		part = plan.Range
		resp.StatusCode = http.StatusPartialContent
		resp.Header.Set("Content-Range", plan.ContentRange())
	case byterange.Multi:
		return e.fillMulti(resp, plan)
	}
	resp.ContentLength = part.Length
	if len(resp.Header["Content-Length"]) > 0 || plan.Kind == byterange.Single {
		resp.Header.Set("Content-Length", strconv.FormatInt(part.Length, 10))
	}
	if r.Method == http.MethodHead || part.Length == 0 {
		return nil
	}
	content, err := e.open()
	if err != nil {
		return err
	}
	resp.Body = &body{content: content, at: part.Start, end: part.End()}
	return nil
}

// fillMulti gives resp several parts.
func (e *Entry) fillMulti(resp *http.Response, plan byterange.Plan) error {
	m, err := byterange.NewMultipart(plan.Parts, plan.Size, resp.Header.Get("Content-Type"), rand.Text())
	if err != nil {
		return err
	}
	content, err := e.open()
	if err != nil {
		return err
	}
	resp.StatusCode, resp.ContentLength = http.StatusPartialContent, m.Length()
	resp.Header.Set("Content-Type", m.ContentType())
	resp.Header.Set("Content-Length", strconv.FormatInt(m.Length(), 10))
	reader, writer := io.Pipe()
	go func() {
		_, err := m.Send(writer, func(w io.Writer, r byterange.Range) (int64, error) {
			return io.Copy(w, io.NewSectionReader(content, r.Start, r.Length))
		})
		content.Close()
		writer.CloseWithError(err)
	}()
	resp.Body = reader
	return nil
}

// storedBody is the content of a response that was kept from an earlier one.
type storedBody struct {
	io.ReadCloser
	entry *Entry
}

// Stored tells users of a Transport what it is.
func (storedBody) Stored() {}

// Digest returns the SHA-256 and the length of all of what is stored, of which the response may have less. It is calculated once. ok is
// false if not all is there.
func (b storedBody) Digest() (digest [sha256.Size]byte, size int64, ok bool) {
	e := b.entry
	if e.Parts != nil || e.digest == nil {
		return digest, 0, false
	}
	if known := e.digest.Load(); known != nil {
		return *known, e.Length(), true
	}
	content, err := e.open()
	if err != nil {
		return digest, 0, false
	}
	defer content.Close()
	sum := sha256.New()
	if n, err := io.Copy(sum, io.NewSectionReader(content, 0, e.Length())); err != nil || n != e.Length() {
		return digest, 0, false
	}
	sum.Sum(digest[:0])
	e.digest.Store(&digest)
	return digest, e.Length(), true
}

// digestMemo keeps what was calculated of content.
type digestMemo struct {
	atomic.Pointer[[sha256.Size]byte]
}

// body reads a range of content as it becomes available.
type body struct {
	content OpenContent
	at, end int64
}

func (b *body) Read(p []byte) (int, error) {
	if b.at >= b.end {
		return 0, io.EOF
	}
	n, err := readSome(b.content, p[:min(int64(len(p)), b.end-b.at)], b.at)
	b.at += int64(n)
	if err == io.EOF && b.at < b.end {
		err = io.ErrUnexpectedEOF
	}
	if n > 0 {
		err = nil
	}
	return n, err
}

func (b *body) Close() error { return b.content.Close() }

// readSome reads at least a byte at off, and no more than can be had without waiting.
func readSome(content io.ReaderAt, p []byte, off int64) (int, error) {
	if c, ok := content.(interface {
		readSome(p []byte, off int64) (int, error)
	}); ok {
		return c.readSome(p, off)
	}
	return content.ReadAt(p, off)
}

// finished sets what follows from the status.
func finished(resp *http.Response) *http.Response {
	resp.Status = strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
	return resp
}

// gatewayTimeout is the answer to a request that wants what is stored or nothing (§5.2.1.7).
func gatewayTimeout(r *http.Request, now time.Time) *http.Response {
	text := "Nothing is stored that may answer this request, and it says only-if-cached.\n"
	return finished(&http.Response{
		StatusCode: http.StatusGatewayTimeout, Request: r, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{
			"Content-Type": {"text/plain; charset=utf-8"}, "Date": {now.UTC().Format(http.TimeFormat)},
			"Content-Length": {strconv.Itoa(len(text))}, "Cache-Control": {"no-store"},
		},
		Body: io.NopCloser(strings.NewReader(text)), ContentLength: int64(len(text)),
	})
}
