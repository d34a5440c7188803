package patch

import (
	"errors"
	"fmt"
)

// The causes of an [Error], for errors.Is.
var (
	// ErrMalformed: the patch document is not one.
	ErrMalformed = errors.New("not a valid patch document")
	// ErrDocument: the document to be patched is not JSON that can be.
	ErrDocument = errors.New("the document cannot be patched as JSON")
	// ErrConflict: the patch does not fit the document; it names a place that
	// is not there.
	ErrConflict = errors.New("the patch does not fit the document")
	// ErrTest: a "test" operation found another value.
	ErrTest = errors.New("a test of the patch failed")
	// ErrTooLarge: applying the patch would take more than this package allows.
	ErrTooLarge = errors.New("the patch asks for too much")
)

// Error says why a patch was not applied. errors.Is finds its Cause.
type Error struct {
	// Cause is one of the five above.
	Cause error
	// Operation is the index of the operation in a JSON Patch, or -1 if it is not
	// about one.
	Operation int
	// Reason says what is wrong.
	Reason string
}

func (e *Error) Error() string {
	if e.Operation < 0 {
		return fmt.Sprintf("%s: %s", e.Cause, e.Reason)
	}
	return fmt.Sprintf("%s: operation %d: %s", e.Cause, e.Operation, e.Reason)
}

// Unwrap returns e.Cause.
func (e *Error) Unwrap() error { return e.Cause }

func fail(cause error, format string, args ...any) *Error {
	return &Error{cause, -1, fmt.Sprintf(format, args...)}
}
