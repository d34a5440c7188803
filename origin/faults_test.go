package origin_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// hookedStore lets a test come between the steps of a request, or make one fail.
type hookedStore struct {
	store.Store
	afterStat                                      func()
	beforeOpen                                     func()
	statErr, openErr, stageErr, commitErr, listErr error
	failAfter                                      int64 // bytes, for readErr
	readErr                                        error
	opened                                         int
}

func (s *hookedStore) Stat(ctx context.Context, name string) (store.Info, error) {
	if s.statErr != nil {
		return store.Info{}, s.statErr
	}
	info, err := s.Store.Stat(ctx, name)
	if s.afterStat != nil {
		s.afterStat()
	}
	return info, err
}

func (s *hookedStore) Open(ctx context.Context, name string, rev store.Revision) (store.Content, error) {
	s.opened++
	if s.beforeOpen != nil {
		s.beforeOpen()
	}
	if s.openErr != nil {
		return nil, s.openErr
	}
	c, err := s.Store.Open(ctx, name, rev)
	if err != nil || s.readErr == nil {
		return c, err
	}
	return &failingContent{c, s.failAfter, s.readErr}, nil
}

func (s *hookedStore) Stage(ctx context.Context, name string, content io.Reader) (store.Draft, error) {
	if s.stageErr != nil {
		return nil, s.stageErr
	}
	d, err := s.Store.Stage(ctx, name, content)
	if err != nil || s.commitErr == nil {
		return d, err
	}
	return &failingDraft{d, s.commitErr}, nil
}

func (s *hookedStore) List(ctx context.Context, name string) iter.Seq2[store.Info, error] {
	if s.listErr != nil {
		return func(yield func(store.Info, error) bool) { yield(store.Info{}, s.listErr) }
	}
	return s.Store.List(ctx, name)
}

// failingContent writes left bytes and then fails.
type failingContent struct {
	store.Content
	left int64
	err  error
}

func (c *failingContent) WriteRange(w io.Writer, off, n int64) (int64, error) {
	written, err := c.Content.WriteRange(w, off, min(n, c.left))
	if err == nil && n > c.left {
		err = c.err
	}
	return written, err
}

type failingDraft struct {
	store.Draft
	err error
}

func (d *failingDraft) Commit(context.Context, store.Expect) (store.Info, error) {
	return store.Info{}, d.err
}

// secret is what an error says that no client may read.
const secret = "/srv/secret/path"

// TestStoreErrors: what the store cannot do is told by status and reason, in a log
// line for the server's people, and without its details for the client.
func TestStoreErrors(t *testing.T) {
	internal := fmt.Errorf("open %s: input/output error", secret)
	for _, c := range []struct {
		name   string
		break_ func(*hookedStore)
		method string
		path   string
		status int
		reason string
	}{
		{"stat", func(s *hookedStore) { s.statErr = internal }, "GET", "/a.txt", 500, "internal-error"},
		{"open", func(s *hookedStore) { s.openErr = internal }, "GET", "/a.txt", 500, "internal-error"},
		{"list", func(s *hookedStore) { s.listErr = internal }, "GET", "/", 500, "internal-error"},
		{"stat for a write", func(s *hookedStore) { s.statErr = internal }, "PUT", "/a.txt", 500, "internal-error"},
		{"stat for a deletion", func(s *hookedStore) { s.statErr = internal }, "DELETE", "/a.txt", 500, "internal-error"},
		{"stat for options", func(s *hookedStore) { s.statErr = internal }, "OPTIONS", "/a.txt", 500, "internal-error"},
		{"stage", func(s *hookedStore) { s.stageErr = internal }, "PUT", "/a.txt", 500, "internal-error"},
		{"full disk", func(s *hookedStore) { s.stageErr = wrap(store.ErrNoSpace) }, "PUT", "/a.txt", 507, "no-space"},
		{"no writes at present", func(s *hookedStore) { s.stageErr = wrap(store.ErrUnavailable) }, "PUT", "/a.txt", 503, "store-unavailable"},
		{"full disk at the end", func(s *hookedStore) { s.commitErr = wrap(store.ErrNoSpace) }, "PUT", "/a.txt", 507, "no-space"},
		{"read-only disk", func(s *hookedStore) { s.stageErr = wrap(store.ErrReadOnly) }, "PUT", "/a.txt", 500, "store-read-only"},
		{"unknown outcome", func(s *hookedStore) { s.commitErr = wrap(store.ErrUnknown) }, "PUT", "/a.txt", 500, "outcome-unknown"},
		{"closed", func(s *hookedStore) { s.statErr = store.ErrClosed }, "GET", "/a.txt", 503, "shutting-down"},
		{"always changing", func(s *hookedStore) { s.statErr = wrap(store.ErrChanged) }, "GET", "/a.txt", 503, "busy"},
		{"never there when opened", func(s *hookedStore) { s.openErr = wrap(store.ErrGone) }, "GET", "/a.txt", 503, "busy"},
		{"always a conflict", func(s *hookedStore) { s.commitErr = &store.ConflictError{} }, "PUT", "/a.txt", 503, "busy"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var log bytes.Buffer
			var rec observe.Record
			s := &hookedStore{Store: memstore.New(memstore.Options{})}
			put(t, s, "a.txt", "content")
			c.break_(s)
			h, err := origin.New(origin.Options{
				Store: s, Logger: slog.New(slog.NewTextHandler(&log, nil)),
				Observe: func(_ *http.Request, r *observe.Record) { rec = *r },
			})
			if err != nil {
				t.Fatal(err)
			}
			w := handler{t, h}.do(c.method, c.path, "new", "If-Match: *")
			if w.Code != c.status || !strings.Contains(w.Body.String(), `"reason":"`+c.reason+`"`) {
				t.Errorf("status %d, want %d, and reason %s\n%s", w.Code, c.status, c.reason, w.Body)
			}
			if strings.Contains(w.Body.String(), secret) {
				t.Errorf("the client is told %s", w.Body)
			}
			if later := w.Header().Get("Retry-After"); (w.Code == http.StatusServiceUnavailable) != (later != "") {
				t.Errorf("status %d with Retry-After %q, want that in a 503 and nowhere else", w.Code, later)
			}
			if rec.Status != c.status || rec.Reason != c.reason || rec.Bytes != int64(w.Body.Len()) {
				t.Errorf("the record is %+v", rec)
			}
			if c.reason != "busy" && (rec.Err == nil || !strings.Contains(log.String(), "reason="+c.reason)) {
				t.Errorf("the record has error %v; the log is %q", rec.Err, &log)
			}
		})
	}
}

func wrap(err error) error { return fmt.Errorf("%s: %w", secret, err) }

// TestOutcomeUnknownIsNotRepeated: a commit that may have taken place is not
// tried again.
func TestOutcomeUnknownIsNotRepeated(t *testing.T) {
	inner := memstore.New(memstore.Options{})
	s := &hookedStore{Store: inner, commitErr: store.ErrUnknown}
	h, err := origin.New(origin.Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	if w := (handler{t, h}).do("PUT", "/a.txt", "content"); w.Code != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", w.Code)
	}
	if _, err := inner.Stat(t.Context(), "a.txt"); !errors.Is(err, store.ErrNotFound) {
		t.Errorf("Stat: %v", err)
	}
}

// TestContentThatChangesIsCut: content that cannot be sent as it was announced
// ends in a cut, which a client can tell from an end.
func TestContentThatChangesIsCut(t *testing.T) {
	for _, fields := range [][]string{nil, {"Range: bytes=1000-"}, {"Range: bytes=0-9,90000-"}} {
		t.Run(fmt.Sprint(fields), func(t *testing.T) {
			s := &hookedStore{Store: memstore.New(memstore.Options{}), failAfter: 5000, readErr: store.ErrChanged}
			put(t, s, "a.bin", strings.Repeat("x", 100_000))
			srv := serve(t, origin.Options{Store: s})
			r, err := srv.try("GET", "/a.bin", "", fields...)
			if err == nil {
				t.Errorf("status %d with %d bytes and no error", r.status, len(r.body))
			}
			<-srv.done
			var rec observe.Record
			defer func() {
				if rec.Reason != "content-changed" || !errors.Is(rec.Err, store.ErrChanged) || rec.Bytes > 10_000 {
					t.Errorf("the record does not say that the answer was cut: %+v", rec)
				}
				if p := recover(); p != http.ErrAbortHandler {
					t.Errorf("the handler panics with %v, want http.ErrAbortHandler: HTTP/2 has no other way to say so", p)
				}
			}()
			h, err := origin.New(origin.Options{Store: s, Observe: func(_ *http.Request, r *observe.Record) { rec = *r }})
			if err != nil {
				t.Fatal(err)
			}
			handler{t, h}.do("GET", "/a.bin", "", fields...)
		})
	}
}

// TestReplacedBetweenLookUpAndOpen: a revision that is gone when it is to be
// opened is no error; what is there now is sent.
func TestReplacedBetweenLookUpAndOpen(t *testing.T) {
	for _, accept := range []string{"identity", "gzip"} {
		inner := memstore.New(memstore.Options{Keep: -1})
		put(t, inner, "a.txt", strings.Repeat("old\n", 200))
		s := &hookedStore{Store: inner}
		s.beforeOpen = func() {
			s.beforeOpen = nil
			put(t, inner, "a.txt", strings.Repeat("new\n", 200))
		}
		h, err := origin.New(origin.Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		w := handler{t, h}.do("GET", "/a.txt", "", "Accept-Encoding: "+accept)
		want := etag.Of([]byte(strings.Repeat("new\n", 200)))
		if accept == "gzip" {
			want = want.WithCoding("gzip")
		}
		if w.Code != http.StatusOK || w.Header().Get("Etag") != want.String() {
			t.Errorf("%s: status %d with ETag %s, want 200 with %s", accept, w.Code, w.Header().Get("Etag"), want)
		}
	}
}

// TestNotModifiedOpensNothing: a 304, and a HEAD, take one look and no opening.
func TestNotModifiedOpensNothing(t *testing.T) {
	stats := 0
	s := &hookedStore{Store: memstore.New(memstore.Options{})}
	info := put(t, s, "a.css", strings.Repeat("p {}\n", 200))
	s.afterStat = func() { stats++ }
	h, err := origin.New(origin.Options{Store: s})
	if err != nil {
		t.Fatal(err)
	}
	tag := etag.FromDigest(info.Digest).String()
	for _, c := range []struct {
		method string
		fields []string
		status int
	}{
		{"GET", []string{"If-None-Match: " + tag}, http.StatusNotModified},
		{"HEAD", nil, http.StatusOK},
		{"GET", []string{`If-Match: "other"`}, http.StatusPreconditionFailed},
	} {
		stats, s.opened = 0, 0
		if w := (handler{t, h}).do(c.method, "/a.css", "", c.fields...); w.Code != c.status {
			t.Errorf("%s %q: status %d, want %d", c.method, c.fields, w.Code, c.status)
		}
		if stats != 1 || s.opened != 0 {
			t.Errorf("%s %q: %d looks and %d openings, want 1 and 0", c.method, c.fields, stats, s.opened)
		}
	}
}

// TestRecord: the observer is told what was decided, against what, and what was
// made.
func TestRecord(t *testing.T) {
	var rec observe.Record
	h, err := origin.New(origin.Options{
		Store:   memstore.New(memstore.Options{}),
		Observe: func(_ *http.Request, r *observe.Record) { rec = *r },
	})
	if err != nil {
		t.Fatal(err)
	}
	s := handler{t, h}
	one, two := etag.Of([]byte("one")), etag.Of([]byte("two"))
	for _, c := range []struct {
		method, content, field string
		want                   observe.Record
	}{
		{"PUT", "one", "If-None-Match: *", observe.Record{
			Status: 201, Evaluated: true, New: one,
			Decision: precondition.Decision{Field: precondition.IfNoneMatch, Reason: precondition.NoRepresentation, Guarded: true},
		}},
		{"GET", "", "X: y", observe.Record{Status: 200, Bytes: 3, Evaluated: true, Current: one}},
		{"GET", "", "If-None-Match: " + one.String(), observe.Record{
			Status: 304, Evaluated: true, Current: one,
			Decision: precondition.Decision{
				Outcome: precondition.NotModified, Field: precondition.IfNoneMatch, Reason: precondition.Matched, Matched: one, Guarded: true,
			},
		}},
		{"PUT", "two", "If-Match: " + one.String(), observe.Record{
			Status: 204, Evaluated: true, Current: one, New: two,
			Decision: precondition.Decision{Field: precondition.IfMatch, Reason: precondition.Matched, Matched: one, Guarded: true},
		}},
		{"DELETE", "", "X: y", observe.Record{Status: 428, Evaluated: true, Current: two, Reason: "precondition-required"}},
		{"DELETE", "", "If-Match: " + two.String(), observe.Record{
			Status: 204, Evaluated: true, Current: two,
			Decision: precondition.Decision{Field: precondition.IfMatch, Reason: precondition.Matched, Matched: two, Guarded: true},
		}},
		{"GET", "", "X: y", observe.Record{Status: 404, Reason: "not-found"}},
	} {
		w := s.do(c.method, "/a.txt", c.content, c.field)
		if rec.Started.IsZero() || rec.Duration < 0 {
			t.Errorf("%s %s: started %v, took %v", c.method, c.field, rec.Started, rec.Duration)
		}
		c.want.Started, c.want.Duration = rec.Started, rec.Duration
		if c.want.Reason != "" {
			c.want.Bytes = int64(w.Body.Len())
		}
		if rec != c.want {
			t.Errorf("%s %s:\n got %+v\nwant %+v", c.method, c.field, rec, c.want)
		}
	}
}

func TestNewNeedsAStore(t *testing.T) {
	if h, err := origin.New(origin.Options{}); err == nil {
		t.Errorf("New of no store: %v, no error", h)
	}
}
