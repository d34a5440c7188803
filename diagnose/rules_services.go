package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// This file has the rules about services, libraries and servers that are known to answer in ways of their own, each group in a
// list of its own.

// loosely is how long after a write a read still speaks about it.
const loosely = time.Minute

var clientServices = []Rule{
	{
		ID:      "retried-without-condition",
		Level:   Error,
		Group:   Client,
		Summary: "A write that was refused was sent again without its precondition, and done",
		Explanation: "The 412 said that somebody else had changed the resource. The client, or its library, sent the same write again without any precondition, and so overwrote that change: " +
			"the lost update that If-Match is there to prevent. Caches in client libraries do so when they drop the stored response after a 412, and with it the tag they had added by " +
			"themselves; httplib2 with a cache is one of them.\n\n" +
			"If-Match: * in the second write guards as little, since any version fulfils it; and so does the current tag out of the 412, if the content is the one that was refused: " +
			"nobody has merged anything.",
		Example: "PUT /plan If-Match: \"a\"   412\nPUT /plan                 204",
		Fix: []string{
			"Client: after a 412 read the resource again, apply the change to what comes back, and send it with the new tag.",
			"Library with a cache (httplib2): set the precondition yourself, and switch off what it adds.",
			"Server: demand a precondition for each write (428), so that this cannot happen.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		check:   unguardedRetry,
	},
}

var transformServices = []Rule{
	{
		ID:      "stored-412",
		Level:   Error,
		Group:   Transform,
		Summary: "A cache answered with a 412 that it had stored",
		Explanation: "A 412 is the answer to one request and its precondition. A cache that stores it, because the origin sent a max-age with it or the cache is told to keep errors, gives it to " +
			"requests with other preconditions, or with none. Even a request with the current tag is then refused, until the stored answer expires.",
		Example: "GET /data HTTP/1.1\nIf-Match: \"b\"\n\nHTTP/1.1 412 Precondition Failed\nAge: 31\nX-Cache: HIT",
		Fix: []string{
			"Origin: send Cache-Control: no-store with 412 and 428.",
			"Cache: do not store 412; forget what is stored by now.",
			"Client library with a cache of its own (X-From-Cache): switch it off for requests with preconditions.",
		},
		Section: "RFC 9111 §3",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   storedRefusal,
	},
}

var serverServices = []Rule{
	{
		ID:      "412-for-missing-resource",
		Level:   Error,
		Group:   Server,
		Summary: "If-None-Match: * was refused though there is nothing",
		Explanation: "With \"*\" in If-None-Match a write is done if the resource has no current representation. What was deleted has none, and a mark of deletion in a store with versions is " +
			"none either. A server that counts such a mark, an entry of its index or an upload that was never completed refuses for ever: locks cannot be taken again, and names are used up.\n\n" +
			"It shows in the exchanges around it: a DELETE that was done, or a 404, before or after the 412.",
		Example: "DELETE /state.tflock                        204 x-amz-delete-marker: true\nPUT /state.tflock If-None-Match: *   412",
		Fix: []string{
			"Server: evaluate If-None-Match against the current representation; a delete marker is none. Update the store if its maker has mended that (RustFS had it).",
			"Client: look with a GET; after a 404 the name is free, and the refusal is the server's fault. Where there is no update, remove the delete marker, or use a bucket without versions.",
		},
		Section:  "RFC 9110 §13.1.2",
		Needs:    []Evidence{FromHistory, FromLog},
		Since:    "0.1",
		check:    refusedThoughMissing,
		corrects: notThere,
	},
	{
		ID:      "304-with-content",
		Level:   Error,
		Group:   Server,
		Summary: "A 304 came with content, which spoils the next response on the connection",
		Explanation: "A 304 ends with its header section (RFC 9110 §15.4.5). An application that prints its page all the same, behind a server that passes it on, puts bytes on the connection that the " +
			"client takes for the beginning of the next response: that one is then broken, or the connection is closed.",
		Example: "< HTTP/1.1 304 Not Modified\n* Excess found in a non pipelined read: excess = 132",
		Fix: []string{
			"Application: return without output after setting 304; in PHP, exit.",
			"Server in front: drop the content of a 304.",
		},
		Section: "RFC 9110 §15.4.5",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -sv -o /dev/null -H 'If-None-Match: CURRENT-TAG' URL"},
		Since:   "0.1",
		check:   notModifiedContent,
	},
	{
		ID:      "httpsys-cached-304",
		Level:   Error,
		Group:   Server,
		Summary: "HTTP.sys gives a stored 304 to requests without any condition",
		Explanation: "HTTP.sys, the part of Windows that takes requests for IIS, ASP.NET Core on HttpSys and others, can store responses, and does not look at conditions when it answers from there. " +
			"ASP.NET Core gave it 304s to store: from then on everybody gets the 304, also who has nothing stored, and sees an empty page. The request reaches no application and no log of it.",
		Example: "GET /app.js HTTP/1.1\n\nHTTP/1.1 304 Not Modified\nServer: Microsoft-HTTPAPI/2.0\nCache-Control: public, max-age=31536000",
		Fix: []string{
			"ASP.NET Core on HttpSys: update; since 3.1.7 and 5.0 only 200s are stored there.",
			"Until then: no Cache-Control: public on a 304, or <caching enableKernelCache=\"false\" /> where IIS is in front.",
			"See what is stored there with netsh http show cachestate, and flush it with netsh http delete cache.",
		},
		Section: "RFC 9110 §15.4.5",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   kernelNotModified,
	},
	{
		ID:      "no-cache-never-304",
		Level:   Warning,
		Group:   Server,
		Summary: "Express sends all of it again when the request says Cache-Control: no-cache",
		Explanation: "Express, and everything on the npm package fresh, never answers 304 to a request with Cache-Control: no-cache, by the reasoning that it asks for a response from end to end. The " +
			"standard means that field for caches, and lets the origin answer 304. Node's fetch adds it to each request that has a condition by itself, and browsers on reload, so that such clients " +
			"never get a 304.",
		Example: "GET /data HTTP/1.1\nIf-None-Match: W/\"2-vyGp6PvFo4RvsFtPoIWeCReyIC8\"\nCache-Control: no-cache\n\nHTTP/1.1 200 OK\nX-Powered-By: Express\nETag: W/\"2-vyGp6PvFo4RvsFtPoIWeCReyIC8\"",
		Fix: []string{
			"Client: send Cache-Control: max-age=0 in place of no-cache; in fetch of Node set the field yourself, or use another client for such requests.",
			"Server: remove the field from requests with a condition before Express sees them.",
		},
		Section: "RFC 9111 §5.2.1.4",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   neverNotModified,
	},
}

var rangeServices = []Rule{
	{
		ID:      "part-compressed-after-cutting",
		Level:   Error,
		Group:   Ranges,
		Summary: "A part was compressed after it had been cut out, so it fits no other part",
		Explanation: "A range is one of the bytes of the selected representation, coded as that is. A layer that compresses responses and does not look at 206 puts a gzip stream of its own around each part: " +
			"Content-Range still has the positions in what was not compressed, and a client that joins the parts gets neither. Tomcat, Jetty and Express with compression do so if they are told to compress the type.",
		Example: "GET /app.js HTTP/1.1\nRange: bytes=0-999\nAccept-Encoding: gzip\n\nHTTP/1.1 206 Partial Content\nContent-Range: bytes 0-999/48213\nContent-Encoding: gzip\nContent-Length: 412",
		Fix: []string{
			"Server: do not compress responses with Content-Range.",
			"Client: send Accept-Encoding: identity with each Range.",
		},
		Section: "RFC 9110 §14.1",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -s -D - -o part -H 'Range: bytes=0-999' -H 'Accept-Encoding: gzip' URL"},
		Since:   "0.1",
		check:   codedPart,
	},
}

var designedServices = []Rule{
	{
		ID:      "resource-tag-not-modified",
		Level:   Good,
		Group:   Designed,
		Summary: "The 412 means \"not modified\": Office asked for the file only if it has changed",
		Explanation: "Office and SharePoint have a tag of their own, ResourceTag, which goes into the If field of WebDAV: with Not in front it asks for the file only if its version is another one by now. The answer to " +
			"a GET or HEAD whose version is still the current one is 412 there, where HTTP has 304 for it ([MS-WDVME] 3.1.5.5). Nothing failed, and nothing is lost.",
		Example: "GET /plan.docx HTTP/1.1\nIf: (Not <rt:E9619514-4EBC-424F-8505-79A8AE02319C@00000000004>)\n\nHTTP/1.1 412 Precondition Failed",
		Fix:     []string{"Nothing is to be done. When counting 412s, leave these out: GET and HEAD with (Not <rt:…>) in If."},
		Section: "RFC 4918 §10.4",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   officeNotModified,
	},
	{
		ID:      "revalidated-by-range",
		Level:   Good,
		Group:   Designed,
		Summary: "The client asks for the last byte with If-Range, to see whether its copy is current",
		Explanation: "apt-cacher-ng and a few other caches ask so in place of If-Modified-Since: they have the whole file, and ask for its last byte by Range, with the date or tag of their copy in If-Range. A 206 " +
			"with that one byte means \"not modified\". A 200 means that there is another version, and has all of it. A 416 means that the file is shorter by now, so that the copy is old, and not that " +
			"the download is complete.\n\n" +
			"In a log this looks like downloads of one byte, or like resumes that never make progress. Nothing is wrong.",
		Example: "GET /debian/dists/stable/InRelease HTTP/1.1\nUser-Agent: Debian Apt-Cacher-NG/3.7.4\nRange: bytes=61402-\nIf-Range: Sat, 10 Aug 2024 08:10:11 GMT\n\n" +
			"HTTP/1.1 206 Partial Content\nContent-Range: bytes 61402-61402/61403",
		Fix: []string{
			"Nothing is to be repaired, as long as the server compares If-Range: if it does not, a changed file is taken for the old one.",
			"When counting 206s and resumes, leave these out.",
		},
		Section: "RFC 9110 §13.1.5",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   lastByte,
	},
}

var otherServices = []Rule{
	{
		ID:      "only-if-cached-as-412",
		Level:   Info,
		Group:   Other,
		Summary: "The request allows a stored response only, and there is none",
		Explanation: "Cache-Control: only-if-cached in a request means that it must not be forwarded to the origin. Where nothing is stored the standard has 504 (Gateway Timeout) for that; gateways of IPFS " +
			"and some others answer 412. It has nothing to do with tags.",
		Example: "HEAD /ipfs/bafybeigdyrzt HTTP/1.1\nCache-Control: only-if-cached\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: leave only-if-cached out to have it fetched.",
			"Client: take this 412 for \"not stored here\".",
		},
		Section: "RFC 9111 §5.2.1.7",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   onlyIfCached,
	},
	{
		ID:      "iis-page-hides-answer",
		Level:   Info,
		Group:   Other,
		Summary: "IIS put its own error page in place of what the application says",
		Explanation: "httpErrors replaces the content of 4xx answers for remote clients (errorMode DetailedLocalOnly, existingResponse Auto), and 412 is one of its default rows. The page speaks of a precondition " +
			"set by the client, whatever the application meant. What it wrote is seen on the server itself, or when httpErrors passes it through.",
		Example: "PUT /api/orders/7 HTTP/1.1\n\nHTTP/1.1 412 Precondition Failed\nServer: Microsoft-IIS/10.0\n\n412 - Precondition set by the client failed when evaluated on the Web server.",
		Fix: []string{
			"Application: set Response.TrySkipIisCustomErrors = true where it sets the status.",
			"IIS: <httpErrors existingResponse=\"PassThrough\" /> for the application.",
			"Until then: ask on the server itself, where the content is not replaced, or read the log of the application.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   iisPage,
	},
}

// asksIfNew reports whether a read asks for another version than the one whose ResourceTag it names.
func (e *examination) asksIfNew() bool {
	value := strings.ToLower(strings.Join(strings.Fields(e.req("If")), ""))
	return e.reads() && strings.Contains(value, "(not<rt:")
}

func officeNotModified(e *examination) []Finding {
	if e.status() != 412 || !e.asksIfNew() {
		return nil
	}
	c := Likely
	if tag := strings.ToLower(e.resp("ResourceTag")); tag != "" && strings.Contains(strings.ToLower(e.req("If")), tag) {
		c = Certain
	}
	return one(c, "the If field asks for the file only if it is another version than the one named, and it is the same: 412 is how SharePoint says that",
		e.asked(), e.sent("If"), e.got("ResourceTag"), e.answered())
}

// asksForLastByte reports whether the request asks by a range and If-Range whether a whole copy is current, as some caches
// do. Only they know that they have all of it: the answer tells by its length, or the program is known for it.
func (e *examination) asksForLastByte() bool {
	spec, ok := e.onlyRange()
	if !ok || len(e.fields.IfRange) == 0 || spec.IsSuffix() {
		return false
	}
	if strings.Contains(strings.ToLower(e.req("User-Agent")), "apt-cacher") {
		return true
	}
	r, err := byterange.ParseContentRange(e.resp("Content-Range"))
	return e.status() == 206 && err == nil && r.Size > 1 && spec.First == r.Size-1
}

func lastByte(e *examination) []Finding {
	if !e.asksForLastByte() {
		return nil
	}
	evidence := []Fact{e.sent("Range"), e.sent("If-Range"), e.sent("User-Agent"), e.answered(), e.got("Content-Range"), e.got("ETag"),
		e.got("Last-Modified")}
	size, _ := e.representation()
	switch spec, _ := e.onlyRange(); {
	case e.status() == 206 && spec.First == size-1 && !e.foundAtLeast("if-range-ignored", Possible):
		return one(Likely, "the client has the whole file and asks by its last byte whether that is the current one, and it is: this 206 means \"not modified\"", evidence...)
	case e.status() == 200:
		return one(Likely, "the client has the whole file and asks by its last byte whether that is the current one, and it is not: all of the new version is sent", evidence...)
	case e.status() == 416:
		return one(Likely, "the client has the whole file and asks by its last byte whether that is the current one; the file is shorter by now, so it is another version", evidence...)
	}
	return nil
}

// deletedBefore returns the earlier exchange by which there is nothing, if it is the latest that tells; or nil.
func (e *examination) deletedBefore() *examination {
	if e.witnessed {
		return nil
	}
	p := e.last((*examination).tells)
	if p == nil || !p.after.Known || p.after.Exists {
		return nil
	}
	return p
}

// refusedThoughMissing is about a write that was to create, and was refused although there is nothing. It takes the exchanges
// around it: certain it cannot be, since somebody else may have made the resource, and have deleted it again.
func refusedThoughMissing(e *examination) []Finding {
	if p := e.deletedBefore(); p != nil && e.status() == 412 && e.writes() && e.mustBeNew() && e.onlyNew() {
		evidence := []Fact{p.asked(), p.answered(), p.marker(), e.asked(), e.sent("If-None-Match"), e.answered(), e.gap(p)}
		return one(Likely,
			fmt.Sprintf("%s says that there is nothing, and the write that asks for just that was refused, unless somebody made the resource in between", p.place("response")), evidence...)
	}
	put := e.createRefused()
	if put == nil {
		return nil
	}
	c := Likely
	if d, ok := e.since(put); ok && d > loosely {
		c = Possible
	}
	evidence := []Fact{put.asked(), put.sent("If-None-Match"), put.answered(), e.asked(), e.answered(), e.marker(), e.gap(put)}
	return one(c, fmt.Sprintf("the write that asks for a resource that does not exist was refused, and after it the answer is %d: there is nothing", e.status()), evidence...)
}

// createRefused returns the write before a 404 that was to create and was refused, if nothing may have deleted the resource in
// between as far as the capture shows; or nil.
func (e *examination) createRefused() *examination {
	if !e.asksForIt() || e.status() != 404 && e.status() != 410 {
		return nil
	}
	put := e.last(func(p *examination) bool { return p.writes() || p.reads() && p.after.Known })
	if put == nil || put.status() != 412 || !put.mustBeNew() || !put.onlyNew() {
		return nil
	}
	return put
}

// asksForIt reports whether a 404 says that the target does not exist: with PUT or POST it may be about something else.
func (e *examination) asksForIt() bool {
	return e.reads() || e.method() == "PROPFIND" || e.method() == "DELETE" || e.method() == "PATCH" || e.method() == "PROPPATCH"
}

// onlyNew reports whether nothing else than that the resource must be new can have failed.
func (e *examination) onlyNew() bool {
	return e.alonePrecondition("If-None-Match", "x-goog-if-generation-match", "ifGenerationMatch")
}

// marker is the fact that a store says that the latest version is a mark of deletion.
func (e *examination) marker() Fact { return e.got("x-amz-delete-marker") }

// notThere takes back what was said of a refusal that a later 404 speaks against.
func notThere(e *examination, f Finding) {
	put := e.createRefused()
	if put == nil || f.Confidence < Likely {
		return
	}
	for i := range put.found {
		if id := put.found[i].Rule.ID; id == "create-if-absent-exists" || id == "lock-object-held" {
			put.found[i].Confidence = min(put.found[i].Confidence, Possible)
			put.found[i].Says += fmt.Sprintf("; but %s, %d, speaks against it: there was nothing", e.place("response"), e.status())
		}
	}
	if put.verdict.Judgement == Right {
		put.verdict.Judgement, put.verdict.Expected = Unknown, nil
		put.verdict.Why = fmt.Sprintf("%s is %d: there was nothing, so the write that was to create should have been done",
			e.place("response"), e.status())
	}
}

// mustBeStored reports whether a 412 answers a request that may be answered from a cache only, and that no precondition of it
// explains: those of a read that ask for something new lead to no 412.
func (e *examination) mustBeStored() bool {
	return e.status() == 412 && !e.blind() && (!e.conditional() || e.reads() && e.alonePrecondition("If-None-Match", "If-Modified-Since")) &&
		strings.Contains(strings.ToLower(e.req("Cache-Control")), "only-if-cached")
}

func onlyIfCached(e *examination) []Finding {
	if !e.mustBeStored() {
		return nil
	}
	return one(Likely, "Cache-Control: only-if-cached forbids to ask the origin, and nothing is stored", e.asked(),
		e.sent("Cache-Control"), e.answered())
}

func notModifiedContent(e *examination) []Finding {
	if e.status() != 304 || e.x.Excess <= 0 {
		return nil
	}
	return one(Certain, fmt.Sprintf("the 304 was followed by %d bytes of content on the connection, which a 304 never has (excess data, as the client says)", e.x.Excess),
		e.asked(), e.answered(), e.fact("excess", fmt.Sprintf("%d bytes behind a response of zero length", e.x.Excess)))
}

// kernelNotModified is about a 304 for a request without condition, from the cache of HTTP.sys.
func kernelNotModified(e *examination) []Finding {
	if e.status() != 304 || e.conditional() || e.blind() || e.method() == "" || !strings.Contains(e.resp("Server"), "Microsoft-HTTPAPI") {
		return nil
	}
	return one(Likely, "the request has no condition, and HTTP.sys (Server: Microsoft-HTTPAPI) answered 304: it has stored the 304 that another request got, and gives it to everybody",
		e.asked(), e.answered(), e.got("Server"), e.got("Cache-Control"), e.got("ETag"))
}

// iisPage is about an error page of IIS in place of what an application wrote.
func iisPage(e *examination) []Finding {
	if e.status() != 412 {
		return nil
	}
	text, ok := e.contains(stockPages...)
	if !ok {
		return nil
	}
	c, says := Likely, "the content is the page that IIS (httpErrors) puts in place of what the application wrote for its 412; it says nothing of a precondition, and there was none"
	if !e.unasked() {
		c, says = Possible, "the content is the page of IIS (httpErrors); if an application refused the request, what it says of the reason is hidden behind it"
	}
	f := finding(c, says, e.asked(), e.answered(), e.saying(text), e.got("Server"), e.refuserFact())
	f.Config = []Config{{
		Server: "IIS", Where: "in web.config of the application, into <system.webServer>; or in the code, Response.TrySkipIisCustomErrors = true",
		Text: `<httpErrors existingResponse="PassThrough" />`,
		Note: "Then the content of the application arrives, and says what it means by 412.",
	}}
	return []Finding{f}
}

// unguardedRetry is about a write without any condition that repeats one that was refused: the lost update that the condition was
// to prevent.
func unguardedRetry(e *examination) []Finding {
	if !e.writes() || !e.succeeded() || e.conditional() && !e.guardsNothing() || e.blind() {
		return e.sentOver()
	}
	p := e.last(func(p *examination) bool { return p.reads() || p.writes() })
	if p == nil || p.status() != 412 || p.method() != e.method() || !e.sameClient(p) ||
		len(p.fields.IfMatch)+len(p.fields.IfUnmodifiedSince) == 0 {
		return nil
	}
	a, b := e.x.Request.Content, p.x.Request.Content
	if a.Len != b.Len && a.Len >= 0 && b.Len >= 0 {
		return nil
	}
	with, again := "without", "without any"
	if e.conditional() {
		with, again = "with If-Match: *, which any version fulfils", "with If-Match: *, which any version fulfils,"
	}
	c, says := Likely, "the same write was refused with a precondition, and done "+with+": what was there in between is lost"
	if e.sameContent(p) && len(a.Data) > 0 && p.verdict.Judgement == Right {
		c, says = Certain, "the same content was refused with a precondition, and then sent again "+again+" and stored: the version that the refusal protected is overwritten"
	}
	return one(c, says, p.asked(), p.sent("If-Match"), p.sent("If-Unmodified-Since"), p.answered(), e.asked(), e.sent("If-Match"),
		e.answered(), e.sent("User-Agent"), e.gap(p))
}

// guardsNothing reports whether the only precondition is If-Match: *, which any version fulfils.
func (e *examination) guardsNothing() bool {
	return e.alonePrecondition("If-Match") && e.anyMember("If-Match")
}

// sentOver is about a write that repeats the content of one that was refused, with the tag that the refusal named. Who does that
// has not merged anything: what the other had written is overwritten as without a precondition.
func (e *examination) sentOver() []Finding {
	p := e.last(func(p *examination) bool { return p.reads() || p.writes() })
	if p == nil || !e.writes() || !e.succeeded() || p.method() != e.method() || !e.sameClient(p) {
		return nil
	}
	if p.status() != 412 || p.verdict.Judgement != Right {
		return nil
	}
	tag := p.resp("ETag")
	if len(e.x.Request.Content.Data) == 0 || !e.sameContent(p) || tag == "" || !e.hasTag("If-Match", tag) || p.hasTag("If-Match", tag) ||
		p.alreadyApplied() {
		return nil
	}
	return one(Likely, "the refused content was sent again as it was, with the tag "+clip(tag)+" out of the refusal: nothing was read and merged in between, so the version of that tag is overwritten",
		p.asked(), p.sent("If-Match"), p.answered(), p.got("ETag"), e.asked(), e.sent("If-Match"), e.answered(), e.sent("User-Agent"), e.gap(p))
}

// neverNotModified is about servers on the npm package fresh, which take no-cache for a wish to see all of it.
func neverNotModified(e *examination) []Finding {
	d := e.verdict.Decision
	if !e.reads() || e.status() != 200 || !e.witnessed || d.Outcome != precondition.NotModified || e.x.Cache != "" ||
		e.x.Source.Format == capture.HAR ||
		!strings.Contains(strings.ToLower(e.req("Cache-Control")), "no-cache") {
		return nil
	}
	_, express := e.has("express")
	dialect := ""
	if r, ok := e.reading(); ok {
		dialect = r.Dialect.ID
	}
	if !express && !strings.HasPrefix(dialect, "express") {
		return nil
	}
	return one(Likely, "the client has the current version, and the server sent it again because of Cache-Control: no-cache in the request, which Express, and all on the npm package fresh, take for that wish",
		e.sent("Cache-Control"), e.sent("If-None-Match"), e.sent("If-Modified-Since"), e.got("ETag"), e.got("X-Powered-By"),
		e.sent("User-Agent"), e.answered())
}

// storedRefusal is about a 412 that a cache gave.
func storedRefusal(e *examination) []Finding {
	cached := e.cached()
	if e.status() != 412 || cached.Name == "" || e.x.Cache != "" {
		return nil
	}
	return one(Likely, "the 412 came from a cache: it was the answer to another request, with a precondition that this one may not have",
		append(e.preconditionFacts(), e.answered(), cached, e.got("Age"), e.got("Cache-Control"))...)
}

// codedPart is about a part that was compressed after it had been cut out.
func codedPart(e *examination) []Finding {
	if e.status() != 206 || !e.coded() || strings.HasPrefix(e.resp("Content-Type"), "multipart/byteranges") {
		return nil
	}
	r, err := byterange.ParseContentRange(e.resp("Content-Range"))
	length, known := e.partLength()
	if err != nil || r.Unsatisfied() || !known || length == r.Range.Length {
		return nil
	}
	return one(Certain, fmt.Sprintf("Content-Range names %d bytes, and the part has %d in %s: it was compressed after it had been cut out, so that it cannot be joined with any other",
		r.Range.Length, length, clip(e.resp("Content-Encoding"))), e.sent("Range"), e.got("Content-Range"), e.got("Content-Length"),
		e.got("Content-Encoding"), e.answered())
}

// partLength is how long the content is as it was sent.
func (e *examination) partLength() (int64, bool) {
	c := e.x.Response.Content
	if n := e.x.Response.Header.Values("Content-Length"); len(n) == 1 && c.Len >= 0 && !c.Cut {
		return c.Len, fmt.Sprint(c.Len) == n[0]
	}
	return c.Len, c.Complete()
}
