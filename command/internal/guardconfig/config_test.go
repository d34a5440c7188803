package guardconfig

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
)

var update = flag.Bool("update", false, "write what is expected in testdata anew")

// eachCase compares what read makes of the files in testdata/name with what is
// below them.
func eachCase(t *testing.T, name string, read func(t *testing.T, file string) string) {
	name = filepath.Join("testdata", name)
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(data), "\n== ")
	for i, part := range parts[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		file, want, ok := strings.Cut("\n"+rest, "\n=>")
		if !ok {
			t.Fatalf("case %q has no =>", title)
		}
		file = strings.TrimPrefix(file, "\n")
		if file != "" {
			file += "\n"
		}
		got := strings.TrimRight(read(t, file), "\n")
		if want = strings.TrimSpace(want); got != want && !*update {
			t.Errorf("%s:\ngot\n%s\nwant\n%s", title, got, want)
		}
		parts[i+1] = fmt.Sprintf("%s\n%s=>\n%s\n", title, file, got)
	}
	if *update {
		if err := os.WriteFile(name, []byte(strings.Join(parts, "\n== ")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefused(t *testing.T) {
	eachCase(t, "refused.txt", func(t *testing.T, file string) string {
		c, err := Parse(filepath.Join("testdata", "guard.yaml"), []byte(file))
		if err == nil {
			t.Errorf("read as %+v, but should be refused:\n%s", c, file)
			return ""
		}
		return strings.ReplaceAll(err.Error(), "testdata"+string(filepath.Separator), "")
	})
}

func TestRead(t *testing.T) {
	eachCase(t, "read.txt", func(t *testing.T, file string) string {
		c, err := Parse("guard.yaml", []byte(file))
		if err != nil {
			t.Error(err)
			return ""
		}
		if _, err := guard.New(c.Guard); err != nil {
			t.Error(err)
		}
		return strings.Join(differences("", reflect.ValueOf(*c), reflect.ValueOf(Default())), "\n")
	})
}

// differences lists the parts of v that are not as in base.
func differences(name string, v, base reflect.Value) (lines []string) {
	if reflect.DeepEqual(v.Interface(), base.Interface()) {
		return nil
	}
	if v.Type() == reflect.TypeFor[[]guard.Route]() {
		for i := range v.Len() {
			lines = append(lines, differences(fmt.Sprintf("Route %d", i+1), v.Index(i), reflect.Zero(v.Type().Elem()))...)
		}
		return lines
	}
	if _, ok := v.Interface().(fmt.Stringer); !ok && v.Kind() == reflect.Struct {
		for i := range v.NumField() {
			part := strings.TrimPrefix(name+" "+v.Type().Field(i).Name, "Guard ")
			lines = append(lines, differences(strings.TrimSpace(part), v.Field(i), base.Field(i))...)
		}
		return lines
	}
	return []string{fmt.Sprintf("%s: %v", name, v.Interface())}
}

// TestLoad reads a file from a directory, and what its paths become.
func TestLoad(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "guard.yaml")
	text := "access_log: access.log\nspool_dir: /var/tmp\nroutes: [{backend: 'http://127.0.0.1:3000'}]\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := c.AccessLog, filepath.Join(dir, "access.log"); got != want {
		t.Errorf("access log: got %q, want %q", got, want)
	}
	if got, want := c.Guard.SpoolDir, "/var/tmp"; got != want {
		t.Errorf("spool directory: got %q, want %q", got, want)
	}
	if c.Listen != "127.0.0.1:8412" || c.IdleTimeout != time.Minute {
		t.Errorf("the defaults are missing in %+v", c)
	}
	for _, bad := range []string{filepath.Join(dir, "missing.yaml"), dir} {
		if _, err := Load(bad); err == nil || !strings.Contains(err.Error(), "cannot read the configuration") {
			t.Errorf("%s: got error %v", bad, err)
		}
	}
	if err := os.WriteFile(path, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(path); err == nil || !strings.Contains(err.Error(), "longer than") {
		t.Errorf("a long file: got error %v", err)
	}
}

// TestEditors reads a file as editors on Windows may leave it.
func TestEditors(t *testing.T) {
	c, err := Parse("guard.yaml", []byte("\ufefflisten: :80\r\nroutes:\r\n  - backend: http://127.0.0.1:3000\r\n    require: always\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	if r := c.Guard.Routes[0]; c.Listen != ":80" || r.Require != condhttp.RequireAlways {
		t.Errorf("got %+v", c)
	}
	_, err = Parse("guard.yaml", []byte("\ufefflisten: :80\r\nroute: []\r\n"))
	want := "guard.yaml:2:1: unknown key \"route\"; did you mean \"routes\"?\n    2 | route: []\n      | ^"
	if errs, ok := errors.AsType[Errors](err); !ok || errs[1].Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// TestOneLine is of the form of mistakes for logs.
func TestOneLine(t *testing.T) {
	_, err := Parse("guard.yaml", []byte("a: 1\nlisten: 80\nroutes: [{}]"))
	want := `guard.yaml:2:9: address "80" must be HOST:PORT, such as 127.0.0.1:8412, or :8412 for every address of this machine; ` +
		`guard.yaml:3:10: the route has no "backend": give its URL, such as http://127.0.0.1:8080, here or in "defaults"`
	errs, _ := errors.AsType[Errors](err)
	if len(errs) != 3 {
		t.Fatalf("got %v", err)
	}
	if got := errs[1:].OneLine(); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// FuzzParse checks that every file is either read into what the guard takes, or
// refused at a place that is in it.
func FuzzParse(f *testing.F) {
	for _, name := range []string{"refused.txt", "read.txt"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		for _, part := range strings.Split(string(data), "\n== ")[1:] {
			_, rest, _ := strings.Cut(part, "\n")
			file, _, _ := strings.Cut(rest, "\n=>")
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, text string) {
		if strings.Contains(text, "backend_tls") {
			return // it names files
		}
		c, err := Parse("guard.yaml", []byte(text))
		if err == nil {
			if _, err := guard.New(c.Guard); err != nil {
				t.Errorf("read, but not taken: %v", err)
			}
			return
		}
		errs := err.(Errors)
		if len(errs) > maxErrors {
			t.Errorf("%d mistakes at once", len(errs))
		}
		for _, e := range errs {
			if n := len(lines([]byte(text))); e.Line < 1 || e.Line > n || e.Column < 1 || e.Message == "" {
				t.Errorf("mistake at %d:%d of a file with %d lines: %q", e.Line, e.Column, n, e.Message)
			}
		}
	})
}

// TestKeysAreDocumented compares the keys with those in the tables of
// docs/guard.md, both ways.
func TestKeysAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../../docs/guard.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, _ := strings.Cut(string(data), "\n### At the top of the file\n")
	top, text, _ := strings.Cut(text, "\n### In a route\n")
	route, _, _ := strings.Cut(text, "\n## ")
	for _, section := range []struct {
		name, text string
		want       []string
	}{
		{"top", top, append(keys(topFields), "defaults", "routes")},
		{"route", route, append(append(keys(matchFields), keys(routeFields)...), "")},
	} {
		var got []string
		for _, line := range strings.Split(section.text, "\n| `")[1:] {
			key, _, _ := strings.Cut(line, "`")
			got = append(got, key)
		}
		want := slices.DeleteFunc(slices.Clone(section.want), func(key string) bool {
			// A group is documented by what is in it.
			return key == "" || slices.ContainsFunc(section.want, func(k string) bool { return strings.HasPrefix(k, key+".") })
		})
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s:\ndocumented %q\nknown      %q", section.name, got, want)
		}
	}
}

// TestExample loads the example that the documentation begins with.
func TestExample(t *testing.T) {
	if _, err := Load("../../../examples/guard.yaml"); err != nil {
		t.Error(err)
	}
}
