package command_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// process is a fourtwelve serve that a script has started.
type process struct {
	cmd  *exec.Cmd
	pipe *os.File // its standard error

	mu    sync.Mutex
	said  strings.Builder // what it wrote to standard error
	more  chan struct{}   // closed, and replaced, when more was written
	ended bool
}

// scriptServe starts a server in the background, on a port that is free unless
// the arguments say otherwise, and returns when it says how to try it. It sets $URL, $METRICS if there
// are any, and $PID.
// What it writes goes to the files NAME.out and NAME.err.
//
//	serve NAME [FLAG]… DIR
//
// With "!", the server must end by itself, with a failure.
func scriptServe(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: serve NAME [FLAG]... DIR")
	}
	p := startProcess(ts, args[0], append([]string{"serve", "--listen=127.0.0.1:0"}, args[1:]...))
	if started := p.awaitStart(ts, "URL"); started == neg {
		ts.Fatalf("%s has started: %v\n%s", args[0], started, p.text())
	}
	p.setMetrics(ts)
}

// scriptGuard is scriptServe for a guard. It sets $GUARD, $METRICS if there are
// any, and $PID.
//
//	guard NAME [FLAG]… URL
//	guard NAME --config=FILE
func scriptGuard(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: guard NAME [FLAG]... URL")
	}
	flags := []string{"guard", "--listen=127.0.0.1:0"}
	if strings.HasPrefix(args[1], "--config") {
		flags = flags[:1]
	}
	p := startProcess(ts, args[0], append(flags, args[1:]...))
	if started := p.awaitStart(ts, "GUARD"); started == neg {
		ts.Fatalf("%s has started: %v\n%s", args[0], started, p.text())
	}
	p.setMetrics(ts)
}

// setMetrics sets $METRICS if the server says where they are.
func (p *process) setMetrics(ts *testscript.TestScript) {
	if match := regexp.MustCompile(`Metrics are at (http://[^ ]+)/metrics`).FindStringSubmatch(p.text()); match != nil {
		ts.Setenv("METRICS", match[1])
	}
}

// scriptTake starts a server that has to wait for another one, and then ends
// that: serve-take NAME OTHER [FLAG]… DIR.
func scriptTake(ts *testscript.TestScript, _ bool, args []string) {
	p := startProcess(ts, args[0], append([]string{"serve", "--listen=127.0.0.1:0"}, args[2:]...))
	if !p.await(regexp.MustCompile(`Waiting for it to end`)) {
		ts.Fatalf("%s does not wait:\n%s", args[0], p.text())
	}
	scriptEnd(ts, false, []string{args[1], "TERM"})
	if !p.awaitStart(ts, "URL") {
		ts.Fatalf("%s has not started:\n%s", args[0], p.text())
	}
}

// awaitStart waits for the line to try, and sets the variable to the URL, and $PID.
func (p *process) awaitStart(ts *testscript.TestScript, variable string) bool {
	if !p.await(regexp.MustCompile(`(?m)^  curl .*\n`)) {
		return false
	}
	url := regexp.MustCompile(` at (https?://[^ ]+)`).FindStringSubmatch(p.text())[1]
	ts.Setenv(variable, strings.TrimSuffix(url, "/"))
	ts.Setenv("PID", strconv.Itoa(p.cmd.Process.Pid))
	return true
}

func startProcess(ts *testscript.TestScript, name string, args []string) *process {
	out, err := os.Create(ts.MkAbs(name + ".out"))
	ts.Check(err)
	defer out.Close()
	pipe, w, err := os.Pipe()
	ts.Check(err)
	defer w.Close()
	p := &process{pipe: pipe, more: make(chan struct{})}
	p.cmd = exec.Command("fourtwelve", args...)
	p.cmd.Env = append(os.Environ(), "GORACE="+raceOptions)
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = ts.Getenv("WORK"), out, w
	if slices.Contains(args, "--listen=fd:3") {
		p.cmd.ExtraFiles = []*os.File{socketOf(ts)}
	}
	ts.Check(p.cmd.Start())
	errFile, err := os.Create(ts.MkAbs(name + ".err"))
	ts.Check(err)
	go p.listen(errFile)
	servers.put(ts, name, p)
	ts.Defer(func() {
		p.cmd.Process.Kill()
		p.cmd.Wait()
	})
	return p
}

// socketOf returns the listening socket of a script, as a service manager would
// keep it.
func socketOf(ts *testscript.TestScript) *os.File {
	if f, ok := sockets.Load(ts.Getenv("WORK")); ok {
		return f.(*os.File)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	defer ln.Close() // the file is a duplicate
	f, err := ln.(*net.TCPListener).File()
	ts.Check(err)
	ts.Defer(func() { f.Close() })
	sockets.Store(ts.Getenv("WORK"), f)
	return f
}

var sockets sync.Map // by $WORK

// listen takes in what the process says, until it ends.
func (p *process) listen(file *os.File) {
	defer p.pipe.Close()
	defer file.Close()
	r := bufio.NewReader(p.pipe)
	for {
		line, err := r.ReadString('\n')
		io.WriteString(file, line)
		p.mu.Lock()
		p.said.WriteString(line)
		p.ended = err != nil
		close(p.more)
		p.more = make(chan struct{})
		p.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (p *process) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.said.String()
}

// await waits until the process has said something that matches. It reports
// false if the process has ended without.
func (p *process) await(re *regexp.Regexp) bool {
	for {
		p.mu.Lock()
		found, ended, more := re.MatchString(p.said.String()), p.ended, p.more
		p.mu.Unlock()
		if found || ended {
			return found
		}
		<-more
	}
}

// servers are the processes of the scripts that run.
var servers registry

type registry struct {
	mu sync.Mutex
	m  map[string]*process
}

func (r *registry) put(ts *testscript.TestScript, name string, p *process) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil {
		r.m = make(map[string]*process)
	}
	r.m[ts.Getenv("WORK")+" "+name] = p
}

func (r *registry) get(ts *testscript.TestScript, name string) *process {
	r.mu.Lock()
	defer r.mu.Unlock()
	p := r.m[ts.Getenv("WORK")+" "+name]
	if p == nil {
		ts.Fatalf("no server %s", name)
	}
	return p
}

// scriptTell sends a signal: serve-tell NAME HUP|TERM|INT|KILL.
func scriptTell(ts *testscript.TestScript, _ bool, args []string) {
	signals := map[string]os.Signal{"HUP": syscall.SIGHUP, "TERM": syscall.SIGTERM, "INT": os.Interrupt, "KILL": os.Kill}
	if len(args) != 2 || signals[args[1]] == nil {
		ts.Fatalf("usage: serve-tell NAME HUP|TERM|INT|KILL")
	}
	ts.Check(servers.get(ts, args[0]).cmd.Process.Signal(signals[args[1]]))
}

// scriptAwait waits until a server has said something: serve-await NAME REGEXP.
func scriptAwait(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: serve-await NAME REGEXP")
	}
	re, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	if p := servers.get(ts, args[0]); !p.await(re) {
		ts.Fatalf("%s ended without saying %q:\n%s", args[0], args[1], p.text())
	}
}

// scriptEnd waits for the end of a server, which must be a success, or with "!"
// a failure: serve-end NAME. A signal to make it end can be given: serve-end NAME TERM.
func scriptEnd(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) == 2 {
		scriptTell(ts, false, args)
	}
	p := servers.get(ts, args[0])
	p.await(regexp.MustCompile(`\z.`)) // all that it has to say
	err := p.cmd.Wait()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		ts.Fatalf("%v", err)
	}
	if (err != nil) != neg {
		ts.Fatalf("%s ended: %v\n%s", args[0], err, p.text())
	}
}

// scriptPutBegin sends all of a PUT but its last byte: put-begin [URL] PATH CONTENT.
// Without a URL, it is $URL. There is one at a time in a script.
func scriptPutBegin(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) == 2 {
		args = append([]string{ts.Getenv("URL")}, args...)
	}
	if len(args) != 3 {
		ts.Fatalf("usage: put-begin [URL] PATH CONTENT")
	}
	host := strings.TrimPrefix(args[0], "http://")
	args = args[1:]
	conn, err := net.Dial("tcp", host)
	ts.Check(err)
	ts.Defer(func() { conn.Close() })
	content := args[1]
	// The server asks for the content before it is sent: so the request is under
	// way when this returns.
	fmt.Fprintf(conn, "PUT %s HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", args[0], host, len(content))
	p := &halfPut{conn: conn, r: bufio.NewReader(conn), last: content[len(content)-1:]}
	resp, err := http.ReadResponse(p.r, nil)
	ts.Check(err)
	if resp.StatusCode != http.StatusContinue {
		ts.Fatalf("PUT %s: got %s, want 100", args[0], resp.Status)
	}
	io.WriteString(conn, content[:len(content)-1])
	halfPuts.Store(ts.Getenv("WORK"), p)
}

type halfPut struct {
	conn net.Conn
	r    *bufio.Reader
	last string
}

var halfPuts sync.Map // by $WORK

// scriptPutEnd sends the last byte, unless "!" says to let the server wait for
// it in vain, and checks the status: put-end STATUS, "cut" for a connection
// that was closed without an answer.
func scriptPutEnd(ts *testscript.TestScript, neg bool, args []string) {
	v, ok := halfPuts.Load(ts.Getenv("WORK"))
	if !ok || len(args) != 1 {
		ts.Fatalf("usage: put-begin, then put-end STATUS")
	}
	p := v.(*halfPut)
	if !neg {
		io.WriteString(p.conn, p.last)
	}
	got := "cut"
	if resp, err := http.ReadResponse(p.r, nil); err == nil {
		got = strconv.Itoa(resp.StatusCode)
	}
	if got != args[0] {
		ts.Fatalf("got %s, want %s", got, args[0])
	}
}

// scriptCertificate writes a certificate of makeCertificate to NAME.pem and
// NAME.key: certificate NAME HOST….
func scriptCertificate(ts *testscript.TestScript, _ bool, args []string) {
	cert, key, err := makeCertificate(args[1:])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".pem"), cert, 0o600))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]+".key"), key, 0o600))
}
