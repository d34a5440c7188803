package accesslog

import (
	"container/heap"
	"context"
	"errors"
	"fmt"
)

const (
	// lookAhead is how many entries of a file are looked at to find the earliest, and
	// lookAheadBytes the size of their lines.
	lookAhead      = 1024
	lookAheadBytes = 4 << 20
	// growth is how much more a compressed file may hold than its size, if buffers
	// are made to fit it.
	growth = 16
)

// A stream is a file that is being read.
type stream struct {
	source *source
	index  int         // order among entries of the same time
	queue  chan *batch // in the order of the file; closed at its end
	err    error       // why the file ended, once queue is closed
	size   int         // of its chunks

	at      int64 // of the last entry that was taken from a batch
	batch   *batch
	next    int
	waiting []waiter // by time; the file's order among equal times
	bytes   int      // of the lines of waiting
	done    bool
}

// A waiter is an entry that has been read and waits for its turn.
type waiter struct {
	at     int64
	batch  *batch
	record int
}

// A merger yields the entries of all files of a Reader.
type merger struct {
	r       *Reader
	ctx     context.Context
	yield   func(*Entry) bool
	left    bool // the caller has left the loop
	streams streamHeap
	opened  int
	used    int // of the budget
	last    int64
	entry   Entry
}

func (m *merger) run() {
	if len(m.r.pending) == 1 && m.r.pending[0].dialect.format.name != "s3" {
		m.inOrder(m.open(m.r.pending[0]))
		return
	}
	for m.ctx.Err() == nil && m.openDue() {
		s := m.streams[0]
		w := s.waiting[0]
		w.batch.entry(&m.entry, w.record)
		if w.at < m.last {
			m.r.stats.Unordered++
		}
		m.last = max(m.last, w.at)
		if m.left = !m.yield(&m.entry); m.left {
			return
		}
		m.drop(s)
		if m.lookAhead(s); len(s.waiting) > 0 {
			heap.Fix(&m.streams, 0)
		} else {
			heap.Pop(&m.streams)
			m.used -= s.size
		}
	}
}

// inOrder yields the entries of the only file.
func (m *merger) inOrder(s *stream) {
	for b := m.nextBatch(s); b != nil; b = m.nextBatch(s) {
		for i := range b.records {
			b.entry(&m.entry, i)
			if m.left = !m.yield(&m.entry); m.left {
				return
			}
		}
		m.r.release(b)
	}
}

// openDue opens the files that may have the next entry, and reports whether there is
// one. A few more are opened in advance, so that the workers have enough to do.
func (m *merger) openDue() bool {
	for len(m.r.pending) > 0 && m.ctx.Err() == nil {
		next := m.r.pending[0]
		open := len(m.streams)
		if open >= maxOpen || open > m.r.o.Workers && next.first > m.streams[0].waiting[0].at {
			break
		}
		m.r.pending = m.r.pending[1:]
		s := m.open(next)
		if m.lookAhead(s); len(s.waiting) > 0 {
			heap.Push(&m.streams, s)
		} else {
			m.used -= s.size
		}
	}
	return len(m.streams) > 0
}

// open starts to read a file.
func (m *merger) open(src *source) *stream {
	depth := m.r.o.Workers + 1
	size := min(max((budget-m.used)/2/(depth+2), minChunk), chunkSize)
	if size == minChunk {
		depth = 2
	}
	if packed := src.file.size; packed > 0 && packed < chunkSize/growth {
		size = min(size, max(int(packed)*growth, minChunk)) // many logs of S3 are tiny
	}
	if m.r.o.chunk > 0 {
		size = m.r.o.chunk
	}
	s := &stream{source: src, index: m.opened, queue: make(chan *batch, depth), size: size * (depth + 2)}
	m.opened++
	m.used += s.size
	read := func() {
		defer close(s.queue)
		s.err = m.r.readFile(m.ctx, src, size, s.queue)
	}
	if src.once {
		go read()
	} else {
		m.r.wait.Go(read)
	}
	return s
}

// readFile cuts a file into chunks and hands them to the workers and, in order, to queue.
func (r *Reader) readFile(ctx context.Context, src *source, size int, queue chan<- *batch) error {
	if src.follow != nil {
		src.follow.done = ctx.Done()
	}
	content, err := src.content(&r.read)
	if err != nil {
		return err
	}
	defer content.Close()
	c := newChunker(content, size, func() []byte { return r.takeBuffer(size) }, src.dialect)
	for {
		k, err := c.next()
		if err != nil {
			return c.ended()
		}
		b := r.takeBatch()
		b.chunk, b.file = k, src.file
		select {
		case queue <- b:
		case <-ctx.Done():
			return nil
		}
		select {
		case r.jobs <- job{b, src.dialect.w3c}:
		case <-ctx.Done():
			return nil
		}
	}
}

// nextBatch returns the next batch of a file, parsed and counted, or nil at its end.
func (m *merger) nextBatch(s *stream) *batch {
	var b *batch
	var more bool
	select {
	case b, more = <-s.queue:
	case <-m.ctx.Done():
		return nil
	}
	if !more {
		if s.err != nil {
			m.r.failed(s.source.file, s.err)
		}
		return nil
	}
	select {
	case <-b.ready:
	case <-m.ctx.Done():
		return nil
	}
	s.source.file.count(b)
	if m.r.o.Progress != nil {
		m.r.o.Progress(m.r.read.Load(), m.r.total)
	}
	return b
}

func (r *Reader) failed(f *File, err error) {
	f.err = fmt.Errorf("%s: %w", f.name, err)
	r.err = errors.Join(r.err, f.err)
}

// lookAhead reads entries of a file until enough wait.
func (m *merger) lookAhead(s *stream) {
	for !s.done && len(s.waiting) < lookAhead && (s.bytes < lookAheadBytes || len(s.waiting) == 0) {
		if s.batch != nil && s.next < len(s.batch.records) {
			s.admit()
			continue
		}
		if s.source.follow != nil && len(s.waiting) > 0 && len(s.queue) == 0 {
			return // what is there does not wait for what is not written yet
		}
		if b := s.batch; b != nil && b.waiting == 0 {
			m.r.release(b)
		}
		if s.batch, s.next = m.nextBatch(s), 0; s.batch == nil {
			s.done = true
			return
		}
		s.batch.waiting = len(s.batch.records)
	}
}

// admit puts the next record of the batch in its place among those that wait.
func (s *stream) admit() {
	r := &s.batch.records[s.next]
	if len(r.layout.when) > 0 {
		s.at = r.at
	}
	w := waiter{s.at, s.batch, s.next}
	s.next++
	s.bytes += int(r.end - r.start)
	i := len(s.waiting)
	s.waiting = append(s.waiting, w)
	for ; i > 0 && s.waiting[i-1].at > w.at; i-- {
		s.waiting[i] = s.waiting[i-1]
	}
	s.waiting[i] = w
}

// drop forgets the first of those that wait.
func (m *merger) drop(s *stream) {
	w := s.waiting[0]
	r := &w.batch.records[w.record]
	s.bytes -= int(r.end - r.start)
	s.waiting = s.waiting[1:]
	if w.batch.waiting--; w.batch.waiting == 0 && w.batch != s.batch {
		m.r.release(w.batch)
	}
}

// A streamHeap has the file with the earliest entry first, by container/heap. All have
// an entry waiting.
type streamHeap []*stream

func (h streamHeap) Len() int { return len(h) }
func (h streamHeap) Less(i, j int) bool {
	a, b := h[i].waiting[0].at, h[j].waiting[0].at
	return a < b || a == b && h[i].index < h[j].index
}
func (h streamHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *streamHeap) Push(s any)   { *h = append(*h, s.(*stream)) }
func (h *streamHeap) Pop() any {
	last := len(*h) - 1
	s := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return s
}
