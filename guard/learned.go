package guard

import (
	"cmp"
	"crypto/sha256"
	"hash/maphash"
	"sync"
	"sync/atomic"
	"time"

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

// What it takes until the tags of one maker are trusted.
const (
	// enoughRepeats: so often was a resource read again and had the same tag for
	// the same content.
	enoughRepeats = 16
	// enoughResources: so many resources were seen to keep their tag.
	enoughResources = 2
	// enoughChanges: so often had a resource another tag for other content. Tags that do
	// not tell what they are made of might be those of a name otherwise, and never change.
	enoughChanges = 2
	// enoughAnswers: so often did the backend send the content to a request with a tag
	// in If-None-Match that it never gave out.
	enoughAnswers = 2
)

const (
	// maxChurn is how often the same content may get another tag without being
	// written, if the tag does not tell why.
	maxChurn = 2
	// maxObserved bounds how many resources are watched at a time.
	maxObserved = 4096
	// maxJudged bounds how many judgements are kept of tags.
	maxJudged = 1024
	// maxProbes bounds how often a backend is asked with a tag that it never gave out.
	maxProbes = 16
)

// learned is what is known of the entity tags of one route's backend. Nothing in
// it is ever used to answer a request: it only says whether the tags that the
// backend sends now can be believed.
type learned struct {
	mu       sync.Mutex
	trust    trust
	why      string
	tallies  map[maker]*tally
	churn    int
	observed map[uint64]*observation
	judged   map[judged]time.Time // what soundFrom returned

	probes, answers int

	streams, matches sample

	stored stored
}

// tally is what speaks for the tags of one maker.
type tally struct {
	repeats, changes int
	steady           int  // resources that kept their tag
	refuted          bool // some tag in that form was not made so
}

// enough reports whether the tags that by makes are to be trusted.
func (t *tally) enough(by maker) bool {
	return !t.refuted && t.repeats >= enoughRepeats && t.steady >= enoughResources && (by != "" || t.changes >= enoughChanges)
}

// observation is what was last seen of a resource.
type observation struct {
	tag      etag.Tag
	digest   [sha256.Size]byte
	evidence evidence
	size     int64
	steady   bool
	asked    moment // for it
}

// judged is all that soundFrom depends on.
type judged struct {
	tag         etag.Tag
	modified    time.Time
	size        int64
	coded, bare bool
}

// A sample is one of every so many.
type sample struct{ n atomic.Uint64 }

// due reports whether this is one to look at.
func (s *sample) due(every uint64) bool { return s.n.Add(1)%every == 0 }

var keySeed = maphash.MakeSeed()

// keyOf is short, whatever the length of the request target.
func keyOf(target string) uint64 { return maphash.String(keySeed, target) }

// status returns what is thought of the backend, and why: what speaks against it,
// or whose tags were trusted first.
func (l *learned) status() (trust, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trust, l.why
}

func (l *learned) isTrusted() bool  { t, _ := l.status(); return t == trusted }
func (l *learned) distrusted() bool { t, _ := l.status(); return t == distrusted }

// vouchesFor reports whether the tag of a response is sound.
func (l *learned) vouchesFor(v validators) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trust != trusted || len(v.tag.Opaque()) > maxKept {
		return false
	}
	key := judged{v.tag, v.modified, v.size, v.coded, v.bare}
	from, ok := l.judged[key]
	if !ok {
		from = soundFrom(v, l.trusts)
		if l.judged == nil || len(l.judged) >= maxJudged {
			l.judged = make(map[judged]time.Time)
		}
		l.judged[key] = from
	}
	return !v.date.Before(from)
}

// trusts reports whether the tags of one maker are trusted, if those of any are.
func (l *learned) trusts(by maker) bool {
	t := l.tallies[by]
	return t != nil && t.enough(by)
}

// observe learns from a whole response to a request for target that was made at a moment. content is nil if it is
// not at hand. It reports whether that changed what is thought of the backend.
func (l *learned) observe(target string, asked moment, v validators, digest [sha256.Size]byte, content []byte) (changed bool) {
	if v.fault == "" && (!v.strong() || !v.settled() || len(v.tag.Opaque()) > maxKept) {
		return false
	}
	key := keyOf(target)
	now := observation{tag: v.tag, digest: digest, size: v.size, asked: asked}
	if was, ok := l.lastSeen(key); ok && was.tag == now.tag && was.digest == now.digest {
		now.evidence = was.evidence
	} else if v.fault == "" {
		now.evidence = evidenceOf(v, content)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.trust
	switch {
	case before == distrusted:
		return false
	case v.fault != "":
		l.distrust(v.fault)
	default:
		l.compare(key, now)
	}
	return l.trust != before
}

func (l *learned) lastSeen(key uint64) (observation, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.observed[key]; o != nil {
		return *o, true
	}
	return observation{}, false
}

// distrust is for good.
func (l *learned) distrust(why string) {
	l.trust, l.why = distrusted, why
	l.observed, l.tallies, l.judged = nil, nil, nil
}

// compare holds what is seen against what was seen before.
func (l *learned) compare(key uint64, now observation) {
	for _, by := range now.evidence.against {
		l.refute(by)
	}
	was := l.observed[key]
	if was == nil {
		l.remember(key, &now)
		return
	}
	sameTag, sameContent := now.tag == was.tag, now.digest == was.digest
	t := l.tallyOf(now.evidence)
	before := t.enough(now.evidence.by)
	switch {
	case sameTag && !sameContent:
		l.distrust("same-tag-other-content")
		return
	case sameTag:
		t.repeats++
		if !was.steady {
			was.steady = true
			t.steady++
		}
	case sameContent && !was.asked.overtaken() && now.evidence.by == "":
		if l.churn++; l.churn > maxChurn {
			l.distrust("unstable")
			return
		}
	case !sameContent:
		t.changes++
	}
	now.steady = was.steady
	*was = now
	if after := t.enough(now.evidence.by); after {
		l.begin(now.evidence.by, !before)
	}
}

// tallyOf returns the tally that e counts for; of what is undecided nobody's.
func (l *learned) tallyOf(e evidence) *tally {
	if e.undecided {
		return new(tally)
	}
	if l.tallies == nil {
		l.tallies = make(map[maker]*tally)
	}
	t := l.tallies[e.by]
	if t == nil {
		t = new(tally)
		l.tallies[e.by] = t
	}
	return t
}

// refute takes the trust in the tags of one maker away.
func (l *learned) refute(by maker) {
	if t := l.tallyOf(evidence{by: by}); !t.refuted {
		t.refuted, l.judged = true, nil
	}
	for other, t := range l.tallies {
		if t.enough(other) {
			return
		}
	}
	l.trust, l.why = learning, ""
}

// begin trusts the tags of one maker, unless the backend has yet to show that it can compare tags.
func (l *learned) begin(by maker, first bool) {
	if first {
		l.judged = nil // in which they are never sound
	}
	if l.trust == learning && l.answers >= enoughAnswers {
		l.trust, l.why = trusted, cmp.Or(string(by), "changes-with-content")
	}
}

// remember makes room for a resource by forgetting any other.
func (l *learned) remember(key uint64, o *observation) {
	if l.observed == nil {
		l.observed = make(map[uint64]*observation)
	}
	for other := range l.observed {
		if len(l.observed) < maxObserved {
			break
		}
		delete(l.observed, other)
	}
	l.observed[key] = o
}

// isDue reports whether one that has been seen, and is no longer than most bytes, was written through the guard
// afterwards.
func (l *learned) isDue(target string, most int64) bool {
	o, ok := l.lastSeen(keyOf(target))
	return ok && o.size <= most && o.asked.overtaken()
}

// seenSince reports whether all of a resource was seen after the last write to it through the guard.
func (l *learned) seenSince(target string) bool {
	o, ok := l.lastSeen(keyOf(target))
	return ok && !o.asked.overtaken()
}

// misjudges says that the backend has evaluated a precondition wrongly.
func (l *learned) misjudges(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.distrust(why)
}

// probe reports whether a read of target is to be made with a tag that the backend never
// gave out, to see that it is not taken in by that.
func (l *learned) probe(target string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trust != learning || l.answers >= enoughAnswers || l.probes >= maxProbes || l.observed[keyOf(target)] == nil {
		return false
	}
	l.probes++
	return true
}

// answered says that the backend has answered such a request with the content.
func (l *learned) answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers++
}
