package guard

import (
	"errors"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// tag chooses the tag that clients are told of.
func (x *exchange) tag(h *held) (t etag.Tag, from observe.Source, why string) {
	switch {
	case !h.exists:
		return etag.Tag{}, observe.NoTag, ""
	case x.route.Validators == ValidatorsNone:
		return etag.Tag{}, observe.NoTag, "switched-off"
	case h.own && !h.Tag.IsZero(), x.usable(h.Validators):
		return h.Tag, observe.FromBackend, ""
	case x.route.Validators == ValidatorsBackend:
		return x.weakened(h.Validators, "backend-tag")
	case !h.content.IsZero():
		return h.content, observe.FromContent, ""
	case h.TooLong:
		return x.weakened(h.Validators, "too-large")
	}
	return x.weakened(h.Validators, "streamed")
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
		return v.Strong() && x.route.learned.VouchesFor(v) || x.presumes(v)
	}
	return false
}

// acceptable reports whether the backend's tag in a condition names the state,
// though clients are told of another. It may have come from a PROPFIND, or from a time
// when the backend was trusted.
func (x *exchange) acceptable(v trust.Validators) bool {
	doubtful := x.route.learned.Distrusted() && (!x.route.isThrough() || x.route.learned.Lies())
	return x.route.Validators != ValidatorsNone && v.Strong() && v.Settled() && !doubtful
}

// state is what preconditions are evaluated against: the state of a representation, as the client is told of it.
type state struct {
	precondition.Current
	// from says where the tag comes from, and why, why it is no better one.
	from observe.Source
	why  string
}

// stateOf is the state of what the guard has.
func (x *exchange) stateOf(h *held) (c state) {
	c.Exists, c.LastModified, c.Now = h.exists, h.Modified, h.Date
	if h.toldDate() != nil {
		c.LastModified = time.Time{}
	}
	c.Tag, c.from, c.why = x.tag(h)
	if len(x.fields.IfMatch) > 0 || len(x.fields.IfNoneMatch) > 0 {
		c.Others = x.others(c.Tag, h)
	}
	return c
}

// stateForWrite is stateOf, but a modification date whose second was not over counts as
// one later, since what the client has seen of that second may not be all.
func (x *exchange) stateForWrite(h *held) state {
	c := x.stateOf(h)
	if !h.Settled() {
		c.LastModified = c.LastModified.Add(time.Second)
	}
	return c
}

// evaluate evaluates the preconditions of a read.
func (x *exchange) evaluate(c state) precondition.Decision {
	return x.policy().Evaluate(precondition.Origin, x.r.Method, x.fields, c.Current)
}

// decide evaluates them, and notes the state and the decision, by which the client is answered.
func (x *exchange) decide(c state) precondition.Decision {
	d := x.evaluate(c)
	x.note(c, d)
	return d
}

// note keeps what the record will say: the state that the client is told of, and the decision that was made by it.
func (x *exchange) note(c state, d precondition.Decision) {
	x.told, x.decision, x.evaluated = c, d, true
}

// judge evaluates the preconditions against a state. There is an answer if they are false.
func (x *exchange) judge(up *upload, h *held) (d precondition.Decision, refused answer) {
	if !h.exists && x.r.Method == http.MethodDelete {
		// "if its response to the same request without those conditions ... would
		// have been a status code other than a 2xx or 412", they are ignored (RFC 9110 §13.2.1).
		return d, refusal(condhttp.NewProblem(http.StatusNotFound, "not-found", "there is no such resource", ""))
	}
	c := x.stateForWrite(h)
	r := x.strengthened(c.Current, h)
	checker := x.checker()
	d = checker.Evaluate(r, c.Current)
	x.note(c, d)
	p, isRefused := errors.AsType[*condhttp.Problem](checker.Verify(r, c.Current))
	if !isRefused {
		return d, nil
	}
	if p.Status == http.StatusPreconditionFailed && up.is(h) && x.r.Method == http.MethodPut {
		p.Reason = reasonApplied
		p.Hint = "the content is what is stored already, perhaps by this very request, sent before: there is nothing left to do"
	}
	return d, refusal(p)
}

// others are the tags that name the same state as tag does.
func (x *exchange) others(tag etag.Tag, h *held) []etag.Tag {
	if !h.exists || x.route.Validators == ValidatorsNone {
		return nil
	}
	var all []etag.Tag
	if !h.content.IsZero() && h.content != tag {
		all = append(all, h.content)
	}
	if x.acceptable(h.Validators) && h.Tag != tag {
		all = append(all, h.Tag)
	}
	bases := all
	if !tag.IsZero() && !tag.IsWeak() {
		bases = append(bases[:len(bases):len(bases)], tag)
	}
	for _, base := range bases {
		for _, name := range codings {
			all = append(all, base.WithCoding(coding.Suffix(name)))
		}
	}
	return all
}

// strengthened returns the client's request. With lenient tags, a weak tag in
// If-Match that has the digest of the current content counts as strong: this guard never gave out such
// a one, so a proxy on the way has marked it (when it compressed the content), and it
// names the state all the same.
func (x *exchange) strengthened(c precondition.Current, h *held) *http.Request {
	if !x.route.LenientTags || h.content.IsZero() || len(x.fields.IfMatch) == 0 {
		return x.r
	}
	var list []string
	for m := range etag.Members(x.fields.IfMatch) {
		raw := m.Raw
		for _, known := range append([]etag.Tag{h.content, c.Tag}, c.Others...) {
			if m.Tag.IsWeak() && strings.HasPrefix(known.Opaque(), h.content.Opaque()) && m.Tag.WeakEqual(known) {
				raw = known.String()
			}
		}
		list = append(list, raw)
	}
	r := *x.r
	r.Header = maps.Clone(r.Header)
	r.Header["If-Match"] = []string{strings.Join(list, ", ")}
	return &r
}

// isStrong reports whether the client is told a strong tag of the backend, by which it could put parts together.
func (x *exchange) isStrong(h *held) bool {
	return !h.stored && x.route.Validators == ValidatorsAuto && x.usable(h.Validators)
}

// believes reports whether the backend's tags are those that clients see, as far
// as they are any good.
func (x *exchange) believes() bool {
	switch x.route.Validators {
	case ValidatorsBackend:
		return true
	case ValidatorsAuto:
		return x.route.learned.IsTrusted()
	}
	return false
}

func (x *exchange) namesTags() bool {
	return len(x.fields.IfMatch) > 0 || len(x.fields.IfNoneMatch) > 0
}
