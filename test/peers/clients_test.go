package peers

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// site is a served directory that tells what it was asked.
type site struct {
	dir, url string
	told     chan exchange
}

type exchange struct {
	method string
	header http.Header
	status int
}

// newSite serves a directory with one file, big.bin, of 64 KiB and a year old.
func newSite(t *testing.T) (*site, []byte) {
	t.Helper()
	s := &site{dir: t.TempDir(), told: make(chan exchange, 100)}
	content := bytes.Repeat([]byte("fourtwelve big.b"), 4096)
	s.put(t, "big.bin", content, time.Date(2025, 11, 1, 10, 0, 0, 0, time.UTC))
	store, err := dirstore.Open(s.dir, dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	h, err := origin.New(origin.Options{Store: store, Observe: s.observe})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s, content
}

func (s *site) observe(r *http.Request, rec *observe.Record) {
	s.told <- exchange{r.Method, r.Header.Clone(), rec.Status}
}

// asked returns the next exchange that has ended.
func (s *site) asked(t *testing.T) exchange {
	t.Helper()
	select {
	case e := <-s.told:
		return e
	case <-t.Context().Done():
		t.Fatal("no request came")
		return exchange{}
	}
}

// put replaces a file the way another program would: written aside, dated, and
// renamed into place.
func (s *site) put(t *testing.T, name string, content []byte, modified time.Time) {
	t.Helper()
	aside := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(aside, content, 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(aside, modified, modified); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, filepath.Join(s.dir, name)); err != nil {
		t.Fatal(err)
	}
}

// command runs a client and returns what it wrote to standard output.
func command(t *testing.T, dir, stdin, name string, args ...string) string {
	t.Helper()
	out, err := tryCommand(t, dir, stdin, name, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return out
}

func tryCommand(t *testing.T, dir, stdin, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", "HOME="+dir)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func wantFile(t *testing.T, path string, want []byte) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: got %d bytes that differ from the %d wanted", filepath.Base(path), len(got), len(want))
	}
}

func TestCurlResumes(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	s, content := newSite(t)
	dir := t.TempDir()
	part := filepath.Join(dir, "part.bin")
	writeFile(t, part, string(content[:10000]))
	command(t, dir, "", curl, "-sSf", "-C", "-", "-o", part, s.url+"/big.bin")
	wantFile(t, part, content)
	if e := s.asked(t); e.status != 206 || e.header.Get("Range") != "bytes=10000-" {
		t.Errorf("got status %d for Range %q, want 206 for bytes=10000-", e.status, e.header.Get("Range"))
	}
}

func TestCurlRefreshesByTag(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	s, content := newSite(t)
	dir := t.TempDir()
	fetch := func() string {
		return command(t, dir, "", curl, "-sS", "--etag-save", "tag", "--etag-compare", "tag", "-o", "copy", "-w", "%{http_code}",
			s.url+"/big.bin")
	}
	writeFile(t, filepath.Join(dir, "tag"), "")
	if got := fetch(); got != "200" {
		t.Errorf("first fetch: got %s, want 200", got)
	}
	if got := fetch(); got != "304" {
		t.Errorf("second fetch: got %s, want 304", got)
	}
	wantFile(t, filepath.Join(dir, "copy"), content)
	s.put(t, "big.bin", []byte("new"), time.Date(2025, 11, 1, 10, 0, 0, 0, time.UTC)) // same date, other content
	if got := fetch(); got != "200" {
		t.Errorf("after a change: got %s, want 200", got)
	}
	wantFile(t, filepath.Join(dir, "copy"), []byte("new"))
}

func TestCurlRefreshesByDate(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	s, content := newSite(t)
	dir := t.TempDir()
	fetch := func() string {
		return command(t, dir, "", curl, "-sS", "-R", "-z", "copy", "-o", "copy", "-w", "%{http_code}", s.url+"/big.bin")
	}
	if got := fetch(); got != "200" {
		t.Errorf("first fetch: got %s, want 200", got)
	}
	if got := fetch(); got != "304" {
		t.Errorf("second fetch: got %s, want 304", got)
	}
	wantFile(t, filepath.Join(dir, "copy"), content)
	// Another program puts other content in place and keeps the date.
	s.put(t, "big.bin", []byte("new"), time.Date(2025, 11, 1, 10, 0, 0, 0, time.UTC))
	if got := fetch(); got != "200" {
		t.Errorf("after a change that kept the date: got %s, want 200", got)
	}
}

func TestCurlUploads(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	s, content := newSite(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "up.bin"), string(bytes.Repeat([]byte("x"), 2<<20)))
	put := func(target string, args ...string) string {
		return command(t, dir, "from a pipe", curl, append([]string{"-sS", "-o", "answer", "-w", "%{http_code}", s.url + target}, args...)...)
	}
	if got := put("/up.bin", "-T", "up.bin", "-H", "Expect: 100-continue"); got != "201" {
		t.Errorf("upload of a file: got %s, want 201", got)
	}
	if got := put("/pipe.txt", "-T", "-"); got != "201" {
		t.Errorf("chunked upload: got %s, want 201", got)
	}
	wantFile(t, filepath.Join(s.dir, "pipe.txt"), []byte("from a pipe"))
	if got := put("/big.bin", "-T", "up.bin"); got != "428" {
		t.Errorf("overwrite without a precondition: got %s, want 428", got)
	}
	if got := put("/big.bin", "-T", "up.bin", "-C", "1000"); got != "400" {
		t.Errorf("partial PUT: got %s, want 400", got)
	}
	wantFile(t, filepath.Join(s.dir, "big.bin"), content)
	sum := sha256.Sum256(content)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	if got := put("/big.bin", "-T", "up.bin", "-H", "If-Match: "+tag); got != "204" {
		t.Errorf("guarded overwrite: got %s, want 204", got)
	}
	if got := put("/big.bin", "-T", "up.bin", "-H", `If-Match: "stale"`); got != "412" {
		t.Errorf("stale overwrite: got %s, want 412", got)
	}
}

func TestCurlIsRefusedBeforeItUploads(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	s, _ := newSite(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "up.bin"), string(bytes.Repeat([]byte("x"), 8<<20)))
	got := command(t, dir, "", curl, "-sS", "-o", "answer", "-w", "%{http_code} %{size_upload}",
		"-T", "up.bin", "-H", "Expect: 100-continue", "-H", "If-None-Match: *", "--expect100-timeout", "600", s.url+"/big.bin")
	if got != "412 0" {
		t.Errorf("got status and bytes uploaded %q, want %q", got, "412 0")
	}
}

func TestWgetResumesAndRefreshes(t *testing.T) {
	wget := lookPath(t, "wget", "wget")
	s, content := newSite(t)
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "big.bin"), string(content[:10000]))
	command(t, dir, "", wget, "-q", "-c", s.url+"/big.bin")
	wantFile(t, filepath.Join(dir, "big.bin"), content)
	if e := s.asked(t); e.status != 206 {
		t.Errorf("wget -c: got %d, want 206", e.status)
	}
	command(t, dir, "", wget, "-q", "-N", s.url+"/big.bin")
	if e := s.asked(t); e.status != 304 {
		t.Errorf("wget -N of an unchanged file: got %d, want 304", e.status)
	}
	s.put(t, "big.bin", []byte("new"), time.Date(2025, 11, 1, 10, 0, 0, 0, time.UTC))
	command(t, dir, "", wget, "-q", "-N", s.url+"/big.bin")
	wantFile(t, filepath.Join(dir, "big.bin"), []byte("new"))
}

// TestAptResumes drives apt's own http method, which resumes with If-Range and
// the date of the part it has.
func TestAptResumes(t *testing.T) {
	const method = "/usr/lib/apt/methods/http"
	if !fileExists(method) {
		missing(t, "%s is not there (not a Debian system?)", method)
	}
	old := time.Date(2025, 11, 1, 10, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		name   string
		part   time.Time // date of the part on disk
		status int
	}{
		{"same date", old, http.StatusPartialContent},
		{"older date", old.Add(-time.Hour), http.StatusOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, content := newSite(t)
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			part := filepath.Join(dir, "part.bin")
			writeFile(t, part, string(content[:10000]))
			if err := os.Chtimes(part, c.part, c.part); err != nil {
				t.Fatal(err)
			}
			acquire(t, method, s.url+"/big.bin", part)
			wantFile(t, part, content)
			e := s.asked(t)
			if got := e.header.Get("If-Range"); got != c.part.Format(http.TimeFormat) {
				t.Errorf("apt sent If-Range %q; the test expects the date of its part", got)
			}
			if e.status != c.status {
				t.Errorf("got %d, want %d", e.status, c.status)
			}
		})
	}
}

// acquire talks to an apt method on its standard input and output until it has
// fetched uri into file.
func acquire(t *testing.T, method, uri, file string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), method)
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer in.Close()
	fmt.Fprintf(in, "601 Configuration\nConfig-Item: APT::Sandbox::User=\nConfig-Item: Acquire::http::Proxy=DIRECT\n\n")
	fmt.Fprintf(in, "600 URI Acquire\nURI: %s\nFilename: %s\n\n", uri, file)
	var said bytes.Buffer
	buf := make([]byte, 4096)
	for {
		n, err := out.Read(buf)
		said.Write(buf[:n])
		if strings.Contains(said.String(), "201 URI Done") {
			return
		}
		if err == io.EOF || strings.Contains(said.String(), "400 URI Failure") {
			t.Fatalf("apt's method failed:\n%s", said.String())
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
