package storetest

import (
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// smallContent is the size of the content of most benchmarks, in bytes.
const smallContent = 1 << 10

// Bench measures the stores that open returns, with allocations: Stat, Open with
// reading 1 KiB, a conditional write of 1 KiB, each by one goroutine and by
// several on names of their own, staging 8 MiB, and listing 100 members.
func Bench(b *testing.B, open func(tb testing.TB) store.Store) {
	for _, bench := range []struct {
		name  string
		setup func(t *env) (step func() error)
	}{
		{"Stat", setupStat},
		{"Open", setupOpen},
		{"Commit", setupCommit},
	} {
		b.Run(bench.name, func(b *testing.B) {
			step := bench.setup(&env{TB: b, store: open(b)})
			b.ReportAllocs()
			for b.Loop() {
				if err := step(); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(bench.name+"Parallel", func(b *testing.B) {
			t := &env{TB: b, store: open(b)}
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				step := bench.setup(t)
				for pb.Next() {
					if err := step(); err != nil {
						b.Error(err)
						return
					}
				}
			})
		})
	}
	b.Run("Stage8MiB", func(b *testing.B) { benchStage(&env{TB: b, store: open(b)}, b) })
	b.Run("List100", func(b *testing.B) { benchList(&env{TB: b, store: open(b)}, b) })
}

// benchNames counts the names benchmarks have used.
var benchNames atomic.Int64

func newName() string { return fmt.Sprintf("d/%d", benchNames.Add(1)) }

func setupStat(t *env) func() error {
	name := newName()
	t.put(name, pattern(name, smallContent))
	return func() error {
		_, err := t.store.Stat(t.Context(), name)
		return err
	}
}

func setupOpen(t *env) func() error {
	name := newName()
	t.put(name, pattern(name, smallContent))
	return func() error {
		c, err := t.store.Open(t.Context(), name, 0)
		if err != nil {
			return err
		}
		if _, err := c.WriteRange(io.Discard, 0, smallContent); err != nil {
			return err
		}
		return c.Close()
	}
}

func setupCommit(t *env) func() error {
	name, current := newName(), store.Absent
	content := pattern(name, smallContent)
	return func() error {
		d, err := t.store.Stage(t.Context(), name, strings.NewReader(content))
		if err != nil {
			return err
		}
		info, err := d.Commit(t.Context(), current)
		current = store.At(info.Revision)
		return err
	}
}

func benchStage(t *env, b *testing.B) {
	const size = 8 << 20
	content := pattern("stage", size)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		t.abort(t.stage("a", content))
	}
}

func benchList(t *env, b *testing.B) {
	for i := range 100 {
		t.put(fmt.Sprintf("d/%d", i), "content")
	}
	b.ReportAllocs()
	for b.Loop() {
		if members, err := t.list("d"); err != nil || len(members) != 100 {
			b.Fatalf("%d members, error %v", len(members), err)
		}
	}
}
