package cache_test

import (
	"flag"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
)

var update = flag.Bool("update", false, "write what comes out into testdata, to be read as a difference")

// TestCases plays the tables of testdata; README.md there says how to read them.
func TestCases(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no tables")
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			blocks := strings.Split(string(data), "\n\n")
			for i, block := range blocks {
				got, err := play(block)
				switch {
				case err != nil:
					t.Errorf("%v in\n%s", err, block)
				case *update:
					blocks[i] = got
				case got != strings.TrimRight(block, "\n"):
					t.Errorf("got\n%s\n\nwant\n%s", got, block)
				}
			}
			if *update {
				if err := os.WriteFile(file, []byte(strings.TrimRight(strings.Join(blocks, "\n\n"), "\n")+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

// start is when the first request of each block is sent.
var start = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

const target = "http://example.org/a"

// A stage is a cache for one target whose steps a block tells.
type stage struct {
	policy  cache.Policy
	took    time.Duration
	now     time.Time
	stored  []*cache.Stored
	request cache.Request
	reuse   cache.Reuse
	chosen  int
}

// play goes through a block, and returns it with the lines of what comes out written anew.
func play(block string) (string, error) {
	s := &stage{now: start, chosen: -1}
	var out []string
	lines := strings.Split(strings.TrimRight(block, "\n"), "\n")
	for i := 0; i < len(lines); {
		line := lines[i]
		i++
		if strings.HasPrefix(line, "→") || strings.HasPrefix(line, "  ") {
			continue // what came out last time
		}
		out = append(out, line)
		if line == "" || strings.HasPrefix(line, "#") || s.set(line) {
			continue
		}
		header := make(map[string][]string)
		for ; i < len(lines) && isField(lines[i]); i++ {
			out = append(out, lines[i])
			s.field(header, lines[i])
		}
		result, err := s.step(line, header)
		if err != nil {
			return "", err
		}
		out = append(out, result...)
	}
	return strings.Join(out, "\n"), nil
}

func isField(line string) bool {
	name, _, ok := strings.Cut(line, ":")
	return ok && name != "" && !strings.ContainsAny(name, " →<+#")
}

// set takes a setting of the block.
func (s *stage) set(line string) bool {
	name, value, _ := strings.Cut(line, ": ")
	switch name {
	case "role":
		if value == "private" {
			s.policy.Role = cache.Private
		}
	case "targeted":
		s.policy.Targeted = strings.Split(value, ", ")
	case "coherent":
		s.policy.Coherent = value == "yes"
	case "request directives":
		s.policy.IgnoreRequest = value == "ignored"
	case "stale if error":
		s.policy.StaleIfError, _ = time.ParseDuration(value)
	case "heuristic at most":
		s.policy.HeuristicMax, _ = time.ParseDuration(value)
	case "the answer takes":
		s.took, _ = time.ParseDuration(value)
	default:
		return false
	}
	return true
}

// field reads a field line. A value of @ and a number of seconds is that time after the first request.
func (s *stage) field(header map[string][]string, line string) {
	name, value, _ := strings.Cut(line, ":")
	value = strings.TrimPrefix(value, " ")
	if at, ok := strings.CutPrefix(value, "@"); ok {
		n, _ := strconv.Atoi(at)
		value = start.Add(time.Duration(n) * time.Second).Format(http.TimeFormat)
	}
	key := textproto.CanonicalMIMEHeaderKey(name)
	header[key] = append(header[key], value)
}

func (s *stage) step(line string, header map[string][]string) ([]string, error) {
	if status, ok := strings.CutPrefix(line, "< "); ok {
		n, err := strconv.Atoi(status)
		if err != nil {
			return nil, err
		}
		return s.answer(cache.Response{Status: n, Header: header}), nil
	}
	if later, rest, ok := strings.Cut(line, " "); ok && strings.HasPrefix(later, "+") {
		d, err := time.ParseDuration(later[1:])
		if err != nil {
			return nil, err
		}
		s.now, line = start.Add(d), rest
	}
	if line != strings.ToUpper(line) {
		return nil, fmt.Errorf("%q is no step", line)
	}
	s.request = cache.Request{Method: line, Header: header}
	return s.ask(), nil
}

// ask looks for what can serve the request.
func (s *stage) ask() []string {
	s.chosen = s.policy.Select(s.request, s.stored)
	if s.chosen < 0 {
		s.reuse = s.policy.Missing(s.request)
		if len(s.stored) == 0 && s.reuse.Action == cache.Forward {
			return nil
		}
		return append([]string{"→ " + s.reuse.String()}, s.conditions()...)
	}
	s.reuse = s.policy.Reuse(s.request, s.stored[s.chosen], s.now)
	f := s.reuse.Freshness
	out := fmt.Sprintf("→ %s; age %v of %v by %s", s.reuse, f.Age.Seconds(), f.Lifetime.Seconds(), f.Source)
	if len(s.stored) > 1 {
		out += fmt.Sprintf("; stored %d", s.chosen+1)
	}
	if s.reuse.Action == cache.Serve || s.reuse.Action == cache.Refuse {
		return []string{out}
	}
	return append([]string{out}, s.conditions()...)
}

// conditions are the fields about state and ranges of the request that goes to the origin.
func (s *stage) conditions() []string {
	header := s.request.Header
	if s.reuse.Action != cache.Forward || s.chosen < 0 {
		header = s.policy.Conditions(s.request, s.stored)
	}
	var out []string
	for _, name := range []string{"If-Match", "If-Unmodified-Since", "If-None-Match", "If-Modified-Since", "If-Range", "Range"} {
		for _, value := range header[name] {
			out = append(out, "  "+name+": "+value)
		}
	}
	return out
}

// answer takes in what the origin says.
func (s *stage) answer(response cache.Response) []string {
	requested, received := s.now, s.now.Add(s.took)
	s.now = received
	if date := response.Header["Date"]; len(date) == 0 {
		response.Header["Date"] = []string{received.Format(http.TimeFormat)}
	} else if date[0] == "none" {
		delete(response.Header, "Date")
	}
	u, _ := url.Parse(target)
	switch inv := cache.Invalidates(s.request.Method, u, response); {
	case len(inv.Targets) > 0:
		return s.invalidate(inv)
	case response.Status == 304 && s.chosen >= 0:
		return s.freshen(response, requested, received)
	case s.request.Method == "HEAD":
		return s.head(response, requested, received)
	case response.Status >= 500 && s.chosen >= 0:
		r := s.policy.OnError(s.request, s.stored[s.chosen], s.now)
		if r.Action == cache.Serve {
			return []string{"→ " + r.String()}
		}
	}
	return s.store(response, requested, received)
}

func (s *stage) invalidate(inv cache.Invalidation) []string {
	out := "→ invalidates " + strings.Join(inv.Targets, ", ")
	if len(inv.Groups) > 0 {
		out += fmt.Sprintf("; groups %q", inv.Groups)
	}
	for _, stored := range s.stored {
		stored.Invalid = slices.Contains(inv.Targets, target) || stored.Invalid
	}
	return []string{out}
}

func (s *stage) head(response cache.Response, requested, received time.Time) []string {
	var out []string
	for i, stored := range s.stored {
		switch {
		case !stored.Matches(s.request) || response.Status != 200:
		case stored.Agrees(response):
			s.stored[i] = s.policy.Update(stored, response, requested, received)
			out = append(out, fmt.Sprintf("→ updates stored %d", i+1))
		default:
			stored.Invalid = true
			out = append(out, fmt.Sprintf("→ invalidates stored %d", i+1))
		}
	}
	if out == nil {
		out = []string{"→ changes nothing"}
	}
	return out
}

func (s *stage) freshen(response cache.Response, requested, received time.Time) []string {
	var initial []*cache.Stored
	var numbers []int
	for i, stored := range s.stored {
		if stored.Matches(s.request) {
			initial, numbers = append(initial, stored), append(numbers, i)
		}
	}
	var out []string
	for _, i := range s.policy.Freshens(initial, response, received) {
		updated := s.policy.Update(initial[i], response, requested, received)
		s.stored[numbers[i]] = updated
		out = append(out, fmt.Sprintf("→ updates stored %d", numbers[i]+1))
		out = append(out, changes(initial[i].Header, updated.Header)...)
	}
	if out == nil {
		out = []string{"→ updates nothing"}
	}
	return out
}

// changes are the fields in which two headers differ, but for Date.
func changes(before, after map[string][]string) []string {
	var out []string
	for name, lines := range after {
		if name != "Date" && !slices.Equal(before[name], lines) {
			out = append(out, "  "+name+": "+strings.Join(lines, ", "))
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok {
			out = append(out, "  without "+name)
		}
	}
	slices.Sort(out)
	return out
}

func (s *stage) store(response cache.Response, requested, received time.Time) []string {
	if reason := s.policy.Storable(s.request, response, received); reason != cache.Allowed {
		return []string{fmt.Sprintf("→ not stored: %s (%s)", reason, reason.Section())}
	}
	for i, stored := range s.stored {
		if _, ok := stored.Joins(response); ok && stored.Matches(s.request) && stored.Parts != nil {
			joined := s.policy.Join(stored, response, requested, received)
			s.stored[i] = joined
			return []string{fmt.Sprintf("→ joins stored %d: %s", i+1, s.parts(joined))}
		}
	}
	next := s.policy.Entry(s.request, response, requested, received)
	out := "→ stored"
	if next.Parts != nil {
		out += ": " + s.parts(next)
	}
	s.stored = append(s.stored, next)
	lost := changes(response.Header, next.Header)
	return append([]string{out}, lost...)
}

// parts says what is there, and what is missing.
func (s *stage) parts(stored *cache.Stored) string {
	var all []string
	for _, p := range stored.Parts {
		all = append(all, p.ContentRange(stored.Size))
	}
	out := strings.Join(all, ", ")
	if gap, ok := cache.Missing(stored.Parts, stored.Size); ok {
		return fmt.Sprintf("%s; %s is missing", out, gap.ContentRange(stored.Size))
	}
	return out + "; all is there"
}
