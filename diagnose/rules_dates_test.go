package diagnose

import (
	"strings"
	"testing"
	"time"
)

func TestDateFault(t *testing.T) {
	for _, c := range []struct{ value, want string }{
		{"Tue, 03 Nov 2026 09:14:22 UTC", `ends in "UTC"`},
		{"Tue, 03 Nov 2026 09:14:22 gmt", `ends in "gmt"`},
		{"Tue, 03 Nov 2026 10:14:22 +0100", `ends in "+0100"`},
		{"Tue, 03 Nov 2026 09:14:22 -0000", `ends in "-0000"`},
		{"Tue, 3 Nov 2026 09:14:22 GMT", "one digit"},
		{"Di, 03 Nov 2026 09:14:22 GMT", "English name"},
		{"mar., 03 nov. 2026 09:14:22 GMT", "English name"},
		{"2026-11-03T09:14:22Z", "ISO 8601"},
		{"1793697262", "is a number"},
		{"-1", "is a number"},
		{"Tue, 03 Nov 2026", "none of the three forms"},
		{"Tue, 03 Nov 2026 09:14:22 CET", "none of the three forms"},
		{"T", "English name"},
	} {
		if got := dateFault(c.value); !strings.Contains(got, c.want) {
			t.Errorf("dateFault(%q) = %q, want %q in it", c.value, got, c.want)
		}
		if !parseDate(c.value).IsZero() {
			t.Errorf("%q is an HTTP-date after all", c.value)
		}
	}
}

// TestMeantAsDate is about If-Range, which takes a date or a tag.
func TestMeantAsDate(t *testing.T) {
	for value, want := range map[string]bool{
		"Tue, 03 Nov 2026 09:14:22 GMT":    true,
		"Tue, 3 Nov 2026 10:14:22 +0100":   true,
		"2026-11-03T09:14:22Z":             true,
		`"a"`:                              false,
		`"2026-11-03T09:14:22Z"`:           false,
		`W/"datetime'2026-11-03T09:14:2'"`: false,
		"c3dddcb6736bdd1:0":                false,
		"":                                 false,
	} {
		if got := meantAsDate(value); got != want {
			t.Errorf("meantAsDate(%q) = %t, want %t", value, got, want)
		}
	}
}

// TestNormalTimes shows that the constants are the dates they are said to be.
func TestNormalTimes(t *testing.T) {
	for _, c := range []struct {
		date time.Time
		want string
	}{
		{time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC), "1970"},
		{time.Date(1970, 1, 1, 0, 0, 1, 0, time.UTC), "Nix"},
		{time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC), "zip"},
		{time.Date(1980, 1, 1, 0, 0, 2, 0, time.UTC), "zip"},
		{time.Date(1985, 10, 26, 8, 15, 0, 0, time.UTC), "npm"},
		{time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), "2000"},
	} {
		if got := normalTimes[c.date.Unix()]; !strings.Contains(got, c.want) {
			t.Errorf("normalTimes of %s = %q, want %q in it", c.date, got, c.want)
		}
	}
}
