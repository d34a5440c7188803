package etag

import (
	"errors"
	"fmt"
)

// Tag is an entity tag. The zero Tag means "no tag" and differs from the tag "",
// which is legal. Tags are immutable, can be map keys, and == compares them
// with their weakness; for HTTP's comparisons use [Tag.StrongEqual] and
// [Tag.WeakEqual].
type Tag struct {
	// wire is the tag as a field value has it: "abc" or W/"abc", with quotes.
	wire string
}

// ErrSyntax is what errors.Is finds in every error of Parse.
var ErrSyntax = errors.New("malformed entity tag")

// SyntaxError says what is wrong with a text that should be an entity tag.
// errors.Is(err, ErrSyntax) holds for it.
type SyntaxError struct {
	Input string
	// Offset is the byte of Input at which the fault shows.
	Offset int
	Fault  Fault
}

func (e *SyntaxError) Error() string {
	input := e.Input
	if len(input) > 80 {
		input = input[:80] + "…"
	}
	return fmt.Sprintf("malformed entity tag %q at byte %d: %s", input, e.Offset, e.Fault)
}

// Is makes errors.Is(err, ErrSyntax) true.
func (e *SyntaxError) Is(target error) bool { return target == ErrSyntax }

// Parse returns the tag that s is, by the letter of RFC 9110 §8.8.3:
// a quoted opaque-tag, with W/ (upper case) before it if weak. Nothing may
// stand around it. The error is a [*SyntaxError].
func Parse(s string) (Tag, error) {
	end, fault := scan(s)
	if fault == None && end < len(s) {
		fault = TextAfter
	}
	if fault != None {
		return Tag{}, &SyntaxError{Input: s, Offset: end, Fault: fault}
	}
	return Tag{s}, nil
}

// MustParse is Parse for constants; it panics on a malformed tag.
func MustParse(s string) Tag {
	t, err := Parse(s)
	if err != nil {
		panic(err)
	}
	return t
}

// Strong returns the strong tag with the given opaque text, which is written
// without quotes. The error is a [*SyntaxError] if opaque contains a quote, a
// space or a control character.
func Strong(opaque string) (Tag, error) { return Parse(`"` + opaque + `"`) }

// IsZero reports whether t is no tag at all.
func (t Tag) IsZero() bool { return t.wire == "" }

// IsWeak reports whether t is a weak validator (W/"…"). The zero Tag is not.
func (t Tag) IsWeak() bool { return len(t.wire) > 0 && t.wire[0] == 'W' }

// Opaque returns the text between the quotes. It is "" for the tag "" and for
// the zero Tag.
func (t Tag) Opaque() string {
	q := t.quoted()
	if q == "" {
		return ""
	}
	return q[1 : len(q)-1]
}

// String returns t as it is written in a field, quotes included, or "" for the
// zero Tag. It does not allocate.
func (t Tag) String() string { return t.wire }

// AppendTo appends t, as String writes it, to b.
func (t Tag) AppendTo(b []byte) []byte { return append(b, t.wire...) }

// MarshalText returns what String does. It never fails.
func (t Tag) MarshalText() ([]byte, error) { return []byte(t.wire), nil }

// UnmarshalText parses what MarshalText wrote; an empty text is the zero Tag.
func (t *Tag) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*t = Tag{}
		return nil
	}
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*t = parsed
	return nil
}

// Weak returns the weak tag with t's opaque text; the zero Tag stays zero.
func (t Tag) Weak() Tag {
	if t.IsZero() || t.IsWeak() {
		return t
	}
	return Tag{"W/" + t.wire}
}

// StrongEqual is the strong comparison of RFC 9110 §8.8.3.2, the one If-Match
// and If-Range use: neither is weak, and the opaque texts are the same byte for
// byte. The zero Tag equals nothing, itself included.
func (t Tag) StrongEqual(u Tag) bool {
	return !t.IsZero() && !t.IsWeak() && t.wire == u.wire
}

// WeakEqual is the weak comparison of RFC 9110 §8.8.3.2, the one If-None-Match
// uses: the opaque texts are the same byte for byte, weak or not. The zero Tag
// equals nothing, itself included.
func (t Tag) WeakEqual(u Tag) bool {
	return !t.IsZero() && t.quoted() == u.quoted()
}

// quoted returns t without W/.
func (t Tag) quoted() string {
	if t.IsWeak() {
		return t.wire[len("W/"):]
	}
	return t.wire
}
