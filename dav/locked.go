package dav

import "time"

// LockStatus is a lock that holds, for people who look after the server.
type LockStatus struct {
	// Name is what was locked, as a name of the store; Infinite is set if that is meant with all below.
	Name             string
	Infinite, Shared bool
	// Owner is who asked for it: the name it was let in under, or what the client said of itself, as XML; "" if neither is known.
	Owner   string
	Expires time.Time
}

// Locks returns the locks that hold now, by name. It has no tokens.
func (h *Handler) Locks() []LockStatus {
	var all []LockStatus
	for _, l := range h.locks.table.All(h.options.now()) {
		owner := l.Principal
		if owner == "" {
			owner = l.Owner
		}
		all = append(all, LockStatus{l.Root, l.Infinite, l.Shared, owner, l.Expires})
	}
	return all
}
