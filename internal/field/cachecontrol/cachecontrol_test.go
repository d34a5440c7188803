package cachecontrol

import (
	"errors"
	"os"
	"strings"
	"testing"
)

// blocks returns the groups of lines of a file, comments left out.
func blocks(t *testing.T, file string) (groups [][]string) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for block := range strings.SplitSeq(string(data), "\n\n") {
		if strings.HasPrefix(block, "#") {
			continue
		}
		groups = append(groups, strings.Split(strings.TrimRight(block, "\n"), "\n"))
	}
	if len(groups) == 0 {
		t.Fatalf("%s is empty", file)
	}
	return groups
}

func TestGlobs(t *testing.T) {
	for _, block := range blocks(t, "testdata/globs.txt") {
		rules, err := Parse([]string{block[0] + "=no-cache"})
		if strings.Contains(block[0], "=") { // which a rule would take for its end
			g, fault := ParseGlob(block[0])
			rules, err = Rules{{g, "no-cache"}}, nil
			if fault != "" {
				t.Fatal(fault)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range block[1:] {
			name := strings.TrimPrefix(line[2:], ".")
			if name != "" {
				name = line[2:]
			}
			if got, want := rules.Value(name, "") != "", line[0] == '+'; got != want {
				t.Errorf("glob %q, name %q: got %v, want %v", block[0], name, got, want)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, block := range blocks(t, "testdata/refused.txt") {
		_, err := Parse([]string{"*.ok=no-cache", block[0]})
		ruleErr, ok := errors.AsType[*RuleError](err)
		if !ok {
			t.Errorf("rule %q: got error %v, want a RuleError", block[0], err)
			continue
		}
		if want := strings.TrimPrefix(block[1], "! "); ruleErr.Fault != want || ruleErr.Rule != block[0] {
			t.Errorf("rule %q:\n got %s\nwant %s", ruleErr.Rule, ruleErr.Fault, want)
		}
	}
}

func TestFirstMatchWins(t *testing.T) {
	rules, err := Parse([]string{
		"secret/** = no-store",
		"free.html=",
		"*.html=no-cache",
		`*.pdf=private="Set-Cookie, X\"Y", max-age="60" , immutable, stale-while-revalidate=5`,
		"*.html=max-age=9",
		"**=public, max-age=60",
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"secret/a.html": "no-store",
		"a/b.html":      "no-cache",
		"free.html":     "",
		"a.pdf":         `private="Set-Cookie, X\"Y", max-age="60" , immutable, stale-while-revalidate=5`,
		"a.png":         "public, max-age=60",
		"":              "public, max-age=60",
	} {
		if got := rules.Value(name, ""); got != want {
			t.Errorf("%q: got %q, want %q", name, got, want)
		}
	}
	if got := Rules(nil).Value("a", "no-cache"); got != "no-cache" {
		t.Errorf("no rules: got %q, want none", got)
	}
}

// TestHostileName takes a name and a pattern that would keep a matcher busy
// which tries every way to share the elements among the stars.
func TestHostileName(t *testing.T) {
	rules, err := Parse([]string{strings.Repeat("**/a/", 20) + "b=no-cache"})
	if err != nil {
		t.Fatal(err)
	}
	name := strings.Repeat("a/", 2000) + "c"
	if got := rules.Value(name, ""); got != "" {
		t.Errorf("got %q, want no match", got)
	}
}

// FuzzGlob compares with the obvious matcher, which tries everything.
func FuzzGlob(f *testing.F) {
	f.Add("**/a/*.b", "x/a/c.b")
	f.Add("a/**/b/**", "a/b")
	f.Add("[a-c]/?", "b/é")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		g, fault := ParseGlob(pattern)
		if fault != "" || strings.Count(pattern, anyDepth) > 4 || len(name) > 40 {
			return
		}
		var elements []string
		if name != "" {
			elements = strings.Split(name, "/")
		}
		if got, want := g.Match(name), naive(g, elements); got != want {
			t.Errorf("glob %q, name %q: got %v, want %v", pattern, name, got, want)
		}
	})
}

func naive(g Glob, elements []string) bool {
	switch {
	case len(g) == 0:
		return len(elements) == 0
	case g[0] == anyDepth:
		return naive(g[1:], elements) || len(elements) > 0 && naive(g, elements[1:])
	}
	return len(elements) > 0 && matchElement(g[0], elements[0]) && naive(g[1:], elements[1:])
}

// FuzzValue checks that a value that passes can stand in a field line.
func FuzzValue(f *testing.F) {
	f.Add(`public, max-age=60, private="a\"b"`)
	f.Add("a\r\nX: y")
	f.Fuzz(func(t *testing.T, value string) {
		rules, err := Parse([]string{"*=" + value})
		if err != nil {
			return
		}
		got := rules.Value("a", "")
		if strings.ContainsAny(got, "\r\n\x00\x7f") || got != strings.TrimSpace(value) {
			t.Errorf("value %q became %q", value, got)
		}
	})
}

func TestValueDoesNotAllocate(t *testing.T) {
	rules, err := Parse([]string{"assets/**=immutable", "*.css=max-age=60", "**/*.html=no-cache"})
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { rules.Value("docs/a/index.html", "") }); n != 0 {
		t.Errorf("got %v allocations, want 0", n)
	}
}

func BenchmarkValue(b *testing.B) {
	rules, err := Parse([]string{"assets/**=immutable", "*.css=max-age=60", "**/*.html=no-cache"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		rules.Value("docs/a/index.html", "")
	}
}
