package lock_test

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/dav/internal/lock"
	"pgregory.net/rapid"
)

// names are a small tree, so that locks meet.
var names = []string{"", "a", "b", "a/a", "a/b", "a/a/a", "ab"}

// model is a list of locks, looked through from end to end each time.
type model struct {
	now   time.Time
	locks []lock.Lock
}

func (m *model) active() []lock.Lock {
	return slices.DeleteFunc(slices.Clone(m.locks), func(l lock.Lock) bool { return !l.Expires.After(m.now) })
}

// ancestors of a name and itself.
func ancestors(name string) []string {
	list := []string{name}
	for name != "" {
		if name = path.Dir(name); name == "." {
			name = ""
		}
		list = append(list, name)
	}
	return list
}

func scope(l lock.Lock, name string) bool {
	return name == l.Root || l.Infinite && slices.Contains(ancestors(name), l.Root)
}

func (m *model) on(name string) (found []lock.Lock) {
	for _, l := range m.active() {
		if scope(l, name) {
			found = append(found, l)
		}
	}
	return found
}

// isCollection reports whether a name has members in the tree of names.
func isCollection(name string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(ancestors(n)[1:], name) })
}

// at is the place of a name in the tree, where all of them exist.
func at(name string) lock.Place {
	return lock.Place{Look: func() (bool, bool, error) { return true, isCollection(name), nil }, Make: there.Make}
}

// mayWrite reports whether a write may change what it claims: each name that it changes and that is locked takes a token. What is
// taken away may have more members than the names.
func (m *model) mayWrite(w lock.Writer, c lock.Claim) bool {
	changed := []string{c.Name}
	if c.Member && c.Name != "" {
		changed = append(changed, ancestors(c.Name)[1])
	}
	if c.Tree {
		for _, n := range names {
			if slices.Contains(ancestors(n), c.Name) {
				changed = append(changed, n)
				if isCollection(n) {
					changed = append(changed, strings.TrimPrefix(n+"/another", "/"))
				}
			}
		}
	}
	return !slices.ContainsFunc(changed, func(n string) bool {
		on := m.on(n)
		return len(on) > 0 && !slices.ContainsFunc(on, func(l lock.Lock) bool {
			return l.Principal == w.Principal && slices.Contains(w.Tokens, l.Token)
		})
	})
}

// mayLock reports whether a lock goes together with those there are, on every name that it would cover.
func (m *model) mayLock(r lock.Request) bool {
	new := lock.Lock{Root: r.Root, Infinite: r.Infinite}
	return !slices.ContainsFunc(names, func(n string) bool {
		return scope(new, n) && slices.ContainsFunc(m.on(n), func(l lock.Lock) bool { return !l.Shared || !r.Shared })
	})
}

func (m *model) token(t *rapid.T) string {
	if len(m.locks) == 0 || rapid.IntRange(0, 9).Draw(t, "foreign token") == 0 {
		return "urn:uuid:none"
	}
	return rapid.SampledFrom(m.locks).Draw(t, "lock").Token
}

func (m *model) writer(t *rapid.T) lock.Writer {
	w := lock.Writer{Principal: rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "principal")}
	for range rapid.IntRange(0, 2).Draw(t, "tokens") {
		w.Tokens = append(w.Tokens, m.token(t))
	}
	return w
}

// TestModel: whatever is done in whatever order, the table answers as the list does, and after a restart too.
func TestModel(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		k := newKeeper()
		options := lock.Options{Keeper: k, MaxTimeout: time.Minute}
		m := &model{now: now}
		table, err := lock.Open(t.Context(), m.now, options, always)
		if err != nil {
			t.Fatal(err)
		}
		name := func(t *rapid.T) string { return rapid.SampledFrom(names).Draw(t, "name") }
		t.Repeat(map[string]func(*rapid.T){
			"lock": func(t *rapid.T) {
				r := lock.Request{
					Root: name(t), Infinite: rapid.Bool().Draw(t, "infinite"), Shared: rapid.Bool().Draw(t, "shared"),
					Timeout: rapid.SampledFrom([]time.Duration{0, time.Second, 30 * time.Second}).Draw(t, "timeout"), Writer: m.writer(t),
				}
				l, _, err := table.Lock(t.Context(), m.now, r, at(r.Root))
				if conflict := errors.As(err, new(*lock.ConflictError)); conflict == m.mayLock(r) || err != nil && !conflict {
					t.Fatalf("%+v: got %v, the model says %v", r, err, m.mayLock(r))
				}
				if err == nil {
					m.locks = append(m.locks, l)
				}
			},
			"write": func(t *rapid.T) {
				w := m.writer(t)
				c := lock.Claim{Name: name(t), Member: rapid.Bool().Draw(t, "member"), Tree: rapid.Bool().Draw(t, "tree")}
				c.Member = c.Member || c.Tree // what takes a tree away takes its name away
				p, err := enter(t.Context(), table, m.now, w, c)
				if (err == nil) != m.mayWrite(w, c) {
					t.Fatalf("%+v %+v: got %v, the model says %v", w, c, err, m.mayWrite(w, c))
				}
				if err != nil {
					return
				}
				defer p.Leave()
				if c.Tree {
					p.Unmapped(t.Context(), c.Name)
					m.locks = slices.DeleteFunc(m.locks, func(l lock.Lock) bool { return slices.Contains(ancestors(l.Root), c.Name) })
				}
			},
			"unlock": func(t *rapid.T) {
				n, token := name(t), m.token(t)
				i := slices.IndexFunc(m.on(n), func(l lock.Lock) bool { return l.Token == token })
				principal := rapid.SampledFrom([]string{"ann", "bob"}).Draw(t, "principal")
				err := table.Unlock(t.Context(), m.now, n, token, principal)
				switch {
				case i < 0 && !errors.Is(err, lock.ErrNoLock), i >= 0 && m.on(n)[i].Principal != principal && !errors.Is(err, lock.ErrNotCreator):
					t.Fatalf("%s %s: got %v", n, token, err)
				case i >= 0 && m.on(n)[i].Principal == principal:
					if err != nil {
						t.Fatal(err)
					}
					m.locks = slices.DeleteFunc(m.locks, func(l lock.Lock) bool { return l.Token == token })
				}
			},
			"refresh": func(t *rapid.T) {
				n, token := name(t), m.token(t)
				i := slices.IndexFunc(m.on(n), func(l lock.Lock) bool { return l.Token == token })
				if i < 0 {
					return
				}
				l, err := table.Refresh(t.Context(), m.now, n, token, m.on(n)[i].Principal, 10*time.Second)
				if err != nil || !l.Expires.Equal(m.now.Add(10*time.Second)) {
					t.Fatalf("got %+v, %v", l, err)
				}
				m.locks[slices.IndexFunc(m.locks, func(l lock.Lock) bool { return l.Token == token })] = l
			},
			"time": func(t *rapid.T) {
				m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Second, 20 * time.Second}).Draw(t, "passes"))
			},
			"restart": func(t *rapid.T) {
				if table, err = lock.Open(t.Context(), m.now, options, always); err != nil {
					t.Fatal(err)
				}
			},
			"": func(t *rapid.T) {
				for _, n := range names {
					if got, want := tokensOf(table.Covering(m.now, n)), tokensOf(m.on(n)); got != want {
						t.Fatalf("%q: got locks %s, want %s", n, got, want)
					}
				}
			},
		})
	})
}

func tokensOf(locks []lock.Lock) string {
	var tokens []string
	for _, l := range locks {
		tokens = append(tokens, l.Token+l.Expires.Format(time.RFC3339))
	}
	slices.Sort(tokens)
	return strings.Join(tokens, " ")
}
