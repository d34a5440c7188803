package client

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// What errors.Is finds in the errors of this package.
var (
	// ErrConflict: the condition of a write is false. The error is a [*Conflict].
	ErrConflict = errors.New("the resource is not what the write was made for")
	// ErrOutcomeUnknown: a write may have been made or not. The error is an [*UnknownOutcome].
	ErrOutcomeUnknown = errors.New("it is not known whether the write was made")
	// ErrNoValidator: the server sends nothing by which a write could be guarded. The error is a
	// [*ValidatorError].
	ErrNoValidator = errors.New("there is no validator to guard a write with")
	// ErrConditionsIgnored: the server performs a write whose condition is false.
	ErrConditionsIgnored = errors.New("the server ignores the conditions of writes")
	// ErrNoCondition: the zero Condition was given.
	ErrNoCondition = errors.New("a write needs a condition: that of the representation that was read, Absent, or Unconditional")
	// ErrNotFound: 404 or 410. The error is a [*StatusError], as those of the next three.
	ErrNotFound = errors.New("not found")
	// ErrLocked: 423 (RFC 4918 §11.3). Somebody holds a lock.
	ErrLocked = errors.New("locked")
	// ErrConditionRequired: 428 (RFC 6585 §3).
	ErrConditionRequired = errors.New("the server wants a condition")
	// ErrBusy: 429 or 503, and the server asks for a longer wait than is allowed or stayed so.
	ErrBusy = errors.New("the server is busy")
	// ErrTooLarge: content is longer than [Client.MaxContent].
	ErrTooLarge = errors.New("the content is longer than may be read into memory")
	// ErrRedirect: a redirect that is not followed. The error says why.
	ErrRedirect = errors.New("the redirect is not followed")
)

// Conflict says that a write was not made because the condition was false: another writer was first.
// errors.Is(err, ErrConflict) holds for it.
type Conflict struct {
	Method, URL string
	Condition   Condition
	// Base is what the write was made from, as far as the client has read it: zero for Put and Delete.
	Base Representation
	// Mine is what was not written; zero for a deletion, the patch for a patch.
	Mine Content
	// Theirs is what is there now. If it could not be read, TheirsErr says why.
	Theirs    Representation
	TheirsErr error
	// Attempts is how often the write was tried.
	Attempts int
	// Problem is what the server said, if it said it by RFC 9457.
	Problem *condhttp.Problem
}

func (e *Conflict) Error() string {
	s := fmt.Sprintf("%s %s: not made, as %s does not hold", e.Method, e.URL, e.Condition)
	switch {
	case e.Condition == Absent():
		s = fmt.Sprintf("%s %s: not made, as it exists already", e.Method, e.URL)
	case e.TheirsErr == nil && !e.Theirs.Exists:
		s += ": there is nothing there now"
	case e.Theirs.RawTag != "":
		s += ": its tag is " + quoteTag(e.Theirs.RawTag) + " now"
	}
	if e.Attempts > 1 {
		s += fmt.Sprintf(" (tried %d times)", e.Attempts)
	}
	return s
}

// Is makes errors.Is(err, ErrConflict) true.
func (e *Conflict) Is(target error) bool { return target == ErrConflict }

// Unwrap returns TheirsErr.
func (e *Conflict) Unwrap() error { return e.TheirsErr }

// UnknownOutcome says that a write may have been made or not: its answer was lost, and what could be found
// out does not decide. errors.Is(err, ErrOutcomeUnknown) holds for it, and what Cause is.
type UnknownOutcome struct {
	Method, URL string
	Condition   Condition
	// Key is the Idempotency-Key that the write was sent with.
	Key string
	// Base is as in a [Conflict].
	Base Representation
	Mine Content
	// Now is what was found afterwards. If it could not be read, NowErr says why.
	Now    Representation
	NowErr error
	// SameContent reports that what was found is byte for byte what was sent: by this write, or by
	// another writer who wrote the same.
	SameContent bool
	// Cause is how the answer was lost.
	Cause error
}

func (e *UnknownOutcome) Error() string {
	s := fmt.Sprintf("%s %s: the answer was lost (%v), and it is not known whether the write was made", e.Method, e.URL, e.Cause)
	switch {
	case e.NowErr != nil:
		s += fmt.Sprintf("; what is there now cannot be read: %v", e.NowErr)
	case e.SameContent:
		s += "; what is there now is what was sent, perhaps by another writer"
	case e.Now.Header != nil && !e.Now.Exists:
		s += "; there is nothing there now"
	case e.Now.RawTag != "":
		s += "; there is something else there now, with the tag " + quoteTag(e.Now.RawTag)
	}
	return s
}

// Is makes errors.Is(err, ErrOutcomeUnknown) true.
func (e *UnknownOutcome) Is(target error) bool { return target == ErrOutcomeUnknown }

// Unwrap returns Cause.
func (e *UnknownOutcome) Unwrap() error { return e.Cause }

// ValidatorError says that a write cannot be guarded. errors.Is(err, ErrNoValidator) holds for it.
type ValidatorError struct {
	Representation Representation
	// Reason says why, in a sentence without full stop.
	Reason string
}

func (e *ValidatorError) Error() string {
	at := ""
	if e.Representation.URL != "" {
		at = e.Representation.URL + ": "
	}
	return at + "a write cannot be guarded: " + e.Reason
}

// Is makes errors.Is(err, ErrNoValidator) true.
func (e *ValidatorError) Is(target error) bool { return target == ErrNoValidator }

// StatusError is an answer that says no, and is nothing more special.
type StatusError struct {
	Method, URL string
	Status      int
	Header      http.Header
	// RetryAfter is how long the server asks to wait, or 0.
	RetryAfter time.Duration
	// Problem is what the server said, if it said it by RFC 9457.
	Problem *condhttp.Problem
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("%s %s: %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	if e.Problem != nil && e.Problem.Detail != "" {
		s += ": " + e.Problem.Detail
	}
	if e.RetryAfter > 0 {
		s += ", try again in " + strconv.Itoa(int(e.RetryAfter.Seconds())) + " s"
	}
	return s
}

// Is tells what the status means.
func (e *StatusError) Is(target error) bool {
	switch e.Status {
	case http.StatusNotFound, http.StatusGone:
		return target == ErrNotFound
	case http.StatusLocked:
		return target == ErrLocked
	case http.StatusPreconditionRequired:
		return target == ErrConditionRequired
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return target == ErrBusy
	}
	return false
}

// quoteTag returns the text of an ETag field for people: as it is if it is short and printable.
func quoteTag(s string) string {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' || i > 80 {
			return quoteShort(s)
		}
	}
	return s
}

func quoteShort(s string) string {
	if len(s) > 80 {
		s = s[:80] + "…"
	}
	return strconv.Quote(s)
}
