// Package store is the contract between HTTP and whatever keeps the
// representations: named, revisioned content whose writes carry the revision
// they expect to replace.
//
// A write is staged (content read, hashed and put aside, invisible) and then
// committed on an expectation. Check and change are one step inside the store,
// so of any number of writers who saw the same revision exactly one commits:
//
//	draft, err := s.Stage(ctx, "notes/today.txt", body)
//	if err != nil {
//		return err
//	}
//	defer draft.Abort(ctx)
//	info, err := draft.Commit(ctx, store.At(seen.Revision))
//	if errors.Is(err, store.ErrConflict) {
//		// someone else was first; the draft is still good for another try
//	}
//
// Package storetest is this contract in executable form; every Store passes it.
package store

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"time"
)

// Revision numbers the states a name has gone through. Every commit, and every
// change another program makes to the underlying data, gives a name a Revision
// greater than all it had before, deletions included: a Revision never names
// two states. The zero Revision means that nothing exists under the name.
type Revision uint64

// String returns r in decimal.
func (r Revision) String() string { return strconv.FormatUint(uint64(r), 10) }

// Expect is the state a write insists on replacing. The zero Expect is
// [Absent], so a forgotten expectation creates but never overwrites.
type Expect uint64

const (
	// Absent insists that nothing exists under the name (If-None-Match: *).
	Absent Expect = 0
	// Any replaces whatever is there, or creates.
	Any Expect = math.MaxUint64
)

// At insists that the current revision is r. At(0) is [Absent].
func At(r Revision) Expect { return Expect(r) }

// Holds reports whether current satisfies e. current is 0 when nothing exists.
func (e Expect) Holds(current Revision) bool { return e == Any || e == Expect(current) }

// Admits reports whether what is under a name satisfies e, i being its Info or zero if nothing is: as
// Holds, and of a collection only [Any] holds.
func (e Expect) Admits(i Info) bool { return e == Any || !i.Collection && e.Holds(i.Revision) }

func (e Expect) String() string {
	switch e {
	case Absent:
		return "absent"
	case Any:
		return "any"
	}
	return "revision " + Revision(e).String()
}

// Digest is the SHA-256 of a revision's content.
type Digest [32]byte

// String returns d in lower-case hexadecimal.
func (d Digest) String() string { return hex.EncodeToString(d[:]) }

// Info describes one revision of a resource, or a collection.
type Info struct {
	// Name is the full name, as in "notes/today.txt"; "" is the root collection.
	Name string
	// Collection is set for a name that has members rather than content. Then
	// only Name and Modified are meaningful.
	Collection bool
	// Revision is non-zero for content that exists.
	Revision Revision
	// Size is the content's length in bytes.
	Size int64
	// Digest is the SHA-256 of the content. List may leave it zero.
	Digest Digest
	// Modified is when this revision came to be, in UTC and whole seconds, so
	// that it can be a Last-Modified date (RFC 9110 §8.8.2). It never lets a
	// date cover two revisions: a revision known to have replaced another one
	// has a Modified later than every second in which that other one was
	// current. To achieve this it may lie up to a second in the future, and
	// whoever publishes it as a date must wait until that second has passed.
	Modified time.Time
}

// Exists reports whether i describes existing content.
func (i Info) Exists() bool { return i.Revision != 0 }

// Store keeps revisioned content under names. All methods may be called from
// any number of goroutines. Names are those [CheckName] accepts; every method
// returns a [*NameError] for others.
//
// The operations on one name are linearizable: each takes effect at one moment
// between its call and its return, as seen by every other caller.
type Store interface {
	// Stat describes what is current under name. It returns an error that is
	// [ErrNotFound] if there is nothing. A collection is described, not refused.
	Stat(ctx context.Context, name string) (Info, error)

	// Open returns the content of one revision of name: rev, or the current one
	// if rev is 0. It returns [ErrNotFound] if nothing exists under name, [ErrGone]
	// if rev is no longer (or was never) available, and [ErrIsCollection].
	// ctx governs this call alone: the Content can be read after ctx is done.
	Open(ctx context.Context, name string, rev Revision) (Content, error)

	// Stage reads content to its end and keeps it, invisible, for a commit
	// under name. If content fails, Stage returns that error (wrapped) and keeps
	// nothing. ctx governs the reading alone: the Draft outlives it. Names that
	// could not be written anywhere are refused here (CheckNewName), as are, when
	// they can be told already, [ErrIsCollection], [ErrNotCollection],
	// [ErrReadOnly], [ErrNoSpace] and [ErrUnavailable].
	Stage(ctx context.Context, name string, content io.Reader) (Draft, error)

	// Delete removes name if expect holds, and returns what it removed. A
	// mismatch is a [*ConflictError]; deleting what does not exist with Any is
	// ErrNotFound. Collections go away with their last member's deletion or
	// stay empty, as the store likes, unless it is a [Collections]; deleting one
	// is ErrIsCollection.
	Delete(ctx context.Context, name string, expect Expect) (Info, error)

	// List yields the direct members of the collection name, in the byte order
	// of their names. Digest and Revision may be zero, both of them, where they are
	// not known without reading the content. If name is not a collection the single
	// pair yielded has the error ErrNotFound or ErrNotCollection; an error ends the
	// sequence.
	List(ctx context.Context, name string) iter.Seq2[Info, error]
}

// Content is the content of one revision. It stays the content of that revision
// however often the name is rewritten meanwhile; where the store cannot
// promise this (another program changed a file in place) reading fails with
// [ErrChanged] rather than mixing two states. ReadAt may be called
// concurrently. The caller must Close it.
type Content interface {
	io.ReaderAt
	io.Closer
	// Info describes the revision.
	Info() Info
	// WriteRange writes the n bytes from offset off to w, and fails unless all
	// of them are of this revision. 0 <= off, 0 <= n, off+n <= Info().Size.
	// It returns how many bytes were written. If the error is ErrChanged these are fewer
	// than n, so that whoever was told to expect n sees that they are not all; and
	// nothing another program does to the file later changes what was written, even if
	// it is still on its way.
	WriteRange(w io.Writer, off, n int64) (int64, error)
}

// Draft is staged content waiting to be committed. It is used by one goroutine.
type Draft interface {
	// Size is the staged content's length in bytes.
	Size() int64
	// Digest is the staged content's SHA-256.
	Digest() Digest
	// Commit makes the content the current revision of the name it was staged
	// for, if expect holds at that moment, and returns the new revision; when it
	// returns, the revision is as durable as the store promises. If expect does not hold
	// the error is a [*ConflictError] with the current Info, nothing has
	// changed, and the draft may be committed again. After a success, or any other
	// error, the draft is spent. An error that is [ErrUnknown] means the revision
	// may or may not have become current.
	Commit(ctx context.Context, expect Expect) (Info, error)
	// Abort gives up the draft and all it holds. After a successful Commit,
	// and when called again, it does nothing. The draft is given up even if ctx
	// is done; ctx only bounds how long Abort waits for what holds it. What
	// could not be removed is an error, and is removed at the next start.
	Abort(ctx context.Context) error
}

// History is implemented by stores that keep revisions after they were
// replaced or deleted. Open takes the revisions it yields.
type History interface {
	// Revisions yields the revisions of name that are still kept, newest first,
	// the current one included. It yields nothing for a name never heard of.
	Revisions(ctx context.Context, name string) iter.Seq2[Info, error]
}

// Purger is implemented by stores with a history that can be made to forget.
type Purger interface {
	// Purge forgets the content of revision rev of name for good, or that of all revisions
	// before the current one if rev is 0; after a deletion that is all of them. It returns how
	// many those were. The current revision stays whatever is asked for. The error is
	// [ErrGone] if rev is not an earlier revision that is kept.
	Purge(ctx context.Context, name string, rev Revision) (int, error)
}

// The errors a Store returns, for errors.Is.
var (
	ErrNotFound      = errors.New("no such resource")
	ErrGone          = errors.New("revision is no longer kept")
	ErrConflict      = errors.New("the resource is not in the expected state")
	ErrIsCollection  = errors.New("is a collection")
	ErrNotCollection = errors.New("is not a collection")
	ErrChanged       = errors.New("content was changed while it was read")
	ErrReadOnly      = errors.New("the store cannot be written to")
	ErrNoSpace       = errors.New("no space left in the store")
	ErrUnknown       = errors.New("the outcome of the write is unknown")
	ErrUnavailable   = errors.New("the store accepts no writes at present")
	ErrClosed        = errors.New("the store is closed")
	ErrName          = errors.New("not a usable name")
)

// ConflictError says that a write expected a state the resource was not in.
// errors.Is(err, ErrConflict) holds for it.
type ConflictError struct {
	Name   string
	Expect Expect
	// Current is the state at the moment of the check; its Revision is 0 if
	// nothing existed or, as Collection says then, a collection did.
	Current Info
}

func (e *ConflictError) Error() string {
	current := "nothing exists"
	switch {
	case e.Current.Collection:
		current = "a collection is there"
	case e.Current.Exists():
		current = "revision " + e.Current.Revision.String() + " is current"
	}
	return fmt.Sprintf("%q: expected %s, but %s", e.Name, e.Expect, current)
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *ConflictError) Is(target error) bool { return target == ErrConflict }
