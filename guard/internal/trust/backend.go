package trust

import (
	"cmp"
	"hash/maphash"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard/internal/turn"
)

// State is what is thought of a backend's entity tags.
type State uint8

// Distrust is for good, as long as the process runs.
const (
	Learning State = iota
	Trusted
	Distrusted
)

// String returns "learning", "trusted" or "distrusted".
func (t State) String() string { return [...]string{"learning", "trusted", "distrusted"}[t] }

// What a backend does whose tags mean nothing.
const (
	sameForOther = "same-tag-other-content"
	// NotModifiedToAny: it says 304 to a tag that it has never given out.
	NotModifiedToAny = "not-modified-whatever-is-asked"
)

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
	// maxObserved bounds how many resources are watched at a time. Of others nothing is believed but what they send
	// whole. It takes about 250 bytes for each.
	maxObserved = 1 << 16
	// maxBelieved bounds how often in a row a short answer (304, a part, or one to HEAD) is believed about one resource:
	// every 64th time all of its content is looked at.
	maxBelieved = 63
	// maxJudged bounds how many judgements are kept of tags.
	maxJudged = 1024
	// maxKept bounds the length in bytes of a tag or media type that is kept.
	maxKept = 256
	// maxProbes bounds how often a backend is asked with a tag that it never gave out.
	maxProbes = 16
)

// Backend is what is known of the entity tags of one route's backend. Nothing in
// it is ever used to answer a request: it only says whether the tags that the
// backend sends now can be believed.
type Backend struct {
	mu       sync.Mutex
	trust    State
	why      string
	tallies  map[maker]*tally
	churn    int
	observed map[uint64]*observation
	judged   map[judged]time.Time // what soundFrom returned
	shown    map[Shown]*Shown

	probes, answers int

	// Passing, Parts and Stored are about other things than its tags.
	Passing Passing
	Parts   Parts
	Stored  Stored
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

// observation is what was last seen of a resource as a whole.
type observation struct {
	// tag was on content with the sum of, the last that had a tag which could be judged. If large is set, there
	// was too much of it to be seen, and of is not known.
	tag   etag.Tag
	of    Sum
	large bool
	// whole is the sum of the content last seen, and size its length.
	whole    Sum
	size     int64
	modified time.Time
	evidence evidence
	steady   bool
	asked    turn.Moment // for it
	shown    *Shown
	// believed is how many short answers were believed since.
	believed int
}

// isTagged reports whether the tag is that of the content last seen.
func (o *observation) isTagged() bool { return !o.tag.IsZero() && (o.large || o.of == o.whole) }

// judged is all that soundFrom depends on.
type judged struct {
	tag         etag.Tag
	modified    time.Time
	size        int64
	coded, bare bool
}

var keySeed = maphash.MakeSeed()

// keyOf is short, whatever the length of the request target.
func keyOf(target string) uint64 { return maphash.String(keySeed, target) }

// Status returns what is thought of the backend, and why: what speaks against it,
// or whose tags were trusted first.
func (l *Backend) Status() (State, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.trust, l.why
}

// IsTrusted reports whether the tags of some maker are trusted.
func (l *Backend) IsTrusted() bool { t, _ := l.Status(); return t == Trusted }

// Distrusted reports whether no tag of this backend is ever going to be.
func (l *Backend) Distrusted() bool { t, _ := l.Status(); return t == Distrusted }

// Lies reports whether the backend has been seen to have one tag for two contents, or to take any tag for the current one. What
// is only wrong with the form of a tag is no lie.
func (l *Backend) Lies() bool {
	t, why := l.Status()
	return t == Distrusted && (why == sameForOther || why == NotModifiedToAny)
}

// VouchesFor reports whether the tag of a response is sound.
func (l *Backend) VouchesFor(v Validators) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trust != Trusted || len(v.Tag.Opaque()) > maxKept {
		return false
	}
	key := judged{v.Tag, v.Modified, v.Size, v.Coded, v.Bare}
	from, ok := l.judged[key]
	if !ok {
		from = soundFrom(v, l.trusts)
		if l.judged == nil || len(l.judged) >= maxJudged {
			l.judged = make(map[judged]time.Time)
		}
		l.judged[key] = from
	}
	return !v.Date.Before(from)
}

// trusts reports whether the tags of one maker are trusted, if those of any are.
func (l *Backend) trusts(by maker) bool {
	t := l.tallies[by]
	return t != nil && t.enough(by)
}

// Seen is what a whole response showed. Sum is that of its content, and Shown what it was sent with; zero if that is not
// known. TooLong says that there was too much of the content to be looked at.
type Seen struct {
	Validators
	Sum     Sum
	Shown   *Shown
	TooLong bool
}

// Observe learns from a whole response to a request for target that was made at a moment. content is nil if it is
// not at hand. It reports whether that changed what is thought of the backend.
func (l *Backend) Observe(target string, asked turn.Moment, s Seen, content []byte) (changed bool) {
	v := s.Validators
	key := keyOf(target)
	now := observation{whole: s.Sum, large: s.TooLong, size: v.Size, modified: v.Modified, asked: asked}
	if judgeable := v.Fault == "" && v.Strong() && v.Settled() && len(v.Tag.Opaque()) <= maxKept; judgeable && !l.Distrusted() {
		now.tag, now.of = v.Tag, s.Sum
		if was, ok := l.lastSeen(key); ok && was.tag == now.tag && was.of == now.of && (!was.evidence.undecided || content == nil) {
			now.evidence = was.evidence
		} else {
			now.evidence = evidenceOf(v, content)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	before := l.trust
	now.shown = l.known(s.Shown)
	switch {
	case v.Fault != "" && before != Distrusted:
		l.distrust(v.Fault)
	case before != Distrusted && !now.tag.IsZero() && !now.large:
		l.compare(key, &now)
	}
	l.remember(key, &now)
	return l.trust != before
}

func (l *Backend) lastSeen(key uint64) (observation, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o := l.observed[key]; o != nil {
		return *o, true
	}
	return observation{}, false
}

// WholeAt returns the sum of all of the version that was there at a moment; ok is false if that is not known. Content with this sum
// is right, whatever was written since.
func (l *Backend) WholeAt(target string, at turn.Moment) (whole Sum, ok bool) {
	o, seen := l.lastSeen(keyOf(target))
	return o.whole, seen && !o.large && o.asked.KeptUntil(at)
}

// Knows reports whether all of a resource was seen under a tag.
func (l *Backend) Knows(target string, tag etag.Tag) bool {
	o, ok := l.lastSeen(keyOf(target))
	return ok && o.tag == tag && !o.large
}

// Known is what was last seen of a resource, for short answers about it to be held against.
type Known struct {
	Tag      etag.Tag
	Modified time.Time
	Size     int64
	Shown    *Shown
	asked    turn.Moment
}

// Fits reports whether a short answer with v speaks of what was seen. If it does not, it is not a lie yet: all of the
// content is to be looked at, and shows it.
func (k Known) Fits(v Validators) bool {
	return v.Tag.StrongEqual(k.Tag) && (v.Modified.IsZero() || k.Modified.IsZero() || v.Modified.Equal(k.Modified)) &&
		(v.Size < 0 || k.Size < 0 || v.Size == k.Size) && !k.asked.Overtaken()
}

// Believe returns what was last seen of a resource if a short answer about it may be believed: all of it was seen under a tag
// after the last write through the guard, and it was not asked about too often since. ok is false otherwise: then
// all of it is to be looked at.
func (l *Backend) Believe(target string) (k Known, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	seen := l.observed[keyOf(target)]
	if seen == nil || seen.shown == nil || !seen.isTagged() || seen.believed >= maxBelieved || seen.asked.Overtaken() {
		return Known{}, false
	}
	seen.believed++
	return Known{seen.tag, seen.modified, seen.size, seen.shown, seen.asked}, true
}

// distrust is for good.
func (l *Backend) distrust(why string) {
	l.trust, l.why = Distrusted, why
	l.tallies, l.judged = nil, nil
}

// compare holds what is seen against what was seen before.
func (l *Backend) compare(key uint64, now *observation) {
	for _, by := range now.evidence.against {
		l.refute(by)
	}
	now.evidence.against = nil
	was := l.observed[key]
	if was == nil || was.tag.IsZero() || was.large {
		return
	}
	sameTag, sameContent := now.tag == was.tag, now.of == was.of
	t := l.tallyOf(now.evidence)
	before := t.enough(now.evidence.by)
	now.steady = was.steady
	switch {
	case sameTag && !sameContent:
		l.distrust(sameForOther)
		return
	case sameTag:
		t.repeats++
		if !now.steady {
			now.steady = true
			t.steady++
		}
	case sameContent && !was.asked.Overtaken() && now.evidence.by == "":
		if l.churn++; l.churn > maxChurn {
			l.distrust("unstable")
			return
		}
	case !sameContent:
		t.changes++
	}
	if after := t.enough(now.evidence.by); after {
		l.begin(now.evidence.by, !before)
	}
}

// tallyOf returns the tally that e counts for; of what is undecided nobody's.
func (l *Backend) tallyOf(e evidence) *tally {
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
func (l *Backend) refute(by maker) {
	if t := l.tallyOf(evidence{by: by}); !t.refuted {
		t.refuted, l.judged = true, nil
	}
	for other, t := range l.tallies {
		if t.enough(other) {
			return
		}
	}
	l.trust, l.why = Learning, ""
}

// begin trusts the tags of one maker, unless the backend has yet to show that it can compare tags.
func (l *Backend) begin(by maker, first bool) {
	if first {
		l.judged = nil // in which they are never sound
	}
	if l.trust == Learning && l.answers >= enoughAnswers {
		l.trust, l.why = Trusted, cmp.Or(string(by), "changes-with-content")
	}
}

// remember keeps what was seen of a resource, in the place of any other if there is no room. What a tag stood
// for is not forgotten because the content had none that could be judged meanwhile.
func (l *Backend) remember(key uint64, now *observation) {
	if l.observed == nil {
		l.observed = make(map[uint64]*observation)
	}
	switch was := l.observed[key]; {
	case was == nil || was.large:
	case now.tag.IsZero():
		now.tag, now.of, now.evidence, now.steady = was.tag, was.of, was.evidence, was.steady
	case now.large && now.tag == was.tag:
		now.large, now.of, now.whole, now.evidence, now.steady = false, was.of, was.of, was.evidence, was.steady
	}
	for other := range l.observed {
		if len(l.observed) < maxObserved {
			break
		}
		delete(l.observed, other)
	}
	l.observed[key] = now
}

// IsDigestOf reports whether a tag is the digest of content, of a maker who is trusted.
func (l *Backend) IsDigestOf(tag etag.Tag, content []byte) bool {
	if tag.IsZero() || tag.IsWeak() {
		return false
	}
	e := evidenceOf(Validators{Tag: tag, Size: int64(len(content))}, content)
	l.mu.Lock()
	defer l.mu.Unlock()
	return e.digest && l.trusts(e.by)
}

// Misjudges says that the backend has evaluated a precondition wrongly.
func (l *Backend) Misjudges(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.distrust(why)
}

// Probe reports whether a read of target is to be made with a tag that the backend never
// gave out, to see that it is not taken in by that.
func (l *Backend) Probe(target string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.trust != Learning || l.answers >= enoughAnswers || l.probes >= maxProbes {
		return false
	}
	if o := l.observed[keyOf(target)]; o == nil || !o.isTagged() {
		return false
	}
	l.probes++
	return true
}

// Answered says that the backend has answered such a request with the content.
func (l *Backend) Answered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.answers++
}
