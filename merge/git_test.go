package merge

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// triples is the number of triples that TestGit tries; FOURTWELVE_MERGE_TRIPLES sets another.
func triples() int {
	if n, err := strconv.Atoi(os.Getenv("FOURTWELVE_MERGE_TRIPLES")); err == nil {
		return n
	}
	return 300
}

// TestGit holds merges of random edits against git merge-file: where git finds a conflict, so do we; and
// where neither does, the text is the same.
func TestGit(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		if os.Getenv("FOURTWELVE_REQUIRE_PEERS") != "" {
			t.Fatal("git is not installed, and is required here")
		}
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	var clean, both, more, missed, differ int
	for n := range triples() {
		alphabet := 3 + r.IntN(40)
		base := randomText(r, 2+r.IntN(30), alphabet)
		mine, theirs := randomEdit(r, base, alphabet), randomEdit(r, base, alphabet)
		got, err := Text(join(base), join(mine), join(theirs), Options{Style: Merge})
		if err != nil {
			t.Fatal(err)
		}
		want, conflicts := gitMerge(t, dir, join(base), join(mine), join(theirs))
		switch {
		case got.Conflicts == 0 && conflicts > 0:
			missed++
			t.Errorf("triple %d: git finds %d conflicts, we none\nbase %q\nmine %q\ntheirs %q\nours %q\ngit %q",
				n, conflicts, base, mine, theirs, got.Content, want)
		case got.Conflicts > 0 && conflicts == 0:
			more++
			if testing.Verbose() && more < 4 {
				t.Logf("only we find a conflict\nbase %q\nmine %q\ntheirs %q\nours %q\ngit %q", base, mine, theirs, got.Content, want)
			}
		case conflicts > 0:
			both++
		case !bytes.Equal(got.Content, want):
			differ++
			t.Errorf("triple %d: git merges differently\nbase %q\nmine %q\ntheirs %q\nours %q\ngit %q", n, base, mine, theirs, got.Content, want)
		default:
			clean++
		}
	}
	t.Logf("of %d: the same clean text %d, a conflict for both %d, only for us %d, only for git %d, both clean but different %d",
		triples(), clean, both, more, missed, differ)
}

func randomText(r *rand.Rand, lines, alphabet int) []string {
	text := make([]string, lines)
	for i := range text {
		text[i] = randomLine(r, alphabet)
	}
	return text
}

func randomLine(r *rand.Rand, alphabet int) string {
	if n := r.IntN(alphabet); n > 0 {
		return fmt.Sprintf("line %d\n", n)
	}
	return []string{"\n", "}\n", "{\n"}[r.IntN(3)]
}

// randomEdit makes up to four changes.
func randomEdit(r *rand.Rand, base []string, alphabet int) []string {
	text := append([]string(nil), base...)
	for range r.IntN(5) {
		at := r.IntN(len(text) + 1)
		end := min(len(text), at+r.IntN(4))
		text = append(text[:at:at], append(randomText(r, r.IntN(4), alphabet), text[end:]...)...)
	}
	return text
}

func join(lines []string) []byte {
	var b []byte
	for _, l := range lines {
		b = append(b, l...)
	}
	return b
}

// gitMerge returns what git merge-file makes of the three, and the number of conflicts.
func gitMerge(t *testing.T, dir string, base, mine, theirs []byte) ([]byte, int) {
	t.Helper()
	for name, content := range map[string][]byte{"base": base, "mine": mine, "theirs": theirs} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("git", "merge-file", "-p", "-q", "mine", "base", "theirs")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 && exit.ExitCode() < 128 {
		return out, exit.ExitCode()
	}
	if err != nil {
		t.Fatalf("git merge-file: %v", err)
	}
	return out, 0
}
