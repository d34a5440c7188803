package patch

import (
	"strconv"
	"strings"
)

// equal compares as RFC 6902 §4.6 says.
func (t *tree) equal(a, b ref) bool {
	kind := t.kind(a)
	if kind != t.kind(b) {
		return false
	}
	switch kind {
	case text:
		return equalText(t.raw(a), t.raw(b))
	case number:
		return equalNumber(t.raw(a), t.raw(b))
	case array:
		return t.equalItems(a, b)
	case object:
		return t.equalMembers(a, b)
	}
	return t.raw(a) == t.raw(b)
}

func (t *tree) equalItems(a, b ref) bool {
	x, y := t.cursor(a), t.cursor(b)
	for x.next() {
		if !y.next() || !t.equal(x.value, y.value) {
			return false
		}
	}
	return !y.next()
}

func (t *tree) equalMembers(a, b ref) bool {
	other, n := t.look(b), 0
	for m := t.cursor(a); m.next(); n++ {
		i := t.member(other, t.name(m.name))
		if i < 0 || !t.equal(m.value, other.elements[i]) {
			return false
		}
	}
	return n == other.size()
}

// same reports whether a and b are spelled the same, but for the space between
// their parts: putting one in the place of the other would change nothing.
func (t *tree) same(a, b ref) bool {
	if a.isText() && b.isText() {
		return t.sameText(a.at(), b.at())
	}
	if t.kind(a) != t.kind(b) {
		return false
	}
	x, y := t.cursor(a), t.cursor(b)
	for x.next() {
		if !y.next() || x.kind == object && t.raw(x.name) != t.raw(y.name) || !t.same(x.value, y.value) {
			return false
		}
	}
	return !y.next()
}

// sameText is same for values that stand in the text.
func (t *tree) sameText(i, j int) bool {
	s, start := t.text, i
	defer func() { t.scanned += i - start }()
	for depth := 0; ; {
		if s[i] != s[j] {
			return false
		}
		switch s[i] {
		case '[', '{':
			depth++
			i, j = i+1, j+1
		case ']', '}':
			depth--
			i, j = i+1, j+1
		case ',', ':':
			i, j = i+1, j+1
		default:
			x, y := scalarEnd(s, i), scalarEnd(s, j)
			if s[i:x] != s[j:y] {
				return false
			}
			i, j = x, y
		}
		if depth == 0 {
			return true
		}
		i, j = spaceEnd(s, i), spaceEnd(s, j)
	}
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
