package lock

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Lock is a write lock that was granted. It is a value: it does not change when the lock in the table does.
type Lock struct {
	// Token is its URI, "urn:uuid:..."; nobody can guess it (RFC 4918 §6.5).
	Token string `json:"token"`
	// Root is the name that was locked, and Collection reports whether a collection had it then.
	Root       string `json:"root"`
	Collection bool   `json:"collection,omitempty"`
	// Infinite is set for a lock of infinite depth, on Root and all that is or comes below it; else it is on
	// Root alone, and if that is a collection, on which members it has (§7.4).
	Infinite bool `json:"infinite,omitempty"`
	Shared   bool `json:"shared,omitempty"`
	// Owner is what the client said of its owner, verbatim; it may be "".
	Owner string `json:"owner,omitempty"`
	// Principal is who asked for the lock, and alone may use its token (§6.4); "" is a client that did not say.
	Principal string `json:"principal,omitempty"`
	// Expires is when the lock ends.
	Expires time.Time `json:"expires"`
}

// Covers reports whether name is in the scope of the lock.
func (l *Lock) Covers(name string) bool { return covers(l.Root, l.Infinite, name) }

func covers(root string, infinite bool, name string) bool {
	return name == root || infinite && inside(name, root)
}

// inside reports whether name lies below the collection root.
func inside(name, root string) bool {
	if root == "" {
		return name != ""
	}
	return len(name) > len(root) && name[len(root)] == '/' && strings.HasPrefix(name, root)
}

// parent returns the collection that has name as a member. The root collection is a member of none.
func parent(name string) (string, bool) {
	if name == "" {
		return "", false
	}
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		return name[:i], true
	}
	return "", true
}

// Claim is a name that a write is going to change: its content, its properties, or whether it exists.
type Claim struct {
	Name string
	// Member is set if the write makes the name or takes it away, which changes the collection that it is a
	// member of as well (RFC 4918 §7.4).
	Member bool
	// Tree is set, beside Member, if the write takes away or replaces all that lies below the name, too. Then no
	// other write to the name or below it is under way at the same time.
	Tree bool
}

// touches reports whether a lock on root concerns the claim.
func (c Claim) touches(root string, infinite bool) bool {
	if covers(root, infinite, c.Name) || c.Tree && inside(root, c.Name) {
		return true
	}
	above, ok := parent(c.Name)
	return c.Member && ok && covers(root, infinite, above)
}

// Writer is who writes, and which locks it knows of.
type Writer struct {
	Principal string
	// Tokens are those that the request submits (RFC 4918 §6.1).
	Tokens []string
}

// opens reports whether the writer may pass the lock.
func (w Writer) opens(l *Lock) bool {
	return l.Principal == w.Principal && slices.Contains(w.Tokens, l.Token)
}

// LockedError says that a write needs tokens which it does not submit, or which another principal's locks have.
type LockedError struct {
	// Locks are some of the locks in the way, at most 16, each once.
	Locks []Lock
}

func (e *LockedError) Error() string { return "a lock is in the way: " + roots(e.Locks) }

// ConflictError says that a lock cannot be granted because of others (RFC 4918 §9.10.5).
type ConflictError struct {
	// Locks are some of the others, at most 16, each once.
	Locks []Lock
}

func (e *ConflictError) Error() string { return "another lock is in the way: " + roots(e.Locks) }

func roots(locks []Lock) string {
	names := make([]string, len(locks))
	for i, l := range locks {
		names[i] = fmt.Sprintf("%q", l.Root)
	}
	return strings.Join(names, ", ")
}

// The errors of a [Table], for errors.Is.
var (
	// ErrNoLock: no lock has the token, or not on that name.
	ErrNoLock = errors.New("no such lock on this resource")
	// ErrNotCreator: the lock is another principal's.
	ErrNotCreator = errors.New("the lock belongs to someone else")
	// ErrBusy: writes or locks under way kept a request waiting for too long.
	ErrBusy = errors.New("writes to the resource are under way")
	// ErrTooMany: there are as many locks as there may be.
	ErrTooMany = errors.New("there are too many locks")
	// ErrTooManyOfClient: the client has as many as one may have.
	ErrTooManyOfClient = errors.New("the client has too many locks")
	// ErrOwner: the description of the owner is longer than [MaxOwner].
	ErrOwner = errors.New("the description of the lock's owner is too long")
)
