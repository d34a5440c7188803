package davxml

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestWriter(t *testing.T) {
	var b strings.Builder
	w := NewWriter(&b)
	w.Open("multistatus")
	w.Open("response")
	w.Element("href", "/a&b%20c")
	w.Element("getetag", "\"x\x01\"")
	w.Open("resourcetype")
	w.Close()
	w.Open("prop")
	w.Fragment(`<Z:a xmlns:Z="urn:z">x</Z:a>`)
	w.Name(Name{"urn:<\"", "b"})
	w.Name(Name{"", "c"})
	w.Name(In("getetag"))
	w.Close()
	w.Status(404)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	const want = `<?xml version="1.0" encoding="utf-8"?>
<D:multistatus xmlns:D="DAV:"><D:response><D:href>/a&amp;b%20c</D:href><D:getetag>"x�"</D:getetag><D:resourcetype/><D:prop><Z:a xmlns:Z="urn:z">x</Z:a>` +
		`<p:b xmlns:p="urn:&lt;&quot;"/><c/><D:getetag/></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:response>
</D:multistatus>
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// Text and names come out as they went in, whatever they are.
func TestWriterRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringOfN(rapid.RuneFrom([]rune("ab<>&'\"\r\n\t ü€😀]\u2028")), 0, 40, -1).Draw(t, "text")
		name := Name{rapid.StringOfN(rapid.RuneFrom([]rune("ab:<&'\"ü")), 0, 20, -1).Draw(t, "space"), "local"}
		var b strings.Builder
		w := NewWriter(&b)
		w.Open("prop")
		w.Element("href", text)
		w.Name(name)
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		root, err := Parse(strings.NewReader(b.String()))
		if err != nil {
			t.Fatalf("%s: %v", b.String(), err)
		}
		if got := root.Children[0].Text(); got != text {
			t.Errorf("got %q, want %q", got, text)
		}
		if got := root.Children[1].Name; got != name {
			t.Errorf("got %v, want %v", got, name)
		}
	})
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestWriterKeepsTheFirstError(t *testing.T) {
	gone := errors.New("gone")
	w := NewWriter(failing{gone})
	w.Open("multistatus")
	for range 10_000 {
		w.Element("href", "/a")
	}
	if !errors.Is(w.Err(), gone) || !errors.Is(w.Flush(), gone) {
		t.Errorf("got %v, want %v", w.Err(), gone)
	}
}
