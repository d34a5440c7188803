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
	names  [][]byte
	unused []int32 // names
	lost   int64
	counts []int64 // scratch
}

// A counter counts what has a hash. The zero counter is free.
type counter struct {
	hash  uint64
	count int64 // as in the summary
	name  int32 // index + 1
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
	return &frequent{limit: limit, table: make([]counter, 2*limit)}
}

// find returns the counter for a hash, or the free one where it belongs; nil if there is none.
func (f *frequent) find(h uint64) *counter {
	mask := uint64(len(f.table) - 1)
	for i := h; i < h+maxProbes; i++ {
		if c := &f.table[i&mask]; c.name == 0 || c.hash == h {
			return c
		}
	}
	return nil
}

// add counts a name with this hash. It allocates only for names beyond those there ever were.
func (f *frequent) add(h uint64, name string, count int64, refused int32) {
	c := f.find(h)
	if c != nil && c.name == 0 && len(f.names)-len(f.unused) >= f.limit {
		f.purge()
		c = f.find(h)
	}
	if c == nil {
		f.lost += count
		return
	}
	if c.name == 0 {
		*c = counter{hash: h, name: f.take(name) + 1}
	}
	c.count += count
	c.refused += refused
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
	old := f.table
	f.counts = f.counts[:0]
	for _, c := range old {
		if c.name != 0 {
			f.counts = append(f.counts, c.count)
		}
	}
	slices.Sort(f.counts)
	median := f.counts[len(f.counts)/2]
	f.lost += median
	f.table = make([]counter, len(old))
	for _, c := range old {
		if c.name == 0 {
			continue
		}
		free := f.find(c.hash)
		if c.count -= median; c.count > 0 && free != nil {
			*free = c
		} else {
			f.unused = append(f.unused, c.name-1)
		}
	}
}

// merge adds what g has counted.
func (f *frequent) merge(g *frequent) {
	for _, c := range g.table {
		if c.name != 0 {
			f.add(c.hash, string(g.names[c.name-1]), c.count, c.refused)
		}
	}
	f.lost += g.lost
}

// top returns the n most frequent names, those with the same count by name.
func (f *frequent) top(n int) []Count {
	list := []Count{}
	for _, c := range f.table {
		if c.name != 0 {
			list = append(list, Count{string(f.names[c.name-1]), c.count, min(int64(c.refused), c.count)})
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
