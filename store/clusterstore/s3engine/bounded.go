package s3engine

import "sync"

// maxBounded is how many entries a bounded map has at most; with one more it begins anew.
const maxBounded = 20_000

// bounded is a map of what can be asked for again. The zero value is ready for use, by any number of goroutines.
type bounded struct {
	mu sync.Mutex
	m  map[string]string
}

func (b *bounded) get(key string) (string, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	value, ok := b.m[key]
	return value, ok
}

func (b *bounded) set(key, value string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.m == nil || len(b.m) >= maxBounded {
		b.m = map[string]string{}
	}
	b.m[key] = value
}
