// Package cache is HTTP caching: RFC 9111 as pure decisions, a store of responses, and an http.RoundTripper that
// acts on them.
//
// The decisions are methods of [Policy]. They read no clock, touch no network and write no response; each says why, in
// a word and with the section that asks for it:
//
//	p := cache.Policy{Role: cache.Shared}
//	if d := p.Storable(request, response); !d.OK() {
//		log.Print(d) // authorization: ... (RFC 9111 §3.5)
//	}
//	switch d := p.Reuse(request, stored, now); d.Action {
//	case cache.Serve:      // with d.Age
//	case cache.ServeStale: // with d.Age, and validate meanwhile
//	case cache.Validate:   // ask the origin, with the fields of Conditions
//	case cache.Forward:    // what is stored cannot serve this request
//	case cache.Refuse:     // 504: only-if-cached
//	}
//
// Where the standard leaves a choice, nothing is served that the origin might have meant to withhold:
//
//   - what cannot be read makes a response stale: a max-age that is no number, an Expires that is no date (§4.2.1, §5.3);
//   - of a directive that is given several times, the least value counts (§4.2.1);
//   - the age is the greater one of what Date and what Age tell (§4.2.3);
//   - a condition that only the origin evaluates, such as If-Match, is never decided here (§4.3.2);
//   - private and no-cache with field names are honoured for the names alone (§5.2.2.4, §5.2.2.7);
//   - a request with credentials is served from what is stored only if the response allows a shared cache to do
//     so, whoever it was stored for (§3.5).
//
// [Transport] acts on the decisions. In a Go program it is the private cache of a client; in a
// gateway, with another Policy, it is a shared one.
//
//	client := &http.Client{Transport: cache.NewTransport(cache.Options{})}
//
// All functions may be called from any number of goroutines. They do not change the
// values they are given.
package cache
