package cacheadmin

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// SayPurged tells what was purged.
func SayPurged(w io.Writer, a Purged) {
	switch {
	case a.Targets == 0:
		fmt.Fprintln(w, "Nothing of that is stored.")
		saySimilar(w, a.Similar)
	case a.Soft:
		fmt.Fprintf(w, "Made stale: %s of %s. They are validated before they are served, or served stale where the origin allows that.\n",
			count(a.Responses, "response"), count(a.Targets, "URL"))
	default:
		fmt.Fprintf(w, "Purged: %s of %s, %s.\n", count(a.Responses, "response"), count(a.Targets, "URL"), size(a.Bytes))
	}
}

func saySimilar(w io.Writer, similar []string) {
	if len(similar) > 0 {
		fmt.Fprintf(w, "Under the same path there is %s.\n", strings.Join(similar, ", "))
	}
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// size is a number of bytes as people say it.
func size(n int64) string {
	switch {
	case n == 1:
		return "1 byte"
	case n < 10_000:
		return fmt.Sprintf("%d bytes", n)
	case n < 10<<20:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d MiB", n>>20)
}

// SayListed writes a line for each response.
func SayListed(w io.Writer, a Listed) {
	if len(a.Targets) == 0 {
		fmt.Fprintln(w, "Nothing is stored.")
		return
	}
	for _, t := range a.Targets {
		for _, r := range t.Responses {
			fmt.Fprintf(w, "%s  %s\n", t.URL, summary(t, r))
		}
	}
	if a.Next != "" {
		fmt.Fprintf(w, "There are more: --after '%s'\n", a.Next)
	}
}

// summary is a response in some words.
func summary(t Target, r Response) string {
	words := []string{fmt.Sprint(r.Status), size(r.Size), fresh(t, r)}
	for _, name := range slices.Sorted(maps.Keys(r.Vary)) {
		words = append(words, name+": "+varies(r.Vary[name]))
	}
	if len(r.Tags) > 0 {
		words = append(words, "tags "+strings.Join(r.Tags, ", "))
	}
	return strings.Join(words, ", ")
}

func varies(value *string) string {
	if value == nil {
		return "(none)"
	}
	return *value
}

// fresh says how a response is to its cache.
func fresh(t Target, r Response) string {
	switch {
	case r.Invalid:
		return "to be validated after a write"
	case r.MadeStale != nil:
		return "made stale by a purge " + ago(r.Age-r.Lifetime)
	case t.Mode == "coherent":
		return "current until a write"
	case r.Fresh:
		return "fresh for " + lasting(r.Lifetime-r.Age)
	case r.Lifetime == 0:
		return "validated each time"
	}
	return "stale for " + lasting(r.Age-r.Lifetime)
}

func ago(seconds int64) string { return lasting(seconds) + " ago" }

func lasting(seconds int64) string {
	switch d := time.Duration(seconds) * time.Second; {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 10*time.Minute:
		return strings.TrimSuffix(d.Truncate(time.Minute).String(), "0s")
	default:
		return d.String()
	}
}

// says has a sentence for each reason of a decision.
var says = map[string]string{
	"nothing-stored":         "nothing is stored that this request selects",
	"fresh":                  "it is younger than its lifetime",
	"current":                "no write has touched it, and all writes come through this guard",
	"stale":                  "it is older than its lifetime",
	"invalidated":            "a write has touched it since it was stored",
	"made-stale":             "a soft purge has made it stale",
	"no-cache":               "the origin wants it validated each time (no-cache)",
	"must-revalidate":        "it is stale, and the origin forbids to serve it so",
	"request-no-cache":       "the request asks for a validation (no-cache)",
	"request-max-age":        "it is older than the request accepts (max-age)",
	"request-min-fresh":      "it is not fresh for as long as the request wants (min-fresh)",
	"max-stale":              "it is stale, and the request accepts that (max-stale)",
	"stale-while-revalidate": "it is stale, and the origin lets it be served while it is validated",
	"stale-if-error":         "the origin lets it be served when it cannot answer",
	"only-if-cached":         "the request wants what is stored or nothing (only-if-cached)",
	"origin-condition":       "the request has a precondition that only the origin evaluates",
	"partial":                "only a part is stored, and the request wants more",
	"authorization":          "the request has credentials, and the response does not say that it may be shared",
	"cookie":                 "the request has a cookie, and the response does not say how long it is fresh for everyone",
	"for-whom-asked":         "the request tells who asks, and whom the response is for is the origin's to say",
	"private":                "it is for one user",
	"no-store":               "it must not be stored any more",
	"method":                 "the method is not served from what is stored",
}

var does = map[string]string{
	"serve":       "is served from the cache",
	"serve-stale": "is served from the cache, and validated meanwhile",
	"validate":    "waits for a validation",
	"forward":     "goes to the origin",
	"refuse":      "is refused (504)",
}

// SayExplained tells what is stored of a URL, and what is done with the request.
func SayExplained(w io.Writer, a Explained) {
	fmt.Fprintf(w, "%s (route %s, cache %s)\n", a.URL, a.Route, a.Mode)
	if len(a.Responses) == 0 {
		fmt.Fprintln(w, "  Nothing is stored.")
		saySimilar(w, a.Similar)
	}
	for i, r := range a.Responses {
		chosen := ""
		if i == a.Chosen {
			chosen = " (the request selects this one)"
		}
		fmt.Fprintf(w, "  %d. %s %d, %s%s\n", i+1, r.Method, r.Status, size(r.Size), chosen)
		sayResponse(w, a.Target, r)
	}
	fmt.Fprintf(w, "The request %s: %s (%s, %s).\n", does[a.Action], says[a.Reason], a.Reason, a.Section)
	switch {
	case len(a.Sent) > 0:
		fmt.Fprintln(w, "The origin is asked with")
		for _, name := range slices.Sorted(maps.Keys(a.Sent)) {
			for _, line := range a.Sent[name] {
				fmt.Fprintf(w, "  %s: %s\n", name, line)
			}
		}
	case a.Action == "validate":
		fmt.Fprintln(w, "It has no entity tag and no date to validate: the origin is asked for all of it.")
	}
	if a.OnError == nil || a.Action == "serve" || a.Action == "refuse" {
		return
	}
	if a.OnError.Action == "serve" {
		fmt.Fprintf(w, "If the origin fails, it is served stale (%s, %s).\n", a.OnError.Reason, a.OnError.Section)
		return
	}
	fmt.Fprintf(w, "If the origin fails, so does the request: nothing allows to serve it stale (%s, %s).\n", a.OnError.Reason, a.OnError.Section)
}

var sources = map[string]string{
	"s-maxage": "s-maxage, RFC 9111 §5.2.2.10", "max-age": "max-age, RFC 9111 §5.2.2.1", "Expires": "Expires, RFC 9111 §5.3",
	"heuristic": "a tenth of the time since Last-Modified, RFC 9111 §4.2.2", "none": "the response gives none, RFC 9111 §4.2.1",
}

func sayResponse(w io.Writer, t Target, r Response) {
	line := func(name, format string, args ...any) {
		fmt.Fprintf(w, "     %-14s %s\n", name, fmt.Sprintf(format, args...))
	}
	for _, name := range slices.Sorted(maps.Keys(r.Vary)) {
		line("varies by", "%s: %s", name, varies(r.Vary[name]))
	}
	line("now", "%s", fresh(t, r))
	line("age", "%d s, stored at %s", r.Age, r.Stored.Format(time.RFC3339))
	line("lifetime", "%d s (%s)", r.Lifetime, sources[r.Source])
	line("until", "%s", r.Until.Format(time.RFC3339))
	if r.CacheControl != "" {
		line("Cache-Control", "%s", r.CacheControl)
	}
	if r.ETag != "" {
		line("ETag", "%s", r.ETag)
	}
	if r.LastModified != "" {
		line("Last-Modified", "%s", r.LastModified)
	}
	for _, part := range r.Parts {
		line("part", "bytes %d-%d of %d", part[0], part[1], r.Size)
	}
	if len(r.Tags) > 0 {
		line("tags", "%s", strings.Join(r.Tags, ", "))
	}
}
