package guard_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// What a cache has to do, and what a good one does, is written in testdata/conformance, in tables that need no Go: see the
// README there. One guard, as a newcomer starts it, answers all of them one after the other, so that what an odd answer of the
// origin has taught it would show in the cases after that.

// confCase is what happens to one resource.
type confCase struct {
	file, name string
	line       int
	steps      []*confStep
}

// confStep is a request of a client, what the origin answers if it is asked, and what is expected.
type confStep struct {
	method, path string
	later        time.Duration
	fields       []string
	content      string

	status  string // "cut" has the connection closed
	answer  []confField
	body    string
	hasBody bool
	interim []confField // one for each 103

	want []string
}

type confField struct {
	name, value string
	// ours says that the field need not go on as it is.
	ours bool
}

// confOrigin answers as the case at hand says, and keeps what it was asked.
type confOrigin struct {
	varying bool // no two answers have the same content

	mu    sync.Mutex
	now   time.Time
	at    *confCase
	seen  []*http.Request
	count int
}

func (o *confOrigin) clock() time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.now
}

func (o *confOrigin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	o.mu.Lock()
	o.seen = append(o.seen, r)
	o.count++
	number, now, at := o.count, o.now, o.at
	o.mu.Unlock()
	n, _ := strconv.Atoi(r.Header.Get("Step"))
	if at == nil || n < 1 || n > len(at.steps) {
		w.WriteHeader(http.StatusConflict)
		return
	}
	s := at.steps[n-1]
	if s.status == "cut" {
		if c, _, err := http.NewResponseController(w).Hijack(); err == nil {
			c.Close()
		}
		return
	}
	for _, f := range s.interim {
		w.Header().Set(f.name, f.value)
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Del(f.name)
	}
	s.setFields(w.Header(), r, now)
	w.Header()["Answer"] = []string{strconv.Itoa(number)}
	status, _ := strconv.Atoi(s.status)
	w.WriteHeader(status)
	if status == 204 || status == 304 {
		return
	}
	if o.varying {
		_ = http.NewResponseController(w).Flush() // so that its length is not told
	}
	switch {
	case s.hasBody:
		io.WriteString(w, s.body)
	case o.varying:
		fmt.Fprintf(w, "%s, answer %d", at.name, number)
	default:
		io.WriteString(w, at.name)
	}
}

// setFields sets the fields of the answer.
func (s *confStep) setFields(h http.Header, r *http.Request, now time.Time) {
	h["Date"] = []string{now.UTC().Format(http.TimeFormat)}
	own := map[string]bool{}
	for _, f := range s.answer {
		key := http.CanonicalHeaderKey(f.name)
		if !own[key] {
			delete(h, key)
		}
		own[key] = true
		if key == "Date" && f.value == "none" {
			h["Date"] = nil
			continue
		}
		h[key] = append(h[key], strings.ReplaceAll(atTime(f.value, now), "{location}", r.URL.Path+"/there"))
	}
	if len(h["Content-Type"]) == 0 {
		h["Content-Type"] = []string{"text/plain"}
	}
}

var relativeTime = regexp.MustCompile(`@([+-]?\d+)`)

// atTime replaces @60 by the date a minute from now.
func atTime(value string, now time.Time) string {
	return relativeTime.ReplaceAllStringFunc(value, func(at string) string {
		n, _ := strconv.Atoi(at[1:])
		return now.Add(time.Duration(n) * time.Second).UTC().Format(http.TimeFormat)
	})
}

// parseConformance reads a table. A case that begins with "each:" stands for one for each of the words, in the place of {}.
func parseConformance(t testing.TB, file string) (cases []*confCase) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text, line := string(data), 1
	for block := range strings.SplitSeq(text, "\n\n") {
		lines := strings.Split(block, "\n")
		begins := line
		line += len(lines) + 1
		each := []string{""}
		var kept []string
		for _, l := range lines {
			if rest, ok := strings.CutPrefix(l, "each: "); ok {
				each = strings.Split(rest, " | ")
				continue
			}
			kept = append(kept, l)
		}
		for _, word := range each {
			if c := parseConfCase(t, file, begins, kept, word); c != nil {
				cases = append(cases, c)
			}
		}
	}
	return cases
}

func parseConfCase(t testing.TB, file string, begins int, lines []string, word string) *confCase {
	t.Helper()
	c := &confCase{file: strings.TrimSuffix(filepath.Base(file), ".txt"), line: begins}
	var s *confStep
	answering := false
	first, second, two := strings.Cut(word, " & ")
	for i, l := range lines {
		l = strings.ReplaceAll(l, "{}", first)
		if two {
			l = strings.ReplaceAll(l, "{2}", second)
		}
		switch {
		case l == "", strings.HasPrefix(l, "##"):
		case strings.HasPrefix(l, "# "):
			if c.name == "" {
				c.name = strings.TrimPrefix(l, "# ")
			}
		case strings.HasPrefix(l, "> "):
			s = newConfStep(strings.Fields(l[2:]))
			c.steps, answering = append(c.steps, s), false
		case s == nil:
			t.Fatalf("%s:%d: %q comes before a request", file, begins+i, l)
		case strings.HasPrefix(l, "< "):
			s.status, answering = l[2:], true
		case strings.HasPrefix(l, "= "):
			s.want = append(s.want, l[2:])
		case strings.HasPrefix(l, "| "):
			if answering {
				s.body, s.hasBody = l[2:], true
			} else {
				s.content = l[2:]
			}
		default:
			if !s.addField(l, answering) {
				t.Fatalf("%s:%d: %q is no field", file, begins+i, l)
			}
		}
	}
	if s == nil {
		return nil
	}
	return c
}

// newConfStep is a request by the words of its line.
func newConfStep(words []string) *confStep {
	s := &confStep{method: words[0], status: "200"}
	for _, w := range words[1:] {
		if d, err := time.ParseDuration(strings.TrimPrefix(w, "+")); err == nil && w[0] == '+' {
			s.later = d
		} else {
			s.path = w
		}
	}
	return s
}

// addField adds the field in a line to the request or to the answer.
func (s *confStep) addField(line string, answering bool) bool {
	text, ours := strings.CutPrefix(line, "- ")
	name, value, ok := strings.Cut(text, ":")
	f := confField{name, strings.TrimSpace(value), ours}
	switch {
	case strings.HasPrefix(name, "103 "):
		f.name = name[4:]
		s.interim = append(s.interim, f)
	case answering:
		s.answer = append(s.answer, f)
	default:
		s.fields = append(s.fields, f.name+": "+f.value)
	}
	return ok
}

// confClient sends what fetch() of a script sends.
type confClient struct {
	g      *guarded
	origin *confOrigin
}

// confAnswer is what the client gets, and what that has cost.
type confAnswer struct {
	response
	interim []http.Header
	asked   []*http.Request
}

func (c *confClient) send(path string, n int, s *confStep, now time.Time) (a confAnswer, err error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s%s HTTP/1.1\r\nHost: conformance.example\r\nStep: %d\r\n", s.method, path, s.path, n)
	b.WriteString("Accept: */*\r\nAccept-Encoding: gzip, deflate\r\n")
	own := []string{"Pragma: foo", "Cache-Control: nothing-to-see-here", "Accept-Language: *", "Sec-Fetch-Mode: cors", "User-Agent: node"}
	for _, line := range own {
		name, _, _ := strings.Cut(line, ":")
		if !slices.ContainsFunc(s.fields, func(f string) bool { return strings.HasPrefix(strings.ToLower(f), strings.ToLower(name)+":") }) {
			b.WriteString(line + "\r\n")
		}
	}
	for _, f := range s.fields {
		b.WriteString(atTime(f, now) + "\r\n")
	}
	if s.content != "" || s.method == "POST" || s.method == "PUT" {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(s.content))
	}
	b.WriteString("\r\n" + s.content)
	conn, err := net.Dial("tcp", c.g.server.Listener.Addr().String())
	if err != nil {
		return a, err
	}
	defer conn.Close()
	if _, err := conn.Write(b.Bytes()); err != nil {
		return a, err
	}
	r := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(r, &http.Request{Method: s.method})
		if err != nil {
			return a, err
		}
		if res.StatusCode < 200 {
			a.interim = append(a.interim, res.Header)
			continue
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return a, err
		}
		a.response = response{res.StatusCode, res.Header, string(body), nil}
		return a, nil
	}
}

// run plays a case and returns what is wrong, with the number of the request.
func (c *confClient) run(t testing.TB, k *confCase, path string) (faults []string) {
	t.Helper()
	o := c.origin
	o.mu.Lock()
	o.at, o.count = k, 0
	o.now = o.now.Add(time.Hour)
	o.mu.Unlock()
	for i, s := range k.steps {
		o.mu.Lock()
		o.now, o.seen = o.now.Add(s.later), nil
		now := o.now
		o.mu.Unlock()
		a, err := c.send(path, i+1, s, now)
		if err != nil {
			return append(faults, fmt.Sprintf("request %d: %v", i+1, err))
		}
		if slices.Contains(s.want, "cached, and asked meanwhile") {
			guard.Settle(c.g.handler)
		}
		o.mu.Lock()
		a.asked = o.seen
		o.mu.Unlock()
		for _, fault := range s.check(&a, now) {
			faults = append(faults, fmt.Sprintf("request %d: %s", i+1, fault))
		}
	}
	return faults
}

// check holds an answer against what is expected. If nothing is said, the origin is asked once, and its answer comes as it was.
func (s *confStep) check(a *confAnswer, now time.Time) (faults []string) {
	says := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Sprintf(format, args...))
		}
	}
	cached := slices.Contains(s.want, "cached")
	anyway := slices.Contains(s.want, "either")
	refreshes := slices.Contains(s.want, "cached, and asked meanwhile")
	switch {
	case anyway:
	case refreshes:
		says(len(a.asked) == 1, "the origin was asked %d times, want once in the background", len(a.asked))
	case cached:
		says(len(a.asked) == 0, "the origin was asked (%d times): %s", len(a.asked), a.Get("Cache-Status"))
	case s.status == "cut":
		says(len(a.asked) >= 1, "the origin was not asked")
	default:
		says(len(a.asked) == 1, "the origin was asked %d times, want once: %s", len(a.asked), a.Get("Cache-Status"))
	}
	statusSaid := s.checkWords(a, now, says)
	if cached || refreshes || anyway || s.status == "cut" || slices.Contains(s.want, "changed") {
		return faults
	}
	status, _ := strconv.Atoi(s.status)
	says(statusSaid || a.status == status, "status %d, want the origin's %d", a.status, status)
	return append(faults, s.passedOn(a, now)...)
}

// checkWords holds an answer against what is said of it, and reports whether a status is.
func (s *confStep) checkWords(a *confAnswer, now time.Time, says func(ok bool, format string, args ...any)) (statusSaid bool) {
	joined := func(h http.Header, name string) string { return strings.Join(h[http.CanonicalHeaderKey(name)], ", ") }
	is := func(got, want string) bool { return got != "" && (want == "" || got == want) }
	for _, want := range s.want {
		word, rest, _ := strings.Cut(want, " ")
		status, isStatus := strconv.Atoi(want)
		statusSaid = statusSaid || isStatus == nil
		name, value, _ := strings.Cut(rest, ":")
		value = atTime(strings.TrimSpace(value), now)
		switch {
		case isStatus == nil:
			says(a.status == status, "status %d, want %d", a.status, status)
		case word == "body":
			says(a.body == rest, "content %q, want %q", a.body, rest)
		case word == "with":
			got := joined(a.Header, name)
			says(is(got, value), "%s: %q, want %q", name, got, value)
		case word == "without":
			says(len(a.Header[http.CanonicalHeaderKey(rest)]) == 0, "%s: %q, want none", rest, a.Get(rest))
		case word == "sends":
			got := ""
			if len(a.asked) > 0 {
				got = joined(a.asked[0].Header, name)
			}
			says(is(got, value), "the origin was sent %s: %q, want %q", name, got, value)
		case word == "omits":
			says(len(a.asked) > 0 && len(a.asked[0].Header[http.CanonicalHeaderKey(rest)]) == 0, "the origin was sent %s", rest)
		case word == "method":
			says(len(a.asked) > 0 && a.asked[0].Method == rest, "the origin was not sent %s", rest)
		case word == "interim":
			says(slices.ContainsFunc(a.interim, func(h http.Header) bool { return h.Get(name) == value }), "no 103 with %s", rest)
		case word == "answer": // which answer of the origin it is
			says(a.Get("Answer") == rest, "it is answer %s of the origin, want %s", a.Get("Answer"), rest)
		case word == "cached", word == "cached,", word == "either", word == "changed":
		default:
			says(false, "%q is nothing to expect", want)
		}
	}
	return statusSaid
}

// passedOn says which fields of the origin did not come as they were.
func (s *confStep) passedOn(a *confAnswer, now time.Time) (faults []string) {
	want := make(http.Header)
	for _, f := range s.answer {
		if !f.ours && f.value != "none" {
			want.Add(f.name, atTime(f.value, now))
		}
	}
	for name, lines := range want {
		if got := strings.Join(a.Header[name], ", "); got != strings.Join(lines, ", ") {
			faults = append(faults, fmt.Sprintf("%s came as %q, not as %q", name, got, strings.Join(lines, ", ")))
		}
	}
	return faults
}

// TestConformance plays the tables of testdata/conformance.
func TestConformance(t *testing.T) {
	files, err := filepath.Glob("testdata/conformance/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("there are no tables")
	}
	for _, varying := range []bool{false, true} {
		t.Run(map[bool]string{false: "one content", true: "other content each time"}[varying], func(t *testing.T) {
			o := &confOrigin{varying: varying, now: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
			g := protect(t, o, func(options *guard.Options) {
				options.Routes[0].Cache = guard.CacheOn
				options.Now = o.clock
			})
			client := &confClient{g, o}
			number := 0
			for _, file := range files {
				for _, k := range parseConformance(t, file) {
					number++
					t.Run(k.file+"/"+strings.ReplaceAll(k.name, "/", "_"), func(t *testing.T) {
						for _, fault := range client.run(t, k, fmt.Sprintf("/%d", number)) {
							t.Errorf("%s.txt:%d: %s", k.file, k.line, fault)
						}
					})
				}
			}
			if number < 200 {
				t.Errorf("there are %d cases", number)
			}
		})
	}
}
