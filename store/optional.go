package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
)

// Collections is implemented by stores whose collections exist of their own, with or without
// members: a collection stays when its last member goes, also one that a commit made on its way.
type Collections interface {
	// MakeCollection makes an empty collection. The error is a [*ConflictError] if anything exists under
	// name, [ErrNoParent] if the collection that would hold it does not exist, [ErrNotCollection] if
	// that is a resource, and a [*NameError] for a name that [CheckNewName] refuses.
	MakeCollection(ctx context.Context, name string) (Info, error)

	// DeleteCollection removes the collection name with all that is in it, in one step: whoever
	// looks sees all of it or nothing of it, after a crash too. Stores with a [History] keep the
	// revisions of the members as if each had been deleted, as far as their bounds allow. The error
	// is [ErrNotFound] or [ErrNotCollection]; the root cannot be deleted ([ErrName]).
	DeleteCollection(ctx context.Context, name string) error
}

// Mover is implemented by stores that give what exists a new name, or a second one, in one step:
// whoever looks sees the state before or the state after, on both names, after a crash too.
//
// Move and Copy take resources and whole collections. A collection has no revision, so only [Any]
// holds for one, on either name. What is at to is replaced, a whole tree included, never merged
// with what arrives, and is kept as deleted things are, or as [Sparing] says. What arrives gets revisions greater than
// all that its new name had, and keeps its content and its properties. It keeps its Modified,
// unless a Last-Modified date made of that might have been that of another content of the same
// name: then it gets a new one, as a commit does.
//
// The errors are these, and nothing has changed then unless said:
//   - a [*NameError] for names that [CheckName] refuses, and for a to that [CheckNewName] does;
//   - [ErrInside] if the names are equal or one lies inside the other;
//   - a [*ConflictError] that carries the name whose expectation does not hold;
//   - [ErrNotFound] if nothing exists under from, and [Any] or [Absent] was expected;
//   - [ErrNoParent] if the collection that would hold to does not exist, and [ErrNotCollection] if it is a resource;
//   - an [*UnsparedError] under [Sparing];
//   - those of a commit: [ErrReadOnly], [ErrNoSpace], [ErrUnavailable]; after [ErrUnknown] it may have happened.
//
// Of the members of a collection that was moved, a [History] may keep nothing of the revisions that
// moved under their old names: nothing is lost.
//
// From is looked at first, then the collection that would hold to, then to.
type Mover interface {
	// Move renames from to to, and returns what is there now. Afterwards from is as if deleted.
	Move(ctx context.Context, from string, expectFrom Expect, to string, expectTo Expect) (Info, error)

	// Copy makes to equal to from, and returns what is there now. Content may be shared where no
	// later write to one can change the other.
	Copy(ctx context.Context, from string, expectFrom Expect, to string, expectTo Expect) (Info, error)

	// CopyCollection is Copy of the collection from alone, with its properties and without its
	// members. The error is [ErrNotCollection] if from is a resource.
	CopyCollection(ctx context.Context, from, to string, expectTo Expect) (Info, error)
}

// CheckMove reports whether [Mover] can take the names: the errors are those about names alone.
func CheckMove(from, to string) error {
	if err := CheckName(from); err != nil {
		return err
	}
	if err := CheckNewName(to); err != nil {
		return err
	}
	if from == to || Inside(from, to) || Inside(to, from) {
		return &insideError{from, to}
	}
	return nil
}

// Inside reports whether name is that of something in the collection, at any depth.
func Inside(name, collection string) bool {
	if collection == "" {
		return name != ""
	}
	return len(name) > len(collection) && name[len(collection)] == '/' && strings.HasPrefix(name, collection)
}

// Properties is implemented by stores that keep properties: small values under keys, which belong
// to a resource or a collection but are not of its content. They change neither Revision nor
// Modified. They stay with the resource when its content is replaced, follow it in a [Mover], go
// away with it, and are never those of another resource that has taken its name. Whether a
// [History] has them is up to the store.
type Properties interface {
	// Properties returns what is set on name; the map may be nil and is the caller's. The error is
	// [ErrNotFound] if nothing exists under name.
	Properties(ctx context.Context, name string) (map[string]string, error)

	// SetProperties sets each key to its value, and removes each key whose value is nil, all in one
	// step, if expect holds (only [Any] does for a collection). When it returns, the change is as
	// durable as a commit. Removing what is not set is no error. A mismatch is a [*ConflictError];
	// if nothing exists under name, and [Any] or [Absent] was expected, the error is [ErrNotFound];
	// bad changes are what [ChangeProperties] says of them. After an error nothing has changed.
	SetProperties(ctx context.Context, name string, expect Expect, changes map[string]*string) error
}

// PropertyHint is implemented by stores with [Properties] that know without a look at anything
// whether there are any.
type PropertyHint interface {
	// HasProperties reports whether there may be properties: if not, none were set on anything at
	// that moment.
	HasProperties() bool
}

// Sparer is implemented by stores with a [History] that heed [Sparing].
type Sparer interface {
	// CanSpare reports whether a revision of size bytes would be kept if something replaced it
	// under Sparing.
	CanSpare(size int64) bool
}

// CanSpare reports whether s spares what i describes when something replaces it under [Sparing].
func CanSpare(s Store, i Info) bool {
	sparer, ok := s.(Sparer)
	return ok && sparer.CanSpare(i.Size)
}

type sparing struct{}

// Sparing returns a context for a write by somebody who has not said which version it is to
// replace. What a Commit, Move or Copy replaces under it, a whole collection too, is spared by a
// store that is a [Sparer]: a bound on how many revisions of a name are kept leaves it room for as
// many such revisions beside the others, and a bound on age does not count. Bounds on all names
// together do.
//
// Of a resource, a revision that cannot be spared is lost: who wants it not to be asks [CanSpare]
// about the revision that the write expects. Of a collection nobody can ask that in advance, so a
// Move or Copy with one at either end replaces nothing that could not be spared: the error is an
// [*UnsparedError] then.
func Sparing(ctx context.Context) context.Context { return context.WithValue(ctx, sparing{}, true) }

// IsSparing reports whether ctx comes from [Sparing].
func IsSparing(ctx context.Context) bool { return ctx.Value(sparing{}) != nil }

// UnsparedError is the error of a Move or Copy under [Sparing] that would have replaced what could not be
// spared. Nothing has changed.
type UnsparedError struct {
	// Name is of what could not be, which lies in what would have been replaced, or is that.
	Name string
	// Reason says why, as a clause whose subject is Name: "has 9 bytes, more than ...".
	Reason string
}

func (e *UnsparedError) Error() string { return fmt.Sprintf("%q %s", e.Name, e.Reason) }

// Keeper is implemented by stores that keep small records for a protocol above them, such as its
// locks, as durably as content and apart from it: no name leads to a record, and no record follows
// a name.
type Keeper interface {
	// Keep sets the record under key, or removes it if value is nil. When it returns, the change is
	// as durable as a commit. A key is 1 to [MaxPropertyKey] bytes of UTF-8, else the error is
	// [ErrName]; a value is up to [MaxRecordValue] bytes, else it is [ErrTooLarge].
	Keep(ctx context.Context, key string, value []byte) error

	// Kept yields the records whose key begins with prefix, in the byte order of their keys, all of
	// them as they were at one moment. An error ends the sequence. The values are the caller's.
	Kept(ctx context.Context, prefix string) iter.Seq2[Record, error]
}

// Recorder is implemented by stores whose writes can leave a record of themselves. Record and write
// are one step: after a crash, too, there are both or there is neither, so that whoever finds the
// record knows that the write took place.
type Recorder interface {
	Keeper

	// CommitWith is what Commit of d, a draft of this store, does, and sets the record under key to
	// what value returns for the new revision. The errors are those of Commit and of Keep; a record
	// that cannot be kept spends the draft, and nothing has changed. value may be called more than
	// once, while the store is locked, and must not call the store.
	CommitWith(ctx context.Context, d Draft, expect Expect, key string, value Note) (Info, error)

	// DeleteWith is the same for Delete. value gets the Info of what is removed.
	DeleteWith(ctx context.Context, name string, expect Expect, key string, value Note) (Info, error)
}

// Note makes the value of the record that a write leaves, of the revision that it has made or removed.
type Note func(Info) []byte

// Record is what a [Keeper] keeps.
type Record struct {
	Key   string
	Value []byte
}

// The errors of the optional interfaces, for errors.Is. What is ErrNoParent is [ErrNotFound], too.
var (
	ErrInside   = errors.New("one name lies inside the other")
	ErrTooLarge = errors.New("more than the store keeps")
	ErrNoParent = errors.New("the collection to hold it does not exist")
)

// insideError is ErrInside with the names.
type insideError struct{ from, to string }

func (e *insideError) Error() string {
	if e.from == e.to {
		return fmt.Sprintf("%q is both names", e.from)
	}
	if Inside(e.to, e.from) {
		return fmt.Sprintf("%q lies inside %q", e.to, e.from)
	}
	return fmt.Sprintf("%q lies inside %q", e.from, e.to)
}

// Is makes errors.Is(err, ErrInside) true.
func (e *insideError) Is(target error) bool { return target == ErrInside }
