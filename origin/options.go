package origin

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/store"
)

// Require says which writes need a precondition (RFC 6585 §3: 428).
type Require uint8

const (
	// RequireOverwrite refuses a write without a precondition if it would replace
	// or delete something.
	RequireOverwrite Require = iota
	// RequireNever refuses none.
	RequireNever
	// RequireAlways refuses every write without one.
	RequireAlways
	// RequireWhereLost refuses a write without a precondition if it would replace what the
	// store cannot spare: see [store.Sparer].
	RequireWhereLost
)

// Options configures a handler. Only Store is needed.
type Options struct {
	Store store.Store
	// ReadOnly refuses every write with 403.
	ReadOnly bool
	// Require says which writes need a precondition.
	Require Require
	// RequireOf says it for one request. Nil is Require for all.
	RequireOf func(*http.Request) Require
	// MaxBody bounds the content of a request in bytes; more is 413. 0 stands for
	// DefaultMaxBody, a negative value for no bound.
	MaxBody int64
	// MaxMemory bounds, in bytes, what all requests together hold in memory to patch
	// content, to compare revisions, and for listings. One that finds too little left
	// waits, up to five seconds, and then is a 503; a comparison is left out. 0
	// stands for DefaultMaxMemory, a negative value for no bound.
	MaxMemory int64
	// LenientTags accepts entity tags without quotes in If-Match and If-None-Match.
	LenientTags bool
	// StaleIfRange answers a false If-Range with 412 instead of 200.
	StaleIfRange bool
	// AcceptReplay answers a write whose precondition is false with success if
	// its content is what is stored already (RFC 9110 §13.1.1).
	AcceptReplay bool
	// Once is about writes with an Idempotency-Key: a write that was performed is not performed again when the key comes
	// a second time, and its first answer is given again, also after a restart. It takes a store that is a
	// [store.Recorder]; with any other the field is ignored.
	Once Once
	// RevisionTags puts the revision's number before the digest in entity tags, so that
	// going back to earlier content is a change.
	RevisionTags bool
	// CacheControl returns the Cache-Control value (RFC 9111 §5.2) for the resource with this
	// name, or "" for none. Nil is DefaultCacheControl for all.
	CacheControl func(name string) string
	// History reports whether who sent a request may see earlier revisions: their
	// content, the link to them, and what has changed since. Nil lets everyone who may
	// read.
	History func(*http.Request) bool
	// MayPurge reports whether who sent a request may make the store forget earlier
	// revisions. Nil lets nobody.
	MayPurge func(*http.Request) bool
	// Locks decides whether a write may touch a name, beside the preconditions. Nil lets
	// every write.
	Locks Locks
	// Methods returns the methods of a target for the Allow field, if a handler around
	// this one has some of its own: own are this handler's, and may be appended
	// to. exists reports whether there is anything under the name. Nil is own.
	Methods func(k Kind, exists bool, own []string) []string
	// Observe is told of every request that was answered.
	Observe observe.Observer
	// Logger gets what went wrong inside, with credentials in names and errors replaced. Nil
	// discards it.
	Logger *slog.Logger
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// DefaultCacheControl is the Cache-Control of resources if Options has none: a cache may keep
// the answer, and asks before it uses it. Without any, browsers guess from Last-Modified how
// long it stays what it is (RFC 9111 §4.2.2), and write with the tag of what has changed since.
const DefaultCacheControl = resource.DefaultCacheControl

// The bounds that stand for a field that is 0.
const (
	// DefaultMaxBody bounds the content of a request: 1 GiB.
	DefaultMaxBody = 1 << 30
	// DefaultMaxMemory bounds what all requests together hold: 256 MiB.
	DefaultMaxMemory = 256 << 20
)
