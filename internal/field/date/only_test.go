package date

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// another matches a second way to read an HTTP-date.
var another = regexp.MustCompile(`http\.ParseTime|time\.Parse\([^)]*(GMT|http\.TimeFormat|RFC850|RFC1123|ANSIC)`)

// TestOnlyReader: nothing in the project reads an HTTP-date by other means.
func TestOnlyReader(t *testing.T) {
	read := 0
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := fs.ReadFile(root, path)
		if err != nil {
			return err
		}
		read++
		for i, line := range strings.Split(string(source), "\n") {
			if another.MatchString(line) {
				t.Errorf("%s:%d: read it with date.Parse: %s", path, i+1, strings.TrimSpace(line))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if read < 100 {
		t.Errorf("only %d files were read, so the test shows little", read)
	}
}
