package trust

import (
	"net/http"
	"strings"
	"sync"
)

const (
	// enoughStored is how often content of one media type was read back after a PUT and was
	// what had been sent, until that is taken for granted.
	enoughStored = 16
	// sampleOfStored is of how many PUTs one is read back nevertheless, and
	// sampleOfWellStored that once twice as many have been read back.
	sampleOfStored, sampleOfWellStored = 16, 64
	// maxMediaTypes bounds how many media types are told apart. Content of others is always read back.
	maxMediaTypes = 64
)

// Stored is what is known of whether a backend stores content as it was sent, by media type: many
// transform what they understand. The zero Stored is ready.
type Stored struct {
	mu     sync.Mutex
	byType map[string]*storing
}

// storing is what was seen of content of one media type.
type storing struct {
	same   int
	differ bool // once, which is enough
	puts   uint64
	// tagged says that what was just written was seen to have a tag of the backend that is used, and believed that its
	// tags are: all that was seen before counts for nothing when that changes.
	tagged, believed bool
}

// of returns what is known of content such as that of r; nil if nothing is to be learned of it.
func (s *Stored) of(r *http.Request) *storing {
	if len(r.Header["Content-Encoding"]) > 0 {
		return nil // it might be undone
	}
	mediaType, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	mediaType = strings.TrimSpace(mediaType)
	s.mu.Lock()
	defer s.mu.Unlock()
	of := s.byType[mediaType]
	if of == nil && len(s.byType) < maxMediaTypes && len(mediaType) <= maxKept {
		if s.byType == nil {
			s.byType = make(map[string]*storing)
		}
		of = new(storing)
		s.byType[strings.Clone(mediaType)] = of
	}
	return of
}

// AsSent reports whether what a PUT has stored need not be read back, and whether it is then likely to have a tag of the
// backend. believed says that such tags are used.
func (s *Stored) AsSent(r *http.Request, believed bool) (sure, tagged bool) {
	of := s.of(r)
	if of == nil {
		return false, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if of.believed != believed {
		of.believed, of.tagged, of.same = believed, false, 0
	}
	every := uint64(sampleOfStored)
	if of.same >= 2*enoughStored {
		every = sampleOfWellStored
	}
	of.puts++
	return of.same >= enoughStored && !of.differ && of.puts%every != 0, of.tagged
}

// Learn is told whether what a PUT has stored was what had been sent, and whether it had a tag of the backend.
func (s *Stored) Learn(r *http.Request, same, tagged bool) {
	of := s.of(r)
	if of == nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	of.tagged = of.tagged || tagged
	if same {
		of.same++
	} else {
		of.differ = true
	}
}
