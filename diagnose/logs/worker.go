package logs

import (
	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

const (
	// maxFrequent bounds the paths and clients that are counted, and maxRefused those of the 412s.
	maxFrequent = 8192
	maxRefused  = 8192
	maxRepeats  = 16384
	maxNodes    = 512
)

// A worker looks at the lines that one worker of the reader parses, in no particular order.
// What it finds is the same in any order, but for what Bounds says.
type worker struct {
	parts *parts
	// only, unless empty, has the status codes that count, and methods counts what does.
	only    *accesslog.StatusSet
	methods map[string]int64

	requests, bytes int64
	paths, clients  *frequent
	nodes           nodeCounts
	times           *timeline
	first, last     int64
	timed           bool
	found           tallies
	health          Health
	untagged        bool // some of health.Repeated were judged by size
	repeats         *sampled[repeat]
	tags            *sampled[tagged]
	reads           *sampled[reads]
	missing         *sampled[absences]
	hits            *hits            // nil if no log tells of a cache
	joined          *sampled[joined] // nil if there is just one log
}

// A repeat is a version of a target that was sent whole to a client.
type repeat struct {
	path  string
	count int64
	size  int64 // of the largest response
}

func newWorker(only *accesslog.StatusSet) *worker {
	return &worker{
		only: only, methods: map[string]int64{}, parts: &parts{}, paths: newFrequent(maxFrequent), clients: newFrequent(maxFrequent),
		nodes: nodeCounts{of: map[string]*Count{}},
		times: newTimeline(), found: tallies{}, repeats: newSampled[repeat](maxRepeats), tags: newSampled[tagged](maxTagged),
		reads: newSampled[reads](maxReaders), missing: newSampled[absences](maxReaders),
	}
}

// each looks at an entry and reports whether it is to be looked at in the order of time.
func (w *worker) each(e *accesslog.Entry) bool {
	status, client := e.Status(), clientOf(e)
	path, query := e.PathQuery()
	hp, hc := hash(path), hash(client)
	if !w.only.Empty() {
		if !w.only.Has(status) {
			return w.before(e, status, hp, hc)
		}
		countMethod(w.methods, e.Text(accesslog.Method))
	}
	refused := int32(0)
	if status == 412 {
		refused = 1
	}
	w.requests++
	size, ok := e.Sent()
	if ok && size > 0 {
		w.bytes += size
	} else {
		size = 0
	}
	w.paths.add(hp, path, 1, refused)
	w.clients.add(hc, client, 1, refused)
	w.nodes.add(nodeOf(e), refused)
	if e.State(accesslog.Cache) == accesslog.Present {
		w.hit(e, status, hp, path, size)
	}
	w.time(e, status, refused)
	switch status {
	case 428:
		w.demanded(e)
	case 404, 410:
		w.notFound(e, hp)
	}
	w.webdav(e, status)
	switch m := e.Text(accesslog.Method); {
	case m == "GET":
		if w.joined != nil {
			w.join(e, hp)
		}
		w.get(e, get{path: path, query: query, size: size, hp: hp, hc: hc})
		return refused > 0
	case method.IsSafe(m):
		return refused > 0
	case m == "POST":
		return refused > 0 || e.Conditional()
	default:
		return w.unsafe(e, m, status)
	}
}

// before looks at an entry that does not count, and reports whether it may be what led to one that does.
func (w *worker) before(e *accesslog.Entry, status int, hp, hc uint64) bool {
	switch m := e.Text(accesslog.Method); {
	case m == "GET":
		if at, timed := e.UnixNano(); timed && status == 206 {
			w.parts.note(mix(hp, machineOf(e, hc))^programOf(e), at)
		}
		return false
	case method.IsSafe(m):
		return false
	case m == "POST":
		return e.Conditional()
	default:
		return matters(m, status)
	}
}

// maxMethods bounds the methods that are counted by name.
const maxMethods = 64

func countMethod(counts map[string]int64, method string) {
	if _, known := counts[method]; !known {
		if method = methodName(method); len(counts) >= maxMethods {
			method = "other"
		}
	}
	counts[method]++
}

func (w *worker) time(e *accesslog.Entry, status int, refused int32) {
	at, ok := e.UnixNano()
	if !ok {
		return
	}
	if !w.timed {
		w.timed, w.first, w.last = true, at, at
	}
	w.first, w.last = min(w.first, at), max(w.last, at)
	p := w.times.at(at)
	p.requests++
	p.refused += int64(refused)
	if class := status / 100; class < len(p.classes) {
		p.classes[class]++
	}
}

// unsafe looks at a write, and reports whether its outcome may explain another one.
func (w *worker) unsafe(e *accesslog.Entry, method string, status int) bool {
	if status == 304 {
		w.notModifiedWrite(e, method)
	}
	return matters(method, status)
}

// matters reports whether the outcome of a write may explain another one.
func matters(method string, status int) bool {
	switch {
	case method == "":
		return status == 412
	case status >= 200 && status < 300, status >= 500, status == 0:
		return true
	}
	return status == 408 || status == 409 || status == 412 || status == 499
}

// A get has what is known already of a GET.
type get struct {
	path, query string
	size        int64 // of the response; 0 if not known
	hp, hc      uint64
	from        uint64 // see machine; 0 before it was asked for
}

// target is as targetOf.
func (g *get) target(e *accesslog.Entry) uint64 {
	h := g.hp
	if q := queryOf(g.query); q != "" {
		h = mix(h, hash(q))
	}
	return withHost(e, h)
}

// machine is as machineOf.
func (g *get) machine(e *accesslog.Entry) uint64 {
	if g.from == 0 {
		g.from = machineOf(e, g.hc)
	}
	return g.from
}

// download is for client and path, but for the program.
func (g *get) download(e *accesslog.Entry) uint64 { return mix(g.hp, g.machine(e)) }

// get looks at a GET.
func (w *worker) get(e *accesslog.Entry, g get) {
	switch e.Status() {
	case 200:
		w.full(e, &g)
	case 206:
		w.partial(e, &g)
	case 304:
		w.notModified(e)
	case 416:
		w.unsatisfiable(e)
		return
	default:
		return
	}
	h := &w.health
	h.Gets++
	if inm := e.State(accesslog.IfNoneMatch); inm != accesslog.NotLogged {
		h.Logged++
		if inm == accesslog.Present || e.State(accesslog.IfModifiedSince) == accesslog.Present {
			h.Conditional++
		}
	}
	if e.State(accesslog.UpstreamETag) == accesslog.Present {
		w.upstream(e)
	}
	if e.State(accesslog.ETag) == accesslog.Present {
		w.sawTag(e, &g)
	}
}

// full looks at a 200 to a GET.
func (w *worker) full(e *accesslog.Entry, g *get) {
	w.health.Full++
	w.health.FullBytes += g.size
	ranged := e.State(accesslog.Range)
	switch {
	case ranged == accesslog.Present:
		w.whole(e)
	case e.State(accesslog.IfNoneMatch) == accesslog.Present:
		w.unneeded(e, g.size)
	case e.State(accesslog.IfModifiedSince) == accesslog.Present:
		w.badDate(e)
	default:
		w.repeated(e, g)
	}
	if ranged == accesslog.NotLogged {
		if at, timed := e.UnixNano(); timed && w.parts.resumed(g.download(e), at, func() uint64 { return programOf(e) }) {
			w.maybeStartedAgain(e)
		}
	}
}

// repeated notes what was sent to whom.
func (w *worker) repeated(e *accesslog.Entry, g *get) {
	key := mix(g.target(e), g.machine(e))
	switch tag := e.Text(accesslog.ETag); {
	case tag != "":
		key = mix(key, hash(tag))
	case g.size > 0:
		key = mix(key, uint64(g.size))
		w.untagged = true
	default:
		return
	}
	if !w.repeats.sees(key) {
		return
	}
	r, isNew := w.repeats.at(key ^ programOf(e))
	if r == nil {
		return
	}
	if isNew {
		r.path = keep(g.path)
	}
	r.count++
	r.size = max(r.size, g.size)
}

func joinRepeats(into, from *repeat) {
	into.count += from.count
	into.size = max(into.size, from.size)
	into.path = min(into.path, from.path) // the same, or the hash is
}

// nodeCounts count by node.
type nodeCounts struct {
	of map[string]*Count
	// recent are those of the last entries: on a farm they come in turn.
	recent [4]*Count
	next   int
}

func (n *nodeCounts) add(node string, refused int32) {
	if node == "" {
		return
	}
	c := n.find(node)
	c.Count++
	c.Refused += int64(refused)
}

func (n *nodeCounts) find(node string) *Count {
	for _, c := range n.recent {
		if c != nil && c.Name == node {
			return c
		}
	}
	c := n.get(node)
	n.recent[n.next] = c
	n.next = (n.next + 1) % len(n.recent)
	return c
}

// otherNodes has the nodes beyond maxNodes.
const otherNodes = "other nodes"

func (n *nodeCounts) get(node string) *Count {
	c := n.of[node]
	if c == nil && len(n.of) >= maxNodes {
		if node = otherNodes; n.of[node] != nil {
			return n.of[node]
		}
	}
	if c == nil {
		c = &Count{Name: keep(node)}
		n.of[c.Name] = c
	}
	return c
}

func (n *nodeCounts) merge(m *nodeCounts) {
	for _, c := range m.of {
		into := n.get(c.Name)
		into.Count += c.Count
		into.Refused += c.Refused
	}
}

func (n *nodeCounts) list() []Count {
	list := []Count{}
	for _, c := range n.of {
		list = append(list, *c)
	}
	return mostFrequent(list, len(list))
}

// merge adds what v has found.
func (w *worker) merge(v *worker) {
	w.requests += v.requests
	w.bytes += v.bytes
	w.paths.merge(v.paths)
	w.clients.merge(v.clients)
	w.nodes.merge(&v.nodes)
	w.times.merge(v.times)
	if v.timed && (!w.timed || v.first < w.first) {
		w.first = v.first
	}
	if v.timed && (!w.timed || v.last > w.last) {
		w.last = v.last
	}
	w.timed = w.timed || v.timed
	w.found.merge(v.found)
	for method, n := range v.methods {
		w.methods[method] += n
	}
	w.untagged = w.untagged || v.untagged
	w.repeats.merge(v.repeats, joinRepeats)
	w.tags.merge(v.tags, joinTagged)
	w.reads.merge(v.reads, joinReads)
	w.missing.merge(v.missing, joinAbsences)
	if w.joined != nil {
		w.joined.merge(v.joined, joinJoined)
	}
	if v.hits != nil {
		if w.hits == nil {
			w.hits = newHits()
		}
		w.hits.merge(v.hits)
	}
	w.health.add(&v.health)
}

// add adds the counts of g.
func (h *Health) add(g *Health) {
	h.Gets += g.Gets
	h.Full += g.Full
	h.FullBytes += g.FullBytes
	h.NotModified += g.NotModified
	h.Conditional += g.Conditional
	h.Logged += g.Logged
	h.Ignored += g.Ignored
	h.IgnoredBytes += g.IgnoredBytes
	h.Ranges += g.Ranges
	h.Whole += g.Whole
}
