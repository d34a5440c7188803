package etag

import (
	"math"
	"slices"
	"strings"
	"time"
)

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// hexDigit returns the value of a digit in either case, or -1.
func hexDigit(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c|0x20 && c|0x20 <= 'f':
		return int(c|0x20-'a') + 10
	}
	return -1
}

// A number is read as programs print one: digits in lower case and no zeros before it, of at most
// 63 bits. The length of s in digits is to be within min and max.
func number(s string, base int64, min, max int) (n int64, ok bool) {
	if len(s) < min || len(s) > max || len(s) > 1 && s[0] == '0' {
		return 0, false
	}
	for i := range len(s) {
		digit := int64(digit36(s[i]))
		if digit < 0 || digit >= base || n > (math.MaxInt64-digit)/base {
			return 0, false
		}
		n = n*base + digit
	}
	return n, true
}

func decimal(s string, min, max int) (int64, bool)     { return number(s, 10, min, max) }
func hexadecimal(s string, min, max int) (int64, bool) { return number(s, 16, min, max) }
func base36(s string, min, max int) (int64, bool)      { return number(s, 36, min, max) }

func digit36(c byte) int {
	switch {
	case isDigit(c):
		return int(c - '0')
	case 'a' <= c && c <= 'z':
		return int(c-'a') + 10
	}
	return -1
}

// only reports whether s has one character or more and each is of those in set, which may
// have ranges such as "a-z"; a hyphen as such stands at its end.
func only(s, set string) bool {
	for i := range len(s) {
		if !inSet(s[i], set) {
			return false
		}
	}
	return s != ""
}

func inSet(c byte, set string) bool {
	for i := 0; i < len(set); i++ {
		if i+2 < len(set) && set[i+1] == '-' {
			if set[i] <= c && c <= set[i+2] {
				return true
			}
			i += 2
		} else if c == set[i] {
			return true
		}
	}
	return false
}

const lowerHex = "0-9a-f"

// Times of files are from 1990 to 2100, or normalised ones.
const (
	earliest = 631152000  // 1990-01-01
	latest   = 4102444800 // 2100-01-01
)

// fileTime returns the time that is n units after the start of 1970, if a file may have it.
func fileTime(n int64, unit time.Duration) (time.Time, bool) {
	perSecond := int64(time.Second / unit)
	t := time.Unix(n/perSecond, n%perSecond*int64(unit)).UTC()
	if sec := t.Unix(); sec >= earliest && sec < latest {
		return t, true
	}
	_, ok := normalised(t)
	return t, ok
}

// Seconds from the start of Windows' and of .NET's time to that of Unix.
const (
	windowsEpoch = 11644473600
	dotnetEpoch  = 62135596800
)

// ticksTime returns the time that is n units of 100 ns after an epoch, if a file may have
// it.
func ticksTime(n, epoch int64) (time.Time, bool) {
	const perSecond = 1e7
	t := time.Unix(n/perSecond-epoch, n%perSecond*100).UTC()
	return t, t.Unix() >= earliest && t.Unix() < latest
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// cut3 cuts s at the first two separators; all three parts must be there.
func cut3(s, sep string) (a, b, c string, ok bool) {
	a, rest, ok := strings.Cut(s, sep)
	if !ok {
		return "", "", "", false
	}
	b, c, ok = strings.Cut(rest, sep)
	return a, b, c, ok
}
