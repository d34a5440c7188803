package guard

import (
	"cmp"
	"crypto/sha256"
	"io"
	"net/http"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

// held is what the guard has of the selected representation: what the backend said of it, and as much of its content as
// was read.
type held struct {
	// exists is false if there is no representation: then nothing else is known but the date.
	exists bool
	// Seen has the validators, what the representation was sent with and, once all of the content was read, its sum.
	trust.Seen
	// content is the content tag, and digest the SHA-256 that it is made of; zero unless all of the content was read.
	content etag.Tag
	digest  [sha256.Size]byte
	// own says that the client is told of the validators that the backend has given it, whatever is thought of these.
	own bool
	// stored says that the representation was kept from an earlier response. Otherwise it was fetched just now, and tells
	// what the backend is worth.
	stored bool
	// res is the response that it came in, with the content that has yet to be read, and spool has what was read
	// and kept. Either may be nil.
	res   *http.Response
	spool *spool
}

// received is what the header section of a response tells.
func (x *exchange) received(res *http.Response) *held {
	return &held{exists: true, res: res, stored: isStored(res), Seen: trust.Seen{Validators: x.readValidators(res)}}
}

// maxKept bounds how much of a field of the backend a Record keeps, in bytes.
const maxKept = 256

// readValidators reads the validators of a response and notes them.
func (x *exchange) readValidators(res *http.Response) trust.Validators {
	h := res.Header
	v := trust.ReadValidators(res, x.now)
	if !v.Dated {
		h["Date"] = []string{x.now.UTC().Format(http.TimeFormat)}
	}
	b := &x.backend
	b.ETag, b.LastModified, b.Fault = kept(h["Etag"]), kept(h["Last-Modified"]), cmp.Or(v.Fault, v.DateFault)
	return v
}

func kept(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0][:min(len(lines[0]), maxKept)]
}

// hold reads the content, as far as there is room. What is too long to be held is still whole, for who reads on.
func (x *exchange) hold(h *held) error {
	res, s := h.res, x.newSpool()
	err := withTimeout(res.Body, func() error { return s.fill(res.Body, res.ContentLength) })
	switch {
	case err != nil:
		return incomplete(err)
	case !s.whole:
		h.TooLong = true
		res.Body = &joinedBody{io.MultiReader(s.reader(), res.Body), res.Body}
		return nil
	}
	_ = res.Body.Close()
	h.spool = s
	h.content, h.digest, h.Sum, h.Size = s.tag(), s.digest, s.quick.Sum(), s.size
	h.Shown = x.showing(res, s.size)
	return nil
}

// joinedBody is content of which the start has been read already.
type joinedBody struct {
	io.Reader
	io.Closer
}

// digest reads the content for its tag, and keeps none of it.
func (x *exchange) digest(h *held) error {
	bound := x.route.MaxBuffer + x.route.MaxSpool
	defer func() { _ = h.res.Body.Close() }()
	if h.res.ContentLength > bound || isEventStream(h.res.Header) {
		h.TooLong = true
		return nil
	}
	digest, quick := sha256.New(), trust.NewSummer()
	buffer := copyBuffers{}.Get()
	defer copyBuffers{}.Put(buffer)
	var size int64
	err := withTimeout(h.res.Body, func() (err error) {
		size, err = io.CopyBuffer(io.MultiWriter(digest, &quick), io.LimitReader(h.res.Body, bound+1), buffer)
		return err
	})
	switch {
	case err != nil:
		return err
	case size > bound:
		h.TooLong = true
		return nil
	}
	digest.Sum(h.digest[:0])
	h.content, h.Size, h.Sum = etag.FromDigest(h.digest), size, quick.Sum()
	h.Shown = x.showing(h.res, size)
	return nil
}

// sum reads the content for its sum alone.
func (h *held) sum() error {
	quick := trust.NewSummer()
	buffer := copyBuffers{}.Get()
	defer copyBuffers{}.Put(buffer)
	body := h.res.Body
	defer func() { _ = body.Close() }()
	h.res.Body = http.NoBody
	err := withTimeout(body, func() error {
		_, err := io.CopyBuffer(&quick, struct{ io.Reader }{body}, buffer)
		return err
	})
	h.Sum = quick.Sum()
	return err
}

// inMemory is all of the content, if it is in memory, and nil otherwise.
func (h *held) inMemory() []byte {
	if h.spool == nil {
		return nil
	}
	return h.spool.inMemory()
}

// learn takes a representation of which all was seen as evidence of what the backend's tags are worth.
func (x *exchange) learn(h *held) {
	if !h.stored && !h.own && x.route.learned.Observe(x.r.URL.RequestURI(), x.asked, h.Seen, h.inMemory()) {
		x.logTrust()
	}
}

// logTrust says what is thought of the backend from now on.
func (x *exchange) logTrust() {
	trust, why := x.route.learned.Status()
	x.log.InfoContext(x.r.Context(), "entity tags of a backend", "route", x.route.Name, "trust", trust.String(),
		"why", why, "path", x.loggedPath(), "etag", x.backend.ETag)
}
