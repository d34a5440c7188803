package logs

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// TestRightServerIsNotBlamed reads logs of two nodes and a cache that always agree, of clients that do as they
// like. Nothing but what clients do wrong may be found.
func TestRightServerIsNotBlamed(t *testing.T) {
	clients := []string{"retried-without-condition", "own-write-not-tracked", "client-loops-on-stale-etag", "retry-after-lost-response"}
	refusals := int64(0)
	for seed := range uint64(150) {
		f := &farm{r: rand.New(rand.NewPCG(seed, 412))}
		r := f.report(t)
		refusals += r.Refused.Count
		for _, c := range r.Causes {
			if c.Rule.Level >= diagnose.Warning && !slices.Contains(clients, c.Rule.ID) || c.Rule.ID == "cdn-miss-drops-conditional" {
				t.Fatalf("seed %d: %s %s: %s\n%v\n%s", seed, c.Confidence, c.Rule.ID, c.Says, c.Evidence, f.log.Bytes())
			}
		}
	}
	if refusals < 500 {
		t.Errorf("only %d refusals", refusals)
	}
}

// TestLateServerIsBlamed lets a node, or a cache, be behind the other. A refused client that got its tag from there
// is found, and no other.
func TestLateServerIsBlamed(t *testing.T) {
	for _, late := range []string{"node", "cache"} {
		found, right := int64(0), int64(0)
		for seed := range uint64(100) {
			f := &farm{r: rand.New(rand.NewPCG(seed, 412)), late: late}
			if c := f.report(t).cause("stale-etag-from-cache-or-replica"); c != nil {
				found += c.Count
				if c.Count > f.misled {
					t.Fatalf("%s, seed %d: found %d clients that were misled, and there are %d: %s\n%s", late, seed, c.Count, f.misled, c.Says,
						f.log.Bytes())
				}
			}
			right += f.misled
		}
		if found < right/4 || found == 0 {
			t.Errorf("%s: found %d of %d clients that were misled", late, found, right)
		}
		t.Logf("%s: found %d of %d", late, found, right)
	}
}

// A farm has one resource on two nodes, and a cache in front. It answers by the standard and without delay; if
// late is set, that part is minutes behind with what it gives to readers.
type farm struct {
	r      *rand.Rand
	late   string
	misled int64 // refusals of a tag that the client was given after it had been replaced

	log      bytes.Buffer
	now      time.Time
	made     int       // versions there ever were
	versions []version // the current one last
	clients  [3]farmClient
	// tagless servers answer writes without ETag; untimed ones do not log durations.
	tagless, untimed bool
}

// A version of the resource is current from some time on.
type version struct {
	content int
	from    time.Time
}

func (v version) tag() string { return fmt.Sprintf("%016x", 0x9e3779b97f4a7c15*uint64(v.content+1)) }

// A farmClient has the tag it sends in If-Match, and those it was given too late.
type farmClient struct {
	tag  string
	late []string
}

// report has the farm used for a while, and reads the log.
func (f *farm) report(t *testing.T) *Report {
	t.Helper()
	f.now = time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	f.versions = []version{{0, f.now.Add(-time.Hour)}}
	f.tagless, f.untimed = f.r.IntN(3) == 0, f.r.IntN(2) == 0
	for range 60 {
		f.now = f.now.Add(time.Duration(1+f.r.IntN(90)) * time.Second)
		if c := f.r.IntN(len(f.clients)); f.r.IntN(5) < 3 {
			f.read(c)
		} else {
			f.write(c)
		}
	}
	r, err := Analyse(context.Background(), []string{"-"}, Options{Log: accesslog.Options{Workers: 1, Stdin: bytes.NewReader(f.log.Bytes())}})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// at is the version that was current at some time.
func (f *farm) at(when time.Time) version {
	for _, v := range slices.Backward(f.versions) {
		if !v.from.After(when) {
			return v
		}
	}
	return f.versions[0]
}

func (f *farm) current() version { return f.versions[len(f.versions)-1] }

// read answers a GET. Some take their time, and send what was current when they began.
func (f *farm) read(c int) {
	took := time.Duration(f.r.IntN(3000)) * time.Millisecond
	if f.r.IntN(4) == 0 {
		took = time.Duration(f.r.IntN(25_000)) * time.Millisecond
	}
	began := f.now.Add(-took)
	seen, node, extra := began, f.r.IntN(2), ""
	hit := f.r.IntN(3) == 0
	if f.late == "node" && node == 1 && !hit || f.late == "cache" && hit {
		seen = began.Add(-time.Duration(60+f.r.IntN(240)) * time.Second)
	}
	v := f.at(seen)
	if hit {
		extra = `,"cache":"HIT"`
		if f.r.IntN(2) == 0 {
			extra += fmt.Sprintf(`,"age":"%d"`, int(began.Sub(v.from).Seconds())/2)
		}
	} else {
		extra = fmt.Sprintf(`,"upstream":"10.0.0.%d:8080"`, node+1)
	}
	me, status, known := &f.clients[c], 200, ""
	if me.tag != "" && f.r.IntN(2) == 0 {
		if known = me.tag; me.tag == v.tag() {
			status = 304
		}
	}
	me.tag = v.tag()
	if v != f.at(began) {
		me.late = append(me.late, v.tag())
	}
	f.line(c, "GET", status, `"if_match":"",`+quoted("if_none_match", known), v.tag(), took, extra)
}

// write answers a PUT, mostly with If-Match.
func (f *farm) write(c int) {
	me, named := &f.clients[c], ""
	switch n := f.r.IntN(10); {
	case n < 7:
		named = me.tag
	case n < 9:
		named = version{content: f.r.IntN(f.made + 1)}.tag()
	}
	status, tag := 204, f.current().tag()
	if named != "" && named != tag {
		status = 412
		if slices.Contains(me.late, named) {
			f.misled++
		}
	} else {
		content := f.r.IntN(f.made + 1) // what it was before, or is
		if f.r.IntN(4) > 0 || f.tagless && content == f.current().content {
			f.made++
			content = f.made
		}
		f.versions = append(f.versions, version{content, f.now})
		tag = f.current().tag()
		if f.r.IntN(4) > 0 {
			me.tag = tag
		}
		if f.tagless {
			tag = ""
		}
	}
	f.line(c, "PUT", status, quoted("if_match", named)+`,"if_none_match":""`, tag, 20*time.Millisecond,
		fmt.Sprintf(`,"upstream":"10.0.0.%d:8080"`, 1+f.r.IntN(2)))
}

func quoted(name, tag string) string {
	if tag != "" {
		tag = `\"` + tag + `\"`
	}
	return fmt.Sprintf(`"%s":"%s"`, name, tag)
}

func (f *farm) line(c int, method string, status int, conditions, tag string, took time.Duration, extra string) {
	if !f.untimed {
		extra += fmt.Sprintf(`,"duration_s":"%.3f"`, took.Seconds())
	}
	fmt.Fprintf(&f.log, `{"time":"%s","client":"192.0.2.%d","user":"user%d","method":"%s","target":"/plan","status":"%d",%s,"if_modified_since":"","if_unmodified_since":"","if_range":"","range":"","if":"",%s%s}`+"\n",
		f.now.Format(time.RFC3339), c+1, c+1, method, status, conditions, quoted("etag", tag), extra)
}
