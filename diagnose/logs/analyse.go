package logs

import (
	"cmp"
	"context"
	"maps"
	"runtime"
	"slices"
	"strconv"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// Options are the choices of Analyse. The zero Options reads everything.
type Options struct {
	// Log is how the files are read and what of them counts. Each is set by Analyse.
	Log accesslog.Options
	// Status, unless empty, has the status codes of the requests that are counted and judged. Others are
	// still looked at as what came before, unlike with Log.Filter.Status: a 412 cannot be explained without
	// the writes that were accepted.
	Status accesslog.StatusSet
	// Live, if not nil, is called for each 412 in what is written to a file while it is followed (Log.Follow), from one goroutine.
	Live func(Refusal)
	// Top is how long the lists of paths, clients and the like are; 0 is 10.
	Top int
	// Parts is how many parts the timeline has at most; 0 is 120.
	Parts int
}

// Analyse reads access logs, see accesslog.Open for what paths may be, and says what is wrong. If some of
// the files cannot be read to their end, there is a report of what was read beside the error; there is none
// if accesslog.Open fails, or when ctx is done.
func Analyse(ctx context.Context, paths []string, o Options) (*Report, error) {
	if o.Log.Workers <= 0 {
		o.Log.Workers = runtime.GOMAXPROCS(0)
	}
	workers := make([]*worker, o.Log.Workers)
	for i := range workers {
		workers[i] = newWorker(&o.Status)
	}
	o.Log.Each = func(i int, e *accesslog.Entry) bool { return workers[i].each(e) }
	r, err := accesslog.Open(paths, o.Log)
	if err != nil {
		return nil, err
	}
	if len(r.Files()) > 1 {
		for _, w := range workers {
			w.joined = newSampled[joined](maxJoined)
		}
	}
	a := newAnalyst(workers, &o.Status)
	a.live = o.Live
	for e := range r.Entries(ctx) {
		a.see(e)
	}
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	w := workers[0]
	for _, v := range workers[1:] {
		w.merge(v)
	}
	return report(w, a, r.Stats(), &o), r.Err()
}

// report puts together what was found.
func report(w *worker, a *analyst, stats accesslog.Stats, o *Options) *Report {
	top := cmp.Or(o.Top, 10)
	if !o.Status.Empty() {
		maps.DeleteFunc(stats.Status, func(code int, _ int64) bool { return !o.Status.Has(code) })
		stats.Method = w.methods
	}
	splits := w.judgeTags(a.history)
	w.judgeJoined()
	a.finish(w)
	w.found.merge(a.found)
	w.times.merge(a.times)
	rep := &Report{
		Totals: Totals{
			Requests: w.requests, Bytes: w.bytes, Paths: w.paths.top(top), Clients: w.clients.top(top),
			Nodes: w.nodes.list(), Status: statusCounts(stats.Status), Method: methodCounts(stats.Method, a.methods),
		},
		Refused: Refused{
			Count: a.count, Paths: a.paths.top(top), Clients: a.clients.top(top), Nodes: a.nodes.list(), Method: methodCounts(a.methods, a.methods),
		},
		Causes: w.found.causes(), Timeline: w.times.report(cmp.Or(o.Parts, 120)), Splits: nonNil(splits[:min(len(splits), top)]),
		Storms: nonNil(a.storms[:min(len(a.storms), top)]), Health: w.healthReport(top),
		Hits: w.hits.report(top), Files: files(stats.Files), Advice: advice(stats.Files),
	}
	if w.timed {
		rep.Totals.First, rep.Totals.Last = instant(w.first), instant(w.last)
	}
	rep.Bounds = Bounds{
		Paths: w.paths.lost, Clients: w.clients.lost, RefusedPaths: a.paths.lost, RefusedClients: a.clients.lost,
		Repeated: w.repeats.scale(), Tags: w.tags.scale(), Reads: w.reads.scale(), Joined: w.joinedScale(),
		Writes: min(a.history.next-1, maxWrites), Unordered: stats.Unordered,
	}
	if slices.ContainsFunc(stats.Files, (*accesslog.File).Guessed) {
		rep.doubt(func(Cause) bool { return true })
	}
	if slices.ContainsFunc(rep.Causes, func(c Cause) bool { return c.Rule.ID == "strong-compare-accepts-weak" }) {
		// A server that takes weak tags has refused others for another reason.
		rep.doubt(func(c Cause) bool { return c.Rule.ID == "weak-etag-in-if-match" })
	}
	rep.hide()
	return rep
}

// doubt takes back that some causes are certain, as they rest on what was guessed or is contradicted.
func (r *Report) doubt(which func(Cause) bool) {
	for i := range r.Causes {
		c := &r.Causes[i]
		if !which(*c) {
			continue
		}
		if n, ok := c.ByConfidence[certain]; ok {
			delete(c.ByConfidence, certain)
			c.ByConfidence[likely] += n
		}
		c.Confidence = min(c.Confidence, likely)
	}
}

// nonNil makes JSON show an empty list.
func nonNil[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func statusCounts(counts map[int]int64) []Count {
	list := []Count{}
	for _, code := range slices.Sorted(maps.Keys(counts)) {
		c := Count{Name: strconv.Itoa(code), Count: counts[code]}
		if code == 0 {
			c.Name = "none"
		}
		if code == 412 {
			c.Refused = c.Count
		}
		list = append(list, c)
	}
	return mostFrequent(list, len(list))
}

func methodCounts(counts, refused map[string]int64) []Count {
	list := []Count{}
	for name, n := range counts {
		list = append(list, Count{Name: cmp.Or(name, "none"), Count: n, Refused: refused[name]})
	}
	return mostFrequent(list, len(list))
}

// healthReport adds what the sample of responses shows.
func (w *worker) healthReport(top int) Health {
	h := w.health
	h.ByTag = !w.untagged
	waste := map[string]*Waste{}
	scale := w.repeats.scale()
	for _, r := range w.repeats.values {
		if r.count < 2 {
			continue
		}
		n := (r.count - 1) * scale
		h.Repeated += n
		h.RepeatedBytes += n * r.size
		if waste[r.path] == nil {
			waste[r.path] = &Waste{Path: r.path}
		}
		waste[r.path].Count += n
		waste[r.path].Bytes += n * r.size
	}
	h.Paths = []Waste{}
	for _, s := range waste {
		h.Paths = append(h.Paths, *s)
	}
	slices.SortFunc(h.Paths, func(a, b Waste) int { return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), cmp.Compare(a.Path, b.Path)) })
	h.Paths = h.Paths[:min(len(h.Paths), top)]
	return h
}

func files(list []*accesslog.File) []File {
	out := []File{}
	for _, f := range list {
		t := f.Totals()
		r := File{
			Name: f.Name(), Format: f.Format().String(), Server: f.Format().Server(), Lines: t.Lines, Requests: t.Entries, Skipped: t.Filtered,
			Bad: t.Bad, Lost: t.Lost, Notes: f.Notes(),
		}
		for _, s := range t.Samples {
			r.BadLines = append(r.BadLines, Sample{File: f.Name(), Line: s.Line, Text: s.Text, Why: s.Why})
		}
		if t.Entries > 0 {
			for m := range f.Missing().All() {
				r.Missing = append(r.Missing, m.String())
			}
		}
		if f.Err() != nil {
			r.Error = f.Err().Error()
		}
		out = append(out, r)
	}
	return out
}

// advice is what the servers of all files have to log, each once.
func advice(list []*accesslog.File) []diagnose.Config {
	out := []diagnose.Config{}
	for _, f := range list {
		if f.Totals().Entries == 0 || f.Missing() == 0 {
			continue
		}
		for _, c := range config(f) {
			if !slices.Contains(out, c) {
				out = append(out, c)
			}
		}
	}
	return out
}
