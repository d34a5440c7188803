package dirstore

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// TestSharedLooksAreFresh: nobody is told of a state that was over when they asked.
func TestSharedLooksAreFresh(t *testing.T) {
	var (
		looks   looks
		current atomic.Int64
		over    atomic.Bool
		all     sync.WaitGroup
	)
	look := func() *entry {
		found := &entry{info: store.Info{Revision: store.Revision(current.Load())}}
		runtime.Gosched() // it takes its time to say so
		return found
	}
	for range 8 {
		all.Go(func() {
			for range 5000 {
				before := current.Load()
				got := looks.share(look)
				if rev := int64(got.info.Revision); rev < before || rev > current.Load() {
					t.Errorf("asked when %d was current, and was told of %d", before, rev)
					over.Store(true)
				}
			}
		})
	}
	var writer sync.WaitGroup
	writer.Go(func() {
		for !over.Load() {
			current.Add(1)
			runtime.Gosched()
		}
	})
	all.Wait()
	over.Store(true)
	writer.Wait()
}

// TestLooksAreShared: once company is noticed, nearly all who are ready to ask on
// one processor have asked before the first of them looks. Nearly, because the
// scheduler now and then takes the one who let the others go first before them.
func TestLooksAreShared(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	const askers = 64
	var (
		looks looks
		made  atomic.Int64
		ready = make(chan struct{})
		all   sync.WaitGroup
	)
	looks.asking.Add(1) // somebody else, for as long as this takes
	looks.company.Store(true)
	for range askers {
		all.Go(func() {
			<-ready
			looks.share(func() *entry { made.Add(1); return new(entry) })
		})
	}
	close(ready)
	all.Wait()
	if n := made.Load(); n > askers/2 {
		t.Errorf("%d askers made %d looks", askers, n)
	}
}

// TestFailedLooksAreNotShared: who finds something else than expected has to
// look closer, and so has everybody.
func TestFailedLooksAreNotShared(t *testing.T) {
	var looks looks
	looks.asking.Add(1) // somebody waits
	if got := looks.share(func() *entry { return nil }); got != nil || looks.last.Load() != nil {
		t.Errorf("got %v, and %v is kept", got, looks.last.Load())
	}
}

// TestNothingIsKeptForNobody: without company there is nothing to allocate.
func TestNothingIsKeptForNobody(t *testing.T) {
	var looks looks
	e := new(entry)
	look := func() *entry { return e }
	if n := testing.AllocsPerRun(100, func() { looks.share(look) }); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}

// TestCompanyIsNoticed, and that it has gone: who is alone is not held up.
func TestCompanyIsNoticed(t *testing.T) {
	var looks looks
	look := func() *entry { return new(entry) }
	looks.asking.Add(1) // somebody else
	for range tryEvery {
		looks.share(look)
	}
	if !looks.company.Load() {
		t.Error("company was not noticed")
	}
	looks.asking.Add(-1)
	looks.share(look)
	if looks.company.Load() {
		t.Error("that nobody else asks any more was not noticed")
	}
}
