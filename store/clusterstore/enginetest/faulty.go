package enginetest

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// Faults say how often what goes wrong, each as a share of calls from 0 to 1.
type Faults struct {
	// Seed makes the choices the same again, as far as goroutines let it.
	Seed uint64
	// LostAnswers: the swap is done, and the error is store.ErrUnknown.
	LostAnswers float64
	// LostRequests: the swap is not done, and the error is store.ErrUnknown.
	LostRequests float64
	// Delayed: the error is store.ErrUnknown, and the swap is tried again among later calls.
	Delayed float64
	// Throttled: nothing is done, and the error is store.ErrUnavailable. This is for all calls.
	Throttled float64
}

// Faulty is an engine whose calls go wrong as Faults say.
type Faulty struct {
	heads    clusterstore.Heads
	contents clusterstore.Contents

	mu      sync.Mutex
	faults  Faults
	random  *rand.Rand
	delayed []func()
}

// NewFaulty returns an engine that passes what goes well to heads and contents.
func NewFaulty(heads clusterstore.Heads, contents clusterstore.Contents, f Faults) *Faulty {
	return &Faulty{heads: heads, contents: contents, faults: f, random: rand.New(rand.NewPCG(f.Seed, 412))}
}

// Heads returns the heads, with faults.
func (f *Faulty) Heads() clusterstore.Heads { return (*faultyHeads)(f) }

// Contents returns the contents, with faults.
func (f *Faulty) Contents() clusterstore.Contents { return (*faultyContents)(f) }

// Settle makes an end of faults: all that was delayed arrives now, and nothing goes wrong any more.
func (f *Faulty) Settle() {
	f.mu.Lock()
	delayed := f.delayed
	f.delayed, f.faults = nil, Faults{}
	f.mu.Unlock()
	for _, late := range delayed {
		late()
	}
}

// fate is what becomes of one swap.
type fate int

const (
	well fate = iota
	lostAnswer
	lostRequest
	delay
	throttle
)

// choose returns the fate of a call, and sometimes something delayed whose time has come.
func (f *Faulty) choose(swap bool) (fate, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var late func()
	if n := len(f.delayed); n > 0 && f.random.IntN(4) == 0 {
		i := f.random.IntN(n)
		late = f.delayed[i]
		f.delayed = slices.Delete(f.delayed, i, i+1)
	}
	for _, may := range []struct {
		share float64
		fate  fate
		all   bool
	}{
		{f.faults.LostAnswers, lostAnswer, false},
		{f.faults.LostRequests, lostRequest, false},
		{f.faults.Delayed, delay, false},
		{f.faults.Throttled, throttle, true},
	} {
		if (swap || may.all) && f.random.Float64() < may.share {
			return may.fate, late
		}
	}
	return well, late
}

// call decides about a call that is no swap.
func (f *Faulty) call() error {
	fate, late := f.choose(false)
	if late != nil {
		late()
	}
	if fate == throttle {
		return fmt.Errorf("the engine asks for less: %w", store.ErrUnavailable)
	}
	return nil
}

type faultyHeads Faulty

// Get implements clusterstore.Heads.
func (f *faultyHeads) Get(ctx context.Context, name string, known clusterstore.Token) ([]byte, clusterstore.Token, error) {
	if err := (*Faulty)(f).call(); err != nil {
		return nil, "", err
	}
	return f.heads.Get(ctx, name, known)
}

// Swap implements clusterstore.Heads.
func (f *faultyHeads) Swap(ctx context.Context, name string, old clusterstore.Token, record []byte) (clusterstore.Token, error) {
	fate, late := (*Faulty)(f).choose(true)
	if late != nil {
		late()
	}
	unknown := fmt.Errorf("no answer: %w", store.ErrUnknown)
	switch fate {
	case throttle:
		return "", fmt.Errorf("the engine asks for less: %w", store.ErrUnavailable)
	case lostAnswer:
		f.heads.Swap(ctx, name, old, record)
		return "", unknown
	case lostRequest:
		return "", unknown
	case delay:
		kept := slices.Clone(record)
		f.mu.Lock()
		f.delayed = append(f.delayed, func() { f.heads.Swap(context.WithoutCancel(ctx), name, old, kept) })
		f.mu.Unlock()
		return "", unknown
	}
	return f.heads.Swap(ctx, name, old, record)
}

// List implements clusterstore.Heads.
func (f *faultyHeads) List(ctx context.Context, prefix, after string, n int) ([]clusterstore.Listed, string, error) {
	if err := (*Faulty)(f).call(); err != nil {
		return nil, "", err
	}
	return f.heads.List(ctx, prefix, after, n)
}

type faultyContents Faulty

// Put implements clusterstore.Contents.
func (f *faultyContents) Put(ctx context.Context, id clusterstore.ContentID, size int64, r io.Reader) error {
	if err := (*Faulty)(f).call(); err != nil {
		return err
	}
	return f.contents.Put(ctx, id, size, r)
}

// Open implements clusterstore.Contents.
func (f *faultyContents) Open(ctx context.Context, id clusterstore.ContentID, off, n int64) (io.ReadCloser, error) {
	if err := (*Faulty)(f).call(); err != nil {
		return nil, err
	}
	return f.contents.Open(ctx, id, off, n)
}

// Remove implements clusterstore.Contents.
func (f *faultyContents) Remove(ctx context.Context, id clusterstore.ContentID) error {
	if err := (*Faulty)(f).call(); err != nil {
		return err
	}
	return f.contents.Remove(ctx, id)
}

// List implements clusterstore.Contents.
func (f *faultyContents) List(ctx context.Context, head, cursor string, n int) ([]clusterstore.Stored, string, error) {
	if err := (*Faulty)(f).call(); err != nil {
		return nil, "", err
	}
	return f.contents.List(ctx, head, cursor, n)
}
