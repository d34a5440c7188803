package accesslog

import (
	"io"
	"net/netip"
	"time"
)

// Options are the choices of Open. The zero Options reads everything.
type Options struct {
	// Format, unless zero, is that of all files. The zero Format finds out for each.
	Format Format
	// Filter says which entries count at all.
	Filter Filter
	// Each, if not nil, is called for every entry that passes the filter, in no
	// particular order, by several goroutines at once, each with its own worker
	// number from 0 to Workers-1: keep a state for each worker and there is
	// nothing to lock. It reports whether Reader.Entries should yield the entry.
	// The entry dies when Each returns. Nil yields every entry; Select and
	// CountOnly are ready made.
	Each func(worker int, e *Entry) bool
	// Workers is the number of goroutines that parse; 0 is GOMAXPROCS.
	Workers int
	// Location is that of times which a format logs without a zone: HAProxy's, and
	// Caddy's with time_format wall. Nil is UTC.
	Location *time.Location
	// Follow has the plain file that was changed last read on when it grows, also when another
	// takes its place, until Stop is closed. It must have a line, unless Format is given. File.Live
	// tells what came since.
	Follow bool
	Stop   <-chan struct{}
	// Proxies are networks of which every machine is a proxy that names its clients: see File.Proxied.
	Proxies []netip.Prefix
	// Stdin is read for the path "-". Nil is os.Stdin.
	Stdin io.Reader
	// Progress, if not nil, is called now and then from the goroutine that loops
	// over Reader.Entries, with the bytes read so far, packed as they are in
	// the files, and the size of all of them, or 0 if that is not known.
	Progress func(done, total int64)

	// chunk is the size to read at once, and every how often a file that is followed is looked at,
	// for tests.
	chunk int
	every time.Duration
}

// A Filter is applied before a line is parsed further than that takes. Lines that do
// not pass are counted in Stats.Filtered and by nothing else. The zero Filter passes all.
type Filter struct {
	// Since and Until bound Entry.Time: Since <= t < Until. Zero is no bound.
	Since, Until time.Time
	// Status, unless empty, has the status codes that pass.
	Status StatusSet
	// Path, if not nil, reports whether entries with this path pass. It is called by
	// several goroutines at once. The string dies when it returns.
	Path func(path string) bool
}

// A StatusSet is a set of status codes from 0 to 999; 0 stands for none logged. The zero
// StatusSet is empty.
type StatusSet [1000/64 + 1]uint64

// StatusOf returns the set of codes. Those out of range are left out.
func StatusOf(codes ...int) (s StatusSet) {
	for _, c := range codes {
		s.Add(c)
	}
	return s
}

// Add adds a code, unless it is out of range.
func (s *StatusSet) Add(code int) {
	if code >= 0 && code < 1000 {
		s[code/64] |= 1 << (code % 64)
	}
}

// AddClass adds the hundred codes of a class: 4 adds 400 to 499.
func (s *StatusSet) AddClass(class int) {
	for code := range 100 {
		s.Add(class*100 + code)
	}
}

// Has reports whether code is in s.
func (s *StatusSet) Has(code int) bool {
	return code >= 0 && code < 1000 && s[code/64]&(1<<(code%64)) != 0
}

// Empty reports whether s has no codes.
func (s *StatusSet) Empty() bool { return *s == StatusSet{} }

// Select returns a function for Options.Each that yields the entries with a status of
// the set and, if conditional is set, those whose Entry.Conditional is true.
func Select(status StatusSet, conditional bool) func(worker int, e *Entry) bool {
	return func(_ int, e *Entry) bool {
		return status.Has(e.Status()) || conditional && e.Conditional()
	}
}

// CountOnly is for Options.Each where only Stats is wanted: it yields nothing.
func CountOnly(int, *Entry) bool { return false }
