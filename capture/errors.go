package capture

import (
	"errors"
	"strings"
)

// What errors.Is finds in the errors of Read, unless reading itself failed: then it is the
// error of the reader.
var (
	// ErrUnknownFormat: the input is in none of the formats.
	ErrUnknownFormat = errors.New("unknown format")
	// ErrNoExchange: the format is known, but there is no exchange in it.
	ErrNoExchange = errors.New("no exchange")
	// ErrMalformed: the input does not keep to its format.
	ErrMalformed = errors.New("malformed")
	// ErrTruncated: the input ends in the middle.
	ErrTruncated = errors.New("truncated")
	// ErrTooLarge: the input is more than one of the Limits allows.
	ErrTooLarge = errors.New("too large")
)

// ReadError is what Read returns.
type ReadError struct {
	// File is the name that Read was given.
	File   string
	Format Format
	// Err is one of the errors above, or that of the reader.
	Err error
	// Detail is what is wrong, as in "ends inside entry 3". It is not empty.
	Detail string
	// Hint is what to do about it, or "".
	Hint string
}

func (e *ReadError) Error() string {
	var b strings.Builder
	b.WriteString(displayName(e.File) + ": " + e.Detail)
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	return b.String()
}

func (e *ReadError) Unwrap() error { return e.Err }

func displayName(file string) string {
	if file == "-" || file == "" {
		return "standard input"
	}
	return file
}
