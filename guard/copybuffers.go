package guard

import (
	"sync"

	"github.com/fourtwelve/fourtwelve/internal/content/budget"
)

const (
	copyBufferSize = 32 << 10
	// largeCopyBufferSize is for content of longContent bytes and more: fewer calls move it.
	largeCopyBufferSize = 128 << 10
	longContent         = 1 << 20
	// maxLargeCopyBuffers bounds in bytes what is lent in large buffers, which a slow client keeps for as
	// long as it takes. Whoever finds none left gets a small one.
	maxLargeCopyBuffers = 8 << 20
)

var (
	copyBufferPool      = sync.Pool{New: func() any { return new([copyBufferSize]byte) }}
	largeCopyBufferPool = sync.Pool{New: func() any { return new([largeCopyBufferSize]byte) }}
)

// copyBuffers lends the buffer through which content of a length is copied to the client. It is a
// [httputil.BufferPool].
type copyBuffers struct {
	lent   *budget.Budget
	length int64 // in bytes, or -1
}

func (c copyBuffers) Get() []byte {
	if c.length >= longContent && c.lent.TryTake(largeCopyBufferSize) {
		return largeCopyBufferPool.Get().(*[largeCopyBufferSize]byte)[:]
	}
	return copyBufferPool.Get().(*[copyBufferSize]byte)[:]
}

func (c copyBuffers) Put(b []byte) {
	switch cap(b) {
	case largeCopyBufferSize:
		c.lent.Give(largeCopyBufferSize)
		largeCopyBufferPool.Put((*[largeCopyBufferSize]byte)(b[:largeCopyBufferSize]))
	case copyBufferSize:
		copyBufferPool.Put((*[copyBufferSize]byte)(b[:copyBufferSize]))
	}
}
