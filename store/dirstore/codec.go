package dirstore

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// What is written to the index and the journal is a sequence of varints and
// length-prefixed strings, led by a version. A reader that does not know the
// version drops the entry, which costs a hash.

const entryVersion = 1

var errCodec = errors.New("malformed record")

// appendEntry appends e without its name, which is the key.
func appendEntry(b []byte, e *entry) []byte {
	b = append(b, entryVersion)
	b = appendRevision(b, e.asKept(0, e.id))
	b = appendBool(b, e.settled)
	b = appendBool(b, e.gone)
	b = binary.AppendUvarint(b, uint64(len(e.kept)))
	for _, k := range e.kept {
		b = appendRevision(b, k)
	}
	return b
}

func parseEntry(name string, b []byte) (*entry, error) {
	d := decoder{b: b}
	if d.byte() != entryVersion {
		return nil, errCodec
	}
	last := d.revision()
	e := &entry{info: last.info(name), id: last.id}
	e.settled, e.gone = d.bool(), d.bool()
	n := d.uvarint()
	if n > uint64(len(d.b)) { // each takes many bytes
		return nil, errCodec
	}
	for range n {
		e.kept = append(e.kept, d.revision())
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
