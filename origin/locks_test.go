package origin_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// diary has what happened to a store and its locks, in order.
type diary struct {
	mu      sync.Mutex
	entries []string
}

func (d *diary) note(entry string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.entries = append(d.entries, entry)
}

// take returns the entries, and begins anew.
func (d *diary) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	entries := d.entries
	d.entries = nil
	return entries
}

// fakeLocks answers what the test wants.
type fakeLocks struct {
	diary *diary
	// enter is asked; nil lets everybody. times is how often it was asked before.
	enter func(times int) (guarded bool, err error)
	times int
}

func (l *fakeLocks) Enter(_ *http.Request, name string, _ bool) (origin.Passage, error) {
	guarded, err := false, error(nil)
	if l.enter != nil {
		guarded, err = l.enter(l.times)
	}
	l.times++
	if err != nil {
		l.diary.note("refuse " + name)
		return origin.Passage{}, err
	}
	l.diary.note("enter " + name)
	return origin.Passage{Guarded: guarded, Leave: func() { l.diary.note("leave " + name) }}, nil
}

// notedStore tells the diary of its writes.
type notedStore struct {
	store.Store
	diary *diary
	// rival, if it is not nil, writes before the next commit does.
	rival func()
}

func (s *notedStore) Stage(ctx context.Context, name string, content io.Reader) (store.Draft, error) {
	s.diary.note("stage " + name)
	d, err := s.Store.Stage(ctx, name, content)
	return &notedDraft{d, s, name}, err
}

func (s *notedStore) Delete(ctx context.Context, name string, expect store.Expect) (store.Info, error) {
	s.diary.note("delete " + name)
	return s.Store.Delete(ctx, name, expect)
}

type notedDraft struct {
	store.Draft
	store *notedStore
	name  string
}

func (d *notedDraft) Commit(ctx context.Context, expect store.Expect) (store.Info, error) {
	d.store.diary.note("commit " + d.name)
	if rival := d.store.rival; rival != nil {
		d.store.rival = nil
		rival()
	}
	return d.Draft.Commit(ctx, expect)
}

// lockable is a server with fake locks, that has "a.txt", "b.json" and the collection "dir".
func lockable(t *testing.T, require origin.Require) (*server, *notedStore, *fakeLocks) {
	t.Helper()
	d := new(diary)
	s := &notedStore{Store: memstore.New(memstore.Options{}), diary: d}
	put(t, s.Store, "a.txt", "one")
	put(t, s.Store, "b.json", `{"n":1}`)
	put(t, s.Store, "dir/c.txt", "three")
	locks := &fakeLocks{diary: d}
	return serve(t, origin.Options{Store: s, Require: require, Locks: locks}), s, locks
}

func locked() error {
	return fmt.Errorf("enter: %w", condhttp.NewProblem(http.StatusLocked, "locked", "somebody has locked it", ""))
}

// TestLocksAreHeldAroundTheCommit: a write asks before its content is read, and again around the
// change, in which no lock can come in between.
func TestLocksAreHeldAroundTheCommit(t *testing.T) {
	srv, s, _ := lockable(t, origin.RequireNever)
	for _, c := range []struct {
		request, content, field string
		want                    string
	}{
		{"PUT /a.txt", "two", "", "enter a.txt, leave a.txt, stage a.txt, enter a.txt, commit a.txt, leave a.txt"},
		{"PUT /new.txt", "new", "", "enter new.txt, leave new.txt, stage new.txt, enter new.txt, commit new.txt, leave new.txt"},
		{"PATCH /b.json", `{"n":2}`, "Content-Type: application/merge-patch+json",
			"enter b.json, leave b.json, stage b.json, enter b.json, commit b.json, leave b.json"},
		{"DELETE /a.txt", "", "", "enter a.txt, leave a.txt, enter a.txt, delete a.txt, leave a.txt"},
		{"POST /dir/", "four", "", "enter dir/NEW, leave dir/NEW, stage dir/NEW, enter dir/NEW, commit dir/NEW, leave dir/NEW"},
		{"GET /b.json", "", "", ""},
		{"OPTIONS /b.json", "", "", ""},
		{"DELETE /absent.txt", "", "", ""},            // a 404, whatever is locked
		{"PUT /d/../a.txt", "two", "", ""},            // 400
		{"PUT /a.txt", "two", "Content-Range: x", ""}, // 400
		{"PUT /a.txt", "two", "Content-MD5: x", "enter a.txt, leave a.txt, stage a.txt, enter a.txt, commit a.txt, leave a.txt"},
	} {
		method, path, _ := strings.Cut(c.request, " ")
		fields := []string{c.field}
		if c.field == "" {
			fields = nil
		}
		answer := srv.do(method, path, c.content, fields...)
		got := strings.Join(s.diary.take(), ", ")
		if _, created, ok := strings.Cut(answer.header.Get("Location"), "/dir/"); ok {
			got = strings.ReplaceAll(got, created, "NEW")
		}
		if got != c.want {
			t.Errorf("%s (%d):\n got %s\nwant %s", c.request, answer.status, got, c.want)
		}
	}
}

// TestLocksAreAskedAgainAfterAConflict: what was granted for one state says nothing of the next.
func TestLocksAreAskedAgainAfterAConflict(t *testing.T) {
	srv, s, _ := lockable(t, origin.RequireNever)
	s.rival = func() { put(t, s.Store, "a.txt", "rival") }
	srv.wantStatus(http.StatusNoContent, srv.do("PUT", "/a.txt", "two"))
	attempt := []string{"enter a.txt", "commit a.txt", "leave a.txt"}
	want := slices.Concat([]string{"enter a.txt", "leave a.txt", "stage a.txt"}, attempt, []string{"enter a.txt", "leave a.txt"}, attempt)
	if got := s.diary.take(); !slices.Equal(got, want) {
		t.Errorf("got %q\nwant %q", got, want)
	}
}

// TestLockRefusesBeforeTheContent: a client that waits for 100 Continue sends nothing in vain, and is
// told what is current.
func TestLockRefusesBeforeTheContent(t *testing.T) {
	srv, s, locks := lockable(t, origin.RequireOverwrite)
	locks.enter = func(int) (bool, error) { return false, locked() }
	tag := srv.do("GET", "/a.txt", "").etag()
	conn := srv.dial()
	fmt.Fprintf(conn, "PUT /a.txt HTTP/1.1\r\nHost: origin.example\r\nExpect: 100-continue\r\nContent-Length: 3\r\nIf-Match: %s\r\n\r\n", tag)
	answer, err := conn.read("PUT")
	if err != nil {
		t.Fatal(err)
	}
	if answer.status != http.StatusLocked || !strings.Contains(answer.body, fmt.Sprintf(`"etag":%q`, tag)) {
		t.Errorf("status %d, want 423 with the current tag %s:\n%s", answer.status, tag, answer.body)
	}
	if got, want := s.diary.take(), []string{"refuse a.txt"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestRefusalsForWebDAV: a client that speaks WebDAV is told in XML, with the condition that failed.
func TestRefusalsForWebDAV(t *testing.T) {
	srv, _, locks := lockable(t, origin.RequireOverwrite)
	locks.enter = func(int) (bool, error) {
		p := condhttp.NewProblem(http.StatusLocked, "locked", "somebody has locked it", "")
		p.Condition = &condhttp.Condition{Name: "lock-token-submitted", Hrefs: []string{"/a.txt"}}
		return false, p
	}
	for field, want := range map[string]string{
		"Overwrite: T": "<D:lock-token-submitted><D:href>/a.txt</D:href></D:lock-token-submitted>",
		"Accept: */*":  `"condition":{"name":"lock-token-submitted","hrefs":["/a.txt"]}`,
	} {
		answer := srv.do("PUT", "/a.txt", "two", field)
		if answer.status != http.StatusLocked || !strings.Contains(answer.body, want) {
			t.Errorf("%s: status %d, want 423 with %s\n%s", field, answer.status, want, answer.body)
		}
	}
	answer := srv.do("GET", "/absent.txt", "", "Depth: 0")
	if answer.header.Get("Content-Type") != condhttp.XMLType || !strings.Contains(answer.body, "<reason>not-found</reason>") {
		t.Errorf("Content-Type %s, want XML with the reason\n%s", answer.header.Get("Content-Type"), answer.body)
	}
}

// TestLockThatComesDuringAnUpload refuses it at its commit, and nothing is stored.
func TestLockThatComesDuringAnUpload(t *testing.T) {
	for _, c := range []struct{ method, path, content, field string }{
		{"PUT", "/a.txt", "two", "Accept: */*"},
		{"PATCH", "/b.json", `{"n":2}`, "Content-Type: application/merge-patch+json"},
		{"DELETE", "/a.txt", "", "Accept: */*"},
		{"POST", "/dir/", "four", "Accept: */*"},
	} {
		srv, s, locks := lockable(t, origin.RequireNever)
		before := srv.do("GET", c.path, "")
		locks.enter = func(times int) (bool, error) {
			if times == 0 {
				return false, nil
			}
			return false, locked()
		}
		answer := srv.do(c.method, c.path, c.content, c.field)
		if answer.status != http.StatusLocked {
			t.Errorf("%s: status %d, want 423", c.method, answer.status)
		}
		if tagged := strings.Contains(answer.body, `"current":`); tagged != (c.method != "POST") {
			t.Errorf("%s: the refusal tells of the current state: %v\n%s", c.method, tagged, answer.body)
		}
		if after := srv.do("GET", c.path, ""); after.body != before.body {
			t.Errorf("%s: refused, and yet %q became %q", c.method, before.body, after.body)
		}
		for _, entry := range s.diary.take() {
			if strings.HasPrefix(entry, "commit") || strings.HasPrefix(entry, "delete") {
				t.Errorf("%s: %s, though the lock refuses it", c.method, entry)
			}
		}
	}
}

// TestLockTokenIsAPrecondition: who names the token of a lock has seen what is there, and needs no If-Match (RFC 6585 §3).
func TestLockTokenIsAPrecondition(t *testing.T) {
	for _, c := range []struct {
		name    string
		require origin.Require
		guarded [2]bool // before the content, and at the commit
		want    int
	}{
		{"no token", origin.RequireOverwrite, [2]bool{false, false}, http.StatusPreconditionRequired},
		{"token", origin.RequireOverwrite, [2]bool{true, true}, http.StatusNoContent},
		{"token", origin.RequireAlways, [2]bool{true, true}, http.StatusNoContent},
		{"lock ends during the upload", origin.RequireOverwrite, [2]bool{true, false}, http.StatusPreconditionRequired},
	} {
		srv, _, locks := lockable(t, c.require)
		locks.enter = func(times int) (bool, error) { return c.guarded[min(times, 1)], nil }
		if got := srv.do("PUT", "/a.txt", "two"); got.status != c.want {
			t.Errorf("%s: status %d, want %d\n%s", c.name, got.status, c.want, got.body)
		}
		want := map[int]string{http.StatusNoContent: "two", http.StatusPreconditionRequired: "one"}[c.want]
		if got := srv.do("GET", "/a.txt", "").body; got != want {
			t.Errorf("%s: %q is stored, want %q", c.name, got, want)
		}
	}
	srv, _, locks := lockable(t, origin.RequireAlways)
	locks.enter = func(int) (bool, error) { return true, nil }
	srv.wantStatus(http.StatusCreated, srv.do("POST", "/dir/", "four"))
}

// TestLockAndPreconditionMustHold: If comes first, and If-Match is not excused by it.
func TestLockAndPreconditionMustHold(t *testing.T) {
	failed := condhttp.NewProblem(http.StatusPreconditionFailed, "if-false", "no list of If is true", "")
	for _, c := range []struct {
		name    string
		refusal error
		field   string
		status  int
		reason  string
	}{
		{"both false", failed, `If-Match: "other"`, http.StatusPreconditionFailed, "if-false"},
		{"lock refuses", locked(), "If-Match: *", http.StatusLocked, "locked"},
		{"If-Match is false", nil, `If-Match: "other"`, http.StatusPreconditionFailed, "none-matched"},
		{"both hold", nil, "If-Match: *", http.StatusNoContent, ""},
	} {
		srv, _, locks := lockable(t, origin.RequireOverwrite)
		locks.enter = func(int) (bool, error) { return true, c.refusal }
		tag := srv.do("GET", "/a.txt", "").etag()
		answer := srv.do("PUT", "/a.txt", "two", c.field)
		if answer.status != c.status || c.reason != "" && !strings.Contains(answer.body, fmt.Sprintf(`"reason":%q`, c.reason)) {
			t.Errorf("%s: status %d, want %d with %q\n%s", c.name, answer.status, c.status, c.reason, answer.body)
		}
		if answer.status == http.StatusPreconditionFailed && answer.etag() != tag {
			t.Errorf("%s: the 412 has the ETag %s, want the current %s", c.name, answer.etag(), tag)
		}
	}
	if failed.Current != nil {
		t.Error("a problem that may be shared was changed")
	}
}

// TestLocksFailClosed: a write is not performed if nobody can say whether it is locked, and what went wrong is not for the client.
func TestLocksFailClosed(t *testing.T) {
	srv, _, locks := lockable(t, origin.RequireNever)
	locks.enter = func(int) (bool, error) { return false, errors.New(secret) }
	answer := srv.do("PUT", "/a.txt", "two")
	if answer.status != http.StatusInternalServerError || strings.Contains(answer.body, secret) {
		t.Errorf("status %d, want 500 without %q:\n%s", answer.status, secret, answer.body)
	}
	if got := srv.do("GET", "/a.txt", "").body; got != "one" {
		t.Errorf("%q is stored, want what was there", got)
	}
}
