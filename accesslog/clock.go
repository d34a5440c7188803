package accesslog

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"time"
)

// A clock reads the times of a format, in nanoseconds since 1970.
type clock func(b []byte) (at int64, ok bool)

// A clockCache remembers the last time that was read: in a busy log many lines have
// the same.
type clockCache struct {
	raw []byte
	at  int64
}

// read returns the time in the columns l.when of a line.
func (c *clockCache) read(l *layout, line []byte, spans []span) (at int64, ok bool) {
	first, last := spans[l.when[0]], spans[l.when[len(l.when)-1]]
	var raw []byte
	if len(l.when) == 1 || last.start == first.end+1 {
		raw = line[first.start:last.end]
	} else {
		raw = bytes.Join([][]byte{line[first.start:first.end], line[last.start:last.end]}, []byte{' '})
	}
	if len(raw) > 0 && bytes.Equal(raw, c.raw) {
		return c.at, true
	}
	if at, ok = l.clock(raw); ok {
		c.raw, c.at = append(c.raw[:0], raw...), at
	}
	return at, ok
}

// forget is called when the layout changes, and with it the clock.
func (c *clockCache) forget() { c.raw = c.raw[:0] }

// commonTime reads 03/Nov/2026:09:15:40 +0100, the time of the common log format.
func commonTime(b []byte) (at int64, ok bool) {
	if len(b) != 26 || b[20] != ' ' {
		return 0, false
	}
	at, ok = commonLocal(b[:20])
	offset, ok2 := zone(b[21:])
	return at - offset, ok && ok2
}

// commonLocal reads 03/Nov/2026:09:15:40 as if it were UTC.
func commonLocal(b []byte) (at int64, ok bool) {
	if len(b) != 20 || b[2] != '/' || b[6] != '/' || b[11] != ':' {
		return 0, false
	}
	return civil(digits(b[7:11]), monthNumber(b[3:6]), digits(b[0:2]), b[12:])
}

// haproxyTime reads 03/Nov/2026:09:15:40.123, which has no zone.
func haproxyTime(in *time.Location) clock {
	return func(b []byte) (at int64, ok bool) {
		if len(b) != 24 || b[20] != '.' {
			return 0, false
		}
		at, ok = commonLocal(b[:20])
		ms := digits(b[21:])
		return inZone(at, in) + int64(ms)*1e6, ok && ms >= 0
	}
}

// inZone turns a time that was read as if it were UTC into the one that a clock in
// this location shows like that.
func inZone(at int64, in *time.Location) int64 {
	if in == nil || in == time.UTC {
		return at
	}
	t := time.Unix(0, at).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), in).UnixNano()
}

// w3cTime reads 2026-11-03 09:15:40, in UTC, with or without a fraction.
func w3cTime(b []byte) (at int64, ok bool) {
	if len(b) < 19 || b[10] != ' ' && b[10] != '\t' {
		return 0, false
	}
	return isoLocal(b)
}

// isoTime reads 2026-11-03T09:15:40.123+01:00 and its variants: "Z", no colon in the
// offset, no fraction. Without an offset it is UTC.
func isoTime(b []byte) (at int64, ok bool) {
	if len(b) < 19 || b[10] != 'T' && b[10] != 't' && b[10] != ' ' {
		return 0, false
	}
	end := len(b)
	if i := bytes.LastIndexAny(b[19:], "Zz+-"); i >= 0 {
		end = 19 + i
	}
	at, ok = isoLocal(b[:end])
	offset, ok2 := zone(b[end:])
	return at - offset, ok && ok2
}

// isoLocal reads 2026-11-03 09:15:40 with any separators of the date, and with or
// without a fraction, as if it were UTC.
func isoLocal(b []byte) (at int64, ok bool) {
	if b[4] != b[7] || b[4] != '-' && b[4] != '/' {
		return 0, false
	}
	at, ok = civil(digits(b[0:4]), digits(b[5:7]), digits(b[8:10]), b[11:19])
	nanos, ok2 := fraction(b[19:])
	return at + nanos, ok && ok2
}

// wallTime reads Caddy's 2026/11/03 09:15:40.123, which has no zone.
func wallTime(in *time.Location) clock {
	return func(b []byte) (at int64, ok bool) {
		if len(b) < 19 || b[10] != ' ' {
			return 0, false
		}
		at, ok = isoLocal(b)
		return inZone(at, in), ok
	}
}

// unixTime reads a number of units since 1970, with or without a fraction. unit is a
// power of ten.
func unixTime(unit int64) clock {
	return func(b []byte) (at int64, ok bool) {
		whole, part, _ := bytes.Cut(b, []byte{'.'})
		n, ok := parseDigits(whole)
		if !ok || n > math.MaxInt64/unit {
			return 0, false
		}
		if len(part) == 0 {
			return n * unit, len(whole) == len(b)
		}
		nanos, ok := fraction(b[len(whole):])
		return n*unit + nanos/(1e9/unit), ok && n < math.MaxInt64/unit
	}
}

// anyTime reads a time of any of the kinds above that JSON logs have. A number is in
// seconds, milliseconds, microseconds or nanoseconds by its size.
func anyTime(in *time.Location) clock {
	wall := wallTime(in)
	return func(b []byte) (at int64, ok bool) {
		switch {
		case len(b) == 26 && b[2] == '/':
			return commonTime(b)
		case len(b) > 4 && b[4] == '/':
			return wall(b)
		case len(b) > 4 && b[4] == '-':
			return isoTime(b)
		}
		digits := bytes.IndexByte(b, '.')
		if digits < 0 {
			digits = len(b)
		}
		switch {
		case digits <= 11:
			return unixSeconds(b)
		case digits <= 14:
			return unixMillis(b)
		case digits <= 17:
			return unixMicros(b)
		}
		return unixNanos(b)
	}
}

var unixSeconds, unixMillis, unixMicros, unixNanos = unixTime(1e9), unixTime(1e6), unixTime(1e3), parseNanos

func parseNanos(b []byte) (int64, bool) {
	if len(b) > 18 && b[0] <= '9' && b[0] >= '0' {
		n, ok := parseDigits(b[:len(b)-1])
		last := int64(b[len(b)-1]) - '0'
		return n*10 + last, ok && last >= 0 && last <= 9 && n < math.MaxInt64/10
	}
	return parseDigits(b)
}

// civil is the time of a date and a clock as in 09:15:40.
func civil(year, month, day int, clock []byte) (at int64, ok bool) {
	if len(clock) != 8 || clock[2] != ':' || clock[5] != ':' {
		return 0, false
	}
	hour, minute, second := digits(clock[0:2]), digits(clock[3:5]), digits(clock[6:8])
	if year < 1700 || year > 2261 || month < 1 || month > 12 || day < 1 || day > daysIn(month, year) ||
		uint(hour) > 23 || uint(minute) > 59 || uint(second) > 60 {
		return 0, false
	}
	seconds := ((daysSince1970(year, month, day)*24+int64(hour))*60+int64(minute))*60 + int64(second)
	return seconds * 1e9, true
}

// daysSince1970 counts by years that begin in March, so that the leap day is the last.
func daysSince1970(year, month, day int) int64 {
	if month <= 2 {
		year, month = year-1, month+12
	}
	return int64(365*year + year/4 - year/100 + year/400 + (153*month-457)/5 + day - 719469)
}

func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// digits reads up to four decimal digits, or returns -1.
func digits(b []byte) (n int) {
	for _, c := range b {
		if c -= '0'; c > 9 {
			return -1
		}
		n = n*10 + int(c)
	}
	return n
}

const monthNames = "JanFebMarAprMayJunJulAugSepOctNovDec"

// monthNumber is 1 for Jan, and 0 for what is no month.
func monthNumber(b []byte) int {
	if i := strings.Index(monthNames, alias(b)); len(b) == 3 && i%3 == 0 {
		return i/3 + 1
	}
	return 0
}

// fraction reads "", or "." or "," and up to nine digits (more are dropped), in
// nanoseconds.
func fraction(b []byte) (nanos int64, ok bool) {
	if len(b) == 0 {
		return 0, true
	}
	if len(b) == 1 || b[0] != '.' && b[0] != ',' {
		return 0, false
	}
	scale := int64(1e8)
	for _, c := range b[1:] {
		if c -= '0'; c > 9 {
			return 0, false
		}
		nanos += int64(c) * scale
		scale /= 10
	}
	return nanos, true
}

// zone reads "", "Z", "+0100" or "+01:00", in nanoseconds east of UTC.
func zone(b []byte) (offset int64, ok bool) {
	if len(b) == 0 || len(b) == 1 && (b[0] == 'Z' || b[0] == 'z') {
		return 0, true
	}
	if len(b) == 6 && b[3] == ':' {
		b = append(append(make([]byte, 0, 5), b[:3]...), b[4:]...)
	}
	if len(b) != 5 || b[0] != '+' && b[0] != '-' {
		return 0, false
	}
	hours, minutes := digits(b[1:3]), digits(b[3:5])
	offset = int64(hours*60+minutes) * 60e9
	if b[0] == '-' {
		offset = -offset
	}
	return offset, uint(hours) <= 24 && uint(minutes) <= 59
}

// A strftime reads times in a format of strftime(3), as Apache's %{…}t has them.
type strftime struct {
	conversions string // without shorthands
	in          *time.Location
}

// parseStrftime understands the conversions that write numbers, English month and day
// names, and offsets.
func parseStrftime(format string, in *time.Location) (clock, error) {
	expanded := strftimeShorthands.Replace(format)
	for i := 0; i < len(expanded); i++ {
		if expanded[i] != '%' {
			continue
		}
		if i++; i == len(expanded) || !strings.Contains("YmdeHMSybhaAzZs36%", expanded[i:i+1]) {
			return nil, fmt.Errorf("time format %q has a conversion that cannot be read; use %%F %%T %%z", format)
		}
	}
	s := strftime{conversions: expanded, in: in}
	return s.read, nil
}

var strftimeShorthands = strings.NewReplacer("%%", "%%", "%F", "%Y-%m-%d", "%T", "%H:%M:%S", "%R", "%H:%M", "%D", "%m/%d/%y")

// A moment is a time while its parts are being read.
type moment struct {
	year, month, day     int
	hour, minute, second int
	offset, unix, nanos  int64
	zoned, isUnix        bool
}

func (s strftime) read(b []byte) (at int64, ok bool) {
	m := moment{year: -1, month: 1, day: 1}
	for f := s.conversions; len(f) > 0; {
		n := 1
		if f[0] == '%' {
			if b, ok = m.convert(f[1], b); !ok {
				return 0, false
			}
			n = 2
		} else if len(b) > 0 && b[0] == f[0] {
			b = b[1:]
		} else {
			return 0, false
		}
		f = f[n:]
	}
	if len(b) > 0 {
		return 0, false
	}
	return m.at(s.in)
}

func (m *moment) at(in *time.Location) (at int64, ok bool) {
	if m.isUnix {
		return m.unix * 1e9, m.unix < math.MaxInt64/1_000_000_000
	}
	at, ok = civil(m.year, m.month, m.day, fmt.Appendf(nil, "%02d:%02d:%02d", m.hour, m.minute, m.second))
	if at += m.nanos; m.zoned {
		return at - m.offset, ok
	}
	return inZone(at, in), ok
}

// convert reads one conversion from the start of b and returns the rest.
func (m *moment) convert(letter byte, b []byte) (rest []byte, ok bool) {
	number := func(n int) int {
		if len(b) < n {
			return -1
		}
		v := digits(bytes.TrimLeft(b[:n], " "))
		b = b[n:]
		return v
	}
	switch letter {
	case 'Y':
		m.year = number(4)
		return b, m.year >= 0
	case 'y':
		m.year = 2000 + number(2)
		return b, m.year >= 2000
	case 'm':
		m.month = number(2)
		return b, m.month > 0
	case 'd', 'e':
		m.day = number(2)
		return b, m.day > 0
	case 'H':
		m.hour = number(2)
		return b, m.hour >= 0
	case 'M':
		m.minute = number(2)
		return b, m.minute >= 0
	case 'S':
		m.second = number(2)
		return b, m.second >= 0
	case '3', '6': // not in strftime(3): milliseconds, microseconds
		digits := int(letter - '0')
		m.nanos = int64(number(digits)) * int64(math.Pow10(9-digits))
		return b, m.nanos >= 0
	}
	return m.convertText(letter, b)
}

func (m *moment) convertText(letter byte, b []byte) (rest []byte, ok bool) {
	word := len(b) - len(bytes.TrimLeft(b, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"))
	switch letter {
	case 'b', 'h':
		if word != 3 {
			return b, false
		}
		m.month = monthNumber(b[:3])
		return b[3:], m.month > 0
	case 'a', 'A', 'Z':
		return b[word:], word > 0
	case 'z':
		if len(b) < 5 {
			return b, false
		}
		m.offset, ok = zone(b[:5])
		m.zoned = true
		return b[5:], ok
	case 's':
		n := len(b) - len(bytes.TrimLeft(b, "0123456789"))
		m.unix, ok = parseDigits(b[:n])
		m.isUnix = true
		return b[n:], ok
	case '%':
		if len(b) > 0 && b[0] == '%' {
			return b[1:], true
		}
	}
	return b, false
}
