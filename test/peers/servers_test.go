package peers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// A server serves the files of a directory under base.
type server struct {
	name string
	base string
	// process is the program that serves, or nil if this process does.
	process *process
}

// lookPath finds a program, or skips the test, or fails it where peers are
// required.
func lookPath(t testing.TB, program, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err == nil {
		return path
	}
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin"} {
		if p := filepath.Join(dir, program); fileExists(p) {
			return p
		}
	}
	missing(t, "%s is not installed (Debian: apt-get install %s)", program, pkg)
	return ""
}

func missing(t testing.TB, format string, args ...any) {
	t.Helper()
	if os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
		t.Fatalf(format+", and FOURTWELVE_REQUIRE_PEERS is set", args...)
	}
	t.Skipf(format, args...)
}

func fileExists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// startServe serves dir with this project's origin over its directory store.
func startServe(t testing.TB, dir string) server {
	t.Helper()
	s, err := dirstore.Open(dir, dirstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	h, err := dav.New(dav.Options{Require: origin.RequireNever, Origin: origin.Options{Store: s}}) // as serve has it
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return server{name: "fourtwelve", base: srv.URL}
}

// startNetHTTP serves dir with http.ServeContent, giving it the tag that it does
// not make itself.
func startNetHTTP(t testing.TB, dir string) server {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f, err := os.Open(filepath.Join(dir, filepath.Base(r.URL.Path)))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		tag, _, err := etag.FromReader(f)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		info, err := f.Stat()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("ETag", tag.String())
		http.ServeContent(w, r, f.Name(), info.ModTime(), f)
	}))
	t.Cleanup(srv.Close)
	return server{name: "ServeContent", base: srv.URL}
}

func startNginx(t testing.TB, dir string) server {
	t.Helper()
	return startNginxWith(t, dir, "")
}

// startNginxWith has nginx serve dir, with more directives for its server.
func startNginxWith(t testing.TB, dir, directives string) server {
	t.Helper()
	program := lookPath(t, "nginx", "nginx-light")
	state, addr := t.TempDir(), freeAddress(t)
	conf := filepath.Join(state, "nginx.conf")
	writeFile(t, conf, fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
  access_log off; default_type application/octet-stream; types { text/plain txt; }
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
  uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s; root %[3]s; %[4]s }
}
`, state, addr, dir, directives))
	return run(t, "nginx", addr, program, "-c", conf, "-e", filepath.Join(state, "error.log"))
}

func startApache(t testing.TB, dir string) server {
	t.Helper()
	return startApacheWith(t, dir, "", "")
}

// startApacheWith has Apache httpd serve dir, with these modules more, and with more
// directives for that directory and for the server.
func startApacheWith(t testing.TB, dir, forDirectory, forServer string, more ...string) server {
	t.Helper()
	program := lookPath(t, "apache2", "apache2")
	const modules = "/usr/lib/apache2/modules"
	if !fileExists(modules) {
		missing(t, "apache2 has no modules in %s", modules)
	}
	state, addr := t.TempDir(), freeAddress(t)
	conf := filepath.Join(state, "apache.conf")
	user := ""
	if os.Getuid() == 0 {
		user = "User www-data\nGroup www-data\n"
	}
	var load strings.Builder
	for _, module := range more {
		fmt.Fprintf(&load, "LoadModule %[1]s_module %[2]s/mod_%[1]s.so\n", module, modules)
	}
	writeFile(t, conf, fmt.Sprintf(`
ServerName localhost
ServerRoot %[1]s
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
Listen %[2]s
LoadModule mpm_event_module %[4]s/mod_mpm_event.so
LoadModule authz_core_module %[4]s/mod_authz_core.so
LoadModule mime_module %[4]s/mod_mime.so
%[8]s
TypesConfig /dev/null
AddType text/plain .txt
DocumentRoot %[3]s
<Directory %[3]s>
  Require all granted
  %[6]s
</Directory>
%[5]s%[7]s`, state, addr, dir, modules, user, forDirectory, forServer, &load))
	return run(t, "Apache", addr, program, "-X", "-f", conf)
}

// run starts a server program, waits until it accepts connections, and ends it
// with the test.
func run(t testing.TB, name, addr, program string, args ...string) server {
	t.Helper()
	p := &process{name: name, addr: addr, program: program, args: args}
	p.start(t)
	t.Cleanup(p.kill)
	return server{name, "http://" + addr, p}
}

// process is a server program that can be ended and started again. One goroutine
// uses it at a time.
type process struct {
	name, addr, program string
	args                []string

	running *exec.Cmd
	exited  chan error
}

// start starts the program and waits until it accepts connections.
func (p *process) start(t testing.TB) {
	t.Helper()
	var output bytes.Buffer
	cmd := exec.Command(p.program, p.args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.running, p.exited = cmd, make(chan error, 1)
	go func() { p.exited <- cmd.Wait() }()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return
		}
		select {
		case err := <-p.exited:
			p.running = nil
			t.Fatalf("%s ended at once: %v\n%s", p.name, err, output.String())
		case <-ctx.Done():
			p.kill()
			t.Fatalf("%s does not listen on %s", p.name, p.addr)
		case <-poll.C:
		}
	}
}

// kill ends the program without giving it a chance to finish anything, and returns
// when it is gone. If it does not run, nothing happens.
func (p *process) kill() {
	if p.running == nil {
		return
	}
	p.running.Process.Kill()
	<-p.exited
	p.running = nil
}

// freeAddress returns a loopback address that was free a moment ago.
func freeAddress(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func writeFile(t testing.TB, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// publicDir returns a directory that servers running as another user can read.
func publicDir(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for d := dir; strings.HasPrefix(d, os.TempDir()) && d != os.TempDir(); d = filepath.Dir(d) {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}
