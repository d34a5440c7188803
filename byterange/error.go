package byterange

import (
	"errors"
	"fmt"
)

// Every error of this package's parsers is a [*ParseError], and [errors.Is] one
// of these.
var (
	// ErrUnit says that the range unit is not "bytes". A server must ignore such
	// a Range (RFC 9110 §14.2), a client must not recombine such a
	// Content-Range (§14.4).
	ErrUnit = errors.New("unknown range unit")
	// ErrSyntax says that the value is malformed, or holds an invalid member
	// such as 5-2.
	ErrSyntax = errors.New("malformed")
	// ErrTooMany says that a Range holds more than MaxRanges ranges.
	ErrTooMany = errors.New("too many ranges")
	// ErrTooLarge says that a Content-Range is well-formed, but holds a number
	// beyond an int64.
	ErrTooLarge = errors.New("number too large")
)

// ParseError says where and why the value of a Range or Content-Range field
// could not be used.
type ParseError struct {
	// Field is "Range" or "Content-Range".
	Field string
	// Value is the field value as it was given.
	Value string
	// Offset is the byte of Value at which the trouble starts; it may be
	// len(Value).
	Offset int
	// Reason is for people: what was expected there.
	Reason string
	// Err is ErrUnit, ErrSyntax, ErrTooMany or ErrTooLarge.
	Err error
}

// maxQuoted bounds how much of a field value an error message repeats.
const maxQuoted = 64

func (e *ParseError) Error() string {
	value, more := e.Value, ""
	if len(value) > maxQuoted {
		value, more = value[:maxQuoted], "..."
	}
	return fmt.Sprintf("%s %q%s: %v at offset %d: %s", e.Field, value, more, e.Err, e.Offset, e.Reason)
}

// Unwrap returns e.Err.
func (e *ParseError) Unwrap() error { return e.Err }
