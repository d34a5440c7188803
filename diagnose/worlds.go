package diagnose

import (
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// worlds returns a state of the resource for each way in which the preconditions can come out,
// given what is known of it. If only one is left, that is the state.
//
// So an answer can be judged without knowing everything: a weak tag in If-Match is never the
// current one by the strong comparison, whichever that is.
func (e *examination) worlds(s State) []precondition.Current {
	if s.Known && !s.Exists {
		return []precondition.Current{{}}
	}
	var worlds []precondition.Current
	if !s.Known {
		worlds = append(worlds, precondition.Current{})
	}
	tags, dates := e.tagWorlds(s), e.dateWorlds(s)
	for _, tag := range tags {
		for _, date := range dates {
			worlds = append(worlds, precondition.Current{Exists: true, Tag: tag, LastModified: date})
		}
	}
	return worlds
}

// tagWorlds returns the tags that the representation may have: the known one, or none, one
// that was not sent, and some of those that were, weak and strong.
func (e *examination) tagWorlds(s State) []etag.Tag {
	if t, err := etag.Parse(s.ETag); err == nil {
		return []etag.Tag{t}
	}
	sent := e.sentTags()
	if len(sent) == 0 {
		return []etag.Tag{{}} // no tag plays a part
	}
	tags := []etag.Tag{{}, unlike(sent)}
	for _, t := range sent {
		strong, err := etag.Strong(t.Opaque())
		if err == nil {
			tags = append(tags, strong, t.Weak())
		}
	}
	return tags
}

// perField is how many different tags of each field tagWorlds takes as examples. Others of the same field
// would come out the same.
const perField = 2

// sentTags returns examples of the tags in the preconditions, those without quotes included, since
// a server may read them so.
func (e *examination) sentTags() []etag.Tag {
	var tags []etag.Tag
	for _, field := range []string{"If-Match", "If-None-Match", "If-Range"} {
		n := 0
		for _, m := range e.members(field) {
			t, ok := m.Lenient()
			if ok && n < perField && !slices.Contains(tags, t) {
				tags, n = append(tags, t), n+1
			}
		}
	}
	return tags
}

// unlike returns a tag that is none of tags.
func unlike(tags []etag.Tag) etag.Tag {
	longest := ""
	for _, t := range tags {
		if len(t.Opaque()) > len(longest) {
			longest = t.Opaque()
		}
	}
	return etag.MustParse(`"` + strings.Repeat("x", len(longest)+1) + `"`)
}

// dateWorlds returns the modification dates that the representation may have: the known one,
// or none, one before and one after all dates, and those that were sent.
func (e *examination) dateWorlds(s State) []time.Time {
	if t := parseDate(s.LastModified); !t.IsZero() {
		return []time.Time{t}
	}
	var dates []time.Time
	for _, lines := range [][]string{e.fields.IfModifiedSince, e.fields.IfUnmodifiedSince, e.fields.IfRange} {
		for _, line := range lines[:min(len(lines), 1)] {
			if t := parseDate(line); !t.IsZero() {
				dates = append(dates, t)
			}
		}
	}
	if len(dates) == 0 {
		return []time.Time{{}} // no date plays a part
	}
	return append(dates, time.Time{}, time.Unix(0, 0).UTC(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC))
}
