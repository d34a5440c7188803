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
	// old is what was to be replaced or removed: the file of last, or a symbolic
	// link to it.
	old fileID

	// body is small content, if hasBody. Other content is in the file itself,
	// which was made durable before.
	body    []byte
	hasBody bool
}

type recordKind byte

const (
	recordPut    recordKind = 1
	recordDelete recordKind = 2
	recordVoid   recordKind = 3 // the change was not carried out
)

func (r *record) append(b []byte) []byte {
	b = append(b, byte(r.kind))
	b = binary.AppendUvarint(b, r.seq)
	if r.kind == recordVoid {
		return b
	}
	b = appendString(b, r.name)
	b = appendString(b, r.spare)
	b = appendRevision(b, r.next)
	b = appendRevision(b, r.last)
	b = appendBool(b, r.hadLast)
	b = appendBool(b, r.existed)
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
	case recordPut, recordDelete:
	default:
		return nil, errCodec
	}
	r.name, r.spare = string(d.string()), string(d.string())
	r.next, r.last = d.revision(), d.revision()
	r.hadLast, r.existed = d.bool(), d.bool()
	r.old = d.id()
	r.hasBody = d.bool()
	if d.bad || !r.hasBody && len(d.b) > 0 {
		return nil, errCodec
	}
	if r.hasBody {
		r.body = d.b
	}
	return r, nil
}

// record describes w for the journal.
func (w *change) record(withBody bool) *record {
	r := &record{kind: recordDelete, seq: w.seq, name: w.place.name, spare: w.spare, old: w.old.id}
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
