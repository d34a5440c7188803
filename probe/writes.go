package probe

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/fourtwelve/fourtwelve/exchange"
)

// scratch is the resource that may be written to.
type scratch struct {
	*session
	url *url.URL
}

// openScratch makes sure that what may be written to does not exist. It returns nil if nothing may be.
func (s *session) openScratch(ctx context.Context) (*scratch, error) {
	to := s.opts.WriteTo
	if to == nil {
		return nil, nil
	}
	if err := checkTarget(to); err != nil {
		return nil, err
	}
	a, err := s.do(ctx, request{method: http.MethodGet, url: to})
	shown := exchange.RedactURL(to.String())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case a.status == 0:
		return nil, fmt.Errorf("%w: %s: %v", ErrUnreachable, shown, err)
	case a.status == http.StatusNotFound || a.status == http.StatusGone:
		return &scratch{session: s, url: to}, nil
	case a.status/100 == 2:
		return nil, fmt.Errorf("%w: %s: nothing was written; name a resource that does not exist yet", ErrExists, shown)
	}
	return nil, fmt.Errorf("%w: %s answers %d, so that it is not sure that it does not exist; nothing was written%s", ErrUnfit, shown, a.status, credentialHint(a.status))
}

// close removes what was written, and reports whether nothing is left.
func (s *scratch) close(ctx context.Context) bool {
	if s == nil {
		return true
	}
	gone := func(a *answer, err error) bool {
		return err == nil && (a.status == http.StatusNotFound || a.status == http.StatusGone)
	}
	if gone(s.do(ctx, request{method: http.MethodGet, url: s.url})) {
		return true
	}
	s.do(ctx, request{method: http.MethodDelete, url: s.url})
	return gone(s.do(ctx, request{method: http.MethodGet, url: s.url}))
}

func writeChecks() []*Check { return nil }
