package byterange_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"mime"
	"mime/multipart"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
	"pgregory.net/rapid"
)

// sections returns what Send needs to take its ranges from content.
func sections(content string) func(io.Writer, byterange.Range) (int64, error) {
	return func(w io.Writer, r byterange.Range) (int64, error) {
		return io.Copy(w, io.NewSectionReader(strings.NewReader(content), r.Start, r.Length))
	}
}

const alphabet = "abcdefghijklmnopqrstuvwxyz"

// The form of the example in RFC 9110 §15.3.7.2, to the byte, after the line end that §14.6 allows
// before the first boundary and that some clients look for.
func TestMultipart(t *testing.T) {
	ranges := []byterange.Range{{Start: 0, Length: 5}, {Start: 23, Length: 3}}
	for _, test := range []struct {
		size        int64
		contentType string
		want        string
	}{
		{26, "text/plain; charset=utf-8", "\r\n--THIS_STRING_SEPARATES\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\n" +
			"Content-Range: bytes 0-4/26\r\n" +
			"\r\n" +
			"abcde\r\n" +
			"--THIS_STRING_SEPARATES\r\n" +
			"Content-Type: text/plain; charset=utf-8\r\n" +
			"Content-Range: bytes 23-25/26\r\n" +
			"\r\n" +
			"xyz\r\n" +
			"--THIS_STRING_SEPARATES--\r\n"},
		// A representation without a Content-Type, of a length not known.
		{-1, "", "\r\n--THIS_STRING_SEPARATES\r\n" +
			"Content-Range: bytes 0-4/*\r\n" +
			"\r\n" +
			"abcde\r\n" +
			"--THIS_STRING_SEPARATES\r\n" +
			"Content-Range: bytes 23-25/*\r\n" +
			"\r\n" +
			"xyz\r\n" +
			"--THIS_STRING_SEPARATES--\r\n"},
	} {
		m, err := byterange.NewMultipart(ranges, test.size, test.contentType, "THIS_STRING_SEPARATES")
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		n, err := m.Send(&got, sections(alphabet))
		if err != nil || got.String() != test.want || n != int64(len(test.want)) {
			t.Errorf("Send = %d, %v\n got %q\nwant %q", n, err, got.String(), test.want)
		}
		if m.Length() != int64(len(test.want)) {
			t.Errorf("Length() = %d, want %d", m.Length(), len(test.want))
		}
		if got, want := m.ContentType(), "multipart/byteranges; boundary=THIS_STRING_SEPARATES"; got != want {
			t.Errorf("ContentType() = %q, want %q", got, want)
		}
	}
}

// Whatever is sent is read back by another reader, and is as long as announced.
func TestMultipartRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := string(rapid.SliceOfN(rapid.Byte(), 1, 300).Draw(t, "content"))
		size := int64(len(content))
		ranges := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) byterange.Range {
			start := rapid.Int64Range(0, size-1).Draw(t, "start")
			return byterange.Range{Start: start, Length: rapid.Int64Range(1, size-start).Draw(t, "length")}
		}), 1, 20).Draw(t, "ranges")
		contentType := rapid.SampledFrom([]string{"", "text/plain", "text/html; charset=\"utf-8\"", "video/example"}).Draw(t, "type")
		boundary := rapid.OneOf(rapid.Just(""), rapid.StringMatching(`[-0-9A-Za-z'+._]{8,70}`)).Draw(t, "boundary")
		if boundary != "" && strings.Contains(content, "--"+boundary) {
			t.Skip("the boundary is in the content")
		}

		m, err := byterange.NewMultipart(ranges, size, contentType, boundary)
		if err != nil {
			t.Fatal(err)
		}
		var body bytes.Buffer
		if n, err := m.Send(&body, sections(content)); err != nil || n != int64(body.Len()) || n != m.Length() {
			t.Fatalf("Send = %d, %v, wrote %d, want %d", n, err, body.Len(), m.Length())
		}
		parts, err := readParts(m.ContentType(), &body)
		if err != nil {
			t.Fatal(err)
		}
		if len(parts) != len(ranges) {
			t.Fatalf("got %d parts, want %d", len(parts), len(ranges))
		}
		for i, r := range ranges {
			want := part{contentType, byterange.ContentRange{Range: r, Size: size}, content[r.Start:r.End()]}
			if parts[i] != want {
				t.Errorf("part %d: got %+v, want %+v", i, parts[i], want)
			}
		}
	})
}

// part is one part of a multipart/byteranges as another reader sees it.
type part struct {
	contentType  string
	contentRange byterange.ContentRange
	content      string
}

// readParts reads a multipart/byteranges with mime/multipart.
func readParts(contentType string, body io.Reader) ([]part, error) {
	mediaType, params, err := mime.ParseMediaType(contentType)
	if err != nil || mediaType != "multipart/byteranges" {
		return nil, fmt.Errorf("content type %q: %v", contentType, err)
	}
	var parts []part
	reader := multipart.NewReader(body, params["boundary"])
	for {
		p, err := reader.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		c, err := byterange.ParseContentRange(p.Header.Get("Content-Range"))
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part{p.Header.Get("Content-Type"), c, string(content)})
	}
}

// Boundaries are not used twice, and are tokens, which need no quotes.
func TestMultipartRandomBoundary(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		m, err := byterange.NewMultipart([]byterange.Range{{Start: 0, Length: 1}}, 1, "", "")
		if err != nil {
			t.Fatal(err)
		}
		boundary := strings.TrimPrefix(m.ContentType(), "multipart/byteranges; boundary=")
		if len(boundary) < 22 || strings.ContainsAny(boundary, " \"()<>@,;:\\/[]?=") || seen[boundary] {
			t.Fatalf("Content-Type: %s: boundary is short, needs quotes or was used before", m.ContentType())
		}
		seen[boundary] = true
	}
}

func TestNewMultipartError(t *testing.T) {
	good := []byterange.Range{{Start: 0, Length: 1}, {Start: 5, Length: 5}}
	for _, test := range []struct {
		name        string
		ranges      []byterange.Range
		size        int64
		contentType string
		boundary    string
		ok          bool
	}{
		{"good", good, 10, "text/plain", "b", true},
		{"no ranges", nil, 10, "text/plain", "b", false},
		{"empty range", []byterange.Range{{Start: 5}}, 10, "text/plain", "b", false},
		{"negative start", []byterange.Range{{Start: -1, Length: 2}}, 10, "text/plain", "b", false},
		{"past the end", good, 9, "text/plain", "b", false},
		{"end past an int64", []byterange.Range{{Start: math.MaxInt64, Length: 1}}, -1, "text/plain", "b", false},
		{"longer than an int64", []byterange.Range{{Start: 0, Length: math.MaxInt64}}, math.MaxInt64, "", "b", false},
		{"as long as an int64 can say", []byterange.Range{{Start: 0, Length: math.MaxInt64 - 82}}, math.MaxInt64, "", "b", true},
		{"just longer than an int64", []byterange.Range{{Start: 0, Length: math.MaxInt64 - 81}}, math.MaxInt64, "", "b", false},
		{"longer together than an int64", []byterange.Range{{Start: 0, Length: 1 << 62}, {Start: 0, Length: 1 << 62}}, math.MaxInt64,
			"", "b", false},
		{"four times a quarter of 2^64", slices.Repeat([]byterange.Range{{Start: 0, Length: 1 << 62}}, 4), math.MaxInt64, "", "b", false},
		{"line break in the type", good, 10, "text/plain\r\nSet-Cookie: a=b", "b", false},
		{"bare LF in the type", good, 10, "text/plain\nx", "b", false},
		{"NUL in the type", good, 10, "text/plain\x00", "b", false},
		{"DEL in the type", good, 10, "text/plain\x7f", "b", false},
		{"tab in the type", good, 10, "text/plain;\tcharset=utf-8", "b", true},
		{"bytes past ASCII in the type", good, 10, "text/plain; title=\"\xe4\"", "b", true},
		{"space in the boundary", good, 10, "", "a b", false},
		{"quotes in the boundary", good, 10, "", `"b"`, false},
		{"line break in the boundary", good, 10, "", "a\r\nb", false},
		{"boundary that needs quotes", good, 10, "", "a=b", false},
		{"boundary of 70", good, 10, "", strings.Repeat("b", 70), true},
		{"boundary of 71", good, 10, "", strings.Repeat("b", 71), false},
	} {
		m, err := byterange.NewMultipart(test.ranges, test.size, test.contentType, test.boundary)
		if (err == nil) != test.ok || (m != nil) != test.ok {
			t.Errorf("%s: got %v, %v, want success: %t", test.name, m, err, test.ok)
		}
		if err != nil && !strings.HasPrefix(err.Error(), "multipart/byteranges: ") {
			t.Errorf("%s: error %q does not say what it is about", test.name, err)
		}
	}
}

// A Multipart keeps what it was made from.
func TestMultipartOwnsRanges(t *testing.T) {
	ranges := []byterange.Range{{Start: 0, Length: 1}, {Start: 2, Length: 1}}
	m, err := byterange.NewMultipart(ranges, 26, "", "b")
	if err != nil {
		t.Fatal(err)
	}
	ranges[0] = byterange.Range{Start: 4, Length: 20}
	var got strings.Builder
	if _, err := m.Send(&got, sections(alphabet)); err != nil || int64(got.Len()) != m.Length() {
		t.Errorf("Send wrote %d bytes, %v, want %d", got.Len(), err, m.Length())
	}
}

var errBroken = errors.New("broken pipe")

// brokenWriter takes n bytes and then fails.
type brokenWriter struct{ n int64 }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > w.n {
		n := int(w.n)
		w.n = 0
		return n, errBroken
	}
	w.n -= int64(len(p))
	return len(p), nil
}

// A connection may break at any byte: Send stops there, and says so.
func TestSendToBrokenWriter(t *testing.T) {
	m, err := byterange.NewMultipart([]byterange.Range{{Start: 0, Length: 5}, {Start: 23, Length: 3}}, 26, "text/plain", "b")
	if err != nil {
		t.Fatal(err)
	}
	for cut := range m.Length() {
		n, err := m.Send(&brokenWriter{cut}, sections(alphabet))
		if n != cut || !errors.Is(err, errBroken) {
			t.Errorf("cut at %d: Send = %d, %v", cut, n, err)
		}
	}
	if n, err := m.Send(&brokenWriter{m.Length()}, sections(alphabet)); n != m.Length() || err != nil {
		t.Errorf("not cut: Send = %d, %v", n, err)
	}
}

// A part that is too short, too long or fails must not pass for the whole.
func TestSendBrokenPart(t *testing.T) {
	m, err := byterange.NewMultipart([]byterange.Range{{Start: 0, Length: 5}, {Start: 23, Length: 3}}, 26, "", "b")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		text string
		err  error
		want error
	}{
		{"abcd", nil, io.ErrUnexpectedEOF},
		{"abcdef", nil, io.ErrUnexpectedEOF},
		{"", nil, io.ErrUnexpectedEOF},
		{"ab", errBroken, errBroken},
	} {
		calls := 0
		var got strings.Builder
		n, err := m.Send(&got, func(w io.Writer, r byterange.Range) (int64, error) {
			calls++
			n, _ := io.WriteString(w, test.text)
			return int64(n), test.err
		})
		if !errors.Is(err, test.want) || calls != 1 || n != int64(got.Len()) {
			t.Errorf("part %q, %v: Send = %d, %v after %d calls and %d bytes", test.text, test.err, n, err, calls, got.Len())
		}
		if err != nil && !strings.Contains(err.Error(), "bytes 0-4/26") {
			t.Errorf("error %q does not name the part", err)
		}
	}
}

// The writer reaches the part as it is, with whatever else it can do.
func TestSendPassesWriterOn(t *testing.T) {
	m, err := byterange.NewMultipart([]byterange.Range{{Start: 0, Length: 5}, {Start: 23, Length: 3}}, 26, "", "b")
	if err != nil {
		t.Fatal(err)
	}
	var dst bytes.Buffer
	var asked []byterange.Range
	_, err = m.Send(&dst, func(w io.Writer, r byterange.Range) (int64, error) {
		if w != io.Writer(&dst) {
			t.Errorf("part %v: got writer %T, want the one given to Send", r, w)
		}
		asked = append(asked, r)
		return sections(alphabet)(w, r)
	})
	if want := []byterange.Range{{Start: 0, Length: 5}, {Start: 23, Length: 3}}; err != nil || !slices.Equal(asked, want) {
		t.Errorf("asked for %v, %v, want %v", asked, err, want)
	}
}

func FuzzNewMultipart(f *testing.F) {
	f.Add("text/plain", "b", int64(0), int64(5), int64(23), int64(3))
	f.Add("text/plain\r\nx: y", "", int64(0), int64(5), int64(23), int64(3))
	f.Add("", "a b", int64(-1), int64(5), int64(math.MaxInt64), int64(math.MaxInt64))
	f.Fuzz(func(t *testing.T, contentType, boundary string, a, b, c, d int64) {
		ranges := []byterange.Range{{Start: a, Length: b}, {Start: c, Length: d}}
		m, err := byterange.NewMultipart(ranges, int64(len(alphabet)), contentType, boundary)
		if err != nil {
			return
		}
		var body strings.Builder
		if n, err := m.Send(&body, sections(alphabet)); err != nil || n != m.Length() {
			t.Fatalf("Send = %d, %v, want %d", n, err, m.Length())
		}
		parts, err := readParts(m.ContentType(), strings.NewReader(body.String()))
		if err != nil || len(parts) != 2 {
			t.Fatalf("%q: got %d parts, %v", body.String(), len(parts), err)
		}
		for i, r := range ranges {
			if got, want := parts[i].content, alphabet[r.Start:r.End()]; got != want {
				t.Errorf("part %d: got %q, want %q", i, got, want)
			}
			if got, want := parts[i].contentType, strings.Trim(contentType, " \t"); got != want {
				t.Errorf("part %d: got Content-Type %q, want %q", i, got, want)
			}
		}
	})
}
