package guard

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

// spool holds the content of one message: in memory first, and then in a temporary
// file. Only one goroutine uses it at a time.
type spool struct {
	budgets            *budgets
	dir                string
	maxMemory, maxDisk int64
	// memory holds the start of the content, and file what follows.
	memory []byte
	file   *os.File
	// counted and diskTaken are what the budget was charged with.
	counted, diskTaken int64
	size               int64
	sum                hash.Hash
	quick              trust.Summer
	// whole says that all of the content is held; digest is then its SHA-256.
	whole  bool
	digest [sha256.Size]byte
}

// errNoSpace says that a temporary file could not be made or written.
var errNoSpace = errors.New("no room for a temporary file")

func (x *exchange) newSpool() *spool {
	s := &spool{
		budgets: &x.shared.budgets, dir: x.options.SpoolDir,
		maxMemory: x.route.MaxBuffer, maxDisk: x.route.MaxSpool, sum: sha256.New(), quick: trust.NewSummer(),
	}
	x.onEnd(s.close)
	return s
}

// fill reads r to its end, or as far as there is room. expected is how long the
// content will be, or negative. Afterwards s.whole says whether that was the end.
// The error is r's, or wraps errNoSpace if the disk failed.
func (s *spool) fill(r io.Reader, expected int64) error {
	s.reserve(expected)
	var full bool
	for !s.whole && !full {
		var err error
		if full, err = s.fillMemory(r); err != nil {
			return err
		}
	}
	if s.whole {
		return nil
	}
	return s.fillFile(r)
}

// reserve makes room for content whose length is known.
func (s *spool) reserve(expected int64) {
	if n := min(expected, s.maxMemory); n > 0 && n == expected {
		s.grow(n + 1) // one more, to see the end without growing
	}
}

// minBuffer is how much memory is taken at first, in bytes.
const minBuffer = 4 << 10

// fillMemory reads once. full says that there is no room left in memory.
func (s *spool) fillMemory(r io.Reader) (full bool, err error) {
	if len(s.memory) == cap(s.memory) {
		if int64(cap(s.memory)) > s.maxMemory || !s.grow(max(2*int64(cap(s.memory)), minBuffer)) {
			return true, nil
		}
	}
	n, err := r.Read(s.memory[len(s.memory):cap(s.memory)])
	s.count(s.memory[len(s.memory) : len(s.memory)+n])
	s.memory = s.memory[:len(s.memory)+n]
	return false, s.ended(err)
}

// ended takes the end of the content for what it is.
func (s *spool) ended(err error) error {
	if err != io.EOF {
		return err
	}
	s.whole = true
	s.sum.Sum(s.digest[:0])
	return nil
}

func (s *spool) count(p []byte) {
	s.sum.Write(p)
	_, _ = s.quick.Write(p)
	s.size += int64(len(p))
}

// grow gives the memory a capacity of n bytes, if the bounds allow.
func (s *spool) grow(n int64) bool {
	n = min(n, s.maxMemory+1)
	if n <= int64(cap(s.memory)) || !s.budgets.memory.TryTake(n-s.counted) {
		return false
	}
	s.counted = n
	s.memory = append(make([]byte, 0, n), s.memory...)
	return true
}

// fillFile reads the rest into a file, as long as there is room.
func (s *spool) fillFile(r io.Reader) error {
	buffer := copyBuffers{}.Get()
	defer copyBuffers{}.Put(buffer)
	for !s.whole {
		room := s.takeDisk(int64(len(buffer)))
		if room == 0 {
			return nil
		}
		n, err := r.Read(buffer[:room])
		s.giveDisk(room - int64(n))
		if err := s.writeFile(buffer[:n]); err != nil {
			return err
		}
		if err := s.ended(err); err != nil {
			return err
		}
	}
	return nil
}

// takeDisk returns how many of n bytes there is room for in the file.
func (s *spool) takeDisk(n int64) int64 {
	n = min(n, s.maxDisk-s.diskTaken)
	if n <= 0 || !s.budgets.disk.TryTake(n) {
		return 0
	}
	s.diskTaken += n
	return n
}

func (s *spool) giveDisk(n int64) {
	s.budgets.disk.Give(n)
	s.diskTaken -= n
}

func (s *spool) writeFile(p []byte) error {
	if len(p) == 0 {
		return nil
	}
	if s.file == nil {
		if err := s.createFile(); err != nil {
			return err
		}
	}
	if _, err := s.file.Write(p); err != nil {
		return fmt.Errorf("%w: %w", errNoSpace, err)
	}
	s.count(p)
	return nil
}

// createFile makes a file, and takes its name away where the system allows that.
func (s *spool) createFile() error {
	f, err := os.CreateTemp(s.dir, "fourtwelve-spool-")
	if err != nil {
		return fmt.Errorf("%w: %w", errNoSpace, err)
	}
	_ = os.Remove(f.Name()) // where that cannot be, close does it
	s.file = f
	return nil
}

// reader returns a reader of what is held, from its start. It may outlive the
// spool, and then fails at what was in a file.
func (s *spool) reader() io.ReadSeeker {
	if s.file == nil {
		return bytes.NewReader(s.memory)
	}
	return io.NewSectionReader(memoryAndFile{s.memory, s.file}, 0, s.size)
}

// memoryAndFile is content of which the start is in memory.
type memoryAndFile struct {
	memory []byte
	file   *os.File
}

// ReadAt reads from memory and then from the file.
func (c memoryAndFile) ReadAt(p []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(c.memory)) {
		n = copy(p, c.memory[off:])
	}
	if n == len(p) {
		return n, nil
	}
	m, err := c.file.ReadAt(p[n:], off+int64(n)-int64(len(c.memory)))
	return n + m, err
}

// inMemory is the content, if it is whole and none of it is in a file, and nil otherwise.
func (s *spool) inMemory() []byte {
	if !s.whole || s.file != nil {
		return nil
	}
	return s.memory[:len(s.memory):len(s.memory)]
}

// tag is the content tag. The content must be whole.
func (s *spool) tag() etag.Tag { return etag.FromDigest(s.digest) }

// close releases what is held.
func (s *spool) close() {
	s.budgets.memory.Give(s.counted)
	s.budgets.disk.Give(s.diskTaken)
	s.counted, s.diskTaken, s.memory = 0, 0, nil
	if s.file != nil {
		_ = s.file.Close()
		_ = os.Remove(s.file.Name())
		s.file = nil
	}
}
