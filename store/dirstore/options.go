package dirstore

import (
	"fmt"
	"log/slog"
	"time"
)

// SyncMode says what has become of a revision when Commit returns.
type SyncMode int

const (
	// SyncFull makes every commit and deletion durable before it is visible:
	// it survives the loss of power.
	SyncFull SyncMode = iota
	// SyncNone leaves it to the operating system when to write. A commit
	// survives the death of the process, not that of the machine.
	SyncNone
)

func (m SyncMode) String() string {
	switch m {
	case SyncFull:
		return "full"
	case SyncNone:
		return "none"
	}
	return fmt.Sprintf("SyncMode(%d)", int(m))
}

const (
	defaultKeep       = 8
	defaultKeepBytes  = 1 << 30
	defaultKeepFiles  = 100_000
	defaultCacheBytes = 64 << 20

	// keepShare is the largest part of KeepBytes that one revision may take.
	keepShare = 8
)

// Options are the choices of [Open]. The zero value is durable, keeps eight
// earlier revisions of each resource and uses moderate memory.
type Options struct {
	// Sync is how durable a commit is.
	Sync SyncMode

	// Keep is how many revisions of a resource are kept beside the current
	// one, after a deletion too; and as many that [store.Sparing] spares, beside those. 0
	// means 8; negative keeps none, and drops those that an earlier Store kept.
	Keep int

	// KeepBytes bounds the kept revisions of all resources together; the oldest
	// go first. A single revision larger than an eighth of it is not kept, unless it is spared. The
	// bound is restored within moments rather than never exceeded. 0 means 1 GiB.
	KeepBytes int64

	// KeepFiles bounds how many revisions of all resources together are kept; each takes
	// a file. The oldest go first. 0 means 100,000.
	KeepFiles int

	// KeepAge is how long a revision is kept after it was replaced or deleted. 0 means
	// for as long as the other bounds allow. It does not count for those that are spared.
	//
	// Whatever the bounds, the oldest revisions go while less than a twentieth of the file
	// system is free (of its bytes: at most 1 GiB; of its files: at most 10,000), and before a
	// write is refused for want of space.
	KeepAge time.Duration

	// CacheBytes bounds the memory for contents of up to 256 KiB that have been
	// read or written. 0 means 64 MiB; negative keeps none in memory.
	CacheBytes int64

	// ReadOnly opens the directory without writing anything to it, not even
	// the state folder, and without owning it. Revisions then are numbers of
	// this process only, and there is no history.
	ReadOnly bool

	// WaitLock is how long Open waits for another process to let go of the
	// directory. 0 refuses at once; negative waits for as long as it takes.
	WaitLock time.Duration

	// Logger hears what no caller is told: recoveries, checkpoints that fail,
	// an index that had to be started again. nil discards it.
	Logger *slog.Logger

	// Now is the clock for revision numbers and dates; nil is time.Now.
	Now func() time.Time

	// hook is called before every step that changes the disk. Tests use it to
	// make the step fail, or the process die.
	hook func(step) error
	// space stands in for what the system says of the file system.
	space func() (space, error)
	// session, unless empty, stands in for what the system says.
	session string
	// journalLimit is the size at which changes wait for a checkpoint.
	journalLimit int64
	// manual leaves it to a test when there is a checkpoint.
	manual bool
	// noExchange makes a test go the way of file systems without an exchange.
	noExchange bool
}

func (o Options) withDefaults() Options {
	if o.Keep == 0 {
		o.Keep = defaultKeep
	}
	if o.KeepBytes <= 0 {
		o.KeepBytes = defaultKeepBytes
	}
	if o.KeepFiles <= 0 {
		o.KeepFiles = defaultKeepFiles
	}
	if o.Keep < 0 {
		o.KeepBytes = -1 // less than what is kept at any time, even if that is empty
	}
	if o.CacheBytes == 0 {
		o.CacheBytes = defaultCacheBytes
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.journalLimit == 0 {
		o.journalLimit = journalHard
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// LockedError says that another process, or another Store of this one, owns the
// directory.
type LockedError struct {
	Dir string
	// PID is the owner's process id, 0 if it could not be told.
	PID int
}

func (e *LockedError) Error() string {
	owner := "another process"
	if e.PID != 0 {
		owner = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("directory %q is in use by %s: stop it, wait for it, or open the directory read-only", e.Dir, owner)
}
