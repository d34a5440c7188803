package probe_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// keeper is a shared cache that keeps whatever may be kept by its max-age, refusals too, under the
// whole URL. It takes no notice of what requests say.
type keeper struct {
	next http.Handler
	says bool // that it is a cache

	mu   sync.Mutex
	kept map[string]*httptest.ResponseRecorder
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	k.mu.Lock()
	rec := k.kept[r.URL.String()]
	k.mu.Unlock()
	if rec == nil || r.Method != http.MethodGet {
		rec = httptest.NewRecorder()
		k.next.ServeHTTP(rec, r)
		refused := rec.Code == http.StatusPreconditionFailed || rec.Code == http.StatusRequestedRangeNotSatisfiable ||
			rec.Code == http.StatusBadRequest
		if r.Method == http.MethodGet && refused && strings.Contains(rec.Header().Get("Cache-Control"), "max-age") {
			k.mu.Lock()
			k.kept[r.URL.String()] = rec
			k.mu.Unlock()
		}
	}
	for name, values := range rec.Header() {
		w.Header()[name] = values
	}
	if k.says {
		w.Header().Set("X-Cache", "MISS")
	}
	w.WriteHeader(rec.Code)
	w.Write(rec.Body.Bytes())
}

// TestRefusalsAreNotKept: a cache in front of an origin that gives all of its answers a max-age,
// refusals too, has nothing to hand to others after a run but what they would have got without it.
func TestRefusalsAreNotKept(t *testing.T) {
	oneQuery := func(next http.Handler) http.Handler { // the server has something else under another query
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.RawQuery != "" {
				http.NotFound(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
	for _, c := range []struct {
		name string
		says bool
		layer
		asked bool // whether refusals are asked for
	}{
		{"a cache that does not show", false, layers(), true},
		{"a cache that shows", true, layers(), true},
		{"a cache that shows, and the query matters", true, oneQuery, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			// A client's second line of a field is refused, too.
			twice := instead(func(r *http.Request) bool { return len(r.Header.Values("If-None-Match")) > 1 }, http.StatusBadRequest)
			k := &keeper{kept: map[string]*httptest.ResponseRecorder{}, says: c.says}
			k.next = layers(always("Cache-Control", "max-age=600"), c.layer, twice)(rightServer(t))
			server := httptest.NewServer(k)
			defer server.Close()
			target, err := url.Parse(server.URL + planPath)
			if err != nil {
				t.Fatal(err)
			}
			report, err := probe.Run(t.Context(), target, probe.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for uri := range k.kept {
				if !strings.Contains(uri, "fourtwelve-check=") {
					t.Errorf("the cache keeps %d under %s", k.kept[uri].Code, uri)
				}
			}
			for _, r := range report.Results {
				if r.Check.ID == "im-nonsense" && (r.Outcome == probe.Passed) != c.asked {
					t.Errorf("%s: got %v: %s", r.Check.ID, r.Outcome, r.Says)
				}
				if r.Check.ID == "refusal-not-stored" && (r.Outcome == probe.Failed) != c.asked {
					t.Errorf("%s: got %v: %s", r.Check.ID, r.Outcome, r.Says)
				}
			}
		})
	}
}

// always sets a field of all responses.
func always(name, value string) layer {
	return answering(func(_ *http.Request, w *response) { w.header.Set(name, value) })
}

// TestHarmIsAskedFor: what may stop a server is sent only if that is wanted.
func TestHarmIsAskedFor(t *testing.T) {
	for _, risky := range []bool{false, true} {
		h, mu, huge := rightServer(t), sync.Mutex{}, 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("Range"), "9999999999999999999") {
				mu.Lock()
				huge++
				mu.Unlock()
			}
			h.ServeHTTP(w, r)
		}))
		target, _ := url.Parse(server.URL + planPath)
		report, err := probe.Run(t.Context(), target, probe.Options{Risky: risky})
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		if (huge > 0) != risky {
			t.Errorf("risky %v: %d requests with huge positions", risky, huge)
		}
		for _, r := range report.Results {
			if r.Check.ID == "range-huge" && ((r.Outcome == probe.Passed) != risky || !risky && !strings.Contains(r.Says, "--risky")) {
				t.Errorf("risky %v: got %v: %s", risky, r.Outcome, r.Says)
			}
		}
	}
}

// TestServerStops has a server end for good at one request. That is said, with the request, and
// nothing more is sent.
func TestServerStops(t *testing.T) {
	h := rightServer(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var server *http.Server
	server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.Header.Get("If-Match"), `W/`) {
			server.Close()
			return
		}
		h.ServeHTTP(w, r)
	})}
	go server.Serve(l)
	target := &url.URL{Scheme: "http", Host: l.Addr().String(), Path: planPath}
	report, err := probe.Run(t.Context(), target, probe.Options{Connections: 1})
	if err != nil {
		t.Fatal(err)
	}
	if !report.Died || !strings.Contains(report.Stopped, fmt.Sprintf("the server at %s has stopped", l.Addr())) ||
		!strings.Contains(report.Stopped, "GET with If-Match: W/") {
		t.Errorf("got died %v, stopped %q", report.Died, report.Stopped)
	}
	if report.Score() != -1 || report.Count(probe.NotAsked) == 0 {
		t.Errorf("got score %d, %d not asked", report.Score(), report.Count(probe.NotAsked))
	}
}
