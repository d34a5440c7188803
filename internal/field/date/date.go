// Package date reads HTTP-dates (RFC 9110 §5.6.7). There is no other reader of them in the project,
// so that a server, a proxy and a diagnosis never disagree on whether a value is a date, and on
// which.
package date

import (
	"strings"
	"time"
)

// Parse reads an HTTP-date in any of its three forms (RFC 9110 §5.6.7):
//
//	Sun, 06 Nov 1994 08:49:37 GMT   IMF-fixdate
//	Sunday, 06-Nov-94 08:49:37 GMT  RFC 850
//	Sun Nov  6 08:49:37 1994        asctime
//
// Names are case-sensitive, the day must exist in its month, and second 60 is
// the leap second: the one after 59. The name of the day is not compared with
// the date. A two-digit year that would be more than 50 years after now is in
// the century before (§5.6.7); a zero now stands for the year 2000. The time is
// in UTC, and zero if ok is false. Parse does not allocate.
func Parse(s string, now time.Time) (t time.Time, ok bool) {
	d := reader{rest: s}
	switch {
	case len(s) == len("Sun Nov  6 08:49:37 1994"):
		t, ok = d.asctime()
	case len(s) == len("Sun, 06 Nov 1994 08:49:37 GMT") && s[3] == ',':
		t, ok = d.imfFixdate()
	default:
		t, ok = d.rfc850(now)
	}
	if !ok {
		return time.Time{}, false
	}
	return t, true
}

// reader takes a date apart from left to right. After the first mismatch it
// stays failed.
type reader struct {
	rest   string
	failed bool
}

func (d *reader) imfFixdate() (time.Time, bool) {
	d.oneOf(shortDays)
	d.literal(", ")
	day := d.digits(2)
	d.literal(" ")
	month := d.oneOf(months) + 1
	d.literal(" ")
	year := d.digits(4)
	d.literal(" ")
	h, m, s := d.clock()
	d.literal(" GMT")
	return d.date(year, month, day, h, m, s)
}

func (d *reader) rfc850(now time.Time) (time.Time, bool) {
	d.oneOf(longDays)
	d.literal(", ")
	day := d.digits(2)
	d.literal("-")
	month := d.oneOf(months) + 1
	d.literal("-")
	year := d.digits(2)
	d.literal(" ")
	h, m, s := d.clock()
	d.literal(" GMT")
	if now.IsZero() {
		now = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	latest := now.UTC().AddDate(50, 0, 0)
	// A date that does not exist counts here as the one it would run over into.
	for year += latest.Year() / 100 * 100; ; year -= 100 {
		if t, ok := d.date(year, month, day, h, m, s); !t.After(latest) {
			return t, ok
		}
	}
}

func (d *reader) asctime() (time.Time, bool) {
	d.oneOf(shortDays)
	d.literal(" ")
	month := d.oneOf(months) + 1
	d.literal(" ")
	var day int
	if strings.HasPrefix(d.rest, " ") {
		d.literal(" ")
		day = d.digits(1)
	} else {
		day = d.digits(2)
	}
	d.literal(" ")
	h, m, s := d.clock()
	d.literal(" ")
	year := d.digits(4)
	return d.date(year, month, day, h, m, s)
}

func (d *reader) clock() (h, m, s int) {
	h = d.digits(2)
	d.literal(":")
	m = d.digits(2)
	d.literal(":")
	s = d.digits(2)
	return h, m, s
}

// date returns the time of a day, and whether there is one: whether nothing
// failed so far, and the day exists.
func (d *reader) date(year, month, day, h, m, s int) (time.Time, bool) {
	if d.failed || d.rest != "" || h > 23 || m > 59 || s > 60 {
		return time.Time{}, false
	}
	t := time.Date(year, time.Month(month), day, h, m, s, 0, time.UTC)
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	return t, day > 0 && midnight.Day() == day
}

func (d *reader) literal(s string) {
	rest, ok := strings.CutPrefix(d.rest, s)
	d.rest, d.failed = rest, d.failed || !ok
}

// digits reads exactly n decimal digits.
func (d *reader) digits(n int) (value int) {
	if len(d.rest) < n {
		d.failed = true
		return 0
	}
	for i := range n {
		c := d.rest[i]
		if c < '0' || c > '9' {
			d.failed = true
			return 0
		}
		value = value*10 + int(c-'0')
	}
	d.rest = d.rest[n:]
	return value
}

// oneOf reads one of names and returns its index.
func (d *reader) oneOf(names []string) int {
	for i, name := range names {
		if rest, ok := strings.CutPrefix(d.rest, name); ok {
			d.rest = rest
			return i
		}
	}
	d.failed = true
	return 0
}

var (
	shortDays = []string{"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"}
	longDays  = []string{"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"}
	months    = []string{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"}
)
