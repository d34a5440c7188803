package cache

import (
	"io"
	"iter"
	"math"
	"slices"
	"sort"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// DefaultMemory is how much a [Memory] keeps if not told: 64 MiB.
const DefaultMemory = 64 << 20

// Memory is a [Storage] that keeps a number of bytes. What is asked for often displaces what is not, and a scan of many
// things that are asked for once displaces little (W-TinyLFU).
type Memory struct {
	room
	evicted atomic.Int64
	kept    *otter.Cache[string, []*Entry]
}

// room is for how much content there is room, in bytes.
type room struct {
	limit, longest int64
	// drafts are the bytes of content that is being written: a quarter at most.
	drafts atomic.Int64
}

// take takes n bytes for a draft that has some already.
func (r *room) take(has, n int64) bool {
	if r.drafts.Add(n) > r.limit/4 || has+n > r.longest {
		r.drafts.Add(-n)
		return false
	}
	return true
}

// NewMemory returns a storage that keeps up to limit bytes, or [DefaultMemory] if it is 0. Content longer than an eighth of that is
// not kept, and content that is being written takes another quarter at most.
func NewMemory(limit int64) *Memory {
	if limit <= 0 {
		limit = DefaultMemory
	}
	m := &Memory{room: room{limit: limit, longest: min(limit/8, math.MaxInt32)}}
	m.kept = otter.Must(&otter.Options[string, []*Entry]{
		MaximumWeight: uint64(limit),
		Weigher:       func(key string, entries []*Entry) uint32 { return weigh(key, entries) },
		OnDeletion: func(e otter.DeletionEvent[string, []*Entry]) {
			if e.WasEvicted() {
				m.evicted.Add(1)
			}
		},
		// Evictions are done by whoever stores: no goroutine outlives its use.
		Executor: func(do func()) { do() },
	})
	return m
}

func weigh(key string, entries []*Entry) uint32 {
	n := int64(len(key))
	for _, e := range entries {
		n += e.weight()
	}
	return uint32(min(n, math.MaxUint32))
}

// Load implements [Storage].
func (m *Memory) Load(key string) []*Entry {
	entries, _ := m.kept.GetIfPresent(key)
	return entries
}

// Store implements [Storage].
func (m *Memory) Store(key string, entries []*Entry) {
	if len(entries) == 0 {
		m.kept.Invalidate(key)
		return
	}
	m.kept.Set(key, entries)
}

// All implements [Storage].
func (m *Memory) All() iter.Seq2[string, []*Entry] { return m.kept.All() }

// Usage implements [Storage].
func (m *Memory) Usage() Usage {
	return Usage{Keys: int64(m.kept.EstimatedSize()), Bytes: int64(m.kept.WeightedSize()), Evicted: m.evicted.Load()}
}

// Draft implements [Storage].
func (m *Memory) Draft(size int64) (Draft, error) {
	d := &memoryDraft{room: &m.room}
	if size > m.longest || !d.reserve(max(size, 0)) {
		return nil, ErrNoRoom
	}
	if size > 0 {
		d.add(make([]byte, 0, size))
	}
	return d, nil
}

// memoryDraft is content in pieces of memory: one if its length was known, else some of growing length, so that nothing is
// copied when more comes.
type memoryDraft struct {
	room     *room
	reserved int64
	// blocks is replaced, never changed, so that readers need no lock; the last block grows within its capacity.
	blocks atomic.Pointer[[]block]
	length atomic.Int64
	ended  bool
}

type block struct {
	start int64
	bytes []byte // with its capacity
}

const firstBlock, largestBlock = 4 << 10, 1 << 20

// reserve takes n bytes of the room for drafts.
func (d *memoryDraft) reserve(n int64) bool {
	if !d.room.take(d.length.Load(), n) {
		return false
	}
	d.reserved += n
	return true
}

func (d *memoryDraft) add(b []byte) {
	var blocks []block
	if have := d.blocks.Load(); have != nil {
		blocks = slices.Clone(*have)
	}
	blocks = append(blocks, block{d.length.Load(), b[:cap(b)]})
	d.blocks.Store(&blocks)
}

// free returns the part of the last block that is not written yet.
func (d *memoryDraft) free() []byte {
	blocks := d.blocks.Load()
	if blocks == nil {
		return nil
	}
	last := (*blocks)[len(*blocks)-1]
	return last.bytes[d.length.Load()-last.start:]
}

func (d *memoryDraft) Write(p []byte) (n int, err error) {
	for n < len(p) {
		room := d.free()
		if len(room) == 0 {
			next := min(max(firstBlock, d.length.Load()), largestBlock)
			if !d.reserve(next) {
				return n, ErrNoRoom
			}
			d.add(make([]byte, 0, next))
			continue
		}
		m := copy(room, p[n:])
		n += m
		d.length.Add(int64(m))
	}
	return n, nil
}

func (d *memoryDraft) ReadAt(p []byte, off int64) (n int, err error) {
	length := d.length.Load()
	blocks := d.blocks.Load()
	for n < len(p) {
		at := off + int64(n)
		if at >= length {
			return n, io.EOF
		}
		all := *blocks
		i := sort.Search(len(all), func(i int) bool { return all[i].start > at }) - 1
		b := all[i]
		n += copy(p[n:], b.bytes[at-b.start:min(int64(len(b.bytes)), length-b.start)])
	}
	return n, nil
}

func (d *memoryDraft) Finish() (Content, error) {
	d.trim()
	d.end()
	return d, nil
}

// trim gives back what is left over of the last block. Who reads meanwhile has the one or the other.
func (d *memoryDraft) trim() {
	have := d.blocks.Load()
	if have == nil {
		return
	}
	last := &(*have)[len(*have)-1]
	used := d.length.Load() - last.start
	if int64(len(last.bytes))-used < used/16+64 {
		return
	}
	blocks := slices.Clone(*have)
	blocks[len(blocks)-1].bytes = slices.Clone(last.bytes[:used:used])
	d.blocks.Store(&blocks)
}

func (d *memoryDraft) Discard() { d.end() }

func (d *memoryDraft) Close() error { return nil }

func (d *memoryDraft) end() {
	if !d.ended {
		d.ended = true
		d.room.drafts.Add(-d.reserved)
	}
}

// bytes is what has been written, in one piece.
func (d *memoryDraft) bytes() []byte {
	blocks, length := d.blocks.Load(), d.length.Load()
	switch {
	case blocks == nil:
		return nil
	case len(*blocks) == 1:
		return (*blocks)[0].bytes[:length]
	}
	all := make([]byte, length)
	_, _ = d.ReadAt(all, 0) // which only ends
	return all
}

// Size implements [Content].
func (d *memoryDraft) Size() int64 { return d.length.Load() }

// Open implements [Content].
func (d *memoryDraft) Open() (OpenContent, error) { return nopCloser{d}, nil }

type nopCloser struct{ io.ReaderAt }

func (nopCloser) Close() error { return nil }
