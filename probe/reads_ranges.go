package probe

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
)

const (
	firstByte = "bytes=0-0"
	// shortest is how much content it takes to ask for parts of it.
	shortest = 8
	// beyondInt64 is a position that does not fit 64 bits.
	beyondInt64 = "99999999999999999999"
)

func hasContent(t *trial) string {
	if len(t.base.content) < shortest {
		return fmt.Sprintf("the content is too short for parts: %d bytes", len(t.base.content))
	}
	return ""
}

// stretch is how long the parts are that are asked for, if the content has as much: long enough
// that whoever compresses would compress them.
const stretch = 8 << 10

// inner are the first and the last byte of a part in the middle of the content, where one can see
// whether bytes are shifted.
func (t *trial) inner() (first, last int64) {
	third := int64(len(t.base.content) / 3)
	return third, third + min(third, stretch) - 1
}

// innerRange asks for that part.
func (t *trial) innerRange() string {
	first, last := t.inner()
	return fmt.Sprintf("bytes=%d-%d", first, last)
}

func hasSize(t *trial) string {
	if t.base.size() < 0 {
		return "how long the content is is not known: it is longer than was read"
	}
	return hasContent(t)
}

// sendsRanges wants a server that sends parts.
func sendsRanges(t *trial) string {
	if lacking := hasContent(t); lacking != "" {
		return lacking
	}
	if a := t.once("Range", t.innerRange()); a.status != http.StatusPartialContent {
		return fmt.Sprintf("%s: %d to Range: %s", noParts, a.status, t.innerRange())
	}
	return ""
}

// sendsRightParts wants one whose parts are right where nothing else is asked.
func sendsRightParts(t *trial) string {
	if lacking := sendsRanges(t); lacking != "" {
		return lacking
	}
	if v := t.judgeInner(t.once("Range", t.innerRange())); v.outcome != Passed {
		return "the parts are wrong: see range-single"
	}
	return ""
}

// judgeInner judges the answer to a request for the inner part.
func (t *trial) judgeInner(a *answer) verdict {
	first, last := t.inner()
	return t.judgePart(a, t.base, first, last)
}

// offersRanges wants a server that sends parts or says so.
func offersRanges(t *trial) string {
	if strings.EqualFold(t.base.field("Accept-Ranges"), byterange.Unit) {
		return hasContent(t)
	}
	return sendsRanges(t)
}

var rangeChecks = []*Check{{
	ID: "range-sent", Group: Downloading, Level: Should, Since: "0.1", Section: "RFC 9110 §14.2",
	Title: "Parts are sent when they are asked for",
	Sends: "GET with Range: the first byte, all from the middle on, the last bytes.",
	Right: "206 Partial Content, from a server that says Accept-Ranges: bytes or sends one of them.",
	Means: "An interrupted download starts anew, and players cannot jump.",
	Fix: []string{
		"Serve files by the server itself, not through an application that reads Range in part or not at all.",
		"If ranges are not wanted, say Accept-Ranges: none.",
	},
	Servers: []ServerFix{
		{"nginx", "proxy_force_ranges on; for responses of an application"},
	},
	Rules: []string{"range-ignored-when-compressed"},
	rests: byContent,
	ask: statuses([]need{offersRanges}, func(t *trial) []wish {
		return []wish{
			wants(206, "Range", firstByte),
			wants(206, "Range", fmt.Sprintf("bytes=%d-", len(t.base.content)/2)),
			wants(206, "Range", "bytes=-2"),
		}
	}),
}, {
	ID: "range-single", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §15.3.7.1",
	Title: "A part is the part that was asked for",
	Sends: "GET with Range: a part from the middle, of 8 KiB if there is as much.",
	Right: "206 with these bytes and a Content-Range that says where they are, or 200 with everything.",
	Means: "The client puts the bytes in the wrong place: the file is broken, and nobody is told.",
	Fix: []string{
		"Send Content-Range with the first and last position and the complete length, and exactly these bytes.",
		"Look for a cache in front that reads whole blocks, or an application that sends everything as 206.",
	},
	Rules: []string{"content-range-offset-mismatch"},
	rests: byAll,
	ask: given([]need{sendsRanges}, func(t *trial) verdict {
		return t.judgeInner(t.once("Range", t.innerRange()))
	}),
}, {
	ID: "range-suffix", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §14.1.2",
	Title: "The last bytes are the last bytes",
	Sends: "GET with Range: bytes=-5.",
	Right: "206 with the last five bytes, or 200 with everything.",
	Means: "Players and archivers that read an index from the end get something else and take the file for broken.",
	Fix:   []string{"Read bytes=-5 as the last five bytes, not as those up to position five."},
	Rules: []string{"content-range-offset-mismatch"},
	rests: byAll,
	ask: given([]need{hasSize, sendsRanges}, func(t *trial) verdict {
		return t.judgePart(t.once("Range", "bytes=-5"), t.base, t.base.size()-5, t.base.size()-1)
	}),
}, {
	ID: "range-past-end", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §14.1.2",
	Title: "A range that goes past the end stops at the end",
	Sends: "GET with Range: from shortly before the end to far behind it.",
	Right: "206 with what there is, or 200 with everything.",
	Means: "Clients that ask for blocks of equal size cannot get the last one.",
	Fix:   []string{"Take the last byte instead of a last position that is behind it."},
	Rules: []string{"content-range-offset-mismatch"},
	rests: byAll,
	ask: given([]need{hasSize, sendsRanges}, func(t *trial) verdict {
		last := t.base.size() - 1
		return t.judgePart(t.once("Range", fmt.Sprintf("bytes=%d-%d", last-4, last+1_000_000)), t.base, last-4, last)
	}),
}, {
	ID: "range-huge", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §14.1.2",
	Harm:  "a server that computes with such a number as it is may stop",
	Title: "Positions that do not fit 64 bits are read rightly",
	Sends: "GET with Range: up to position " + beyondInt64 + ", and from there on.",
	Right: "206 with what there is, then 416; 200 with everything is right, too.",
	Means: "A number that overflows becomes another one: a client gets the wrong part, or an error for a range that is there.",
	Fix:   []string{"Take a position that is too large to be read for one that is behind the end.", guardFix},
	Servers: []ServerFix{
		{"nginx", "it answers 416 to the first; no directive changes that"},
		{"lighttpd", "it answers 416 to the first; no directive changes that"},
		{"Caddy", "its file server answers 416 to the first; no directive changes that"},
	},
	Rules: []string{"content-range-offset-mismatch"},
	rests: byAll,
	ask: given([]need{hasSize, sendsRanges}, func(t *trial) verdict {
		last := t.base.size() - 1
		if v := t.judgePart(t.once("Range", fmt.Sprintf("bytes=%d-%s", last-4, beyondInt64)), t.base, last-4, last); v.outcome != Passed {
			return v
		}
		return t.fulfil(wants(416, "Range", "bytes="+beyondInt64+"-").orElse(200))
	}),
}, {
	ID: "range-multi", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §15.3.7.2",
	Title: "Several parts are sent so that each can be told",
	Sends: "GET with Range: two ranges, at the beginning and further back.",
	Right: "206 with multipart/byteranges whose parts each have a Content-Range and the bytes it says, or one part that has both, or 200 with everything.",
	Means: "Viewers of large documents ask for several parts at once and show a broken page or file.",
	Fix:   []string{"Send 200 to several ranges if multipart/byteranges is too much: that is never wrong."},
	Rules: []string{"content-range-offset-mismatch"},
	rests: byAll,
	ask: given([]need{sendsRanges}, func(t *trial) verdict {
		middle := int64(len(t.base.content) / 2)
		return t.judgeParts(t.once("Range", fmt.Sprintf("bytes=0-1,%d-%d", middle, middle+1)), middle+1)
	}),
}, {
	ID: "range-head", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §14.2",
	Title: "Range is ignored with HEAD",
	Sends: "HEAD with Range: a part from the middle.",
	Right: "200, as without Range.",
	Means: "A download manager that asks for the length with both gets the length of the part, and takes it for that of the file.",
	Fix:   []string{"Read Range with GET only.", guardFix},
	Servers: []ServerFix{
		{"nginx", "no directive changes that"},
		{"Apache", `RequestHeader unset Range "expr=%{REQUEST_METHOD} == 'HEAD'"`},
		{"Caddy", "@head method HEAD, and request_header @head -Range"},
	},
	ask: given([]need{sendsRanges, headWorks}, func(t *trial) verdict {
		if a := t.headOnce("Range", t.innerRange()); a.status != http.StatusOK {
			return wrong("got %d to HEAD with Range: %s, want 200", a.status, t.innerRange())
		}
		return right("200")
	}),
}, {
	ID: "range-beyond", Group: Downloading, Level: Should, Since: "0.1", Section: "RFC 9110 §14.2",
	Title: "A range behind the end is not satisfiable",
	Sends: "GET with Range: from the byte after the last one on.",
	Right: "416 Range Not Satisfiable, or 200 with everything.",
	Means: "A client that has the whole file and asks whether there is more takes the answer for more, or for an error.",
	Fix:   []string{"Answer 416 if no range has a byte that exists."},
	Rules: []string{"resume-of-complete-file"},
	rests: byAll,
	ask: statuses([]need{hasSize, sendsRanges}, func(t *trial) []wish {
		return []wish{wants(416, "Range", t.afterLast()).orElse(200)}
	}),
}, {
	ID: "416-content-range", Group: Downloading, Level: Should, Since: "0.1", Section: "RFC 9110 §15.5.17",
	Title: "A 416 says how long the content is",
	Sends: "GET with Range: from the byte after the last one on.",
	Right: "Content-Range: bytes */ and the length, with the 416.",
	Means: "A client with the whole file cannot tell that it has it, and downloads it again.",
	Fix:   []string{"Send Content-Range: bytes */1234 with a 416, where 1234 is the length.", guardFix},
	Servers: []ServerFix{
		{"Apache", "its error page has no Content-Range; no directive changes that"},
		{"lighttpd", "it sends no Content-Range here; no directive changes that"},
	},
	Rules: []string{"resume-of-complete-file"},
	rests: byAll,
	ask: given([]need{hasSize, sendsRanges}, func(t *trial) verdict {
		a := t.once("Range", t.afterLast())
		if a.status != http.StatusRequestedRangeNotSatisfiable {
			return inapplicable("the server answers %d to a range behind the end: see range-beyond", a.status)
		}
		want := byterange.UnsatisfiedContentRange(t.base.size())
		if got := a.field("Content-Range"); got != want {
			return wrong("416 with Content-Range %s, want %s", orNone(got), want)
		}
		return right("Content-Range: %s", want)
	}),
}, {
	ID: "accept-ranges", Group: Downloading, Level: Advice, Since: "0.1", Section: "RFC 9110 §14.3",
	Title: "A server that sends parts says so",
	Sends: "GET with Range: a part from the middle; the first GET is looked at as well.",
	Right: "Accept-Ranges: bytes in the 200 if the range is answered with 206.",
	Means: "Download managers and players that look for Accept-Ranges do not try to resume or to jump.",
	Fix:   []string{"Send Accept-Ranges: bytes with each 200 that parts can be had of."},
	ask: given([]need{sendsRanges}, func(t *trial) verdict {
		if got := t.base.field("Accept-Ranges"); !strings.EqualFold(got, byterange.Unit) {
			return wrong("206 to Range: %s, and the 200 has Accept-Ranges %s", t.innerRange(), orNone(got))
		}
		return right("Accept-Ranges: %s", byterange.Unit)
	}),
}}

var ifRangeChecks = []*Check{{
	ID: "if-range-exact", Group: Downloading, Level: Should, Since: "0.1", Section: "RFC 9110 §13.1.5",
	Title: "If-Range with the current tag gets the part",
	Sends: "GET with Range: a part from the middle, and If-Range: the tag of the first answer.",
	Right: "206 Partial Content, with the bytes of that part.",
	Means: "Each interrupted download starts anew: browsers resume with If-Range.",
	Fix:   []string{"Compare If-Range with the tag that the server itself sends; do not read it as a date only."},
	Rules: []string{"if-range-etag-unsupported"},
	rests: byAll,
	ask: given([]need{sendsRightParts, hasStrongTag}, func(t *trial) verdict {
		return t.partly(wants(206, "Range", t.innerRange(), "If-Range", t.tag()).unless(200, "if-range-etag-unsupported"))
	}),
}, {
	ID: "if-range-stale", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.5",
	Title: "If-Range with another tag gets everything",
	Sends: "GET with Range: a part from the middle, and If-Range: a tag that does not exist.",
	Right: "200 with the whole content, from its first byte on.",
	Means: "A download that is resumed after a new version came out joins parts of both: the file is broken, and nobody is told.",
	Fix: []string{
		"Ignore Range if If-Range is not the current tag.",
		"If the 200 does not begin with the first byte, look for a cache in front that goes on from the offset of the range; Squid 5.7 does.",
		guardFix,
	},
	Rules: []string{"if-range-ignored"},
	rests: byContent,
	ask: given([]need{sendsRanges}, func(t *trial) verdict {
		return t.wholly(wants(200, "Range", t.innerRange(), "If-Range", nonsense).unless(206, "if-range-ignored"))
	}),
}, {
	ID: "if-range-weak", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.5",
	Title: "If-Range is compared strongly: a weak tag does not match",
	Sends: "GET with Range: a part from the middle, and If-Range: the current tag with W/ in front.",
	Right: "200 with the whole content.",
	Means: "A weak tag may stand for several versions: a download that is resumed by it joins parts of them.",
	Fix:   []string{"In If-Range, let a tag match only if neither it nor the current one is weak."},
	Rules: []string{"strong-compare-accepts-weak"},
	rests: byTag | byContent,
	ask: given([]need{sendsRanges, hasTag, heedsIfRange}, func(t *trial) verdict {
		return t.wholly(wants(200, "Range", t.innerRange(), "If-Range", t.base.tag().Weak().String()).unless(206, "strong-compare-accepts-weak"))
	}),
}, {
	ID: "if-range-date", Group: Downloading, Level: Advice, Since: "0.1", Section: "RFC 9110 §13.1.5",
	Title: "If-Range with the date of Last-Modified gets the part where there is no tag",
	Sends: "GET with Range: a part from the middle, and If-Range: Last-Modified of the first answer, if the resource has no entity tag.",
	Right: "206 Partial Content, with the bytes of that part.",
	Means: "No interrupted download can be resumed: there is no tag, and the date does not help either.",
	Fix:   []string{"Send a strong entity tag, or take a Last-Modified that is a second old for one to be sure of."},
	Rules: []string{"if-range-etag-unsupported"},
	rests: byDate | byContent,
	ask: given([]need{sendsRightParts, hasNoTag, hasAge}, func(t *trial) verdict {
		return t.partly(wants(206, "Range", t.innerRange(), "If-Range", t.modified(0)))
	}),
}, {
	ID: "if-range-other-date", Group: Downloading, Level: Must, Since: "0.1", Section: "RFC 9110 §13.1.5",
	Title: "If-Range with another date gets everything, be it earlier or later",
	Sends: "GET with Range: a part from the middle, and If-Range: a second before Last-Modified, then a day after it.",
	Right: "200 with the whole content: the date must be the same.",
	Means: "When an older version is put back, a download of the newer one is resumed with it: the file is broken.",
	Fix:   []string{"Compare the date in If-Range with Last-Modified as equal or not, not as earlier or later."},
	Rules: []string{"if-range-ignored", "rollback-older-mtime"},
	rests: byDate | byContent,
	ask: given([]need{sendsRanges, hasDate, heedsIfRange}, func(t *trial) verdict {
		for _, seconds := range []int{-1, 24 * 60 * 60} {
			v := t.wholly(wants(200, "Range", t.innerRange(), "If-Range", t.modified(seconds)).unless(206, "if-range-ignored"))
			if v.outcome != Passed {
				return v
			}
		}
		return right("200 each time")
	}),
}}

// heedsIfRange wants a server that knows If-Range at all, and then sends the whole.
func heedsIfRange(t *trial) string {
	w := wants(200, "Range", t.innerRange(), "If-Range", nonsense)
	if v := t.wholly(w); v.outcome != Passed {
		return fmt.Sprintf("the server answers %v to %s alone: see if-range-stale", t.once(w.fields...), w)
	}
	return ""
}

// wholly asks for what must come whole, and compares the bytes.
func (t *trial) wholly(w wish) verdict {
	v := t.fulfil(w)
	if v.outcome != Passed {
		return v
	}
	if s := unlike(t.once(w.fields...), t.base); s != "" {
		return wrong("got 200 to %s, but %s", w, s)
	}
	return v
}

// partly asks for the inner part, and compares the bytes.
func (t *trial) partly(w wish) verdict {
	if v := t.fulfil(w); v.outcome != Passed {
		return v
	}
	return t.judgeInner(t.once(w.fields...))
}

// unlike says how a 200 is not the whole, "" if it is as far as can be told. What is coded on the
// fly may have other bytes each time.
func unlike(a, whole *answer) string {
	switch size, want := a.size(), whole.size(); {
	case a.field("Content-Encoding") != whole.field("Content-Encoding") || a.has("Content-Encoding"):
		return ""
	case size >= 0 && want >= 0 && size != want:
		return fmt.Sprintf("it has %d bytes, and the whole has %d", size, want)
	case a.same(whole):
		return ""
	}
	if at := found(a.content, whole); at > 0 {
		return fmt.Sprintf("its content is that of the whole from byte %d on: it is shifted", at)
	}
	return "its content is not that of the whole"
}

// found is where the beginning of content is in what is known of the whole, -1 if nowhere.
func found(content []byte, whole *answer) int {
	if len(content) < shortest {
		return -1
	}
	return bytes.Index(whole.content, content[:min(len(content), 64)])
}

func hasNoTag(t *trial) string {
	if t.base.has("ETag") {
		return "the resource has an entity tag, so no client may use the date in If-Range"
	}
	return ""
}

// afterLast is the range of all that is behind the end.
func (t *trial) afterLast() string { return fmt.Sprintf("bytes=%d-", t.base.size()) }

// judgePart judges the answer to a request for the bytes from first to last of what whole is the
// beginning of. A server may send fewer of them (RFC 9110 §15.3.7) or everything (§14.2).
func (t *trial) judgePart(a, whole *answer, first, last int64) verdict {
	switch {
	case a.status == http.StatusOK:
		if s := unlike(a, whole); s != "" {
			return wrong("got 200 to the bytes from %d to %d, but %s", first, last, s)
		}
		return right("200 with everything")
	case a.status != http.StatusPartialContent:
		return wrong("got %v to the bytes from %d to %d, want 206 or 200", a, first, last)
	case strings.HasPrefix(strings.ToLower(a.field("Content-Type")), "multipart/byteranges"):
		return wrong("multipart/byteranges to a single range, for which not every client is made")
	}
	if v := part(a.field("Content-Range"), a.content, a.cut, whole, first, last); v != nil {
		return *v
	}
	return right("206 with Content-Range: %s", a.field("Content-Range"))
}

// judgeParts judges the answer to a request for several ranges, the last of which ends at last.
func (t *trial) judgeParts(a *answer, last int64) verdict {
	media, params, err := mime.ParseMediaType(a.field("Content-Type"))
	if a.status != http.StatusPartialContent || err != nil || media != "multipart/byteranges" {
		return t.judgePart(a, t.base, 0, last)
	}
	if a.has("Content-Range") {
		return wrong("multipart/byteranges with a Content-Range of its own: %s", a.field("Content-Range"))
	}
	if a.cut {
		return inapplicable("the parts are longer than was read")
	}
	parts := multipart.NewReader(bytes.NewReader(a.content), params["boundary"])
	for n := 0; ; n++ {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) && n > 0 {
			return right("206 with %d parts", n)
		}
		if err != nil {
			return wrong("the multipart/byteranges cannot be read: %v", err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return wrong("the multipart/byteranges cannot be read: %v", err)
		}
		if v := part(p.Header.Get("Content-Range"), content, false, t.base, 0, last); v != nil {
			v.says = fmt.Sprintf("part %d: %s", n+1, v.says)
			return *v
		}
	}
}

// part returns what is wrong about content that Content-Range says is within the bytes from first
// to last of what whole is the beginning of, or nil. That the part is another one is a cause of its
// own.
func part(contentRange string, content []byte, cut bool, whole *answer, first, last int64) *verdict {
	var v verdict
	cr, err := byterange.ParseContentRange(contentRange)
	switch start, end := cr.Range.Start, cr.Range.Start+cr.Range.Length-1; {
	case contentRange == "":
		v = wrong("206 without Content-Range")
	case err != nil:
		v = wrong("206 with Content-Range: %s: %v", contentRange, err)
	case cr.Unsatisfied():
		v = wrong("206 with Content-Range: %s, which is for a 416", contentRange)
	case start < first || end > last:
		v = wrong("206 with Content-Range: %s to a request for the bytes from %d to %d", contentRange, first,
			last).because("content-range-offset-mismatch")
	case int64(len(content)) != cr.Range.Length && !(cut && int64(len(content)) < cr.Range.Length):
		v = wrong("%d bytes with Content-Range: %s", len(content), contentRange)
	case whole.size() >= 0 && cr.Size >= 0 && cr.Size != whole.size():
		v = wrong("206 with Content-Range: %s, and the whole has %d bytes", contentRange, whole.size())
	case !sameAt(whole.content, content, start):
		v = wrong("the bytes with Content-Range: %s are not those in that place of the whole", contentRange)
		if at := found(content, whole); at >= 0 {
			v.says += fmt.Sprintf(", but those from %d on", at)
			v = v.because("content-range-offset-mismatch")
		}
	default:
		return nil
	}
	return &v
}

// sameAt reports whether what is known of whole has content at start.
func sameAt(whole, content []byte, start int64) bool {
	if start >= int64(len(whole)) {
		return true
	}
	known := whole[start:]
	n := min(len(known), len(content))
	return bytes.Equal(known[:n], content[:n])
}
