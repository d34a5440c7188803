package pgtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// Server is a running PostgreSQL. It listens on 127.0.0.1, lets the user test in without a password, who
// may do everything, and asks all others for one.
type Server struct {
	Port int
	dir  string
	bin  string
	as   *syscall.SysProcAttr
}

// Start starts a server, which ends with the test. If PostgreSQL is not installed the test is skipped,
// unless FOURTWELVE_REQUIRE_PEERS is set. Commits wait for no disk: what a killed server had said must
// still be there, what a machine without power had said is not tested.
func Start(tb testing.TB) *Server {
	tb.Helper()
	initdb := program(tb, "initdb")
	dir, err := os.MkdirTemp("", "pg") // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{dir: dir, bin: filepath.Dir(initdb), as: &syscall.SysProcAttr{}}
	tb.Cleanup(func() { os.RemoveAll(dir) })
	if os.Getuid() == 0 { // which PostgreSQL refuses to run as
		s.as.Credential = nobody(tb, dir)
	}
	s.run(tb, "initdb", "-D", s.data(), "-U", "test", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C")
	rules := "local all test trust\nhost all test 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
	if err := os.WriteFile(filepath.Join(s.data(), "pg_hba.conf"), []byte(rules), 0o644); err != nil {
		tb.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	s.Port = ln.Addr().(*net.TCPAddr).Port
	ln.Close()
	s.Start(tb)
	tb.Cleanup(func() { s.Kill(tb) })
	return s
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// Start starts the server again, after Kill.
func (s *Server) Start(tb testing.TB) {
	tb.Helper()
	settings := fmt.Sprintf("-p %d -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200 -k %s", s.Port, s.dir)
	s.run(tb, "pg_ctl", "-D", s.data(), "-w", "-t", "120", "-l", filepath.Join(s.dir, "log"), "-o", settings, "start")
}

// Kill ends the server and all its processes at once, as kill -9 does. If none runs, it does nothing.
func (s *Server) Kill(tb testing.TB) {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return
	}
	pid, err := strconv.Atoi(strings.TrimSpace(strings.SplitN(string(text), "\n", 2)[0]))
	if err != nil {
		tb.Fatalf("postmaster.pid: %v", err)
	}
	// Its children end when they see that it has: first they are stopped, so that none answers after it.
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	pids := []int{pid}
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil {
			pids = append(pids, n)
		}
	}
	for _, pid := range pids {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, pid := range pids {
		for syscall.Kill(pid, 0) == nil && !zombie(pid) {
			continue
		}
	}
	// A process that nobody has asked how it ended counts as running for the next server.
	os.Remove(filepath.Join(s.data(), "postmaster.pid"))
	os.Remove(filepath.Join(s.dir, fmt.Sprintf(".s.PGSQL.%d.lock", s.Port)))
}

// zombie reports whether a process has ended and nobody has asked how.
func zombie(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, after, _ := strings.Cut(string(stat), ") ")
	return err != nil || strings.HasPrefix(after, "Z")
}

var databases struct {
	sync.Mutex
	n int
}

// Database makes an empty database and returns its URL.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	databases.Lock()
	databases.n++
	name := fmt.Sprintf("db%d", databases.n)
	databases.Unlock()
	s.SQL(tb, "postgres", "CREATE DATABASE "+name)
	return s.URL(name)
}

// URL returns the URL of a database.
func (s *Server) URL(database string) string {
	return fmt.Sprintf("postgres://test@127.0.0.1:%d/%s?sslmode=disable", s.Port, database)
}

// SQL runs a statement in a database and returns what psql prints.
func (s *Server) SQL(tb testing.TB, database, statement string) string {
	tb.Helper()
	args := []string{"-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", s.URL(database), "-c", statement}
	out, err := exec.Command(filepath.Join(s.bin, "psql"), args...).CombinedOutput()
	if err != nil {
		tb.Fatalf("psql -c %q: %v\n%s", statement, err, out)
	}
	return strings.TrimSpace(string(out))
}

// run runs a program of PostgreSQL.
func (s *Server) run(tb testing.TB, name string, args ...string) {
	tb.Helper()
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.SysProcAttr = s.dir, s.as
	log, err := os.CreateTemp("", "pglog") // into a file, since the server would keep a pipe open
	if err != nil {
		tb.Fatal(err)
	}
	defer os.Remove(log.Name())
	defer log.Close()
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		data, _ := os.ReadFile(log.Name())
		more, _ := os.ReadFile(filepath.Join(s.dir, "log"))
		tb.Fatalf("%s: %v\n%s%s", name, err, data, more)
	}
}

// program returns the path of a program that Debian keeps out of the PATH, and all others in it.
func program(tb testing.TB, name string) string {
	tb.Helper()
	if found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(found) > 0 {
		return found[len(found)-1]
	}
	if path, err := exec.LookPath(name); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil { // where the others are, too
			return path
		}
	}
	if os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
		tb.Fatal("PostgreSQL is not installed, and FOURTWELVE_REQUIRE_PEERS is set")
	}
	tb.Skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
	return ""
}

// nobody is the user of that name, to whom dir is given.
func nobody(tb testing.TB, dir string) *syscall.Credential {
	tb.Helper()
	u, err := user.Lookup("nobody")
	if err != nil {
		tb.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		tb.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}
