package guard

import (
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Record is what a [Handler] knows of a request that it has answered.
type Record struct {
	// Started is when the handler was called, and Duration how long it took until
	// the last byte was handed to the connection.
	Started  time.Time
	Duration time.Duration
	// Route is the name of the route, or "" if none matched.
	Route string
	// Status is the status code of the answer, and Bytes the length of the content
	// that was sent.
	Status int
	Bytes  int64
	// Decision is what became of the preconditions; Evaluated is false if they
	// were not evaluated here.
	Decision  precondition.Decision
	Evaluated bool
	// Current is the tag that the client is told of: that of the representation
	// it was answered with, or that its precondition was evaluated against. New is
	// that of the representation which a write has made, if that is known.
	Current, New etag.Tag
	// Validator says where Current comes from, and Why, in kebab case, why it is no
	// better one, such as "too-large"; "" if it is strong.
	Validator Origin
	Why       string
	// Reason is the stable, kebab-case word for an answer of the guard's own that
	// is not a precondition's, such as "precondition-required" or
	// "outcome-unknown"; it is the member "reason" of the problem details sent.
	Reason string

	// Backend is what the backend said last.
	Backend BackendRecord
	// LockWait is how long the request waited for writes before it.
	LockWait time.Duration
	// Err is what went wrong inside, for the log and never for the client.
	Err error
}

// BackendRecord is a backend's part in a request.
type BackendRecord struct {
	// Requests is how many requests it was sent: none if the guard refused,
	// and more than one if it was asked for the current state.
	Requests int
	// Status is that of the response to the last of them, or 0.
	Status int
	// ETag and LastModified are its field values as they came, of the selected
	// representation, shortened to 256 bytes. Fault is what is wrong with them in kebab case, such as
	// "unquoted" or "date-in-future"; "" is nothing.
	ETag, LastModified string
	Fault              string
	// Duration is how long the guard waited for headers of responses.
	Duration time.Duration
}

// Origin is where an entity tag comes from.
type Origin uint8

const (
	// OriginNone: there is none.
	OriginNone Origin = iota
	// OriginContent: it is made of the content.
	OriginContent
	// OriginBackend: it is the backend's own.
	OriginBackend
	// OriginWeakened: it is the backend's own, but marked weak, as the guard could
	// not make sure of it.
	OriginWeakened
)

// String returns the origin in lower case: "none", "content", "backend" or
// "weakened".
func (o Origin) String() string {
	return [...]string{"none", "content", "backend", "weakened"}[o]
}
