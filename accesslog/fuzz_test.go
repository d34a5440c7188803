package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// fuzzReader fuzzes the readers of formats with the logs of testdata/dir. Whatever the
// log is: nothing panics, every byte is part of an entry, a bad line or another, entries
// are where they say, and chunks and workers change nothing.
func fuzzReader(f *testing.F, dir string, formats ...string) {
	f.Helper()
	files, err := filepath.Glob("testdata/" + dir + "/*.log")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content, uint8(7))
		for line := range bytes.Lines(content) {
			f.Add(line, uint8(1))
		}
	}
	var given []Format
	for _, s := range formats {
		format, err := ParseFormat(s)
		if err != nil {
			f.Fatal(err)
		}
		given = append(given, format)
	}
	f.Fuzz(func(t *testing.T, log []byte, chunk uint8) {
		for _, format := range append(given, Format{}) {
			fuzzLog(t, log, format, int(chunk))
		}
	})
}

func fuzzLog(t *testing.T, log []byte, format Format, chunk int) {
	open := func(o Options) *Reader {
		o.Format, o.Stdin = format, bytes.NewReader(log)
		r, err := Open([]string{"-"}, o)
		begins := func(magic string) bool { return bytes.HasPrefix(log, []byte(magic)) }
		packed := slices.ContainsFunc([]string{"\x1f\x8b", "BZh", "\x28\xb5"}, begins)
		if err != nil && !errors.Is(err, ErrNotALog) && !packed {
			t.Fatal(err)
		}
		return r
	}
	r := open(Options{Workers: 1})
	if r == nil || len(r.pending) > 0 && r.pending[0].remade != "" {
		return // what was made into lines has others than the file
	}
	var want []string
	lastEnd, lastLine := int64(0), int64(0)
	for e := range r.Entries(t.Context()) {
		end := e.Offset() + int64(len(e.Raw()))
		if sorted := e.File().Format().Name() == "s3"; end > int64(len(log)) || !sorted && (e.Offset() < lastEnd || e.Line() <= lastLine) {
			t.Fatalf("line %d at %d to %d, after line %d to %d", e.Line(), e.Offset(), end, lastLine, lastEnd)
		}
		lastEnd, lastLine = end, e.Line()
		want = append(want, checkEntry(t, e))
	}
	if r.Err() != nil {
		return // not a log but something packed
	}
	if r.Stats().Lines > 0 { // of what is empty nothing is read
		checkTotals(t, r, log)
	}
	s := open(Options{Workers: 2, chunk: chunk + 1})
	var got []string
	for e := range s.Entries(t.Context()) {
		got = append(got, checkEntry(t, e.Clone()))
	}
	if !slices.Equal(got, want) {
		t.Fatalf("chunks of %d:\ngot  %q\nwant %q", chunk+1, got, want)
	}
}

// checkEntry checks what holds for all entries and returns one as text.
func checkEntry(t *testing.T, e *Entry) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d %v\n", e.Line(), e.Time())
	describeEntry(&b, e)
	logged := e.Logged()
	for f := range Field(64) {
		state, text := e.State(f), e.Text(f)
		if (state == NotLogged) == logged.Has(f) {
			t.Errorf("%v: state %v, logged %v", f, state, logged)
		}
		if state != Present && text != "" {
			t.Errorf("%v: state %v, text %q", f, state, text)
		}
		e.Int(f)
		e.Cut(f)
	}
	conditional := false
	for f := range ConditionalFields.All() {
		conditional = conditional || e.State(f) == Present
	}
	if conditional != e.Conditional() {
		t.Errorf("conditional: got %v, want %v", e.Conditional(), conditional)
	}
	if target := e.Text(Target); e.State(Target) == Present && !strings.Contains(target, "://") && e.State(Query) == Present &&
		e.Text(Query) != "" && target != e.Text(Path)+"?"+e.Text(Query) && e.layout.column[Path] < 0 {
		t.Errorf("target %q, path %q, query %q", target, e.Text(Path), e.Text(Query))
	}
	if s := e.Sample(); len(s) > maxSampleLine+len("…") || !utf8.ValidString(s) || strings.ContainsRune(s, '\n') {
		t.Errorf("sample %q", s)
	}
	if s := e.Status(); s < 0 || s > 999 {
		t.Errorf("status %d", s)
	}
	if d, ok := e.Duration(); ok && d < 0 {
		t.Errorf("duration %v", d)
	}
	return b.String()
}

func FuzzPairs(f *testing.F) {
	fuzzReader(f, "l[ot]*", "ltsv:time,host,req,status", "logfmt:time,method,uri,status,remote_addr", "logfmt:method,path,status,t")
}

func FuzzMinIOText(f *testing.F) { fuzzReader(f, "minio-text", "minio-text") }

func FuzzAzureClassic(f *testing.F) { fuzzReader(f, "azure-storage-classic", "azure-storage-classic") }

func FuzzIIS(f *testing.F) {
	fuzzReader(f, "iis", "iis", "iis:date time sc-status cs-uri-stem If-Match")
}
func FuzzIISNative(f *testing.F) { fuzzReader(f, "iis-native", "iis-native") }
func FuzzHTTPERR(f *testing.F)   { fuzzReader(f, "httperr", "httperr") }
func FuzzCaddy(f *testing.F)     { fuzzReader(f, "caddy", "caddy") }
func FuzzHAProxy(f *testing.F) {
	fuzzReader(f, "haproxy", "haproxy", "haproxy:If-Match:5,Host|ETag", "haproxy:|ETag")
}
func FuzzS3(f *testing.F)         { fuzzReader(f, "s3", "s3") }
func FuzzCloudFront(f *testing.F) { fuzzReader(f, "cloudfront", "cloudfront") }
func FuzzFourtwelve(f *testing.F) { fuzzReader(f, "fourtwelve", "fourtwelve") }
func FuzzJSON(f *testing.F)       { fuzzReader(f, "json", "json", "json:status,request,uri,date,time") }

func FuzzCSV(f *testing.F)    { fuzzReader(f, "csv", "csv", "csv:status,uri,time") }
func FuzzSquid(f *testing.F)  { fuzzReader(f, "squid", "squid") }
func FuzzMapped(f *testing.F) { fuzzReader(f, "json", "json:status=a.b,request=r,time=a.t,if_match=a") }

// FuzzCaddyConsole fuzzes what is half text and half JSON.
func FuzzCaddyConsole(f *testing.F) { fuzzReader(f, "caddy-console", "caddy-console") }

// FuzzAppServers fuzzes the logs of servers that come with a framework.
func FuzzAppServers(f *testing.F) {
	fuzzReader(f, "uvicorn*", "uvicorn", "uvicorn-timed", "werkzeug", "runserver", "morgan-dev", "morgan-tiny", "morgan-short", "gin")
}

// FuzzSeparated looks for a format of lines with separators: one that is found can be given.
func FuzzSeparated(f *testing.F) {
	for _, file := range []string{"testdata/nginx/pipes.log", "testdata/nginx/tabs.log"} {
		log, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(log)
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		c, ok := identifySeparated(linesOf(log, true))
		if !ok {
			return
		}
		if _, err := ParseFormat("nginx:" + visible(c.format.arg)); err != nil {
			t.Errorf("%q: %v", c.format.arg, err)
		}
	})
}

// FuzzTold fuzzes what programs tell among other lines of theirs.
func FuzzTold(f *testing.F) {
	var names []string
	for _, t := range toldLogs {
		names = append(names, t.name)
	}
	fuzzReader(f, "[acfgprtw]*", names...)
}

// FuzzShapes fuzzes the table of JSON logs.
func FuzzShapes(f *testing.F) {
	var names []string
	for _, shape := range jsonShapes {
		names = append(names, shape.name)
	}
	fuzzReader(f, "[a-kmp-t]*", names...)
}

func FuzzNginx(f *testing.F) {
	fuzzReader(f, "nginx", "nginx", `nginx:escape=json {"s":$status,"u":"$request","t":"$msec"}`, `nginx:escape=none $upstream_addr $status "$http_if_match" "$request"`)
}

func FuzzApache(f *testing.F) {
	fuzzReader(f, "apache", "common", "combined", "combined_more", "vhost_combined",
		`apache:%{%F %T}t.%{usec_frac}t %>s %U%q "%{If-Match}i" %X`)
}

// FuzzParseFormat compiles anything, and reads lines with what could be compiled.
func FuzzParseFormat(f *testing.F) {
	for _, name := range FormatNames() {
		f.Add(name, good)
		f.Add(name+":$status %>s sc-status", "200 200 200")
	}
	files, err := filepath.Glob("testdata/*/*.format")
	if err != nil || len(files) == 0 {
		f.Fatal(err, files)
	}
	for _, file := range files {
		format, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		log, err := os.ReadFile(strings.TrimSuffix(file, ".format") + ".log")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(format), string(log))
	}
	f.Fuzz(func(t *testing.T, format, log string) {
		parsed, err := ParseFormat(format)
		if err != nil {
			return
		}
		name := parsed.Name()
		if parsed.Argument() != "" {
			name += ":" + parsed.Argument()
		}
		again, err := ParseFormat(name)
		if err != nil || again != parsed {
			t.Errorf("%q is %v, and that %v, %v", format, parsed, again, err)
		}
		fuzzLog(t, []byte(log), parsed, 10)
	})
}

// FuzzSafeText: what is shown is short, and one line of UTF-8.
func FuzzSafeText(f *testing.F) {
	f.Add([]byte("GET /?token=Sesame Basic U2VzYW1l \xff"), uint8(20))
	f.Fuzz(func(t *testing.T, line []byte, limit uint8) {
		if s := safeText(line, int(limit)); len(s) > int(limit)+len("…") || !utf8.ValidString(s) {
			t.Errorf("%q", s)
		}
	})
}
