package precondition_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// served is what both sides serve.
const served = "0123456789"

// The values that TestServeContent puts into the fields of a request, one or two
// field lines each. The tag is "a", the date that of lastModified.
var (
	servedLists = [][]string{
		{`"a"`}, {`"b"`}, {`W/"a"`}, {`*`}, {``}, {`,`}, {`"b", "a"`}, {`"b" "a"`}, {`"a" "b"`}, {`"a"x`},
		{`a`}, {`a, "a"`}, {`"a", a`}, {`*, "b"`}, {`"b", *`}, {`*x`}, {`"b"`, `"a"`}, {``, `"a"`}, {`"a`},
	}
	servedDates = [][]string{
		{"Tue, 24 Nov 2026 09:59:59 GMT"}, {"Tue, 24 Nov 2026 10:00:00 GMT"}, {"Tue, 24 Nov 2026 10:00:01 GMT"},
		{"Tuesday, 24-Nov-26 10:00:00 GMT"}, {"Tue Nov 24 10:00:00 2026"}, {"tue, 24 nov 2026 10:00:00 GMT"},
		{"Tue, 24 Nov 2026 9:59:59 GMT"}, {"Tuesday, 24-Nov-26 10:00:00 CET"}, {"Tue, 24 Nov 2026 09:59:60 GMT"},
		{"Wednesday, 01-Jan-70 00:00:00 GMT"}, {"Tue, 24 Nov 2026 10:00:00.5 GMT"}, {"yesterday"}, {""},
		{"Tue, 24 Nov 2026 10:00:00 GMT", "Tue, 24 Nov 2026 09:59:59 GMT"}, {"", "Tue, 24 Nov 2026 10:00:00 GMT"},
	}
	// What Range itself may be is for package byterange to compare.
	servedRanges   = [][]string{{"bytes=0-1"}, {"bytes=4-"}, {"bytes=-2"}, {"bytes=20-"}}
	servedIfRanges = slices.Concat(servedDates, [][]string{
		{`"a"`}, {`"a"`}, {`"b"`}, {`W/"a"`}, {`"a", "b"`}, {`"a"x`}, {`a`}, {``}, {`"a"`, `"b"`}, {`"b"`, `"a"`},
	})
)

// disagreement is a way in which net/http answers otherwise than we do, by the
// name it has in docs/disagreements-servecontent.md, where the sentence is that
// decides it. mend changes a request so that it has none of it.
type disagreement struct {
	name string
	mend func(*servedRequest)
}

var disagreements = []disagreement{
	{"Only the first field line counts", func(r *servedRequest) {
		r.fields.IfMatch, r.fields.IfNoneMatch = joined(r.fields.IfMatch), joined(r.fields.IfNoneMatch)
		for _, field := range []*[]string{&r.fields.IfUnmodifiedSince, &r.fields.IfModifiedSince, &r.fields.IfRange} {
			*field = (*field)[:min(len(*field), 1)]
		}
	}},
	{"An empty field counts as none", func(r *servedRequest) {
		for _, field := range []*[]string{&r.fields.IfMatch, &r.fields.IfNoneMatch, &r.fields.IfRange} {
			if len(*field) == 1 && (*field)[0] == "" {
				*field = nil
			}
		}
	}},
	{"An asterisk anywhere is the wildcard", func(r *servedRequest) {
		r.mendLists(func(m etag.Member, alone bool) bool { return strings.HasPrefix(m.Raw, "*") && !(m.Any && alone) })
	}},
	{"Text after a tag is passed over", func(r *servedRequest) {
		r.mendLists(func(m etag.Member, _ bool) bool { return m.Fault == etag.TextAfter })
	}},
	{"A list is read to the first match or the first malformed member", func(r *servedRequest) {
		r.mendLists(func(m etag.Member, alone bool) bool {
			return m.Fault != etag.None && m.Fault != etag.TextAfter && !strings.HasPrefix(m.Raw, "*") && !alone
		})
	}},
	{"If-Range may go on after the tag", func(r *servedRequest) {
		if len(r.fields.IfRange) > 0 && strings.HasPrefix(r.fields.IfRange[0], `"`) {
			if _, err := etag.Parse(r.fields.IfRange[0]); err != nil {
				r.fields.IfRange = []string{`"other"`}
			}
		}
	}},
	{"Dates are read leniently", func(r *servedRequest) {
		r.mendDates(func(s string) bool {
			_, ok := precondition.ParseDate(s, r.current.Now)
			_, err := http.ParseTime(s)
			return !ok && err == nil
		}, "yesterday")
	}},
	{"Two-digit years have a fixed pivot", func(r *servedRequest) {
		r.mendDates(func(s string) bool { return strings.Contains(s, "-70 ") }, "Wed, 01 Jan 2070 00:00:00 GMT")
	}},
	{"There is no leap second", func(r *servedRequest) {
		r.mendDates(func(s string) bool { return strings.Contains(s, "09:59:60") }, "Tue, 24 Nov 2026 10:00:00 GMT")
	}},
	{"If-Range trusts a date whose second is not over", func(r *servedRequest) {
		r.current.Now = lastModified.Add(time.Second)
	}},
	{"Range counts on HEAD", func(r *servedRequest) {
		if r.method == "HEAD" {
			r.fields.Range, r.fields.IfRange = nil, nil
		}
	}},
}

// joined is a field of at most one line. It begins with an empty element, so that
// a list of one empty line does not become an empty field.
func joined(lines []string) []string {
	if len(lines) < 2 {
		return lines
	}
	return []string{strings.Join(append([]string{","}, lines...), ", ")}
}

// mendLists replaces the members of If-Match and If-None-Match that are broken
// by a tag that matches nothing.
func (r *servedRequest) mendLists(broken func(m etag.Member, alone bool) bool) {
	for _, field := range []*[]string{&r.fields.IfMatch, &r.fields.IfNoneMatch} {
		lines := slices.Clone(*field)
		for i, line := range lines {
			members := slices.Collect(etag.Members([]string{line}))
			for _, m := range members {
				if broken(m, len(members) == 1) {
					lines[i] = strings.Replace(lines[i], m.Raw, `"other"`, 1)
				}
			}
		}
		*field = lines
	}
}

// mendDates replaces the dates that are broken.
func (r *servedRequest) mendDates(broken func(string) bool, by string) {
	for _, field := range []*[]string{&r.fields.IfUnmodifiedSince, &r.fields.IfModifiedSince, &r.fields.IfRange} {
		lines := slices.Clone(*field)
		for i, line := range lines {
			if broken(line) {
				lines[i] = by
			}
		}
		*field = lines
	}
}

type servedRequest struct{ request }

// ours is what we answer: the status, and Content-Range if there is one.
func (r servedRequest) ours() string {
	d := r.evaluate()
	if d.Outcome != precondition.Perform {
		return fmt.Sprint(d.Outcome.Status())
	}
	if d.Range != precondition.RangeApplies {
		return "200"
	}
	plan := byterange.Resolve(r.fields.Range, int64(len(served)))
	return strings.TrimSpace(fmt.Sprint(plan.Kind.Status(), " ", plan.ContentRange()))
}

// theirs is what http.ServeContent answers.
func (r servedRequest) theirs() string {
	req := httptest.NewRequest(r.method, "/doc.txt", nil)
	for name, lines := range map[string][]string{
		"If-Match": r.fields.IfMatch, "If-None-Match": r.fields.IfNoneMatch, "If-Unmodified-Since": r.fields.IfUnmodifiedSince,
		"If-Modified-Since": r.fields.IfModifiedSince, "If-Range": r.fields.IfRange, "Range": r.fields.Range,
	} {
		if lines != nil {
			req.Header[name] = lines
		}
	}
	w := httptest.NewRecorder()
	if !r.current.Tag.IsZero() {
		w.Header().Set("ETag", r.current.Tag.String())
	}
	http.ServeContent(w, req, "doc.txt", r.current.LastModified, strings.NewReader(served))
	return strings.TrimSpace(fmt.Sprint(w.Code, " ", w.Header().Get("Content-Range")))
}

// TestServeContent compares with http.ServeContent on GET and HEAD. When all of a
// request that is known to be answered differently is mended, the answers must be
// the same; and each disagreement must occur where all others are mended.
func TestServeContent(t *testing.T) {
	seen := map[string]bool{}
	requests := servedAlone()
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		requests = append(requests, servedTogether(random))
	}
	differ := 0
	for _, r := range requests {
		if r.ours() == r.theirs() {
			continue
		}
		differ++
		if mended := r.mended(""); mended.ours() != mended.theirs() {
			t.Fatalf("%s %q: got %s, net/http %s; mended, %q: got %s, net/http %s",
				r.method, r.fields, r.ours(), r.theirs(), mended.fields, mended.ours(), mended.theirs())
		}
		for _, d := range disagreements {
			if seen[d.name] {
				continue
			}
			if left := r.mended(d.name); left.ours() != left.theirs() {
				seen[d.name] = true
			}
		}
	}
	t.Logf("%d of %d requests are answered differently", differ, len(requests))
	for _, d := range disagreements {
		if !seen[d.name] {
			t.Errorf("%s: did not occur; has net/http changed?", d.name)
		}
	}
}

// mended returns r without any of the disagreements but the one named.
func (r servedRequest) mended(but string) servedRequest {
	for _, d := range disagreements {
		if d.name != but {
			d.mend(&r)
		}
	}
	return r
}

// servedAlone are requests with one precondition, each value of each, so that no
// disagreement hides behind another.
func servedAlone() (all []servedRequest) {
	add := func(values [][]string, set func(*precondition.Fields, []string)) {
		for _, value := range values {
			for _, method := range []string{"GET", "HEAD"} {
				for _, tag := range []string{`"a"`, `W/"a"`, ``} {
					r := servedBy(method, tag)
					set(&r.fields, value)
					all = append(all, r)
				}
			}
		}
	}
	add(servedLists, func(f *precondition.Fields, v []string) { f.IfMatch = v })
	add(servedLists, func(f *precondition.Fields, v []string) { f.IfNoneMatch = v })
	add(servedDates, func(f *precondition.Fields, v []string) { f.IfUnmodifiedSince = v })
	add(servedDates, func(f *precondition.Fields, v []string) { f.IfModifiedSince = v })
	add(servedRanges, func(f *precondition.Fields, v []string) { f.Range = v })
	add(servedIfRanges, func(f *precondition.Fields, v []string) { f.Range, f.IfRange = servedRanges[0], v })
	return all
}

func servedBy(method, tag string) servedRequest {
	r := servedRequest{request{method: method, current: precondition.Current{
		Exists: true, LastModified: lastModified, Now: lastModified.Add(time.Hour),
	}}}
	if tag != "" {
		r.current.Tag = etag.MustParse(tag)
	}
	return r
}

// servedTogether draws a request with any of the fields.
func servedTogether(random *rand.Rand) servedRequest {
	pick := func(values [][]string, oneIn int) []string {
		if random.IntN(oneIn) > 0 {
			return nil
		}
		return values[random.IntN(len(values))]
	}
	r := servedBy([]string{"GET", "HEAD"}[random.IntN(2)], []string{`"a"`, `W/"a"`, ``}[random.IntN(3)])
	r.fields = precondition.Fields{
		IfMatch: pick(servedLists, 3), IfNoneMatch: pick(servedLists, 3), IfUnmodifiedSince: pick(servedDates, 3),
		IfModifiedSince: pick(servedDates, 3), Range: pick(servedRanges, 2), IfRange: pick(servedIfRanges, 2),
	}
	switch random.IntN(4) {
	case 0:
		r.current.LastModified = time.Time{}
	case 1:
		r.current.Now = lastModified
	}
	return r
}

// TestDisagreementsAreDocumented keeps the page and the list together.
func TestDisagreementsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../docs/disagreements-servecontent.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for line := range strings.Lines(string(page)) {
		if heading, ok := strings.CutPrefix(line, "## "); ok {
			documented = append(documented, strings.TrimSpace(heading))
		}
	}
	var known []string
	for _, d := range disagreements {
		known = append(known, d.name)
	}
	if !slices.Equal(documented, known) {
		t.Errorf("documented: %q\nknown here: %q", documented, known)
	}
}
