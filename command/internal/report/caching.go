package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/caching"
)

// Explanation is what explain tells of exchanges.
type Explanation struct {
	*diagnose.Report
	// Caching has what caches make of each exchange; nil leaves that out.
	Caching []caching.Verdict
}

// caching returns what caches make of exchange i; nil if that is not to be told.
func (e Explanation) caching(i int) *caching.Verdict {
	if i >= len(e.Caching) {
		return nil
	}
	return &e.Caching[i]
}

// whyNotStored has a clause for each reason for which a response is not stored.
var whyNotStored = map[cache.Reason]string{
	cache.MethodNotStored:     "answers to this method are not stored",
	cache.NotFinal:            "it is an interim response",
	cache.StatusNotUnderstood: "what the status means for caching is not known",
	cache.StatusOfRequest:     "the status tells of this request, and not of the resource",
	cache.NoStore:             "the response says no-store",
	cache.RequestNoStore:      "the request says no-store",
	cache.PrivateResponse:     "the response says that it is for one user",
	cache.Authorization:       "the request has credentials, and the response does not say public, s-maxage or must-revalidate",
	cache.NotCacheable:        "a response with this status has to say that it may be stored, by max-age, Expires or public",
	cache.Cookie:              "it depends on a cookie or sets one, and does not say itself how long it is fresh",
	cache.VaryAny:             "Vary: * says that no other request may have it",
	cache.Useless:             "it has no lifetime, and nothing to validate it by",
	cache.PartUnreadable:      "it cannot be told what it is a part of",
}

// lifetimeSources say what a lifetime rests on.
var lifetimeSources = map[cache.Source]string{
	cache.FromSharedMaxAge: "s-maxage, RFC 9111 §5.2.2.10", cache.FromMaxAge: "max-age, RFC 9111 §5.2.2.1",
	cache.FromExpires: "Expires, RFC 9111 §5.3", cache.Heuristic: "guessed: a tenth of the time since Last-Modified, RFC 9111 §4.2.2",
	cache.NoLifetime: "it gives none, RFC 9111 §4.2.1",
}

// whatCachesDo has what is told of caching, in sentences.
func whatCachesDo(v *caching.Verdict) (lines []string) {
	switch {
	case v.Silent != "":
		lines = append(lines, capital(v.Silent)+".")
	case v.Same() && v.Shared.Reason == cache.MethodNotStored && len(v.Invalidates.Targets) > 0:
	case v.Same() && !v.Stored():
		lines = append(lines, "No cache stores it: "+notStoredText(v.Shared))
	case v.Same():
		lines = append(lines, "Any cache "+keepingText(v.Shared))
	default:
		lines = append(lines, "A shared cache (proxy, CDN) "+keepingText(v.Shared), "A private cache (browser) "+keepingText(v.Private))
	}
	if len(v.Validation) > 0 {
		var fields []string
		for _, l := range v.Validation {
			fields = append(fields, l.Name+": "+l.Value)
		}
		lines = append(lines, "It is validated with "+strings.Join(fields, " and ")+".")
	}
	if k := v.Private; k != nil && k.Next.Action == cache.Serve && k.Source == cache.Heuristic {
		lines = append(lines, "The guess is what serves old content without asking: send Cache-Control: no-cache, or a max-age that is meant.")
	}
	lines = append(lines, earlierTexts(v)...)
	if changed := changedTexts(v); len(changed) > 0 {
		lines = append(lines, "After this write caches on its way validate "+strings.Join(changed, ", ")+
			" (RFC 9111 §4.4). Caches that it did not pass do not know of it.")
	}
	for _, a := range v.Assumed {
		lines = append(lines, "Assumed: "+a+".")
	}
	return lines
}

// changedTexts name what a write makes caches validate.
func changedTexts(v *caching.Verdict) (all []string) {
	for _, target := range v.Invalidates.Targets {
		all = append(all, strings.TrimPrefix(target, "//"))
	}
	for _, g := range v.Invalidates.Groups {
		all = append(all, "the group "+g)
	}
	return all
}

func notStoredText(k *caching.Keeping) string {
	return fmt.Sprintf("%s (%s, %s).", whyNotStored[k.Reason], k.Reason, k.Reason.Section())
}

// keepingText says what a cache does with a response.
func keepingText(k *caching.Keeping) string {
	if !k.Stored() {
		return "does not store it: " + notStoredText(k)
	}
	source := lifetimeSources[k.Source]
	switch {
	case k.Next.Reason == cache.NoCache:
		return "may store it, and validates it before each use (no-cache, RFC 9111 §5.2.2.4)."
	case k.Undated:
		return "may store it. It is fresh until its Expires; the capture does not say when it was made."
	case k.Lifetime == 0:
		return "may store it, and validates it before each use: its lifetime is 0 (" + source + ")."
	case k.Fresh() && k.Age == 0:
		return fmt.Sprintf("may store it. It is fresh for %s (%s).", seconds(k.Lifetime), source)
	case k.Fresh():
		return fmt.Sprintf("may store it. It was %s old when it came, and is fresh for another %s of %s (%s).",
			seconds(k.Age), seconds(k.Left()), seconds(k.Lifetime), source)
	}
	return fmt.Sprintf("may store it. It was %s old when it came, and so is stale already: its lifetime is %s (%s).",
		seconds(k.Age), seconds(k.Lifetime), source)
}

// seconds is a duration as people say it, with the seconds that fields have.
func seconds(d time.Duration) string {
	n := int64(d / time.Second)
	switch {
	case n == 1:
		return "1 second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d seconds", n)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d seconds (%.0f min)", n, d.Minutes())
	case d < 48*time.Hour:
		return fmt.Sprintf("%d seconds (%.0f h)", n, d.Hours())
	}
	return fmt.Sprintf("%d seconds (%.0f days)", n, d.Hours()/24)
}

var whatCacheDoes = map[cache.Action]string{
	cache.Serve: "would have answered without asking", cache.ServeStale: "would have answered with it, and validated it meanwhile",
	cache.Validate: "would have asked whether it is current", cache.Forward: "would have passed the request on",
	cache.Refuse: "would have refused the request",
}

// earlierTexts say what caches that have seen the exchanges before would have done.
func earlierTexts(v *caching.Verdict) (lines []string) {
	shared, private := v.SharedHad, v.PrivateHad
	if shared != nil && private != nil && *shared == *private {
		return []string{earlierText("Any cache", shared)}
	}
	if shared != nil {
		lines = append(lines, earlierText("A shared cache", shared))
	}
	if private != nil {
		lines = append(lines, earlierText("A private cache", private))
	}
	return lines
}

func earlierText(who string, e *caching.Earlier) string {
	return fmt.Sprintf("%s that had the answer of exchange %d, then %s old, %s (%s, %s).",
		who, e.Exchange+1, seconds(e.Freshness.Age), whatCacheDoes[e.Action], e.Reason, e.Reason.Section())
}

type cachingJSON struct {
	Silent      string       `json:"silent,omitempty"`
	Shared      *keepingJSON `json:"shared,omitempty"`
	Private     *keepingJSON `json:"private,omitempty"`
	Validation  []fieldJSON  `json:"validation"`
	Invalidates []string     `json:"invalidates"`
	Groups      []string     `json:"groups,omitempty"`
	Assumed     []string     `json:"assumed,omitempty"`
	SharedHad   *earlierJSON `json:"shared_had,omitempty"`
	PrivateHad  *earlierJSON `json:"private_had,omitempty"`
}

type keepingJSON struct {
	Stored  bool   `json:"stored"`
	Reason  string `json:"reason"`
	Section string `json:"section"`
	// Lifetime and Age are in seconds. Lifetime is left out if it is not known.
	Lifetime *int64 `json:"lifetime,omitempty"`
	Basis    string `json:"basis,omitempty"`
	Age      int64  `json:"age"`
	Next     string `json:"next,omitempty"`
}

type earlierJSON struct {
	Exchange int    `json:"exchange"`
	Action   string `json:"action"`
	Reason   string `json:"reason"`
	Section  string `json:"section"`
	Age      int64  `json:"age"`
}

func cachingJSONOf(v *caching.Verdict) *cachingJSON {
	if v == nil {
		return nil
	}
	return &cachingJSON{
		Silent: v.Silent, Shared: keepingJSONOf(v.Shared), Private: keepingJSONOf(v.Private), Validation: fieldsJSON(v.Validation),
		Invalidates: notNil(v.Invalidates.Targets), Groups: v.Invalidates.Groups, Assumed: v.Assumed,
		SharedHad: earlierJSONOf(v.SharedHad), PrivateHad: earlierJSONOf(v.PrivateHad),
	}
}

func keepingJSONOf(k *caching.Keeping) *keepingJSON {
	if k == nil {
		return nil
	}
	out := &keepingJSON{Stored: k.Stored(), Reason: k.Reason.String(), Section: k.Reason.Section(), Age: int64(k.Age / time.Second)}
	if k.Stored() {
		out.Basis, out.Next = k.Source.String(), k.Next.Action.String()
	}
	if lifetime := int64(k.Lifetime / time.Second); k.Stored() && !k.Undated {
		out.Lifetime = &lifetime
	}
	return out
}

func earlierJSONOf(e *caching.Earlier) *earlierJSON {
	if e == nil {
		return nil
	}
	return &earlierJSON{e.Exchange + 1, e.Action.String(), e.Reason.String(), e.Reason.Section(), int64(e.Freshness.Age / time.Second)}
}
