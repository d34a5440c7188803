package metrics

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Handler answers
//
//   - /metrics with the metrics;
//   - /healthz with 200 as long as the process can answer at all;
//   - /readyz with 200 if requests can be sent here, and 503 with the reason if
//     not;
//   - /readyz?backends likewise, if moreover each backend of a gateway takes connections.
func (m *Metrics) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", m.ready)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		pages := []string{"/metrics", "/healthz", "/readyz"}
		if m.options.Gateway != nil {
			pages = append(pages, "/readyz?backends")
		}
		say(w, http.StatusOK, pages...)
	})
	return mux
}

func say(w http.ResponseWriter, status int, lines ...string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	io.WriteString(w, strings.Join(lines, "\n")+"\n")
}

func (m *Metrics) ready(w http.ResponseWriter, r *http.Request) {
	if m.options.Ready != nil {
		if err := m.options.Ready(); err != nil {
			say(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
	}
	if r.URL.Query().Has("backends") {
		if faults := m.backends.check(r.Context(), m.backendURLs()); len(faults) > 0 {
			say(w, http.StatusServiceUnavailable, faults...)
			return
		}
	}
	say(w, http.StatusOK, "ready")
}

// backendURLs returns each backend once.
func (m *Metrics) backendURLs() (urls []string) {
	if m.options.Gateway == nil {
		return nil
	}
	seen := make(map[string]bool)
	for _, route := range m.options.Gateway.Routes() {
		if !seen[route.Backend] {
			seen[route.Backend] = true
			urls = append(urls, route.Backend)
		}
	}
	return urls
}

const (
	// connectTimeout bounds the check of a backend.
	connectTimeout = 2 * time.Second
	// checkEvery is how long the outcome of a check stands for the next ones, so
	// that whoever asks often does not make the guard knock often.
	checkEvery = time.Second
)

// backendCheck sees whether backends take connections.
type backendCheck struct {
	now func() time.Time

	mu     sync.Mutex // held during a check, so that there is one at a time
	at     time.Time
	of     string
	faults []string
}

// check returns a line for each backend that takes none.
func (c *backendCheck) check(ctx context.Context, urls []string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	of := strings.Join(urls, " ")
	if of == c.of && c.now().Sub(c.at) < checkEvery {
		return c.faults
	}
	// One who loses patience must not leave an outcome for the others.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
	defer cancel()
	errs := make([]error, len(urls))
	var group sync.WaitGroup
	for i, u := range urls {
		group.Go(func() { errs[i] = connect(ctx, u) })
	}
	group.Wait()
	c.faults = nil
	for i, err := range errs {
		if err != nil {
			c.faults = append(c.faults, fmt.Sprintf("not ready: backend %s: %v", urls[i], err))
		}
	}
	c.of, c.at = of, c.now()
	return c.faults
}

// connect connects to a backend, and no more.
func connect(ctx context.Context, backend string) error {
	u, err := url.Parse(backend)
	if err != nil {
		return err
	}
	port := u.Port()
	if port == "" {
		port = map[bool]string{true: "443", false: "80"}[u.Scheme == "https"]
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err != nil {
		return err
	}
	return conn.Close()
}
