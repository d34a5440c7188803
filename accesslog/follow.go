package accesslog

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// followEvery is how often a file is looked at that had nothing new.
const followEvery = 250 * time.Millisecond

// errQuiet says that a file has nothing new for now. The next Read waits until it has.
var errQuiet = errors.New("nothing new")

// A follower reads a file on when it grows, and the one that takes its place when it was rotated,
// until it is stopped.
type follower struct {
	stop  <-chan struct{}
	done  <-chan struct{} // nobody reads any more
	every time.Duration

	name   string
	file   *os.File
	offset int64
	told   bool // errQuiet has been returned
	begun  bool // the last byte was not the end of a line
}

// open begins at the start of a file.
func (f *follower) open(name string) (io.ReadCloser, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	f.name, f.file = name, file
	return f, nil
}

func (f *follower) Close() error { return f.file.Close() }

func (f *follower) Read(p []byte) (int, error) {
	for {
		n, err := f.file.Read(p)
		switch {
		case n > 0:
			f.offset += int64(n)
			f.told, f.begun = false, p[n-1] != '\n'
			return n, nil
		case err != nil && !errors.Is(err, io.EOF):
			return 0, err
		case !f.told:
			f.told = true
			return 0, errQuiet
		}
		select {
		case <-f.stop:
			return 0, io.EOF
		case <-f.done:
			return 0, io.EOF
		case <-time.After(f.every):
		}
		if cut, err := f.rotate(); err != nil || cut {
			if err == nil && f.begun && len(p) > 0 {
				f.begun, p[0] = false, '\n' // what was begun is never ended
				return 1, nil
			}
			if err != nil {
				return 0, err
			}
		}
	}
}

// rotate goes on with the file that has taken the place of the one that is read, or at the start of
// it if it was emptied, and reports whether there was any of that. What was written to the old one
// until now has been read, but for what came since the last look.
func (f *follower) rotate() (rotated bool, err error) {
	now, err := os.Stat(f.name)
	if err != nil {
		return false, nil // it is about to be made anew
	}
	current, err := f.file.Stat()
	if err != nil {
		return false, err
	}
	switch {
	case !os.SameFile(now, current):
		if current.Size() > f.offset {
			return false, nil // first the rest of it
		}
		file, err := os.Open(f.name)
		if err != nil {
			return false, nil
		}
		f.file.Close()
		f.file, f.offset = file, 0
		return true, nil
	case now.Size() < f.offset:
		_, err = f.file.Seek(0, io.SeekStart)
		f.offset = 0
		return true, err
	}
	return false, nil
}

// followNewest makes the plain file that was changed last the one to be followed.
func (r *Reader) followNewest() error {
	var newest *source
	for _, s := range r.pending {
		if s.once || s.remade != "" || !s.plain() {
			continue
		}
		if newest == nil || s.file.changed.After(newest.file.changed) {
			newest = s
		}
	}
	if newest == nil {
		return fmt.Errorf("nothing to follow: there is no plain file with at least one line, from which to tell its format")
	}
	newest.follow = &follower{stop: r.o.Stop, every: r.o.followEvery()}
	newest.file.followed = true
	return nil
}

// plain reports whether the file is not packed.
func (s *source) plain() bool {
	f, err := s.open()
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, 4)
	n, _ := io.ReadFull(f, head)
	return isPlain(head[:n])
}

func (o *Options) followEvery() time.Duration {
	if o.every > 0 {
		return o.every
	}
	return followEvery
}
