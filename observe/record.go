package observe

import (
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Record is what a handler knows of a request that it has answered. What it cannot know is zero:
// an origin server has no route and no backend.
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
	// this handler did not evaluate them, Evaluated being false.
	Decision  precondition.Decision
	Evaluated bool
	// Current is the tag that the client is told of: that of the representation
	// it was answered with, or against which its precondition was evaluated. New is
	// that of the representation which a write has made. Each is zero if it is not known.
	Current, New etag.Tag
	// Reason is the stable, kebab-case word for a refusal that is not a
	// precondition's, such as "precondition-required" or "digest-mismatch"; it is
	// the member "reason" of the problem details sent.
	Reason string
	// Replayed says that the answer is that to an earlier request with the same Idempotency-Key: nothing
	// was done this time.
	Replayed bool
	// Err is what went wrong inside, for the log and never for the client.
	Err error

	// Route is the name of the gateway's route, or "" if none matched.
	Route string
	// Validator says where Current comes from, and Why, in kebab case, why it is no
	// better one, such as "too-large"; "" if it is strong.
	Validator Source
	Why       string
	// LockWait is how long the request waited for writes before it.
	LockWait time.Duration
	// Backend is the part of the backend that was asked.
	Backend Backend
}

// Backend is a backend's part in a request.
type Backend struct {
	// Requests is how many requests it was sent: none if the gateway answered by itself,
	// and more than one if it was asked for the current state first.
	Requests int
	// Status is that of the response to the last of them, or 0.
	Status int
	// ETag and LastModified are its field values as they came, of the selected
	// representation, shortened to 256 bytes. Fault is what is wrong with them in kebab case, such as
	// "unquoted" or "date-in-future"; "" is nothing.
	ETag, LastModified string
	Fault              string
	// Duration is how long the gateway waited for header sections of responses.
	Duration time.Duration
	// Cache says what the gateway's cache had to do with it: "hit", "stale" (served so),
	// "validated", "collapsed" (served with the answer to another request), "miss" or "bypass"; ""
	// if there is none.
	Cache string
	// CacheAge is how old the response is that was served, stored or validated, and CacheTTL how
	// long it is fresh since then, negative if it is stale; if CacheTimes is set.
	CacheAge, CacheTTL time.Duration
	CacheTimes         bool
	// CacheForwarded and CacheDetail are why, as in Cache-Status (RFC 9211): "uri-miss",
	// "no-store". CacheStored says that the response of the backend is being stored.
	CacheForwarded, CacheDetail string
	CacheStored                 bool
}

// Source is where an entity tag that a gateway sends comes from.
type Source uint8

const (
	// NoTag: there is none.
	NoTag Source = iota
	// FromContent: it is made of the content.
	FromContent
	// FromBackend: it is the backend's own.
	FromBackend
	// Weakened: it is the backend's own, but marked weak, as the gateway could
	// not make sure of it.
	Weakened
)

// String returns the source in lower case: "none", "content", "backend" or "weakened".
func (s Source) String() string {
	return [...]string{"none", "content", "backend", "weakened"}[s]
}

// Observer is told of every request when it has been answered. It is called on
// the request's goroutine, so from many at once; it must not keep r.
type Observer func(r *http.Request, rec *Record)

// All returns an observer that tells those that are not nil, in their order, or nil if all are.
func All(observers ...Observer) Observer {
	var told []Observer
	for _, o := range observers {
		if o != nil {
			told = append(told, o)
		}
	}
	switch len(told) {
	case 0:
		return nil
	case 1:
		return told[0]
	}
	return func(r *http.Request, rec *Record) {
		for _, o := range told {
			o(r, rec)
		}
	}
}
