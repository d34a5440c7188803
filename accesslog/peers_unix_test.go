//go:build unix

package accesslog

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A peer is a real server, configured as Format.Advice says.
type peer struct {
	t      *testing.T
	dir    string // for everyone to read
	addr   string
	cmd    *exec.Cmd
	exited chan error
	output *os.File // what it prints
}

// newPeer finds the server's program or skips. Those that CI installs are required there.
func newPeer(t *testing.T, program string, inCI bool) (*peer, string) {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if path = filepath.Join("/usr/sbin", program); !exists(path) {
			if inCI && os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
				t.Fatalf("%s is not installed, and FOURTWELVE_REQUIRE_PEERS is set", program)
			}
			t.Skipf("%s is not installed", program)
		}
	}
	p := &peer{t: t, dir: t.TempDir(), addr: freeAddress(t)}
	for d := p.dir; strings.HasPrefix(d, os.TempDir()) && d != os.TempDir(); d = filepath.Dir(d) {
		must(t, os.Chmod(d, 0o777))
	}
	p.write("site/plan.txt", strings.Repeat("plan\n", 1000))
	must(t, os.Chtimes(p.path("site/plan.txt"), time.Unix(1793697262, 0), time.Unix(1793697262, 0)))
	return p, path
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().String()
}

func (p *peer) path(name string) string { return filepath.Join(p.dir, name) }

func (p *peer) write(name, text string) string {
	p.t.Helper()
	must(p.t, os.MkdirAll(filepath.Dir(p.path(name)), 0o777))
	must(p.t, os.WriteFile(p.path(name), []byte(text), 0o644))
	return p.path(name)
}

// start runs the program and waits until it listens.
func (p *peer) start(cmd *exec.Cmd) {
	p.t.Helper()
	output, err := os.Create(p.path("output.log"))
	must(p.t, err)
	cmd.Stdout, cmd.Stderr = output, output
	p.cmd, p.exited, p.output = cmd, make(chan error, 1), output
	must(p.t, cmd.Start())
	go func() { p.exited <- cmd.Wait() }()
	p.t.Cleanup(func() { cmd.Process.Kill(); output.Close() })
	ctx, cancel := context.WithTimeout(p.t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		if c, err := net.Dial("tcp", p.addr); err == nil {
			c.Close()
			return
		}
		select {
		case err := <-p.exited:
			text, _ := os.ReadFile(output.Name())
			p.t.Fatalf("%s ended at once: %v\n%s", cmd.Path, err, text)
		case <-ctx.Done():
			p.t.Fatalf("%s does not listen on %s", cmd.Path, p.addr)
		case <-tick.C:
		}
	}
}

// stop ends the program in order, so that its log is complete.
func (p *peer) stop(signal syscall.Signal) {
	p.t.Helper()
	must(p.t, p.cmd.Process.Signal(signal))
	select {
	case <-p.exited:
	case <-time.After(30 * time.Second):
		p.t.Fatalf("%s does not stop", p.cmd.Path)
	}
}

// A call is a request that was made, and its answer.
type call struct {
	request  *http.Request
	response *http.Response
}

// calls makes the requests whose traces the log should have.
func (p *peer) calls() (calls []call) {
	p.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	do := func(target string, fields ...string) *http.Response {
		p.t.Helper()
		r, err := http.NewRequest("GET", "http://"+p.addr+target, nil)
		must(p.t, err)
		r.Header.Set("User-Agent", "test/1.0")
		for i := 0; i < len(fields); i += 2 {
			r.Header.Set(fields[i], fields[i+1])
		}
		resp, err := client.Do(r)
		must(p.t, err)
		_, err = io.Copy(io.Discard, resp.Body)
		must(p.t, err)
		must(p.t, resp.Body.Close())
		calls = append(calls, call{r, resp})
		return resp
	}
	tag := do("/plan.txt").Header.Get("ETag")
	if tag == "" {
		p.t.Fatal("no ETag")
	}
	do("/plan.txt?a=b", "If-None-Match", tag)
	do("/plan.txt", "If-Match", `"6ae9a5ee-bc55", "with,comma"`)
	do("/plan.txt", "If-Unmodified-Since", "Tue, 03 Nov 1998 09:14:22 GMT")
	do("/plan.txt", "Range", "bytes=1000-", "If-Range", tag)
	do("/plan.txt", "If-None-Match", `W/"x"`, "Accept-Encoding", "gzip;q=0.5, br", "User-Agent", `say "hi" \ `+"\u00e9\t|{}#")
	do(`/no%20such%22file?q=%7C`, "If-Modified-Since", "Tue, 03 Nov 2026 09:14:22 GMT", "Authorization", "Basic YW5hOlNlc2FtZQ==",
		"Referer", "http://example.org/?token=Sesame")
	client.CloseIdleConnections()
	return calls
}

// sentFields and gotFields are the field lines that must be found in the log as they
// were on the wire.
var sentFields = map[Field]string{
	IfMatch: "If-Match", IfNoneMatch: "If-None-Match", IfModifiedSince: "If-Modified-Since", IfUnmodifiedSince: "If-Unmodified-Since",
	IfRange: "If-Range", Range: "Range", AcceptEncoding: "Accept-Encoding", UserAgent: "User-Agent", Referer: "Referer",
}
var gotFields = map[Field]string{
	ETag: "ETag", LastModified: "Last-Modified", ContentEncoding: "Content-Encoding", ContentRange: "Content-Range",
}

// check compares the log with what was called.
func (p *peer) check(log string, o Options, format string, calls []call) {
	p.t.Helper()
	text, err := os.ReadFile(log)
	must(p.t, err)
	r, err := Open([]string{log}, o)
	if err != nil {
		p.t.Fatalf("%v\n%s", err, text)
	}
	if got := r.Files()[0].Format().String(); got != format {
		p.t.Errorf("format: got %s, want %s", got, format)
	}
	n := 0
	for e := range r.Entries(p.t.Context()) {
		if e.Text(UserAgent) == "" && e.Status() != 200 && e.Text(Method) == "" || e.Text(Target) == "<BADREQ>" {
			continue // the connection that start made
		}
		if n < len(calls) {
			p.checkEntry(e, calls[n])
		}
		n++
	}
	if n != len(calls) || r.Err() != nil || r.Stats().Bad > 0 {
		p.t.Errorf("got %d entries of %d, error %v, %d bad lines %v\n%s", n, len(calls), r.Err(), r.Stats().Bad, r.Stats().Samples, text)
	}
}

func (p *peer) checkEntry(e *Entry, c call) {
	p.t.Helper()
	wrong := func(what any, got, want string) {
		p.t.Helper()
		p.t.Errorf("%v: got %q, want %q\n%s", what, got, want, e.Raw())
	}
	if e.Status() != c.response.StatusCode {
		wrong(Status, fmt.Sprint(e.Status()), fmt.Sprint(c.response.StatusCode))
	}
	if got, want := e.Text(Method), c.request.Method; got != want {
		wrong(Method, got, want)
	}
	if got, want := e.Text(Target), c.request.URL.RequestURI(); got != want {
		wrong(Target, got, want)
	}
	if got := e.Text(Client); got != "127.0.0.1" {
		wrong(Client, got, "127.0.0.1")
	}
	if d := time.Since(e.Time()); d < -time.Minute || d > time.Hour {
		wrong(Time, e.Time().String(), "now")
	}
	for f, name := range sentFields {
		if got, want := e.Text(f), strings.Join(c.request.Header.Values(name), ", "); e.State(f) != NotLogged && got != want {
			wrong(f, got, want)
		}
	}
	for f, name := range gotFields {
		if got, want := e.Text(f), c.response.Header.Get(name); e.State(f) != NotLogged && got != want {
			wrong(f, got, want)
		}
	}
	if strings.Contains(e.Sample(), "Sesame") || strings.Contains(e.Sample(), "YW5hOlNlc2") {
		p.t.Errorf("credentials in sample %s", e.Sample())
	}
	if n, ok := e.Int(ContentSent); ok && n != max(c.response.ContentLength, 0) && c.response.StatusCode != 304 {
		wrong(ContentSent, fmt.Sprint(n), fmt.Sprint(c.response.ContentLength))
	}
}

// config is what the advice for a format tells to add, with the paths of this machine.
func (p *peer) config(format, log string) string {
	p.t.Helper()
	f, err := ParseFormat(format)
	must(p.t, err)
	config := f.Advice(0)[0].Config
	for _, path := range []string{"/var/log/nginx/fourtwelve.log", "${APACHE_LOG_DIR}/fourtwelve.log"} {
		config = strings.ReplaceAll(config, path, log)
	}
	return config
}

func TestNginxAdvice(t *testing.T) {
	p, program := newPeer(t, "nginx", true)
	conf := p.write("nginx.conf", fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
  default_type application/octet-stream; types { text/plain txt; }
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  %[3]s
  log_format mine '$remote_addr "$request" $status $time_iso8601 "$http_if_match" "$http_if_none_match" "$sent_http_etag" "$http_user_agent"';
  access_log %[1]s/combined.log; access_log %[1]s/mine.log mine;
  server { listen %[2]s; root %[1]s/site; gzip on; }
}
`, p.dir, p.addr, p.config("nginx", p.path("advised.log"))))
	p.start(exec.Command(program, "-c", conf, "-e", p.path("error.log")))
	calls := p.calls()
	p.stop(syscall.SIGQUIT)
	p.check(p.path("advised.log"), Options{}, "json with its own members", calls)
	p.check(p.path("combined.log"), Options{}, "combined of nginx", calls)
	mine, err := ParseFormat(`nginx:$remote_addr "$request" $status $time_iso8601 "$http_if_match" "$http_if_none_match" "$sent_http_etag" "$http_user_agent"`)
	must(t, err)
	p.check(p.path("mine.log"), Options{Format: mine}, "nginx with its own log_format", calls)
}

func TestApacheAdvice(t *testing.T) {
	p, program := newPeer(t, "apache2", true)
	const modules = "/usr/lib/apache2/modules"
	if !exists(modules) {
		t.Skipf("apache2 has no modules in %s", modules)
	}
	user := ""
	if os.Getuid() == 0 {
		user = "User www-data\nGroup www-data\n"
	}
	conf := p.write("apache.conf", fmt.Sprintf(`
ServerName localhost
ServerRoot %[1]s
PidFile %[1]s/pid
ErrorLog %[1]s/error.log
Listen %[2]s
LoadModule mpm_event_module %[4]s/mod_mpm_event.so
LoadModule authz_core_module %[4]s/mod_authz_core.so
LoadModule mime_module %[4]s/mod_mime.so
LoadModule filter_module %[4]s/mod_filter.so
LoadModule deflate_module %[4]s/mod_deflate.so
LoadModule unique_id_module %[4]s/mod_unique_id.so
TypesConfig /dev/null
AddType text/plain .txt
DocumentRoot %[1]s/site
%[3]s
LogFormat "%%h %%l %%u %%t \"%%r\" %%>s %%b \"%%{Referer}i\" \"%%{User-Agent}i\"" combined
LogFormat "%%v:%%p %%h %%l %%u %%t \"%%r\" %%>s %%O \"%%{Referer}i\" \"%%{User-Agent}i\"" vhost_combined
CustomLog %[1]s/combined.log combined
CustomLog %[1]s/vhost.log vhost_combined
<Directory %[1]s/site>
  Require all granted
</Directory>
%[5]s`, p.dir, p.addr, p.config("apache", p.path("advised.log")), modules, user))
	p.start(exec.Command(program, "-X", "-f", conf))
	calls := p.calls()
	p.stop(syscall.SIGTERM)
	p.check(p.path("advised.log"), Options{}, "json with its own members", calls)
	p.check(p.path("combined.log"), Options{}, "combined of Apache", calls)
	p.check(p.path("vhost.log"), Options{}, "vhost_combined", calls)
}

func TestHAProxyAdvice(t *testing.T) {
	p, program := newPeer(t, "haproxy", false)
	origin := &http.Server{Handler: withTag(http.FileServer(http.Dir(p.path("site"))))}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	go origin.Serve(l)
	t.Cleanup(func() { origin.Close() })
	conf := p.write("haproxy.cfg", fmt.Sprintf(`
global
  log stdout len 8192 format raw local0
defaults
  mode http
  log global
  timeout connect 5s
  timeout client 5s
  timeout server 5s
frontend https-in
  bind %s
  %s
  default_backend app
backend app
  server web01 %s
`, p.addr, strings.ReplaceAll(p.config("haproxy", ""), "\n", "\n  "), l.Addr()))
	p.start(exec.Command(program, "-db", "-f", conf))
	calls := p.calls()
	p.stop(syscall.SIGUSR1)
	// What HAProxy tells of itself goes to the same output.
	text, err := os.ReadFile(p.path("output.log"))
	must(t, err)
	var log strings.Builder
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, " https-in app/") {
			log.WriteString(line)
		}
	}
	p.check(p.write("haproxy.log", log.String()), Options{Location: time.Local}, "haproxy with captures", calls)
}

// withTag adds the entity tag that http.FileServer evaluates but does not make.
func withTag(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"6ae9a5ee-1388|{x}"`)
		h.ServeHTTP(w, r)
	})
}

func TestCaddyLog(t *testing.T) {
	p, program := newPeer(t, "caddy", false)
	conf := p.write("Caddyfile", fmt.Sprintf(`
{
  admin off
  auto_https off
  storage file_system %[1]s/state
}
http://%[2]s {
  root * %[1]s/site
  file_server
  log {
    output file %[1]s/access.log
  }
}
`, p.dir, p.addr))
	cmd := exec.Command(program, "run", "--config", conf, "--adapter", "caddyfile")
	cmd.Env = append(os.Environ(), "HOME="+p.dir)
	p.start(cmd)
	calls := p.calls()
	p.stop(syscall.SIGTERM)
	p.check(p.path("access.log"), Options{}, "caddy", calls)
}
