package requestlog

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

var update = flag.Bool("update", false, "write the lines in testdata/lines.txt anew")

var noon = time.Date(2026, 11, 24, 12, 0, 0, 123456789, time.FixedZone("", 3600))

func TestLines(t *testing.T) {
	const file = "testdata/lines.txt"
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(string(data), "\n== ")
	for i, part := range parts[1:] {
		title, rest, _ := strings.Cut(part, "\n")
		head, want, ok := strings.Cut(rest, "\n=> ")
		if !ok {
			t.Fatalf("case %q has no =>", title)
		}
		got := readCase(t, title, head)
		parts[i+1] = title + "\n" + head + "\n=> " + got
		if want = strings.TrimRight(want, "\n"); want != strings.TrimRight(got, "\n") && !*update {
			t.Errorf("%s:\n got %s\nwant %s", title, got, want)
		}
		checkLine(t, title, []byte(got))
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(parts, "\n== ")), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// readCase returns the line for a case of testdata/lines.txt.
func readCase(t *testing.T, title, text string) string {
	t.Helper()
	head, facts, _ := strings.Cut(text, "\n\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(strings.ReplaceAll(head, "\n", "\r\n") + "\r\n\r\n")))
	if err != nil {
		t.Fatalf("%s: %v", title, err)
	}
	r.RemoteAddr = "192.0.2.1:50000"
	rec := observe.Record{Started: noon, Duration: 1234567 * time.Nanosecond}
	user, guarded := "", false
	for fact := range strings.SplitSeq(strings.TrimSpace(facts), "\n") {
		name, value, _ := strings.Cut(fact, ": ")
		switch name {
		case "status":
			rec.Status, err = strconv.Atoi(value)
		case "bytes":
			rec.Bytes, err = strconv.ParseInt(value, 10, 64)
		case "etag":
			rec.Current, err = etag.Parse(value)
		case "new":
			rec.New, err = etag.Parse(value)
		case "evaluated":
			rec.Evaluated = true
			rec.Decision, err = parseDecision(value)
		case "replayed":
			rec.Replayed = true
		case "problem":
			rec.Reason = value
		case "error":
			rec.Err = errors.New(value)
		case "tls":
			r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13}
		case "user":
			user = value
		default:
			guarded = true
			err = setGuardFact(&rec, name, value)
		}
		if err != nil {
			t.Fatalf("%s: %s: %v", title, fact, err)
		}
	}
	if guarded {
		return string(AppendLine(nil, r, &rec, ""))
	}
	return string(AppendLine(nil, r, &observe.Record{
		Started: rec.Started, Duration: rec.Duration, Status: rec.Status, Bytes: rec.Bytes, Evaluated: rec.Evaluated,
		Decision: rec.Decision, Current: rec.Current, New: rec.New, Reason: rec.Reason, Replayed: rec.Replayed, Err: rec.Err,
	}, user))
}

// setGuardFact reads a fact that makes a line one of a guard.
func setGuardFact(rec *observe.Record, name, value string) (err error) {
	switch name {
	case "route":
		rec.Route = value
	case "validator":
		for rec.Validator.String() != value { // panics if there is none
			rec.Validator++
		}
	case "why":
		rec.Why = value
	case "lock wait":
		rec.LockWait, err = time.ParseDuration(value)
	case "cache":
		rec.Backend.Cache = value
	case "cache forwarded":
		rec.Backend.CacheForwarded = value
	case "cache detail":
		rec.Backend.CacheDetail = value
	case "cache stored":
		rec.Backend.CacheStored = true
	case "cache age":
		rec.Backend.CacheTimes = true
		rec.Backend.CacheAge, err = time.ParseDuration(value)
	case "cache ttl":
		rec.Backend.CacheTTL, err = time.ParseDuration(value)
	case "backend requests":
		rec.Backend.Requests, err = strconv.Atoi(value)
	case "backend status":
		rec.Backend.Status, err = strconv.Atoi(value)
	case "backend etag":
		rec.Backend.ETag = value
	case "backend last-modified":
		rec.Backend.LastModified = value
	case "backend fault":
		rec.Backend.Fault = value
	case "backend duration":
		rec.Backend.Duration, err = time.ParseDuration(value)
	default:
		err = fmt.Errorf("unknown fact %q", name)
	}
	return err
}

// parseDecision reads "outcome reason" or "outcome field reason".
func parseDecision(s string) (d precondition.Decision, err error) {
	words := strings.Fields(s)
	d.Outcome = precondition.Outcome(slices.Index(decisions[:], words[0]))
	for f := precondition.NoField; f <= precondition.IfRange; f++ {
		if len(words) == 3 && f.String() == words[1] {
			d.Field = f
			d.Guarded = f == precondition.IfMatch || f == precondition.IfNoneMatch || f == precondition.IfUnmodifiedSince
		}
	}
	for reason := precondition.Unconditional; reason <= precondition.NoRange; reason++ {
		if reason.String() == words[len(words)-1] {
			d.Reason = reason
			return d, nil
		}
	}
	return d, fmt.Errorf("no reason %q", words[len(words)-1])
}

// checkLine checks what holds for every line: it is one line, it is a JSON object
// with each name once, and it is harmless on a terminal.
func checkLine(t *testing.T, title string, b []byte) map[string]any {
	t.Helper()
	if i := bytes.IndexByte(b, '\n'); i != len(b)-1 {
		t.Fatalf("%s: line feed at byte %d of %d", title, i, len(b))
	}
	for i, r := range string(b[:len(b)-1]) {
		if r < ' ' || r >= 0x7f && r <= 0x9f || r == '\u2028' || r == '\u2029' {
			t.Errorf("%s: raw control character %q at byte %d", title, r, i)
		}
	}
	if !utf8.Valid(b) {
		t.Errorf("%s: not valid UTF-8: %q", title, b)
	}
	var m map[string]any
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatalf("%s: %v in %s", title, err, b)
	}
	if n := countMembers(t, b); n != len(m) {
		t.Errorf("%s: %d members, but %d names in %s", title, n, len(m), b)
	}
	return m
}

func countMembers(t *testing.T, b []byte) (n int) {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		t.Fatal(err)
	}
	for d.More() {
		var value any
		if _, err := d.Token(); err != nil {
			t.Fatal(err)
		}
		if err := d.Decode(&value); err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

// TestMembersAreDocumented compares the members in testdata/lines.txt with those
// in the documentation, both ways.
func TestMembersAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/access-log.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for row := range strings.SplitSeq(string(doc), "\n| ") {
		names, _, _ := strings.Cut(row, " | ")
		for name := range strings.SplitSeq(names, ", ") {
			name = strings.Trim(name, "*")
			if strings.HasPrefix(name, "`") && strings.HasSuffix(name, "`") {
				documented[strings.Trim(name, "`")] = true
			}
		}
	}
	written := map[string]bool{"cut": true} // by TestLineCutsLongValues
	data, err := os.ReadFile("testdata/lines.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range strings.Split(string(data), "\n=> ")[1:] {
		text, _, _ := strings.Cut(part, "\n")
		for name := range checkLine(t, "testdata", []byte(text+"\n")) {
			written[name] = true
		}
	}
	if got, want := slices.Sorted(maps.Keys(documented)), slices.Sorted(maps.Keys(written)); !slices.Equal(got, want) {
		t.Errorf("documented: %q\nwritten:    %q", got, want)
	}
}

func TestTime(t *testing.T) {
	for _, at := range []time.Time{
		noon, {}, time.Unix(0, 0), time.Unix(0, 999), time.Unix(0, 999_999_999),
		time.Date(9999, 12, 31, 23, 59, 59, 1000, time.UTC),
	} {
		got, want := string(appendTime(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000000Z07:00")
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestLineHidesCredentials looks for the secrets themselves, wherever they may
// have gone.
func TestLineHidesCredentials(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJTRUNSRVQiOjF9.SECRET"
	r := httptest.NewRequest("GET", "http://example.org/a?x=1&access_token=SECRET#SECRET", nil)
	r.RequestURI = "http://user:SECRET@example.org/a?x=1&access_token=SECRET"
	r.Host = "ana:SECRET@example.org"
	r.Header.Set("Referer", "https://ana:SECRET@h/a;jsessionid=SECRET?X-Amz-Signature=SECRET&%63ode=SECRET&sig=SECRET&u=%2Fb%3Fotp%3DSECRET")
	r.Header.Set("User-Agent", "agent "+jwt)
	r.Header.Set("X-Request-Id", jwt)
	r.Header.Set("Authorization", "Bearer SECRET")
	r.Header.Set("Proxy-Authorization", "Basic SECRET")
	r.Header.Set("Cookie", "session=SECRET")
	got := string(AppendLine(nil, r, &observe.Record{Started: noon, Err: errors.New("GET http://b/?token=SECRET: refused")}, "user"))
	if strings.Contains(got, "SECRET") {
		t.Errorf("secret in %s", got)
	}
	if want := `"target":"/a?x=1&access_token=[redacted]#[redacted]"`; !strings.Contains(got, want) {
		t.Errorf("no %s in %s", want, got)
	}
}

func TestLineCutsLongValues(t *testing.T) {
	r := httptest.NewRequest("GET", "/"+strings.Repeat("a", 5000), nil)
	r.Header.Set("If-None-Match", strings.Repeat("ü", 2000))
	r.Header.Set("Range", strings.Repeat("\xff", 2000))
	r.Header.Set("User-Agent", strings.Repeat("u", maxValue))
	m := checkLine(t, "long", AppendLine(nil, r, &observe.Record{Started: noon}, ""))
	for name, want := range map[string]string{
		"target":        "/" + strings.Repeat("a", maxTarget-1),
		"if_none_match": strings.Repeat("ü", maxValue/2),
		"range":         strings.Repeat("\ufffd", maxValue),
		"user_agent":    strings.Repeat("u", maxValue),
	} {
		if m[name] != want {
			t.Errorf("%s: got %d bytes, want %d", name, len(fmt.Sprint(m[name])), len(want))
		}
	}
	if got, want := fmt.Sprint(m["cut"]), "[target if_none_match range]"; got != want {
		t.Errorf("cut: got %s, want %s", got, want)
	}
}

// FuzzLine checks that whatever a client sends, the line is valid and says what
// was sent.
func FuzzLine(f *testing.F) {
	f.Add("GET", "/a?b", "curl/8", `W/"é", *`, "\x00\x1f\"\\\u2028\xff\x7f\u0085", "ann")
	f.Add("PUT", "*", "", "\xed\xa0\x80", "\ufffd", "")
	f.Add("", "", strings.Repeat("€", 400), "", "\r\n{}", "\t")
	f.Fuzz(func(t *testing.T, method, target, agent, tag, other, user string) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Method, r.RequestURI = method, target
		r.Header["User-Agent"] = []string{agent}
		r.Header["If-Match"] = []string{tag, other}
		r.Host = other
		rec := observe.Record{
			Started: noon, Err: errors.New(other), Reason: tag, Route: user,
			Backend: observe.Backend{Requests: 1, ETag: tag, LastModified: other},
		}
		guarded := checkLine(t, "fuzz", AppendLine(nil, r, &rec, ""))
		cutThere, _ := guarded["cut"].([]any)
		for name, value := range map[string]string{"if_match": tag + ", " + other, "route": user, "backend_etag": tag,
			"backend_last_modified": other} {
			checkMember(t, guarded, name, value, slices.Contains(cutThere, any(name)))
		}
		m := checkLine(t, "fuzz", AppendLine(nil, r, &observe.Record{Started: noon, Err: rec.Err, Reason: tag}, user))
		want := map[string]string{"method": method, "user_agent": secret.Text(agent), "if_match": tag + ", " + other,
			"error": secret.Text(other), "host": secret.Host(other), "problem": tag, "user": user}
		if strings.HasPrefix(target, "/") && safeTarget(target) == target {
			want["target"] = target
		}
		cut, _ := m["cut"].([]any)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			checkMember(t, m, name, want[name], slices.Contains(cut, any(name)))
		}
	})
}

func checkMember(t *testing.T, m map[string]any, name, sent string, cut bool) {
	t.Helper()
	got, present := m[name].(string)
	want := replaceInvalid(sent)
	switch {
	case !present && sent != "":
		t.Errorf("%s is missing", name)
	case cut && (len(sent) <= maxValue || !strings.HasPrefix(want, got) || got == want):
		t.Errorf("%s: got %q as the beginning of %q", name, got, sent)
	case !cut && got != want:
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

// replaceInvalid is what encoding/json makes of s: each byte that is not part of
// valid UTF-8 becomes U+FFFD.
func replaceInvalid(s string) string { return string([]rune(s)) }

func benchRequest() (*http.Request, *observe.Record) {
	r := httptest.NewRequest("GET", "/notes/today.txt", nil)
	r.RemoteAddr = "127.0.0.1:51234"
	r.Header.Set("User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36")
	r.Header.Set("If-None-Match", `"TJ3HBQWdZLTDMKUHqUSGZA"`)
	r.Header.Set("Range", "bytes=0-")
	return r, &observe.Record{
		Started: noon, Duration: 42 * time.Microsecond, Status: 304, Evaluated: true, Current: etag.Of(nil),
		Decision: precondition.Decision{Outcome: precondition.NotModified, Field: precondition.IfNoneMatch, Reason: precondition.Matched},
	}
}

func TestLineDoesNotAllocate(t *testing.T) {
	r, rec := benchRequest()
	buf := make([]byte, 0, 4096)
	if n := testing.AllocsPerRun(100, func() { buf = AppendLine(buf[:0], r, rec, "ann") }); n != 0 {
		t.Errorf("got %v allocations a line, want 0", n)
	}
	guarded := benchGuardRecord(rec)
	if n := testing.AllocsPerRun(100, func() { buf = AppendLine(buf[:0], r, guarded, "") }); n != 0 {
		t.Errorf("got %v allocations a line of a guard, want 0", n)
	}
}

func benchGuardRecord(rec *observe.Record) *observe.Record {
	return &observe.Record{
		Started: rec.Started, Duration: rec.Duration, Status: rec.Status, Evaluated: true, Current: rec.Current, Decision: rec.Decision,
		Route: "files", Validator: observe.FromContent, LockWait: time.Millisecond,
		Backend: observe.Backend{Requests: 1, Status: 200, ETag: `W/"1f-18b2"`, Duration: 3 * time.Millisecond, Cache: "miss"},
	}
}

func BenchmarkAppendLine(b *testing.B) {
	r, rec := benchRequest()
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendLine(buf[:0], r, rec, "")
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkAppendLineOfGuard(b *testing.B) {
	r, rec := benchRequest()
	guarded := benchGuardRecord(rec)
	buf := make([]byte, 0, 4096)
	b.ReportAllocs()
	for b.Loop() {
		buf = AppendLine(buf[:0], r, guarded, "")
	}
	b.SetBytes(int64(len(buf)))
}
