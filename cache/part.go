package cache

import (
	"maps"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
)

// partOf returns what a 206 is a part of, by its Content-Range. ok is false for anything but one range of a content whose
// length is known: several ranges in one answer are not stored.
func partOf(header map[string][]string) (part byterange.ContentRange, ok bool) {
	lines := header["Content-Range"]
	if len(lines) != 1 {
		return part, false
	}
	part, err := byterange.ParseContentRange(lines[0])
	return part, err == nil && !part.Unsatisfied() && part.Size >= 0
}

// satisfies reports whether what is there of the content is all that the request wants (§3.3).
func (s *Stored) satisfies(request Request) bool {
	if s.Parts == nil {
		return true
	}
	if !byterange.Applies(request.Method) || len(request.Header["Range"]) == 0 || !s.inRange(request.Header["If-Range"]) {
		return false
	}
	plan := byterange.Resolve(request.Header["Range"], s.Size)
	switch plan.Kind {
	case byterange.Single:
		return covers(s.Parts, plan.Range)
	case byterange.Multi:
		return !slices.ContainsFunc(plan.Parts, func(r byterange.Range) bool { return !covers(s.Parts, r) })
	case byterange.Unsatisfiable:
		return true // by the length, which is known
	}
	return false
}

// inRange reports whether If-Range holds for what is stored. A part has a strong tag; a date is not enough.
func (s *Stored) inRange(lines []string) bool {
	if len(lines) == 0 {
		return true
	}
	tag, err := etag.Parse(lines[0])
	return err == nil && len(lines) == 1 && validatorsOf(s.Header, s.Received).tag.StrongEqual(tag)
}

func covers(parts []byterange.Range, r byterange.Range) bool {
	return slices.ContainsFunc(parts, func(p byterange.Range) bool { return p.Start <= r.Start && r.End() <= p.End() })
}

// Joins reports whether a 206 that has arrived may be joined with s: both have the same strong entity tag and the same
// length of the whole (§3.4).
func (s *Stored) Joins(response Response) (byterange.ContentRange, bool) {
	part, ok := partOf(response.Header)
	mine, theirs := validatorsOf(s.Header, s.Received), validatorsOf(response.Header, s.Received)
	same := mine.strong() && mine.tag.StrongEqual(theirs.tag)
	return part, ok && response.Status == 206 && same && part.Size == s.Size
}

// Join returns s with a part that [Stored.Joins] it, and the fields that came with that (§3.4).
func (p *Policy) Join(s *Stored, response Response, requested, received time.Time) *Stored {
	joined := p.Update(s, response, requested, received)
	if part, ok := partOf(response.Header); ok {
		joined.Parts = Add(s.Parts, part.Range)
	}
	return joined
}

// Completion returns the fields of a request that fetches what s lacks for a request for the whole: those of request with
// Range and If-Range (§3.3). ok is false if that is not what the request wants, or more than one range is missing.
func (p *Policy) Completion(request Request, s *Stored) (header map[string][]string, ok bool) {
	gap, lacks := Missing(s.Parts, s.Size)
	v := validatorsOf(s.Header, s.Received)
	if !lacks || !v.strong() || gap.End() != s.Size || request.Method != s.Request.Method || len(request.Header["Range"]) > 0 {
		return nil, false
	}
	header = maps.Clone(request.Header)
	if header == nil {
		header = make(map[string][]string)
	}
	for _, name := range []string{"If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since"} {
		if len(header[name]) > 0 {
			return nil, false
		}
	}
	header["Range"] = []string{"bytes=" + byterange.From(gap.Start).String()}
	header["If-Range"] = []string{v.tag.String()}
	return header, true
}

// Add returns parts with r among them: in order, none touching another.
func Add(parts []byterange.Range, r byterange.Range) []byterange.Range {
	all := append(slices.Clone(parts), r)
	slices.SortFunc(all, func(a, b byterange.Range) int { return int(min(1, max(-1, a.Start-b.Start))) })
	joined := all[:1]
	for _, next := range all[1:] {
		last := &joined[len(joined)-1]
		if next.Start > last.End() {
			joined = append(joined, next)
			continue
		}
		last.Length = max(last.End(), next.End()) - last.Start
	}
	return joined
}

// Missing returns the first range that is not in parts of a content of size bytes. ok is false if nothing is missing.
func Missing(parts []byterange.Range, size int64) (gap byterange.Range, ok bool) {
	var at int64
	for _, p := range parts {
		if p.Start > at {
			return byterange.Range{Start: at, Length: p.Start - at}, true
		}
		at = p.End()
	}
	return byterange.Range{Start: at, Length: size - at}, at < size
}
