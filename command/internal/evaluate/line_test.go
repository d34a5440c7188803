package evaluate

import (
	"encoding/json"
	"errors"
	"os"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
	"pgregory.net/rapid"
)

// TestBadLines runs testdata/bad.txt: what is no case, and what is said of it.
func TestBadLines(t *testing.T) {
	data, err := os.ReadFile("testdata/bad.txt")
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for paragraph := range strings.SplitSeq(strings.TrimSpace(string(data)), "\n\n") {
		lines := strings.Split(paragraph, "\n")
		if lines[0][0] == '#' {
			continue
		}
		if len(lines) != 2 {
			t.Fatalf("want a line and what is said of it: %q", lines)
		}
		rows++
		want, ok := strings.CutPrefix(lines[1], "→ ")
		c, id, err := Parse([]byte(lines[0]), precondition.Policy{})
		if !ok || err == nil || err.Error() != want {
			t.Errorf("%s\ngot  %v\nwant %s", lines[0], err, want)
		}
		if id != nil || !reflect.ValueOf(c).IsZero() {
			t.Errorf("%s\ngot an error and %+v", lines[0], c)
		}
	}
	if rows < 25 {
		t.Errorf("got %d rows, want 25 or more: was the file cut?", rows)
	}
}

// TestOtherMembersAreIgnored: a case may carry what it likes beside the members
// of the format, and null means that a validator is not there.
func TestOtherMembersAreIgnored(t *testing.T) {
	for _, line := range []string{
		`{"method":"GET","state":{"exists":true}}`,
		`{"id":null,"role":"origin","method":"GET","state":{"exists":true,"etag":null,"last_modified":null,"size":null,"now":null,"base_status":null},"headers":null}`,
		`{"comment":[{}],"expect":304,"method":"GET","state":{"exists":true,"mtime":1},"headers":[]}`,
		" \t{ \"method\" : \"GET\" , \"state\" : { \"exists\" : true } }\r\n",
	} {
		c, _, err := Parse([]byte(line), precondition.Policy{})
		want := Case{Method: "GET", Current: precondition.Current{Exists: true}, Size: -1}
		if err != nil || !reflect.DeepEqual(c, want) {
			t.Errorf("%s\ngot  %+v, error %v\nwant %+v", line, c, err, want)
		}
	}
}

// TestIDIsEchoed: any JSON value does, byte for byte.
func TestIDIsEchoed(t *testing.T) {
	for _, id := range []string{
		`1`, `1.50`, `1e400`, `"a"`, `"\u00e9"`, `"é"`, `null`, `true`, `[1, 2]`, `{"a": {"b": []}}`, `12345678901234567890123`,
	} {
		line := `{"id":` + id + `,"method":"GET","state":{"exists":true}}`
		c, got, err := Parse([]byte(line), precondition.Policy{})
		if err != nil || string(got) != id {
			t.Errorf("%s: got id %s, error %v", line, got, err)
			continue
		}
		a := c.Answer()
		want := `{"id":` + id + `,"status":200,"reason":"unconditional","section":"13.2.2","trace":[]}` + "\n"
		if out := string(a.AppendJSON(nil, got)); out != want {
			t.Errorf("got  %swant %s", out, want)
		}
	}
	a := Answer{Status: 404, Reason: "unconditional", Section: "13.2.1"}
	if out := string(a.AppendJSON(nil, nil)); !strings.HasPrefix(out, `{"id":null,`) {
		t.Errorf("without an id: got %s", out)
	}
}

// TestOneCharacterIsOneByte sends field values of any bytes through a line and
// back.
func TestOneCharacterIsOneByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		value := string(rapid.SliceOf(rapid.Byte()).Draw(t, "value"))
		line := append([]byte(`{"method":"GET","state":{"exists":true},"headers":[["If-None-Match",`), appendString(nil, value)...)
		c, _, err := Parse(append(line, `]]}`...), precondition.Policy{})
		if err != nil || c.Fields.IfNoneMatch[0] != value {
			t.Fatalf("%s: got %q, error %v; want %q", line, c.Fields.IfNoneMatch, err, value)
		}
		a := c.Answer()
		out := a.AppendJSON(nil, nil)
		var got struct{ Trace []struct{ Sent string } }
		if err := json.Unmarshal(out, &got); err != nil || !utf8.Valid(out) {
			t.Fatalf("%q: %v", out, err)
		}
		if sent, err := octets("sent", got.Trace[0].Sent); err != nil || sent != value {
			t.Fatalf("%s: got %q, error %v; want %q", out, sent, err, value)
		}
	})
}

// TestHighBytesMatch: a tag with bytes above ASCII is written in characters of
// that number.
func TestHighBytesMatch(t *testing.T) {
	line := `{"method":"GET","state":{"exists":true,"etag":"\"caf\u00e9\""},"headers":[["If-None-Match","\"café\""]]}`
	c, _, err := Parse([]byte(line), precondition.Policy{})
	if err != nil || c.Current.Tag != etag.MustParse("\"caf\xe9\"") {
		t.Fatalf("got %v, error %v", c.Current.Tag, err)
	}
	if a := c.Answer(); a.Status != 304 {
		t.Errorf("got %+v, want 304", a)
	}
}

// FuzzParse checks that what is read can be answered, that the answer is JSON,
// and that the id comes back.
func FuzzParse(f *testing.F) {
	data, err := os.ReadFile("testdata/cases.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		c, id, err := Parse(line, precondition.Policy{})
		if err != nil {
			if errors.Unwrap(err) == nil && err.Error() == "" {
				t.Fatalf("%q: an error that says nothing", line)
			}
			return
		}
		a := c.Answer()
		if a.Status < 200 || a.Status > 599 || a.Reason == "" || a.Section == "" {
			t.Fatalf("%q: got %+v", line, a)
		}
		out := a.AppendJSON(nil, id)
		var got struct {
			ID     json.RawMessage
			Status int
		}
		if err := json.Unmarshal(out, &got); err != nil || got.Status != a.Status {
			t.Fatalf("%q: got %q, error %v", line, out, err)
		}
		if id != nil && string(got.ID) != string(id) {
			t.Fatalf("%q: got id %s, want %s", line, got.ID, id)
		}
	})
}
