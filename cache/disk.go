package cache

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// Disk is a [Storage] in a directory of its own, of which it keeps a number of bytes, across restarts. Descriptions and short
// contents are appended to a log, and long contents are files. Nothing is synced before [Disk.Close]: a process that is killed
// leaves a log whose last record may be torn, which the next one leaves out. After a loss of power, when any of it may be torn
// or older than what was said of it, the next process begins with nothing.
//
// A directory serves one process; another one is refused with [ErrInUse], where the system has locks for that. What is asked
// for often displaces what is not, as in [Memory]. A disk that is full means only that nothing more is kept.
type Disk struct {
	room
	root    *os.Root
	lock    *os.File
	evicted atomic.Int64
	kept    *otter.Cache[string, []*Entry]

	mu  sync.Mutex
	log diskLog
	// contents are those that are stored, by their names, and described where in the log the description of a key is.
	contents  map[string]*diskContent
	described map[string]place
	// files are the bytes of contents that have files of their own.
	files int64
	// orderly says that the process before has ended by Close, or that there was none.
	orderly bool
	// spoilt says that something could not be written down, and unspoilt why the next process may yet believe what is there.
	spoilt   bool
	unspoilt error
}

// DefaultDisk is how much a [Disk] keeps if not told: 1 GiB.
const DefaultDisk = 1 << 30

// The folders in the directory of a [Disk].
const (
	contentFolder = "content"
	logFolder     = "log"
	partSuffix    = ".part"
)

// ErrInUse says that the directory of a [Disk] is that of another process.
var ErrInUse = errors.New("another process keeps its cache there")

// lockName is the file that tells so.
const lockName = "lock"

// unit is what weights on a disk are counted in.
const unit = 1 << 10

// longestInLog is how long content may be that is kept in the log, and while it comes in memory.
const longestInLog = 64 << 10

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// NewDisk opens a directory, which is made if it does not exist, to keep up to limit bytes in it, or [DefaultDisk] if limit is 0.
// Content longer than an eighth of that is not kept. What an earlier process kept is there, unless the power has failed since, and
// everything else in the folders "content" and "log" of the directory is removed.
func NewDisk(dir string, limit int64) (*Disk, error) {
	if limit <= 0 {
		limit = DefaultDisk
	}
	for _, folder := range []string{contentFolder, logFolder} {
		if err := os.MkdirAll(filepath.Join(dir, folder), 0o700); err != nil {
			return nil, fmt.Errorf("cache directory: %w", err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cache directory: %w", err)
	}
	d := &Disk{
		room: room{limit: limit, longest: limit / 8}, root: root,
		contents: make(map[string]*diskContent), described: make(map[string]place),
	}
	d.log = diskLog{root: root, size: min(max(limit/32, 4<<10), 64<<20)}
	if err := d.own(); err != nil {
		root.Close()
		return nil, fmt.Errorf("cache directory %s: %w", dir, err)
	}
	d.kept = otter.Must(&otter.Options[string, []*Entry]{
		MaximumWeight: uint64(limit / unit * 3 / 4), // the log has what has gone as well, for a time
		Weigher:       weighOnDisk,
		OnDeletion:    d.deleted,
		Executor:      func(do func()) { do() },
	})
	if err := d.begin(); err != nil {
		d.lock.Close()
		root.Close()
		return nil, fmt.Errorf("cache directory %s: %w", dir, err)
	}
	return d, nil
}

func weighOnDisk(key string, entries []*Entry) uint32 {
	n := int64(len(key)) + 512
	for _, e := range entries {
		n += e.weight()
		for _, p := range e.Pieces {
			if p.Content.Size() > longestInLog {
				n += 4096 // for a file
			}
		}
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

// begin takes over what an earlier process has left, or removes it.
func (d *Disk) begin() error {
	before := stateOf(d.root)
	names, err := d.log.names()
	if err != nil {
		return err
	}
	d.orderly = before == ended || before == "" && len(names) == 0
	if !before.isSound() || d.load() != nil {
		if err := d.empty(); err != nil {
			return err
		}
	}
	if err := d.tidy(); err != nil {
		return err
	}
	return writeState(d.root, running())
}

// empty forgets all that is kept.
func (d *Disk) empty() error {
	d.kept.InvalidateAll()
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.contents)
	clear(d.described)
	d.files = 0
	return d.log.removeAll()
}

// Orderly reports whether the process that had the directory before has ended by Close, or there was none. Otherwise it may have sent
// writes that the origin has yet to carry out.
func (d *Disk) Orderly() bool { return d.orderly }

// Close gives the directory up. What is kept stays for the next process.
func (d *Disk) Close() error { return d.close(true) }

// Leave gives the directory up as a process does that is killed: the next one is told by [Disk.Orderly].
func (d *Disk) Leave() error { return d.close(false) }

func (d *Disk) close(orderly bool) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	err := d.log.close()
	if err == nil && orderly && !d.spoilt {
		err = errors.Join(d.syncContents(), writeState(d.root, ended))
	}
	return errors.Join(err, d.lock.Close(), d.root.Close())
}

// syncContents has the files of contents on the disk.
func (d *Disk) syncContents() (err error) {
	for _, c := range d.contents {
		if c.at.Load() != nil {
			continue
		}
		f, openErr := d.root.OpenFile(contentFile(c.id), os.O_RDWR, 0)
		if openErr != nil {
			continue // it will not be found either
		}
		err = errors.Join(err, f.Sync(), f.Close())
	}
	return err
}

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
		d.drop(key)
		d.kept.Invalidate(key)
		d.forget(entries, nil)
		return
	}
	d.kept.Set(key, entries)
	d.forget(before, entries)
}

// deleted forgets what has given way to others.
func (d *Disk) deleted(e otter.DeletionEvent[string, []*Entry]) {
	if e.WasEvicted() {
		d.evicted.Add(1)
		d.drop(e.Key)
	}
	if e.WasEvicted() || e.Cause == otter.CauseInvalidation {
		d.forget(e.Value, nil)
	}
}

// forget removes the contents of entries that are not among those of others.
func (d *Disk) forget(entries, others []*Entry) {
	staying := slices.Collect(contentsOf(others))
	for c := range contentsOf(entries) {
		if !slices.Contains(staying, c) {
			d.remove(c)
		}
	}
}

// contentsOf yields the contents of entries.
func contentsOf(entries []*Entry) iter.Seq[*diskContent] {
	return func(yield func(*diskContent) bool) {
		for _, e := range entries {
			for _, p := range e.Pieces {
				if c, ok := p.Content.(*diskContent); ok && !yield(c) {
					return
				}
			}
		}
	}
}

// remove removes content. What is in the log goes when its turn comes.
func (d *Disk) remove(c *diskContent) {
	d.mu.Lock()
	if d.contents[c.id] != c {
		d.mu.Unlock()
		return
	}
	delete(d.contents, c.id)
	inFile := c.at.Load() == nil
	if inFile {
		d.files -= c.size
	}
	d.mu.Unlock()
	c.gone.Store(true)
	if inFile {
		_ = d.root.Remove(contentFile(c.id)) // or the next start does
	}
}

// drop writes down that nothing is kept under key.
func (d *Disk) drop(key string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.described[key]; !known {
		return
	}
	delete(d.described, key)
	if _, err := d.append(record{kind: recordGone, name: key}, true); err != nil {
		d.spoil()
	}
}

// spoil has the next process believe nothing of what is there, as something could not be written down.
func (d *Disk) spoil() {
	d.spoilt = true
	d.unspoilt = d.root.Remove(stateName)
	if errors.Is(d.unspoilt, fs.ErrNotExist) {
		d.unspoilt = nil
	}
}

// Sync returns when what was removed stays removed for the next process, whatever ends this one. The error says that this cannot be had.
func (d *Disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.unspoilt != nil {
		d.spoil()
	}
	if d.unspoilt != nil {
		return fmt.Errorf("what was removed could not be written down, and may be there after a restart: %w", d.unspoilt)
	}
	return nil
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

// describe writes down what is kept under key.
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
	d.mu.Lock()
	defer d.mu.Unlock()
	at, err := d.append(record{kind: recordDescription, name: key, body: text}, true)
	if err == nil {
		d.described[key] = at
	}
	return err
}

// append writes a record, for which room is made at the other end of the log. What must be written is written although there is none.
func (d *Disk) append(r record, must bool) (place, error) {
	for range d.log.segments {
		if d.log.total+d.files+r.length()+d.log.size <= d.limit {
			break
		}
		if err := d.log.reclaim(d.isCurrent, d.moved); err != nil {
			return place{}, err
		}
	}
	if !must && d.log.total+d.files+r.length() > d.limit {
		return place{}, ErrNoRoom
	}
	return d.log.append(r)
}

// isCurrent reports whether a record is what counts of its name.
func (d *Disk) isCurrent(r record, at place) bool {
	switch r.kind {
	case recordDescription:
		return d.described[r.name] == at
	case recordContent:
		c := d.contents[r.name]
		return c != nil && *c.at.Load() == at
	}
	return false // what is gone is not further down in the log either
}

// moved notes where a record is now.
func (d *Disk) moved(r record, to place) {
	if r.kind == recordDescription {
		d.described[r.name] = to
		return
	}
	d.contents[r.name].at.Store(&to)
}

// load reads the log of an earlier process.
func (d *Disk) load() error {
	texts := make(map[string][]byte)
	err := d.log.read(func(r record, at place) {
		switch r.kind {
		case recordContent:
			c := &diskContent{disk: d, id: r.name, size: at.length, sum: r.sum, inherited: true}
			c.at.Store(&at)
			d.contents[r.name] = c
		case recordDescription:
			d.described[r.name], texts[r.name] = at, r.body
		case recordGone:
			delete(d.described, r.name)
			delete(texts, r.name)
		}
	})
	if err != nil {
		return err
	}
	for key, text := range texts {
		entries, err := d.readDescription(key, text)
		if err != nil {
			return err
		}
		d.kept.Set(key, entries)
	}
	return nil
}

// readDescription returns what text describes.
func (d *Disk) readDescription(key string, text []byte) ([]*Entry, error) {
	var all description
	if err := json.Unmarshal(text, &all); err != nil || all.Key != key {
		return nil, errors.New("it is no description")
	}
	var entries []*Entry
	for _, described := range all.Entries {
		e, err := d.entry(described)
		if err != nil {
			return nil, err
		}
		entries = append(entries, e)
	}
	return entries, nil
}

func (d *Disk) entry(described describedEntry) (*Entry, error) {
	e := &Entry{Stored: described.Stored, digest: new(digestMemo)}
	if e.Stored == nil {
		return nil, errors.New("nothing is described")
	}
	e.memo = new(memo)
	for _, p := range described.Contents {
		c := d.contents[p.ID]
		switch {
		case strings.ContainsAny(p.ID, `/\.`):
			return nil, fmt.Errorf("%q is no name of a content", p.ID)
		case c == nil:
			info, err := d.root.Stat(contentFile(p.ID))
			if err != nil || info.Size() != p.Size {
				return nil, errors.New("the content is not there")
			}
			c = &diskContent{disk: d, id: p.ID, size: p.Size, sum: p.Sum, inherited: true}
			d.contents[p.ID] = c
			d.files += p.Size
		case c.size != p.Size || c.sum != p.Sum:
			return nil, errors.New("it is another content")
		}
		e.Pieces = append(e.Pieces, Piece{p.Start, c})
	}
	return e, e.whole()
}

// tidy removes what belongs to nothing.
func (d *Disk) tidy() error {
	used := make(map[*diskContent]bool)
	for _, entries := range d.kept.All() {
		for c := range contentsOf(entries) {
			used[c] = true
		}
	}
	for id, c := range d.contents {
		if !used[c] {
			delete(d.contents, id)
		}
	}
	folder, err := d.root.Open(contentFolder)
	if err != nil {
		return err
	}
	defer folder.Close()
	for {
		names, err := folder.Readdirnames(1024)
		for _, name := range names {
			if c := d.contents[name]; c == nil || c.at.Load() != nil {
				_ = d.root.Remove(contentFile(name)) // or the next start does
			}
		}
		switch err {
		case nil:
		case io.EOF:
			return nil
		default:
			return err
		}
	}
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
	draft := &diskDraft{disk: d, id: rand.Text()}
	if size <= longestInLog {
		short := &memoryDraft{room: &d.room}
		if size > d.longest || !short.reserve(max(size, 0)) {
			return nil, ErrNoRoom
		}
		if size > 0 {
			short.add(make([]byte, 0, size))
		}
		draft.short.Store(short)
		return draft, nil
	}
	if size > d.longest || !d.take(0, size) {
		return nil, ErrNoRoom
	}
	draft.reserved = size
	if err := draft.create(); err != nil {
		draft.release()
		return nil, err
	}
	return draft, nil
}

// diskDraft is content that is being written: in memory while it is short, then to a file.
type diskDraft struct {
	disk *Disk
	id   string
	// short has what there is, if it is not nil; else file.
	short          atomic.Pointer[memoryDraft]
	file           *os.File
	sum            hash.Hash32
	size, reserved int64
	ended          bool
}

// create begins a file.
func (d *diskDraft) create() error {
	f, err := d.disk.root.OpenFile(contentFile(d.id)+partSuffix, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	d.file, d.sum = f, crc32.New(castagnoli)
	return nil
}

func (d *diskDraft) release() {
	d.disk.drafts.Add(-d.reserved)
	d.reserved = 0
}

func (d *diskDraft) Write(p []byte) (int, error) {
	if short := d.short.Load(); short != nil {
		if short.Size()+int64(len(p)) <= longestInLog {
			return short.Write(p)
		}
		if err := d.spill(short); err != nil {
			return 0, err
		}
	}
	return d.writeFile(p)
}

// spill moves what is in memory to a file. Those who read it meanwhile have the one or the other.
func (d *diskDraft) spill(short *memoryDraft) error {
	if err := d.create(); err != nil {
		return err
	}
	if _, err := d.writeFile(short.bytes()); err != nil {
		return err
	}
	d.short.Store(nil)
	short.end()
	return nil
}

func (d *diskDraft) writeFile(p []byte) (int, error) {
	if more := d.size + int64(len(p)) - d.reserved; more > 0 {
		if !d.disk.take(d.size, more) {
			return 0, ErrNoRoom
		}
		d.reserved += more
	}
	n, err := d.file.Write(p)
	d.sum.Write(p[:n])
	d.size += int64(n)
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNoRoom, err)
	}
	return n, err
}

func (d *diskDraft) ReadAt(p []byte, off int64) (int, error) {
	if short := d.short.Load(); short != nil {
		return short.ReadAt(p, off)
	}
	return d.file.ReadAt(p, off)
}

func (d *diskDraft) Finish() (Content, error) {
	d.ended = true
	if short := d.short.Load(); short != nil {
		short.end()
		return d.disk.keepShort(d.id, short.bytes())
	}
	d.release()
	if err := d.disk.root.Rename(contentFile(d.id)+partSuffix, contentFile(d.id)); err != nil {
		_ = d.disk.root.Remove(contentFile(d.id) + partSuffix) // or the next start does
		return nil, err
	}
	c := &diskContent{disk: d.disk, id: d.id, size: d.size, sum: d.sum.Sum32()}
	d.disk.mu.Lock()
	defer d.disk.mu.Unlock()
	d.disk.contents[d.id] = c
	d.disk.files += d.size
	return c, nil
}

// keepShort puts content into the log.
func (d *Disk) keepShort(id string, content []byte) (Content, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c := &diskContent{disk: d, id: id, size: int64(len(content)), sum: crc32.Checksum(content, castagnoli)}
	at, err := d.append(record{kind: recordContent, name: id, body: content, sum: c.sum}, false)
	if err != nil {
		return nil, err
	}
	c.at.Store(&at)
	d.contents[id] = c
	return c, nil
}

func (d *diskDraft) Discard() {
	if d.ended {
		return
	}
	d.ended = true
	if short := d.short.Load(); short != nil {
		short.end()
	}
	if d.file != nil {
		d.release()
		_ = d.disk.root.Remove(contentFile(d.id) + partSuffix) // or the next start does
	}
}

func (d *diskDraft) Close() error {
	if d.file == nil {
		return nil
	}
	return d.file.Close()
}

// diskContent is content in the log, or in a file.
type diskContent struct {
	disk *Disk
	id   string
	size int64
	sum  uint32
	// at is where in the log it is; nil if it has a file.
	at   atomic.Pointer[place]
	gone atomic.Bool
	// inherited content was written by an earlier process, and is checked when it is used first.
	inherited bool
	check     sync.Once
	faulty    error
}

// Size implements [Content].
func (c *diskContent) Size() int64 { return c.size }

// Open implements [Content].
func (c *diskContent) Open() (OpenContent, error) {
	f, err := c.open()
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

func (c *diskContent) open() (OpenContent, error) {
	for {
		at := c.at.Load()
		switch {
		case c.gone.Load():
			return nil, fs.ErrNotExist
		case at == nil:
			return c.disk.root.Open(contentFile(c.id))
		}
		if at.segment.use() {
			return &logged{io.NewSectionReader(at.segment.file, at.content, c.size), at.segment}, nil
		}
	}
}

// compare reads all of the content.
func (c *diskContent) compare(f io.ReaderAt) error {
	sum := crc32.New(castagnoli)
	n, err := io.Copy(sum, io.NewSectionReader(f, 0, math.MaxInt64))
	if err == nil && (n != c.size || sum.Sum32() != c.sum) {
		err = errors.New("the content is torn")
	}
	return err
}

// logged is open content in the log.
type logged struct {
	*io.SectionReader
	segment *segment
}

func (l *logged) Close() error {
	l.segment.done()
	return nil
}

// stateName is the file that says whether the next process may believe what is there.
const stateName = "state"

// state is what a process leaves word of: that it has ended and all is on the disk, or in which run of the system it is at work, whose
// files are as it has written them unless the power fails.
type state string

const ended state = "ended\n"

func running() state {
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // elsewhere nothing tells, and it is not sound
	return "running since boot " + state(bytes.TrimSpace(boot)) + "\n"
}

func (s state) isSound() bool {
	return s == ended || s == running() && len(s) > len("running since boot \n")
}

func stateOf(root *os.Root) state {
	data, _ := root.ReadFile(stateName)
	return state(data)
}

// writeState returns when it is on the disk.
func writeState(root *os.Root, s state) error {
	f, err := root.OpenFile(stateName+partSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(string(s))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := root.Rename(stateName+partSuffix, stateName); err != nil {
		return err
	}
	return syncFolder(root, ".")
}
