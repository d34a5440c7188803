package server

import (
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/observe"
)

// TestCrowdIsLogged: who is turned away because there are too many is in the log, with the reason.
func TestCrowdIsLogged(t *testing.T) {
	var told observe.Record
	o := Options{Observe: func(_ *http.Request, rec *observe.Record) { told = *rec }}
	w := httptest.NewRecorder()
	o.refuseCrowd(w, httptest.NewRequest("PUT", "/a", nil))
	if w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("got %d with %v", w.Code, w.Header())
	}
	if told.Status != 503 || told.Reason != "too-many-at-once" || told.Bytes != int64(w.Body.Len()) {
		t.Errorf("the log has status %d, reason %q, %d bytes", told.Status, told.Reason, told.Bytes)
	}
}

// TestLane: plain reads are answered in the lane, with TLS too, and everything else beside it, by the
// same handler under the same limits.
func TestLane(t *testing.T) {
	for _, c := range []struct {
		name    string
		tls, h2 bool
		method  string
		inLane  int64
	}{
		{"plain", false, false, "GET", 1},
		{"a write", false, false, "PUT", 0},
		{"over TLS", true, false, "GET", 1},
		{"HTTP/2", true, true, "GET", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			o := Options{Lane: true, Logger: slog.New(slog.DiscardHandler), IdleTimeout: time.Minute}
			o.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprintf(w, "%s %s, TLS %v", r.Method, r.Proto, r.TLS != nil)
			})
			transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, ForceAttemptHTTP2: c.h2}
			defer transport.CloseIdleConnections()
			scheme, proto := "http", "HTTP/1.1"
			if c.tls {
				scheme, o.Certificate = "https", testCertificate(t)
			}
			if c.h2 {
				proto = "HTTP/2.0"
			}
			ln, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			h := NewHTTP(ln, o)
			served := make(chan error, 1)
			go func() { served <- h.Serve() }()
			request, err := http.NewRequest(c.method, scheme+"://"+ln.Addr().String()+"/", nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := transport.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			content, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if want := fmt.Sprintf("%s %s, TLS %v", c.method, proto, c.tls); string(content) != want || err != nil {
				t.Errorf("got %q, error %v, want %q", content, err, want)
			}
			if n := h.lane.Answered(); n != c.inLane {
				t.Errorf("%d requests were answered in the lane, want %d", n, c.inLane)
			}
			if err := h.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			if err := <-served; err != http.ErrServerClosed {
				t.Errorf("Serve returned %v", err)
			}
		})
	}
}

// testCertificate is the one of package httptest.
func testCertificate(t *testing.T) *Certificate {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	c := new(Certificate)
	c.current.Store(&s.TLS.Certificates[0])
	return c
}
