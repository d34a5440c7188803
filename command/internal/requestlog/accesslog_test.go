package requestlog_test

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/command/internal/requestlog"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// TestReadsWhatRequestlogWrites writes a line for a request and reads it.
func TestReadsWhatRequestlogWrites(t *testing.T) {
	r := httptest.NewRequest("PUT", "/notes/to%20day.txt?a=b", nil)
	r.RemoteAddr, r.Host = "[2001:db8::7]:50000", "files.example.org"
	fields := map[accesslog.Field]string{
		accesslog.IfMatch: `"a", W/"b"`, accesslog.IfNoneMatch: "*", accesslog.IfModifiedSince: "Sun, 06 Nov 1994 08:49:37 GMT",
		accesslog.IfUnmodifiedSince: "Sun, 06 Nov 1994 08:49:38 GMT",
		accesslog.IfRange:           `"r"`, accesslog.Range: "bytes=0-", accesslog.UserAgent: "say \"hi\" \\ é\u2028\x01",
		accesslog.Referer: "http://example.org/?q=%22", accesslog.RequestID: "id-7",
	}
	names := map[accesslog.Field]string{
		accesslog.IfMatch: "If-Match", accesslog.IfNoneMatch: "If-None-Match", accesslog.IfModifiedSince: "If-Modified-Since",
		accesslog.IfUnmodifiedSince: "If-Unmodified-Since",
		accesslog.IfRange:           "If-Range", accesslog.Range: "Range", accesslog.UserAgent: "User-Agent", accesslog.Referer: "Referer",
		accesslog.RequestID: "X-Request-Id",
	}
	for f, value := range fields {
		r.Header.Set(names[f], value)
	}
	started := time.Date(2026, 11, 24, 12, 0, 0, 123456000, time.UTC)
	rec := &observe.Record{
		Started: started, Duration: 1234567 * time.Nanosecond, Status: 412, Bytes: 512, Evaluated: true, Current: etag.Of([]byte("x")),
		Decision: precondition.Decision{Outcome: precondition.PreconditionFailed, Field: precondition.IfMatch, Reason: precondition.NoneMatched},
		Reason:   "stale",
	}
	log := requestlog.AppendLine(nil, r, rec, "ann")
	n := 0
	for e := range open(t, log).Entries(t.Context()) {
		n++
		fields[accesslog.Client], fields[accesslog.User], fields[accesslog.Host], fields[accesslog.Method] = "2001:db8::7", "ann",
			"files.example.org", "PUT"
		fields[accesslog.Target], fields[accesslog.Path], fields[accesslog.Query], fields[accesslog.Protocol] = "/notes/to%20day.txt?a=b",
			"/notes/to%20day.txt", "a=b", "HTTP/1.1"
		fields[accesslog.ETag], fields[accesslog.Decision], fields[accesslog.DecidedBy] = rec.Current.String(), "precondition-failed", "If-Match"
		fields[accesslog.Reason], fields[accesslog.Section], fields[accesslog.Problem] = rec.Decision.Reason.String(),
			rec.Decision.Section(), "stale"
		for f, want := range fields {
			if got := e.Text(f); got != want {
				t.Errorf("%v: got %q, want %q", f, got, want)
			}
		}
		if !e.Time().Equal(started) || e.Status() != 412 {
			t.Errorf("got %v, %d", e.Time(), e.Status())
		}
		if d, _ := e.Duration(); d != 1234*time.Microsecond {
			t.Errorf("duration: got %v", d)
		}
		if sent, _ := e.Int(accesslog.ContentSent); sent != 512 {
			t.Errorf("content sent: got %d", sent)
		}
		if e.State(accesslog.NewETag) != accesslog.Absent || e.State(accesslog.LastModified) != accesslog.NotLogged {
			t.Errorf("new ETag: %v, Last-Modified: %v", e.State(accesslog.NewETag), e.State(accesslog.LastModified))
		}
	}
	if n != 1 {
		t.Errorf("got %d entries", n)
	}

	r.Header.Set("If-None-Match", `"`+string(bytes.Repeat([]byte("x"), 2000))+`"`)
	for e := range open(t, requestlog.AppendLine(nil, r, rec, "")).Entries(t.Context()) {
		if !e.Cut(accesslog.IfNoneMatch) || e.Cut(accesslog.IfMatch) || e.State(accesslog.User) != accesslog.Absent {
			t.Errorf("cut: %v and %v; user: %v", e.Cut(accesslog.IfNoneMatch), e.Cut(accesslog.IfMatch), e.State(accesslog.User))
		}
	}
}

// TestReadsWhatAGuardWrites writes a line for a request that a guard has
// answered, and reads the backend's side of it.
func TestReadsWhatAGuardWrites(t *testing.T) {
	r := httptest.NewRequest("GET", "/notes/today", nil)
	rec := &observe.Record{
		Started: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Status: 304, Route: "notes",
		Current: etag.Of([]byte("x")), Validator: observe.FromContent,
		Backend: observe.Backend{Requests: 1, Status: 200, ETag: `W/"1f-18b2"`},
	}
	refused := &observe.Record{Started: rec.Started, Status: 428, Reason: "precondition-required"}
	log := requestlog.AppendLine(requestlog.AppendLine(nil, r, rec, ""), r, refused, "")
	var got [][3]string
	for e := range open(t, log).Entries(t.Context()) {
		got = append(got, [3]string{
			strings.Clone(e.Text(accesslog.ETag)), strings.Clone(e.Text(accesslog.UpstreamStatus)), strings.Clone(e.Text(accesslog.UpstreamETag)),
		})
	}
	want := [][3]string{{rec.Current.String(), "200", `W/"1f-18b2"`}, {}}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// open returns a reader of log.
func open(t *testing.T, log []byte) *accesslog.Reader {
	t.Helper()
	r, err := accesslog.Open([]string{"-"}, accesslog.Options{Stdin: bytes.NewReader(log)})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
