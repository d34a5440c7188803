package cache

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// Disk is a [Storage] in a directory of its own, of which it keeps a number of bytes, across restarts. Each content is a file, and so
// is the description of what is kept under a key, which appears by being renamed: a process that is killed leaves a file that
// nobody knows, and the next start removes it. Nothing is synced. After a loss of power a description or a content may be torn; both
// have a checksum, which is compared before what an earlier process has left is used for the first time.
//
// A directory serves one process; another one is refused with [ErrInUse], where the system has locks for that. What is asked
// for often displaces what is not, as in [Memory]. A disk that is full means only that nothing more is kept.
type Disk struct {
	root           *os.Root
	lock           *os.File
	limit, longest int64
	drafts         atomic.Int64
	evicted        atomic.Int64
	kept           *otter.Cache[string, []*Entry]

	mu sync.Mutex
	// staying are descriptions that could not be removed: the next process would take them for what is stored.
	staying map[string]error
}

// DefaultDisk is how much a [Disk] keeps if not told: 1 GiB.
const DefaultDisk = 1 << 30

// The folders in the directory of a [Disk].
const (
	contentFolder = "content"
	entryFolder   = "entries"
	partSuffix    = ".part"
)

// ErrInUse says that the directory of a [Disk] is that of another process.
var ErrInUse = errors.New("another process keeps its cache there")

// lockName is the file that tells so.
const lockName = "lock"

// unit is what weights on a disk are counted in.
const unit = 1 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// NewDisk opens a directory, which is made if it does not exist, to keep up to limit bytes in it, or [DefaultDisk] if limit is 0.
// Content longer than an eighth of that is not kept. What an earlier process kept is there, and everything else in the
// folders "content" and "entries" of the directory is removed.
func NewDisk(dir string, limit int64) (*Disk, error) {
	if limit <= 0 {
		limit = DefaultDisk
	}
	for _, folder := range []string{contentFolder, entryFolder} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("cache directory: %w", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	d := &Disk{root: root, limit: limit, longest: limit / 8}
	if err := d.own(); err != nil {
		root.Close()
		return nil, fmt.Errorf("cache directory %s: %w", dir, err)
	}
	d.kept = otter.Must(&otter.Options[string, []*Entry]{
		MaximumWeight: uint64(limit / unit),
		Weigher:       weighOnDisk,
		OnDeletion:    d.deleted,
		Executor:      func(do func()) { do() },
	})
	if err := d.load(); err != nil {
		d.Close()
		return nil, fmt.Errorf("cache directory %s: %w", dir, err)
	}
	return d, nil
}

func weighOnDisk(key string, entries []*Entry) uint32 {
	n := int64(len(key)) + 4096
	for _, e := range entries {
		n += e.weight()
	}
	return uint32(min(n/unit+1, math.MaxUint32))
}

// own makes the directory that of this process.
func (d *Disk) own() (err error) {
	if d.lock, err = d.root.OpenFile(lockName, os.O_RDWR|os.O_CREATE, 0o600); err != nil {
		return err
	}
	if err := lockFile(d.lock); err != nil {
		d.lock.Close()
		return err
	}
	return nil
}

// Close gives the directory up. What is kept stays for the next process.
func (d *Disk) Close() error { return errors.Join(d.lock.Close(), d.root.Close()) }

// Load implements [Storage].
func (d *Disk) Load(key string) []*Entry {
	entries, _ := d.kept.GetIfPresent(key)
	return entries
}

// All implements [Storage].
func (d *Disk) All() iter.Seq2[string, []*Entry] { return d.kept.All() }

// Usage implements [Storage].
func (d *Disk) Usage() Usage {
	return Usage{Keys: int64(d.kept.EstimatedSize()), Bytes: int64(d.kept.WeightedSize()) * unit, Evicted: d.evicted.Load()}
}

// Store implements [Storage].
func (d *Disk) Store(key string, entries []*Entry) {
	before := d.Load(key)
	if len(entries) == 0 || d.describe(key, entries) != nil {
		d.drop(d.entryFile(key))
		d.kept.Invalidate(key)
		d.forget(entries, nil)
		return
	}
	d.written(d.entryFile(key))
	d.kept.Set(key, entries)
	d.forget(before, entries)
}

// deleted removes the files of what has given way to others.
func (d *Disk) deleted(e otter.DeletionEvent[string, []*Entry]) {
	if e.WasEvicted() {
		d.evicted.Add(1)
		d.drop(d.entryFile(e.Key))
	}
	if e.WasEvicted() || e.Cause == otter.CauseInvalidation {
		d.forget(e.Value, nil)
	}
}

// forget removes the contents of entries that are not among those of others.
func (d *Disk) forget(entries, others []*Entry) {
	for id := range contentsOf(entries) {
		if !slices.Contains(slices.Collect(contentsOf(others)), id) {
			d.remove(contentFile(id))
		}
	}
}

// contentsOf yields the names of the contents of entries.
func contentsOf(entries []*Entry) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, e := range entries {
			for _, p := range e.Pieces {
				if c, ok := p.Content.(*diskContent); ok && !yield(c.id) {
					return
				}
			}
		}
	}
}

// drop removes a description, and remembers it if it cannot.
func (d *Disk) drop(name string) {
	err := d.root.Remove(name)
	d.mu.Lock()
	defer d.mu.Unlock()
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		delete(d.staying, name)
		return
	}
	if d.staying == nil {
		d.staying = make(map[string]error)
	}
	d.staying[name] = err
}

// written notes that a description is there by right.
func (d *Disk) written(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.staying, name)
}

// Sync returns when what was removed stays removed, even if the power fails. The error says what could not be.
func (d *Disk) Sync() error {
	d.mu.Lock()
	names := slices.Collect(maps.Keys(d.staying))
	d.mu.Unlock()
	for _, name := range names {
		d.drop(name)
	}
	d.mu.Lock()
	staying := slices.Collect(maps.Values(d.staying))
	d.mu.Unlock()
	if len(staying) > 0 {
		return fmt.Errorf("%d of what was removed stay on the disk, and will be there after a restart: %w", len(staying), staying[0])
	}
	if runtime.GOOS == "windows" { // no program can there
		return nil
	}
	folder, err := d.root.Open(entryFolder)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// remove removes a file, or leaves it to the next start.
func (d *Disk) remove(name string) { _ = d.root.Remove(name) }

func (d *Disk) entryFile(key string) string {
	sum := sha256.Sum256([]byte(key))
	return filepath.Join(entryFolder, hex.EncodeToString(sum[:]))
}

func contentFile(id string) string { return filepath.Join(contentFolder, id) }

// A description is what is kept under a key, as it is written.
type description struct {
	Key     string
	Entries []describedEntry
}

type describedEntry struct {
	*Stored
	Contents []describedPiece
}

type describedPiece struct {
	Start, Size int64
	ID          string
	Sum         uint32
}

// describe writes the description of what is kept under key.
func (d *Disk) describe(key string, entries []*Entry) error {
	all := description{Key: key}
	for _, e := range entries {
		described := describedEntry{Stored: e.Stored}
		for _, p := range e.Pieces {
			c, ok := p.Content.(*diskContent)
			if !ok {
				return errors.New("the content is not on the disk")
			}
			described.Contents = append(described.Contents, describedPiece{p.Start, c.size, c.id, c.sum})
		}
		all.Entries = append(all.Entries, described)
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err
	}
	file := d.entryFile(key)
	line := fmt.Appendf(nil, "%08x\n", crc32.Checksum(text, castagnoli))
	if err := d.root.WriteFile(file+partSuffix, append(line, text...), 0o600); err != nil {
		d.remove(file + partSuffix)
		return err
	}
	return d.root.Rename(file+partSuffix, file)
}

// load takes over what an earlier process has left, and removes what belongs to nothing.
func (d *Disk) load() error {
	used := make(map[string]bool)
	for name, err := range d.files(entryFolder) {
		if err != nil {
			return err
		}
		key, entries, err := d.read(filepath.Join(entryFolder, name))
		if err != nil || d.entryFile(key) != filepath.Join(entryFolder, name) {
			d.remove(filepath.Join(entryFolder, name))
			continue
		}
		d.kept.Set(key, entries)
	}
	for _, entries := range d.kept.All() {
		for id := range contentsOf(entries) {
			used[id] = true
		}
	}
	for name, err := range d.files(contentFolder) {
		if err != nil {
			return err
		}
		if !used[name] {
			d.remove(contentFile(name))
		}
	}
	return nil
}

// files yields the names in a folder, some at a time.
func (d *Disk) files(folder string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		f, err := d.root.Open(folder)
		if err != nil {
			yield("", err)
			return
		}
		defer f.Close()
		for {
			names, err := f.Readdirnames(1024)
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
			if err != nil {
				if err != io.EOF {
					yield("", err)
				}
				return
			}
		}
	}
}

// maxDescription bounds what is read of a description.
const maxDescription = 64 << 20

// read reads a description. Contents that are not there, or not as long as they ought to be, make it useless.
func (d *Disk) read(name string) (string, []*Entry, error) {
	f, err := d.root.Open(name)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxDescription))
	if err != nil {
		return "", nil, err
	}
	line, text, _ := bytes.Cut(data, []byte("\n"))
	if string(line) != fmt.Sprintf("%08x", crc32.Checksum(text, castagnoli)) {
		return "", nil, errors.New("torn")
	}
	var all description
	if err := json.Unmarshal(text, &all); err != nil {
		return "", nil, err
	}
	var entries []*Entry
	for _, described := range all.Entries {
		e, err := d.entry(described)
		if err != nil {
			return "", nil, err
		}
		entries = append(entries, e)
	}
	return all.Key, entries, nil
}

func (d *Disk) entry(described describedEntry) (*Entry, error) {
	e := &Entry{Stored: described.Stored, digest: new(digestMemo)}
	if e.Stored == nil {
		return nil, errors.New("nothing is described")
	}
	e.memo = new(memo)
	for _, p := range described.Contents {
		if strings.ContainsAny(p.ID, `/\.`) {
			return nil, fmt.Errorf("%q is no name of a content", p.ID)
		}
		info, err := d.root.Stat(contentFile(p.ID))
		if err != nil || info.Size() != p.Size {
			return nil, errors.New("the content is not there")
		}
		e.Pieces = append(e.Pieces, Piece{p.Start, &diskContent{disk: d, id: p.ID, size: p.Size, sum: p.Sum, inherited: true}})
	}
	return e, e.whole()
}

// whole reports what is wrong with the pieces of e: they are to be its parts.
func (e *Entry) whole() error {
	var parts []byterange.Range
	for _, p := range e.Pieces {
		parts = Add(parts, byterange.Range{Start: p.Start, Length: p.Content.Size()})
	}
	switch {
	case e.Parts != nil && !slices.Equal(parts, e.Parts):
		return errors.New("other parts are there")
	case e.Parts == nil && len(parts) > 0 && (len(parts) > 1 || parts[0].Start != 0):
		return errors.New("the beginning is not there")
	}
	return nil
}

// Draft implements [Storage].
func (d *Disk) Draft(size int64) (Draft, error) {
	draft := &diskDraft{disk: d, id: rand.Text(), sum: crc32.New(castagnoli)}
	if size > d.longest || !draft.reserve(max(size, 0)) {
		return nil, ErrNoRoom
	}
	f, err := d.root.OpenFile(contentFile(draft.id)+partSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		draft.release()
		return nil, fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	draft.file = f
	return draft, nil
}

// diskDraft is content that is being written to a file.
type diskDraft struct {
	disk           *Disk
	id             string
	file           *os.File
	sum            hash.Hash32
	size, reserved int64
	ended          bool
}

func (d *diskDraft) reserve(n int64) bool {
	if d.disk.drafts.Add(n) > d.disk.limit/4 || d.size+n > d.disk.longest {
		d.disk.drafts.Add(-n)
		return false
	}
	d.reserved += n
	return true
}

func (d *diskDraft) release() {
	d.disk.drafts.Add(-d.reserved)
	d.reserved = 0
}

func (d *diskDraft) Write(p []byte) (int, error) {
	if more := d.size + int64(len(p)) - d.reserved; more > 0 && !d.reserve(more) {
		return 0, ErrNoRoom
	}
	n, err := d.file.Write(p)
	d.sum.Write(p[:n])
	d.size += int64(n)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return n, err
}

func (d *diskDraft) ReadAt(p []byte, off int64) (int, error) { return d.file.ReadAt(p, off) }

func (d *diskDraft) Finish() (Content, error) {
	d.ended = true
	d.release()
	if err := d.disk.root.Rename(contentFile(d.id)+partSuffix, contentFile(d.id)); err != nil {
		d.disk.remove(contentFile(d.id) + partSuffix)
		return nil, err
	}
	return &diskContent{disk: d.disk, id: d.id, size: d.size, sum: d.sum.Sum32()}, nil
}

func (d *diskDraft) Discard() {
	if !d.ended {
		d.ended = true
		d.release()
		d.disk.remove(contentFile(d.id) + partSuffix)
	}
}

func (d *diskDraft) Close() error { return d.file.Close() }

// diskContent is content in a file.
type diskContent struct {
	disk *Disk
	id   string
	size int64
	sum  uint32
	// inherited content was written by an earlier process, and is checked when it is used first.
	inherited bool
	check     sync.Once
	faulty    error
}

// Size implements [Content].
func (c *diskContent) Size() int64 { return c.size }

// Open implements [Content].
func (c *diskContent) Open() (OpenContent, error) {
	f, err := c.disk.root.Open(contentFile(c.id))
	if err != nil {
		return nil, err
	}
	if c.inherited {
		c.check.Do(func() { c.faulty = c.compare(f) })
	}
	if c.faulty != nil {
		f.Close()
		return nil, c.faulty
	}
	return f, nil
}

// compare reads all of the content.
func (c *diskContent) compare(f fs.File) error {
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, f)
	if err == nil && (n != c.size || sum.Sum32() != c.sum) {
		err = errors.New("the content is torn")
	}
	return err
}
