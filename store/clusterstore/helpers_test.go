package clusterstore_test

import (
	"context"
	"crypto/sha256"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

func digest(content string) store.Digest { return sha256.Sum256([]byte(content)) }

// put writes content under name if expect holds.
func put(ctx context.Context, s store.Store, name, content string, expect store.Expect) (store.Info, error) {
	d, err := s.Stage(ctx, name, strings.NewReader(content))
	if err != nil {
		return store.Info{}, err
	}
	defer d.Abort(ctx)
	return d.Commit(ctx, expect)
}
