package diagnose

import (
	"bytes"
	"crypto/md5"  // as object stores make tags
	"crypto/sha1" // as Git and SeafDAV do
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// clientRules are the causes in retries, loops and the client's own bookkeeping.
var clientRules = []Rule{
	{
		ID:      "retry-after-lost-response",
		Level:   Warning,
		Group:   Client,
		Summary: "The write was done the first time; its answer was lost, and the retry got the 412",
		Explanation: "A conditional write succeeded, but the answer did not reach the client: a timeout, a cut connection, a gateway that gave up. An SDK or a " +
			"proxy then sent the request again by itself. Now the precondition is false, because the first attempt made it so, and the client " +
			"hears of a conflict although its own data is stored.\n\n" +
			"It is proven if the current tag is the digest of what was sent, or if the capture shows both attempts. The standard allows a server " +
			"that can tell to answer 2xx in this case.",
		Example: "PUT /big.bin HTTP/1.1\nIf-None-Match: *\namz-sdk-request: attempt=2; max=3\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: after the 412 to a request that may have been sent twice, GET the resource and compare; the same content is success.",
			"Client: do not let an SDK retry conditional writes by itself, or raise its timeout above that of the server.",
			"Server: take an Idempotency-Key, or answer 2xx if the stored content is that of the request (RFC 9110 §13.1.1).",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -s URL | cmp - the-content-that-was-sent"},
		Since:   "0.1",
		check:   retryAfterLoss,
	},
	{
		ID:      "client-loops-on-stale-etag",
		Level:   Warning,
		Group:   Client,
		Summary: "The client repeats the same refused request with the same old tag",
		Explanation: "After a 412 the tag that was sent is known to be old, and sending it again can only fail again. This client does so " +
			"nevertheless: it keeps the tag in a cache or a database that the 412 does not clear, and ignores the current tag even where the " +
			"server sends it.",
		Example: "412 PUT /cal/1.ics If-Match: \"a\"\n412 PUT /cal/1.ics If-Match: \"a\"\n412 PUT /cal/1.ics If-Match: \"a\"",
		Fix: []string{
			"Client: forget the stored tag on 412, GET the resource, merge, and try once more.",
			"Until it is repaired: reset the state of synchronisation in the client, or remove and add the account.",
		},
		Section: "RFC 9110 §15.5.13",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		lasting: true,
		check:   loops,
	},
	{
		ID:      "own-write-not-tracked",
		Level:   Warning,
		Group:   Client,
		Summary: "The client's own earlier write made the current version, and it still sends the tag from before",
		Explanation: "A successful write changes the tag. If the response has no ETag, or the client does not look at it, the client's next write carries the " +
			"tag from before its own change, and conflicts with itself.\n\n" +
			"A server may send the new tag only if it stored the content byte for byte as it came (RFC 9110 §9.3.4); after a response without " +
			"ETag the client has to GET.",
		Example: "PUT /notes/7 HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 204 No Content\n\nPUT /notes/7 HTTP/1.1\nIf-Match: \"a\"\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: take the ETag of the response to the write as the current one; if there is none, GET before the next write.",
			"Server: send ETag in the response to PUT when the content is stored unchanged.",
		},
		Section: "RFC 9110 §9.3.4",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		check:   ownWriteNotTracked,
	},
	{
		ID:      "put-returns-old-etag",
		Level:   Error,
		Group:   Client,
		Summary: "The response to a write carries the tag of the version before it",
		Explanation: "The ETag in the response to a successful PUT is that of the new representation. This server sends the one from before, so a client " +
			"that does everything right is refused on its next write, and takes the old tag for that of the new content.",
		Example: "PUT /a HTTP/1.1\nIf-Match: \"1\"\n\nHTTP/1.1 204 No Content\nETag: \"1\"",
		Fix: []string{
			"Server: read the tag after the write, in the same transaction, or leave ETag out.",
			"Client, until then: GET after each write.",
		},
		Section: "RFC 9110 §9.3.4",
		Needs:   []Evidence{FromHistory},
		Probe: []string{
			"curl -si -X PUT --data-binary @new SCRATCH-URL",
			"curl -sI SCRATCH-URL",
		},
		Since: "0.1",
		check: putReturnsOld,
	},
	{
		ID:      "put-etag-though-content-transformed",
		Level:   Error,
		Group:   Client,
		Summary: "PUT answered with a tag, although the server stored something else than what was sent",
		Explanation: "A server that changes what it stores (calendars, contacts, JSON in its own order) must not send a validator in the response to PUT. The client " +
			"would take its own text for the representation with that tag, and every 304 from then on confirms a copy that is wrong.",
		Example: "PUT /cal/1.ics HTTP/1.1\n\nHTTP/1.1 201 Created\nETag: \"a\"\n\nGET /cal/1.ics HTTP/1.1\n\nHTTP/1.1 200 OK\nETag: \"a\"\n\n(other bytes)",
		Fix: []string{
			"Server: leave ETag and Last-Modified out of the response if a single byte was changed.",
			"Client, until then: GET after each PUT.",
		},
		Section: "RFC 9110 §9.3.4",
		Needs:   []Evidence{FromHistory},
		Probe: []string{
			"curl -si -X PUT --data-binary @new SCRATCH-URL",
			"curl -s SCRATCH-URL | cmp - new",
		},
		Since: "0.1",
		check: putTransformed,
	},
	{
		ID:      "metadata-write-bumps-etag",
		Level:   Warning,
		Group:   Client,
		Summary: "A lock, a property or other metadata changed the tag, though not the content",
		Explanation: "Some servers make the tag of more than the content. Taking or releasing a lock, setting a property, a tag or an access right then makes " +
			"a new one, and an editor that locks the file it has just read is refused when it saves.",
		Example: "GET /plan.docx        200 ETag: \"a\"\nLOCK /plan.docx       200\nPUT /plan.docx If-Match: \"a\"   412 ETag: \"b\"",
		Fix: []string{
			"Server: make the tag of what GET sends, and of nothing else.",
			"Client, until then: GET after LOCK and compare the content before editing.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		check:   metadataBumps,
	},
	{
		ID:      "stale-etag-from-cache-or-replica",
		Level:   Warning,
		Group:   Client,
		Summary: "The tag came from a cache or a replica that was behind the server that judges",
		Explanation: "The client did read the resource before it wrote, but the answer came from a cache, or from a replica that had not seen the latest write. Its " +
			"tag was old when it arrived. Reading again gives the same old tag, so retries conflict for as long as the cache keeps it.",
		Example: "GET /doc HTTP/1.1\n\nHTTP/1.1 200 OK\nAge: 340\nETag: \"1\"\n\nPUT /doc HTTP/1.1\nIf-Match: \"1\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"2\"",
		Fix: []string{
			"Send Cache-Control: no-cache with responses that are edited, or private, no-store for shared caches.",
			"Client: GET with Cache-Control: no-cache before editing.",
			"Behind replicas: send the reads of a client that has just written to the primary.",
		},
		Section: "RFC 9111 §4.2.4",
		Needs:   []Evidence{FromHistory, FromLog},
		Probe: []string{
			"curl -sI URL",
			"curl -sI -H 'Cache-Control: no-cache' URL",
		},
		Since: "0.1",
		check: staleFromCache,
	},
	{
		ID:      "s3-409-not-retried",
		Level:   Warning,
		Group:   Client,
		Summary: "409 ConditionalRequestConflict: two conditional writes at once; S3 asks to repeat it",
		Explanation: "Amazon S3 answers 409 if another operation on the same key was under way, so that it could not decide the precondition. Unlike " +
			"a 412 this says nothing about the tag: the request may be repeated.",
		Example: "PUT /key HTTP/1.1\nIf-None-Match: *\n\nHTTP/1.1 409 Conflict\n\n<Error><Code>ConditionalRequestConflict</Code></Error>",
		Fix: []string{
			"Client: repeat the request after a short, random pause; for a multipart upload, begin a new one.",
			"Client: do not treat it as the 412, which must not be repeated.",
		},
		Section: "RFC 9110 §15.5.10",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   s3Conflict,
	},
	{
		ID:      "conflict-reported-as-409",
		Level:   Info,
		Group:   Client,
		Summary: "The service reports a tag that does not match as 409 and not as 412",
		Explanation: "The request has If-Match, and the service answers 409 with a message that the resource was modified. By the standard this is a 412. Microsoft " +
			"Graph does so for files in OneDrive and SharePoint. A client that only knows 412 takes it for another failure.",
		Example: "PATCH /drive/items/1 HTTP/1.1\nif-match: \"{1},3\"\n\nHTTP/1.1 409 Conflict\n\n{\"error\":{\"code\":\"resourceModified\"}}",
		Fix: []string{
			"Client: treat this 409 as a 412: GET, merge, and send with the new tag.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   conflictAs409,
	},
	{
		ID:      "dummy-conditional-header",
		Level:   Info,
		Group:   Client,
		Summary: "The client sends a made-up value in If-None-Match, to get past a cache",
		Explanation: "The value is no tag of this server and not even well formed; it is meant to never match. Most servers ignore it. Those that compare any text, or are " +
			"strict about malformed fields, answer 412 or 400 to a write that nothing is wrong with.",
		Example: "PUT /info.json HTTP/1.1\nIf-None-Match: JoplinIgnore-45807\n\nHTTP/1.1 412 Precondition Failed",
		Fix: []string{
			"Client: send Cache-Control: no-cache to get past caches, and no precondition.",
			"Server: take a malformed member of If-None-Match for one that matches nothing.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Since:   "0.1",
		check:   dummyCondition,
	},
	{
		ID:      "etag-sent-as-request-header",
		Level:   Error,
		Group:   Client,
		Summary: "The tag was sent in a field that is no precondition, so nothing was guarded",
		Explanation: "ETag is a field of responses. In a request it means nothing, and neither do misspelt names such as IfMatch. The server ignores them and performs the " +
			"request whatever the current version is: an update that was meant to be safe overwrites what it has not seen.",
		Example: "PUT /a HTTP/1.1\nETag: \"1\"\n\nHTTP/1.1 204 No Content",
		Fix: []string{
			"Client: send the tag in If-Match to change what you have seen, or in If-None-Match to fetch only what is new.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange},
		Since:   "0.1",
		check:   tagInWrongField,
	},
	{
		ID:      "false-conflict-without-304",
		Level:   Error,
		Group:   Client,
		Summary: "The server answers 200 where 304 is right, and Office says that someone else updated the copy",
		Explanation: "When editing is enabled, Office asks for the document again with the tag it has. A 304 tells it that nothing changed. A server that does not evaluate " +
			"If-None-Match sends the document again, with the same tag, and Office reports a conflict. No 412 is sent at all.",
		Example: "GET /plan.docx HTTP/1.1\nUser-Agent: Microsoft Office Word\nIf-None-Match: \"a\"\n\nHTTP/1.1 200 OK\nETag: \"a\"",
		Fix: []string{
			"Server: answer GET and HEAD with 304 if If-None-Match has the current tag.",
			"Check that no proxy removes If-None-Match or changes the tag.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   officeWithout304,
	},
	{
		ID:      "lock-store-not-shared",
		Level:   Warning,
		Group:   Client,
		Summary: "The lock is known to one process of the server, and the write reached another",
		Explanation: "A WebDAV server that runs in several processes or on several machines, and keeps its locks in the memory of each, answers by chance: the " +
			"process that gave out the lock accepts the token, any other says 412.",
		Example: "LOCK /plan.docx     200 Lock-Token: <opaquelocktoken:1f2c>\nPUT /plan.docx If: (<opaquelocktoken:1f2c>)   412",
		Fix: []string{
			"Server: keep locks where all processes see them (a database, Redis), or run one process.",
			"Load balancer: send each client always to the same process.",
		},
		Section: "RFC 4918 §10.4",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		check:   lockNotShared,
	},
}

// retries are request fields in which clients number or mark their attempts.
var retries = []string{
	"amz-sdk-request", "x-retry", "x-retry-count", "x-retry-attempt", "retry-attempt", "x-ms-retry-count", "x-stainless-retry-count",
}

func retryAfterLoss(e *examination) []Finding {
	if e.status() != 412 || !e.writes() {
		return nil
	}
	evidence := []Fact{e.asked(), e.answered(), e.current()}
	first, marked := e.sentAgain(), e.attempt()
	algorithm, stored := e.tagIsDigest()
	switch {
	case stored && e.witnessed:
		return e.storedAlready(algorithm, first, append(evidence, marked))
	case first != nil && first.succeeded() && e.sameContent(first) && e.witnessed && first.after.ETag == e.verdict.State.ETag &&
		first.after.ETag != "":
		return one(Certain, "the same request with the same content was done before, and made the current version",
			append(evidence, first.asked(), first.answered(), first.got("ETag"), e.gap(first))...)
	case e.alreadyApplied() && first != nil && e.sameContent(first):
		return one(Certain, "the same request was sent before, and the server says that its content is what is stored",
			append(evidence, first.asked(), first.answered(), e.gap(first), e.fact("reason", "already-applied"))...)
	case e.alreadyApplied():
		return one(Likely, "the server says that the content of this write is what is stored already: an earlier attempt got through, or somebody else stored the same",
			append(evidence, marked, e.fact("reason", "already-applied"))...)
	case first != nil:
		return one(Likely, "the same request was sent before"+outcomeOf(first)+first.repeatedBy(),
			append(evidence, first.asked(), first.answered(), e.gap(first), marked)...)
	case marked.Name != "":
		return one(Likely, "the client says that this is not its first attempt", append(evidence, marked)...)
	}
	return nil
}

// storedAlready is about a refused request whose content is the current one. That it was this client who
// stored it takes a sign of an earlier attempt.
func (e *examination) storedAlready(algorithm string, first *examination, evidence []Fact) []Finding {
	says := fmt.Sprintf("the current tag is the %s digest of what this request sent: it is stored already", algorithm)
	c := Likely
	if first != nil {
		c, evidence = Certain, append(evidence, first.asked(), first.answered(), e.gap(first))
	}
	if e.attempt().Name != "" {
		c = Certain
	}
	return one(c, says, evidence...)
}

// repeaters are programs that send a request again by themselves if the connection ends before the answer, without any setting,
// by a part of their User-Agent in lower case.
var repeaters = []struct{ agent, name string }{
	{"chrome/", "Chromium"}, {"firefox/", "Firefox"}, {"epiphany", "WebKitGTK"}, {"libsoup", "libsoup"}, {"qtwebengine", "Qt"},
	{"mozilla/5.0 (qt", "Qt"},
	{"okhttp", "OkHttp"}, {"curl/", "curl"}, {"http-tiny", "HTTP::Tiny"}, {"http::tiny", "HTTP::Tiny"},
}

// repeatedBy says which program may have repeated a request without being told, if there was no answer.
func (e *examination) repeatedBy() string {
	if e.status() != 0 {
		return ""
	}
	agent := strings.ToLower(e.req("User-Agent"))
	for _, r := range repeaters {
		if strings.Contains(agent, r.agent) {
			return "; " + r.name + " repeats a request by itself when the connection ends before the answer"
		}
	}
	return ""
}

func outcomeOf(first *examination) string {
	if first.succeeded() {
		return ", and was done"
	}
	return ", and it is not known whether it was done"
}

// sentAgain returns the earlier attempt of this very request that may have been done without the client
// knowing: answered with 2xx, with a failure of the server or a gateway, or not at all; nil if
// there is none. A success that was followed by another answer to the same client is no loss.
func (e *examination) sentAgain() *examination {
	p := e.last(func(p *examination) bool { return p.writes() })
	if p == nil || !e.sameRequest(p) || !e.sameClient(p) {
		return nil
	}
	if d, ok := e.since(p); ok && d > 10*time.Minute {
		return nil
	}
	if status := p.status(); status == 0 || status == 408 || status == 499 || status >= 500 {
		return p
	}
	if p.succeeded() && e.sameContent(p) && len(e.x.Request.Content.Data) > 0 {
		return p
	}
	return nil
}

// sameRequest reports whether two requests with the same target have the same method,
// preconditions and length.
func (e *examination) sameRequest(p *examination) bool {
	a, b := e.x.Request, p.x.Request
	return a.Method == b.Method && a.Content.Len == b.Content.Len && slices.Equal(e.verdict.Preconditions, p.verdict.Preconditions)
}

// attempt is the fact that the client marks the request as a repeated one.
func (e *examination) attempt() Fact {
	for _, name := range retries {
		value := strings.ToLower(e.req(name))
		if rest, ok := strings.CutPrefix(value, "attempt="); ok { // attempt=2; max=3
			value, _, _ = strings.Cut(rest, ";")
			if n, err := strconv.Atoi(value); err == nil && n > 1 {
				return e.sent(name)
			}
			continue
		}
		if n, err := strconv.Atoi(value); err == nil && n > 0 {
			return e.sent(name)
		}
	}
	return Fact{}
}

// tagIsDigest reports whether the current tag is the digest of the content of the request,
// in one of the usual algorithms and notations.
func (e *examination) tagIsDigest() (algorithm string, ok bool) {
	c := e.x.Request.Content
	tag, err := etag.Parse(e.verdict.State.ETag)
	if err != nil || !c.Complete() || len(c.Data) == 0 || len(tag.Opaque()) < 22 || len(tag.Opaque()) > 64 {
		return "", false
	}
	m, s1, s2 := md5.Sum(c.Data), sha1.Sum(c.Data), sha256.Sum256(c.Data)
	for name, sum := range map[string][]byte{"MD5": m[:], "SHA-1": s1[:], "SHA-256": s2[:]} {
		for _, text := range []string{hex.EncodeToString(sum), base64.StdEncoding.EncodeToString(sum),
			base64.RawURLEncoding.EncodeToString(sum)} {
			if strings.EqualFold(text, tag.Opaque()) && (len(text) == 2*len(sum) || text == tag.Opaque()) {
				return name, true
			}
		}
	}
	return "", false
}

// loopLength is how many equal refusals make a loop.
const loopLength = 3

func loops(e *examination) []Finding {
	if e.status() != 412 || !e.conditional() {
		return nil
	}
	n := 1
	var first *examination
	for _, p := range slices.Backward(e.earlier) {
		if !e.sameClient(p) || p.method() != e.method() {
			continue
		}
		if p.status() != 412 || !slices.Equal(p.verdict.Preconditions, e.verdict.Preconditions) {
			break
		}
		n, first = n+1, p
	}
	if n < loopLength {
		return nil
	}
	times := strconv.Itoa(n)
	if n == maxHistory+1 {
		times = "more than " + strconv.Itoa(maxHistory)
	}
	return one(Certain, fmt.Sprintf("the same %s was refused %s times in a row", e.describe(), times),
		append(e.preconditionFacts(), e.answered(), first.answered(), e.gap(first))...)
}

func ownWriteNotTracked(e *examination) []Finding {
	if e.status() != 412 || len(e.fields.IfMatch) == 0 || !e.writes() || e.sentAgain() != nil {
		return nil
	}
	evidence := []Fact{e.sent("If-Match"), e.current(), e.answered()}
	if p := e.ownWrite(e.verdict.State.ETag); p != nil && e.witnessed && e.verdict.State.ETag != "" {
		if strings.Contains(e.req("If-Match"), e.verdict.State.ETag) {
			return nil
		}
		c := Likely
		if e.atClient() {
			c = Certain
		}
		return one(c, "an earlier write of this client made the current tag "+clip(e.verdict.State.ETag)+", and the client does not send it",
			append(evidence, p.asked(), p.answered(), p.got("ETag"), e.gap(p))...)
	}
	p := e.last(func(p *examination) bool { return p.writes() && p.succeeded() })
	if p == nil || p.method() == "DELETE" || !e.sameClient(p) || e.req("If-Match") != p.req("If-Match") {
		return nil
	}
	says := "the client sends the same tag as with its earlier write, which was done and made another"
	if p.resp("ETag") == "" {
		says += "; the response to that had no ETag"
	}
	return one(Likely, says, append(evidence, p.asked(), p.sent("If-Match"), p.answered(), p.got("ETag"), e.gap(p))...)
}

// atClient reports whether the capture was made at the client, so that all of it is of one
// client.
func (e *examination) atClient() bool {
	f := e.x.Source.Format
	return f == capture.HAR || f == capture.SAZ || f == capture.Curl
}

func putReturnsOld(e *examination) []Finding {
	if e.reads() && e.succeeded() {
		return e.putReturnedOld()
	}
	tag := etagOf(e)
	if e.method() != "PUT" || !e.succeeded() || tag.IsZero() || tag.IsWeak() {
		return nil
	}
	read := e.last(func(p *examination) bool {
		return p.method() == "GET" && p.status() == 200 && p.resp("ETag") == tag.String()
	})
	if read == nil {
		return nil
	}
	_, before := read.representation()
	if c := e.x.Request.Content; before == nil || !c.Complete() || bytes.Equal(before, c.Data) {
		return nil
	}
	return one(Likely, clip(tag.String())+" was the tag before the write, and the response to the write, which sent other content, has it again",
		read.got("ETag"), e.asked(), e.answered(), e.got("ETag"))
}

// putReturnedOld is about a read right after a write.
func (e *examination) putReturnedOld() []Finding {
	put := e.last(func(*examination) bool { return true })
	if put == nil || put.method() != "PUT" || !put.succeeded() || put.after.ETag == "" || e.resp("ETag") == "" {
		return nil
	}
	if put.after.ETag == e.resp("ETag") || !strings.Contains(put.req("If-Match"), put.after.ETag) || e.resp("Content-Encoding") != "" {
		return nil
	}
	return one(Likely, "the response to the write had "+clip(put.after.ETag)+", which was the tag before it; now the tag is "+
		clip(e.resp("ETag")),
		put.asked(), put.sent("If-Match"), put.got("ETag"), e.got("ETag"), e.gap(put))
}

func putTransformed(e *examination) []Finding {
	if e.method() != "GET" || e.status() != 200 || etagOf(e).IsZero() {
		return nil
	}
	_, got := e.representation()
	put := e.last(func(p *examination) bool { return p.writes() && p.succeeded() })
	if got == nil || e.resp("Content-Encoding") != "" || put == nil || put.method() != "PUT" || put.after.ETag != e.resp("ETag") {
		return nil
	}
	c := put.x.Request.Content
	if !c.Complete() || put.req("Content-Encoding") != "" || put.x.Request.Header.Has("Content-Range") || bytes.Equal(c.Data, got) {
		return nil
	}
	return one(Certain, fmt.Sprintf("PUT sent %d bytes and was answered with %s; with the same tag GET returns %d bytes that differ",
		len(c.Data), clip(e.resp("ETag")), len(got)),
		put.asked(), put.got("ETag"), e.got("ETag"),
		Fact{Name: "first difference", Value: "byte " + strconv.Itoa(firstDifference(c.Data, got)), Source: e.place("response")})
}

func firstDifference(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// metadataQueries are how Azure names what of an object is written, in lower case.
var metadataQueries = []string{"comp=metadata", "comp=properties", "comp=tags", "comp=lease"}

// metadata reports whether the request changes something about a resource, and not its content.
func (e *examination) metadata() bool {
	_, query, _ := strings.Cut(e.x.Request.Target, "?")
	return method.Annotates(e.method()) ||
		e.method() == "PUT" && slices.ContainsFunc(strings.Split(strings.ToLower(query), "&"),
			func(q string) bool { return slices.Contains(metadataQueries, q) })
}

// metadataName is what such a request is called.
func (e *examination) metadataName() string {
	if e.method() == "PUT" {
		return "a write of metadata"
	}
	return e.method()
}

func metadataBumps(e *examination) []Finding {
	c, ok := e.pair("If-Match")
	if e.status() != 412 || !ok || !e.anyStrong("If-Match") || c.Relation.Kind == etag.Identical || c.Relation.Kind == etag.SameButForm {
		return nil
	}
	read := e.minted(c.Sent)
	bump := e.metadataSince(read)
	if bump == nil {
		return nil
	}
	return one(Likely, fmt.Sprintf("between the GET and this request there was nothing but %s, and the tag changed from %s to %s",
		bump.metadataName(), clip(c.Sent), clip(c.Current)),
		read.got("ETag"), bump.asked(), bump.answered(), e.sent("If-Match"), e.current())
}

// metadataSince returns the first write after an earlier exchange if there were writes, and all of
// them were of metadata; otherwise nil, also for nil.
func (e *examination) metadataSince(read *examination) (bump *examination) {
	if read == nil {
		return nil
	}
	for _, p := range slices.Backward(e.earlier) {
		if p == read {
			break
		}
		if !p.writes() || !p.succeeded() {
			continue
		}
		if !p.metadata() {
			return nil // that may have changed the content
		}
		bump = p
	}
	return bump
}

func staleFromCache(e *examination) []Finding {
	if e.reads() {
		return e.olderThanWrite()
	}
	c, ok := e.pair("If-Match")
	if e.status() != 412 || !ok || c.Relation.Kind == etag.Identical || c.Relation.Kind == etag.SameButForm {
		return nil
	}
	read := e.minted(c.Sent)
	if read == nil || !read.reads() || read.cached().Name == "" {
		return nil
	}
	return one(Likely, "the client got "+clip(c.Sent)+" from a cache, and the server has "+clip(c.Current),
		read.got("ETag"), read.cached(), e.sent("If-Match"), e.current(), e.gap(read))
}

// olderThanWrite is about a read after a write that returns the tag from before. By its Age it is
// proven that the response is older than the write.
func (e *examination) olderThanWrite() []Finding {
	put := e.last(func(p *examination) bool { return p.writes() && p.succeeded() })
	if e.status() != 200 || put == nil || put.after.ETag == "" || e.resp("ETag") == "" || put.after.ETag == e.resp("ETag") ||
		e.cached().Name == "" {
		return nil
	}
	old := e.last(func(p *examination) bool { return p != put && p.resp("ETag") == e.resp("ETag") })
	if old == nil || slices.Index(e.earlier, old) > slices.Index(e.earlier, put) {
		return nil
	}
	c := Likely
	age, err := strconv.ParseInt(e.resp("Age"), 10, 32)
	if d, ok := e.since(put); ok && err == nil && time.Duration(age)*time.Second > d+time.Second && !e.x.Started.IsZero() &&
		!put.x.Started.IsZero() {
		c = Certain
	}
	return one(c, "this response has "+clip(e.resp("ETag"))+", the tag from before a write that made "+clip(put.after.ETag),
		e.got("ETag"), e.cached(), put.asked(), put.got("ETag"), e.gap(put))
}

func s3Conflict(e *examination) []Finding {
	if e.status() != 409 {
		return nil
	}
	if _, ok := e.contains("conditionalrequestconflict"); !ok {
		return nil
	}
	return one(Certain, "S3 could not decide the precondition, because another write was under way",
		append(e.preconditionFacts(), e.answered(),
			e.saying("ConditionalRequestConflict"))...)
}

func conflictAs409(e *examination) []Finding {
	if e.status() != 409 || len(e.fields.IfMatch) == 0 {
		return nil
	}
	evidence := []Fact{e.asked(), e.sent("If-Match"), e.answered()}
	if text, ok := e.contains("resourcemodified", "etag does not match", "etag mismatch"); ok {
		return one(Certain, "the service says that the tag does not match, with 409", append(evidence, e.saying(text))...)
	}
	if text, ok := e.contains("has been modified", "was modified", "has changed", "nameconflict"); ok {
		return one(Possible, "the service says that there was another change, with 409", append(evidence, e.saying(text))...)
	}
	return nil
}

func dummyCondition(e *examination) []Finding {
	members := e.members("If-None-Match")
	if len(members) != 1 || members[0].Any || members[0].Fault == etag.None || e.reads() && e.status() != 412 {
		return nil
	}
	value := members[0].Raw
	evidence := []Fact{e.asked(), e.sent("If-None-Match"), e.answered()}
	if strings.HasPrefix(value, "JoplinIgnore-") {
		return one(Certain, fmt.Sprintf("Joplin sends %s so that no cache answers", clip(value)), evidence...)
	}
	p := e.last(func(p *examination) bool { return p.x.Request.Header.Has("If-None-Match") })
	if p != nil && p.req("If-None-Match") != value && len(p.members("If-None-Match")) == 1 &&
		p.members("If-None-Match")[0].Fault == members[0].Fault &&
		e.minted(value) == nil {
		return one(Likely, "the value is no tag, no response had it, and it is another one each time",
			append(evidence, p.sent("If-None-Match"))...)
	}
	return nil
}

// misspelt are names that are meant to be preconditions, in lower case.
var misspelt = []string{
	"etag", "ifmatch", "ifnonematch", "ifmodifiedsince", "ifunmodifiedsince", "ifrange", "if_match", "if_none_match", "if-etag",
	"if-not-match",
	"if-none-matched", "if-matches", "x-if-match", "x-if-none-match", "http-if-match", "http_if_match",
}

func tagInWrongField(e *examination) []Finding {
	if len(e.standard()) > 0 || e.status() == 0 {
		return nil
	}
	for l := range e.x.Request.Header.Lines() {
		if slices.Contains(misspelt, strings.ToLower(l.Name)) {
			return one(Certain, fmt.Sprintf("%s in a request is no precondition, and there is no other: the request was unconditional", clip(l.Name)),
				e.asked(), e.sent(l.Name), e.answered())
		}
	}
	return nil
}

func officeWithout304(e *examination) []Finding {
	agent := strings.ToLower(e.req("User-Agent"))
	if !strings.Contains(agent, "office") && !strings.Contains(agent, "msoffice") {
		return nil
	}
	d := e.verdict.Decision
	if e.method() != "GET" || e.status() != 200 || d.Outcome != precondition.NotModified || d.Field != precondition.IfNoneMatch ||
		!e.witnessed {
		return nil
	}
	return one(Likely, "Office has the current version, and was sent it again in place of a 304",
		e.sent("User-Agent"), e.sent("If-None-Match"), e.got("ETag"), e.answered())
}

func lockNotShared(e *examination) []Finding {
	if e.status() != 412 || !e.x.Request.Header.Has("If") {
		return nil
	}
	lock := e.last(func(p *examination) bool { return p.method() == "LOCK" || p.method() == "UNLOCK" })
	if lock == nil || lock.method() != "LOCK" || !lock.succeeded() || lock.resp("Lock-Token") == "" ||
		!strings.Contains(e.req("If"), lock.resp("Lock-Token")) {
		return nil
	}
	if _, end := e.endOf(strings.Trim(lock.resp("Lock-Token"), "<> ")); end != nil {
		return nil
	}
	evidence := []Fact{lock.asked(), lock.got("Lock-Token"), e.sent("If"), e.answered(), e.gap(lock)}
	used := e.last(func(p *examination) bool {
		return p.succeeded() && p.x.Request.Header.Has("If") && p.req("If") == e.req("If")
	})
	if used != nil {
		return one(Likely, "the server gave out the lock token, took it once, and now does not know it",
			append(evidence, used.asked(), used.answered())...)
	}
	return one(Possible, "the server gave out this lock token, and does not know it now; it may have expired, too", evidence...)
}
