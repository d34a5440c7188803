package probe_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/probe"
)

// watch is a handler that remembers what it was asked, and may answer in the place of another one.
type watch struct {
	*notes
	// instead answers the request and returns true, or does nothing. n counts the requests so far,
	// from 1.
	instead func(w http.ResponseWriter, r *http.Request, n int) bool

	mu    sync.Mutex
	asked []string // as in "PUT /scratch.txt If-None-Match: *"
}

func (w *watch) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	line := r.Method + " " + r.URL.Path
	if value := r.Header.Get("If-None-Match"); value != "" {
		line += " If-None-Match: " + value
	}
	w.mu.Lock()
	w.asked = append(w.asked, line)
	n := len(w.asked)
	w.mu.Unlock()
	if w.instead == nil || !w.instead(rw, r, n) {
		w.notes.ServeHTTP(rw, r)
	}
}

// run asks the checks that write.
func (w *watch) run(ctx context.Context, t *testing.T, budget int) (*probe.Report, error) {
	t.Helper()
	server := httptest.NewServer(w)
	defer server.Close()
	target, err := url.Parse(server.URL + "/page.txt")
	if err != nil {
		t.Fatal(err)
	}
	return probe.Run(ctx, target, probe.Options{
		Checks: writeChecks(t), WriteTo: target.JoinPath("../scratch.txt"), Budget: budget,
	})
}

// TestNothingElseIsWritten watches that only the scratch resource is written to, the first time
// with a condition.
func TestNothingElseIsWritten(t *testing.T) {
	w := &watch{notes: newNotes("none")}
	if _, err := w.run(t.Context(), t, 0); err != nil {
		t.Fatal(err)
	}
	reads := func(line string) bool { return strings.HasPrefix(line, "GET ") || strings.HasPrefix(line, "OPTIONS ") }
	writes := slices.DeleteFunc(w.asked, reads)
	if want := "PUT /scratch.txt If-None-Match: *"; len(writes) == 0 || writes[0] != want {
		t.Errorf("got first write %q, want %q", writes[:min(1, len(writes))], want)
	}
	for _, line := range writes {
		if strings.Fields(line)[1] != "/scratch.txt" {
			t.Errorf("got %s", line)
		}
	}
}

// TestNothingIsOverwritten has somebody else create the resource after it was found missing.
func TestNothingIsOverwritten(t *testing.T) {
	const theirs = "somebody else's"
	w := &watch{notes: newNotes("none")}
	w.instead = func(_ http.ResponseWriter, r *http.Request, _ int) bool {
		if r.Method == http.MethodPut && w.page("/scratch.txt") == nil {
			w.store("/scratch.txt", []byte(theirs), "text/plain")
		}
		return false
	}
	report, err := w.run(t.Context(), t, 0)
	if err != nil {
		t.Fatal(err)
	}
	if p := w.page("/scratch.txt"); p == nil || string(p.content) != theirs {
		t.Errorf("got %v, want what somebody else wrote", p)
	}
	for _, r := range report.Results {
		if r.Outcome != probe.DoesNotApply || !strings.Contains(r.Says, "somebody else") {
			t.Errorf("%s: got %v: %s", r.Check.ID, r.Outcome, r.Says)
		}
	}
	if report.Left {
		t.Error("got Left for what is somebody else's")
	}
}

// TestRefusedCreation has servers perform the first write and refuse it, as CherryPy does. It is
// found out, named as what it is, and nothing is left of it.
func TestRefusedCreation(t *testing.T) {
	for name, status := range map[string]int{"412": 412, "304": 304, "403": 403, "409": 409} {
		t.Run(name, func(t *testing.T) {
			w := &watch{notes: newNotes("none")}
			w.instead = func(rw http.ResponseWriter, r *http.Request, _ int) bool {
				if r.Method != http.MethodPut || r.Header.Get("If-None-Match") != "*" || w.page("/scratch.txt") != nil {
					return false
				}
				w.notes.ServeHTTP(httptest.NewRecorder(), r)
				rw.WriteHeader(status)
				return true
			}
			report, err := w.run(t.Context(), t, 0)
			if err != nil {
				t.Fatal(err)
			}
			if p := w.page("/scratch.txt"); p != nil || report.Left || !report.Written {
				t.Errorf("got %v there, Left %v, Written %v; want it to be removed", p, report.Left, report.Written)
			}
			for _, r := range report.Results {
				if strings.Contains(r.Says, "somebody else") {
					t.Errorf("%s: %s", r.Check.ID, r.Says)
				}
				switch r.Check.ID {
				case "refused-not-done", "put-inm-star-missing":
					if r.Outcome != probe.Failed || r.Rule != "precondition-evaluated-after-write" || !strings.Contains(r.Says, name) {
						t.Errorf("%s: got %v, %q: %s", r.Check.ID, r.Outcome, r.Rule, r.Says)
					}
				}
			}
		})
	}
}

// TestUnknownCreation loses the answer to the first write, or to the look after it. Only what is
// ours is removed.
func TestUnknownCreation(t *testing.T) {
	const theirs = "somebody else's"
	cut := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	for _, c := range []struct {
		name   string
		first  func(w *watch, rw http.ResponseWriter, r *http.Request) // answers the first PUT
		look   func(http.ResponseWriter, *http.Request)                // answers the GET after it, unless nil
		remain string
	}{
		{"performed, and cut", func(w *watch, rw http.ResponseWriter, r *http.Request) {
			w.notes.ServeHTTP(httptest.NewRecorder(), r)
			cut(rw, r)
		}, nil, ""},
		{"somebody else's, and cut", func(w *watch, rw http.ResponseWriter, r *http.Request) {
			w.store("/scratch.txt", []byte(theirs), "text/plain")
			cut(rw, r)
		}, nil, theirs},
		{"performed, refused, and the look is cut", func(w *watch, rw http.ResponseWriter, r *http.Request) {
			w.notes.ServeHTTP(httptest.NewRecorder(), r)
			rw.WriteHeader(http.StatusPreconditionFailed)
		}, cut, ""},
		{"somebody else's, refused, and the look is cut", func(w *watch, rw http.ResponseWriter, r *http.Request) {
			w.store("/scratch.txt", []byte(theirs), "text/plain")
			rw.WriteHeader(http.StatusPreconditionFailed)
		}, cut, theirs},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &watch{notes: newNotes("none")}
			puts, looked := 0, false
			w.instead = func(rw http.ResponseWriter, r *http.Request, _ int) bool {
				switch {
				case r.Method == http.MethodPut && puts == 0:
					puts++
					c.first(w, rw, r)
				case r.Method == http.MethodPut:
					// The first check could not tell; a later one must not go on with what is not ours.
					return false
				case r.Method == http.MethodGet && r.URL.Path == "/scratch.txt" && puts == 1 && !looked && c.look != nil:
					looked = true
					c.look(rw, r)
				default:
					return false
				}
				return true
			}
			report, err := w.run(t.Context(), t, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range report.Results {
				// Where the look is cut the client may look again by itself, and then the fault is seen.
				if r.Outcome == probe.Failed && !strings.HasPrefix(c.name, "performed, refused") {
					t.Errorf("%s: %s", r.Check.ID, r.Says)
				}
			}
			remain := ""
			if p := w.page("/scratch.txt"); p != nil {
				remain = string(p.content)
			}
			if remain != c.remain || report.Left {
				t.Errorf("got %q there and Left %v, want %q", remain, report.Left, c.remain)
			}
		})
	}
}

// TestCleanUp stops runs in the middle: what was written is removed all the same.
func TestCleanUp(t *testing.T) {
	const middle = 60 // requests, of about 250
	busy := func(w http.ResponseWriter, r *http.Request, n int) bool {
		if n >= middle && r.Method != http.MethodDelete {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	for _, c := range []struct {
		name    string
		instead func(w http.ResponseWriter, r *http.Request, n int) bool
		budget  int
		stopped string // is in Report.Stopped
		after   int    // requests after the stop
		left    bool
	}{
		{"503", busy, 0, "503", 1, false},
		{"503 to DELETE as well", func(w http.ResponseWriter, r *http.Request, n int) bool {
			if n >= middle {
				w.WriteHeader(http.StatusServiceUnavailable)
			}
			return n >= middle
		}, 0, "503", 1, true},
		{"budget", nil, middle, "budget", 1, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := &watch{notes: newNotes("none"), instead: c.instead}
			report, err := w.run(t.Context(), t, c.budget)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(report.Stopped, c.stopped) {
				t.Errorf("got stopped %q, want %q in it", report.Stopped, c.stopped)
			}
			if got := len(w.asked) - middle; got != c.after {
				t.Errorf("got %d requests after the stop, want %d: %q", got, c.after, w.asked[middle:])
			}
			if last := w.asked[len(w.asked)-1]; last != "DELETE /scratch.txt" {
				t.Errorf("got %s last, want the DELETE", last)
			}
			if gone := w.page("/scratch.txt") == nil; gone == c.left || report.Left != c.left {
				t.Errorf("got gone %v, Left %v; want Left %v", gone, report.Left, c.left)
			}
		})
	}
}

// TestCleanUpAfterCancel ends a run by its context.
func TestCleanUpAfterCancel(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	w := &watch{notes: newNotes("none")}
	w.instead = func(_ http.ResponseWriter, _ *http.Request, n int) bool {
		if n == 60 {
			cancel()
		}
		return false
	}
	report, err := w.run(ctx, t, 0)
	if err != context.Canceled || report == nil {
		t.Fatalf("got %v, %v; want a report and %v", report, err, context.Canceled)
	}
	if w.page("/scratch.txt") != nil || report.Left {
		t.Errorf("got Left %v, and the resource %v", report.Left, w.page("/scratch.txt"))
	}
}

// TestDenied has servers take no PUT: each result says what to do.
func TestDenied(t *testing.T) {
	for fault, want := range map[string]string{
		"writes-get-401": "PUT gets 401: give the credentials that writing needs",
		"writes-get-403": "PUT gets 403: give the credentials that writing needs, or with --content what the server takes",
		"writes-get-415": "PUT gets 415: give two contents that the server takes, with --content and --content-type",
		"writes-get-405": "the server takes no PUT there (405)",
		"writes-get-409": "PUT gets 409: name a resource in a folder that exists",
		"writes-get-501": "the server takes no PUT there (501)",
	} {
		t.Run(fault, func(t *testing.T) {
			report := askNotes(t, newNotes(fault))
			for _, r := range report.Results {
				if r.Outcome != probe.DoesNotApply || r.Says != want {
					t.Errorf("%s: got %v: %s, want %s", r.Check.ID, r.Outcome, r.Says, want)
				}
			}
			// The first look at the page and at the resource, the one after the reads, one PUT, and
			// a look whether it was done nevertheless.
			if report.Requests > 5 || report.Left || report.Written {
				t.Errorf("got %d requests, Left %v, Written %v", report.Requests, report.Left, report.Written)
			}
		})
	}
}
