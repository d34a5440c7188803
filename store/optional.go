package store

import (
	"context"
	"errors"
	"iter"
)

// Collections is implemented by stores whose collections exist of their own, with or without members.
type Collections interface {
	// MakeCollection makes an empty collection. The error is a [*ConflictError] if anything exists under
	// name, [ErrNotFound] if the collection that would hold it does not exist, and [ErrNotCollection] if
	// that is a resource.
	MakeCollection(ctx context.Context, name string) (Info, error)

	// DeleteCollection removes the collection name with all that is in it, in one step: whoever looks sees
	// all of it or nothing of it, after a crash too. Stores with a [History] keep the revisions of the
	// members as if each had been deleted. The error is [ErrNotFound] or [ErrNotCollection]; the root
	// cannot be deleted ([ErrName]).
	DeleteCollection(ctx context.Context, name string) error
}

// Mover is implemented by stores that give what exists a new name, or a second one, in one step: whoever looks
// sees the state before or the state after, on both names, after a crash too.
//
// Both methods take resources and whole collections. A collection has no revision, so its expectation is [Any];
// the expectation on a destination that is a collection is [Any] too, and what was there, a whole tree included,
// is replaced (never merged) and kept as deleted things are. What arrives under the new name gets revisions greater
// than all that name had, and keeps its content, its Modified where that stays true, and its properties.
//
// The error is a [*ConflictError] that carries the name whose expectation failed, [ErrNotFound] if nothing
// exists under from or the collection that would hold to does not exist, [ErrNotCollection] if that is a
// resource, and [ErrInside] if one of the names lies inside the other or they are equal.
type Mover interface {
	// Move renames from to to. Afterwards from is as if deleted.
	Move(ctx context.Context, from string, expectFrom Expect, to string, expectTo Expect) (Info, error)

	// Copy makes to equal to from. Content may be shared where no later write to one can change the other.
	Copy(ctx context.Context, from string, expectFrom Expect, to string, expectTo Expect) (Info, error)
}

// Properties is implemented by stores that keep properties: small values under keys, which belong to a resource
// or a collection but are not of its content. They change neither Revision nor Modified. They stay with the
// resource when its content is replaced, follow it in a [Mover], go away with it, and are never those of
// another resource that has taken its name.
//
// Keys are any text of 1 to 1,024 bytes, values of up to [MaxPropertyValue]; a resource has at most [MaxProperties].
type Properties interface {
	// Properties returns what is set on name; the map may be nil and is the caller's. The error is
	// [ErrNotFound] if nothing exists under name.
	Properties(ctx context.Context, name string) (map[string]string, error)

	// SetProperties sets each key to its value, and removes each key whose value is nil, all in one step, if
	// expect holds (always [Any] for a collection). Removing what is not set is no error. A mismatch is a
	// [*ConflictError]; more or longer properties than a resource may have are [ErrTooLarge], and change nothing.
	SetProperties(ctx context.Context, name string, expect Expect, changes map[string]*string) error
}

// The bounds of [Properties].
const (
	MaxProperties    = 1024
	MaxPropertyValue = 64 << 10
)

// Keeper is implemented by stores that keep small records for a protocol above them, such as its locks, as
// durably as content and apart from it.
type Keeper interface {
	// Keep sets the record under key, a text of 1 to 1,024 bytes, or removes it if value is nil. When it
	// returns, the change is as durable as a commit.
	Keep(ctx context.Context, key string, value []byte) error

	// Kept yields the records whose key begins with prefix, in the order of their keys. An error ends the
	// sequence.
	Kept(ctx context.Context, prefix string) iter.Seq2[Record, error]
}

// Record is what a [Keeper] keeps.
type Record struct {
	Key   string
	Value []byte
}

// The errors of the optional interfaces, for errors.Is.
var (
	ErrInside   = errors.New("one name lies inside the other")
	ErrTooLarge = errors.New("more than the store keeps")
)
