package etag_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"pgregory.net/rapid"
)

// A file is what servers make tags of.
type file struct {
	modified time.Time
	size     int64
	inode    uint64
}

func drawFile(t *rapid.T, from, to int) file {
	sec := rapid.Int64Range(
		time.Date(from, 1, 1, 0, 0, 0, 0, time.UTC).Unix(),
		time.Date(to, 1, 1, 0, 0, 0, 0, time.UTC).Unix()-1,
	).Draw(t, "seconds")
	return file{
		modified: time.Unix(sec, rapid.Int64Range(0, 999_999_999).Draw(t, "nanoseconds")).UTC(),
		size:     rapid.Int64Range(1, 1<<39).Draw(t, "size"),
		inode:    rapid.Uint64Range(1, 1<<40).Draw(t, "inode"),
	}
}

func (f file) facts() etag.Facts {
	return etag.Facts{LastModified: f.modified.Truncate(time.Second), Size: f.size}
}

// filetime is the time in units of 100 ns since 1601.
func (f file) filetime() int64 {
	return (f.modified.Unix()+11644473600)*1e7 + int64(f.modified.Nanosecond())/100
}

// makers make the tags of a file as servers do, written from their documentation or source and not
// from how they are read here.
var makers = []struct {
	id string
	// from and to are the years of the times that the form can have.
	from, to int
	unit     time.Duration
	sized    bool
	make     func(f file) string
}{
	{"iis", 1990, 2057, 100, false, func(f file) string {
		var b strings.Builder
		for _, octet := range binary.LittleEndian.AppendUint64(nil, uint64(f.filetime())) {
			fmt.Fprintf(&b, "%x", octet)
		}
		return `"` + b.String() + `:0"`
	}},
	{"aspnetcore-static", 2015, 2040, time.Second, true, func(f file) string {
		f.modified = f.modified.Truncate(time.Second)
		return `"` + strconv.FormatInt(f.filetime()^f.size, 16) + `"`
	}},
	{"nginx", 1990, 2100, time.Second, true, func(f file) string {
		return fmt.Sprintf(`"%x-%x"`, f.modified.Unix(), f.size)
	}},
	{"apache24", 1990, 2100, time.Microsecond, true, func(f file) string {
		return fmt.Sprintf(`"%x-%x"`, f.size, f.modified.UnixMicro())
	}},
	{"apache22", 1990, 2100, time.Microsecond, true, func(f file) string {
		return fmt.Sprintf(`"%x-%x-%x"`, f.inode, f.size, f.modified.UnixMicro())
	}},
	{"apache13", 1990, 2100, time.Second, true, func(f file) string {
		return fmt.Sprintf(`"%x-%x-%x"`, f.inode, f.size, f.modified.Unix())
	}},
	{"litespeed", 1990, 2100, time.Second, true, func(f file) string {
		return fmt.Sprintf(`"%x-%x-%x;;;"`, f.size, f.modified.Unix(), f.inode)
	}},
	{"express-stat", 1990, 2100, time.Millisecond, true, func(f file) string {
		return fmt.Sprintf(`W/"%x-%x"`, f.size, f.modified.UnixMilli())
	}},
	{"tomcat", 1990, 2100, time.Millisecond, true, func(f file) string {
		return fmt.Sprintf(`W/"%d-%d"`, f.size, f.modified.UnixMilli())
	}},
	{"node-old-static", 1990, 2100, time.Millisecond, true, func(f file) string {
		return fmt.Sprintf(`"%d-%d"`, f.size, f.modified.UnixMilli())
	}},
	{"caddy", 1990, 2100, 1, true, func(f file) string {
		return `"` + strconv.FormatInt(f.modified.UnixNano(), 36) + "-" + strconv.FormatInt(f.size, 36) + `"`
	}},
	{"caddy-old", 1990, 2038, time.Second, true, func(f file) string {
		return `"` + strconv.FormatInt(f.modified.Unix(), 36) + strconv.FormatInt(f.size, 36) + `"`
	}},
	{"go-webdav", 2007, 2100, 1, true, func(f file) string {
		return fmt.Sprintf(`"%x%x"`, f.modified.UnixNano(), f.size)
	}},
	{"jetty", 1990, 2100, time.Millisecond, false, func(f file) string {
		half := func(n uint64) string {
			return base64.RawStdEncoding.EncodeToString(binary.BigEndian.AppendUint64(nil, n^f.inode))
		}
		return `W/"` + half(uint64(f.modified.UnixMilli())) + half(uint64(f.size)) + `"`
	}},
	{"azure", 1990, 2100, 100, false, func(f file) string {
		ticks := (f.modified.Unix()+62135596800)*1e7 + int64(f.modified.Nanosecond())/100
		return fmt.Sprintf(`"0x%X"`, ticks)
	}},
	{"azure-table", 1990, 2100, 100, false, func(f file) string {
		stamp := f.modified.Format("2006-01-02T15:04:05.0000000Z")
		return `W/"datetime'` + url.QueryEscape(stamp) + `'"`
	}},
	{"gcs-json", 1990, 2100, time.Microsecond, false, func(f file) string {
		message := binary.AppendUvarint([]byte{1 << 3}, uint64(f.modified.UnixMicro()))
		message = binary.AppendUvarint(append(message, 2<<3), f.inode%1000+1)
		return `"` + base64.StdEncoding.EncodeToString(message) + `"`
	}},
	{"kinto", 2002, 2100, time.Millisecond, false, func(f file) string {
		return fmt.Sprintf(`"%d"`, f.modified.UnixMilli())
	}},
	{"nextcloud-file", 1990, 2100, time.Microsecond, false, func(f file) string {
		return fmt.Sprintf(`"%08x%05x"`, f.modified.Unix(), f.modified.Nanosecond()/1000)
	}},
	{"akamai-netstorage", 1990, 2100, time.Second, false, func(f file) string {
		return fmt.Sprintf(`"%x:%d"`, md5.Sum(nil), f.modified.Unix())
	}},
}

// TestMadeTagsAreRead makes tags of made-up files, as each server does, and wants them read as what they
// were made of.
func TestMadeTagsAreRead(t *testing.T) {
	for _, m := range makers {
		t.Run(m.id, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				f := drawFile(t, m.from, m.to)
				tag := m.make(f)
				readings := etag.Recognise(tag, f.facts())
				// One second of a FILETIME can be read from its digits in more than one way.
				i := slices.IndexFunc(readings, func(r etag.Reading) bool {
					return r.Dialect.ID == m.id && r.Time.Equal(f.modified.Truncate(m.unit)) && (!m.sized || r.Size == f.size)
				})
				if i < 0 {
					t.Fatalf("%s of %+v: got %v", tag, f, showAll(readings))
				}
				r := readings[i]
				dated := m.id != "nextcloud-file" && m.id != "akamai-netstorage"
				if dated && r.Fit != etag.Confirmed || r.Resolution != m.unit {
					t.Fatalf("%s: got %v, resolution %v; want it confirmed, resolution %v", tag, showReading(r), r.Resolution, m.unit)
				}
				if rel := etag.Relate(tag, tag, f.facts(), etag.Facts{}); rel.Kind != etag.Identical {
					t.Fatalf("Relate(%s, itself): got %v", tag, rel.Kind)
				}
			})
		})
	}
}

func showAll(readings []etag.Reading) string {
	var all []string
	for _, r := range readings {
		all = append(all, showReading(r))
	}
	return strings.Join(all, "; ")
}

// TestMadeTagsAreOrdered makes two tags of a file that was changed, and wants to hear by how
// much.
func TestMadeTagsAreOrdered(t *testing.T) {
	for _, m := range makers {
		t.Run(m.id, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				before := drawFile(t, m.from, m.to)
				after := before
				after.modified = after.modified.Add(time.Duration(rapid.Int64Range(1, 1e15).Draw(t, "later")))
				if after.modified.Year() >= m.to {
					t.Skip("after the times that the form can have")
				}
				after.size = max(1, before.size^rapid.Int64Range(0, 1<<20).Draw(t, "size changed"))
				a, b := m.make(before), m.make(after)
				there := etag.Relate(a, b, before.facts(), after.facts())
				back := etag.Relate(b, a, after.facts(), before.facts())
				checkMirrored(t, there, back)
				elapsed := after.modified.Truncate(m.unit).Sub(before.modified.Truncate(m.unit))
				switch {
				case there.Kind == etag.Identical, there.Kind == etag.SameButForm: // two letters of base64 may be a change of case
				case there.Sent.Dialect.ID != m.id || slices.Contains(there.Hints, etag.Ambiguous):
				case there.Elapsed != elapsed:
					t.Fatalf("Relate(%s, %s): got %v elapsed, want %v", a, b, there.Elapsed, elapsed)
				case there.Kind == etag.Unrelated, there.Kind == etag.OtherLayer, there.Kind == etag.RolledBack:
					t.Fatalf("Relate(%s, %s): got %v", a, b, there.Kind)
				}
			})
		})
	}
}

// mirrored has the kinds that change when the tags change places; the others stay.
var mirrored = map[etag.RelationKind]etag.RelationKind{etag.Edited: etag.RolledBack, etag.RolledBack: etag.Edited}

type fataler interface{ Fatalf(string, ...any) }

func checkMirrored(t fataler, there, back etag.Relation) {
	want, ok := mirrored[there.Kind]
	if !ok {
		want = there.Kind
	}
	if back.Kind != want || back.Elapsed != -there.Elapsed || back.Revisions != -there.Revisions {
		t.Fatalf("there: %v\nback: %v\nwant %v, %v and %d the other way round", there, back, there.Kind, there.Elapsed, there.Revisions)
	}
	if !slices.Equal(back.Differences, there.Differences) || !slices.Equal(back.Hints, there.Hints) {
		t.Fatalf("there: %v\nback: %v\nwant the same differences and hints", there, back)
	}
}

// TestMangledTagsStaySame puts around a tag what clients and servers do, and wants it known for the
// same one.
func TestMangledTagsStaySame(t *testing.T) {
	weaken := func(s string) string { return "W/" + s }
	mark := func(m string) func(string) string {
		return func(s string) string { return strings.TrimSuffix(s, `"`) + m + `"` }
	}
	manglings := []struct {
		name   string
		mangle func(string) string
		makes  etag.Difference
	}{
		{"weakened", weaken, etag.WeakPrefix},
		{"marked by Apache", mark("-gzip"), etag.CodingMark},
		{"marked by Jetty", mark("--gzip"), etag.CodingMark},
		{"marked by Caddy", mark("-zstd"), etag.CodingMark},
		{"marked by LiteSpeed", mark(";br"), etag.CodingMark},
		{"marked by us", mark("-br2"), etag.CodingMark},
		{"without quotes", func(s string) string { return strings.Trim(s, `"`) }, etag.Quotes},
		{"quoted again", func(s string) string { return `"` + s + `"` }, etag.Quotes},
		{"escaped", func(s string) string { return strings.ReplaceAll(s, `"`, `\"`) }, etag.Escapes},
		{"escaped and quoted", func(s string) string { return strconv.Quote(s) }, etag.Escapes},
		{"percent-encoded", url.QueryEscape, etag.Escapes},
		{"in HTML", func(s string) string { return strings.ReplaceAll(s, `"`, "&quot;") }, etag.Escapes},
		{"in a log of nginx", func(s string) string { return strings.ReplaceAll(s, `"`, `\x22`) }, etag.Escapes},
		{"in upper case", strings.ToUpper, etag.Case},
	}
	for _, m := range manglings {
		t.Run(m.name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				tag := `"` + rapid.StringMatching(`[a-f][0-9a-f]{5,30}`).Draw(t, "opaque") + `"`
				mangled := m.mangle(tag)
				there, back := etag.Relate(mangled, tag, etag.Facts{}, etag.Facts{}), etag.Relate(tag, mangled, etag.Facts{}, etag.Facts{})
				if there.Kind != etag.SameButForm || !slices.Contains(there.Differences, m.makes) {
					t.Fatalf("Relate(%s, %s): got %v", mangled, tag, there)
				}
				checkMirrored(t, there, back)
			})
		})
	}
}

// TestMultipartIsProven uploads content in parts as programs do.
func TestMultipartIsProven(t *testing.T) {
	const mib = 1 << 20
	content := bytes.Repeat([]byte("0123456789abcdef"), 21*mib/16+1)
	for _, part := range []int{5 * mib, 8 * mib, 16 * mib, 7 * mib} {
		var sums []byte
		parts := 0
		for chunk := range slices.Chunk(content, part) {
			sum := md5.Sum(chunk)
			sums = append(sums, sum[:]...)
			parts++
		}
		sum := md5.Sum(sums)
		tag := fmt.Sprintf(`"%s-%d"`, hex.EncodeToString(sum[:]), parts)
		r := etag.Recognise(tag, etag.Facts{Content: content})[0]
		want := fmt.Sprintf("it is the MD5 of the MD5s of parts of %d bytes of the representation", part)
		if r.Dialect.ID != "s3-multipart" || r.Fit != etag.Proven || !slices.Contains(r.Says(), want) {
			t.Errorf("parts of %d bytes: got %s, %s", part, showReading(r), r.Says())
		}
	}
	other := etag.Recognise(`"9b2cf535f27731c974343645a3985328-3"`, etag.Facts{Content: content})[0]
	if other.Fit != etag.FormOnly {
		t.Errorf("of other content, or in parts of an unusual size: got %s", showReading(other))
	}
}

// FuzzRecognise checks what holds of every text.
func FuzzRecognise(f *testing.F) {
	for _, d := range etag.Dialects() {
		f.Add(d.Example, int64(1793697262), int64(48213), []byte("abc"), "nginx")
	}
	for _, s := range []string{"", `"`, `""`, `W/`, `W/"`, `\`, `%`, `&quot`, `"-gzip"`, `":"`, `"-"`, `"--"`, `"12345678:"`,
		"0000000000000\n\n\n\n\n\n\n00", strings.Repeat(`"`, 2000), strings.Repeat("%25", 300) + "22"} {
		f.Add(s, int64(0), int64(0), []byte(nil), "")
	}
	f.Fuzz(func(t *testing.T, text string, seconds, size int64, content []byte, server string) {
		known := etag.Facts{Size: size, Content: content, Server: server}
		if seconds != 0 {
			known.LastModified = time.Unix(seconds%(1<<40), 0)
		}
		readings := etag.Recognise(text, known)
		if len(readings) > 64 {
			t.Fatalf("got %d readings", len(readings))
		}
		for i, r := range readings {
			checkReading(t, text, r, known)
			if i > 0 && readings[i-1].Fit < r.Fit {
				t.Fatalf("%q: %s before %s", text, showReading(readings[i-1]), showReading(r))
			}
		}
		if len(text) > 1024 && readings != nil {
			t.Fatalf("a text of %d bytes was looked into", len(text))
		}
	})
}

func checkReading(t *testing.T, text string, r etag.Reading, known etag.Facts) {
	t.Helper()
	if r.Dialect == nil || r.String() == "" || len(r.Says()) == 0 {
		t.Fatalf("%q: got a reading that says nothing: %+v", text, r)
	}
	if r.Size < -1 || r.Revision < -1 || r.Time.IsZero() != (r.Resolution == 0) || (r.Digest == nil) != (r.Algorithm == "") {
		t.Fatalf("%q: got %+v", text, r)
	}
	if r.Fit == etag.Proven && known.Content == nil {
		t.Fatalf("%q: proven without content: %s", text, showReading(r))
	}
	if r.Fit == etag.Confirmed && known.LastModified.IsZero() && known.Size <= 0 && known.Content == nil {
		t.Fatalf("%q: confirmed without facts: %s", text, showReading(r))
	}
}

// FuzzRelate checks that two texts relate to each other as they do the other way round.
func FuzzRelate(f *testing.F) {
	examples := etag.Dialects()
	for i, d := range examples {
		f.Add(d.Example, examples[(i+1)%len(examples)].Example)
		f.Add(d.Example, "W/"+d.Example)
		f.Add(d.Example, strings.Replace(d.Example, "5", "6", 1))
	}
	f.Add("", "")
	f.Add(`""`, `W/""`)
	f.Fuzz(func(t *testing.T, a, b string) {
		none := etag.Facts{}
		if self := etag.Relate(a, a, none, none); self.Kind != etag.Identical || self.Differences != nil {
			t.Fatalf("Relate(%q, itself): got %v", a, self)
		}
		there, back := etag.Relate(a, b, none, none), etag.Relate(b, a, none, none)
		checkMirrored(t, there, back)
		if (there.Kind == etag.SameButForm) != (there.Differences != nil) {
			t.Fatalf("Relate(%q, %q): got %v with differences %v", a, b, there.Kind, there.Differences)
		}
		if there.String() == "" {
			t.Fatalf("Relate(%q, %q) says nothing", a, b)
		}
	})
}
