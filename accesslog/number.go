package accesslog

import (
	"math"
	"strconv"
	"time"
)

// parseInt reads a decimal integer with an optional sign. HAProxy writes "+" before a
// number that was not final.
func parseInt(b []byte) (n int64, ok bool) {
	negative := false
	if len(b) > 1 && (b[0] == '-' || b[0] == '+') {
		negative, b = b[0] == '-', b[1:]
	}
	if n, ok = parseDigits(b); negative {
		n = -n
	}
	return n, ok
}

// parseDigits reads 1 to 18 decimal digits.
func parseDigits(b []byte) (n int64, ok bool) {
	if len(b) == 0 || len(b) > 18 {
		return 0, false
	}
	for _, c := range b {
		if c -= '0'; c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// parseDuration reads a number of units, or text such as 1.5ms.
func parseDuration(b []byte, unit time.Duration) (time.Duration, bool) {
	if n, ok := parseInt(b); ok && n <= math.MaxInt64/int64(unit) && n >= 0 {
		return time.Duration(n) * unit, true
	}
	if f, err := strconv.ParseFloat(alias(b), 64); err == nil {
		f *= float64(unit)
		return time.Duration(math.Round(f)), f >= 0 && f < math.MaxInt64
	}
	d, err := time.ParseDuration(alias(b))
	return d, err == nil && d >= 0
}
