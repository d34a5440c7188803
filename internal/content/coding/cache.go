package coding

import (
	"container/list"
	"crypto/sha256"
	"errors"
	"runtime"
	"sync"
)

// DefaultCacheBytes is the bound of a [Cache] that states none: 64 MiB.
const DefaultCacheBytes = 64 << 20

// ErrNoGain says that content is not worth a coding: encoded it is not smaller,
// or larger than the cache may hold. It is to be sent as it is.
var ErrNoGain = errors.New("the content coding gains nothing")

// Cache remembers content in codings, the least recently used forgotten first.
// The zero Cache is ready to use. All methods may be called from any number of
// goroutines; the fields must not be changed after the first call.
type Cache struct {
	// MaxBytes bounds what is remembered, in bytes; 0 means [DefaultCacheBytes].
	MaxBytes int64
	// Parallel bounds how many encoders run at a time, and so how much content
	// they hold in memory; 0 means one a processor (GOMAXPROCS).
	Parallel int

	mu      sync.Mutex
	entries map[key]*list.Element // of *entry
	recent  list.List             // front: used last
	bytes   int64
	running map[key]chan struct{} // closed when the encoder of the key is done
	slots   chan struct{}
}

type key struct {
	digest [sha256.Size]byte
	coding string
}

// entry is one remembered form; encoded is nil if it gains nothing.
type entry struct {
	key     key
	encoded []byte
}

// overhead is roughly what an entry takes besides its bytes.
const overhead = 256

func (e *entry) cost() int64 { return int64(cap(e.encoded)) + overhead }

// Get returns the content whose SHA-256 is digest in coding. What is not
// remembered is loaded and encoded, once for all callers that ask for it
// meanwhile. The error is [ErrNoGain], one that is [ErrUnknown], or load's;
// the latter is not remembered, nor given to other callers, who load themselves.
// load must return the content with that digest. The result is shared and must
// not be changed.
func (c *Cache) Get(digest [sha256.Size]byte, coding string, load func() ([]byte, error)) ([]byte, error) {
	k := key{digest, coding}
	for {
		e, wait := c.find(k)
		switch {
		case e != nil && e.encoded == nil:
			return nil, ErrNoGain
		case e != nil:
			return e.encoded, nil
		case wait == nil:
			return c.fill(k, load)
		}
		<-wait
	}
}

// find returns what is remembered for k, or, if someone is encoding it, a channel
// that is closed when they are done. If both are nil, it is the caller's to
// fill.
func (c *Cache) find(k key) (*entry, <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if element, ok := c.entries[k]; ok {
		c.recent.MoveToFront(element)
		return element.Value.(*entry), nil
	}
	if done, ok := c.running[k]; ok {
		return nil, done
	}
	c.start(k)
	return nil, nil
}

func (c *Cache) start(k key) {
	if c.running == nil {
		c.running = make(map[key]chan struct{})
		c.entries = make(map[key]*list.Element)
		c.slots = make(chan struct{}, c.parallel())
	}
	c.running[k] = make(chan struct{})
}

// fill encodes k's content and remembers it. It wakes those who wait for k even
// if load panics.
func (c *Cache) fill(k key, load func() ([]byte, error)) ([]byte, error) {
	var e *entry
	defer func() { c.finish(k, e) }()
	encoded, err := c.encode(k.coding, load)
	if err != nil && err != ErrNoGain {
		return nil, err
	}
	e = &entry{k, encoded}
	return encoded, err
}

func (c *Cache) encode(coding string, load func() ([]byte, error)) ([]byte, error) {
	c.slots <- struct{}{}
	defer func() { <-c.slots }()
	content, err := load()
	if err != nil {
		return nil, err
	}
	encoded, err := Encode(coding, content)
	switch {
	case err != nil:
		return nil, err
	case len(encoded) >= len(content) || int64(len(encoded))+overhead > c.maxBytes():
		return nil, ErrNoGain
	}
	return append(make([]byte, 0, len(encoded)), encoded...), nil
}

// finish remembers e, unless it is nil, and wakes those who wait for k.
func (c *Cache) finish(k key, e *entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.running[k])
	delete(c.running, k)
	if e == nil {
		return
	}
	c.entries[k] = c.recent.PushFront(e)
	c.bytes += e.cost()
	for c.bytes > c.maxBytes() {
		c.forget(c.recent.Back())
	}
}

func (c *Cache) forget(element *list.Element) {
	e := c.recent.Remove(element).(*entry)
	delete(c.entries, e.key)
	c.bytes -= e.cost()
}

func (c *Cache) maxBytes() int64 {
	if c.MaxBytes > 0 {
		return c.MaxBytes
	}
	return DefaultCacheBytes
}

func (c *Cache) parallel() int {
	if c.Parallel > 0 {
		return c.Parallel
	}
	return runtime.GOMAXPROCS(0)
}
