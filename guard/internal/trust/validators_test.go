package trust

import (
	"net/http"
	"testing"
	"time"
)

// TestReadModified and FuzzReadTag are about what backends send.
func TestReadModified(t *testing.T) {
	date := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	at := func(d time.Duration) string { return date.Add(d).Format(http.TimeFormat) }
	for _, c := range []struct {
		lines   []string
		fault   string
		settled bool
	}{
		{nil, "", true},
		{[]string{at(-time.Hour)}, "", true},
		{[]string{at(-time.Second)}, "", true},
		{[]string{at(0)}, "", false},
		{[]string{at(time.Second)}, "date-in-future", true},
		{[]string{"yesterday"}, "date-malformed", true},
		{[]string{at(-time.Hour), at(-time.Hour)}, "date-malformed", true},
	} {
		modified, fault := readModified(c.lines, date, date)
		v := Validators{Modified: modified, Date: date}
		if fault != c.fault || v.Settled() != c.settled || fault != "" && !modified.IsZero() {
			t.Errorf("%q: got %v, %q, settled %v", c.lines, modified, fault, v.Settled())
		}
	}
}

func FuzzReadTag(f *testing.F) {
	for _, s := range []string{`"a"`, `W/"a"`, `a`, `""`, ``, `"a", "b"`, `w/"a"`, `"a`, `*`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		tag, fault := ReadTag([]string{value})
		if tag.IsZero() == (fault == "") {
			t.Errorf("%q: tag %v and fault %q", value, tag, fault)
		}
		if !tag.IsZero() && tag.String() != value {
			t.Errorf("%q became %s", value, tag)
		}
	})
}
