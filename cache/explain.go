package cache

import (
	"maps"
	"time"
)

// Explanation is what a cache does with a request, and why.
type Explanation struct {
	// Chosen is the index of the stored response that the request selects; -1 is none.
	Chosen int
	Reuse
	// Sent are the fields of the request that the origin is sent for it; nil if it is not asked.
	Sent map[string][]string
	// OnError is what happens if the origin is asked and fails.
	OnError Reuse
}

// Explain decides about a request for a target for which stored are all that is there.
func (p *Policy) Explain(request Request, stored []*Stored, now time.Time) Explanation {
	e := Explanation{Chosen: p.Select(request, stored)}
	var chosen *Stored
	if e.Chosen < 0 {
		e.Reuse = p.Missing(request)
	} else {
		chosen = stored[e.Chosen]
		e.Reuse = p.Reuse(request, chosen, now)
		e.OnError = p.OnError(request, chosen, now)
	}
	if e.Action == Forward || e.Action == Validate || e.Action == ServeStale {
		e.Sent, _ = p.asking(request, stored, chosen, e.Reuse)
	}
	return e
}

// asking returns the fields of the request to the origin. completes says that it asks only for what chosen lacks.
func (p *Policy) asking(request Request, stored []*Stored, chosen *Stored, reuse Reuse) (header map[string][]string, completes bool) {
	if chosen != nil && reuse.Reason == PartialContent {
		if header, ok := p.Completion(request, chosen); ok {
			return header, true
		}
	}
	if reuse.Action == Validate || reuse.Action == ServeStale || chosen == nil {
		return p.Conditions(request, stored), false
	}
	return maps.Clone(request.Header), false
}
