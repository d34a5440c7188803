package linewise

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func TestLines(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"text", "a b\nc\n", "a b\nc\n"},
		{"nothing", "", ""},
		{"JSON with lines", "{\"a\":1}\n{\"a\":2}\n", "{\"a\":1}\n{\"a\":2}\n"},
		{"an array", "[\n {\"a\" : \"x ] \\\" y\"},{\"a\":[2,{}]}\n]\n", "{\"a\":\"x ] \\\" y\"}\n{\"a\":[2,{}]}\n"},
		{"CloudTrail", `{"Records":[{"a":{"b":1}},{"a":2}],"x":{"y":1}}`, "{\"a\":{\"b\":1}}\n{\"a\":2}\n"},
		{"two of them", `{"Records":[{"a":1}]}{"Records":[{"a":2}]}`, "{\"a\":1}\n{\"a\":2}\n"},
		{"several lines each", "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n", "{\"a\":1}\n{\"a\":2}\n"},
		{"counted", "19 <190>1 - a b c - xy18 <190>1 - a b c - z\n12 <190>1 - a ", "<190>1 - a b c - xy\n<190>1 - a b c - z\n<190>1 - a \n"},
		{"UTF-16", "\xff\xfea\x00\n\x00\xfc\x00", "a\n\u00fc"},
		{"UTF-16, the other way round", "\xfe\xff\x00a\x00\n", "a\n"},
		{"cut off", `[{"a":1},{"a`, "{\"a\":1}\n{\"a"},
	} {
		r, note := NewReader(iotest.OneByteReader(strings.NewReader(c.in)))
		got, err := io.ReadAll(r)
		if err != nil || string(got) != c.want || (note == "") != (c.in == c.want) {
			t.Errorf("%s: got %q, note %q, %v; want %q", c.name, got, note, err, c.want)
		}
	}
}

func TestErrors(t *testing.T) {
	r, _ := NewReader(iotest.ErrReader(io.ErrClosedPipe))
	if _, err := io.ReadAll(r); err != io.ErrClosedPipe {
		t.Errorf("got %v", err)
	}
}

// FuzzLines: of a JSON document each line is a value of it, and all others stay as they are.
func FuzzLines(f *testing.F) {
	for _, s := range []string{
		`[{"a":1},{"b":[{}]}]`, `{"Records":[{"a":"\\\""}]}`, "{\n\"a\":1}\n", "x\n", "\xff\xfea\x00",
		"19 <190>1 - a b c - xy18 <190>1 - a b c - z\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r, note := NewReader(bytes.NewReader(in))
		got, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if note == "" && !bytes.Equal(got, in) {
			t.Fatalf("got %q of %q", got, in)
		}
		if len(got) > 3*len(in) {
			t.Fatalf("%d bytes of %d", len(got), len(in))
		}
		if note == "" || !json.Valid(in) {
			return
		}
		for line := range bytes.Lines(got) {
			if !json.Valid(line) {
				t.Fatalf("line %q of %q", line, in)
			}
		}
	})
}
