package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// computed are the reasons that no source file spells out: what the expression is, and the test that walks them.
var computed = map[string]string{
	"d.Reason.String()":    "TestConditionsHavePages",
	"plan.Reason.String()": "TestRangesHavePages",
}

// TestRefusalsHavePages: every name that the source gives a refusal is taught by "fourtwelve rules".
func TestRefusalsHavePages(t *testing.T) {
	found := map[string]string{}
	for _, p := range parsePackages(t) {
		p.reasons(t, found)
	}
	if len(found) < 30 {
		t.Errorf("the walk found only %d names, so it shows little", len(found))
	}
	for name, where := range found {
		demandPage(t, name, where)
	}
}

func demandPage(t *testing.T, name, where string) {
	t.Helper()
	if r, ok := diagnose.RuleByID(name); !ok || r.Group != diagnose.Refusals {
		t.Errorf(`%s: the refusal %q has no page: "Add a refusal" in CONTRIBUTING.md says how it gets one`, where, name)
	}
}

// TestConditionsHavePages evaluates every kind of field against every kind of state, by each policy.
func TestConditionsHavePages(t *testing.T) {
	past, future := "Tue, 03 Nov 2020 09:14:22 GMT", "Tue, 03 Nov 2099 09:14:22 GMT"
	tags := []string{"", "*", `"a"`, `W/"a"`, `"other"`, `"a-gzip"`, "a", `*, "a"`, `"a", b`}
	ranged := append([]string{past, future, "Tue, 03 Nov 2026 09:14:22 GMT"}, tags[2:]...)
	now := time.Date(2026, 11, 3, 9, 14, 22, 0, time.UTC)
	states := []precondition.Current{{Now: now}}
	for _, tag := range []string{"", `"a"`, `W/"a"`} {
		for _, date := range []time.Time{{}, now} {
			states = append(states, precondition.Current{Exists: true, Tag: parsed(t, tag), LastModified: date, Now: now,
				Others: []etag.Tag{parsed(t, `"a-gzip"`)}})
		}
	}
	var fields []precondition.Fields
	for _, v := range tags {
		fields = append(fields, precondition.Fields{IfMatch: []string{v}}, precondition.Fields{IfNoneMatch: []string{v}})
	}
	for _, v := range ranged {
		fields = append(fields, precondition.Fields{IfRange: []string{v}, Range: []string{"bytes=0-"}})
	}
	for _, v := range []string{past, future, "yesterday"} {
		fields = append(fields, precondition.Fields{IfUnmodifiedSince: []string{v}}, precondition.Fields{IfModifiedSince: []string{v}})
	}
	names := map[string]bool{}
	for _, policy := range []precondition.Policy{{}, {StaleIfRange: true}, {LenientTags: true}} {
		for _, method := range []string{"GET", "HEAD", "PUT", "DELETE", "POST"} {
			for _, f := range fields {
				for _, state := range states {
					d := policy.Evaluate(precondition.Origin, method, f, state)
					if p := condhttp.FromDecision(method, f, d, state); p != nil {
						names[p.Rule] = true
					}
				}
			}
		}
	}
	for name := range names {
		demandPage(t, name, "precondition")
	}
	if len(names) < 15 {
		t.Errorf("the walk found only %d names, so it shows little", len(names))
	}
}

func parsed(t *testing.T, s string) etag.Tag {
	t.Helper()
	if s == "" {
		return etag.Tag{}
	}
	tag, err := etag.Parse(s)
	if err != nil {
		t.Fatal(err)
	}
	return tag
}

// TestRangesHavePages: the only plan that is a refusal is the one that cannot be satisfied.
func TestRangesHavePages(t *testing.T) {
	plan := byterange.Resolve([]string{"bytes=10-"}, 5)
	if plan.Kind != byterange.Unsatisfiable {
		t.Fatalf("the plan is %v", plan)
	}
	demandPage(t, plan.Reason.String(), "byterange")
}

// A sourcePackage has the files of a folder, without tests.
type sourcePackage struct {
	files *token.FileSet
	list  []*ast.File
}

func parsePackages(t *testing.T) []*sourcePackage {
	t.Helper()
	byFolder := map[string]*sourcePackage{}
	err := filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
			strings.HasPrefix(path, "examples") || strings.Contains(path, "testdata") {
			return err
		}
		p := byFolder[filepath.Dir(path)]
		if p == nil {
			p = &sourcePackage{files: token.NewFileSet()}
			byFolder[filepath.Dir(path)] = p
		}
		f, err := parser.ParseFile(p.files, path, nil, parser.SkipObjectResolution)
		p.list = append(p.list, f)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []*sourcePackage
	for _, p := range byFolder {
		all = append(all, p)
	}
	return all
}

// reasons adds the reasons that the package gives to NewProblem, and those that it sets in a problem, with
// the places where it does.
func (p *sourcePackage) reasons(t *testing.T, found map[string]string) {
	refuses := false
	for _, file := range p.list {
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			refuses = refuses || ok && nameOf(call.Fun) == "NewProblem"
			return !refuses
		})
	}
	if !refuses {
		return // what is called a reason there is none of a refusal
	}
	for _, file := range p.list {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.CallExpr:
				if nameOf(n.Fun) == "NewProblem" && len(n.Args) == 4 {
					p.add(t, n.Args[1], found)
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					name := nameOf(left)
					if _, is := left.(*ast.SelectorExpr); is && (name == "Reason" || name == "Rule") && len(n.Rhs) == len(n.Lhs) &&
						p.constant(n.Rhs[i]) != "" {
						p.add(t, n.Rhs[i], found)
					}
				}
			}
			return true
		})
	}
}

var reasonWord = regexp.MustCompile(`^[a-z]+(-[a-z0-9]+)*$`)

// add resolves the expression to the words that it can be.
func (p *sourcePackage) add(t *testing.T, e ast.Expr, found map[string]string) {
	t.Helper()
	where := p.files.Position(e.Pos()).String()
	words := p.words(e)
	if len(words) == 0 && computed[text(e)] == "" {
		t.Errorf("%s: it cannot be told which reasons %q can be: write a constant", where, text(e))
	}
	for _, word := range words {
		if !reasonWord.MatchString(word) {
			t.Errorf("%s: the reason %q is not in kebab case", where, word)
		}
		found[word] = where
	}
}

// words are the values of a constant; of a variable all those that any assignment in the package gives one of that name, and of
// a member all those that a literal in the package gives the member.
func (p *sourcePackage) words(e ast.Expr) (words []string) {
	if s := p.constant(e); s != "" {
		return []string{s}
	}
	name := nameOf(e)
	for _, file := range p.list {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if nameOf(left) == name && len(n.Lhs) == len(n.Rhs) {
						words = append(words, p.constant(n.Rhs[i]))
					}
				}
			case *ast.CompositeLit:
				words = append(words, p.members(n, name)...)
			}
			return true
		})
	}
	return slices.DeleteFunc(words, func(s string) bool { return s == "" })
}

// members are the values that the elements of a list of structs have for a member.
func (p *sourcePackage) members(list *ast.CompositeLit, member string) (words []string) {
	array, ok := list.Type.(*ast.ArrayType)
	if !ok {
		return nil
	}
	of, ok := array.Elt.(*ast.StructType)
	if !ok {
		return nil
	}
	at := slices.IndexFunc(of.Fields.List, func(f *ast.Field) bool { return len(f.Names) == 1 && f.Names[0].Name == member })
	for _, e := range list.Elts {
		if lit, ok := e.(*ast.CompositeLit); ok && at >= 0 && at < len(lit.Elts) {
			words = append(words, p.constant(lit.Elts[at]))
		}
	}
	return words
}

// constant is the value of a string literal, or of a constant by its name; "" if it is neither.
func (p *sourcePackage) constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.Ident:
		return p.declared(e.Name)
	}
	return ""
}

func (p *sourcePackage) declared(name string) (value string) {
	for _, file := range p.list {
		for _, d := range file.Decls {
			group, ok := d.(*ast.GenDecl)
			if !ok || group.Tok != token.CONST {
				continue
			}
			for _, spec := range group.Specs {
				v := spec.(*ast.ValueSpec)
				for i, n := range v.Names {
					if n.Name == name && i < len(v.Values) {
						value = p.constant(v.Values[i])
					}
				}
			}
		}
	}
	return value
}

// nameOf is the last name of x, a.x and a.b.x.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// text is a short expression as in the source.
func text(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return text(e.X) + "." + e.Sel.Name
	case *ast.CallExpr:
		return text(e.Fun) + "()"
	}
	return fmt.Sprintf("%T", e)
}
