package origin_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

var update = flag.Bool("update", false, "write the answers into testdata/*.txt instead of comparing them")

// TestTranscripts plays the conversations in testdata, over TCP, and compares the
// answers. testdata/README.md describes the format.
func TestTranscripts(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			after := play(t, string(before))
			if *update {
				if err := os.WriteFile(file, []byte(after), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			compareLines(t, file, string(before), after)
		})
	}
}

// compareLines reports the first difference in each section.
func compareLines(t *testing.T, file, want, got string) {
	t.Helper()
	wants, gots := strings.Split(want, "\n## "), strings.Split(got, "\n## ")
	line := 1
	for i := range wants {
		w, g := strings.Split(wants[i], "\n"), strings.Split(gots[i], "\n")
		for j := range max(len(w), len(g)) {
			if j >= len(w) || j >= len(g) || w[j] != g[j] {
				t.Errorf("%s:%d: ## %s\n got %s\nwant %s", file, line+j, w[0], at(g, j), at(w, j))
				break
			}
		}
		line += len(w)
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// play returns the transcript with the answers it gets now.
func play(t *testing.T, text string) string {
	var out []string
	var s *stage
	defer func() { s.close() }()
	for lines := strings.Split(text, "\n"); len(lines) > 0; {
		line := lines[0]
		switch {
		case strings.HasPrefix(line, "## "):
			s.close()
			s = newStage(t)
			out, lines = append(out, line), lines[1:]
		case strings.HasPrefix(line, "! "):
			s.direct(line[2:])
			out, lines = append(out, line), lines[1:]
		case strings.HasPrefix(line, ">"):
			n := prefixed(lines, ">")
			out = append(out, lines[:n]...)
			out = append(out, s.exchange(lines[:n])...)
			lines = lines[n:]
		case strings.HasPrefix(line, "<"):
			lines = lines[1:]
		default:
			out, lines = append(out, line), lines[1:]
		}
	}
	return strings.Join(out, "\n")
}

// prefixed counts the lines that begin with mark.
func prefixed(lines []string, mark string) int {
	n := 0
	for n < len(lines) && strings.HasPrefix(lines[n], mark) {
		n++
	}
	return n
}

// clock is a clock that is set by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock {
	return &clock{now: time.Date(2026, 11, 24, 10, 0, 0, 250_000_000, time.UTC)}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) wait(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// stage is a server with a store and a clock of its own.
type stage struct {
	t       *testing.T
	clock   *clock
	store   *memstore.Store
	options origin.Options
	server  *httptest.Server // started by the first request
}

func newStage(t *testing.T) *stage {
	c := newClock()
	s := memstore.New(memstore.Options{Now: c.Now})
	return &stage{t: t, clock: c, store: s, options: origin.Options{
		Store: s, Now: c.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}}
}

func (s *stage) close() {
	if s != nil && s.server != nil {
		s.server.Close()
	}
}

// direct obeys a line that begins with "!".
func (s *stage) direct(line string) {
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
		s.clock.wait(d)
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

// exchange sends a request, the lines of which begin with ">", on a connection of
// its own, and returns the lines of the answer.
func (s *stage) exchange(lines []string) []string {
	s.t.Helper()
	if s.server == nil {
		h, err := origin.New(s.options)
		if err != nil {
			s.t.Fatal(err)
		}
		s.server = httptest.NewUnstartedServer(h)
		s.server.Config.DisableGeneralOptionsHandler = true
		s.server.Start()
	}
	conn, err := net.Dial("tcp", s.server.Listener.Addr().String())
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	request, method := requestBytes(lines)
	if _, err := conn.Write(request); err != nil {
		s.t.Fatal(err)
	}
	// What is sent is all: a server that waits for more sees the end.
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		s.t.Fatal(err)
	}
	answer := &answer{t: s.t, in: bufio.NewReader(conn), method: method}
	return answer.lines()
}

// requestBytes makes a request of the lines. Host is added to all, and
// Content-Length to what has content, unless they say otherwise.
func requestBytes(lines []string) (request []byte, method string) {
	var head, content []string
	for i, line := range lines {
		line = strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")
		if line == "" && content == nil && i > 0 {
			content = []string{}
		} else if content != nil {
			content = append(content, line)
		} else {
			head = append(head, line)
		}
	}
	method, _, _ = strings.Cut(head[0], " ")
	body := contentOf(content)
	all := strings.Join(head, "\n")
	if !strings.Contains(all, "\nHost:") {
		head = append(head, "Host: origin.example")
	}
	if content != nil && !strings.Contains(all, "\nContent-Length:") && !strings.Contains(all, "\nTransfer-Encoding:") {
		head = append(head, fmt.Sprintf("Content-Length: %d", len(body)))
	}
	return []byte(strings.Join(head, "\r\n") + "\r\n\r\n" + body), method
}

// contentOf joins lines. A last line that ends in a backslash has no line feed
// after it, and a line that is a "\r" alone ends in CR LF.
func contentOf(lines []string) string {
	content := strings.Join(lines, "\n")
	content = strings.ReplaceAll(content, `\r`, "\r")
	if cut, ok := strings.CutSuffix(content, `\`); ok {
		return cut
	}
	if len(lines) > 0 {
		content += "\n"
	}
	return content
}

// answer reads responses and writes them as lines.
type answer struct {
	t      *testing.T
	in     *bufio.Reader
	method string
	out    []string
}

func (a *answer) lines() []string {
	for {
		resp, err := http.ReadResponse(a.in, &http.Request{Method: a.method})
		if err != nil {
			return append(a.out, "< (no answer)")
		}
		a.show(resp)
		if resp.StatusCode >= 200 {
			return a.out
		}
	}
}

func (a *answer) show(resp *http.Response) {
	a.add(strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode))
	for _, name := range slices.Sorted(maps.Keys(resp.Header)) {
		for _, value := range resp.Header[name] {
			value = hideRandom(value)
			if resp.Header.Get("Content-Encoding") != "" {
				value = hideEncoder(name, value)
			}
			a.add(shownName(name) + ": " + value)
		}
	}
	body, err := io.ReadAll(resp.Body)
	if len(body) > 0 {
		a.add("")
		for _, line := range shownContent(a.t, resp.Header, body) {
			a.add(line)
		}
	}
	if err != nil {
		a.add("(cut: " + err.Error() + ")")
	}
}

func (a *answer) add(line string) {
	a.out = append(a.out, strings.TrimRight("< "+line, " "))
}

// shownName undoes what net/http does to the name of a field.
func shownName(name string) string {
	if name == "Etag" {
		return "ETag"
	}
	return name
}

// madeUp is a name that POST has made up.
var madeUp = regexp.MustCompile(`/[a-z2-7]{26}\b`)

// hideRandom replaces what is random in a field, a boundary or a name that was
// made up, by a fixed text.
func hideRandom(value string) string {
	value = madeUp.ReplaceAllString(value, "/nnnnnnnnnnnnnnnnnnnnnnnnnn")
	before, boundary, found := strings.Cut(value, "boundary=")
	if !found {
		return value
	}
	return before + "boundary=" + strings.Repeat("B", len(boundary))
}

// hideEncoder replaces what depends on how well an encoder works.
func hideEncoder(name, value string) string {
	switch name {
	case "Content-Length":
		return "(length of the encoded content)"
	case "Content-Range":
		part, _, _ := strings.Cut(value, "/")
		return part + "/(length of the encoded content)"
	case "Repr-Digest":
		return "(digest of the encoded content)"
	}
	return value
}

// shownContent is content as lines: decoded, shortened, and with what is not
// text escaped.
func shownContent(t *testing.T, header http.Header, body []byte) []string {
	if name := header.Get("Content-Encoding"); name != "" && header.Get("Content-Range") == "" {
		decoded, err := coding.Decode(name, bytes.NewReader(body), 1<<20)
		if err != nil {
			return []string{fmt.Sprintf("(not in %s: %v)", name, err)}
		}
		plain, err := io.ReadAll(decoded)
		if err != nil {
			return []string{fmt.Sprintf("(not in %s: %v)", name, err)}
		}
		return append([]string{"(decoded from " + name + ")"}, shownText(plain)...)
	}
	if _, boundary, found := strings.Cut(header.Get("Content-Type"), "boundary="); found {
		body = bytes.ReplaceAll(body, []byte(boundary), bytes.Repeat([]byte("B"), len(boundary)))
	}
	if strings.HasSuffix(header.Get("Content-Type"), "+json") {
		var indented bytes.Buffer
		if json.Indent(&indented, body, "", "  ") == nil {
			body = indented.Bytes()
		}
	}
	return shownText(body)
}

const maxShownContent = 3000

func shownText(body []byte) []string {
	rest := ""
	if len(body) > maxShownContent {
		rest = fmt.Sprintf("(… %d bytes in all)", len(body))
		body = body[:maxShownContent/20]
	}
	text := string(body)
	if !utf8.ValidString(text) {
		text = strconv.Quote(text)
	}
	text, ended := strings.CutSuffix(strings.ReplaceAll(text, "\r", `\r`), "\n")
	if !ended {
		text += `\`
	}
	lines := foldRepeated(strings.Split(text, "\n"))
	if rest != "" {
		lines = append(lines, rest)
	}
	return lines
}

// foldRepeated shows runs of the same line once.
func foldRepeated(lines []string) []string {
	var folded []string
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n] == lines[0] {
			n++
		}
		folded = append(folded, lines[0])
		if n > 1 {
			folded = append(folded, fmt.Sprintf("(%d times more)", n-1))
		}
		lines = lines[n:]
	}
	return folded
}
