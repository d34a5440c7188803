package cache

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
)

// diskLog is what a [Disk] has written down, in order, in files of about the same size. It grows at one end and is given back at the
// other: what still counts of the oldest file is written again. So what is said of a name later in the log is what counts, and that a name
// is gone need not be said any more once its turn comes. Its methods are called one at a time.
type diskLog struct {
	root *os.Root
	// size is how long a segment is to be.
	size     int64
	segments []*segment // in order
	total    int64
	next     uint64
}

// segment is one of the files.
type segment struct {
	name string
	file *os.File
	// salt is random and goes into the checksums of the file, so that no content can look like a record.
	salt [saltLength]byte
	end  int64

	mu      sync.Mutex
	readers int
	retired bool
}

const saltLength = 16

// use has the file stay open until done is called. It is false if it is no longer part of the log.
func (s *segment) use() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired {
		return false
	}
	s.readers++
	return true
}

func (s *segment) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.readers--; s.readers == 0 && s.retired {
		s.file.Close()
	}
}

// retire closes the file when nobody reads it any more.
func (s *segment) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.retired = true; s.readers == 0 {
		s.file.Close()
	}
}

// recordKind says what a record is about.
type recordKind byte

const (
	recordContent     recordKind = 1 // the content of that name
	recordDescription recordKind = 2 // what is kept under that key
	recordGone        recordKind = 3 // nothing is kept under that key
)

// record is an element of the log:
//
//	checksum of the head and the name (of a description also of the body), 4 bytes
//	kind, 1 byte; length of the name, 4; of the body, 4; checksum of the body, 4
//	name, body
type record struct {
	kind recordKind
	name string
	body []byte
	sum  uint32
}

const headLength = 17

func (r *record) length() int64 { return headLength + int64(len(r.name)) + int64(len(r.body)) }

// place is where a record is, and its body.
type place struct {
	segment       *segment
	at            int64
	content       int64
	length, total int64
}

func (s *segment) encode(r record) []byte {
	data := make([]byte, headLength, r.length())
	data[4] = byte(r.kind)
	binary.LittleEndian.PutUint32(data[5:], uint32(len(r.name)))
	binary.LittleEndian.PutUint32(data[9:], uint32(len(r.body)))
	binary.LittleEndian.PutUint32(data[13:], r.sum)
	data = append(append(data, r.name...), r.body...)
	checked := data[4:]
	if r.kind == recordContent { // it has a checksum of its own, which is compared when it is used
		checked = data[4 : headLength+len(r.name)]
	}
	binary.LittleEndian.PutUint32(data, s.checksum(checked))
	return data
}

func (s *segment) checksum(data []byte) uint32 {
	return crc32.Update(crc32.Checksum(s.salt[:], castagnoli), castagnoli, data)
}

// append writes a record at the end of the log.
func (l *diskLog) append(r record) (place, error) {
	s, err := l.last(r.length())
	if err != nil {
		return place{}, err
	}
	at := place{segment: s, at: s.end, content: s.end + headLength + int64(len(r.name)), length: int64(len(r.body)), total: r.length()}
	if _, err := s.file.WriteAt(s.encode(r), s.end); err != nil {
		_ = s.file.Truncate(s.end) // what is there of it has no checksum that fits
		return place{}, err
	}
	s.end += r.length()
	l.total += r.length()
	return at, nil
}

// last is the segment to append a record of n bytes to.
func (l *diskLog) last(n int64) (*segment, error) {
	if i := len(l.segments) - 1; i >= 0 && l.segments[i].end+n <= max(l.size, saltLength+n) {
		return l.segments[i], nil
	}
	s := &segment{name: filepath.Join(logFolder, fmt.Sprintf("%016x", l.next)), end: saltLength}
	_, _ = rand.Read(s.salt[:]) // which never fails
	f, err := l.root.OpenFile(s.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	if _, err := f.WriteAt(s.salt[:], 0); err != nil {
		f.Close()
		_ = l.root.Remove(s.name) // or the next start does
		return nil, err
	}
	s.file = f
	l.next++
	l.segments = append(l.segments, s)
	l.total += saltLength
	return s, nil
}

// reclaim gives the oldest segment back. What counts of it is written again.
func (l *diskLog) reclaim(counts func(record, place) bool, moved func(record, place)) error {
	oldest := l.segments[0]
	if len(l.segments) == 1 { // it is the one that is appended to
		return nil
	}
	err := oldest.records(oldest.end, func(r record, at place) error {
		if !counts(r, at) {
			return nil
		}
		if r.kind == recordContent {
			r.body = make([]byte, at.length)
			if _, err := oldest.file.ReadAt(r.body, at.content); err != nil {
				return err
			}
		}
		to, err := l.append(r)
		if err == nil {
			moved(r, to)
		}
		return err
	})
	if err != nil {
		return err
	}
	l.segments = l.segments[1:]
	l.total -= oldest.end
	err = l.root.Remove(oldest.name)
	oldest.retire()
	return err
}

// errTorn says that a segment ends within a record, errDamaged that it has what is none.
var errTorn, errDamaged = errors.New("torn"), errors.New("damaged")

// records calls do for each record up to end. The bodies of contents are not read.
func (s *segment) records(end int64, do func(record, place) error) error {
	head := make([]byte, headLength)
	for at := int64(saltLength); at < end; {
		if _, err := s.file.ReadAt(head, at); err != nil {
			return errTorn
		}
		name, body := int64(binary.LittleEndian.Uint32(head[5:])), int64(binary.LittleEndian.Uint32(head[9:]))
		r := record{kind: recordKind(head[4]), sum: binary.LittleEndian.Uint32(head[13:])}
		where := place{segment: s, at: at, content: at + headLength + name, length: body, total: headLength + name + body}
		checked := name
		if r.kind != recordContent {
			checked += body
		}
		if at+where.total > end {
			return errTorn
		}
		text := make([]byte, headLength+checked)
		if _, err := s.file.ReadAt(text, at); err != nil || s.checksum(text[4:]) != binary.LittleEndian.Uint32(head) {
			return errDamaged
		}
		r.name, r.body = string(text[headLength:headLength+name]), text[headLength+name:]
		if err := do(r, where); err != nil {
			return err
		}
		at += where.total
	}
	return nil
}

// read takes over what an earlier process has written, and calls do for each record. The last one may be torn.
func (l *diskLog) read(do func(record, place)) error {
	names, err := l.names()
	if err != nil {
		return err
	}
	for i, name := range names {
		number, err := strconv.ParseUint(name, 16, 63)
		if err != nil || len(name) != 16 {
			return fmt.Errorf("%s is no part of the log", name)
		}
		l.next = number + 1
		if err := l.readSegment(filepath.Join(logFolder, name), i == len(names)-1, do); err != nil {
			return err
		}
	}
	return nil
}

func (l *diskLog) readSegment(name string, isLast bool, do func(record, place)) error {
	f, err := l.root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	s := &segment{name: name, file: f, end: saltLength}
	l.segments = append(l.segments, s)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if n, err := f.ReadAt(s.salt[:], 0); n < saltLength && isLast { // the process ended as it began this one
		l.total += saltLength
		_, err = f.WriteAt(s.salt[:], 0)
		return err
	} else if err != nil {
		return err
	}
	err = s.records(info.Size(), func(r record, at place) error {
		do(r, at)
		s.end = at.at + at.total
		return nil
	})
	if err == errTorn && isLast {
		err = f.Truncate(s.end)
	}
	l.total += s.end
	return err
}

// removeAll begins with nothing.
func (l *diskLog) removeAll() error {
	for _, s := range l.segments {
		s.retire()
	}
	l.segments, l.total = nil, 0
	names, err := l.names()
	for _, name := range names {
		err = errors.Join(err, l.root.RemoveAll(filepath.Join(logFolder, name)))
	}
	return err
}

// names are the files of the log, in order.
func (l *diskLog) names() ([]string, error) {
	folder, err := l.root.Open(logFolder)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	names, err := folder.Readdirnames(-1)
	slices.Sort(names)
	return names, err
}

// close has everything on the disk.
func (l *diskLog) close() (err error) {
	for _, s := range l.segments {
		err = errors.Join(err, s.file.Sync())
		s.retire()
	}
	return errors.Join(err, syncFolder(l.root, logFolder))
}

// syncFolder has the names in a folder on the disk.
func syncFolder(root *os.Root, name string) error {
	if runtime.GOOS == "windows" { // no program can there
		return nil
	}
	folder, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
