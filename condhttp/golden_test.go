package condhttp

import (
	"bytes"
	"flag"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

var update = flag.Bool("update", false, "write the expected results in testdata anew")

// testCase is one case of a file in testdata: a title (==), a request (>) and what is
// special about the server (=).
type testCase struct {
	title  string
	method string
	header http.Header
	server []string
}

// golden runs all cases of a file and compares what run returns with the lines that
// begin with "<", or writes them with -update.
func golden(t *testing.T, file string, run func(t *testing.T, c testCase) string) {
	t.Helper()
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	for i, block := range strings.Split(string(want), "\n== ") {
		source, expected, _ := strings.Cut(block, "\n<")
		source = strings.TrimRight(source, "\n")
		if i == 0 { // what the file says about itself
			got.WriteString(source + "\n")
			continue
		}
		c := parseCase(t, source)
		t.Run(c.title, func(t *testing.T) {
			result := run(t, c)
			if want := "<" + expected; !*update && strings.TrimRight(want, "\n") != strings.TrimRight(result, "\n") {
				t.Errorf("run with -update and review the difference.\n%s\ngot:\n%s\nwant:\n%s", source, result, want)
			}
			got.WriteString("\n== " + source + "\n" + result)
		})
	}
	if *update {
		if err := os.WriteFile(file, got.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func parseCase(t *testing.T, source string) testCase {
	t.Helper()
	lines := strings.Split(source, "\n")
	c := testCase{title: lines[0], header: http.Header{}}
	for _, line := range lines[1:] {
		kind, text, _ := strings.Cut(line, " ")
		name, value, isField := strings.Cut(text, ":")
		switch {
		case kind == ">" && isField:
			c.header.Add(name, strings.TrimSpace(value))
		case kind == ">":
			c.method = text
		case kind == "=":
			c.server = append(c.server, text)
		default:
			t.Fatalf("%s: line %q is neither > nor =", c.title, line)
		}
	}
	return c
}

// serverState is what the line with = of a case says.
type serverState struct {
	current precondition.Current
	checker Checker
}

// parseState reads members that are separated by ", ", which dates have, too.
func parseState(t *testing.T, c testCase) serverState {
	t.Helper()
	text := strings.ReplaceAll(strings.Join(c.server, ", "), "Thu, ", "Thu,_")
	var s serverState
	for member := range strings.SplitSeq(text, ", ") {
		name, value, _ := strings.Cut(strings.ReplaceAll(member, "_", " "), " ")
		switch name {
		case "exists":
			s.current.Exists = true
		case "absent":
		case "tag":
			s.current.Tag = etag.MustParse(value)
		case "other":
			s.current.Others = append(s.current.Others, etag.MustParse(value))
		case "modified":
			s.current.LastModified = parseDate(t, value)
		case "now":
			s.current.Now = parseDate(t, value)
		case "stale-if-range":
			s.checker.Policy.StaleIfRange = true
		case "lenient-tags":
			s.checker.Policy.LenientTags = true
		case "cache":
			s.checker.Role = precondition.Cache
		case "required":
			s.checker.Require = RequireOverwrite
		case "always-required":
			s.checker.Require = RequireAlways
		default:
			t.Fatalf("%s: unknown state %q", c.title, member)
		}
	}
	return s
}

func parseDate(t *testing.T, value string) time.Time {
	t.Helper()
	date, err := time.Parse(http.TimeFormat, value)
	if err != nil {
		t.Fatal(err)
	}
	return date
}
