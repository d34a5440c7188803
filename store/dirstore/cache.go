package dirstore

import (
	"container/list"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
)

// smallSize is the largest content, in bytes, that is read and kept whole.
const smallSize = 256 << 10

// contents remembers small contents by their digest, the least recently used
// going first. A nil *contents remembers nothing.
type contents struct {
	mu       sync.Mutex
	room     int64 // bytes left
	byDigest map[store.Digest]*list.Element
	recent   list.List // of cached; front is the most recently used
}

type cached struct {
	digest store.Digest
	data   []byte
}

// cachedOverhead is what remembering costs beside the bytes, roughly.
const cachedOverhead = 200

func newContents(limit int64) *contents {
	if limit < 0 {
		return nil
	}
	return &contents{room: limit, byDigest: make(map[store.Digest]*list.Element)}
}

// get returns the content of digest. Nobody may change it.
func (c *contents) get(digest store.Digest) ([]byte, bool) {
	if c == nil {
		return nil, false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.byDigest[digest]
	if !ok {
		return nil, false
	}
	c.recent.MoveToFront(found)
	return found.Value.(*cached).data, true
}

// forget forgets the content of digest.
func (c *contents) forget(digest store.Digest) {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.byDigest[digest]; ok {
		c.room += int64(len(c.recent.Remove(found).(*cached).data)) + cachedOverhead
		delete(c.byDigest, digest)
	}
}

// put remembers data, which nobody may change from now on. Data that is nil is
// of large content, and not there to be remembered.
func (c *contents) put(digest store.Digest, data []byte) {
	if c == nil || data == nil || len(data) > smallSize {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if found, ok := c.byDigest[digest]; ok {
		c.recent.MoveToFront(found)
		return
	}
	c.byDigest[digest] = c.recent.PushFront(&cached{digest, data})
	c.room -= int64(len(data)) + cachedOverhead
	for c.room < 0 {
		oldest := c.recent.Remove(c.recent.Back()).(*cached)
		delete(c.byDigest, oldest.digest)
		c.room += int64(len(oldest.data)) + cachedOverhead
	}
}
