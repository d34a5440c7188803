package patch

import (
	"strconv"
	"strings"
)

// equal compares as RFC 6902 §4.6 says.
func equal(a, b *value) bool {
	if a.kind != b.kind || a.size() != b.size() {
		return false
	}
	switch a.kind {
	case text:
		return equalText(a.raw, b.raw)
	case number:
		return equalNumber(a.raw, b.raw)
	case array:
		return equalItems(a.items, b.items)
	case object:
		return equalMembers(a, b)
	}
	return a.raw == b.raw
}

func equalItems(a, b []*value) bool {
	for i := range a {
		if !equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func equalMembers(a, b *value) bool {
	for _, m := range a.members {
		if m.value == nil {
			continue
		}
		other := b.get(m.name)
		if other == nil || !equal(m.value, other) {
			return false
		}
	}
	return true
}

// equalText compares two strings as spelled. An escape is at most six times as
// long as what it stands for, so that comparing with a short string is quick.
func equalText(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > 6*len(b) || len(b) > 6*len(a) {
		return false
	}
	return unquote(a) == unquote(b)
}

// longNumber is the length from which numbers are equal only if spelled the same.
const longNumber = 1024

func equalNumber(a, b string) bool {
	if a == b {
		return true
	}
	if len(a) > longNumber || len(b) > longNumber {
		return false
	}
	x, okX := normalize(a)
	y, okY := normalize(b)
	return okX && okY && x == y
}

// decimal is the number 0.digits × 10^exponent: digits neither begins nor ends
// with 0. The zero decimal is 0.
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

// normalize reads a JSON number, without rounding. ok is false if its exponent is
// out of all reason; 0 has any exponent.
func normalize(raw string) (d decimal, ok bool) {
	raw, d.negative = strings.CutPrefix(raw, "-")
	mantissa, power := raw, "0"
	if i := strings.IndexAny(raw, "eE"); i >= 0 {
		mantissa, power = raw[:i], raw[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits := strings.TrimLeft(whole+fraction, "0")
	if digits == "" {
		return decimal{}, true
	}
	exponent, err := strconv.ParseInt(power, 10, 32)
	if err != nil {
		return decimal{}, false
	}
	d.digits = strings.TrimRight(digits, "0")
	d.exponent = exponent + int64(len(digits)) - int64(len(fraction))
	return d, true
}
