package guard

import (
	"net/http"
	"strings"
	"time"
)

// shown is what the whole of a representation was sent with, and what a short answer about it has to say, too: a 304 "MUST
// generate any of the following header fields that would have been sent in a 200" (RFC 9110 §15.4.5), and so must a
// part that is not continued. Many backends leave some of it out.
type shown struct {
	contentType, contentLanguage, contentLocation, cacheControl, vary string
	// coded says that some clients get the content in a coding.
	coded bool
}

const (
	// maxShown bounds how many different ones are kept. Most resources of a backend share theirs.
	maxShown = 1024
	// maxShownLength bounds each, in bytes.
	maxShownLength = 1024
)

// showing returns what the response with the whole of a representation of this size says, or nil if that is too much to be
// kept: then no short answer about it is believed.
func (x *exchange) showing(res *http.Response, size int64) *shown {
	h := res.Header
	s := &shown{
		contentType: joined(h, "Content-Type"), contentLanguage: joined(h, "Content-Language"),
		contentLocation: joined(h, "Content-Location"), cacheControl: joined(h, "Cache-Control"),
		vary: joined(h, "Vary"), coded: x.mayEncode(res, size),
	}
	if len(s.contentType)+len(s.contentLanguage)+len(s.contentLocation)+len(s.cacheControl)+len(s.vary) > maxShownLength {
		return nil
	}
	return s
}

func joined(h http.Header, name string) string {
	switch lines := h[name]; len(lines) {
	case 0:
		return ""
	case 1:
		return lines[0]
	default:
		return strings.Join(lines, ", ")
	}
}

// known returns the one copy of s that is kept.
func (l *learned) known(s *shown) *shown {
	if s == nil {
		return nil
	}
	if k := l.shown[*s]; k != nil {
		return k
	}
	if l.shown == nil || len(l.shown) >= maxShown {
		l.shown = make(map[shown]*shown)
	}
	l.shown[*s] = s
	return s
}

// completes adds to the header of a 304 what a 200 would say.
func (s *shown) completes(h http.Header) {
	if s == nil {
		return
	}
	addMissing(h, "Cache-Control", s.cacheControl)
	addMissing(h, "Content-Location", s.contentLocation)
	for member := range strings.SplitSeq(s.vary, ",") {
		if member = strings.TrimSpace(member); member != "" {
			addVary(h, member)
		}
	}
	if s.coded {
		addVary(h, "Accept-Encoding")
	}
}

// completesPart adds to the header of a part what is needed to store it, even if it is the first of its
// representation that the client has: it may have the others from elsewhere.
func (s *shown) completesPart(h http.Header, modified time.Time) {
	s.completes(h)
	if s == nil {
		return
	}
	addMissing(h, "Content-Type", s.contentType)
	addMissing(h, "Content-Language", s.contentLanguage)
	if !modified.IsZero() {
		addMissing(h, "Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
}

func addMissing(h http.Header, name, value string) {
	if value != "" && len(h[name]) == 0 {
		h[name] = []string{value}
	}
}
