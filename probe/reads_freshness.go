package probe

import "slices"

// saysFresh are the directives of Cache-Control that leave a browser nothing to guess: how long the
// answer may be used without asking, if at all.
var saysFresh = []string{"no-cache", "no-store", "max-age"}

var freshnessChecks = []*Check{{
	ID: "freshness-sent", Group: Caching, Level: Advice, Since: "0.1", Section: "RFC 9111 §4.2.2",
	Title: "The server says how long the answer is fresh, so that no browser guesses",
	Sends: "Nothing of its own: the first GET is looked at.",
	Right: "Cache-Control with no-cache, no-store or max-age, or Expires.",
	Means: "Browsers guess, a tenth of the time since Last-Modified as a rule, and meanwhile show the old content. A page that gets what it edits and puts it back with If-Match " +
		"is given the old tag by the browser's cache, and is refused with 412 for ever, since not all browsers drop their copy after a conditional PUT.",
	Fix: []string{
		"Send Cache-Control: no-cache: caches keep the answer and ask each time, and a 304 is all that comes.",
		"For content that never changes under its name, send Cache-Control: max-age=31536000, immutable.",
	},
	Servers: []ServerFix{
		{"nginx", "add_header Cache-Control no-cache; in the location"},
		{"Apache", "Header setifempty Cache-Control no-cache, with mod_headers"},
		{"Caddy", "header ?Cache-Control no-cache"},
		{"lighttpd", `setenv.add-response-header = ("Cache-Control" => "no-cache"), with mod_setenv`},
	},
	ask: freshnessSent,
}}

func freshnessSent(t *trial) verdict {
	switch a := t.base; {
	case !a.has("ETag") && !a.has("Last-Modified"):
		return unmet("the resource has no validator: see validator-sent")
	case slices.ContainsFunc(saysFresh, a.directive):
		return right("Cache-Control: %s", a.field("Cache-Control"))
	case a.has("Expires"): // also if it is no date: that is in the past (RFC 9111 §5.3)
		return right("Expires: %s", a.field("Expires"))
	case a.has("Cache-Control"):
		return wrong("neither no-cache nor max-age in Cache-Control: %s, and no Expires", a.field("Cache-Control"))
	}
	return wrong("neither Cache-Control nor Expires")
}
