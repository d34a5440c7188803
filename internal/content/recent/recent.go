// Package recent remembers values that were asked for lately.
package recent

import (
	"hash/maphash"
	"sync"
)

// Cache remembers values up to a total cost, and forgets those that have
// not been asked for in a while. It may be used from any number of goroutines;
// a hit does not allocate.
//
// Each shard has two generations. A value used in the old one moves to the young
// one; when the young one is full it becomes the old one, and what was left
// there is forgotten. This is close to forgetting the least recently used,
// without writing anything on most hits.
type Cache[K comparable, V any] struct {
	seed   maphash.Seed
	limit  int64 // of one generation of one shard
	shards [cacheShards]shard[K, V]
}

const cacheShards = 16

type shard[K comparable, V any] struct {
	mu         sync.RWMutex
	young, old map[K]cached[V]
	cost       int64 // of young
}

type cached[V any] struct {
	value V
	cost  int64
}

// New returns a cache of values that together cost no more than limit.
func New[K comparable, V any](limit int64) *Cache[K, V] {
	c := &Cache[K, V]{seed: maphash.MakeSeed(), limit: limit / (2 * cacheShards)}
	for i := range c.shards {
		c.shards[i].young = make(map[K]cached[V])
	}
	return c
}

// Get returns the value that was put for key, unless it is forgotten.
func (c *Cache[K, V]) Get(key K) (value V, ok bool) {
	s := c.shard(key)
	s.mu.RLock()
	hit, ok := s.young[key]
	if !ok {
		hit, ok = s.old[key]
		if ok {
			s.mu.RUnlock()
			c.Put(key, hit.value, hit.cost)
			return hit.value, true
		}
	}
	s.mu.RUnlock()
	return hit.value, ok
}

// Put remembers value. One that costs more than half a shard may is not worth
// the others it would displace and is not kept.
func (c *Cache[K, V]) Put(key K, value V, cost int64) {
	if cost > c.limit/2 {
		return
	}
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cost += cost - s.young[key].cost
	s.young[key] = cached[V]{value, cost}
	if s.cost > c.limit {
		s.young, s.old, s.cost = make(map[K]cached[V]), s.young, 0
	}
}

func (c *Cache[K, V]) shard(key K) *shard[K, V] {
	return &c.shards[maphash.Comparable(c.seed, key)%cacheShards]
}
