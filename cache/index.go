package cache

import (
	"iter"
	"maps"
	"slices"
)

// index has the keys that are stored under a name. Those that the storage has dropped since are dropped now and then.
type index struct {
	of map[string]map[string]struct{}
	// pairs are those in of, and kept how many the last tidying left.
	pairs, kept int
	// most bounds the pairs; 0 is no bound. over says that there were more: then the index knows nothing.
	most int
	over bool
}

func (x *index) add(name, key string, s Storage) {
	if _, known := x.of[name][key]; known || x.over {
		return
	}
	if x.of == nil {
		x.of = make(map[string]map[string]struct{})
	}
	if x.of[name] == nil {
		x.of[name] = make(map[string]struct{})
	}
	x.of[name][key] = struct{}{}
	if x.pairs++; x.pairs > 2*x.kept+1024 || x.most > 0 && x.pairs > x.most {
		x.tidy(s)
	}
	if x.most > 0 && x.pairs > x.most {
		*x = index{most: x.most, over: true}
	}
}

// tidy drops what is not stored any more.
func (x *index) tidy(s Storage) {
	stored := make(map[string]bool)
	for key := range s.All() {
		stored[key] = true
	}
	x.pairs = 0
	for name, keys := range x.of {
		maps.DeleteFunc(keys, func(key string, _ struct{}) bool { return !stored[key] })
		if x.pairs += len(keys); len(keys) == 0 {
			delete(x.of, name)
		}
	}
	x.kept = x.pairs
}

// keys returns what is stored under name, and below it.
func (x *index) keys(name string, below bool) []string {
	if !below {
		return slices.Collect(maps.Keys(x.of[name]))
	}
	var all []string
	for other, keys := range x.of {
		if isBelow(other, name) {
			all = slices.AppendSeq(all, maps.Keys(keys))
		}
	}
	return all
}

// tagged yields the keys of what may have one of the tags: all that is stored, if the index has lost count.
func (l *ledger) tagged(tags []string, s Storage) iter.Seq[string] {
	return func(yield func(string) bool) {
		if l.tags.over {
			for key := range s.All() {
				if !yield(key) {
					return
				}
			}
			return
		}
		for _, tag := range tags {
			for _, key := range l.tags.keys(tag, false) {
				if !yield(key) {
					return
				}
			}
		}
	}
}

// enter notes what e, which is stored under key, is called by.
func (l *ledger) enter(key, alias string, e *Entry, s Storage) {
	l.index.add(alias, key, s)
	for _, tag := range Tags(e.Header) {
		l.tags.add(tag, key, s)
	}
}
