package memstore_test

import (
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

func open(testing.TB) store.Store { return memstore.New(memstore.Options{}) }

func TestContract(t *testing.T)      { storetest.Run(t, open, storetest.Options{}) }
func BenchmarkContract(b *testing.B) { storetest.Bench(b, open) }
