package diagnose

import (
	"slices"

	"github.com/fourtwelve/fourtwelve/etag"
)

// compare puts the tags that were sent beside the current one.
//
// Content is digested once at most, and only that of this exchange, lest many tags, or many
// exchanges after a large response, cost more than they can tell.
func (e *examination) compare() []Comparison {
	s := e.verdict.State
	if s.ETag == "" {
		return nil
	}
	var list []Comparison
	for _, field := range []string{"If-Match", "If-None-Match", "If-Range"} {
		if field == "If-Range" && !parseDate(e.req(field)).IsZero() {
			continue
		}
		for _, m := range e.members(field) {
			if m.Any {
				continue
			}
			known := s.Facts
			if len(list) > 0 || !e.witnessed {
				known.Content = nil
			}
			list = append(list, Comparison{
				Field: field, Sent: m.Raw, Current: s.ETag,
				Relation: etag.Relate(m.Raw, s.ETag, e.factsOf(m.Raw), known),
			})
		}
	}
	return list
}

// factsOf is what an earlier response told of the representation with the tag.
func (e *examination) factsOf(tag string) etag.Facts {
	p := e.minted(tag)
	if p == nil {
		return etag.Facts{}
	}
	f := p.facts()
	f.Content = nil
	return f
}

// telling has the kinds of relation from the most telling one on.
var telling = []etag.RelationKind{
	etag.Identical, etag.SameButForm, etag.FarmCopies, etag.Edited, etag.RolledBack, etag.OtherTime,
	etag.OtherContent, etag.OtherForm, etag.OtherLayer, etag.Unrelated,
}

// pair returns the comparison of the member of field that is nearest to the current tag, and
// whether there is one.
func (e *examination) pair(field string) (best Comparison, ok bool) {
	for _, c := range e.verdict.Tags {
		if c.Field == field && (!ok || slices.Index(telling, c.Relation.Kind) < slices.Index(telling, best.Relation.Kind)) {
			best, ok = c, true
		}
	}
	return best, ok
}
