package client

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Content is what a write sends.
type Content struct {
	// Bytes is the content, unless Open is set.
	Bytes []byte
	// Open returns the content from its beginning, for content that is not to be held in memory. It is
	// called once for its digest and once for each sending, and must return the same bytes each time:
	// a write of other bytes than the digest was made of is refused by servers that verify it.
	Open func() (io.ReadCloser, error)
	// MediaType is the Content-Type value. "" sends none, and leaves the type to the server; Update sends
	// that of the representation that is replaced.
	MediaType string
	// Coding is the Content-Encoding value of content that is compressed, or "".
	Coding string
	// Unique says that no other writer sends exactly these bytes, because they contain an
	// identifier of this very change. If the answer to the write is lost, and the resource then has
	// this content, the write was made.
	Unique bool
	// Header has further fields of the request, such as Content-Language.
	Header http.Header

	size   int64
	sum    [sha256.Size]byte
	hashed bool
}

// Text is content of type text/plain in UTF-8.
func Text(s string) Content {
	return Content{Bytes: []byte(s), MediaType: "text/plain; charset=utf-8"}
}

// JSON is content of type application/json, which b must be.
func JSON(b []byte) Content { return Content{Bytes: b, MediaType: "application/json"} }

// measure finds out the size and the digest.
func (c *Content) measure() error {
	if c.hashed {
		return nil
	}
	if c.Open == nil {
		c.size, c.sum, c.hashed = int64(len(c.Bytes)), sha256.Sum256(c.Bytes), true
		return nil
	}
	r, err := c.Open()
	if err != nil {
		return fmt.Errorf("cannot open the content to send: %w", err)
	}
	h := sha256.New()
	c.size, err = io.Copy(h, r)
	if err = errors.Join(err, r.Close()); err != nil {
		return fmt.Errorf("cannot read the content to send: %w", err)
	}
	h.Sum(c.sum[:0])
	c.hashed = true
	return nil
}

// body returns the content for one request. It cannot be read twice, so that no transport repeats it.
func (c *Content) body() (io.ReadCloser, error) {
	if c.Open == nil {
		return onlyOnce{io.NopCloser(bytes.NewReader(c.Bytes))}, nil
	}
	r, err := c.Open()
	if err != nil {
		return nil, fmt.Errorf("cannot open the content to send: %w", err)
	}
	return onlyOnce{r}, nil
}

// onlyOnce hides what a reader can do beside being read, above all that it could be read again.
type onlyOnce struct{ io.ReadCloser }
