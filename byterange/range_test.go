package byterange_test

import (
	"errors"
	"fmt"
	"math"
	"testing"

	"github.com/fourtwelve/fourtwelve/byterange"
)

func TestParseContentRange(t *testing.T) {
	for _, row := range readTable(t, "14.4-content-range.txt", 2) {
		t.Run(row.where, func(t *testing.T) {
			if got, want := contentRange(fieldValue(row.cells[0])), row.cells[1]; got != want {
				t.Errorf("Content-Range: %s\n got %s\nwant %s", row.cells[0], got, want)
			}
		})
	}
}

// contentRange parses value and writes what it means as the table does.
func contentRange(value string) string {
	c, err := byterange.ParseContentRange(value)
	if err != nil {
		name := "other"
		for _, known := range []struct {
			name string
			err  error
		}{{"unit", byterange.ErrUnit}, {"syntax", byterange.ErrSyntax}, {"too-large", byterange.ErrTooLarge}} {
			if errors.Is(err, known.err) {
				name = known.name
			}
		}
		parseError, _ := errors.AsType[*byterange.ParseError](err)
		return fmt.Sprintf("error %s at %d", name, parseError.Offset)
	}
	size := "unknown"
	if c.Size >= 0 {
		size = fmt.Sprint(c.Size)
	}
	if c.Unsatisfied() {
		return "nothing of " + size
	}
	return answerRange(c.Range) + " of " + size
}

func TestContentRangeString(t *testing.T) {
	for want, c := range map[string]byterange.ContentRange{
		"bytes 0-499/1234": {Range: byterange.Range{Start: 0, Length: 500}, Size: 1234},
		"bytes 734-1233/*": {Range: byterange.Range{Start: 734, Length: 500}, Size: -1},
		"bytes 9-9/10":     {Range: byterange.Range{Start: 9, Length: 1}, Size: 10},
		"bytes */1234":     {Size: 1234},
		"bytes */0":        {},
		"bytes 0-9223372036854775806/9223372036854775807": {
			Range: byterange.Range{Start: 0, Length: math.MaxInt64}, Size: math.MaxInt64},
	} {
		if got := c.String(); got != want {
			t.Errorf("%+v: got %q, want %q", c, got, want)
		}
		if back, err := byterange.ParseContentRange(want); back != c || err != nil {
			t.Errorf("ParseContentRange(%q) = %+v, %v, want %+v", want, back, err, c)
		}
	}
	if got, want := (byterange.Range{Start: 0, Length: 2}).ContentRange(10), "bytes 0-1/10"; got != want {
		t.Errorf("ContentRange: got %q, want %q", got, want)
	}
	if got, want := byterange.UnsatisfiedContentRange(10), "bytes */10"; got != want {
		t.Errorf("UnsatisfiedContentRange: got %q, want %q", got, want)
	}
	if got, want := string(byterange.Suffix(5).AppendTo([]byte("bytes="))), "bytes=-5"; got != want {
		t.Errorf("AppendTo: got %q, want %q", got, want)
	}
}

func TestContentRangeError(t *testing.T) {
	_, err := byterange.ParseContentRange("bytes 5-2/10")
	want := `Content-Range "bytes 5-2/10": malformed at offset 6: want a last position that is not below the first`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
