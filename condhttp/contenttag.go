package condhttp

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// DefaultMaxBuffer is the bound of a [Tagger] that has none: 1 MiB.
const DefaultMaxBuffer = 1 << 20

// Tagger is a middleware that gives the responses of any handler a strong
// entity tag made of their content ([etag.Of]), and then answers conditional
// requests and ranges by it. Use its method [Tagger.Handler]. The zero Tagger
// is ready for use; it must not be changed afterwards.
type Tagger struct {
	// Checker evaluates the preconditions of GET, HEAD and QUERY. Its Require has no
	// part in that.
	Checker Checker
	// MaxBuffer bounds in bytes how much content of a response is held back until
	// its tag is known. A longer one is sent without a tag, as the
	// handler writes it. 0 or less stands for DefaultMaxBuffer.
	MaxBuffer int
}

// ContentTag is [Tagger.Handler] of the zero Tagger.
func ContentTag(next http.Handler) http.Handler { return Tagger{}.Handler(next) }

// Handler returns next with content tags. On GET, HEAD and QUERY, a 200 from next is
// held back until it is complete, and gets an ETag; then If-Match,
// If-None-Match, the dates, Range and If-Range are answered by it, which may
// make it a 304, 206, 412 or 416. This saves the network, not the handler's
// work.
//
// The bytes of the content are never changed, and these are passed through just
// as next writes them:
//
//   - other methods, and requests to upgrade the connection;
//   - answers other than 200, such as a 304 or 206 that next itself has found;
//   - content beyond MaxBuffer, known from its Content-Length or found on
//     the way; content that is flushed, and text/event-stream;
//   - answers with trailers or with a Transfer-Encoding, and those whose content
//     has not the Content-Length they say.
//
// An ETag that next sets itself is respected: conditions are evaluated against
// it before any content is written, and content is held back only if a range of
// it is asked for. An ETag that is malformed goes out as it is and takes no
// part.
//
// A HEAD runs next as a GET whose content is thrown away. Many handlers write
// nothing on HEAD, and the tag of nothing would be a wrong one; without a tag,
// on the other hand, HEAD and GET would disagree. When it is clear that no tag
// is to be had (a flush, or more than MaxBuffer), the request's context is
// cancelled and Write fails, so that next can stop. A HEAD so costs what its
// GET costs.
//
// If-Match on a read is about the tags made here, which next cannot know.
// So next gets such a request without preconditions and without Range, and if
// its answer turns out to have no tag, then If-Match is false, unless it is
// "*".
//
// Put a compressing middleware inside, not around: each coding then has its own
// tag. It must be deterministic (as those of Go are) and set Vary.
func (t Tagger) Handler(next http.Handler) http.Handler {
	if t.MaxBuffer <= 0 {
		t.MaxBuffer = DefaultMaxBuffer
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !method.Reads(r.Method) || len(r.Header["Upgrade"]) > 0 {
			next.ServeHTTP(w, r)
			return
		}
		t.serve(w, r, next)
	})
}

func (t Tagger) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	inner, cancel := t.innerRequest(r)
	defer cancel()
	tw := &tagWriter{
		w: w, r: r, checker: t.Checker, max: t.MaxBuffer, declared: -1,
		head: r.Method == http.MethodHead, judge: len(r.Header["If-Match"]) > 0, cancel: cancel,
	}
	// If next panics, nothing of what is held back is sent.
	next.ServeHTTP(tw, inner)
	tw.finish()
}

// innerRequest is r as next is to see it, and a function that cancels its context.
func (t Tagger) innerRequest(r *http.Request) (*http.Request, context.CancelFunc) {
	head, judge := r.Method == http.MethodHead, len(r.Header["If-Match"]) > 0
	if !head && !judge {
		return r, func() {}
	}
	ctx, cancel := context.WithCancel(r.Context())
	inner := r.WithContext(ctx)
	inner.Header = r.Header.Clone()
	if head {
		inner.Method = http.MethodGet
	}
	deleteFields(inner.Header, []string{"Range", "If-Range"})
	if judge {
		deleteFields(inner.Header, []string{"If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"})
	}
	return inner, cancel
}

// mayTag reports whether the header of a 200 leaves room for a tag and for a
// content that is held back.
func mayTag(h http.Header) bool {
	return len(h["Trailer"]) == 0 && len(h["Transfer-Encoding"]) == 0 &&
		!strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}

// hasTrailers reports whether a handler has set trailers that it did not announce.
func hasTrailers(h http.Header) bool {
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			return true
		}
	}
	return false
}

// currentOf is the state that the fields of a 200 tell of, with tag being its ETag
// if that is well formed.
func currentOf(h http.Header, tag etag.Tag) precondition.Current {
	current := precondition.Current{Exists: true, Tag: tag}
	if lines := h["Last-Modified"]; len(lines) == 1 {
		current.LastModified, _ = precondition.ParseDate(lines[0], time.Time{})
	}
	return current
}
