package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
)

// step is a row of a table in docs/architecture.md: a function that a request enters.
type step struct {
	function, file string
	caller         int // its row, or 0 for net/http
}

// wayRow is a row of such a table: | 2 | `get` | `origin/read.go` | 1 | what it does |
var wayRow = regexp.MustCompile("(?m)^\\| (\\d+) \\| `(\\w+)` \\| `([\\w/.]+)` \\| (\\d+|net/http) \\| .*\\|$")

// TestWays: the functions that a request enters are where docs/architecture.md says, their callers call them, and nobody who is
// called goes on in a file that its caller has left.
func TestWays(t *testing.T) {
	text, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	var way []step // from one row with the number 1 to the next
	ways := 0
	for _, m := range wayRow.FindAllStringSubmatch(string(text), -1) {
		n, _ := strconv.Atoi(m[1])
		if n == 1 {
			way = nil
			ways++
		}
		caller, _ := strconv.Atoi(m[4]) // 0 for net/http
		if n != len(way)+1 || caller >= n || (caller == 0) != (n == 1) {
			t.Fatalf("row %s comes after %d rows, and is called by %s", m[1], len(way), m[4])
		}
		way = append(way, step{m[2], m[3], caller})
		checkStep(t, way)
	}
	if ways == 0 {
		t.Fatal("docs/architecture.md has no table of a way")
	}
}

// checkStep checks the last row of a way.
func checkStep(t *testing.T, way []step) {
	t.Helper()
	last := way[len(way)-1]
	if bodyOf(t, last) == nil {
		t.Errorf("%s has no function %s", last.file, last.function)
		return
	}
	if last.caller == 0 {
		return
	}
	caller := way[last.caller-1]
	if !calls(bodyOf(t, caller), last.function) {
		t.Errorf("%s in %s does not call %s", caller.function, caller.file, last.function)
	}
	left := caller.file != last.file
	for up := caller; ; up = way[up.caller-1] {
		if left && up.file == last.file {
			t.Errorf("%s goes on in %s, which %s has left", last.function, last.file, up.function)
		}
		left = left || up.file != last.file
		if up.caller == 0 {
			return
		}
	}
}

// bodyOf returns the functions of that name in the file; nil is none.
func bodyOf(t *testing.T, s step) (found []*ast.FuncDecl) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), s.file, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Name.Name == s.function {
			found = append(found, f)
		}
	}
	return found
}

// calls reports whether one of the functions calls something of that name. What a function named Handler
// returns is called as ServeHTTP.
func calls(functions []*ast.FuncDecl, name string) bool {
	names := []string{name}
	if name == "Handler" {
		names = append(names, "ServeHTTP")
	}
	found := false
	for _, f := range functions {
		ast.Inspect(f, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			found = found || ok && slices.Contains(names, nameOf(call.Fun))
			return !found
		})
	}
	return found
}
