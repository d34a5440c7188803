package logs

import (
	"maps"
	"slices"
	"time"
)

// widths are those that a part of a timeline may have, in seconds. Each is a multiple of the one
// before.
var widths = []int64{1, 10, 60, 300, 900, 3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600, 28 * 24 * 3600, 364 * 24 * 3600, 3640 * 24 * 3600}

// maxParts bounds the parts of a timeline.
const maxParts = 1024

// timeline counts by time. When there are too many parts, they become wider.
type timeline struct {
	width int // index into widths
	parts map[int64]*part
	last  *part // that of the last time, which most often is that of the next one too
	from  int64 // nanoseconds; last holds for from <= t < until
	until int64
}

type part struct {
	requests int64
	classes  [6]int64
	refused  int64
	causes   map[string]int64
}

func newTimeline() *timeline { return &timeline{parts: map[int64]*part{}} }

// at returns the part for a time in nanoseconds.
func (t *timeline) at(nanos int64) *part {
	if t.last != nil && t.from <= nanos && nanos < t.until {
		return t.last
	}
	seconds := floor(nanos, int64(time.Second))
	i := floor(seconds, widths[t.width])
	for t.parts[i] == nil {
		if len(t.parts) < maxParts || t.width == len(widths)-1 {
			t.parts[i] = &part{}
			break
		}
		t.widen()
		i = floor(seconds, widths[t.width])
	}
	t.last = t.parts[i]
	t.from = i * widths[t.width] * int64(time.Second)
	t.until = t.from + widths[t.width]*int64(time.Second)
	return t.last
}

// floor is the quotient rounded towards minus infinity.
func floor(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// widen makes parts one step wider.
func (t *timeline) widen() {
	times := widths[t.width+1] / widths[t.width]
	wide := map[int64]*part{}
	for i, p := range t.parts {
		j := floor(i, times)
		if wide[j] == nil {
			wide[j] = &part{}
		}
		wide[j].add(p)
	}
	t.width++
	t.parts, t.last = wide, nil
}

func (p *part) add(q *part) {
	p.requests += q.requests
	p.refused += q.refused
	for i, n := range q.classes {
		p.classes[i] += n
	}
	for id, n := range q.causes {
		p.cause(id, n)
	}
}

func (p *part) cause(id string, n int64) {
	if p.causes == nil {
		p.causes = map[string]int64{}
	}
	p.causes[id] += n
}

// merge adds what u has counted.
func (t *timeline) merge(u *timeline) {
	for t.width < u.width {
		t.widen()
	}
	// A narrow part lies within one wide part, so its start tells which.
	for i, p := range u.parts {
		t.at(i * widths[u.width] * int64(time.Second)).add(p)
	}
}

// report returns at most n parts.
func (t *timeline) report(n int) Timeline {
	for len(t.parts) > 0 && t.span() > int64(n) && t.width < len(widths)-1 {
		t.widen()
	}
	width := widths[t.width]
	list := Timeline{Width: time.Duration(width) * time.Second, Parts: []Part{}}
	for _, i := range slices.Sorted(maps.Keys(t.parts)) {
		p := t.parts[i]
		list.Parts = append(list.Parts, Part{
			Start: time.Unix(i*width, 0).UTC(), Requests: p.requests, Classes: p.classes, Refused: p.refused, Causes: p.causes,
		})
	}
	return list
}

// span is how many parts there are from the first to the last, with those in which nothing
// happened.
func (t *timeline) span() int64 {
	keys := slices.Sorted(maps.Keys(t.parts))
	return keys[len(keys)-1] - keys[0] + 1
}
