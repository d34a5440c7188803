// Package enginetest is the contract between package clusterstore and its engines in executable form,
// with an engine in memory and one that fails as networks do.
//
// An engine gets the tests for one function that opens it, empty:
//
//	func TestEngine(t *testing.T) {
//		enginetest.Run(t, func(tb testing.TB) enginetest.Opened { return … })
//	}
package enginetest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
)

// Opened is an engine for one case. Each element of Heads is a way to the same heads, as if of another
// process; there is at least one. A part that the engine does not have is left out.
type Opened struct {
	Heads    []clusterstore.Heads
	Contents clusterstore.Contents
}

// writers race for one state, and readers look on.
const writers = 32

type engineCase struct {
	name string
	rule string // what the contract says
	run  func(t *env)
}

type env struct {
	testing.TB
	Opened
}

// Run tests the engine that open returns, a new and empty one for each case.
func Run(t *testing.T, open func(tb testing.TB) Opened) {
	for _, c := range slices.Concat(headCases, contentCases) {
		t.Run(c.name, func(t *testing.T) {
			e := &env{t, open(t)}
			if strings.HasPrefix(c.name, "Contents/") && e.Contents == nil || strings.HasPrefix(c.name, "Heads/") && len(e.Heads) == 0 {
				return // the other part's engine is tested with it
			}
			c.run(e)
			if t.Failed() {
				t.Logf("rule: %s", c.rule)
			}
		})
	}
}

// swap swaps what must be swappable.
func (t *env) swap(name string, old clusterstore.Token, record string) clusterstore.Token {
	t.Helper()
	token, err := t.Heads[0].Swap(t.Context(), name, old, []byte(record))
	if err != nil || token == "" || token == old {
		t.Fatalf("Swap(%q, %q): token %q, error %v; want a new token", name, old, token, err)
	}
	return token
}

// wantHead checks what is under name, through every way to it.
func (t *env) wantHead(name, record string, token clusterstore.Token) {
	t.Helper()
	for i, h := range t.Heads {
		got, gotToken, err := h.Get(t.Context(), name, "")
		if err != nil || string(got) != record || gotToken != token {
			t.Errorf("Get(%q) through %d: %q, token %q, error %v; want %q, %q", name, i, got, gotToken, err, record, token)
		}
	}
}

var headCases = []engineCase{
	{"Heads/nothing", "a head that does not exist is nil with the empty Token, and no error", func(t *env) {
		t.wantHead("r/a", "", "")
		if record, token, err := t.Heads[0].Get(t.Context(), "r/a", "1"); record != nil || token != "" || err != nil {
			t.Errorf("Get with a token that never was: %q, %q, %v", record, token, err)
		}
	}},
	{"Heads/swap", "Swap replaces the state it is given, and no other", func(t *env) {
		first := t.swap("r/a", "", "one")
		t.wantHead("r/a", "one", first)
		for _, old := range []clusterstore.Token{"", "0", first + "0"} {
			if _, err := t.Heads[0].Swap(t.Context(), "r/a", old, []byte("other")); !errors.Is(err, clusterstore.ErrSwapped) {
				t.Errorf("Swap of state %q, while %q is current: error %v, want ErrSwapped", old, first, err)
			}
		}
		second := t.swap("r/a", first, "two")
		if _, err := t.Heads[0].Swap(t.Context(), "r/a", first, []byte("late")); !errors.Is(err, clusterstore.ErrSwapped) {
			t.Errorf("Swap of the state before: error %v, want ErrSwapped", err)
		}
		if _, err := t.Heads[0].Swap(t.Context(), "r/b", second, []byte("late")); !errors.Is(err, clusterstore.ErrSwapped) {
			t.Errorf("Swap of a state of another name, where nothing is: error %v, want ErrSwapped", err)
		}
		t.wantHead("r/a", "two", second)
		t.wantHead("r/b", "", "")
	}},
	{"Heads/known", "Get does not return the record of a state that is known, and returns that of another", func(t *env) {
		first := t.swap("r/a", "", "one")
		second := t.swap("r/a", first, "two")
		if record, token, err := t.Heads[0].Get(t.Context(), "r/a", second); record != nil || token != second || err != nil {
			t.Errorf("Get of the known state: %q, %q, %v; want no record", record, token, err)
		}
		if record, token, err := t.Heads[0].Get(t.Context(), "r/a", first); string(record) != "two" || token != second || err != nil {
			t.Errorf("Get, the state before being known: %q, %q, %v; want two", record, token, err)
		}
	}},
	{"Heads/names", "names are kept as they are, whatever is in them; a name too long is store.ErrName", func(t *env) {
		long := "r/" + strings.Repeat(strings.Repeat("n", 200)+"/", 20) + "end"
		names := []string{"r/", "r/a b", "r/a%2Fb", "r/ä語😀", "r/a+b&c=d", "r/~'\"()*!", "r/A", "r/a", "k/00ff", "r/a/b.c", "r/.x", long}
		for _, name := range names {
			token, err := t.Heads[0].Swap(t.Context(), name, "", []byte(name))
			if len(name) > 900 && errors.Is(err, store.ErrName) {
				continue
			}
			if err != nil {
				t.Errorf("Swap(%.50q): %v", name, err)
				continue
			}
			t.wantHead(name, name, token)
		}
	}},
	{"Heads/records", "a record is kept byte by byte, up to MaxRecord bytes", func(t *env) {
		for _, record := range []string{"\x00", "\xff\xfe\x00\r\n", strings.Repeat("\x00\x01é", clusterstore.MaxRecord/4)} {
			token := t.swap(fmt.Sprintf("r/%d", len(record)), "", record)
			t.wantHead(fmt.Sprintf("r/%d", len(record)), record, token)
		}
	}},
	{"Heads/create-race", "of any number who create a head exactly one succeeds", func(t *env) {
		for i := range t.rounds() {
			t.race(fmt.Sprintf("r/c%d", i), "")
		}
	}},
	{"Heads/swap-race", "of any number who swap one state exactly one succeeds", func(t *env) {
		token := t.swap("r/a", "", "start")
		for range t.rounds() {
			token = t.race("r/a", token)
		}
	}},
	{"Heads/counter", "no swap that was acknowledged is lost, and no reader sees an older state after a newer one", testCounter},
	{"Heads/list", "List returns the heads of one level in byte order of their names, page by page", testList},
	{"Heads/cancelled", "a context that is done before the call is an error, and nothing is done", func(t *env) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := t.Heads[0].Swap(ctx, "r/a", "", []byte("x")); !errors.Is(err, context.Canceled) || errors.Is(err, store.ErrUnknown) {
			t.Errorf("Swap: error %v, want context.Canceled alone", err)
		}
		if _, _, err := t.Heads[0].Get(ctx, "r/a", ""); !errors.Is(err, context.Canceled) {
			t.Errorf("Get: error %v, want context.Canceled", err)
		}
		t.wantHead("r/a", "", "")
	}},
}

func (t *env) rounds() int {
	if testing.Short() {
		return 3
	}
	return 10
}

// race lets writers loose on one state, and returns the state that the winner made. A loser may be told
// that the outcome is unknown, as long as it is not the one that is there.
func (t *env) race(name string, old clusterstore.Token) clusterstore.Token {
	t.Helper()
	tokens, errs := make([]clusterstore.Token, writers), make([]error, writers)
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() {
			<-start
			tokens[i], errs[i] = t.Heads[i%len(t.Heads)].Swap(t.Context(), name, old, fmt.Appendf(nil, "after %q by %d", old, i))
		})
	}
	close(start)
	wg.Wait()
	record, token, err := t.Heads[0].Get(t.Context(), name, "")
	if err != nil {
		t.Fatal(err)
	}
	won := 0
	for i, err := range errs {
		mine := string(record) == fmt.Sprintf("after %q by %d", old, i)
		switch {
		case err == nil:
			won++
			if !mine || tokens[i] != token {
				t.Fatalf("writer %d won with token %q, and there is %q with token %q", i, tokens[i], record, token)
			}
		case !errors.Is(err, clusterstore.ErrSwapped) && !errors.Is(err, store.ErrUnknown) && !errors.Is(err, store.ErrUnavailable):
			t.Errorf("a loser: %v", err)
		case mine && !errors.Is(err, store.ErrUnknown):
			t.Errorf("writer %d was told %v, and its record is there", i, err)
		}
	}
	if won > 1 {
		t.Fatalf("%d of %d writers won on %q", won, writers, name)
	}
	if token == old {
		t.Fatalf("nobody won on %q", name)
	}
	return token
}

// testCounter has several count up one number, and a reader of each way look on.
func testCounter(t *env) {
	const each = 20
	ctx, cancel := context.WithCancel(t.Context())
	var counters, readers sync.WaitGroup
	for i := range 8 {
		counters.Go(func() { t.count(t.Heads[i%len(t.Heads)], each) })
	}
	for _, h := range t.Heads {
		readers.Go(func() {
			for last := 0; ctx.Err() == nil; {
				n, _, err := readCounter(t.Context(), h)
				if err != nil || n < last {
					t.Errorf("read %d after %d, error %v", n, last, err)
					return
				}
				last = n
			}
		})
	}
	counters.Wait()
	cancel()
	readers.Wait()
	if n, _, err := readCounter(t.Context(), t.Heads[0]); err != nil || n != 8*each {
		t.Errorf("the counter is %d after %d increments that were acknowledged, error %v", n, 8*each, err)
	}
}

// count counts up n times.
func (t *env) count(h clusterstore.Heads, n int) {
	for done := 0; done < n; {
		value, token, err := readCounter(t.Context(), h)
		if err != nil {
			t.Errorf("Get: %v", err)
			return
		}
		switch _, err = h.Swap(t.Context(), "r/n", token, fmt.Appendf(nil, "%d", value+1)); {
		case err == nil:
			done++
		case !errors.Is(err, clusterstore.ErrSwapped) && !errors.Is(err, store.ErrUnavailable):
			t.Errorf("Swap: %v", err)
			return
		}
	}
}

func readCounter(ctx context.Context, h clusterstore.Heads) (n int, token clusterstore.Token, err error) {
	record, token, err := h.Get(ctx, "r/n", "")
	if err == nil && token != "" {
		_, err = fmt.Sscan(string(record), &n)
	}
	return n, token, err
}

func testList(t *env) {
	names := []string{"k/1", "r/", "r/a", "r/a!b", "r/a/b", "r/a/c", "r/a/c/d", "r/a0", "r/b", "r/B", "r/ä", "s/x"}
	for i := range 40 {
		names = append(names, fmt.Sprintf("r/deep/x/%02d", i))
	}
	for _, name := range names {
		t.swap(name, "", name)
	}
	slices.Sort(names)
	for _, prefix := range []string{"r/", "r/a/", "r/deep/", "r/deep/x/", "k/", "x/", "r/a"} {
		var want []string
		for _, name := range names {
			if rest, ok := strings.CutPrefix(name, prefix); ok && !strings.Contains(rest, "/") {
				want = append(want, name)
			}
		}
		for _, n := range []int{1, 3, 1000} {
			if got := t.listed(prefix, n); !slices.Equal(got, want) {
				t.Errorf("List(%q) by %d returns %q, want %q", prefix, n, got, want)
			}
		}
	}
}

// listed returns all names of a listing, and checks what comes with them.
func (t *env) listed(prefix string, n int) (names []string) {
	t.Helper()
	for after := ""; ; {
		page, next, err := t.Heads[0].List(t.Context(), prefix, after, n)
		if err != nil || len(page) > n {
			t.Fatalf("List(%q, %q, %d): %d heads, error %v", prefix, after, n, len(page), err)
		}
		for _, l := range page {
			names = append(names, l.Name)
			record, token, err := t.Heads[0].Get(t.Context(), l.Name, "")
			if err != nil || l.Token != "" && l.Token != token || l.Record != nil && string(l.Record) != string(record) {
				t.Errorf("listed is %q with %q, token %q; Get returns %q, %q, %v", l.Name, l.Record, l.Token, record, token, err)
			}
		}
		if next == "" {
			return names
		}
		if next <= after {
			t.Fatalf("List goes on at %q after %q", next, after)
		}
		after = next
	}
}

// id returns an identifier of a content.
func id(head string, n int) clusterstore.ContentID {
	return clusterstore.ContentID{Head: head, ID: fmt.Sprintf("0190000000%022x", n)}
}

// put keeps content, in pieces.
func (t *env) put(id clusterstore.ContentID, content string, size int64) {
	t.Helper()
	pieces := io.MultiReader(strings.NewReader(content[:len(content)/3]), strings.NewReader(content[len(content)/3:]))
	if err := t.Contents.Put(t.Context(), id, size, pieces); err != nil {
		t.Fatalf("Put(%v): %v", id, err)
	}
}

// read returns a part of a content.
func (t *env) read(id clusterstore.ContentID, off, n int64) (string, error) {
	r, err := t.Contents.Open(t.Context(), id, off, n)
	if err != nil {
		return "", err
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	return string(data), err
}

// large is longer than what any engine is likely to send in one piece, and not a round number.
var large = strings.Repeat("0123456789abcdef\x00\xff", 700_001)

var contentCases = []engineCase{
	{"Contents/put", "Open returns what was put, whole and in part, whether its size was known or not", func(t *env) {
		for i, content := range []string{"", "x", "some content", large} {
			for j, size := range []int64{-1, int64(len(content))} {
				id := id("r/ä b", 2*i+j)
				t.put(id, content, size)
				all := int64(len(content))
				for _, part := range [][2]int64{{0, -1}, {0, all}, {all / 2, -1}, {all / 3, all / 2}, {all, 0}} {
					want := content[part[0]:]
					if part[1] >= 0 {
						want = want[:part[1]]
					}
					if got, err := t.read(id, part[0], part[1]); err != nil || got != want {
						t.Errorf("Open of %d from %d of %d bytes: %d bytes, error %v; want %d", part[1], part[0], len(content), len(got), err, len(want))
					}
				}
			}
		}
	}},
	{"Contents/gone", "Open of what was never put or was removed is ErrGone, and removing it is no error", func(t *env) {
		t.put(id("r/a", 1), "content", -1)
		for _, id := range []clusterstore.ContentID{id("r/a", 1), id("r/a", 2), id("r/b", 1)} {
			if err := t.Contents.Remove(t.Context(), id); err != nil {
				t.Errorf("Remove(%v): %v", id, err)
			}
			if _, err := t.read(id, 0, -1); !errors.Is(err, store.ErrGone) {
				t.Errorf("Open(%v): error %v, want ErrGone", id, err)
			}
		}
	}},
	{"Contents/broken", "an upload that breaks is an error, the reader's own, and is never read as a whole", func(t *env) {
		broken := errors.New("the client went away")
		for i, before := range []string{"", "some", large} {
			for j, size := range []int64{-1, int64(len(before)) + 10} {
				id := id("r/a", 2*i+j)
				cut := io.MultiReader(strings.NewReader(before), &failing{broken})
				if err := t.Contents.Put(t.Context(), id, size, cut); !errors.Is(err, broken) {
					t.Errorf("Put, cut after %d bytes: error %v, want the reader's", len(before), err)
				}
				if got, err := t.read(id, 0, -1); err == nil {
					t.Errorf("Open after an upload that broke: %d bytes", len(got))
				}
				if err := t.Contents.Remove(t.Context(), id); err != nil {
					t.Errorf("Remove: %v", err)
				}
			}
		}
		if err := t.Contents.Put(t.Context(), id("r/b", 1), 4, strings.NewReader("short or not")); err == nil {
			t.Error("Put of more than was announced: no error")
		}
		if err := t.Contents.Put(t.Context(), id("r/b", 2), 40, strings.NewReader("short or not")); err == nil {
			t.Error("Put of less than was announced: no error")
		}
	}},
	{"Contents/list", "List returns each content once, those of a head together", testContentList},
	{"Contents/copy", "a Copy has the same content, and is another", func(t *env) {
		c, ok := t.Contents.(clusterstore.Copier)
		if !ok {
			return // optional
		}
		for i, content := range []string{"", "content", large} {
			from, to := id("r/a", i), id("r/b/c", i)
			t.put(from, content, -1)
			if err := c.Copy(t.Context(), from, to); err != nil {
				t.Fatalf("Copy: %v", err)
			}
			t.Contents.Remove(t.Context(), from)
			if got, err := t.read(to, 0, -1); err != nil || got != content {
				t.Errorf("the copy has %d bytes, error %v; want %d", len(got), err, len(content))
			}
		}
		if err := c.Copy(t.Context(), id("r/never", 1), id("r/b", 9)); !errors.Is(err, store.ErrGone) {
			t.Errorf("Copy of nothing: error %v, want ErrGone", err)
		}
	}},
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

func testContentList(t *env) {
	want := map[string]int{}
	for _, head := range []string{"r/a", "r/a/b", "r/b", "r/", "r/ä"} {
		for i := range 5 {
			id := id(head, i)
			t.put(id, head, -1)
			want[id.Head+id.ID] = len(head)
		}
	}
	for _, n := range []int{1, 3, 1000} {
		got, heads := map[string]int{}, []string{}
		for _, s := range t.stored("", n) {
			got[s.Head+s.ID] += int(s.Size)
			heads = append(heads, s.Head)
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("List by %d returns %v, want %v", n, got, want)
		}
		if together := slices.Compact(heads); len(together) != 5 {
			t.Errorf("List by %d returns heads in the order %q", n, together)
		}
		if one := t.stored("r/a", n); len(one) != 5 || slices.ContainsFunc(one, func(s clusterstore.Stored) bool { return s.Head != "r/a" }) {
			t.Errorf("List of r/a by %d returns %v", n, one)
		}
	}
}

// stored returns all of a listing of contents.
func (t *env) stored(head string, n int) (all []clusterstore.Stored) {
	t.Helper()
	for cursor := ""; ; {
		page, next, err := t.Contents.List(t.Context(), head, cursor, n)
		if err != nil || len(page) > n {
			t.Fatalf("List(%q, %q, %d): %d contents, error %v", head, cursor, n, len(page), err)
		}
		if all = append(all, page...); next == "" || len(all) > 1000 {
			return all
		}
		cursor = next
	}
}
