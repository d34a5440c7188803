package diagnose

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

// davConflictRules are about locks of WebDAV that are in the way, as they should be (RFC 4918).
var davConflictRules = []Rule{
	{
		ID:      "webdav-locked",
		Level:   Info,
		Group:   Conflict,
		Summary: "The resource is locked, and the write does not submit a token of the lock",
		Explanation: "A lock of WebDAV lets only those write who send its token, in the field If (RFC 4918 §7.5). 423 says that the resource " +
			"has one, or a collection above " +
			"it has one of infinite depth, or that what is locked lies in the collection that the request would change. The element " +
			"lock-token-submitted in the content names which resource that is.\n\n" +
			"A lock of a program that crashed stays until its time is over.",
		Example: "PUT /plan.docx HTTP/1.1\n\nHTTP/1.1 423 Locked",
		Fix: []string{
			"Ask PROPFIND for lockdiscovery: it says who has the lock and until when. Wait, or ask that person to close the document.",
			"Client: if the lock is your own, submit it: If: (<token>).",
			"If the program that made it is gone: UNLOCK with the token from lockdiscovery.",
		},
		Section: "RFC 4918 §11.3",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.2",
		check:   davLocked,
	},
	{
		ID:      "webdav-lock-conflict",
		Level:   Info,
		Group:   Conflict,
		Summary: "The resource cannot be locked, because another lock is in the way",
		Explanation: "An exclusive lock goes together with no other lock, and a shared one with shared ones alone (RFC 4918 §9.10.5). The " +
			"other lock can be on a collection above, if its depth is " +
			"infinity; and a lock of infinite depth conflicts with those on members. A LOCK without Depth has infinite depth. The element " +
			"no-conflicting-lock names what is locked.",
		Example: "LOCK /plan.docx HTTP/1.1\n\nHTTP/1.1 423 Locked",
		Fix: []string{
			"Ask PROPFIND for lockdiscovery: it says who has the lock and until when.",
			"Client: a lock that is your own is refreshed with If and without content; to lock it again is a conflict (RFC 4918 §7.7).",
			"Client: lock the resource with Depth: 0 instead of a whole collection.",
		},
		Section: "RFC 4918 §9.10.5",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.2",
		check:   davLockConflict,
	},
	{
		ID:      "webdav-failed-dependency",
		Level:   Info,
		Group:   Conflict,
		Summary: "Part of a request was not done because another part failed",
		Explanation: "424 stands in a 207 for what could have been done, but was not, since something that it belongs together with could " +
			"not: a collection of which a member is locked, or the properties " +
			"of one PROPPATCH, of which all are set or none (RFC 4918 §9.2, §11.4). The cause is the part with another status.",
		Example: "HTTP/1.1 207 Multi-Status\n\n<response><href>/a/b</href><status>HTTP/1.1 423 " +
			"Locked</status></response>\n<response><href>/a/</href><status>HTTP/1.1 424 Failed Dependency</status></response>",
		Fix: []string{
			"Repair the part with the other status; what has 424 needs nothing.",
		},
		Section: "RFC 4918 §11.4",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.2",
		check:   davFailedDependency,
	},
}

// davClientRules are about clients that lose the track of their locks, or cannot write the field If.
var davClientRules = []Rule{
	{
		ID:      "webdav-token-not-submitted",
		Level:   Warning,
		Group:   Client,
		Summary: "The client has a lock on the resource, and does not send its token where it counts",
		Explanation: "A token is submitted by standing in the field If (RFC 4918 §6.1). Lock-Token is for UNLOCK; other methods do not read " +
			"it. Programs that lock in one place and write in another " +
			"forget the token, and some send it in Lock-Token.",
		Example: "PUT /plan.docx HTTP/1.1\nLock-Token: <opaquelocktoken:1f2c>\n\nHTTP/1.1 423 Locked",
		Fix: []string{
			"Client: send If: (<token>) with every request that changes what it has locked.",
		},
		Section: "RFC 4918 §7.5",
		Needs:   []Evidence{FromExchange, FromHistory},
		Since:   "0.2",
		check:   davNotSubmitted,
	},
	{
		ID:      "webdav-lock-ended",
		Level:   Info,
		Group:   Client,
		Summary: "The lock whose token is in If had ended before",
		Explanation: "A lock ends with UNLOCK, with its time unless it is refreshed, and with the resource: DELETE and MOVE remove the locks " +
			"of what they take away, also where something " +
			"else gets the name afterwards (RFC 4918 §6.1, §7.6). A token of a lock that has ended matches nothing, so that the write is " +
			"refused, and rightly: somebody else may have written since.",
		Example: "UNLOCK /plan.docx   204\nPUT /plan.docx If: (<opaquelocktoken:1f2c>)   412",
		Fix: []string{
			"Client: refresh the lock before its time is over (LOCK without content, If with the token).",
			"Client: lock again, compare the entity tag with the one read, and write with the new token if it is the same.",
		},
		Section: "RFC 4918 §6.6",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.2",
		check:   davLockEnded,
	},
	{
		ID:      "webdav-if-malformed",
		Level:   Warning,
		Group:   Client,
		Summary: "The field If is not in the form that WebDAV gives it",
		Explanation: "The field has lists in parentheses, each of lock tokens in angle brackets and entity tags in square brackets, perhaps " +
			"with Not before them; a resource in angle brackets may stand before " +
			"lists, but then before all (RFC 4918 §10.4.2). A server should refuse what it cannot read. One that does not may take the token " +
			"for submitted, or pass over the condition.",
		Example: "PUT /plan.docx HTTP/1.1\nIf: <opaquelocktoken:1f2c>\n\nHTTP/1.1 400 Bad Request",
		Fix: []string{
			"Client: If: (<opaquelocktoken:1f2c>), or with an entity tag If: (<opaquelocktoken:1f2c> [\"tag\"]).",
		},
		Section: "RFC 4918 §10.4.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.2",
		check:   davIfMalformed,
	},
}

// davServerRules are about servers that do not evaluate the field If.
var davServerRules = []Rule{
	{
		ID:      "webdav-if-ignored",
		Level:   Error,
		Group:   Server,
		Summary: "The server performed a request whose If does not hold",
		Explanation: "\"If the header evaluates to false, the server MUST reject the request with a 412\" (RFC 4918 §10.4.3). Some servers " +
			"look for lock tokens in the field and for nothing " +
			"else: entity tags, Not, or resources other than the target. Who relies on them loses updates.",
		Example: "PUT /plan.docx HTTP/1.1\nIf: (<DAV:no-lock>)\n\nHTTP/1.1 204 No Content",
		Fix: []string{
			"Server: evaluate the whole field, or say in its documentation that it does not.",
			"Client: send the entity tag in If-Match as well, which more servers evaluate.",
		},
		Section: "RFC 4918 §10.4.3",
		Needs:   []Evidence{FromExchange},
		Since:   "0.2",
		check:   davIfIgnored,
	},
	{
		ID:      "webdav-if-refused-though-true",
		Level:   Error,
		Group:   Server,
		Summary: "The server refuses a request whose If holds",
		Explanation: "One list that holds is enough (RFC 4918 §10.4.3), and \"(Not <DAV:no-lock>)\" always holds (§10.4.8). Servers have " +
			"refused fields in which Not stands before a token that has an entity tag beside it, in which " +
			"the first list does not hold, or in which a tag has a bracket.",
		Example: "PUT /plan.docx HTTP/1.1\nIf: (<opaquelocktoken:1f2c>) (Not <DAV:no-lock>)\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Server: evaluate Not for the one condition that follows it, and lists as alternatives.",
			"Client: send only the token of the lock that there is.",
		},
		Section: "RFC 4918 §10.4.3",
		Needs:   []Evidence{FromExchange},
		Since:   "0.2",
		check:   davIfRefused,
	},
}

func davLocked(e *examination) []Finding {
	if e.status() != 423 || !e.writes() || e.method() == "LOCK" {
		return nil
	}
	says, where := "the resource is locked", e.lockedRoot()
	if where.Name != "" {
		says = where.Value + " is locked"
	}
	if tokens := e.submittedTokens(); len(tokens) > 0 {
		says += fmt.Sprintf(", and the token sent, <%s>, is not that of its lock, or is another user's", clip(tokens[0]))
	} else {
		says += ", and the request submits no token"
	}
	return one(Certain, says, e.asked(), e.answered(), where, e.sent("If"))
}

func davLockConflict(e *examination) []Finding {
	if e.status() != 423 || e.method() != "LOCK" {
		return nil
	}
	says, where := "another lock is in the way", e.lockedRoot()
	if where.Name != "" {
		says = "the lock on " + where.Value + " is in the way"
	}
	if !e.blind() && e.req("Depth") == "" {
		says += "; there is no Depth, which means infinity"
	}
	return one(Certain, says, e.asked(), e.sent("Depth"), e.answered(), where)
}

func davNotSubmitted(e *examination) []Finding {
	if e.status() != 423 || !e.writes() || e.blind() || e.method() == "LOCK" || e.method() == "UNLOCK" {
		return nil
	}
	if token := e.sent("Lock-Token"); token.Name != "" && len(e.submittedTokens()) == 0 {
		return one(Likely, "the token stands in Lock-Token, which is for UNLOCK, and not in If", e.asked(), token, e.answered())
	}
	lock := e.last(func(p *examination) bool { return p.method() == "LOCK" || p.method() == "UNLOCK" })
	if lock == nil || lock.method() != "LOCK" || !lock.succeeded() || !e.sameClient(lock) {
		return nil
	}
	token := strings.Trim(lock.resp("Lock-Token"), "<> ")
	if token == "" || slices.Contains(e.submittedTokens(), token) {
		return nil
	}
	return one(Likely, "the client was given the lock token before, and does not send it in "+
		"If", e.asked(), e.sent("If"), e.answered(), lock.got("Lock-Token"), e.gap(lock))
}

// submittedTokens are the lock tokens in If.
func (e *examination) submittedTokens() []string {
	h, err := e.davIf()
	if err != nil {
		return nil
	}
	return h.Tokens()
}

func davLockEnded(e *examination) []Finding {
	if e.status() != 412 || !e.alonePrecondition("If") {
		return nil
	}
	for _, token := range e.submittedTokens() {
		if says, p := e.endOf(token); p != nil {
			return one(Likely, says, e.asked(), e.sent("If"), e.answered(), p.asked(), p.answered(), e.gap(p))
		}
	}
	return nil
}

// endOf says how the lock with the token ended, as far as earlier exchanges with the resource tell, and which of them does.
func (e *examination) endOf(token string) (says string, by *examination) {
	given := e.last(func(p *examination) bool {
		given := strings.Contains(p.resp("Lock-Token"), token) || slices.Contains(p.submittedTokens(), token)
		return given && p.method() == "LOCK" && p.succeeded()
	})
	if given == nil {
		return "", nil
	}
	for _, p := range e.earlier {
		if p.index <= given.index || !p.succeeded() {
			continue
		}
		switch {
		case p.method() == "UNLOCK" && strings.Contains(p.req("Lock-Token"), token):
			return "UNLOCK had ended the lock", p
		case p.method() == "DELETE", p.method() == "MOVE":
			return p.method() + " had taken the resource away, and its locks with it", p
		}
	}
	lasts, told := given.lockTime()
	if since, ok := e.since(given); ok && told && since > lasts {
		return fmt.Sprintf("the lock lasted %v, and was given or refreshed %v before", lasts, since), given
	}
	return "", nil
}

var secondsOfLock = lazyregexp.New(`(?i)<[^<>]*\btimeout[^<>]*>\s*Second-(\d{1,9})\s*<`)

// lockTime is how long the lock lasts that the response tells of.
func (e *examination) lockTime() (time.Duration, bool) {
	m := secondsOfLock.FindStringSubmatch(e.body())
	if m == nil {
		return 0, false
	}
	n, err := strconv.Atoi(m[1])
	return time.Duration(n) * time.Second, err == nil
}

func davIfMalformed(e *examination) []Finding {
	if e.blind() || e.cut() {
		return nil
	}
	_, err := e.davIf()
	fault, ok := errors.AsType[*ifheader.SyntaxError](err)
	if !ok {
		return nil
	}
	says := fmt.Sprintf("at byte %d of If: %s", fault.Offset, fault.Fault)
	if e.succeeded() {
		says += "; the server performed the request all the same"
	}
	return one(Certain, says, e.asked(), e.sent("If"), e.answered())
}

func davIfIgnored(e *examination) []Finding {
	if !e.succeeded() || e.method() == "OPTIONS" {
		return nil
	}
	d, sure := e.ifDecision()
	if !sure || d.Holds {
		return nil
	}
	return one(Certain, "no list in If holds, whatever the state of the resource that the capture does not tell: "+
		""+d.Text(), e.asked(), e.sent("If"), e.answered(), e.current())
}

func davIfRefused(e *examination) []Finding {
	if e.status() != 412 || !e.alonePrecondition("If") {
		return nil
	}
	d, sure := e.ifDecision()
	if !sure || !d.Holds {
		return nil
	}
	return one(Certain, "If holds, whatever the state of the resource that the capture does not tell: "+
		""+d.Text(), e.asked(), e.sent("If"), e.answered(), e.current())
}

// multistatus is what is read of a 207 (RFC 4918 §14.16).
type multistatus struct {
	Responses []struct {
		Href   string `xml:"DAV: href"`
		Status string `xml:"DAV: status"`
		Parts  []struct {
			Status string `xml:"DAV: status"`
		} `xml:"DAV: propstat"`
	} `xml:"DAV: response"`
}

// davPart is one status in a 207.
type davPart struct {
	href string
	code int
}

func (e *examination) davParts() (parts []davPart) {
	var m multistatus
	if e.status() != 207 || e.unmarshal(&m) != nil {
		return nil
	}
	for _, r := range m.Responses {
		lines := []string{r.Status}
		for _, p := range r.Parts {
			lines = append(lines, p.Status)
		}
		for _, line := range lines {
			if words := strings.Fields(line); len(words) > 1 {
				code, _ := strconv.Atoi(words[1])
				parts = append(parts, davPart{strings.TrimSpace(r.Href), code})
			}
		}
	}
	return parts
}

// unmarshal reads the content of the response as XML, as far as it is searched.
func (e *examination) unmarshal(to any) error {
	data := e.x.Response.Content.Data
	return xml.NewDecoder(bytes.NewReader(data[:min(len(data), maxSearched)])).Decode(to)
}

func davFailedDependency(e *examination) []Finding {
	if e.status() == 424 {
		return one(Certain, "the request was not done, since another one that it depends on failed", e.asked(), e.answered())
	}
	parts := e.davParts()
	i := slices.IndexFunc(parts, func(p davPart) bool { return p.code == 424 })
	if i < 0 {
		return nil
	}
	says := clip(parts[i].href) + " was left as it is, since another part failed"
	cause := slices.IndexFunc(parts, func(p davPart) bool { return p.code >= 400 && p.code != 424 })
	if cause < 0 {
		return one(Certain, says+"; the answer does not say which", e.asked(), e.answered())
	}
	p := parts[cause]
	return one(Certain, says+fmt.Sprintf(": %s, with %d", clip(p.href), p.code), e.asked(), e.answered(), e.fact("status of "+
		""+clip(p.href), strconv.Itoa(p.code)))
}

// davError is what is read of an error element (RFC 4918 §14.5, §16).
type davError struct {
	Submitted struct {
		Hrefs []string `xml:"DAV: href"`
	} `xml:"DAV: lock-token-submitted"`
	Conflicting struct {
		Hrefs []string `xml:"DAV: href"`
	} `xml:"DAV: no-conflicting-lock"`
}

// lockedRoot is the fact of what is locked, as the content of a 423 names it; it has no name if that does not.
func (e *examination) lockedRoot() Fact {
	var d davError
	if e.unmarshal(&d) != nil {
		return Fact{}
	}
	for _, hrefs := range [][]string{d.Submitted.Hrefs, d.Conflicting.Hrefs} {
		if len(hrefs) > 0 {
			return Fact{Name: "locked", Value: clip(strings.TrimSpace(hrefs[0])), Source: e.place("response")}
		}
	}
	return Fact{}
}
