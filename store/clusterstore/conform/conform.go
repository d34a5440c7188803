// Package conform finds out whether an engine does what package clusterstore needs of it, through all
// the doors it is reached by. Several servers accept conditions and ignore them, or keep them until two
// clients race: a store on one of these would lose updates, and nothing would say so.
package conform

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// The defaults of [Options].
const (
	DefaultWriters = 32
	DefaultRounds  = 3
)

// A Way is an engine as it is reached through one endpoint.
type Way struct {
	Name     string // as people know it
	Heads    clusterstore.Heads
	Contents clusterstore.Contents
}

// Options are the choices for [Check]. The zero value is ready for use.
type Options struct {
	// Writers race, Rounds times; 0 means the defaults.
	Writers, Rounds int
}

// A Finding is one thing that was asked.
type Finding struct {
	// Name is short and stays the same.
	Name string `json:"name"`
	// Needs is what the store needs of the engine.
	Needs string `json:"needs"`
	// OK says whether the engine does it.
	OK bool `json:"ok"`
	// Seen is what was seen instead, or empty.
	Seen string `json:"seen,omitempty"`
}

// Eraser is implemented by Heads that can remove a head for good. Only the heads of a check are, whose
// names are never used again.
type Eraser interface {
	Erase(ctx context.Context, name string) error
}

// question is one of the check, in the order in which they are asked.
type question struct {
	name, needs string
	ask         func(*asker) string // what was seen, if it is not right
}

var questions = []question{
	{"read-after-write", "what was written is read at once, through every endpoint", (*asker).readAfterWrite},
	{"stale-tag", "a write is refused if it names another state than the current one", (*asker).staleTag},
	{"create-once", "nothing is created where something is", (*asker).createOnce},
	{"create-race", "of many who create the same at once, one succeeds", (*asker).createRace},
	{"swap-race", "of many who replace the same state at once, one succeeds", (*asker).swapRace},
	{"list-after-write", "what was written is listed at once, through every endpoint", (*asker).listAfterWrite},
	{"contents", "a content is read whole and in part, through every endpoint, and is gone when it was removed", (*asker).contents},
}

// Check asks everything, and removes what it has written. The error says that the engine could not be asked.
func Check(ctx context.Context, ways []Way, o Options) (findings []Finding, err error) {
	if o.Writers <= 0 {
		o.Writers = DefaultWriters
	}
	if o.Rounds <= 0 {
		o.Rounds = DefaultRounds
	}
	a := &asker{ctx: ctx, ways: ways, Options: o, folder: "p/" + strings.ToLower(rand.Text()) + "/"}
	defer a.cleanUp()
	for _, q := range questions {
		seen := q.ask(a)
		if a.err != nil {
			return findings, a.err
		}
		findings = append(findings, Finding{q.name, q.needs, seen == "", seen})
	}
	return findings, nil
}

// First returns the first finding that is not right, as an error, or nil.
func First(findings []Finding) error {
	for _, f := range findings {
		if !f.OK {
			return fmt.Errorf("the engine cannot carry a store: %s is needed, but %s", f.Needs, f.Seen)
		}
	}
	return nil
}

// asker asks. Once err is set it is of no use any more.
type asker struct {
	Options
	ctx    context.Context
	ways   []Way
	folder string
	n      int
	names  []string
	err    error
}

// name returns a new name of a head.
func (a *asker) name() string {
	a.n++
	name := fmt.Sprintf("%s%03d", a.folder, a.n)
	a.names = append(a.names, name)
	return name
}

func (a *asker) cleanUp() {
	e, ok := a.ways[0].Heads.(Eraser)
	if !ok {
		return
	}
	ctx := context.WithoutCancel(a.ctx)
	for _, name := range a.names {
		e.Erase(ctx, name) // what is left over disturbs nobody
	}
}

// swap swaps through one way. What is neither done nor refused ends the check.
func (a *asker) swap(way Way, name string, old clusterstore.Token, record string) (token clusterstore.Token, done bool) {
	for range 5 {
		token, err := way.Heads.Swap(a.ctx, name, old, []byte(record))
		switch {
		case err == nil:
			return token, true
		case errors.Is(err, clusterstore.ErrSwapped):
			return "", false
		case !errors.Is(err, store.ErrUnknown):
			a.err = err
			return "", false
		}
		got, token, err := way.Heads.Get(a.ctx, name, "")
		if err == nil && string(got) == record {
			return token, true
		}
		a.err = err
		if err != nil || token != old {
			return "", false
		}
	}
	a.err = fmt.Errorf("%w: five requests were not answered clearly", store.ErrUnknown)
	return "", false
}

func (a *asker) readAfterWrite() string {
	name := a.name()
	token, done := a.swap(a.ways[0], name, "", "0")
	if a.err == nil && !done {
		return "a new head was refused, as if it were there already"
	}
	for i := 1; i <= 2*len(a.ways) && a.err == nil; i++ {
		record := fmt.Sprint(i)
		if token, done = a.swap(a.ways[i%len(a.ways)], name, token, record); a.err == nil && !done {
			return fmt.Sprintf("%s refused a write that named the current state", a.ways[i%len(a.ways)].Name)
		}
		for _, w := range a.ways {
			got, is, err := w.Heads.Get(a.ctx, name, "")
			if err != nil {
				a.err = err
			} else if string(got) != record || is != token {
				return fmt.Sprintf("%s returned %q, state %s, after %q, state %s, had been written", w.Name, got, is, record, token)
			}
		}
	}
	return ""
}

func (a *asker) staleTag() string {
	name := a.name()
	first, _ := a.swap(a.ways[0], name, "", "1")
	if a.err != nil {
		return ""
	}
	second, _ := a.swap(a.ways[0], name, first, "2")
	for _, w := range a.ways {
		if _, done := a.swap(w, name, first, "3"); done {
			return fmt.Sprintf("%s carried out a write that named state %s, while %s was current: it ignores conditions", w.Name, first, second)
		}
	}
	return ""
}

func (a *asker) createOnce() string {
	name := a.name()
	a.swap(a.ways[0], name, "", "1")
	for _, w := range a.ways {
		if _, done := a.swap(w, name, "", "2"); done {
			return fmt.Sprintf("%s created what was there already, and so replaced it: it ignores conditions", w.Name)
		}
	}
	return ""
}

func (a *asker) createRace() string {
	for range a.Rounds {
		if _, seen := a.race(a.name(), ""); seen != "" || a.err != nil {
			return seen
		}
	}
	return ""
}

func (a *asker) swapRace() (seen string) {
	name := a.name()
	token, _ := a.swap(a.ways[0], name, "", "start")
	for range a.Rounds {
		if token, seen = a.race(name, token); seen != "" || a.err != nil {
			return seen
		}
	}
	return ""
}

// race lets all writers loose on one state, each through the next way. Who is not told that it won or lost is looked up.
func (a *asker) race(name string, old clusterstore.Token) (clusterstore.Token, string) {
	errs := make([]error, a.Writers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range a.Writers {
		wg.Go(func() {
			<-start
			_, errs[i] = a.ways[i%len(a.ways)].Heads.Swap(a.ctx, name, old, fmt.Appendf(nil, "%s by %d", old, i))
		})
	}
	close(start)
	wg.Wait()
	record, token, err := a.ways[0].Heads.Get(a.ctx, name, "")
	if err != nil {
		a.err = err
		return "", ""
	}
	return token, a.judge(errs, old, string(record))
}

// judge says what is not right about a race that left record.
func (a *asker) judge(errs []error, old clusterstore.Token, record string) string {
	won, left := 0, false
	for i, err := range errs {
		mine := record == fmt.Sprintf("%s by %d", old, i)
		left = left || mine
		switch {
		case err == nil:
			won++
		case errors.Is(err, clusterstore.ErrSwapped):
			if mine {
				return "the writer whose record is there was told that it was refused"
			}
		case !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrUnavailable):
			a.err = err
			return ""
		}
	}
	switch {
	case won > 1:
		return fmt.Sprintf("%d of %d writers were told that they had succeeded", won, len(errs))
	case !left:
		return fmt.Sprintf("%d of %d writers were told that they had succeeded, and the record of none is there", won, len(errs))
	}
	return ""
}

func (a *asker) listAfterWrite() string {
	for i, w := range a.ways {
		name := a.name()
		if _, done := a.swap(w, name, "", "x"); a.err != nil || !done {
			return "a new head was refused"
		}
		for j := range a.ways {
			other := a.ways[(i+j)%len(a.ways)]
			found, err := lists(a.ctx, other.Heads, a.folder, name)
			if err != nil {
				a.err = err
				return ""
			}
			if !found {
				return fmt.Sprintf("%s did not list what had been written through %s", other.Name, w.Name)
			}
		}
	}
	return ""
}

// lists reports whether a listing has name.
func lists(ctx context.Context, heads clusterstore.Heads, folder, name string) (bool, error) {
	for after := folder; after != ""; {
		page, next, err := heads.List(ctx, folder, after, 500)
		if err != nil {
			return false, err
		}
		for _, l := range page {
			if l.Name == name {
				return true, nil
			}
		}
		after = next
	}
	return false, nil
}

func (a *asker) contents() string {
	if a.ways[0].Contents == nil {
		return ""
	}
	id := clusterstore.ContentID{Head: strings.TrimSuffix(a.folder, "/"), ID: fmt.Sprintf("%032x", 1)}
	content := strings.Repeat("content of the check. ", 1000)
	if a.err = a.ways[0].Contents.Put(a.ctx, id, int64(len(content)), strings.NewReader(content)); a.err != nil {
		return ""
	}
	for _, w := range a.ways {
		for _, part := range [][2]int{{0, len(content)}, {100, 50}} {
			r, err := w.Contents.Open(a.ctx, id, int64(part[0]), int64(part[1]))
			if err != nil {
				return fmt.Sprintf("%s did not return it: %v", w.Name, err)
			}
			got, err := io.ReadAll(r)
			r.Close()
			if err != nil || string(got) != content[part[0]:part[0]+part[1]] {
				return fmt.Sprintf("%s returned %d bytes for %d bytes from %d, or others (error: %v)", w.Name, len(got), part[1], part[0], err)
			}
		}
	}
	if a.err = a.ways[0].Contents.Remove(a.ctx, id); a.err != nil {
		return ""
	}
	if r, err := a.ways[0].Contents.Open(a.ctx, id, 0, 10); err == nil {
		r.Close()
		return "it was still there after it had been removed"
	}
	return ""
}
