package trust

// Shown is what the whole of a representation was sent with, and what a short answer about it has to say, too: a 304 "MUST
// generate any of the following header fields that would have been sent in a 200" (RFC 9110 §15.4.5), and so must a
// part that is not continued. Many backends leave some of it out.
type Shown struct {
	ContentType, ContentLanguage, ContentLocation, CacheControl, Vary string
	// Coded says that some clients get the content in a coding.
	Coded bool
}

const (
	// maxShown bounds how many different ones are kept. Most resources of a backend share theirs.
	maxShown = 1024
	// maxShownLength bounds each of them, in bytes.
	maxShownLength = 1024
)

func (s *Shown) length() int {
	return len(s.ContentType) + len(s.ContentLanguage) + len(s.ContentLocation) + len(s.CacheControl) + len(s.Vary)
}

// known returns the one copy of s that is kept; nil if it is too long for that, and then no short answer is believed.
func (l *Backend) known(s *Shown) *Shown {
	if s == nil || s.length() > maxShownLength {
		return nil
	}
	if k := l.shown[*s]; k != nil {
		return k
	}
	if l.shown == nil || len(l.shown) >= maxShown {
		l.shown = make(map[Shown]*Shown)
	}
	l.shown[*s] = s
	return s
}
