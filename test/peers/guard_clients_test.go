package peers

import (
	"bytes"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
)

// guardedSite is a backend behind a guard that tells what it was asked.
type guardedSite struct {
	*subject
	told chan exchange
}

func newGuardedSite(t *testing.T, b backend, change ...func(*guard.Options)) *guardedSite {
	t.Helper()
	dir := writableDir(t)
	told := make(chan exchange, 1000)
	change = append(change, func(o *guard.Options) {
		o.Observe = func(r *http.Request, rec *observe.Record) { told <- exchange{r.Method, r.Header.Clone(), rec.Status} }
	})
	return &guardedSite{newSubject(t, startGuard(t, b.start(t, dir), change...), dir), told}
}

// eachGuarded runs a test in front of every backend.
func eachGuarded(t *testing.T, test func(t *testing.T, s *guardedSite)) {
	for _, b := range backends {
		t.Run(b.name, func(t *testing.T) { test(t, newGuardedSite(t, b)) })
	}
}

// want fails the test unless the next exchange had this status.
func (s *guardedSite) want(t *testing.T, what string, status int) {
	t.Helper()
	select {
	case e := <-s.told:
		if e.status != status {
			t.Errorf("%s: got %d, want %d", what, e.status, status)
		}
	case <-t.Context().Done():
		t.Fatalf("%s: no request came", what)
	}
}

func TestCurlThroughGuard(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	eachGuarded(t, func(t *testing.T, s *guardedSite) {
		content := strings.Repeat("fourtwelve big.b", 4096)
		publish(t, s.dir, "big.bin", content)
		dir := t.TempDir()
		url := s.base + "/big.bin"
		fetch := func() string {
			return command(t, dir, "", curl, "-sS", "--etag-save", "tag", "--etag-compare", "tag", "-o", "copy", "-w", "%{http_code}", url)
		}
		put := func(args ...string) string {
			return command(t, dir, "from a pipe", curl, append([]string{"-sS", "-o", "answer", "-w", "%{http_code}", url}, args...)...)
		}

		writeFile(t, filepath.Join(dir, "part"), content[:10000])
		command(t, dir, "", curl, "-sSf", "-C", "-", "-o", "part", url)
		wantFile(t, filepath.Join(dir, "part"), []byte(content))
		s.want(t, "curl -C -", 206)

		writeFile(t, filepath.Join(dir, "tag"), "")
		if got := fetch() + " " + fetch(); got != "200 304" {
			t.Errorf("curl --etag-compare, twice: got %s, want 200 304", got)
		}
		wantFile(t, filepath.Join(dir, "copy"), []byte(content))

		tag := "If-Match: " + s.do("HEAD", "big.bin", "").tag()
		writeFile(t, filepath.Join(dir, "up"), string(bytes.Repeat([]byte("x"), 2<<20)))
		if got := put("-T", "up", "-H", "Expect: 100-continue", "-H", tag); got != "204" {
			t.Errorf("curl -T with the tag: got %s, want 204", got)
		}
		if got := s.stored("big.bin"); got != strings.Repeat("x", 2<<20) {
			t.Errorf("%d bytes are stored that differ from those sent", len(got))
		}
		got := put("-T", "up", "-H", "Expect: 100-continue", "--expect100-timeout", "600", "-H", tag, "-w", "%{http_code} %{size_upload}")
		if got != "412 0" {
			t.Errorf("curl -T with the tag from before: got status and bytes uploaded %q, want %q", got, "412 0")
		}
		if got := put("-T", "-"); got != "204" {
			t.Errorf("curl -T -: got %s, want 204", got)
		}
		if got := put("-T", "up", "-C", "1000"); got != "400" {
			t.Errorf("curl -T with a part: got %s, want 400", got)
		}
		if got := s.stored("big.bin"); got != "from a pipe" {
			t.Errorf("stored is %.20q", got)
		}
		if got := fetch(); got != "200" {
			t.Errorf("curl --etag-compare after a change: got %s, want 200", got)
		}
	})
}

func TestWgetThroughGuard(t *testing.T) {
	wget := lookPath(t, "wget", "wget")
	eachGuarded(t, func(t *testing.T, s *guardedSite) {
		content := strings.Repeat("fourtwelve big.b", 4096)
		publish(t, s.dir, "big.bin", content)
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "big.bin"), content[:10000])
		command(t, dir, "", wget, "-q", "-c", s.base+"/big.bin")
		wantFile(t, filepath.Join(dir, "big.bin"), []byte(content))
		s.want(t, "wget -c", 206)
		if strings.HasSuffix(s.name, "Python") {
			return // no date to refresh by
		}
		command(t, dir, "", wget, "-q", "-N", s.base+"/big.bin")
		s.want(t, "wget -N of what is unchanged", 304)
	})
}

const lockInfo = `<?xml version="1.0" encoding="utf-8"?>
<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

// lock takes a lock of WebDAV and returns the If field line that names it as davfs2 does.
func (s *guardedSite) lock(t *testing.T, name string) (field, token string) {
	t.Helper()
	r := s.do("LOCK", name, lockInfo, "Depth: 0", "Timeout: Second-300", "Content-Type: application/xml")
	if token = r.Get("Lock-Token"); !r.done() || token == "" {
		t.Fatalf("LOCK: %d, Lock-Token %q\n%s", r.status, token, r.body)
	}
	return fmt.Sprintf("If: <%s/%s> (%s)", s.base, name, token), token
}

// TestDavfs2ThroughGuard sends what davfs2 1.6 was seen to send when it creates,
// opens, saves and removes a file on Apache.
func TestDavfs2ThroughGuard(t *testing.T) {
	s := newGuardedSite(t, backend{"Apache", startApacheDAV})
	want := func(what string, r reply, statuses ...int) reply {
		t.Helper()
		for _, status := range statuses {
			if r.status == status {
				return r
			}
		}
		t.Fatalf("%s: got %d, want %d\n%s", what, r.status, statuses, r.body)
		return r
	}

	held, token := s.lock(t, "note.txt")
	created := want("create", s.do("PUT", "note.txt", contentOf("created"), "If-None-Match: *", held), 201)
	head := want("look", s.do("HEAD", "note.txt", ""), 200)
	if v := head.untagged(); v != "" || created.tag() != head.tag() {
		t.Errorf("PUT gave ETag %q and HEAD %q", created.tag(), head.tag())
	}
	want("a writer without the lock", s.do("PUT", "note.txt", contentOf("other"), "If-Match: "+head.tag()), 423)
	want("unlock", s.do("UNLOCK", "note.txt", "", "Lock-Token: "+token), 204)

	want("open again", s.do("GET", "note.txt", "", "If-None-Match: "+head.tag(), "If-Modified-Since: "+head.Get("Date")), 304)
	held, token = s.lock(t, "note.txt")
	saved := want("save", s.do("PUT", "note.txt", contentOf("saved"), "If-Match: "+head.tag(), held), 204)
	want("unlock", s.do("UNLOCK", "note.txt", "", "Lock-Token: "+token), 204)
	if got := s.stored("note.txt"); got != contentOf("saved") {
		t.Errorf("stored is %.20q", got)
	}

	want("save, and another was faster", s.do("PUT", "note.txt", contentOf("lost"), "If-Match: "+head.tag()), 412)
	want("remove", s.do("DELETE", "note.txt", "", "If-Match: "+saved.tag()), 204)
	want("look", s.do("HEAD", "note.txt", ""), 404)
}

// TestTagOfPropfind: Apache's own tag, as PROPFIND tells it, is as good as the guard's
// in If-Match, and stale as soon as that is.
func TestTagOfPropfind(t *testing.T) {
	s := newGuardedSite(t, backend{"Apache", startApacheDAV})
	name := s.newFile(contentOf("listed"))
	listed := s.do("PROPFIND", name, "", "Depth: 0")
	match := regexp.MustCompile(`getetag>([^<]+)<`).FindStringSubmatch(listed.body)
	if listed.status != http.StatusMultiStatus || match == nil {
		t.Fatalf("PROPFIND: %d\n%s", listed.status, listed.body)
	}
	tag := strings.ReplaceAll(match[1], "&quot;", `"`)
	if told := s.do("GET", name, "").tag(); told == tag {
		t.Fatalf("the guard tells the backend's tag %s, and the test is void", tag)
	}
	for i, status := range []int{204, 412} {
		if r := s.do("PUT", name, contentOf(fmt.Sprint("save ", i)), "If-Match: "+tag); r.status != status {
			t.Errorf("save %d with %s: got %d, want %d", i, tag, r.status, status)
		}
	}
}
