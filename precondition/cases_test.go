package precondition_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

var update = flag.Bool("update", false, "write the answers of the code into testdata; read the diff before you keep it")

// TestCases runs the paragraphs of testdata; its README says how to read them.
func TestCases(t *testing.T) {
	total := 0
	for _, file := range caseFiles(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			total += runFile(t, file)
		})
	}
	if total < 400 {
		t.Errorf("got %d cases, want 400 or more: was a file lost?", total)
	}
}

// caseFiles are the files of paragraphs. Those named for a section begin with a
// digit, and tables have their own tests.
func caseFiles(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		return file == filepath.Join("testdata", datesFile) || file == filepath.Join("testdata", precedenceFile)
	})
}

func runFile(t *testing.T, file string) int {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	cases := 0
	for i, paragraph := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n\n") {
		if i > 0 {
			out.WriteString("\n\n")
		}
		c, err := parseCase(paragraph)
		if err != nil {
			t.Fatalf("paragraph %d: %v\n%s", i+1, err, paragraph)
		}
		if c == nil {
			out.WriteString(paragraph)
			continue
		}
		cases++
		got := c.answer()
		if got != c.want && !*update {
			t.Errorf("%s\ngot:\n%s", paragraph, got)
		}
		out.WriteString(c.given + got)
		c.checkExplanation(t)
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
	// given and want are the paragraph, cut before the "→".
	given, want string
	policy      precondition.Policy
	role        precondition.Role
	method      string
	header      map[string][]string
	current     precondition.Current
}

// parseCase reads a paragraph; it is nil for one of comments alone.
func parseCase(paragraph string) (*testCase, error) {
	c := &testCase{header: map[string][]string{}}
	var ok bool
	if c.given, c.want, ok = cutBefore(paragraph, "→"); !ok {
		if strings.HasPrefix(paragraph, "#") && !strings.Contains(paragraph, "\nstate:") {
			return nil, nil
		}
		return nil, fmt.Errorf("no line with →")
	}
	for line := range strings.Lines(c.given) {
		if err := c.line(unescape(strings.TrimSuffix(line, "\n"))); err != nil {
			return nil, err
		}
	}
	return c, nil
}

func cutBefore(s, mark string) (before, from string, found bool) {
	i := strings.Index(s, mark)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i:], true
}

// line reads one line above the answer.
func (c *testCase) line(line string) error {
	name, value, isField := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	switch {
	case strings.HasPrefix(line, "#"):
		return nil
	case c.method == "":
		c.method = line
		return nil
	case !isField:
		return fmt.Errorf("line %q is no field line", line)
	}
	switch name {
	case "role":
		return lookup(map[string]precondition.Role{"cache": precondition.Cache}, value, &c.role)
	case "policy":
		return lookup(map[string]precondition.Policy{
			"lenient-tags":   {LenientTags: true},
			"stale-if-range": {StaleIfRange: true},
		}, value, &c.policy)
	case "state":
		return c.state(value)
	}
	name = textproto.CanonicalMIMEHeaderKey(name)
	c.header[name] = append(c.header[name], value)
	return nil
}

func lookup[T any](values map[string]T, word string, to *T) error {
	value, ok := values[word]
	if !ok {
		return fmt.Errorf("%q is not known here", word)
	}
	*to = value
	return nil
}

// state reads the state line, cut at semicolons.
func (c *testCase) state(value string) error {
	c.current.Exists = true
	for part := range strings.SplitSeq(value, "; ") {
		word, rest, _ := strings.Cut(part, " ")
		var err error
		switch word {
		case "none":
			c.current.Exists = false
		case "exists":
		case "etag":
			c.current.Tag, err = etag.Parse(rest)
		case "others":
			for other := range strings.FieldsSeq(rest) {
				c.current.Others = append(c.current.Others, etag.MustParse(other))
			}
		case "modified":
			c.current.LastModified, err = time.Parse(stateDate, rest)
		case "now":
			c.current.Now, err = time.Parse(stateDate, rest)
		default:
			err = fmt.Errorf("state %q is not known", word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// stateDate is IMF-fixdate, in which package time takes parts of a second, too.
const stateDate = "Mon, 02 Jan 2006 15:04:05 GMT"

var hexByte = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unescape replaces each \xHH by the byte it stands for, and escape undoes it.
func unescape(s string) string {
	return hexByte.ReplaceAllStringFunc(s, func(escape string) string {
		n, _ := strconv.ParseUint(escape[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}

func escape(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < ' ' || c >= 0x7f {
			fmt.Fprintf(&b, `\x%02x`, c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func (c *testCase) explain() (precondition.Decision, []precondition.Step) {
	return c.policy.Explain(c.role, c.method, precondition.FieldsOf(c.header), c.current)
}

// answer writes what the code answers as the paragraph has it. The steps are
// written where the paragraph has them.
func (c *testCase) answer() string {
	d, steps := c.explain()
	parts := []string{d.Outcome.String()}
	if d.Outcome != precondition.Perform {
		parts[0] = strconv.Itoa(d.Outcome.Status())
	}
	if d.Field == precondition.NoField {
		parts = append(parts, d.Reason.String()+" "+d.Section())
	} else {
		parts = append(parts, fmt.Sprintf("%s %s %s", d.Field, d.Reason, d.Section()))
	}
	if !d.Matched.IsZero() {
		parts = append(parts, "tag "+escape(d.Matched.String()))
	}
	switch d.Reason {
	case precondition.WeakTag:
		parts = append(parts, "at "+escape(d.Offending))
	case precondition.Malformed:
		parts = append(parts, "at "+escape(d.Offending)+": "+d.Fault.Name())
	}
	switch d.Range {
	case precondition.RangeApplies:
		parts = append(parts, "Range applies")
	case precondition.RangeIgnored:
		parts = append(parts, "Range ignored")
	}
	if d.Guarded && d.Outcome == precondition.Perform && c.method != "GET" && c.method != "HEAD" {
		parts = append(parts, "guarded")
	}
	answer := "→ " + strings.Join(parts, "; ")
	if strings.Contains(c.want, "\n  ") {
		for _, s := range steps {
			answer += fmt.Sprintf("\n  %d %s (%s, %s)", s.Number, escape(s.Text), s.Reason, s.Section)
		}
	}
	return answer
}

// checkExplanation checks that the steps are those of the decision.
func (c *testCase) checkExplanation(t *testing.T) {
	t.Helper()
	d, steps := c.explain()
	fields := precondition.FieldsOf(c.header)
	if got := c.policy.Evaluate(c.role, c.method, fields, c.current); got != d {
		t.Errorf("%sEvaluate and Explain disagree:\n%+v\n%+v", c.given, got, d)
	}
	last := 0
	var deciding *precondition.Step
	for i, s := range steps {
		if s.Number <= last || s.Section == "" || s.Sent != strings.Join(c.header[s.Field.String()], ", ") {
			t.Errorf("%sstep %d after %d: %+v", c.given, s.Number, last, s)
		}
		if want := fmt.Sprintf("%s is %s: ", s.Field, s.Result); !strings.HasPrefix(s.Text, want) {
			t.Errorf("%sgot text %q, want it to begin with %q", c.given, s.Text, want)
		}
		if s.Result != "ignored" {
			deciding = &steps[i]
		}
		last = s.Number
	}
	switch {
	case deciding == nil:
		if d.Field != precondition.NoField || d.Outcome != precondition.Perform {
			t.Errorf("%sthe decision is %+v, but no step was evaluated", c.given, d)
		}
	case deciding.Field != d.Field || deciding.Reason != d.Reason || deciding.Section != d.Section():
		t.Errorf("%sthe decision is %+v, the last step evaluated %+v", c.given, d, *deciding)
	case d.Outcome != precondition.Perform && deciding.Result != "false":
		t.Errorf("%sstopped by a condition that is %s", c.given, deciding.Result)
	}
}

const precedenceFile = "13.2.2-precedence.txt"

// TestPrecedence runs the table of combinations.
func TestPrecedence(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", precedenceFile))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(data)) {
		if line == "\n" || line[0] == '#' {
			continue
		}
		columns := strings.Split(strings.TrimSpace(line), "|")
		for i := range columns {
			columns[i] = strings.Join(strings.Fields(columns[i]), " ")
		}
		if len(columns) != 7 {
			t.Fatalf("got %d columns, want 7: %s", len(columns), line)
		}
		rows++
		if got := precedence(columns); got != columns[6] {
			t.Errorf("%s: got %s", strings.TrimSpace(line), got)
		}
	}
	if rows < 800 {
		t.Errorf("got %d rows, want 800 or more: was the file cut?", rows)
	}
}

// precedence evaluates a row against one state, with values that make each
// condition what the row wants of it.
func precedence(row []string) string {
	role, method := precondition.Origin, row[0]
	if cached, ok := strings.CutPrefix(row[0], "cache "); ok {
		role, method = precondition.Cache, cached
	}
	modified := time.Date(1994, 10, 29, 19, 43, 31, 0, time.UTC)
	current := precondition.Current{Exists: true, Tag: etag.MustParse(`"xyzzy"`), LastModified: modified}
	before, after := modified.Add(-time.Hour).Format(stateDate), modified.Add(time.Hour).Format(stateDate)
	var fields precondition.Fields
	set := func(lines *[]string, column int, whenTrue, whenFalse string) {
		switch row[column] {
		case "t":
			*lines = []string{whenTrue}
		case "f":
			*lines = []string{whenFalse}
		}
	}
	set(&fields.IfMatch, 1, `"xyzzy"`, `"abc"`)
	set(&fields.IfUnmodifiedSince, 2, after, before)
	set(&fields.IfNoneMatch, 3, `"abc"`, `"xyzzy"`)
	set(&fields.IfModifiedSince, 4, before, after)
	set(&fields.IfRange, 5, `"xyzzy"`, `"abc"`)
	if row[5] != "-" {
		fields.Range = []string{"bytes=0-9"}
	}
	d := precondition.Evaluate(role, method, fields, current)
	answer := map[precondition.RangeUse]string{
		precondition.RangeAbsent: "perform", precondition.RangeApplies: "206", precondition.RangeIgnored: "200",
	}[d.Range]
	if d.Outcome != precondition.Perform {
		answer = strconv.Itoa(d.Outcome.Status())
	}
	if d.Field == precondition.NoField {
		return answer + " -"
	}
	return answer + " " + d.Field.String()
}

// TestIgnored is the first rule of §13.2.1.
func TestIgnored(t *testing.T) {
	for status, want := range map[int]bool{
		200: true, 201: true, 204: true, 206: true, 299: true, 412: true,
		100: false, 301: false, 304: false, 400: false, 401: false, 403: false, 404: false, 405: false,
		409: false, 413: false, 416: false, 428: false, 500: false, 503: false,
	} {
		if got := precondition.Applies(status); got != want {
			t.Errorf("Applies(%d): got %v, want %v", status, got, want)
		}
	}
	header := map[string][]string{
		"If-Match": {`"a"`, `"b"`}, "If-Modified-Since": {"never"}, "Range": {"bytes=0-"}, "If-Range": {`"a"`},
	}
	var got []string
	for _, s := range precondition.ExplainIgnored(precondition.FieldsOf(header), 404) {
		got = append(got, fmt.Sprintf("%d %s [%s] (%s, %s, %s)", s.Number, s.Text, s.Sent, s.Result, s.Reason, s.Section))
	}
	want := []string{
		`1 If-Match is ignored: without it the answer is 404, which is neither 2xx nor 412 ["a", "b"] (ignored, unconditional, 13.2.1)`,
		`4 If-Modified-Since is ignored: without it the answer is 404, which is neither 2xx nor 412 [never] (ignored, unconditional, 13.2.1)`,
		`5 If-Range is ignored: without it the answer is 404, which is neither 2xx nor 412 ["a"] (ignored, unconditional, 13.2.1)`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got:\n%s\nwant:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if steps := precondition.ExplainIgnored(precondition.Fields{}, 404); len(steps) != 0 {
		t.Errorf("no fields: got %v, want no steps", steps)
	}
}
