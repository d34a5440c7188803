package etag

import (
	"slices"
	"time"
)

// Facts are what is known of the representation that a tag was sent with. The zero
// Facts are "nothing is known".
type Facts struct {
	// LastModified is the Last-Modified field, or zero.
	LastModified time.Time
	// Date is when the tag was sent, or zero.
	Date time.Time
	// Size is the length in bytes of the representation without content coding, or 0 if it is
	// not known; an empty representation proves nothing anyway.
	Size int64
	// Content is the whole representation without content coding, or nil.
	Content []byte
	// Coding is the content coding the tag was sent with, as in "gzip", or "".
	Coding string
	// Server is the Server field, or "".
	Server string
}

// A Dialect is a way of making tags that can be recognised by their form.
type Dialect struct {
	// ID is its permanent name, as in "iis".
	ID string
	// By is who makes such tags, as in "nginx".
	By string
	// Form says how they are made, as in "modification time in seconds and size, hexadecimal".
	Form string
	// Tells is what can be read from one, as in "time, size"; "" if nothing can.
	Tells string
	// Example is a tag as it is sent, with W/ and quotes.
	Example string
	// Verified is set if that is known from the source code, from the vendor's documentation or
	// from captured tags, and not only by hearsay.
	Verified bool
}

// Dialects returns all dialects in the order in which Recognise prefers them, facts
// aside. The slice is the caller's.
func Dialects() []Dialect {
	all := make([]Dialect, len(dialects))
	for i := range dialects {
		all[i] = dialects[i].Dialect
	}
	return all
}

// maxText is the longest text, in bytes, that is looked into. The longest tags seen are
// about 200 bytes; a longer text than this is of no dialect, and differs from any other by
// more than form.
const maxText = 1024

// Recognise returns what the text of a tag says in each dialect it may be of, best first;
// nothing if it is of none. The text is as it was sent: W/, quotes, escapes and the
// mark of a content coding are undone (see [Difference]).
//
// Better is what fits the facts better (see [Fit]), then what the Server field names, then what is
// verified. One dialect can have several readings, as that of IIS, whose digits can be cut into
// bytes in several ways. A reading is evidence of who made the tag, and never a reason to treat one
// tag as another: to HTTP a tag is opaque.
//
// The work is bounded whatever the text: one longer than 1024 bytes is not looked into, and none
// has more than a few dozen readings. Content, if there is any, is hashed at most once for each
// algorithm, and at most 8 times more for the tag of a multipart upload.
func Recognise(text string, known Facts) []Reading {
	if len(text) > maxText {
		return nil
	}
	return recognise(normalise(text), &known)
}

func recognise(n normal, known *Facts) []Reading {
	var found []Reading
	p := prover{content: known.Content}
	if known.Size <= 0 {
		known.Size = int64(len(known.Content))
	}
	for i := range dialects {
		d := &dialects[i]
		from := len(found)
		for _, c := range n.candidates() {
			c.known = known
			found = d.read(c, found)
		}
		for j := from; j < len(found); j++ {
			found[j].Dialect, found[j].of = &d.Dialect, d
			found[j].check(d, known, &p)
		}
		found = dropMisread(found, from)
	}
	slices.SortStableFunc(found, better)
	return found
}

// dropMisread removes, of several readings in one dialect, which start at from, those that the facts
// speak against, if they speak for another.
func dropMisread(found []Reading, from int) []Reading {
	if len(found)-from < 2 {
		return found
	}
	best, ahead := Contradicted, true
	for _, r := range found[from:] {
		best = max(best, r.Fit)
		ahead = ahead && r.checks.has(timeAhead)
	}
	kept := slices.DeleteFunc(found[from:], func(r Reading) bool {
		return r.Fit < best && (best >= Confirmed || r.Fit == Contradicted) || r.checks.has(timeAhead) && !ahead
	})
	for i := range kept {
		kept[i].readings = len(kept)
	}
	return found[:from+len(kept)]
}

// better orders readings, the best first.
func better(a, b Reading) int {
	if a.Fit != b.Fit {
		return int(b.Fit) - int(a.Fit)
	}
	if a.checks.has(serverFits) != b.checks.has(serverFits) {
		return falseFirst(b.checks.has(serverFits))
	}
	if a.Dialect.Verified != b.Dialect.Verified {
		return falseFirst(b.Dialect.Verified)
	}
	return 0
}

func falseFirst(second bool) int {
	if second {
		return 1
	}
	return -1
}

// A dialect is a Dialect and how it is read.
type dialect struct {
	Dialect
	// maker is what dialects of one program have in common, as in "apache"; "" if that
	// program has no other.
	maker string
	// servers are names, in lower case with a space between, of which its Server field contains
	// one; "" if it has none or says nothing.
	servers string
	// file is set if tags are made of a file's metadata alone, so that copies of a file differ by when
	// and where they were made.
	file bool
	// vague is set if other tags easily have this form by chance, so that having it is no sign of
	// who made it.
	vague bool
	// proves is set if the digest is always one of the representation, so that another digest
	// speaks against the dialect.
	proves bool
	// slack is how far the time may be from Last-Modified beyond its resolution.
	slack time.Duration
	// undated is set if the time is not that of the last modification.
	undated bool
	// read appends what c says in this dialect to found.
	read func(c candidate, found []Reading) []Reading
}

// A candidate is a text that may be of some dialect, without what is around it.
type candidate struct {
	text string
	weak bool
	// mark is the mark that was behind text, as in "-gzip", and coding what it stands for.
	mark, coding string
	known        *Facts
}

// reading returns one that says nothing yet.
func (c candidate) reading() Reading {
	return Reading{Coding: c.coding, Size: -1, Revision: -1, readings: 1}
}
