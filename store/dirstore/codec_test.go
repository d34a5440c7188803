package dirstore

import (
	"bytes"
	"crypto/sha256"
	"reflect"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"pgregory.net/rapid"
)

var ids = rapid.Custom(func(t *rapid.T) fileID {
	return fileID{
		dev: rapid.Uint64().Draw(t, "dev"), ino: rapid.Uint64().Draw(t, "ino"), size: rapid.Int64().Draw(t, "size"),
		mtime: rapid.Int64().Draw(t, "mtime"), ctime: rapid.Int64().Draw(t, "ctime"),
	}
})

var keptOnes = rapid.Custom(func(t *rapid.T) kept {
	return kept{
		revision: store.Revision(rapid.Uint64().Draw(t, "revision")),
		digest:   sha256.Sum256(rapid.SliceOfN(rapid.Byte(), 0, 4).Draw(t, "content")),
		size:     rapid.Int64().Draw(t, "size"),
		modified: rapid.Int64Range(-1<<40, 1<<40).Draw(t, "modified"),
		seq:      rapid.Uint64().Draw(t, "seq"),
		id:       ids.Draw(t, "id"),
	}
})

// TestEntryRoundTrip: an entry comes back from the index as it was.
func TestEntryRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		last := keptOnes.Draw(t, "last")
		e := &entry{
			info: last.info("name"), id: last.id,
			settled: rapid.Bool().Draw(t, "settled"), gone: rapid.Bool().Draw(t, "gone"),
			kept: rapid.SliceOfN(keptOnes, 0, 5).Draw(t, "kept"),
		}
		if len(e.kept) == 0 {
			e.kept = nil
		}
		for i := range e.kept {
			e.kept[i].doubt, e.kept[i].spared = rapid.Bool().Draw(t, "doubt"), rapid.Bool().Draw(t, "spared")
			e.kept[i].file = rapid.Uint64().Draw(t, "file")
		}
		session := rapid.Uint64().Draw(t, "session")
		b := appendEntry(nil, e, session)
		got, err := parseEntry("name", b, session)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Fatalf("got %+v, error %v; want %+v", got, err, e)
		}
		for n := range b {
			if _, err := parseEntry("name", b[:n], session); err == nil {
				t.Fatalf("%d of %d bytes are an entry too", n, len(b))
			}
		}
		if other, err := parseEntry("name", b, session+1); err != nil || !reflect.DeepEqual(other, e.doubted()) {
			t.Fatalf("in another session got %+v, error %v; want %+v", other, err, e.doubted())
		}
		damaged := rapid.IntRange(1, len(b)-1).Draw(t, "damaged")
		b[damaged] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if _, err := parseEntry("name", b, session); err == nil {
			t.Fatalf("with byte %d changed it is an entry too", damaged)
		}
	})
}

// TestRecordRoundTrip: a record comes back from the journal as it was.
func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &record{kind: recordKind(rapid.IntRange(1, 3).Draw(t, "kind")), seq: rapid.Uint64().Draw(t, "seq")}
		if r.kind != recordVoid {
			r.name, r.spare = rapid.String().Draw(t, "name"), rapid.String().Draw(t, "spare")
			r.next, r.last, r.old = keptOnes.Draw(t, "next"), keptOnes.Draw(t, "last"), ids.Draw(t, "old")
			r.hadLast, r.existed = rapid.Bool().Draw(t, "hadLast"), rapid.Bool().Draw(t, "existed")
			if r.hasBody = rapid.Bool().Draw(t, "hasBody"); r.hasBody {
				r.body = rapid.SliceOf(rapid.Byte()).Draw(t, "body")
			}
		}
		got, err := parseRecordContent(r.append(nil))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.body, r.body) {
			t.Fatalf("got body %q, want %q", got.body, r.body)
		}
		got.body, r.body = nil, nil
		if !reflect.DeepEqual(got, r) {
			t.Fatalf("got %+v, want %+v", got, r)
		}
	})
}

// TestEntryOfVersion1: what an earlier version of this program has written is kept, and not
// believed before it is seen again.
func TestEntryOfVersion1(t *testing.T) {
	b := []byte{1}
	k := kept{revision: 5, size: 7, seq: 9, id: fileID{ino: 3}}
	b = appendRevision(b, kept{revision: 6})
	b = append(appendBool(appendBool(b, true), false), 1)
	got, err := parseEntry("name", appendRevision(b, k), 0)
	check(t, err)
	k.doubt = true
	if got.settled || got.info.Revision != 6 || len(got.kept) != 1 || got.kept[0] != k {
		t.Errorf("got %+v", got)
	}
}

func FuzzParseEntry(f *testing.F) {
	e := &entry{info: store.Info{Revision: 1, Modified: time.Unix(1, 0)}, kept: make([]kept, 2)}
	f.Add(appendEntry(nil, e, 1))
	f.Add([]byte{entryVersion})
	f.Add([]byte{1})
	f.Fuzz(func(t *testing.T, b []byte) {
		e, err := parseEntry("name", b, 1)
		if err != nil {
			return
		}
		again, err := parseEntry("name", appendEntry(nil, e, 1), 1)
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%+v comes back as %+v, error %v", e, again, err)
		}
	})
}

func FuzzParseRecord(f *testing.F) {
	f.Add((&record{kind: recordVoid, seq: 1}).append(nil))
	f.Add((&record{kind: recordPut, name: "a", spare: "kept/000000/1", hasBody: true, body: []byte("content")}).append(nil))
	f.Add((&record{kind: recordDelete, name: "a"}).append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseRecordContent(b)
		if err != nil {
			return
		}
		again, err := parseRecordContent(r.append(nil))
		if err != nil || !reflect.DeepEqual(again, r) {
			t.Errorf("%+v comes back as %+v, error %v", r, again, err)
		}
	})
}

func FuzzParseMeta(f *testing.F) {
	f.Add(meta{1, 2, 3, 4, 5}.append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := parseMeta(b)
		if err != nil {
			return
		}
		if again, err := parseMeta(m.append(nil)); err != nil || again != m {
			t.Errorf("%+v comes back as %+v, error %v", m, again, err)
		}
	})
}
