package lock

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// record is what is kept of a lock.
type record struct {
	Lock
	Client string `json:"client,omitempty"`
}

func (e *entry) key() string { return keyOf(e.Token) }

func keyOf(token string) string { return recordPrefix + strings.TrimPrefix(token, tokenPrefix) }

// keep makes l, which e is or becomes, durable, and takes the occasion to remove records of locks that are gone.
func (t *Table) keep(ctx context.Context, e *entry, l Lock) error {
	if t.options.Keeper == nil {
		return nil
	}
	t.tidy(ctx)
	value, err := json.Marshal(record{Lock: l, Client: e.client})
	if err != nil {
		return fmt.Errorf("lock: record of %q: %w", l.Root, err)
	}
	return t.options.Keeper.Keep(ctx, e.key(), value)
}

// forget removes a record.
func (t *Table) forget(ctx context.Context, key string) error {
	if t.options.Keeper == nil {
		return nil
	}
	return t.options.Keeper.Keep(ctx, key, nil)
}

// tidy removes a few stale records. Those it cannot remove are removed when the table is opened.
func (t *Table) tidy(ctx context.Context) {
	t.mu.Lock()
	n := min(len(t.stale), maxStalePerMutation)
	keys := t.stale[:n:n]
	t.stale = t.stale[n:]
	t.mu.Unlock()
	for _, key := range keys {
		_ = t.forget(ctx, key)
	}
}

// load reads the records. One that cannot be read, or is of no use any more, is removed.
func (t *Table) load(ctx context.Context, now time.Time, exists func(context.Context, string) (bool, error)) error {
	var useless []string
	for r, err := range t.options.Keeper.Kept(ctx, recordPrefix) {
		if err != nil {
			return fmt.Errorf("lock: reading what was kept: %w", err)
		}
		kept := record{}
		if json.Unmarshal(r.Value, &kept) != nil || keyOf(kept.Token) != r.Key || !now.Before(kept.Expires) {
			useless = append(useless, r.Key)
			continue
		}
		there, err := exists(ctx, kept.Root)
		if err != nil {
			return fmt.Errorf("lock: looking for %q: %w", kept.Root, err)
		}
		if !there {
			useless = append(useless, r.Key)
			continue
		}
		t.ofClient[kept.Client]++
		t.insert(&entry{Lock: kept.Lock, client: kept.Client})
	}
	for _, key := range useless {
		if err := t.forget(ctx, key); err != nil {
			return fmt.Errorf("lock: removing what was kept: %w", err)
		}
	}
	return nil
}
