package digest

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// ErrSyntax is what errors.Is finds in the errors of this package's parsers.
var ErrSyntax = errors.New("malformed integrity field")

// SyntaxError says where a field stops being what it should. errors.Is(err,
// ErrSyntax) holds for it.
type SyntaxError struct {
	// Value is the field's value, its lines combined by ", ".
	Value string
	// Offset is the position in Value, in bytes.
	Offset int
	Reason string
}

func (e *SyntaxError) Error() string {
	value := e.Value
	if len(value) > 256 {
		value = value[:256] + "…"
	}
	return fmt.Sprintf("%s, at byte %d of %q: %s", e.Reason, e.Offset, value, ErrSyntax)
}

// Is makes errors.Is(err, ErrSyntax) true.
func (e *SyntaxError) Is(target error) bool { return target == ErrSyntax }

// kind is the type of an item (RFC 8941 §3.3), or an inner list (§3.1.1).
type kind uint8

const (
	boolean kind = iota
	integer
	decimal
	quoted
	token
	byteSequence
	innerList
)

var kindNames = [...]string{"a boolean", "an integer", "a decimal", "a string", "a token", "a byte sequence", "an inner list"}

func (k kind) String() string { return kindNames[k] }

// value is a member's value, as much of it as the fields of RFC 9530 need.
type value struct {
	kind   kind
	offset int    // where it is in the field
	number int64  // of an integer
	bytes  []byte // of a byte sequence
}

// dictionary reads the Dictionary (RFC 8941 §4.2.2) that the field lines make
// together and gives its members to visit in order. Where a key is given again,
// the last value is the one that counts (§3.2). No lines, and one empty line, are
// a Dictionary without members. Parameters are read and dropped. The error is a
// [*SyntaxError].
func dictionary(lines []string, visit func(key string, v value)) error {
	p := &parser{s: strings.Join(lines, ", ")}
	if err := p.dictionary(visit); err != nil {
		return &SyntaxError{Value: p.s, Offset: p.i, Reason: err.Error()}
	}
	return nil
}

// parser reads s from i on. Its methods are the algorithms of RFC 8941 §4.2.
type parser struct {
	s string
	i int
}

func (p *parser) dictionary(visit func(string, value)) error {
	p.skip(" ")
	for !p.end() {
		key, v, err := p.member()
		if err != nil {
			return err
		}
		visit(key, v)
		if err := p.separator(); err != nil {
			return err
		}
	}
	return nil
}

// separator reads up to the next member, or the end.
func (p *parser) separator() error {
	p.skip(" \t")
	if p.end() {
		return nil
	}
	if !p.take(',') {
		return errors.New("expected a comma")
	}
	p.skip(" \t")
	if p.end() {
		return errors.New("a member is missing after the comma")
	}
	return nil
}

func (p *parser) member() (key string, v value, err error) {
	if key, err = p.key(); err != nil {
		return "", value{}, err
	}
	v = value{kind: boolean, offset: p.i}
	if p.take('=') {
		v, err = p.itemOrInnerList()
	}
	if err == nil {
		err = p.parameters()
	}
	return key, v, err
}

func (p *parser) itemOrInnerList() (value, error) {
	if p.next() == '(' {
		return p.innerList()
	}
	return p.bareItem()
}

func (p *parser) innerList() (value, error) {
	v := value{kind: innerList, offset: p.i}
	p.i++
	for {
		p.skip(" ")
		if p.take(')') {
			return v, nil
		}
		if _, err := p.bareItem(); err != nil {
			return v, err
		}
		if err := p.parameters(); err != nil {
			return v, err
		}
		if c := p.next(); c != ' ' && c != ')' {
			return v, errors.New("expected a space or a closing parenthesis in the inner list")
		}
	}
}

func (p *parser) parameters() error {
	for p.take(';') {
		p.skip(" ")
		if _, err := p.key(); err != nil {
			return err
		}
		if p.take('=') {
			if _, err := p.bareItem(); err != nil {
				return err
			}
		}
	}
	return nil
}

// key reads the name of a member or parameter (§4.2.3.3).
func (p *parser) key() (string, error) {
	if c := p.next(); !isLower(c) && c != '*' {
		return "", errors.New("expected a key, which begins with a lower-case letter")
	}
	return p.span(func(c byte) bool { return isLower(c) || isDigit(c) || strings.IndexByte("_-.*", c) >= 0 }), nil
}

func (p *parser) bareItem() (value, error) {
	switch c := p.next(); {
	case c == '-' || isDigit(c):
		return p.number()
	case c == '"':
		return p.string()
	case c == '*' || isLetter(c):
		return p.token()
	case c == ':':
		return p.byteSequence()
	case c == '?':
		return p.boolean()
	}
	return value{}, errors.New("expected a value")
}

// number reads an integer or a decimal (§4.2.4).
func (p *parser) number() (value, error) {
	start := p.i
	p.take('-')
	whole := p.span(isDigit)
	if whole == "" {
		return value{}, errors.New("expected a digit")
	}
	if p.next() == '.' {
		return p.decimal(start, whole)
	}
	n, err := strconv.ParseInt(p.s[start:p.i], 10, 64)
	if err != nil || len(whole) > 15 {
		return value{}, errors.New("an integer has at most 15 digits")
	}
	return value{kind: integer, offset: start, number: n}, nil
}

// decimal reads what follows the whole part of a decimal.
func (p *parser) decimal(start int, whole string) (value, error) {
	p.i++
	fraction := p.span(isDigit)
	if len(whole) > 12 || fraction == "" || len(fraction) > 3 {
		return value{}, errors.New("a decimal has at most 12 digits before the point and 1 to 3 after it")
	}
	return value{kind: decimal, offset: start}, nil
}

func (p *parser) string() (value, error) {
	v := value{kind: quoted, offset: p.i}
	for p.i++; !p.end(); p.i++ {
		switch c := p.next(); {
		case c == '"':
			p.i++
			return v, nil
		case c < ' ' || c > '~':
			return v, errors.New("a string holds printable ASCII only")
		case c == '\\':
			p.i++
			if c := p.next(); c != '"' && c != '\\' {
				return v, errors.New("in a string a backslash stands before a quote or a backslash only")
			}
		}
	}
	return v, errors.New("the closing quote is missing")
}

func (p *parser) token() (value, error) {
	v := value{kind: token, offset: p.i}
	p.span(func(c byte) bool { return isLetter(c) || isDigit(c) || strings.IndexByte("!#$%&'*+-.^_`|~:/", c) >= 0 })
	return v, nil
}

// byteSequence reads base64 between colons (§4.2.7). Padding may be missing and
// its bits may be anything, as that section recommends.
func (p *parser) byteSequence() (value, error) {
	v := value{kind: byteSequence, offset: p.i}
	p.i++
	encoded := p.span(func(c byte) bool { return isLetter(c) || isDigit(c) || c == '+' || c == '/' || c == '=' })
	if !p.take(':') {
		return v, errors.New("a byte sequence is base64 between two colons")
	}
	decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(encoded, "="))
	if err != nil {
		return v, errors.New("the byte sequence is not base64")
	}
	v.bytes = decoded
	return v, nil
}

func (p *parser) boolean() (value, error) {
	v := value{kind: boolean, offset: p.i}
	p.i++
	if !p.take('0') && !p.take('1') {
		return v, errors.New("a boolean is ?0 or ?1")
	}
	return v, nil
}

func (p *parser) end() bool { return p.i >= len(p.s) }

// next returns the next byte without reading it, or 0 at the end. A NUL in the
// text is never accepted anywhere, so the two cannot be confused.
func (p *parser) next() byte {
	if p.end() {
		return 0
	}
	return p.s[p.i]
}

func (p *parser) take(c byte) bool {
	if p.end() || p.s[p.i] != c {
		return false
	}
	p.i++
	return true
}

func (p *parser) skip(set string) {
	for !p.end() && strings.IndexByte(set, p.s[p.i]) >= 0 {
		p.i++
	}
}

// span reads the bytes for which in holds, and returns them.
func (p *parser) span(in func(byte) bool) string {
	start := p.i
	for !p.end() && in(p.s[p.i]) {
		p.i++
	}
	return p.s[start:p.i]
}

func isLower(c byte) bool  { return 'a' <= c && c <= 'z' }
func isLetter(c byte) bool { return isLower(c | 0x20) }
func isDigit(c byte) bool  { return '0' <= c && c <= '9' }
