package peers

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestSync: sync with servers that other people wrote. Where conditions hold, both sides become the same, in both
// directions, and a second run does nothing; where they do not, nothing is written.
func TestSync(t *testing.T) {
	program := filepath.Join(t.TempDir(), "fourtwelve")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, c := range []struct {
		name   string
		start  func(t testing.TB, dir string) server
		honest bool
	}{
		{"serve", startServe, true},
		{"Apache", startApacheDAV, true},
		{"x/net/webdav", startNetWebDAV, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			there, here := writableDir(t), t.TempDir()
			s := c.start(t, there)
			sync := func() (string, int) {
				cmd := exec.CommandContext(t.Context(), program, "sync", here, s.base+"/")
				out, err := cmd.CombinedOutput()
				if err != nil && cmd.ProcessState == nil {
					t.Fatal(err)
				}
				return string(out), cmd.ProcessState.ExitCode()
			}
			place(t, here, "a.txt", "one")
			place(t, here, "d ä/b.txt", "two")
			out, code := sync()
			if !c.honest {
				if code != 1 || !strings.Contains(out, "ignores the conditions of writes") || have(t, there, "a.txt") != "" {
					t.Errorf("exit code %d: %s", code, out)
				}
				return
			}
			if code != 0 || have(t, there, "a.txt") != "one" || have(t, there, "d ä/b.txt") != "two" {
				t.Fatalf("first: exit code %d: %s", code, out)
			}
			if out, code = sync(); code != 0 || out != "2 files are the same\n" {
				t.Errorf("second: exit code %d: %s", code, out)
			}
			place(t, here, "a.txt", "one here")
			place(t, there, "d ä/b.txt", "two there")
			place(t, there, "c.txt", "three")
			if out, code = sync(); code != 0 || have(t, there, "a.txt") != "one here" || have(t, here, "d ä/b.txt") != "two there" {
				t.Fatalf("changes: exit code %d: %s", code, out)
			}
			for _, err := range []error{os.RemoveAll(filepath.Join(here, "d ä")), os.Remove(filepath.Join(there, "c.txt"))} {
				if err != nil {
					t.Fatal(err)
				}
			}
			place(t, here, "a.txt", "mine")
			place(t, there, "a.txt", "theirs")
			out, code = sync()
			if code != 3 || have(t, here, "a.txt") != "theirs" || !strings.Contains(out, "your version is in a (conflict ") {
				t.Errorf("conflict: exit code %d: %s", code, out)
			}
			if have(t, here, "c.txt") != "" || have(t, there, "d ä/b.txt") != "" {
				t.Errorf("what was deleted is there: %s", out)
			}
			if out, code = sync(); code != 0 || out != "2 files are the same\n" {
				t.Errorf("at the end: exit code %d: %s", code, out)
			}
		})
	}
}

func place(t *testing.T, dir, name, content string) {
	t.Helper()
	file := filepath.Join(dir, filepath.FromSlash(name))
	err := os.MkdirAll(filepath.Dir(file), 0o777)
	if err == nil {
		err = os.WriteFile(file, []byte(content), 0o666)
	}
	if err == nil {
		err = os.Chmod(file, 0o666) //nolint:gosec // the server has a user of its own
	}
	if err != nil {
		t.Fatal(err)
	}
}

// have is the content of a file, or "" if there is none.
func have(t *testing.T, dir, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(name)))
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	return string(content)
}
