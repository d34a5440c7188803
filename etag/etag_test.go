package etag_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fourtwelve/fourtwelve/etag"
	"pgregory.net/rapid"
)

// rows returns the lines of a testdata file cut at "|", without comments and
// empty lines.
func rows(t *testing.T, name string) [][]string {
	t.Helper()
	var rows [][]string
	for _, line := range lines(t, name) {
		if line == "" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		for i := range columns {
			columns[i] = unescape(strings.TrimSpace(columns[i]))
			if columns[i] == "-" {
				columns[i] = ""
			}
		}
		rows = append(rows, columns)
	}
	return rows
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile("testdata/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(data), "\n")
}

var hexByte = regexp.MustCompile(`\\x[0-9a-f]{2}`)

// unescape replaces each \xHH by the byte it stands for.
func unescape(s string) string {
	return hexByte.ReplaceAllStringFunc(s, func(escape string) string {
		n, _ := strconv.ParseUint(escape[2:], 16, 8)
		return string([]byte{byte(n)})
	})
}

func TestParse(t *testing.T) {
	for _, row := range rows(t, "parse.txt") {
		input, verdict, detail := row[0], row[1], row[2]
		tag, err := etag.Parse(input)
		if verdict == "no" {
			checkFault(t, input, tag, err, detail)
			continue
		}
		if err != nil {
			t.Errorf("Parse(%q): got error %v, want %s", input, err, verdict)
			continue
		}
		got := fmt.Sprintf("weak %v, opaque %q, text %q", tag.IsWeak(), tag.Opaque(), tag)
		want := fmt.Sprintf("weak %v, opaque %q, text %q", verdict == "weak", detail, input)
		if got != want {
			t.Errorf("Parse(%q): got %s, want %s", input, got, want)
		}
	}
}

func checkFault(t *testing.T, input string, tag etag.Tag, err error, want string) {
	t.Helper()
	syntax, ok := errors.AsType[*etag.SyntaxError](err)
	if !ok || !errors.Is(err, etag.ErrSyntax) {
		t.Errorf("Parse(%q): got %v, error %v; want a *SyntaxError that is ErrSyntax", input, tag, err)
		return
	}
	got := fmt.Sprintf("%s %d", syntax.Fault.Name(), syntax.Offset)
	if got != want || !tag.IsZero() || syntax.Input != input {
		t.Errorf("Parse(%q): got %s, tag %v, input %q; want %s", input, got, tag, syntax.Input, want)
	}
	if !strings.Contains(err.Error(), syntax.Fault.String()) {
		t.Errorf("Parse(%q): the message %q does not say %q", input, err, syntax.Fault)
	}
}

// FuzzParse checks that Parse keeps what it accepts as it was, and that a second
// reader, made from the grammar, accepts the same.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`"xyzzy"`, `W/"xyzzy"`, `""`, `w/"a"`, `"a b"`, `"a"b`, `'a'`, "\"\xe9\"", "*", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tag, err := etag.Parse(s)
		if want := wellFormed.MatchString(latin1(s)); (err == nil) != want {
			t.Fatalf("Parse(%q): got error %v, the grammar says %v", s, err, want)
		}
		if err != nil {
			checkSyntaxError(t, s, tag, err)
			return
		}
		if tag.String() != s || string(tag.AppendTo(nil)) != s {
			t.Fatalf("Parse(%q): got %q back", s, tag)
		}
		if want := strings.HasPrefix(s, "W/"); tag.IsWeak() != want {
			t.Fatalf("Parse(%q): got weak %v, want %v", s, tag.IsWeak(), want)
		}
		strong, err := etag.Strong(tag.Opaque())
		if err != nil || !strong.WeakEqual(tag) || strong.Weak() != tag.Weak() {
			t.Fatalf("Strong(%q) of %q: got %v, error %v", tag.Opaque(), s, strong, err)
		}
	})
}

func checkSyntaxError(t *testing.T, s string, tag etag.Tag, err error) {
	t.Helper()
	syntax, ok := errors.AsType[*etag.SyntaxError](err)
	if !ok || !tag.IsZero() || syntax.Fault == etag.None || syntax.Offset < 0 || syntax.Offset > len(s) {
		t.Fatalf("Parse(%q): got tag %v and error %#v", s, tag, err)
	}
}

// wellFormed is the grammar of §8.8.3, for texts with one rune a byte.
var wellFormed = regexp.MustCompile(`^(W/)?"[\x{21}\x{23}-\x{7e}\x{80}-\x{ff}]*"$`)

// latin1 turns each byte into the rune of that number, so that a regexp sees bytes.
func latin1(s string) string {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return string(runes)
}

func TestCompare(t *testing.T) {
	words := map[bool]string{true: "match", false: "no match"}
	for _, row := range rows(t, "compare.txt") {
		a, b := parseOrZero(t, row[0]), parseOrZero(t, row[1])
		for range 2 {
			got := []string{words[a.StrongEqual(b)], words[a.WeakEqual(b)]}
			if got[0] != row[2] || got[1] != row[3] {
				t.Errorf("%v and %v: got strong %s, weak %s; want strong %s, weak %s", a, b, got[0], got[1], row[2], row[3])
			}
			a, b = b, a
		}
	}
}

func parseOrZero(t *testing.T, s string) etag.Tag {
	t.Helper()
	var tag etag.Tag
	if err := tag.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return tag
}

func TestZeroTag(t *testing.T) {
	var zero etag.Tag
	empty := etag.MustParse(`""`)
	if zero == empty {
		t.Error(`the zero Tag and the tag "" are the same, want them to differ`)
	}
	if !zero.IsZero() || empty.IsZero() {
		t.Errorf(`IsZero: got %v for the zero Tag and %v for "", want true and false`, zero.IsZero(), empty.IsZero())
	}
	for what, got := range map[string]etag.Tag{
		"Weak":         zero.Weak(),
		"WithCoding":   zero.WithCoding("gzip"),
		"WithRevision": zero.WithRevision(7),
	} {
		if !got.IsZero() {
			t.Errorf("%s of the zero Tag: got %v, want the zero Tag", what, got)
		}
	}
	if base, coding, ok := zero.SplitCoding(); !base.IsZero() || coding != "" || ok {
		t.Errorf("SplitCoding of the zero Tag: got %v, %q, %v", base, coding, ok)
	}
	if zero.IsWeak() || zero.Opaque() != "" || zero.String() != "" {
		t.Errorf("the zero Tag: got weak %v, opaque %q, text %q", zero.IsWeak(), zero.Opaque(), zero)
	}
}

func TestTagIsMapKey(t *testing.T) {
	seen := map[etag.Tag]string{
		etag.MustParse(`"a"`):   "strong",
		etag.MustParse(`W/"a"`): "weak",
		etag.MustParse(`""`):    "empty",
		{}:                      "none",
	}
	if len(seen) != 4 {
		t.Errorf("got %d keys, want 4", len(seen))
	}
	if got := seen[etag.MustParse("W/"+`"a"`)]; got != "weak" {
		t.Errorf("got %q, want %q", got, "weak")
	}
}

func TestTextRoundTrip(t *testing.T) {
	in := map[string]etag.Tag{"strong": etag.MustParse(`"a"`), "weak": etag.MustParse(`W/"a"`), "none": {}}
	data, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]etag.Tag
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	for key, want := range in {
		if out[key] != want {
			t.Errorf("%s: got %v back from %s, want %v", key, out[key], data, want)
		}
	}
	kept := etag.MustParse(`"kept"`)
	if err := kept.UnmarshalText([]byte("a")); !errors.Is(err, etag.ErrSyntax) || kept.Opaque() != "kept" {
		t.Errorf("UnmarshalText of a malformed tag: got %v, error %v; want the old tag and ErrSyntax", kept, err)
	}
}

func TestMustParsePanics(t *testing.T) {
	defer func() {
		if err, ok := recover().(error); !ok || !errors.Is(err, etag.ErrSyntax) {
			t.Errorf("got panic %v, want one with ErrSyntax", err)
		}
	}()
	etag.MustParse("a")
}

func TestLongInputIsCutInMessage(t *testing.T) {
	_, err := etag.Parse(strings.Repeat("a", 1<<20))
	if n := len(err.Error()); n > 300 {
		t.Errorf("got a message of %d bytes, want it short", n)
	}
}

func TestFaultNamesDiffer(t *testing.T) {
	seen := map[string]etag.Fault{}
	for f := etag.None; f <= etag.TextAfter; f++ {
		if other, ok := seen[f.Name()]; ok || f.Name() == "unknown" || f.String() == "malformed" {
			t.Errorf("fault %d: got name %q, text %q (name also of %d)", f, f.Name(), f, other)
		}
		seen[f.Name()] = f
	}
	if f := etag.TextAfter + 1; f.Name() != "unknown" || f.String() != "malformed" {
		t.Errorf("a number that is no fault: got %q, %q", f.Name(), f)
	}
}

func TestOf(t *testing.T) {
	// The SHA-256 of no bytes begins e3b0c44298fc1c149afbf4c8996fb924.
	if got, want := etag.Of(nil).String(), `"47DEQpj8HBSa-_TImW-5JA"`; got != want {
		t.Errorf("the tag of no content: got %s, want %s", got, want)
	}
	// The SHA-256 of "abc" begins ba7816bf8f01cfea414140de5dae2223 (FIPS 180-2, B.1).
	if got, want := etag.Of([]byte("abc")).String(), `"ungWv48Bz-pBQUDeXa4iIw"`; got != want {
		t.Errorf(`the tag of "abc": got %s, want %s`, got, want)
	}
}

// TestMakersAgree checks that the ways to make a tag of content make the same, a
// strong one that parses, and that other content has another.
func TestMakersAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		content := rapid.SliceOf(rapid.Byte()).Draw(t, "content")
		tag := etag.Of(content)
		read, n, err := etag.FromReader(iotest.OneByteReader(bytes.NewReader(content)))
		if err != nil || n != int64(len(content)) || read != tag || etag.FromDigest(sha256.Sum256(content)) != tag {
			t.Fatalf("got %v from Of, %v from FromReader (%d bytes, error %v), %v from FromDigest",
				tag, read, n, err, etag.FromDigest(sha256.Sum256(content)))
		}
		if parsed, err := etag.Parse(tag.String()); err != nil || parsed != tag || tag.IsWeak() {
			t.Fatalf("%v: parsed as %v, error %v, weak %v", tag, parsed, err, tag.IsWeak())
		}
		if other := etag.Of(append(content, 0)); other == tag {
			t.Fatalf("%v is the tag of two contents", tag)
		}
	})
}

func TestFromReaderFails(t *testing.T) {
	broken := errors.New("broken")
	tag, n, err := etag.FromReader(io.MultiReader(strings.NewReader("abc"), iotest.ErrReader(broken)))
	if !errors.Is(err, broken) || !tag.IsZero() || n != 3 {
		t.Errorf("got %v, %d, error %v; want no tag, 3 bytes, the reader's error", tag, n, err)
	}
}

func TestCodingRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tag := anyTag().Draw(t, "tag")
		coding := rapid.SampledFrom([]string{"gzip", "br", "zstd", "deflate", "compress"}).Draw(t, "coding")
		coded := tag.WithCoding(coding)
		if coded == tag || coded.IsWeak() != tag.IsWeak() {
			t.Fatalf("%v in %s: got %v", tag, coding, coded)
		}
		if base, got, ok := coded.SplitCoding(); base != tag || got != coding || !ok {
			t.Fatalf("SplitCoding of %v: got %v, %q, %v; want %v, %q, true", coded, base, got, ok, tag, coding)
		}
	})
}

func TestSplitCoding(t *testing.T) {
	for _, c := range []struct{ tag, base, coding string }{
		{`"abc-gzip"`, `"abc"`, "gzip"},
		{`W/"abc-br"`, `W/"abc"`, "br"},
		{`"-zstd"`, `""`, "zstd"},
		{`"abc-gzip-br"`, `"abc-gzip"`, "br"},
		{`"abc-gzip2"`, `"abc"`, "gzip"},
		{`W/"abc-zstd10"`, `W/"abc"`, "zstd"},
		{`"abc-gzip2-br3"`, `"abc-gzip2"`, "br"},
		{`"abc--gzip"`, `"abc-"`, "gzip"},
		{`"abc"`, "", ""},
		{`"abcgzip"`, "", ""},
		{`"gzip"`, "", ""},
		{`"abc-GZIP"`, "", ""},
		{`"abc-gzip1"`, "", ""},
		{`"abc-gzip02"`, "", ""},
		{`"abc-gzip100"`, "", ""},
		{`"abc2"`, "", ""},
		{`"abc-identity"`, "", ""},
		{`"abc;gzip"`, "", ""},
		{`""`, "", ""},
	} {
		tag := etag.MustParse(c.tag)
		base, coding, ok := tag.SplitCoding()
		want := tag
		if c.coding != "" {
			want = etag.MustParse(c.base)
		}
		if base != want || coding != c.coding || ok != (c.coding != "") {
			t.Errorf("SplitCoding of %s: got %v, %q, %v; want %v, %q", c.tag, base, coding, ok, want, c.coding)
		}
	}
}

func TestWithCodingEdges(t *testing.T) {
	tag := etag.MustParse(`"abc"`)
	for _, same := range []string{"", "identity"} {
		if got := tag.WithCoding(same); got != tag {
			t.Errorf("WithCoding(%q): got %v, want %v", same, got, tag)
		}
	}
	for _, broken := range []string{"gzip, br", `gz"ip`, "gz\nip"} {
		if got := tag.WithCoding(broken); !got.IsZero() {
			t.Errorf("WithCoding(%q): got %v, want no tag", broken, got)
		}
	}
}

func TestWithRevision(t *testing.T) {
	tag := etag.MustParse(`W/"abc"`)
	if got, want := tag.WithRevision(36).String(), `W/"10.abc"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if tag.WithRevision(1) == tag.WithRevision(2) {
		t.Error("two revisions have the same tag")
	}
	if got := tag.WithRevision(1<<64 - 1).String(); got != `W/"3w5e11264sgsf.abc"` {
		t.Errorf("the largest revision: got %s", got)
	}
}

// anyTag draws tags of all kinds, short and mostly of unusual characters.
func anyTag() *rapid.Generator[etag.Tag] {
	return rapid.Custom(func(t *rapid.T) etag.Tag {
		opaque := rapid.StringMatching(`[!#-~\x{80}-\x{ff}]{0,8}`).Draw(t, "opaque")
		if rapid.Bool().Draw(t, "weak") {
			return etag.MustParse(`W/"` + opaque + `"`)
		}
		return etag.MustParse(`"` + opaque + `"`)
	})
}
