package guard

import (
	"crypto/sha256"
	"sync"

	"github.com/fourtwelve/fourtwelve/etag"
)

// trust is what is thought of a backend's entity tags.
type trust uint8

const (
	learning trust = iota
	trusted
	distrusted
)

func (t trust) String() string { return [...]string{"learning", "trusted", "distrusted"}[t] }

// What it takes until a backend's tags are trusted.
const (
	// enoughRepeats: so often was a resource read again and had the same tag for
	// the same content.
	enoughRepeats = 16
	// enoughChanges: so often had it another tag for other content. Without
	// that a tag might be one of the name, and never change.
	enoughChanges = 2
	// enoughResources: so many resources were seen to keep their tag.
	enoughResources = 2
)

const (
	// maxChurn is how often the same content may get another tag without being
	// written, as when a file was only touched.
	maxChurn = 2
	// maxObserved bounds how many resources are watched at a time.
	maxObserved = 256
)

// learned is what is known of the entity tags of one route's backend. Nothing in
// it is ever used to answer a request: it only says whether the tags that the
// backend sends now can be believed.
type learned struct {
	mu       sync.Mutex
	trust    trust
	why      string
	repeats  int
	changes  int
	churn    int
	steady   int // resources that kept their tag
	observed map[string]*observation
}

// observation is what was last seen of a resource.
type observation struct {
	tag     etag.Tag
	digest  [sha256.Size]byte
	steady  bool
	written bool // since then
}

func (l *learned) status() (trust, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trust, l.why
}

func (l *learned) isTrusted() bool  { t, _ := l.status(); return t == trusted }
func (l *learned) distrusted() bool { t, _ := l.status(); return t == distrusted }

// observe learns from a whole response of the resource called key. It reports
// whether that changed what is thought of the backend.
func (l *learned) observe(key string, v validators, digest [sha256.Size]byte) (changed bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.trust
	switch {
	case before == distrusted:
		return false
	case v.fault != "":
		l.distrust(v.fault)
	case v.strong() && v.settled():
		l.compare(key, observation{tag: v.tag, digest: digest})
	}
	return l.trust != before
}

// distrust is for good.
func (l *learned) distrust(why string) { l.trust, l.why, l.observed = distrusted, why, nil }

// compare holds what is seen against what was seen before.
func (l *learned) compare(key string, now observation) {
	was := l.observed[key]
	if was == nil {
		l.remember(key, &now)
		return
	}
	sameTag, sameContent := now.tag == was.tag, now.digest == was.digest
	switch {
	case sameTag && !sameContent:
		l.distrust("same-tag-other-content")
		return
	case sameTag:
		l.repeats++
		if !was.steady {
			was.steady = true
			l.steady++
		}
	case sameContent && !was.written:
		if l.churn++; l.churn > maxChurn {
			l.distrust("unstable")
			return
		}
	case !sameContent:
		l.changes++
	}
	was.tag, was.digest, was.written = now.tag, now.digest, false
	if l.repeats >= enoughRepeats && l.changes >= enoughChanges && l.steady >= enoughResources {
		l.trust = trusted
	}
}

// remember makes room for a resource by forgetting any other.
func (l *learned) remember(key string, o *observation) {
	if l.observed == nil {
		l.observed = make(map[string]*observation)
	}
	for other := range l.observed {
		if len(l.observed) < maxObserved {
			break
		}
		delete(l.observed, other)
	}
	l.observed[key] = o
}

// wrote says that a resource may have been written, so that it may have a new tag
// even if its content is the same.
func (l *learned) wrote(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.observed[key]; o != nil {
		o.written = true
	}
}

// ignores says that the backend refused a write by a precondition that was true.
func (l *learned) misjudges(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.distrust(why)
}
