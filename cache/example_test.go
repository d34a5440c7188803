package cache_test

import (
	"fmt"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
)

// A gateway asks whether it may store an answer, and later whether it may serve it.
func ExamplePolicy() {
	p := cache.Policy{Role: cache.Shared}
	request := cache.Request{Method: "GET"}
	response := cache.Response{Status: 200, Header: map[string][]string{
		"Cache-Control": {"max-age=60, stale-while-revalidate=30"}, "Etag": {`"v1"`},
	}}
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	fmt.Println(p.Storable(request, response, now))

	stored := p.Entry(request, response, now, now)
	for _, later := range []time.Duration{30, 75, 100} {
		fmt.Println(p.Reuse(request, stored, now.Add(later*time.Second)))
	}
	fmt.Println(p.Conditions(request, []*cache.Stored{stored})["If-None-Match"])

	withKey := cache.Request{Method: "GET", Header: map[string][]string{"Authorization": {"Basic YTpi"}}}
	fmt.Println(p.Reuse(withKey, stored, now))
	// Output:
	// allowed
	// serve: fresh (RFC 9111 §4.2)
	// serve-stale: stale-while-revalidate (RFC 5861 §3)
	// validate: stale (RFC 9111 §4.2.4)
	// ["v1"]
	// forward: authorization (RFC 9111 §3.5)
}
