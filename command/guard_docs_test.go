package command_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command"
	"github.com/fourtwelve/fourtwelve/command/internal/guardconfig"
)

const guardDoc = "../docs/guard.md"

// TestGuardWalk runs the commands of docs/guard.md in order, against a guard in front of
// examples/forgetful, and compares what comes out.
func TestGuardWalk(t *testing.T) {
	needCurl(t)
	backend := startForgetful(t)
	g := startCommand(t, "guard", "--listen=127.0.0.1:0", "--access-log=off", backend)
	here := strings.NewReplacer(backend, "http://127.0.0.1:3000", g.url, "http://127.0.0.1:8412")
	there := strings.NewReplacer("http://127.0.0.1:3000", backend, "http://127.0.0.1:8412", g.url)
	greeting := here.Replace(g.said.String())
	dir := t.TempDir()
	installJQ(t, dir)
	ran := 0
	walk(t, guardDoc, func(command, want string) string {
		switch {
		case strings.HasPrefix(command, "go run . guard"):
			return greeting
		case strings.HasPrefix(command, "curl "):
			ran++
			return here.Replace(runReadme(t, dir, there.Replace(command)))
		}
		return want
	})
	if ran < 8 {
		t.Errorf("only %d commands were found", ran)
	}
}

// startForgetful builds and starts examples/forgetful, and returns its URL.
func startForgetful(t *testing.T) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "forgetful")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../examples/forgetful").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "-listen=127.0.0.1:0")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() }) // the context of the test is over by then
	line, err := bufio.NewReader(stderr).ReadString('\n')
	url := regexp.MustCompile(`http://[^/]+`).FindString(line)
	if err != nil || url == "" {
		t.Fatalf("got %q, %v", line, err)
	}
	return url
}

// TestGuardFlagsAreDocumented compares the flags of guard with those in
// docs/guard.md, both ways, and their defaults with those there.
func TestGuardFlagsAreDocumented(t *testing.T) {
	var help bytes.Buffer
	command.Run(context.Background(), []string{"guard", "--help"},
		command.Env{Stdin: strings.NewReader(""), Stdout: &help, Stderr: io.Discard})
	defaults := make(map[string]string)
	flag := regexp.MustCompile(`(?m)^ +(?:-\w, )?--([a-z-]+) (?:.*\(default "?([^)"]+)"?\))?`)
	for _, match := range flag.FindAllStringSubmatch(help.String(), -1) {
		defaults[match[1]] = match[2]
	}
	data, err := os.ReadFile(guardDoc)
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, row := range regexp.MustCompile("(?m)^\\| `[a-z_.]+` \\| `--([a-z-]+)` \\| (.*?) \\|").FindAllStringSubmatch(string(data), -1) {
		name, value := row[1], strings.Trim(row[2], "` ")
		documented[name] = true
		if want := shortDuration(defaults[name]); want != "" && want != value {
			t.Errorf("--%s: the document says %q, and its help %q", name, value, want)
		}
	}
	for name := range defaults {
		if !documented[name] && name != "config" && name != "check-config" && name != "help" {
			t.Errorf("--%s is not in the tables of %s", name, guardDoc)
		}
	}
	for name := range documented {
		if _, ok := defaults[name]; !ok {
			t.Errorf("there is no flag --%s", name)
		}
	}
}

// TestGuardOptionsAreDocumented: the table of what can be said of a route is made of the options themselves. With -update it
// is written anew.
func TestGuardOptionsAreDocumented(t *testing.T) {
	data, err := os.ReadFile(guardDoc)
	if err != nil {
		t.Fatal(err)
	}
	table := regexp.MustCompile("(?s)\\| key \\| flag \\| default \\| \\|\n\\| --- [^\n]*\n\\| `backend` .*?\n\n")
	at := table.FindIndex(data)
	if at == nil {
		t.Fatalf("%s has no table that begins with the backend", guardDoc)
	}
	want := guardconfig.Table() + "\n"
	switch got := string(data[at[0]:at[1]]); {
	case got == want:
	case *update:
		if err := os.WriteFile(guardDoc, slices.Concat(data[:at[0]], []byte(want), data[at[1]:]), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Errorf("the table is\n%s\nand has to be\n%s", got, want)
	}
}

// TestGuardReasonsAreDocumented looks for the reasons of problem details in the sources of
// package guard.
func TestGuardReasonsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile(guardDoc)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("../guard/*.go")
	if err != nil {
		t.Fatal(err)
	}
	inCode := regexp.MustCompile(`(?:NewProblem\([A-Za-z.]+, |\n\treason[A-Z][a-z]+ += )"([a-z-]+)"`)
	found := 0
	for _, file := range files {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, match := range inCode.FindAllStringSubmatch(string(source), -1) {
			found++
			if !strings.Contains(string(doc), "`"+match[1]+"`") {
				t.Errorf("%s: the reason %q is not in %s", file, match[1], guardDoc)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d reasons were found", found)
	}
}

// shortDuration leaves out the zeros of a duration such as 1m0s.
func shortDuration(s string) string {
	return regexp.MustCompile(`^(\d+[hm])(0m)?0s$`).ReplaceAllString(s, "$1")
}

// TestGuardShowsItsCertificate has a backend that asks for one.
func TestGuardShowsItsCertificate(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	cert, key, err := makeCertificate([]string{"127.0.0.1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"client.pem": cert, "client.key": key} {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	backend := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, r.TLS.PeerCertificates[0].Subject.CommonName)
	}))
	backend.TLS = &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: x509.NewCertPool()}
	backend.TLS.ClientCAs.AppendCertsFromPEM(cert)
	backend.Config.ErrorLog = log.New(io.Discard, "", 0)
	backend.StartTLS()
	defer backend.Close()
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: backend.Certificate().Raw})
	if err := os.WriteFile("ca.pem", ca, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flags  []string
		status int
		text   string
	}{
		{[]string{"--backend-cert=client.pem", "--backend-key=client.key"}, http.StatusOK, "test"},
		{nil, http.StatusBadGateway, `"reason":"`},
	} {
		args := append([]string{"guard", "--listen=127.0.0.1:0", "--access-log=off", "--backend-ca=ca.pem"}, c.flags...)
		g := startCommand(t, append(args, backend.URL)...)
		resp, err := http.Get(g.url)
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if resp.StatusCode != c.status || err != nil || !strings.Contains(string(text), c.text) {
			t.Errorf("with %q: got %s %s, error %v, want %d %s", c.flags, resp.Status, text, err, c.status, c.text)
		}
		g.end()
	}
}
