package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

func newMetrics(routes ...guard.RouteStatus) *Metrics {
	return New(Options{
		Gateway: &Gateway{
			Routes: func() []guard.RouteStatus { return routes },
			Usage:  func() guard.Usage { return guard.Usage{Memory: 4096, Disk: 1 << 20} },
		},
		Now: func() time.Time { return noon },
	})
}

// ask returns the answer of the handler to a GET.
func ask(m *Metrics, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w
}

// samples returns the lines of the project's metrics; of histograms, only the count.
func samples(m *Metrics) (lines []string) {
	for line := range strings.SplitSeq(ask(m, "/metrics").Body.String(), "\n") {
		if strings.HasPrefix(line, namespace) && !regexp.MustCompile(`_(bucket|sum)\{`).MatchString(line) {
			lines = append(lines, line)
		}
	}
	return lines
}

func want(t *testing.T, m *Metrics, lines ...string) {
	t.Helper()
	got := samples(m)
	for _, line := range lines {
		if !slices.Contains(got, line) {
			t.Errorf("no %s in\n%s", line, strings.Join(got, "\n"))
		}
	}
}

func TestRequests(t *testing.T) {
	m := newMetrics()
	get, put := httptest.NewRequest("GET", "/", nil), httptest.NewRequest("PUT", "/", nil)
	read := &observe.Record{
		Route: "notes", Status: 304, Evaluated: true, Duration: time.Millisecond, Validator: observe.FromContent,
		Decision: precondition.Decision{Outcome: precondition.NotModified, Field: precondition.IfNoneMatch, Reason: precondition.Matched},
		Backend:  observe.Backend{Requests: 1, Status: 200, Fault: "weak"},
	}
	m.Observe(get, read)
	m.Observe(get, read)
	m.Observe(put, &observe.Record{Route: "notes", Status: 428, Reason: "precondition-required", Bytes: 250})
	m.Observe(put, &observe.Record{
		Route: "notes", Status: 412, Reason: "none-matched", Evaluated: true, LockWait: time.Second,
		Decision: precondition.Decision{Outcome: precondition.PreconditionFailed, Reason: precondition.NoneMatched},
		Backend:  observe.Backend{Requests: 2},
	})
	m.Observe(httptest.NewRequest("PROPFIND", "/", nil), &observe.Record{Route: "files", Status: 207})
	m.Observe(httptest.NewRequest("QUERY", "/", nil), &observe.Record{Route: "files", Status: 200})
	want(t, m,
		`fourtwelve_requests_total{class="read",decision="not-modified",reason="matched",route="notes",status="304"} 2`,
		`fourtwelve_requests_total{class="write",decision="none",reason="precondition-required",route="notes",status="428"} 1`,
		`fourtwelve_requests_total{class="write",decision="precondition-failed",reason="none-matched",route="notes",status="412"} 1`,
		`fourtwelve_requests_total{class="other",decision="none",reason="none",route="files",status="207"} 1`,
		`fourtwelve_requests_total{class="read",decision="none",reason="none",route="files",status="200"} 1`,
		`fourtwelve_response_content_bytes_total{route="notes"} 250`,
		`fourtwelve_validators_total{route="notes",validator="content"} 2`,
		`fourtwelve_backend_requests_total{route="notes"} 4`,
		`fourtwelve_backend_faults_total{fault="weak",route="notes"} 2`,
		`fourtwelve_request_duration_seconds_count{class="read",route="notes"} 2`,
		`fourtwelve_lock_wait_seconds_count{route="notes"} 1`,
		`fourtwelve_backend_wait_seconds_count{route="notes"} 3`,
	)
}

func TestState(t *testing.T) {
	m := newMetrics(
		guard.RouteStatus{Name: "notes", Backend: "http://a", Trust: "trusted"},
		guard.RouteStatus{Name: "", Backend: "http://a", Trust: "learning"},
		guard.RouteStatus{Name: "", Backend: "http://b", Trust: "distrusted"}, // not twice
	)
	m.Loaded()
	m.Reloaded(errors.New("no"))
	release := make(chan bool)
	inside := make(chan bool)
	var done sync.WaitGroup
	done.Go(func() {
		m.InFlight(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { inside <- true; <-release })).ServeHTTP(nil, nil)
	})
	<-inside
	want(t, m,
		`fourtwelve_requests_in_flight 1`,
		`fourtwelve_buffer_memory_bytes 4096`,
		`fourtwelve_buffer_disk_bytes 1.048576e+06`,
		`fourtwelve_backend_trust{route="notes",state="trusted"} 1`,
		`fourtwelve_backend_trust{route="notes",state="learning"} 0`,
		`fourtwelve_backend_trust{route="",state="learning"} 1`,
		`fourtwelve_config_loaded_timestamp_seconds 1.7955216e+09`,
		`fourtwelve_config_reloads_total{outcome="failure"} 1`,
	)
	close(release)
	done.Wait()
	m.Reloaded(nil)
	want(t, m, `fourtwelve_requests_in_flight 0`, `fourtwelve_config_reloads_total{outcome="success"} 1`)
}

// TestCardinality sends what hostile clients and backends may make up, many
// times over.
func TestCardinality(t *testing.T) {
	m := newMetrics()
	const n = 1000
	for i := range n {
		m.Observe(httptest.NewRequest(fmt.Sprintf("M%d", i), "/", nil), &observe.Record{
			Status: 100 + i%900, Reason: fmt.Sprintf("reason-%d", i%100), Backend: observe.Backend{Fault: fmt.Sprintf("fault-%d", i)},
		})
	}
	statuses, reasons := make(map[string]bool), make(map[string]bool)
	for _, line := range samples(m) {
		if match := regexp.MustCompile(`requests_total\{.*reason="(.*?)".*status="(.*?)"`).FindStringSubmatch(line); match != nil {
			reasons[match[1]], statuses[match[2]] = true, true
		}
	}
	if !statuses[other] || !statuses["200"] || len(statuses) > 70 {
		t.Errorf("%d statuses: %v", len(statuses), statuses)
	}
	if !reasons[other] || len(reasons) != maxWords+1 {
		t.Errorf("%d reasons: %v", len(reasons), reasons)
	}
	faults := slices.DeleteFunc(samples(m), func(line string) bool { return !strings.HasPrefix(line, "fourtwelve_backend_faults_total") })
	if len(faults) != maxWords+1 {
		t.Errorf("%d faults", len(faults))
	}
}

func TestHealth(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	backend := "http://" + ln.Addr().String()
	now, stopping := noon, error(nil)
	m := New(Options{
		Gateway: &Gateway{
			Routes: func() []guard.RouteStatus { return []guard.RouteStatus{{Backend: backend}, {Backend: backend}} },
			Usage:  func() guard.Usage { return guard.Usage{} },
		},
		Now:   func() time.Time { return now },
		Ready: func() error { return stopping },
	})
	check := func(target string, status int, text string) {
		t.Helper()
		if w := ask(m, target); w.Code != status || !strings.HasPrefix(w.Body.String(), text) {
			t.Errorf("%s: got %d %q, want %d %q", target, w.Code, w.Body, status, text)
		}
	}
	check("/", 200, "/metrics\n")
	check("/healthz", 200, "alive\n")
	check("/readyz", 200, "ready\n")
	check("/readyz?backends", 200, "ready\n")
	check("/other", 404, "")
	ln.Close()
	check("/readyz?backends", 200, "ready\n") // still known
	now = now.Add(checkEvery)
	check("/readyz?backends", 503, "not ready: backend "+backend+": ")
	check("/readyz", 200, "ready\n")
	stopping = errors.New("stopping")
	check("/readyz", 503, "not ready: stopping\n")
	check("/healthz", 200, "alive\n")
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest("POST", "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: got %d", w.Code)
	}
}

// TestOriginServer: one without backends has the metrics of requests, and no others of ours.
func TestOriginServer(t *testing.T) {
	m := New(Options{})
	r := httptest.NewRequest("PUT", "/", nil)
	m.Observe(r, &observe.Record{Status: 412, Evaluated: true, Decision: precondition.Decision{
		Outcome: precondition.PreconditionFailed, Field: precondition.IfMatch, Reason: precondition.NoneMatched}})
	text := ask(m, "/metrics").Body.String()
	want := `fourtwelve_requests_total{class="write",decision="precondition-failed",reason="none-matched",route="",status="412"} 1`
	if !strings.Contains(text, want) {
		t.Errorf("no %s in\n%s", want, text)
	}
	for _, name := range []string{"backend", "lock_wait", "validators", "config"} {
		if strings.Contains(text, "fourtwelve_"+name) {
			t.Errorf("an origin server has metrics of %s:\n%s", name, text)
		}
	}
	if w := ask(m, "/readyz?backends"); w.Code != http.StatusOK {
		t.Errorf("/readyz?backends: %d", w.Code)
	}
	if w := ask(m, "/"); strings.Contains(w.Body.String(), "backends") {
		t.Errorf("the index names backends: %s", w.Body)
	}
}

// TestMetricsAreDocumented compares the metrics with those in the documentation.
func TestMetricsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/guard.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := make(map[string]bool)
	for _, match := range regexp.MustCompile("\n\\| `(fourtwelve_[a-z_]+)`").FindAllStringSubmatch(string(doc), -1) {
		documented[match[1]] = true
	}
	m := newMetrics(guard.RouteStatus{Trust: "learning"})
	m.Observe(httptest.NewRequest("GET", "/", nil), &observe.Record{
		Status: 200, LockWait: 1, Backend: observe.Backend{Requests: 1, Fault: "weak"},
	})
	m.Observe(httptest.NewRequest("GET", "/", nil), &observe.Record{
		Status: 200, Bytes: 7, Replayed: true, Backend: observe.Backend{Cache: "hit", CacheTimes: true, CacheStored: true},
	})
	m.Observe(httptest.NewRequest("PUT", "/", nil), &observe.Record{Status: 204})
	m.Reloaded(nil)
	m.Purged(true, cache.Purged{Responses: 2})
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if name := f.GetName(); strings.HasPrefix(name, namespace) {
			if !documented[name] {
				t.Errorf("%s is not in docs/guard.md", name)
			}
			delete(documented, name)
		}
	}
	for name := range documented {
		t.Errorf("there is no metric %s", name)
	}
}

// TestMetricsAreShown: the dashboard shows every metric, and neither it nor the alerts ask for one that there is not.
func TestMetricsAreShown(t *testing.T) {
	doc, err := os.ReadFile("../../../docs/guard.md")
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, match := range regexp.MustCompile("\n\\| `(fourtwelve_[a-z_]+)`").FindAllStringSubmatch(string(doc), -1) {
		known[match[1]] = true
	}
	for _, file := range []string{"grafana.json", "alerts.yaml"} {
		text, err := os.ReadFile("../../../examples/monitoring/" + file)
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasSuffix(file, "json") && !json.Valid(text) {
			t.Errorf("%s is no JSON", file)
		}
		asked := make(map[string]bool)
		for _, name := range regexp.MustCompile(`fourtwelve_[a-z_]+`).FindAllString(string(text), -1) {
			name = strings.TrimSuffix(name, "_bucket")
			if asked[name] = true; !known[name] {
				t.Errorf("%s asks for %s, which docs/guard.md does not have", file, name)
			}
		}
		for name := range known {
			if file == "grafana.json" && !asked[name] {
				t.Errorf("%s does not show %s", file, name)
			}
		}
	}
}

func BenchmarkObserve(b *testing.B) {
	m := newMetrics()
	r := httptest.NewRequest("GET", "/", nil)
	rec := &observe.Record{Route: "notes", Status: 200, Duration: time.Millisecond, Backend: observe.Backend{Requests: 1}}
	b.ReportAllocs()
	for b.Loop() {
		m.Observe(r, rec)
	}
}
