package diagnose

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// serverRules are the causes in servers that evaluate wrongly.
var serverRules = []Rule{
	{
		ID:      "ims-evaluated-despite-inm",
		Level:   Error,
		Group:   Server,
		Summary: "304 because of the date, although If-None-Match says that the tag is another",
		Explanation: "A client sends both If-None-Match and If-Modified-Since, for the sake of old servers. A server that knows tags must then ignore the date. This one " +
			"found that the tag does not match, which alone asks for a 200, and then answered 304 because the date does. So a change that keeps the date, " +
			"such as a restored file or two writes in one second, never reaches the client.",
		Example: "GET /app.js HTTP/1.1\nIf-None-Match: \"old\"\nIf-Modified-Since: Tue, 03 Nov 2026 09:14:22 GMT\n\nHTTP/1.1 304 Not Modified\nETag: \"new\"",
		Fix: []string{
			"Server: if If-None-Match is there, do not look at If-Modified-Since at all.",
			"Until then, leave out either ETag or Last-Modified in responses.",
		},
		Section: "RFC 9110 §13.1.3",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: \"no-such-tag\"' -H 'If-Modified-Since: LAST-MODIFIED' URL",
		},
		Since: "0.1",
		check: dateDespiteTag,
	},
	{
		ID:      "precondition-precedence-wrong",
		Level:   Error,
		Group:   Server,
		Summary: "304 although If-Match or If-Unmodified-Since fails, which comes first and asks for 412",
		Explanation: "Preconditions are evaluated in a fixed order: If-Match, or else If-Unmodified-Since; then If-None-Match, or else If-Modified-Since. If the first one fails, " +
			"the answer is 412, and the others do not matter. This server looked at the later ones first. A cache may ignore If-Match " +
			"and If-Unmodified-Since, so a 304 that came from a cache is in order.",
		Example: "GET /doc HTTP/1.1\nIf-Match: \"a\"\nIf-None-Match: \"b\"\n\nHTTP/1.1 304 Not Modified\nETag: \"b\"",
		Fix: []string{
			"Server: evaluate in the order of the standard.",
			"Client: there is hardly a reason to send both kinds in one request.",
		},
		Section: "RFC 9110 §13.2.2",
		Needs:   []Evidence{FromExchange, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Match: \"no-such-tag\"' -H 'If-None-Match: CURRENT-TAG' URL",
		},
		Since: "0.1",
		check: precedence,
	},
	{
		ID:      "412-for-inm-on-get",
		Level:   Error,
		Group:   Server,
		Summary: "412 where 304 is right: If-None-Match with GET, HEAD or QUERY",
		Explanation: "If-None-Match asks a GET for the representation only if it is a new one. If it is not, the answer is 304, which tells the client to use its copy. This " +
			"server answers 412, which is for other methods. The client has nothing to show: pages vanish on every second visit, and feeds report " +
			"errors while nothing is wrong.",
		Example: "GET /feed HTTP/1.1\nIf-None-Match: \"a\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"a\"",
		Fix: []string{
			"Server: answer 304 if the method is GET, HEAD or QUERY and If-None-Match matches; 412 only for other methods.",
			"Client, until then: repeat the request without If-None-Match.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange, FromLog, FromProbe},
		Probe:   []string{"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: CURRENT-TAG' URL"},
		Since:   "0.1",
		check:   refusedRead,
	},
	{
		ID:      "304-for-write",
		Level:   Error,
		Group:   Server,
		Summary: "304 for a method other than GET, HEAD and QUERY, where 412 is right",
		Explanation: "304 says: use the copy that you have. A client that sends a PUT, DELETE or POST has nothing to use, and cannot tell whether its change was made. A " +
			"precondition that fails for such a method is answered 412.",
		Example: "PUT /doc HTTP/1.1\nIf-None-Match: *\n\nHTTP/1.1 304 Not Modified",
		Fix: []string{
			"Server: answer 412 for all methods but GET, HEAD and QUERY (RFC 10008).",
			"Varnish: update; before 7.0 it did this itself.",
			"Client: do not take it for a refusal. Some servers make the change and then answer 304: GET the resource to see what is there.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -s -o /dev/null -w '%{http_code}\\n' -X PUT -H 'If-None-Match: *' --data-binary @CURRENT-CONTENT URL"},
		Since:   "0.1",
		check:   notModifiedWrite,
	},
	{
		ID:      "304-for-if-match",
		Level:   Error,
		Group:   Server,
		Summary: "304 to a read that has If-Match alone, where 200 or 412 is right",
		Explanation: "304 answers If-None-Match and If-Modified-Since. If-Match asks for the opposite: the representation, if it is still the one that is named. " +
			"A server that reads the one field or the other as \"the version of the client\" finds that they are equal, and sends nothing. The client waits for content, " +
			"such as the next part of a download, and gets none.\n\n" +
			"Armadietto, a remoteStorage server, does so. Its file store makes tags of the time of the write in milliseconds since 1970.",
		Example: "GET /notes/list HTTP/1.1\nIf-Match: \"1793697262432\"\n\nHTTP/1.1 304 Not Modified\nETag: \"1793697262432\"",
		Fix: []string{
			"Server: evaluate If-Match on its own; if it holds, answer as without it, and otherwise 412.",
			"Client, until then: read without If-Match, and compare the ETag of the response.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromProbe},
		Probe:   []string{"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Match: CURRENT-TAG' URL"},
		Since:   "0.1",
		check:   notModifiedMatch,
	},
	{
		ID:      "304-for-missing-resource",
		Level:   Error,
		Group:   Server,
		Summary: "304 for a resource that is not there: without the precondition the answer is 404",
		Explanation: "Preconditions count only for a request that would succeed without them. Here it does not: the same request without a precondition is answered 404. " +
			"A server that makes one tag for everything, such as the state of a whole repository, and compares it before it looks for the resource, says \"not modified\" " +
			"of what does not exist. A client that has stored something under that URL keeps it for good.\n\n" +
			"Mercurial's hgweb does so: its tag is that of the repository.",
		Example: "GET /repo/file/tip/gone.txt HTTP/1.1\n\nHTTP/1.1 404 Not Found\nETag: W/\"1793697262.0\"\n\n" +
			"GET /repo/file/tip/gone.txt HTTP/1.1\nIf-None-Match: W/\"1793697262.0\"\n\nHTTP/1.1 304 Not Modified\nETag: W/\"1793697262.0\"",
		Fix: []string{
			"Server: look for the resource first, and evaluate preconditions when the answer would be 2xx.",
			"Server: send no ETag with 404, or one that no 200 has.",
		},
		Section: "RFC 9110 §13.2.1",
		Needs:   []Evidence{FromHistory, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: CURRENT-TAG' URL",
		},
		Since:    "0.1",
		check:    notModifiedMissing,
		corrects: notConfirmed,
	},
	{
		ID:      "precondition-evaluated-after-write",
		Level:   Error,
		Group:   Server,
		Summary: "The server answered 412 or 304, and made the change nevertheless",
		Explanation: "The precondition was evaluated after the method was performed: often by a general layer that adds tags to responses and compares on the way out. The client is told that nothing " +
			"was done, while the version of somebody else has been overwritten. A server must not perform the method if the condition is false.\n\n" +
			"Such a layer compares with the tag of the answer to the write, a short page or nothing, and not with that of the resource: so it refuses writes whose tag is the current one as well. " +
			"CherryPy with tools.etags does so.",
		Example: "PUT /doc HTTP/1.1\nIf-Match: \"old\"\n\nmine\n\nHTTP/1.1 412 Precondition Failed\n\nGET /doc HTTP/1.1\n\nHTTP/1.1 200 OK\n\nmine",
		Fix: []string{
			"Server: evaluate preconditions before the method is performed, in the same transaction as the write.",
			"CherryPy: leave tools.etags off for methods that write, and compare in the handler.",
			"Client: after a 412 read the resource before doing anything else.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromHistory, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -X PUT -H 'If-Match: \"no-such-tag\"' --data-binary @OTHER-CONTENT URL-OF-A-SCRATCH-RESOURCE",
			"curl -s URL-OF-A-SCRATCH-RESOURCE",
		},
		Since:    "0.1",
		check:    changedAfterRefusal,
		corrects: notRefused,
	},
	{
		ID:      "precondition-ignored",
		Level:   Error,
		Group:   Server,
		Summary: "The server does not evaluate the precondition",
		Explanation: "The request says on what condition it is to be performed, and the server performs it anyway. For a write that is the lost update: the client believes " +
			"that its If-Match protects the changes of others, and it does not. For a read it costs the transfer that a 304 would have saved, or " +
			"joins parts of two versions.\n\n" +
			"Two things look alike and are in order: a server may accept a write whose change was made already, and a cache may ignore If-Match.",
		Example: "GET /doc HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: \"b\"\n\nPUT /doc HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 204 No Content",
		Fix: []string{
			"Server: evaluate If-Match, If-None-Match and the two dates before performing the method; a framework may need a switch or a filter for it.",
			"See whether the field reaches the server: gateways and firewalls remove it.",
			"Client: do not rely on If-Match until the probe is answered 412.",
		},
		Section: "RFC 9110 §13.2.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Match: \"no-such-tag\"' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: CURRENT-TAG' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -X PUT -H 'If-Match: \"no-such-tag\"' --data-binary @CONTENT URL-OF-A-SCRATCH-RESOURCE",
		},
		Since: "0.1",
		check: ignoredPrecondition,
	},
	{
		ID:      "strong-compare-accepts-weak",
		Level:   Warning,
		Group:   Server,
		Summary: "A weak tag was accepted where only strong ones count",
		Explanation: "If-Match and If-Range take the strong comparison, in which a tag with W/ equals nothing. A weak tag names versions that are good enough in place of " +
			"each other, and not the same bytes. A server that accepts it lets a write pass although the content may have changed, or joins parts of two " +
			"versions. Services that follow OData do it by a rule of their own, and say so.",
		Example: "GET /doc HTTP/1.1\nIf-Match: W/\"a\"\n\nHTTP/1.1 200 OK\nETag: W/\"a\"",
		Fix: []string{
			"Server: compare strongly for If-Match and If-Range.",
			"Send strong tags for what is edited or resumed, so that nobody needs this.",
		},
		Section: "RFC 9110 §8.8.3.2",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog, FromProbe},
		Probe:   []string{"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Match: W/CURRENT-TAG' URL"},
		Since:   "0.1",
		check:   weakAccepted,
	},
	{
		ID:      "inm-compared-strongly",
		Level:   Warning,
		Group:   Server,
		Summary: "If-None-Match is compared strongly, so a weak tag never leads to 304",
		Explanation: "If-None-Match takes the weak comparison: W/\"x\" equals \"x\" and W/\"x\". A server that compares the texts, or demands strong tags, never " +
			"finds the tag again that a proxy has weakened on the way, and sends everything each time. Often the " +
			"origin has \"x\", a proxy that compresses makes W/\"x\" of it, and the client sends that back.",
		Example: "GET /app.js HTTP/1.1\nIf-None-Match: W/\"a\"\n\nHTTP/1.1 200 OK\nETag: \"a\"",
		Fix: []string{
			"Server: remove W/ from both tags before comparing, for If-None-Match only.",
			"Or compress at the origin, so that the proxy leaves the tag alone.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange, FromLog, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: CURRENT-TAG' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: W/CURRENT-TAG' URL",
		},
		Since: "0.1",
		check: comparedStrongly,
	},
	{
		ID:      "list-or-star-not-parsed",
		Level:   Error,
		Group:   Server,
		Summary: "The server compares the whole field with its tag, so that a list or * never matches",
		Explanation: "If-Match and If-None-Match hold a list of tags, or *. The commas inside quotes do not separate. A server that compares the text of the field with its " +
			"tag understands only a list of one. Caches send lists when they have several versions, and clients send a star, or a tag together with " +
			"its form without a coding mark, to be safe.",
		Example: "PUT /doc HTTP/1.1\nIf-Match: \"a\", \"b\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"b\"",
		Fix: []string{
			"Server: read the field as a list, all lines of it, with quotes heeded; then treat * apart.",
			"Client, until then: send one tag.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: \"x\", CURRENT-TAG' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-None-Match: *' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Match: *' URL",
		},
		Since: "0.1",
		check: listNotParsed,
	},
	{
		ID:      "if-match-ignored-for-404",
		Level:   Error,
		Group:   Server,
		Summary: "A PUT with If-Match created a resource that did not exist",
		Explanation: "If-Match asks for a current version. If there is none, because somebody deleted the resource, the condition is false, be it a tag or *, and the " +
			"answer is 412. This server created the resource anew: the deletion is undone without anybody having decided that.\n\n" +
			"A GET or DELETE of something that is not there is another matter: that is 404 without the condition, and so it is with it.",
		Example: "PUT /doc HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 201 Created",
		Fix: []string{
			"Server: evaluate If-Match as false when there is no current representation.",
			"Server: if the resource did exist, answer 200 or 204, since 201 says that it was created.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromProbe},
		Probe:   []string{"curl -s -o /dev/null -w '%{http_code}\\n' -X PUT -H 'If-Match: \"no-such-tag\"' --data-binary @CONTENT URL-OF-NOTHING"},
		Since:   "0.1",
		check:   createdDespiteMatch,
	},
	{
		ID:      "check-then-act-race",
		Level:   Error,
		Group:   Server,
		Summary: "Two writes with the same If-Match were both accepted",
		Explanation: "The server compared the tag, and then wrote, in two steps. Two writers that came at the same time both found the tag current, and the later one overwrote " +
			"the earlier: the lost update that If-Match is there to prevent. Of all writes with one strong tag at most one can succeed, unless both ask " +
			"for the same change.",
		Example: "PUT /doc HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 204 No Content\nETag: \"b\"\n\nPUT /doc HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 204 No Content\nETag: \"c\"",
		Fix: []string{
			"Server: compare and write in one step: a transaction, UPDATE … WHERE version = …, a compare-and-swap, or a lock per resource.",
			"If there are several processes or machines, a lock within one of them is not enough.",
		},
		Section: "RFC 9110 §13.2.1",
		Needs:   []Evidence{FromHistory, FromLog, FromProbe},
		Probe: []string{
			"curl -s -Z -o /dev/null -w '%{http_code}\\n' -X PUT -H 'If-Match: CURRENT-TAG' -d one URL-OF-A-SCRATCH-RESOURCE --next -s -o /dev/null -w '%{http_code}\\n' -X PUT -H 'If-Match: CURRENT-TAG' -d two URL-OF-A-SCRATCH-RESOURCE",
		},
		Since: "0.1",
		check: bothAccepted,
	},
	{
		ID:      "412-rewritten-to-500",
		Level:   Error,
		Group:   Server,
		Summary: "A precondition failed, and an error handler made another status of the 412",
		Explanation: "The layer that evaluates preconditions reports a failure as an exception, and the framework answers every exception with 500, or with an error page and 200. The client " +
			"does not learn that its version is old: it repeats the request, or takes the page for the content.",
		Example: "GET /video.mp4 HTTP/1.1\nIf-Match: \"old\"\n\nHTTP/1.1 500 Internal Server Error\n\nPreconditionFailedError: Precondition Failed",
		Fix: []string{
			"Server: let the error handler keep the status that the error carries.",
			"Client: if the content of a 500 speaks of a precondition, read the resource anew.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -si -H 'If-Match: \"no-such-tag\"' URL"},
		Since:   "0.1",
		check:   otherStatus,
	},
	{
		ID:      "s3-200-with-error-body",
		Level:   Error,
		Group:   Server,
		Summary: "The status is 200, and the content says that the operation failed",
		Explanation: "S3 begins the response to CompleteMultipartUpload and to copying with 200 before it is done, to keep the connection alive. If it fails after that, the error " +
			"is in the content, as XML. A client that looks at the status alone believes that the object was written.",
		Example: "POST /bucket/dump.sql?uploadId=Vx HTTP/1.1\nIf-None-Match: *\n\nHTTP/1.1 200 OK\n\n<Error><Code>PreconditionFailed</Code></Error>",
		Fix: []string{
			"Client: read the content of a 200 to these operations, and treat <Error> as the failure it names; recent SDKs do.",
			"After that HEAD the object to see what is there.",
		},
		Section: "RFC 9110 §15.3.1",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   errorInContent,
	},
	{
		ID:      "azure-read-412-vs-304",
		Level:   Warning,
		Group:   Server,
		Summary: "Azure storage answers 412 by rules of its own: to reads, and to dates on writes",
		Explanation: "For a read that is not to be performed Azure storage answers 304 or 412 by rules of its own, with the code ConditionNotMet, and its " +
			"emulators differ from it. By the standard a GET or HEAD whose If-None-Match or If-Modified-Since is false is answered 304. The data are not at fault, and " +
			"nothing was changed meanwhile: take it for \"not modified\".\n\n" +
			"On writes, too, it evaluates If-Modified-Since, as its documentation says: the write is done only if the object was modified after that date. The standard ignores the field there.",
		Example: "GET /container/blob HTTP/1.1\nIf-None-Match: \"0x8DF398AD953DDC3\"\n\nHTTP/1.1 412 The condition specified using HTTP conditional header(s) is not met.\nx-ms-error-code: ConditionNotMet",
		Fix: []string{
			"Client: leave If-Modified-Since out of writes to Azure storage, unless just that is meant; If-Unmodified-Since or If-Match guards a write.",
			"Client: treat ConditionNotMet of a read with If-None-Match or If-Modified-Since as a 304.",
			"Do not test against the emulator alone.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -si -o /dev/null -D - -H 'If-None-Match: CURRENT-TAG' URL"},
		Since:   "0.1",
		check:   azureRead,
	},
	{
		ID:      "status-override-hides-304",
		Level:   Error,
		Group:   Server,
		Summary: "A 304 was given another status, so the client gets an empty response",
		Explanation: "The file server evaluated the precondition and sent no content, as for a 304, but a rule around it sets a fixed status: an error page is served with 404 or 503, a " +
			"rewrite sets 200. The client sees the error, or an empty page, from the second visit on. Caddy does it when a file is served within handle_errors.",
		Example: "GET /missing HTTP/1.1\nIf-None-Match: \"dmlgm2q97zfw-1179\"\n\nHTTP/1.1 404 Not Found\nETag: \"dmlgm2q97zfw-1179\"\nContent-Length: 0",
		Fix: []string{
			"Server: remove If-None-Match and If-Modified-Since from the request before an error page is served, or ETag and Last-Modified from the response.",
		},
		Section: "RFC 9110 §13.2.1",
		Needs:   []Evidence{FromExchange, FromHistory},
		Probe:   []string{"curl -si URL", "curl -si -H 'If-None-Match: CURRENT-TAG' URL"},
		Since:   "0.1",
		check:   statusOverridden,
	},
}

// named returns the member of a list that is the current tag of this response, by the strong or the weak
// comparison, and how many members there are.
func (e *examination) named(field string, strong bool) (m etag.Member, members int, ok bool) {
	current := etagOf(e)
	list := e.members(field)
	for _, m := range list {
		if m.Fault == etag.None && !m.Any && !current.IsZero() && (m.Tag.StrongEqual(current) || !strong && m.Tag.WeakEqual(current)) {
			return m, len(list), true
		}
	}
	return etag.Member{}, len(list), false
}

// unlikeCurrent reports whether a list of tags was sent that has the current one in no form.
func (e *examination) unlikeCurrent(field string) bool {
	if etagOf(e).IsZero() || e.anyMember(field) || len(e.members(field)) == 0 || !e.hasAll(field) || e.otherForm() {
		return false
	}
	_, _, ok := e.named(field, false)
	return !ok
}

func dateDespiteTag(e *examination) []Finding {
	sent, now := e.dateSent("If-Modified-Since"), e.modified()
	if e.status() != 304 || !e.reads() || sent.IsZero() || now.After(sent) {
		return nil
	}
	if e.resp("ETag") == "" {
		return e.dateDespiteKnownTag()
	}
	if !e.unlikeCurrent("If-None-Match") {
		return nil
	}
	return one(Certain, fmt.Sprintf("If-None-Match has none of the forms of the current tag %s, so 200 is right; the 304 follows the date, which has to be ignored", clip(e.resp("ETag"))),
		e.sent("If-None-Match"), e.got("ETag"), e.sent("If-Modified-Since"), e.got("Last-Modified"), e.answered())
}

// dateDespiteKnownTag is about a 304 without a tag, where the tag is known from before.
func (e *examination) dateDespiteKnownTag() []Finding {
	p, members := e.last((*examination).tells), e.members("If-None-Match")
	if p == nil || p.reads() && !e.sameWish(p) || len(members) == 0 || !e.hasAll("If-None-Match") || e.anyMember("If-None-Match") ||
		e.otherForm() {
		return nil
	}
	current, err := etag.Parse(p.after.ETag)
	if err != nil || slices.ContainsFunc(members, func(m etag.Member) bool { return m.Tag.WeakEqual(current) }) {
		return nil
	}
	return one(Likely, fmt.Sprintf("the tag was %s before, which If-None-Match does not have, so 200 is right; the 304 seems to follow the date", clip(p.after.ETag)),
		p.asked(), p.got("ETag"), e.sent("If-None-Match"), e.sent("If-Modified-Since"), e.answered(), e.gap(p))
}

func precedence(e *examination) []Finding {
	if e.status() != 304 || !e.reads() || e.cached().Name != "" {
		return nil
	}
	evidence := []Fact{e.sent("If-Match"), e.sent("If-Unmodified-Since"), e.sent("If-None-Match"), e.sent("If-Modified-Since"),
		e.got("ETag"), e.got("Last-Modified"), e.answered()}
	if e.unlikeCurrent("If-Match") {
		return one(Likely,
			fmt.Sprintf("If-Match does not have the current tag %s, which comes first and asks for 412; no cache left a sign that it answered", clip(e.resp("ETag"))), evidence...)
	}
	since := e.dateSent("If-Unmodified-Since")
	if len(e.fields.IfMatch) == 0 && !since.IsZero() && e.modified().After(since) {
		return one(Likely, "the resource was modified after the date in If-Unmodified-Since, which comes first and asks for 412; no cache left a sign that it answered", evidence...)
	}
	return nil
}

func refusedRead(e *examination) []Finding {
	if e.status() != 412 || !e.reads() || len(e.fields.IfNoneMatch) == 0 || e.isAzure("") || len(e.foreign()) > 0 || e.mustBeStored() {
		return nil
	}
	evidence := []Fact{e.asked(), e.sent("If-None-Match"), e.got("ETag"), e.answered()}
	d := e.verdict.Decision
	matches := e.witnessed && d.Outcome == precondition.NotModified && d.Field == precondition.IfNoneMatch
	switch alone := len(e.fields.IfMatch)+len(e.fields.IfUnmodifiedSince) == 0; {
	case alone && matches:
		return one(Certain, fmt.Sprintf("If-None-Match matches, and never leads to 412 with %s", e.method()), evidence...)
	case alone:
		return one(Likely, fmt.Sprintf("If-None-Match never leads to 412 with %s; or the 412 is about something else", e.method()), evidence...)
	case matches:
		return one(Likely, "the other condition holds, and If-None-Match never leads to 412 with "+e.method(),
			append(evidence, e.sent("If-Match"), e.sent("If-Unmodified-Since"))...)
	}
	return nil
}

func notModifiedWrite(e *examination) []Finding {
	if e.status() != 304 || e.method() == "" || e.reads() {
		return nil // QUERY is as safe as GET, and newer than the standard
	}
	return one(Certain, fmt.Sprintf("304 answers GET, HEAD and QUERY only, and this is %s", clip(e.method())),
		append(e.preconditionFacts(), e.asked(), e.answered())...)
}

func ignoredPrecondition(e *examination) []Finding {
	if e.blind() || !e.succeeded() || e.x.Cache != "" {
		return nil
	}
	if e.reads() {
		return e.ignoredByRead()
	}
	return e.ignoredByWrite()
}

// ignoredByWrite is about a write that was accepted although a tag was sent that had been replaced before.
//
// What an earlier exchange told may have changed since; but not back to a tag that was replaced already, as long
// as tags are not used again.
func (e *examination) ignoredByWrite() []Finding {
	p := e.last((*examination).tells)
	if p == nil || !p.after.Known || !p.after.Exists || e.req("OData-Version")+e.resp("OData-Version") != "" {
		return nil
	}
	evidence := []Fact{p.asked(), p.got("ETag"), e.asked(), e.sent("If-Match"), e.sent("If-None-Match"), e.answered(), e.gap(p)}
	if e.method() == "PUT" && e.anyMember("If-None-Match") && e.status() != 201 {
		return one(Likely, "the resource was there before, and the write that was to happen only if there is none was accepted", evidence...)
	}
	current, err := etag.Parse(p.after.ETag)
	list := e.members("If-Match")
	if err != nil || len(list) == 0 || !e.hasAll("If-Match") || e.anyMember("If-Match") || e.otherForm() || p.writes() && e.sameContent(p) ||
		e.overlaps(p) {
		return nil
	}
	if slices.ContainsFunc(list, func(m etag.Member) bool { return m.Fault != etag.None || m.Tag.WeakEqual(current) }) {
		return nil
	}
	minted := e.minted(list[0].Raw)
	if minted != nil && minted.reads() && p.reads() && !sameCoding(minted, p) {
		return nil // both tags may be current, each of another representation
	}
	if minted == nil || slices.Index(e.earlier, minted) > slices.Index(e.earlier, p) {
		return one(Possible, fmt.Sprintf("the tag was %s, and a write that demands %s was accepted; unless the resource changed in between",
			clip(p.after.ETag), clip(list[0].Raw)), evidence...)
	}
	return one(Likely, fmt.Sprintf("%s had been replaced by %s, and a write that demands the old one was accepted", clip(list[0].Raw),
		clip(p.after.ETag)), evidence...)
}

// overlaps reports whether this request was sent before the other one was answered, as far as is known.
func (e *examination) overlaps(p *examination) bool {
	if !e.x.Started.IsZero() && !p.x.Started.IsZero() && p.x.Duration > 0 {
		return e.x.Started.Before(p.x.Started.Add(p.x.Duration))
	}
	d, ok := e.since(p)
	return ok && d.Abs() <= time.Second
}

func (e *examination) ignoredByRead() []Finding {
	if !e.conditional() || e.status() != 200 && e.status() != 206 || e.cached().Name != "" {
		return nil
	}
	evidence := append(e.preconditionFacts(), e.got("ETag"), e.got("Last-Modified"), e.answered())
	switch since := e.dateSent("If-Unmodified-Since"); {
	case e.unlikeCurrent("If-Match"):
		return one(Likely, fmt.Sprintf("the current tag %s is not in If-Match, and the request was performed; no cache left a sign that it answered",
			clip(e.resp("ETag"))), evidence...)
	case len(e.fields.IfMatch) == 0 && !since.IsZero() && e.modified().After(since):
		return one(Likely, "the resource was modified after the date in If-Unmodified-Since, and the request was performed; no cache left a sign that it answered", evidence...)
	}
	return e.ignoredNoneMatch(evidence)
}

// sentAnyway reports whether the server itself sent the representation or a part of it, and the client did
// not demand that in any case: some servers take no-cache in a request for such a demand. Browsers
// export 200 for a stored response that a 304 confirmed.
func (e *examination) sentAnyway() bool {
	return e.reads() && (e.status() == 200 || e.status() == 206) && e.x.Source.Format != capture.HAR && e.x.Cache == "" &&
		!strings.Contains(e.req("Cache-Control"), "no-cache")
}

// mediated reports whether something other than the server left a sign.
func (e *examination) mediated() bool {
	return slices.ContainsFunc(e.verdict.Between, func(p Party) bool {
		return !strings.HasPrefix(p.Sign, "Server:") && !strings.HasPrefix(p.Sign, "X-Powered-By:")
	})
}

// ignoredNoneMatch is about a 200 with the very tag that the client has, and nothing else to excuse it.
func (e *examination) ignoredNoneMatch(evidence []Fact) []Finding {
	m, members, ok := e.named("If-None-Match", false)
	if !ok || !e.sentAnyway() || members != 1 || m.Tag.IsWeak() || m.Raw != e.resp("ETag") || e.x.Response.Content.Len == 0 {
		return nil
	}
	c := Likely
	if e.mediated() || e.foundAtLeast("front-and-backend-mint-different-etags", Likely) {
		c = Possible // something on the way may have removed the field, or it is compared with another tag
	}
	return one(c, fmt.Sprintf("the client has %s, which is current, and was sent it again in place of a 304", clip(m.Raw)), evidence...)
}

func weakAccepted(e *examination) []Finding {
	if !e.succeeded() || e.cached().Name != "" || e.odata() {
		return nil
	}
	evidence := []Fact{e.asked(), e.sent("If-Match"), e.sent("If-Range"), e.got("ETag"), e.answered()}
	if e.status() == 206 {
		if m, _, ok := e.named("If-Range", false); ok && !m.Tag.StrongEqual(etagOf(e)) {
			return one(Certain,
				fmt.Sprintf("If-Range has %s, and the current tag is %s: by the strong comparison these differ, so the Range is to be ignored", m.Tag, etagOf(e)), evidence...)
		}
	}
	if len(e.members("If-Match")) == 0 || e.anyStrong("If-Match") {
		return e.weakCurrent(evidence)
	}
	if m, _, ok := e.named("If-Match", false); ok && e.reads() {
		return one(Likely, fmt.Sprintf("the only tag in If-Match is %s, which is weak and so equals nothing, and the request was performed", m.Tag), evidence...)
	}
	if e.writes() {
		return one(Likely, "all tags in If-Match are weak, and so equal nothing, and the write was accepted", evidence...)
	}
	return nil
}

// weakCurrent is about a strong tag that was taken for the current one, which is weak.
func (e *examination) weakCurrent(evidence []Fact) []Finding {
	m, _, ok := e.named("If-Match", false)
	if _, _, strong := e.named("If-Match", true); !ok || strong || !e.reads() {
		return nil
	}
	return one(Likely, fmt.Sprintf("the current tag %s is weak and so equals nothing, not even %s, and the request was performed",
		etagOf(e), m.Tag), evidence...)
}

func comparedStrongly(e *examination) []Finding {
	m, _, ok := e.named("If-None-Match", false)
	if !ok || !e.sentAnyway() {
		return nil
	}
	if _, _, strong := e.named("If-None-Match", true); strong {
		return nil // see precondition-ignored
	}
	return one(Likely, fmt.Sprintf("%s and the current tag %s are equal by the weak comparison, so 304 is right; the server seems to take the strong one", m.Tag, etagOf(e)),
		e.sent("If-None-Match"), e.got("ETag"), e.answered())
}

func listNotParsed(e *examination) []Finding {
	if len(e.foreign()) > 0 {
		return nil
	}
	switch {
	case e.status() == 412 && len(e.fields.IfNoneMatch) == 0:
		return e.refusedList()
	case e.sentAnyway():
		return e.unseenList()
	}
	return nil
}

func (e *examination) refusedList() []Finding {
	evidence := []Fact{e.sent("If-Match"), e.got("ETag"), e.got("Last-Modified"), e.answered()}
	if m, n, ok := e.named("If-Match", true); ok && n > 1 {
		return one(e.sure("If-Match"), fmt.Sprintf("one of the %d tags in If-Match is %s, the current one, and the request was refused", n,
			m.Tag), evidence...)
	}
	if e.anyMember("If-Match") && len(e.members("If-Match")) == 1 && e.verdict.State.Exists {
		return one(Likely, "If-Match: * holds if there is a current representation, and there is one", append(evidence, e.current())...)
	}
	if m, n, ok := e.named("If-Match", true); ok && n == 1 && strings.Contains(m.Tag.Opaque(), ",") {
		return one(Likely, fmt.Sprintf("%s is one tag, the current one, and has a comma in it, at which the server seems to cut", m.Tag), evidence...)
	}
	return nil
}

func (e *examination) unseenList() []Finding {
	evidence := []Fact{e.sent("If-None-Match"), e.got("ETag"), e.answered()}
	if m, n, ok := e.named("If-None-Match", true); ok && n > 1 {
		return one(Likely, fmt.Sprintf("one of the %d tags in If-None-Match is %s, the current one, so 304 is right", n, m.Tag), evidence...)
	}
	if e.anyMember("If-None-Match") && len(e.members("If-None-Match")) == 1 {
		return one(Likely, "If-None-Match: * is false if there is a current representation, and there is one, so 304 is right", evidence...)
	}
	return nil
}

// createdDespiteMatch is about 201, by which the server says itself that there was nothing.
func createdDespiteMatch(e *examination) []Finding {
	if e.method() != "PUT" || e.status() != 201 || len(e.fields.IfMatch) == 0 || e.isAzure("") {
		return nil // Azure storage says 201 to every PUT of a blob
	}
	evidence := []Fact{e.asked(), e.sent("If-Match"), e.answered()}
	p := e.last((*examination).tells)
	switch {
	case p == nil:
		return one(Possible, "201 says that the resource was created, so there was none; or the server says 201 to every PUT", evidence...)
	case p.after.Known && !p.after.Exists:
		return one(Likely, "the resource did not exist, and was created despite If-Match", append(evidence, p.asked(), p.answered(), e.gap(p))...)
	}
	return nil
}

// bothAccepted is about an earlier write with the same tag that was accepted as well, asked for another change
// and made another tag.
func bothAccepted(e *examination) []Finding {
	list := e.members("If-Match")
	if !e.replaces() || len(list) != 1 || list[0].Any || list[0].Fault != etag.None || list[0].Tag.IsWeak() {
		return nil
	}
	p := e.last(func(p *examination) bool {
		return p.replaces() && p.req("If-Match") == e.req("If-Match")
	})
	if p == nil || p.resp("ETag") == list[0].Raw || !e.otherRequest(p) {
		return nil
	}
	evidence := []Fact{p.asked(), p.sent("If-Match"), p.answered(), p.got("ETag"), e.asked(), e.sent("If-Match"), e.answered(),
		e.got("ETag"), e.gap(p)}
	says := fmt.Sprintf("two different writes were both accepted as changes of %s", clip(list[0].Raw))
	_, timed := e.since(p)
	switch {
	case e.overlaps(p) && p.after.ETag != "":
		return one(Likely, says+", at the same time", evidence...)
	case timed && !e.overlaps(p):
		return nil // one after the other: see precondition-ignored
	}
	return one(Possible, says, evidence...)
}

// replaces reports whether the request changed the representation, and was to do so.
func (e *examination) replaces() bool {
	return e.succeeded() && slices.Contains([]string{"PUT", "PATCH", "DELETE"}, e.method())
}

// otherRequest reports whether two writes are known to ask for different changes.
func (e *examination) otherRequest(p *examination) bool {
	a, b := e.x.Request.Content, p.x.Request.Content
	if e.method() != p.method() || a.Len != b.Len {
		return true
	}
	return a.Complete() && b.Complete() && !bytes.Equal(a.Data, b.Data)
}

// hiddenRefusal is about a 412 that the server's own trace shows, and that the client did not get.
func (e *examination) hiddenRefusal() []Finding {
	var set, page capture.Event
	for _, ev := range e.x.Trace {
		switch {
		case ev.Kind == capture.StatusSet && ev.Status == 412 && ev.Module != "":
			set = ev
		case ev.Kind == capture.ErrorPageSent && ev.Status == 412:
			page = ev
		}
	}
	if set.Module == "" || e.status() == 412 || e.status() == 0 {
		return nil
	}
	says := fmt.Sprintf("the trace shows that %s set 412, and the client was answered %d", clip(set.Module), e.status())
	evidence := append(e.preconditionFacts(), e.fact("trace", clip(statusText(set))))
	if page.Name != "" {
		says += fmt.Sprintf(": httpErrors sent the page %s in its place (%s), which has a status of its own", clip(page.To), page.Name)
		evidence = append(evidence, e.fact("trace", page.Name+" "+clip(page.To)))
	}
	f := finding(Certain, says, append(evidence, e.answered())...)
	f.Fix = []string{
		"IIS: use responseMode=\"File\" in the row of httpErrors for 412, or set Response.StatusCode = 412 again in the page.",
		"IIS: keep httpErrors away from the API: existingResponse=\"PassThrough\" in a <location> for it.",
		"Client: until then, the 200 says nothing; read the resource again after each write.",
	}
	return []Finding{f}
}

func otherStatus(e *examination) []Finding {
	if hidden := e.hiddenRefusal(); hidden != nil {
		return hidden
	}
	if !e.conditional() || e.status() < 500 && e.status() != 200 {
		return nil
	}
	if e.reads() && len(e.fields.IfMatch)+len(e.fields.IfUnmodifiedSince) == 0 {
		return nil // nothing could fail; it may be a page about 412
	}
	marks := []string{"preconditionfailederror", "preconditionfailedexception", "precondition failed", "412 precondition"}
	if e.status() == 200 {
		marks = []string{"<title>412", "<h1>412", "error 412", "412 precondition failed"}
	}
	text, ok := e.contains(marks...)
	if _, xml := e.contains("<code>preconditionfailed</code>"); !ok || xml {
		return nil
	}
	return one(Likely, fmt.Sprintf("the status is %d, and the content speaks of a precondition that failed", e.status()),
		append(e.preconditionFacts(), e.answered(), e.fact("content of the response", "… "+text+" …"))...)
}

func errorInContent(e *examination) []Finding {
	if e.status() != 200 || e.method() != "PUT" && e.method() != "POST" {
		return nil
	}
	if _, ok := e.contains("<error>"); !ok {
		return nil
	}
	for _, code := range []string{"PreconditionFailed", "ConditionalRequestConflict", "InternalError", "SlowDown"} {
		text := "<Code>" + code + "</Code>"
		if _, ok := e.contains(strings.ToLower(text)); ok {
			return one(Certain, "the status says 200, and the content is an error of the object store: "+code,
				e.asked(), e.answered(), e.fact("content of the response", "… "+text+" …"))
		}
	}
	return nil
}

func azureRead(e *examination) []Finding {
	if e.status() == 412 && e.writes() && e.isAzure("") && e.x.Request.Header.Has("If-Modified-Since") &&
		e.alonePrecondition("If-Modified-Since") {
		return one(Certain, "Azure storage evaluates If-Modified-Since on writes, too, which the standard ignores there: the object has not been modified since that date",
			append(e.preconditionFacts(), e.asked(), e.got("x-ms-error-code"), e.answered())...)
	}
	if e.status() != 412 || !e.reads() || !e.isAzure("") || !e.alonePrecondition("If-None-Match", "If-Modified-Since") {
		return nil
	}
	return one(Certain, "a read with "+e.verdict.Preconditions[0].Name+
		" is never answered 412 by the standard; Azure storage does so, and means that it is not modified",
		append(e.preconditionFacts(), e.got("x-ms-error-code"), e.answered())...)
}

// statusOverridden is about an error without content that has the tag the client already has.
func statusOverridden(e *examination) []Finding {
	if e.method() != "GET" || e.x.Response.Content.Len != 0 || e.blindResponse() {
		return nil
	}
	m, _, ok := e.named("If-None-Match", false)
	if !ok || e.status() < 400 && e.status() != 200 || e.status() == 412 || e.status() == 416 {
		return nil
	}
	evidence := []Fact{e.sent("If-None-Match"), e.got("ETag"), e.answered(), e.fact("content", "none")}
	if e.status() != 200 {
		return one(Likely, fmt.Sprintf("the client has %s, and the response has that tag, no content and the status %d: it was a 304", m.Tag,
			e.status()), evidence...)
	}
	if !e.sentAnyway() {
		return nil
	}
	full := e.last(func(p *examination) bool {
		return p.method() == "GET" && etagOf(p) == etagOf(e) && p.x.Response.Content.Len > 0
	})
	if full == nil {
		return nil
	}
	return one(Likely, fmt.Sprintf("%s had content before, and now comes with none and the status 200: it was a 304", m.Tag),
		append(evidence, full.answered())...)
}
