package logs

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// Hits says what caches did, of the requests whose log tells. Each is counted once.
type Hits struct {
	Requests int64 `json:"requests"`
	// Hit was answered from what was stored, and Stale too, although that was over; Validated after the server behind had said that it is
	// current; Collapsed with the answer to another request. Miss went to the server behind, and Passed too, as the cache was not
	// to be used.
	Hit       int64 `json:"hit"`
	Stale     int64 `json:"stale"`
	Validated int64 `json:"validated"`
	Collapsed int64 `json:"collapsed"`
	Miss      int64 `json:"miss"`
	Passed    int64 `json:"passed"`
	// Bytes is what was sent, and SavedBytes what of that the server behind had not to send.
	Bytes      int64 `json:"bytes"`
	SavedBytes int64 `json:"saved_bytes"`
	// Status counts by status, and Paths those with the most requests that were not answered from the cache.
	Status []HitCount `json:"status"`
	Paths  []HitCount `json:"paths"`
	// Marks are the words of the caches, with how often each came.
	Marks []Mark `json:"marks"`
}

// HitCount is how many requests there were, and how many of them were answered from the cache, validated or not.
type HitCount struct {
	Name     string `json:"name"`
	Requests int64  `json:"requests"`
	Answered int64  `json:"answered"`
}

// Mark is what a cache says of a request in its log, and what that means: "hit", "stale", "validated", "collapsed", "miss", "passed",
// or "" if it says nothing of the cache.
type Mark struct {
	Mark  string `json:"mark"`
	Kind  string `json:"kind"`
	Count int64  `json:"count"`
}

// Answered is how many were answered from the cache.
func (h *Hits) Answered() int64 { return h.Hit + h.Stale + h.Validated + h.Collapsed }

// hitKind is what a mark means.
type hitKind uint8

const (
	noKind hitKind = iota
	isHit
	isStale
	isValidated
	isCollapsed
	isMiss
	isPassed
	numKinds
)

var kindNames = [numKinds]string{"", "hit", "stale", "validated", "collapsed", "miss", "passed"}

// marksOf has the words that caches use, the longest first where one is within another: nginx and Apache (HIT, EXPIRED, UPDATING,
// REVALIDATED), Squid (TCP_MEM_HIT/200), Varnish (hit, hitmiss, hitpass, pass), CloudFront (RefreshHit), Cloudflare (dynamic, revalidated)
// and our own.
var marksOf = []struct {
	word string
	kind hitKind
}{
	{"refresh_unmodified", isValidated}, {"refresh_modified", isMiss}, {"refresh_fail", isStale}, {"refresh_hit", isValidated},
	{"refresh_miss", isMiss}, {"refreshhit", isValidated}, {"revalidated", isValidated}, {"validated", isValidated},
	{"stale", isStale}, {"updating", isStale}, {"collapsed", isCollapsed},
	{"hitmiss", isMiss}, {"hit-for-miss", isMiss}, {"hitpass", isPassed}, {"hit-for-pass", isPassed},
	{"hit", isHit}, {"miss", isMiss}, {"expired", isMiss}, {"swapfail", isMiss},
	{"bypass", isPassed}, {"dynamic", isPassed}, {"pass", isPassed}, {"pipe", isPassed}, {"tunnel", isPassed},
}

func kindOf(mark string) hitKind {
	lower := strings.ToLower(mark)
	for _, m := range marksOf {
		if strings.Contains(lower, m.word) {
			return m.kind
		}
	}
	if lower == "none" || lower == "unknown" { // Cloudflare, of what it never stores
		return isPassed
	}
	return noKind
}

// maxMarks bounds the words of caches that are counted by name.
const maxMarks = 128

// hits count what caches did.
type hits struct {
	marks             map[string]*markCount
	last              *markCount // of the entry before: mostly it comes again
	bytes             [numKinds]int64
	status            map[int]*[numKinds]int64
	paths             *frequent
	lastStatus        int
	lastStatusCounted *[numKinds]int64
}

type markCount struct {
	mark  string
	kind  hitKind
	count int64
}

// hit looks at an entry whose log says what a cache did.
func (w *worker) hit(e *accesslog.Entry, status int, hp uint64, path string, size int64) {
	mark := e.Text(accesslog.Cache)
	if mark == "" {
		return
	}
	if w.hits == nil {
		w.hits = newHits()
	}
	w.hits.add(mark, status, hp, path, size)
}

func newHits() *hits {
	return &hits{marks: map[string]*markCount{}, status: map[int]*[numKinds]int64{}, paths: newFrequent(maxFrequent)}
}

func (h *hits) add(mark string, status int, hp uint64, path string, size int64) {
	if h.last == nil || h.last.mark != mark {
		h.last = h.mark(mark)
	}
	h.last.count++
	kind := h.last.kind
	if kind == noKind {
		return
	}
	h.bytes[kind] += size
	if h.lastStatusCounted == nil || h.lastStatus != status {
		h.lastStatus, h.lastStatusCounted = status, h.statusOf(status)
	}
	h.lastStatusCounted[kind]++
	answered := int32(1)
	if kind == isMiss || kind == isPassed {
		answered = 0
	}
	h.paths.add(hp, path, 1, answered)
}

func (h *hits) mark(mark string) *markCount {
	m := h.marks[mark]
	if m == nil && len(h.marks) >= maxMarks {
		mark = kindNames[kindOf(mark)] // all others of that kind
		m = h.marks[mark]
	}
	if m == nil {
		m = &markCount{mark: keep(mark), kind: kindOf(mark)}
		h.marks[m.mark] = m
	}
	return m
}

func (h *hits) statusOf(status int) *[numKinds]int64 {
	counts := h.status[status]
	if counts == nil {
		counts = new([numKinds]int64)
		h.status[status] = counts
	}
	return counts
}

func (h *hits) merge(g *hits) {
	for _, m := range g.marks {
		h.mark(m.mark).count += m.count
	}
	for kind, n := range g.bytes {
		h.bytes[kind] += n
	}
	for status, counts := range g.status {
		into := h.statusOf(status)
		for kind, n := range counts {
			into[kind] += n
		}
	}
	h.paths.merge(g.paths)
}

// report says what was counted; nil if no log tells of a cache.
func (h *hits) report(top int) *Hits {
	if h == nil {
		return nil
	}
	r := &Hits{Status: []HitCount{}, Paths: []HitCount{}, Marks: []Mark{}}
	for _, m := range h.marks {
		r.Marks = append(r.Marks, Mark{m.mark, kindNames[m.kind], m.count})
		*r.of(m.kind) += m.count
	}
	r.Requests = r.Answered() + r.Miss + r.Passed
	slices.SortFunc(r.Marks, func(a, b Mark) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Mark, b.Mark)) })
	r.Marks = r.Marks[:min(len(r.Marks), top)]
	for kind, n := range h.bytes {
		r.Bytes += n
		if k := hitKind(kind); k != isMiss && k != isPassed {
			r.SavedBytes += n
		}
	}
	for status, counts := range h.status {
		c := HitCount{Name: strconv.Itoa(status), Answered: counts[isHit] + counts[isStale] + counts[isValidated] + counts[isCollapsed]}
		c.Requests = c.Answered + counts[isMiss] + counts[isPassed]
		r.Status = append(r.Status, c)
	}
	slices.SortFunc(r.Status, func(a, b HitCount) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name))
	})
	for _, c := range h.paths.top(maxFrequent) {
		r.Paths = append(r.Paths, HitCount{Name: c.Name, Requests: c.Count, Answered: c.Refused})
	}
	slices.SortStableFunc(r.Paths, func(a, b HitCount) int {
		return cmp.Or(cmp.Compare(b.Requests-b.Answered, a.Requests-a.Answered), cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name))
	})
	r.Paths = r.Paths[:min(len(r.Paths), top)]
	return r
}

// of is the count of a kind.
func (h *Hits) of(kind hitKind) *int64 {
	return [numKinds]*int64{new(int64), &h.Hit, &h.Stale, &h.Validated, &h.Collapsed, &h.Miss, &h.Passed}[kind]
}
