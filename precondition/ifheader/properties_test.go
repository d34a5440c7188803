package ifheader_test

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
	"pgregory.net/rapid"
)

// The parts that headers and states are drawn from; few, so that they meet.
var (
	resources = []string{"/a", "/b", "http://www.example.com/a", "http://www.example.org/a"}
	tokens    = []string{"urn:uuid:1", "urn:uuid:2", "DAV:no-lock"}
	tags      = []etag.Tag{
		etag.MustParse(`"a"`), etag.MustParse(`W/"a"`), etag.MustParse(`"b"`), etag.MustParse(`"x]y)z>"`), etag.MustParse(`""`),
	}
)

func drawCondition(t *rapid.T) ifheader.Condition {
	c := ifheader.Condition{Not: rapid.Bool().Draw(t, "not")}
	if rapid.Bool().Draw(t, "is token") {
		c.Token = rapid.SampledFrom(tokens).Draw(t, "token")
	} else {
		c.Tag = rapid.SampledFrom(tags).Draw(t, "tag")
	}
	return c
}

func drawHeader(t *rapid.T) ifheader.Header {
	tagged := rapid.Bool().Draw(t, "tagged")
	lists := make([]ifheader.List, rapid.IntRange(1, 4).Draw(t, "lists"))
	for i := range lists {
		lists[i].Conditions = rapid.SliceOfN(rapid.Custom(drawCondition), 1, 3).Draw(t, "conditions")
		if tagged {
			lists[i].Resource = rapid.SampledFrom(resources).Draw(t, "resource")
		}
	}
	return ifheader.Header{Lists: lists}
}

// world has the states of /a and /b.
type world map[string]ifheader.State

func drawWorld(t *rapid.T) world {
	w := world{}
	for _, path := range []string{"/a", "/b"} {
		s := ifheader.State{Name: path, Exists: rapid.IntRange(0, 3).Draw(t, "exists") > 0}
		s.Tags = rapid.SliceOfNDistinct(rapid.SampledFrom(tags), 0, 2, func(t etag.Tag) etag.Tag { return t }).Draw(t, "tags")
		s.Locks = rapid.SliceOfN(rapid.SampledFrom(tokens[:2]), 0, 2).Draw(t, "locks")
		w[path] = s
	}
	return w
}

func (w world) lookup(uri string) ifheader.State {
	path := strings.TrimPrefix(uri, "http://www.example.com")
	if s, ok := w[path]; ok {
		return s
	}
	return ifheader.State{Name: uri, Elsewhere: true}
}

const target = "/a"

// holds is the evaluator in other words: any list of which all conditions are as they should be.
func holds(h ifheader.Header, w world) bool {
	return slices.ContainsFunc(h.Lists, func(l ifheader.List) bool {
		uri := l.Resource
		if uri == "" {
			uri = target
		}
		s := w.lookup(uri)
		for _, c := range l.Conditions {
			has := slices.Contains(s.Locks, c.Token)
			if c.Token == "" {
				has = s.Exists && !c.Tag.IsWeak() && slices.Contains(s.Tags, c.Tag)
			}
			if has == c.Not {
				return false
			}
		}
		return !s.Elsewhere
	})
}

// TestAgreesWithNaive compares with an evaluator written another way.
func TestAgreesWithNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := drawHeader(t), drawWorld(t)
		d := ifheader.Evaluate(h, target, w.lookup)
		if want := holds(h, w); d.Holds != want {
			t.Fatalf("%s in %+v: got %v, want %v (%s)", h, w, d.Holds, want, d.Text())
		}
		if d.Guarded && !d.Holds {
			t.Fatalf("%s in %+v guards, and does not hold", h, w)
		}
	})
}

// TestNotInverts: "Prefixing it with "Not" reverses the result of the evaluation" (RFC 4918 §10.4.3).
func TestNotInverts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c, w := drawCondition(t), drawWorld(t)
		p := ifheader.Policy{WeakComparison: rapid.Bool().Draw(t, "weak")}
		one := func(c ifheader.Condition) bool {
			h := ifheader.Header{Lists: []ifheader.List{{Conditions: []ifheader.Condition{c}}}}
			return p.Evaluate(h, target, w.lookup).Holds
		}
		plain := one(c)
		c.Not = !c.Not
		if one(c) == plain {
			t.Fatalf("%s and its opposite are both %v in %+v", c, plain, w)
		}
	})
}

// TestOrderDoesNotMatter: neither that of the lists nor that of the conditions in a list.
func TestOrderDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := drawHeader(t), drawWorld(t)
		want := ifheader.Evaluate(h, target, w.lookup)
		shuffled := ifheader.Header{Lists: rapid.Permutation(h.Lists).Draw(t, "lists")}
		for i, l := range shuffled.Lists {
			shuffled.Lists[i].Conditions = rapid.Permutation(l.Conditions).Draw(t, "conditions")
		}
		got := ifheader.Evaluate(shuffled, target, w.lookup)
		if got.Holds != want.Holds || got.Guarded != want.Guarded || got.Guards("/b") != want.Guards("/b") {
			t.Fatalf("%s: %+v, and %s: %+v", h, want, shuffled, got)
		}
	})
}

// TestMoreListsHoldMore: a list more never makes a field false, a condition more never makes a list
// true.
func TestMoreListsHoldMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := drawHeader(t), drawWorld(t)
		was := ifheader.Evaluate(h, target, w.lookup).Holds
		more := ifheader.Header{Lists: append(slices.Clone(h.Lists), drawHeader(t).Lists...)}
		if was && !ifheader.Evaluate(more, target, w.lookup).Holds {
			t.Fatalf("%s holds, and with more lists %s does not", h, more)
		}
		narrow := ifheader.Header{Lists: slices.Clone(h.Lists)}
		for i, l := range narrow.Lists {
			narrow.Lists[i].Conditions = append(slices.Clone(l.Conditions), drawCondition(t))
		}
		if !was && ifheader.Evaluate(narrow, target, w.lookup).Holds {
			t.Fatalf("%s does not hold, and with more conditions %s does", h, narrow)
		}
	})
}

// TestTaggedWithTarget: an untagged list "is just a shorthand notation" for one tagged with the
// target (§10.4.2).
func TestTaggedWithTarget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := drawHeader(t), drawWorld(t)
		tagged := ifheader.Header{Lists: slices.Clone(h.Lists)}
		for i, l := range tagged.Lists {
			if l.Resource == "" {
				tagged.Lists[i].Resource = target
			}
		}
		a, b := ifheader.Evaluate(h, target, w.lookup), ifheader.Evaluate(tagged, target, w.lookup)
		if a.Holds != b.Holds || a.Guarded != b.Guarded || a.Reason != b.Reason {
			t.Fatalf("%s: %+v, and %s: %+v", h, a, tagged, b)
		}
	})
}

// TestSubmittedWhateverHolds: the tokens do not depend on any state, and all are there.
func TestSubmittedWhateverHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		got := h.Tokens()
		for _, token := range tokens {
			if strings.Contains(h.String(), "<"+token+">") != slices.Contains(got, token) {
				t.Fatalf("%s submits %q", h, got)
			}
		}
		if len(slices.Compact(slices.Sorted(slices.Values(got)))) != len(got) {
			t.Fatalf("%s submits a token twice: %q", h, got)
		}
	})
}

// TestLooksOnce: each resource is looked up once, however many lists are about it.
func TestLooksOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h, w := drawHeader(t), drawWorld(t)
		looks := map[string]int{}
		ifheader.Evaluate(h, target, func(uri string) ifheader.State {
			looks[uri]++
			return w.lookup(uri)
		})
		for uri, n := range looks {
			if n > 1 {
				t.Fatalf("%s: %s was looked up %d times", h, uri, n)
			}
		}
	})
}

// TestRoundTrip: what String writes is read back, in one line or spaced otherwise.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader(t)
		spaced := strings.NewReplacer(") (", ")(", "> (", ">\t (", "Not ", "nOT").Replace(h.String())
		for _, text := range []string{h.String(), spaced} {
			got, err := ifheader.Parse([]string{text})
			if err != nil || !reflect.DeepEqual(got, h) {
				t.Fatalf("%s: got %+v, %v; want %+v", text, got, err, h)
			}
		}
	})
}

// TestBounds: fields at a bound are read, and those past it refused.
func TestBounds(t *testing.T) {
	list := func(n int) string { return "(" + strings.Repeat(`["a"]`, n) + ")" }
	named := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `</%d>(["a"])`, i)
		}
		return b.String()
	}
	for text, want := range map[string]ifheader.Fault{
		list(ifheader.MaxConditions):                                     0,
		list(ifheader.MaxConditions + 1):                                 ifheader.TooMany,
		strings.Repeat(list(1), ifheader.MaxConditions+1):                ifheader.TooMany,
		named(ifheader.MaxResources):                                     0,
		named(ifheader.MaxResources + 1):                                 ifheader.TooMany,
		named(ifheader.MaxResources) + named(ifheader.MaxResources):      0,
		list(1) + strings.Repeat(" ", ifheader.MaxLength-len(list(1))):   0,
		list(1) + strings.Repeat(" ", ifheader.MaxLength-len(list(1))+1): ifheader.TooLong,
	} {
		_, err := ifheader.Parse([]string{text})
		var got ifheader.Fault
		if e, ok := errors.AsType[*ifheader.SyntaxError](err); ok {
			got = e.Fault
		}
		if got != want {
			t.Errorf("%.40s... of %d bytes: got fault %d, want %d", text, len(text), got, want)
		}
	}
}

// The grammar of §10.4.2 as regular expressions, for another reader than the parser.
var (
	condition = `(?i:Not)?[ \t]*(<[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f-\xff<>"\\^{|}` + "`" + `]+>|\[(W/)?"[\x21\x23-\x7e\x80-\xff]*"\])`
	listText  = `\([ \t]*(` + condition + `[ \t]*)+\)`
	simpleRef = `<([A-Za-z][A-Za-z0-9+.-]*:|/)[^\x00-\x20\x7f-\xff<>"\\^{|}` + "`" + `]*>`
	grammar   = regexp.MustCompile(`^[ \t]*(([ \t]*` + listText + `)+|([ \t]*` + simpleRef + `([ \t]*` + listText + `)+)+)[ \t]*$`)
	bare      = regexp.MustCompile(`[( \t)\]>t][A-Za-z][A-Za-z0-9+.-]*:`)
)

// FuzzParse compares with the grammar, and checks that what was read says the same when it is written.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`(<urn:uuid:1> ["I-am-an-ETag"]) (["I-am-another-ETag"])`, `(Not <urn:uuid:1> <urn:uuid:2>)`,
		`<http://www.example.com/users/f/fielding/index.html> (<urn:uuid:1>)`, `</doc.txt>(<urn:uuid:1>)`, `(urn:uuid:1)`,
		`(Not urn:uuid:1 ["v1"])`, `(<rt:CB0D4021@00000000003>)`, `(["a]b"])`, `<a> <b>`, `(Not)`, `()`, `([W/""])`, "(\t)",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := ifheader.Parse([]string{text})
		if strict := grammar.MatchString(latin(text)); strict != (err == nil) {
			if !bounded(err) && !repaired(text, err) && !strings.Contains(text, "<//") {
				t.Fatalf("%q: got %v, the grammar says %v", text, err, strict)
			}
		}
		if err != nil {
			e, ok := errors.AsType[*ifheader.SyntaxError](err)
			if !ok || !errors.Is(err, ifheader.ErrSyntax) || e.Offset > len(text) || e.Fault.Name() == "" || len(e.Text) > 64 {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		again, err := ifheader.Parse([]string{h.String()})
		if err != nil || !reflect.DeepEqual(again, h) {
			t.Fatalf("%q is %s, which is read as %s, %v", text, h, again, err)
		}
		ifheader.Evaluate(h, "/a", func(string) ifheader.State { return ifheader.State{} })
	})
}

// latin makes a character of each byte, as regular expressions read characters.
func latin(text string) string {
	runes := make([]rune, len(text))
	for i := range len(text) {
		runes[i] = rune(text[i])
	}
	return string(runes)
}

func bounded(err error) bool {
	e, ok := errors.AsType[*ifheader.SyntaxError](err)
	return ok && (e.Fault == ifheader.TooLong || e.Fault == ifheader.TooMany)
}

// repaired reports whether a text that the grammar refuses may have been read for a token without
// brackets.
func repaired(text string, err error) bool { return err == nil && bare.MatchString(text) }
