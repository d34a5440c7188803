package metrics

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// Options are what New needs to know. All functions are called from any number of
// goroutines.
type Options struct {
	// Gateway is what only a gateway has. It is nil for an origin server.
	Gateway *Gateway
	// Ready returns why requests are not to be sent here, or nil. If it is nil
	// itself, they always are.
	Ready func() error
	// Now is the clock. Nil is time.Now.
	Now func() time.Time
}

// Gateway is what the metrics of a gateway look up. It also has metrics of its backends, of
// waiting for locks and of its configuration.
type Gateway struct {
	// Routes returns the routes and what was learned of their backends.
	Routes func() []guard.RouteStatus
	// Usage returns what messages hold now.
	Usage func() guard.Usage
}

// Metrics collects. Its methods may be called from any number of goroutines.
type Metrics struct {
	options  Options
	registry *prometheus.Registry
	backends backendCheck

	requests, backendRequests, sent, validators, faults, reloads *prometheus.CounterVec
	replayed, unguarded                                          *prometheus.CounterVec
	cached, cachedBytes, stored, purges, purged                  *prometheus.CounterVec
	duration, lockWait, backendWait, age                         *prometheus.HistogramVec
	inFlight, loaded                                             prometheus.Gauge

	reasons, faultWords words
}

// New returns a Metrics that has seen nothing.
func New(o Options) *Metrics {
	if o.Now == nil {
		o.Now = time.Now
	}
	m := &Metrics{options: o, registry: prometheus.NewRegistry()}
	m.backends.now = o.Now
	m.requests = m.counter("requests_total", "Requests answered.", "route", "class", "status", "decision", "reason")
	m.sent = m.counter("response_content_bytes_total", "Bytes of content sent to clients.", "route")
	m.replayed = m.counter("replayed_answers_total", "Answers given again to an Idempotency-Key that came before.", "route")
	m.unguarded = m.counter("unguarded_writes_total",
		"Writes performed without a precondition, by the value of require that would have refused them.", "route", "require")
	m.duration = m.histogram("request_duration_seconds", "Time from a request's header section to the end of its answer.", "route", "class")
	m.inFlight = m.gauge("requests_in_flight", "Requests being answered.")
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if o.Gateway != nil {
		m.addGateway()
	}
	return m
}

// addGateway adds the metrics that only a gateway has.
func (m *Metrics) addGateway() {
	m.validators = m.counter("validators_total", "Requests by where the entity tag that the client saw comes from.", "route", "validator")
	m.backendRequests = m.counter("backend_requests_total", "Requests sent to backends.", "route")
	m.faults = m.counter("backend_faults_total", "Responses of backends with validators that are wrong.", "route", "fault")
	m.cached = m.counter("cache_requests_total", "Requests of routes with a cache, by what that did.", "route", "cache")
	m.cachedBytes = m.counter("cache_content_bytes_total", "Bytes of content sent without asking the backend.", "route")
	m.stored = m.counter("cache_stored_responses_total", "Responses of backends that were stored, or begun to be.", "route")
	m.age = m.histogramOf(ages, "cache_age_seconds", "Age of responses that were served without asking the backend.", "route")
	m.purges = m.counter("cache_purges_total", "Purges of the cache: hard ones, which remove, and soft ones, which make stale.", "kind")
	m.purged = m.counter("cache_purged_responses_total", "Stored responses that purges have met.", "kind")
	m.lockWait = m.histogram("lock_wait_seconds", "Time that writes waited for those before them.", "route")
	m.backendWait = m.histogram("backend_wait_seconds", "Time that requests waited for header sections of backends.", "route")
	m.reloads = m.counter("config_reloads_total", "Attempts to read the configuration again.", "outcome")
	m.loaded = m.gauge("config_loaded_timestamp_seconds", "When the configuration in force was read.")
	m.registry.MustRegister(state{m})
}

const namespace = "fourtwelve"

func (m *Metrics) counter(name, help string, labels ...string) *prometheus.CounterVec {
	c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	m.registry.MustRegister(c)
	return c
}

// buckets are the bounds of histograms in seconds: 100 µs to a bit under 2 minutes.
var buckets = prometheus.ExponentialBuckets(100e-6, 4, 11)

// ages are the bounds of histograms of ages in seconds: a second to a bit under two months.
var ages = prometheus.ExponentialBuckets(1, 4, 12)

func (m *Metrics) histogram(name, help string, labels ...string) *prometheus.HistogramVec {
	return m.histogramOf(buckets, name, help, labels...)
}

func (m *Metrics) histogramOf(bounds []float64, name, help string, labels ...string) *prometheus.HistogramVec {
	h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: bounds}, labels)
	m.registry.MustRegister(h)
	return h
}

func (m *Metrics) gauge(name, help string) prometheus.Gauge {
	g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	m.registry.MustRegister(g)
	return g
}

// Observe counts a request. It is an [observe.Observer].
func (m *Metrics) Observe(r *http.Request, rec *observe.Record) {
	route, class := rec.Route, classOf(r.Method)
	m.requests.WithLabelValues(route, class, statusOf(rec.Status), decisionOf(rec), m.reasons.word(reasonOf(rec))).Inc()
	m.duration.WithLabelValues(route, class).Observe(rec.Duration.Seconds())
	m.sent.WithLabelValues(route).Add(float64(rec.Bytes))
	if rec.Replayed {
		m.replayed.WithLabelValues(route).Inc()
	}
	if require := observe.Unguarded(r, rec); require != "" {
		m.unguarded.WithLabelValues(route, require).Inc()
	}
	if m.options.Gateway != nil {
		m.observeGateway(rec)
	}
}

func (m *Metrics) observeGateway(rec *observe.Record) {
	route := rec.Route
	m.validators.WithLabelValues(route, rec.Validator.String()).Inc()
	if rec.LockWait > 0 {
		m.lockWait.WithLabelValues(route).Observe(rec.LockWait.Seconds())
	}
	if rec.Backend.Requests > 0 {
		m.backendRequests.WithLabelValues(route).Add(float64(rec.Backend.Requests))
		m.backendWait.WithLabelValues(route).Observe(rec.Backend.Duration.Seconds())
	}
	if word := rec.Backend.Cache; word != "" {
		m.cached.WithLabelValues(route, word).Inc()
		if rec.Backend.Requests == 0 {
			m.cachedBytes.WithLabelValues(route).Add(float64(rec.Bytes))
			if rec.Backend.CacheTimes {
				m.age.WithLabelValues(route).Observe(rec.Backend.CacheAge.Seconds())
			}
		}
		if rec.Backend.CacheStored {
			m.stored.WithLabelValues(route).Inc()
		}
	}
	if rec.Backend.Fault != "" {
		m.faults.WithLabelValues(route, m.faultWords.word(rec.Backend.Fault)).Inc()
	}
}

// Purged counts a purge of the cache.
func (m *Metrics) Purged(soft bool, done cache.Purged) {
	kind := map[bool]string{false: "hard", true: "soft"}[soft]
	m.purges.WithLabelValues(kind).Inc()
	m.purged.WithLabelValues(kind).Add(float64(done.Responses))
}

// InFlight returns next with the requests in it counted.
func (m *Metrics) InFlight(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Inc()
		defer m.inFlight.Dec()
		next.ServeHTTP(w, r)
	})
}

// Loaded notes that the configuration of a gateway was read, for the first time.
func (m *Metrics) Loaded() { m.loaded.Set(float64(m.options.Now().UnixMilli()) / 1000) }

// Reloaded notes that the configuration of a gateway was read again, or could not be.
func (m *Metrics) Reloaded(err error) {
	if err != nil {
		m.reloads.WithLabelValues("failure").Inc()
		return
	}
	m.reloads.WithLabelValues("success").Inc()
	m.Loaded()
}

func classOf(m string) string {
	switch {
	case method.Reads(m):
		return "read"
	case method.Writes(m):
		return "write"
	}
	return "other"
}

func statusOf(status int) string {
	if http.StatusText(status) == "" {
		return other
	}
	return strconv.Itoa(status)
}

var decisions = [...]string{
	precondition.Perform:            "perform",
	precondition.NotModified:        "not-modified",
	precondition.PreconditionFailed: "precondition-failed",
	precondition.BadRequest:         "bad-request",
}

// decisionOf is what the preconditions led to, "none" if they were not evaluated.
func decisionOf(rec *observe.Record) string {
	if !rec.Evaluated {
		return "none"
	}
	return decisions[rec.Decision.Outcome]
}

// reasonOf is why the answer is what it is: that of a refusal, or else that of the
// evaluation.
func reasonOf(rec *observe.Record) string {
	switch {
	case rec.Reason != "":
		return rec.Reason
	case rec.Evaluated:
		return rec.Decision.Reason.String()
	}
	return "none"
}

const (
	other = "other"
	// maxWords bounds the words of a label.
	maxWords = 64
)

// words bounds the values of a label.
type words struct {
	mu   sync.RWMutex
	seen map[string]bool
}

// word returns w, or "other" if there are too many already.
func (s *words) word(w string) string {
	s.mu.RLock()
	known, n := s.seen[w], len(s.seen)
	s.mu.RUnlock()
	switch {
	case known:
		return w
	case n >= maxWords:
		return other
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.seen) >= maxWords && !s.seen[w] {
		return other
	}
	if s.seen == nil {
		s.seen = make(map[string]bool)
	}
	s.seen[w] = true
	return w
}

// state are the metrics that are looked up when somebody asks.
type state struct{ m *Metrics }

var (
	memoryDesc = prometheus.NewDesc(namespace+"_buffer_memory_bytes", "Memory that messages hold.", nil, nil)
	diskDesc   = prometheus.NewDesc(namespace+"_buffer_disk_bytes", "Disk that messages hold.", nil, nil)
	keysDesc   = prometheus.NewDesc(namespace+"_cache_keys", "Targets of which responses are stored.", nil, nil)
	bytesDesc  = prometheus.NewDesc(namespace+"_cache_bytes", "Bytes that stored responses take.", nil, nil)
	goneDesc   = prometheus.NewDesc(namespace+"_cache_evictions_total", "Targets whose responses gave way to others.", nil, nil)
	modeDesc   = prometheus.NewDesc(namespace+"_cache_mode",
		"What the cache is to a route: 1 for the mode that holds, 0 for the others.", []string{"route", "mode"}, nil)
	trustDesc = prometheus.NewDesc(namespace+"_backend_trust",
		"Whether the entity tags of a route's backend are believed: 1 for the state that holds, 0 for the others.", []string{"route", "state"}, nil)
)

// states are those of guard.RouteStatus.
var states = [...]string{"learning", "trusted", "distrusted"}

// modes are those of guard.RouteStatus.
var modes = [...]string{"off", "on", "coherent", "incoherent"}

func (state) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{memoryDesc, diskDesc, keysDesc, bytesDesc, goneDesc, modeDesc, trustDesc} {
		ch <- d
	}
}

func (s state) Collect(ch chan<- prometheus.Metric) {
	usage := s.m.options.Gateway.Usage()
	for _, g := range []struct {
		desc  *prometheus.Desc
		kind  prometheus.ValueType
		value int64
	}{
		{memoryDesc, prometheus.GaugeValue, usage.Memory}, {diskDesc, prometheus.GaugeValue, usage.Disk},
		{keysDesc, prometheus.GaugeValue, usage.Cache.Keys}, {bytesDesc, prometheus.GaugeValue, usage.Cache.Bytes},
		{goneDesc, prometheus.CounterValue, usage.Cache.Evicted},
	} {
		ch <- prometheus.MustNewConstMetric(g.desc, g.kind, float64(g.value))
	}
	done := make(map[string]bool)
	for _, route := range s.m.options.Gateway.Routes() {
		if done[route.Name] { // two routes without names of their own
			continue
		}
		done[route.Name] = true
		oneOf(ch, trustDesc, route.Name, route.Trust, states[:])
		oneOf(ch, modeDesc, route.Name, route.Cache, modes[:])
	}
}

// oneOf sends a gauge for each word: 1 for the one that holds.
func oneOf(ch chan<- prometheus.Metric, desc *prometheus.Desc, route, holds string, words []string) {
	for _, word := range words {
		value := 0.0
		if word == holds {
			value = 1
		}
		ch <- prometheus.MustNewConstMetric(desc, prometheus.GaugeValue, value, route, word)
	}
}
