package condhttp

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// TestValidators: what a 200 and a 304 say of the same state, in place of what the header had.
func TestValidators(t *testing.T) {
	tag, coded := etag.MustParse(`"a"`), etag.MustParse(`"a-gzip"`)
	date := time.Date(2026, 1, 1, 10, 0, 0, 700_000_000, time.UTC)
	during, after := date.Truncate(time.Second).Add(999*time.Millisecond), date.Truncate(time.Second).Add(time.Second)
	const field = "Thu, 01 Jan 2026 10:00:00 GMT"
	for _, c := range []struct {
		name         string
		tag, matched etag.Tag
		date, now    time.Time
		ok, not      [2]string // ETag and Last-Modified of the 200 and of the 304
	}{
		{"tag and date", tag, etag.Tag{}, date, after, [2]string{`"a"`, field}, [2]string{`"a"`, ""}},
		{"the second of the date has not passed", tag, etag.Tag{}, date, during, [2]string{`"a"`, ""}, [2]string{`"a"`, ""}},
		{"a copy in another coding", tag, coded, date, after, [2]string{`"a"`, field}, [2]string{`"a-gzip"`, ""}},
		{"a date alone", etag.Tag{}, etag.Tag{}, date, after, [2]string{"", field}, [2]string{"", field}},
		{"a date alone, too early", etag.Tag{}, etag.Tag{}, date, during, [2]string{"", ""}, [2]string{"", ""}},
		{"a state of the past", etag.Tag{}, etag.Tag{}, date, time.Time{}, [2]string{"", field}, [2]string{"", field}},
		{"a tag alone", tag, etag.Tag{}, time.Time{}, after, [2]string{`"a"`, ""}, [2]string{`"a"`, ""}},
		{"none", etag.Tag{}, etag.Tag{}, time.Time{}, after, [2]string{"", ""}, [2]string{"", ""}},
	} {
		v := NewValidators(c.tag, c.date)
		for _, answer := range []struct {
			status int
			set    func(http.Header)
			want   [2]string
		}{
			{200, func(h http.Header) { v.Set(h, c.now) }, c.ok},
			{304, func(h http.Header) { v.SetNotModified(h, c.matched, c.now) }, c.not},
			{200, func(h http.Header) {
				SetValidators(h, precondition.Current{Exists: true, Tag: c.tag, LastModified: c.date, Now: c.now})
			}, c.ok},
		} {
			h := http.Header{"Etag": {`"stale"`}, "Last-Modified": {"Thu, 01 Jan 1970 00:00:00 GMT"}, "Vary": {"Accept"}}
			answer.set(h)
			if got := [2]string{h.Get("Etag"), h.Get("Last-Modified")}; got != answer.want {
				t.Errorf("%s, %d: got %q, want %q", c.name, answer.status, got, answer.want)
			}
			if h.Get("Vary") != "Accept" || len(h) > 3 {
				t.Errorf("%s, %d: got fields %v", c.name, answer.status, h)
			}
		}
	}
	h := http.Header{"Etag": {`"stale"`}}
	SetValidators(h, precondition.Current{Tag: tag, LastModified: date})
	if len(h) > 0 {
		t.Errorf("of what does not exist: got %v, want none", fmt.Sprint(h))
	}
}

// TestToNotModified: what a cache needs stays, and what describes content goes (RFC 9110 §15.4.5).
func TestToNotModified(t *testing.T) {
	stays := []string{"Date", "Etag", "Vary", "Cache-Control", "Expires", "Content-Location", "Accept-Ranges", "Set-Cookie"}
	goes := []string{
		"Last-Modified", "Content-Type", "Content-Length", "Content-Encoding", "Content-Language", "Content-Range",
		"Content-Disposition", "Content-Digest", "Repr-Digest",
	}
	h := http.Header{}
	for _, name := range append(stays[:len(stays):len(stays)], goes...) {
		h.Set(name, "x")
	}
	ToNotModified(h)
	for _, name := range stays {
		if h.Get(name) == "" {
			t.Errorf("a 304 lost %s", name)
		}
	}
	if len(h) != len(stays) {
		t.Errorf("got %v, want %q alone", h, stays)
	}
	dated := http.Header{"Last-Modified": {"Thu, 01 Jan 2026 10:00:00 GMT"}}
	if ToNotModified(dated); len(dated) != 1 {
		t.Error("a 304 without a tag lost its date")
	}
}
