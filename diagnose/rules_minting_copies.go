package diagnose

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/etag"
)

// This file has the checks about one version with several tags, and several versions with one.

// sameWish reports whether two requests ask for the same representation, as far as their
// fields tell.
func (e *examination) sameWish(p *examination) bool {
	for _, name := range []string{"Accept", "Accept-Encoding", "Accept-Language", "Cookie", "Authorization"} {
		if e.req(name) != p.req(name) {
			return false
		}
	}
	return true
}

// shows reports whether the response is a whole representation, or would be if it were not for HEAD.
func (e *examination) shows() bool { return e.reads() && e.status() == 200 }

// sameRepresentation reports whether two reads were answered with representations that may well be the same.
func (e *examination) sameRepresentation(p *examination) bool {
	return p.shows() && sameCoding(e, p)
}

// sameCoding reports whether two reads ask for the same, and were answered in the same content coding.
func sameCoding(a, b *examination) bool {
	return a.sameWish(b) && a.resp("Content-Encoding") == b.resp("Content-Encoding")
}

// readBefore returns the latest earlier read of the same representation whose tag is, or is not, the one of this
// response, unless something was written in between; or nil.
func (e *examination) readBefore(sameTag bool) *examination {
	if !e.shows() || etagOf(e).IsZero() {
		return nil
	}
	for _, p := range slices.Backward(e.earlier) {
		switch {
		case p.writes() && p.succeeded():
			return nil
		case e.sameRepresentation(p) && !etagOf(p).IsZero() && (etagOf(p) == etagOf(e)) == sameTag:
			return p
		}
	}
	return nil
}

// A change is a pair of tags for one resource that were to be the same.
type change struct {
	from, to string
	relation etag.Relation
	evidence []Fact
}

// changes returns the pairs of tags to ask why they differ: the one that was sent in a precondition and the
// current one, and those of two reads.
func (e *examination) changes() []change {
	var list []change
	for _, c := range e.verdict.Tags {
		if c.Relation.Kind > etag.SameButForm {
			list = append(list, change{c.Sent, c.Current, c.Relation, []Fact{e.sent(c.Field), e.current(), e.answered()}})
		}
	}
	if p := e.readBefore(false); p != nil && len(list) == 0 {
		from, to := p.facts(), e.facts()
		from.Content, to.Content = nil, nil
		r := etag.Relate(p.resp("ETag"), e.resp("ETag"), from, to)
		if r.Kind > etag.SameButForm {
			list = append(list, change{p.resp("ETag"), e.resp("ETag"), r,
				[]Fact{p.got("ETag"), p.got("Last-Modified"), e.got("ETag"), e.got("Last-Modified")}})
		}
	}
	return list
}

// farmSkew is about copies whose times are less than a second apart, and about tags that alternate.
func farmSkew(e *examination) []Finding {
	for _, c := range e.changes() {
		apart := c.relation.Elapsed.Abs()
		if c.relation.Kind == etag.FarmCopies && apart > 0 {
			return one(Likely, fmt.Sprintf("%s and %s hold times that are %s apart: copies of one file, written one after the other",
				clip(c.from), clip(c.to), apart), c.evidence...)
		}
		if back := e.readBefore(true); back != nil && c.relation.Kind == etag.OtherTime && e.between(back) {
			return one(Likely, fmt.Sprintf("%s was the tag, then %s, and now the first one again, with times that are %s apart: two copies answer in turn",
				clip(c.to), clip(c.from), apart),
				append(c.evidence, back.got("ETag"))...)
		}
		if c.relation.Kind == etag.OtherTime && e.cameBack(c) {
			return one(Likely,
				fmt.Sprintf("the client had %s, was sent %s in its place, and is now sent the first one again, with times that are %s apart: two copies answer in turn", clip(c.to), clip(c.from), apart),
				append(c.evidence, e.minted(c.from).sent("If-None-Match"), e.minted(c.from).sent("If-Range"))...)
		}
		if c.relation.Kind > etag.SameButForm && c.relation.Elapsed < 0 && e.conditional() && (e.status() == 412 || e.status() == 200) {
			return one(Possible, fmt.Sprintf("the time in the current tag is %s earlier than in the one that was sent: another copy answers, or an older version was put back", apart), c.evidence...)
		}
	}
	return nil
}

// cameBack reports whether the client had the later tag of c already when it was sent the earlier one.
func (e *examination) cameBack(c change) bool {
	p := e.minted(c.from)
	return p != nil && slices.ContainsFunc(p.verdict.Tags, func(t Comparison) bool { return t.Sent == c.to })
}

// between reports whether, after p, there was a read with another tag.
func (e *examination) between(p *examination) bool {
	other := e.readBefore(false)
	return other != nil && slices.Index(e.earlier, other) > slices.Index(e.earlier, p)
}

// node names the node of a CDN that answered, "" if nothing tells.
func (e *examination) node() (name, field string) {
	for _, field := range []string{"X-Served-By", "X-Amz-Cf-Pop", "X-Cache-Node", "X-Edge-Location"} {
		if v := e.resp(field); v != "" {
			return v, field
		}
	}
	if v := e.resp("Server"); strings.HasPrefix(v, "BunnyCDN-") {
		return v, "Server"
	}
	if _, colo, ok := strings.Cut(e.resp("CF-Ray"), "-"); ok {
		return colo, "CF-Ray"
	}
	return "", ""
}

func cdnNodes(e *examination) []Finding {
	p := e.last(func(p *examination) bool {
		return p.reads() && (p.status() == 200 || p.status() == 206) && !etagOf(p).IsZero() && sameCoding(e, p)
	})
	if p == nil || !e.reads() || e.status() != 200 && e.status() != 206 || etagOf(e).IsZero() {
		return nil
	}
	if found := e.sameDigestOtherTime(p); found != nil {
		return found
	}
	if found := e.partsOfCopies(); found != nil {
		return found
	}
	here, field := e.node()
	there, _ := p.node()
	if here == "" || there == "" || here == there || e.resp("Last-Modified") == "" || e.resp("Last-Modified") != p.resp("Last-Modified") {
		return nil
	}
	a, _ := p.representation()
	b, _ := e.representation()
	kind := etag.Relate(p.resp("ETag"), e.resp("ETag"), etag.Facts{}, etag.Facts{}).Kind
	if a != b || kind == etag.Identical || kind == etag.SameButForm {
		return nil
	}
	return one(Likely, fmt.Sprintf("%s and %s have the same Last-Modified and length, and the tags %s and %s", clip(there), clip(here),
		clip(p.resp("ETag")), clip(e.resp("ETag"))),
		p.got("ETag"), p.got(field), e.got("ETag"), e.got(field), e.got("Last-Modified"))
}

// otherPart returns the earlier part of the same representation whose tag is another one, how the tags are related, and
// whether there is one: nothing was written in between, as far as the capture shows.
func (e *examination) otherPart() (p *examination, rel etag.Relation, ok bool) {
	p = e.last(func(p *examination) bool { return p.writes() || p.reads() && (p.status() == 200 || p.status() == 206) })
	if e.status() != 206 || p == nil || p.status() != 206 || !p.reads() || !sameCoding(e, p) || etagOf(e).IsZero() || etagOf(p).IsZero() {
		return nil, rel, false
	}
	rel = etag.Relate(p.resp("ETag"), e.resp("ETag"), p.facts(), e.facts())
	return p, rel, rel.Kind != etag.Identical && rel.Kind != etag.SameButForm && e.resp("Content-Range") != p.resp("Content-Range")
}

// partFacts are what two parts tell of the version that they are of.
func (e *examination) partFacts(p *examination) []Fact {
	return []Fact{p.sent("Range"), p.got("ETag"), p.got("Content-Range"), p.got("Last-Modified"),
		e.sent("Range"), e.sent("If-Range"), e.got("ETag"), e.got("Content-Range"), e.got("Last-Modified"), e.gap(p)}
}

// partsOfCopies is about two parts whose tags have one size and two times.
func (e *examination) partsOfCopies() []Finding {
	p, rel, ok := e.otherPart()
	a, _ := p.sizeOf()
	b, _ := e.sizeOf()
	if !ok || rel.Kind != etag.FarmCopies && rel.Kind != etag.OtherTime || a != b {
		return nil
	}
	return one(Possible, fmt.Sprintf("two parts of one file have the tags %s and %s, of one size and two times: two copies of it answered, or it was written again in between; whoever joins parts by their tag fails",
		clip(p.resp("ETag")), clip(e.resp("ETag"))), e.partFacts(p)...)
}

// sizeOf is the length of the whole, by what a part says of it; it takes nil.
func (e *examination) sizeOf() (int64, bool) {
	if e == nil {
		return 0, false
	}
	size, _ := e.representation()
	return size, size > 0
}

// sameDigestOtherTime is about tags of Akamai, which have a digest and a time: with the same digest the content is the same.
func (e *examination) sameDigestOtherTime(p *examination) []Finding {
	digest, at, ok := strings.Cut(opaque(e.resp("ETag")), ":")
	before, atBefore, okBefore := strings.Cut(opaque(p.resp("ETag")), ":")
	if !ok || !okBefore || digest != before || at == atBefore || len(digest) != 32 || !isHex(digest) ||
		strings.Trim(at+atBefore, "0123456789.") != "" {
		return nil
	}
	return one(Likely, fmt.Sprintf("the digest in both tags is %s, so the content is the same, and the times %s and %s are those of two copies; whoever joins parts by their tag fails", digest, atBefore, at),
		p.got("ETag"), p.got("X-Cache"), p.got("Content-Range"), e.got("ETag"), e.got("X-Cache"), e.got("Content-Range"), p.got("Last-Modified"),
		e.got("Last-Modified"))
}

func iisChangeNumber(e *examination) []Finding {
	for _, c := range e.changes() {
		from, number, _ := strings.Cut(opaque(c.from), ":")
		to, other, _ := strings.Cut(opaque(c.to), ":")
		if from == to && number != other && len(from) >= 8 && isHex(from) && isHex(number) && isHex(other) {
			return one(Certain, fmt.Sprintf("both tags have the time %s, and only the change numbers %s and %s differ", from, number, other),
				c.evidence...)
		}
	}
	return nil
}

func inodeInTag(e *examination) []Finding {
	for _, c := range e.changes() {
		from, to, ok := inodes(c)
		if !ok {
			continue
		}
		f := finding(Certain, fmt.Sprintf("both tags have the same size and time, and only the inodes %s and %s differ", from, to), c.evidence...)
		if _, ok := e.has("apache"); ok {
			f.Config = []Config{{Server: "Apache httpd", Where: "in the virtual host or the directory", Text: "FileETag MTime Size"}}
		}
		return []Finding{f}
	}
	return nil
}

// inodes returns the inodes of two tags that differ in nothing else, and whether they do. In the tag of LiteSpeed
// the inode comes last, in those of Apache and uhttpd first.
func inodes(c change) (from, to string, ok bool) {
	a, b := c.relation.Sent, c.relation.Current
	if a.Dialect != nil && a.Dialect == b.Dialect && a.Size == b.Size && a.Time.Equal(b.Time) && !a.Time.IsZero() {
		from, to = a.Parts["inode"], b.Parts["inode"]
		return from, to, from != "" && to != "" && from != to
	}
	return "", "", false
}

// opaque is the text of a tag between its quotes, or the text itself if it has none.
func opaque(tag string) string { return strings.Trim(strings.TrimPrefix(tag, "W/"), `"`) }

func isHex(s string) bool { return s != "" && strings.Trim(s, "0123456789abcdef") == "" }

// redeployed is about tags with different times for the same content.
func redeployed(e *examination) []Finding {
	for _, c := range e.changes() {
		if c.relation.Kind != etag.OtherTime || c.relation.Elapsed <= 0 || e.readBefore(true) != nil {
			continue
		}
		if p := e.readBefore(false); p != nil && equalContent(p, e) {
			return one(Likely, fmt.Sprintf("the content is the same byte by byte, and the time in the tag is %s later", c.relation.Elapsed),
				append(c.evidence, e.gap(p))...)
		}
		if e.status() == 412 || len(e.fields.IfRange) > 0 {
			return one(Possible,
				fmt.Sprintf("the size in the tags is the same, and the time is %s later: written anew, or changed without changing its length", c.relation.Elapsed), c.evidence...)
		}
	}
	return nil
}

// equalContent and unequalContent compare what two responses sent; neither holds if it is not
// known.
func equalContent(a, b *examination) bool {
	return bothComplete(a, b) && bytes.Equal(a.x.Response.Content.Data, b.x.Response.Content.Data)
}

func unequalContent(a, b *examination) bool {
	return bothComplete(a, b) && !bytes.Equal(a.x.Response.Content.Data, b.x.Response.Content.Data)
}

func bothComplete(a, b *examination) bool {
	return a.method() == "GET" && b.method() == "GET" && a.x.Response.Content.Complete() && b.x.Response.Content.Complete()
}

// twin returns the latest earlier response with the same strong tag, without a content coding, if it had other
// content, or nil. A weak tag may stay the same.
func (e *examination) twin() *examination {
	tag := etagOf(e)
	if e.status() != 200 || tag.IsZero() || tag.IsWeak() || e.coded() {
		return nil // the same data can be compressed in several ways
	}
	p := e.last(func(p *examination) bool {
		return p.method() == "GET" && p.status() == 200 && etagOf(p) == tag && !p.coded()
	})
	if p == nil {
		return nil
	}
	if _, ok := otherDigest(p, e); ok {
		return p
	}
	if !unequalContent(p, e) || len(p.x.Response.Content.Data) == 0 || len(e.x.Response.Content.Data) == 0 {
		return nil // where one is empty it was not sent, as by status-override-hides-304
	}
	return p
}

// twoContents says in words that a response and its twin have different contents, and returns what shows it.
func (e *examination) twoContents(p *examination) (words string, evidence []Fact) {
	if field, ok := otherDigest(p, e); ok {
		return "two contents with different digests (" + field + ")", []Fact{p.got(field), e.got(field)}
	}
	a, b := len(p.x.Response.Content.Data), len(e.x.Response.Content.Data)
	return fmt.Sprintf("two different contents, of %d and %d bytes,", a, b), nil
}

// collided takes back that a 304 between two contents with one tag was as designed: the tag does not tell them apart.
func collided(e *examination, f Finding) {
	p := e.twin()
	if p == nil || f.Confidence < Certain {
		return
	}
	for _, m := range e.earlier[slices.Index(e.earlier, p)+1:] {
		if m.status() != 304 || !m.hasTag("If-None-Match", e.resp("ETag")) {
			continue
		}
		m.found = slices.DeleteFunc(m.found, func(f Finding) bool { return f.Rule.ID == "not-modified-as-designed" })
		m.verdict.Judgement, m.verdict.Expected = Unknown, nil
		m.verdict.Why = fmt.Sprintf("the tag is the current one, but it stands for two contents: %s and %s have it", p.place("response"),
			e.place("response"))
	}
}

// normalTimes are the constants that builds give to files, in seconds since 1970.
var normalTimes = map[int64]string{
	0:         "the first second of 1970",
	1:         "the second second of 1970, as of the Nix store",
	315532800: "the first of January 1980, the earliest that a zip archive can hold",
	315532801: "the first of January 1980, the earliest that a zip archive can hold",
	315532802: "the first of January 1980, the earliest that a zip archive can hold",
	499162500: "the date of all files in packages of npm",
	946684800: "the first of January 2000",
}

// normalTime returns the constant that the time in the tag is, or, if there is no tag, Last-Modified.
func (e *examination) normalTime() (time.Time, string) {
	at := parseDate(e.resp("Last-Modified"))
	if e.resp("ETag") != "" {
		r, ok := e.reading()
		if !ok || r.Time.IsZero() {
			return time.Time{}, ""
		}
		at = r.Time
	}
	if at.IsZero() || at.Nanosecond() != 0 {
		return time.Time{}, ""
	}
	return at, normalTimes[at.Unix()]
}

// reading returns the best reading of the tag of the response, and whether there is one that the facts do not
// speak against. It does not digest content.
func (e *examination) reading() (etag.Reading, bool) {
	known := e.facts()
	known.Content = nil
	rs := etag.Recognise(e.resp("ETag"), known)
	if len(rs) == 0 || rs[0].Fit == etag.Contradicted {
		return etag.Reading{}, false
	}
	return rs[0], true
}

func normalisedTime(e *examination) []Finding {
	if !e.reads() || e.status() != 200 && e.status() != 304 {
		return nil
	}
	at, what := e.normalTime()
	if what == "" {
		return nil
	}
	evidence := []Fact{e.got("ETag"), e.got("Last-Modified"), e.fact("time of the file", at.Format(time.RFC3339)), e.answered()}
	if p := e.twin(); p != nil {
		return one(Certain, "two different contents of equal length have this tag, whose time is "+what, append(evidence, p.got("ETag"))...)
	}
	return one(Likely, "the time of the file is "+what+": a constant, so only the size tells versions apart", evidence...)
}

func sameSecond(e *examination) []Finding {
	p := e.twin()
	if p == nil || p.x.Response.Content.Len != e.x.Response.Content.Len {
		return nil
	}
	r, ok := e.reading()
	if _, normal := e.normalTime(); !ok || normal != "" || r.Time.IsZero() || r.Resolution < time.Second {
		return nil
	}
	_, digests := e.twoContents(p)
	return one(Certain, fmt.Sprintf("two different contents of %d bytes have the tag %s, which holds the time in units of %s",
		e.x.Response.Content.Len, clip(e.resp("ETag")), r.Resolution),
		append(digests, p.got("ETag"), e.got("ETag"), e.got("Last-Modified"), e.gap(p))...)
}

// freshFile is about a weak tag whose time is that of the response.
func freshFile(e *examination) []Finding {
	date, tag := parseDate(e.resp("Date")), etagOf(e)
	if date.IsZero() || !tag.IsWeak() {
		return nil
	}
	r, ok := e.reading()
	if !ok || !strings.HasPrefix(r.Dialect.ID, "apache") || r.Time.IsZero() {
		return nil
	}
	if age := date.Sub(r.Time.Truncate(time.Second)); age < 0 || age > time.Second {
		return nil
	}
	return one(Likely, fmt.Sprintf("the file was changed at %s, in the second of the response or in the one before, so Apache made its tag weak",
		r.Time.Format("15:04:05.000000")),
		e.got("ETag"), e.got("Last-Modified"), e.got("Date"))
}

// maxUnstable is how many reads are looked at, and manyTags how many different tags in a row show that they
// change by themselves.
const (
	maxUnstable = 8
	manyTags    = 3
)

func unstableTag(e *examination) []Finding {
	if !e.shows() || etagOf(e).IsZero() {
		return nil
	}
	if r, ok := e.reading(); ok && !r.Time.IsZero() {
		return nil // the file may be copied, or changed
	}
	reads := e.readsInRow()
	if len(reads) < manyTags {
		return nil
	}
	first := reads[len(reads)-1]
	took, timed := e.since(first)
	evidence := []Fact{first.got("ETag"), reads[1].got("ETag"), e.got("ETag"), e.gap(first)}
	says := fmt.Sprintf("%d reads in a row, with no write between them, have %d different tags", len(reads), len(reads))
	switch {
	case equalContent(first, e):
		return one(Likely, says+", and the first and last have the same content", evidence...)
	case timed && took <= 10*time.Second:
		return one(Likely, says+", within "+took.String(), evidence...)
	case timed && took > 10*time.Minute:
		return nil
	}
	return one(Possible, says, evidence...)
}

// readsInRow returns this read and those right before it, latest first, as long as each has another
// tag; none if a tag came again.
func (e *examination) readsInRow() []*examination {
	list, tags := []*examination{e}, []etag.Tag{etagOf(e)}
	for _, p := range slices.Backward(e.earlier) {
		if len(list) == maxUnstable || p.writes() && p.succeeded() {
			break
		}
		tag := etagOf(p)
		if tag.IsZero() || !e.sameRepresentation(p) || !e.sameClient(p) {
			continue
		}
		if slices.Contains(tags, tag) {
			return nil
		}
		list, tags = append(list, p), append(tags, tag)
	}
	return list
}

func tooNarrow(e *examination) []Finding {
	p := e.twin()
	if p == nil || sign.Placeholder(etagOf(e).Opaque()) {
		return nil
	}
	if r, ok := e.reading(); ok && !r.Time.IsZero() {
		return nil // see same-second-same-size-collision and mtime-normalised-collision
	}
	words, digests := e.twoContents(p)
	return one(Certain, words+" have the strong tag "+clip(e.resp("ETag")), append(digests, p.got("ETag"), e.got("ETag"), e.gap(p))...)
}
