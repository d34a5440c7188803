package dav_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// lockinfo is the content of a LOCK for an exclusive lock.
const lockinfo = `<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype></D:lockinfo>`

// newHandler serves s; it fails the test where that cannot be.
func newHandler(t testing.TB, s store.Store, change func(*dav.Options)) http.Handler {
	t.Helper()
	o := dav.Options{Require: origin.RequireNever, Origin: origin.Options{Store: s, Require: origin.RequireNever}}
	if change != nil {
		change(&o)
	}
	h, err := dav.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// ask sends a request; fields are pairs of name and value.
func ask(h http.Handler, method, target, content string, fields ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(content))
	for i := 0; i < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// lockToken locks a target, and returns the token in its angle brackets, or "" if it was refused.
func lockToken(h http.Handler, target string, fields ...string) string {
	return ask(h, "LOCK", target, lockinfo, fields...).Header().Get("Lock-Token")
}

// inParallel runs n times f at once.
func inParallel(n int, f func(i int)) {
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			f(i)
		})
	}
	close(start)
	all.Wait()
}

const rounds = 200

// eachRound runs f 200 times over each store. The collection dir is there for it alone, with a slash at its end.
func eachRound(t *testing.T, f func(t *testing.T, h http.Handler, dir string)) {
	eachStoreWith(t, dirstore.Options{Sync: dirstore.SyncNone}, func(t *testing.T, open func() store.Store) {
		h := newHandler(t, open(), nil)
		for round := range rounds {
			dir := fmt.Sprintf("/%d/", round)
			ask(h, "MKCOL", dir, "")
			if f(t, h, dir); t.Failed() {
				return
			}
		}
	})
}

// TestOneLockOf32: 32 clients lock one name at which nothing exists: one gets the lock, 201, and the token lets it write.
func TestOneLockOf32(t *testing.T) {
	eachRound(t, func(t *testing.T, h http.Handler, dir string) {
		var created, others atomic.Int32
		inParallel(32, func(i int) {
			w := ask(h, "LOCK", dir+"new.odt", lockinfo)
			switch w.Code {
			case http.StatusCreated:
				created.Add(1)
				if w := ask(h, "PUT", dir+"new.odt", "mine", "If", "("+w.Header().Get("Lock-Token")+")"); w.Code != http.StatusNoContent {
					t.Errorf("the holder's PUT: %d %s", w.Code, w.Body)
				}
			case http.StatusLocked:
				others.Add(1)
			default:
				t.Errorf("LOCK: %d %s", w.Code, w.Body)
			}
		})
		if created.Load() != 1 || others.Load() != 31 {
			t.Fatalf("%d were granted and %d refused, want 1 and 31", created.Load(), others.Load())
		}
	})
}

// TestLockAgainstPut: from the moment that a LOCK is answered nobody else's write changes the resource, though many had begun.
func TestLockAgainstPut(t *testing.T) {
	eachRound(t, func(t *testing.T, h http.Handler, dir string) {
		ask(h, "PUT", dir+"a", "first")
		inParallel(8, func(i int) {
			if i > 0 {
				if w := ask(h, "PUT", dir+"a", fmt.Sprint("blind ", i)); w.Code != http.StatusNoContent && w.Code != http.StatusLocked {
					t.Errorf("PUT: %d %s", w.Code, w.Body)
				}
				return
			}
			token := lockToken(h, dir+"a")
			seen := ask(h, "GET", dir+"a", "").Header().Get("ETag")
			runtime.Gosched()
			if again := ask(h, "GET", dir+"a", "").Header().Get("ETag"); again != seen {
				t.Errorf("it changed from %s to %s under the lock", seen, again)
			}
			if w := ask(h, "PUT", dir+"a", "mine", "If", fmt.Sprintf("(%s [%s])", token, seen)); w.Code != http.StatusNoContent {
				t.Errorf("the holder's PUT: %d %s", w.Code, w.Body)
			}
		})
	})
}

// TestMoveAgainstPut: a MOVE that names the version of its source, and that nothing be at its destination, meets writes to both.
func TestMoveAgainstPut(t *testing.T) {
	eachRound(t, func(t *testing.T, h http.Handler, dir string) {
		tag := ask(h, "PUT", dir+"src", "v1").Header().Get("ETag")
		var moved, changed, made int
		inParallel(3, func(i int) {
			switch i {
			case 0:
				moved = ask(h, "MOVE", dir+"src", "", "Destination", dir+"dst", "Overwrite", "F", "If", "(["+tag+"])").Code
			case 1:
				changed = ask(h, "PUT", dir+"src", "v2", "If-Match", tag).Code
			case 2:
				made = ask(h, "PUT", dir+"dst", "other", "If-None-Match", "*").Code
			}
		})
		src, dst := ask(h, "GET", dir+"src", ""), ask(h, "GET", dir+"dst", "")
		switch {
		case moved == http.StatusCreated:
			if changed == http.StatusNoContent || made == http.StatusCreated || dst.Body.String() != "v1" || src.Code != http.StatusNotFound {
				t.Fatalf("moved, and PUT said %d and %d; src %d, dst %q", changed, made, src.Code, dst.Body)
			}
		case moved == http.StatusPreconditionFailed:
			if changed != http.StatusNoContent && made != http.StatusCreated {
				t.Fatalf("the MOVE was refused, and PUT said %d and %d", changed, made)
			}
		default:
			t.Fatalf("MOVE said %d", moved)
		}
	})
}

// TestDeleteTreeAgainstPut: a member is written or the tree is deleted first; nothing of what was answered is lost but by the other.
func TestDeleteTreeAgainstPut(t *testing.T) {
	eachRound(t, func(t *testing.T, h http.Handler, dir string) {
		tag := ask(h, "PUT", dir+"a", "v1").Header().Get("ETag")
		var deleted, put, made int
		inParallel(3, func(i int) {
			switch i {
			case 0:
				deleted = ask(h, "DELETE", dir, "", "Depth", "infinity").Code
			case 1:
				put = ask(h, "PUT", dir+"a", "v2", "If-Match", tag).Code
			case 2:
				made = ask(h, "PUT", dir+"b", "new", "If", "(Not <DAV:no-lock>)").Code // of a client that speaks WebDAV
			}
		})
		if deleted != http.StatusNoContent {
			t.Fatalf("DELETE said %d", deleted)
		}
		if put != http.StatusNoContent && put != http.StatusPreconditionFailed && put != http.StatusConflict {
			t.Fatalf("PUT of what was there said %d", put)
		}
		if w := ask(h, "GET", dir+"a", ""); w.Code != http.StatusNotFound {
			t.Fatalf("PUT said %d, DELETE %d, and then GET %d", put, deleted, w.Code)
		}
		if made != http.StatusCreated && made != http.StatusConflict {
			t.Fatalf("PUT of a new member said %d", made)
		}
	})
}

// TestManyLocks: clients lock, refresh, write and unlock a few names, exclusively and shared, a few thousand times. While somebody has an
// exclusive lock nobody else has one, and at the end nothing is left of any, in the store neither.
func TestManyLocks(t *testing.T) {
	const clients, names, times = 16, 3, 40
	eachStore(t, func(t *testing.T, open func() store.Store) {
		s := open()
		h := newHandler(t, s, nil)
		var exclusive, shared [names]atomic.Int32
		var granted, refused atomic.Int32
		inParallel(clients, func(client int) {
			for i := range times {
				n := (client + i) % names
				target, mine, content := fmt.Sprintf("/%d.txt", n), &exclusive[n], lockinfo
				if client%4 == 0 {
					mine, content = &shared[n], strings.Replace(lockinfo, "exclusive", "shared", 1)
				}
				token := ask(h, "LOCK", target, content, "Depth", "0", "Timeout", "Second-60").Header().Get("Lock-Token")
				if token == "" {
					refused.Add(1)
					continue
				}
				granted.Add(1)
				mine.Add(1)
				if e, all := exclusive[n].Load(), shared[n].Load(); e > 1 || e == 1 && all > 0 {
					t.Errorf("%s: %d exclusive and %d shared locks at once", target, e, all)
				}
				for _, r := range [][2]string{{"LOCK", ""}, {"PUT", fmt.Sprint(client, i)}} {
					if w := ask(h, r[0], target, r[1], "If", "("+token+")"); w.Code/100 != 2 {
						t.Errorf("%s with the token: %d %s", r[0], w.Code, w.Body)
					}
				}
				mine.Add(-1)
				if w := ask(h, "UNLOCK", target, "", "Lock-Token", token); w.Code != http.StatusNoContent {
					t.Errorf("UNLOCK: %d %s", w.Code, w.Body)
				}
			}
		})
		if granted.Load() == 0 || refused.Load() == 0 {
			t.Errorf("%d locks were granted and %d refused, which shows little", granted.Load(), refused.Load())
		}
		for n := range names {
			w := ask(h, "PROPFIND", fmt.Sprintf("/%d.txt", n), "", "Depth", "0")
			if !strings.Contains(w.Body.String(), "<D:lockdiscovery/>") {
				t.Errorf("a lock is left:\n%s", w.Body)
			}
		}
		newHandler(t, s, nil) // which forgets the records of locks that are no more
		for r, err := range s.(store.Keeper).Kept(t.Context(), "") {
			t.Errorf("a record is left: %s, error %v", r.Key, err)
		}
	})
}

// TestLocksSurviveARestart: another handler over the same store knows them, and the tokens.
func TestLocksSurviveARestart(t *testing.T) {
	s := memstore.New(memstore.Options{})
	token := lockToken(newHandler(t, s, nil), "/a")
	h := newHandler(t, s, nil)
	if w := ask(h, "PUT", "/a", "x"); w.Code != http.StatusLocked {
		t.Errorf("PUT without the token: %d", w.Code)
	}
	if w := ask(h, "PUT", "/a", "x", "If", "("+token+")"); w.Code != http.StatusNoContent {
		t.Errorf("PUT with the token: %d %s", w.Code, w.Body)
	}
}

// TestLocksOfUsers: a token is of use to who made the lock, and to nobody else (RFC 4918 §6.4).
func TestLocksOfUsers(t *testing.T) {
	type user struct{}
	h := newHandler(t, memstore.New(memstore.Options{}), func(o *dav.Options) {
		o.Client = func(r *http.Request) string { name, _ := r.Context().Value(user{}).(string); return name }
	})
	as := func(name, method, content string, fields ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/a", strings.NewReader(content))
		for i := 0; i < len(fields); i += 2 {
			r.Header.Set(fields[i], fields[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), user{}, name)))
		return w
	}
	token := as("ann", "LOCK", lockinfo).Header().Get("Lock-Token")
	for _, c := range []struct {
		user, method, content string
		fields                []string
		want                  int
	}{
		{"bob", "PUT", "x", []string{"If", "(" + token + ")"}, 423},
		{"bob", "LOCK", "", []string{"If", "(" + token + ")"}, 403},
		{"bob", "UNLOCK", "", []string{"Lock-Token", token}, 403},
		{"ann", "PUT", "x", []string{"If", "(" + token + ")"}, 204},
		{"ann", "UNLOCK", "", []string{"Lock-Token", token}, 204},
		{"bob", "PUT", "x", nil, 204},
	} {
		if got := as(c.user, c.method, c.content, c.fields...).Code; got != c.want {
			t.Errorf("%s of %s with %q: got %d, want %d", c.method, c.user, c.fields, got, c.want)
		}
	}
}

// TestLockExhaustion: one client's locks are bounded, and another still gets one.
func TestLockExhaustion(t *testing.T) {
	h := newHandler(t, memstore.New(memstore.Options{}), nil)
	ask(h, "MKCOL", "/c", "")
	from := func(address, name string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("LOCK", "/c/"+name, strings.NewReader(lockinfo))
		r.RemoteAddr = address
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	for i := range 1024 {
		if w := from("192.0.2.1:1", fmt.Sprint(i)); w.Code != http.StatusCreated {
			t.Fatalf("lock %d: %d %s", i, w.Code, w.Body)
		}
	}
	w := from("192.0.2.1:2", "more")
	if w.Code != http.StatusInsufficientStorage || !strings.Contains(w.Body.String(), "too-many-locks-of-client") {
		t.Errorf("one more: %d %s", w.Code, w.Body)
	}
	if w := ask(h, "GET", "/c/more", ""); w.Code != http.StatusNotFound {
		t.Errorf("a resource was made for a lock that was refused: %d", w.Code)
	}
	if w := from("192.0.2.2:1", "other"); w.Code != http.StatusCreated {
		t.Errorf("another client's: %d %s", w.Code, w.Body)
	}
}
