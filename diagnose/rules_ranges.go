package diagnose

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// rangeRules are the causes in ranges and resumed downloads.
var rangeRules = []Rule{
	{
		ID:      "if-range-ignored",
		Level:   Error,
		Group:   Ranges,
		Summary: "A part was sent although If-Range names another version",
		Explanation: "If-Range says: send me the part if the representation is still this one, and otherwise all of it. It is another one by now, and the server sent " +
			"the part nevertheless. A client that joins it to the beginning has a file made of two versions: a broken archive, a video with garbage, an update that does not verify. " +
			"The status gives no hint of it.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\nIf-Range: \"a\"\n\nHTTP/1.1 206 Partial Content\nETag: \"b\"\nContent-Range: bytes 1000-1999/2000",
		Fix: []string{
			"Server or CDN: ignore Range if If-Range does not match, and answer 200 with everything.",
			"Client: compare ETag and Last-Modified of the 206 with those of the part you have, and start over if they differ.",
			"Files that were resumed from this server should be checked.",
		},
		Section: "RFC 9110 §13.1.5",
		Needs:   []Evidence{FromExchange, FromLog, FromProbe},
		Probe:   []string{"curl -s -o /dev/null -w '%{http_code}\\n' -H 'Range: bytes=1-' -H 'If-Range: \"no-such-tag\"' URL"},
		Since:   "0.1",
		check:   ifRangeIgnored,
	},
	{
		ID:      "if-range-etag-unsupported",
		Level:   Warning,
		Group:   Ranges,
		Summary: "If-Range with the current tag is answered in full, as if it had not matched",
		Explanation: "The tag in If-Range is the current one, so the part may be sent. The server sends everything: it understands only the date form of If-Range, or compares with " +
			"a tag of its own. Each resumed download begins anew, and clients that do not expect a 200 give up.\n\n" +
			"A server may ignore Range altogether. But this one says that it takes ranges, or does so without If-Range.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\nIf-Range: \"a\"\n\nHTTP/1.1 200 OK\nETag: \"a\"\nAccept-Ranges: bytes\nContent-Length: 2000",
		Fix: []string{
			"Server: compare the tag in If-Range with the ETag it sends.",
			"Client, until then: use Last-Modified in If-Range if the server sends no strong tag, or If-Match with the range and be ready for 412.",
		},
		Section: "RFC 9110 §13.1.5",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'Range: bytes=1-' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'Range: bytes=1-' -H 'If-Range: CURRENT-TAG' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'Range: bytes=1-' -H 'If-Range: LAST-MODIFIED' URL",
		},
		Since: "0.1",
		check: ifRangeTagUnsupported,
	},
	{
		ID:      "if-range-weak",
		Level:   Warning,
		Group:   Ranges,
		Summary: "If-Range carries a weak tag, which can never match",
		Explanation: "If-Range takes the strong comparison, in which a tag with W/ equals nothing, since it does not promise the same bytes. So the Range is ignored " +
			"each time, and the whole representation is sent: the download never resumes. A client must not send a weak tag there.\n\n" +
			"Often a proxy made the tag weak when it compressed the first response.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\nIf-Range: W/\"a\"\n\nHTTP/1.1 200 OK\nETag: W/\"a\"",
		Fix: []string{
			"Client: if the tag is weak, use Last-Modified if it is at least a second older than Date, or start over.",
			"Server: send strong tags for downloads, and do not compress them on the way.",
			"Client: ask with Accept-Encoding: identity from the start; the tag is often strong then.",
		},
		Section: "RFC 9110 §13.1.5",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sI -H 'Accept-Encoding: identity' URL", "curl -sI -H 'Accept-Encoding: gzip' URL"},
		Since:   "0.1",
		check:   ifRangeWeak,
	},
	{
		ID:      "range-ignored-when-compressed",
		Level:   Warning,
		Group:   Ranges,
		Summary: "The Range was ignored because the response is compressed on the fly",
		Explanation: "The client accepts compression, and the server or CDN compresses while it sends. The positions in Range would be those of the compressed form, which does not exist " +
			"before it is made, so everything is sent, with 200. The same request without compression gets its part.",
		Example: "GET /model.json HTTP/1.1\nRange: bytes=1000-\nAccept-Encoding: gzip\n\nHTTP/1.1 200 OK\nContent-Encoding: gzip",
		Fix: []string{
			"Client: send Accept-Encoding: identity with all requests of a download, the first included.",
			"Server: do not compress what is downloaded in parts, or compress it beforehand.",
		},
		Section: "RFC 9110 §14.2",
		Needs:   []Evidence{FromExchange, FromLog, FromProbe},
		Probe: []string{
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'Range: bytes=1-' -H 'Accept-Encoding: gzip' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'Range: bytes=1-' -H 'Accept-Encoding: identity' URL",
		},
		Since: "0.1",
		check: rangeWhenCompressed,
	},
	{
		ID:      "client-appends-200",
		Level:   Error,
		Group:   Ranges,
		Summary: "The client appended a full response to the part it had",
		Explanation: "The client asked for the rest of a file and got all of it, with 200: the server ignored the Range, or the file had changed. It must then start over. This one appended what came, so " +
			"its file has the beginning twice. It shows in the next request: it asks for bytes after a position that is the length of its part and of the whole together.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\n\nHTTP/1.1 200 OK\nContent-Length: 2000\n\nGET /big.iso HTTP/1.1\nRange: bytes=3000-\n\nHTTP/1.1 416 Range Not Satisfiable",
		Fix: []string{
			"Client: on 200 truncate the file to nothing before writing; append on 206 only, at the position in Content-Range.",
			"Delete the file, and verify those that were downloaded like this.",
		},
		Section: "RFC 9110 §14.2",
		Needs:   []Evidence{FromHistory, FromLog},
		Since:   "0.1",
		check:   appended200,
	},
	{
		ID:      "content-range-offset-mismatch",
		Level:   Error,
		Group:   Ranges,
		Summary: "The part in a 206 does not begin where the Range asked",
		Explanation: "Content-Range tells which part a 206 holds. Here it is another one than was asked for: a cache that works in blocks sends the block, or a server puts everything into a " +
			"206. A client must look at Content-Range, but many append what comes to what they have, and the file is broken.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\n\nHTTP/1.1 206 Partial Content\nContent-Range: bytes 0-1999/2000",
		Fix: []string{
			"Server or cache: send what was asked for, or 200 with everything.",
			"Client: write at the position in Content-Range, or refuse the response.",
		},
		Section: "RFC 9110 §15.3.7",
		Needs:   []Evidence{FromExchange, FromLog, FromProbe},
		Probe:   []string{"curl -s -o /dev/null -D - -H 'Range: bytes=1-' URL"},
		Since:   "0.1",
		check:   offsetMismatch,
	},
	{
		ID:      "resume-of-complete-file",
		Level:   Good,
		Group:   Ranges,
		Summary: "The 416 is right: the client has the whole file already, and asked for more",
		Explanation: "The client asks for everything from the end of its file on, to see whether something is missing. Nothing is: the position is the length of the representation, and a range that " +
			"begins there has no byte. The answer is 416, with the length in Content-Range. That is no failure, but the news that the download is complete.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=2000-\n\nHTTP/1.1 416 Range Not Satisfiable\nContent-Range: bytes */2000",
		Fix: []string{
			"Client: compare the length in Content-Range with that of the file. If they are equal, the download is done.",
			"Client: send If-Range as well, so that a changed file is sent anew in place of a 416 that hides it.",
		},
		Section: "RFC 9110 §15.5.17",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   completeFile,
	},
	{
		ID:      "no-validator-resume",
		Level:   Info,
		Group:   Ranges,
		Summary: "A download is resumed without If-Range, so parts of two versions may be joined",
		Explanation: "The request asks for the rest of a file and does not say of which version. If the file was replaced since the first part, the server cannot know, and sends the rest of " +
			"the new one. The result is neither of the two, and no status tells. If-Range with the strong tag of the first part makes it safe, at no cost.\n\n" +
			"A player that jumps to a position sends the same request, and does no harm if it then compares the tags.",
		Example: "GET /big.iso HTTP/1.1\nRange: bytes=1000-\n\nHTTP/1.1 206 Partial Content\nContent-Range: bytes 1000-1999/2000",
		Fix: []string{
			"Client: remember the ETag of the first response, and send it in If-Range with each Range.",
			"Client: compare the ETag of each 206 with that of the first.",
			"curl -C - does not send it by itself: add -H 'If-Range: …'.",
		},
		Section: "RFC 9110 §15.3.7.3",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog},
		Since:   "0.1",
		check:   unguardedResume,
	},
	{
		ID:      "unexpected-412-static-get",
		Level:   Info,
		Group:   Ranges,
		Summary: "A browser or player got 412 for a file it was reading, because the file was replaced",
		Explanation: "Some browsers and players guard the parts of a download or video with If-Match or If-Unmodified-Since in place of If-Range. When the file is deployed anew meanwhile, the next " +
			"part is refused with 412. By the standard that is right, since the parts would not fit together, but people see a video that stops or a " +
			"download that fails, on a server where nobody writes.",
		Example: "GET /talk.mp4 HTTP/1.1\nUser-Agent: Mozilla/5.0\nRange: bytes=1000-\nIf-Match: \"old\"\n\nHTTP/1.1 412 Precondition Failed\nETag: \"new\"",
		Fix: []string{
			"Reload the page, or start the download again.",
			"Server: give each version of a file a name of its own, and keep the old ones for a while.",
			"Server: have tags made of the content, so that a deployment of the same bytes does not change them.",
		},
		Section: "RFC 9110 §13.1.1",
		Needs:   []Evidence{FromExchange, FromLog},
		Since:   "0.1",
		check:   refusedBrowser,
	},
}

// onlyRange returns the only range that a GET or QUERY asks for, and whether there is just one.
func (e *examination) onlyRange() (byterange.Spec, bool) {
	lines := e.x.Request.Header.Named("Range")
	if e.method() != "GET" && e.method() != method.Query || len(lines) != 1 || lines[0].Cut {
		return byterange.Spec{}, false
	}
	set, err := byterange.Parse(lines[0].Value)
	if err != nil || set.Len() != 1 {
		return byterange.Spec{}, false
	}
	return set.At(0), true
}

// ifRangeTag returns the tag in If-Range, malformed or not, and whether there is one.
func (e *examination) ifRangeTag() (etag.Member, bool) {
	lines := e.x.Request.Header.Named("If-Range")
	if len(lines) != 1 || lines[0].Cut || meantAsDate(lines[0].Value) || len(lines[0].Value) > maxTag {
		return etag.Member{}, false
	}
	tag, err := etag.Parse(lines[0].Value)
	if err != nil {
		return etag.Member{Raw: lines[0].Value, Fault: etag.Unquoted}, lines[0].Value != ""
	}
	return etag.Member{Raw: lines[0].Value, Tag: tag}, true
}

// ifRangeIgnored is about a 206 whose own validators differ from the one in If-Range.
func ifRangeIgnored(e *examination) []Finding {
	if e.status() != 206 || len(e.fields.Range) == 0 {
		return nil
	}
	evidence := []Fact{e.sent("Range"), e.sent("If-Range"), e.got("ETag"), e.got("Last-Modified"), e.answered(), e.got("Content-Range")}
	if date := e.dateSent("If-Range"); !date.IsZero() {
		if now := e.modified(); !now.IsZero() && !now.Equal(date) {
			return one(Certain, fmt.Sprintf("the part is of the version of %s, and If-Range names that of %s", clip(e.resp("Last-Modified")),
				clip(e.req("If-Range"))), evidence...)
		}
		return nil
	}
	m, ok := e.ifRangeTag()
	if !ok || etagOf(e).IsZero() {
		return nil
	}
	sent, ok := m.Lenient()
	if m.Fault == etag.None {
		sent, ok = m.Tag, true
	}
	if !ok || sent.WeakEqual(etagOf(e)) {
		return nil // see strong-compare-accepts-weak
	}
	says := fmt.Sprintf("the part is of %s, and If-Range names %s", etagOf(e), clip(m.Raw))
	version := e.minted(m.Raw)
	switch {
	case version == nil:
		return one(Likely, says+"; unless the server gives parts a tag of their own", evidence...)
	case e.otherVersion(version):
		return one(Certain, says,
			append([]Fact{version.asked(), version.got("ETag"), version.got("Last-Modified"), version.got("Content-Length")},
				evidence...)...)
	case e.partOf(version):
		return one(Possible, says+", with the same date and length; more likely the server gives parts a tag of their own", evidence...)
	}
	return one(Likely, says+"; unless the server gives parts a tag of their own", evidence...)
}

// otherVersion reports whether a part is proven to be of another version than an earlier response: by its date, the length
// of the whole or its bytes.
func (e *examination) otherVersion(p *examination) bool {
	a, b := e.modified(), p.modified()
	if !a.IsZero() && !b.IsZero() && !a.Equal(b) {
		return true
	}
	part, err := byterange.ParseContentRange(e.resp("Content-Range"))
	if err != nil || !sameCoding(e, p) {
		return false
	}
	size, whole := p.representation()
	if size > 0 && part.Size > 0 && size != part.Size {
		return true
	}
	c := e.x.Response.Content
	start, length := part.Range.Start, part.Range.Length
	return whole != nil && c.Complete() && c.Len == length && start >= 0 && start <= int64(len(whole))-length &&
		!bytes.Equal(whole[start:start+length], c.Data)
}

// partOf reports whether a part has the date and the length of an earlier response, and another strong tag: then the tag is
// that of the part.
func (e *examination) partOf(p *examination) bool {
	part, err := byterange.ParseContentRange(e.resp("Content-Range"))
	size, _ := p.representation()
	return e.status() == 206 && err == nil && otherStrongTag(e, p) && !e.otherVersion(p) &&
		!e.modified().IsZero() && e.modified().Equal(p.modified()) && size > 0 && size == part.Size
}

// wholeOf returns the earlier response that a part with a tag of its own is of, or nil.
func (e *examination) wholeOf() *examination {
	if m, ok := e.ifRangeTag(); ok {
		if p := e.minted(m.Raw); p != nil && e.partOf(p) {
			return p
		}
	}
	return nil
}

func ifRangeTagUnsupported(e *examination) []Finding {
	m, ok := e.ifRangeTag()
	spec, single := e.onlyRange()
	if !ok || !single || e.status() != 200 || m.Fault != etag.None || !m.Tag.StrongEqual(etagOf(e)) || e.coded() {
		return nil
	}
	if size, _ := e.representation(); size > 0 {
		if _, ok := spec.Resolve(size); !ok {
			return nil
		}
	}
	evidence := []Fact{e.sent("Range"), e.sent("If-Range"), e.got("ETag"), e.answered(), e.got("Accept-Ranges")}
	says := fmt.Sprintf("If-Range has %s, the current tag, and everything was sent", m.Tag)
	if p := e.last(func(p *examination) bool { return p.status() == 206 && p.req("Range") != "" }); p != nil {
		return one(Likely, says+"; without a tag in If-Range the server sent a part before",
			append(evidence, p.sent("Range"), p.sent("If-Range"), p.answered())...)
	}
	if strings.Contains(strings.ToLower(e.resp("Accept-Ranges")), byterange.Unit) {
		return one(Likely, says+", by a server that says it takes ranges", evidence...)
	}
	return one(Possible, says+"; the server may not take ranges at all", evidence...)
}

// coded reports whether the response has a content coding.
func (e *examination) coded() bool {
	c := strings.ToLower(e.resp("Content-Encoding"))
	return c != "" && c != "identity"
}

func ifRangeWeak(e *examination) []Finding {
	m, ok := e.ifRangeTag()
	if !ok || !m.Tag.IsWeak() || len(e.fields.Range) == 0 {
		return nil
	}
	return one(Certain, fmt.Sprintf("If-Range has %s, and takes strong tags only: the Range has to be ignored whatever the current tag is", m.Tag),
		e.sent("Range"), e.sent("If-Range"), e.got("ETag"), e.answered())
}

func rangeWhenCompressed(e *examination) []Finding {
	if _, ok := e.onlyRange(); !ok || e.status() != 200 || !e.coded() || e.req("Accept-Encoding") == "" {
		return nil
	}
	if m, ok := e.ifRangeTag(); ok && (m.Fault != etag.None || !m.Tag.StrongEqual(etagOf(e))) {
		return nil // that is why
	}
	if date := e.dateSent("If-Range"); !date.IsZero() && !e.modified().Equal(date) {
		return nil
	}
	return one(Likely, fmt.Sprintf("the response is in %s, and everything was sent", clip(e.resp("Content-Encoding"))),
		e.sent("Range"), e.sent("If-Range"), e.sent("Accept-Encoding"), e.got("Content-Encoding"), e.answered())
}

// appended200 is about a position that is the sum of the earlier position and of the length that came then.
func appended200(e *examination) []Finding {
	spec, ok := e.onlyRange()
	if !ok || spec.IsSuffix() {
		return nil
	}
	p := e.last(func(p *examination) bool { return p.method() == "GET" && p.x.Request.Header.Has("Range") })
	if p == nil || p.status() != 200 || !e.sameClient(p) {
		return nil
	}
	before, ok := p.onlyRange()
	size, err := strconv.ParseInt(p.resp("Content-Length"), 10, 64)
	if !ok || err != nil || before.IsSuffix() || before.First <= 0 || size <= 0 || spec.First-before.First != size {
		return nil
	}
	return one(Likely, fmt.Sprintf("the client had %d bytes, got all %d with a 200, and now asks from %d on, which is the sum",
		before.First, size, spec.First),
		p.sent("Range"), p.answered(), p.got("Content-Length"), e.sent("Range"), e.answered(), e.got("Content-Range"))
}

func offsetMismatch(e *examination) []Finding {
	spec, ok := e.onlyRange()
	value := e.resp("Content-Range")
	if !ok || e.status() != 206 || value == "" || strings.HasPrefix(e.resp("Content-Type"), "multipart/byteranges") {
		return nil
	}
	evidence := []Fact{e.sent("Range"), e.got("Content-Range"), e.got("Content-Length"), e.answered()}
	r, err := byterange.ParseContentRange(value)
	if err != nil || r.Unsatisfied() {
		return one(Certain, fmt.Sprintf("Content-Range is %s, which names no part, so the content must not be joined with anything",
			clip(value)), evidence...)
	}
	want := spec.First
	if spec.IsSuffix() {
		if r.Size < 0 {
			return nil
		}
		want = max(r.Size-spec.Last, 0)
	}
	if r.Range.Start == want {
		return nil
	}
	return one(Certain, fmt.Sprintf("%s asks for what begins at %d, and the part begins at %d", clip(e.req("Range")), want,
		r.Range.Start), evidence...)
}

func completeFile(e *examination) []Finding {
	spec, ok := e.onlyRange()
	r, err := byterange.ParseContentRange(e.resp("Content-Range"))
	if !ok || e.status() != 416 || err != nil || e.asksForLastByte() {
		return nil
	}
	if !r.Unsatisfied() || spec.IsSuffix() || r.Size <= 0 || spec.First != r.Size {
		return nil
	}
	return one(Certain, fmt.Sprintf("the client asks for what begins at position %d, and the representation has %d bytes: there is nothing more", spec.First, r.Size),
		e.sent("Range"), e.got("Content-Range"), e.answered())
}

// guardsParts reports whether a precondition keeps parts of two versions apart. One that asks whether there is something new does
// not: it lets the part of another version through.
func (e *examination) guardsParts() bool {
	return len(e.fields.IfRange)+len(e.fields.IfMatch)+len(e.fields.IfUnmodifiedSince) > 0 || len(e.foreign()) > 0
}

func unguardedResume(e *examination) []Finding {
	spec, ok := e.onlyRange()
	if !ok || e.status() != 206 || spec.IsSuffix() || !spec.IsOpen() || spec.First == 0 || e.guardsParts() || e.blind() {
		return nil
	}
	evidence := []Fact{e.sent("Range"), e.answered(), e.got("ETag"), e.got("Content-Range")}
	first := e.last(func(p *examination) bool {
		return p.method() == "GET" && (p.status() == 200 || p.status() == 206) && e.sameClient(p)
	})
	if first != nil && !etagOf(first).IsZero() && !etagOf(e).IsZero() && !etagOf(first).WeakEqual(etagOf(e)) {
		return one(Likely, fmt.Sprintf("the part before is of %s and this one of %s: joined, they are neither", etagOf(first), etagOf(e)),
			append(evidence, first.answered(), first.got("ETag"))...)
	}
	says := fmt.Sprintf("the rest from byte %d on was asked for without saying of which version", spec.First)
	if e.conditional() {
		says += "; " + clip(e.verdict.Preconditions[0].Name) + " does not say it, since it lets the part of a new version through"
		evidence = append(evidence, e.preconditionFacts()...)
	}
	return one(Possible, says, evidence...)
}

// refusedBrowser is about a GET of a browser or player that was rightly refused.
func refusedBrowser(e *examination) []Finding {
	if e.status() != 412 || e.method() != "GET" || !e.alonePrecondition("If-Match", "If-Unmodified-Since") {
		return nil
	}
	agent := strings.ToLower(e.req("User-Agent"))
	if !strings.HasPrefix(agent, "mozilla/") && !strings.Contains(agent, "vlc") && !strings.Contains(agent, "mpv") &&
		!strings.Contains(agent, "applecoremedia") && !strings.Contains(agent, "exoplayer") {
		return nil
	}
	c, says := Likely, ", and the file is another by now"
	if e.verdict.Judgement != Right {
		c, says = Possible, "; if the file is another by now, 412 is right"
	}
	return one(c, "the program guards its parts with "+e.verdict.Preconditions[0].Name+says,
		append(e.preconditionFacts(), e.sent("User-Agent"), e.sent("Range"), e.answered())...)
}
