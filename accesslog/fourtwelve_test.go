package accesslog

import (
	"bytes"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/internal/requestlog"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// TestReadsWhatRequestlogWrites writes a line for a request and reads it.
func TestReadsWhatRequestlogWrites(t *testing.T) {
	r := httptest.NewRequest("PUT", "/notes/to%20day.txt?a=b", nil)
	r.RemoteAddr, r.Host = "[2001:db8::7]:50000", "files.example.org"
	fields := map[Field]string{
		IfMatch: `"a", W/"b"`, IfNoneMatch: "*", IfModifiedSince: "Sun, 06 Nov 1994 08:49:37 GMT", IfUnmodifiedSince: "Sun, 06 Nov 1994 08:49:38 GMT",
		IfRange: `"r"`, Range: "bytes=0-", UserAgent: "say \"hi\" \\ é\u2028\x01", Referer: "http://example.org/?q=%22", RequestID: "id-7",
	}
	names := map[Field]string{
		IfMatch: "If-Match", IfNoneMatch: "If-None-Match", IfModifiedSince: "If-Modified-Since", IfUnmodifiedSince: "If-Unmodified-Since",
		IfRange: "If-Range", Range: "Range", UserAgent: "User-Agent", Referer: "Referer", RequestID: "X-Request-Id",
	}
	for f, value := range fields {
		r.Header.Set(names[f], value)
	}
	started := time.Date(2026, 11, 24, 12, 0, 0, 123456000, time.UTC)
	rec := &origin.Record{
		Started: started, Duration: 1234567 * time.Nanosecond, Status: 412, Bytes: 512, Evaluated: true, Current: etag.Of([]byte("x")),
		Decision: precondition.Decision{Outcome: precondition.PreconditionFailed, Field: precondition.IfMatch, Reason: precondition.NoneMatched}, Reason: "stale",
	}
	log := requestlog.AppendLine(nil, r, rec, "ann")
	n := 0
	for e := range openBytes(t, log, Options{}).Entries(t.Context()) {
		n++
		fields[Client], fields[User], fields[Host], fields[Method] = "2001:db8::7", "ann", "files.example.org", "PUT"
		fields[Target], fields[Path], fields[Query], fields[Protocol] = "/notes/to%20day.txt?a=b", "/notes/to%20day.txt", "a=b", "HTTP/1.1"
		fields[ETag], fields[Decision], fields[DecidedBy] = rec.Current.String(), "precondition-failed", "If-Match"
		fields[Reason], fields[Section], fields[Problem] = rec.Decision.Reason.String(), rec.Decision.Section(), "stale"
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
		if sent, _ := e.Int(ContentSent); sent != 512 {
			t.Errorf("content sent: got %d", sent)
		}
		if e.State(NewETag) != Absent || e.State(LastModified) != NotLogged {
			t.Errorf("new ETag: %v, Last-Modified: %v", e.State(NewETag), e.State(LastModified))
		}
	}
	if n != 1 {
		t.Errorf("got %d entries", n)
	}

	r.Header.Set("If-None-Match", `"`+string(bytes.Repeat([]byte("x"), 2000))+`"`)
	for e := range openBytes(t, requestlog.AppendLine(nil, r, rec, ""), Options{}).Entries(t.Context()) {
		if !e.Cut(IfNoneMatch) || e.Cut(IfMatch) || e.State(User) != Absent {
			t.Errorf("cut: %v and %v; user: %v", e.Cut(IfNoneMatch), e.Cut(IfMatch), e.State(User))
		}
	}
}

// TestReadsWhatAGuardWrites writes a line for a request that a guard has
// answered, and reads the backend's side of it.
func TestReadsWhatAGuardWrites(t *testing.T) {
	r := httptest.NewRequest("GET", "/notes/today", nil)
	rec := &guard.Record{
		Started: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC), Status: 304, Route: "notes",
		Current: etag.Of([]byte("x")), Validator: guard.OriginContent,
		Backend: guard.BackendRecord{Requests: 1, Status: 200, ETag: `W/"1f-18b2"`},
	}
	refused := &guard.Record{Started: rec.Started, Status: 428, Reason: "precondition-required"}
	log := requestlog.AppendGuardLine(requestlog.AppendGuardLine(nil, r, rec), r, refused)
	var got [][3]string
	for e := range openBytes(t, log, Options{}).Entries(t.Context()) {
		got = append(got, [3]string{strings.Clone(e.Text(ETag)), strings.Clone(e.Text(UpstreamStatus)), strings.Clone(e.Text(UpstreamETag))})
	}
	want := [][3]string{{rec.Current.String(), "200", `W/"1f-18b2"`}, {}}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
