package diagnose

import (
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// otherRules are the causes of a 412 that is not about preconditions, and of what looks like one.
var otherRules = []Rule{
	{
		ID:      "waf-block-as-412",
		Level:   Error,
		Group:   Other,
		Summary: "A web application firewall blocked the request, and answers 412",
		Explanation: "Some hosts set up ModSecurity or another filter to refuse with 412. The request has no precondition at all. Apache fills in its stock text for the " +
			"status, which speaks of a precondition that was evaluated to false; that text says nothing about the cause.\n\n" +
			"Such a 412 goes with words in the URL or in a form, with POST, with xmlrpc.php and the like, and not with who changed what.",
		Example: "POST /wp-admin/post.php HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed\n\nThe precondition on the request for the URL /wp-admin/post.php evaluated to false.",
		Fix: []string{
			"Look for the request in the error log of the server: ModSecurity writes the id of the rule, as in [id \"340147\"].",
			"Except that rule for this URL (SecRuleRemoveById), or ask the host to do it.",
			"Do not look for the cause in caches and tags.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -si URL"},
		Since:   "0.1",
		check:   wafBlock,
	},
	{
		ID:      "anti-bot-as-412",
		Level:   Warning,
		Group:   Other,
		Summary: "The service takes the client for a robot, and answers 412",
		Explanation: "Bilibili, for one, answers 412 with an HTML page or a JSON code of -412 if a client asks too often, has no Referer, or does not sign its " +
			"requests. It has nothing to do with preconditions.",
		Example: "GET /x/space/arc/search HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed\n\n{\"code\":-412,\"message\":\"request was banned\"}",
		Fix: []string{
			"Ask less often, and wait for some minutes or hours before the next try.",
			"Send what a browser sends: Referer, User-Agent, the cookies of a visit before.",
			"Use the interface that the service offers to programs.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   antiBot,
	},
	{
		ID:      "csrf-or-session-check-as-412",
		Level:   Error,
		Group:   Other,
		Summary: "The application's check of session or CSRF token failed, and it answers 412",
		Explanation: "Nextcloud answers 412 if the request token is missing or wrong, or if its strict cookies did not come along. No precondition is involved. Often a " +
			"proxy is the cause: cookies are lost because the application believes to be asked by http and not by https, or under another host.",
		Example: "PROPFIND /remote.php/dav HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed\n\n{\"message\":\"CSRF check failed\"}",
		Fix: []string{
			"Nextcloud: set overwriteprotocol, overwritehost and trusted_proxies for the proxy in front.",
			"Clear the cookies of the site and log in again.",
			"A program: use an app password, and send the header OCS-APIRequest: true.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   csrfCheck,
	},
	{
		ID:      "expired-token-as-412",
		Level:   Warning,
		Group:   Other,
		Summary: "A token in the request has expired, and the service answers 412",
		Explanation: "Foreman answers 412 to a host that asks for its installation files with a build token that has expired. Others do the same with " +
			"the tokens of links in mails, and of uploads. Preconditions of HTTP play no part.",
		Example: "GET /unattended/provision?token=… HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed\n\nToken has expired",
		Fix: []string{
			"Get a new token: in Foreman, cancel the build of the host and start it again.",
			"Raise how long tokens are valid, if installations take longer than that.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   expiredToken,
	},
	{
		ID:      "already-exists-as-412",
		Level:   Info,
		Group:   Other,
		Summary: "The service says with 412 that what was to be created exists",
		Explanation: "CouchDB answers 412 with the error file_exists to PUT for a database that is there already. There is no precondition in the request; the service uses " +
			"the status code for this.",
		Example: "PUT /mydb HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed\n\n{\"error\":\"file_exists\",\"reason\":\"The database could not be created, the file already exists.\"}",
		Fix: []string{
			"Client: take it for success if the database only has to be there.",
			"Check first with HEAD, if creating it twice is an error.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   alreadyExists,
	},
	{
		ID:      "app-state-as-412",
		Level:   Warning,
		Group:   Other,
		Summary: "The application uses 412 for a condition of its own",
		Explanation: "The request has no precondition of HTTP, and the answer is made by an application: an account is not ready, a feature is off, a version or a header of its own " +
			"is missing, an exception was caught. What it means is in the content of the response and in the log of the application.",
		Example: "POST /api/orders HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed\nContent-Type: application/json\n\n{\"error\":\"account is not activated\"}",
		Fix: []string{
			"Read the content of the response, and the log of the application at that time.",
			"Application: answer 409, 422 or 403 with a problem description; 412 makes clients forget what they have stored.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   appState,
	},
	{
		ID:      "428-required",
		Level:   Info,
		Group:   Other,
		Summary: "The server demands a precondition, and the request has none that counts",
		Explanation: "428 is no 412: nothing failed. The server refuses writes that could overwrite a change the client has not seen, and asks for If-Match, so that " +
			"updates are not lost.",
		Example: "PUT /plan HTTP/1.1\n\nHTTP/1.1 428 Precondition Required",
		Fix: []string{
			"Client: GET the resource, and send its tag in If-Match with the write.",
			"Client: to create, send If-None-Match: *.",
		},
		Section: "RFC 6585 §3",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   required428,
	},
}

// unasked reports whether the exchange is a 412 to a request that has no precondition, as far
// as the capture shows, which must show the request.
func (e *examination) unasked() bool {
	return e.status() == 412 && e.method() != "" && !e.conditional() && !e.blind()
}

// saying is the fact that the content of the response has a text.
func (e *examination) saying(text string) Fact {
	return Fact{Name: "content of the response", Value: "… " + text + " …", Source: e.place("response")}
}

// firewallTexts are what filters say of themselves, in lower case.
var firewallTexts = []string{
	"mod_security", "modsecurity", "web application firewall", "request blocked", "blocked by", "this error was generated by mod",
	"your request was blocked", "security policy",
}

func wafBlock(e *examination) []Finding {
	if ev, _ := e.refuser(); e.status() == 412 && e.refusedBy() == filter && e.conditional() {
		return one(Certain, "the trace shows that "+clip(ev.Module)+" refused the request, and not what evaluates its preconditions",
			append(e.preconditionFacts(), e.answered(), e.refuserFact())...)
	}
	if !e.unasked() {
		return nil
	}
	evidence := []Fact{e.asked(), e.answered(), e.refuserFact(), e.got("Server")}
	none := "the request has no precondition, so none can have failed"
	if e.refusedBy() == filter {
		ev, _ := e.refuser()
		return one(Certain, none+"; "+clip(ev.Module)+" refused it", evidence...)
	}
	if text, ok := e.contains(firewallTexts...); ok {
		return one(Likely, none+"; the answer is that of a filter", append(evidence, e.saying(text))...)
	}
	if _, ok := e.contains("evaluated to false"); ok {
		return one(Likely, none+"; Apache's stock text for 412 comes from a rule that refuses with this status",
			append(evidence, e.saying("evaluated to false"))...)
	}
	return nil
}

func antiBot(e *examination) []Finding {
	if !e.unasked() {
		return nil
	}
	evidence := []Fact{e.asked(), e.answered()}
	if text, ok := e.contains(`"code":-412`, `"code": -412`, "request was banned", "too many requests", "unusual traffic", "are you a robot",
		"captcha"); ok {
		return one(Likely, "the service says that it refuses this client, not this request", append(evidence, e.saying(text))...)
	}
	if host := strings.ToLower(e.x.Request.Host); strings.HasSuffix(host, "bilibili.com") || strings.HasSuffix(host, "bilivideo.com") {
		return one(Likely, "Bilibili answers 412 to clients it takes for robots", append(evidence, e.fact("host", host))...)
	}
	return nil
}

func csrfCheck(e *examination) []Finding {
	if !e.unasked() {
		return nil
	}
	evidence := []Fact{e.asked(), e.answered(), e.cookieFact()}
	if text, ok := e.contains("csrf check failed", "strict cookie has not been found", "strict same site cookie"); ok {
		return one(Certain, "the application says that its check of session or request token failed", append(evidence, e.saying(text))...)
	}
	if text, ok := e.contains("invalid csrf", "csrf token", "csrf verification", "session has expired", "session expired"); ok {
		return one(Likely, "the application speaks of its check of session or request token", append(evidence, e.saying(text))...)
	}
	return nil
}

// cookieFact says whether there were cookies.
func (e *examination) cookieFact() Fact {
	if e.x.Request.Header.Has("Cookie") {
		return Fact{}
	}
	return Fact{Name: "cookies sent", Value: "none", Source: e.place("request")}
}

func expiredToken(e *examination) []Finding {
	if !e.unasked() {
		return nil
	}
	if text, ok := e.contains("token has expired", "token expired", "expired token", "token is invalid or expired"); ok {
		return one(Certain, "the service says that the token has expired", e.asked(), e.answered(), e.saying(text))
	}
	return nil
}

func alreadyExists(e *examination) []Finding {
	if !e.unasked() {
		return nil
	}
	if text, ok := e.contains(`"file_exists"`); ok {
		return one(Certain, "CouchDB says that the database exists", e.asked(), e.answered(), e.saying(text))
	}
	if text, ok := e.contains("already exists", "duplicate"); ok {
		return one(Likely, "the service says that it exists", e.asked(), e.answered(), e.saying(text))
	}
	return nil
}

func appState(e *examination) []Finding {
	if _, demanded := e.demands(); demanded || !e.unasked() || e.explained(Good) {
		return nil
	}
	evidence := []Fact{e.asked(), e.answered(), e.refuserFact(), e.got("Content-Type"), e.got("X-Powered-By")}
	none := "the request has no precondition"
	switch kind := strings.ToLower(e.resp("Content-Type")); {
	case e.x.Response.Header.Has("Tus-Version"): // of the tus protocol for uploads
		return one(Likely, none+"; the server of uploads does not know the version of the protocol that Tus-Resumable names",
			append(evidence, e.sent("Tus-Resumable"), e.got("Tus-Version"))...)
	case e.leased():
		return one(Certain, none+"; the service says that the object is leased, and wants the id of the lease",
			append(evidence, e.saying("LeaseIdMissing"))...)
	case e.refusedBy() == application:
		return one(Certain, none+", and the trace shows that the application set the status", evidence...)
	case e.refusedBy() == backend:
		return one(Likely, none+", and the server behind IIS made the answer", append(evidence, e.sent("X-ARR-LOG-ID"))...)
	case strings.Contains(kind, "json") || strings.Contains(kind, "xml") && !strings.Contains(kind, "html"):
		return one(Likely, none+", and the answer is made by an application", evidence...)
	case kind != "" && len(e.x.Response.Content.Data) > 0:
		return one(Possible, none+"; the content of the response may say what is meant", evidence...)
	}
	return nil
}

// leased reports whether the answer is Azure's for an object that somebody holds a lease on.
func (e *examination) leased() bool {
	_, ok := e.contains("leaseidmissing")
	return ok || e.resp("x-ms-error-code") == "LeaseIdMissing"
}

// demands are how services say that a precondition is missing, in lower case.
var demands = []string{
	"if-match header must be specified", "if-match header is required", "if-match header is missing", "missing if-match",
	"if-match is required", "requires an if-match",
	"must include an if-match", "must provide an if-match", "specify the if-match", "if-match header must be", "precondition required",
}

// demandForms are the same in other words, in lower case.
var demandForms = lazyregexp.New(`(?:missing|must (?:send|supply|contain|include|provide|have|specify)|requires?|without|no|provide|specify|supply) (?:a |an |the |valid )*(?:if-match|etag)\b[^.]{0,40}|` +
	`(?:if-match|etag)\b[^.,]{0,30}(?:(?:is|are|was) (?:not (?:present|provided|specified|sent|set)|missing|mandatory|required)|(?:must|should) be (?:specified|provided|supplied|sent|present|set))`)

// demands returns the words in which the service demands a precondition.
func (e *examination) demands() (string, bool) {
	if text, ok := e.contains(demands...); ok {
		return text, true
	}
	text := demandForms.FindString(e.body())
	return clip(text), text != ""
}

// refusedUnasked reports whether a write without any precondition was refused with another status than 412, as services do that
// demand one.
func (e *examination) refusedUnasked() bool {
	switch e.status() {
	case 400, 403, 409, 422:
		return e.writes() && !e.conditional() && !e.blind()
	}
	return false
}

func required428(e *examination) []Finding {
	if text, ok := e.demands(); ok && (e.unasked() || e.refusedUnasked()) {
		return one(Certain, fmt.Sprintf("the service says that it demands If-Match for this request, and there is none; it says so with %d, where 428 is meant for that",
			e.status()), e.asked(), e.answered(), e.saying(text))
	}
	if e.status() != 428 {
		return nil
	}
	says := "the server demands a precondition, and there is none"
	if e.conditional() {
		says = "the server demands a precondition, and does not count those that were sent"
	} else if e.blind() {
		says = "the server demands a precondition"
	}
	return one(Certain, says, append(e.preconditionFacts(), e.asked(), e.answered())...)
}
