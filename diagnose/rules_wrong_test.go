package diagnose

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
)

// A mintingServer has one resource, and makes or looks up its tags with a fault.
type mintingServer struct {
	fault string
	r     *rand.Rand
	now   time.Time

	revision, last int // revision is 0 if there is nothing
	content        int
	modified       time.Time
	deleted        time.Time
	stored         *capture.Response
	// shown are the revisions for which a tag was sent, and known the tags that were.
	shown map[string][]int
	known []string

	xs []*capture.Exchange
	// held says of each exchange whether it was refused although the version it names is the current one, or there is
	// nothing as it demands.
	held []bool
}

// mintingFaults are the faults, with the rules that say so.
var mintingFaults = []struct {
	fault string
	rules []string
	least int // in how many of 20 histories it is found at least likely; the others do not show it
}{
	{fault: "gzip suffix", rules: []string{"compression-suffix-not-stripped"}, least: 19},
	{fault: "tags of nodes", rules: []string{"cdn-nodes-different-etag", "unstable-etag-per-request",
		"front-and-backend-mint-different-etags"},
		least: 2},
	{fault: "tags of parts", rules: []string{"per-part-etag"}},
	{fault: "cached 412", rules: []string{"stored-412"}, least: 5},
	{fault: "deletes seen late", rules: []string{"412-for-missing-resource"}, least: 15},
	{fault: "collisions", rules: []string{"etag-too-narrow", "same-second-same-size-collision"}},
	{fault: "tags by the second", rules: []string{"etag-too-narrow", "same-second-same-size-collision"}},
	{fault: "A-B-A"},
	{fault: ""},
}

func (s *mintingServer) text() string {
	return fmt.Sprintf("content %04d %s", s.content, strings.Repeat("x", 20))
}

func (s *mintingServer) tag(gzip bool) string {
	opaque := fmt.Sprintf("%x", md5.Sum([]byte(s.text())))
	switch s.fault {
	case "collisions":
		opaque = opaque[:1] + "-v"
	case "tags by the second":
		opaque = fmt.Sprintf("%x-%x", s.modified.Unix(), len(s.text()))
	case "tags of nodes":
		opaque = fmt.Sprintf("%x", md5.Sum(fmt.Append(nil, s.text(), s.r.IntN(2))))
	case "gzip suffix":
		if gzip {
			opaque += "-gzip"
		}
	}
	return `"` + opaque + `"`
}

func (s *mintingServer) history() {
	s.now, s.shown = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC), map[string][]int{}
	s.change()
	for range 50 {
		s.now = s.now.Add(time.Duration(s.r.IntN(20)*s.r.IntN(3)) * time.Second)
		x := &capture.Exchange{}
		x.Request = capture.Request{Method: "GET", Target: "/doc", Proto: "HTTP/1.1", Host: "www.example.com"}
		x.Response.Proto = "HTTP/1.1"
		x.Response.Header.Add("Date", s.now.Format("Mon, 02 Jan 2006 15:04:05 GMT"))
		held := false
		switch n := s.r.IntN(10); {
		case n < 5:
			held = s.read(x)
		case n < 8:
			held = s.write(x)
		case n < 9:
			held = s.create(x)
		default:
			s.remove(x)
		}
		s.xs, s.held = append(s.xs, x), append(s.held, held)
	}
}

func (s *mintingServer) change() {
	s.last++
	s.revision, s.content, s.modified, s.stored = s.last, s.last, s.now, nil
	if s.fault == "A-B-A" && s.last > 2 && s.r.IntN(2) == 0 {
		s.content = s.last - 2
	}
}

// show sets the validators of the response, and notes what they stand for.
func (s *mintingServer) show(x *capture.Exchange, tag string) {
	x.Response.Header.Add("ETag", tag)
	if !slices.Contains(s.shown[tag], s.revision) {
		s.shown[tag] = append(s.shown[tag], s.revision)
	}
	s.known = append(s.known, tag)
}

// some is a tag that the server has sent, mostly of late.
func (s *mintingServer) some() string {
	if len(s.known) == 0 {
		return `"5f3759df5f3759df5f3759df5f3759df"`
	}
	if s.r.IntN(3) > 0 {
		return s.known[len(s.known)-1]
	}
	return pick(s.r, s.known...)
}

func (s *mintingServer) body(x *capture.Exchange, status int, text string) {
	x.Response.Status = status
	x.Response.Header.Add("Content-Length", fmt.Sprint(len(text)))
	x.Response.Content = capture.Content{Data: []byte(text), Len: int64(len(text))}
}

func (s *mintingServer) read(x *capture.Exchange) (held bool) {
	gzip := s.fault == "gzip suffix" && s.r.IntN(2) == 0
	if gzip {
		x.Request.Header.Add("Accept-Encoding", "gzip")
	}
	switch n := s.r.IntN(6); {
	case s.revision == 0:
		s.body(x, 404, "nothing")
	case s.stored != nil && n < 3:
		x.Response = *s.stored
	case n == 0:
		sent := s.some()
		x.Request.Header.Add("If-None-Match", sent)
		if tag := s.tag(gzip); tag == sent {
			x.Response.Status = 304
			x.Response.Header.Add("ETag", tag)
			return false
		}
		s.whole(x, gzip)
	case n == 1 && s.fault == "cached 412":
		sent, tag := s.some(), s.tag(false)
		x.Request.Header.Add("If-Match", sent)
		if sent == tag {
			s.whole(x, false)
			return false
		}
		s.body(x, 412, "no")
		stored := x.Response
		stored.Header = capture.Header{}
		stored.Header.Add("Age", "7")
		stored.Header.Add("X-Cache", "HIT")
		s.stored = &stored
	case n == 2 && s.fault == "tags of parts":
		x.Request.Header.Add("Range", "bytes=0-4")
		s.body(x, 206, s.text()[:5])
		x.Response.Header.Add("Content-Range", fmt.Sprintf("bytes 0-4/%d", len(s.text())))
		s.show(x, fmt.Sprintf(`"%x"`, md5.Sum([]byte("part"+s.text()))))
	default:
		s.whole(x, gzip)
	}
	return false
}

func (s *mintingServer) whole(x *capture.Exchange, gzip bool) {
	s.show(x, s.tag(gzip))
	x.Response.Header.Add("Vary", "Accept-Encoding")
	if gzip {
		x.Response.Status = 200
		x.Response.Header.Add("Content-Encoding", "gzip")
		return
	}
	s.body(x, 200, s.text())
}

func (s *mintingServer) sent(x *capture.Exchange, method string) {
	x.Request.Method = method
	text := fmt.Sprintf("content %04d %s", s.last+1, strings.Repeat("x", 20))
	x.Request.Content = capture.Content{Data: []byte(text), Len: int64(len(text))}
}

func (s *mintingServer) write(x *capture.Exchange) (held bool) {
	s.sent(x, "PUT")
	sent := s.some()
	x.Request.Header.Add("If-Match", sent)
	tag := ""
	if s.revision != 0 {
		tag = s.tag(false)
	}
	if tag == sent {
		s.change()
		if s.fault == "A-B-A" {
			text := s.text()
			x.Request.Content = capture.Content{Data: []byte(text), Len: int64(len(text))}
		}
		x.Response.Status = 204
		s.show(x, s.tag(false))
		return false
	}
	s.body(x, 412, "no")
	held = s.revision != 0 && slices.Contains(s.shown[sent], s.revision)
	if tag != "" && s.r.IntN(3) > 0 {
		s.show(x, tag)
	}
	return held
}

func (s *mintingServer) create(x *capture.Exchange) (held bool) {
	s.sent(x, "PUT")
	x.Request.Header.Add("If-None-Match", "*")
	late := s.fault == "deletes seen late" && s.revision == 0 && s.now.Sub(s.deleted) < 10*time.Minute
	if s.revision != 0 || late {
		s.body(x, 412, "no")
		return late
	}
	s.change()
	x.Response.Status = 201
	s.show(x, s.tag(false))
	return false
}

func (s *mintingServer) remove(x *capture.Exchange) {
	x.Request.Method = "DELETE"
	if x.Response.Status = 204; s.revision == 0 {
		x.Response.Status = 404
	}
	s.revision, s.stored = 0, nil
	s.deleted = s.now
}

// collides reports whether two responses have one tag and two contents, so that whoever looks must see it.
func (s *mintingServer) collides() bool {
	contents := map[string]string{}
	for _, x := range s.xs {
		tag, text := x.Response.Header.Get("ETag"), string(x.Response.Content.Data)
		if x.Request.Method != "GET" || x.Response.Status != 200 || tag == "" || text == "" {
			continue
		}
		if before, known := contents[tag]; known && before != text {
			return true
		}
		contents[tag] = text
	}
	return false
}

// judge returns whether the fault is found, and what is certain and not so.
func (s *mintingServer) judge(r *Report, rules []string) (found bool, wrong string) {
	for _, f := range r.Findings {
		named := slices.Contains(rules, f.Rule.ID)
		found = found || named && f.Confidence >= Likely
		blamed := f.Rule.Level > Info && blames(f.Rule)
		if f.Confidence == Certain && !named && (blamed || s.held[f.Exchange] && f.Rule.Level <= Info) {
			wrong = fmt.Sprintf("certain %s (exchange %d): %s\n%s", f.Rule.ID, f.Exchange+1, f.Says,
				describeAll(s.xs[max(0, f.Exchange-4):f.Exchange+1]))
		}
	}
	return found, wrong
}

// TestWrongTags: nothing certain contradicts what truly happened at a server that makes its tags wrongly, keeps refusals or sees
// deletions late; and the fault is found in most histories that show it.
func TestWrongTags(t *testing.T) {
	for _, w := range mintingFaults {
		found, collide := 0, 0
		for seed := range uint64(20) {
			s := &mintingServer{fault: w.fault, r: rand.New(rand.NewPCG(seed, 412))}
			s.history()
			hit, wrong := s.judge(Exchanges(s.xs), w.rules)
			if wrong != "" {
				t.Errorf("%s, seed %d: %s", w.fault, seed, wrong)
			}
			for how, tell := range told {
				if seed >= 4 {
					break
				}
				var text strings.Builder
				for _, x := range s.xs {
					tell(&text, x)
				}
				xs, err := capture.Read(strings.NewReader(text.String()), "x", capture.Options{})
				if err != nil || len(xs) != len(s.xs) {
					t.Fatalf("%s, seed %d: %s has %d exchanges, %v", w.fault, seed, how, len(xs), err)
				}
				if _, wrong := s.judge(Exchanges(xs), w.rules); wrong != "" {
					t.Errorf("%s, seed %d, %s: %s", w.fault, seed, how, wrong)
				}
			}
			if hit {
				found++
			}
			if s.collides() {
				collide++
			}
		}
		if least := max(w.least, collide); found < least {
			t.Errorf("%s is found in %d of 20 histories, and should be in %d", w.fault, found, least)
		}
		t.Logf("%-20s found in %d of 20 histories", w.fault, found)
	}
}
