package enginetest_test

import (
	"testing"

	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/enginetest"
)

func TestEngineInMemory(t *testing.T) {
	enginetest.Run(t, func(testing.TB) enginetest.Opened {
		e := enginetest.NewEngine()
		return enginetest.Opened{Heads: []clusterstore.Heads{e.Heads(), e.Heads()}, Contents: e.Contents()}
	})
}
