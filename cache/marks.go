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
	// trees are the last trees that were, and prefixes the last beginnings of targets.
	trees, prefixes recently
}

// recently are the last names that were marked, and missed is the time of the last one that is not among them any more.
type recently struct {
	names  []markedName
	missed uint64
}

type markedName struct {
	name string
	at   uint64
}

const maxRecent = 64

func (r *recently) add(name string, at uint64) {
	if len(r.names) == maxRecent {
		r.missed = r.names[0].at
		r.names = slices.Delete(r.names, 0, 1)
	}
	r.names = append(r.names, markedName{name, at})
}

// since reports whether one for which is holds may have been marked after turn.
func (r *recently) since(turn uint64, is func(name string) bool) bool {
	return r.missed > turn || slices.ContainsFunc(r.names, func(m markedName) bool { return m.at > turn && is(m.name) })
}

var seed = maphash.MakeSeed()

// turn is the time now, for since.
func (m *marks) turn() uint64 { return m.clock.Load() }

// tick begins another time, and returns it.
func (m *marks) tick() uint64 { return m.clock.Add(1) }

func (m *marks) set(name string) { m.setAt(name, m.tick()) }

func (m *marks) setAt(name string, at uint64) { m.slots[m.slot(name)] = at }

func (m *marks) setAll() { m.all = m.tick() }

func (m *marks) setTree(root string) { m.trees.add(root, m.tick()) }

// treeSince reports whether something that name is in may have been set after turn.
func (m *marks) treeSince(turn uint64, name string) bool {
	return m.trees.since(turn, func(root string) bool { return isBelow(name, root) })
}

// prefixSince reports whether a beginning of target may have been set after turn.
func (m *marks) prefixSince(turn uint64, target string) bool {
	return m.prefixes.since(turn, func(prefix string) bool { return strings.HasPrefix(target, prefix) })
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
