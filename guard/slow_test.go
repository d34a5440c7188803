package guard_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// TestThousandSlowWriters: a thousand clients that have sent all but the last byte of
// their content hold the memory that is allowed, and what any connection needs. The
// rest of it is on disk. When they end, all of them are served, and nothing is held.
func TestThousandSlowWriters(t *testing.T) {
	const (
		clients   = 1000
		size      = 96 << 10
		memory    = 8 << 20
		perClient = 80 << 10 // buffers of the connection, and one to copy to the file
	)
	b := newBackend(noTag)
	shared := guard.NewShared(nil)
	g := protect(t, b, func(o *guard.Options) { o.MaxMemory, o.Shared = memory, shared })
	content := strings.Repeat("x", size)
	before := heap()

	conns := make([]*connection, clients)
	var sent sync.WaitGroup
	for i := range conns {
		c := g.dial()
		conns[i] = c
		sent.Go(func() {
			if _, err := io.WriteString(c, rawPut(fmt.Sprint("/", i), "X-Slow: yes", content)[:size]); err != nil {
				t.Error(err)
			}
		})
	}
	sent.Wait()
	await(func() bool { // until all that was sent is held
		use := shared.Usage()
		return use.Memory+use.Disk >= clients*(size-1<<10)
	})
	if use := shared.Usage(); use.Memory > memory {
		t.Errorf("%d bytes of memory are held for content, of %d allowed", use.Memory, memory)
	}
	if grown := heap() - before; grown > memory+clients*perClient {
		t.Errorf("the heap has grown by %d bytes, which is more than the %d allowed and %d for each client", grown, memory, perClient)
	}

	for i, c := range conns {
		whole := rawPut(fmt.Sprint("/", i), "X-Slow: yes", content)
		if _, err := io.WriteString(c, whole[size:]); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range conns {
		g.want(c.mustRead(t, "PUT"), 201)
	}
	if n := b.writeCount(); n != clients {
		t.Errorf("%d writes were performed, want %d", n, clients)
	}
	await(func() bool { return shared.Usage() == guard.Usage{} })
}

// heap returns how many bytes are in use on the heap.
func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// await returns when a condition holds. If it never does, the test runs out of time.
func await(holds func() bool) {
	poll := time.NewTicker(time.Millisecond)
	defer poll.Stop()
	for !holds() {
		<-poll.C
	}
}
