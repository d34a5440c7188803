package etag

import (
	"bytes"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
)

// Relation says how two tags differ.
type Relation struct {
	Kind RelationKind
	// Differences are those of form, of Identical (none) and SameButForm.
	Differences []Difference
	// Hints are what else their times show, if Kind rests on times.
	Hints []Hint
	// Sent and Current are the readings Kind rests on; their Dialect is nil if none.
	Sent, Current Reading
	// Elapsed is the time of Current minus that of Sent; 0 if they have none.
	Elapsed time.Duration
	// Revisions is the revision of Current minus that of Sent; 0 if they have none.
	Revisions int64

	sent, current string
}

// RelationKind is the kind of a Relation. The zero kind is Unrelated.
type RelationKind uint8

const (
	// Unrelated: nothing but "they differ" can be said.
	Unrelated RelationKind = iota
	// Identical: the same text.
	Identical
	// SameButForm: the same once the differences of form are undone.
	SameButForm
	// OtherTime: the same dialect and size, another time: touched, deployed again or another copy.
	OtherTime
	// FarmCopies: the same dialect and size, times less than a second apart, or parts that differ by
	// machine only (inode, change number): copies of one file on several servers.
	FarmCopies
	// Edited: the same dialect; Current is later, or has a higher revision, and its size is another
	// one or not known.
	Edited
	// RolledBack: the same dialect; Current is earlier, or has a lower revision.
	RolledBack
	// OtherContent: the same dialect with another digest or size, and no order between them.
	OtherContent
	// OtherLayer: different dialects: two programs made them.
	OtherLayer
	// OtherForm: different dialects of one program, which differ by its version, its configuration
	// or the way of the upload.
	OtherForm
)

var relationKinds = [...]string{
	"unrelated", "identical", "same but for form", "other time", "farm copies", "edited",
	"rolled back", "other content", "other layer", "other form",
}

// String returns the kind in lower case, as in "farm copies".
func (k RelationKind) String() string {
	if int(k) >= len(relationKinds) {
		return "unknown"
	}
	return relationKinds[k]
}

// Hint is a pattern in the times of two tags that points to how the files came about.
type Hint uint8

const (
	// WholeHours: the times differ by whole hours, at most 14: one was set in another time zone.
	WholeHours Hint = iota + 1
	// TwoSeconds: the times differ by less than 2 seconds, and one is of an even number of whole
	// seconds: that file may have been in a zip archive or a FAT file system, which have no finer
	// times.
	TwoSeconds
	// SameSecond: both times give the same Last-Modified.
	SameSecond
	// BuildTime: a time is one that tools give to every file; see [Reading.Normalised].
	BuildTime
	// Ambiguous: a tag can be read in several ways that fit the facts equally well. The times are those
	// closest to each other, and neither they nor their order is certain.
	Ambiguous
)

var hints = [...]string{
	WholeHours: "their times differ by whole hours, as if set in two time zones",
	TwoSeconds: "one time may be the other rounded to 2 seconds, as in zip archives and FAT file systems",
	SameSecond: "Last-Modified is the same for both",
	BuildTime:  "a time is one that builds give to every file",
	Ambiguous:  "the tags can be read in several ways, and these times are the closest",
}

// String says what the hint is, for people.
func (h Hint) String() string {
	if h == 0 || int(h) >= len(hints) {
		return "unknown"
	}
	return hints[h]
}

// Relate says how two tags differ, given as they were sent, with what is known of the
// representation each was sent with. Its work is bounded as that of Recognise is.
func Relate(sent, current string, sentFacts, currentFacts Facts) Relation {
	rel := Relation{sent: sent, current: current}
	if strings.Trim(sent, " \t") == strings.Trim(current, " \t") {
		rel.Kind = Identical
		return rel
	}
	if len(sent) > maxText || len(current) > maxText {
		return rel
	}
	a, b := normalise(sent), normalise(current)
	if sameCore(a.core, b.core) {
		rel.Kind, rel.Differences = SameButForm, a.compare(&b)
		return rel
	}
	if a.core == b.core+plainDeflateMark || b.core == a.core+plainDeflateMark {
		rel.Kind, rel.Differences = SameButForm, []Difference{CodingMark}
		return rel
	}
	rel.choose(recognise(a, &sentFacts), recognise(b, &currentFacts))
	return rel
}

// choose finds the readings to compare: the best pair of one dialect; else of one maker; else the
// best of each.
func (rel *Relation) choose(sent, current []Reading) {
	if len(sent) > 0 {
		rel.Sent = sent[0]
	}
	if len(current) > 0 {
		rel.Current = current[0]
	}
	if len(sent) == 0 || len(current) == 0 {
		return
	}
	sameDialect := func(a, b *Reading) bool { return a.Dialect == b.Dialect }
	sameMaker := func(a, b *Reading) bool { return a.of.maker != "" && a.of.maker == b.of.maker }
	switch {
	case rel.bestPair(sent, current, sameDialect):
		rel.compare()
	case rel.bestPair(sent, current, sameMaker):
		rel.Kind = OtherForm
	case !rel.Sent.of.vague && !rel.Current.of.vague:
		rel.Kind = OtherLayer
	}
}

// bestPair sets Sent and Current to the pair for which match holds that fits best; among equals in
// one dialect to the one whose times are closest.
func (rel *Relation) bestPair(sent, current []Reading, match func(a, b *Reading) bool) bool {
	best, pairs := -1, 0
	for i := range sent {
		for j := range current {
			a, b := &sent[i], &current[j]
			if !match(a, b) {
				continue
			}
			weight := int(min(a.Fit, b.Fit))<<4 | int(max(a.Fit, b.Fit))
			same := weight == best && a.Dialect == rel.Sent.Dialect && b.Dialect == rel.Current.Dialect
			if same {
				pairs++
			}
			if weight > best || same && closer(a, b, &rel.Sent, &rel.Current) {
				rel.Sent, rel.Current = *a, *b
			}
			if weight > best {
				best, pairs = weight, 1
			}
		}
	}
	if pairs > 1 {
		rel.Hints = append(rel.Hints, Ambiguous)
	}
	return pairs > 0
}

// closer reports whether the times of a and b are closer to each other than those of c and d, or else
// earlier, so that the same pair is chosen whichever tag was sent.
func closer(a, b, c, d *Reading) bool {
	ab, cd := b.Time.Sub(a.Time).Abs(), d.Time.Sub(c.Time).Abs()
	if ab != cd {
		return ab < cd
	}
	return earlier(a, b).Before(earlier(c, d))
}

func earlier(a, b *Reading) time.Time {
	if b.Time.Before(a.Time) {
		return b.Time
	}
	return a.Time
}

// compare sets the Kind of two readings in one dialect.
func (rel *Relation) compare() {
	a, b := &rel.Sent, &rel.Current
	if a.Parts[partItem] != b.Parts[partItem] {
		return // two items have nothing to compare
	}
	timed := rel.setElapsed()
	if a.Revision >= 0 && b.Revision >= 0 {
		rel.Revisions = b.Revision - a.Revision
	}
	sizes, digests := compareSizes(a, b), compareDigests(a, b)
	changed := sizes == differs || digests == differs || !sameButMachine(a.Parts, b.Parts)
	copied := a.of.file && timed && !changed
	switch {
	case copied && rel.Elapsed.Abs() < time.Second:
		rel.Kind = FarmCopies
	case copied && (sizes == same || digests == same):
		rel.Kind = OtherTime
	case timed && rel.Elapsed != 0:
		rel.Kind = order(int64(rel.Elapsed))
	case rel.Revisions != 0:
		rel.Kind = order(rel.Revisions)
	case changed && (timed || sizes != unknown || digests != unknown):
		rel.Kind = OtherContent
	}
}

// comparison is the outcome of comparing two values that may not be known.
type comparison uint8

const (
	unknown comparison = iota
	same
	differs
)

func compared(equal bool) comparison {
	if equal {
		return same
	}
	return differs
}

// compareSizes compares the sizes in the tags, or else those of the facts.
func compareSizes(a, b *Reading) comparison {
	x, y := a.Size, b.Size
	if x < 0 && y < 0 {
		x, y = a.size, b.size
	}
	if x <= 0 || y <= 0 {
		return unknown
	}
	return compared(x == y)
}

func compareDigests(a, b *Reading) comparison {
	if a.Digest == nil || b.Digest == nil {
		return unknown
	}
	return compared(bytes.Equal(a.Digest, b.Digest))
}

// sameButMachine reports whether parts differ in nothing but what depends on the machine.
func sameButMachine(a, b map[string]string) bool {
	for _, name := range changedParts(a, b) {
		if name != partInode && name != partChange && name != partName {
			return false
		}
	}
	return true
}

// changedParts lists the names, sorted, of the parts that are not the same in a and b; either may
// lack some.
func changedParts(a, b map[string]string) []string {
	var names []string
	for name, value := range a {
		if b[name] != value {
			names = append(names, name)
		}
	}
	for name, value := range b {
		if _, both := a[name]; !both && value != "" {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func order(difference int64) RelationKind {
	if difference > 0 {
		return Edited
	}
	return RolledBack
}

// setElapsed compares the times, and reports whether they tell anything: a time that is known only
// roughly does not, unless the other is far away.
func (rel *Relation) setElapsed() bool {
	a, b := &rel.Sent, &rel.Current
	if a.Time.IsZero() || b.Time.IsZero() {
		return false
	}
	// Sub ends at the least Duration, whose negative does not exist.
	elapsed := max(b.Time.Sub(a.Time), -math.MaxInt64)
	if rough := max(a.Resolution, b.Resolution); rough > time.Second && elapsed.Abs() <= 2*rough {
		return false
	}
	rel.Elapsed = elapsed
	rel.hint()
	return true
}

// hint finds the patterns in two times.
func (rel *Relation) hint() {
	a, b := &rel.Sent, &rel.Current
	if a.Resolution > time.Second || b.Resolution > time.Second {
		return
	}
	add := func(h Hint, holds bool) {
		if holds {
			rel.Hints = append(rel.Hints, h)
		}
	}
	add(WholeHours, isZoneOffset(rel.Elapsed))
	add(TwoSeconds, rel.Elapsed != 0 && rel.Elapsed.Abs() < 2*time.Second && isEven(a.Time) != isEven(b.Time))
	add(SameSecond, rel.Elapsed != 0 && a.Time.Unix() == b.Time.Unix())
	_, aBuilt := a.Normalised()
	_, bBuilt := b.Normalised()
	add(BuildTime, aBuilt || bBuilt)
}

// isEven reports whether t is a time that a zip archive can have.
func isEven(t time.Time) bool { return t.Nanosecond() == 0 && t.Unix()%2 == 0 }

// String says in one sentence, without full stop, how the tags differ, with their values.
func (rel Relation) String() string {
	s := rel.sentence()
	for _, h := range rel.Hints {
		s += "; " + h.String()
	}
	return s
}

func (rel Relation) sentence() string {
	a, b := &rel.Sent, &rel.Current
	switch rel.Kind {
	case Identical:
		return "the two tags are the same"
	case SameButForm:
		return "the two tags are the same but for " + listDifferences(rel.Differences)
	case OtherLayer:
		return fmt.Sprintf("two programs made them: the one sent %s, the current one %s", looks(a), looks(b))
	case OtherForm:
		return fmt.Sprintf("one program made them in two ways: the one sent %s, the current one %s", looks(a), looks(b))
	}
	if a.Dialect == nil || a.Dialect != b.Dialect {
		return "the two tags differ, and nothing more can be said"
	}
	return "each " + looks(a) + ": " + rel.change()
}

// looks says in a verb and an object what made a tag, as in "looks like nginx".
func looks(r *Reading) string {
	if r.Dialect.Verified {
		return "looks like " + r.Dialect.By
	}
	return "may be of " + r.Dialect.By
}

// change says what happened between two readings in one dialect.
func (rel Relation) change() string {
	a, b := &rel.Sent, &rel.Current
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case rel.Elapsed > 0:
		add("the current time, %s, is %s later", b.Time.Format(timeLayout), spell(rel.Elapsed))
	case rel.Elapsed < 0:
		add("the current time, %s, is %s earlier", b.Time.Format(timeLayout), spell(rel.Elapsed))
	case !a.Time.IsZero() && a.Time.Equal(b.Time) && a.Resolution <= time.Second:
		add("the time, %s, is the same", b.Time.Format(timeLayout))
	}
	switch {
	case a.Size < 0 || b.Size < 0:
	case a.Size == b.Size:
		add("the size, %d bytes, is the same", a.Size)
	default:
		add("the size was %d bytes and is %d", a.Size, b.Size)
	}
	if a.Revision >= 0 && b.Revision >= 0 {
		add("revision %d was sent, %d is current", a.Revision, b.Revision)
	}
	if a.Digest != nil && !bytes.Equal(a.Digest, b.Digest) {
		add("the digest is another one")
	}
	for _, name := range changedParts(a.Parts, b.Parts) {
		switch was, is := a.Parts[name], b.Parts[name]; {
		case was == "":
			add("only the current one has the %s %q", name, is)
		case is == "":
			add("only the one sent has the %s %q", name, was)
		default:
			add("the %s was %q and is %q", name, was, is)
		}
	}
	if len(parts) == 0 {
		return "nothing more can be said"
	}
	return strings.Join(parts, ", ")
}

func listDifferences(list []Difference) string {
	var words []string
	for _, d := range list {
		words = append(words, d.String())
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
