package folder

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
)

// Draft is content on its way into the directory. It is for one goroutine.
type Draft struct {
	d    *Dir
	f    *os.File
	name string
	h    hash.Hash
	sum  Sum
	gone bool // renamed or removed
}

// PartSuffix ends the name of a draft that is being written.
const PartSuffix = ".part"

// Stage begins a file in the directory named in, which must be on the same file system as the
// file that it will be. "." is the directory itself.
func (d *Dir) Stage(in string) (*Draft, error) {
	name := newName(in) + PartSuffix
	f, err := d.root.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o666)
	if err != nil {
		return nil, err
	}
	return &Draft{d: d, f: f, name: name, h: sha256.New()}, nil
}

// Take makes a draft of a plain file in the directory, which becomes the file that it is for or is removed.
func (d *Dir) Take(name string) (*Draft, error) {
	f, err := d.root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	w := &Draft{d: d, f: f, name: name, h: sha256.New()}
	if _, err := io.Copy(w.h, f); err != nil {
		f.Close()
		return nil, err
	}
	return w, nil
}

// Write adds to the content.
func (w *Draft) Write(p []byte) (int, error) {
	n, err := w.f.Write(p)
	w.h.Write(p[:n])
	return n, err
}

// Sum is the digest of what was written so far.
func (w *Draft) Sum() Sum { return Sum(w.h.Sum(nil)) }

// Discard removes the draft, unless it has become a file. It may be called more than once.
func (w *Draft) Discard() {
	w.f.Close()
	if !w.gone {
		w.gone = true
		_ = w.d.root.Remove(w.name)
	}
}

// finish brings the content to the disk.
func (w *Draft) finish(mode fs.FileMode) error {
	w.sum = w.Sum()
	var err error
	if mode != 0 {
		err = w.f.Chmod(mode)
	}
	return errors.Join(err, w.f.Sync(), w.f.Close())
}

// announce tells what is about to be taken out of its place, and takes the ending off the name of the draft: from
// here on the file of that name may be what somebody else has written.
func (w *Draft) announce(name string, want Sum) error {
	whole := strings.TrimSuffix(w.name, PartSuffix)
	if err := w.d.note(Intent{Name: name, Aside: whole, Want: want, New: w.sum}); err != nil {
		return err
	}
	err := w.d.root.Rename(w.name, whole)
	if err == nil {
		w.name = whole
	}
	return err
}

// Create makes the draft the file name, unless there is something: then the error is ErrChanged.
func (w *Draft) Create(name string) error {
	if err := Check(name); err != nil {
		return err
	}
	defer w.Discard()
	if err := w.finish(0); err != nil {
		return err
	}
	w.d.step("before create")
	err := w.d.renameExclusive(w.name, name)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s: %w: there is something already", name, ErrChanged)
	}
	if err != nil {
		return err
	}
	w.gone = true
	w.d.step("created")
	return w.d.syncFolder(path.Dir(name))
}

// Replace makes the draft the file name, if that has the content whose digest is want. Otherwise
// the error is ErrChanged, a *Kept if it happened in the middle. Permissions stay.
func (w *Draft) Replace(name string, want Sum) error {
	if err := Check(name); err != nil {
		return err
	}
	defer w.Discard()
	unlock, err := w.d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	seen, err := w.d.expect(name, want)
	if err != nil {
		return err
	}
	if err := w.finish(seen.Mode().Perm()); err != nil {
		return err
	}
	if err := w.announce(name, want); err != nil {
		return err
	}
	w.d.step("before exchange")
	err = w.d.exchange(w.name, name)
	if errors.Is(err, errors.ErrUnsupported) {
		return w.overwrite(name, want)
	}
	if err != nil {
		return err
	}
	w.d.step("exchanged")
	if w.d.isStill(w.name, seen, want) {
		w.d.step("before discard")
		return w.d.syncFolder(path.Dir(name))
	}
	return w.putBack(name)
}

// note tells what is about to be taken out of its place.
func (d *Dir) note(i Intent) error {
	if d.Note == nil {
		return nil
	}
	return d.Note(i)
}

// putBack exchanges the two again: what was there comes back into its place, and the draft is gone.
func (w *Draft) putBack(name string) error {
	w.d.step("before put back")
	if err := w.d.exchange(w.name, name); err != nil {
		return w.keep(name) // it has what somebody else has written
	}
	if w.d.has(w.name, w.sum) {
		return fmt.Errorf("%s: %w", name, ErrChanged)
	}
	// A third one was there in between, and has written over the draft. What it has written belongs there.
	_ = w.d.exchange(w.name, name)
	return w.keep(name)
}

func (w *Draft) keep(name string) error {
	w.gone = true
	return w.d.kept(w.name, name)
}

// kept is the error that what is aside now was changed in the middle.
func (d *Dir) kept(aside, name string) error {
	as, err := d.Keep(aside, name)
	if err != nil {
		as = aside
	}
	return &Kept{Name: name, As: as}
}

// Keep gives what is aside a name beside that which it had, one that nobody has, and returns it.
func (d *Dir) Keep(aside, name string) (as string, err error) {
	for n := 1; n < 1000; n++ {
		as = Beside(name, fmt.Sprintf("kept %d", n))
		if err = d.renameExclusive(aside, as); !errors.Is(err, fs.ErrExist) {
			return as, err
		}
	}
	return "", err
}

// Beside is a name beside another, with a word in brackets before its ending: "plan (kept 1).txt".
func Beside(name, word string) string {
	dir, base := path.Split(name)
	ext := path.Ext(base)
	if ext == base {
		ext = "" // .profile has none
	}
	return dir + strings.TrimSuffix(base, ext) + " (" + word + ")" + ext
}

// overwrite renames the draft over the file, on a file system that cannot exchange the two, after a last look.
func (w *Draft) overwrite(name string, want Sum) error {
	if _, err := w.d.expect(name, want); err != nil {
		return err
	}
	if err := w.d.root.Rename(w.name, name); err != nil {
		return err
	}
	w.gone = true
	w.d.step("overwritten")
	return w.d.syncFolder(path.Dir(name))
}

// expect returns what is there, if its digest is want.
func (d *Dir) expect(name string, want Sum) (fs.FileInfo, error) {
	sum, info, err := d.SumOf(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: %w: it is gone", name, ErrChanged)
	}
	if err != nil {
		return nil, err
	}
	if sum != want {
		return nil, fmt.Errorf("%s: %w", name, ErrChanged)
	}
	return info, nil
}

// isStill reports whether the file is the one that was seen, or has the content that was wanted.
func (d *Dir) isStill(name string, seen fs.FileInfo, want Sum) bool {
	now, err := d.root.Lstat(name)
	if err != nil {
		return false
	}
	if os.SameFile(seen, now) && now.Size() == seen.Size() && now.ModTime().Equal(seen.ModTime()) && isOld(now) {
		return true
	}
	return d.has(name, want)
}

func (d *Dir) has(name string, want Sum) bool {
	sum, _, err := d.SumOf(name)
	return err == nil && sum == want
}

// Remove removes the file name, if it has the content whose digest is want. The errors are those of Replace.
// The file is taken out of its place into the directory named aside, which must be on the same file system,
// and looked at once more there.
func (d *Dir) Remove(name string, want Sum, aside string) error {
	if err := Check(name); err != nil {
		return err
	}
	unlock, err := d.lock()
	if err != nil {
		return err
	}
	defer unlock()
	seen, err := d.expect(name, want)
	if err != nil {
		return err
	}
	out := newName(aside)
	if err := d.note(Intent{Name: name, Aside: out, Want: want}); err != nil {
		return err
	}
	d.step("before aside")
	if err := d.renameExclusive(name, out); err != nil {
		return err
	}
	d.step("aside")
	if !d.isStill(out, seen, want) {
		if err := d.renameExclusive(out, name); err != nil {
			return d.kept(out, name)
		}
		return fmt.Errorf("%s: %w", name, ErrChanged)
	}
	if err := d.root.Remove(out); err != nil {
		return err
	}
	return d.syncFolder(path.Dir(name))
}
