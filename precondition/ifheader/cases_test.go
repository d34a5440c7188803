package ifheader_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

var update = flag.Bool("update", false, "write the answers of the code into testdata; read the diff before you keep it")

// TestCases runs the paragraphs of testdata; its README says how to read them.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) { total += runFile(t, file) })
	}
	if total < 150 {
		t.Errorf("got %d cases, want 150 or more: was a file lost?", total)
	}
}

func runFile(t *testing.T, file string) (cases int) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for i, paragraph := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n\n") {
		if i > 0 {
			out.WriteString("\n\n")
		}
		given, want, ok := strings.Cut(paragraph, "→")
		if !ok {
			out.WriteString(paragraph)
			continue
		}
		c, err := parseCase(given)
		if err != nil {
			t.Fatalf("%v:\n%s", err, paragraph)
		}
		cases++
		got := c.answer(strings.Contains(want, "\n  "))
		if got != "→"+want && !*update {
			t.Errorf("%s\ngot:\n%s", paragraph, got)
		}
		out.WriteString(given + got)
	}
	out.WriteString("\n")
	if *update && !bytes.Equal(out.Bytes(), data) {
		if err := os.WriteFile(file, out.Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return cases
}

// testCase is one paragraph.
type testCase struct {
	policy         ifheader.Policy
	method, target string
	header         map[string][]string
	states         map[string]ifheader.State
}

func parseCase(given string) (*testCase, error) {
	c := &testCase{header: map[string][]string{}, states: map[string]ifheader.State{}}
	for line := range strings.Lines(given) {
		line = unescape(strings.TrimSuffix(line, "\n"))
		name, value, isField := strings.Cut(line, ":")
		switch {
		case strings.HasPrefix(line, "#"):
		case c.method == "":
			c.method, c.target, _ = strings.Cut(line, " ")
		case !isField:
			return nil, fmt.Errorf("line %q is no field line", line)
		case line == "policy: weak-comparison":
			c.policy.WeakComparison = true
		case strings.HasPrefix(line, "/"):
			if err := c.state(name, strings.TrimPrefix(value, " ")); err != nil {
				return nil, err
			}
		default:
			name = textproto.CanonicalMIMEHeaderKey(name)
			c.header[name] = append(c.header[name], strings.TrimPrefix(value, " "))
		}
	}
	return c, nil
}

// state reads the line of a resource, cut at semicolons.
func (c *testCase) state(path, value string) error {
	s := ifheader.State{Name: path, Exists: true}
	for part := range strings.SplitSeq(value, "; ") {
		word, rest, _ := strings.Cut(part, " ")
		switch word {
		case "none":
			s.Exists = false
		case "exists":
		case "etag", "others":
			for tag := range strings.FieldsSeq(rest) {
				s.Tags = append(s.Tags, etag.MustParse(tag))
			}
		case "locks":
			s.Locks = strings.Fields(rest)
		default:
			return fmt.Errorf("state %q is not known", word)
		}
	}
	c.states[path] = s
	return nil
}

// lookup is that of a server whose name is www.example.com.
func (c *testCase) lookup(uri string) ifheader.State {
	path := strings.TrimPrefix(uri, "http://www.example.com")
	if !strings.HasPrefix(path, "/") {
		return ifheader.State{Name: uri, Elsewhere: true}
	}
	s := c.states[path]
	s.Name = path
	return s
}

// answer writes what the code answers as the paragraph has it.
func (c *testCase) answer(explained bool) string {
	header, err := ifheader.Parse(c.header["If"])
	if e, ok := errors.AsType[*ifheader.SyntaxError](err); ok {
		return fmt.Sprintf("→ 400; %s 10.4.2 at %d", e.Fault.Name(), e.Offset)
	}
	d, steps := c.policy.Explain(header, c.target, c.lookup)
	parts := []string{"perform"}
	if !d.Holds {
		parts[0] = "412"
	}
	if header.Sent() {
		about := d.List.Resource
		if about == "" {
			about = "target"
		}
		parts = append(parts, fmt.Sprintf("%s %s %s", about, d.Reason, d.Section()))
	} else {
		parts = append(parts, d.Reason.String())
	}
	if tokens := header.Tokens(); len(tokens) > 0 {
		parts = append(parts, "submits "+strings.Join(tokens, " "))
	}
	if d.Guarded {
		parts = append(parts, "guarded")
	}
	if d.Holds {
		parts = c.then(parts)
	}
	answer := "→ " + strings.Join(parts, "; ")
	if explained {
		for _, s := range steps {
			answer += "\n  " + s.Text()
		}
	}
	return answer
}

// then evaluates the fields of RFC 9110 §13, which have their say once If has not refused.
func (c *testCase) then(parts []string) []string {
	fields := precondition.FieldsOf(c.header)
	if !fields.Conditional() {
		return parts
	}
	s := c.lookup(c.target)
	current := precondition.Current{Exists: s.Exists}
	if len(s.Tags) > 0 {
		current.Tag, current.Others = s.Tags[0], s.Tags[1:]
	}
	d := precondition.Evaluate(precondition.Origin, c.method, fields, current)
	if d.Outcome != precondition.Perform {
		parts[0] = strconv.Itoa(d.Outcome.Status())
	}
	return append(parts, fmt.Sprintf("then %s %s %s", d.Field, d.Reason, d.Section()))
}

var hexByte = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unescape replaces each \xHH by the byte it stands for.
func unescape(s string) string {
	return hexByte.ReplaceAllStringFunc(s, func(escape string) string {
		n, _ := strconv.ParseUint(escape[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}
