package trust

import (
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// maker is who makes entity tags of one form: the permanent name of a dialect (see
// [etag.Dialects]), or "" if a tag does not tell what it is made of.
type maker string

// evidence is what a whole response shows about its tag.
type evidence struct {
	by maker
	// digest says that it is a digest of the content.
	digest bool
	// undecided says that it cannot be told whether the tag is a digest of the content,
	// as that is not at hand.
	undecided bool
	// against are the makers of digests in whose form the tag is, though it is none of the content.
	against []maker
}

// evidenceOf reads the tag in a whole response. Two kinds of tags vouch for themselves: a digest
// of the content, and one that has the time and the size of a file, if these are the
// Last-Modified and the length of this very response. content is nil if it is not at hand.
func evidenceOf(v Validators, content []byte) (e evidence) {
	if v.Coded {
		return e // what is in the tag may be of the content before it was coded
	}
	for _, r := range readingsOf(v, content) {
		switch {
		case !isDigest(r):
			if isOfFile(r, v) && !v.Modified.IsZero() {
				return evidence{by: maker(r.Dialect.ID)}
			}
		case r.Fit == etag.Proven:
			return evidence{by: maker(r.Dialect.ID), digest: true}
		case content == nil:
			e.undecided = true
		default:
			e.against = append(e.against, maker(r.Dialect.ID))
		}
	}
	return e
}

func readingsOf(v Validators, content []byte) []etag.Reading {
	return etag.Recognise(v.Tag.String(), etag.Facts{LastModified: v.Modified, Date: v.Date, Size: max(v.Size, 0), Content: content})
}

// isDigest reports whether the tag has a digest that is long enough to stand for content.
func isDigest(r etag.Reading) bool { return len(r.Digest) >= 16 }

// isOfFile reports whether the tag has the time and size of a file, and nothing in the response speaks
// against that. Times that tools give to every file tell no versions apart.
func isOfFile(r etag.Reading, v Validators) bool {
	if r.Time.IsZero() || r.Size < 0 || r.Resolution > time.Second {
		return false
	}
	if _, normalised := r.Normalised(); normalised {
		return false
	}
	return (v.Bare || r.Size == v.Size) && (v.Modified.IsZero() || r.Time.Truncate(time.Second).Equal(v.Modified))
}

// settling is how long after the time of a file a tag that is made of it can come to name another version, too:
// two writes within the same unit of time leave the same time, and the clock of the
// file system need not be that of the server. RFC 9110 §8.8.2.2 asks for "enough difference between the Last-Modified
// and Date values to make clock synchronization issues unlikely".
const settling = time.Minute

// never is when a tag is sound that is not.
var never = time.Unix(1<<40, 0)

// soundFrom returns from when on, by the backend's clock, a tag is sound that one of the makers
// who are trusted has made. Without its time in the tag, Last-Modified tells how old a version is.
func soundFrom(v Validators, trusts func(maker) bool) time.Time {
	if !v.Coded {
		for _, r := range readingsOf(v, nil) {
			switch {
			case !trusts(maker(r.Dialect.ID)):
			case isDigest(r):
				return time.Time{}
			case isOfFile(r, v):
				return r.Time.Add(settling)
			}
		}
	}
	switch {
	case !trusts(""):
		return never
	case v.Modified.IsZero():
		return time.Time{}
	}
	return v.Modified.Add(settling)
}

// IsSettled reports whether a tag that some maker may have made of time and size names one version for good by now, if it is sound at all.
func IsSettled(v Validators) bool {
	return !v.Date.Before(soundFrom(v, func(maker) bool { return true }))
}
