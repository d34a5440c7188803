package trust

import (
	"iter"
	"net/http"
	"strings"
)

// shownFields are the fields of a 200 that a short answer has to have, too. A client that has only a part needs more of them
// than one that is told that its copy is good: it may have the other parts from elsewhere.
var shownFields = [...]struct {
	name   string
	always bool // and not only in a part
}{
	{"Cache-Control", true},
	{"Content-Location", true},
	{"Vary", true},
	{"Content-Type", false},
	{"Content-Language", false},
}

// Shown is what the whole of a representation was sent with, and what a short answer about it has to say, too: a 304 "MUST
// generate any of the following header fields that would have been sent in a 200" (RFC 9110 §15.4.5), and so must a
// part that is not continued. Many backends leave some of it out.
type Shown struct {
	values [len(shownFields)]string
	// Coded says that some clients get the content in a coding.
	Coded bool
}

// Showing returns what a header says beside the content.
func Showing(h http.Header, coded bool) *Shown {
	s := &Shown{Coded: coded}
	for i, field := range shownFields {
		s.values[i] = joined(h[field.name])
	}
	return s
}

func joined(lines []string) string {
	if len(lines) == 1 {
		return lines[0]
	}
	return strings.Join(lines, ", ")
}

// Beside returns the fields that a 304 has, or a part, and their values; "" is none. Nil has none.
func (s *Shown) Beside(part bool) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		if s == nil {
			return
		}
		for i, field := range shownFields {
			if (field.always || part) && !yield(field.name, s.values[i]) {
				return
			}
		}
	}
}

const (
	// maxShown bounds how many different ones are kept. Most resources of a backend share theirs.
	maxShown = 1024
	// maxShownLength bounds each of them, in bytes.
	maxShownLength = 1024
)

func (s *Shown) length() (n int) {
	for _, value := range s.values {
		n += len(value)
	}
	return n
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
