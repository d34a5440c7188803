package probe

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// What is done about If-None-Match that is not evaluated as it ought to be.
var inmFix = []string{
	"Let the same layer that makes the tag evaluate If-None-Match, and let it compare all members of the list weakly.",
	guardFix,
}

var inmChecks = []*Check{{
	ID: "inm-exact", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match with the current tag gets 304",
	Sends: "GET with If-None-Match: the tag of the first answer.",
	Right: "304 Not Modified.",
	Means: "Every visit and every cache downloads the whole content again although it has not changed.",
	Fix:   inmFix,
	Rules: []string{"cdn-ignores-client-etag", "cdn-miss-drops-conditional", "status-override-hides-304", "412-for-inm-on-get"},
	rests: byTag,
	ask: statuses([]need{hasTag}, func(t *trial) []wish {
		return []wish{wants(304, "If-None-Match", t.tag()).unless(412, "412-for-inm-on-get")}
	}),
}, {
	ID: "inm-head", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match with the current tag gets 304 to HEAD as well",
	Sends: "HEAD with If-None-Match: the tag of the first answer.",
	Right: "304 Not Modified.",
	Means: "A cache that asks with HEAD takes its copy for old and downloads it again.",
	Fix:   []string{"Handle HEAD as GET up to the content, preconditions included."},
	Rules: []string{"412-for-inm-on-get"},
	rests: byTag,
	ask: given([]need{hasTag, headWorks, knowsTag}, func(t *trial) verdict {
		if a := t.headOnce("If-None-Match", t.tag()); a.status != http.StatusNotModified {
			return wrong("got %v to HEAD, want 304 as for GET", a)
		}
		return right("304")
	}),
}, {
	ID: "inm-weak-form", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match is compared weakly: W/ does not matter",
	Sends: "GET with If-None-Match: the current tag with W/ in front, or without it if it is weak.",
	Right: "304 Not Modified.",
	Means: "Where a CDN or a compressing proxy adds W/ to tags, browsers send it back, and get everything again on each visit.",
	Fix:   []string{"Leave W/ aside when If-None-Match is compared."},
	Rules: []string{"inm-compared-strongly", "proxy-weakens-etag"},
	rests: byTag,
	ask: given([]need{hasTag, knowsTag}, func(t *trial) verdict {
		v := t.fulfil(wants(304, "If-None-Match", otherForm(t.base.tag())).unless(200, "inm-compared-strongly"))
		if v.outcome == Failed && t.base.tag().IsWeak() {
			// A strong comparison would not have found the weak tag itself.
			v.says += "; with W/ it takes it, so it compares texts"
			return v.because("").butNot("inm-compared-strongly")
		}
		return v
	}),
}, {
	ID: "inm-list", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match may be a list of tags",
	Sends: "GET with If-None-Match: a tag that does not exist, the current one, and a third.",
	Right: "304 Not Modified.",
	Means: "A cache that holds several versions asks for all of them at once, and gets everything again.",
	Fix:   []string{"Compare each member of the list, not the whole field."},
	Rules: []string{"list-or-star-not-parsed"},
	rests: byTag,
	ask: statuses([]need{hasTag, knowsTag}, func(t *trial) []wish {
		return []wish{wants(304, "If-None-Match", nonsense+", "+t.tag()+`, "fourtwelve-third"`).unless(200, "list-or-star-not-parsed")}
	}),
}, {
	ID: "inm-lines", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §5.2",
	Title: "If-None-Match may come in several field lines",
	Sends: "GET with If-None-Match twice: a tag that does not exist, then the current one.",
	Right: "304 Not Modified, as for a list in one line.",
	Means: "Intermediaries may split a list over lines. A client behind such a one gets everything again, or an error.",
	Fix:   []string{"Combine the lines with commas before the field is read."},
	Servers: []ServerFix{
		{"nginx", "it answers 400 to a second line; no directive changes that"},
		{"Caddy", "its file server reads the first line only; no directive changes that"},
		{"lighttpd", "it reads the first line only; no directive changes that"},
	},
	Rules: []string{"list-or-star-not-parsed"},
	rests: byTag,
	ask: statuses([]need{hasTag, knowsTag}, func(t *trial) []wish {
		return []wish{wants(304, "If-None-Match", nonsense, "If-None-Match", t.tag()).unless(200, "list-or-star-not-parsed")}
	}),
}, {
	ID: "inm-star", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match: * gets 304 from a resource that exists",
	Sends: "GET with If-None-Match: *.",
	Right: "304 Not Modified.",
	Means: "A client that only wants what did not exist before gets it all the same; with writes the same mistake overwrites files.",
	Fix:   []string{"Take * for a match of whatever there is."},
	Rules: []string{"list-or-star-not-parsed"},
	ask: statuses([]need{hasTag, knowsTag}, func(t *trial) []wish {
		return []wish{wants(304, "If-None-Match", "*").unless(200, "list-or-star-not-parsed").unless(412, "412-for-inm-on-get")}
	}),
}, {
	ID: "inm-nonsense", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match with another tag gets the content",
	Sends: "GET with If-None-Match: a tag that does not exist.",
	Right: "200 with the content.",
	Means: "A client with an old copy is told that it is current, and shows the old content until its cache is emptied.",
	Fix:   []string{"Compare the whole opaque text of the tags."},
	Rules: []string{"412-for-inm-on-get"},
	ask: statuses([]need{hasTag}, func(*trial) []wish {
		return []wish{wants(200, "If-None-Match", nonsense).unless(412, "412-for-inm-on-get")}
	}),
}, {
	ID: "inm-nonsense-suffix", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "The mark of a coding does not make another tag the current one",
	Sends: "GET with If-None-Match: a tag that does not exist, with -gzip, --gzip, -br and ;gz at its end, once with and once without compression allowed.",
	Right: "200 with the content.",
	Means: "A client with any old compressed copy is told that it is current, and shows the old content.",
	Fix:   []string{"Take the mark of the coding off the tag and compare the rest."},
	Servers: []ServerFix{
		{"Jetty", "use 9.4 or later: 9.3 took any tag with --gzip for current"},
	},
	Rules: []string{"suffix-always-304"},
	ask: statuses([]need{hasTag}, func(*trial) []wish {
		var wishes []wish
		for _, coding := range []string{"identity", "gzip, br"} {
			for _, mark := range []string{"-gzip", "--gzip", "-br", ";gz"} {
				marked := strings.TrimSuffix(nonsense, `"`) + mark + `"`
				wishes = append(wishes, wants(200, "If-None-Match", marked, "Accept-Encoding", coding).unless(304, "suffix-always-304"))
			}
		}
		return wishes
	}),
}, {
	ID: "inm-malformed", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match with something that is no tag does not get 304",
	Sends: "GET with If-None-Match: a word without quotes.",
	Right: "200 with the content, or 400.",
	Means: "A client that damages tags is told that its copy is current, whatever it is.",
	Fix:   []string{"Let a member that is no tag match nothing."},
	Rules: []string{"unquoted-etag", "dummy-conditional-header"},
	ask: statuses([]need{hasTag}, func(*trial) []wish {
		return []wish{wants(200, "If-None-Match", strings.Trim(nonsense, `"`)).orElse(400)}
	}),
}, {
	ID: "inm-over-older-date", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.3",
	Title: "If-None-Match that matches gets 304 whatever If-Modified-Since says",
	Sends: "GET with If-None-Match: the current tag, and If-Modified-Since: a second before Last-Modified.",
	Right: "304 Not Modified: with If-None-Match there, If-Modified-Since is ignored.",
	Means: "Browsers send both. After a file was touched or published anew with the same content they download it again although they have it.",
	Fix:   []string{"Ignore If-Modified-Since when the request has If-None-Match.", guardFix},
	Servers: []ServerFix{
		{"nginx", "no directive changes that; if_modified_since off makes it worse"},
		{"Apache", `RequestHeader unset If-Modified-Since "expr=-n %{HTTP:If-None-Match}"`},
	},
	rests: byValidators,
	ask: statuses([]need{hasTag, hasDate, knowsTag}, func(t *trial) []wish {
		return []wish{wants(304, "If-None-Match", t.tag(), "If-Modified-Since", t.modified(-1))}
	}),
}, {
	ID: "inm-over-same-date", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.3",
	Title: "If-None-Match that does not match gets the content whatever If-Modified-Since says",
	Sends: "GET with If-None-Match: a tag that does not exist, and If-Modified-Since: Last-Modified.",
	Right: "200 with the content: with If-None-Match there, If-Modified-Since is ignored.",
	Means: "Two changes in one second, or an older file put back, are never seen: the client is told that its copy is current.",
	Fix:   []string{"Ignore If-Modified-Since when the request has If-None-Match.", guardFix},
	Servers: []ServerFix{
		{"Apache", `RequestHeader unset If-Modified-Since "expr=-n %{HTTP:If-None-Match}"`},
	},
	Rules: []string{"ims-evaluated-despite-inm", "rollback-older-mtime"},
	rests: byValidators,
	ask: statuses([]need{hasTag, hasDate, knowsTag}, func(t *trial) []wish {
		return []wish{wants(200, "If-None-Match", nonsense, "If-Modified-Since", t.modified(0)).unless(304, "ims-evaluated-despite-inm")}
	}),
}}

// twoDays, in seconds, is further than any time zone is from another.
const twoDays = 2 * 24 * 60 * 60

// datedCause names the cause if the date of Last-Modified itself is not taken: whether one a second
// later is, or only one that is further away than time zones are. Where none is taken the field is
// not evaluated as a date at all. fit is the status of an answer to a date that is taken.
func (t *trial) datedCause(v verdict, field string, fit int) verdict {
	if v.outcome != Failed {
		return v
	}
	switch {
	case t.once(field, t.modified(1)).status == fit:
		v.says += fmt.Sprintf("; a second later it is %d", fit)
		return v.because("subsecond-mtime-vs-httpdate")
	case t.once(field, t.modified(twoDays)).status == fit:
		return v.because("server-parses-date-as-local")
	}
	v.says += "; so it is whatever the date"
	v = v.butNot("subsecond-mtime-vs-httpdate", "server-parses-date-as-local")
	if fit == http.StatusNotModified {
		return v.because("precondition-ignored")
	}
	return v.because("")
}

// otherForm returns the tag with W/ if it has none, and without if it does.
func otherForm(tag etag.Tag) string {
	if tag.IsWeak() {
		return strings.TrimPrefix(tag.String(), "W/")
	}
	return tag.Weak().String()
}

var imsChecks = []*Check{{
	ID: "ims-equal", Group: Caching, Level: Should, Since: "0.1", Section: "RFC 9110 §13.1.3",
	Title: "If-Modified-Since with the date of Last-Modified gets 304",
	Sends: "GET with If-Modified-Since: Last-Modified of the first answer.",
	Right: "304 Not Modified.",
	Means: "Clients and mirrors that go by dates download everything again although it has not changed.",
	Fix: []string{
		"Compare whole seconds: cut the time of modification to the second before it is compared with a date.",
		"Read dates as GMT, whatever the time zone of the server is.",
	},
	Servers: []ServerFix{
		{"nginx", "if_modified_since exact; (the default) or before; and not off"},
	},
	Rules: []string{"subsecond-mtime-vs-httpdate", "server-parses-date-as-local", "precondition-ignored", "status-override-hides-304"},
	rests: byDate,
	ask: given([]need{hasDate}, func(t *trial) verdict {
		return t.datedCause(t.fulfil(wants(304, "If-Modified-Since", t.modified(0))), "If-Modified-Since", http.StatusNotModified)
	}),
}, {
	ID: "ims-later", Group: Caching, Level: Should, Since: "0.1", Section: "RFC 9110 §13.1.3",
	Title: "If-Modified-Since with a later date gets 304",
	Sends: "GET with If-Modified-Since: the Date of the first answer, which is later than Last-Modified.",
	Right: "304 Not Modified: nothing was modified since.",
	Means: "A client that asks what is new since its last visit gets everything, changed or not.",
	Fix:   []string{"Compare dates as earlier or later, not as equal texts."},
	Servers: []ServerFix{
		{"nginx", "if_modified_since before;"},
	},
	rests: byDate,
	ask: statuses([]need{hasAge, knowsDate}, func(t *trial) []wish {
		return []wish{wants(304, "If-Modified-Since", t.base.field("Date"))}
	}),
}, {
	ID: "ims-earlier", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "If-Modified-Since with an earlier date gets the content",
	Sends: "GET with If-Modified-Since: a second, and two days, before Last-Modified.",
	Right: "200 with the content: it was modified since.",
	Means: "A client with an old copy is told that it is current, and shows the old content.",
	Fix: []string{
		"Answer 304 only if Last-Modified is not later than the date.",
		"Read dates as GMT, whatever the time zone of the server is.",
	},
	Rules: []string{"server-parses-date-as-local", "rollback-older-mtime"},
	rests: byDate,
	ask: given([]need{hasDate}, func(t *trial) verdict {
		v, long := t.fulfil(wants(200, "If-Modified-Since", t.modified(-1))), t.fulfil(wants(200, "If-Modified-Since", t.modified(-twoDays)))
		switch {
		case v.outcome == Failed && long.outcome == Failed: // no zone is that far away
			return v.butNot("server-parses-date-as-local")
		case v.outcome == Failed:
			return v
		}
		return long
	}),
}, {
	ID: "ims-obsolete-forms", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §5.6.7",
	Title: "If-Modified-Since is understood in the two obsolete forms of dates",
	Sends: "GET with If-Modified-Since: Last-Modified as in Sunday, 06-Nov-94 08:49:37 GMT and in Sun Nov  6 08:49:37 1994.",
	Right: "304 Not Modified, as for the usual form.",
	Means: "Old clients and devices download everything again on each visit.",
	Fix:   []string{"Read all three forms that the standard names."},
	rests: byDate,
	ask: statuses([]need{hasDate, knowsDate}, func(t *trial) []wish {
		var wishes []wish
		for _, date := range t.obsolete(0) {
			wishes = append(wishes, wants(304, "If-Modified-Since", date))
		}
		return wishes
	}),
}, {
	ID: "ims-invalid", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.3",
	Title: "If-Modified-Since that is no date is ignored",
	Sends: "GET with If-Modified-Since: yesterday.",
	Right: "200 with the content.",
	Means: "A client with a damaged date is told that its copy is current, or gets an error instead of the content.",
	Fix:   []string{"Ignore the field if it is not one of the three forms of dates."},
	Rules: []string{"http-date-not-gmt"},
	ask: statuses([]need{hasDate}, func(*trial) []wish {
		return []wish{wants(200, "If-Modified-Since", "yesterday")}
	}),
}, {
	ID: "ims-other-zone", Group: Caching, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.3",
	Title: "If-Modified-Since in another time zone is ignored",
	Sends: "GET with If-Modified-Since: Last-Modified with +0200 in place of GMT, which is two hours earlier.",
	Right: "200 with the content: a date that is not in GMT is none, and it is an earlier one besides.",
	Means: "A client that writes its local time is told that its copy is current although it was changed in the hours between.",
	Fix:   []string{"Ignore a date that does not end in GMT."},
	Rules: []string{"http-date-not-gmt"},
	rests: byDate,
	ask: statuses([]need{hasDate}, func(t *trial) []wish {
		return []wish{wants(200, "If-Modified-Since", strings.TrimSuffix(t.modified(0), "GMT")+"+0200")}
	}),
}}

// obsolete returns the modification date, later by seconds, in the obsolete forms. That with two
// digits for the year is left out where another century could be meant (RFC 9110 §5.6.7).
func (t *trial) obsolete(seconds int) []string {
	modified := t.base.time("Last-Modified").Add(time.Duration(seconds) * time.Second).UTC()
	forms := []string{modified.Format(time.ANSIC)}
	if age := time.Since(modified); age < 49*365*24*time.Hour {
		forms = append(forms, modified.Format("Monday, 02-Jan-06 15:04:05 GMT"))
	}
	return forms
}
