package diagnose

import (
	"fmt"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// transformRules are the causes in compression and in other layers between origin and client.
var transformRules = []Rule{
	{
		ID:      "compression-suffix-not-stripped",
		Level:   Error,
		Group:   Transform,
		Summary: "The tag sent back has the mark of a content coding that the server does not know",
		Explanation: "When a server compresses a response it may add a mark to the tag, inside the quotes: -gzip, -br, --gzip, ;gz. That is right, for the compressed " +
			"representation must have a tag of its own. But the tag that comes back in If-Match has the mark, too, and the part of the server that judges knows only the " +
			"tag without it. So each write by a client that accepts compression is refused, though nothing has changed; and If-None-Match never leads to a 304.\n\n" +
			"Apache's mod_deflate and mod_brotli do this, and Caddy's encode does not undo it for If-Match. Applications in a container behind Apache, such as Nextcloud, " +
			"are hit without knowing.",
		Example: "PUT /plan.txt HTTP/1.1\nIf-Match: \"bc55-65f5bb0296fc6-gzip\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"bc55-65f5bb0296fc6\"",
		Fix: []string{
			"Do not compress resources that are edited: SetEnvIf Request_URI ^/remote\\.php/dav no-gzip no-brotli",
			"Apache: take the mark off again on the way in, for If-Match and for If-None-Match; see the configuration below. DeflateAlterETag NoChange also ends the 412, but then " +
				"two representations have one strong tag, which breaks caches and resumed downloads.",
			"Jetty: use 9.4.7 or later.",
			"Client, until then: GET with Accept-Encoding: identity before editing, or send the tag and its bare form as a list.",
		},
		Section: "RFC 9110 §8.8.3.3",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe: []string{
			"curl -sI -H 'Accept-Encoding: identity' URL",
			"curl -sI -H 'Accept-Encoding: gzip' URL",
			"curl -si -o /dev/null -D - -H 'If-Match: \"the-tag-with-its-mark\"' URL",
		},
		Since: "0.1",
		check: suffixNotStripped,
	},
	{
		ID:      "proxy-weakens-etag",
		Level:   Warning,
		Group:   Transform,
		Summary: "Something in front of the origin made a weak tag of a strong one",
		Explanation: "A proxy that compresses or rewrites a response must not pass on the strong tag, since the bytes are others. nginx (gzip, sub_filter, SSI), Cloudflare, " +
			"CloudFront, Bunny and HAProxy therefore put W/ in front of it. For reading that is fine: If-None-Match uses the weak comparison. For writing it is fatal: " +
			"If-Match with a weak tag never holds.\n\n" +
			"It shows in the form of the tag: nginx, for one, never makes a weak tag of a file by itself.",
		Example: "HTTP/1.1 200 OK\nServer: nginx\nContent-Encoding: gzip\nETag: W/\"6ae9a5ee-bc55\"",
		Fix: []string{
			"nginx: gzip off; in the location of resources that are edited, and no sub_filter there.",
			"Compress at the origin, with a tag for each coding.",
			"Cloudflare: switch on \"Respect Strong ETags\" by a cache rule, and switch off what rewrites HTML.",
			"Client: GET with Accept-Encoding: identity before editing.",
		},
		Section: "RFC 9110 §8.8.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe: []string{
			"curl -sI -H 'Accept-Encoding: identity' URL",
			"curl -sI -H 'Accept-Encoding: gzip' URL",
		},
		Since: "0.1",
		check: proxyWeakens,
	},
	{
		ID:      "weak-etag-in-if-match",
		Level:   Error,
		Group:   Transform,
		Summary: "If-Match carries a weak tag, which can never match",
		Explanation: "If-Match uses the strong comparison: both tags must be strong and the same. A tag that begins with W/ is weak, " +
			"so it matches nothing, not even itself. The write fails whether or not anybody changed the resource, and it " +
			"fails again after every new GET that hands out a weak tag.\n\n" +
			"Mostly the client is innocent: it sends what it was given. Some frameworks make only weak tags (Express, " +
			"Rails, Tomcat), and many proxies weaken a strong tag when they compress a response (nginx, Cloudflare, CloudFront). " +
			"Some clients add the W/ themselves. Services that follow OData accept weak tags in If-Match by a rule of their own.",
		Example: "PUT /notes/7 HTTP/1.1\nIf-Match: W/\"5d8c72a5\"\n\nHTTP/1.1 412 Precondition Failed\nETag: W/\"5d8c72a5\"",
		Fix: []string{
			"Have the origin send strong tags for resources that are edited.",
			"Switch off compression and rewriting of those resources in the proxies on the way, or have the origin compress.",
			"In a client, never turn a tag into a weak one; if it only gets weak tags, it cannot use them for If-Match.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe: []string{
			"curl -sI -H 'Accept-Encoding: identity' URL",
			"curl -sI -H 'Accept-Encoding: gzip' URL",
		},
		Since: "0.1",
		check: weakIfMatch,
	},
	{
		ID:      "proxy-strips-etag",
		Level:   Warning,
		Group:   Transform,
		Summary: "The tag is lost on the way: the same resource has one at other times",
		Explanation: "A layer that changes the content can also drop the tag: nginx before 1.7.3 with gzip, any nginx if the tag is malformed, Cloudflare with email obfuscation, " +
			"HTTPS rewrites or JavaScript detections, or if the tag has no quotes; Envoy's compressor if the tag is strong. Without a tag the client can neither revalidate nor write safely, and " +
			"many then write without any precondition.",
		Example: "curl -sI URL                                ETag: \"6ae9a5ee-bc55\"\ncurl -sI -H 'Accept-Encoding: gzip' URL     Content-Encoding: gzip, no ETag",
		Fix: []string{
			"Compare the response of the origin with that of the proxy, to find the layer.",
			"Switch off what rewrites the content there: compression, obfuscation, injected scripts.",
			"Origin: send well-formed tags, in quotes.",
			"Envoy: its compressor removes strong tags; disable_on_etag_header leaves such responses as they are, weaken_etag_on_compress makes the tag weak.",
			"IIS: an outbound rule of URL Rewrite that empties RESPONSE_ETag removes it; take the rule out.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe: []string{
			"curl -sI -H 'Accept-Encoding: identity' URL",
			"curl -sI -H 'Accept-Encoding: gzip' URL",
			"curl -sI --connect-to ::ORIGIN: URL",
		},
		Since: "0.1",
		check: proxyStrips,
	},
	{
		ID:      "same-strong-etag-across-encodings",
		Level:   Error,
		Group:   Transform,
		Summary: "Two content codings of the resource have the same strong tag",
		Explanation: "A strong tag stands for certain bytes. Here the compressed and the plain representation have the same one. A cache or a browser may then take the one for the " +
			"other: a 304 confirms the wrong copy, and a resumed download joins compressed bytes to plain ones.",
		Example: "GET /a.js  Accept-Encoding: gzip       200 Content-Encoding: gzip  ETag: \"a\"\nGET /a.js  Accept-Encoding: identity   200                         ETag: \"a\"",
		Fix: []string{
			"Have each coding get its own tag, as in \"a\" and \"a-gzip\", and accept both in If-Match.",
			"Or make the tag weak, if nobody writes to the resource and no ranges are served.",
			"Apache: not DeflateAlterETag NoChange.",
		},
		Section: "RFC 9110 §8.8.3.3",
		Needs:   []Evidence{FromHistory},
		Probe: []string{
			"curl -sI -H 'Accept-Encoding: identity' URL",
			"curl -sI -H 'Accept-Encoding: gzip' URL",
		},
		Since: "0.1",
		check: sameTagAcrossCodings,
	},
	{
		ID:      "missing-vary",
		Level:   Warning,
		Group:   Transform,
		Summary: "The content coding depends on Accept-Encoding, but Vary does not say so",
		Explanation: "A shared cache keeps one response for a URL unless Vary names the request fields on which it depends. Without Vary: Accept-Encoding it hands the compressed response, and its " +
			"tag, to clients that did not ask for it, or the plain one to all.",
		Example: "GET /a  Accept-Encoding: gzip   200 Content-Encoding: gzip, no Vary\nGET /a                          200 no Content-Encoding, no Vary",
		Fix: []string{
			"Send Vary: Accept-Encoding with all responses for the URL, compressed or not, and with their 304s.",
			"nginx: gzip_vary on;",
		},
		Section: "RFC 9110 §12.5.5",
		Needs:   []Evidence{FromHistory},
		Probe: []string{
			"curl -sI -H 'Accept-Encoding: gzip' URL",
			"curl -sI -H 'Accept-Encoding: identity' URL",
		},
		Since: "0.1",
		check: missingVary,
	},
	{
		ID:      "not-modified-etag-differs",
		Level:   Warning,
		Group:   Transform,
		Summary: "The 304 carries another tag than the one that matched, or none",
		Explanation: "A 304 has the ETag that the 200 would have had, and that is one of those in If-None-Match. This one has another, mostly because a layer marks the tag of " +
			"a 200 and forgets to mark that of a 304. Clients that are strict reject the response; others store the wrong tag, and send it with " +
			"their next write.",
		Example: "GET /a HTTP/1.1\nIf-None-Match: \"a--gzip\"\n\nHTTP/1.1 304 Not Modified\nETag: \"a\"",
		Fix: []string{
			"Server: send in the 304 the ETag of If-None-Match that matched, with its mark.",
			"Update Jetty, hapi or what else compresses.",
		},
		Section: "RFC 9110 §15.4.5",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sI -H 'Accept-Encoding: gzip' -H 'If-None-Match: \"the-tag\"' URL"},
		Since:   "0.1",
		check:   notModifiedDiffers,
	},
	{
		ID:      "suffix-always-304",
		Level:   Error,
		Group:   Transform,
		Summary: "Any tag that ends in the mark of a content coding is answered with 304",
		Explanation: "Jetty 9.3 took every If-None-Match that ends in --gzip for a match, whatever was before it. Clients never see a new version. Only asking with a tag that " +
			"cannot exist shows it.",
		Example: "GET /a HTTP/1.1\nIf-None-Match: \"no-such-tag--gzip\"\n\nHTTP/1.1 304 Not Modified",
		Fix: []string{
			"Update Jetty to 9.4 or later, or switch off its compression.",
		},
		Section: "RFC 9110 §13.1.2",
		Needs:   []Evidence{FromProbe},
		Probe: []string{
			"curl -sI -H 'Accept-Encoding: gzip' -H 'If-None-Match: \"no-such-tag\"' URL",
			"curl -sI -H 'Accept-Encoding: gzip' -H 'If-None-Match: \"no-such-tag--gzip\"' URL",
		},
		Since: "0.1",
	},
	{
		ID:      "cdn-miss-drops-conditional",
		Level:   Good,
		Group:   Transform,
		Summary: "A cache that has nothing stored asks the origin without the client's If-None-Match",
		Explanation: "On a miss, Varnish, Cloudflare and others want the whole response in order to store it, so they leave out the client's If-None-Match and answer the client's " +
			"condition themselves. In the log of the origin no conditional request is ever seen, and every one is a 200. That is no fault.",
		Example: "client to CDN:   GET /a If-None-Match: \"a\"\nCDN to origin:   GET /a                       200",
		Fix: []string{
			"Nothing is to be repaired. To see what clients send, look at the log of the CDN.",
			"If responses are not to be stored, let the CDN pass them through; then conditions reach the origin.",
		},
		Section: "RFC 9111 §4.3.2",
		Needs:   []Evidence{FromLog, FromProbe},
		Probe: []string{
			"curl -sI -H 'If-None-Match: \"the-tag\"' URL",
			"curl -sI -H 'If-None-Match: \"the-tag\"' --connect-to ::ORIGIN: URL",
		},
		Since: "0.1",
	},
	{
		ID:      "cdn-ignores-client-etag",
		Level:   Warning,
		Group:   Transform,
		Summary: "The CDN does not compare tags, and sends the whole response though the client has it",
		Explanation: "A CDN can be set up to look at dates alone: Akamai does so unless validateEntityTag is on. If-None-Match with the current tag is then answered 200 with all of " +
			"the content, which is slow but not wrong for what the client sees.",
		Example: "GET /a HTTP/1.1\nIf-None-Match: \"a\"\n\nHTTP/1.1 200 OK\nETag: \"a\"\nX-Cache: TCP_HIT from a1.deploy.akamaitechnologies.com",
		Fix: []string{
			"Akamai: add the behavior \"Validate Entity Tag\" to the property.",
			"Other CDNs: look for a setting to respect or to compare ETags.",
		},
		Section: "RFC 9111 §4.3.2",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sI -H 'If-None-Match: \"the-tag\"' URL"},
		Since:   "0.1",
		check:   cdnIgnoresTag,
	},
	{
		ID:      "gateway-drops-precondition",
		Level:   Error,
		Group:   Transform,
		Summary: "Something in front of the origin removes the precondition, so writes are unconditional",
		Explanation: "A gateway, firewall or proxy is set up to pass on only some fields, or to empty If-Match. The origin never sees the precondition and performs each write. There is no " +
			"412 at all, and updates are lost in silence.",
		Example: "trace of IIS: GENERAL_SET_REQUEST_HEADER If-Match = \"\"\nPUT /a HTTP/1.1\nIf-Match: \"old\"\n\nHTTP/1.1 204 No Content",
		Fix: []string{
			"Remove the directive that empties it (nginx: proxy_set_header If-Match \"\"), and add If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since and If-Range to lists of fields that may pass.",
			"Have the origin demand preconditions for writes (428): then their loss shows at once.",
		},
		Section: "RFC 9110 §13.2.1",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe: []string{
			"curl -si -X PUT -H 'If-Match: \"no-such-tag\"' --data-binary @scratch SCRATCH-URL",
			"curl -si -X PUT -H 'If-Match: \"no-such-tag\"' --data-binary @scratch --connect-to ::ORIGIN: SCRATCH-URL",
		},
		Since: "0.1",
		check: gatewayDrops,
	},
	{
		ID:      "cors-etag-not-exposed",
		Level:   Warning,
		Group:   Transform,
		Summary: "A script in the browser cannot read ETag, since the response does not expose it",
		Explanation: "A script of another origin sees only a few fields of a response, and ETag is not among them unless Access-Control-Expose-Headers names it. It then sends no If-Match, or " +
			"the text null or undefined in it. The field is there in the developer tools, which makes this hard to see.\n\n" +
			"If-Match and If-None-Match must also be in Access-Control-Allow-Headers, and the fields must be in 304s, too.",
		Example: "HTTP/1.1 200 OK\nAccess-Control-Allow-Origin: https://app.example.com\nETag: \"a\"\n\nPUT /notes/7 HTTP/1.1\nIf-Match: null",
		Fix: []string{
			"Server: send Access-Control-Expose-Headers: ETag with all responses, 304 and 412 included.",
			"Server: add If-Match and If-None-Match to Access-Control-Allow-Headers.",
			"Script: if there is no tag, stop, and do not write.",
		},
		Section: "RFC 9110 §8.8.3",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Probe:   []string{"curl -sI -H 'Origin: https://app.example.com' URL"},
		Since:   "0.1",
		check:   corsNotExposed,
	},
}

// weakIfMatch fires on a refused, or not yet answered, request whose If-Match cannot hold because of W/.
func weakIfMatch(e *examination) []Finding {
	if e.status() != 412 && e.status() != 0 {
		return nil
	}
	for _, m := range e.members("If-Match") {
		if m.Tag.IsWeak() {
			return e.judgeWeak(m.Tag)
		}
	}
	return nil
}

func (e *examination) judgeWeak(sent etag.Tag) []Finding {
	current, err := etag.Parse(e.verdict.State.ETag)
	switch {
	case err == nil && sent.WeakEqual(current):
		return one(Certain, fmt.Sprintf("%s names the current version, but it is weak, and If-Match takes only strong tags", clip(sent.String())),
			e.sent("If-Match"), e.current(), e.answered())
	case e.anyStrong("If-Match"):
		return nil // there is another reason why that one did not match
	case e.odata():
		return one(Possible, fmt.Sprintf("%s is weak, and If-Match takes only strong tags by the standard; services that follow OData take weak ones, too, and then it failed for another reason", clip(sent.String())),
			e.sent("If-Match"), e.current(), e.answered())
	}
	says := fmt.Sprintf("all tags in If-Match are weak, as %s is, and If-Match takes only strong ones: it fails whatever the current tag is", clip(sent.String()))
	if err == nil && e.witnessed {
		says += "; besides, the current tag " + clip(current.String()) + " is another"
	}
	return one(Certain, says, e.sent("If-Match"), e.current(), e.answered())
}

// anyStrong reports whether the list has a strong tag, a "*", or a member that may be meant as one.
func (e *examination) anyStrong(field string) bool {
	if !e.hasAll(field) {
		return true // it may be among the others
	}
	list := e.members(field)
	return len(list) > 0 && !sign.WeakAlone(list)
}

// codingMarks are marks of content codings as programs put them at the end of an opaque tag.
var codingMarks = []string{"-gzip", "-br", "-zstd", "-deflate", "-df", ";gz", ";br"}

// codingMark returns the mark of a content coding at the end of a tag, or "".
func codingMark(tag string) string {
	tag = strings.TrimSuffix(tag, `"`)
	for _, m := range codingMarks {
		if strings.HasSuffix(tag, m) && len(tag) > len(m)+1 {
			return m
		}
	}
	return ""
}

func suffixNotStripped(e *examination) []Finding {
	switch {
	case e.status() == 412 && len(e.fields.IfMatch) > 0:
		return e.suffixIn("If-Match", "refused")
	case e.reads() && e.status() == 200 && e.witnessed && e.x.Cache == "":
		return e.suffixNever304()
	}
	return nil
}

func (e *examination) suffixIn(field, outcome string) []Finding {
	evidence := []Fact{e.sent(field), e.current(), e.answered()}
	c, ok := e.pair(field)
	switch {
	case ok && c.Relation.Kind == etag.SameButForm && slices.Contains(c.Relation.Differences, etag.CodingMark):
		f := finding(Certain, fmt.Sprintf("%s is the current tag %s with the mark of a content coding; nothing has changed, and it was %s for that mark",
			clip(c.Sent), clip(c.Current), outcome), evidence...)
		f.Config = suffixConfig(e)
		return []Finding{f}
	case ok && c.Relation.Kind != etag.Identical:
		return nil
	}
	for _, m := range e.members(field) {
		mark := codingMark(m.Raw)
		if mark == "" {
			continue
		}
		says := fmt.Sprintf("%s ends in %s, the mark of a content coding, which the part of the server that judges may not know", clip(m.Raw), mark)
		f := finding(Possible, says, evidence...)
		if read := e.minted(m.Raw); read != nil && read.resp("Content-Encoding") != "" {
			f = finding(Likely, says, append(evidence, read.got("ETag"), read.got("Content-Encoding"))...)
		}
		f.Config = suffixConfig(e)
		return []Finding{f}
	}
	return nil
}

// suffixNever304 is about a read with the very tag of the response, which should have been a
// 304.
func (e *examination) suffixNever304() []Finding {
	d := e.verdict.Decision
	if d.Outcome != precondition.NotModified || d.Field != precondition.IfNoneMatch || codingMark(d.Matched.String()) == "" ||
		e.x.Source.Format == capture.HAR {
		return nil
	}
	return one(Likely, fmt.Sprintf("%s is the current tag, and was not recognised: it is compared before its mark is added", clip(d.Matched.String())),
		e.sent("If-None-Match"), e.got("ETag"), e.got("Content-Encoding"), e.answered())
}

// suffixConfig repairs it at the server that answered, if it is one that can be told how.
func suffixConfig(e *examination) []Config {
	if server := strings.ToLower(e.resp("Server")); server != "" && !strings.Contains(server, "apache") {
		return nil
	}
	return []Config{{
		Server: "Apache",
		Where:  "into the server configuration or the <VirtualHost>, with mod_headers; the mark is taken off before the application sees it",
		Text: `RequestHeader edit* If-Match "-(?:gzip|br)\"" "\""` + "\n" +
			`RequestHeader edit* If-None-Match "-(?:gzip|br)\"" "\""`,
		Note: "Responses keep their marks. It takes Apache 2.4.8 or later.",
	}}
}

// weakeners are programs and services known to make strong tags weak, in lower case.
var weakeners = []string{"nginx", "openresty", "tengine", "cloudflare", "cloudfront", "bunny", "haproxy", "fastly", "varnish"}

// strongDialects are dialects whose makers send strong tags only.
var strongDialects = []string{"nginx", "iis", "aspnetcore-static", "s3-md5", "s3-multipart", "azure", "caddy"}

func proxyWeakens(e *examination) []Finding {
	tag := etagOf(e)
	if !e.reads() || e.status() != 200 || !tag.IsWeak() {
		return nil
	}
	evidence := []Fact{e.got("ETag"), e.got("Content-Encoding"), e.got("Via"), e.got("Server")}
	strong := e.last(func(p *examination) bool { return p.succeeded() && etagOf(p) != tag && etagOf(p).WeakEqual(tag) })
	party, known := e.has(weakeners...)
	if known {
		evidence = append(evidence, e.fact("in between", party.Sign))
	}
	switch {
	case strong != nil && strong.facts().Coding != e.facts().Coding:
		return one(Certain, "the same tag came without W/ in another response",
			append(evidence, strong.got("ETag"), strong.got("Content-Encoding"))...)
	case strong != nil || !known || e.resp("Content-Encoding") == "":
		return nil // without compression it is a server that changes its mind: see fresh-file-weak-etag
	}
	for _, r := range etag.Recognise(tag.String(), e.verdict.State.Facts) {
		if slices.Contains(strongDialects, r.Dialect.ID) && r.Fit >= etag.Confirmed {
			return one(Likely, fmt.Sprintf("the tag is made by %s, which makes strong ones; %s weakens them when it compresses", r.Dialect.By,
				party.Name), evidence...)
		}
	}
	return one(Possible, fmt.Sprintf("%s weakens tags when it compresses", party.Name), evidence...)
}

// strippers are programs and services known to drop tags, in lower case.
var strippers = []string{"nginx", "openresty", "cloudflare", "envoy"}

func proxyStrips(e *examination) []Finding {
	for _, check := range []func(*examination) []Finding{removedByRule, onlyRepeatedTag, wordForTag, hitWithoutTag} {
		if found := check(e); found != nil {
			return found
		}
	}
	if !e.shows() || e.blindResponse() {
		return nil
	}
	evidence := []Fact{e.got("ETag"), e.coding(), e.got("Last-Modified"), e.got("Server")}
	other := e.last((*examination).shows)
	if other != nil && !other.blindResponse() && (other.resp("Content-Encoding") != e.resp("Content-Encoding") ||
		other.resp("Server") != e.resp("Server")) {
		evidence := append(evidence, other.got("ETag"), other.coding())
		switch had, has := other.resp("ETag") != "", e.resp("ETag") != ""; {
		case had && !e.x.Response.Header.Has("ETag"):
			return one(Likely, "this response has no ETag, and another one for the same resource has", evidence...)
		case has && !other.x.Response.Header.Has("ETag") && other.coded() && !e.coded():
			return one(Likely, other.place("response")+" is compressed and has no ETag, and this one for the same resource has", evidence...)
		}
	}
	if e.x.Response.Header.Has("ETag") {
		return nil
	}
	if party, ok := e.has(strippers...); ok && e.resp("Content-Encoding") != "" && e.resp("Last-Modified") != "" {
		return one(Possible, fmt.Sprintf("the response has a Last-Modified and no ETag, and %s may have dropped it", party.Name),
			append(evidence, e.fact("in between", party.Sign))...)
	}
	return nil
}

// otherCoding returns an earlier response to GET in another content coding, or nil.
func (e *examination) otherCoding() *examination {
	if e.method() != "GET" || e.status() != 200 || e.blindResponse() {
		return nil
	}
	return e.last(func(p *examination) bool {
		return p.method() == "GET" && p.status() == 200 && !p.blindResponse() && p.facts().Coding != e.facts().Coding
	})
}

func sameTagAcrossCodings(e *examination) []Finding {
	p, tag := e.otherCoding(), etagOf(e)
	if p == nil || !tag.StrongEqual(etagOf(p)) {
		return nil
	}
	return one(Certain, clip(tag.String())+" is strong, and stands for different bytes: those of two content codings",
		p.got("ETag"), p.coding(), e.got("ETag"), e.coding())
}

// coding is the fact of the content coding of the response, or that it has none.
func (e *examination) coding() Fact {
	if f := e.got("Content-Encoding"); f.Name != "" {
		return f
	}
	return Fact{Name: "Content-Encoding", Value: "none", Source: e.place("response")}
}

func missingVary(e *examination) []Finding {
	p := e.otherCoding()
	if p == nil || p.req("Accept-Encoding") == e.req("Accept-Encoding") {
		return nil
	}
	for _, r := range []*examination{e, p} {
		if vary := strings.ToLower(r.resp("Vary")); !strings.Contains(vary, "accept-encoding") && vary != "*" {
			return one(Likely, "two responses differ in their content coding, and Vary does not name Accept-Encoding",
				p.sent("Accept-Encoding"), p.coding(), e.sent("Accept-Encoding"), e.coding(), r.got("Vary"))
		}
	}
	return nil
}

func notModifiedDiffers(e *examination) []Finding {
	members := e.members("If-None-Match")
	if e.status() != 304 || len(members) == 0 || e.anyMember("If-None-Match") || !e.hasAll("If-None-Match") || e.blindResponse() {
		return nil
	}
	evidence := []Fact{e.sent("If-None-Match"), e.got("ETag"), e.answered()}
	tag := etagOf(e)
	if !e.x.Response.Header.Has("ETag") {
		return e.notModifiedWithout(members, evidence)
	}
	for _, m := range members {
		if sent, ok := m.Lenient(); ok && sent.WeakEqual(tag) || m.Raw == e.resp("ETag") {
			return nil
		}
	}
	says := "the 304 has " + clip(e.resp("ETag")) + ", which is not among the tags that were sent"
	if c, ok := e.pair("If-None-Match"); ok && c.Relation.Kind == etag.SameButForm {
		says = fmt.Sprintf("the 304 has %s, and the tag that matched is %s; they differ in %s", clip(c.Current), clip(c.Sent),
			differences(c.Relation))
	}
	return one(Certain, says, evidence...)
}

// notModifiedWithout is about a 304 without ETag. It should have one if the 200 had.
func (e *examination) notModifiedWithout(members []etag.Member, evidence []Fact) []Finding {
	for _, m := range members {
		if p := e.minted(m.Raw); p != nil && p.reads() && p.status() == 200 {
			return one(Certain, "the 304 has no ETag, and the 200 before it had", append(evidence, p.got("ETag"))...)
		}
	}
	return nil
}

// differences lists in words how two tags differ.
func differences(r etag.Relation) string {
	words := make([]string, len(r.Differences))
	for i, d := range r.Differences {
		words[i] = d.String()
	}
	return strings.Join(words, " and ")
}

// cdns are services that answer from caches, in lower case.
var cdns = []string{"akamai", "cloudflare", "cloudfront", "fastly", "bunny", "azure front door", "varnish", "a cache"}

func cdnIgnoresTag(e *examination) []Finding {
	d := e.verdict.Decision
	if !e.reads() || e.status() != 200 || !e.witnessed || d.Outcome != precondition.NotModified || d.Field != precondition.IfNoneMatch ||
		e.x.Cache != "" || e.x.Source.Format == capture.HAR {
		return nil
	}
	party, ok := e.has(cdns...)
	if !ok {
		return nil
	}
	evidence := []Fact{e.sent("If-None-Match"), e.got("ETag"), e.answered(), e.fact("in between", party.Sign), e.cached()}
	if strings.Contains(party.Name, "Akamai") || e.cached().Name != "" {
		return one(Likely, fmt.Sprintf("the client has the current version, and %s sent it again", party.Name), evidence...)
	}
	return one(Possible, fmt.Sprintf("the client has the current version, and %s or the origin sent it again", party.Name), evidence...)
}

func gatewayDrops(e *examination) []Finding {
	for _, field := range []string{"If-Match", "If-None-Match", "If-Unmodified-Since"} {
		if f, removed := e.changedField(field); removed {
			return one(Certain, "the trace shows that "+field+" was removed before the request was handled", f, e.sent(field),
				e.asked(), e.answered())
		}
	}
	d := e.verdict.Decision
	if !e.writes() || !e.succeeded() || d.Outcome != precondition.PreconditionFailed || d.Reason == precondition.WeakTag ||
		len(e.foreign()) > 0 || !e.x.Response.Header.Has("Via") || e.otherForm() {
		return nil
	}
	return one(Possible, "the write was done although its precondition was false by the state that "+e.verdict.State.Source+
		" told, and there is a proxy in between",
		append(e.preconditionFacts(), e.answered(), e.got("Via"))...)
}

// notTags are what scripts send that have no tag, in lower case.
var notTags = []string{"null", "undefined", "", `"null"`, `"undefined"`, `""`}

func corsNotExposed(e *examination) []Finding {
	if !e.crossOrigin() {
		return nil
	}
	if e.x.Request.Header.Has("If-Match") && slices.Contains(notTags, strings.ToLower(e.req("If-Match"))) {
		return e.corsNoTag()
	}
	allowed := e.resp("Access-Control-Allow-Origin")
	if !e.reads() || e.status() != 200 || e.resp("ETag") == "" || allowed == "" || e.exposes("etag") {
		return nil
	}
	return one(Possible, "the response has an ETag, and a script of "+clip(e.req("Origin"))+" cannot read it; that matters if the script is to write",
		e.sent("Origin"), e.got("Access-Control-Allow-Origin"), e.got("Access-Control-Expose-Headers"), e.got("ETag"))
}

// corsNoTag is about a script that evidently had no tag to send.
func (e *examination) corsNoTag() []Finding {
	evidence := []Fact{e.sent("Origin"), e.sent("If-Match"), e.answered()}
	p := e.last(func(p *examination) bool { return p.reads() && p.status() == 200 })
	if p != nil && p.req("Origin") != "" && p.resp("ETag") != "" && !p.exposes("etag") {
		return one(Likely, "the script sent no tag in If-Match, since the response before does not let it read ETag",
			append(evidence, p.got("ETag"), p.got("Access-Control-Expose-Headers"))...)
	}
	return one(Possible, "a script of another origin sent no tag in If-Match; mostly the response did not let it read ETag", evidence...)
}

// exposes reports whether scripts of other origins may read a field, whose name is in lower case.
func (e *examination) exposes(field string) bool {
	for name := range strings.SplitSeq(strings.ToLower(e.resp("Access-Control-Expose-Headers")), ",") {
		if name = strings.TrimSpace(name); name == field || name == "*" {
			return true
		}
	}
	return false
}

// removedByRule is about a tag that the server's own trace shows being removed from the response.
func removedByRule(e *examination) []Finding {
	set, rule := "", ""
	for _, ev := range e.x.Trace {
		switch {
		case ev.Kind == capture.RuleMatched:
			rule = ev.To
		case ev.Kind != capture.ResponseFieldSet || !strings.EqualFold(ev.Field.Name, "ETag"):
		case ev.Field.Value != "":
			set = ev.Field.Value
		case set != "" && e.resp("ETag") == "":
			says := "the trace shows that ETag was set to " + clip(set) + ", and then removed"
			if rule != "" {
				says += ", after the rule \"" + clip(rule) + "\" had matched"
			}
			return one(Certain, says, e.fact("trace", "ETag set to "+clip(set)), e.fact("trace", "ETag removed"), e.answered())
		}
	}
	return nil
}

// onlyRepeatedTag is about Nextcloud and ownCloud, which send the tag twice, as ETag and as OC-ETag.
func onlyRepeatedTag(e *examination) []Finding {
	if !e.succeeded() || e.blindResponse() || e.moves() || e.resp("OC-ETag") == "" || e.x.Response.Header.Has("ETag") {
		return nil
	}
	evidence := []Fact{e.got("OC-ETag"), e.got("Content-Encoding"), e.got("Server"), e.answered()}
	says := "the server sends its tag as ETag and as OC-ETag, and only OC-ETag came through"
	if party, ok := e.has(strippers...); ok {
		return one(Likely, says+"; "+party.Name+" is known to drop tags", append(evidence, e.fact("in between", party.Sign))...)
	}
	return one(Likely, says, evidence...)
}

// wordForTag is about a program that sent a word, as null, for want of a tag.
func wordForTag(e *examination) []Finding {
	word, ok := e.noTag()
	if !ok || e.status() != 412 && e.status() != 400 {
		return nil
	}
	p := e.last(func(p *examination) bool { return p.succeeded() && !p.blindResponse() && e.sameClient(p) })
	evidence := []Fact{e.sent("If-Match"), e.answered(), e.got("Server")}
	if p == nil {
		if e.crossOrigin() {
			return nil // see cors-etag-not-exposed
		}
		return one(Possible, fmt.Sprintf("the client sent %s for want of a tag: the response before had none, or lost it on the way",
			inQuotes(word)), evidence...)
	}
	if p.x.Response.Header.Has("ETag") {
		return nil // it could have been read
	}
	says := fmt.Sprintf("the client sent %s for want of a tag: %s has none", inQuotes(word), p.place("response"))
	evidence = append(evidence, p.asked(), p.answered(), p.got("OC-ETag"))
	if party, stripper := p.has(strippers...); stripper || p.resp("OC-ETag") != "" {
		return one(Likely, says+", and it was there before something on the way dropped it",
			append(evidence, p.fact("in between", party.Sign))...)
	}
	return one(Possible, says, evidence...)
}

// hitWithoutTag is about a stored response without a tag, given to a client that has one.
func hitWithoutTag(e *examination) []Finding {
	if !e.reads() || e.status() != 200 || e.blindResponse() || e.x.Response.Header.Has("ETag") || e.cached().Name == "" || e.x.Cache != "" {
		return nil
	}
	if len(e.members("If-None-Match")) == 0 || e.anyMember("If-None-Match") {
		return nil
	}
	party, ok := e.has(cdns...)
	if !ok {
		return nil
	}
	return one(Possible, fmt.Sprintf("the client has a tag from before, and the response that %s has stored has none: it was dropped, or the origin does not send it any more", party.Name),
		e.sent("If-None-Match"), e.cached(), e.got("Content-Encoding"), e.got("Server"), e.fact("in between", party.Sign), e.answered())
}
