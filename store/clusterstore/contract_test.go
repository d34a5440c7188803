package clusterstore_test

import (
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/enginetest"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// opened remembers which engine a Store is on, to open it again.
type opened struct {
	*clusterstore.Store
	engine *enginetest.Engine
}

func openOn(tb testing.TB, e *enginetest.Engine, o clusterstore.Options) *opened {
	tb.Helper()
	s, err := clusterstore.New(e.Heads(), e.Contents(), o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return &opened{s, e}
}

func TestContract(t *testing.T) {
	for name, o := range map[string]clusterstore.Options{
		"as it comes":    {},
		"nothing inline": {Inline: -1, Patience: 20 * time.Millisecond},
		"no memory":      {HeadMemory: -1, Memory: -1},
	} {
		t.Run(name, func(t *testing.T) {
			open := func(tb testing.TB) store.Store { return openOn(tb, enginetest.NewEngine(), o).Store }
			storetest.Run(t, open, storetest.Options{Rounds: 40})
		})
	}
}

func BenchmarkContract(b *testing.B) {
	storetest.Bench(b, func(tb testing.TB) store.Store {
		return openOn(tb, enginetest.NewEngine(), clusterstore.Options{}).Store
	})
}
