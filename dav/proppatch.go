package dav

import (
	"context"
	"net/http"

	"github.com/fourtwelve/fourtwelve/dav/internal/davxml"
	"github.com/fourtwelve/fourtwelve/store"
)

// proppatch answers PROPPATCH (§9.2): all instructions are followed, or none.
//
// The four properties of Windows (Win32FileAttributes and three times, in urn:schemas-microsoft-com:) are dead ones like
// any other: kept as they were sent, and answered 200. Explorer gives up a copy where they are refused. They do not change
// Last-Modified, which is when the content came to be here and lets conditions hold.
func (x *exchange) proppatch() {
	changes, err := davxml.ReadPropertyUpdate(x.document())
	if err != nil {
		x.fail(x.documentError(err))
		return
	}
	var info store.Info
	u := updateOf(changes)
	_, err = x.attempt(write{
		lookUp: func() (store.Info, store.Info, error) {
			var err error
			info, err = x.lookUp()
			return info, store.Info{}, err
		},
		touched: []touch{{name: x.name}},
		try: func(ctx context.Context, _ passage, seen, _ store.Info) (store.Info, error) {
			if len(u.refused) > 0 {
				return seen, nil
			}
			return seen, x.store.SetProperties(ctx, x.name, x.expectedOf(seen), u.set)
		},
	})
	if err != nil {
		x.fail(err)
		return
	}
	x.sendOutcome(u, info)
}

// expectedOf is the state that a write of properties insists on: the one seen, if something was said about it.
func (x *exchange) expectedOf(seen store.Info) store.Expect {
	if len(x.r.Header["If"]) > 0 || x.rec.Decision.Guarded {
		return expectOf(seen)
	}
	return store.Any
}

// The bounds on what a PROPPATCH sets, in bytes: those of store.Properties.
const (
	maxKey        = 1024
	maxProperties = 1 << 20
)

// update is what a PROPPATCH is to do.
type update struct {
	// names are the properties in it, each once, in the order of their first instruction.
	names []davxml.Name
	// set has the last instruction for each.
	set map[string]*string
	// refused are those that cannot be followed, with the status that says why.
	refused map[davxml.Name]int
}

func updateOf(changes []davxml.Change) update {
	u := update{set: make(map[string]*string, len(changes)), refused: make(map[davxml.Name]int)}
	size := 0
	for _, c := range changes {
		key := c.Name.String()
		if _, known := u.set[key]; !known {
			u.names = append(u.names, c.Name)
		}
		u.set[key] = nil
		switch {
		case protected[c.Name]:
			u.refused[c.Name] = http.StatusForbidden
		case c.Remove:
		case size > maxProperties || len(key) > maxKey:
			u.refused[c.Name] = http.StatusInsufficientStorage
		default:
			value := c.Element.Fragment()
			size += len(value)
			u.set[key] = &value
			if len(value) > store.MaxPropertyValue {
				u.refused[c.Name] = http.StatusInsufficientStorage
			}
		}
	}
	return u
}

// sendOutcome answers 207: each property with what has become of it (§9.2.1). If one could not be set, no other was:
// 424.
func (x *exchange) sendOutcome(u update, info store.Info) {
	w, to := x.multistatus()
	w.Open("response")
	w.Element("href", pathOf(info))
	for _, status := range [...]int{http.StatusOK, http.StatusForbidden, http.StatusInsufficientStorage, http.StatusFailedDependency} {
		sendPart(w, u, status)
	}
	w.Close()
	x.sent(w, to, nil)
}

// status is what has become of a property.
func (u update) status(n davxml.Name) int {
	if status, ok := u.refused[n]; ok {
		return status
	}
	if len(u.refused) > 0 {
		return http.StatusFailedDependency
	}
	return http.StatusOK
}

func sendPart(w *davxml.Writer, u update, status int) {
	found := false
	for _, n := range u.names {
		if u.status(n) != status {
			continue
		}
		if !found {
			found = true
			w.Open("propstat")
			w.Open("prop")
		}
		w.Name(n)
	}
	if !found {
		return
	}
	w.Close()
	w.Status(status)
	if status == http.StatusForbidden {
		w.Open("error")
		w.Empty("cannot-modify-protected-property")
		w.Close()
	}
	w.Close()
}
