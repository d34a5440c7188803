package clusterstore

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// decision says whether several heads change. A decision is used for one change after the other: the
// number says for which. It is used again only when no head waits for it any more.
type decision struct {
	Number uint64  `json:"number"`
	State  outcome `json:"state"`
}

type outcome string

const (
	undecided outcome = "pending"
	done      outcome = "done"
	refused   outcome = "refused"
)

// decisionPrefix begins the names of decisions.
const decisionPrefix = "t/"

// resolve finds out what st, which takes part in a change of several heads, comes to. overtaken says
// that all heads of that change are tidied up, so that st is not current any more.
func (s *Store) resolve(ctx context.Context, st *state) (overtaken bool, err error) {
	p := st.stored.Pending
	by, err := s.get(ctx, p.Decision, nil)
	if err != nil {
		return false, err
	}
	d := by.stored.Decision
	if d == nil || d.Number < p.Number {
		return false, fmt.Errorf("head %q waits for decision %d of %q, which is not there", st.name, p.Number, p.Decision)
	}
	if d.Number > p.Number {
		return true, nil
	}
	without := *st.stored
	without.Pending = nil
	st.head, st.pending = &without, d.State == undecided
	if d.State == done {
		next := *p.Next
		next.Changes, next.Nonces = without.Changes, without.Nonces
		st.head = &next
	}
	return false, nil
}

// refuse decides that the change of several heads that p is part of does not take place, unless it is
// decided already.
func (s *Store) refuse(ctx context.Context, p *pending) error {
	by, err := s.get(ctx, p.Decision, nil)
	if err != nil {
		return err
	}
	if d := by.stored.Decision; d == nil || d.Number != p.Number || d.State != undecided {
		return nil
	}
	_, err = s.swap(ctx, by, &head{Decision: &decision{p.Number, refused}, Changes: by.stored.Changes, Nonces: by.stored.Nonces})
	if errors.Is(err, ErrSwapped) {
		return nil
	}
	return err
}

// change is a change of several heads in one step. It is used by one goroutine.
type change struct {
	s      *Store
	by     *state // the decision
	number uint64
	// placed are the heads that take part, as they wait, in the order in which they came to.
	placed []*state
	heads  map[string]*state // by name
}

// begin takes a decision that nobody uses.
func (s *Store) begin(ctx context.Context) (*change, error) {
	s.mu.Lock()
	var by *state
	if n := len(s.decisions); n > 0 {
		by = s.decisions[n-1]
		s.decisions = s.decisions[:n-1]
	}
	s.mu.Unlock()
	if by == nil {
		by = &state{name: decisionPrefix + strings.ToLower(newID(s.now(), s.options.Nonce())), stored: new(head)}
	}
	number := uint64(1)
	if d := by.stored.Decision; d != nil {
		number = d.Number + 1
	}
	next := &head{Decision: &decision{number, undecided}, Changes: by.stored.Changes, Nonces: by.stored.Nonces}
	by, err := s.swap(ctx, by, next)
	if err != nil {
		return nil, surely(err)
	}
	return &change{s: s, by: by, number: number, heads: make(map[string]*state)}, nil
}

// place makes st part of the change, as one that becomes next.
func (c *change) place(ctx context.Context, st *state, next *head) error {
	if c.heads[st.name] != nil {
		return fmt.Errorf("head %q is twice in one change", st.name)
	}
	if len(c.placed) >= c.s.options.Tree {
		return fmt.Errorf("more than %d names in one change are %w: take them in parts", c.s.options.Tree, store.ErrTooLarge)
	}
	waiting := *st.head
	then := *next
	waiting.Pending = &pending{c.by.name, c.number, &then}
	placed, err := c.s.swap(ctx, st, &waiting)
	if errors.Is(err, store.ErrUnknown) {
		c.by = nil // it may yet come, and must find its decision
		return fmt.Errorf("head %q: %w", st.name, store.ErrUnavailable)
	}
	if err != nil {
		return err
	}
	if placed.token == "" {
		return ErrSwapped // it was placed, and somebody else has been there since
	}
	c.placed = append(c.placed, placed)
	c.heads[st.name] = placed
	return nil
}

// decide makes all heads change, or none of them: then the error is ErrSwapped.
func (c *change) decide(ctx context.Context) error {
	next := &head{Decision: &decision{c.number, done}, Changes: c.by.stored.Changes, Nonces: c.by.stored.Nonces}
	by, err := c.s.swap(ctx, c.by, next)
	if errors.Is(err, store.ErrUnknown) {
		c.by, c.placed = nil, nil // who meets them will find out
		return err
	}
	if err != nil {
		return err
	}
	c.by = by
	c.tidy(ctx, done)
	return nil
}

// end gives up a change that was not decided. After decide it does nothing.
func (c *change) end(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	if len(c.placed) > 0 {
		if c.s.refuse(ctx, c.placed[0].stored.Pending) != nil {
			return
		}
		c.tidy(ctx, refused)
	} else if c.by != nil && c.by.stored.Decision.State == undecided {
		c.release(c.by)
	}
}

// tidy makes of each head what it has become, and lets the decision be used again if that is all.
func (c *change) tidy(ctx context.Context, how outcome) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settling)
	defer cancel()
	all := each(c.placed, func(st *state) error {
		next := *st.stored
		next.Pending = nil
		if how == done {
			next = *st.stored.Pending.Next
			next.Changes, next.Nonces = st.stored.Changes, st.stored.Nonces
		}
		_, err := c.s.swap(ctx, st, &next)
		if errors.Is(err, ErrSwapped) {
			return nil // somebody else has
		}
		return err
	})
	c.placed = nil
	if all != nil || c.by == nil {
		return
	}
	if how == done {
		c.release(c.by)
	} else if by, err := c.s.get(ctx, c.by.name, nil); err == nil && by.stored.Decision.Number == c.number {
		c.release(by)
	}
}

// release lets the decision be used again.
func (c *change) release(by *state) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	c.s.decisions = append(c.s.decisions, by)
	c.by = nil
}

// surely turns an unknown outcome of a step that nobody sees into one that was not done.
func surely(err error) error {
	if errors.Is(err, store.ErrUnknown) || errors.Is(err, ErrSwapped) {
		return fmt.Errorf("%v: %w", err, store.ErrUnavailable)
	}
	return err
}
