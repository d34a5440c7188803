package dav

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/dav/internal/davxml"
	"github.com/fourtwelve/fourtwelve/origin"
)

// touch is a name that a request changes, and how.
type touch struct {
	name string
	// tree is set if all that is in the collection is changed, too.
	tree bool
	// member is set if the name begins or ceases to exist, which changes the collection that it is in (RFC 4918 §7.4).
	member bool
}

// passage is leave to change what was touched.
type passage struct {
	origin.Passage
	// unmapped is told of a name that the write has taken away, with all below it: the locks on them end (§6.1).
	// replaced is told of one that something else has now: the locks below it end. Both before Leave.
	unmapped, replaced func(name string)
}

// locks is what the methods here need of the locks there are.
type locks interface {
	origin.Locks
	// enterAll is Enter for a request that changes several names, or a name in another way than its content. What it
	// grants is granted for all of them, or for none.
	enterAll(r *http.Request, touched ...touch) (passage, error)
	// discover writes the value of lockdiscovery of a name (§15.8): an activelock for each lock on it.
	discover(w *davxml.Writer, name string)
}

// noLocks are no locks.
type noLocks struct{}

func (noLocks) Enter(*http.Request, string) (origin.Passage, error) {
	return origin.Passage{Leave: func() {}}, nil
}

func (noLocks) enterAll(*http.Request, ...touch) (passage, error) {
	none := func(string) {}
	return passage{Passage: origin.Passage{Leave: func() {}}, unmapped: none, replaced: none}, nil
}

func (noLocks) discover(*davxml.Writer, string) {}
