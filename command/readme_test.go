package command_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var updateReadme = flag.Bool("update-readme", false, "write the answers in README.md, docs/walk.md and docs/guard.md anew")

const readme = "../README.md"

// TestReadme runs the commands of the README and of the walk with curl in order, each against a server on a
// fresh copy of the example, and compares what comes out. Only times and revision
// numbers may differ, and whether there is a lastModified: the server tells a
// date once its second has passed.
func TestReadme(t *testing.T) {
	needCurl(t)
	for document, atLeast := range map[string]int{readme: 2, "../docs/walk.md": 8} {
		t.Run(filepath.Base(document), func(t *testing.T) {
			site := exampleCopy(t)
			s := startServe(t, "--access-log=off", site)
			greeting := strings.NewReplacer(site, "/home/you/fourtwelve/examples/site", s.url, "http://127.0.0.1:8412").Replace(s.said.String())
			dir := t.TempDir()
			installJQ(t, dir)
			ran := 0
			walk(t, document, func(command, want string) string {
				switch {
				case strings.HasPrefix(command, "go run . serve"):
					return greeting
				case strings.HasPrefix(command, "curl "):
					ran++
					return runReadme(t, dir, strings.ReplaceAll(command, "http://127.0.0.1:8412", s.url))
				}
				return want
			})
			if ran < atLeast {
				t.Errorf("only %d commands were found", ran)
			}
		})
	}
}

// walk takes the commands in a document in their order, and compares what run says that
// they print with what the document says.
func walk(t *testing.T, document string, run func(command, want string) (got string)) {
	t.Helper()
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	text := consoleBlock.ReplaceAllStringFunc(string(data), func(block string) string {
		var out strings.Builder
		out.WriteString("```console\n")
		for step := range strings.SplitAfterSeq(strings.TrimSuffix(block, "```"), "\n$ ") {
			step, _ = strings.CutSuffix(step, "$ ")
			if step == "```console\n" {
				continue
			}
			command, want, _ := strings.Cut(step, "\n")
			got := run(command, want)
			if stable(got) != stable(want) && !*updateReadme {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", command, got, want)
			}
			fmt.Fprintf(&out, "$ %s\n%s", command, got)
			if got != "" && !strings.HasSuffix(got, "\n") {
				out.WriteString("\n")
			}
		}
		return out.String() + "```"
	})
	if *updateReadme {
		if err := os.WriteFile(document, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

var consoleBlock = regexp.MustCompile("(?s)```console\n.*?```")

// exampleCopy returns a copy of examples/site in which the files are as old as
// in a clone that was made a while ago.
func exampleCopy(t *testing.T) string {
	t.Helper()
	const site = "../examples/site"
	dir := filepath.Join(t.TempDir(), "site")
	old := time.Date(2026, 11, 2, 9, 30, 0, 0, time.UTC)
	for _, pattern := range []string{"*.*", "*/*.*"} {
		files, err := filepath.Glob(filepath.Join(site, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			name, err := filepath.Rel(site, file)
			if err != nil || strings.HasPrefix(name, ".") {
				continue
			}
			copyFile(t, file, filepath.Join(dir, name), old)
		}
	}
	return dir
}

func copyFile(t *testing.T, from, to string, modified time.Time) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, content, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(to, modified, modified); err != nil {
		t.Fatal(err)
	}
}

// runReadme runs a command line of the README and returns what it prints.
func runReadme(t *testing.T, dir, command string) string {
	t.Helper()
	command = strings.Replace(command, "curl ", "curl --noproxy '*' --no-progress-meter ", 1)
	cmd := exec.CommandContext(t.Context(), "sh", "-c", command)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", command, err, out)
	}
	return strings.ReplaceAll(string(out), "\r\n", "\n")
}

// stable is text without what differs from run to run.
func stable(text string) string {
	text = regexp.MustCompile(`(?m)^Date: .*$`).ReplaceAllString(text, "Date: …")
	text = regexp.MustCompile(`\d{4}-\d\d-\d\dT[0-9:.]+Z`).ReplaceAllString(text, "TIME")
	text = regexp.MustCompile(`,\s*"lastModified": "TIME"`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`revision=\d+`).ReplaceAllString(text, "revision=N")
	return strings.TrimRight(text, "\n")
}

// asJQ makes this test binary jq, see installJQ.
const asJQ = "FOURTWELVE_TEST_AS_JQ"

func init() {
	if os.Getenv(asJQ) == "" {
		return
	}
	if err := jq(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "jq:", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// installJQ puts a jq into dir, so that the test does not depend on whether there
// is a real one, and on which.
func installJQ(t *testing.T, dir string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\n%s=1 exec %q \"$@\"\n", asJQ, self)
	if err := os.WriteFile(filepath.Join(dir, "jq"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

// jq is as much of jq as the README uses: it breaks the lines of a JSON document,
// or prints members of it.
//
//	jq [.MEMBER,.MEMBER…]
func jq(args []string, in io.Reader, out io.Writer) error {
	text, err := io.ReadAll(in)
	if err != nil {
		return err
	}
	parts := []json.RawMessage{text}
	if len(args) == 1 {
		var members map[string]json.RawMessage
		if err := json.Unmarshal(text, &members); err != nil {
			return err
		}
		parts = nil
		for name := range strings.SplitSeq(args[0], ",") {
			parts = append(parts, members[strings.TrimPrefix(name, ".")])
		}
	}
	for _, part := range parts {
		var b bytes.Buffer
		if err := json.Indent(&b, bytes.TrimSpace(part), "", "  "); err != nil {
			return err
		}
		fmt.Fprintln(out, b.String())
	}
	return nil
}
