package diagnose

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/etag"
)

// This file has the checks about what a tag is made of, and how it is written.

func placeholderTag(e *examination) []Finding {
	tag, err := etag.Parse(e.resp("ETag"))
	if err != nil || !sign.Placeholder(tag.Opaque()) {
		return nil
	}
	evidence := []Fact{e.got("ETag"), e.sent("If-None-Match"), e.sent("If-Match"), e.answered()}
	switch p := e.twin(); {
	case p != nil:
		return one(Certain, fmt.Sprintf("two different contents have the tag %s", tag), append(evidence, p.got("ETag"))...)
	case tag.Opaque() == "0":
		return one(Possible, `the tag is "0", which may be a version or stand for none`, evidence...)
	}
	return one(Likely, fmt.Sprintf("the tag is %s, which names no version", tag), evidence...)
}

func duplicateTags(e *examination) []Finding {
	lines := e.x.Response.Header.Named("ETag")
	if len(lines) > 1 {
		return one(Certain, fmt.Sprintf("the response has %d ETag fields, and may have one", len(lines)), e.got("ETag"))
	}
	if len(lines) == 0 || lines[0].Cut || etagOf(e) != (etag.Tag{}) {
		return nil
	}
	n := 0
	for m := range etag.Members([]string{lines[0].Value}) {
		if m.Fault != etag.None || m.Any {
			return nil
		}
		n++
	}
	if n < 2 {
		return nil
	}
	return one(Certain, fmt.Sprintf("the ETag field has %d tags joined by commas, and may have one", n), e.got("ETag"))
}

func twoOwners(e *examination) []Finding {
	for _, c := range e.verdict.Tags {
		read := e.minted(c.Sent)
		if c.Relation.Kind != etag.OtherLayer || read == nil || !read.reads() || !e.witnessed {
			continue
		}
		return one(Likely, fmt.Sprintf("the server sent %s, %s, with a read, and now compares with %s, %s", clip(c.Sent), maker(c.Relation.Sent),
			clip(c.Current), maker(c.Relation.Current)),
			read.got("ETag"), read.got("Server"), e.sent(c.Field), e.current(), e.answered(), e.gap(read))
	}
	if found := e.setLater(); found != nil {
		return found
	}
	return e.ownersTakeTurns()
}

// setLater is about Header set ETag of Apache, which puts a tag into the response after Apache has compared its own, so that the
// tag that clients are given never matches. It shows where Apache itself refuses the tag that it sends, or sends the
// whole again to who has it, and the tag is none that Apache makes.
func (e *examination) setLater() []Finding {
	if !strings.HasPrefix(strings.ToLower(e.resp("Server")), "apache") || e.x.Cache != "" {
		return nil
	}
	shown, field := e.refusedOwnTag()
	if shown == nil || codingMark(shown.resp("ETag")) != "" {
		return nil
	}
	if r, known := shown.reading(); known && r.Dialect != nil && strings.HasPrefix(r.Dialect.ID, "apache") {
		return nil
	}
	c := Possible // an application behind Apache may have made it
	if shown.resp("Last-Modified") != "" && shown.resp("X-Powered-By") == "" && !shown.mediated() {
		c = Likely // as the files that Apache itself sends
	}
	f := finding(c, fmt.Sprintf("Apache sends %s, which is no tag that Apache makes, and does not know it when it is sent back: Header set ETag puts it into the response after Apache has compared the tag of its own", clip(shown.resp("ETag"))),
		shown.asked(), shown.got("ETag"), shown.got("Server"), e.sent(field), e.answered(), e.got("ETag"))
	f.Fix = []string{
		"Apache: take out Header set ETag (mod_headers), and let FileETag make the tag: Apache compares with that one only.",
		"Apache: if all servers of a farm are to agree, copy the files with their times (rsync -t), or use FileETag Digest where Apache has it.",
	}
	return []Finding{f}
}

// refusedOwnTag returns the response that gave a tag, if the server does not know that tag in the field that is returned: it
// refuses it, or sends all of it again.
func (e *examination) refusedOwnTag() (shown *examination, field string) {
	switch {
	case e.status() == 412 && len(e.members("If-Match")) == 1:
		sent := e.members("If-Match")[0]
		if sent.Fault != etag.None || sent.Any || sent.Tag.IsWeak() {
			return nil, ""
		}
		if e.resp("ETag") == sent.Raw {
			return e, "If-Match"
		}
		p := e.last((*examination).tells)
		if p != nil && p.shows() && p.resp("ETag") == sent.Raw && e.resp("ETag") == "" && p.cached().Name == "" {
			return p, "If-Match"
		}
	case e.shows() && e.sentAnyway() && len(e.members("If-None-Match")) == 1 && e.members("If-None-Match")[0].Raw == e.resp("ETag"):
		return e, "If-None-Match"
	}
	return nil, ""
}

// ownersTakeTurns is about a read that shows a tag again after a refusal had shown another one, without any
// write in between.
func (e *examination) ownersTakeTurns() []Finding {
	if !e.shows() || etagOf(e).IsZero() || len(e.earlier) < 2 {
		return nil
	}
	refused, before := e.earlier[len(e.earlier)-1], e.earlier[len(e.earlier)-2]
	if refused.status() != 412 || !refused.witnessed || !e.sameRepresentation(before) || etagOf(before) != etagOf(e) {
		return nil
	}
	r := etag.Relate(e.resp("ETag"), refused.resp("ETag"), etag.Facts{}, etag.Facts{})
	if r.Kind != etag.OtherLayer && r.Kind != etag.Unrelated && r.Kind != etag.OtherContent {
		return nil
	}
	return one(Likely, fmt.Sprintf("reads before and after the 412 have %s, and the 412 has %s: two layers, each with its own tag",
		clip(e.resp("ETag")), clip(refused.resp("ETag"))),
		before.got("ETag"), refused.sent("If-Match"), refused.got("ETag"), e.got("ETag"))
}

// maker says who makes tags of the dialect of a reading.
func maker(r etag.Reading) string {
	if r.Dialect == nil {
		return "whose form is not known"
	}
	return fmt.Sprintf("which looks like %s (%s)", r.Dialect.By, r.Dialect.Tells)
}

func tagOfPart(e *examination) []Finding {
	if p := e.wholeOf(); p != nil {
		return one(Likely, "date and length are those of the whole that was sent before, and the tag is another: it is that of this part",
			p.asked(), p.got("ETag"), p.got("Last-Modified"),
			e.asked(), e.sent("If-Range"), e.got("ETag"), e.got("Last-Modified"), e.got("Content-Range"))
	}
	if found := e.tagsOfParts(); found != nil {
		return found
	}
	_, query, _ := strings.Cut(e.x.Request.Target, "?")
	values, _ := url.ParseQuery(query)
	tag := etagOf(e).Opaque()
	if !e.reads() || !e.succeeded() || !values.Has("partNumber") || len(tag) != 32 || !isHex(tag) {
		return nil
	}
	n := e.resp("x-amz-mp-parts-count")
	r, err := byterange.ParseContentRange(e.resp("Content-Range"))
	if (n == "" || n == "1") && (err != nil || r.Range.Length == r.Size) {
		return nil // the object has that one part
	}
	return one(Likely, "the object has several parts, and the tag has no number of parts at its end: it is that of this part", e.asked(), e.got("ETag"),
		e.got("x-amz-mp-parts-count"), e.got("Content-Range"))
}

// tagsOfParts is about two parts of one length of the whole, whose tags are digests and differ: a layer that hashes what it sends
// gives each part a tag of its own. A new version has another date, if there are dates.
func (e *examination) tagsOfParts() []Finding {
	tag := opaque(e.resp("ETag"))
	if e.status() != 206 || len(tag) < 32 || !isHex(strings.ToLower(tag)) || e.stamped() {
		return nil
	}
	r, err := byterange.ParseContentRange(e.resp("Content-Range"))
	p := e.last(func(p *examination) bool { return p.writes() || p.reads() && (p.status() == 200 || p.status() == 206) })
	if err != nil || p == nil || p.writes() || !e.sameWish(p) || p.resp("ETag") == e.resp("ETag") ||
		len(opaque(p.resp("ETag"))) != len(tag) || p.resp("Last-Modified") != e.resp("Last-Modified") {
		return nil
	}
	size, _ := p.representation()
	if size != r.Size || size <= 0 || p.resp("Content-Range") == e.resp("Content-Range") || p.coded() != e.coded() {
		return nil
	}
	return one(Possible, "two answers about one file of the same length have two digests for tags: either each part has a tag of its own, or the file was replaced by one of the same length in between",
		p.asked(), p.sent("Range"), p.got("ETag"), p.got("Content-Range"), e.asked(), e.sent("Range"), e.got("ETag"), e.got("Content-Range"),
		e.gap(p))
}

// stamped reports whether the tag has more in it than a digest.
func (e *examination) stamped() bool { return strings.ContainsAny(opaque(e.resp("ETag")), ":-") }

func multipartTag(e *examination) []Finding {
	for _, c := range e.verdict.Tags {
		sent, current := opaque(c.Sent), opaque(c.Current)
		digest, parts, ok := strings.Cut(current, "-")
		if len(sent) != 32 || !isHex(strings.ToLower(sent)) || !ok || len(digest) != 32 || !isHex(digest) ||
			strings.Trim(parts, "0123456789") != "" {
			continue
		}
		if digest == sent || e.minted(c.Sent) != nil {
			continue // the mark was cut off, or the object had that tag before
		}
		return one(Likely, fmt.Sprintf("%s is the form of an MD5, and the object was uploaded in %s parts, whose tag is no MD5 of the content", clip(c.Sent), parts),
			e.sent(c.Field), e.current(), e.answered())
	}
	return nil
}

// isAzure reports whether a sign or the form of the tag says that the server is Azure storage.
func (e *examination) isAzure(tag string) bool {
	if strings.Contains(e.resp("Server"), "Windows-Azure") || e.req("x-ms-version") != "" || e.resp("x-ms-version") != "" {
		return true
	}
	return len(tag) == 17 && strings.HasPrefix(tag, "0x8") && isHex(strings.ToLower(tag[2:]))
}

// bare returns the first tag without quotes in a field, as sent, and the fact of that field.
func (e *examination) bare() (string, Fact) {
	for _, field := range []string{"If-Match", "If-None-Match", "If-Range"} {
		if sign.Date(e.req(field)) || field == "If-Range" && meantAsDate(e.req(field)) {
			continue
		}
		for _, m := range e.members(field) {
			if sign.LacksQuotes(m) {
				return m.Raw, e.sent(field)
			}
		}
	}
	lines := e.x.Response.Header.Named("ETag")
	if len(lines) != 1 || lines[0].Cut || e.blindResponse() {
		return "", Fact{}
	}
	for m := range etag.Members([]string{lines[0].Value}) {
		if sign.LacksQuotes(m) {
			return lines[0].Value, e.got("ETag")
		}
	}
	return "", Fact{}
}

func unquotedTag(e *examination) []Finding {
	tag, where := e.bare()
	if tag == "" || e.isAzure(tag) {
		return nil
	}
	return one(Certain, fmt.Sprintf("%s has %s, which lacks the double quotes around its text", where.Name, clip(tag)), where,
		e.current(), e.answered())
}

func azureQuotes(e *examination) []Finding {
	tag, where := e.bare()
	if tag == "" || !e.isAzure(tag) {
		return nil
	}
	return one(Certain, fmt.Sprintf("%s has %s without quotes, as Azure allows and the standard does not", where.Name, clip(tag)),
		where, e.answered())
}

func escapedTag(e *examination) []Finding {
	for _, c := range e.verdict.Tags {
		if c.Relation.Kind == etag.SameButForm && sign.Escaped(c.Sent) != sign.Escaped(c.Current) {
			return one(Certain, fmt.Sprintf("%s and %s are the same tag once the additional quotes and their escaping are undone", clip(c.Sent),
				clip(c.Current)),
				e.sent(c.Field), e.current(), e.answered())
		}
	}
	for _, field := range []string{"If-Match", "If-None-Match", "If-Range"} {
		if value := e.req(field); sign.Escaped(value) && len(e.x.Request.Header.Named(field)) == 1 {
			return one(Likely, fmt.Sprintf("%s has quotes within quotes, or escaped ones: %s", field, clip(value)), e.sent(field),
				e.current(), e.answered())
		}
	}
	if tag := e.resp("ETag"); sign.Escaped(tag) && len(e.x.Response.Header.Named("ETag")) == 1 {
		return one(Likely, "the ETag field has quotes within quotes, or escaped ones: "+clip(tag), e.got("ETag"))
	}
	return nil
}

func comparesUnquoted(e *examination) []Finding {
	if e.status() != 412 || !e.alonePrecondition("If-Match") {
		return nil
	}
	shown := e.resp("ETag")
	for _, m := range e.members("If-Match") {
		text := m.Tag.Opaque()
		switch {
		case m.Fault != etag.None || m.Tag.IsWeak() || text == "":
		case shown == text:
			return one(Likely, fmt.Sprintf("the client sent %s with its quotes; the server has the same text without", m.Tag), e.sent("If-Match"),
				e.got("ETag"), e.answered())
		case shown == "" && len(text) >= 8 && strings.Contains(e.body(), strings.ToLower(text)):
			return one(Possible, fmt.Sprintf("the client sent %s, and the content of the 412 has the same text without quotes", m.Tag),
				e.sent("If-Match"),
				e.fact("content of the response", "… "+text+" …"), e.answered())
		}
	}
	return nil
}

func wrongKind(e *examination) []Finding {
	for _, field := range []string{"If-Match", "If-None-Match"} {
		value := e.req(field)
		if value == "" || len(e.x.Request.Header.Named(field)) != 1 || len(value) > maxTag {
			continue
		}
		if sign.Date(value) {
			return one(Certain, fmt.Sprintf("%s has a date, which belongs in %s", field,
				map[string]string{"If-Match": "If-Unmodified-Since", "If-None-Match": "If-Modified-Since"}[field]),
				e.sent(field), e.current(), e.answered())
		}
		if sign.SyncToken(value) {
			return one(Likely, fmt.Sprintf("%s has a sync token, which is of a collection and no tag", field), e.sent(field),
				e.current(), e.answered())
		}
	}
	if found := e.lostTag(); found != nil {
		return found
	}
	if found := e.tagOfAnother(); found != nil {
		return found
	}
	for _, c := range e.verdict.Tags {
		if sameVersion(c) && e.status() == 412 {
			return one(Likely,
				fmt.Sprintf("%s and %s are the same version of the same thing, written in two ways: the one is the tag of the file, the other that of its list item", clip(c.Sent), clip(c.Current)),
				e.sent(c.Field), e.current(), e.answered())
		}
		sent, current := c.Relation.Sent.Dialect, c.Relation.Current.Dialect
		if sent == nil || current == nil || c.Relation.Kind <= etag.SameButForm || e.reads() {
			continue
		}
		if sent.ID == "onedrive-ctag" && current.ID == "onedrive-etag" {
			return one(Likely, fmt.Sprintf("%s has the cTag of the item, which is of its content; the service compares with its eTag", c.Field),
				e.sent(c.Field), e.current(), e.answered())
		}
		if c.Relation.Kind == etag.OtherLayer && e.minted(c.Sent) == nil && e.status() == 412 {
			return one(Possible, fmt.Sprintf("the client sent %s, %s, and the current tag is %s, %s", clip(c.Sent), maker(c.Relation.Sent),
				clip(c.Current), maker(c.Relation.Current)),
				e.sent(c.Field), e.current(), e.answered())
		}
	}
	return nil
}

// lostTag is about a program that sent a word, as null, although it had been given a tag that it may read.
func (e *examination) lostTag() []Finding {
	word, none := e.noTag()
	if !none || word == "" || e.status() != 412 && e.status() != 400 {
		return nil
	}
	p := e.last(func(p *examination) bool { return p.succeeded() && !p.blindResponse() && e.sameClient(p) })
	if p == nil || p.resp("ETag") == "" || e.crossOrigin() && !p.exposes("etag") {
		return nil
	}
	return one(Likely, fmt.Sprintf("the client sent %s, the word for nothing in its language, and %s has the tag %s, which it did not keep or looks for under another name",
		inQuotes(word), p.place("response"), clip(p.resp("ETag"))),
		p.asked(), p.got("ETag"), e.sent("If-Match"), e.answered())
}

// tagOfAnother is about a tag that the server gave for another resource.
func (e *examination) tagOfAnother() []Finding {
	if e.status() != 412 || !e.writes() {
		return nil
	}
	for _, m := range e.members("If-Match") {
		p := e.given(m.Raw)
		if m.Any || p == nil || e.minted(m.Raw) != nil || resource(p.x) == resource(e.x) {
			continue
		}
		c, says := Possible, fmt.Sprintf("%s was given for %s, and is sent for another resource", clip(m.Raw), clip(p.x.Request.Target))
		if e.odata() {
			c, says = Likely, says+", which has a tag of its own"
		}
		return one(c, says, p.asked(), p.answered(), e.asked(), e.sent("If-Match"), e.answered())
	}
	return nil
}

func headUnlikeGet(e *examination) []Finding {
	if !e.shows() || e.blindResponse() {
		return nil
	}
	p := e.last(func(p *examination) bool { return p.shows() || p.writes() && p.succeeded() })
	if p == nil || !p.shows() || p.method() == e.method() || !e.sameWish(p) || p.blindResponse() {
		return nil
	}
	here, there := e.resp("ETag"), p.resp("ETag")
	evidence := []Fact{p.asked(), p.got("ETag"), p.got("Last-Modified"), e.asked(), e.got("ETag"), e.got("Last-Modified"), e.gap(p)}
	if here == there {
		return nil
	}
	if here == "" || there == "" {
		has, lacks := p, e
		if there == "" {
			has, lacks = e, p
		}
		return one(Likely, fmt.Sprintf("the response to %s has a tag, that to %s has none", has.method(), lacks.method()), evidence...)
	}
	says := fmt.Sprintf("%s has %s, %s has %s", p.method(), clip(there), e.method(), clip(here))
	again := e.last(func(q *examination) bool { return q.shows() && q.method() == e.method() && q != p })
	if again != nil && again.resp("ETag") == here && slices.Index(e.earlier, again) < slices.Index(e.earlier, p) {
		return one(Likely, says+", and the same before", append(evidence, again.got("ETag"))...)
	}
	switch etag.Relate(there, here, etag.Facts{}, etag.Facts{}).Kind {
	case etag.SameButForm, etag.OtherLayer:
		return one(Likely, says, evidence...)
	}
	if d, ok := e.since(p); ok && d <= 2*time.Second {
		return one(Possible, says+", within "+d.String(), evidence...)
	}
	return nil
}

func starMatch(e *examination) []Finding {
	members := e.members("If-Match")
	if len(members) != 1 || !members[0].Any || e.method() != "PUT" && e.method() != "PATCH" || !e.succeeded() {
		return nil
	}
	return one(Certain, fmt.Sprintf("this %s replaced whatever version there was", e.method()), e.asked(), e.sent("If-Match"), e.answered())
}
