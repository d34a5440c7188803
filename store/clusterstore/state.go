package clusterstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
)

// settling is how long is spent on finding out whether a change took place whose answer was lost.
const settling = 20 * time.Second

// state is a head at one moment: what the engine has, and what that means.
type state struct {
	name  string
	token Token
	// stored is what the record says, head what it comes to: the same, unless it takes part in a change
	// of several heads that is done and not tidied up.
	stored, head *head
	// pending is set if that change was not decided when the state was looked at.
	pending bool
	// asked is when the engine was asked, at the latest.
	asked time.Time
}

// look returns the state of a head as it is now, asking the engine unless what it said is no older than
// staleness. A change of several heads that is not decided has not happened. What was made in a
// collection that was gone by then is not there.
func (s *Store) look(ctx context.Context, name string, staleness time.Duration) (*state, error) {
	st, err := s.lookAlone(ctx, name, staleness)
	if err != nil {
		return nil, err
	}
	return s.within(ctx, st)
}

// within returns what st is, which says for itself that it is there.
func (s *Store) within(ctx context.Context, st *state) (*state, error) {
	for st.head.Under != 0 {
		above, err := s.current(ctx, headName(parent(resourceName(st.name))))
		if err != nil {
			return nil, err
		}
		if above.born() == st.head.Under {
			return st.under(above.born()), nil
		}
		// Either it was there, and went when the collection did, or it never was: then it has not changed.
		again, err := s.lookAlone(ctx, st.name, 0)
		if err != nil {
			return nil, err
		}
		if again.token == st.token && !again.pending {
			return again.under(0), nil
		}
		st = again
	}
	return st, nil
}

// born returns the Born of a collection that exists: 0 for the root, which always does.
func (st *state) born() uint64 {
	if st.head.Kind != kindCollection || st.name == resourcePrefix {
		return 0
	}
	return st.head.Born
}

// under returns what st is if the collection that holds it has this Born, 0 being that of none.
func (st *state) under(born uint64) *state {
	if st.head.Under == 0 {
		return st
	}
	is := *st
	h := *st.head
	if h.Under != born {
		h.Kind, h.Current, h.Properties, h.Voided = kindNothing, nil, nil, st.stored.Changes
	}
	h.Under = 0
	is.head = &h
	return &is
}

// lookAlone is look without a look at the collection that holds the name.
func (s *Store) lookAlone(ctx context.Context, name string, staleness time.Duration) (*state, error) {
	if s.closed.Load() {
		return nil, store.ErrClosed
	}
	known := s.remembered(name)
	if known != nil && staleness > 0 && s.now().Sub(known.asked) <= staleness && known.asked.UnixNano() > s.missed.Load() {
		return known, nil
	}
	return s.ask(ctx, name, known)
}

// ask returns the state of a head as the engine has it now. known may be nil.
func (s *Store) ask(ctx context.Context, name string, known *state) (*state, error) {
	for {
		st, err := s.get(ctx, name, known)
		if err != nil {
			return nil, err
		}
		if st.stored.Pending == nil {
			s.remember(st)
			return st, nil
		}
		overtaken, err := s.resolve(ctx, st)
		if err != nil {
			return nil, err
		}
		if !overtaken {
			return st, nil
		}
		known = nil // the decision is about others by now, so this head is not current
	}
}

// get returns what the engine has, not yet resolved.
func (s *Store) get(ctx context.Context, name string, known *state) (*state, error) {
	asked := s.now()
	var have Token
	if known != nil {
		have = known.token
	}
	record, token, err := s.heads.Get(ctx, name, have)
	if err != nil {
		return nil, err
	}
	st := &state{name: name, token: token, asked: asked}
	switch {
	case have != "" && token == have:
		st.stored = known.stored
	case token == "":
		st.stored = new(head)
	default:
		if st.stored, err = decodeHead(record); err != nil {
			return nil, fmt.Errorf("head %q: %w", name, err)
		}
	}
	st.head = st.stored
	return st, nil
}

// current returns the state of a head for a writer: no change of several heads is pending in it, since
// the writer waits for that, and refuses it in the end.
func (s *Store) current(ctx context.Context, name string) (*state, error) {
	st, err := s.currentAlone(ctx, name)
	if err != nil {
		return nil, err
	}
	return s.within(ctx, st)
}

// currentAlone is current without a look at the collection that holds the name.
func (s *Store) currentAlone(ctx context.Context, name string) (*state, error) {
	refuseAt := time.Now().Add(s.options.Patience)
	for try := 0; ; try++ {
		st, err := s.lookAlone(ctx, name, 0)
		if err != nil || !st.pending {
			return st, err
		}
		if !time.Now().Before(refuseAt) {
			if err := s.refuse(ctx, st.stored.Pending); err != nil {
				return nil, err
			}
			continue
		}
		if err := pause(ctx, try); err != nil {
			return nil, err
		}
	}
}

// swap replaces st by next, and returns the state that it made. The error is ErrSwapped if st is not
// current any more and nothing was done. An answer that is lost is found out; only when that fails, too,
// the error is store.ErrUnknown.
func (s *Store) swap(ctx context.Context, st *state, next *head) (*state, error) {
	nonce := s.options.Nonce()
	next = next.changed(nonce)
	record, err := next.encode()
	if err != nil {
		return nil, fmt.Errorf("head %q: %w", st.name, err)
	}
	made := &state{name: st.name, stored: next, head: next}
	made.token, err = s.heads.Swap(ctx, st.name, st.token, record)
	if errors.Is(err, store.ErrUnknown) {
		made, err = s.settle(ctx, st, made, record, nonce)
	}
	if err != nil {
		return nil, err
	}
	if made.asked = s.now(); made.token != "" && made.stored.Pending == nil {
		s.remember(made)
	}
	return made, nil
}

// settle finds out whether the swap of st for record took place, and makes it take place if nothing
// else has: it is the same swap, so that it cannot take place twice.
func (s *Store) settle(ctx context.Context, st, made *state, record []byte, nonce string) (*state, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	for try := 0; ; try++ {
		now, err := s.get(ctx, st.name, nil)
		switch {
		case err != nil:
		case slices.Contains(now.stored.Nonces, nonce):
			made.token = ""
			if now.stored.Nonces[len(now.stored.Nonces)-1] == nonce {
				made.token = now.token
			}
			return made, nil
		case now.token != st.token && now.stored.Changes-st.stored.Changes <= rememberedChanges:
			return nil, ErrSwapped
		case now.token != st.token:
			return nil, fmt.Errorf("head %q changed more than %d times meanwhile: %w", st.name, rememberedChanges, store.ErrUnknown)
		default:
			if token, err := s.heads.Swap(ctx, st.name, st.token, record); err == nil {
				made.token = token
				return made, nil
			}
		}
		if pause(ctx, try) != nil {
			return nil, fmt.Errorf("head %q: no answer came in %v: %w", st.name, settling, store.ErrUnknown)
		}
	}
}

// pause waits a while that grows with every try: at first a few milliseconds, a quarter of a second in
// the end, and never the same for two who wait for the same.
func pause(ctx context.Context, try int) error {
	longest := min(4*time.Millisecond<<min(try, 6), 250*time.Millisecond)
	timer := time.NewTimer(longest/2 + rand.N(longest/2))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// remembered returns what is in memory of a head, however old that is, or nil.
func (s *Store) remembered(name string) *state {
	if s.known == nil {
		return nil
	}
	st, _ := s.known.Get(name)
	return st
}

// remember keeps st in memory, unless something later is there.
func (s *Store) remember(st *state) {
	if s.known == nil {
		return
	}
	mu := &s.remembering[hash(st.name)%uint64(len(s.remembering))]
	mu.Lock()
	defer mu.Unlock()
	if before, ok := s.known.Get(st.name); ok && before.asked.After(st.asked) {
		return
	}
	s.known.Put(st.name, st, int64(len(st.name))+st.stored.size())
}

// forget makes the next look at a head ask the engine, whatever the staleness.
func (s *Store) forget(name string) {
	if st := s.remembered(name); st != nil {
		old := *st
		old.asked = time.Time{}
		s.known.Put(name, &old, int64(len(name))+st.stored.size())
	}
}
