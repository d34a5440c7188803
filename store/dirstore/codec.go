package dirstore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// What is written to the index and the journal is a sequence of varints and
// length-prefixed strings, led by a version. A reader that does not know the
// version drops the entry, which costs a hash.

// Entries of version 1 have neither session nor checksum.
const entryVersion = 2

var errCodec = errors.New("malformed record")

// appendEntry appends e, learned in the given session, without its name, which is
// the key.
func appendEntry(b []byte, e *entry, session uint64) []byte {
	start := len(b)
	b = append(b, entryVersion)
	b = binary.AppendUvarint(b, session)
	b = appendRevision(b, e.asKept(0, e.id))
	b = appendBool(b, e.settled)
	b = appendBool(b, e.gone)
	b = binary.AppendUvarint(b, uint64(len(e.kept)))
	for _, k := range e.kept {
		b = appendRevision(b, k)
		b = appendFlags(b, k.doubt, k.spared, k.file != 0)
		if k.file != 0 {
			b = binary.AppendUvarint(b, k.file)
		}
	}
	return binary.LittleEndian.AppendUint32(b, entrySum(e.info.Name, b[start:]))
}

// entrySum is the checksum of the entry b of name: a page that is not what was written
// shows in it.
func entrySum(name string, b []byte) uint32 {
	return crc32.Update(crc32.Checksum([]byte(name), castagnoli), castagnoli, b)
}

// parseEntry is the reverse of appendEntry. Of an entry from another session the files are
// to be hashed before it is believed.
func parseEntry(name string, b []byte, session uint64) (*entry, error) {
	d := decoder{b: b}
	version := d.byte()
	var learned uint64
	switch version {
	case 1:
	case entryVersion:
		end := len(b) - 4
		if end < 1 || binary.LittleEndian.Uint32(b[end:]) != entrySum(name, b[:end]) {
			return nil, errCodec
		}
		d.b = b[1:end]
		learned = d.uvarint()
	default:
		return nil, errCodec
	}
	e, err := d.entry(name, version)
	if err != nil {
		return nil, err
	}
	if version == 1 || learned != session {
		e = e.doubted()
	}
	return e, nil
}

// entry takes what follows the session.
func (d *decoder) entry(name string, version byte) (*entry, error) {
	last := d.revision()
	e := &entry{info: last.info(name), id: last.id}
	e.settled, e.gone = d.bool(), d.bool()
	n := d.uvarint()
	if n > uint64(len(d.b)) { // each takes many bytes
		return nil, errCodec
	}
	for range n {
		k := d.revision()
		if version > 1 {
			var named bool
			k.doubt, k.spared, named = d.flags()
			if named {
				k.file = d.uvarint()
				d.bad = d.bad || k.file == 0
			}
		}
		e.kept = append(e.kept, k)
	}
	if d.bad || len(d.b) > 0 {
		return nil, errCodec
	}
	return e, nil
}

func appendRevision(b []byte, k kept) []byte {
	b = binary.AppendUvarint(b, uint64(k.revision))
	b = append(b, k.digest[:]...)
	b = binary.AppendVarint(b, k.size)
	b = binary.AppendVarint(b, k.modified)
	b = binary.AppendUvarint(b, k.seq)
	return appendID(b, k.id)
}

func (d *decoder) revision() (k kept) {
	k.revision = store.Revision(d.uvarint())
	copy(k.digest[:], d.bytes(len(k.digest)))
	k.size, k.modified = d.varint(), d.varint()
	k.seq = d.uvarint()
	k.id = d.id()
	return k
}

func appendID(b []byte, id fileID) []byte {
	b = binary.AppendUvarint(b, id.dev)
	b = binary.AppendUvarint(b, id.ino)
	b = binary.AppendVarint(b, id.size)
	b = binary.AppendVarint(b, id.mtime)
	return binary.AppendVarint(b, id.ctime)
}

func (d *decoder) id() fileID {
	return fileID{dev: d.uvarint(), ino: d.uvarint(), size: d.varint(), mtime: d.varint(), ctime: d.varint()}
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// appendFlags appends up to eight in one byte: what was written when there were fewer is read as that.
func appendFlags(b []byte, flags ...bool) []byte {
	v := byte(0)
	for i, flag := range flags {
		if flag {
			v |= 1 << i
		}
	}
	return append(b, v)
}

func appendString[T ~string | ~[]byte](b []byte, s T) []byte {
	b = binary.AppendUvarint(b, uint64(len(s)))
	return append(b, s...)
}

// decoder takes values off the front of b. After the first that is not there
// it yields zeros and is bad.
type decoder struct {
	b   []byte
	bad bool
}

func (d *decoder) bytes(n int) []byte {
	if d.bad || n < 0 || n > len(d.b) {
		d.bad = true
		return nil
	}
	head := d.b[:n]
	d.b = d.b[n:]
	return head
}

func (d *decoder) string() []byte {
	n := d.uvarint()
	if n > uint64(len(d.b)) {
		d.bad = true
		return nil
	}
	return d.bytes(int(n))
}

func (d *decoder) byte() byte {
	if head := d.bytes(1); head != nil {
		return head[0]
	}
	return 0
}

func (d *decoder) bool() bool {
	v := d.byte()
	d.bad = d.bad || v > 1
	return v == 1
}

func (d *decoder) flags() (first, second, third bool) {
	v := d.byte()
	d.bad = d.bad || v > 7
	return v&1 != 0, v&2 != 0, v&4 != 0
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.b)
	if d.bytes(n) == nil || n == 0 {
		d.bad = true
		return 0
	}
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if d.bytes(n) == nil || n == 0 {
		d.bad = true
		return 0
	}
	return v
}

// second is the whole second of t.
func second(t time.Time) time.Time { return time.Unix(t.Unix(), 0).UTC() }

// secondOf is the whole second of a time in nanoseconds since 1970.
func secondOf(nanos int64) time.Time { return second(time.Unix(0, nanos)) }
