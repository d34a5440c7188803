package probe

import (
	"net/http"
	"strings"
)

// page is an origin from which nobody asks (RFC 6761 §6.4).
const page = "https://fourtwelve.invalid"

// sharesWithScripts wants a resource that scripts of other origins may read.
func sharesWithScripts(t *trial) string {
	if a := t.once("Origin", page); !a.allowsPage() {
		return "the resource is not shared with scripts of other origins"
	}
	return ""
}

// allowsPage reports whether the answer may be read by a script of page.
func (a *answer) allowsPage() bool {
	allowed := a.field("Access-Control-Allow-Origin")
	return allowed == "*" || allowed == page
}

// wildcards reports whether an asterisk stands for all names: it does for requests without
// credentials, and others are not made where all origins are allowed, or no credentials (Fetch
// §3.3.3).
func (a *answer) wildcards() bool {
	return a.field("Access-Control-Allow-Origin") == "*" || a.field("Access-Control-Allow-Credentials") != "true"
}

// lists reports whether a field of CORS names the value.
func (a *answer) lists(field, value string) bool {
	for member := range strings.SplitSeq(a.field(field), ",") {
		member = strings.TrimSpace(member)
		if strings.EqualFold(member, value) || member == "*" && a.wildcards() {
			return true
		}
	}
	return false
}

var corsChecks = []*Check{{
	ID: "cors-exposes-tag", Group: Saving, Level: Advice, Since: "0.1", Section: "Fetch §3.3.3",
	Title: "Scripts that may read the resource may read its tag",
	Sends: "GET with Origin: " + page + ".",
	Right: "Access-Control-Expose-Headers with ETag, if Access-Control-Allow-Origin lets the page read the resource.",
	Means: "An editor in the browser sees no tag and writes without one: edits overwrite each other.",
	Fix:   []string{"Send Access-Control-Expose-Headers: ETag along with Access-Control-Allow-Origin."},
	Servers: []ServerFix{
		{"S3", `"ExposeHeaders": ["ETag"] in the CORS configuration of the bucket`},
		{"nginx", "add_header Access-Control-Expose-Headers ETag always;"},
		{"Apache", "Header always set Access-Control-Expose-Headers ETag"},
	},
	Rules: []string{"cors-etag-not-exposed"},
	ask: given([]need{hasTag, sharesWithScripts}, func(t *trial) verdict {
		a := t.once("Origin", page)
		if !a.lists("Access-Control-Expose-Headers", "ETag") {
			return wrong("Access-Control-Allow-Origin: %s, and Access-Control-Expose-Headers %s",
				a.field("Access-Control-Allow-Origin"), orNone(a.field("Access-Control-Expose-Headers"))).because("cors-etag-not-exposed")
		}
		return right("Access-Control-Expose-Headers: %s", a.field("Access-Control-Expose-Headers"))
	}),
}, {
	ID: "cors-304", Group: Caching, Level: Advice, Since: "0.1", Section: "Fetch §4.10",
	Title: "A 304 may be read by the scripts that may read the 200",
	Sends: "GET with Origin: " + page + " and If-None-Match: the current tag.",
	Right: "Access-Control-Allow-Origin in the 304 as in the 200.",
	Means: "A page works on the first visit and fails on the second, when the browser only asks whether its copy is current.",
	Fix:   []string{"Set the fields of CORS before the precondition is evaluated, for all answers."},
	Servers: []ServerFix{
		{"nginx", "add_header with always"},
		{"Apache", "Header always set"},
	},
	Rules: []string{"cors-etag-not-exposed"},
	rests: byTag,
	ask: given([]need{hasTag, sharesWithScripts, knowsTag}, func(t *trial) verdict {
		a := t.once("Origin", page, "If-None-Match", t.tag())
		switch {
		case a.status != http.StatusNotModified:
			return inapplicable("the server answers %d here", a.status)
		case !a.allowsPage():
			return wrong("the 200 has Access-Control-Allow-Origin: %s, the 304 %s",
				t.once("Origin", page).field("Access-Control-Allow-Origin"), orNone(a.field("Access-Control-Allow-Origin")))
		}
		return right("Access-Control-Allow-Origin: %s", a.field("Access-Control-Allow-Origin"))
	}),
}, {
	ID: "cors-allows-if-match", Group: Saving, Level: Advice, Since: "0.1", Section: "Fetch §4.8",
	Title: "Scripts that may write the resource may send If-Match",
	Sends: "OPTIONS with Origin: " + page + ", Access-Control-Request-Method: PUT and Access-Control-Request-Headers: if-match.",
	Right: "Access-Control-Allow-Headers with If-Match, if Access-Control-Allow-Methods has PUT.",
	Means: "The browser stops each write that is guarded, so editors are built that write unguarded: edits overwrite each other.",
	Fix:   []string{"Add If-Match and If-None-Match to Access-Control-Allow-Headers."},
	Servers: []ServerFix{
		{"S3", `"AllowedHeaders": ["If-Match", "If-None-Match"] in the CORS configuration of the bucket`},
	},
	Rules: []string{"cors-etag-not-exposed"},
	ask: func(t *trial) verdict {
		a := t.do(request{method: http.MethodOptions, limit: shownOnce, fields: []string{
			"Origin", page, "Access-Control-Request-Method", "PUT", "Access-Control-Request-Headers", "if-match",
		}})
		switch {
		case a.status/100 != 2 || !a.allowsPage() || !a.lists("Access-Control-Allow-Methods", "PUT"):
			return inapplicable("scripts of other origins may not write the resource")
		case !a.lists("Access-Control-Allow-Headers", "If-Match"):
			return wrong("Access-Control-Allow-Methods: %s, and Access-Control-Allow-Headers %s",
				a.field("Access-Control-Allow-Methods"), orNone(a.field("Access-Control-Allow-Headers")))
		}
		return right("Access-Control-Allow-Headers: %s", a.field("Access-Control-Allow-Headers"))
	},
}}
