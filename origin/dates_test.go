package origin_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/transcript"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// dated is a date that a client was given, and the version it saw with it.
type dated struct {
	date    string
	field   string // it was given in
	version string
}

// handler answers requests without a network.
type handler struct {
	t testing.TB
	http.Handler
}

func (h handler) do(method, path, content string, fields ...string) *httptest.ResponseRecorder {
	h.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(content))
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// TestDatesCoverOneVersion: whatever date a client was given, in Last-Modified or
// in Date, with whichever answer, it never makes the server take a later version for
// the one that the client saw. Writes and reads come at random moments, many within a second.
func TestDatesCoverOneVersion(t *testing.T) {
	for seed := range uint64(10) {
		random := rand.New(rand.NewPCG(seed, 0))
		clock := transcript.NewClock()
		h, err := origin.New(origin.Options{
			Store: memstore.New(memstore.Options{Now: clock.Now}), Now: clock.Now, Require: origin.RequireNever,
		})
		if err != nil {
			t.Fatal(err)
		}
		s := handler{t, h}
		given := make(map[dated]bool)
		version := ""
		for step := range 60 {
			clock.Wait(time.Duration(random.IntN(700)) * time.Millisecond)
			if version == "" || random.IntN(3) == 0 {
				version = fmt.Sprint("version ", step)
				collectDates(given, s.do("PUT", "/a.txt", version), version)
			} else {
				collectDates(given, s.do("GET", "/a.txt", ""), version)
			}
			for d := range given {
				checkDate(t, s, d, version)
			}
			if t.Failed() {
				t.Fatalf("seed %d, step %d, %v", seed, step, clock.Now())
			}
		}
	}
}

// collectDates notes the dates in an answer about version.
func collectDates(given map[dated]bool, w *httptest.ResponseRecorder, version string) {
	for _, name := range []string{"Date", "Last-Modified"} {
		if date := w.Header().Get(name); date != "" {
			given[dated{date, name, version}] = true
		}
	}
}

// checkDate uses a date in all the ways there are. For the version it was given
// with, anything may be answered that is true.
func checkDate(t *testing.T, s handler, d dated, current string) {
	t.Helper()
	if d.version == current {
		return
	}
	if w := s.do("GET", "/a.txt", "", "If-Modified-Since: "+d.date); w.Code != http.StatusOK {
		t.Errorf("%s %s of %q: If-Modified-Since gets %d while %q is current", d.field, d.date, d.version, w.Code, current)
	}
	if w := s.do("GET", "/a.txt", "", "Range: bytes=1-", "If-Range: "+d.date); w.Code != http.StatusOK {
		t.Errorf("%s %s of %q: If-Range gets %d while %q is current", d.field, d.date, d.version, w.Code, current)
	}
	if w := s.do("DELETE", "/a.txt", "", "If-Unmodified-Since: "+d.date); w.Code != http.StatusPreconditionFailed {
		t.Errorf("%s %s of %q: If-Unmodified-Since gets %d while %q is current", d.field, d.date, d.version, w.Code, current)
	}
}

// TestDatesAreOfUse: once its second has passed, a Last-Modified validates.
func TestDatesAreOfUse(t *testing.T) {
	clock := transcript.NewClock()
	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{Now: clock.Now}), Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	s := handler{t, h}
	s.do("PUT", "/a.txt", "content")
	for _, wait := range []time.Duration{0, 749 * time.Millisecond, 999 * time.Millisecond} {
		clock.Wait(wait)
		if got := s.do("GET", "/a.txt", "").Header().Get("Last-Modified"); got != "" {
			t.Errorf("at %v: Last-Modified %s is given out before its second has passed", clock.Now(), got)
		}
	}
	clock.Wait(2 * time.Millisecond)
	modified := s.do("GET", "/a.txt", "").Header().Get("Last-Modified")
	if modified == "" {
		t.Fatalf("at %v: no Last-Modified", clock.Now())
	}
	for _, c := range []struct {
		fields []string
		status int
	}{
		{[]string{"If-Modified-Since: " + modified}, http.StatusNotModified},
		{[]string{"If-Unmodified-Since: " + modified}, http.StatusOK},
		{[]string{"If-Range: " + modified, "Range: bytes=0-0"}, http.StatusPartialContent},
	} {
		if w := s.do("GET", "/a.txt", "", c.fields...); w.Code != c.status {
			t.Errorf("%q: status %d, want %d", c.fields, w.Code, c.status)
		}
	}
}

// TestDateIsBeforeTheLookUp: the time in Date is one at which the version that is
// sent had not been replaced, even if it is replaced while it is looked up. net/http
// would take the time when it writes the header.
func TestDateIsBeforeTheLookUp(t *testing.T) {
	clock := transcript.NewClock()
	inner := memstore.New(memstore.Options{Now: clock.Now})
	put(t, inner, "a.txt", "old")
	slow := &hookedStore{Store: inner}
	h, err := origin.New(origin.Options{Store: slow, Now: clock.Now})
	if err != nil {
		t.Fatal(err)
	}
	slow.afterStat = func() {
		clock.Wait(700 * time.Millisecond)
		put(t, inner, "a.txt", "new")
		clock.Wait(700 * time.Millisecond) // into the second that the new version's date names
	}
	w := handler{t, h}.do("GET", "/a.txt", "")
	slow.afterStat = nil
	if w.Body.String() != "old" {
		t.Fatalf("the version sent is %q, want %q", w.Body, "old")
	}
	date := w.Header().Get("Date")
	again := handler{t, h}.do("GET", "/a.txt", "", "If-Modified-Since: "+date)
	if date == "" || again.Code != http.StatusOK {
		t.Errorf("the Date %q, of a version that was replaced at once, validates: status %d", date, again.Code)
	}
}
