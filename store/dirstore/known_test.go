package dirstore

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKnownFilesAreOpenedByIdentity: a large file that is the one that was hashed is opened without a
// look before, and what another program puts in its place is never taken for it.
func TestKnownFilesAreOpenedByIdentity(t *testing.T) {
	content, other := strings.Repeat("a", smallSize+1), strings.Repeat("b", smallSize+1)
	for name, change := range map[string]func(path string) error{
		"as it was":  func(string) error { return nil },
		"written to": func(path string) error { return os.WriteFile(path, []byte(other), 0o666) },
		"replaced by the same content": func(path string) error {
			if err := os.WriteFile(path+"2", []byte(content), 0o666); err != nil {
				return err
			}
			return os.Rename(path+"2", path)
		},
		"a link to itself": func(path string) error {
			if err := os.Rename(path, path+"2"); err != nil {
				return err
			}
			return os.Symlink(path+"2", path)
		},
		"gone": os.Remove,
		"a collection": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			return os.Mkdir(path, 0o777)
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			s := openAt(t, dir, Options{})
			path := filepath.Join(dir, "large")
			check(t, os.WriteFile(path, []byte(content), 0o666))
			check(t, os.Chtimes(path, time.Unix(1, 1), time.Unix(1, 1)))
			info, err := s.Stat(t.Context(), "large")
			for ; err == nil && !s.nodes.peek("large").settled; info, err = s.Stat(t.Context(), "large") {
			}
			check(t, err)
			check(t, change(path))
			c := s.openKnown(t.Context(), "large", info.Revision)
			if known := c != nil; known != (name == "as it was") {
				t.Fatalf("it is known: %v", known)
			}
			if c == nil {
				return
			}
			defer c.Close()
			if got, err := io.ReadAll(io.NewSectionReader(c, 0, info.Size)); string(got) != content || err != nil {
				t.Errorf("got %d bytes, error %v", len(got), err)
			}
			if c := s.openKnown(t.Context(), "large", info.Revision+1); c != nil {
				t.Error("another revision is known")
			}
		})
	}
}
