package main

import (
	"bytes"
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"
)

const (
	// maxLines bounds a function, without the lines of its tables: literals of slices, maps and structs.
	maxLines = 60
	// maxWidth bounds a line, a tab for one. A longer one is a sentence, a pattern or a line of a log that stands in one
	// piece so that it can be searched for, with at most maxAround of code around it.
	maxWidth  = 140
	maxAround = 60
	// minSentence is how long a string is that may make a line longer.
	minSentence = 40
)

// TestShape: a function reads like a page, and no line is wider than a screen.
func TestShape(t *testing.T) {
	files := 0
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		files++
		source, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, line := range wideLines(source) {
			if strings.HasPrefix(entry.Name(), "example") {
				continue // it may be what an example prints
			}
			t.Errorf("%s:%d: the line is wider than %d characters", path, line, maxWidth)
		}
		set := token.NewFileSet()
		file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Body != nil {
				if n := linesWithoutTables(set, f.Body); n > maxLines {
					t.Errorf("%s: %s has %d lines, and should have %d at most", set.Position(f.Pos()), f.Name, n, maxLines)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 100 {
		t.Errorf("looked at %d files only", files)
	}
}

// linesWithoutTables counts the lines of a function but for those within its tables.
func linesWithoutTables(set *token.FileSet, body *ast.BlockStmt) int {
	lines := func(n ast.Node) int { return set.Position(n.End()).Line - set.Position(n.Pos()).Line }
	n := lines(body) - 1
	ast.Inspect(body, func(node ast.Node) bool {
		if table, ok := node.(*ast.CompositeLit); ok {
			n -= lines(table)
			return false
		}
		return true
	})
	return n
}

// wideLines returns the lines of Go that are too wide, the first being 1.
func wideLines(source []byte) []int {
	var wide []int
	excused := excusedLines(source)
	for i, line := range bytes.Split(source, []byte("\n")) {
		width := utf8.RuneCount(line)
		if width <= maxWidth {
			continue
		}
		if sentences, ok := excused[i+1]; !ok || sentences >= 0 && width-sentences > maxAround {
			wide = append(wide, i+1)
		}
	}
	return wide
}

// excusedLines returns how much of each line long strings take; -1 for the lines of a raw string of several.
func excusedLines(source []byte) map[int]int {
	set := token.NewFileSet()
	file := set.AddFile("", set.Base(), len(source))
	var s scanner.Scanner
	s.Init(file, source, nil, 0)
	excused := map[int]int{}
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return excused
		}
		if tok != token.STRING {
			continue
		}
		line := file.Line(pos)
		if n := strings.Count(text, "\n"); n > 0 {
			for i := range n + 1 {
				excused[line+i] = -1
			}
		} else if width := utf8.RuneCountInString(text); width > minSentence {
			excused[line] += width
		}
	}
}

// TestShapeIsSeen: the measures of TestShape see what they should.
func TestShapeIsSeen(t *testing.T) {
	long := strings.Repeat("sentence ", 20)
	for source, want := range map[string]int{
		"package p\n": 0,
		"package p\n\nvar a = \"" + long + "\"\n":                                        0,
		"package p\n\nvar a = `\n" + long + "\n`\n":                                      0,
		"package p\n\n// " + long + "\n":                                                 1,
		"package p\n\nvar a = " + strings.Repeat("1 + ", 40) + "1\n":                     1,
		"package p\n\nvar a = " + strings.Repeat("1 + ", 20) + `"` + long + "\"\n":       1,
		"package p\n\nvar a = []string{" + strings.Repeat(`"several", `, 20) + "\"\"}\n": 1,
	} {
		if got := len(wideLines([]byte(source))); got != want {
			t.Errorf("%d wide lines, want %d, in %q", got, want, source)
		}
	}
	set := token.NewFileSet()
	source := "package p\n\nfunc f() {\n" + strings.Repeat("g()\n", 7) + "h([]int{\n" + strings.Repeat("1,\n", 50) + "})\n}\n"
	file, err := parser.ParseFile(set, "", source, 0)
	if err != nil {
		t.Fatal(err)
	}
	if n := linesWithoutTables(set, file.Decls[0].(*ast.FuncDecl).Body); n != 8 {
		t.Errorf("%d lines, want 8", n)
	}
}
