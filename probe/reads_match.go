package probe

import (
	"net/http"
	"strings"
)

// What is done about If-Match and If-Unmodified-Since that are not evaluated as they ought to be.
var matchFix = []string{
	"Evaluate If-Match where the tag is made, for all methods, before anything is done.",
	"Look for a proxy or gateway that removes the field on the way.",
	guardFix,
}

var matchChecks = []*Check{{
	ID: "im-exact", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "If-Match with the current tag lets the request through",
	Sends: "GET with If-Match: the tag of the first answer.",
	Right: "200 with the content.",
	Means: "The tag that readers are given is not the one that is compared: each guarded edit is refused although nobody else wrote.",
	Fix: []string{
		"Compare If-Match with the tag that GET sends, letter by letter.",
		"If a front server sets the tag, let the back end's through instead, for it is the back end that compares.",
	},
	Rules: []string{"front-and-backend-mint-different-etags", "backend-compares-unquoted", "compression-suffix-not-stripped"},
	rests: byTag,
	ask: statuses([]need{hasStrongTag}, func(t *trial) []wish {
		return []wish{wants(200, "If-Match", t.tag()).unless(412, "front-and-backend-mint-different-etags")}
	}),
}, {
	ID: "im-nonsense", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "If-Match with another tag is refused",
	Sends: "GET with If-Match: a tag that does not exist.",
	Right: "412 Precondition Failed.",
	Means: "If the server ignores If-Match on reads, a download in parts gets pieces of different versions; if on writes as well, which only the checks that write can tell, edits overwrite each other.",
	Fix:   matchFix,
	Servers: []ServerFix{
		{"lighttpd", "it evaluates If-Match for WebDAV writes only; no directive changes that"},
	},
	Rules: []string{"precondition-ignored", "gateway-drops-precondition", "412-rewritten-to-500"},
	ask: statuses([]need{hasTag}, func(*trial) []wish {
		return []wish{wants(412, "If-Match", nonsense).unless(200, "precondition-ignored").unless(500, "412-rewritten-to-500")}
	}),
}, {
	ID: "im-weak", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "If-Match is compared strongly: a weak tag does not match",
	Sends: "GET with If-Match: the current tag with W/ in front.",
	Right: "412 Precondition Failed.",
	Means: "A weak tag may stand for several versions. An edit guarded by it overwrites one of them that its author never saw.",
	Fix:   []string{"In If-Match, let a tag match only if neither it nor the current one is weak."},
	Servers: []ServerFix{
		{"nginx", "it takes a weak tag for a match of the same weak tag; no directive changes that"},
	},
	Rules: []string{"strong-compare-accepts-weak"},
	rests: byTag,
	ask: statuses([]need{hasTag, refusesTag}, func(t *trial) []wish {
		return []wish{wants(412, "If-Match", t.base.tag().Weak().String()).unless(200, "strong-compare-accepts-weak")}
	}),
}, {
	ID: "im-star", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "If-Match: * lets the request through to a resource that exists",
	Sends: "GET with If-Match: *.",
	Right: "200 with the content.",
	Means: "A client that wants to replace a file but not to create one is always refused.",
	Fix:   []string{"Take * for a match of whatever there is."},
	Rules: []string{"list-or-star-not-parsed"},
	ask: statuses([]need{hasTag}, func(*trial) []wish {
		return []wish{wants(200, "If-Match", "*").unless(412, "list-or-star-not-parsed")}
	}),
}, {
	ID: "im-list", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "If-Match may be a list of tags",
	Sends: "GET with If-Match: a tag that does not exist, and the current one.",
	Right: "200 with the content.",
	Means: "A client that knows two names of one version, such as the compressed and the plain one, is refused although nobody else wrote.",
	Fix:   []string{"Compare each member of the list, not the whole field."},
	Rules: []string{"list-or-star-not-parsed"},
	rests: byTag,
	ask: statuses([]need{hasStrongTag, acceptsTag}, func(t *trial) []wish {
		return []wish{wants(200, "If-Match", nonsense+", "+t.tag()).unless(412, "list-or-star-not-parsed")}
	}),
}, {
	ID: "im-lines", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §5.2",
	Title: "If-Match may come in several field lines",
	Sends: "GET with If-Match twice: a tag that does not exist, then the current one.",
	Right: "200 with the content, as for a list in one line.",
	Means: "Intermediaries may split a list over lines. A client behind such a one is refused although nobody else wrote.",
	Fix:   []string{"Combine the lines with commas before the field is read."},
	Servers: []ServerFix{
		{"nginx", "it answers 400 to a second line; no directive changes that"},
		{"Caddy", "its file server reads the first line only; no directive changes that"},
	},
	Rules: []string{"list-or-star-not-parsed"},
	rests: byTag,
	ask: statuses([]need{hasStrongTag, acceptsTag}, func(t *trial) []wish {
		return []wish{wants(200, "If-Match", nonsense, "If-Match", t.tag()).unless(412, "list-or-star-not-parsed")}
	}),
}}

var iusChecks = []*Check{{
	ID: "ius-equal", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "If-Unmodified-Since with the date of Last-Modified lets the request through",
	Sends: "GET with If-Unmodified-Since: Last-Modified of the first answer, and its Date.",
	Right: "200 with the content.",
	Means: "The server refuses the very date it gave out: each edit that is guarded by it fails, for ever.",
	Fix: []string{
		"Compare whole seconds: cut the time of modification to the second before it is compared with a date.",
		"Read dates as GMT, whatever the time zone of the server is.",
	},
	Rules: []string{"subsecond-mtime-vs-httpdate", "server-parses-date-as-local"},
	rests: byDate,
	ask: given([]need{hasDate}, func(t *trial) verdict {
		v := t.datedCause(t.fulfil(wants(200, "If-Unmodified-Since", t.modified(0))), "If-Unmodified-Since", http.StatusOK)
		if v.outcome != Passed || hasAge(t) != "" {
			return v
		}
		if v := t.fulfil(wants(200, "If-Unmodified-Since", t.base.field("Date"))); v.outcome == Failed {
			// A zone would have moved Last-Modified as well.
			v.says += "; Last-Modified itself it takes, so it compares texts and not times"
			return v.butNot("server-parses-date-as-local", "subsecond-mtime-vs-httpdate")
		}
		return v
	}),
}, {
	ID: "ius-earlier", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "If-Unmodified-Since with an earlier date is refused",
	Sends: "GET with If-Unmodified-Since: a second before Last-Modified.",
	Right: "412 Precondition Failed: it was modified since.",
	Means: "If the server ignores the field on reads, a download in parts gets pieces of different versions; if on writes as well, edits overwrite each other.",
	Fix:   matchFix,
	Servers: []ServerFix{
		{"lighttpd", "it evaluates If-Unmodified-Since for WebDAV writes only; no directive changes that"},
	},
	Rules: []string{"precondition-ignored", "gateway-drops-precondition", "server-parses-date-as-local", "412-rewritten-to-500"},
	rests: byDate,
	ask: given([]need{hasDate}, func(t *trial) verdict {
		v := t.fulfil(wants(412, "If-Unmodified-Since", t.modified(-1)).unless(200, "precondition-ignored").unless(500, "412-rewritten-to-500"))
		if v.rule == "precondition-ignored" && t.once("If-Unmodified-Since", t.modified(-twoDays)).status == http.StatusPreconditionFailed {
			v.says += "; two days earlier it is 412"
			return v.because("server-parses-date-as-local")
		}
		return v
	}),
}, {
	ID: "ius-obsolete-forms", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §5.6.7",
	Title: "If-Unmodified-Since is understood in the two obsolete forms of dates",
	Sends: "GET with If-Unmodified-Since: a second before Last-Modified, as in Sunday, 06-Nov-94 08:49:37 GMT and in Sun Nov  6 08:49:37 1994.",
	Right: "412 Precondition Failed, as for the usual form.",
	Means: "The guard of an old client or device is dropped without a word, and its edit overwrites others.",
	Fix:   []string{"Read all three forms that the standard names."},
	Rules: []string{"http-date-not-gmt"},
	rests: byDate,
	ask: statuses([]need{hasDate, refusesDate}, func(t *trial) []wish {
		var wishes []wish
		for _, date := range t.obsolete(-1) {
			wishes = append(wishes, wants(412, "If-Unmodified-Since", date))
		}
		return wishes
	}),
}, {
	ID: "ius-invalid", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "If-Unmodified-Since that is no date is ignored",
	Sends: "GET with If-Unmodified-Since: yesterday.",
	Right: "200 with the content.",
	Means: "A client with a damaged date can read nothing.",
	Fix:   []string{"Ignore the field if it is not one of the three forms of dates.", guardFix},
	Servers: []ServerFix{
		{"nginx", "it answers 412; no directive changes that"},
	},
	Rules: []string{"http-date-not-gmt"},
	ask: statuses([]need{hasDate}, func(*trial) []wish {
		return []wish{wants(200, "If-Unmodified-Since", "yesterday")}
	}),
}}

// orderFix is what is done about preconditions that are evaluated in another order.
var orderFix = []string{
	"Evaluate in this order: If-Match, or else If-Unmodified-Since; then If-None-Match, or else If-Modified-Since; then Range with If-Range.",
	guardFix,
}

// precedenceChecks are about two preconditions in one request. Each is only asked if both are evaluated
// rightly by themselves, so that it is the order that is wrong.
var precedenceChecks = []*Check{{
	ID: "im-over-older-date", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "If-Match that matches lets the request through whatever If-Unmodified-Since says",
	Sends: "GET with If-Match: the current tag, and If-Unmodified-Since: a second before Last-Modified.",
	Right: "200 with the content: with If-Match there, If-Unmodified-Since is ignored.",
	Means: "An edit of the current version is refused because its file was touched or published anew.",
	Fix:   []string{"Ignore If-Unmodified-Since when the request has If-Match.", guardFix},
	Servers: []ServerFix{
		{"nginx", "no directive changes that"},
		{"Apache", `RequestHeader unset If-Unmodified-Since "expr=-n %{HTTP:If-Match}"`},
	},
	rests: byValidators,
	ask: statuses([]need{hasStrongTag, hasDate, acceptsTag, refusesTag, refusesDate}, func(t *trial) []wish {
		return []wish{wants(200, "If-Match", t.tag(), "If-Unmodified-Since", t.modified(-1))}
	}),
}, {
	ID: "im-over-same-date", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "If-Match that does not match is refused whatever If-Unmodified-Since says",
	Sends: "GET with If-Match: a tag that does not exist, and If-Unmodified-Since: Last-Modified.",
	Right: "412 Precondition Failed: with If-Match there, If-Unmodified-Since is ignored.",
	Means: "Of two edits in one second the later overwrites the other.",
	Fix:   []string{"Ignore If-Unmodified-Since when the request has If-Match.", guardFix},
	Rules: []string{"precondition-ignored"},
	rests: byValidators,
	ask: statuses([]need{hasTag, hasDate, refusesTag}, func(t *trial) []wish {
		return []wish{wants(412, "If-Match", nonsense, "If-Unmodified-Since", t.modified(0))}
	}),
}, {
	ID: "im-before-inm", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "If-Match comes before If-None-Match",
	Sends: "GET with If-Match: a tag that does not exist, and If-None-Match: the current tag; then with the current tag in both.",
	Right: "412 Precondition Failed; then 304 Not Modified.",
	Means: "A client that asked for one version only is told that nothing has changed, and goes on with what it has.",
	Fix:   orderFix,
	Rules: []string{"precondition-precedence-wrong"},
	rests: byTag,
	ask: statuses([]need{hasStrongTag, refusesTag, acceptsTag, knowsTag}, func(t *trial) []wish {
		return []wish{
			wants(412, "If-Match", nonsense, "If-None-Match", t.tag()).unless(304, "precondition-precedence-wrong"),
			wants(304, "If-Match", t.tag(), "If-None-Match", t.tag()),
		}
	}),
}, {
	ID: "im-before-ims", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "If-Match comes before If-Modified-Since",
	Sends: "GET with If-Match: a tag that does not exist, and If-Modified-Since: Last-Modified; then with the current tag.",
	Right: "412 Precondition Failed; then 304 Not Modified.",
	Means: "A client that asked for one version only is told that nothing has changed, and goes on with what it has.",
	Fix:   orderFix,
	Rules: []string{"precondition-precedence-wrong"},
	rests: byValidators,
	ask: statuses([]need{hasStrongTag, hasDate, refusesTag, acceptsTag, knowsDate}, func(t *trial) []wish {
		return []wish{
			wants(412, "If-Match", nonsense, "If-Modified-Since", t.modified(0)).unless(304, "precondition-precedence-wrong"),
			wants(304, "If-Match", t.tag(), "If-Modified-Since", t.modified(0)),
		}
	}),
}, {
	ID: "ius-before-inm", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "If-Unmodified-Since comes before If-None-Match",
	Sends: "GET with If-Unmodified-Since: a second before Last-Modified, and If-None-Match: the current tag; then with Last-Modified.",
	Right: "412 Precondition Failed; then 304 Not Modified.",
	Means: "A client that asked for one version only is told that nothing has changed, and goes on with what it has.",
	Fix:   orderFix,
	Servers: []ServerFix{
		{"Apache", "an If-Unmodified-Since that holds makes it send everything; no directive changes that"},
	},
	Rules: []string{"precondition-precedence-wrong"},
	rests: byValidators,
	ask: statuses([]need{hasTag, hasDate, refusesDate, acceptsDate, knowsTag}, func(t *trial) []wish {
		return []wish{
			wants(412, "If-Unmodified-Since", t.modified(-1), "If-None-Match", t.tag()).unless(304, "precondition-precedence-wrong"),
			wants(304, "If-Unmodified-Since", t.modified(0), "If-None-Match", t.tag()),
		}
	}),
}, {
	ID: "ius-before-ims", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "If-Unmodified-Since comes before If-Modified-Since",
	Sends: "GET with If-Unmodified-Since: a second before Last-Modified, and If-Modified-Since: Last-Modified; then with Last-Modified in both.",
	Right: "412 Precondition Failed; then 304 Not Modified.",
	Means: "A client that asked for one version only is told that nothing has changed, and goes on with what it has.",
	Fix:   orderFix,
	Servers: []ServerFix{
		{"Apache", "an If-Unmodified-Since that holds makes it send everything; no directive changes that"},
	},
	Rules: []string{"precondition-precedence-wrong"},
	rests: byDate,
	ask: statuses([]need{hasDate, refusesDate, acceptsDate, knowsDate}, func(t *trial) []wish {
		return []wish{
			wants(412, "If-Unmodified-Since", t.modified(-1), "If-Modified-Since", t.modified(0)).unless(304, "precondition-precedence-wrong"),
			wants(304, "If-Unmodified-Since", t.modified(0), "If-Modified-Since", t.modified(0)),
		}
	}),
}, {
	ID: "im-before-range", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "If-Match and If-Unmodified-Since come before Range",
	Sends: "GET with Range: a part from the middle, and If-Match: a tag that does not exist; then with If-Unmodified-Since: a second before Last-Modified.",
	Right: "412 Precondition Failed.",
	Means: "A browser that resumes a download by If-Match gets a part of another version and joins it to what it has: the file is broken.",
	Fix:   orderFix,
	Rules: []string{"object-changed-mid-download", "precondition-ignored"},
	rests: byValidators,
	ask: statuses([]need{sendsRanges, refusesEither}, func(t *trial) []wish {
		var wishes []wish
		if hasTag(t) == "" && refusesTag(t) == "" {
			wishes = append(wishes, wants(412, "If-Match", nonsense, "Range", t.innerRange()))
		}
		if hasDate(t) == "" && refusesDate(t) == "" {
			wishes = append(wishes, wants(412, "If-Unmodified-Since", t.modified(-1), "Range", t.innerRange()))
		}
		return wishes
	}),
}, {
	ID: "inm-before-range", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "If-None-Match and If-Modified-Since come before Range",
	Sends: "GET with Range: a part from the middle, and If-None-Match: the current tag; then with If-Modified-Since: Last-Modified.",
	Right: "304 Not Modified.",
	Means: "A cache that asks whether its copy of a part is current gets the part again on each visit.",
	Fix:   orderFix,
	rests: byValidators,
	ask: statuses([]need{sendsRanges, knowsEither}, func(t *trial) []wish {
		var wishes []wish
		if hasTag(t) == "" && knowsTag(t) == "" {
			wishes = append(wishes, wants(304, "If-None-Match", t.tag(), "Range", t.innerRange()))
		}
		if hasDate(t) == "" && knowsDate(t) == "" {
			wishes = append(wishes, wants(304, "If-Modified-Since", t.modified(0), "Range", t.innerRange()))
		}
		return wishes
	}),
}}

// refusesEither wants a precondition that can be refused.
func refusesEither(t *trial) string {
	return eitherOf(t, []need{hasTag, refusesTag}, []need{hasDate, refusesDate})
}

// knowsEither wants a validator that leads to a 304.
func knowsEither(t *trial) string {
	return eitherOf(t, []need{hasTag, knowsTag}, []need{hasDate, knowsDate})
}

// eitherOf returns "" if all of one list are met, else what is lacking of each.
func eitherOf(t *trial, lists ...[]need) string {
	var all []string
	for _, needs := range lists {
		s := lacking(t, needs)
		if s == "" {
			return ""
		}
		all = append(all, s)
	}
	return strings.Join(all, ", and ")
}
