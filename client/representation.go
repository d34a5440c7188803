package client

import (
	"crypto/sha256"
	"net/http"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// Representation is the state of a resource as it was read, with its validators (RFC 9110 §8.8); or that
// it has none.
type Representation struct {
	// URL is where it is: the last one if there were redirects.
	URL string
	// Exists is unset if there is nothing (404 or 410). All below is then zero, but for Header.
	Exists bool
	// Content is the content as sent, in the coding that Coding names.
	Content []byte
	// MediaType is the Content-Type value, and Coding the Content-Encoding value: "" is identity.
	MediaType, Coding string
	// Tag is the entity tag, weak or strong, or zero. RawTag is the ETag field as sent, also if that
	// is no tag.
	Tag    etag.Tag
	RawTag string
	// LastModified and Date are the fields of these names, or zero.
	LastModified, Date time.Time
	// EndUnknown reports that the content ended with the connection, so that it may have been cut
	// (HTTP/1.0 without Content-Length). Update does not go on from such content.
	EndUnknown bool
	// Header has all fields of the answer. It is not to be changed.
	Header http.Header
}

// SHA256 is the digest of Content.
func (r Representation) SHA256() [sha256.Size]byte { return sha256.Sum256(r.Content) }

// setValidators takes them from the fields of an answer.
func (r *Representation) setValidators(h http.Header, now time.Time) {
	r.Header = h
	r.RawTag, r.Tag = "", etag.Tag{}
	if lines := h["Etag"]; len(lines) > 0 {
		r.RawTag = strings.Trim(lines[0], " \t")
		if t, err := etag.Parse(r.RawTag); err == nil && len(lines) == 1 {
			r.Tag = t
		}
	}
	r.LastModified = dateIn(h, "Last-Modified", now)
	r.Date = dateIn(h, "Date", now)
}

func dateIn(h http.Header, name string, now time.Time) time.Time {
	if lines := h[name]; len(lines) == 1 {
		if t, ok := date.Parse(lines[0], now); ok {
			return t
		}
	}
	return time.Time{}
}

// dateIsStrong reports whether Last-Modified is a strong validator: by RFC 9110 §8.8.2.2 it must be at
// least a second before the Date of the answer, both being of the origin's clock.
func (r Representation) dateIsStrong() bool {
	return !r.LastModified.IsZero() && !r.Date.IsZero() && r.Date.Sub(r.LastModified) >= time.Second
}

// becomesStrong reports whether waiting may help: the validators are weak because the resource was
// modified in the second in which it was read.
func (r Representation) becomesStrong() bool {
	return r.Exists && !r.LastModified.IsZero() && !r.Date.IsZero() && r.Date.Sub(r.LastModified) < 2*time.Second
}

// Condition returns the condition that holds as long as r is what is current, to be used for a write: If-Match
// with its strong tag; else If-Unmodified-Since with its date, if that is a strong validator; for
// what does not exist, If-None-Match: *. The error is a [*ValidatorError].
func (r Representation) Condition() (Condition, error) { return r.condition(false) }

func (r Representation) condition(lenient bool) (Condition, error) {
	switch {
	case !r.Exists:
		return Absent(), nil
	case !r.Tag.IsZero() && !r.Tag.IsWeak():
		return IfMatch(r.Tag), nil
	case lenient && r.RawTag != "" && r.Tag.IsZero():
		return Condition{field: "If-Match", value: r.RawTag}, nil
	case r.dateIsStrong():
		return IfUnmodifiedSince(r.LastModified), nil
	}
	return Condition{}, &ValidatorError{Representation: r, Reason: r.weakness()}
}

// weakness says why there is no condition.
func (r Representation) weakness() string {
	date := "it has no Last-Modified either"
	if !r.LastModified.IsZero() {
		date = "its Last-Modified is not a second older than the answer, and may cover two versions"
	}
	switch {
	case r.Tag.IsWeak():
		return "its tag " + r.Tag.String() + " is weak, which If-Match never matches; " + date
	case r.RawTag != "":
		return "its ETag is no entity tag: " + quoteShort(r.RawTag) + "; " + date
	}
	return "it has no ETag; " + date
}

// Condition is what must hold for a write to be made. The zero Condition is none, and refused: say
// [Unconditional] if that is meant.
type Condition struct{ field, value string }

// IfMatch holds if the current representation has this tag. A weak tag never matches (RFC 9110 §13.1.1).
func IfMatch(t etag.Tag) Condition { return Condition{"If-Match", t.String()} }

// IfUnmodifiedSince holds if the resource was not modified after t (§13.1.4). Use it with a date
// that is a strong validator: see [Representation.Condition].
func IfUnmodifiedSince(t time.Time) Condition {
	return Condition{"If-Unmodified-Since", t.UTC().Format(http.TimeFormat)}
}

// Exists holds if there is a current representation, whichever: If-Match: *.
func Exists() Condition { return Condition{"If-Match", "*"} }

// Absent holds if there is none: If-None-Match: * (§13.1.2).
func Absent() Condition { return Condition{"If-None-Match", "*"} }

// Unconditional always holds: the write may overwrite what nobody has seen.
func Unconditional() Condition { return Condition{"", "*"} }

// String is the field that says it, such as `If-Match: "a"`.
func (c Condition) String() string {
	switch {
	case c == Condition{}:
		return "no condition"
	case c.field == "":
		return "unconditional"
	}
	return c.field + ": " + c.value
}

func (c Condition) set(h http.Header) {
	if c.field != "" {
		h.Set(c.field, c.value)
	}
}

// check is the error for a condition that can never hold or was forgotten.
func (c Condition) check() error {
	switch {
	case c == Condition{}:
		return ErrNoCondition
	case c.field == "If-Match" && c.value == "":
		return &ValidatorError{Reason: "the tag is zero: the representation that was read has none"}
	case c.field == "If-Match" && strings.HasPrefix(c.value, "W/"):
		return &ValidatorError{Reason: "the tag " + c.value + " is weak, which If-Match never matches (RFC 9110 §13.1.1)"}
	}
	return nil
}

// holds reports whether r is the state that the condition names. A date alone is taken for what it is.
func (c Condition) holds(r Representation) bool {
	switch c.field {
	case "If-Match":
		return r.Exists && (c.value == "*" || c.value == r.RawTag)
	case "If-None-Match":
		return !r.Exists
	case "If-Unmodified-Since":
		return r.Exists && r.dateIsStrong() && r.LastModified.Format(http.TimeFormat) == c.value
	}
	return false
}
