package guard

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/target"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

// The field If of WebDAV (RFC 4918 §10.4) names lock tokens, which the backend gives out, and entity tags, which clients have
// from the guard. So the guard judges the tags, as in If-Match, and sends the backend its own in their place; what there is to say
// of the tokens is left to the backend.

// readIf reads the field If of a write. One that cannot be read is the backend's to refuse.
func (x *exchange) readIf() {
	if !method.Writes(x.r.Method) {
		return
	}
	header, err := ifheader.Parse(x.r.Header["If"])
	if err != nil {
		return
	}
	for _, l := range header.Lists {
		x.ifLists = append(x.ifLists, ifList{l, x.resourceOf(l)})
	}
}

// ifList is a list of the field, and the resource that it is about, in normal form; nil is one of another server.
type ifList struct {
	ifheader.List
	about *url.URL
}

func (x *exchange) resourceOf(l ifheader.List) *url.URL {
	if l.Resource == "" {
		return x.r.URL
	}
	tagged, err := url.Parse(l.Resource)
	if err != nil || !x.names(tagged) {
		return nil
	}
	own, fault := target.Normal(tagged)
	if fault != nil {
		return nil
	}
	return own
}

// isAbout reports whether the list is about a resource, which is in normal form.
func (l ifList) isAbout(u *url.URL) bool {
	return l.about != nil && l.about.EscapedPath() == u.EscapedPath()
}

// hasTag reports whether it depends on an entity tag of a resource of the backend.
func (l ifList) hasTag() bool {
	return l.about != nil && slices.ContainsFunc(l.Conditions, func(c ifheader.Condition) bool { return c.Token == "" })
}

func (l ifList) hasToken() bool {
	return slices.ContainsFunc(l.Conditions, func(c ifheader.Condition) bool { return c.Token != "" })
}

// tagsInIf reports whether the field If depends on an entity tag, and tagsOfTarget, whether on that of the target.
func (x *exchange) tagsInIf() bool { return slices.ContainsFunc(x.ifLists, ifList.hasTag) }

func (x *exchange) tagsOfTarget() bool {
	return slices.ContainsFunc(x.ifLists, func(l ifList) bool { return l.hasTag() && l.isAbout(x.r.URL) })
}

// verifyIf judges the entity tags in the field If. There is an answer if no list of it can hold, whatever
// locks there are. seen is the state of the target, if that was looked at.
func (x *exchange) verifyIf(out *http.Request, seen *held) answer {
	if !x.tagsInIf() {
		return nil
	}
	states := map[string]*held{x.r.URL.EscapedPath(): seen}
	x.ifStates = states
	var sent, failing ifheader.Header
	for _, l := range x.ifLists {
		h := x.stateIn(out, states, l)
		translated, failed := x.translate(l, h)
		sent.Lists = append(sent.Lists, translated)
		if len(failed.Conditions) > 0 {
			failing.Lists = append(failing.Lists, failed)
		}
	}
	x.ifSent = sent.String()
	if len(failing.Lists) < len(x.ifLists) {
		return nil
	}
	return x.ifRefusal(failing, states)
}

// stateIn returns the state of the resource that a list is about, if it depends on that; nil if it does not, or that cannot be seen.
func (x *exchange) stateIn(out *http.Request, states map[string]*held, l ifList) *held {
	if !l.hasTag() {
		return nil
	}
	name := l.about.EscapedPath()
	h, ok := states[name]
	if !ok {
		h = x.glimpse(out, l.about)
		states[name] = h
	}
	return h
}

// translate writes a list as the backend is to see it: with its own entity tag in the place of one of the client's that names
// the same state. failing has the first condition that does not hold, if one of the tags does not.
func (x *exchange) translate(l ifList, h *held) (translated, failing ifheader.List) {
	translated = ifheader.List{Resource: l.Resource, Conditions: slices.Clone(l.Conditions)}
	failing.Resource = l.Resource
	for i, c := range l.Conditions {
		if c.Token != "" || h == nil {
			continue
		}
		names, known := x.namesState(c.Tag, h)
		if known && names == c.Not && len(failing.Conditions) == 0 {
			failing.Conditions = []ifheader.Condition{c}
		}
		switch {
		case !names:
		case h.Strong() && !x.route.learned.Distrusted():
			translated.Conditions[i].Tag = h.Tag
		default: // The backend has no tag to be held against: it is told what the guard has found.
			translated.Conditions[i] = ifheader.Condition{Not: !c.Not, Token: noLock}
		}
	}
	return translated, failing
}

// noLock is a token that no lock has (RFC 4918 §10.4.8).
const noLock = "DAV:no-lock"

// namesState reports whether a tag that a client has sent names a state. known is false for a tag of the backend that may stand for
// two versions: that is left to the backend.
func (x *exchange) namesState(tag etag.Tag, h *held) (names, known bool) {
	c := x.stateOf(h)
	if slices.ContainsFunc(append(x.others(c.Tag, h), c.Tag), tag.StrongEqual) {
		return true, true
	}
	return false, !(h.exists && tag.StrongEqual(h.Tag))
}

// ifRefusal says why no list can hold.
func (x *exchange) ifRefusal(failing ifheader.Header, states map[string]*held) answer {
	d := ifheader.Evaluate(failing, x.r.URL.EscapedPath(), func(uri string) ifheader.State {
		u := x.resourceOf(ifheader.List{Resource: uri})
		if u == nil {
			return ifheader.State{Elsewhere: true}
		}
		s := ifheader.State{Name: u.EscapedPath()}
		if h := states[s.Name]; h != nil {
			c := x.stateOf(h)
			s.Exists, s.Tags = h.exists, append(x.others(c.Tag, h), c.Tag)
		}
		return s
	})
	p := condhttp.NewProblem(http.StatusPreconditionFailed, "if-tag-differs", condhttp.Shown(d.Text()),
		"the resource has changed since it was read; read it again, and decide what to keep")
	if d.Reason == ifheader.TagMatches {
		p = condhttp.NewProblem(http.StatusPreconditionFailed, "if-denied-state", condhttp.Shown(d.Text()),
			"the list says Not of what is the case; look at the resource again")
	}
	p.Type = "https://www.rfc-editor.org/rfc/rfc4918#section-" + d.Section()
	p.Precondition, p.Sent = "If", condhttp.Shown(strings.Join(x.r.Header["If"], ", "))
	if h := states[x.r.URL.EscapedPath()]; h != nil && d.List.Resource == "" {
		x.told = x.stateOf(h)
		p.Current = &condhttp.State{Exists: h.exists}
		if h.exists && !x.told.Tag.IsZero() {
			p.Current.ETag = x.told.Tag.String()
		}
	}
	return refusal(p)
}

// submits reports whether the field If holds a condition on a resource that is known to be evaluated
// and true. u is in normal form, as the client says it; h is its state, or nil if that is not known.
//
// An entity tag is compared here. A lock token counts if the backend says that the resource has that lock, or if
// it is known to evaluate what it is sent: a lock that is held keeps all others from writing.
func (x *exchange) submits(out *http.Request, u *url.URL, h *held) bool {
	var locks []string
	asked := false
	for _, l := range x.ifLists {
		if !l.isAbout(u) {
			continue
		}
		if !asked && x.route.Preconditions != PreconditionsPass && l.hasToken() {
			locks, asked = x.locksOf(out, u), true
		}
		if l.names(func(c ifheader.Condition) bool {
			if c.Token == "" {
				names := false
				if h != nil {
					names, _ = x.namesState(c.Tag, h)
				}
				return names
			}
			return x.route.Preconditions == PreconditionsPass || slices.Contains(locks, c.Token)
		}) {
			return true
		}
	}
	return false
}

// names reports whether all conditions are true, and one of them is not about what there must not be: that
// alone names no state.
func (l ifList) names(is func(ifheader.Condition) bool) bool {
	named := false
	for _, c := range l.Conditions {
		if is(c) == c.Not {
			return false
		}
		named = named || !c.Not
	}
	return named
}

// askLocks is the content of a PROPFIND for the locks of a resource (RFC 4918 §15.8).
const askLocks = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`

// locksOf returns the tokens of the locks that a resource has, as the backend says.
func (x *exchange) locksOf(out *http.Request, u *url.URL) []string {
	res, err := x.peek(x.lookAt(out, "PROPFIND", u, askLocks))
	if err != nil {
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusMultiStatus {
		return nil
	}
	var tokens []string
	_ = withTimeout(res.Body, func() error {
		tokens = lockTokens(io.LimitReader(res.Body, max(x.route.MaxBuffer, 64<<10)))
		return nil
	})
	return tokens
}

// lockTokens reads the lock tokens in a multistatus response. What comes after a mistake is not read.
func lockTokens(r io.Reader) (tokens []string) {
	d := xml.NewDecoder(r)
	in := false
	for {
		t, err := d.Token()
		if err != nil {
			return tokens
		}
		switch t := t.(type) {
		case xml.StartElement:
			in = t.Name == xml.Name{Space: "DAV:", Local: "locktoken"} || in && t.Name.Local == "href"
		case xml.EndElement:
			in = in && t.Name.Local != "locktoken"
		case xml.CharData:
			if token := strings.TrimSpace(string(t)); in && token != "" {
				tokens = append(tokens, token)
			}
		}
	}
}
