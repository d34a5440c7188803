package davxml

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode/utf16"
)

func TestParseRefuses(t *testing.T) {
	const max = "xmlns:p='urn:x'"
	for _, c := range []struct {
		name, in string
		want     error
		says     string
	}{
		{"nothing", "", ErrEmpty, ""},
		{"white space", " \r\n\t", ErrEmpty, ""},
		{"a byte order mark alone", "\ufeff", ErrEmpty, ""},
		{"not XML", "a=b", ErrMalformed, "text outside"},
		{"JSON", `{"a": 1}`, ErrMalformed, ""},
		{"cut off", "<a><b>", ErrMalformed, "ends inside"},
		{"crossed", "<a><b></a></b>", ErrMalformed, "not open"},
		{"two roots", "<a/><b/>", ErrMalformed, "second element"},
		{"text after the root", "<a/>x", ErrMalformed, "text outside"},
		{"an end alone", "</a>", ErrMalformed, "not open"},
		{"an undeclared prefix", "<p:a/>", ErrMalformed, `"p" is not declared`},
		{"an undeclared prefix of an attribute", "<a p:b='1'/>", ErrMalformed, "not declared"},
		{"a prefix out of its scope", "<a><b xmlns:p='u'/><p:c/></a>", ErrMalformed, "not declared"},
		{"a prefix for no namespace", "<a xmlns:p=''/>", ErrMalformed, "no namespace"},
		{"xmlns declared", "<a xmlns:xmlns='u'/>", ErrMalformed, "xmlns"},
		{"xml declared as another", "<a xmlns:xml='u'/>", ErrMalformed, "xml is the prefix"},
		{"another declared as xml", "<a xmlns:p='http://www.w3.org/XML/1998/namespace'/>", ErrMalformed, "xml is the prefix"},
		{"xmlns as a prefix", "<xmlns:a/>", ErrMalformed, ""},
		{"a colon first", "<:a/>", ErrMalformed, ""},
		{"a colon last", "<a:/>", ErrMalformed, ""},
		{"two colons", "<a:b:c " + max + "/>", ErrMalformed, ""},
		{"an attribute twice", "<a b='1' b='2'/>", ErrMalformed, "twice"},
		{"an attribute twice by namespace", "<a xmlns:p='u' xmlns:q='u' p:b='1' q:b='2'/>", ErrMalformed, "twice"},
		{"a declaration twice", "<a xmlns:p='u' xmlns:p='v'/>", ErrMalformed, "twice"},
		{"bytes that are not UTF-8", "<a>\xff</a>", ErrMalformed, "UTF-8"},
		{"a control character", "<a>\x01</a>", ErrMalformed, ""},
		{"a reference to nothing", "<a>&#0;</a>", ErrMalformed, ""},
		{"a reference to half of a pair", "<a>&#xD800;</a>", ErrMalformed, "U+D800"},
		{"a reference to the other half, in decimal", "<a>b&#57343;</a>", ErrMalformed, "U+DFFF"},
		{"one with zeroes before it", "<a>&#x00d9ab;</a>", ErrMalformed, "U+D9AB"},
		{"one in an attribute", "<a b='&amp;&#xD800;&#xDC00;'/>", ErrMalformed, "U+D800"},
		{"one in an element that is closed at once", "<a><b c=\"&#xdbff;\"/></a>", ErrMalformed, "U+DBFF"},
		{"half of a pair in UTF-16", "\xfe\xff\x00<\x00a\x00>\xd8\x00\x00<\x00/\x00a\x00>", ErrMalformed, "half of a surrogate pair"},
		{"an entity that nobody defined", "<a>&b;</a>", ErrMalformed, "entity"},
		{"HTML's entities", "<a>&nbsp;</a>", ErrMalformed, "entity"},
		{"another encoding", "<?xml version='1.0' encoding='iso-8859-1'?><a/>", ErrMalformed, "send UTF-8"},
		{"a document type", "<!DOCTYPE a><a/>", ErrEntities, ""},
		{"an external entity", `<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>`, ErrEntities, ""},
		{"a bomb of entities", bomb(), ErrEntities, ""},
		{"too long", "<a>" + strings.Repeat("x", MaxBytes) + "</a>", ErrTooLarge, "longer"},
		{"too deep", strings.Repeat("<a>", MaxDepth+1), ErrTooLarge, "deep"},
		{"too many elements", "<a>" + strings.Repeat("<b/>", MaxItems) + "</a>", ErrTooLarge, "more than"},
		{"too many attributes", "<a>" + strings.Repeat("<b c='' d='' e=''/>", MaxItems/4) + "</a>", ErrTooLarge, "more than"},
		{"too many namespaces", "<a" + declarations(MaxDeclared+1) + "/>", ErrTooLarge, "namespaces"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(strings.NewReader(c.in))
			if !errors.Is(err, c.want) || !strings.Contains(fmt.Sprint(err), c.says) {
				t.Errorf("got %v, want %v that says %q", err, c.want, c.says)
			}
		})
	}
}

func bomb() string {
	var b strings.Builder
	b.WriteString(`<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "lol">`)
	for i := range 9 {
		fmt.Fprintf(&b, `<!ENTITY l%d "%s">`, i+1, strings.Repeat(fmt.Sprintf("&l%d;", i), 10))
	}
	b.WriteString(`]><a>&l9;</a>`)
	return b.String()
}

func declarations(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " xmlns:p%d='u%d'", i, i)
	}
	return b.String()
}

func TestParseNames(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"<a/>", "{}a"},
		{"<a xmlns='DAV:'/>", "{DAV:}a"},
		{"<D:a xmlns:D='DAV:'/>", "{DAV:}a"},
		{"\ufeff<?xml version='1.0'?><!-- c --><D:a xmlns:D='DAV:'/>\n<!-- d -->", "{DAV:}a"},
		{"<a xmlns='DAV:'><b/><c xmlns=''/></a>", "{DAV:}a {DAV:}b {}c"},
		{"<p:a xmlns:p='u'><p:b xmlns:p='v'/><p:c/></p:a>", "{u}a {v}b {u}c"},
		{"<a xmlns:b='u' b='1' b:b='2'/>", "{}a"},
		{"<xml:a/>", "{http://www.w3.org/XML/1998/namespace}a"},
	} {
		root, err := Parse(strings.NewReader(c.in))
		if err != nil {
			t.Errorf("%s: %v", c.in, err)
			continue
		}
		got := root.Name.String()
		for _, child := range root.Children {
			got += " " + child.Name.String()
		}
		if got != c.want {
			t.Errorf("%s: got %s, want %s", c.in, got, c.want)
		}
	}
}

func TestParseUTF16(t *testing.T) {
	const document = `<?xml version="1.0" encoding="utf-16"?><a>ü€😀</a>`
	for _, big := range []bool{false, true} {
		var data []byte
		for _, u := range utf16.Encode([]rune("\ufeff" + document)) {
			if big {
				data = append(data, byte(u>>8), byte(u))
			} else {
				data = append(data, byte(u), byte(u>>8))
			}
		}
		root, err := Parse(strings.NewReader(string(data)))
		if err != nil || root.Text() != "ü€😀" {
			t.Errorf("big %v: got %v, %v", big, root, err)
		}
	}
}

// What a client is cut off from is no fault of the document.
func TestParseReadError(t *testing.T) {
	broken := errors.New("broken")
	_, err := Parse(io.MultiReader(strings.NewReader("<a>"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) {
		t.Errorf("got %v, want %v", err, broken)
	}
}

func TestParseName(t *testing.T) {
	for _, n := range []Name{{"", "a"}, {"DAV:", "getetag"}, {"urn:{x}", "b"}} {
		if got, ok := ParseName(n.String()); !ok || got != n {
			t.Errorf("%v: got %v, %v", n, got, ok)
		}
	}
	for _, s := range []string{"", "a", "{}", "{a", "{a}"} {
		if n, ok := ParseName(s); ok {
			t.Errorf("%q: got %v", s, n)
		}
	}
}

func TestFragment(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"empty", "<r><a/></r>", "<a/>"},
		{"empty in two tags", "<r><a></a></r>", "<a/>"},
		{"the prefix is kept", "<r xmlns:p='urn:x'><p:a>t</p:a></r>", `<p:a xmlns:p="urn:x">t</p:a>`},
		{"the default namespace is taken along", "<r xmlns='urn:x'><a/></r>", `<a xmlns="urn:x"/>`},
		{"none is not", "<D:r xmlns:D='DAV:'><a xmlns=''>t</a></D:r>", `<a>t</a>`},
		{"an inner none", "<r xmlns='u'><a><b xmlns=''/></a></r>", `<a xmlns="u"><b xmlns=""/></a>`},
		{"what is not used stays behind", "<r xmlns:p='u' xmlns:q='v'><p:a/></r>", `<p:a xmlns:p="u"/>`},
		{"what text may use comes along", "<r xmlns:p='u' xmlns:q='v'><p:a>/q:b</p:a></r>", `<p:a xmlns:p="u" xmlns:q="v">/q:b</p:a>`},
		{"what an attribute may use, too", "<r xmlns:q='v'><a b='q:c'/></r>", `<a xmlns:q="v" b="q:c"/>`},
		{"an inner declaration", "<r><a><p:b xmlns:p='u' p:c='1'/></a></r>", `<a><p:b xmlns:p="u" p:c="1"/></a>`},
		{"a shadowed one", "<r xmlns:p='u'><p:a><p:b xmlns:p='v'/></p:a></r>", `<p:a xmlns:p="u"><p:b xmlns:p="v"/></p:a>`},
		{"the language in scope", "<r xml:lang='de'><a>t</a></r>", `<a xml:lang="de">t</a>`},
		{"its own language", "<r xml:lang='de'><a xml:lang='fr'>t</a></r>", `<a xml:lang="fr">t</a>`},
		{"an inner language", "<r xml:lang='de'><a><b xml:lang='fr'/></a></r>", `<a xml:lang="de"><b xml:lang="fr"/></a>`},
		{"white space", "<r><a> \n <b/>\t</a></r>", "<a> \n <b/>\t</a>"},
		{"markup as text", "<r><a>&lt;&amp;&gt;<![CDATA[<b>]]></a></r>", "<a>&lt;&amp;&gt;&lt;b&gt;</a>"},
		{"a carriage return", "<r><a>&#13;</a></r>", "<a>&#xD;</a>"},
		{"an attribute", `<r><a b="&quot;&#10;'"/></r>`, `<a b="&quot;&#xA;'"/>`},
		{"comments and instructions go", "<r><a>x<!-- c --><?p i?>y</a></r>", "<a>xy</a>"},
		{"mixed content", "<r><a>x<b>y</b>z</a></r>", "<a>x<b>y</b>z</a>"},
		{"text beyond ASCII", "<r><ä>ü&#x1F600;</ä></r>", "<ä>ü😀</ä>"},
	} {
		t.Run(c.name, func(t *testing.T) {
			root, err := Parse(strings.NewReader(c.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := root.Children[0].Fragment(); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// same reports whether two elements have the same information (RFC 4918 §4.3).
func same(a, b *Element) bool {
	if a.Name != b.Name || a.Lang != b.Lang || a.raw != b.raw || len(a.Children) != len(b.Children) || a.Text() != b.Text() {
		return false
	}
	for i := range a.Children {
		if !same(a.Children[i], b.Children[i]) {
			return false
		}
	}
	return true
}

func FuzzFragment(f *testing.F) {
	for _, s := range []string{
		`<D:propertyupdate xmlns:D="DAV:" xml:lang="de"><D:set><D:prop><Z:a xmlns:Z="urn:z">x&amp;<b/></Z:a></D:prop></D:set></D:propertyupdate>`,
		`<a xmlns="u"><b xmlns=""><c d="e:f" xmlns:e="v"/></b></a>`, "<a>&#13;\r\n</a>", "<a b='\t&#10;'/>", bomb(),
		"<a xmlns:p='u'><p:b>p:c</p:b></a>",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		root, err := Parse(strings.NewReader(s))
		if err != nil {
			return
		}
		check(t, root)
		for _, c := range root.Children {
			check(t, c)
		}
	})
}

// check holds a fragment against what it was made of, and against itself.
func check(t *testing.T, e *Element) {
	fragment := e.Fragment()
	if len(fragment) > MaxBytes {
		return
	}
	again, err := Parse(strings.NewReader(fragment))
	if err != nil {
		t.Fatalf("%q: %v", fragment, err)
	}
	if !same(e, again) || again.Fragment() != fragment {
		t.Fatalf("%q became %q", fragment, again.Fragment())
	}
}
