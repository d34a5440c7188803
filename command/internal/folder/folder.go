package folder

import (
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"sync"
)

// What errors.Is finds in the errors of this package, beside those of package os.
var (
	// ErrChanged: the file is not what was expected, and was left as it is.
	ErrChanged = errors.New("the file is not what it was")
	// ErrName: the name leads out of the directory, or is none.
	ErrName = errors.New("not a name in the directory")
	// ErrKind: it is no plain file.
	ErrKind = errors.New("not a plain file")
)

// Kept says that the file was changed at the same moment, and that what another program had
// written is under another name now, because its own was taken. errors.Is(err, ErrChanged) holds.
type Kept struct{ Name, As string }

func (e *Kept) Error() string {
	return fmt.Sprintf("%s was changed at the same moment: what was there is in %s", e.Name, e.As)
}

// Is makes errors.Is(err, ErrChanged) true.
func (e *Kept) Is(target error) bool { return target == ErrChanged }

// Sum is the SHA-256 of a file's content.
type Sum = [sha256.Size]byte

// Prefix begins the names of files that a Dir makes while it works.
const Prefix = ".fourtwelve-"

// Dir is an open directory. It may be used from any number of goroutines.
type Dir struct {
	// Note, if set, is told what is about to be taken out of its place: the file Name, of which
	// Want is expected and which New replaces, will be Aside until that is known. Its error ends
	// the change.
	Note func(Intent) error
	// Step, if set by a test, is called between the steps of a change.
	Step func(step string)

	root *os.Root
	turn sync.Mutex
}

// Intent is what [Dir.Note] is told. New is zero for a removal.
type Intent struct {
	Name, Aside string
	Want, New   Sum
}

// Open opens the directory at the path.
func Open(name string) (*Dir, error) {
	root, err := os.OpenRoot(name)
	if err != nil {
		return nil, err
	}
	return &Dir{root: root}, nil
}

// Close closes the directory.
func (d *Dir) Close() error { return d.root.Close() }

// Root is the directory, to read from.
func (d *Dir) Root() *os.Root { return d.root }

// Check is the error for what is no name in a directory: one that is empty, begins or ends with a slash, has
// an empty element, "." or "..", or a character that no file has.
func Check(name string) error {
	if !fs.ValidPath(name) || name == "." || strings.ContainsRune(name, 0) || !isLocal(name) {
		return fmt.Errorf("%w: %q", ErrName, name)
	}
	return nil
}

// SumOf reads a plain file and returns its digest, with what was known of it before and after.
func (d *Dir) SumOf(name string) (Sum, fs.FileInfo, error) {
	f, info, err := d.OpenFile(name)
	if err != nil {
		return Sum{}, nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return Sum{}, nil, err
	}
	return Sum(h.Sum(nil)), info, nil
}

// OpenFile opens a plain file to read it. The error is ErrKind for anything else.
func (d *Dir) OpenFile(name string) (*os.File, fs.FileInfo, error) {
	if err := Check(name); err != nil {
		return nil, nil, err
	}
	for range 100 {
		info, err := d.root.Lstat(name)
		if err != nil {
			return nil, nil, err
		}
		if !info.Mode().IsRegular() {
			return nil, nil, fmt.Errorf("%s: %w, but %s", name, ErrKind, kind(info.Mode()))
		}
		f, err := d.root.Open(name)
		if err != nil {
			return nil, nil, err
		}
		opened, err := f.Stat()
		if err == nil && os.SameFile(info, opened) {
			return f, opened, nil
		}
		f.Close() // it was replaced in between
		if err != nil {
			return nil, nil, err
		}
	}
	return nil, nil, fmt.Errorf("%s: %w: it is replaced again and again", name, ErrChanged)
}

// kind says what is there instead of a plain file.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a directory"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	case m&fs.ModeNamedPipe != 0:
		return "a pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	}
	return "a device"
}

// Kind says what is at a mode, for people: "a directory", "a symbolic link".
func Kind(m fs.FileMode) string {
	if m.IsRegular() {
		return "a plain file"
	}
	return kind(m)
}

func (d *Dir) step(s string) {
	if d.Step != nil {
		d.Step(s)
	}
}

// newName is a name that nobody has, in a directory.
func newName(in string) string { return path.Join(in, Prefix+rand.Text()) }
