package command_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command"
)

// needCurl skips a test when there is no curl; where all peers are required,
// that is a failure.
func needCurl(t *testing.T) {
	t.Helper()
	for _, tool := range []string{"curl", "sh"} {
		if _, err := exec.LookPath(tool); err != nil {
			if os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
}

// running is a command within the test's own process.
type running struct {
	url    string
	said   *bytes.Buffer
	stdout *bytes.Buffer
	end    func() int // stops it, and returns the exit code
}

// startServe runs serve with these arguments until the test is over or end is
// called.
func startServe(t *testing.T, args ...string) *running {
	t.Helper()
	return startCommand(t, append([]string{"serve", "--listen=127.0.0.1:0"}, args...)...)
}

// startCommand runs a command that tells how to try it.
func startCommand(t *testing.T, args ...string) *running {
	t.Helper()
	r, w := io.Pipe()
	s := &running{said: new(bytes.Buffer), stdout: new(bytes.Buffer)}
	ctx, cancel := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		code <- command.Run(ctx, args, command.Env{Stdin: strings.NewReader(""), Stdout: s.stdout, Stderr: w})
		w.Close()
	}()
	started, read := make(chan bool, 1), make(chan bool)
	go func() {
		defer close(read)
		defer close(started)
		s.listen(r, started)
	}()
	s.end = func() int {
		cancel()
		<-read
		c := <-code
		code <- c
		return c
	}
	t.Cleanup(func() { s.end() })
	if !<-started {
		t.Fatalf("%v has not started:\n%s", args, s.said)
	}
	s.url = strings.TrimSuffix(regexp.MustCompile(` at (https?://[^ ]+)`).FindStringSubmatch(s.said.String())[1], "/")
	return s
}

// listen takes in what the server says. It sends to started once when it is
// ready.
func (s *running) listen(r io.Reader, started chan<- bool) {
	buf := make([]byte, 4096)
	ready := regexp.MustCompile(`(?m)^  curl .*\n`)
	told := false
	for {
		n, err := r.Read(buf)
		s.said.Write(buf[:n])
		if !told && ready.Match(s.said.Bytes()) {
			told = true
			started <- true
		}
		if err != nil {
			return
		}
	}
}

// TestTryLineWorks runs the line that serve prints, as it is printed, for one
// configuration after the other. Where it creates something, the second run
// must be refused with an explanation.
func TestTryLineWorks(t *testing.T) {
	needCurl(t)
	dir := t.TempDir()
	t.Chdir(dir)
	site := filepath.Join(dir, "site")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("users", "ann:$2y$04$iZZ5jQWCQoL58BalitxaTO4DIfmdck9yTl6NvYO4hNl2K4/BB0ezS")
	write("tokens", "0123456789abcdef")
	for name, hosts := range map[string][]string{"local": {"127.0.0.1", "localhost"}, "named": {"*.example.org"}, "nobody": nil} {
		cert, key, err := makeCertificate(hosts)
		if err != nil {
			t.Fatal(err)
		}
		write(name+".pem", string(cert))
		write(name+".key", string(key))
	}
	for name, args := range map[string][]string{
		"plain":       nil,
		"read-only":   {"--read-only"},
		"public":      {"--listen=:0"},
		"IPv6":        {"--listen=[::1]:0"},
		"name":        {"--listen=localhost:0"},
		"TLS":         {"--tls-cert=local.pem", "--tls-key=local.key"},
		"TLS, name":   {"--tls-cert=named.pem", "--tls-key=named.key"},
		"TLS, public": {"--tls-cert=named.pem", "--tls-key=named.key", "--listen=0.0.0.0:0"},
		"TLS, nobody": {"--tls-cert=nobody.pem", "--tls-key=nobody.key"},
		"password":    {"--auth=htpasswd:users"},
		"token":       {"--auth=bearer:tokens"},
		"public read": {"--auth=bearer:tokens", "--public-read", "--read-only"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := os.RemoveAll(site); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(site, 0o700); err != nil {
				t.Fatal(err)
			}
			s := startServe(t, append(args, "--access-log=off", site)...)
			line := regexp.MustCompile(`(?m)^  (curl .*)\n`).FindStringSubmatch(s.said.String())[1]
			first, second := tryLine(t, line), tryLine(t, line)
			if strings.Contains(line, "-X PUT") {
				wantAnswer(t, line, first, "201")
				wantAnswer(t, line, second, "412")
				var problem struct{ Hint string }
				if _, body, _ := strings.Cut(second, "\r\n\r\n"); json.Unmarshal([]byte(body), &problem) != nil || problem.Hint == "" {
					t.Errorf("no explanation in %s", second)
				}
			} else {
				wantAnswer(t, line, first, "200")
			}
			if code := s.end(); code != 0 {
				t.Errorf("serve ended with %d:\n%s", code, s.said)
			}
		})
	}
}

// tryLine runs a line of the shell. The password that curl would ask for is
// added.
func tryLine(t *testing.T, line string) string {
	t.Helper()
	line = strings.Replace(line, "-u ann", `-u "ann:correct horse"`, 1)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", line+" --no-progress-meter --noproxy '*'")
	cmd.Env = append(os.Environ(), "TOKEN=0123456789abcdef")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

func wantAnswer(t *testing.T, line, answer, status string) {
	t.Helper()
	if fields := strings.Fields(answer); len(fields) < 2 || fields[1] != status {
		t.Errorf("%s: want %s, got\n%s", line, status, answer)
	}
}
