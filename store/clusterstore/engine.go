package clusterstore

import (
	"context"
	"errors"
	"io"
	"time"
)

// MaxHeadName bounds the names that [Heads] and [Contents] are given, in bytes. An engine that cannot
// hold such a name as it is stores it under another, or refuses it with an error that is store.ErrName.
const MaxHeadName = 4200

// MaxRecord bounds the record of a head, in bytes: properties may be 1 MiB, and content rides along.
const MaxRecord = 4 << 20

// A Token is the state of one head, opaque to all but the engine: an entity tag, a generation, a row's
// version. Two states of a head never have the same Token, whatever their records are. The empty Token is
// the state of a head that does not exist.
type Token string

// ErrSwapped says that a head was not in the state that [Heads.Swap] was to replace: surely nothing was done.
var ErrSwapped = errors.New("the head was changed by somebody else")

// Heads keeps short records under names and changes each by compare-and-swap. This is all that makes
// a Store atomic, so an engine that cannot do it, or does it only most of the time, must not pass
// enginetest. All methods may be called from any number of goroutines, and several Heads may stand on
// one engine.
//
// Operations on one name are linearizable, across all processes: Get never returns a state older than
// one that a finished Swap or Get, of whatever process, has left or seen.
//
// Names are UTF-8 of 1 to [MaxHeadName] bytes without control characters. Their first element says
// what they are for: those of resources begin with "r/". An engine need not know.
//
// Besides what is said below, errors are: store.ErrUnavailable if the engine cannot be reached, is
// shutting down, or asks for less, and the call may be made again later; store.ErrReadOnly for missing
// rights to write; store.ErrNoSpace; the context's own; and whatever else, with words that a person
// who runs the engine understands. After each of them nothing was done.
type Heads interface {
	// Get returns the record under name and its state. Nothing under name is no error: the record is
	// nil and the Token empty. If the state still is known, and known is not empty, the record is nil
	// and the Token known: the engine should make this cheaper than sending the record. The record is
	// the caller's.
	Get(ctx context.Context, name string, known Token) (record []byte, token Token, err error)

	// Swap sets the record under name if the state is old, the empty Token meaning that nothing is
	// there yet, and returns the new state. When it returns, the record is as durable as the engine
	// promises. The record is not empty, has at most [MaxRecord] bytes, and never equals one that was
	// there before; it is not kept.
	//
	// Swap sends its request once. The error is [ErrSwapped] if the state is another one. It is
	// store.ErrUnknown if the record may have been set, or may be set later: the connection broke, the
	// answer is none that decides, the context ended while it was on its way. The caller finds out. An
	// engine that is not sure says store.ErrUnknown.
	Swap(ctx context.Context, name string, old Token, record []byte) (Token, error)

	// List returns heads whose name begins with prefix, has no slash behind it, and is greater than
	// after, in byte order of their names, at most n of them, and next. If next is empty, that was the
	// end; otherwise there may be more, even if the page is short or empty, and the next call has next as
	// its after. A page costs a bounded number of requests, however many names have more slashes.
	//
	// Whatever was swapped in before List began is listed, unless the engine's listings are late, which
	// it must document. Records may be left out (nil) where a listing does not have them; those that are
	// there belong to the Token beside them.
	List(ctx context.Context, prefix, after string, n int) (page []Listed, next string, err error)
}

// Listed is a head in a listing.
type Listed struct {
	Name   string
	Token  Token  // empty if the listing does not know it
	Record []byte // nil if the listing does not have it
}

// ContentID names a content: that of one head, for one revision. No two contents have the same
// ContentID, ever, and no head names the content of another.
type ContentID struct {
	Head string // the name of the head that may name it
	ID   string // 32 hexadecimal digits, lower case, of which the first 12 are milliseconds since 1970
}

// Stored is a content in a listing.
type Stored struct {
	ContentID
	Size int64
}

// Contents keeps immutable contents. All methods may be called from any number of goroutines. The
// errors are as with [Heads].
type Contents interface {
	// Put reads r to its end and keeps it under id, which is new. size is its length, or -1 if it is
	// not known before the end; a length that is another one is an error. When Put returns without an
	// error, the content is as durable as a head, and Open returns all of it, in every process. After
	// an error there may be something left, which List returns and Remove removes, or nothing; Open
	// never returns a part of it as if it were all. Put holds no more than a bounded part of r in
	// memory. An error of r is returned wrapped.
	Put(ctx context.Context, id ContentID, size int64, r io.Reader) error

	// Open returns n bytes of the content from offset off, or all that follow if n is negative, and
	// asks the engine for no more than these. The reader belongs to the caller, who reads it to the end
	// or not, and closes it; it fails rather than ending early, and with store.ErrGone if the content
	// was removed meanwhile. The error is store.ErrGone if there is no such content. ctx governs the
	// reading too.
	Open(ctx context.Context, id ContentID, off, n int64) (io.ReadCloser, error)

	// Remove removes the content. Removing what is not there is no error. An unfinished Put of that id,
	// of a process that has died, is removed with what it left.
	Remove(ctx context.Context, id ContentID) error

	// List returns contents, at most n of them, unfinished ones included, and next. If head is empty,
	// these are those of all heads, in such an order that those of one head come one after another;
	// otherwise those of that head. cursor is empty or a next that List returned; if next is empty, that
	// was the end. What is put or removed meanwhile may be listed or not; all else is listed once.
	List(ctx context.Context, head, cursor string, n int) (page []Stored, next string, err error)
}

// Copier is implemented by Contents that copy within the engine: as Put of what Open returns, without
// the bytes going through this process.
type Copier interface {
	Copy(ctx context.Context, from, to ContentID) error
}

// Notifier is implemented by Heads that hear of changes that other processes make. This keeps cached
// heads fresher than Options.ReadStaleness alone would; nothing is wrong if a change is not heard of.
type Notifier interface {
	// Notify calls changed with the name of each head that changed, or with "" if changes may have
	// been missed, until ctx is done; then it returns. It makes a broken connection anew by itself.
	Notify(ctx context.Context, changed func(name string))
}

// Closer is implemented by Heads and Contents that hold something open. [Store.Close] calls it.
type Closer interface {
	Close() error
}

// RetryAfterer is implemented by errors that are store.ErrUnavailable and know how long it will last.
type RetryAfterer interface {
	RetryAfter() time.Duration
}
