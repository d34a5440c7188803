package peers

import (
	"net"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// A backend is a server that can be written to, as people run it, with the files
// of a directory.
type backend struct {
	name  string
	start func(t testing.TB, dir string) server
}

// backends are those that the guard is tested in front of.
var backends = []backend{
	{"nginx", startNginxDAV},
	{"Apache", startApacheDAV},
	{"Python", startPython},
}

// startNginxDAV starts nginx with its module for WebDAV, which has no conditional
// writes, and with compression, which marks tags as weak.
func startNginxDAV(t testing.TB, dir string) server {
	t.Helper()
	return startNginxWith(t, dir, `
    dav_methods PUT DELETE MKCOL COPY MOVE; client_max_body_size 64m;
    gzip on; gzip_types text/plain; gzip_vary on; gzip_min_length 20;`)
}

// startApacheDAV starts Apache httpd with mod_dav, which evaluates preconditions before it
// reads the content, and with mod_deflate, which adds "-gzip" to tags.
func startApacheDAV(t testing.TB, dir string) server {
	t.Helper()
	// More threads than the tests have connections, as each of them may wait.
	return startApacheWith(t, dir, "Dav On\n  SetOutputFilter DEFLATE", `
DavLockDB `+filepath.Join(writableDir(t), "lock")+`
ServerLimit 1
StartServers 1
ThreadsPerChild 96
MaxRequestWorkers 96
MaxKeepAliveRequests 0
KeepAliveTimeout 60
`, "filter", "deflate", "dav", "dav_fs")
}

// startPython starts an application that has no validators at all.
func startPython(t testing.TB, dir string) server {
	t.Helper()
	program := lookPath(t, "python3", "python3")
	addr := freeAddress(t)
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	return run(t, "Python", addr, program, filepath.Join("testdata", "notes.py"), port, dir)
}

// startGuard puts a guard in front of a server, with the defaults but for what change
// makes of them.
func startGuard(t testing.TB, s server, change ...func(*guard.Options)) server {
	t.Helper()
	u, err := url.Parse(s.base)
	if err != nil {
		t.Fatal(err)
	}
	o := guard.Options{Routes: []guard.Route{{Backend: u}}, SpoolDir: t.TempDir()}
	for _, f := range change {
		f(&o)
	}
	h, err := guard.New(o)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.Close()
		h.Close()
	})
	return server{name: "guard before " + s.name, base: srv.URL, process: s.process}
}

// writableDir returns a directory that servers running as another user can write
// into.
func writableDir(t testing.TB) string {
	t.Helper()
	dir := publicDir(t)
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

// publish puts a file into a directory as an administrator would, around any server.
// It is an hour old.
func publish(t testing.TB, dir, name, content string) {
	t.Helper()
	aside := filepath.Join(dir, "."+name)
	writeFile(t, aside, content)
	if err := os.Chmod(aside, 0o666); err != nil {
		t.Fatal(err)
	}
	modified := time.Now().Add(-time.Hour)
	if err := os.Chtimes(aside, modified, modified); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside, filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
