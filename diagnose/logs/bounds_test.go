package logs

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/accesslog/accesslogtest"
)

func TestFrequentIsExactWhileThereIsRoom(t *testing.T) {
	f := newFrequent(64)
	for i := range 64 {
		name := strconv.Itoa(i)
		f.add(hash(name), name, int64(i+1), int32(i))
	}
	top := f.top(2)
	want := []Count{{"63", 64, 63}, {"62", 63, 62}}
	if !slices.Equal(top, want) || f.lost != 0 {
		t.Errorf("got %v, lost %d; want %v, 0", top, f.lost, want)
	}
}

// TestFrequentKeepsItsBound counts more names than there is room for, in two halves, and compares with what
// is right.
func TestFrequentKeepsItsBound(t *testing.T) {
	random := rand.New(rand.NewPCG(4, 12))
	halves := []*frequent{newFrequent(256), newFrequent(256)}
	right, total := map[string]int64{}, int64(0)
	for range 200_000 {
		name := strconv.Itoa(int(random.ExpFloat64() * 40))
		if random.IntN(3) == 0 {
			name = "rare" + strconv.Itoa(random.IntN(100_000))
		}
		halves[random.IntN(2)].add(hash(name), name, 1, 0)
		right[name]++
		total++
	}
	f := halves[0]
	f.merge(halves[1])
	if f.lost == 0 || f.lost > total/100 {
		t.Errorf("lost %d of %d", f.lost, total)
	}
	if n := len(f.names) - len(f.unused); n > 256 {
		t.Errorf("%d names are kept", n)
	}
	kept := map[string]int64{}
	for _, c := range f.top(1000) {
		kept[c.Name] = c.Count
	}
	for name, n := range right {
		if got := kept[name]; got > n || got < n-f.lost {
			t.Errorf("%s: got %d, want %d, or less by at most %d", name, got, n, f.lost)
		}
	}
}

// TestFrequentSurvivesHostileNames gives all names the same place in the table.
func TestFrequentSurvivesHostileNames(t *testing.T) {
	f := newFrequent(256)
	for i := range uint64(10_000) {
		f.add(i<<32, "x", 1, 0)
	}
	if f.lost != 10_000-maxProbes {
		t.Errorf("lost %d", f.lost)
	}
}

// TestSampledDoesNotDependOnOrder puts the same keys into one sample, and in another order into three that are
// joined.
func TestSampledDoesNotDependOnOrder(t *testing.T) {
	type value struct{ n int }
	keys := make([]uint64, 5000)
	for i := range keys {
		keys[i] = hash(strconv.Itoa(i % 3000))
	}
	add := func(s *sampled[value], key uint64) {
		if !s.sees(key) {
			return
		}
		if v, _ := s.at(key); v != nil {
			v.n++
		}
	}
	one := newSampled[value](100)
	for _, key := range keys {
		add(one, key)
	}
	three := []*sampled[value]{newSampled[value](100), newSampled[value](100), newSampled[value](100)}
	for i, n := range rand.Perm(len(keys)) {
		add(three[i%3], keys[n])
	}
	s := three[0]
	s.merge(three[1], func(into, from *value) { into.n += from.n })
	s.merge(three[2], func(into, from *value) { into.n += from.n })
	if len(one.values) > 100 || len(one.values) < 30 || s.level != one.level || len(s.values) != len(one.values) {
		t.Fatalf("%d and %d keys, levels %d and %d", len(one.values), len(s.values), one.level, s.level)
	}
	for key, v := range one.values {
		if w := s.values[key]; w == nil || *w != *v {
			t.Errorf("%x: %v and %v", key, v, w)
		}
	}
	if estimate := int64(len(one.values)) * one.scale(); estimate < 2000 || estimate > 4500 {
		t.Errorf("3000 keys are estimated as %d", estimate)
	}
}

func TestTimelineWidens(t *testing.T) {
	start := time.Date(1969, 12, 31, 23, 0, 0, 0, time.UTC).Unix() // across the zero
	var halves [2]*timeline
	for i := range halves {
		halves[i] = newTimeline()
	}
	const step, n = 37, 40_000
	for i := range int64(n) {
		halves[i%2].at((start+i*step)*int64(time.Second)).requests++
	}
	halves[0].merge(halves[1])
	tl := halves[0].report(120)
	var sum int64
	last := time.Time{}
	for _, p := range tl.Parts {
		sum += p.Requests
		if !p.Start.After(last) && !last.IsZero() || p.Start.UnixNano()%int64(tl.Width) != 0 {
			t.Errorf("part %v after %v, of width %v", p.Start, last, tl.Width)
		}
		last = p.Start
	}
	if sum != n || len(tl.Parts) > 120 || len(tl.Parts) < 10 {
		t.Errorf("%d of %d requests in %d parts", sum, n, len(tl.Parts))
	}
}

func TestHistoryForgetsTheOldest(t *testing.T) {
	h := newHistory()
	for i := range maxWrites + 10 {
		h.add(write{target: uint64(i % 1000), at: int64(i)})
	}
	n, last := 0, int64(maxWrites+10)
	for w := range h.of(3) {
		if w.target != 3 || w.at >= last {
			t.Fatalf("write %+v after %d", w, last)
		}
		n, last = n+1, w.at
	}
	if n != maxLook {
		t.Errorf("%d writes", n)
	}
	h.add(write{target: 5000})
	for i := range maxWrites {
		h.add(write{target: uint64(6000 + i)})
	}
	for range h.of(5000) {
		t.Error("a write that was overwritten is still there")
	}
	if len(h.last) > maxWrites {
		t.Errorf("%d targets are remembered", len(h.last))
	}
}

// TestWorkersAgree reads a log with one worker and with several, and wants the same report.
func TestWorkersAgree(t *testing.T) {
	for _, format := range []string{"nginx", "iis-custom", "caddy"} {
		var log bytes.Buffer
		if err := accesslogtest.Write(&log, accesslogtest.Options{Format: format, Size: 8 << 20, URLs: 500, Clients: 50}); err != nil {
			t.Fatal(err)
		}
		var want string
		for _, workers := range []int{1, 4} {
			r, err := Analyse(context.Background(), []string{"-"},
				Options{Log: accesslog.Options{Workers: workers, Stdin: bytes.NewReader(log.Bytes())}})
			if err != nil {
				t.Fatal(err)
			}
			r.Causes = slices.DeleteFunc(r.Causes, func(c Cause) bool {
				return c.Rule.ID == "client-appends-200" || c.Rule.ID == "object-changed-mid-download" // see parts
			})
			b, err := json.MarshalIndent(r, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = string(b)
			} else if got := string(b); got != want {
				t.Errorf("%s: %s", format, firstDifference(got, want))
			}
		}
	}
}

func firstDifference(got, want string) string {
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range g {
		if i >= len(w) || g[i] != w[i] {
			return fmt.Sprintf("line %d: got %s, want %s", i, g[i], w[min(i, len(w)-1)])
		}
	}
	return "no difference"
}

// A flood is a log in which each line has another client and another URL, and every other line is a refused or
// an accepted write.
type flood struct {
	lines int
	next  int
	rest  []byte
}

func (f *flood) Read(p []byte) (int, error) {
	for len(f.rest) < len(p) && f.next < f.lines {
		i := f.next
		f.next++
		method, status := "GET", 200
		if i%2 == 1 {
			method, status = "PUT", []int{412, 204}[i/2%2]
		}
		at := time.Date(2026, 11, 3, 9, 0, i/1000, 0, time.UTC)
		f.rest = at.AppendFormat(append(f.rest, `{"time":"`...), time.RFC3339)
		f.rest = fmt.Appendf(f.rest, `","client":"10.%d.%d.%d","method":%q,"target":"/documents/%d/plan.docx?version=%d","status":"%d","content_sent":"4711","if_match":"","if_none_match":"","if_unmodified_since":"","etag":"\"6ae9a5ee-%x\"","node":"web%d"}`+"\n",
			i>>16&255, i>>8&255, i&255, method, i, i, status, i, i%3)
	}
	n := copy(p, f.rest)
	f.rest = f.rest[:copy(f.rest, f.rest[n:])]
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// TestMemoryIsBounded reads a log with a million clients and URLs, half of the requests writes, and looks at
// the memory in use while that goes on.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 200 MB")
	}
	const lines, most = floodLines, 160 << 20
	peak := atomic.Uint64{}
	o := Options{Log: accesslog.Options{Workers: 2, Stdin: &flood{lines: lines}, Progress: func(int64, int64) {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		peak.Store(max(peak.Load(), m.HeapInuse+m.StackInuse))
	}}}
	r := analyse(t, o, "-")
	if r.Totals.Requests != lines || r.Refused.Count != lines/4 || r.Bounds.Paths == 0 || r.Bounds.Repeated == 1 || r.Bounds.Tags == 1 {
		t.Errorf("%d requests, %d refused, bounds %+v", r.Totals.Requests, r.Refused.Count, r.Bounds)
	}
	if r.Bounds.Paths > lines/4096+2 || r.Bounds.Clients > lines/4096+2 {
		t.Errorf("a count may be too low by %d or %d", r.Bounds.Paths, r.Bounds.Clients)
	}
	if peak.Load() > most {
		t.Errorf("%d MiB were in use at a time, more than %d", peak.Load()>>20, most>>20)
	}
	t.Logf("%d MiB were in use at a time; %+v", peak.Load()>>20, r.Bounds)
}

// BenchmarkAnalyse analyses a log that is in memory.
func BenchmarkAnalyse(b *testing.B) {
	for _, format := range []string{"nginx", "iis", "iis-custom", "caddy"} {
		b.Run(format, func(b *testing.B) {
			var log bytes.Buffer
			if err := accesslogtest.Write(&log, accesslogtest.Options{Format: format, Size: 64 << 20}); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.SetBytes(int64(log.Len()))
			for b.Loop() {
				if _, err := Analyse(context.Background(), []string{"-"},
					Options{Log: accesslog.Options{Stdin: bytes.NewReader(log.Bytes())}}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// FuzzAnalyse reads anything as a log of JSON objects, and adds up what is said of it.
func FuzzAnalyse(f *testing.F) {
	for _, seed := range []string{
		`{"time":"2026-11-03T09:15:40Z","client":"::1","method":"PUT","target":"/a","status":"412","if_match":"W/\"a\", b","etag":"\"a-gzip\""}`,
		`{"client":"::1","method":"GET","target":"/a","status":"206","range":"bytes=1-","if_range":"\"a\"","etag":"\"b\"","content_range":"bytes 0-1/2"}`,
		`{"time":"2026-11-03T09:15:40Z","client":"::1","method":"MOVE","target":"/a","status":"201","destination":"http://[::1/%zz","overwrite":"F","if":"(<x>)","request_id":"1"}`,
		`{"time":"2026-11-03T09:15:40Z","client":"::1","user":"u","method":"PUT","target":"/a","status":"204","if_match":"\"a\"","etag":"\"b\"","node":"1","duration_s":"0.1"}
{"time":"2026-11-03T09:15:50Z","client":"::1","user":"u","method":"GET","target":"/a","status":"200","etag":"\"a\"","node":"2","age":"60","cache":"HIT","duration_s":"0.1"}
{"time":"2026-11-03T09:16:40Z","client":"::1","user":"u","method":"PUT","target":"/a","status":"412","if_match":"\"a\"","etag":"\"b\"","node":"1"}`,
		`{"client":"::1","method":"GET","target":"/a","status":"304","if_none_match":"\"a\"","etag":"\"a\"","cache":"MISS","upstream_status":"200"}`,
		`{"client":"::1","method":"GET","target":"/a?x#y","status":"304","if_none_match":"\"a\"","if_modified_since":"now","etag":"\"b\"","upstream_etag":"\"b\"","last_modified":"x"}`,
	} {
		f.Add([]byte(seed + "\n" + seed))
	}
	format, err := accesslog.ParseFormat("json:time,client,user,method,target,status,if_match,if_none_match,if_modified_since,if_unmodified_since,if_range,range,if,overwrite,destination,etag,last_modified,content_encoding,content_range,content_sent,content_length,node,upstream,upstream_etag,request_id,waf,user_agent,reason,cache,age,upstream_status,duration_s")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		r, err := Analyse(context.Background(), []string{"-"},
			Options{Log: accesslog.Options{Format: format, Workers: 1, Stdin: bytes.NewReader(log)}})
		if err != nil {
			return
		}
		if _, err := json.Marshal(r); err != nil {
			t.Fatal(err)
		}
		var refusals int64
		for _, c := range r.Causes {
			refusals += c.Refusals
			if c.Count < c.Refusals || len(c.Samples) == 0 || c.Says == "" {
				t.Errorf("%+v", c)
			}
		}
		if refusals != r.Refused.Count || r.Refused.Count > r.Totals.Requests {
			t.Errorf("%d refusals in causes, %d in all, %d requests", refusals, r.Refused.Count, r.Totals.Requests)
		}
	})
}
