package cacheadmin

import "time"

// Purge asks for something to be removed: what any of the members names.
type Purge struct {
	// URLs are absolute, as clients ask for them. AnyQuery is for any query.
	URLs     []string `json:"urls,omitempty"`
	AnyQuery bool     `json:"any_query,omitempty"`
	// Prefixes are what URLs begin with: scheme, host and the beginning of a path.
	Prefixes []string `json:"prefixes,omitempty"`
	// Tags are of Cache-Groups, Cache-Tag or Surrogate-Key.
	Tags []string `json:"tags,omitempty"`
	All  bool     `json:"all,omitempty"`
	// Soft makes it stale.
	Soft bool `json:"soft,omitempty"`
}

// Purged is what was found.
type Purged struct {
	Targets   int   `json:"targets"`
	Responses int   `json:"responses"`
	Bytes     int64 `json:"bytes"`
	Soft      bool  `json:"soft"`
	// Similar are URLs that are stored under the path of one that is not, if nothing was found.
	Similar []string `json:"similar,omitempty"`
}

// List asks for what is stored of what any of the members names; none is everything.
type List struct {
	Prefixes []string `json:"prefixes,omitempty"`
	Tags     []string `json:"tags,omitempty"`
	// After is the URL after which to begin, and Limit how many targets are wanted: 100 if 0, 1000 at most.
	After string `json:"after,omitempty"`
	Limit int    `json:"limit,omitempty"`
}

// Listed are targets in the order of their URLs.
type Listed struct {
	Targets []Target `json:"targets"`
	// Next is what to ask for After to get the next ones; "" if these are the last.
	Next string `json:"next,omitempty"`
	// Keys and Bytes are those of the whole cache.
	Keys  int64 `json:"keys"`
	Bytes int64 `json:"bytes"`
}

// Target is what is stored of one URL.
type Target struct {
	URL string `json:"url"`
	// Route and Mode are those of its cache.
	Route     string     `json:"route"`
	Mode      string     `json:"mode"`
	Responses []Response `json:"responses"`
}

// Response is a stored response. Times are in seconds.
type Response struct {
	Method string `json:"method"`
	Status int    `json:"status"`
	// Vary has the fields of the request that select it, and null for one that the request did not have.
	Vary         map[string]*string `json:"vary,omitempty"`
	ETag         string             `json:"etag,omitempty"`
	LastModified string             `json:"last_modified,omitempty"`
	Age          int64              `json:"age"`
	Lifetime     int64              `json:"lifetime"`
	// Source is what the lifetime rests on: "s-maxage", "max-age", "Expires", "heuristic" or "none".
	Source string    `json:"source"`
	Fresh  bool      `json:"fresh"`
	Until  time.Time `json:"until"`
	Stored time.Time `json:"stored"`
	// Invalid says that a write has touched it, and MadeStale since when a soft purge has made it stale.
	Invalid   bool       `json:"invalid,omitempty"`
	MadeStale *time.Time `json:"made_stale,omitempty"`
	// Size is the length of the content, and Parts what there is of it, first and last byte, if not all.
	Size  int64      `json:"size"`
	Parts [][2]int64 `json:"parts,omitempty"`
	Tags  []string   `json:"tags,omitempty"`
	// CacheControl is what the origin said, for people.
	CacheControl string `json:"cache_control,omitempty"`
}

// Explain asks what would be done with a request.
type Explain struct {
	URL    string              `json:"url"`
	Method string              `json:"method,omitempty"` // GET or HEAD
	Header map[string][]string `json:"header,omitempty"`
}

// Explained says what.
type Explained struct {
	Target
	// Chosen is the index of the response that the request selects, or -1.
	Chosen int `json:"chosen"`
	// Action is "serve", "serve-stale", "validate", "forward" or "refuse"; Reason says why, and Section what asks for that.
	Action  string `json:"action"`
	Reason  string `json:"reason"`
	Section string `json:"section"`
	// Sent are the fields by which the request to the origin asks about what is stored.
	Sent map[string][]string `json:"sent,omitempty"`
	// OnError is what happens if the origin is asked and fails; null if nothing is stored.
	OnError *Decision `json:"on_error,omitempty"`
	// Similar are URLs that are stored under this path with another scheme, host or query.
	Similar []string `json:"similar,omitempty"`
}

// Decision is what is done, and why.
type Decision struct {
	Action  string `json:"action"`
	Reason  string `json:"reason"`
	Section string `json:"section"`
}

// Problem is an error by RFC 9457.
type Problem struct {
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Reason string `json:"reason"`
	Hint   string `json:"hint,omitempty"`
}

// Error is detail and hint.
func (p *Problem) Error() string {
	if p.Hint == "" {
		return p.Detail
	}
	return p.Detail + ": " + p.Hint
}
