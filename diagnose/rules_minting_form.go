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
	return e.ownersTakeTurns()
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
