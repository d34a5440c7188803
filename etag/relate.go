package etag

import (
	"bytes"
	"fmt"
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
	// Edited: the same dialect; Current is later, or has a higher revision, and may have another size.
	Edited
	// RolledBack: the same dialect; Current is earlier, or has a lower revision.
	RolledBack
	// OtherContent: the same dialect with another digest or size, and no order between them.
	OtherContent
	// OtherLayer: different dialects: two programs made them.
	OtherLayer
	// OtherForm: different dialects of one program, which differ by its version, its configuration or the way of
	// the upload.
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
	// TwoSeconds: the times differ by less than 2 seconds, and one is of an even number of whole seconds: that
	// file was in a zip archive or a FAT file system, which have no finer times.
	TwoSeconds
	// SameSecond: both times give the same Last-Modified.
	SameSecond
	// BuildTime: a time is one that tools give to every file; see [Reading.Normalised].
	BuildTime
)

var hints = [...]string{
	WholeHours: "their times differ by whole hours, as if set in two time zones",
	TwoSeconds: "one time is rounded to 2 seconds, as in zip archives and FAT file systems",
	SameSecond: "Last-Modified is the same for both",
	BuildTime:  "a time was set by a build and not by a change",
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
	rel.choose(recognise(a, &sentFacts), recognise(b, &currentFacts))
	return rel
}

// choose finds the readings to compare: the best pair of one dialect; or the best of each if none
// is shared.
func (rel *Relation) choose(sent, current []Reading) {
	if len(sent) == 0 || len(current) == 0 {
		rel.keepBest(sent, current)
		return
	}
	best := -1
	for i := range sent {
		for j := range current {
			a, b := &sent[i], &current[j]
			if a.Dialect != b.Dialect {
				continue
			}
			if weight := int(min(a.Fit, b.Fit))<<4 | int(max(a.Fit, b.Fit)); weight > best {
				best, rel.Sent, rel.Current = weight, *a, *b
			}
		}
	}
	if best >= 0 {
		rel.compare()
		return
	}
	rel.Sent, rel.Current = sent[0], current[0]
	a, b := dialectOf(&rel.Sent), dialectOf(&rel.Current)
	switch {
	case a.maker != "" && a.maker == b.maker:
		rel.Kind = OtherForm
	case !a.vague && !b.vague:
		rel.Kind = OtherLayer
	}
}

func (rel *Relation) keepBest(sent, current []Reading) {
	if len(sent) > 0 {
		rel.Sent = sent[0]
	}
	if len(current) > 0 {
		rel.Current = current[0]
	}
}

func dialectOf(r *Reading) *dialect {
	for i := range dialects {
		if &dialects[i].Dialect == r.Dialect {
			return &dialects[i]
		}
	}
	return &dialect{vague: true}
}

// compare sets the Kind of two readings in one dialect.
func (rel *Relation) compare() {
	a, b := &rel.Sent, &rel.Current
	timed := !a.Time.IsZero() && !b.Time.IsZero()
	if timed {
		rel.Elapsed = b.Time.Sub(a.Time)
		rel.hint()
	}
	if a.Revision >= 0 && b.Revision >= 0 {
		rel.Revisions = b.Revision - a.Revision
	}
	sameSize := a.Size == b.Size
	sameDigest := bytes.Equal(a.Digest, b.Digest)
	hasValues := timed || a.Size >= 0 && b.Size >= 0 || a.Digest != nil && b.Digest != nil
	switch {
	case rel.Revisions > 0:
		rel.Kind = Edited
	case rel.Revisions < 0:
		rel.Kind = RolledBack
	case timed && sameSize && sameDigest && rel.Elapsed.Abs() < time.Second:
		rel.Kind = FarmCopies
	case timed && sameDigest && rel.Elapsed != 0 && sameSize && (a.Size >= 0 || a.Digest != nil):
		rel.Kind = OtherTime
	case timed && rel.Elapsed > 0:
		rel.Kind = Edited
	case timed && rel.Elapsed < 0:
		rel.Kind = RolledBack
	case hasValues && !(sameSize && sameDigest):
		rel.Kind = OtherContent
	}
}

// hint finds the patterns in two times.
func (rel *Relation) hint() {
	a, b := rel.Sent.Time, rel.Current.Time
	if rel.Sent.Resolution > time.Second || rel.Current.Resolution > time.Second {
		return
	}
	add := func(h Hint, holds bool) {
		if holds {
			rel.Hints = append(rel.Hints, h)
		}
	}
	add(WholeHours, isZoneOffset(rel.Elapsed))
	add(TwoSeconds, rel.Elapsed != 0 && rel.Elapsed.Abs() < 2*time.Second && (isEven(a) != isEven(b)))
	add(SameSecond, rel.Elapsed != 0 && a.Unix() == b.Unix())
	_, aBuilt := rel.Sent.Normalised()
	_, bBuilt := rel.Current.Normalised()
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
	case OtherTime, Edited, RolledBack, FarmCopies:
		return fmt.Sprintf("both look like %s: %s", by(a), rel.change())
	case OtherContent:
		return fmt.Sprintf("both look like %s, of other content", by(a))
	case OtherLayer:
		return fmt.Sprintf("two programs made them: the one sent looks like %s, the current one like %s", by(a), by(b))
	case OtherForm:
		return fmt.Sprintf("one program made them in two ways: the one sent looks like %s, the current one like %s", by(a), by(b))
	}
	return "the two tags differ, and nothing more can be said"
}

func by(r *Reading) string {
	if r.Dialect == nil {
		return "no known dialect"
	}
	return r.Dialect.By
}

// change says what happened between two readings that have an order.
func (rel Relation) change() string {
	a, b := &rel.Sent, &rel.Current
	if rel.Revisions != 0 {
		return fmt.Sprintf("revision %d was sent, the current one is %d", a.Revision, b.Revision)
	}
	when := "later"
	if rel.Elapsed < 0 {
		when = "earlier"
	}
	text := fmt.Sprintf("the current time is %s %s", spell(rel.Elapsed), when)
	if rel.Elapsed == 0 {
		text = "the times are the same"
	}
	switch {
	case a.Size >= 0 && a.Size == b.Size:
		text += fmt.Sprintf(", the size, %d bytes, is the same", a.Size)
	case a.Size >= 0 && b.Size >= 0:
		text += fmt.Sprintf(", the size was %d bytes and is %d", a.Size, b.Size)
	}
	return text
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
