package probe

import (
	"fmt"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"
)

// lostUpdate is what it means that a condition does not keep a write from being performed.
const lostUpdate = "Two people edit the same version, both save, and the work of the one who saved first is gone without a word."

// noVersion is an entity tag that no version has.
const noVersion = `"fourtwelve-no-such-version"`

// unguarded is what helps where conditions of writes are not evaluated.
var unguarded = []string{
	"Look whether something in front of the server drops the field: ask the server itself.",
	"Evaluate the condition in the very step that stores the content, in the same lock or transaction.",
	"Where the server cannot, put one in front that does, such as fourtwelve guard.",
}

// unguardedServers are those of which it is known that they evaluate no condition of a write.
var unguardedServers = []ServerFix{
	{"nginx", "its dav module evaluates no precondition of a PUT or DELETE: put fourtwelve guard in front, or let another server take the writes"},
	{"golang.org/x/net/webdav", "its Handler evaluates no precondition of RFC 9110: wrap it in one that does, such as fourtwelve guard"},
	{"Caddy", "its webdav module is golang.org/x/net/webdav and evaluates no precondition of RFC 9110: put fourtwelve guard in front"},
}

// withContent asks once content is there; now is what a GET gets.
func withContent(ask func(t *trial, now *answer) verdict) func(*trial) verdict {
	return func(t *trial) verdict {
		now, v := t.place(t.scratch.before)
		if v != nil {
			return *v
		}
		return ask(t, now)
	}
}

// withNothing asks once nothing is there; now is what a GET gets.
func withNothing(ask func(t *trial, now *answer) verdict) func(*trial) verdict {
	return func(t *trial) verdict {
		now, v := t.clear()
		if v != nil {
			return *v
		}
		return ask(t, now)
	}
}

// withStale asks once content was there and then other content: stale is a strong tag that is not
// that of now, if possible that of the content before it.
func withStale(ask func(t *trial, now *answer, stale string) verdict) func(*trial) verdict {
	return func(t *trial) verdict {
		was, v := t.place(t.scratch.older)
		if v != nil {
			return *v
		}
		now, v := t.place(t.scratch.before)
		if v != nil {
			return *v
		}
		return ask(t, now, staleTag(was, now))
	}
}

// staleTag returns a strong tag that is not that of now: if possible that of what was there before,
// made strong, as clients do that drop the W/.
func staleTag(was, now *answer) string {
	tag := was.tag()
	if tag.IsZero() || tag.WeakEqual(now.tag()) {
		return noVersion
	}
	return strings.TrimPrefix(tag.String(), "W/")
}

// withStrong asks once content is there that has a strong tag: that of now.
func withStrong(ask func(t *trial, now *answer) verdict) func(*trial) verdict {
	return withContent(func(t *trial, now *answer) verdict {
		now = t.whenStrong(now)
		switch tag := now.tag(); {
		case tag.IsZero():
			return unmet(noTagThere)
		case tag.IsWeak():
			return inapplicable("the entity tag %s is weak, and no If-Match can name it", tag)
		}
		return ask(t, now)
	})
}

// withDated asks once content is there that has a modification date: that of now.
func withDated(ask func(t *trial, now *answer, modified time.Time) verdict) func(*trial) verdict {
	return withContent(func(t *trial, now *answer) verdict {
		now = t.whenDated(now)
		modified := now.time("Last-Modified")
		if modified.IsZero() {
			return inapplicable("what was put there has no modification date")
		}
		return ask(t, now, modified)
	})
}

// guardedChecks are those of writes with a precondition.
func guardedChecks() []*Check {
	return slices.Concat(ifMatchChecks, ifNoneMatchChecks, ifUnmodifiedSinceChecks, deleteChecks, patchChecks)
}

var ifMatchChecks = []*Check{{
	ID: "put-if-match-stale", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with the tag of an earlier version changes nothing",
	Sends: "Two PUTs, and a third one with If-Match: the tag after the first.",
	Right: "A refusal, and the content is that of the second PUT.",
	Means: lostUpdate,
	Fix:   unguarded, Servers: unguardedServers,
	Rules: []string{"precondition-ignored", "gateway-drops-precondition", "precondition-evaluated-after-write"},
	ask: withStale(func(t *trial, now *answer, stale string) verdict {
		return t.untouched(now, t.put(t.scratch.written, "If-Match", stale))
	}),
}, {
	ID: "put-if-match-current", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with the current tag is performed",
	Sends: "PUT with If-Match: the tag that a GET gets.",
	Right: "2xx, and the content is the new one.",
	Means: "Nobody can save: editors that take care not to overwrite others are refused each time, and people learn to switch the care off.",
	Fix: []string{
		"Compare If-Match with the tag that GET sends: the same layer has to make the one and judge by the other.",
		"Keep the quotes on both sides of the comparison.",
	},
	Rules: []string{"front-and-backend-mint-different-etags", "backend-compares-unquoted", "unstable-etag-per-request",
		"answer-against-standard"},
	ask: withStrong(func(t *trial, now *answer) verdict {
		return t.performed(now, t.put(t.scratch.written, "If-Match", now.tag().String()))
	}),
}, {
	ID: "put-if-match-list", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with the current tag in a list is performed",
	Sends: "PUT with If-Match: another tag, and the one that a GET gets.",
	Right: "2xx, and the content is the new one.",
	Means: "A client that knows several tags of a version, such as one for each content coding, cannot save.",
	Fix:   []string{"Compare with each member of the field: commas separate them, and may also be within the quotes of one."},
	Rules: []string{"list-or-star-not-parsed"},
	ask: withStrong(func(t *trial, now *answer) verdict {
		v := t.performed(now, t.put(t.scratch.written, "If-Match", noVersion+", "+now.tag().String()))
		return t.unlessAlone(now, v.blamed("list-or-star-not-parsed"))
	}),
}, {
	ID: "put-if-match-weak", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with the weak form of the current tag changes nothing",
	Sends: "PUT with If-Match: the tag that a GET gets, with W/ before it.",
	Right: "A refusal, and the content is as it was.",
	Means: "A weak tag may stay the same when the content changes. Whoever saves with one can overwrite a change that it does not tell of.",
	Fix:   []string{"Compare If-Match strongly: a tag with W/ never matches (RFC 9110 §8.8.3.2)."},
	Servers: slices.Concat(unguardedServers, []ServerFix{
		{"Apache", "while a file is younger than a second its tag is weak; then no If-Match matches"},
	}),
	Rules: []string{"strong-compare-accepts-weak", "precondition-ignored"},
	ask: withContent(func(t *trial, now *answer) verdict {
		if now.tag().IsZero() {
			return unmet(noTagThere)
		}
		now = t.whenStrong(now)
		v := t.untouched(now, t.put(t.scratch.written, "If-Match", now.tag().Weak().String()))
		if v.rule == "precondition-ignored" && !t.put(t.scratch.older, "If-Match", noVersion).successful() {
			v = v.because("strong-compare-accepts-weak")
		}
		return v
	}),
}, {
	ID: "put-if-match-unquoted", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with something in If-Match that is no tag changes nothing",
	Sends: "PUT with If-Match: fourtwelve, without quotes.",
	Right: "A refusal with 400 or 412, and the content is as it was.",
	Means: "A client that loses the quotes of a tag on the way believes its writes guarded. They are not, and overwrite what others saved.",
	Fix: []string{
		"Refuse a malformed If-Match on a write: it is neither * nor a list of tags, so the condition is false.",
		"Never take a precondition that cannot be read for none.",
	},
	Servers: unguardedServers,
	Rules:   []string{"precondition-ignored", "unquoted-etag"},
	ask: withContent(func(t *trial, now *answer) verdict {
		return t.untouched(now, t.put(t.scratch.written, "If-Match", "fourtwelve"))
	}),
}, {
	ID: "put-if-match-star", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with If-Match: * is performed if the resource exists",
	Sends: "PUT with If-Match: * to something that exists.",
	Right: "2xx, and the content is the new one.",
	Means: "A client that only wants to make sure that it does not create anything cannot save.",
	Fix:   []string{"Take * for any version, not for a tag."},
	Rules: []string{"list-or-star-not-parsed"},
	ask: withContent(func(t *trial, now *answer) verdict {
		return t.performed(now, t.put(t.scratch.written, "If-Match", "*")).blamed("list-or-star-not-parsed")
	}),
}, {
	ID: "put-if-match-star-missing", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with If-Match: * creates nothing",
	Sends: "DELETE, then PUT with If-Match: *.",
	Right: "A refusal, and there is still nothing.",
	Means: "Somebody deleted what another one edits. The save brings it back, and nobody is told that it had been deleted.",
	Fix:   unguarded, Servers: unguardedServers,
	Rules: []string{"if-match-ignored-for-404", "precondition-ignored"},
	ask: withNothing(func(t *trial, now *answer) verdict {
		return t.ofMissing(t.untouched(now, t.put(t.scratch.written, "If-Match", "*")))
	}),
}, {
	ID: "put-if-match-missing", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with the tag of what was deleted creates nothing",
	Sends: "PUT, DELETE, then PUT with If-Match: the tag after the first PUT.",
	Right: "A refusal, and there is still nothing.",
	Means: "Somebody deleted what another one edits. The save brings it back, and nobody is told that it had been deleted.",
	Fix:   unguarded, Servers: unguardedServers,
	Rules: []string{"if-match-ignored-for-404", "precondition-ignored"},
	ask: withContent(func(t *trial, was *answer) verdict {
		now, v := t.clear()
		if v != nil {
			return *v
		}
		return t.ofMissing(t.untouched(now, t.put(t.scratch.written, "If-Match", staleTag(was, now))))
	}),
}, {
	ID: "put-if-match-coded", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with the tag of a compressed GET is performed",
	Sends: "GET with Accept-Encoding: gzip, and PUT with the same field and If-Match: the tag of that answer.",
	Right: "2xx, and the content is the new one.",
	Means: "Browsers and most libraries always ask for compression. What they save is refused each time as if somebody else had been faster, and only tools that ask for none can save.",
	Fix: []string{
		"Give writes to a layer that knows the tags it adds a coding to.",
		"Do not compress what can be edited, or strip the suffix from If-Match where the tag is compared.",
	},
	Servers: []ServerFix{
		{"Apache", `RequestHeader edit* If-Match '-(gzip|br)"' '"' (mod_headers), or SetEnv no-gzip where DAV is on`},
	},
	Rules: []string{"compression-suffix-not-stripped"},
	ask:   askCoded,
}, {
	ID: "put-refused-with-412", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.2.2",
	Title: "A write whose condition is false is refused with 412",
	Sends: `PUT with If-Match: a tag that no version has, and PUT with If-None-Match: *.`,
	Right: "412 Precondition Failed, unless the server ignores the condition, which other checks tell.",
	Means: "A client knows by 412 that it has to read again and merge. Any other status is an error to it: it gives up, or tries the same again for ever.",
	Fix: []string{
		"Answer 412 where the condition is false: 304 is for GET and HEAD, 409 for conflicts that no condition told of.",
		"Look whether a handler of errors makes another status or page of it.",
	},
	Rules: []string{"conflict-reported-as-409", "304-for-write", "412-rewritten-to-500", "answer-against-standard"},
	ask: withContent(func(t *trial, now *answer) verdict {
		refused := 0
		for _, fields := range [][]string{{"If-Match", noVersion}, {"If-None-Match", "*"}} {
			a := t.put(t.scratch.written, fields...)
			switch {
			case a.successful():
				continue
			case a.status != http.StatusPreconditionFailed:
				return wrong("got %s to %s: %s, want 412", a, fields[0], fields[1]).because(refusalCause(a.status))
			}
			refused++
		}
		if refused == 0 {
			return inapplicable("the server refuses none: see put-if-match-stale and put-inm-star-existing")
		}
		return right("412")
	}),
}}

// unlessAlone makes nothing of a failure with the current tag in some other form if the server
// refuses that tag alone as well, which put-if-match-current tells.
func (t *trial) unlessAlone(now *answer, v verdict) verdict {
	if v.outcome == Failed && !t.put(t.scratch.written, "If-Match", now.tag().String()).successful() {
		return inapplicable("the server refuses %s alone as well: see put-if-match-current", now.tag())
	}
	return v
}

// ofMissing names the rule for a write that created something, unless the server takes any tag,
// there or not.
func (t *trial) ofMissing(v verdict) verdict {
	if v.rule == "precondition-ignored" && !t.put(t.scratch.older, "If-Match", noVersion).successful() {
		return v.because("if-match-ignored-for-404")
	}
	return v
}

// refusalCause is the rule for a refusal with a status that is not 412.
func refusalCause(status int) string {
	switch {
	case status == http.StatusConflict:
		return "conflict-reported-as-409"
	case status == http.StatusNotModified:
		return "304-for-write"
	case status/100 == 5:
		return "412-rewritten-to-500"
	}
	return "answer-against-standard"
}

// askCoded asks with the tag of a compressed answer. The content is long enough that compressing it
// pays.
func askCoded(t *trial) verdict {
	content := strings.Repeat("-", 6000)
	if t.scratch.given {
		content = t.scratch.before
	}
	if _, v := t.place(content); v != nil {
		return *v
	}
	plain := t.whenStrong(t.read())
	coded := t.read("Accept-Encoding", "gzip")
	switch tag := coded.tag(); {
	case !coded.has("Content-Encoding"):
		return inapplicable("what was put there is not compressed")
	case tag.IsZero() || plain.tag().IsZero():
		return unmet(noTagThere)
	case tag.IsWeak():
		return inapplicable("the entity tag %s is weak, and no If-Match can name it", tag)
	case tag == plain.tag():
		return inapplicable("compressed or not, the entity tag is %s", tag)
	}
	v := t.performed(plain, t.put(t.scratch.written, "Accept-Encoding", "gzip", "If-Match", coded.tag().String()))
	return t.unlessAlone(plain, v.blamed("compression-suffix-not-stripped"))
}

var ifNoneMatchChecks = []*Check{{
	ID: "put-inm-star-existing", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title:   "A PUT with If-None-Match: * replaces nothing",
	Sends:   "PUT with If-None-Match: * to something that exists.",
	Right:   "A refusal, and the content is as it was.",
	Means:   "Two people create a document of the same name, and the one who is second replaces that of the first. Locks and leases made this way do not exclude anybody.",
	Fix:     unguarded,
	Servers: unguardedServers,
	Rules:   []string{"precondition-ignored", "gateway-drops-precondition", "precondition-evaluated-after-write"},
	ask: withContent(func(t *trial, now *answer) verdict {
		return t.untouched(now, t.put(t.scratch.written, "If-None-Match", "*"))
	}),
}, {
	ID: "put-inm-star-missing", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "A PUT with If-None-Match: * creates what does not exist",
	Sends: "DELETE, then PUT with If-None-Match: *.",
	Right: "2xx, and the content is there.",
	Means: "A client that takes care not to replace anything cannot create anything.",
	Fix: []string{
		"Take * for any version: the condition is true if there is none.",
		"Do not count what a lock or an upload has reserved as existing.",
	},
	Rules: []string{"list-or-star-not-parsed", "answer-against-standard"},
	ask: withNothing(func(t *trial, now *answer) verdict {
		return t.performed(now, t.put(t.scratch.written, "If-None-Match", "*"))
	}),
}, {
	ID: "put-inm-tag", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "A PUT with the current tag in If-None-Match changes nothing",
	Sends: "PUT with If-None-Match: the tag that a GET gets.",
	Right: "A refusal, and the content is as it was.",
	Means: "A client that wants to write only if there is another version than it knows, such as one that repairs, writes nevertheless.",
	Fix:   unguarded,
	Servers: slices.Concat(unguardedServers, []ServerFix{
		{"AmazonS3", "PUT understands * in If-None-Match and no tag"},
	}),
	Rules: []string{"precondition-ignored"},
	ask: withContent(func(t *trial, now *answer) verdict {
		now = t.whenStrong(now)
		if now.tag().IsZero() {
			return unmet(noTagThere)
		}
		return t.untouched(now, t.put(t.scratch.written, "If-None-Match", now.tag().String()))
	}),
}, {
	ID: "put-inm-weak", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "A PUT with the weak form of the current tag in If-None-Match changes nothing",
	Sends: "PUT with If-None-Match: the tag that a GET gets, with W/ before it.",
	Right: "A refusal, and the content is as it was.",
	Means: "A proxy that compresses makes tags weak. Whoever has one of those, and wants to write only if there is another version, writes over the one that is known.",
	Fix:   []string{"Compare If-None-Match weakly for each method: W/ does not count (RFC 9110 §8.8.3.2)."},
	Servers: slices.Concat(unguardedServers, []ServerFix{
		{"Apache", "it compares If-None-Match weakly for GET only; send the tag without W/"},
		{"AmazonS3", "PUT understands * in If-None-Match and no tag"},
	}),
	Rules: []string{"inm-compared-strongly", "precondition-ignored"},
	ask: withContent(func(t *trial, now *answer) verdict {
		now = t.whenStrong(now)
		if now.tag().IsZero() {
			return unmet(noTagThere)
		}
		v := t.untouched(now, t.put(t.scratch.written, "If-None-Match", now.tag().Weak().String()))
		if v.rule == "precondition-ignored" && !t.put(t.scratch.older, "If-None-Match", "*").successful() {
			v = v.because("inm-compared-strongly")
		}
		return v
	}),
}, {
	ID: "put-inm-other", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "A PUT with another tag in If-None-Match is performed",
	Sends: "PUT with If-None-Match: a tag that no version has.",
	Right: "2xx, and the content is the new one.",
	Means: "Clients that put a made-up tag there to get past a cache cannot save.",
	Fix:   []string{"Compare with the tag, weakly: that there is another version makes the condition true."},
	Servers: []ServerFix{
		{"AmazonS3", "PUT understands * in If-None-Match and no tag"},
	},
	Rules: []string{"dummy-conditional-header", "answer-against-standard"},
	ask: withContent(func(t *trial, now *answer) verdict {
		return t.performed(now, t.put(t.scratch.written, "If-None-Match", noVersion))
	}),
}}

var ifUnmodifiedSinceChecks = []*Check{{
	ID: "put-ius-earlier", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "A PUT with If-Unmodified-Since before the last change changes nothing",
	Sends: "PUT with If-Unmodified-Since: an hour before Last-Modified.",
	Right: "A refusal, and the content is as it was.",
	Means: "Clients that know no tags guard their writes by the date. " + lostUpdate,
	Fix:   unguarded, Servers: unguardedServers,
	Rules: []string{"precondition-ignored", "server-parses-date-as-local"},
	ask: withDated(func(t *trial, now *answer, modified time.Time) verdict {
		v := t.untouched(now, t.put(t.scratch.written, "If-Unmodified-Since", httpDate(modified.Add(-time.Hour))))
		if v.rule == "precondition-ignored" &&
			!t.put(t.scratch.older, "If-Unmodified-Since", httpDate(modified.Add(-twoDays*time.Second))).successful() {
			v.says += "; two days earlier it refuses"
			return v.because("server-parses-date-as-local")
		}
		return v
	}),
}, {
	ID: "put-ius-equal", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "A PUT with Last-Modified in If-Unmodified-Since is performed",
	Sends: "PUT with If-Unmodified-Since: the Last-Modified that a GET gets.",
	Right: "2xx, and the content is the new one.",
	Means: "The server refuses the very date that it gave out: whoever guards by the date can never save.",
	Fix:   []string{"Cut the modification time to the second before it is compared: an HTTP-date has no fractions."},
	Rules: []string{"subsecond-mtime-vs-httpdate", "server-parses-date-as-local"},
	ask: withDated(func(t *trial, now *answer, modified time.Time) verdict {
		v := t.performed(now, t.put(t.scratch.written, "If-Unmodified-Since", httpDate(modified)))
		return t.putDatedCause(v, modified)
	}),
}, {
	ID: "put-ius-later", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.4",
	Title: "A PUT with If-Unmodified-Since after the last change is performed",
	Sends: "PUT with If-Unmodified-Since: an hour after Last-Modified.",
	Right: "2xx, and the content is the new one.",
	Means: "Whoever guards by the date of the last visit can never save.",
	Fix:   []string{"The condition is true if the last change is not later than the date: compare times in GMT, not as text."},
	Rules: []string{"server-parses-date-as-local", "answer-against-standard"},
	ask: withDated(func(t *trial, now *answer, modified time.Time) verdict {
		v := t.performed(now, t.put(t.scratch.written, "If-Unmodified-Since", httpDate(modified.Add(time.Hour))))
		if v.outcome == Failed && v.rule == "" && t.put(t.scratch.written, "If-Unmodified-Since", httpDate(modified)).successful() {
			// A zone would have moved Last-Modified as well.
			v.says += "; Last-Modified itself it takes, so it compares texts and not times"
			return v.butNot("server-parses-date-as-local")
		}
		return v
	}),
}}

// putDatedCause is datedCause for a PUT with the date of Last-Modified that was refused.
func (t *trial) putDatedCause(v verdict, modified time.Time) verdict {
	if v.outcome != Failed || v.rule != "" {
		return v
	}
	switch {
	case t.put(t.scratch.written, "If-Unmodified-Since", httpDate(modified.Add(time.Second))).successful():
		return v.because("subsecond-mtime-vs-httpdate")
	case t.put(t.scratch.written, "If-Unmodified-Since", httpDate(modified.Add(twoDays*time.Second))).successful():
		return v.because("server-parses-date-as-local")
	}
	v.says += "; so it is whatever the date"
	return v.butNot("subsecond-mtime-vs-httpdate", "server-parses-date-as-local")
}

func httpDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }

var deleteChecks = []*Check{{
	ID: "delete-if-match-stale", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A DELETE with the tag of an earlier version deletes nothing",
	Sends: "Two PUTs, and DELETE with If-Match: the tag after the first.",
	Right: "A refusal, and the content is that of the second PUT.",
	Means: "Somebody deletes what he has seen, and with it the change that another one saved meanwhile.",
	Fix:   unguarded, Servers: unguardedServers,
	Rules: []string{"precondition-ignored", "gateway-drops-precondition", "precondition-evaluated-after-write"},
	ask: withStale(func(t *trial, now *answer, stale string) verdict {
		a := t.delete("If-Match", stale)
		if t.takesNoDelete(a) {
			return inapplicable("%s", t.scratch.kept)
		}
		return t.untouched(now, a)
	}),
}, {
	ID: "delete-if-match-current", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A DELETE with the current tag is performed",
	Sends: "DELETE with If-Match: the tag that a GET gets.",
	Right: "2xx, and a GET gets 404 or 410 after it.",
	Means: "A client that takes care not to delete what others changed cannot delete anything.",
	Fix:   []string{"Compare If-Match with the tag that GET sends, for DELETE as for PUT."},
	Rules: []string{"front-and-backend-mint-different-etags", "answer-against-standard"},
	ask: withStrong(func(t *trial, now *answer) verdict {
		a := t.delete("If-Match", now.tag().String())
		if t.takesNoDelete(a) {
			return inapplicable("%s", t.scratch.kept)
		}
		return t.performed(now, a)
	}),
}}

// takesNoDelete reports whether the server answers that it does not delete at all.
func (t *trial) takesNoDelete(a *answer) bool {
	switch a.status {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusForbidden, http.StatusUnauthorized:
		t.scratch.kept = noDelete(a)
	}
	return t.scratch.kept != ""
}

func noDelete(a *answer) string {
	return fmt.Sprintf("the server does not delete: DELETE gets %d", a.status)
}

var patchChecks = []*Check{{
	ID: "patch-if-match-stale", Group: Saving, Level: Must, Loses: true, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PATCH with the tag of an earlier version changes nothing",
	Sends: "OPTIONS, two PUTs, and PATCH with If-Match: the tag after the first, in a format of Accept-Patch.",
	Right: "A refusal, and the content is that of the second PUT.",
	Means: "A patch made for one version is applied to another one, and what comes out was never meant by anybody.",
	Fix:   unguarded, Servers: unguardedServers,
	Rules: []string{"precondition-ignored", "gateway-drops-precondition"},
	ask: withJSON(func(t *trial, format string) verdict {
		was := t.read()
		now, v := t.place(`{"draft":1}`, "Content-Type", "application/json")
		if v != nil {
			return *v
		}
		return t.untouched(now, t.patch(format, "If-Match", staleTag(was, now)))
	}),
}, {
	ID: "patch-if-match-current", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "A PATCH with the current tag is performed",
	Sends: "OPTIONS, PUT, and PATCH with If-Match: the tag that a GET gets, in a format of Accept-Patch.",
	Right: "2xx, and the content is patched.",
	Means: "A client that takes care to patch only the version it knows cannot save.",
	Fix:   []string{"Compare If-Match with the tag that GET sends, for PATCH as for PUT."},
	Rules: []string{"front-and-backend-mint-different-etags", "answer-against-standard"},
	ask: withJSON(func(t *trial, format string) verdict {
		now := t.whenStrong(t.read())
		if tag := now.tag(); tag.IsZero() || tag.IsWeak() {
			return inapplicable("what was put there has no strong entity tag")
		}
		v := t.performed(now, t.patch(format, "If-Match", now.tag().String()))
		if v.outcome == Failed {
			if a := t.patch(format, t.scratch.guard()...); !a.successful() {
				return inapplicable("PATCH gets %s whatever the condition", a)
			}
		}
		return v
	}),
}}

// patches has a patch document for each format known, which gives an object a member of the value 2.
var patches = map[string]string{
	"application/merge-patch+json": `{"draft":2}`,
	"application/json-patch+json":  `[{"op":"add","path":"/draft","value":2}]`,
}

// patch sends a PATCH with fields.
func (t *trial) patch(format string, fields ...string) *answer {
	return t.do(t.scratch.writing(http.MethodPatch, patches[format], append([]string{"Content-Type", format}, fields...)...))
}

// withJSON asks once a JSON object is there, if the server offers PATCH in a format known for that.
func withJSON(ask func(t *trial, format string) verdict) func(*trial) verdict {
	return func(t *trial) verdict {
		if _, v := t.place(`{"draft":0, "older": true}`, "Content-Type", "application/json"); v != nil {
			return *v
		}
		offer := t.do(t.scratch.writing(http.MethodOptions, ""))
		for format := range strings.SplitSeq(offer.field("Accept-Patch"), ",") {
			if kind, _, err := mime.ParseMediaType(format); err == nil && patches[kind] != "" {
				return ask(t, kind)
			}
		}
		switch {
		case offer.has("Accept-Patch"):
			return inapplicable("PATCH is offered in other formats than JSON patches: Accept-Patch: %s", offer.field("Accept-Patch"))
		case strings.Contains(offer.field("Allow"), http.MethodPatch):
			return inapplicable("PATCH is offered, but not in which formats: OPTIONS gets no Accept-Patch")
		}
		return inapplicable("PATCH is not offered: OPTIONS gets no Accept-Patch")
	}
}
