package probe

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What a 304 and a 206 must have if the 200 has it (RFC 9110 §15.4.5 and §15.3.7).
var (
	fieldsOf304 = []string{"Date", "ETag", "Cache-Control", "Content-Location", "Expires", "Vary"}
	fieldsOf206 = []string{"Date", "ETag", "Cache-Control", "Content-Location", "Expires", "Vary", "Last-Modified", "Content-Type",
		"Content-Encoding", "Content-Language"}
)

// notModified returns the 304 to the tag, or else to the date.
func (t *trial) notModified() *answer {
	if hasTag(t) == "" && knowsTag(t) == "" {
		return t.once("If-None-Match", t.tag())
	}
	return t.once("If-Modified-Since", t.modified(0))
}

// missing judges whether an answer has the fields that the 200 has.
func (t *trial) missing(a *answer, fields []string) verdict {
	for _, field := range fields {
		if t.base.has(field) && !a.has(field) {
			return wrong("the 200 has %s: %s, the %d has none", field, t.base.field(field), a.status)
		}
	}
	return right("%v", a)
}

// sameTag judges whether the tag of an answer is that of what.
func sameTag(a, whole *answer, cause string) verdict {
	switch got, want := a.field("ETag"), whole.field("ETag"); {
	case !a.has("ETag"):
		return inapplicable("the %d has no entity tag", a.status)
	case got != want:
		return wrong("the %d has ETag %s, the 200 %s", a.status, got, orNone(want)).because(cause)
	}
	return right("%v", a)
}

var fieldChecks = []*Check{{
	ID: "304-fields", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §15.4.5",
	Title: "A 304 has what caches need of the 200",
	Sends: "GET with If-None-Match: the current tag, or else If-Modified-Since: Last-Modified.",
	Right: "A 304 with Date, ETag, Cache-Control, Content-Location, Expires and Vary, as far as the 200 has them.",
	Means: "Caches go on with old rules: they ask again at once, or keep what they should not, or mix up what Vary tells apart.",
	Fix:   []string{"Set these fields before the precondition is evaluated, for all answers."},
	Servers: []ServerFix{
		{"nginx", "add_header Vary Accept-Encoding; in place of gzip_vary, which leaves it out of a 304"},
		{"Apache", "Header merge Vary Accept-Encoding: mod_deflate leaves it out of a 304"},
	},
	Rules: []string{"not-modified-etag-differs"},
	rests: byValidators,
	ask: given([]need{knowsEither}, func(t *trial) verdict {
		return t.missing(t.notModified(), fieldsOf304)
	}),
}, {
	ID: "304-tag", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §15.4.5",
	Title: "A 304 has the tag that the 200 has",
	Sends: "GET with If-None-Match: the current tag, or else If-Modified-Since: Last-Modified.",
	Right: "The same ETag as in the 200, W/ included.",
	Means: "A cache takes the new tag for that of what it holds, and from then on asks with a tag that is not right, or refuses the 304.",
	Fix:   []string{"Send the tag that matched, letter by letter."},
	Rules: []string{"not-modified-etag-differs"},
	rests: byTag,
	ask: given([]need{knowsEither}, func(t *trial) verdict {
		return sameTag(t.notModified(), t.base, "not-modified-etag-differs")
	}),
}, {
	ID: "304-coded-tag", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §15.4.5",
	Title: "A 304 for compressed content has the tag that the compressed 200 has",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd, and If-None-Match: the tag of that very answer.",
	Right: "The same ETag as in the 200 to the same request: with the mark of the coding, and with W/ if it had that.",
	Means: "A cache takes the other tag for that of what it holds. Later it answers that compressed content is current when another coding is meant, or asks with a tag that never matches.",
	Fix:   []string{"Let what changes the tag of a 200 change that of a 304 in the same way."},
	Servers: []ServerFix{
		{"nginx", "gzip makes the tag of a 200 weak, and not that of a 304; gzip_static on; avoids both"},
		{"Jetty", "use the newest version of 9.4, 10, 11 or 12"},
	},
	Rules: []string{"not-modified-etag-differs"},
	rests: byTag,
	ask: given([]need{coded}, func(t *trial) verdict {
		validated := func(v variant) bool {
			return taggedVariant(v) && t.once("If-None-Match", v.tag().String(), "Accept-Encoding", v.coding).status == http.StatusNotModified
		}
		return t.each(validated, "no compressed answer is validated by its tag: see coding-inm", func(v variant) verdict {
			return sameTag(t.once("If-None-Match", v.tag().String(), "Accept-Encoding", v.coding), v.answer, "not-modified-etag-differs")
		})
	}),
}, {
	ID: "304-length", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §8.6",
	Title: "The Content-Length of a 304 is that of the 200",
	Sends: "GET with If-None-Match: the current tag, or else If-Modified-Since: Last-Modified.",
	Right: "The length of the content that the 200 has, or no Content-Length.",
	Means: "Caches that take over the length cut the content off, or drop it as broken.",
	Fix:   []string{"Send no Content-Length with a 304."},
	rests: byAll,
	ask: given([]need{knowsEither}, func(t *trial) verdict {
		a, want := t.notModified(), t.base.size()
		switch {
		case !a.has("Content-Length"):
			return right("no Content-Length")
		case want < 0:
			return inapplicable("how long the content is is not known: it is longer than was read")
		case a.field("Content-Length") != strconv.FormatInt(want, 10):
			return wrong("the 304 has Content-Length %s, and the 200 has %d bytes", a.field("Content-Length"), want)
		}
		return right("Content-Length: %d", want)
	}),
}, {
	ID: "304-lean", Group: Caching, Level: Should, Since: "0.1", Section: "RFC 9110 §15.4.5",
	Title: "A 304 describes no content that it does not have",
	Sends: "GET with If-None-Match: the current tag, or else If-Modified-Since: Last-Modified.",
	Right: "No Content-Type, Content-Encoding or Content-Language in the 304.",
	Means: "A cache takes them over, and content that it holds in one form is labelled as another: a page comes as a download, or as gibberish.",
	Fix:   []string{"Remove these fields from 304s; look for a framework or a proxy that sets them on all answers."},
	Servers: []ServerFix{
		{"nginx", "more_clear_headers -s 304 Content-Type, with the headers-more module"},
		{"Apache", `Header unset Content-Type "expr=%{REQUEST_STATUS} == 304"`},
	},
	ask: given([]need{knowsEither}, func(t *trial) verdict {
		a := t.notModified()
		for _, field := range []string{"Content-Type", "Content-Encoding", "Content-Language"} {
			if a.has(field) {
				return wrong("the 304 has %s: %s", field, a.field(field))
			}
		}
		return right("%v", a)
	}),
}, {
	ID: "206-fields", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §15.3.7",
	Title: "A 206 has the fields that the 200 has",
	Sends: "GET with Range: a part from the middle.",
	Right: "A 206 with Date, ETag, Cache-Control, Content-Location, Expires, Vary, Last-Modified and the fields about the content, as far as the 200 has them.",
	Means: "A client cannot tell whether the part belongs to what it has, so it cannot go on if it is interrupted again; caches keep parts for too long.",
	Fix:   []string{"Set the fields before the range is taken, for all answers."},
	rests: byValidators,
	ask: given([]need{sendsRanges}, func(t *trial) verdict {
		return t.missing(t.once("Range", t.innerRange()), fieldsOf206)
	}),
}, {
	ID: "206-tag", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §15.3.7",
	Title: "A 206 has the tag that the 200 has",
	Sends: "GET with Range: a part from the middle.",
	Right: "The same ETag as in the 200, W/ included.",
	Means: "Clients take the part for one of another version, and start anew.",
	Fix:   []string{"Send the tag of the whole representation with each part of it."},
	Rules: []string{"per-part-etag", "cdn-nodes-different-etag"},
	rests: byTag,
	ask: given([]need{sendsRanges}, func(t *trial) verdict {
		return sameTag(t.once("Range", t.innerRange()), t.base, "per-part-etag")
	}),
}, {
	ID: "412-tag", Group: Saving, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8",
	Title: "A 412 that has a tag has the current one",
	Sends: "GET with If-Match: a tag that does not exist, or else If-Unmodified-Since: a second before Last-Modified.",
	Right: "No ETag in the 412, or that of the 200.",
	Means: "A client that looks there what is current now learns a tag that it will be refused with again.",
	Fix:   []string{"Look for an error page that has a tag of its own, or a layer that sets another tag than the one that compares."},
	Rules: []string{"front-and-backend-mint-different-etags"},
	rests: byTag,
	ask: given([]need{refusesEither}, func(t *trial) verdict {
		return sameTag(t.failedPrecondition(), t.base, "front-and-backend-mint-different-etags")
	}),
}, {
	ID: "refusal-not-stored", Group: Caching, Level: Advice, Since: "0.1", Section: "RFC 9111 §3",
	Title: "No cache is told to keep a 412 or a 416",
	Sends: "GET with If-Match: a tag that does not exist; GET with Range: from the byte after the last one on.",
	Right: "No max-age, s-maxage, public or Expires in the 412 and the 416.",
	Means: "A cache hands the refusal that was meant for one client to others, who asked for nothing of the kind.",
	Fix:   []string{"Set Cache-Control for answers that succeed only."},
	Servers: []ServerFix{
		{"nginx", "add_header Cache-Control without always; expires does not touch errors"},
		{"Apache", "Header onsuccess set Cache-Control, not Header always set"},
	},
	ask: given([]need{refusesSomething}, func(t *trial) verdict {
		for _, a := range t.refusals() {
			if field := a.storable(); field != "" {
				return wrong("the %d has %s", a.status, field)
			}
		}
		return right("nothing about keeping it")
	}),
}}

// failedPrecondition returns the 412 to the tag, or else to the date.
func (t *trial) failedPrecondition() *answer {
	if hasTag(t) == "" && refusesTag(t) == "" {
		return t.once("If-Match", nonsense)
	}
	return t.once("If-Unmodified-Since", t.modified(-1))
}

// refusals returns the 412 and the 416 that there are.
func (t *trial) refusals() []*answer {
	var all []*answer
	if refusesEither(t) == "" {
		all = append(all, t.failedPrecondition())
	}
	if hasSize(t) == "" {
		if a := t.once("Range", t.afterLast()); a.status == http.StatusRequestedRangeNotSatisfiable {
			all = append(all, a)
		}
	}
	return all
}

func refusesSomething(t *trial) string {
	if len(t.refusals()) == 0 {
		return "the server answers nothing with 412 or 416"
	}
	return ""
}

// storable returns the field that lets a cache store the answer, "" if none does. Neither 412 nor 416 is
// cacheable by itself (RFC 9110 §15.1).
func (a *answer) storable() string {
	if slices.ContainsFunc([]string{"no-store", "no-cache", "private"}, a.directive) {
		return ""
	}
	for _, name := range []string{"max-age", "s-maxage", "public"} {
		if a.directive(name) && !strings.Contains(a.field("Cache-Control"), name+"=0") {
			return "Cache-Control: " + a.field("Cache-Control")
		}
	}
	if expires := a.time("Expires"); !expires.IsZero() && expires.After(a.time("Date")) {
		return "Expires: " + a.field("Expires")
	}
	return ""
}

// varies reports whether Vary names the field.
func (a *answer) varies(name string) bool {
	for member := range strings.SplitSeq(a.field("Vary"), ",") {
		if member = strings.TrimSpace(member); member == "*" || strings.EqualFold(member, name) {
			return true
		}
	}
	return false
}

var elsewhereChecks = []*Check{{
	ID: "conditional-missing", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.1",
	Title: "Preconditions do not change the answer about what does not exist",
	Sends: "GET of a name beside the target that does not exist: alone, then with each precondition.",
	Right: "404 or 410 each time.",
	Means: "A client is told that its copy of something that was deleted is current, or that a version is wrong where there is none.",
	Fix: []string{
		"Evaluate preconditions only where the answer would be a 2xx without them.",
		"Look for an error page that has a tag or a date of its own.",
	},
	ask: conditionalMissing,
}, {
	ID: "conditional-redirect", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.1",
	Title: "Preconditions do not change a redirect",
	Sends: "GET of the URL that redirected to the target, or of the directory it is in without the slash: alone, then with each precondition.",
	Right: "The same redirect each time.",
	Means: "A client with a tag of the old place is told that its copy is current, and never learns of the new one.",
	Fix:   []string{"Redirect before preconditions are evaluated."},
	ask:   conditionalRedirect,
}}

// unmoved are preconditions that must not change an answer that is no success; tag is one that
// answer has.
func unmoved(tag string) [][]string {
	all := [][]string{
		{"If-None-Match", "*"},
		{"If-None-Match", nonsense},
		{"If-Match", nonsense},
		{"If-Match", "*"},
		{"If-Unmodified-Since", epoch},
		{"If-Modified-Since", "Fri, 31 Dec 2100 23:59:59 GMT"},
	}
	if tag != "" {
		all = append(all, []string{"If-None-Match", tag})
	}
	return all
}

func conditionalMissing(t *trial) verdict {
	missing := t.target.ResolveReference(&url.URL{Path: "fourtwelve-no-such-resource"})
	a := t.elsewhere(missing)
	if a.status != http.StatusNotFound && a.status != http.StatusGone {
		return inapplicable("the server answers %d about a name that does not exist", a.status)
	}
	return t.stays(func() *url.URL { return missing }, a)
}

func conditionalRedirect(t *trial) verdict {
	for _, u := range t.redirecting() {
		if a := t.elsewhere(t.spare(u)); a.status/100 == 3 && a.has("Location") {
			return t.stays(func() *url.URL { return t.spare(u) }, a)
		}
		if a := t.elsewhere(u); a.status/100 == 3 && a.has("Location") {
			if a.byCache() && !t.opts.Risky {
				return inapplicable("%s", mayRemain)
			}
			return t.stays(func() *url.URL { return u }, a)
		}
	}
	return inapplicable("no URL is known that redirects: give one that redirects to the target, with --follow")
}

// redirecting returns URLs that may redirect.
func (t *trial) redirecting() []*url.URL {
	if t.came != nil {
		return []*url.URL{t.came}
	}
	directory := t.target.ResolveReference(&url.URL{Path: "."})
	if directory.Path == "/" || !strings.HasSuffix(directory.Path, "/") {
		return nil
	}
	directory.Path, directory.RawPath = strings.TrimSuffix(directory.Path, "/"), strings.TrimSuffix(directory.RawPath, "/")
	return []*url.URL{directory}
}

func (t *trial) elsewhere(u *url.URL, fields ...string) *answer {
	fields = append(slices.Clone(fields), "Cache-Control", "no-store")
	return t.do(request{method: http.MethodGet, url: u, fields: fields, limit: shownOnce})
}

// stays judges whether each precondition leaves the status as it is.
func (t *trial) stays(u func() *url.URL, plain *answer) verdict {
	for _, fields := range unmoved(plain.field("ETag")) {
		if a := t.elsewhere(u(), fields...); a.status != plain.status {
			return wrong("got %d to %s, and %d without it", a.status, wish{fields: fields}, plain.status)
		}
	}
	return right("%d each time", plain.status)
}
