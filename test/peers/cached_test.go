package peers

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// withCache has a guard keep what its backend lets it keep, at a time that is now and so much later.
func withCache(later *atomic.Int64, change ...func(*guard.Route)) func(*guard.Options) {
	return func(o *guard.Options) {
		o.Routes[0].Cache = guard.CacheOn
		o.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
		for _, f := range change {
			f(&o.Routes[0])
		}
	}
}

// TestStaticSiteFromCache: a site on nginx that says nothing of caches is served from the cache for
// a tenth of the age of its files, and when nginx is gone for longer only where that is allowed.
func TestStaticSiteFromCache(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	for _, c := range []struct {
		name         string
		staleIfError time.Duration
		after        string
	}{{"nothing allows stale answers", 0, "502"}, {"two hours are allowed", 2 * time.Hour, "200 hit"}} {
		t.Run(c.name, func(t *testing.T) {
			var later atomic.Int64
			allowed := func(r *guard.Route) { r.CacheStaleIfError = c.staleIfError }
			s := newGuardedSite(t, backend{"nginx", startNginxDAV}, withCache(&later, allowed))
			publish(t, s.dir, "a.txt", "content")
			get := func(args ...string) string {
				args = append([]string{"-s", "-o", "copy", "-w", "%{http_code} %header{cache-status}", s.base + "/a.txt"}, args...)
				out := command(t, t.TempDir(), "", curl, args...)
				status, member, _ := strings.Cut(out, " ")
				if strings.Contains(member, "hit") || strings.Contains(member, "stale-if-error") {
					status += " hit"
				}
				return status
			}
			if got := get() + ", " + get(); got != "200, 200 hit" {
				t.Errorf("twice: got %s, want 200, 200 hit", got)
			}
			s.process.kill()
			if got := get(); got != "200 hit" {
				t.Errorf("fresh, without nginx: got %s, want 200 hit", got)
			}
			if got := get("-H", "Cache-Control: no-cache"); got != "502" {
				t.Errorf("validated, without nginx: got %s, want 502", got)
			}
			later.Store(int64(time.Hour))
			if got := get(); got != c.after {
				t.Errorf("stale, without nginx: got %s, want %s", got, c.after)
			}
		})
	}
}

// TestMirrorFromCache: apt and curl resume downloads of packages through the cache, whether that
// has them or not.
func TestMirrorFromCache(t *testing.T) {
	const method = "/usr/lib/apt/methods/http"
	curl := lookPath(t, "curl", "curl")
	if !fileExists(method) {
		missing(t, "%s is not there (not a Debian system?)", method)
	}
	for _, stored := range []bool{false, true} {
		t.Run(fmt.Sprint("stored ", stored), func(t *testing.T) {
			var later atomic.Int64
			s := newGuardedSite(t, backend{"nginx", startNginxDAV}, withCache(&later))
			content := strings.Repeat("fourtwelve package.", 1<<16)
			publish(t, s.dir, "a.deb", content)
			info, err := os.Stat(filepath.Join(s.dir, "a.deb"))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			if err := os.Chmod(dir, 0o777); err != nil {
				t.Fatal(err)
			}
			target := s.base + "/a.deb"
			if stored {
				command(t, dir, "", curl, "-sSf", "-o", "whole", target)
				wantFile(t, filepath.Join(dir, "whole"), []byte(content))
			}
			part := filepath.Join(dir, "part")
			writeFile(t, part, content[:100_000])
			command(t, dir, "", curl, "-sSf", "-C", "-", "-o", "part", target)
			wantFile(t, part, []byte(content))

			for _, date := range []time.Time{info.ModTime(), info.ModTime().Add(-time.Hour)} { // a part of this version, and of another one
				resumed := filepath.Join(dir, "resumed")
				writeFile(t, resumed, content[:100_000])
				if err := os.Chtimes(resumed, date, date); err != nil {
					t.Fatal(err)
				}
				acquire(t, method, target, resumed)
				wantFile(t, resumed, []byte(content))
			}
			next := strings.ToUpper(content) + "." // a new version under the old name, which nginx tells by its length if not by its time
			publish(t, s.dir, "a.deb", next)
			command(t, dir, "", curl, "-sSf", "-H", "Cache-Control: no-cache", "-o", "new", target)
			wantFile(t, filepath.Join(dir, "new"), []byte(next))
		})
	}
}

// TestVaryFromCache: an API that answers in the form that a client accepts is asked once for each form.
func TestVaryFromCache(t *testing.T) {
	curl := lookPath(t, "curl", "curl")
	var asked atomic.Int64
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		w.Header().Set("Vary", "Accept")
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprintf(w, "in the form %s", r.Header.Get("Accept"))
	}))
	defer api.Close()
	var later atomic.Int64
	s := startGuard(t, server{name: "api", base: api.URL}, withCache(&later))
	for range 2 {
		for _, form := range []string{"application/json", "text/csv", "application/json"} {
			if got := command(t, t.TempDir(), "", curl, "-sS", "-H", "Accept: "+form, s.base+"/numbers"); got != "in the form "+form {
				t.Errorf("%s: got %q", form, got)
			}
		}
	}
	if n := asked.Load(); n != 2 {
		t.Errorf("the API was asked %d times, want 2", n)
	}
}

// seekPage seeks in a long recording, and tells where it has come to.
const seekPage = `<!DOCTYPE html><title>seek</title><audio id=a src=long.wav preload=metadata></audio><script>
const tell = (what) => fetch('/told', { method: 'POST', body: JSON.stringify(what) });
a.onerror = () => tell({ error: String(a.error && a.error.message) });
a.onloadedmetadata = () => { a.currentTime = 1500; };
a.onseeked = () => {
	if (a.currentTime < 1000) return;
	a.onseeked = () => tell({ first: 1500, then: a.currentTime, length: a.duration });
	a.currentTime = 200;
};
</script>`

// TestBrowserSeeksFromCache: Chromium seeks forth and back in a recording of half an hour, by
// ranges through the cache.
func TestBrowserSeeksFromCache(t *testing.T) {
	browser := browserPath(t)
	const rate, seconds = 8000, 1800
	wav := make([]byte, 44, 44+rate*seconds)
	copy(wav, "RIFF....WAVEfmt ")
	binary.LittleEndian.PutUint32(wav[4:], uint32(36+rate*seconds))
	for i, v := range map[int]uint32{16: 16, 24: rate, 28: rate, 40: rate * seconds} {
		binary.LittleEndian.PutUint32(wav[i:], v)
	}
	copy(wav[20:], []byte{1, 0, 1, 0})
	copy(wav[32:], []byte{1, 0, 8, 0})
	copy(wav[36:], "data")
	for i := range rate * seconds {
		wav = append(wav, byte(i/rate))
	}
	media := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "max-age=600")
		if r.URL.Path != "/long.wav" {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, seekPage)
			return
		}
		w.Header().Set("Etag", `"take-1"`)
		w.Header().Set("Content-Type", "audio/wav")
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader(string(wav)))
	}))
	defer media.Close()
	var parts atomic.Int64
	u, err := url.Parse(media.URL)
	if err != nil {
		t.Fatal(err)
	}
	h, err := guard.New(guard.Options{Routes: []guard.Route{{Backend: u, Cache: guard.CacheOn}}, SpoolDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.Close() })
	counting := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			parts.Add(1)
		}
		h.ServeHTTP(w, r)
	})
	var got struct {
		First, Then, Length float64
		Error               string
	}
	data := visit(t, browser, counting, "/seek.html")
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatalf("%q: %v", data, err)
	}
	if got.Error != "" || got.Then != 200 || got.Length != seconds || parts.Load() < 2 {
		t.Errorf("got %+v after %d requests for parts, want to be at 200 of %d", got, parts.Load(), seconds)
	}
}
