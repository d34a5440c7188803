package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Endpoint takes requests at one place, in one version of HTTP or more.
type Endpoint interface {
	// Serve answers requests until Shutdown or Close is called, or it can no longer.
	Serve() error
	// Shutdown accepts no more, and returns when the requests under way have been answered, or with an error
	// when ctx is done.
	Shutdown(ctx context.Context) error
	// Close cuts off what is under way.
	Close() error
}

// Endpoints are all that take requests at a listener's address, one for each protocol. One that is to come has a file of its
// own, and a line here.
func Endpoints(ln net.Listener, o Options) []Endpoint {
	return []Endpoint{
		NewHTTP(ln, o), // HTTP/1.1, and HTTP/2 over TLS and without
	}
}

// ErrCut says that requests were cut off, as they had not finished in time.
var ErrCut = errors.New("requests were cut off")

// Serve has all endpoints serve until ctx is done. Then it calls stopping, no more connections are accepted, and the
// requests under way have grace to finish; if some do not, they are cut off and the error is [ErrCut]. If an endpoint
// fails, the others are stopped in the same way, and the error says why it failed.
func Serve(ctx context.Context, grace time.Duration, stopping func(), endpoints ...Endpoint) error {
	failed := make(chan error, len(endpoints))
	for _, e := range endpoints {
		go func() { failed <- e.Serve() }()
	}
	var failure error
	select {
	case err := <-failed:
		failure = fmt.Errorf("cannot serve any longer: %w", err)
	case <-ctx.Done():
		stopping()
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	if err := shutdown(limit, endpoints); failure == nil {
		failure = err
	}
	return failure
}

// shutdown ends all endpoints at the same time, by ctx at the latest.
func shutdown(ctx context.Context, endpoints []Endpoint) error {
	outcomes := make([]error, len(endpoints))
	var ending sync.WaitGroup
	for i, e := range endpoints {
		ending.Go(func() {
			if e.Shutdown(ctx) != nil {
				_ = e.Close()
				outcomes[i] = ErrCut
			}
		})
	}
	ending.Wait()
	for _, err := range outcomes {
		if err != nil {
			return err
		}
	}
	return nil
}
