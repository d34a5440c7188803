package auth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/bcrypt"
)

func load(t *testing.T, sources ...string) *Credentials {
	t.Helper()
	c, err := Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func basic(pair string) []string {
	return []string{"Basic " + base64.StdEncoding.EncodeToString([]byte(pair))}
}

func TestCheck(t *testing.T) {
	c := load(t, "htpasswd:testdata/users", "bearer:testdata/tokens")
	for _, tt := range []struct {
		name  string
		lines []string
		want  string // the user, or
		err   error
	}{
		{"password", basic("ann:correct horse"), "ann", nil},
		{"password again, now remembered", basic("ann:correct horse"), "ann", nil},
		{"password beyond ASCII, in UTF-8", basic("bob:pässwörd"), "bob", nil},
		{"scheme in another case, more spaces", []string{"basic  " + basic("ann:correct horse")[0][6:]}, "ann", nil},
		{"password of someone else", basic("bob:correct horse"), "", ErrWrong},
		{"wrong password", basic("ann:wrong"), "", ErrWrong},
		{"no password", basic("ann:"), "", ErrWrong},
		{"password with more behind it", basic("ann:correct horse:"), "", ErrWrong},
		{"unknown user", basic("eve:correct horse"), "", ErrWrong},
		{"unknown user with the decoy's password", basic("eve:pässwörd"), "", ErrWrong},
		{"no user", basic(":correct horse"), "", ErrWrong},
		{"no colon", basic("ann"), "", ErrMalformed},
		{"not base64", []string{"Basic ann:x"}, "", ErrMalformed},
		{"token", []string{"Bearer 5Zk3vGq0mT9rYxW2aB7cD4eF6hJ8kL1n"}, "backup", nil},
		{"token without a name", []string{"bearer q8Vx-_.~+/0123456789=="}, "", nil},
		{"wrong token", []string{"Bearer 5Zk3vGq0mT9rYxW2aB7cD4eF6hJ8kL1"}, "", ErrWrong},
		{"token with its name", []string{"Bearer backup:5Zk3vGq0mT9rYxW2aB7cD4eF6hJ8kL1n"}, "", ErrWrong},
		{"token as password", []string{"Basic 5Zk3vGq0mT9rYxW2aB7cD4eF6hJ8kL1n"}, "", ErrMalformed},
		{"password as token", []string{"Bearer " + basic("ann:correct horse")[0][6:]}, "", ErrWrong},
		{"empty token", []string{"Bearer "}, "", ErrWrong},
		{"scheme alone", []string{"Basic"}, "", ErrMalformed},
		{"other scheme", []string{`Digest username="ann"`}, "", ErrMalformed},
		{"empty", []string{""}, "", ErrMalformed},
		{"twice", append(basic("ann:correct horse"), basic("ann:correct horse")...), "", ErrMalformed},
		{"none", nil, "", ErrMissing},
	} {
		id, err := c.Check(t.Context(), tt.lines)
		if !errors.Is(err, tt.err) || (err == nil) != (id != nil) {
			t.Errorf("%s: got %v, error %v, want error %v", tt.name, id, err, tt.err)
		} else if id != nil && id.Name != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, id.Name, tt.want)
		}
	}
}

func TestSchemes(t *testing.T) {
	for want, sources := range map[string][]string{
		"Basic":        {"htpasswd:testdata/users"},
		"Bearer":       {"bearer:testdata/tokens"},
		"Basic Bearer": {"bearer:testdata/tokens", "htpasswd:testdata/users"},
	} {
		if got := strings.Join(load(t, sources...).Schemes(), " "); got != want {
			t.Errorf("%v: got %q, want %q", sources, got, want)
		}
	}
}

func TestRefusedFiles(t *testing.T) {
	data, err := os.ReadFile("testdata/refused.txt")
	if err != nil {
		t.Fatal(err)
	}
	_, cases, _ := strings.Cut(string(data), "\n\n")
	for block := range strings.SplitSeq(cases, "\n\n") {
		kind, rest, _ := strings.Cut(block, "\n")
		text, want, _ := strings.Cut("\n"+rest, "\n! ")
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte(strings.TrimPrefix(text, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load([]string{kind + ":" + path})
		if _, ok := errors.AsType[*FileError](err); !ok {
			t.Errorf("%s: got error %v, want a FileError", text, err)
			continue
		}
		want = strings.ReplaceAll(strings.TrimSpace(want), "FILE", path)
		if got := err.Error(); got != want {
			t.Errorf("%s:\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestRefusedSources(t *testing.T) {
	for _, source := range []string{"users", "htpasswd:", "digest:users", "", `C:\users`, "htpasswd"} {
		if _, err := Load([]string{source}); err == nil || !strings.Contains(err.Error(), "write htpasswd:FILE") {
			t.Errorf("%q: got error %v, want advice", source, err)
		}
	}
	if _, err := Load(nil); err == nil {
		t.Error("no sources: no error")
	}
	if _, err := Load([]string{"bearer:testdata/none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: got error %v", err)
	}
	both := []string{"htpasswd:testdata/users", "htpasswd:testdata/users"}
	if _, err := Load(both); err == nil || !strings.Contains(err.Error(), `user "ann" is in another file already`) &&
		!strings.Contains(err.Error(), `user "bob" is in another file already`) {
		t.Errorf("same file twice: got error %v", err)
	}
}

func TestPasswordsAreRememberedForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := load(t, "htpasswd:testdata/users")
		calls := 0
		c.compare = func(hash, password []byte) error {
			calls++
			return bcrypt.CompareHashAndPassword(hash, password)
		}
		check := func(what string, pair string, want int) {
			t.Helper()
			c.Check(t.Context(), basic(pair))
			if calls != want {
				t.Errorf("%s: got %d calls of bcrypt, want %d", what, calls, want)
			}
		}
		check("first time", "ann:correct horse", 1)
		check("second time", "ann:correct horse", 1)
		check("wrong password", "ann:wrong", 2)
		check("wrong password again", "ann:wrong", 3)
		check("unknown user", "eve:x", 4)
		pass(remember - 1)
		check("just before it is forgotten", "ann:correct horse", 4)
		pass(1)
		check("forgotten", "ann:correct horse", 5)
		if err := c.Reload(); err != nil {
			t.Fatal(err)
		}
		check("after a reload", "ann:correct horse", 6)
	})
}

// pass lets time pass on the clock of a synctest bubble, which does not wait.
func pass(d time.Duration) { <-time.After(d) }

func TestUnknownUserCostsAsMuchAsTheDearestKnown(t *testing.T) {
	c := load(t, "htpasswd:testdata/users")
	var cost int
	c.compare = func(hash, _ []byte) (err error) {
		cost, err = bcrypt.Cost(hash)
		return err
	}
	if _, err := c.Check(t.Context(), basic("eve:x")); !errors.Is(err, ErrWrong) {
		t.Errorf("got error %v, want %v, whatever bcrypt says", err, ErrWrong)
	}
	if cost != 5 {
		t.Errorf("got cost %d, want 5", cost)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	s := newSnapshot()
	id := &Identity{Name: "ann"}
	for i := range 3 * maxRemembered {
		s.remember(mac{byte(i), byte(i >> 8)}, id)
	}
	if n := len(s.verified); n != maxRemembered {
		t.Errorf("got %d remembered, want %d", n, maxRemembered)
	}
	last := 3*maxRemembered - 1
	if s.recall(mac{byte(last), byte(last >> 8)}) == nil {
		t.Error("the last one was not remembered")
	}
}

func TestReload(t *testing.T) {
	path := filepath.Join(t.TempDir(), "tokens")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("0123456789abcdef-old")
	c := load(t, "bearer:"+path)
	wants := func(token string, want error) {
		t.Helper()
		if _, err := c.Check(t.Context(), []string{"Bearer " + token}); !errors.Is(err, want) {
			t.Errorf("%s: got error %v, want %v", token, err, want)
		}
	}
	write("0123456789abcdef-new")
	wants("0123456789abcdef-old", nil)
	if err := c.Reload(); err != nil {
		t.Fatal(err)
	}
	wants("0123456789abcdef-old", ErrWrong)
	wants("0123456789abcdef-new", nil)
	write("short")
	if err := c.Reload(); err == nil {
		t.Error("reloading a bad file did not fail")
	}
	wants("0123456789abcdef-new", nil)
}

// TestPasswordChecksAreBounded holds the checks that run in bcrypt, fills the
// queue, and sees who waits, who is turned away and who gives up.
func TestPasswordChecksAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := load(t, "htpasswd:testdata/users")
		var running, most atomic.Int64
		release := make(chan struct{})
		c.compare = func(_, _ []byte) error {
			most.Store(max(most.Load(), running.Add(1)))
			<-release
			running.Add(-1)
			return nil
		}
		ctx, giveUp := context.WithCancel(t.Context())
		results := make(chan error, 1000)
		check := func(n int) {
			for range n {
				go func() {
					_, err := c.Check(ctx, basic("ann:guess"))
					results <- err
				}()
			}
			synctest.Wait()
		}
		check(c.turns.parallel + maxWaiting)
		if n := len(results); n != 0 || running.Load() != int64(c.turns.parallel) {
			t.Fatalf("%d finished and %d run, want none and %d", n, running.Load(), c.turns.parallel)
		}
		check(1)
		if err := <-results; !errors.Is(err, ErrBusy) {
			t.Errorf("one too many: got error %v, want %v", err, ErrBusy)
		}
		giveUp()
		for range maxWaiting {
			if err := <-results; !errors.Is(err, context.Canceled) {
				t.Errorf("waiting: got error %v, want %v", err, context.Canceled)
			}
		}
		close(release)
		for range c.turns.parallel {
			if err := <-results; err != nil {
				t.Errorf("running: got error %v", err)
			}
		}
		if most.Load() != int64(c.turns.parallel) || c.turns.waiting != 0 {
			t.Errorf("%d ran at once and %d are said to wait", most.Load(), c.turns.waiting)
		}
	})
}

// FuzzCheck looks for a way in: whatever is sent, only what the files hold is
// let through.
func FuzzCheck(f *testing.F) {
	c, err := Load([]string{"htpasswd:testdata/users", "bearer:testdata/tokens"})
	if err != nil {
		f.Fatal(err)
	}
	c.compare = func(_, password []byte) error {
		if string(password) == "correct horse" {
			return nil
		}
		return bcrypt.ErrMismatchedHashAndPassword
	}
	for _, s := range []string{basic("ann:correct horse")[0], "Bearer q8Vx-_.~+/0123456789==", "bearer\t", "Basic Og=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		id, err := c.Check(t.Context(), []string{line})
		if (id == nil) == (err == nil) {
			t.Fatalf("%q: got %v and error %v", line, id, err)
		}
		if err != nil {
			return
		}
		scheme, value, _ := strings.Cut(line, " ")
		value = strings.Trim(value, " \t")
		pair, _ := base64.StdEncoding.DecodeString(value)
		switch {
		case strings.EqualFold(scheme, "Basic") && (string(pair) == "ann:correct horse" || string(pair) == "bob:correct horse"):
		case strings.EqualFold(scheme, "Bearer") && (value == "q8Vx-_.~+/0123456789==" || value == "5Zk3vGq0mT9rYxW2aB7cD4eF6hJ8kL1n"):
		default:
			t.Errorf("%q was let in as %v", line, id)
		}
	})
}

func FuzzFiles(f *testing.F) {
	for _, name := range []string{"users", "tokens", "refused.txt"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	path := filepath.Join(f.TempDir(), "file")
	f.Fuzz(func(t *testing.T, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"htpasswd:", "bearer:"} {
			c, err := Load([]string{kind + path})
			if err != nil {
				continue
			}
			if c.compare = func(_, _ []byte) error { return bcrypt.ErrMismatchedHashAndPassword }; len(c.Schemes()) != 1 {
				t.Errorf("%q: a file that was accepted lets nobody in", text)
			}
			for _, lines := range [][]string{basic(":"), basic("ann:x"), {"Bearer "}, {"Bearer x"}} {
				if id, err := c.Check(t.Context(), lines); err == nil {
					t.Errorf("%q lets %q in as %v", text, lines, id)
				}
			}
		}
	})
}

func BenchmarkRememberedPassword(b *testing.B) {
	c, err := Load([]string{"htpasswd:testdata/users"})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkCheck(b, c, basic("ann:correct horse"))
}

func BenchmarkToken(b *testing.B) {
	c, err := Load([]string{"bearer:testdata/tokens"})
	if err != nil {
		b.Fatal(err)
	}
	benchmarkCheck(b, c, []string{"Bearer 5Zk3vGq0mT9rYxW2aB7cD4eF6hJ8kL1n"})
}

func benchmarkCheck(b *testing.B, c *Credentials, lines []string) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Check(b.Context(), lines); err != nil {
			b.Fatal(err)
		}
	}
}

// TestFlood: while wrong passwords come in faster than they can be checked, from one
// address or through a proxy with one name, somebody else is let in next.
func TestFlood(t *testing.T) {
	for what, from := range map[string][2]string{"from one address": {"192.0.2.1", "192.0.2.2"}, "through a proxy": {"", ""}} {
		synctest.Test(t, func(t *testing.T) {
			c := load(t, "htpasswd:testdata/users")
			next := make(chan struct{})
			c.compare = func(_, password []byte) error {
				<-next
				if string(password) != "secret" {
					return bcrypt.ErrMismatchedHashAndPassword
				}
				return nil
			}
			for range 10 * maxWaiting {
				go c.CheckFrom(t.Context(), from[0], basic("eve:guess"))
			}
			synctest.Wait()
			var in, done atomic.Bool
			go func() {
				id, err := c.CheckFrom(t.Context(), from[1], basic("ann:secret"))
				in.Store(err == nil && id.Name == "ann")
				done.Store(true)
			}()
			synctest.Wait()
			for range 2*c.turns.parallel + 1 {
				next <- struct{}{}
				synctest.Wait()
			}
			if !in.Load() {
				t.Errorf("%s: not let in; an answer: %v", what, done.Load())
			}
			close(next)
		})
	}
}

// TestFloodFromEverywhere: a crowd of addresses of one guess each has no better claim than
// the next one, so those who wait stay.
func TestFloodFromEverywhere(t *testing.T) {
	turns := turns{parallel: 1}
	turns.enter("running")
	for i := range maxWaiting {
		turns.enter(fmt.Sprint(i))
	}
	if w := turns.enter("one more"); len(w.turn) != 1 || <-w.turn {
		t.Error("one more was let in")
	}
	if w := turns.enter("0"); len(w.turn) != 1 || <-w.turn {
		t.Error("a second of one of them was let in")
	}
	if turns.waiting != maxWaiting || len(turns.order) != maxWaiting || len(turns.lines) != maxWaiting {
		t.Errorf("%d wait, in %d and %d lines", turns.waiting, len(turns.order), len(turns.lines))
	}
}
