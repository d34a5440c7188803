package accesslog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/fourtwelve/fourtwelve/accesslog/accesslogtest"
)

func TestMain(m *testing.M) {
	flag.Parse()
	poison = flag.Lookup("test.bench").Value.String() == ""
	os.Exit(m.Run())
}

// writeLog writes a log into a file and returns its path.
func writeLog(tb testing.TB, name string, content []byte) string {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		tb.Fatal(err)
	}
	return path
}

func readFile(tb testing.TB, path string) []byte {
	tb.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// TestRemadeLines: entries that are members of one document, or take several lines, are as good as
// those with a line each.
func TestRemadeLines(t *testing.T) {
	const a, b = `{"time":"2026-11-03T09:15:20Z","client":"203.0.113.7","method":"PUT","target":"/plan","status":412,"if_match":"\"a\""}`,
		`{"time":"2026-11-03T09:15:21Z","client":"203.0.113.8","method":"PUT","target":"/plan","status":204,"if_match":"\"b\""}`
	want := entriesOf(t, a+"\n"+b+"\n")
	indented := strings.NewReplacer(",", ",\n  ", "{", "{\n", "}", "\n}")
	wide := []byte("\xff\xfe")
	for _, c := range a + "\r\n" + b + "\r\n" {
		wide = append(wide, byte(c), 0)
	}
	for name, log := range map[string]string{
		"an array": "[" + a + "," + b + "]\n", "a member": `{"records":[` + a + ",\n" + b + `]}`,
		"lines": indented.Replace(a + "\n" + b + "\n"), "lines in an array": indented.Replace("[" + a + "," + b + "]"),
		"UTF-16":     string(wide),
		"CloudWatch": `{"events":[{"message":` + inJSON(a) + `,"timestamp":1},{"message":` + inJSON(b) + `}],"nextForwardToken":"f/1"}`,
	} {
		if got := entriesOf(t, log); got != want {
			t.Errorf("%s: got\n%swant\n%s", name, got, want)
		}
	}
}

// lines returns all entries of r, one text each, which must not change with how they
// are read.
func lines(tb testing.TB, r *Reader) (all []string) {
	tb.Helper()
	for e := range r.Entries(tb.Context()) {
		var b strings.Builder
		fmt.Fprintf(&b, "%s %d %d\n", e.File().Name(), e.Line(), e.Offset())
		describeEntry(&b, e)
		all = append(all, b.String())
	}
	if r.Err() != nil {
		tb.Fatal(r.Err())
	}
	return all
}

// TestAnyChunksAnyWorkers reads each log in pieces of many sizes, and by several
// goroutines: nothing may change.
func TestAnyChunksAnyWorkers(t *testing.T) {
	for _, log := range logs(t) {
		t.Run(strings.TrimPrefix(log, "testdata/"), func(t *testing.T) {
			format := givenFormat(t, log)
			for _, content := range variants(readFile(t, log)) {
				path := writeLog(t, "a.log", content)
				var want []string
				var totals Totals
				for _, how := range []struct{ chunk, workers int }{{0, 1}, {1, 2}, {2, 1}, {7, 3}, {100, 1}, {1000, 3}} {
					r, err := Open([]string{path}, Options{Format: format, Workers: how.workers, chunk: how.chunk})
					if err != nil {
						t.Fatal(err)
					}
					got := lines(t, r)
					if want == nil {
						want, totals = got, r.Stats().Totals
					}
					if !slices.Equal(got, want) {
						t.Fatalf("%+v:\ngot  %q\nwant %q", how, got, want)
					}
					checkTotals(t, r, content)
					if s := r.Stats().Totals; fmt.Sprint(withoutFiles(s)) != fmt.Sprint(withoutFiles(totals)) {
						t.Fatalf("%+v: totals\ngot  %v\nwant %v", how, s, totals)
					}
				}
			}
		})
	}
}

// variants returns a log as it is, with the line ends of Windows, without the last
// line end, with NUL bytes around it, and with a byte order mark.
func variants(log []byte) [][]byte {
	crlf := bytes.ReplaceAll(bytes.ReplaceAll(log, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
	return [][]byte{
		log, crlf, bytes.TrimRight(log, "\r\n"), append(bytes.Clone(crlf), make([]byte, 5000)...),
		append(append(bytes.Clone(log), "\x00\x00\x00\n\x00\x00"...), log...), append(bytes.Clone(utf8BOM), log...),
	}
}

func withoutFiles(t Totals) Totals {
	t.Samples = slices.Clone(t.Samples)
	for i := range t.Samples {
		t.Samples[i].File = nil
	}
	return t
}

// checkTotals checks that every byte and every line is accounted for.
func checkTotals(tb testing.TB, r *Reader, content []byte) {
	tb.Helper()
	s := r.Stats()
	if s.Bytes != int64(len(content)) || s.Bytes != s.EntryBytes+s.BadBytes+s.OtherBytes {
		tb.Errorf("%d bytes, of them %d of entries, %d bad and %d other; the log has %d", s.Bytes, s.EntryBytes, s.BadBytes,
			s.OtherBytes, len(content))
	}
	n := bytes.Count(content, []byte("\n"))
	if len(content) > 0 && content[len(content)-1] != '\n' {
		n++
	}
	if s.Lines != int64(n) || s.Lines != s.Entries+s.Bad+s.Other {
		tb.Errorf("%d lines, of them %d entries, %d bad and %d other; the log has %d", s.Lines, s.Entries, s.Bad, s.Other, n)
	}
	byStatus, byMethod := int64(0), int64(0)
	for _, n := range s.Status {
		byStatus += n
	}
	for _, n := range s.Method {
		byMethod += n
	}
	if want := s.Entries - s.Filtered; byStatus != want || byMethod != want {
		tb.Errorf("%d entries by status and %d by method, want %d", byStatus, byMethod, want)
	}
}

// TestEntriesAreWhereTheySay compares each entry with the file.
func TestEntriesAreWhereTheySay(t *testing.T) {
	for _, format := range accesslogtest.Formats() {
		log := generated(t, accesslogtest.Options{Format: format, Size: 300_000})
		r := openBytes(t, log, Options{chunk: 4096})
		n := 0
		for e := range r.Entries(t.Context()) {
			if got := log[e.Offset():][:len(e.Raw())]; string(got) != e.Raw() {
				t.Fatalf("%s: line %d: got %q, at its offset is %q", format, e.Line(), e.Raw(), got)
			}
			if got := int64(bytes.Count(log[:e.Offset()], []byte("\n"))) + 1; got != e.Line() {
				t.Fatalf("%s: got line %d, want %d", format, e.Line(), got)
			}
			n++
		}
		if s := r.Stats(); int64(n) != s.Entries || s.Bad > 0 || n < 200 {
			t.Errorf("%s: got %d entries, stats %+v", format, n, s.Totals)
		}
		checkTotals(t, r, log)
	}
}

// TestFilterAndEach checks both against a plain loop over all entries.
func TestFilterAndEach(t *testing.T) {
	log := generated(t, accesslogtest.Options{Format: "iis-custom", Size: 1 << 20})
	all := lines(t, openBytes(t, log, Options{}))
	since, until := time.Date(2026, 11, 3, 8, 0, 10, 0, time.UTC), time.Date(2026, 11, 3, 8, 0, 40, 0, time.UTC)
	tests := []struct {
		name   string
		filter Filter
		each   func(int, *Entry) bool
		keep   func(e *Entry) bool
	}{
		{"time", Filter{Since: since, Until: until}, nil, func(e *Entry) bool { return !e.Time().Before(since) && e.Time().Before(until) }},
		{"status", Filter{Status: StatusOf(412, 304)}, nil, func(e *Entry) bool { return e.Status() == 412 || e.Status() == 304 }},
		{"path", Filter{Path: func(p string) bool { return strings.HasPrefix(p, "/dav/") }}, nil,
			func(e *Entry) bool { return strings.HasPrefix(e.Text(Path), "/dav/") }},
		{"select", Filter{}, Select(StatusOf(404), true), func(e *Entry) bool {
			return e.Status() == 404 || e.Text(IfMatch) != "" || e.Text(IfNoneMatch) != "" || e.Text(IfRange) != ""
		}},
		{"count only", Filter{}, CountOnly, func(*Entry) bool { return false }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var want []string
			for e := range openBytes(t, log, Options{}).Entries(t.Context()) {
				if test.keep(e) {
					want = append(want, all[e.Line()-5]) // four directives before
				}
			}
			r := openBytes(t, log, Options{Filter: test.filter, Each: test.each, Workers: 3, chunk: 10_000})
			if got := lines(t, r); !slices.Equal(got, want) {
				t.Errorf("got %d entries, want %d", len(got), len(want))
			}
			checkTotals(t, r, log)
			if s := r.Stats(); s.Entries != int64(len(all)) {
				t.Errorf("got %d entries in all, want %d", s.Entries, len(all))
			}
		})
	}
}

// TestEachInParallel counts in the workers, with a state for each.
func TestEachInParallel(t *testing.T) {
	log := generated(t, accesslogtest.Options{Format: "nginx", Size: 1 << 20})
	const workers = 4
	var counts [workers]map[string]int
	r := openBytes(t, log, Options{Workers: workers, chunk: 5000, Each: func(worker int, e *Entry) bool {
		if counts[worker] == nil {
			counts[worker] = map[string]int{}
		}
		counts[worker][strings.Clone(e.Text(Client))]++
		return false
	}})
	if got := lines(t, r); len(got) > 0 {
		t.Errorf("got %d entries", len(got))
	}
	got := map[string]int{}
	for _, m := range counts {
		for client, n := range m {
			got[client] += n
		}
	}
	want := map[string]int{}
	for e := range openBytes(t, log, Options{}).Entries(t.Context()) {
		want[strings.Clone(e.Text(Client))]++
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %d clients, want %d", len(got), len(want))
	}
}

// TestCloneOutlivesTheLoop keeps clones, while the memory of the entries is
// overwritten (see poison).
func TestCloneOutlivesTheLoop(t *testing.T) {
	log := generated(t, accesslogtest.Options{Format: "caddy", Size: 200_000})
	var want, got []string
	var kept []*Entry
	for e := range openBytes(t, log, Options{chunk: 1000}).Entries(t.Context()) {
		var b strings.Builder
		describeEntry(&b, e)
		want = append(want, b.String())
		kept = append(kept, e.Clone())
	}
	for _, e := range kept {
		var b strings.Builder
		describeEntry(&b, e)
		got = append(got, b.String())
	}
	if !slices.Equal(got, want) || len(got) < 100 {
		t.Error("clones have changed")
	}
}

func compressed(t *testing.T, kind string, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if kind == "zst" {
		var err error
		if w, err = zstd.NewWriter(&b); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestRotatedLogsAreMerged reads a log that was rotated, compressed and spread over
// nodes: the entries come out in the order of their times.
func TestRotatedLogsAreMerged(t *testing.T) {
	dir := t.TempDir()
	start := time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	want := int64(0)
	for day := range 3 {
		for node := range 2 {
			log := generated(t, accesslogtest.Options{Format: "nginx", Size: 100_000, Seed: uint64(10*day + node), Start: start.AddDate(0, 0, day)})
			want += int64(bytes.Count(log, []byte("\n")))
			name := fmt.Sprintf("access%d.log", node)
			switch day {
			case 0:
				name, log = name+".2.zst", compressed(t, "zst", log)
			case 1:
				name, log = name+".1.gz", append(compressed(t, "gz", log[:len(log)/2]), compressed(t, "gz", log[len(log)/2:])...)
			}
			if err := os.WriteFile(filepath.Join(dir, name), log, 0o666); err != nil {
				t.Fatal(err)
			}
		}
	}
	r, err := Open([]string{filepath.Join(dir, "access?.log*")}, Options{chunk: 3000, Workers: 2})
	if err != nil {
		t.Fatal(err)
	}
	n, last, files := int64(0), time.Time{}, map[string]bool{}
	for e := range r.Entries(t.Context()) {
		if e.Time().Before(last) {
			t.Fatalf("%v after %v", e.Time(), last)
		}
		last, files[e.File().Name()] = e.Time(), true
		n++
	}
	if s := r.Stats(); n != want || s.Unordered != 0 || len(files) != 6 || r.Err() != nil {
		t.Errorf("got %d entries of %d, from %d files, %d not in order, error %v", n, want, len(files), s.Unordered, r.Err())
	}
}

// TestMergeRepairsDisorder merges files whose lines are out of order by less than what
// is looked ahead, whatever the chunks.
func TestMergeRepairsDisorder(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var paths []string
	var want []string
	for file := range 5 {
		var log []string
		at := time.Date(2026, 11, 3, 8, 0, file, 0, time.UTC)
		for i := range 3000 {
			at = at.Add(time.Duration(random.IntN(5)) * time.Second)
			log = append(log, fmt.Sprintf("192.0.2.%d - - [%s] \"GET /%04d HTTP/1.1\" 200 1", file, at.Format("02/Jan/2006:15:04:05 -0700"), i))
		}
		for i := 0; i+100 <= len(log); i += 100 {
			random.Shuffle(100, func(a, b int) { log[i+a], log[i+b] = log[i+b], log[i+a] })
		}
		want = append(want, log...)
		paths = append(paths, writeLog(t, fmt.Sprintf("%d.log", file), []byte(strings.Join(log, "\n")+"\n")))
	}
	when := func(line string) string { return line[strings.IndexByte(line, '[')+1:][:26] }
	slices.SortStableFunc(want, func(a, b string) int { return strings.Compare(when(a), when(b)) })
	for _, chunk := range []int{500, 100_000} {
		r, err := Open(paths, Options{chunk: chunk})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for e := range r.Entries(t.Context()) {
			got = append(got, strings.Clone(e.Raw()))
		}
		if r.Stats().Unordered != 0 || len(got) != len(want) {
			t.Fatalf("%d of %d entries, %d not in order", len(got), len(want), r.Stats().Unordered)
		}
		for i := range got {
			if when(got[i]) != when(want[i]) {
				t.Fatalf("entry %d: got %s, want %s", i, got[i], want[i])
			}
		}
	}
}

// TestManyFiles reads more files than are open at a time.
func TestManyFiles(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 * maxOpen {
		line := fmt.Sprintf("192.0.2.1 - - [03/Nov/2026:%02d:%02d:00 +0000] \"GET /%d HTTP/1.1\" 200 1\n", i/60, i%60, i)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%03d.log", (i*271)%(3*maxOpen))), []byte(line), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open([]string{filepath.Join(dir, "*.log")}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for e := range r.Entries(t.Context()) {
		if want := fmt.Sprintf("/%d", i); e.Text(Path) != want {
			t.Fatalf("got %s, want %s", e.Text(Path), want)
		}
		i++
	}
	if i != 3*maxOpen {
		t.Errorf("got %d entries", i)
	}
}

const good = `192.0.2.1 - - [03/Nov/2026:09:15:40 +0000] "GET /a HTTP/1.1" 200 1 "-" "curl/8"` + "\n"

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
		return path
	}
	file("a.log", good)
	file("empty.log", "")
	image := file("image.log", "\x89PNG\r\n\x1a\n0000")
	tests := []struct {
		name  string
		paths []string
		is    error  // nil: any
		want  string // in the message; "" if Open succeeds
	}{
		{"nothing given", nil, nil, "no log files given"},
		{"missing file", []string{filepath.Join(dir, "none.log")}, fs.ErrNotExist, "none.log: "},
		{"pattern without match", []string{filepath.Join(dir, "*.none")}, nil, "no file matches"},
		{"bad pattern", []string{filepath.Join(dir, "[")}, filepath.ErrBadPattern, "syntax error"},
		{"directory", []string{dir}, nil, ""},
		{"image", []string{image}, ErrNotALog, "image.log: not an access log: looks like a PNG image"},
		{"image beside a log", []string{filepath.Join(dir, "a.log"), image}, ErrNotALog, "PNG"},
		{"image by pattern", []string{filepath.Join(dir, "*.log")}, nil, ""},
		{"image alone by pattern", []string{filepath.Join(dir, "im*.log")}, ErrNotALog, "PNG"},
		{"empty file", []string{filepath.Join(dir, "empty.log")}, nil, ""},
		{"the same twice", []string{filepath.Join(dir, "a.log"), dir + "/./a.log", filepath.Join(dir, "a*.log")}, nil, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := Open(test.paths, Options{})
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if n := len(lines(t, r)); n > 1 {
					t.Errorf("got %d entries", n)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || test.is != nil && !errors.Is(err, test.is) {
				t.Errorf("got %v, want %q (%v)", err, test.want, test.is)
			}
		})
	}
}

// TestFileThatBreaks: what came before the damage is read, and the error is told.
func TestFileThatBreaks(t *testing.T) {
	log := generated(t, accesslogtest.Options{Format: "nginx", Size: 1 << 20})
	whole := compressed(t, "gz", log)
	flipped := bytes.Clone(whole)
	flipped[len(flipped)/2] ^= 0x55
	zst := compressed(t, "zst", log)
	tests := []struct {
		name    string
		content io.Reader
		is      error
	}{
		{"gzip cut", bytes.NewReader(whole[:len(whole)/2]), io.ErrUnexpectedEOF},
		{"gzip damaged", bytes.NewReader(flipped), nil},
		{"zstd cut", bytes.NewReader(zst[:len(zst)/2]), io.ErrUnexpectedEOF},
		{"read error", io.MultiReader(bytes.NewReader(log[:len(log)/2]), iotest.ErrReader(fs.ErrPermission)), fs.ErrPermission},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			r, err := Open([]string{"-"}, Options{Stdin: test.content, chunk: 5000})
			if err != nil {
				t.Fatal(err)
			}
			n := 0
			for range r.Entries(t.Context()) {
				n++
			}
			if n < 100 || r.Err() == nil || test.is != nil && !errors.Is(r.Err(), test.is) || r.Files()[0].Err() == nil {
				t.Errorf("got %d entries and error %v, want %v", n, r.Err(), test.is)
			}
		})
	}
}

// TestLongLines: a line that is too long is counted and skipped, and what is around it
// is read.
func TestLongLines(t *testing.T) {
	request := func(n int) string { return strings.Replace(good, "/a", "/"+strings.Repeat("a", n-len(good)+2), 1) }
	tests := []struct {
		name               string
		log                string
		entries, bad, long int64
	}{
		{"longest", good + request(maxLine) + good, 3, 0, 0},
		{"one more", good + request(maxLine+1) + good, 2, 1, 1},
		{"two more, at the end", good + strings.TrimSuffix(request(maxLine+2), "\n"), 1, 1, 1},
		{"longest, at the end", good + strings.TrimSuffix(request(maxLine), "\n"), 2, 0, 0},
		{"several times", good + strings.Repeat(request(3*maxLine), 3) + good, 2, 3, 3},
		{"padding", good + strings.Repeat("\x00", 3*maxLine) + "\n" + good, 2, 0, 0},
		{"padding at the end", good + strings.Repeat("\x00", 3*maxLine), 1, 0, 0},
	}
	for _, test := range tests {
		for _, chunk := range []int{0, 1000} {
			r := openBytes(t, []byte(test.log), Options{chunk: chunk})
			if n := len(lines(t, r)); int64(n) != test.entries {
				t.Errorf("%s: got %d entries, want %d", test.name, n, test.entries)
			}
			checkTotals(t, r, []byte(test.log))
			s := r.Stats()
			if s.Bad != test.bad || int64(len(s.Samples)) != test.bad {
				t.Errorf("%s: got %d bad lines, want %d", test.name, s.Bad, test.bad)
			}
			for _, sample := range s.Samples {
				if !sample.Long || len(sample.Text) > maxSampleText+len("…") || !strings.HasPrefix(sample.Text, "192.0.2.1") {
					t.Errorf("%s: sample %+v", test.name, sample)
				}
			}
		}
	}
}

// endless repeats content for n bytes.
type endless struct {
	content []byte
	n, pos  int
}

func (r *endless) Read(p []byte) (int, error) {
	if r.n <= 0 {
		return 0, io.EOF
	}
	n := copy(p, r.content[r.pos:])
	r.pos = (r.pos + n) % len(r.content)
	r.n -= n
	return n, nil
}

// TestMemoryIsBounded reads much more than it may hold.
func TestMemoryIsBounded(t *testing.T) {
	lines := generated(t, accesslogtest.Options{Format: "nginx", Size: 1 << 20, URLs: 1 << 30, Clients: 1 << 24})
	tests := []struct {
		name string
		log  io.Reader
	}{
		{"lines", &endless{content: lines, n: 300 << 20}},
		{"one line of 200 MB", io.MultiReader(strings.NewReader(good), &endless{content: bytes.Repeat([]byte("x"), 1<<16), n: 200 << 20})},
		{"gzip of one byte, a million times", bytes.NewReader(compressed(t, "gz", append([]byte(good), make([]byte, 64<<20)...)))},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			runtime.GC()
			var before, now runtime.MemStats
			runtime.ReadMemStats(&before)
			r, err := Open([]string{"-"}, Options{Stdin: test.log, Workers: 2})
			if err != nil {
				t.Fatal(err)
			}
			n, most := 0, uint64(0)
			for range r.Entries(t.Context()) {
				if n++; n%100_000 == 1 {
					runtime.ReadMemStats(&now)
					most = max(most, now.HeapInuse)
				}
			}
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapInuse)
			if r.Err() != nil || r.Stats().Bytes < 64<<20 {
				t.Fatal(r.Err(), r.Stats())
			}
			if used := int64(most) - int64(before.HeapInuse); used > 64<<20 {
				t.Errorf("%d MiB of memory for a log of %d MiB", used>>20, r.Stats().Bytes>>20)
			} else {
				t.Logf("%d MiB of memory for a log of %d MiB", used>>20, r.Stats().Bytes>>20)
			}
		})
	}
}

// awaitGoroutines waits until there are no more goroutines than that. One that has done its work is
// counted for a moment yet; one that never ends makes the test run out of time, and the test then
// shows it.
func awaitGoroutines(n int) {
	for runtime.NumGoroutine() > n {
		runtime.Gosched()
	}
}

// TestLeavingEarly: whether the loop is left or the context ends, all goroutines end.
func TestLeavingEarly(t *testing.T) {
	log := generated(t, accesslogtest.Options{Format: "iis", Size: 2 << 20})
	a, b := writeLog(t, "a.log", log), writeLog(t, "b.log", log)
	for _, paths := range [][]string{{a}, {a, b}} {
		before := runtime.NumGoroutine()
		r, err := Open(paths, Options{chunk: 1000})
		if err != nil {
			t.Fatal(err)
		}
		for range r.Entries(t.Context()) {
			break
		}
		if r.Err() != nil {
			t.Error(r.Err())
		}
		awaitGoroutines(before)
		for range r.Entries(t.Context()) {
			t.Error("an entry of a Reader that was used")
		}
		if r.Err() == nil {
			t.Error("no error for a Reader that was used")
		}

		ctx, cancel := context.WithCancel(t.Context())
		if r, err = Open(paths, Options{chunk: 1000}); err != nil {
			t.Fatal(err)
		}
		n := 0
		for range r.Entries(ctx) {
			if n++; n == 100 {
				cancel()
			}
		}
		if !errors.Is(r.Err(), context.Canceled) {
			t.Errorf("got error %v after %d entries", r.Err(), n)
		}
		cancel()
	}
}

func TestProgress(t *testing.T) {
	log := generated(t, accesslogtest.Options{Format: "iis", Size: 1 << 20})
	var last, size atomic.Int64
	r, err := Open([]string{writeLog(t, "a.log", log)}, Options{chunk: 10_000, Progress: func(done, total int64) {
		if done < last.Load() {
			t.Errorf("%d after %d bytes", done, last.Load())
		}
		last.Store(done)
		size.Store(total)
	}})
	if err != nil {
		t.Fatal(err)
	}
	lines(t, r)
	if last.Load() != int64(len(log)) || size.Load() != int64(len(log)) {
		t.Errorf("got %d of %d, want %d", last.Load(), size.Load(), len(log))
	}
}

// TestNoAllocations: reading lines allocates nothing but what a chunk needs.
func TestNoAllocations(t *testing.T) {
	for _, format := range accesslogtest.Formats() {
		log := generated(t, accesslogtest.Options{Format: format, Size: 100_000})
		d, err := detect(log, true, nil)
		if err != nil {
			t.Fatal(err)
		}
		p := newParser(0, &Options{Each: func(_ int, e *Entry) bool { return e.Conditional() && e.Text(Path) == "" }})
		b := &batch{file: &File{}}
		parse := func() {
			*b = batch{chunk: chunk{text: log, line: 1, state: d.start}, file: b.file}
			p.parse(b, d.w3c)
		}
		if parse(); b.totals.Entries < 50 || b.totals.Bad > 0 {
			t.Fatalf("%s: %+v", format, b.totals.Totals)
		}
		// A #Fields directive makes its names once a chunk.
		if n := testing.AllocsPerRun(20, parse); n > 10 {
			t.Errorf("%s: %v allocations for %d entries", format, n, b.totals.Entries)
		}
	}
}
