package condhttp

import (
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Validators are the fields ETag and Last-Modified of a representation (RFC 9110 §8.8), made once
// for any number of responses. The zero Validators are none. They do not change, and may be used
// from any number of goroutines.
type Validators struct {
	tag      etag.Tag
	modified time.Time // in the resolution of an HTTP-date
	// etag and lastModified are the field lines, or nil. Responses share them, so they have no
	// room to append.
	etag, lastModified []string
}

// NewValidators returns the validators of a representation. A tag or a date that is zero is none.
func NewValidators(tag etag.Tag, modified time.Time) Validators {
	v := Validators{tag: tag, modified: seconds(modified)}
	if !tag.IsZero() {
		v.etag = []string{tag.String()}
	}
	if !modified.IsZero() {
		v.lastModified = []string{v.modified.Format(http.TimeFormat)}
	}
	return v
}

// WithTag returns the validators of another representation of the same revision.
func (v Validators) WithTag(tag etag.Tag) Validators {
	other := NewValidators(tag, time.Time{})
	other.modified, other.lastModified = v.modified, v.lastModified
	return other
}

// Set makes v the validators in h, the header of a response that carries the representation or
// is about it, in place of any others. Last-Modified is left out as long as it must not
// be told: see [Published].
func (v Validators) Set(h http.Header, now time.Time) {
	if v.etag == nil {
		delete(h, "Etag")
	}
	if v.lastModified == nil {
		delete(h, "Last-Modified")
	}
	v.setOver(h, now)
}

// SetNotModified is Set for a 304: it has Last-Modified only if there is no tag, which says
// more about the copy that the client has (RFC 9110 §15.4.5). matched is the tag of that copy if it
// is of another representation of the same revision; it may be zero.
func (v Validators) SetNotModified(h http.Header, matched etag.Tag, now time.Time) {
	switch {
	case !matched.IsZero() && matched != v.tag:
		v = NewValidators(matched, time.Time{})
	case v.etag != nil:
		v.modified, v.lastModified = time.Time{}, nil
	}
	v.Set(h, now)
}

// setOver makes v the validators in h; what is there stays if v has nothing in its place.
func (v Validators) setOver(h http.Header, now time.Time) {
	if v.etag != nil {
		h["Etag"] = v.etag
	}
	switch {
	case v.lastModified == nil:
	case Published(v.modified, now):
		h["Last-Modified"] = v.lastModified
	default:
		delete(h, "Last-Modified")
	}
}

// ToNotModified makes h, which has the fields of a 200, the header of a 304 (RFC 9110 §15.4.5): the
// fields that describe content go, and Last-Modified does if there is an ETag.
func ToNotModified(h http.Header) {
	deleteFields(h, contentFields)
	delete(h, "Content-Range")
	if len(h["Etag"]) > 0 {
		delete(h, "Last-Modified")
	}
}

// SetValidators makes the validators of current those in h; see [Validators.Set]. They are none if
// current does not exist.
func SetValidators(h http.Header, current precondition.Current) {
	validatorsOf(current).Set(h, current.Now)
}

func validatorsOf(current precondition.Current) Validators {
	if !current.Exists {
		return Validators{}
	}
	return NewValidators(current.Tag, current.LastModified)
}

// Published reports whether a modification date may be told at a time: the second that it
// names has passed, so that no later version can have it (RFC 9110 §8.8.2.2). A
// zero now is a time when it has. There is nothing to tell of a zero date.
func Published(modified, now time.Time) bool {
	return !modified.IsZero() && (now.IsZero() || !now.Before(seconds(modified).Add(time.Second)))
}
