package server

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"
)

// fake is an endpoint that writes down what it is told.
type fake struct {
	fails error // of Serve, at once
	stuck bool  // a request never ends

	mu    sync.Mutex
	ended chan struct{}
	told  []string
}

func (f *fake) tell(what string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.told = append(f.told, what)
}

func (f *fake) Serve() error {
	if f.fails != nil {
		return f.fails
	}
	<-f.ended
	return errors.New("closed")
}

func (f *fake) Shutdown(ctx context.Context) error {
	f.tell("shutdown")
	if f.stuck {
		<-ctx.Done()
		return ctx.Err()
	}
	close(f.ended)
	return nil
}

func (f *fake) Close() error {
	f.tell("close")
	close(f.ended)
	return nil
}

func TestServe(t *testing.T) {
	broken := errors.New("no more descriptors")
	for name, c := range map[string]struct {
		first, second *fake
		stop          bool // by its context
		err           error
		told          []string // the second
	}{
		"all are stopped": {new(fake), new(fake), true, nil, []string{"shutdown"}},
		"one that does not end is cut off, the other is not": {&fake{stuck: true}, new(fake), true, ErrCut, []string{"shutdown"}},
		"the one that does not end is told":                  {new(fake), &fake{stuck: true}, true, ErrCut, []string{"shutdown", "close"}},
		"one that fails stops the other, and is the reason":  {&fake{fails: broken}, new(fake), false, broken, []string{"shutdown"}},
		"one that fails is the reason, even if others hang": {&fake{fails: broken}, &fake{stuck: true}, false, broken,
			[]string{"shutdown", "close"}},
	} {
		t.Run(name, func(t *testing.T) {
			c.first.ended, c.second.ended = make(chan struct{}), make(chan struct{})
			ctx, cancel := context.WithCancel(t.Context())
			if c.stop {
				cancel()
			}
			defer cancel()
			stopped := false
			err := Serve(ctx, time.Millisecond, func() { stopped = true }, c.first, c.second)
			if !errors.Is(err, c.err) || stopped != c.stop || !slices.Equal(c.second.told, c.told) {
				t.Errorf("got %v, stopping said %v, the second was told %v; want %v, %v, %v", err, stopped, c.second.told, c.err, c.stop, c.told)
			}
		})
	}
}
