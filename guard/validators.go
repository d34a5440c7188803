package guard

import (
	"cmp"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// maxKept bounds how much of a field of the backend a Record keeps, in bytes.
const maxKept = 256

// readValidators reads the validators of a response and notes them.
func (x *exchange) readValidators(res *http.Response) trust.Validators {
	h := res.Header
	v := trust.ReadValidators(res, x.now)
	if !v.Dated {
		h["Date"] = []string{x.now.UTC().Format(http.TimeFormat)}
	}
	b := &x.rec.Backend
	b.ETag, b.LastModified, b.Fault = kept(h["Etag"]), kept(h["Last-Modified"]), cmp.Or(v.Fault, v.DateFault)
	return v
}

func kept(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[0][:min(len(lines[0]), maxKept)]
}

// sight is what the guard knows of the selected representation.
type sight struct {
	trust.Seen
	exists bool
	// content is the content tag, or zero.
	content etag.Tag
	digest  [32]byte
}

// tag chooses the tag that clients are told of.
func (x *exchange) tag(s sight) (t etag.Tag, from observe.Source, why string) {
	switch {
	case !s.exists:
		return etag.Tag{}, observe.NoTag, ""
	case x.route.Validators == ValidatorsNone:
		return etag.Tag{}, observe.NoTag, "switched-off"
	case x.usable(s.Validators):
		return s.Tag, observe.FromBackend, ""
	case x.route.Validators == ValidatorsBackend:
		return x.weakened(s.Validators, "backend-tag")
	case !s.content.IsZero():
		return s.content, observe.FromContent, ""
	case s.TooLong:
		return x.weakened(s.Validators, "too-large")
	}
	return x.weakened(s.Validators, "streamed")
}

// weakened is the backend's tag marked as weak, unless it has none or is known
// to give them out wrongly.
func (x *exchange) weakened(v trust.Validators, why string) (etag.Tag, observe.Source, string) {
	if v.Tag.IsZero() || x.route.learned.Distrusted() {
		return etag.Tag{}, observe.NoTag, why
	}
	return v.Tag.Weak(), observe.Weakened, why
}

// usable reports whether the backend's tag is what clients are told of.
func (x *exchange) usable(v trust.Validators) bool {
	switch x.route.Validators {
	case ValidatorsBackend:
		return v.Strong()
	case ValidatorsAuto:
		return v.Strong() && x.route.learned.VouchesFor(v)
	}
	return false
}

// acceptable reports whether the backend's tag in a condition names the state,
// though clients are told of another. It may have come from a PROPFIND, or from a time
// when the backend was trusted.
func (x *exchange) acceptable(v trust.Validators) bool {
	return x.route.Validators != ValidatorsNone && v.Strong() && v.Settled() && !x.route.learned.Distrusted()
}

// current is what preconditions are evaluated against.
func (x *exchange) current(s sight) precondition.Current {
	c := precondition.Current{Exists: s.exists, LastModified: s.Modified, Now: s.Date}
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
	if x.acceptable(s.Validators) && s.Tag != tag {
		all = append(all, s.Tag)
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
