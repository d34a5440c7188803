package guard

import (
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// validators are those of a response of the backend.
type validators struct {
	// tag is the entity tag, if it is one; fault is what is wrong with the field
	// otherwise, or "" if there is none.
	tag   etag.Tag
	fault string
	// modified is the Last-Modified, if it is a date that can be true.
	modified time.Time
	// date is when the backend sent the response, by its own clock if it has one.
	date time.Time
	// size is the length of the representation in bytes, or negative if it is not known.
	size int64
	// coded says that there is a content coding, and bare that the response is a 304, which
	// need not say more than the tag.
	coded, bare bool
}

// maxKept bounds how much of a field of the backend a Record keeps, in bytes.
const maxKept = 256

// readValidators reads the validators of a response and notes them.
func (x *exchange) readValidators(res *http.Response) validators {
	h := res.Header
	v := validators{
		date: x.now, size: sizeOf(res), coded: len(h["Content-Encoding"]) > 0, bare: res.StatusCode == http.StatusNotModified,
	}
	if date, ok := onlyDate(h["Date"], x.now); ok {
		v.date = date
	} else {
		h["Date"] = []string{x.now.UTC().Format(http.TimeFormat)}
	}
	var fault string
	v.modified, fault = readModified(h["Last-Modified"], v.date, x.now)
	v.tag, v.fault = readTag(h["Etag"])
	if v.fault != "" {
		fault = v.fault
	}
	b := &x.rec.Backend
	b.ETag, b.LastModified, b.Fault = kept(h["Etag"]), kept(h["Last-Modified"]), fault
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

func kept(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0][:min(len(lines[0]), maxKept)]
}

// readTag reads an ETag field. The fault is in kebab case.
func readTag(lines []string) (t etag.Tag, fault string) {
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

// strong reports whether the tag is one for strong comparison.
func (v validators) strong() bool { return !v.tag.IsZero() && !v.tag.IsWeak() }

// settled reports whether the second of the modification date was over when the
// response was made (RFC 9110 §8.8.2.2). Until then a date, and a tag that is made
// of it, can come to cover another version.
func (v validators) settled() bool {
	return v.modified.IsZero() || !v.date.Before(v.modified.Add(time.Second))
}

// sight is what the guard knows of the selected representation.
type sight struct {
	exists  bool
	backend validators
	// content is the content tag, or zero.
	content etag.Tag
	digest  [32]byte
	// sum is of the content, and shown what it was sent with; zero if that is not known.
	sum   sum
	shown *shown
	// tooLong says that the content was too long for a content tag.
	tooLong bool
}

// tag chooses the tag that clients are told of.
func (x *exchange) tag(s sight) (t etag.Tag, from observe.Source, why string) {
	switch {
	case !s.exists:
		return etag.Tag{}, observe.NoTag, ""
	case x.route.Validators == ValidatorsNone:
		return etag.Tag{}, observe.NoTag, "switched-off"
	case x.usable(s.backend):
		return s.backend.tag, observe.FromBackend, ""
	case x.route.Validators == ValidatorsBackend:
		return x.weakened(s.backend, "backend-tag")
	case !s.content.IsZero():
		return s.content, observe.FromContent, ""
	case s.tooLong:
		return x.weakened(s.backend, "too-large")
	}
	return x.weakened(s.backend, "streamed")
}

// weakened is the backend's tag marked as weak, unless it has none or is known
// to give them out wrongly.
func (x *exchange) weakened(v validators, why string) (etag.Tag, observe.Source, string) {
	if v.tag.IsZero() || x.route.learned.distrusted() {
		return etag.Tag{}, observe.NoTag, why
	}
	return v.tag.Weak(), observe.Weakened, why
}

// usable reports whether the backend's tag is what clients are told of.
func (x *exchange) usable(v validators) bool {
	switch x.route.Validators {
	case ValidatorsBackend:
		return v.strong()
	case ValidatorsAuto:
		return v.strong() && x.route.learned.vouchesFor(v)
	}
	return false
}

// acceptable reports whether the backend's tag in a condition names the state,
// though clients are told of another. It may have come from a PROPFIND, or from a time
// when the backend was trusted.
func (x *exchange) acceptable(v validators) bool {
	return x.route.Validators != ValidatorsNone && v.strong() && v.settled() && !x.route.learned.distrusted()
}

// current is what preconditions are evaluated against.
func (x *exchange) current(s sight) precondition.Current {
	c := precondition.Current{Exists: s.exists, LastModified: s.backend.modified, Now: s.backend.date}
	c.Tag, x.rec.Validator, x.rec.Why = x.tag(s)
	if len(x.fields.IfMatch) > 0 || len(x.fields.IfNoneMatch) > 0 {
		c.Others = x.others(c.Tag, s)
	}
	x.rec.Current = c.Tag
	return c
}

// others are the tags that name the same state as tag does.
func (x *exchange) others(tag etag.Tag, s sight) []etag.Tag {
	if !s.exists || x.route.Validators == ValidatorsNone {
		return nil
	}
	var all []etag.Tag
	if !s.content.IsZero() && s.content != tag {
		all = append(all, s.content)
	}
	if x.acceptable(s.backend) && s.backend.tag != tag {
		all = append(all, s.backend.tag)
	}
	bases := all
	if !tag.IsZero() && !tag.IsWeak() {
		bases = append(bases[:len(bases):len(bases)], tag)
	}
	for _, base := range bases {
		for _, name := range codings {
			all = append(all, base.WithCoding(suffixOfCoding(name)))
		}
	}
	return all
}

// setValidators puts the client's validators in the place of the backend's.
func setValidators(h http.Header, c precondition.Current) {
	delete(h, "Etag")
	delete(h, "Last-Modified")
	if !c.Tag.IsZero() {
		h["Etag"] = []string{c.Tag.String()}
	}
	if m := c.LastModified; !m.IsZero() && !c.Now.Before(m.Add(time.Second)) {
		h["Last-Modified"] = []string{m.UTC().Format(http.TimeFormat)}
	}
}
