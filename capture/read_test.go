package capture

import (
	"archive/zip"
	"bytes"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write what was read to testdata/*/*.want")

// TestReadings reads every capture in testdata and compares what it says with the file beside
// it. After a change: go test ./capture -run TestReadings -update, and review the difference.
func TestReadings(t *testing.T) {
	for _, path := range captures(t, "*") {
		if strings.HasPrefix(path, filepath.FromSlash("testdata/fuzz/")) {
			continue
		}
		t.Run(strings.TrimPrefix(filepath.ToSlash(path), "testdata/"), func(t *testing.T) { testReading(t, path) })
	}
}

// captures returns the paths of the captures of a format, or of all for "*".
func captures(t testing.TB, format string) []string {
	t.Helper()
	paths, err := filepath.Glob("testdata/" + format + "/*")
	if err != nil {
		t.Fatal(err)
	}
	paths = slices.DeleteFunc(paths, func(path string) bool { return strings.HasSuffix(path, ".want") })
	if len(paths) == 0 {
		t.Fatalf("no captures of format %s", format)
	}
	return paths
}

func testReading(t *testing.T, path string) {
	xs, err := Read(open(t, path), filepath.Base(path), Options{})
	got := describe(xs, err)
	for _, secret := range []string{"sesame", "YW5hOnNlc2FtZQ"} { // the latter is ana:sesame in base64
		if strings.Contains(got, secret) {
			t.Errorf("shows the credential %q", secret)
		}
	}
	compare(t, path+".want", got)
}

// open opens a capture. A directory is one that is packed as a zip archive first.
func open(t testing.TB, path string) io.Reader {
	t.Helper()
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return pack(t, os.DirFS(path))
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func pack(t testing.TB, dir fs.FS) *bytes.Reader {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if err := z.AddFS(dir); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b.Bytes())
}

func compare(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s\nwant:\n%s", path, got, want)
	}
}

// describe writes exchanges for people.
func describe(xs []*Exchange, err error) string {
	var b strings.Builder
	for i, x := range xs {
		if i > 0 {
			b.WriteString("\n")
		}
		describeOne(&b, x)
	}
	if err != nil {
		fmt.Fprintf(&b, "\nerror: %v\n", err)
	}
	return b.String()
}

func describeOne(b *strings.Builder, x *Exchange) {
	fmt.Fprintf(b, "=== %d: %s (%s)\n", x.Source.Number, x.Source, x.Source.Format)
	fmt.Fprintf(b, "URL: %s\n", x.URL())
	for _, o := range []struct{ name, value string }{
		{"server", x.Server}, {"cache", x.Cache}, {"started", stamp(x.Started)}, {"duration", nonzero(x.Duration)},
	} {
		if o.value != "" {
			fmt.Fprintf(b, "%s: %s\n", o.name, o.value)
		}
	}
	fmt.Fprintf(b, "--- request\n%s %s %s\n", x.Request.Method, x.Request.Target, x.Request.Proto)
	describeMessage(b, x.Request.Header, x.Request.Content)
	for _, r := range append(x.Interim[:len(x.Interim):len(x.Interim)], x.Response) {
		fmt.Fprintf(b, "--- response\n%s %d %s\n", r.Proto, r.Status, r.Reason)
		describeMessage(b, r.Header, r.Content)
	}
	for i, e := range x.Trace {
		if i == 0 {
			b.WriteString("--- trace\n")
		}
		describeEvent(b, e)
	}
	for _, g := range x.Gaps {
		fmt.Fprintf(b, "missing %s: %s\n", g.Part, g.Reason)
	}
}

func describeMessage(b *strings.Builder, h Header, c Content) {
	for l := range h.Lines() {
		fmt.Fprintf(b, "%s: %s", l.Name, l.Value)
		if l.Cut {
			b.WriteString(" (cut)")
		}
		b.WriteString("\n")
	}
	if c.Data == nil && c.Len == 0 {
		return // an interim response, or no request at all
	}
	fmt.Fprintf(b, "content: %d bytes", c.Len)
	if c.Data == nil {
		b.WriteString(", not here")
	} else if int64(len(c.Data)) != c.Len {
		fmt.Fprintf(b, ", %d of them here", len(c.Data))
	}
	if c.Complete() {
		b.WriteString(", complete")
	}
	if c.Cut {
		b.WriteString(", cut")
	}
	if c.Altered {
		b.WriteString(", altered")
	}
	if len(c.Data) > 0 {
		fmt.Fprintf(b, ": %.120q", c.Data)
	}
	b.WriteString("\n")
}

func describeEvent(b *strings.Builder, e Event) {
	fmt.Fprintf(b, "%v %s %s", e.After, e.Kind, e.Name)
	for _, o := range []struct{ name, value string }{
		{"module", e.Module}, {"phase", e.Phase}, {"reason", e.Reason}, {"error", e.Error}, {"from", e.From}, {"to", e.To},
		{"file", e.File}, {"modified", stamp(e.LastModified)},
	} {
		if o.value != "" {
			fmt.Fprintf(b, " %s=%q", o.name, o.value)
		}
	}
	if e.Status != 0 {
		fmt.Fprintf(b, " status=%d.%d", e.Status, e.SubStatus)
	}
	if e.Field.Name != "" {
		fmt.Fprintf(b, " field=%q", e.Field.Name+": "+e.Field.Value)
	}
	b.WriteString("\n")
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func nonzero(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func readString(s string, o Options) ([]*Exchange, error) {
	return Read(bytes.NewReader([]byte(s)), "test", o)
}
