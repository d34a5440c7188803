package dav_test

import (
	"fmt"
	"log/slog"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/dav"
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
	options dav.Options
	server  *httptest.Server // started by the first request
	tokens  []string         // of locks, in the order in which they were seen
}

func newStage(t *testing.T) *stage {
	c := transcript.NewClock()
	s := memstore.New(memstore.Options{Now: c.Now})
	return &stage{t: t, clock: c, store: s, options: dav.Options{
		Require: origin.RequireNever,
		Origin:  origin.Options{Store: s, Now: c.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))},
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
		name, quoted, _ := strings.Cut(rest, " ")
		content, err := strconv.Unquote(quoted)
		if err != nil {
			s.t.Fatal(err)
		}
		put(s.t, s.store, unescaped(s.t, name), content)
	case "collection":
		if _, err := s.store.MakeCollection(s.t.Context(), unescaped(s.t, rest)); err != nil {
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

func unescaped(t testing.TB, name string) string {
	t.Helper()
	name, err := url.PathUnescape(name)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func (s *stage) option(word string) {
	requirements := map[string]origin.Require{
		"never": origin.RequireNever, "overwrite": origin.RequireOverwrite, "always": origin.RequireAlways,
	}
	switch name, value, _ := strings.Cut(word, "="); name {
	case "require":
		s.options.Origin.Require = requirements[value]
	case "dav-require":
		s.options.Require = requirements[value]
	case "read-only":
		s.options.Origin.ReadOnly = true
	default:
		s.t.Fatalf("unknown option %q", word)
	}
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
		h, err := dav.New(s.options)
		if err != nil {
			s.t.Fatal(err)
		}
		s.server = transcript.Serve(h)
	}
	lines = lines[:transcript.Prefixed(lines, ">")]
	answer := transcript.Ask(s.t, s.server, s.withTokens(lines), "dav.example")
	return append(slices.Clone(lines), s.shown(answer)...)
}

// token is what locks are named by.
var token = regexp.MustCompile(`urn:uuid:[0-9a-f-]{36}`)

// withTokens puts the tokens that the server has given into a request.
func (s *stage) withTokens(lines []string) []string {
	lines = slices.Clone(lines)
	for i := range lines {
		for j, t := range s.tokens {
			lines[i] = strings.ReplaceAll(lines[i], fmt.Sprintf("TOKEN%d", j+1), t)
		}
	}
	return lines
}

// between is where lines of XML are broken.
var between = regexp.MustCompile(`>(<(?:D:response|D:propstat|D:status|problem|type|title|status|detail|rule|precondition|sent|current|reason|hint|/problem|` +
	`destination|condition|D:lockdiscovery|D:supportedlock|D:activelock)\b)`)

// shown breaks lines of XML between its elements, and gives tokens of locks numbers.
func (s *stage) shown(lines []string) (shown []string) {
	for _, line := range lines {
		line = token.ReplaceAllStringFunc(line, s.number)
		if !strings.HasPrefix(line, "< <") {
			shown = append(shown, line)
			continue
		}
		for part := range strings.SplitSeq(between.ReplaceAllString(line[2:], ">\n$1"), "\n") {
			shown = append(shown, "< "+part)
		}
	}
	return shown
}

func (s *stage) number(token string) string {
	i := slices.Index(s.tokens, token)
	if i < 0 {
		i = len(s.tokens)
		s.tokens = append(s.tokens, token)
	}
	return fmt.Sprintf("TOKEN%d", i+1)
}
