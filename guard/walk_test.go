package guard

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sources are the files of this package, and where its functions are.
type sources struct {
	files map[string]*ast.File
	// functions and methods of exchange are each declared once; other methods may have the same names in several files.
	functions, ofExchange map[string]string
	methods               map[string][]string
}

func parseSources(t *testing.T) *sources {
	t.Helper()
	s := &sources{
		files: make(map[string]*ast.File), functions: make(map[string]string), ofExchange: make(map[string]string),
		methods: make(map[string][]string),
	}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		s.files[name] = file
		for _, decl := range file.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				s.note(f, name)
			}
		}
	}
	return s
}

func (s *sources) note(f *ast.FuncDecl, file string) {
	if f.Recv == nil {
		s.functions[f.Name.Name] = file
		return
	}
	s.methods[f.Name.Name] = append(s.methods[f.Name.Name], file)
	if star, ok := f.Recv.List[0].Type.(*ast.StarExpr); ok && star.X.(*ast.Ident).Name == "exchange" {
		s.ofExchange[f.Name.Name] = file
	}
}

// where returns the file of the function that n names, or "". What is not called may be a field instead of a method.
func (s *sources) where(n ast.Node, called bool) string {
	switch n := n.(type) {
	case *ast.Ident:
		return s.functions[n.Name]
	case *ast.SelectorExpr:
		name := n.Sel.Name
		if x, ok := n.X.(*ast.Ident); ok && x.Name == "x" {
			return s.ofExchange[name]
		}
		if in := s.methods[name]; called && len(in) == 1 && !ast.IsExported(name) {
			return in[0]
		}
	}
	return ""
}

// calls returns which files each file calls into.
func (s *sources) calls() map[string][]string {
	into := make(map[string][]string)
	for name, file := range s.files {
		seen := make(map[string]bool)
		member := make(map[ast.Node]bool) // names behind a dot, and of members in literals
		called := make(map[ast.Node]bool)
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				called[n.Fun] = true
			case *ast.KeyValueExpr:
				member[n.Key] = true
			case *ast.SelectorExpr:
				member[n.Sel] = true
			}
			if member[n] {
				return false
			}
			if to := s.where(n, called[n]); to != "" && to != name {
				seen[to] = true
			}
			return true
		})
		into[name] = slices.Sorted(maps.Keys(seen))
	}
	return into
}

// TestCallsGoDown: files call into files below them only, so that nobody who is called goes on in the file of a caller.
func TestCallsGoDown(t *testing.T) {
	into := parseSources(t).calls()
	var path []string
	done := make(map[string]bool)
	var follow func(file string)
	follow = func(file string) {
		if i := slices.Index(path, file); i >= 0 {
			t.Fatalf("%s calls back into %s", strings.Join(path[i:], " calls into "), file)
		}
		if done[file] {
			return
		}
		path = append(path, file)
		for _, next := range into[file] {
			follow(next)
		}
		path = path[:len(path)-1]
		done[file] = true
	}
	n := 0
	for _, file := range slices.Sorted(maps.Keys(into)) {
		follow(file)
		n += len(into[file])
	}
	if n < 80 {
		t.Errorf("only %d calls from file to file were found", n)
	}
}

// TestWalkIsTrue: the functions that docs/architecture.md lists for a PUT are there, each in the file that it names.
func TestWalkIsTrue(t *testing.T) {
	page, err := os.ReadFile("../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## A PUT through the guard, function by function\n")
	section, _, _ = strings.Cut(section, "\n## ")
	if !ok {
		t.Fatal("docs/architecture.md has no such section")
	}
	s := parseSources(t)
	n := 0
	for _, line := range regexp.MustCompile("(?m)^ *- `([a-z]+\\.go)`:? (.*)$").FindAllStringSubmatch(section, -1) {
		file := line[1]
		for _, name := range regexp.MustCompile("\\*\\*`(\\w+)`\\*\\*").FindAllStringSubmatch(line[2], -1) {
			n++
			if s.functions[name[1]] != file && !slices.Contains(s.methods[name[1]], file) {
				t.Errorf("%s has no function %s", file, name[1])
			}
		}
	}
	if n < 25 {
		t.Errorf("only %d functions are listed", n)
	}
}
