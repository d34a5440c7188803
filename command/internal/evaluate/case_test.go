package evaluate

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// TestStatus runs the table of answers, testdata/status.txt.
func TestStatus(t *testing.T) {
	data, err := os.ReadFile("testdata/status.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(data)) {
		if line == "\n" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		if len(columns) != 5 {
			t.Fatalf("got %d columns, want 5: %s", len(columns), line)
		}
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		rows++
		c := caseOf(t, columns)
		a := c.Answer()
		got := fmt.Sprintf("%d %s %s %s", a.Status, orDash(a.Field), a.Reason, a.Section)
		if got != columns[3] || a.ContentRange != columns[4] {
			t.Errorf("%sgot %s | %s", line, got, a.ContentRange)
		}
		checkTrace(t, line, c, a)
	}
	if rows < 90 {
		t.Errorf("got %d rows, want 90 or more: was the file cut?", rows)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func caseOf(t *testing.T, columns []string) Case {
	t.Helper()
	c := Case{Method: columns[0], Size: -1}
	words := strings.Fields(columns[1])
	for len(words) > 0 {
		word, rest := words[0], words[1:]
		argument := ""
		if word == "etag" || word == "size" || word == "base" {
			argument, rest = rest[0], rest[1:]
		}
		number, _ := strconv.Atoi(argument)
		switch words = rest; word {
		case "cache":
			c.Role = precondition.Cache
		case "none":
		case "exists":
			c.Current.Exists = true
		case "modified":
			c.Current.LastModified = time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC)
		case "etag":
			c.Current.Tag = etag.MustParse(argument)
		case "size":
			c.Size = int64(number)
		case "base":
			c.BaseStatus = number
		default:
			t.Fatalf("state %q is not known", word)
		}
	}
	for line := range strings.SplitSeq(columns[2], "¦") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		c.AddField(name, value)
	}
	return c
}

// checkTrace checks that each field sent has its step, and that the step of the
// field that decided says the same as the answer.
func checkTrace(t *testing.T, row string, c Case, a Answer) {
	t.Helper()
	decided := slices.ContainsFunc(a.Trace, func(s Step) bool {
		return s.Field == a.Field && s.Reason == a.Reason && s.Section == a.Section && s.Result != "ignored"
	})
	if decided != (a.Field != "") {
		t.Errorf("%sthe answer is %+v; is it one of the steps?", row, a)
	}
	if len(a.Trace) == 0 && c.Fields.Conditional() {
		t.Errorf("%sno steps", row)
	}
	for i, s := range a.Trace {
		if !strings.HasPrefix(s.Text, s.Field+" is "+s.Result+": ") || i > 0 && s.Number <= a.Trace[i-1].Number {
			t.Errorf("%sstep %+v", row, s)
		}
	}
}

// TestRangeSteps: the trace tells what became of Range, too.
func TestRangeSteps(t *testing.T) {
	for _, c := range []struct {
		change func(*Case)
		want   string
	}{
		{func(c *Case) {}, "Range is applied: bytes 0-1/10 is sent (satisfiable, 15.3.7)"},
		{func(c *Case) { c.Fields.Range[0] = "bytes=0-1,5-6" }, "Range is applied: 2 ranges are sent as multipart/byteranges (satisfiable, 15.3.7)"},
		{func(c *Case) { c.Fields.Range[0] = "bytes=10-" }, "Range is unsatisfiable: the representation has 10 bytes (none-satisfiable, 15.5.17)"},
		{func(c *Case) { c.Size = 0 }, "Range is ignored: the whole is sent, which has no bytes (empty, 14.2)"},
		{func(c *Case) { c.Size = -1 }, "Range is ignored: the whole is sent, for its size is not known (unknown-size, 14.2)"},
		{func(c *Case) { c.Fields.Range[0] = "bytes=0-8,0-8" }, "Range is ignored: the whole is sent, which is shorter than the ranges together (more-than-whole, 17.15)"},
		{func(c *Case) { c.Fields.Range[0] = "bytes=x" }, `Range is ignored: the whole is sent, for this is no set of ranges to be honoured: Range "bytes=x": malformed at offset 6: want a digit or "-" (malformed, 14.1.1)`},
		{func(c *Case) { c.Method = "HEAD" }, "Range is ignored: it has a meaning with GET and QUERY alone (method-ignores, 14.2)"},
		{func(c *Case) { c.BaseStatus = 204 }, "Range is ignored: without it the answer is 204, and only a 200 can be sent in part (not-200, 14.2)"},
		{func(c *Case) { c.Fields.IfRange = []string{`"b"`} }, "Range is ignored: If-Range is false, so the whole is sent (if-range-false, 13.1.5)"},
	} {
		kase := Case{Method: "GET", Size: 10, Current: precondition.Current{Exists: true}}
		kase.AddField("range", "bytes=0-1")
		c.change(&kase)
		trace := kase.Answer().Trace
		s := trace[len(trace)-1]
		if got := fmt.Sprintf("%s (%s, %s)", s.Text, s.Reason, s.Section); got != c.want || s.Number != 6 {
			t.Errorf("got  %d %s\nwant 6 %s", s.Number, got, c.want)
		}
	}
}
