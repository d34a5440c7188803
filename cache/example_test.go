package cache_test

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
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

// A program asks twice within the lifetime of the answer: the second time nothing goes over the network.
func ExampleTransport() {
	asked := 0
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		w.Header().Set("Cache-Control", "max-age=60")
		fmt.Fprint(w, "the news")
	}))
	defer origin.Close()

	client := &http.Client{Transport: cache.NewTransport(cache.Options{Name: "example"})}
	for range 2 {
		resp, err := client.Get(origin.URL)
		if err != nil {
			log.Fatal(err)
		}
		content, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Printf("%s, %v\n", content, strings.HasPrefix(resp.Header.Get("Cache-Status"), `"example";hit`))
	}
	fmt.Println("asked", asked)
	// Output:
	// the news, false
	// the news, true
	// asked 1
}
