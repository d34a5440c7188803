package logs

import (
	"cmp"
	"slices"
)

// frequent finds the names that come most often, with memory for a limited number of them. It
// is the summary of Misra and Gries in the form of Anderson et al., "A High-Performance Algorithm
// for Identifying Frequent Items in Data Streams" (2017): when there is room for no more, the
// median of the counts is taken from each, and those with nothing left go.
//
// A count is exact until then; afterwards it is too low by at most lost.
type frequent struct {
	limit  int
	table  []counter // by hash; the next free one if that is taken
	rest   []rest    // of the counters with the same index
	names  [][]byte
	unused []int32 // names
	lost   int64
	counts []int64 // scratch
}

// A counter counts what has a hash. The zero counter is free. Nothing but what each line needs is
// in it, so that the processor's caches hold as many as they can.
type counter struct {
	hash  uint64 // never 0
	count int64  // as in the summary
}

// rest is what else is known of the name that a counter counts.
type rest struct {
	name int32 // index
	// refused is how many of them were; it saturates.
	refused int32
}

const (
	// maxName bounds the bytes of a name that are kept.
	maxName = 256
	// maxProbes bounds the search in the table. In one that is at most half full only
	// names made for that purpose need more; they are counted as lost.
	maxProbes = 64
)

// newFrequent makes one for as many names as limit, a power of two.
func newFrequent(limit int) *frequent {
	return &frequent{limit: limit, table: make([]counter, 2*limit), rest: make([]rest, 2*limit)}
}

// find returns the index of the counter for a hash, or of the free one where it belongs; -1 if there
// is none.
func (f *frequent) find(h uint64) int {
	mask := uint64(len(f.table) - 1)
	for i := h; i != h+maxProbes; i++ {
		if c := &f.table[i&mask]; c.hash == h || c.hash == 0 {
			return int(i & mask)
		}
	}
	return -1
}

// add counts a name with this hash. It allocates only for names beyond those there ever were.
func (f *frequent) add(h uint64, name string, count int64, refused int32) {
	if h == 0 {
		h = 1 // 0 is that of a free counter
	}
	i := f.find(h)
	if i >= 0 && f.table[i].hash == h { // as most often
		f.table[i].count += count
		if refused != 0 {
			f.rest[i].refused += refused
		}
		return
	}
	if i >= 0 && len(f.names)-len(f.unused) >= f.limit {
		f.purge()
		i = f.find(h)
	}
	if i < 0 {
		f.lost += count
		return
	}
	f.table[i] = counter{hash: h, count: count}
	f.rest[i] = rest{name: f.take(name), refused: refused}
}

// take keeps a name and returns its index.
func (f *frequent) take(name string) int32 {
	i := int32(len(f.names))
	if n := len(f.unused); n > 0 {
		i = f.unused[n-1]
		f.unused = f.unused[:n-1]
	} else {
		f.names = append(f.names, nil)
	}
	f.names[i] = append(f.names[i][:0], name[:min(len(name), maxName)]...)
	return i
}

// purge makes room for half of the names or more.
func (f *frequent) purge() {
	old, rests := f.table, f.rest
	f.counts = f.counts[:0]
	for _, c := range old {
		if c.hash != 0 {
			f.counts = append(f.counts, c.count)
		}
	}
	slices.Sort(f.counts)
	median := f.counts[len(f.counts)/2]
	f.lost += median
	f.table, f.rest = make([]counter, len(old)), make([]rest, len(old))
	for i, c := range old {
		if c.hash == 0 {
			continue
		}
		free := f.find(c.hash)
		if c.count -= median; c.count > 0 && free >= 0 {
			f.table[free], f.rest[free] = c, rests[i]
		} else {
			f.unused = append(f.unused, rests[i].name)
		}
	}
}

// merge adds what g has counted.
func (f *frequent) merge(g *frequent) {
	for i, c := range g.table {
		if c.hash != 0 {
			f.add(c.hash, string(g.names[g.rest[i].name]), c.count, g.rest[i].refused)
		}
	}
	f.lost += g.lost
}

// top returns the n most frequent names, those with the same count by name.
func (f *frequent) top(n int) []Count {
	list := []Count{}
	for i, c := range f.table {
		if r := &f.rest[i]; c.hash != 0 {
			list = append(list, Count{string(f.names[r.name]), c.count, min(int64(r.refused), c.count)})
		}
	}
	return mostFrequent(list, n)
}

// mostFrequent returns the n most frequent of list.
func mostFrequent(list []Count, n int) []Count {
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(b.Refused, a.Refused), cmp.Compare(a.Name, b.Name))
	})
	return list[:min(n, len(list))]
}
