package command_test

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine/pgtest"
)

// runCopy runs fourtwelve copy, and returns all that it says.
func runCopy(t *testing.T, from, to string) (said string, exit int) {
	t.Helper()
	exit, stdout, stderr := fourtwelve(t, "", "copy", from, to)
	return stderr + stdout, exit
}

// TestCopy: a directory becomes a database and that a directory again, with revisions; a second run does
// nothing, a third what is new, and what was changed at the target stays.
func TestCopy(t *testing.T) {
	pg := pgtest.Start(t)
	url, dir, back := pg.Database(t), t.TempDir(), t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "d", "empty"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{"a": "one", "d/b": "two", "d/large": strings.Repeat("large ", 1<<20)} {
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	n := startNode(t, dir)
	n.put("m", 7, "")
	for value, tag := 1, ""; value <= 3; value++ {
		if status, err := n.put("n", value, tag); err != nil || status >= 300 {
			t.Fatalf("PUT: status %d, error %v", status, err)
		}
		_, tag, _ = n.get("n")
	}
	if said, exit := runCopy(t, dir, url); exit == 0 || !strings.Contains(said, "is being served by another process") {
		t.Errorf("copy of a directory that is served for writing: exit code %d\n%s", exit, said)
	}
	n.kill()
	for _, want := range []string{
		"Copied 7 revisions of 5 resources (6291466 bytes). 0 resources were there already.\n",
		"Copied 0 revisions of 0 resources (0 bytes). 5 resources were there already.\n",
	} {
		if said, exit := runCopy(t, dir, url); exit != 0 || said != want {
			t.Errorf("copy: exit code %d\n%swant %s", exit, said, want)
		}
	}
	served := startNode(t, url)
	if value, tag, err := served.get("n"); err != nil || value != 3 || !strings.HasPrefix(tag, `"3.`) {
		t.Errorf("the copy has %d, tag %s, error %v; want the third revision", value, tag, err)
	}
	if r, err := http.Get(served.url + "/n?revision=1"); err != nil || r.StatusCode != http.StatusOK {
		t.Errorf("the first revision of the copy: %v, error %v", r, err)
	}
	if said, exit := runCopy(t, url, back); exit != 0 || !strings.HasPrefix(said, "Copied 7 revisions") {
		t.Errorf("copy back: exit code %d\n%s", exit, said)
	}
	if out, err := exec.Command("diff", "-r", "-x", ".fourtwelve", dir, back).CombinedOutput(); err != nil {
		t.Errorf("there and back: %v\n%s", err, out)
	}
	_, tag, _ := served.get("n")
	served.put("n", 99, tag)
	n = startNode(t, dir)
	_, tag, _ = n.get("m")
	n.put("m", 1234567, tag)
	n.kill()
	said, exit := runCopy(t, dir, url)
	want := "n has a content at the target that it never had at the source.\n" +
		"fourtwelve: 1 resource was different at the target, and not overwritten\n" +
		"Copied 1 revision of 1 resource (7 bytes). 3 resources were there already.\n"
	if exit != 1 || said != want {
		t.Errorf("after changes on both sides: exit code %d\n%swant\n%s", exit, said, want)
	}
}
