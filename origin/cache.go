package origin

import (
	"hash/maphash"
	"sync"
)

// cache remembers values up to a total cost, and forgets those that have
// not been asked for in a while. It may be used from any number of goroutines;
// a hit does not allocate.
//
// Each shard has two generations. A value used in the old one moves to the young
// one; when the young one is full it becomes the old one, and what was left
// there is forgotten. This is close to forgetting the least recently used,
// without writing anything on most hits.
type cache[K comparable, V any] struct {
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

// newCache returns a cache of values that together cost no more than limit.
func newCache[K comparable, V any](limit int64) *cache[K, V] {
	c := &cache[K, V]{seed: maphash.MakeSeed(), limit: limit / (2 * cacheShards)}
	for i := range c.shards {
		c.shards[i].young = make(map[K]cached[V])
	}
	return c
}

func (c *cache[K, V]) get(key K) (value V, ok bool) {
	s := c.shard(key)
	s.mu.RLock()
	hit, ok := s.young[key]
	if !ok {
		hit, ok = s.old[key]
		if ok {
			s.mu.RUnlock()
			c.put(key, hit.value, hit.cost)
			return hit.value, true
		}
	}
	s.mu.RUnlock()
	return hit.value, ok
}

// put remembers value. One that costs more than half a shard may is not worth
// the others it would displace and is not kept.
func (c *cache[K, V]) put(key K, value V, cost int64) {
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

func (c *cache[K, V]) shard(key K) *shard[K, V] {
	return &c.shards[maphash.Comparable(c.seed, key)%cacheShards]
}
