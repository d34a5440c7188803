package origin_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/internal/transcript"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// TestTranscripts plays the conversations in testdata, over TCP, and compares the
// answers. testdata/README.md describes the format.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, "testdata/*.txt", func(t *testing.T) transcript.Stage { return newStage(t) })
}

// stage is a server with a store and a clock of its own.
type stage struct {
	t       *testing.T
	clock   *transcript.Clock
	store   *memstore.Store
	options origin.Options
	server  *httptest.Server // started by the first request
}

func newStage(t *testing.T) *stage {
	c := transcript.NewClock()
	s := memstore.New(memstore.Options{Now: c.Now})
	return &stage{t: t, clock: c, store: s, options: origin.Options{
		Store: s, Now: c.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}}
}

func (s *stage) Close() {
	if s.server != nil {
		s.server.Close()
	}
}

// Direct obeys a line that begins with "!".
func (s *stage) Direct(line string) {
	s.t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	switch word {
	case "file":
		name, content, _ := strings.Cut(rest, " ")
		name, err := url.PathUnescape(name)
		if err != nil {
			s.t.Fatal(err)
		}
		put(s.t, s.store, name, parseContent(s.t, content))
	case "delete":
		if _, err := s.store.Delete(s.t.Context(), rest, store.Any); err != nil {
			s.t.Fatal(err)
		}
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			s.t.Fatal(err)
		}
		s.clock.Wait(d)
	case "option":
		s.option(rest)
	default:
		s.t.Fatalf("unknown directive %q", line)
	}
}

func (s *stage) option(word string) {
	name, value, _ := strings.Cut(word, "=")
	o := &s.options
	switch name {
	case "require":
		o.Require = map[string]origin.Require{
			"never": origin.RequireNever, "overwrite": origin.RequireOverwrite, "always": origin.RequireAlways,
		}[value]
	case "read-only":
		o.ReadOnly = true
	case "may-purge":
		o.MayPurge = func(r *http.Request) bool { return r.Header.Get("X-User") == value }
	case "history":
		o.History = func(r *http.Request) bool { return r.Header.Get("X-User") == value }
	case "lenient-tags":
		o.LenientTags = true
	case "stale-if-range":
		o.StaleIfRange = true
	case "accept-replay":
		o.AcceptReplay = true
	case "idempotency-age":
		age, err := time.ParseDuration(value)
		if err != nil {
			s.t.Fatal(err)
		}
		o.Once.Lifetime = age
	case "idempotency-required":
		o.Once.Required = true
	case "principal":
		o.Once.Principal = func(r *http.Request) string { return r.Header.Get("X-User") }
	case "revision-tags":
		o.RevisionTags = true
	case "cache-control":
		o.CacheControl = func(name string) string {
			if strings.HasSuffix(name, ".css") {
				return value
			}
			return ""
		}
	case "max-body":
		o.MaxBody, _ = strconv.ParseInt(value, 10, 64)
	default:
		s.t.Fatalf("unknown option %q", word)
	}
}

// parseContent reads the content of a "file" directive: a Go string, perhaps
// repeated ("x\n" * 1000) and then encoded (| gzip).
func parseContent(t testing.TB, s string) string {
	t.Helper()
	s, codingName, _ := strings.Cut(s, " | ")
	quoted, times, repeated := strings.Cut(s, " * ")
	content, err := strconv.Unquote(quoted)
	if err != nil {
		t.Fatalf("content %s: %v", quoted, err)
	}
	if repeated {
		n, err := strconv.Atoi(times)
		if err != nil {
			t.Fatal(err)
		}
		content = strings.Repeat(content, n)
	}
	encoded, err := coding.Encode(codingName, []byte(content))
	if err != nil {
		t.Fatal(err)
	}
	return string(encoded)
}

// put stores content, whatever is there.
func put(t testing.TB, s store.Store, name, content string) store.Info {
	t.Helper()
	d, err := s.Stage(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	info, err := d.Commit(t.Context(), store.Any)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// Exchange sends the request, the lines of which begin with ">", on a connection of
// its own, and returns it with the lines of the answer.
func (s *stage) Exchange(lines []string) []string {
	s.t.Helper()
	if s.server == nil {
		h, err := origin.New(s.options)
		if err != nil {
			s.t.Fatal(err)
		}
		s.server = transcript.Serve(h)
	}
	lines = lines[:transcript.Prefixed(lines, ">")]
	return append(slices.Clone(lines), transcript.Ask(s.t, s.server, lines, "origin.example")...)
}
