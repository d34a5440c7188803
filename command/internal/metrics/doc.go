// Package metrics tells machines how a server is doing: Prometheus metrics, whether
// it is alive, and whether it is ready. They belong on a listener of their own,
// which strangers cannot reach.
//
//	m := metrics.New(metrics.Options{Routes: h.Routes, Usage: shared.Usage})
//	options.Observe = m.Observe
//	go http.Serve(listener, m.Handler())
//
// The names of the metrics and their labels are a stable interface, described in
// docs/guard.md. What clients and backends send never becomes a label: methods
// are put into classes, statuses that are not registered are "other", and so are
// words beyond the first 64.
package metrics
