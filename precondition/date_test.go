package precondition_test

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/precondition"
	"pgregory.net/rapid"
)

const datesFile = "5.6.7-dates.txt"

// readIn is the year in which two-digit years are read unless a row says another.
const readIn = 2026

func TestParseDate(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", datesFile))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(string(data)) {
		if line == "\n" || line[0] == '#' {
			continue
		}
		columns := strings.Split(line, "|")
		if len(columns) != 3 {
			t.Fatalf("got %d columns, want 3: %s", len(columns), line)
		}
		rows++
		checkDate(t, strings.TrimSpace(columns[0]), strings.TrimSpace(columns[1]))
	}
	if rows < 100 {
		t.Errorf("got %d rows, want 100 or more: was the file cut?", rows)
	}
}

var inYear = regexp.MustCompile(`^in (\d{4}): `)

func checkDate(t *testing.T, input, want string) {
	t.Helper()
	year := readIn
	if m := inYear.FindStringSubmatch(input); m != nil {
		year, _ = strconv.Atoi(m[1])
		input = strings.TrimPrefix(input, m[0])
	}
	if input == "-" {
		input = ""
	}
	date, ok := precondition.ParseDate(unescape(input), time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC))
	got := "no"
	if ok {
		got = date.Format("2006-01-02T15:04:05Z")
	}
	if got != want {
		t.Errorf("%q in %d: got %s, want %s", input, year, got, want)
	}
}

// TestZeroNow: without a clock, two-digit years are read as in the year 2000.
func TestZeroNow(t *testing.T) {
	for input, want := range map[string]int{
		"Sunday, 06-Nov-94 08:49:37 GMT":   1994,
		"Sunday, 06-Nov-49 08:49:37 GMT":   2049,
		"Saturday, 01-Jan-50 00:00:00 GMT": 2050,
		"Sunday, 01-Jan-50 00:00:01 GMT":   1950,
	} {
		if got, ok := precondition.ParseDate(input, time.Time{}); !ok || got.Year() != want {
			t.Errorf("%s: got %v, %v; want the year %d", input, got, ok, want)
		}
	}
}

// TestDateRoundTrip writes dates in the three forms and reads them back.
func TestDateRoundTrip(t *testing.T) {
	now := time.Date(readIn, 11, 24, 10, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		want := time.Unix(rapid.Int64Range(-62167219200, 253402300799).Draw(t, "seconds"), 0).UTC()
		layouts := []string{http.TimeFormat, "Mon Jan _2 15:04:05 2006", "Mon Jan 02 15:04:05 2006"}
		if want.Before(now.AddDate(50, 0, 0)) && want.After(now.AddDate(-50, 0, 0)) {
			layouts = append(layouts, "Monday, 02-Jan-06 15:04:05 GMT")
		}
		for _, layout := range layouts {
			s := want.Format(layout)
			if got, ok := precondition.ParseDate(s, now); !ok || !got.Equal(want) {
				t.Fatalf("%q: got %v, %v; want %v", s, got, ok, want)
			}
		}
	})
}

// FuzzParseDate compares with a second reader, made from the grammar, and with
// net/http where both accept.
func FuzzParseDate(f *testing.F) {
	for _, seed := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
		"Tue, 29 Feb 2000 23:59:60 GMT", "Thursday, 29-Feb-00 00:00:00 GMT", "Sun, 00 Nov 0000 00:00:00 GMT",
		"sun, 6 nov 1994 8:49:37 gmt", "0", "",
	} {
		f.Add(seed, int64(1795514400))
	}
	f.Fuzz(func(t *testing.T, s string, unix int64) {
		const years = 5000 * 365 * 24 * 3600
		now := time.Unix(unix%years, 0).UTC()
		got, ok := precondition.ParseDate(s, now)
		want, wantOK := naiveDate(s, now)
		if ok != wantOK || !got.Equal(want) {
			t.Fatalf("%q at %v: got %v, %v; the grammar says %v, %v", s, now, got, ok, want, wantOK)
		}
		if !ok {
			return
		}
		checkAgainstNetHTTP(t, s, got)
		if again, ok := precondition.ParseDate(got.Format(http.TimeFormat), now); got.Year() <= 9999 && (!ok || !again.Equal(got)) {
			t.Fatalf("%q: read as %v, written and read again as %v, %v", s, got, again, ok)
		}
	})
}

// checkAgainstNetHTTP: net/http refuses leap seconds and reads two-digit years by
// a fixed pivot, 1969 to 2068; otherwise it accepts what we do and means the same.
func checkAgainstNetHTTP(t *testing.T, s string, got time.Time) {
	t.Helper()
	theirs, err := http.ParseTime(s)
	switch {
	case strings.Contains(s, ":60"):
	case err != nil:
		t.Fatalf("%q: accepted, but net/http says %v", s, err)
	case strings.Contains(s, "-"):
		if got.Year()%100 != theirs.Year()%100 || got.YearDay() != theirs.YearDay() && got.Year() == theirs.Year() {
			t.Fatalf("%q: got %v, net/http %v", s, got, theirs)
		}
	case !got.Equal(theirs):
		t.Fatalf("%q: got %v, net/http %v", s, got, theirs)
	}
}

// TestParseDateDoesNotAllocate keeps a promise.
func TestParseDateDoesNotAllocate(t *testing.T) {
	now := time.Date(readIn, 11, 24, 10, 0, 0, 0, time.UTC)
	for _, s := range []string{
		"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "yesterday",
	} {
		if n := testing.AllocsPerRun(100, func() { precondition.ParseDate(s, now) }); n != 0 {
			t.Errorf("%q: got %v allocations, want 0", s, n)
		}
	}
}

func BenchmarkParseDate(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := precondition.ParseDate("Sun, 06 Nov 1994 08:49:37 GMT", time.Time{}); !ok {
			b.Fatal("refused")
		}
	}
}
