package guard

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
)

// untrailed are fields that have no place in a trailer section, beside those that the guard has on
// another list: what they say must be known before the content is processed (RFC 9110 §6.5.1).
var untrailed = []string{
	// framing and routing
	"Content-Length", "Host", "Via", "Forwarded", "Destination", "Location",
	// authentication
	"Authorization", "Cookie", "Set-Cookie", "Www-Authenticate",
	// controls and modifiers of the request
	"Cache-Control", "Expect", "Max-Forwards", "Pragma", "If", "Overwrite", "Depth", "Lock-Token", "Timeout", "Prefer",
	// controls of the response, and validators, which the guard makes
	"Age", "Date", "Expires", "Retry-After", "Vary", "Warning", "Etag", "Last-Modified", "Accept-Ranges", "Allow",
	// the format of the content
	"Content-Encoding", "Content-Type", "Content-Range", "Content-Language", "Content-Location", "Content-Disposition",
}

// mayTrail reports whether a field is passed on in a trailer section.
func mayTrail(name string) bool {
	for _, prefix := range [...]string{"If-", "Proxy-", "Sec-", "Access-Control-", "X-Forwarded-", "Accept"} {
		if strings.HasPrefix(name, prefix) {
			return false
		}
	}
	for _, list := range [...][]string{untrailed, hopByHop, conditionalFields, methodFields} {
		if slices.Contains(list, name) {
			return false
		}
	}
	return !claims[name] && strings.IndexByte(name, '_') < 0
}

// errMalformedTrailer ends content whose trailer section has what is no field.
var errMalformedTrailer = errors.New("the trailer section has a malformed field")

// isTrailer reports whether all the fields have names and values that can be sent. net/http reads some
// that it would not send.
func isTrailer(trailer http.Header) bool {
	for name, values := range trailer {
		if !isToken(name) || slices.ContainsFunc(values, hasControl) {
			return false
		}
	}
	return true
}

// pruneTrailer removes what may not be there.
func pruneTrailer(trailer http.Header) {
	for name := range trailer {
		if !mayTrail(name) {
			delete(trailer, name)
		}
	}
}

// trailerOf is what is passed on of the trailer section of a request; nil if that is nothing.
func trailerOf(r *http.Request) http.Header {
	if len(r.Trailer) == 0 {
		return nil
	}
	trailer := r.Trailer.Clone()
	if pruneTrailer(trailer); len(trailer) == 0 {
		return nil
	}
	return trailer
}

// trailedBody is content that is passed on as it arrives. At its end it fills in the fields of the trailer section
// that had been announced.
type trailedBody struct {
	io.Reader
	client  *http.Request
	trailer http.Header
}

func (b *trailedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err == io.EOF {
		for name := range b.trailer {
			b.trailer[name] = b.client.Trailer[name]
		}
	}
	return n, err
}

func (b *trailedBody) Close() error { return nil }
