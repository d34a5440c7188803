package dav

import (
	"errors"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/dav/internal/lock"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
)

// Store is what WebDAV needs of a store.
type Store interface {
	store.Store
	store.Collections
	store.Mover
	store.Properties
	store.Keeper
}

// DefaultLockTimeout is Options.LockTimeout if that is 0: an hour.
const DefaultLockTimeout = lock.DefaultMaxTimeout

// Options configures a handler. Only Origin.Store is needed; it has to be a [Store].
type Options struct {
	// Origin configures the handler behind. Its Locks and RequireOf are set here. Its Require is for
	// clients that do not speak WebDAV.
	Origin origin.Options
	// Require says which writes of clients that speak WebDAV need a precondition. A lock token that is submitted
	// is one. origin.RequireNever lets them overwrite what the store spares ([store.Sparer]), and nothing else.
	Require origin.Require
	// Known reports whether who sent a request was let in. Others are told what the server can do, and
	// neither what there is nor who holds locks. Nil lets everyone in.
	Known func(*http.Request) bool
	// LockTimeout bounds how long a lock lasts without being refreshed, and is how long one lasts that does not ask for
	// less. 0 is DefaultLockTimeout.
	LockTimeout time.Duration
	// Client says who sent a request, beyond its address and User-Agent: the name of a user. Nil is "".
	Client func(*http.Request) string
}

// full returns the store as WebDAV needs it.
func (o Options) full() (Store, error) {
	if o.Origin.Store == nil {
		return nil, errors.New("dav: no store to serve")
	}
	s, ok := o.Origin.Store.(Store)
	if !ok {
		return nil, errors.New("dav: the store has no collections, moves, properties or records")
	}
	return s, nil
}

func (o Options) now() time.Time {
	if o.Origin.Now == nil {
		return time.Now()
	}
	return o.Origin.Now()
}
