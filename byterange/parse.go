package byterange

import (
	"math"
	"strconv"
	"strings"
)

// Parse reads the value of a Range field, all its field lines combined (RFC 9110
// §14.2). It takes what §14.1.1 and the list rule for recipients (§5.6.1.2)
// allow: the unit in any case, whitespace around the list members, and empty
// members. It passes over whitespace around the value, which is not part of
// it, and after "=", where the grammar has none but an example of §14.1.2 has.
// Numbers beyond an int64 are read as [math.MaxInt64].
//
// The error is a [*ParseError]: [ErrUnit], [ErrSyntax] or [ErrTooMany],
// whichever comes first in the value. A server ignores the field in every case.
// The work is linear in len(value), which the server is expected to bound.
func Parse(value string) (Set, error) {
	var set Set
	if err := set.parse(value); err != nil {
		return Set{}, err
	}
	return set, nil
}

// parse is Parse in place. It returns nil or a *ParseError, and then s is partly
// filled.
func (s *Set) parse(value string) error {
	at := cursor{field: "Range", value: value}
	at.trim()
	if err := at.unit('='); err != nil {
		return err
	}
	for at.next() {
		if s.n == MaxRanges {
			return at.fail(ErrTooMany, "ask for at most "+strconv.Itoa(MaxRanges)+" ranges at once")
		}
		spec, err := at.spec()
		if err != nil {
			return err
		}
		s.specs[s.n] = spec
		s.n++
	}
	if s.n == 0 {
		return at.fail(ErrSyntax, `want a range, as in bytes=0-99`)
	}
	return nil
}

// ParseContentRange reads the value of a Content-Range field (RFC 9110 §14.4),
// as sent in a 206, in a part of a multipart/byteranges, in a 416 or in a
// partial PUT. What it reads decides where bytes are put, so it is strict: the
// grammar to the letter, apart from whitespace around the value, which is not
// part of it.
//
// The error is a [*ParseError]: [ErrUnit], [ErrSyntax] or [ErrTooLarge]. In
// every case the content must not be combined with what is already there.
func ParseContentRange(value string) (ContentRange, error) {
	at := cursor{field: "Content-Range", value: value}
	at.trim()
	if err := at.unit(' '); err != nil {
		return ContentRange{}, err
	}
	c, err := at.contentRange()
	if err != nil {
		return ContentRange{}, err
	}
	if !at.done() {
		return ContentRange{}, at.fail(ErrSyntax, "want nothing after the complete length")
	}
	return c, nil
}

// cursor reads a field value from left to right.
type cursor struct {
	field string
	value string
	pos   int
	end   int // of what is read: whitespace at the end of value is not
}

func (c *cursor) fail(err error, reason string) error {
	return &ParseError{Field: c.field, Value: c.value, Offset: c.pos, Reason: reason, Err: err}
}

func (c *cursor) done() bool { return c.pos == c.end }

// take passes over b if it comes next, and reports whether it did.
func (c *cursor) take(b byte) bool {
	if c.done() || c.value[c.pos] != b {
		return false
	}
	c.pos++
	return true
}

// trim leaves out the whitespace around the value (RFC 9110 §5.5).
func (c *cursor) trim() {
	c.end = len(strings.TrimRight(c.value, " \t"))
	c.space()
}

// space passes over OWS (RFC 9110 §5.6.3).
func (c *cursor) space() {
	for c.take(' ') || c.take('\t') {
	}
}

// unit reads the range unit and the byte that ends it (RFC 9110 §14.1).
func (c *cursor) unit(end byte) error {
	start := c.pos
	for !c.done() && isTokenByte(c.value[c.pos]) {
		c.pos++
	}
	name := c.value[start:c.pos]
	if name == "" || !c.take(end) {
		return c.fail(ErrSyntax, "want bytes"+string(end))
	}
	if !strings.EqualFold(name, Unit) {
		c.pos = start
		return c.fail(ErrUnit, "only bytes can be asked for")
	}
	return nil
}

// next moves to the next list member that is not empty (RFC 9110 §5.6.1.2), and
// reports whether there is one.
func (c *cursor) next() bool {
	for {
		c.space()
		if !c.take(',') {
			return !c.done()
		}
	}
}

// spec reads an int-range or a suffix-range and what follows it, up to the comma
// or the end (RFC 9110 §14.1.1).
func (c *cursor) spec() (Spec, error) {
	start := c.pos
	first := c.digits()
	if !c.take('-') {
		return Spec{}, c.fail(ErrSyntax, `want a digit or "-"`)
	}
	last := c.digits()
	if first == "" && last == "" {
		return Spec{}, c.fail(ErrSyntax, `want a digit on one side of "-"`)
	}
	c.space()
	if !c.done() && c.value[c.pos] != ',' {
		return Spec{}, c.fail(ErrSyntax, `want "," or the end`)
	}
	switch {
	case first == "":
		return Suffix(saturated(last)), nil
	case last == "":
		return From(saturated(first)), nil
	case less(last, first):
		c.pos = start
		return Spec{}, c.fail(ErrSyntax, "want a last position that is not below the first")
	}
	return Interval(saturated(first), saturated(last)), nil
}

// contentRange reads a range-resp or an unsatisfied-range (RFC 9110 §14.4).
func (c *cursor) contentRange() (ContentRange, error) {
	if c.take('*') {
		if !c.take('/') {
			return ContentRange{}, c.fail(ErrSyntax, `want "/"`)
		}
		size, err := c.number()
		return ContentRange{Size: size}, err
	}
	start := c.pos
	first, last, err := c.inclRange()
	if err != nil {
		return ContentRange{}, err
	}
	size := int64(-1)
	if !c.take('*') {
		if size, err = c.number(); err != nil {
			return ContentRange{}, err
		}
		if size <= last {
			c.pos = start
			return ContentRange{}, c.fail(ErrSyntax, "want a complete length above the last position")
		}
	}
	return ContentRange{Range: Range{Start: first, Length: last - first + 1}, Size: size}, nil
}

// inclRange reads an incl-range and the "/" after it (RFC 9110 §14.4).
func (c *cursor) inclRange() (first, last int64, err error) {
	start := c.pos
	if first, err = c.number(); err != nil {
		return 0, 0, err
	}
	if !c.take('-') {
		return 0, 0, c.fail(ErrSyntax, `want "-"`)
	}
	lastAt := c.pos
	if last, err = c.number(); err != nil {
		return 0, 0, err
	}
	if !c.take('/') {
		return 0, 0, c.fail(ErrSyntax, `want "/"`)
	}
	if last < first {
		c.pos = start
		return 0, 0, c.fail(ErrSyntax, "want a last position that is not below the first")
	}
	if last == math.MaxInt64 {
		// The representation would have a byte more than an int64 can count.
		c.pos = lastAt
		return 0, 0, c.fail(ErrTooLarge, "want a position below "+strconv.FormatInt(math.MaxInt64, 10))
	}
	return first, last, nil
}

// number reads 1*DIGIT that fits an int64.
func (c *cursor) number() (int64, error) {
	start := c.pos
	digits := c.digits()
	if digits == "" {
		return 0, c.fail(ErrSyntax, "want a digit")
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		c.pos = start
		return 0, c.fail(ErrTooLarge, "want a number below 2^63")
	}
	return n, nil
}

// digits reads *DIGIT.
func (c *cursor) digits() string {
	start := c.pos
	for !c.done() && '0' <= c.value[c.pos] && c.value[c.pos] <= '9' {
		c.pos++
	}
	return c.value[start:c.pos]
}

// saturated returns the number that digits, which are not empty, stand for, or
// math.MaxInt64 if it is larger (RFC 9110 §14.1.2: "prevent parsing errors due
// to integer conversion overflows").
func saturated(digits string) int64 {
	var n int64
	for i := range len(digits) {
		d := int64(digits[i] - '0')
		if n > (math.MaxInt64-d)/10 {
			return math.MaxInt64
		}
		n = n*10 + d
	}
	return n
}

// less reports whether a stands for a smaller number than b, however large.
func less(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// isTokenByte reports whether b is a tchar (RFC 9110 §5.6.2).
func isTokenByte(b byte) bool {
	switch {
	case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		return true
	}
	return strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0
}
