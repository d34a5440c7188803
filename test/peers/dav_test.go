package peers

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// davStores are the stores that WebDAV is served over.
var davStores = map[string]func(t testing.TB) dav.Store{
	"memstore": func(testing.TB) dav.Store { return memstore.New(memstore.Options{}) },
	"dirstore": func(t testing.TB) dav.Store {
		s, err := dirstore.Open(t.TempDir(), dirstore.Options{Sync: dirstore.SyncNone})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	},
}

// davSite is a server of WebDAV that writes down what it was asked.
type davSite struct {
	url string

	mu     sync.Mutex
	lines  []string
	tokens []string
}

func newDAVSite(t testing.TB, s dav.Store) *davSite { return newDAVSiteAt(t, s, nil) }

// newDAVSiteAt is newDAVSite with another clock.
func newDAVSiteAt(t testing.TB, s dav.Store, now func() time.Time) *davSite {
	t.Helper()
	site := &davSite{}
	h, err := dav.New(dav.Options{
		Require: origin.RequireNever, // as serve has it
		Origin:  origin.Options{Store: s, Observe: site.observe, Now: now},
	})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewUnstartedServer(h)
	srv.Config.DisableGeneralOptionsHandler = true
	site.url = "http://" + srv.Listener.Addr().String()
	srv.Start()
	t.Cleanup(srv.Close)
	return site
}

// davFields are the fields of requests that transcripts have.
var davFields = []string{
	"Depth", "Destination", "Overwrite", "If", "If-Match", "If-None-Match", "If-Unmodified-Since", "Lock-Token", "Timeout", "Expect",
}

var lockToken = regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}`)

// observe writes down a request: its first line and the status, and a line for each field that matters.
func (s *davSite) observe(r *http.Request, rec *observe.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, fmt.Sprintf("%s %s -> %d %s", r.Method, r.URL.EscapedPath(), rec.Status, rec.Reason))
	for _, name := range davFields {
		for _, value := range r.Header.Values(name) {
			value = strings.ReplaceAll(value, s.url, "http://HOST")
			s.lines = append(s.lines, "    "+name+": "+lockToken.ReplaceAllStringFunc(value, s.number))
		}
	}
}

func (s *davSite) number(token string) string {
	i := slices.Index(s.tokens, token)
	if i < 0 {
		i = len(s.tokens)
		s.tokens = append(s.tokens, token)
	}
	return fmt.Sprintf("TOKEN%d", i+1)
}

// transcript is what was asked so far, or what of it was to change something.
func (s *davSite) transcript(writes bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	left := false
	for _, line := range s.lines {
		if verb, _, _ := strings.Cut(line, " "); verb != "" {
			left = writes && method.IsSafe(verb)
		}
		if !left {
			b.WriteString(strings.TrimRight(line, " ") + "\n")
		}
	}
	return b.String()
}

// TestLitmus runs the suites of litmus, whole: a test that it skips has failed.
func TestLitmus(t *testing.T) {
	litmus := lookPath(t, "litmus", "litmus")
	for name, newStore := range davStores {
		t.Run(name, func(t *testing.T) {
			site := newDAVSite(t, newStore(t))
			dir := t.TempDir() // for its logs
			t.Setenv("TESTS", "basic copymove props locks http")
			out, err := tryCommand(t, dir, "", litmus, "-k", site.url+"/")
			if err != nil {
				t.Errorf("litmus: %v", err)
			}
			checkLitmus(t, out)
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// suites are those of litmus 0.13, with how many tests each has.
var suites = map[string]int{"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}

var litmusSummary = regexp.MustCompile("<- summary for `(\\w+)': of (\\d+) tests run: (\\d+) passed, (\\d+) failed")

// checkLitmus reports tests that failed, were skipped, or are missing.
func checkLitmus(t *testing.T, out string) {
	t.Helper()
	for _, line := range strings.Split(out, "\n") {
		if strings.Contains(line, "SKIPPED") || strings.Contains(line, "FAIL") || strings.Contains(line, "WARNING") {
			t.Error(strings.TrimSpace(line))
		}
	}
	passed := map[string]int{}
	for _, m := range litmusSummary.FindAllStringSubmatch(out, -1) {
		n := 0
		fmt.Sscan(m[3], &n)
		passed[m[1]] = n
	}
	for suite, want := range suites {
		if passed[suite] < want {
			t.Errorf("%s: %d tests passed, want %d", suite, passed[suite], want)
		}
	}
}

// davClients do a day's work in the scripts testdata/dav/NAME.sh, which end with an error if something is not as it should be, and with
// 77 if the client cannot be installed.
var davClients = []struct {
	name, program, pkg string
	// writes is set if only those are compared, as it depends on time what is read.
	writes bool
	// version is that of a client that the script installs.
	version string
	ready   func(t *testing.T)
}{
	{name: "cadaver", program: "cadaver", pkg: "cadaver"},
	{name: "sitecopy", program: "sitecopy", pkg: "sitecopy"},
	{name: "rclone", program: "rclone", pkg: "rclone", writes: true},
	{name: "gio", program: "gio", pkg: "gvfs-backends", ready: needsGVFS},
	{name: "davfs2", program: "mount.davfs", pkg: "davfs2", ready: needsFUSE, writes: true},
	{name: "npm-webdav", program: "npm", pkg: "npm", version: "npm webdav 5.11.0"},
	{name: "libreoffice", program: "soffice", pkg: "libreoffice-writer-nogui", ready: needsUno, writes: true},
}

// TestDAVClients has clients of other people work on a server, and compares what they ask with testdata/dav/NAME.txt, if they are of
// the version that was asked for it.
func TestDAVClients(t *testing.T) {
	bash := lookPath(t, "bash", "bash")
	for _, c := range davClients {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			lookPath(t, c.program, c.pkg)
			if c.ready != nil {
				c.ready(t)
			}
			site := newDAVSite(t, davStores["dirstore"](t))
			script, err := filepath.Abs("testdata/dav/" + c.name + ".sh")
			if err != nil {
				t.Fatal(err)
			}
			out, err := davCommand(t, site, bash, script)
			if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 77 {
				missing(t, "%s cannot be installed\n%s", c.name, out)
			}
			if err != nil {
				t.Errorf("%v\n%s\n%s", err, out, site.transcript(false))
				return
			}
			version := c.version
			if version == "" {
				version = packageVersion(c.pkg)
			}
			compareTranscript(t, c.name, version+"\n\n"+site.transcript(c.writes))
		})
	}
}

// TestRcloneCannotTidyAway: what rclone sends after a PUT that was refused is a DELETE, which would remove the file that it could not
// replace (decision 137). The server refuses that too, and the file stays.
func TestRcloneCannotTidyAway(t *testing.T) {
	rclone := lookPath(t, "rclone", "rclone")
	s, err := dirstore.Open(t.TempDir(), dirstore.Options{Sync: dirstore.SyncNone, KeepBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	begun := time.Now() // the clock stands still: rclone takes as long as it takes
	site, dir := newDAVSiteAt(t, s, func() time.Time { return begun }), t.TempDir()
	run := func(args ...string) (string, error) {
		return tryCommand(t, dir, "", rclone, append([]string{
			"--config", "", "--webdav-url", site.url, "--webdav-vendor", "other", "--retries", "1", "--low-level-retries", "1",
		}, args...)...)
	}
	file := filepath.Join(dir, "plan.txt")
	precious := strings.Repeat("precious ", 200) // more than is kept of earlier revisions
	for _, content := range []string{precious, "new"} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := run("copyto", "--ignore-times", file, ":webdav:plan.txt")
		if refused := err != nil; refused != (content == "new") {
			t.Fatalf("rclone copyto: %v\n%s\n%s", err, out, site.transcript(false))
		}
	}
	if sent := site.transcript(true); !strings.Contains(sent, "DELETE /plan.txt -> 428 ") {
		t.Errorf("rclone has sent no DELETE that was refused:\n%s", sent)
	}
	if out, err := run("cat", ":webdav:plan.txt"); err != nil || out != precious {
		t.Errorf("the file has %.40q, error %v", out, err)
	}
}

// TestTwoDesktops has two people edit one document, with clients that lock, that send conditions and that do neither.
func TestTwoDesktops(t *testing.T) {
	bash := lookPath(t, "bash", "bash")
	lookPath(t, "cadaver", "cadaver")
	lookPath(t, "rclone", "rclone")
	lookPath(t, "gio", "libglib2.0-bin")
	needsGVFS(t)
	site := newDAVSite(t, davStores["dirstore"](t))
	script, err := filepath.Abs("testdata/dav/two-desktops.sh")
	if err != nil {
		t.Fatal(err)
	}
	if out, err := davCommand(t, site, bash, script); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, site.transcript(false))
	}
}

// davCommand runs a script in a directory of its own. The host is in URL, without a scheme in HOST.
func davCommand(t *testing.T, site *davSite, bash, script string) (string, error) {
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bash, "-eu", script)
	cmd.Dir = dir
	cmd.WaitDelay = 5 * time.Second
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", "HOME="+dir, "XDG_RUNTIME_DIR="+dir, "LC_ALL=C.UTF-8",
		"URL="+site.url, "HOST="+strings.TrimPrefix(site.url, "http://"))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// packageVersion is the version of a Debian package, or that it is not known.
func packageVersion(pkg string) string {
	out, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", pkg).Output()
	if err != nil {
		return pkg + ", version unknown"
	}
	return string(out)
}

// compareTranscript holds what a client asked against the file, whose first line has the version of the client that was asked.
func compareTranscript(t *testing.T, name, got string) {
	t.Helper()
	file := "testdata/dav/" + name + ".txt"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	want := string(data)
	version, _, _ := strings.Cut(got, "\n")
	if recorded, _, _ := strings.Cut(want, "\n"); recorded != version {
		t.Logf("this is %s, and the transcript is of %s: not compared", version, recorded)
		return
	}
	gots, wants := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range max(len(gots), len(wants)) {
		if i >= len(gots) || i >= len(wants) || gots[i] != wants[i] {
			t.Errorf("%s:%d: what was asked differs:\n%s", file, i+1, got)
			return
		}
	}
}

func needsGVFS(t *testing.T) {
	lookPath(t, "dbus-run-session", "dbus")
	if !fileExists("/usr/lib/gvfs/gvfsd-dav") && !fileExists("/usr/libexec/gvfsd-dav") {
		missing(t, "gvfs has no WebDAV (Debian: apt-get install gvfs-backends gvfs-daemons)")
	}
}

// needsUno wants the module by which Python commands LibreOffice.
func needsUno(t *testing.T) {
	if out, err := exec.Command("/usr/bin/python3", "-c", "import uno").CombinedOutput(); err != nil {
		missing(t, "Python has no module uno (Debian: apt-get install python3-uno): %s", out)
	}
}

// needsFUSE skips where nothing can be mounted, as in most containers. Where a file system can be, davfs2 is as required as the others.
func needsFUSE(t *testing.T) {
	f, err := os.OpenFile("/dev/fuse", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("no FUSE here: %v", err)
	}
	f.Close()
	if !mayMount() {
		t.Skip("this process may not mount anything (root may, with CAP_SYS_ADMIN)")
	}
}

// mayMount reports whether this process has CAP_SYS_ADMIN.
func mayMount() bool {
	const sysAdmin = 21
	status, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(status)) {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			capabilities, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64)
			return err == nil && capabilities>>sysAdmin&1 == 1
		}
	}
	return false
}
