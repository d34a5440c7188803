package trust

import (
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Validators are those of a response of the backend.
type Validators struct {
	// Tag is the entity tag, if it is one; Fault is what is wrong with the field
	// otherwise, or "" if there is none.
	Tag   etag.Tag
	Fault string
	// Modified is the Last-Modified, if it is a date that can be true; DateFault is what is wrong with it otherwise.
	Modified  time.Time
	DateFault string
	// Date is when the backend sent the response: by its own clock if Dated is set, and else by ours.
	Date  time.Time
	Dated bool
	// Size is the length of the representation in bytes, or negative if it is not known.
	Size int64
	// Coded says that there is a content coding, and Bare that the response is a 304, which
	// need not say more than the tag.
	Coded, Bare bool
}

// ReadValidators reads the validators of a response that came now. A response without a date of its own counts as
// sent now.
func ReadValidators(res *http.Response, now time.Time) Validators {
	h := res.Header
	v := Validators{
		Date: now, Size: sizeOf(res), Coded: len(h["Content-Encoding"]) > 0, Bare: res.StatusCode == http.StatusNotModified,
	}
	if date, ok := onlyDate(h["Date"], now); ok {
		v.Date, v.Dated = date, true
	}
	v.Modified, v.DateFault = readModified(h["Last-Modified"], v.Date, now)
	v.Tag, v.Fault = ReadTag(h["Etag"])
	return v
}

// sizeOf returns the length of the representation that a response is of, or a negative number if it does not say.
func sizeOf(res *http.Response) int64 {
	switch res.StatusCode {
	case http.StatusOK:
		return res.ContentLength
	case http.StatusPartialContent:
		if lines := res.Header["Content-Range"]; len(lines) == 1 {
			if part, err := byterange.ParseContentRange(lines[0]); err == nil {
				return part.Size
			}
		}
	}
	return -1
}

// ReadTag reads an ETag field. The fault is in kebab case.
func ReadTag(lines []string) (t etag.Tag, fault string) {
	switch len(lines) {
	case 0:
		return etag.Tag{}, ""
	case 1:
	default:
		return etag.Tag{}, "several"
	}
	t, err := etag.Parse(lines[0])
	if err == nil {
		return t, ""
	}
	for m := range etag.Members(lines) {
		if m.Fault != etag.None {
			return etag.Tag{}, m.Fault.Name()
		}
	}
	if lines[0] == "" {
		return etag.Tag{}, etag.Empty.Name()
	}
	return etag.Tag{}, etag.TextAfter.Name()
}

// readModified reads a Last-Modified field. A date after the backend's own, or
// after ours if that is later, cannot be true.
func readModified(lines []string, date, now time.Time) (modified time.Time, fault string) {
	if len(lines) == 0 {
		return time.Time{}, ""
	}
	modified, ok := onlyDate(lines, now)
	switch {
	case !ok:
		return time.Time{}, "date-malformed"
	case modified.After(date):
		return time.Time{}, "date-in-future"
	}
	return modified, ""
}

func onlyDate(lines []string, now time.Time) (time.Time, bool) {
	if len(lines) != 1 {
		return time.Time{}, false
	}
	return precondition.ParseDate(lines[0], now)
}

// Strong reports whether the tag is one for strong comparison.
func (v Validators) Strong() bool { return !v.Tag.IsZero() && !v.Tag.IsWeak() }

// Settled reports whether the second of the modification date was over when the
// response was made (RFC 9110 §8.8.2.2). Until then a date, and a tag that is made
// of it, can come to cover another version.
func (v Validators) Settled() bool {
	return v.Modified.IsZero() || !v.Date.Before(v.Modified.Add(time.Second))
}
