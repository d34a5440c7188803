package cache

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// Conditions returns the fields of the request that validates what is stored for its target (RFC 9111 §4.3.1): those of
// request, with the entity tags of all of stored in If-None-Match, beside the client's own, and the date of the only one.
// Range and If-Range are left out, so that the answer can be stored whole, unless what is stored is a part. Without
// any validator, and with a precondition that only the origin evaluates, the fields are the request's.
//
// stored are all that is stored for the target, whether their Vary matches or not; responses to another method are left out.
func (p *Policy) Conditions(request Request, stored []*Stored) map[string][]string {
	header := maps.Clone(request.Header)
	if header == nil {
		header = make(map[string][]string)
	}
	usable := slices.DeleteFunc(slices.Clone(stored), func(s *Stored) bool {
		v := validatorsOf(s.Header, s.Received)
		return !serves(&s.Request, &request) || !v.any() || !s.satisfies(request) || s.Invalid && !v.tellsWrites(s)
	})
	own, ok := ownTags(header["If-None-Match"])
	if len(usable) == 0 || !ok || len(header["If-Match"]) > 0 || len(header["If-Unmodified-Since"]) > 0 {
		return header
	}
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "If-Range"} {
		delete(header, name)
	}
	if tags := union(usable, own); len(tags) > 0 {
		header["If-None-Match"] = []string{strings.Join(tags, ", ")}
	}
	if slices.ContainsFunc(usable, func(s *Stored) bool { return s.Parts != nil }) {
		return header
	}
	delete(header, "Range")
	if only := usable[0]; len(usable) == 1 && !validatorsOf(only.Header, only.Received).modified.IsZero() {
		header["If-Modified-Since"] = only.Header["Last-Modified"][:1:1]
	}
	return header
}

// union are the tags of what is stored and then those of own, each once.
func union(stored []*Stored, own []string) []string {
	var tags []string
	for _, s := range stored {
		if tag := validatorsOf(s.Header, s.Received).tag; !tag.IsZero() && !slices.Contains(tags, tag.String()) {
			tags = append(tags, tag.String())
		}
	}
	for _, text := range own {
		if !slices.Contains(tags, text) {
			tags = append(tags, text)
		}
	}
	return tags
}

// ownTags are the tags of the client's If-None-Match. ok is false if it is "*", which asks for something else. Members that
// are no tags match nothing.
func ownTags(lines []string) (tags []string, ok bool) {
	for m := range etag.Members(lines) {
		switch {
		case m.Any:
			return nil, false
		case m.Fault == etag.None:
			tags = append(tags, m.Tag.String())
		}
	}
	return tags, true
}

// Freshens returns the indices of the stored responses that a 304 is to update (§4.3.4). initial are those that could have
// been chosen for the request. If there is none, the 304 may still say that the only one that was asked about is current; but
// then it renews nothing.
func (p *Policy) Freshens(initial []*Stored, response Response, now time.Time) []int {
	v := validatorsOf(response.Header, now)
	var chosen []int
	switch {
	case v.strong():
		for i, s := range initial {
			if validatorsOf(s.Header, s.Received).tag.StrongEqual(v.tag) {
				chosen = append(chosen, i)
			}
		}
	case v.any():
		for i, s := range initial {
			if v.weaklyEqual(validatorsOf(s.Header, s.Received)) && (chosen == nil || preferred(s, initial[chosen[0]])) {
				chosen = []int{i}
			}
		}
	case len(initial) == 1 && !validatorsOf(initial[0].Header, initial[0].Received).any():
		return []int{0}
	}
	return chosen
}

// weaklyEqual reports whether v, which has no strong tag, corresponds to w.
func (v validators) weaklyEqual(w validators) bool {
	if !v.tag.IsZero() {
		return v.tag.WeakEqual(w.tag)
	}
	return v.modified.Equal(w.modified)
}

// keptOnUpdate are fields that an update leaves as they are, as the stored response depends upon them (§3.2): they say how
// its bytes are framed and coded, and what they sum up to. Those of a 304 may be about the 304, which has no bytes.
var keptOnUpdate = []string{"Content-Length", "Content-Range", "Content-Encoding", "Content-Md5", "Content-Digest"}

// Update returns s with the fields of a response that has told of the same content: a 304, a HEAD, or another part of
// it (§3.2). requested and received are its times.
func (p *Policy) Update(s *Stored, response Response, requested, received time.Time) *Stored {
	updated := *s
	updated.Requested, updated.Received, updated.memo = requested, received, new(memo)
	updated.Invalid, updated.Expired = false, time.Time{}
	updated.Header = maps.Clone(s.Header)
	// What they said was about the time before.
	delete(updated.Header, "Age")
	delete(updated.Header, "Date")
	for name, lines := range p.Keep(response.Header) {
		if !slices.Contains(keptOnUpdate, name) {
			updated.Header[name] = lines
		}
	}
	return &updated
}

// names reports whether a response has a validator of s. After a write, its length alone is no sign that nothing has changed.
func (s *Stored) names(response Response) bool {
	mine, theirs := validatorsOf(s.Header, s.Received), validatorsOf(response.Header, s.Received)
	return mine.tellsWrites(s) && (mine.tag.StrongEqual(theirs.tag) || mine.tag.IsZero() && mine.modified.Equal(theirs.modified))
}

// Agrees reports whether a 200 to a HEAD tells of the content of s: each validator that it has is that of s, and so is its
// length (§4.3.5). If so s is to be updated, else it is to be marked as invalid.
func (s *Stored) Agrees(response Response) bool {
	for _, name := range []string{"Etag", "Last-Modified", "Content-Length"} {
		theirs, mine := response.Header[name], s.Header[name]
		if len(theirs) > 0 && !slices.Equal(theirs, mine) && (name != "Content-Length" || len(mine) > 0) {
			return false
		}
	}
	return true
}
