package logs

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/diagnose"
)

// A wrongServer has one resource and one fault, and clients that read, write, create and delete as they like.
type wrongServer struct {
	fault string
	r     *rand.Rand
	now   time.Time

	content, made int // 0: there is nothing
	since         time.Time
	deleted       time.Time
	stored        *event // a refusal that the cache keeps
	clients       [3]wrongClient
	// right is how many refusals are as they should be.
	right int64
	list  []event
}

// A wrongClient has the tag it was given last, and what that stood for.
type wrongClient struct {
	tag     string
	content int
}

// wrongServers are the faults, with the rules by which each is found at least likely, and in how many of four histories: in all
// formats, or in that with all members alone, which has nodes and caches. Where there are no rules no log shows the fault.
var wrongServers = []struct {
	fault              string
	rules              []string
	inAll, withMembers int
}{
	{fault: "ignores If-Match", rules: []string{"check-then-act-race"}, inAll: 3},
	{fault: "compares weakly", rules: []string{"strong-compare-accepts-weak"}, inAll: 4},
	{fault: "tags by the second"},
	{fault: "gzip suffix", rules: []string{"compression-suffix-not-stripped"}, inAll: 4},
	{fault: "tags of parts"},
	{fault: "tags of nodes", rules: []string{"cdn-nodes-different-etag", "farm-mtime-skew"}, withMembers: 4},
	{fault: "cached 412", rules: []string{"stored-412"}, withMembers: 2},
	{fault: "deletes seen late", rules: []string{"412-for-missing-resource"}, inAll: 3},
	{fault: "collisions"},
	{fault: "A-B-A"},
	{fault: "unquoted tags", rules: []string{"unquoted-etag"}, inAll: 4},
	{fault: "compares with quotes", rules: []string{"answer-against-standard"}, inAll: 4},
}

// tag is the one that a node gives, to a client that takes gzip or not.
func (s *wrongServer) tag(node int, gzip bool) string {
	if s.content == 0 {
		return ""
	}
	opaque := fmt.Sprintf("%08x%08x", 0x9e3779b9*uint32(s.content), 0x85ebca6b*uint32(s.content))
	switch s.fault {
	case "tags by the second":
		opaque = fmt.Sprintf("%x-32c", s.since.Unix())
	case "collisions":
		opaque = fmt.Sprintf("%x", 0x9e3779b9*uint32(s.content)>>29)
	case "tags of nodes":
		opaque = fmt.Sprintf("%08x%08x", 0x9e3779b9*uint32(s.content), 0x85ebca6b*uint32(node+1))
	case "gzip suffix":
		if gzip {
			opaque += "-gzip"
		}
	case "compares weakly":
		return `W/"` + opaque + `"`
	case "unquoted tags":
		return opaque
	}
	return `"` + opaque + `"`
}

func (s *wrongServer) events() []event {
	s.now = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	s.made, s.content, s.since = 1, 1, s.now.Add(-time.Hour)
	for range 80 {
		s.now = s.now.Add(time.Duration(s.r.IntN(60)) * time.Second)
		c := s.r.IntN(len(s.clients))
		switch n := s.r.IntN(10); {
		case s.fault == "tags of nodes" && (n >= 8 || c == 0): // who reads from both does not write
			s.read(0)
		case n < 5:
			s.read(c)
		case n < 8:
			s.write(c)
		case n < 9:
			s.create(c)
		default:
			s.remove(c)
		}
	}
	return s.list
}

func (s *wrongServer) add(e event) {
	e.at = s.now
	s.list = append(s.list, e)
}

func (s *wrongServer) read(c int) {
	me, node := &s.clients[c], s.r.IntN(2)
	if s.fault == "tags of nodes" && c > 0 {
		node = 0
	}
	e := event{client: c, node: node + 1, method: "GET", status: 200, size: 812, tag: s.tag(node, c == 0)}
	switch {
	case s.content == 0:
		e.status, e.size = 404, 40
	case s.stored != nil && s.r.IntN(3) == 0:
		e = *s.stored
		e.client, e.wrong = c, true
		s.add(e)
		return
	case me.tag != "" && s.r.IntN(2) == 0:
		if e.none = me.tag; me.tag == e.tag {
			e.status, e.size = 304, 0
		}
	case s.fault == "tags of parts" && s.r.IntN(2) == 0:
		e.status, e.tag = 206, `"part`+fmt.Sprint(s.content)+`"`
	case s.fault == "cached 412" && me.tag != "" && me.tag != e.tag && s.r.IntN(2) == 0:
		e.status, e.size, e.match = 412, 96, me.tag
		s.right++
		kept := e
		kept.cache, kept.match, kept.node = "HIT", "", 0
		s.stored = &kept
		s.add(e)
		return
	}
	if e.status != 404 {
		me.tag, me.content = e.tag, s.content
	}
	s.add(e)
}

// write sends a PUT with If-Match, mostly with the tag that the client has.
func (s *wrongServer) write(c int) {
	me, node := &s.clients[c], s.r.IntN(2)
	if me.tag == "" {
		return
	}
	if s.fault == "tags of nodes" {
		node = 1
	}
	e := event{client: c, node: node + 1, method: "PUT", status: 204, size: 0, match: me.tag}
	current := me.content == s.content && s.content != 0
	holds := me.tag == s.tag(node, false) && s.content != 0
	switch s.fault {
	case "ignores If-Match":
		holds = s.content != 0
	case "compares with quotes":
		holds = false
	}
	e.tag = s.tag(node, false)
	switch {
	case holds:
		s.stored = nil
		s.change()
		e.tag = s.tag(node, false)
		if s.r.IntN(4) > 0 {
			me.tag, me.content = e.tag, s.content
		}
	case current:
		e.status, e.size, e.wrong = 412, 96, true
	default:
		e.status, e.size = 412, 96
		s.right++
	}
	s.add(e)
}

// change makes another content, or one that was there before.
func (s *wrongServer) change() {
	s.made++
	s.content, s.since = s.made, s.now
	if s.fault == "A-B-A" && s.made > 2 && s.r.IntN(2) == 0 {
		s.content = s.made - 2
	}
}

func (s *wrongServer) create(c int) {
	e := event{client: c, node: 1, method: "PUT", status: 201, none: "*"}
	late := s.fault == "deletes seen late" && s.content == 0 && s.now.Sub(s.deleted) < 5*time.Minute
	if s.content != 0 || late {
		if e.status, e.size, e.wrong = 412, 96, late; !late {
			s.right++
		}
		if s.r.IntN(2) == 0 {
			e.tag = s.tag(0, false)
		}
	} else {
		s.change()
		e.tag = s.tag(0, false)
	}
	s.add(e)
}

func (s *wrongServer) remove(c int) {
	if s.content == 0 || s.r.IntN(2) == 0 {
		return
	}
	s.content, s.deleted, s.stored = 0, s.now, nil
	s.add(event{client: c, node: 1, method: "DELETE", status: 204})
}

// saysRight are rules by which a refusal is right.
var saysRight = []string{
	"refused-as-designed", "create-if-absent-exists", "stale-etag-concurrent-edit", "if-match-on-missing-resource", "own-write-not-tracked",
	"client-loops-on-stale-etag",
}

// sure is how many of the refusals that a cause is about are said to be right for certain. If all are, none may be due to the
// fault.
func (s *wrongServer) sure(c *Cause, head int) (n int64, why string) {
	n = c.ByConfidence[diagnose.Certain]
	if n < c.Count {
		return n, ""
	}
	for _, sample := range c.Samples {
		if e := s.list[int(sample.Line)-1-head]; e.wrong {
			return n, fmt.Sprintf("%s %v: %s", c.Rule.ID, e, c.Says)
		}
	}
	return n, ""
}

// judge returns whether a report finds the fault, and what it is wrong about.
func (s *wrongServer) judge(r *Report, rules []string, head int) (found bool, wrong string) {
	sure := int64(0)
	found = slices.ContainsFunc(r.Causes, func(c Cause) bool { return slices.Contains(rules, c.Rule.ID) && c.Confidence >= diagnose.Likely })
	for i := range r.Causes {
		c := &r.Causes[i]
		switch n, why := s.sure(c, head); {
		case why != "" && slices.Contains(saysRight, c.Rule.ID):
			return found, why
		case slices.Contains(saysRight, c.Rule.ID):
			if c.Rule.ID != "client-loops-on-stale-etag" { // which counts some a second time
				sure += n
			}
		case n > 0 && !slices.Contains(rules, c.Rule.ID):
			return found, fmt.Sprintf("certain %s: %s\n%v", c.Rule.ID, c.Says, c.Evidence)
		}
	}
	if sure > s.right {
		return found, fmt.Sprintf("%d refusals are certainly right, and %d are\n%s", sure, s.right, r.list())
	}
	return found, ""
}

// TestWrongServers writes what servers with a fault were asked and answered in every format. Nothing certain may contradict what
// truly happened; and where the log holds the evidence, the fault is found. The numbers are of how many histories it is found in.
func TestWrongServers(t *testing.T) {
	const seeds = 4
	for _, w := range wrongServers {
		found := map[string]int{}
		for seed := range uint64(seeds) {
			s := &wrongServer{fault: w.fault, r: rand.New(rand.NewPCG(seed, 412))}
			list := s.events()
			check := func(name string, r *Report, head string) {
				hit, wrong := s.judge(r, w.rules, strings.Count(head, "\n"))
				if wrong != "" {
					t.Errorf("%s, seed %d, %s: %s", w.fault, seed, name, wrong)
				}
				if hit {
					found[name]++
				}
			}
			for name, f := range whole {
				check(name, reportOf(t, written(list, f.head, f.line), f.format), f.head)
			}
			for name, line := range partial {
				check(name, reportOf(t, written(list, "", line), ""), "")
			}
		}
		for _, name := range slices.Concat(slices.Collect(maps.Keys(whole)), slices.Collect(maps.Keys(partial))) {
			least := w.inAll
			if name == "members" {
				least = max(w.inAll, w.withMembers)
			}
			if found[name] < least {
				t.Errorf("%s is found in %d of %d histories in the format %s, and was in %d", w.fault, found[name], seeds, name, least)
			}
		}
		t.Logf("%-20s found in %d histories: %v", w.fault, seeds, found)
	}
}
