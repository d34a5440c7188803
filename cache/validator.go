package cache

import (
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// validators are what a response can be validated by (RFC 9110 §8.8).
type validators struct {
	tag      etag.Tag // zero if there is none
	modified time.Time
}

func validatorsOf(header map[string][]string, now time.Time) validators {
	var v validators
	if lines := header["Etag"]; len(lines) == 1 {
		v.tag, _ = etag.Parse(lines[0])
	}
	v.modified, _ = dateOf(header["Last-Modified"], now)
	return v
}

func (v validators) any() bool { return !v.tag.IsZero() || !v.modified.IsZero() }

// strong reports whether there is a validator under which parts may be joined. A date is never taken for one: nothing
// here knows whether the clock of the origin tells two changes apart.
func (v validators) strong() bool { return !v.tag.IsZero() && !v.tag.IsWeak() }

// tellsWrites reports whether a write that came after s was sent has changed the validators for sure: a date, without a tag, can be that of
// another version as long as its second is not over (RFC 9110 §8.8.2.2).
func (v validators) tellsWrites(s *Stored) bool {
	return !v.tag.IsZero() || !v.modified.IsZero() && !s.generated().Before(v.modified.Add(time.Second))
}
