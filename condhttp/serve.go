package condhttp

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Serve is [Checker.Serve] of the zero Checker.
func Serve(w http.ResponseWriter, r *http.Request, current precondition.Current, content io.ReadSeeker) {
	Checker{}.Serve(w, r, current, content)
}

// Serve answers a GET or HEAD with the current representation of its target, by
// all of RFC 9110 §13 and §14: 304 or 412 as [Checker.Check] does, 206 with one
// range or several, If-Range included, 416, or 200 with the whole. What does
// not exist is a 404, and any other method a 405.
//
// content is the representation that current describes, and no other version of
// it, from its first byte to its last; where it stands at first does not
// matter. An [os.File] is sent by the operating system if it can; an
// [io.ReaderAt] becomes an [io.ReadSeeker] by [io.NewSectionReader]. To open it
// only if it is going to be sent, call [Checker.Check] with the same current
// before.
//
// The handler sets all other fields, such as Content-Type, Content-Encoding (content
// is then the coded one), Cache-Control and Vary, before the call. Without a
// Content-Type it is found from the first bytes, as package net/http does. With
// Accept-Ranges: none, Range is ignored. A 206 leaves out Content-Digest, which is that
// of the whole.
//
// If content ends before its size or cannot be read, Serve panics with
// [http.ErrAbortHandler], since the client must not take what it got for all.
func (c Checker) Serve(w http.ResponseWriter, r *http.Request, current precondition.Current, content io.ReadSeeker) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header()["Allow"] = []string{"GET, HEAD"}
		c.refuse(w, r, NewProblem(http.StatusMethodNotAllowed, "method-not-allowed",
			safe(r.Method)+" is not possible here", "use GET or HEAD"))
		return
	}
	if !current.Exists {
		c.refuse(w, r, NewProblem(http.StatusNotFound, "not-found", "the resource does not exist", ""))
		return
	}
	d, current := c.decide(r, current)
	if !c.act(w, r, d, current) {
		return
	}
	size, err := content.Seek(0, io.SeekEnd)
	if err != nil {
		c.WriteError(w, r, fmt.Errorf("size of content: %w", err))
		return
	}
	c.send(w, r, d, current, representation{content, size})
}

// representation is the content of a 200, and its size in bytes.
type representation struct {
	content io.ReadSeeker
	size    int64
}

// send sends the representation or the parts of it that d and Range ask for. The
// fields of a 200 are set, but for those about its length.
func (c Checker) send(w http.ResponseWriter, r *http.Request, d precondition.Decision, current precondition.Current, rep representation) {
	h := w.Header()
	if err := rep.sniff(h); err != nil {
		c.WriteError(w, r, err)
		return
	}
	plan := rangePlan(r, h, d, rep.size)
	switch plan.Kind {
	case byterange.Unsatisfiable:
		c.refuseRange(w, r, plan, current)
	case byterange.Single:
		c.sendRange(w, r, plan, rep)
	case byterange.Multi:
		c.sendParts(w, r, plan, rep)
	default:
		c.sendWhole(w, r, rep)
	}
}

// rangePlan decides which bytes to send, and sets Accept-Ranges.
func rangePlan(r *http.Request, h http.Header, d precondition.Decision, size int64) byterange.Plan {
	if accept, ok := h["Accept-Ranges"]; !ok {
		h["Accept-Ranges"] = acceptBytes
	} else if len(accept) == 0 || accept[0] != byterange.Unit {
		return byterange.Plan{Size: size}
	}
	if d.Range != precondition.RangeApplies {
		return byterange.Plan{Size: size}
	}
	return byterange.Resolve(r.Header["Range"], size)
}

// acceptBytes is shared by all responses, to be read only.
var acceptBytes = []string{byterange.Unit}

// sniff sets Content-Type from the first bytes if the handler has not: as package
// net/http does for a 200, but also right for HEAD and for a range.
func (rep representation) sniff(h http.Header) error {
	if _, set := h["Content-Type"]; set || rep.size == 0 || h.Get("Content-Encoding") != "" {
		return nil
	}
	if _, err := rep.content.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("start of content: %w", err)
	}
	var first [512]byte
	n, err := io.ReadFull(rep.content, first[:min(rep.size, int64(len(first)))])
	if err != nil {
		return fmt.Errorf("first bytes of content: %w", err)
	}
	h["Content-Type"] = []string{http.DetectContentType(first[:n])}
	return nil
}

func (c Checker) sendWhole(w http.ResponseWriter, r *http.Request, rep representation) {
	if _, err := rep.content.Seek(0, io.SeekStart); err != nil {
		c.WriteError(w, r, fmt.Errorf("start of content: %w", err))
		return
	}
	setLength(w.Header(), rep.size)
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	rep.abortOn(rep.copyTo(w))
}

// copyTo sends all of the content, which stands at its start.
func (rep representation) copyTo(w io.Writer) error {
	if b, ok := rep.content.(*bytes.Reader); ok {
		_, err := b.WriteTo(w) // in one piece, without a buffer between
		return err
	}
	_, err := io.CopyN(w, rep.content, rep.size)
	return err
}

// sendRange sends a 206 with one range: RFC 9110 §15.3.7.1.
func (c Checker) sendRange(w http.ResponseWriter, r *http.Request, plan byterange.Plan, rep representation) {
	if _, err := rep.content.Seek(plan.Range.Start, io.SeekStart); err != nil {
		c.WriteError(w, r, fmt.Errorf("start of range: %w", err))
		return
	}
	h := w.Header()
	h["Content-Range"] = []string{plan.ContentRange()}
	setLength(h, plan.Range.Length)
	partial(h)
	w.WriteHeader(http.StatusPartialContent)
	_, err := io.CopyN(w, rep.content, plan.Range.Length)
	rep.abortOn(err)
}

// sendParts sends a 206 with several ranges: RFC 9110 §15.3.7.2.
func (c Checker) sendParts(w http.ResponseWriter, r *http.Request, plan byterange.Plan, rep representation) {
	h := w.Header()
	parts, err := byterange.NewMultipart(plan.Parts, plan.Size, h.Get("Content-Type"), "")
	if err != nil {
		c.WriteError(w, r, err)
		return
	}
	partial(h)
	h["Content-Type"] = []string{parts.ContentType()}
	setLength(h, parts.Length())
	w.WriteHeader(http.StatusPartialContent)
	_, err = parts.Send(w, rep.copyRange)
	rep.abortOn(err)
}

func (rep representation) copyRange(w io.Writer, rg byterange.Range) (int64, error) {
	if _, err := rep.content.Seek(rg.Start, io.SeekStart); err != nil {
		return 0, err
	}
	return io.CopyN(w, rep.content, rg.Length)
}

// refuseRange writes a 416: RFC 9110 §15.5.17.
func (c Checker) refuseRange(w http.ResponseWriter, r *http.Request, plan byterange.Plan, current precondition.Current) {
	p := NewProblem(http.StatusRequestedRangeNotSatisfiable, plan.Reason.String(),
		fmt.Sprintf("the request has Range: %s, but the resource has %d bytes", safe(joined(r.Header["Range"])), plan.Size),
		"ask for bytes below "+strconv.FormatInt(plan.Size, 10)+"; if you have as many already, you have them all")
	p.Rule = "range-" + p.Reason
	p.Current = StateOf(current)
	w.Header()["Content-Range"] = []string{plan.ContentRange()}
	c.refuse(w, r, p)
}

// partial removes the digests of the content of a 200, as that of a 206 is another (RFC 9530 §2).
// What else describes the representation stays after an If-Range, too, though a sender "SHOULD NOT"
// repeat it (RFC 9110 §15.3.7): a client that keeps the part apart from what it has, or takes the
// date of a file from the last answer, needs it, and all common servers send it.
func partial(h http.Header) { deleteFields(h, []string{"Content-Digest", "Content-Md5"}) }

func setLength(h http.Header, n int64) {
	h["Content-Length"] = []string{strconv.FormatInt(n, 10)}
}

// abortOn breaks the connection if not all could be sent that the header
// promised. Content in memory is always whole, so that then it is the client who
// has gone, and there is nothing to break.
func (rep representation) abortOn(err error) {
	if _, inMemory := rep.content.(*bytes.Reader); err != nil && !inMemory {
		panic(http.ErrAbortHandler)
	}
}
