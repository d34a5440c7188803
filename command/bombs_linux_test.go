package command_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestBombs: a server that is sent, all at once, what took one down keeps to its bounds, and
// answers everything.
func TestBombs(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "site")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	const most = 8 << 20 // that can be patched
	bomb := "[" + strings.Repeat("[],", most/3-10) + "[]]"
	const patches = 6
	for i := range patches {
		writeFile(t, filepath.Join(dir, fmt.Sprintf("bomb%d.json", i)), bomb)
	}
	if err := os.Mkdir(filepath.Join(dir, "many"), 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range 10_000 {
		writeFile(t, filepath.Join(dir, "many", fmt.Sprintf("file-number-%06d.txt", i)), "")
	}
	url, pid := startProgram(t, dir)
	var group sync.WaitGroup
	ask := func(method, path, content string, fine ...int) {
		group.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(content))
			if err != nil {
				t.Error(err)
				return
			}
			r.Header.Set("Content-Type", "application/json-patch+json")
			res, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Errorf("%s %s: %v", method, path, err)
				return
			}
			defer res.Body.Close()
			_, err = io.Copy(io.Discard, res.Body)
			for _, status := range fine {
				if err == nil && res.StatusCode == status {
					return
				}
			}
			t.Errorf("%s %s: got %s, %v; want one of %v", method, path, res.Status, err, fine)
		})
	}
	for i := range patches {
		ask("PATCH", fmt.Sprintf("/bomb%d.json", i), `[{"op":"add","path":"/0","value":1}]`, http.StatusNoContent, http.StatusServiceUnavailable)
	}
	for range 10 {
		ask("GET", "/many/", "", http.StatusOK, http.StatusServiceUnavailable)
	}
	group.Wait()
	peak := peakOf(t, pid)
	t.Logf("peak: %d MB", peak>>20)
	// Without a budget it was 435 MB for each patch.
	if peak > 512<<20 {
		t.Errorf("the server has held %d MB", peak>>20)
	}
}

func writeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// startProgram builds the program and serves dir with it, in a process of its own.
func startProgram(t *testing.T, dir string) (url string, pid int) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "fourtwelve")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "..").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), program, "serve", "--listen=127.0.0.1:0", "--require=never", "--access-log=off",
		"--sync=none", dir)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Wait() }) // the context of the test is over by then
	lines := bufio.NewReader(stderr)
	line, err := lines.ReadString('\n')
	if url = regexp.MustCompile(`http://[^/]+`).FindString(line); err != nil || url == "" {
		t.Fatalf("got %q, %v", line, err)
	}
	go io.Copy(io.Discard, lines)
	return url, cmd.Process.Pid
}

// peakOf is the largest resident size that a process has had, in bytes.
func peakOf(t *testing.T, pid int) (n int64) {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	if _, err := fmt.Sscanf(after, "%d kB", &n); err != nil {
		t.Fatalf("%v in %s", err, status)
	}
	return n << 10
}
