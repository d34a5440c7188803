package dirstore

import (
	"encoding/binary"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// A record is a change as the journal has it: enough to tell whether it was
// carried out, and to do so.
type record struct {
	kind  recordKind
	seq   uint64 // of the change; a voided record names the change by it
	name  string
	spare string // the new file's name in the state folder; after the change the old one's

	// next is the new revision and its file. Not for deletions.
	next kept
	// last is what was known of the name before; hadLast says that there was
	// anything, existed that it was current.
	last    kept
	hadLast bool
	existed bool
	// spared says that last, or all of a tree that is replaced, is to be kept as what was replaced
	// under store.Sparing.
	spared bool
	// old is what was to be replaced or removed: the file of last, or a symbolic
	// link to it.
	old fileID

	// body is small content, if hasBody. Other content is in the file itself,
	// which was made durable before. Of a kept record or properties it is the value.
	body    []byte
	hasBody bool

	// from is where what arrives under name was before: a name, or one in the state
	// folder if staged. Empty if nothing arrives. Only for changes of trees.
	from   string
	staged bool

	// parts are changes that happen together or not at all. Each knows the seq of its
	// group, by which it is voided, and a deletion the write that it comes after.
	parts []*record
	group uint64
	after *record
}

type recordKind byte

const (
	recordPut    recordKind = 1
	recordDelete recordKind = 2
	recordVoid   recordKind = 3 // the change was not carried out
	recordGroup  recordKind = 4
	recordTree   recordKind = 5 // a name, and all in it, is replaced or removed: see treeChange
	recordMkdir  recordKind = 6
	recordKeep   recordKind = 7 // of store.Keeper; the name is the key
	recordProps  recordKind = 8 // properties of the file next.id
)

func (r *record) append(b []byte) []byte {
	b = append(b, byte(r.kind))
	b = binary.AppendUvarint(b, r.seq)
	switch r.kind {
	case recordVoid:
		return b
	case recordGroup:
		for _, part := range r.parts {
			b = appendString(b, part.append(nil))
		}
		return b
	}
	b = appendString(b, r.name)
	switch r.kind {
	case recordMkdir:
		return b
	case recordKeep:
		b = appendBool(b, r.hasBody)
		return append(b, r.body...)
	case recordTree:
		b = appendString(b, r.from)
		b = appendBool(b, r.staged)
	}
	b = appendString(b, r.spare)
	b = appendRevision(b, r.next)
	b = appendRevision(b, r.last)
	b = appendBool(b, r.hadLast)
	b = appendFlags(b, r.existed, r.spared)
	b = appendID(b, r.old)
	b = appendBool(b, r.hasBody)
	return append(b, r.body...)
}

// parseRecordContent is the reverse of append. The body shares b's memory.
func parseRecordContent(b []byte) (*record, error) {
	d := decoder{b: b}
	r := &record{kind: recordKind(d.byte()), seq: d.uvarint()}
	switch r.kind {
	case recordVoid:
		if d.bad || len(d.b) > 0 {
			return nil, errCodec
		}
		return r, nil
	case recordGroup:
		return r.parseParts(&d)
	case recordPut, recordDelete, recordTree, recordMkdir, recordKeep, recordProps:
	default:
		return nil, errCodec
	}
	r.name = string(d.string())
	switch r.kind {
	case recordMkdir:
	case recordKeep:
		r.hasBody = d.bool()
	case recordTree:
		r.from, r.staged = string(d.string()), d.bool()
		r.parseChange(&d)
	default:
		r.parseChange(&d)
	}
	if d.bad || !r.hasBody && len(d.b) > 0 {
		return nil, errCodec
	}
	if r.hasBody {
		r.body = d.b
	}
	return r, nil
}

func (r *record) parseChange(d *decoder) {
	r.spare = string(d.string())
	r.next, r.last = d.revision(), d.revision()
	r.hadLast = d.bool()
	var unknown bool
	r.existed, r.spared, unknown = d.flags()
	d.bad = d.bad || unknown
	r.old = d.id()
	r.hasBody = d.bool()
}

func (r *record) parseParts(d *decoder) (*record, error) {
	for !d.bad && len(d.b) > 0 {
		part, err := parseRecordContent(d.string())
		if err != nil || part.kind == recordGroup || part.kind == recordVoid {
			return nil, errCodec
		}
		part.group = r.seq
		if part.kind == recordDelete && len(r.parts) > 0 {
			part.after = r.parts[0]
		}
		r.parts = append(r.parts, part)
	}
	if d.bad {
		return nil, errCodec
	}
	return r, nil
}

// flat returns r, or its parts.
func (r *record) flat() []*record {
	if r.kind == recordGroup {
		return r.parts
	}
	return []*record{r}
}

// record describes w for the journal.
func (w *change) record(withBody bool) *record {
	r := &record{kind: recordDelete, seq: w.seq, name: w.place.name, spare: w.spare, old: w.old.id, spared: w.spared}
	if w.last != nil {
		r.last, r.hadLast, r.existed = w.last.asKept(0, w.last.id), true, !w.last.gone
	}
	if d := w.draft; d != nil {
		r.kind = recordPut
		r.next = kept{
			revision: w.info.Revision, digest: w.info.Digest, size: w.info.Size,
			modified: w.info.Modified.Unix(), id: w.id,
		}
		if withBody && d.body != nil {
			r.body, r.hasBody = d.body, true
		}
	}
	return r
}

// renumber sets the device number of the files r speaks of. They all are on the
// directory's own device, which has another number after another mount.
func (r *record) renumber(dev uint64) { r.old.dev, r.next.id.dev, r.last.id.dev = dev, dev, dev }

// info is the revision r makes current.
func (r *record) info() store.Info {
	return store.Info{
		Name: r.name, Revision: r.next.revision, Size: r.next.size, Digest: r.next.digest,
		Modified: time.Unix(r.next.modified, 0).UTC(),
	}
}
