package guard_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/internal/transcript"
)

// TestTranscripts plays the conversations in testdata/transcripts, over TCP, and compares what the
// backend sees and what the clients get. README.md there describes the format.
func TestTranscripts(t *testing.T) {
	transcript.Run(t, "testdata/transcripts/*.txt", func(t *testing.T) transcript.Stage { return newStage(t) })
}

// TestTranscriptsQuote: each section says what it shows in words of docs/guard.md, and they are still there.
func TestTranscriptsQuote(t *testing.T) {
	page, err := os.ReadFile("../docs/guard.md")
	if err != nil {
		t.Fatal(err)
	}
	words := plainWords(string(page))
	files, err := filepath.Glob("testdata/transcripts/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for i, section := range strings.Split("\n"+string(text), "\n## ") {
			title, _, _ := strings.Cut(section, "\n")
			quotes := quotesIn(section)
			if len(quotes) == 0 && i > 0 {
				t.Errorf("%s: %q does not quote what it shows", file, title)
			}
			for _, q := range quotes {
				if !strings.Contains(words, q) {
					t.Errorf("%s: %q quotes what docs/guard.md does not say: %q", file, title, q)
				}
			}
		}
	}
}

// quotesIn returns what is in quotation marks in the comments of a section.
func quotesIn(section string) (quotes []string) {
	var comments strings.Builder
	for line := range strings.Lines(section) {
		if comment, ok := strings.CutPrefix(line, "# "); ok {
			comments.WriteString(comment)
		}
	}
	for i, part := range strings.Split(comments.String(), `"`) {
		if i%2 == 0 {
			continue
		}
		for piece := range strings.SplitSeq(plainWords(part), "...") {
			quotes = append(quotes, strings.Trim(piece, " .,;:"))
		}
	}
	return quotes
}

var markup = regexp.MustCompile("[`*|]|\\]\\([^)]*\\)|\\[")

// plainWords is text without markup, upper case and the ends of lines.
func plainWords(text string) string {
	return strings.ToLower(strings.Join(strings.Fields(markup.ReplaceAllString(text, "")), " "))
}

// stage is a guard in front of a backend that says what is written down.
type stage struct {
	t       *testing.T
	now     time.Time
	route   guard.Route
	routes  []guard.Route // those before route
	options guard.Options
	good    *sound // answers while the backend earns its trust
	locks   *counted
	guard   *guarded // made by the first request
	showAll bool     // fields that all requests to the backend have
	reads   bool     // what the client sends now

	mu     sync.Mutex
	script []answer // what the backend has not said yet
	out    []string
	second func() []string // the answer to the client that came in between
}

// answer is what the backend says next, and what another client sends just before.
type answer struct{ between, lines []string }

func newStage(t *testing.T) *stage {
	return &stage{t: t, now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), locks: &counted{Locker: guard.NewLocks()}}
}

func (s *stage) Close() {}

// Direct obeys a line that begins with "!".
func (s *stage) Direct(line string) {
	s.t.Helper()
	word, rest, _ := strings.Cut(line, " ")
	if s.guard != nil && (word == "option" || word == "route") {
		s.t.Fatalf("%q comes too late: the guard is there already", line)
	}
	switch word {
	case "option":
		s.option(&s.route, rest)
	case "route":
		path, options, _ := strings.Cut(rest, " ")
		r := guard.Route{Path: path}
		for option := range strings.FieldsSeq(options) {
			s.option(&r, option)
		}
		s.routes = append(s.routes, r)
	case "show":
		s.showAll = rest == "all"
	case "trusted":
		s.earnTrust()
	case "wait":
		d, err := time.ParseDuration(rest)
		if err != nil {
			s.t.Fatal(err)
		}
		s.mu.Lock()
		s.now = s.now.Add(d)
		s.mu.Unlock()
	default:
		s.t.Fatalf("unknown directive %q", line)
	}
}

func (s *stage) option(r *guard.Route, option string) {
	s.t.Helper()
	name, value, _ := strings.Cut(option, "=")
	switch name {
	case "require":
		r.Require = map[string]condhttp.Requirement{"overwrite": condhttp.RequireOverwrite, "always": condhttp.RequireAlways}[value]
	case "idempotency":
		r.Keys = map[string]guard.Keys{"off": guard.KeysPassed, "required": guard.KeysRequired}[value]
	case "validators":
		r.Validators = map[string]guard.Validators{
			"content": guard.ValidatorsContent, "backend": guard.ValidatorsBackend, "none": guard.ValidatorsNone,
		}[value]
	case "preconditions":
		r.Preconditions = map[string]guard.Preconditions{"check": guard.PreconditionsCheck, "pass": guard.PreconditionsPass}[value]
	case "cache-control":
		r.CacheControl = value
	case "cache":
		r.Cache = map[string]guard.CacheMode{"on": guard.CacheOn, "coherent": guard.CacheCoherent}[value]
	case "omit":
		r.NoForwarded, r.NoXForwarded, r.NoVia = true, true, true
	case "keep-host":
		r.KeepHost = true
	case "no-coding":
		r.NoCoding = true
	case "pass-field":
		r.PassFields = append(r.PassFields, value)
	case "max-body", "max-held":
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			s.t.Fatal(err)
		}
		if name == "max-body" {
			r.MaxBody = n
		} else {
			r.MaxBuffer, r.MaxSpool = n, -1
		}
	case "response-timeout", "lock-timeout":
		d, err := time.ParseDuration(value)
		if err != nil {
			s.t.Fatal(err)
		}
		if name == "lock-timeout" {
			r.Timeouts.Lock = d
		} else {
			r.Timeouts.Response = d
		}
	case "trusted-proxy":
		s.options.TrustedProxies = append(s.options.TrustedProxies, netip.MustParsePrefix(value))
	default:
		s.t.Fatalf("unknown option %q", option)
	}
}

// start makes the guard, with the options that were chosen.
func (s *stage) start() {
	s.t.Helper()
	if s.guard != nil {
		return
	}
	s.guard = protect(s.t, http.HandlerFunc(s.backend), func(o *guard.Options) {
		s.options.SpoolDir, s.options.Now = o.SpoolDir, s.clock
		s.options.Logger = slog.New(slog.NewTextHandler(s.t.Output(), nil))
		s.options.Shared = guard.NewShared(s.locks)
		s.t.Cleanup(s.options.Shared.Close)
		for _, r := range append(s.routes, s.route) {
			r.Backend = o.Routes[0].Backend
			s.options.Routes = append(s.options.Routes, r)
		}
		*o = s.options
	})
}

func (s *stage) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// earnTrust has clients read what a sound backend has.
func (s *stage) earnTrust() {
	s.t.Helper()
	s.start()
	good := &sound{backend: newBackend(goodTags)}
	s.mu.Lock()
	s.good = good
	s.mu.Unlock()
	teach(s.t, good.backend, s.guard)
	s.mu.Lock()
	s.good = nil
	s.mu.Unlock()
	if trust(s.guard) != "trusted" {
		s.t.Fatal("the backend is not trusted")
	}
}

// counted knows how many locks it has given.
type counted struct {
	guard.Locker
	given atomic.Int64
}

func (c *counted) Lock(ctx context.Context, key string, shared bool) (unlock func(), err error) {
	unlock, err = c.Locker.Lock(ctx, key, shared)
	if err == nil {
		c.given.Add(1)
	}
	return unlock, err
}

// Exchange sends a request, has the backend answer as it is written, and returns all that was said.
func (s *stage) Exchange(lines []string) []string {
	s.t.Helper()
	s.start()
	n := 0
	for n < len(lines) && isMarked(lines[n], ">") {
		n++
	}
	script := scriptOf(lines[n:])
	s.mu.Lock()
	s.script, s.out, s.second = script, nil, nil
	s.reads = strings.HasPrefix(lines[0], "> GET ")
	s.mu.Unlock()

	got := slices.Clone(lines[:n])
	answers := s.ask(s.guard.dial(), lines[:n], ">")
	final := answers("<")
	s.mu.Lock()
	second := s.second
	s.mu.Unlock()
	if second != nil {
		final = append(final, second()...)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.script {
		s.t.Errorf("%s: the backend was not asked for %s", lines[0], a.lines[0])
		s.out = append(append(append(s.out, ">> (nothing more)"), a.between...), a.lines...) // -update loses nothing
	}
	for _, line := range append(s.out, final...) {
		got = append(got, s.shown(line, lines))
	}
	return got
}

// ask sends a request. The last line of its content may be "(cut)": then the client goes away before
// it has sent all.
func (s *stage) ask(c *connection, lines []string, mark string) (answers func(mark string) []string) {
	s.t.Helper()
	whole := len(lines)
	cut := lines[whole-1] == mark+" (cut)"
	if cut {
		whole--
	}
	request, method := transcript.Request(lines[:whole], mark, "guard.example")
	if _, err := c.Write([]byte(strings.ReplaceAll(string(request), backendName, s.backendHost()))); err != nil {
		s.t.Error(err)
	}
	if cut {
		if err := c.Conn.(interface{ CloseWrite() error }).CloseWrite(); err != nil {
			s.t.Error(err)
		}
	}
	return func(mark string) []string { return transcript.Answers(c.reader, method, mark) }
}

// isMarked tells ">" from ">>" and "<" from "<<".
func isMarked(line, mark string) bool {
	return strings.HasPrefix(line, mark) && !strings.HasPrefix(line, mark+mark)
}

// scriptOf returns what the backend is to say: each run of lines with "<<" is one answer.
func scriptOf(lines []string) (script []answer) {
	var between []string
	for len(lines) > 0 {
		n := transcript.Prefixed(lines, "<<")
		if n > 0 {
			script = append(script, answer{between, lines[:n]})
			between = nil
		} else if n = transcript.Prefixed(lines, "2>"); n > 0 {
			between = lines[:n]
		} else {
			n = 1 // what comes out
		}
		lines = lines[n:]
	}
	return script
}

// backend answers as it is written.
func (s *stage) backend(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	good := s.good
	s.mu.Unlock()
	if good != nil {
		good.ServeHTTP(w, r)
		return
	}
	content, err := io.ReadAll(r.Body)
	header := r.Header.Clone()
	header.Set("Host", r.Host)
	if len(r.TransferEncoding) > 0 {
		header["Transfer-Encoding"] = r.TransferEncoding
	}
	s.hideUsual(header)
	s.say(">>", transcript.Lines(r.Method+" "+r.RequestURI+" "+r.Proto, header, content, r.Trailer, err))
	s.comeBetween()
	next, ok := s.next()
	if !ok {
		s.t.Errorf("%s %s: nothing is written that the backend answers to this", r.Method, r.URL)
		s.say("<<", []string{"(cut)"})
		panic(http.ErrAbortHandler)
	}
	switch next.lines[0] {
	case "<< (cut)":
		panic(http.ErrAbortHandler)
	case "<< (silence)":
		<-r.Context().Done() // the guard has given up
		panic(http.ErrAbortHandler)
	}
	s.send(w, r, next.lines)
}

// usual are the fields of all requests to the backend. They are shown where they are the topic, and
// where they differ from this.
var usual = map[string]string{
	"Forwarded":         "for=127.0.0.1;host=guard.example;proto=http",
	"Via":               "1.1 fourtwelve",
	"X-Forwarded-For":   "127.0.0.1",
	"X-Forwarded-Host":  "guard.example",
	"X-Forwarded-Proto": "http",
}

func (s *stage) hideUsual(header http.Header) {
	if s.showAll {
		return
	}
	if header.Get("Host") == s.backendHost() {
		header.Del("Host")
	}
	for name, value := range usual {
		switch lines := header[name]; {
		case len(lines) == 1 && lines[0] == value:
			header.Del(name)
		case len(lines) == 0:
			header.Set(name, "(missing)")
		}
	}
}

// next takes an answer out of the script, and notes it as given.
func (s *stage) next() (next answer, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.script) == 0 {
		return answer{}, false
	}
	next, s.script = s.script[0], s.script[1:]
	if n := len(s.out); n > 0 && strings.HasPrefix(s.out[n-1], "<<") {
		s.out = append(s.out, ">> (has waited for this since before)")
	}
	s.out = append(s.out, next.lines...)
	return next, true
}

func (s *stage) say(mark string, lines []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range lines {
		s.out = append(s.out, strings.TrimRight(mark+" "+line, " "))
	}
}

// comeBetween has another client send its request, if one is to before the next answer. It returns when
// that waits for its lock, or has waited for too long; if it reads, when the backend has answered it; and if the first
// client reads, when the other has its answer.
func (s *stage) comeBetween() {
	s.mu.Lock()
	left := len(s.script)
	if left == 0 || s.script[0].between == nil {
		s.mu.Unlock()
		return
	}
	lines := s.script[0].between
	s.script[0].between = nil
	s.out = append(s.out, lines...)
	s.mu.Unlock()
	given := s.locks.given.Load()
	answers := s.ask(s.guard.dial(), lines, "2>")
	if s.reads || s.route.Timeouts.Lock > 0 {
		answer := answers("2<")
		s.mu.Lock()
		s.out = append(s.out, answer...)
		s.mu.Unlock()
		return
	}
	for !s.isBetween(lines[0], left) {
		if s.locks.given.Load() > given {
			s.t.Errorf("%s: the lock was free while the backend performed another write", lines[0])
			break
		}
		runtime.Gosched()
	}
	s.mu.Lock()
	s.second = func() []string { return answers("2<") }
	s.mu.Unlock()
}

func (s *stage) isBetween(request string, left int) bool {
	if !strings.HasPrefix(request, "2> GET ") {
		return guard.Waiting(s.locks.Locker) > 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.script) < left
}

// send sends an answer on a connection that then ends. Where nothing says how long the content is,
// the length of what is written is.
func (s *stage) send(w http.ResponseWriter, r *http.Request, lines []string) {
	head, content, hasContent := transcript.Message(lines, "<<")
	status, _, _ := strings.Cut(head[0], " ")
	if hasContent || r.Method != http.MethodHead && status != "204" && status != "304" {
		head = transcript.WithLength(head, content)
	}
	head[0] = "HTTP/1.1 " + head[0]
	if !transcript.HasField(head, "Connection") {
		head = append(head, "Connection: close")
	}
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		s.t.Error(err)
		return
	}
	defer conn.Close()
	text := strings.ReplaceAll(string(transcript.Bytes(head, content)), backendName, s.backendHost())
	if _, err := io.WriteString(conn, text); err != nil {
		s.t.Error(err)
	}
}

// backendName stands for the host and port of the backend.
const backendName = "backend.example"

func (s *stage) backendHost() string { return s.guard.origin.Listener.Addr().String() }

// shown hides the address of the backend, and when it is today. The guard's own answers have the time of
// the machine, others that of the stage, or one that is written in the exchange.
func (s *stage) shown(line string, exchange []string) string {
	line = strings.ReplaceAll(line, s.backendHost(), backendName)
	before, date, found := strings.Cut(line, " Date: ")
	if !found || date == s.now.Format(http.TimeFormat) {
		return line
	}
	for _, l := range exchange {
		if strings.HasPrefix(l, "<<") && strings.HasSuffix(l, date) {
			return line
		}
	}
	return fmt.Sprintf("%s Date: (now)", before)
}
