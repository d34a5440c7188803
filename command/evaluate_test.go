package command_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command"
)

// fourtwelve runs a command line inside the test.
func fourtwelve(t *testing.T, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	code = command.Run(t.Context(), args, command.Env{Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &err})
	return code, out.String(), err.String()
}

func TestEvaluateExitCodes(t *testing.T) {
	const good, bad = `{"method":"GET","state":{"exists":true}}`, `{"method":"GET"}`
	for _, c := range []struct {
		name, stdin string
		args        []string
		code        int
	}{
		{"all answered", good, nil, 0},
		{"nothing to answer", "", nil, 0},
		{"a bad line", good + "\n" + bad + "\n" + good, nil, 1},
		{"no such file", "", []string{"testdata/nowhere.jsonl"}, 1},
		{"one case, refused", "", []string{"--etag", `"a"`, "-H", `If-Match: "b"`}, 0},
		{"a flag that is wrong", "", []string{"--etag", "a"}, 2},
		{"a flag that is not known", "", []string{"--nonsense"}, 2},
		{"two files", "", []string{"a", "b"}, 2},
	} {
		code, _, stderr := fourtwelve(t, c.stdin, append([]string{"evaluate"}, c.args...)...)
		if code != c.code || (stderr == "") != (c.code == 0) {
			t.Errorf("%s: got exit code %d and %q on standard error, want %d", c.name, code, stderr, c.code)
		}
	}
}

// TestEvaluatePage checks that the cases of docs/evaluate.md get the answers they
// have there, and that its examples by hand print what they print there.
func TestEvaluatePage(t *testing.T) {
	page, err := os.ReadFile("../docs/evaluate.md")
	if err != nil {
		t.Fatal(err)
	}
	fenced := regexp.MustCompile("(?s)```jsonl (cases|answers)\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(fenced) != 2 || fenced[0][1] != "cases" || fenced[1][1] != "answers" {
		t.Fatalf("got blocks %q, want one with cases and then one with answers", fenced)
	}
	code, stdout, stderr := fourtwelve(t, fenced[0][2], "evaluate")
	if code != 0 || stdout != fenced[1][2] {
		t.Errorf("the cases: got code %d, %q and\n%s", code, stderr, stdout)
	}
	byHand := regexp.MustCompile(`(?m)^    \$ fourtwelve (.*)\n((?:    .+\n)+)`).FindAllStringSubmatch(string(page), -1)
	if len(byHand) != 2 {
		t.Fatalf("got %d examples by hand, want 2", len(byHand))
	}
	for _, example := range byHand {
		code, stdout, stderr := fourtwelve(t, "", shellWords(example[1])...)
		if want := strings.ReplaceAll(example[2], "    ", ""); code != 0 || stdout != want {
			t.Errorf("%s: got code %d, %q and\n%s", example[1], code, stderr, stdout)
		}
	}
}

// shellWords cuts a command line at spaces outside of single quotes.
func shellWords(line string) (words []string) {
	for _, m := range regexp.MustCompile(`'([^']*)'|(\S+)`).FindAllStringSubmatch(line, -1) {
		words = append(words, m[1]+m[2])
	}
	return words
}
