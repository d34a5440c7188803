package listing

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"html"
	"html/template"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// row is one case of a table under testdata.
type tableRow struct {
	where   string
	columns []string
}

func table(t testing.TB, file string) []tableRow {
	t.Helper()
	data, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []tableRow
	for n, line := range strings.Split(string(data), "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		for i := range columns {
			columns[i] = strings.TrimSpace(columns[i])
		}
		rows = append(rows, tableRow{fmt.Sprintf("%s:%d", file, n+1), columns})
	}
	return rows
}

// collections reads members.txt.
func collections(t testing.TB) map[string][]store.Info {
	t.Helper()
	all := map[string][]store.Info{}
	for _, r := range table(t, "members.txt") {
		name, errName := strconv.Unquote(r.columns[0])
		element, errElement := strconv.Unquote(r.columns[1])
		if errName != nil || errElement != nil {
			t.Fatalf("%s: not a quoted name", r.where)
		}
		info := store.Info{Name: strings.TrimPrefix(name+"/"+element, "/"), Collection: r.columns[2] == "-"}
		if !info.Collection {
			info.Revision, info.Size = 1, number(t, r.columns[2])
		}
		if r.columns[3] != "-" {
			modified, err := time.Parse(time.RFC3339, r.columns[3])
			if err != nil {
				t.Fatalf("%s: %v", r.where, err)
			}
			info.Modified = modified
		}
		if err := store.CheckName(info.Name); err != nil {
			t.Fatalf("%s: %v", r.where, err)
		}
		all[name] = append(all[name], info)
	}
	return all
}

func number(t testing.TB, s string) int64 {
	t.Helper()
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// TestGolden compares the listings with files that were looked at, in a browser
// too. "go test -update" writes them.
func TestGolden(t *testing.T) {
	all := collections(t)
	all["empty"] = nil
	for file, name := range map[string]string{"root": "", "odd": "odd/ones & twos", "empty": "empty"} {
		golden(t, file+".html", HTML(name, all[name]))
		golden(t, file+".json", JSON(name, all[name]))
	}
}

// HTML and JSON are the two forms as a whole.
func HTML(name string, members []store.Info) []byte { return rendered(HTMLType, name, members) }

func JSON(name string, members []store.Info) []byte { return rendered(JSONType, name, members) }

func rendered(mediaType, name string, infos []store.Info) []byte {
	var m Members
	for _, info := range infos {
		m.Add(info)
	}
	var b bytes.Buffer
	if err := m.Render(&b, mediaType, name); err != nil {
		panic(err)
	}
	return b.Bytes()
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := "testdata/" + file
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; look at what -update makes of it", file)
	}
}

func TestNegotiate(t *testing.T) {
	for _, r := range table(t, "12.5.1-accept.txt") {
		var lines []string
		switch r.columns[0] {
		case "(none)":
		case "(empty)":
			lines = []string{""}
		default:
			lines = strings.Split(r.columns[0], " // ")
		}
		got, ok := Negotiate(lines)
		if name := formName(got, ok); name != r.columns[1] {
			t.Errorf("%s: Accept: %s: got %s, want %s", r.where, r.columns[0], name, r.columns[1])
		}
	}
}

func formName(mediaType string, ok bool) string {
	switch {
	case !ok:
		return "neither"
	case mediaType == JSONType:
		return "json"
	}
	return "html"
}

func TestNegotiateDoesNotAllocate(t *testing.T) {
	lines := []string{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
	if n := testing.AllocsPerRun(100, func() { Negotiate(lines) }); n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}

// TestOrderOfMembersDoesNotMatter: stores list in their own order, but the tag of a
// listing must not tell them apart; nor must the time zone of a date.
func TestOrderOfMembersDoesNotMatter(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, members := range collections(t) {
		html, json := HTML(name, members), JSON(name, members)
		for range 20 {
			shuffled := slices.Clone(members)
			random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
			for i := range shuffled {
				if !shuffled[i].Modified.IsZero() {
					shuffled[i].Modified = shuffled[i].Modified.In(time.FixedZone("elsewhere", 3600))
				}
			}
			if !bytes.Equal(HTML(name, shuffled), html) || !bytes.Equal(JSON(name, shuffled), json) {
				t.Fatalf("%q: the listing depends on the order or zone of its members", name)
			}
		}
	}
}

// TestFingerprint: members whose listings differ have different ones, and only they.
func TestFingerprint(t *testing.T) {
	base := store.Info{Name: "a/b", Size: 1, Modified: time.Unix(1e9, 0)}
	change := func(f func(*store.Info)) []store.Info {
		info := base
		f(&info)
		return []store.Info{info}
	}
	known := map[[32]byte]string{}
	for what, infos := range map[string][]store.Info{
		"none":         nil,
		"one":          {base},
		"other name":   change(func(i *store.Info) { i.Name = "a/c" }),
		"other size":   change(func(i *store.Info) { i.Size = 2 }),
		"other date":   change(func(i *store.Info) { i.Modified = time.Unix(1e9+1, 0) }),
		"no date":      change(func(i *store.Info) { i.Modified = time.Time{} }),
		"a collection": change(func(i *store.Info) { i.Collection = true }),
		"two":          {base, {Name: "a/c"}},
		"names run on": {{Name: "a/b"}, {Name: "a/bc"}},
		"otherwise":    {{Name: "a/bb"}, {Name: "a/c"}},
	} {
		var m Members
		for _, info := range infos {
			m.Add(info)
		}
		sum := m.Fingerprint()
		if other, ok := known[sum]; ok {
			t.Errorf("%q and %q have the same", what, other)
		}
		known[sum] = what
	}
	var again Members
	base.Revision, base.Digest = 7, store.Digest{1}
	again.Add(base)
	if known[again.Fingerprint()] != "one" {
		t.Error("what no listing says is in the fingerprint")
	}
}

// TestEscaping: the rows, which are not made by a template, are escaped as one would.
func TestEscaping(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	texts := []string{"<script>", `"onload=`, "'", "&amp;", "a+b", "\x00", "ü", "\u2028"}
	reference := template.Must(template.New("").Parse(`<a title="{{.}}">{{.}}</a>`))
	for range 500 {
		s := texts[random.IntN(len(texts))] + texts[random.IntN(len(texts))] + texts[random.IntN(len(texts))]
		var want strings.Builder
		if err := reference.Execute(&want, s); err != nil {
			t.Fatal(err)
		}
		escaped := string(appendEscaped(nil, s))
		if got := `<a title="` + escaped + `">` + escaped + `</a>`; got != want.String() {
			t.Fatalf("%q: got %s, want %s", s, got, want.String())
		}
		var text string
		if err := json.Unmarshal(appendString(nil, s), &text); err != nil || text != s {
			t.Fatalf("%q is %q in JSON: %v", s, text, err)
		}
	}
}

func TestCompareFolded(t *testing.T) {
	words := []string{"", "a", "A", "ab", "Ab", "b", "É", "é", "aÉ", "AÊ", "_", "Z", "z", "İ", "a-", "A_"}
	for _, a := range words {
		for _, b := range words {
			if got, want := compareFolded(a, b), strings.Compare(strings.ToLower(a), strings.ToLower(b)); got != want {
				t.Errorf("%q and %q: got %d, want %d", a, b, got, want)
			}
		}
	}
}

// TestPolicyAllowsTheStyle: a browser hashes what is between the tags.
func TestPolicyAllowsTheStyle(t *testing.T) {
	text := string(HTML("a", nil))
	_, after, _ := strings.Cut(text, "<style>")
	inside, _, found := strings.Cut(after, "</style>")
	if !found || inside != style || !strings.Contains(ContentSecurityPolicy, "'sha256-"+styleHash()+"'") {
		t.Error("the style sheet in the page is not the one that the policy allows")
	}
	if strings.Contains(text, "style=") || strings.Contains(text, "<script") {
		t.Error("the page has styles or scripts that the policy forbids")
	}
}

func TestHumanSize(t *testing.T) {
	for size, want := range map[int64]string{
		0: "0 B", 1: "1 B", 999: "999 B", 1000: "1.0 kB", 1949: "1.9 kB", 9949: "9.9 kB", 9950: "10 kB",
		999499: "999 kB", 999500: "1.0 MB", 123456789: "123 MB", 1e9: "1.0 GB", 5e12: "5.0 TB", 7e15: "7.0 PB",
		1<<63 - 1: "9.2 EB",
	} {
		if got := humanSize(size); got != want {
			t.Errorf("humanSize(%d) = %q, want %q", size, got, want)
		}
	}
}

var hrefs = regexp.MustCompile(`<th scope="row"><a href="([^"]*)">`)

// checkListing holds both forms of a collection with one member against what they
// must say of it.
func checkListing(t *testing.T, collection, element string, isCollection bool) {
	t.Helper()
	full := strings.TrimPrefix(collection+"/"+element, "/")
	members := []store.Info{{Name: full, Collection: isCollection, Revision: 1, Size: 5}}
	target := "/" + full
	if isCollection {
		target += "/"
	}
	var l struct {
		Name    string
		Members []struct {
			Name, Href string
			Collection bool
		}
	}
	if err := json.Unmarshal(JSON(collection, members), &l); err != nil || len(l.Members) != 1 {
		t.Fatalf("%q: %v", full, err)
	}
	m := l.Members[0]
	if l.Name+m.Name != target || m.Collection != isCollection {
		t.Errorf("%q: JSON says %q, %q", target, l.Name, m.Name)
	}
	base := url.URL{Scheme: "http", Host: "example", Path: path(collection)}
	reaches(t, base, m.Href, target)
	found := hrefs.FindAllSubmatch(HTML(collection, members), -1)
	if len(found) != 1 {
		t.Fatalf("%q: the page has %d members: %q", target, len(found), found)
	}
	reaches(t, base, html.UnescapeString(string(found[0][1])), target)
}

// reaches checks that href, on the page of base, leads to the path target there.
func reaches(t *testing.T, base url.URL, href, target string) {
	t.Helper()
	reference, err := url.Parse(href)
	if err != nil {
		t.Fatalf("%q: %v", href, err)
	}
	to := base.ResolveReference(reference)
	if to.Scheme != base.Scheme || to.Host != base.Host || to.Path != target || to.RawQuery != "" || to.Fragment != "" {
		t.Errorf("%q on the page of %s leads to %s, want %q", href, base.String(), to, target)
	}
}

func FuzzListing(f *testing.F) {
	for name, members := range collections(f) {
		for _, m := range members {
			f.Add(name, lastElement(m.Name), m.Collection)
		}
	}
	f.Fuzz(func(t *testing.T, collection, element string, isCollection bool) {
		full := strings.TrimPrefix(collection+"/"+element, "/")
		if element == "" || strings.Contains(element, "/") || store.CheckName(collection) != nil || store.CheckName(full) != nil {
			t.Skip("not a name")
		}
		if !utf8.Valid(HTML(collection, nil)) {
			t.Error("the page is not UTF-8")
		}
		checkListing(t, collection, element, isCollection)
	})
}

func BenchmarkHTML(b *testing.B) {
	benchmark(b, HTML)
}

func BenchmarkJSON(b *testing.B) {
	benchmark(b, JSON)
}

// benchmark renders a collection of 100 members.
func benchmark(b *testing.B, render func(string, []store.Info) []byte) {
	members := make([]store.Info, 100)
	for i := range members {
		members[i] = store.Info{Name: fmt.Sprintf("notes/%03d.txt", i), Revision: 1, Size: int64(i) * 1000, Modified: time.Unix(1.8e9, 0)}
	}
	b.ReportAllocs()
	for b.Loop() {
		render("notes", members)
	}
}
