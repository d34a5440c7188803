package probe

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
)

// davChecks are those of WebDAV: they need a collection of their own.
func davChecks() []*Check {
	checks := slices.Concat(davLockChecks, davIfChecks, davPropertyChecks, davMoveChecks)
	for _, c := range checks {
		ask := c.ask
		c.ask = func(t *trial) verdict {
			switch s := t.scratch; {
			case s.denied != "":
				return inapplicable("%s", s.denied)
			case s.collection == nil:
				return inapplicable("%s", needsCollection)
			}
			return ask(t)
		}
	}
	return checks
}

const needsCollection = "locks, properties and moves are asked for in a collection: " +
	"name one that does not exist yet, with a slash at its end, with --write-to"

// lockInfo asks for an exclusive lock (RFC 4918 §14.11).
const lockInfo = `<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>` +
	`<D:locktype><D:write/></D:locktype><D:owner>fourtwelve check</D:owner></D:lockinfo>`

// xmlType is the media type of what WebDAV asks with.
const xmlType = `application/xml; charset="utf-8"`

// lock locks the scratch resource for a minute.
func (t *trial) lock() *answer {
	a := t.do(t.scratch.writing("LOCK", lockInfo, "Content-Type", xmlType, "Depth", "0", "Timeout", "Second-60"))
	if a.successful() {
		t.scratch.collection.lock = strings.Trim(a.field("Lock-Token"), "<> ")
	}
	return a
}

// unlock ends the lock. What comes next must be able to write.
func (t *trial) unlock() *answer {
	c := t.scratch.collection
	if c.lock == "" {
		return &answer{}
	}
	a := t.do(t.scratch.unlocking())
	if a.successful() {
		c.lock = ""
	}
	return a
}

// withLock asks while content is there that is locked; token is the field If that submits the
// lock's token.
func withLock(ask func(t *trial, now *answer, token string) verdict) func(*trial) verdict {
	return withContent(func(t *trial, now *answer) verdict {
		switch a := t.lock(); {
		case t.err != nil:
			return verdict{}
		case !a.successful():
			return inapplicable("the server gives no lock: LOCK gets %s", a)
		case t.scratch.collection.lock == "":
			return inapplicable("LOCK gets %s without a Lock-Token", a)
		}
		v := ask(t, now, "(<"+t.scratch.collection.lock+">)")
		t.unlock()
		return v
	})
}

// unlockedWrites is what it means that a lock does not keep others from writing.
const unlockedWrites = "One person has a document open and locked, another one saves it, and neither is told: what the lock is there " +
	"to prevent."

var davLockChecks = []*Check{{
	ID: "dav-lock-holds", Group: Saving, Level: Must, Loses: true, Since: "0.2", Section: "RFC 4918 §7.5",
	Title: "A PUT without the token of a lock changes nothing",
	Sends: "LOCK, then PUT without its token.",
	Right: "423 Locked, and the content is what it was.",
	Means: unlockedWrites,
	Fix:   []string{"Look for locks in the very step that stores the content, whatever program or module takes the PUT."},
	ask: withLock(func(t *trial, now *answer, _ string) verdict {
		return t.untouched(now, t.put(t.scratch.written, t.scratch.guard()...)).rather("")
	}),
}, {
	ID: "dav-lock-token-writes", Group: Saving, Level: Must, Since: "0.2", Section: "RFC 4918 §7.5",
	Title: "A PUT with the token of a lock is performed",
	Sends: "LOCK, then PUT with If: (<its token>).",
	Right: "2xx, and the content is the new one.",
	Means: "Whoever opens a document with Office or LibreOffice cannot save it.",
	Fix:   []string{"Know the token that was given out, in every process: keep locks where all of them see them."},
	Rules: []string{"webdav-locked", "lock-store-not-shared", "webdav-if-header-unmet"},
	ask: withLock(func(t *trial, now *answer, token string) verdict {
		return t.performed(now, t.put(t.scratch.written, "If", token))
	}),
}, {
	ID: "dav-lock-if-match", Group: Saving, Level: Must, Loses: true, Since: "0.2", Section: "RFC 9110 §13.1.1",
	Title: "A PUT with the token of a lock and the tag of another version changes nothing",
	Sends: "LOCK, then PUT with If: (<its token>) and If-Match: a tag that no version has.",
	Right: "A refusal, and the content is what it was.",
	Means: "davfs2 and others send both: the lock keeps others away from now on, and the tag says that nobody was there before. Without " +
		"the second, what was saved between reading and locking is lost.",
	Fix:   append([]string{"Evaluate If-Match after If, and let the request through only if both hold."}, unguarded...),
	Rules: []string{"precondition-ignored"},
	ask: withLock(func(t *trial, now *answer, token string) verdict {
		return t.untouched(now, t.put(t.scratch.written, "If", token, "If-Match", noVersion))
	}),
}, {
	ID: "dav-lock-keeps-tag", Group: Saving, Level: Should, Since: "0.2", Section: "RFC 4918 §8.6",
	Title: "LOCK and UNLOCK leave the entity tag as it is",
	Sends: "GET, LOCK, GET, UNLOCK, GET.",
	Right: "The same ETag three times.",
	Means: "An editor reads a document, locks it, and finds another version: Word then says that somebody else has changed it.",
	Fix:   []string{"Make the tag of the content alone, and leave the modification time as it is when a lock is stored."},
	Rules: []string{"metadata-write-bumps-etag"},
	ask: withTagged(func(t *trial, now *answer) verdict {
		locked := t.lock()
		if !locked.successful() {
			return inapplicable("the server gives no lock: LOCK gets %s", locked)
		}
		between := t.read()
		t.unlock()
		return t.sameTag(now, between, "LOCK").or(t.sameTag(now, t.read(), "UNLOCK"))
	}),
}, {
	ID: "dav-lock-creates", Group: Saving, Level: Must, Since: "0.2", Section: "RFC 4918 §9.10.4",
	Title: "LOCK of a name at which nothing is makes an empty resource",
	Sends: "DELETE, LOCK, GET.",
	Right: "201 Created, and then 200 without content, or 204.",
	Means: "A new document is saved with LOCK first. Where that is refused or makes nothing, the name is not reserved, and two people who " +
		"save under one name overwrite each other.",
	Fix:   []string{"Make an empty resource, and lock it, in one step. Lock-null resources of RFC 2518 are gone from the standard."},
	Rules: []string{"answer-against-standard"},
	ask: withNothing(func(t *trial, _ *answer) verdict {
		a := t.lock()
		now := t.read()
		t.unlock()
		switch {
		case a.status == http.StatusMethodNotAllowed || a.status == http.StatusNotImplemented:
			return inapplicable("the server gives no lock: LOCK gets %s", a)
		case a.status != http.StatusCreated:
			return wrong("LOCK gets %s, want 201", a)
		case !now.successful() || len(now.content) > 0:
			return wrong("LOCK gets 201, but then GET gets %s", now)
		}
		return right("%s, then %s", a, now)
	}),
}}

// rather names the rule for a write that was performed in spite of If or of a lock, which are no
// preconditions of RFC 9110.
func (v verdict) rather(rule string) verdict {
	if v.rule == "precondition-ignored" {
		v.rule = rule
	}
	return v
}

// or is v, unless it passed: then it is w.
func (v verdict) or(w verdict) verdict {
	if v.outcome != Passed {
		return v
	}
	return w
}

// sameTag judges the tag after something that does not change the content.
func (t *trial) sameTag(was, after *answer, what string) verdict {
	if after.field("ETag") != was.field("ETag") {
		return wrong("the entity tag was %s, and after %s it is "+
			"%s", was.field("ETag"), what, after.field("ETag")).because("metadata-write-bumps-etag")
	}
	return right("it stays %s", was.field("ETag"))
}

// withTagged asks once content is there that has a tag, and a strong one if a moment brings it.
func withTagged(ask func(t *trial, now *answer) verdict) func(*trial) verdict {
	return withContent(func(t *trial, now *answer) verdict {
		now = t.whenStrong(now)
		if now.tag().IsZero() {
			return unmet(noTagThere)
		}
		return ask(t, now)
	})
}

var davIfChecks = []*Check{{
	ID: "dav-if-tag-stale", Group: Saving, Level: Must, Loses: true, Since: "0.2", Section: "RFC 4918 §10.4.3",
	Title: "A PUT whose If names the tag of an earlier version changes nothing",
	Sends: "Two PUTs, and a third one with If: ([the tag after the first]).",
	Right: "412, and the content is that of the second PUT.",
	Means: lostUpdate,
	Fix:   []string{"Evaluate the whole field If: entity tags and Not as well as lock tokens, also where nothing is locked."},
	Rules: []string{"webdav-if-ignored", "precondition-evaluated-after-write"},
	ask: withStale(func(t *trial, now *answer, stale string) verdict {
		return t.untouched(now, t.put(t.scratch.written, "If", "(["+stale+"])")).rather("webdav-if-ignored")
	}),
}, {
	ID: "dav-if-tag-current", Group: Saving, Level: Must, Since: "0.2", Section: "RFC 4918 §10.4.3",
	Title: "A PUT whose If names the current tag is performed",
	Sends: "PUT with If: ([the tag that a GET gets]).",
	Right: "2xx, and the content is the new one.",
	Means: "A client that takes care not to overwrite others is refused each time.",
	Fix:   []string{"Compare the tag in brackets with the one that GET sends. No lock is needed for that."},
	Rules: []string{"webdav-if-header-unmet"},
	ask: withStrong(func(t *trial, now *answer) verdict {
		return t.performed(now, t.put(t.scratch.written, "If", "(["+now.tag().String()+"])"))
	}),
}, {
	ID: "dav-if-no-lock", Group: Saving, Level: Must, Loses: true, Since: "0.2", Section: "RFC 4918 §10.4.8",
	Title: "A PUT whose If names no lock that there is changes nothing",
	Sends: "PUT with If: (<DAV:no-lock>), which is the token of no lock.",
	Right: "412, and the content is what it was.",
	Means: "The lock of a client has ended, because its computer slept. It saves with the token it had, and overwrites what others have " +
		"saved since.",
	Fix:   []string{"Evaluate If also where nothing is locked: a token that is unknown makes its list false."},
	Rules: []string{"webdav-if-ignored"},
	ask: withContent(func(t *trial, now *answer) verdict {
		return t.untouched(now, t.put(t.scratch.written, "If", "(<DAV:no-lock>)")).rather("webdav-if-ignored")
	}),
}, {
	ID: "dav-if-not", Group: Saving, Level: Must, Since: "0.2", Section: "RFC 4918 §10.4.3",
	Title: "Not reverses a condition in If, and one list that holds is enough",
	Sends: "PUT with If: (<DAV:no-lock>) (Not <DAV:no-lock>).",
	Right: "2xx, and the content is the new one.",
	Means: "A client that submits a token, and does not want to be refused because the lock has ended, is refused.",
	Fix:   []string{"Evaluate Not for the one condition that follows it, and lists as alternatives."},
	Rules: []string{"webdav-if-refused-though-true"},
	ask: withContent(func(t *trial, now *answer) verdict {
		fields := append([]string{"If", "(<DAV:no-lock>) (Not <DAV:no-lock>)"}, t.scratch.guard()...)
		return t.performed(now, t.put(t.scratch.written, fields...)).blamed("webdav-if-refused-though-true")
	}),
}}

var davPropertyChecks = []*Check{{
	ID: "dav-getetag", Group: Saving, Level: Must, Since: "0.2", Section: "RFC 4918 §15.6",
	Title: "The property getetag is the ETag of GET",
	Sends: "GET, and PROPFIND of getetag.",
	Right: "The same tag, quotes and W/ included; or none in both.",
	Means: "A client that looks for changes with PROPFIND, and writes with If-Match, is always refused; one that syncs downloads " +
		"everything again and again.",
	Fix:   []string{"Make both with the same function. Layers that change ETag, for compression or otherwise, have to leave WebDAV alone."},
	Rules: []string{"front-and-backend-mint-different-etags", "compression-suffix-not-stripped", "proxy-weakens-etag"},
	ask:   withTagged(askGetetag),
}, {
	ID: "dav-proppatch-keeps-tag", Group: Saving, Level: Should, Since: "0.2", Section: "RFC 4918 §15.7",
	Title: "PROPPATCH leaves entity tag and Last-Modified as they are",
	Sends: "GET, PROPPATCH of a property that is nobody's, GET.",
	Right: "The same ETag and Last-Modified.",
	Means: "Windows sets properties after each save. If that changes the tag, the next save of the program that wrote is refused, or the " +
		"document looks as if somebody else had changed it.",
	Fix:   []string{"Make the tag of the content alone, and keep properties beside the file, so that its modification time stays."},
	Rules: []string{"metadata-write-bumps-etag"},
	ask: withTagged(func(t *trial, now *answer) verdict {
		now = t.whenDated(now)
		a := t.do(t.scratch.writing("PROPPATCH", propertyUpdate, "Content-Type", xmlType))
		if a.status != http.StatusMultiStatus {
			return inapplicable("the server sets no property: PROPPATCH gets %s", a)
		}
		after := t.read()
		if was, is := now.field("Last-Modified"), after.field("Last-Modified"); was != is && was != "" {
			return wrong("Last-Modified was %s, and after PROPPATCH it is %s", was, is).because("metadata-write-bumps-etag")
		}
		return t.sameTag(now, after, "PROPPATCH")
	}),
}}

// propertyUpdate sets a property that nobody else uses.
const propertyUpdate = `<?xml version="1.0" encoding="utf-8"?><D:propertyupdate xmlns:D="DAV:"><D:set><D:prop>` +
	`<F:checked xmlns:F="urn:fourtwelve:check">yes</F:checked></D:prop></D:set></D:propertyupdate>`

// askForTag asks for getetag.
const askForTag = `<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`

// tagInProperties is what is read of the answer to a PROPFIND.
type tagInProperties struct {
	Tags []string `xml:"DAV: response>propstat>prop>getetag"`
}

func askGetetag(t *trial, now *answer) verdict {
	a := t.do(t.scratch.writing("PROPFIND", askForTag, "Content-Type", xmlType, "Depth", "0"))
	var found tagInProperties
	switch err := xml.Unmarshal(a.content, &found); {
	case a.status != http.StatusMultiStatus:
		return inapplicable("the server has no properties: PROPFIND gets %s", a)
	case err != nil:
		return wrong("the answer to PROPFIND is not XML: %v", err)
	case len(found.Tags) == 0 || strings.TrimSpace(found.Tags[0]) == "":
		return wrong("GET has ETag: %s, and there is no getetag", now.field("ETag"))
	}
	if got := strings.TrimSpace(found.Tags[0]); got != now.field("ETag") {
		return wrong("GET has ETag: %s, and getetag is %s", now.field("ETag"), got)
	}
	return right("both are %s", now.field("ETag"))
}

// withBeside asks once there is content at the scratch resource and other content beside it, to be
// moved there.
func withBeside(ask func(t *trial, now *answer) verdict) func(*trial) verdict {
	return withContent(func(t *trial, now *answer) verdict {
		r := t.scratch.writing(http.MethodPut, t.scratch.written)
		if r.url = t.scratch.beside(); t.scratch.demanding {
			t.do(request{method: http.MethodDelete, url: r.url, fields: t.scratch.guard()})
			r.fields = append(r.fields, "If-None-Match", "*")
		}
		if a := t.do(r); !a.successful() {
			return *unasked("content had to be put beside it first, and that got %s", a)
		}
		return ask(t, now)
	})
}

// move sends a MOVE of what is beside the scratch resource onto it.
func (t *trial) move(fields ...string) *answer {
	s := t.scratch
	return t.do(request{method: "MOVE", url: s.beside(), fields: append([]string{"Destination", s.url.String()}, fields...)})
}

// movedUnguarded is what helps where a MOVE replaces what it must not.
var movedUnguarded = []string{
	"Hold a MOVE to its conditions in the very step that replaces the destination.",
	"Client: where that does not help, lock the destination, and submit the token.",
}

var davMoveChecks = []*Check{{
	ID: "dav-move-over", Group: Saving, Level: Must, Since: "0.2", Section: "RFC 4918 §9.9.3",
	Title: "A MOVE onto something that exists replaces it",
	Sends: "MOVE with Overwrite: T.",
	Right: "204 No Content, and the content is that of what was moved.",
	Means: "KeePass and many editors save into another file and move it into place. Where that is refused they cannot save, or delete the " +
		"document first and are without any if the connection breaks.",
	Fix:   []string{"Replace the destination in one step, as rename does."},
	Rules: []string{"conflict-reported-as-409"},
	ask: withBeside(func(t *trial, there *answer) verdict {
		fields := append([]string{"Overwrite", "T"}, t.scratch.guard()...)
		if tag := there.field("ETag"); t.scratch.demanding && tag != "" { // If-Match is about what is moved
			fields = append(fields, "If", "<"+t.scratch.url.String()+"> (["+tag+"])")
		}
		a := t.move(fields...)
		now := t.read()
		switch moved := string(now.content) == t.scratch.written; {
		case !a.successful():
			return wrong("the server refuses with %s", a)
		case !moved:
			return wrong("the server answers %s, but what is there is not what was moved", a)
		}
		return right("%s", a)
	}),
}, {
	ID: "dav-move-overwrite-f", Group: Saving, Level: Must, Loses: true, Since: "0.2", Section: "RFC 4918 §10.6",
	Title: "A MOVE with Overwrite: F replaces nothing",
	Sends: "MOVE onto something that exists, with Overwrite: F.",
	Right: "412, and the content is what it was.",
	Means: "Two people give their files one name, and the first file is gone. Desktops rely on this field, as they have asked the person " +
		"before.",
	Fix:   movedUnguarded,
	Rules: []string{"precondition-ignored"},
	ask: withBeside(func(t *trial, now *answer) verdict {
		return t.untouched(now, t.move("Overwrite", "F"))
	}),
}, {
	ID: "dav-move-if-match", Group: Saving, Level: Must, Loses: true, Since: "0.2", Section: "RFC 9110 §13.1.1",
	Title: "A MOVE with If-Match of another version changes nothing",
	Sends: "MOVE onto something that exists, with Overwrite: T and If-Match: a tag that its source does not have.",
	Right: "A refusal, and the destination is what it was.",
	Means: "A client moves the version it has seen into place, and what goes there is what somebody else has made of it meanwhile.",
	Fix:   movedUnguarded,
	Rules: []string{"precondition-ignored"},
	ask: withBeside(func(t *trial, now *answer) verdict {
		return t.untouched(now, t.move("Overwrite", "T", "If-Match", noVersion))
	}),
}, {
	ID: "dav-move-if-destination", Group: Saving, Level: Must, Loses: true, Since: "0.2", Section: "RFC 4918 §10.4.3",
	Title: "A MOVE whose If names another version of the destination changes nothing",
	Sends: "MOVE onto something that exists, with Overwrite: T and If: <the destination> ([a tag that it does not have]).",
	Right: "412, and the destination is what it was.",
	Means: "It is the only way to replace a document by MOVE without losing what somebody else has saved there. Where it does not hold " +
		"there is none.",
	Fix:   movedUnguarded,
	Rules: []string{"webdav-if-ignored", "precondition-evaluated-after-write"},
	ask: withBeside(func(t *trial, now *answer) verdict {
		return t.untouched(now, t.move("Overwrite", "T", "If", "<"+t.scratch.url.String()+"> (["+noVersion+"])")).rather("webdav-if-ignored")
	}),
}}
