package peers

import (
	"fmt"
	"net"
	"net/http/httptest"
	"net/url"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
	"golang.org/x/net/webdav"
)

// checkedRuns is how often each server is asked for the page, to see what chance decides.
const checkedRuns = 5

// ours is the name of this project's server.
const ours = "fourtwelve serve"

// A checkedServer is one on the page, as people run it.
type checkedServer struct {
	name  string
	start func(t testing.TB, dir string) server
	// program has the version; "" for a part of a Go module.
	program string
	// setup says how it is set up, in Markdown.
	setup string
	// dav says that it has collections, in which WebDAV is asked about.
	dav bool

	version string
	base    string
	reports []*probe.Report
}

func checkedServers() []*checkedServer {
	return []*checkedServer{
		{name: ours, start: startServe, setup: "as it is", dav: true},
		{name: "nginx", start: startNginxGzip, program: "nginx", setup: "static files, `gzip on`"},
		{name: "nginx dav", start: startNginxDAV, program: "nginx", setup: "`dav_methods PUT DELETE MKCOL COPY MOVE`, `gzip on`", dav: true},
		{name: "Apache", start: startApacheDeflate, program: "apache2", setup: "static files, `SetOutputFilter DEFLATE`"},
		{name: "Apache mod_dav", start: startApacheDAV, program: "apache2", setup: "`Dav On`, `SetOutputFilter DEFLATE`", dav: true},
		{name: "lighttpd mod_webdav", start: startLighttpdDAV, program: "lighttpd",
			setup: "`webdav.activate = \"enable\"`, mod_deflate", dav: true},
		{name: "Caddy", start: startCaddy, program: "caddy", setup: "`file_server`, `encode gzip`"},
		{name: "x/net/webdav", start: startNetWebDAV, setup: "`webdav.Handler` of golang.org/x/net over a `webdav.Dir`", dav: true},
	}
}

func startNginxGzip(t testing.TB, dir string) server {
	t.Helper()
	return startNginxWith(t, dir, "gzip on; gzip_types text/plain; gzip_vary on; gzip_min_length 20;")
}

func startApacheDeflate(t testing.TB, dir string) server {
	t.Helper()
	return startApacheWith(t, dir, "SetOutputFilter DEFLATE", "", "filter", "deflate")
}

func startLighttpdDAV(t testing.TB, dir string) server {
	t.Helper()
	program := lookPath(t, "lighttpd", "lighttpd")
	const modules = "/usr/lib/lighttpd"
	if !fileExists(modules + "/mod_webdav.so") {
		missing(t, "lighttpd has no mod_webdav in %s (Debian: apt-get install lighttpd-mod-webdav)", modules)
	}
	state, addr := t.TempDir(), freeAddress(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	conf := filepath.Join(state, "lighttpd.conf")
	writeFile(t, conf, fmt.Sprintf(`
server.bind = %q
server.port = %s
server.document-root = %q
server.errorlog = "%[4]s/error.log"
server.upload-dirs = (%[4]q)
server.modules = ("mod_webdav", "mod_deflate")
mimetype.assign = (".txt" => "text/plain")
webdav.activate = "enable"
webdav.is-readonly = "disable"
deflate.mimetypes = ("text/plain")
deflate.allowed-encodings = ("gzip")
`, host, port, dir, state))
	return run(t, "lighttpd", addr, program, "-D", "-f", conf)
}

func startCaddy(t testing.TB, dir string) server {
	t.Helper()
	program := lookPath(t, "caddy", "caddy")
	state, addr := t.TempDir(), freeAddress(t)
	conf := filepath.Join(state, "Caddyfile")
	writeFile(t, conf, fmt.Sprintf(`
{
	admin off
	auto_https off
	storage file_system %s
}
http://%s {
	root * %s
	encode gzip
	file_server
}
`, state, addr, dir))
	// It keeps a copy of its configuration in its home.
	return run(t, "Caddy", addr, "/usr/bin/env", "XDG_CONFIG_HOME="+state, "XDG_DATA_HOME="+state,
		program, "run", "--config", conf, "--adapter", "caddyfile")
}

func startNetWebDAV(t testing.TB, dir string) server {
	t.Helper()
	srv := httptest.NewServer(&webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()})
	t.Cleanup(srv.Close)
	return server{name: "x/net/webdav", base: srv.URL}
}

// TestCheckedServers asks real servers everything that fourtwelve check asks, and compares the
// outcomes with the tables of docs/checked-servers.md. With -update it writes them.
func TestCheckedServers(t *testing.T) {
	servers := checkedServers()
	want := readOutcomes(t, checkedFile)
	t.Run("servers", func(t *testing.T) {
		for _, s := range servers {
			t.Run(s.name, func(t *testing.T) {
				t.Parallel()
				s.ask(t)
				if !*update {
					s.compare(t, want)
				}
			})
		}
	})
	if !*update || t.Failed() {
		return
	}
	for _, s := range servers {
		if len(s.reports) == 0 {
			t.Fatalf("the page needs %s", s.name)
		}
	}
	writeCheckedPage(t, checkedFile, servers)
}

// ask starts the server and asks it everything: once, or several times for the page.
func (s *checkedServer) ask(t *testing.T) {
	s.version = versionOf(t, s.program)
	s.base = s.startWithPage(t)
	var collections string
	if s.dav { // another one, as some servers remember who speaks WebDAV
		collections = s.startWithPage(t)
	}
	runs := 1
	if *update {
		runs = checkedRuns
	}
	for range runs {
		report := check(t, s.base)
		if s.dav {
			s.askInCollection(t, collections, report)
		}
		if report.Stopped != "" || report.Left {
			t.Errorf("got stopped %q, left %v", report.Stopped, report.Left)
		}
		s.reports = append(s.reports, report)
	}
}

// startWithPage starts the server with a page to read, and returns its URL.
func (s *checkedServer) startWithPage(t *testing.T) string {
	t.Helper()
	dir := writableDir(t)
	publish(t, dir, "page.txt", strings.Repeat("a line of a page that stands still\n", 100))
	return s.start(t, dir).base
}

// askInCollection asks the server at collections about WebDAV, and puts the outcomes into the report.
func (s *checkedServer) askInCollection(t *testing.T, collections string, report *probe.Report) {
	t.Helper()
	target, err := url.Parse(collections + "/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	var checks []*probe.Check
	for _, r := range report.Results {
		if strings.HasPrefix(r.Check.ID, "dav-") {
			checks = append(checks, r.Check)
		}
	}
	dav, err := probe.Run(t.Context(), target, probe.Options{WriteTo: target.JoinPath("../scratch/"), Checks: checks, Budget: 2000})
	if err != nil {
		t.Fatal(err)
	}
	if dav.Stopped != "" || dav.Left {
		t.Errorf("in a collection: got stopped %q, left %v", dav.Stopped, dav.Left)
	}
	for i, r := range report.Results {
		for _, asked := range dav.Results {
			if asked.Check.ID != r.Check.ID {
				continue
			}
			for k := range asked.Curl {
				asked.Curl[k] = strings.ReplaceAll(asked.Curl[k], collections, s.base)
			}
			report.Results[i] = asked
		}
	}
}

// check asks the server at base everything, with 32 writers in races.
func check(t *testing.T, base string) *probe.Report {
	t.Helper()
	target, err := url.Parse(base + "/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	report, err := probe.Run(t.Context(), target, probe.Options{
		WriteTo: target.JoinPath("../scratch.txt"), Writers: 32, Budget: 2000, Risky: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	return report
}

// byChance matches the checks that a wrong server passes or fails as two writes happen to meet.
// Ours must pass.
var byChance = regexp.MustCompile(`^race-|^put-tag-changes$`)

// compare compares the outcomes with those of the page: outcomes by check, then by server.
func (s *checkedServer) compare(t *testing.T, want map[string]map[string]string) {
	for _, r := range s.reports[0].Results {
		got, page := cell(r.Outcome), want[r.Check.ID][s.name]
		lucky := byChance.MatchString(r.Check.ID) && s.name != ours && got != notApplicable && page != notApplicable
		if got != page && !lucky {
			t.Errorf("%s: got %q (%s), want %q as in %s: if that is right, write it with -update",
				r.Check.ID, got, r.Says, page, checkedFile)
		}
	}
}

// versionOf returns the version that a program says it has, or "" for "".
func versionOf(t *testing.T, program string) string {
	t.Helper()
	if program == "" {
		return ""
	}
	flag := "-v"
	if program == "caddy" {
		flag = "version"
	}
	out, err := exec.Command(lookPath(t, program, program), flag).CombinedOutput()
	if err != nil {
		t.Fatal(err)
	}
	version := regexp.MustCompile(`\d+(\.\d+)+`).FindString(string(out))
	if version == "" {
		t.Fatalf("%s %s says no version: %s", program, flag, out)
	}
	return version
}

// TestCurlLines has curl send again what the checks sent, with the commands that they report, and
// compares the status.
func TestCurlLines(t *testing.T) {
	lookPath(t, "curl", "curl")
	dir := writableDir(t)
	publish(t, dir, "page.txt", strings.Repeat("a line of a page that stands still\n", 100))
	base := startServe(t, dir).base
	report := check(t, base)
	got := map[string]string{}
	for _, r := range report.Results {
		if beyondCurl.MatchString(r.Check.ID) {
			continue
		}
		for i, x := range r.Exchanges {
			command := r.Curl[i]
			if got[command] == "" || r.Check.Writes {
				got[command] = curlStatus(t, command)
			}
			if want := fmt.Sprint(x.Response.Status); got[command] != want {
				t.Errorf("%s: got %s, want %s: %s", r.Check.ID, got[command], want, command)
			}
		}
	}
	if len(got) < 50 {
		t.Errorf("only %d commands were run", len(got))
	}
}

// beyondCurl matches the checks whose commands do not get the same answers again: those that need
// several connections at a time, a cut, or the date of what was just written.
var beyondCurl = regexp.MustCompile(`^race-|^put-cut$|^put-ius-`)

// curlStatus runs a command that was reported, and returns the status that it got.
func curlStatus(t *testing.T, command string) string {
	t.Helper()
	command = regexp.MustCompile(`curl (-[iI])`).ReplaceAllString(command, `curl -s -o /dev/null -w '%{http_code}' $1`)
	out, err := exec.Command("sh", "-c", command).Output()
	if err != nil {
		t.Errorf("%v: %s", err, command)
	}
	return string(out)
}
