package diagnose

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
)

// signs are response fields that only certain programs and services set. A sign with a word
// counts if the value contains that word; word is in lower case.
var signs = []struct{ field, word, name string }{
	{"CF-Ray", "", "Cloudflare"},
	{"CF-Cache-Status", "", "Cloudflare"},
	{"X-Amz-Cf-Id", "", "CloudFront"},
	{"X-Amz-Cf-Pop", "", "CloudFront"},
	{"X-Azure-Ref", "", "Azure Front Door"},
	{"X-Served-By", "cache-", "Fastly"},
	{"X-Fastly-Request-Id", "", "Fastly"},
	{"X-Akamai-Request-Id", "", "Akamai"},
	{"X-Akamai-Transformed", "", "Akamai"},
	{"Akamai-Grn", "", "Akamai"},
	{"CDN-RequestId", "", "Bunny"},
	{"X-Varnish", "", "Varnish"},
	{"X-Vercel-Id", "", "Vercel"},
	{"X-NF-Request-Id", "", "Netlify"},
	{"X-GUploader-UploadId", "", "Google Cloud Storage"},
	{"X-ARR-Log-Id", "", "IIS with ARR"},
	{"X-ARR-SSL", "", "IIS with ARR"},
	{"X-Ms-Request-Id", "", "Azure"},
	{"X-Amz-Request-Id", "", "Amazon S3 or a store like it"},
	{"OC-ETag", "", "Nextcloud or ownCloud"},
	{"X-LiteSpeed-Cache", "", "LiteSpeed"},
	{"X-Proxy-Cache", "", "nginx"},
	{"X-Cache", "cloudfront", "CloudFront"},
	{"X-Cache", "", "a cache"},
	{"X-Cache-Hits", "", "a cache"},
	{"Age", "", "a cache"},
}

// partiesOf returns the programs that left a sign in the response or in the server's trace.
func partiesOf(x *capture.Exchange) []Party {
	var list []Party
	h := x.Response.Header
	for _, line := range h.Named("Via") {
		for hop := range strings.SplitSeq(line.Value, ",") {
			list = addParty(list, viaName(hop), "Via: "+strings.TrimSpace(hop))
		}
	}
	for _, s := range signs {
		if v := h.Get(s.field); v != "" && strings.Contains(strings.ToLower(v), s.word) && (s.name != "a cache" || len(list) == 0) {
			list = addParty(list, s.name, s.field+": "+v)
		}
	}
	for _, ev := range x.Trace {
		if ev.Kind == capture.Routed {
			list = addParty(list, "IIS with ARR", "trace: routed to "+ev.To)
		}
	}
	if ev, ok := statusSetter(x); ok {
		list = addParty(list, ev.Module, "trace: "+statusText(ev))
	}
	for _, field := range []string{"Server", "X-Powered-By"} {
		if v := h.Get(field); v != "" {
			list = addParty(list, v, field+": "+v)
		}
	}
	return list
}

// viaName is the name in a member of Via (RFC 9110 §7.6.3): the comment if there is one, as
// in "1.1 vegur" or "1.1 abc.cloudfront.net (CloudFront)".
func viaName(hop string) string {
	if _, comment, ok := strings.Cut(hop, "("); ok {
		return strings.TrimSuffix(strings.TrimSpace(comment), ")")
	}
	words := strings.Fields(hop)
	if len(words) > 1 {
		return words[1]
	}
	return strings.TrimSpace(hop)
}

const maxParties = 16

// addParty appends a party unless it has no name or is there.
func addParty(list []Party, name, sign string) []Party {
	name = clip(name)
	if name == "" || len(list) == maxParties {
		return list
	}
	for _, p := range list {
		if strings.EqualFold(p.Name, name) {
			return list
		}
	}
	return append(list, Party{Name: name, Sign: clip(sign)})
}

// cached returns the fact that a cache answered, without a name if no sign says so.
func (e *examination) cached() Fact {
	if e.x.Cache != "" {
		return Fact{Name: "answered by", Value: "the client's " + e.x.Cache + " cache", Source: e.place("exchange")}
	}
	for _, field := range []string{"CF-Cache-Status", "X-Cache", "X-Cache-Status", "X-Proxy-Cache", "X-Vercel-Cache", "Cache-Status",
		"CDN-Cache", "X-From-Cache"} {
		if strings.Contains(strings.ToLower(e.resp(field)), "hit") || field == "X-From-Cache" && e.resp(field) == "1" {
			return e.got(field)
		}
	}
	if age := e.resp("Age"); age != "" && age != "0" {
		return e.got("Age")
	}
	return Fact{}
}

// has returns the sign of the first party whose name contains one of the words, which are in
// lower case.
func (e *examination) has(words ...string) (Party, bool) {
	for _, p := range e.verdict.Between {
		for _, w := range words {
			if strings.Contains(strings.ToLower(p.Name), w) {
				return p, true
			}
		}
	}
	return Party{}, false
}
