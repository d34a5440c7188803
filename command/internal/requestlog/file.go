package requestlog

import (
	"fmt"
	"os"
	"sync"
)

// File is a sink that appends to a file. The file is made readable for its owner
// and group only: it tells who asked for what.
type File struct {
	path string
	mu   sync.Mutex // f is swapped by the Writer, closed by anyone
	f    *os.File
}

// OpenFile opens path for appending, and creates it if need be.
func OpenFile(path string) (*File, error) {
	f, err := openAppend(path)
	if err != nil {
		return nil, err
	}
	return &File{path: path, f: f}, nil
}

func openAppend(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o640)
	if err != nil {
		return nil, fmt.Errorf("access log: %w", err)
	}
	return f, nil
}

func (s *File) Write(p []byte) (int, error) { return s.current().Write(p) }

func (s *File) current() *os.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.f
}

// Reopen opens the path again, where there may be another file by now, or none.
func (s *File) Reopen() error {
	f, err := openAppend(s.path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	old := s.f
	s.f = f
	s.mu.Unlock()
	return old.Close()
}

// Close closes the file.
func (s *File) Close() error { return s.current().Close() }
