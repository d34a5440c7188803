package origin

import (
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Record is what the handler knows about a request it has answered, for an
// access log or for metrics.
type Record struct {
	// Started is when the handler was called, and Duration how long it took until
	// the last byte was handed to the connection.
	Started  time.Time
	Duration time.Duration
	// Status is the status code of the answer, and Bytes the length of the
	// content that was sent.
	Status int
	Bytes  int64
	// Decision is what became of the preconditions. It is the zero Decision if
	// they were not evaluated, Evaluated being false.
	Decision  precondition.Decision
	Evaluated bool
	// Current is the tag of the selected representation when the request was
	// evaluated, or zero. New is that of the representation a write has made.
	Current, New etag.Tag
	// Reason is the stable, kebab-case word for a refusal that is not a
	// precondition's, such as "precondition-required" or "digest-mismatch"; it is
	// the member "reason" of the problem details sent.
	Reason string
	// Err is what went wrong inside, for the log and never for the client.
	Err error
}

// Observer is told of every request when it has been answered. It is called on
// the request's goroutine, so from many at once; it must not keep r.
type Observer func(r *http.Request, rec *Record)
