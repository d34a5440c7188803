package caching_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose/caching"
)

func read(t *testing.T, text string) []*capture.Exchange {
	t.Helper()
	xs, err := capture.Read(strings.NewReader(text), "test", capture.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return xs
}

// said is a verdict in some words.
func said(v *caching.Verdict) string {
	if v.Silent != "" {
		return "silent"
	}
	words := func(k *caching.Keeping) string {
		switch {
		case !k.Stored():
			return k.Reason.String()
		case k.Undated:
			return k.Source.String() + " undated"
		}
		return fmt.Sprintf("%s %.0f-%.0f", k.Source, k.Age.Seconds(), k.Lifetime.Seconds())
	}
	text := words(v.Shared) + " | " + words(v.Private)
	for _, l := range v.Validation {
		text += " | " + l.Name
	}
	return text
}

// TestStoring: what is said of an answer to GET, a row for each rule that people meet.
func TestStoring(t *testing.T) {
	const date = "Date: Tue, 03 Nov 2026 09:14:22 GMT\n"
	for _, c := range []struct{ what, request, response, want string }{
		{"a lifetime", "", "Cache-Control: max-age=600\nETag: \"a\"\n", "max-age 0-600 | max-age 0-600 | If-None-Match"},
		{"one for shared caches", "", "Cache-Control: max-age=600, s-maxage=60\n", "s-maxage 0-60 | max-age 0-600"},
		{"older than its lifetime", "", "Cache-Control: max-age=60\nAge: 90\n", "max-age 90-60 | max-age 90-60"},
		{"a guess", "", "Last-Modified: Tue, 03 Nov 2026 08:14:22 GMT\n", "heuristic 0-360 | heuristic 0-360 | If-Modified-Since"},
		{"Expires", "", "Expires: Tue, 03 Nov 2026 09:15:22 GMT\n", "Expires 0-60 | Expires 0-60"},
		{"for one user", "", "Cache-Control: private, max-age=60\n", "private | max-age 0-60"},
		{"for nobody", "", "Cache-Control: no-store\n", "no-store | no-store"},
		{"credentials", "Authorization: Basic eDp5\n", "Cache-Control: max-age=60\n", "authorization | max-age 0-60"},
		{"a cookie", "Cookie: a=b\n", "Last-Modified: Tue, 03 Nov 2026 08:14:22 GMT\n", "cookie | heuristic 0-360 | If-Modified-Since"},
		{"Vary: *", "", "Vary: *\nCache-Control: max-age=60\n", "vary-any | vary-any"},
		{"nothing to go by", "", "", "useless | useless"},
	} {
		t.Run(c.what, func(t *testing.T) {
			xs := read(t, "GET /a HTTP/1.1\nHost: a.example\n"+c.request+"\nHTTP/1.1 200 OK\n"+date+c.response+"Content-Length: 0\n\n")
			if got := said(&caching.Exchanges(xs)[0]); got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestSilence: nothing is said of storing where the capture does not have what decides it, and what was taken for granted is said.
func TestSilence(t *testing.T) {
	for _, c := range []struct{ what, capture, want, assumed string }{
		{"304", "GET / HTTP/1.1\nHost: a.example\nIf-None-Match: \"a\"\n\nHTTP/1.1 304 Not Modified\nETag: \"a\"\n\n", "silent", ""},
		{"response alone", "HTTP/1.1 200 OK\nExpires: Tue, 03 Nov 2026 09:14:22 GMT\nContent-Length: 0\n\n", "Expires undated | Expires undated",
			"the request was a GET; the request had no Authorization, Cookie or Cache-Control"},
		{"HEAD", "HEAD / HTTP/1.1\nHost: a.example\n\nHTTP/1.1 200 OK\nCache-Control: max-age=5\n\n", "max-age 0-5 | max-age 0-5",
			"a GET is answered with the same fields as this HEAD"},
		{"a cached copy", `{"log": {"version": "1.2", "creator": {"name": "x", "version": "1"}, "entries": [{
			"startedDateTime": "2026-11-03T09:14:22Z", "time": 1, "_fromCache": "disk", "cache": {}, "timings": {"send": 0, "wait": 1, "receive": 0},
			"request": {"method": "GET", "url": "https://a.example/", "httpVersion": "HTTP/1.1", "cookies": [], "headers": [],
				"queryString": [], "headersSize": -1, "bodySize": 0},
			"response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "cookies": [], "headers": [],
				"content": {"size": 0, "mimeType": ""}, "redirectURL": "", "headersSize": -1, "bodySize": 0}}]}}`, "silent", ""},
	} {
		t.Run(c.what, func(t *testing.T) {
			v := caching.Exchanges(read(t, c.capture))[0]
			if got, assumed := said(&v), strings.Join(v.Assumed, "; "); got != c.want || assumed != c.assumed {
				t.Errorf("got %q, assumed %q; want %q, %q", got, assumed, c.want, c.assumed)
			}
		})
	}
}

// TestHistory: what a cache that has seen the exchanges before would have done with each request.
func TestHistory(t *testing.T) {
	exchange := func(request, status, at, fields string) string {
		return request + " HTTP/1.1\nHost: a.example\n\nHTTP/1.1 " + status + "\nDate: Tue, 03 Nov 2026 " + at + " GMT\n" + fields + "\n"
	}
	xs := read(t, exchange("GET /a", "200 OK", "09:00:00", "Cache-Control: max-age=60\nETag: \"a\"\nContent-Length: 0\n")+
		exchange("GET /a", "200 OK", "09:00:30", "Cache-Control: max-age=60\nETag: \"a\"\nContent-Length: 0\n")+
		exchange("GET /a", "304 Not Modified", "09:02:00", "Cache-Control: max-age=60\nETag: \"a\"\n")+
		exchange("GET /a", "200 OK", "09:02:30", "Cache-Control: private, max-age=60\nContent-Length: 0\n")+
		exchange("DELETE /a", "204 No Content", "09:02:40", "Location: /b\n")+
		exchange("GET /a", "404 Not Found", "09:02:50", "Content-Length: 0\n")+
		exchange("GET /b", "404 Not Found", "09:02:50", "Content-Length: 0\n"))
	want := []string{"", "1 serve fresh", "2 validate stale", "3 serve fresh", "", "4 validate invalidated", ""}
	for i, v := range caching.Exchanges(xs) {
		got := ""
		if e := v.PrivateHad; e != nil {
			got = fmt.Sprintf("%d %s %s", e.Exchange+1, e.Action, e.Reason)
		}
		if got != want[i] {
			t.Errorf("exchange %d: a private cache had %q, want %q", i+1, got, want[i])
		}
		if i == 4 && strings.Join(v.Invalidates.Targets, " ") != "//a.example/a //a.example/b" {
			t.Errorf("DELETE invalidates %q", v.Invalidates.Targets)
		}
	}
	if e := caching.Exchanges(xs)[5].SharedHad; e == nil || e.Exchange != 2 || e.Reason != cache.Invalidated {
		t.Errorf("a shared cache, which does not store what is private, had %+v", e)
	}
}

// FuzzExchanges: whatever a capture has, something is said of each exchange, and what is not stored has no lifetime.
func FuzzExchanges(f *testing.F) {
	f.Add("GET /a HTTP/1.1\nHost: a.example\n\nHTTP/1.1 200 OK\nCache-Control: max-age=60\nVary: a\n\n")
	f.Add("PUT /a HTTP/1.1\nHost: a.example\n\nHTTP/1.1 201 Created\nDate: x\nLocation: //b/\x00\nContent-Range: bytes 1-2/3\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		xs, _ := capture.Read(strings.NewReader(text), "test", capture.Options{Format: capture.Raw})
		verdicts := caching.Exchanges(xs)
		if len(verdicts) != len(xs) {
			t.Fatalf("%d verdicts of %d exchanges", len(verdicts), len(xs))
		}
		for i := range verdicts {
			v := &verdicts[i]
			if (v.Silent == "") != (v.Shared != nil && v.Private != nil) {
				t.Errorf("silent %q, and %v", v.Silent, v.Shared)
			}
			if v.Shared != nil && !v.Shared.Stored() && v.Shared.Lifetime != 0 {
				t.Errorf("not stored, and fresh for %s", v.Shared.Lifetime)
			}
		}
	})
}
