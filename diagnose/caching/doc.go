// Package caching says what caches make of captured exchanges: whether one may store the response, for how long it is fresh, what a
// later request would be answered with, and what an unsafe request makes stale (RFC 9111). It sends nothing and stores nothing: all
// decisions are those of package cache.
//
//	for i, v := range caching.Exchanges(xs) {
//		fmt.Println(xs[i].URL(), v.Shared.Reason, v.Shared.Lifetime)
//	}
package caching
