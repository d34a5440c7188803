package probe

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
)

// codings are those that browsers accept.
var codings = []string{"gzip", "br", "zstd"}

// A variant is an answer in a content coding.
type variant struct {
	coding string
	*answer
}

// variants returns those of the codings that the server has the target in.
func (t *trial) variants() []variant {
	var found []variant
	for _, coding := range codings {
		a := t.once("Accept-Encoding", coding)
		if a.status == http.StatusOK && strings.EqualFold(a.field("Content-Encoding"), coding) {
			found = append(found, variant{coding, a})
		}
	}
	return found
}

// coded wants a resource that is compressed on request, and not otherwise.
func coded(t *trial) string {
	if t.base.has("Content-Encoding") {
		return fmt.Sprintf("the content comes in %s although no coding was asked for", t.base.field("Content-Encoding"))
	}
	if len(t.variants()) == 0 {
		return "the server compresses nothing here: not in " + strings.Join(codings, ", ")
	}
	return ""
}

// each asks of each variant that is fit, and reports the first that fails.
func (t *trial) each(fit func(variant) bool, lacking string, ask func(variant) verdict) verdict {
	var seen []string
	for _, v := range t.variants() {
		if !fit(v) {
			continue
		}
		got := ask(v)
		if got.outcome != Passed {
			return got
		}
		seen = append(seen, v.coding+": "+got.says)
	}
	if len(seen) == 0 {
		return inapplicable("%s", lacking)
	}
	return right("%s", strings.Join(seen, "; "))
}

func anyVariant(variant) bool      { return true }
func taggedVariant(v variant) bool { return !v.tag().IsZero() }
func strongVariant(v variant) bool { return taggedVariant(v) && !v.tag().IsWeak() }

// suffixed is the rule for a tag with the mark of a coding that is not recognised, if it has one.
func (t *trial) suffixed(v variant) string {
	if base := t.base.tag().Opaque(); base != "" && base != v.tag().Opaque() && strings.HasPrefix(v.tag().Opaque(), base) {
		return "compression-suffix-not-stripped"
	}
	return ""
}

var codingChecks = []*Check{{
	ID: "coding-distinct-tags", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §8.8.3",
	Title: "Each content coding has a strong entity tag of its own, or a weak one",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd.",
	Right: "No two of the answers, nor the uncompressed one, share a strong tag although their content differs.",
	Means: "A download that is resumed joins compressed and uncompressed parts, and a cache hands out one for the other: files are broken.",
	Fix: []string{
		`Let what compresses change the tag: "abc-gzip", or W/"abc".`,
		"Do not compress what is downloaded or edited.",
	},
	Servers: []ServerFix{
		{"Apache", "DeflateAlterETag AddSuffix and BrotliAlterETag AddSuffix, the defaults, instead of NoChange"},
		{"Caddy", "use a version whose encode marks the tag; 2.6 does not"},
	},
	Rules: []string{"same-strong-etag-across-encodings"},
	rests: byAll,
	ask: given([]need{coded}, func(t *trial) verdict {
		all := append([]variant{{"identity", t.base}}, t.variants()...)
		for i, v := range all {
			for _, w := range all[:i] {
				if v.tag().StrongEqual(w.tag()) && !v.same(w.answer) {
					return wrong("%s and %s both have ETag %v", w.coding, v.coding, v.tag()).because("same-strong-etag-across-encodings")
				}
			}
		}
		return right("%s", describe(all))
	}),
}, {
	ID: "coding-vary", Group: Crossing, Level: Should, Since: "0.1", Section: "RFC 9110 §12.5.5",
	Title: "Vary says that the content depends on Accept-Encoding",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd.",
	Right: "Vary: Accept-Encoding in each of the answers and in the uncompressed one, unless it has Cache-Control: no-store.",
	Means: "A cache hands compressed content to a client that cannot read it, or uncompressed content to everybody.",
	Fix:   []string{"Add Accept-Encoding to Vary wherever compression is decided, and in the answers that are not compressed, too."},
	Servers: []ServerFix{
		{"nginx", "gzip_vary on;"},
		{"Apache", "Header merge Vary Accept-Encoding"},
		{"lighttpd", `setenv.add-response-header = ("Vary" => "Accept-Encoding")`},
		{"Caddy", "header Vary Accept-Encoding"},
	},
	Rules: []string{"missing-vary"},
	ask: given([]need{coded}, func(t *trial) verdict {
		for _, v := range append(t.variants(), variant{"identity", t.base}) {
			if !v.varies("Accept-Encoding") && !v.directive("no-store") {
				return wrong("the answer in %s has Vary %s", v.coding, orNone(v.field("Vary"))).because("missing-vary")
			}
		}
		return right("Vary: %s", t.base.field("Vary"))
	}),
}, {
	ID: "coding-keeps-tag", Group: Crossing, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.3.1",
	Title: "The entity tag is still there when the content is compressed",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd.",
	Right: "A tag in each of the answers if the uncompressed one has a tag.",
	Means: "Browsers always ask for compression: for them the resource has no tag, cannot be validated by it, and cannot be edited safely.",
	Fix:   []string{"Let what compresses change the tag instead of removing it."},
	Servers: []ServerFix{
		{"nginx", "use 1.7.3 or later, and see that the application's tag is quoted: others are removed"},
		{"Cloudflare", "switch off Email Obfuscation and Automatic HTTPS Rewrites here, which remove the tag"},
	},
	Rules: []string{"proxy-strips-etag"},
	rests: byTag,
	ask: given([]need{hasTag, coded}, func(t *trial) verdict {
		return t.each(anyVariant, "", func(v variant) verdict {
			if !v.has("ETag") {
				return wrong("the uncompressed answer has ETag %v, that in %s none", t.base.tag(), v.coding).because("proxy-strips-etag")
			}
			return right("ETag %s", v.field("ETag"))
		})
	}),
}, {
	ID: "coding-tag-strong", Group: Saving, Level: Advice, Since: "0.1", Section: "RFC 9110 §8.8.1",
	Title: "The entity tag stays strong when the content is compressed",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd.",
	Right: "A strong tag in each of the answers if the uncompressed one has a strong tag.",
	Means: "An editor in a browser, which always accepts compression, gets a weak tag; If-Match with it never matches, so each edit is refused or goes unguarded.",
	Fix: []string{
		"Do not compress on the fly what is edited.",
		"Compress where the tag is made, and give each coding a strong tag of its own.",
		guardFix,
	},
	Servers: []ServerFix{
		{"nginx", "gzip off; for what is edited; gzip_static on; keeps strong tags for files"},
		{"Cloudflare", "a cache rule that respects strong ETags"},
	},
	Rules: []string{"proxy-weakens-etag", "weak-etag-in-if-match"},
	rests: byTag,
	ask: given([]need{hasStrongTag, coded}, func(t *trial) verdict {
		return t.each(taggedVariant, "the compressed answers have no tag: see coding-keeps-tag", func(v variant) verdict {
			if v.tag().IsWeak() {
				return wrong("the uncompressed answer has ETag %v, that in %s ETag %v", t.base.tag(), v.coding, v.tag()).because("proxy-weakens-etag")
			}
			return right("ETag %v", v.tag())
		})
	}),
}, {
	ID: "coding-inm", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "If-None-Match with the tag of the compressed answer gets 304",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd, and If-None-Match: the tag of that very answer.",
	Right: "304 Not Modified.",
	Means: "Browsers always ask for compression: they download everything again on each visit although it has not changed.",
	Fix:   []string{"Let the tag that goes out be recognised when it comes back, mark of the coding included."},
	Servers: []ServerFix{
		{"Apache", `RequestHeader edit* If-None-Match "-(?:gzip|br)\"" "\"" "expr=%{HTTP:Accept-Encoding} =~ /gzip/"`},
		{"Jetty", "use 9.4.7 or later"},
	},
	Rules: []string{"compression-suffix-not-stripped", "cdn-ignores-client-etag", "inm-compared-strongly"},
	rests: byTag,
	ask: given([]need{coded, hasTag, knowsTag}, func(t *trial) verdict {
		return t.each(taggedVariant, "the compressed answers have no tag: see coding-keeps-tag", func(v variant) verdict {
			return t.fulfil(wants(304, "If-None-Match", v.tag().String(), "Accept-Encoding", v.coding).unless(200, t.suffixed(v)))
		})
	}),
}, {
	ID: "coding-im", Group: Saving, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.1",
	Title: "If-Match with the tag of the compressed answer lets the request through",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd, and If-Match: the strong tag of that very answer.",
	Right: "200 with the content.",
	Means: "Whoever read the resource compressed, as all browsers do, is refused each edit although nobody else wrote.",
	Fix: []string{
		"Let the tag that goes out be recognised when it comes back, mark of the coding included.",
		"Do not compress what is edited.",
	},
	Servers: []ServerFix{
		{"Apache", `RequestHeader edit* If-Match "-(?:gzip|br)\"" "\"", or SetEnv no-gzip and SetEnv no-brotli for what is edited`},
		{"Caddy", "no encode for what is edited: it does not take its mark off If-Match"},
		{"Jetty", "use 9.4.7 or later"},
	},
	Rules: []string{"compression-suffix-not-stripped"},
	rests: byTag,
	ask: given([]need{coded, hasStrongTag, acceptsTag}, func(t *trial) verdict {
		return t.each(strongVariant, "the compressed answers have no strong tag: see coding-tag-strong", func(v variant) verdict {
			return t.fulfil(wants(200, "If-Match", v.tag().String(), "Accept-Encoding", v.coding).unless(412, t.suffixed(v)))
		})
	}),
}, {
	ID: "coding-inm-crossed", Group: Crossing, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.2",
	Title: "The tag of a compressed answer is not current for a client that wants none",
	Sends: "GET with Accept-Encoding: identity and If-None-Match: the tag of the answer in gzip, then br, then zstd, where it is not that of the uncompressed one.",
	Right: "200 with the uncompressed content, or a 304 whose ETag names the compressed answer that the client has.",
	Means: "A cache that holds the compressed answer is told that the uncompressed one is current, and hands out one for the other.",
	Fix:   []string{"Compare If-None-Match with the tag of what would be sent to this request, its coding included."},
	Servers: []ServerFix{
		{"Apache", `if RequestHeader edit* takes the mark off If-None-Match, let it do so only for requests that accept the coding: "expr=%{HTTP:Accept-Encoding} =~ /gzip/"`},
	},
	Rules: []string{"not-modified-etag-differs", "compression-suffix-not-stripped"},
	rests: byTag,
	ask: given([]need{coded, hasTag, knowsTag, namesTag}, func(t *trial) verdict {
		other := func(v variant) bool { return taggedVariant(v) && !v.tag().WeakEqual(t.base.tag()) }
		return t.each(other, "the compressed answers have the tag of the uncompressed one, apart from W/", func(v variant) verdict {
			w := wants(200, "If-None-Match", v.tag().String(), "Accept-Encoding", "identity")
			if a := t.once(w.fields...); a.status == http.StatusNotModified && a.tag().WeakEqual(v.tag()) {
				return right("%v", a)
			}
			return t.fulfil(w).because("not-modified-etag-differs")
		})
	}),
}, {
	ID: "coding-range", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §14.1.2",
	Title: "A part of compressed content is a part of the compressed bytes",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd, and Range: from byte 10 on, long enough to be compressed.",
	Right: "206 with these bytes of the compressed content, or of the uncompressed one without Content-Encoding, or 200 with everything.",
	Means: "A browser that resumes a download joins bytes that do not belong together: the file is broken, and nobody is told.",
	Fix: []string{
		"Ignore Range where content is compressed on the fly.",
		"Compress before parts are taken, never the part: let what compresses leave a 206 alone, and whatever has Content-Range.",
	},
	Servers: []ServerFix{
		{"Jetty", "its compression handler compresses parts: leave out of it what is downloaded in parts"},
		{"Tomcat", "compression=\"on\" compresses parts: leave out of it what is downloaded in parts"},
		{"Caddy", "encode compresses parts in 2.6.2: no encode for what is downloaded in parts"},
		{"Express", "the compression middleware compresses parts: give it a filter that leaves out answers with Content-Range"},
	},
	Rules: []string{"content-range-offset-mismatch"},
	rests: byAll,
	ask: given([]need{sendsRanges, coded}, func(t *trial) verdict {
		return t.each(longVariant, "the compressed content is too short for parts", func(v variant) verdict {
			return t.judgeCoded(t.once("Range", t.longRange(), "Accept-Encoding", v.coding), v)
		})
	}),
}, {
	ID: "coding-if-range", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.5",
	Title: "If-Range gets a part of that very coding whose tag it names",
	Sends: "GET with Accept-Encoding: gzip, then br, then zstd, Range: from byte 10 on, and If-Range: the strong tag of the uncompressed answer, then that of the compressed one.",
	Right: "206 with bytes of the one that has the tag, or 200 with everything.",
	Means: "A download that was begun compressed goes on uncompressed, or the other way round: the file is broken, and nobody is told.",
	Fix: []string{
		"Compare If-Range with the tag of what would be sent to this request, its coding included.",
		"Ignore Range where content is compressed on the fly.",
	},
	Rules: []string{"if-range-ignored", "same-strong-etag-across-encodings"},
	rests: byAll,
	ask: given([]need{sendsRanges, coded, hasStrongTag, distinct, heedsIfRange, compressesRightly}, func(t *trial) verdict {
		return t.each(longVariant, "the compressed content is too short for parts", func(v variant) verdict {
			for _, whole := range []*answer{t.base, v.answer} {
				if !strongVariant(variant{answer: whole}) {
					continue
				}
				a := t.once("Range", t.longRange(), "If-Range", whole.tag().String(), "Accept-Encoding", v.coding)
				if got := t.judgePart(a, whole, longFirst, longLast); a.status == http.StatusPartialContent && got.outcome != Passed {
					got.says = fmt.Sprintf("to If-Range: %v in %s: %s", whole.tag(), v.coding, got.says)
					return got.because("if-range-ignored")
				}
			}
			return right("bytes of the one that was named")
		})
	}),
}}

// Parts of what may be compressed begin behind what all compressed content begins with, and before
// the end of what comes out short. They are long enough to be compressed, if there is as much.
const (
	longFirst = 10
	longLast  = longFirst + 2*stretch - 1
)

// longRange asks for such a part, and not past the end, which is another question.
func (t *trial) longRange() string {
	last := int64(longLast)
	if size := t.base.size(); size > longFirst {
		last = min(last, size-1)
	}
	return fmt.Sprintf("bytes=%d-%d", longFirst, last)
}

// judgeCoded judges a part that may be of the uncompressed content or of the variant.
func (t *trial) judgeCoded(a *answer, v variant) verdict {
	if !a.has("Content-Encoding") {
		return t.judgePart(a, t.base, longFirst, longLast)
	}
	if s := cutFirst(a, t.base, v); s != "" {
		return wrong("the part was cut out of the uncompressed content and compressed after that: %s", s).butNot("content-range-offset-mismatch")
	}
	return t.judgePart(a, v.answer, longFirst, longLast)
}

// cutFirst says how one sees that a part in a coding is a part of the uncompressed content, "" if
// one does not.
func cutFirst(a, plain *answer, v variant) string {
	cr, err := byterange.ParseContentRange(a.field("Content-Range"))
	if a.status != http.StatusPartialContent || err != nil || cr.Unsatisfied() {
		return ""
	}
	content, ungzipped := gunzipped(a)
	switch says := fmt.Sprintf("%d bytes in %s with Content-Range: %v", len(a.content), a.field("Content-Encoding"),
		a.field("Content-Range")); {
	case ungzipped && int64(len(content)) == cr.Range.Length && sameAt(plain.content, content, cr.Range.Start):
		return says
	case !a.cut && int64(len(a.content)) != cr.Range.Length && cr.Size >= 0 && cr.Size == plain.size() && cr.Size != v.size():
		return says
	}
	return ""
}

// gunzipped returns the content before it was compressed, and whether it could be.
func gunzipped(a *answer) ([]byte, bool) {
	if a.cut || !strings.EqualFold(a.field("Content-Encoding"), "gzip") {
		return nil, false
	}
	z, err := gzip.NewReader(bytes.NewReader(a.content))
	if err != nil {
		return nil, false
	}
	content, err := io.ReadAll(io.LimitReader(z, 4*stretch))
	return content, err == nil
}

// compressesRightly wants a server that cuts no part before it compresses.
func compressesRightly(t *trial) string {
	for _, v := range t.variants() {
		if a := t.once("Range", t.longRange(), "Accept-Encoding", v.coding); longVariant(v) && t.judgeCoded(a, v).outcome == Failed {
			return "parts of compressed content are wrong: see coding-range"
		}
	}
	return ""
}

func longVariant(v variant) bool { return len(v.content) >= 30 }

// namesTag wants a 304 that has the tag it is about.
func namesTag(t *trial) string {
	if a := t.once("If-None-Match", t.tag()); a.has("ETag") && a.tag() != t.base.tag() {
		return "a 304 has another tag than the one that matched: see 304-tag"
	}
	return ""
}

// distinct wants codings that tags tell apart.
func distinct(t *trial) string {
	for _, v := range t.variants() {
		if v.tag().StrongEqual(t.base.tag()) {
			return "the codings have the same strong tag: see coding-distinct-tags"
		}
	}
	return ""
}

func describe(all []variant) string {
	var s []string
	for _, v := range all {
		s = append(s, fmt.Sprintf("%s: ETag %s", v.coding, orNone(v.field("ETag"))))
	}
	return strings.Join(s, ", ")
}
