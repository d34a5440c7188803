package cache

import (
	"hash/maphash"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// marks remember when what was invalidated, in bounded room: a mark stands for all names with its hash, so that now and then
// something is not stored that might have been.
type marks struct {
	clock atomic.Uint64
	// all is the last time that everything was.
	all   uint64
	slots [4096]uint64 // of the clock, under the lock of the transport
	// trees are the last trees that were, and missed the time of the last one that is not among them any more.
	trees  []treeMark
	missed uint64
}

type treeMark struct {
	root string
	at   uint64
}

const maxTrees = 64

var seed = maphash.MakeSeed()

// turn is the time now, for since.
func (m *marks) turn() uint64 { return m.clock.Load() }

func (m *marks) set(name string) { m.slots[m.slot(name)] = m.clock.Add(1) }

func (m *marks) setAll() { m.all = m.clock.Add(1) }

func (m *marks) setTree(root string) {
	if len(m.trees) == maxTrees {
		m.missed = m.trees[0].at
		m.trees = slices.Delete(m.trees, 0, 1)
	}
	m.trees = append(m.trees, treeMark{root, m.clock.Add(1)})
}

// treeSince reports whether something that name is in may have been set after turn.
func (m *marks) treeSince(turn uint64, name string) bool {
	return m.missed > turn || slices.ContainsFunc(m.trees, func(t treeMark) bool { return t.at > turn && isBelow(name, t.root) })
}

// isBelow reports whether name is root or below it.
func isBelow(name, root string) bool {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(root, "/"))
	return ok && (rest == "" || rest[0] == '/')
}

// since reports whether name may have been set after turn.
func (m *marks) since(turn uint64, name string) bool {
	return m.all > turn || m.slots[m.slot(name)] > turn
}

func (m *marks) slot(name string) uint64 { return maphash.String(seed, name) % uint64(len(m.slots)) }

// index has the keys that are stored under an alias. Those that the storage has dropped since are dropped now and then.
type index struct {
	of    map[string][]string
	added int
}

func (x *index) add(alias, key string, s Storage) {
	if x.of == nil {
		x.of = make(map[string][]string)
	}
	if slices.Contains(x.of[alias], key) {
		return
	}
	x.of[alias] = append(x.of[alias], key)
	if x.added++; x.added > 1024 && int64(x.added) > 2*s.Usage().Keys {
		x.tidy(s)
	}
}

// tidy drops what is not stored any more.
func (x *index) tidy(s Storage) {
	stored := make(map[string]bool)
	for key := range s.All() {
		stored[key] = true
	}
	x.added = 0
	for alias, keys := range x.of {
		keys = slices.DeleteFunc(keys, func(key string) bool { return !stored[key] })
		x.added += len(keys)
		if x.of[alias] = keys; len(keys) == 0 {
			delete(x.of, alias)
		}
	}
}

// keys returns what is stored under alias, and below it.
func (x *index) keys(alias string, below bool) []string {
	if !below {
		return x.of[alias]
	}
	var all []string
	for name, keys := range x.of {
		if isBelow(name, alias) {
			all = append(all, keys...)
		}
	}
	return all
}

// doubts are the aliases whose state is not known for sure until a time, and the trees of which that is so. They take bounded room: if
// there are too many, it is so of everything until the last of these times.
type doubts struct {
	names, trees map[string]time.Time
	all          time.Time
}

const maxDoubts = 4096

func (d *doubts) add(alias string, tree bool, until, now time.Time) {
	if !until.After(now) {
		return
	}
	if len(d.names)+len(d.trees) >= maxDoubts {
		d.tidy(now)
	}
	if len(d.names)+len(d.trees) >= maxDoubts {
		d.all = latest(d.all, until)
		for _, end := range d.names {
			d.all = latest(d.all, end)
		}
		for _, end := range d.trees {
			d.all = latest(d.all, end)
		}
		d.names, d.trees = nil, nil
		return
	}
	if d.names == nil {
		d.names, d.trees = make(map[string]time.Time), make(map[string]time.Time)
	}
	if tree {
		root := strings.TrimSuffix(alias, "/")
		d.trees[root] = latest(d.trees[root], until)
		return
	}
	d.names[alias] = latest(d.names[alias], until)
}

// tidy drops what is over.
func (d *doubts) tidy(now time.Time) {
	isOver := func(_ string, end time.Time) bool { return !end.After(now) }
	maps.DeleteFunc(d.names, isOver)
	maps.DeleteFunc(d.trees, isOver)
}

func (d *doubts) has(alias string, now time.Time) bool {
	if d.all.After(now) || d.names[alias].After(now) {
		return true
	}
	if len(d.trees) == 0 {
		return false
	}
	for i := range len(alias) {
		if alias[i] == '/' && d.trees[alias[:i]].After(now) {
			return true
		}
	}
	return d.trees[alias].After(now)
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
