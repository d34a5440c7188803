package accesslog

import (
	"context"
	"errors"
	"iter"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

const (
	// chunkSize is how much is read at once, and minChunk if many files are open.
	chunkSize = 1 << 20
	minChunk  = 64 << 10
	// budget is for the chunks of all open files, until there is only minChunk for each.
	budget = 64 << 20
	// maxOpen is how many files are merged at a time. If more overlap, the entries of
	// those that begin last come late.
	maxOpen = 128
)

// A Reader reads the entries of files. Its methods must be called from one goroutine.
type Reader struct {
	o       Options
	files   []*File
	pending []*source // in the order of their first entries
	total   int64
	read    atomic.Int64
	started bool
	err     error
	stats   Stats

	jobs    chan job
	free    chan *batch
	buffers chan []byte
	wait    sync.WaitGroup
}

// A job is a batch to parse.
type job struct {
	batch *batch
	w3c   *w3cDialect
}

// Open finds the files and their formats. A path is that of a file, of a directory whose files and
// those of the directories below are meant, "-" for standard input, or a pattern as in path.Match.
// A file that is given twice is read once.
//
// A file that a pattern matched or that was found in a directory, and that cannot be read, or is no
// log, is left out: its File.Err says why. If a path names such a file, if a pattern matches
// nothing, or if nothing remains, Open fails with all that was wrong; errors.Is tells ErrNotALog
// and fs.ErrNotExist. Files without any line are good.
func Open(paths []string, o Options) (*Reader, error) {
	if o.Workers <= 0 {
		o.Workers = runtime.GOMAXPROCS(0)
	}
	names, fromPattern, err := expand(paths)
	r := &Reader{o: o}
	for _, s := range r.look(names) {
		f := s.file
		r.files = append(r.files, f)
		switch {
		case f.err == nil && s.dialect != nil:
			r.pending = append(r.pending, s)
			r.total += f.size
		case f.err != nil && !fromPattern[f.name]:
			err = errors.Join(err, f.err)
		}
	}
	if err == nil && len(r.pending) == 0 {
		for _, f := range r.files {
			err = errors.Join(err, f.err)
		}
	}
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, errors.New("no log files given")
	}
	r.nameSites()
	if o.Follow {
		if err := r.followNewest(); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(r.pending, func(a, b *source) int { return cmpTime(a.first, b.first) })
	r.stats.Files = r.files
	return r, nil
}

// nameSites gives each file its site, if there are several.
func (r *Reader) nameSites() {
	sites := map[string]bool{}
	for _, s := range r.pending {
		sites[siteOf(s.file.name)] = true
	}
	if delete(sites, ""); len(sites) < 2 {
		return
	}
	for _, s := range r.pending {
		s.file.site = siteOf(s.file.name)
	}
}

func cmpTime(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// look looks at all files, several at a time.
func (r *Reader) look(names []string) []*source {
	sources := make([]*source, len(names))
	var next atomic.Int64
	var wait sync.WaitGroup
	for range r.o.Workers {
		wait.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				sources[i] = newSource(names[i], &r.o)
			}
		})
	}
	wait.Wait()
	return sources
}

// Files returns the files, in the order given, with those that are not read.
func (r *Reader) Files() []*File { return r.files }

// Stats returns the totals so far. They are complete when Entries has ended.
func (r *Reader) Stats() Stats {
	s := r.stats
	s.Status, s.Method = map[int]int64{}, map[string]int64{}
	for _, f := range r.files {
		s.Totals.add(&f.totals)
	}
	return s
}

// Err is why Entries ended early or left something out: the error of the context, and
// those of files that could not be read to their end. What was read before them has
// been yielded. It is nil if all was read.
func (r *Reader) Err() error { return r.err }

// Entries yields the entries that pass Options.Filter and Options.Each: those of one
// file in its order, those of several merged by time. A file is in the order of time
// only more or less, so of each the next 1024 entries are looked at (at most 4 MiB of
// lines). It may be called once.
//
// The loop may be left at any time. When it ends, so have all goroutines, but for one
// that waits for a pipe to say more.
func (r *Reader) Entries(ctx context.Context) iter.Seq[*Entry] {
	return func(yield func(*Entry) bool) {
		if r.started {
			r.err = errors.Join(r.err, errors.New("the entries have been read before"))
			return
		}
		r.started = true
		ctx, cancel := context.WithCancel(ctx)
		defer r.wait.Wait()
		defer cancel()
		r.start(ctx)
		m := merger{r: r, ctx: ctx, yield: yield}
		m.run()
		if err := context.Cause(ctx); err != nil && !m.left {
			r.err = errors.Join(r.err, err)
		}
	}
}

// start starts the workers.
func (r *Reader) start(ctx context.Context) {
	r.jobs = make(chan job)
	r.free = make(chan *batch, 64)
	r.buffers = make(chan []byte, 64)
	for worker := range r.o.Workers {
		r.wait.Go(func() { r.work(ctx, newParser(worker, &r.o)) })
	}
}

func (r *Reader) work(ctx context.Context, p *parser) {
	for {
		select {
		case j := <-r.jobs:
			p.parse(j.batch, j.w3c)
			if !j.batch.dense {
				r.releaseBuffer(&j.batch.chunk)
			}
			j.batch.ready <- struct{}{}
		case <-ctx.Done():
			return
		}
	}
}

// takeBatch returns an empty batch.
func (r *Reader) takeBatch() *batch {
	select {
	case b := <-r.free:
		*b = batch{records: b.records[:0], spans: b.spans[:0], ready: b.ready}
		return b
	default:
		return &batch{ready: make(chan struct{}, 1)}
	}
}

// release gives back a batch of which nothing is needed any more.
func (r *Reader) release(b *batch) {
	r.releaseBuffer(&b.chunk)
	select {
	case r.free <- b:
	default:
	}
}

// releaseBuffer gives back the memory of a chunk.
func (r *Reader) releaseBuffer(c *chunk) {
	if c.buffer == nil {
		return
	}
	if poison {
		fill := c.buffer[:cap(c.buffer)]
		for i := range fill {
			fill[i] = '!'
		}
	}
	select {
	case r.buffers <- c.buffer:
	default:
	}
	c.buffer, c.text = nil, nil
}

// poison makes memory that is given back unreadable, so that tests find who still reads
// it.
var poison = false

// takeBuffer returns memory for size bytes.
func (r *Reader) takeBuffer(size int) []byte {
	select {
	case b := <-r.buffers:
		if cap(b) >= size && cap(b) <= maxLine+1 {
			return b[:0:size]
		}
	default:
	}
	return make([]byte, 0, size)
}
