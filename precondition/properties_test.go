package precondition_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
	"pgregory.net/rapid"
)

// request is a request with the state it meets.
type request struct {
	policy  precondition.Policy
	role    precondition.Role
	method  string
	fields  precondition.Fields
	current precondition.Current
}

func (r request) evaluate() precondition.Decision {
	return r.policy.Evaluate(r.role, r.method, r.fields, r.current)
}

func (r request) reads() bool { return r.method == "GET" || r.method == "HEAD" || r.method == "QUERY" }

// answer is a decision in the words of naive.
func answer(d precondition.Decision) string {
	switch {
	case d.Outcome != precondition.Perform:
		return strconv.Itoa(d.Outcome.Status())
	case d.Range == precondition.RangeApplies:
		return "206"
	case d.Range == precondition.RangeIgnored:
		return "200"
	}
	return "perform"
}

var lastModified = time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)

// The members and values that requests are drawn from; few, so that they meet.
var (
	goodMembers = []string{`"a"`, `W/"a"`, `"b"`, `W/"b"`, `"a-gzip"`, `W/"a-gzip"`, `""`, `"a,b"`, "\"\xe9\""}
	badMembers  = []string{`a`, `'a'`, `w/"a"`, `"a b"`, `"a`, `"a"b`, `W/a`, `W/`}
	stateTags   = []string{``, `"a"`, `W/"a"`, `"b"`, `""`, `"a,b"`}
	dates       = []string{
		"Tue, 24 Nov 2026 09:59:59 GMT", "Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 10:00:01 GMT",
		"Tuesday, 24-Nov-26 10:00:00 GMT", "Tue Nov 24 10:00:00 2026", "Sunday, 06-Nov-94 08:49:37 GMT",
		"yesterday", "", "tue, 24 nov 2026 10:00:00 gmt", " Tue, 24 Nov 2026 10:00:00 GMT\t",
		"Tue, 24 Nov 2026 10:00:00 GMT, Tue, 24 Nov 2026 10:00:00 GMT",
	}
	methods = []string{"GET", "HEAD", "PUT", "DELETE", "POST", "PATCH", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "QUERY", "get"}
)

func drawRequest(t *rapid.T) request {
	return request{
		policy: precondition.Policy{
			LenientTags:  rapid.Bool().Draw(t, "lenient"),
			StaleIfRange: rapid.Bool().Draw(t, "stale if-range"),
		},
		role:    rapid.SampledFrom([]precondition.Role{precondition.Origin, precondition.Cache}).Draw(t, "role"),
		method:  rapid.SampledFrom(methods).Draw(t, "method"),
		fields:  drawFields(t),
		current: drawCurrent(t),
	}
}

func drawFields(t *rapid.T) precondition.Fields {
	return precondition.Fields{
		IfMatch:           drawList(t, "If-Match"),
		IfNoneMatch:       drawList(t, "If-None-Match"),
		IfModifiedSince:   drawLines(t, "If-Modified-Since", dates),
		IfUnmodifiedSince: drawLines(t, "If-Unmodified-Since", dates),
		IfRange:           drawLines(t, "If-Range", slices.Concat(goodMembers, badMembers, dates)),
		Range:             drawLines(t, "Range", []string{"bytes=0-1"}),
	}
}

// drawLines draws no line, one, or rarely two.
func drawLines(t *rapid.T, name string, values []string) []string {
	n := rapid.SampledFrom([]int{0, 1, 1, 1, 1, 2}).Draw(t, name+" lines")
	if n == 0 {
		return nil
	}
	return rapid.SliceOfN(rapid.SampledFrom(values), n, n).Draw(t, name)
}

// drawList draws a list field, mostly well-formed, of up to two lines.
func drawList(t *rapid.T, name string) []string {
	members := slices.Concat(goodMembers, goodMembers, goodMembers, []string{"*", ""}, badMembers)
	var lines []string
	for range rapid.IntRange(0, 2).Draw(t, name+" lines") {
		lines = append(lines, strings.Join(rapid.SliceOfN(rapid.SampledFrom(members), 0, 3).Draw(t, name), ", "))
	}
	return lines
}

func drawCurrent(t *rapid.T) precondition.Current {
	c := precondition.Current{Exists: rapid.IntRange(0, 3).Draw(t, "exists") > 0}
	if tag := rapid.SampledFrom(stateTags).Draw(t, "etag"); tag != "" {
		c.Tag = etag.MustParse(tag)
	}
	if rapid.Bool().Draw(t, "others") {
		c.Others = []etag.Tag{etag.MustParse(`"a-gzip"`), etag.MustParse(`"a-br"`)}
	}
	if rapid.Bool().Draw(t, "dated") {
		c.LastModified = lastModified.Add(rapid.SampledFrom([]time.Duration{0, 1, 999_999_999}).Draw(t, "fraction"))
	}
	switch rapid.SampledFrom([]string{"none", "same second", "later"}).Draw(t, "now") {
	case "same second":
		c.Now = lastModified.Add(999_999_999)
	case "later":
		c.Now = lastModified.Add(time.Second)
	}
	return c
}

// TestAgreesWithNaive compares with an evaluator written another way.
func TestAgreesWithNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		if got, want := answer(r.evaluate()), (naive(r)).answer(); got != want {
			t.Fatalf("%+v:\ngot %s, the naive evaluator says %s", r, got, want)
		}
	})
}

// TestExplainAgrees checks that to explain changes nothing.
func TestExplainAgrees(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		want := r.evaluate()
		got, steps := r.policy.Explain(r.role, r.method, r.fields, r.current)
		if got != want {
			t.Fatalf("%+v: Explain says %+v, Evaluate %+v", r, got, want)
		}
		if len(steps) == 0 && r.fields.Conditional() {
			t.Fatalf("%+v: fields were sent, and no step tells of them", r)
		}
		for _, s := range steps {
			if s.Number < 1 || s.Number > 5 || s.Section == "" || !strings.HasPrefix(s.Text, s.Field.String()+" is ") {
				t.Fatalf("%+v: step %+v", r, s)
			}
		}
	})
}

// TestInvariants checks what no request may bring about.
func TestInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		d := r.evaluate()
		switch {
		case d.Outcome == precondition.NotModified && !r.reads():
			t.Fatalf("%+v: 304 on a write", r)
		case d.Outcome == precondition.NotModified && !r.current.Exists:
			t.Fatalf("%+v: 304, but nothing is there", r)
		case d.Outcome == precondition.BadRequest && r.reads():
			t.Fatalf("%+v: 400 on a read", r)
		case r.role == precondition.Cache && d.Outcome != precondition.Perform && d.Field != precondition.IfNoneMatch &&
			d.Field != precondition.IfModifiedSince && !(r.policy.StaleIfRange && d.Field == precondition.IfRange):
			t.Fatalf("%+v: a cache stopped at %v", r, d.Field)
		case d.Range != precondition.RangeAbsent &&
			(r.method != "GET" && r.method != "QUERY" || d.Outcome != precondition.Perform || len(r.fields.Range) == 0):
			t.Fatalf("%+v: Range is %d", r, d.Range)
		case d.Guarded && !r.fields.Conditional():
			t.Fatalf("%+v: guarded by nothing", r)
		}
	})
}

// TestWeakNeverSatisfiesIfMatch is the strong comparison of §13.1.1.
func TestWeakNeverSatisfiesIfMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		r.role, r.method = precondition.Origin, "PUT"
		weak := rapid.SliceOfN(rapid.SampledFrom([]string{`W/"a"`, `W/"b"`, `W/""`, `W/"a-gzip"`}), 1, 3).Draw(t, "weak")
		r.fields.IfMatch = []string{strings.Join(weak, ", ")}
		if d := r.evaluate(); d.Outcome != precondition.PreconditionFailed || d.Field != precondition.IfMatch {
			t.Fatalf("%+v: got %+v, want 412 by If-Match", r, d)
		}
	})
}

// TestOrderAndLinesDoNotMatter permutes the members of lists and spreads them
// over lines.
func TestOrderAndLinesDoNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		members := rapid.SliceOfN(rapid.SampledFrom(append([]string{"*", "a", `w/"a"`, ""}, goodMembers...)), 0, 5).Draw(t, "members")
		list := &r.fields.IfMatch
		if rapid.Bool().Draw(t, "If-None-Match") {
			r.fields.IfMatch, list = nil, &r.fields.IfNoneMatch
		}
		*list = []string{strings.Join(members, ", ")}
		want := r.evaluate()
		*list = slices.Clone(rapid.Permutation(members).Draw(t, "permuted"))
		if len(*list) == 0 {
			*list = []string{""}
		}
		got := r.evaluate()
		// Which of several malformed or weak members is named may differ.
		got.Offending, got.Fault, want.Offending, want.Fault = "", etag.None, "", etag.None
		if got != want {
			t.Fatalf("%q: got %+v, in one line and another order (%q) %+v", *list, got, members, want)
		}
	})
}

// TestMalformedWriteIsNotPerformed: a write with an If-Match that cannot be read
// is never performed, whatever else is in the list.
func TestMalformedWriteIsNotPerformed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := drawRequest(t)
		r.role, r.method = precondition.Origin, rapid.SampledFrom([]string{"PUT", "PATCH", "DELETE", "POST", "MOVE"}).Draw(t, "method")
		r.policy.LenientTags = false
		members := append(
			rapid.SliceOfN(rapid.SampledFrom(goodMembers), 0, 3).Draw(t, "members"),
			rapid.SampledFrom([]string{"a", `'a'`, `w/"a"`, `"a b"`, `"a"b`, `W/`}).Draw(t, "malformed"))
		r.fields.IfMatch = []string{strings.Join(rapid.Permutation(members).Draw(t, "permuted"), ", ")}
		if d := r.evaluate(); d.Outcome != precondition.BadRequest || d.Reason != precondition.Malformed || d.Offending == "" {
			t.Fatalf("%+v: got %+v, want 400", r, d)
		}
	})
}

// FuzzEvaluate gives the evaluator and the naive one requests of any kind.
func FuzzEvaluate(f *testing.F) {
	for _, method := range methods {
		f.Add(method, `"a"`, `"b"`, dates[0], dates[1], dates[2], `"a"`, byte(0xff))
	}
	f.Add("GET", ``, `W/"a", "b"`, ``, dates[3], dates[4], `W/"a"`, byte(0x6a))
	f.Add("PUT", `*, "a"`, `*`, dates[5], ``, ``, ``, byte(0x13))
	f.Fuzz(func(t *testing.T, method, ifMatch, ifNoneMatch, ifUnmodifiedSince, ifModifiedSince, ifRange, tag string, bits byte) {
		bit := func(i int) bool { return bits>>i&1 == 1 }
		r := request{method: method, current: precondition.Current{Exists: bit(0), Others: []etag.Tag{etag.MustParse(`"a-gzip"`)}}}
		r.current.Tag, _ = etag.Parse(tag)
		if bit(1) {
			r.role = precondition.Cache
		}
		if bit(2) {
			r.current.LastModified = lastModified
		}
		if bit(3) {
			r.current.Now = lastModified.Add(time.Second / 2)
		}
		r.policy = precondition.Policy{LenientTags: bit(4), StaleIfRange: bit(5)}
		if bit(6) {
			r.fields.Range = []string{"bytes=0-1"}
		}
		r.fields.IfMatch = split(ifMatch)
		r.fields.IfNoneMatch = split(ifNoneMatch)
		r.fields.IfUnmodifiedSince = split(ifUnmodifiedSince)
		r.fields.IfModifiedSince = split(ifModifiedSince)
		r.fields.IfRange = split(ifRange)
		d, _ := r.policy.Explain(r.role, r.method, r.fields, r.current)
		if got, want := answer(d), (naive(r)).answer(); got != want {
			t.Fatalf("%+v:\ngot %s, the naive evaluator says %s", r, got, want)
		}
		if evaluated := r.evaluate(); evaluated != d {
			t.Fatalf("%+v: Explain says %+v, Evaluate %+v", r, d, evaluated)
		}
	})
}

// split cuts a value into field lines at "|"; nothing is no field at all.
func split(value string) []string {
	if value == "" {
		return nil
	}
	return strings.Split(value, "|")
}
