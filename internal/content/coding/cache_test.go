package coding

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
)

// loader returns content when a Cache asks for it, and counts how often it does.
type loader struct {
	content []byte
	loads   atomic.Int32
}

func (l *loader) load() ([]byte, error) {
	l.loads.Add(1)
	return l.content, nil
}

func (l *loader) get(c *Cache, coding string) ([]byte, error) {
	return c.Get(sha256.Sum256(l.content), coding, l.load)
}

// mustGet returns l's content in gzip, which has to be right.
func (l *loader) mustGet(t *testing.T, c *Cache) []byte {
	t.Helper()
	got, err := l.get(c, Gzip)
	if err != nil || !bytes.Equal(got, encode(t, Gzip, l.content)) {
		t.Fatalf("got %d bytes, %v", len(got), err)
	}
	return got
}

func TestCacheRemembers(t *testing.T) {
	var c Cache
	l := &loader{content: words(5000)}
	for range 3 {
		for _, coding := range order {
			if got, err := l.get(&c, coding); err != nil || !bytes.Equal(got, encode(t, coding, l.content)) {
				t.Fatalf("%s: got %d bytes, %v", coding, len(got), err)
			}
		}
	}
	if got := int(l.loads.Load()); got != len(order) {
		t.Errorf("the content was loaded %d times, want once a coding", got)
	}
}

// TestCacheRemembersNoGain: what does not shrink is not tried again.
func TestCacheRemembersNoGain(t *testing.T) {
	var c Cache
	for _, content := range [][]byte{nil, []byte("x"), noise(10_000)} {
		l := &loader{content: content}
		for range 3 {
			if got, err := l.get(&c, Gzip); !errors.Is(err, ErrNoGain) || got != nil {
				t.Errorf("%d bytes: got %d bytes, %v; want ErrNoGain", len(content), len(got), err)
			}
		}
		if got := l.loads.Load(); got != 1 {
			t.Errorf("%d bytes: loaded %d times, want 1", len(content), got)
		}
	}
}

// TestCacheForgets the least recently used when it is full.
func TestCacheForgets(t *testing.T) {
	contents := make([]*loader, 4)
	for i := range contents {
		contents[i] = &loader{content: append(words(5000), byte(i))}
	}
	size := int64(len(encode(t, Gzip, contents[0].content)))
	c := Cache{MaxBytes: 3 * (size + overhead + 16)}
	use := func(i int) { contents[i].mustGet(t, &c) }
	use(0)
	use(1)
	use(2)
	use(0)
	use(3) // forgets 1
	use(0)
	use(2)
	use(3)
	if got := contents[0].loads.Load() + contents[2].loads.Load() + contents[3].loads.Load(); got != 3 {
		t.Errorf("those used lately were loaded %d times, want once each", got)
	}
	use(1)
	if got := contents[1].loads.Load(); got != 2 {
		t.Errorf("the least recently used was loaded %d times, want 2", got)
	}
	if c.bytes > c.MaxBytes {
		t.Errorf("the cache holds %d bytes, more than %d", c.bytes, c.MaxBytes)
	}
}

// TestCacheTooSmall: what the cache could not remember is not encoded again and
// again for each request.
func TestCacheTooSmall(t *testing.T) {
	c := Cache{MaxBytes: overhead + 100}
	l := &loader{content: words(5000)}
	for range 3 {
		if _, err := l.get(&c, Gzip); !errors.Is(err, ErrNoGain) {
			t.Errorf("got %v, want ErrNoGain", err)
		}
	}
	if got := l.loads.Load(); got != 1 {
		t.Errorf("loaded %d times, want 1", got)
	}
}

func TestCacheUnknownCoding(t *testing.T) {
	var c Cache
	l := &loader{content: words(5000)}
	for range 2 {
		if _, err := l.get(&c, "nonsense"); !errors.Is(err, ErrUnknown) {
			t.Errorf("got %v, want ErrUnknown", err)
		}
	}
}

// TestCacheEncodesOnce for all who ask meanwhile.
func TestCacheEncodesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c Cache
		l := &loader{content: words(5000)}
		want, release := encode(t, Gzip, l.content), make(chan struct{})
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				got, err := c.Get(sha256.Sum256(l.content), Gzip, func() ([]byte, error) {
					<-release
					return l.load()
				})
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("got %d bytes, %v", len(got), err)
				}
			})
		}
		synctest.Wait() // one loads, the others wait for it
		close(release)
		wg.Wait()
		if got := l.loads.Load(); got != 1 {
			t.Errorf("loaded %d times, want 1", got)
		}
	})
}

// TestCacheDoesNotShareFailures: the one who was first may fail for reasons of its
// own, such as a client that went away; those who waited then try themselves.
func TestCacheDoesNotShareFailures(t *testing.T) {
	for what, failing := range map[string]func() ([]byte, error){
		"error": func() ([]byte, error) { return nil, errors.New("went away") },
		"panic": func() ([]byte, error) { panic("went away") },
	} {
		t.Run(what, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var c Cache
				l := &loader{content: words(5000)}
				release, failed := make(chan struct{}), make(chan bool, 1)
				go func() {
					defer func() { failed <- recover() != nil }()
					_, err := c.Get(sha256.Sum256(l.content), Gzip, func() ([]byte, error) {
						<-release
						return failing()
					})
					if err == nil {
						t.Error("the failure is lost")
					}
				}()
				synctest.Wait()
				var wg sync.WaitGroup
				for range 8 {
					wg.Go(func() { l.mustGet(t, &c) })
				}
				synctest.Wait()
				if got := l.loads.Load(); got != 0 {
					t.Errorf("%d load while another does", got)
				}
				close(release)
				wg.Wait()
				if panicked := <-failed; panicked != (what == "panic") {
					t.Errorf("panicked: %v", panicked)
				}
				if got := l.loads.Load(); got != 1 {
					t.Errorf("loaded %d times after the failure, want 1", got)
				}
			})
		})
	}
}

// TestCacheBoundsEncoders: no more than Parallel load and encode at a time.
func TestCacheBoundsEncoders(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := Cache{Parallel: 2}
		release := make(chan struct{})
		var running, done atomic.Int32
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				content := append(words(5000), byte(i))
				c.Get(sha256.Sum256(content), Gzip, func() ([]byte, error) {
					if n := running.Add(1); n > 2 {
						t.Errorf("%d run at a time, want 2", n)
					}
					<-release
					running.Add(-1)
					done.Add(1)
					return content, nil
				})
			})
		}
		synctest.Wait()
		if got := running.Load(); got != 2 {
			t.Errorf("%d run while 10 want to, want 2", got)
		}
		close(release)
		wg.Wait()
		if got := done.Load(); got != 10 {
			t.Errorf("%d of 10 were encoded", got)
		}
	})
}

// TestCacheUnderLoad: many callers, few places: each gets what it asked for, and
// the books balance.
func TestCacheUnderLoad(t *testing.T) {
	contents := make([]*loader, 12)
	want := make([][]byte, len(contents))
	for i := range contents {
		contents[i] = &loader{content: append(words(400), byte(i))}
		want[i] = encode(t, Gzip, contents[i].content)
	}
	c := Cache{MaxBytes: 4 * (int64(len(want[0])) + overhead), Parallel: 2}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(uint64(g), 0))
			for range 50 {
				i := random.IntN(len(contents))
				if got, err := contents[i].get(&c, Gzip); err != nil || !bytes.Equal(got, want[i]) {
					t.Errorf("content %d: got %d bytes, %v", i, len(got), err)
				}
			}
		})
	}
	wg.Wait()
	checkBooks(t, &c)
}

// checkBooks compares what the cache counts with what it holds.
func checkBooks(t *testing.T, c *Cache) {
	t.Helper()
	sum := int64(0)
	for e := c.recent.Front(); e != nil; e = e.Next() {
		sum += e.Value.(*entry).cost()
	}
	if c.bytes != sum || sum > c.MaxBytes || len(c.entries) != c.recent.Len() || len(c.running) != 0 {
		t.Errorf("counts %d bytes, holds %d of at most %d; %d entries, %d in the list, %d running",
			c.bytes, sum, c.MaxBytes, len(c.entries), c.recent.Len(), len(c.running))
	}
}

func BenchmarkCacheHit(b *testing.B) {
	var c Cache
	l := &loader{content: words(5000)}
	digest := sha256.Sum256(l.content)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(digest, Gzip, l.load); err != nil {
			b.Fatal(err)
		}
	}
}

func ExampleCache() {
	var c Cache
	content := bytes.Repeat([]byte("to be or not to be, "), 100)
	load := func() ([]byte, error) {
		fmt.Println("loading")
		return content, nil
	}
	for range 2 {
		encoded, err := c.Get(sha256.Sum256(content), Brotli, load)
		fmt.Println(len(content), "bytes are shorter in br:", len(encoded) < len(content), err)
	}
	// Output:
	// loading
	// 2000 bytes are shorter in br: true <nil>
	// 2000 bytes are shorter in br: true <nil>
}
