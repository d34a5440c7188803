package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
)

// collection is what was made with MKCOL to hold the scratch resource and others beside it.
type collection struct {
	url *url.URL
	// made is set once the server has made it, and unsure while that cannot be told.
	made, unsure bool
	// lock is the token of the lock that the scratch resource has, or "".
	lock string
}

// newCollection returns a scratch resource in a collection that is still to be made.
func (s *session) newCollection(at *url.URL) *scratch {
	in := s.newScratch(at.JoinPath("scratch.txt"))
	in.collection = &collection{url: at}
	return in
}

// at is what Options.WriteTo named.
func (s *scratch) at() *url.URL {
	if s.collection != nil {
		return s.collection.url
	}
	return s.url
}

// makeCollection makes the collection, if there is to be one. MKCOL never takes the place of
// anything (RFC 4918 §9.3).
func (t *trial) makeCollection() {
	c := t.scratch.collection
	if c == nil || c.made {
		return
	}
	c.unsure = true
	a := t.do(request{method: "MKCOL", url: c.url})
	c.made, c.unsure = a.successful(), a.status == 0
	if a.status == 0 || c.made {
		return
	}
	t.scratch.denied = fmt.Sprintf("MKCOL gets %d: name a collection that can be made, or a resource, without a slash at the end", a.status)
}

// closeCollection removes the collection with all that is in it, and reports whether nothing is left.
func (s *scratch) closeCollection(ctx context.Context) bool {
	c := s.collection
	if !c.made && !c.unsure {
		return true
	}
	reason := s.resume(4)
	defer s.stop(reason)
	if c.made {
		if c.lock != "" {
			s.do(ctx, s.unlocking())
		}
		s.do(ctx, request{method: http.MethodDelete, url: c.url, fields: s.guard()})
	}
	a, _ := s.do(ctx, request{method: http.MethodGet, url: c.url})
	return a.missing()
}

// unlocking is the request that ends the lock on the scratch resource.
func (s *scratch) unlocking() request {
	return s.writing("UNLOCK", "", "Lock-Token", "<"+s.collection.lock+">")
}

// beside is the URL of a resource beside the scratch resource.
func (s *scratch) beside() *url.URL { return s.collection.url.JoinPath("beside.txt") }
