package etag_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"pgregory.net/rapid"
)

func TestMembers(t *testing.T) {
	for _, c := range listCases(t) {
		var got []string
		for m := range etag.Members(c.lines) {
			got = append(got, kind(m)+" "+m.Raw)
		}
		if len(got) == 0 {
			got = []string{"nothing"}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%q:\ngot  %q\nwant %q", c.lines, got, c.want)
		}
	}
}

type listCase struct{ lines, want []string }

// listCases reads testdata/members.txt.
func listCases(t *testing.T) []listCase {
	t.Helper()
	cases := []listCase{{}}
	for _, line := range lines(t, "members.txt") {
		current := &cases[len(cases)-1]
		sent, isLine := strings.CutPrefix(line, "line:")
		switch {
		case line == "" && current.want != nil:
			cases = append(cases, listCase{})
		case line == "", line[0] == '#':
		case isLine:
			current.lines = append(current.lines, unescape(strings.TrimPrefix(sent, " ")))
		default:
			current.want = append(current.want, unescape(line))
		}
	}
	return slices.DeleteFunc(cases, func(c listCase) bool { return c.want == nil })
}

// kind says what a member is, in the words of members.txt.
func kind(m etag.Member) string {
	switch {
	case m.Any:
		return "any"
	case m.Fault != etag.None:
		return m.Fault.Name()
	case m.Tag.IsWeak():
		return "weak"
	}
	return "strong"
}

func TestMembersStops(t *testing.T) {
	for m := range etag.Members([]string{`"a", "b"`, `"c"`}) {
		if m.Raw != `"a"` {
			t.Fatalf("got %q after the loop ended", m.Raw)
		}
		break
	}
}

func TestLenient(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{`"a"`, `"a"`},
		{`W/"a"`, `W/"a"`},
		{`abc`, `"abc"`},
		{`W/abc`, `W/"abc"`},
		{"caf\xe9", "\"caf\xe9\""},
		{`*`, ""},
		{`ab"c`, ""},
		{`a b`, ""},
		{`'a'`, ""},
		{`w/"a"`, ""},
		{`"a`, ""},
		{`"a"b`, ""},
	} {
		for m := range etag.Members([]string{c.raw}) {
			got, ok := m.Lenient()
			if got.String() != c.want || ok != (c.want != "") {
				t.Errorf("Lenient of %q: got %v, %v; want %q", c.raw, got, ok, c.want)
			}
		}
	}
}

// element and list are the grammar of the field for recipients: "*" or an
// entity-tag, and #element of §5.6.1.2. A list of them may be wrong in having
// "*" beside others, which Members leaves to its caller.
var (
	element = regexp.MustCompile(`(?:W/)?"[\x{21}\x{23}-\x{7e}\x{80}-\x{ff}]*"|\*`)
	list    = regexp.MustCompile(`^[ \t]*(?:` + element.String() + `)?(?:[ \t]*,[ \t]*(?:` + element.String() + `)?)*[ \t]*$`)
)

// FuzzMembers gives Members a field of two lines.
func FuzzMembers(f *testing.F) {
	for _, seed := range [][2]string{
		{`"a", W/"b"`, `"c"`}, {`*`, ``}, {`"a,b",,`, `,"c" ,`}, {`abc, "d"`, `w/"e,f", "g"`},
		{`"a b, c", "d"`, `"e`}, {"\"\xe9\",\t\"x\"", `'a,b'`}, {`"a""b", "c"`, `*,*`}, {`"`, `"`},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		lines := []string{first, second}
		all := slices.Collect(etag.Members(lines))
		separately := append(slices.Collect(etag.Members(lines[:1])), slices.Collect(etag.Members(lines[1:]))...)
		if !slices.Equal(all, separately) {
			t.Fatalf("%q: got %v for both lines, %v one by one", lines, all, separately)
		}
		for _, line := range lines {
			checkMembers(t, line)
		}
		if wellFormedList(first) && wellFormedList(second) {
			checkJoined(t, lines, all)
		}
	})
}

func wellFormedList(line string) bool { return list.MatchString(latin1(line)) }

// checkMembers checks what holds of every field line, and that a well-formed one
// is read as the grammar reads it.
func checkMembers(t *testing.T, line string) {
	t.Helper()
	var raws []string
	rest, faults := line, 0
	for m := range etag.Members([]string{line}) {
		checkMember(t, line, m)
		before, after, found := strings.Cut(rest, m.Raw)
		if !found || strings.Trim(before, ", \t") != "" {
			t.Fatalf("%q: member %q is not next in %q", line, m.Raw, rest)
		}
		rest, raws = after, append(raws, latin1(m.Raw))
		if m.Fault != etag.None {
			faults++
		}
	}
	if strings.Trim(rest, ", \t") != "" {
		t.Fatalf("%q: %q was left over", line, rest)
	}
	if wellFormed := wellFormedList(line); wellFormed != (faults == 0) {
		t.Fatalf("%q: got %d malformed members, the grammar says well-formed %v", line, faults, wellFormed)
	}
	if want := element.FindAllString(latin1(line), -1); faults == 0 && !slices.Equal(raws, want) {
		t.Fatalf("%q: got %q, the grammar says %q", line, raws, want)
	}
}

func checkMember(t *testing.T, line string, m etag.Member) {
	t.Helper()
	parsed, err := etag.Parse(m.Raw)
	kinds := 0
	for _, is := range []bool{m.Any, m.Fault != etag.None, !m.Tag.IsZero()} {
		if is {
			kinds++
		}
	}
	if kinds != 1 || m.Any != (m.Raw == "*") || parsed != m.Tag || (err == nil) == m.Tag.IsZero() {
		t.Fatalf("%q: got %+v; Parse of it says %v, %v", line, m, parsed, err)
	}
	if m.Raw == "" || strings.Trim(m.Raw, " \t") != m.Raw {
		t.Fatalf("%q: got member %q with space around it", line, m.Raw)
	}
}

// checkJoined checks that field lines may be combined into one (§5.2).
func checkJoined(t *testing.T, lines []string, want []etag.Member) {
	t.Helper()
	joined := strings.Join(lines, ", ")
	if got := slices.Collect(etag.Members([]string{joined})); !slices.Equal(got, want) {
		t.Fatalf("%q: got %v, in separate lines %v", joined, got, want)
	}
}

// TestMembersProperty gives tags back that were written into lists as untidy as
// the grammar allows.
func TestMembersProperty(t *testing.T) {
	space := rapid.StringMatching(`[ \t]{0,2}`)
	rapid.Check(t, func(t *rapid.T) {
		tags := rapid.SliceOfN(anyTag(), 0, 6).Draw(t, "tags")
		lines := []string{""}
		for _, tag := range tags {
			if rapid.Bool().Draw(t, "new line") {
				lines = append(lines, "")
			}
			commas := rapid.StringMatching(`(,[ \t]?){1,3}`).Draw(t, "commas")
			last := &lines[len(lines)-1]
			if *last == "" && rapid.Bool().Draw(t, "no comma first") {
				commas = ""
			}
			*last += commas + space.Draw(t, "before") + tag.String() + space.Draw(t, "after")
		}
		var got []etag.Tag
		for m := range etag.Members(lines) {
			got = append(got, m.Tag)
		}
		if !slices.Equal(got, tags) {
			t.Fatalf("%q: got %v, want %v", lines, got, tags)
		}
	})
}

// TestMembersDoesNotAllocate keeps a promise; the second list is one that a
// hostile client would send.
func TestMembersDoesNotAllocate(t *testing.T) {
	fields := map[string][]string{
		"three tags":     {`"a", W/"b"`, `"c"`},
		"malformed":      {`abc, 'd', w/"e", "f" g, "h`},
		"empty elements": {strings.Repeat(", ", 100)},
		"long":           {tagList(100)},
	}
	for name, lines := range fields {
		found := 0
		n := testing.AllocsPerRun(100, func() {
			for m := range etag.Members(lines) {
				found += len(m.Raw)
			}
		})
		if n != 0 {
			t.Errorf("%s (%d bytes found): got %v allocations, want 0", name, found, n)
		}
	}
}

func TestTagDoesNotAllocate(t *testing.T) {
	strong, weak := etag.MustParse(`"4KcT3jBvC0yPHiRqZ9mUeA"`), etag.MustParse(`W/"4KcT3jBvC0yPHiRqZ9mUeA"`)
	var sink int
	for name, f := range map[string]func(){
		"Parse":       func() { t, _ := etag.Parse(`W/"4KcT3jBvC0yPHiRqZ9mUeA"`); sink += len(t.String()) },
		"WeakEqual":   func() { _ = strong.WeakEqual(weak) },
		"StrongEqual": func() { _ = strong.StrongEqual(weak) },
		"Opaque":      func() { sink += len(weak.Opaque()) },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s: got %v allocations, want 0", name, n)
		}
	}
}

// tagList returns a list of n tags.
func tagList(n int) string {
	tags := make([]string, n)
	for i := range tags {
		tags[i] = etag.Of(fmt.Append(nil, i)).String()
	}
	return strings.Join(tags, ", ")
}
