package s3engine

import (
	"context"
	"crypto/rand"
	"strings"

	"github.com/fourtwelve/fourtwelve/store/clusterstore/conform"
)

// Check asks whether the bucket can be used ([Engine.Reach]), which form of tags its server understands
// ([Engine.Tags]), and then all that package conform asks, through all endpoints. The error says that it could not be asked.
func (e *Engine) Check(ctx context.Context, o conform.Options) ([]conform.Finding, error) {
	if err := e.Reach(ctx); err != nil {
		return nil, err
	}
	name := "p/" + strings.ToLower(rand.Text())
	seen, err := e.Tags(ctx, name)
	e.Heads().Erase(context.WithoutCancel(ctx), name) // what is left over disturbs nobody
	if err != nil {
		return nil, err
	}
	needs := "If-Match with the current tag is true, with another one it is false"
	findings := []conform.Finding{{Name: "tags", Needs: needs, OK: seen == "", Seen: seen}}
	if seen != "" {
		return findings, nil // all else would only say the same
	}
	ways, err := e.ways(ctx)
	if err != nil {
		return nil, err
	}
	var doors []conform.Way
	for _, w := range ways {
		name := "the engine"
		if len(w.Endpoints) > 0 {
			name = w.Endpoints[0]
		}
		doors = append(doors, conform.Way{Name: name, Heads: w.Heads(), Contents: w.Contents()})
	}
	more, err := conform.Check(ctx, doors, o)
	return append(findings, more...), err
}
