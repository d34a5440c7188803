package command_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/command"
)

// TestDocs runs the commands that the documents show, in the root of the project, and compares
// what comes out, save for those that need a server. Words are separated by blanks, and nothing is quoted.
func TestDocs(t *testing.T) {
	t.Chdir("..")
	names, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, name := range append(names, "README.md") {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := consoleBlock.ReplaceAllStringFunc(string(data), func(block string) string {
			typed, want, ok := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(block, "```"), "```console\n$ "), "\n")
			_, args, ours := strings.Cut(strings.Replace(typed, "go run . explain", "fourtwelve explain", 1), "fourtwelve ")
			if !ok || !ours || strings.Contains(typed, "serve") || strings.Contains(typed, "://") || strings.ContainsAny(args, "|>'\"$") {
				return block
			}
			ran++
			var out bytes.Buffer
			command.Run(context.Background(), strings.Fields(args), command.Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
			if out.String() != want && !*update {
				t.Errorf("%s: %s\ngot:\n%s\nwant:\n%s", name, typed, out.String(), want)
			}
			return fmt.Sprintf("```console\n$ %s\n%s```", typed, out.String())
		})
		if *update && text != string(data) {
			if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if ran < 10 {
		t.Errorf("only %d commands were found in the documents", ran)
	}
}
