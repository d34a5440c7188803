package recent

import "testing"

func TestCacheForgets(t *testing.T) {
	c := New[int, int](4 * 2 * cacheShards) // four in each generation of each shard
	const many = 10_000
	for i := range many {
		c.Put(i, -i, 1)
		if v, ok := c.Get(i); !ok || v != -i {
			t.Fatalf("get(%d), just put, is %d, %v", i, v, ok)
		}
		if v, ok := c.Get(0); ok && v != 0 {
			t.Fatalf("get(0) is %d", v)
		}
	}
	kept := 0
	for i := range many {
		if v, ok := c.Get(i); ok {
			kept++
			if v != -i {
				t.Errorf("get(%d) is %d", i, v)
			}
		}
	}
	if most := 2 * 5 * cacheShards; kept > most {
		t.Errorf("%d of %d values are kept, want at most %d", kept, many, most)
	}
	if _, ok := c.Get(0); !ok {
		t.Error("a value that is asked for all the time is forgotten")
	}
	c.Put(many, 1, 1<<20)
	if _, ok := c.Get(many); ok {
		t.Error("a value larger than the cache is kept")
	}
}
