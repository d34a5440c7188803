package diagnose

import (
	"bytes"
	"fmt"
	"slices"
)

// This file has the checks for answers that say "nothing was done" or "nothing is new" where that is not so.

// notModifiedMatch is about a 304 to a read that has no other precondition than If-Match.
func notModifiedMatch(e *examination) []Finding {
	if e.status() != 304 || !e.reads() || e.blind() || !e.alonePrecondition("If-Match") {
		return nil
	}
	says := "304 answers If-None-Match and If-Modified-Since, and the request has neither"
	if _, _, ok := e.named("If-Match", false); ok {
		says += "; the tag in If-Match is the current one, so the server seems to take the one field for the other"
	}
	return one(Certain, says, e.asked(), e.sent("If-Match"), e.got("ETag"), e.answered())
}

// missingBefore returns the earlier exchange that speaks against a 304, or nil: the latest that tells anything of the
// resource says that there is none.
func (e *examination) missingBefore() *examination {
	if e.status() != 304 || !e.reads() {
		return nil
	}
	p := e.last((*examination).tells)
	if p == nil || !p.reads() || p.status() != 404 && p.status() != 410 || !e.sameWish(p) {
		return nil
	}
	return p
}

// notModifiedMissing is about a 304 after a 404. Certain it cannot be: the resource may have been made in between.
func notModifiedMissing(e *examination) []Finding {
	p := e.missingBefore()
	if p == nil {
		return e.notModifiedThenMissing()
	}
	evidence := []Fact{p.asked(), p.answered(), p.got("ETag"), e.asked(), e.sent("If-None-Match"), e.sent("If-Modified-Since"),
		e.answered(), e.got("ETag"), e.gap(p)}
	if tag := etagOf(p); !tag.IsZero() && e.hasTag("If-None-Match", p.resp("ETag")) {
		return one(Likely,
			fmt.Sprintf("the %d before had the tag %s, and with that tag in If-None-Match the answer is 304: there was nothing, and there is nothing", p.status(), tag), evidence...)
	}
	return one(Possible, fmt.Sprintf("the answer was %d before, and is 304 now; unless the resource was made in between",
		p.status()), evidence...)
}

// confirmed returns the 304 right before a 404 for the same resource, or nil.
func (e *examination) confirmed() *examination {
	if !e.asksForIt() || e.status() != 404 && e.status() != 410 {
		return nil
	}
	p := e.last(func(p *examination) bool { return p.reads() || p.writes() })
	if p == nil || p.status() != 304 || !p.reads() || p.x.Cache != "" || p.cached().Name != "" {
		return nil
	}
	if d, ok := e.since(p); ok && d > loosely {
		return nil
	}
	return p
}

// notModifiedThenMissing is about a 404 right after a 304: either the resource was deleted in between, or there was none.
func (e *examination) notModifiedThenMissing() []Finding {
	p := e.confirmed()
	if p == nil {
		return nil
	}
	return one(Possible, fmt.Sprintf("the answer was 304, and is %d now; unless the resource was deleted in between, there was nothing that could be unchanged", e.status()),
		p.asked(), p.sent("If-None-Match"), p.sent("If-Modified-Since"), p.answered(), e.asked(), e.answered(), e.gap(p))
}

// notConfirmed makes what was said of a 304 less sure that a 404 speaks against.
func notConfirmed(e *examination, _ Finding) {
	p := e.confirmed()
	if p == nil {
		return
	}
	for i := range p.found {
		if p.found[i].Rule.Level == Good {
			p.found[i].Confidence = min(p.found[i].Confidence, Likely)
		}
	}
	if p.verdict.Judgement == Right {
		p.verdict.Judgement, p.verdict.Expected = Unknown, nil
		p.verdict.Why = fmt.Sprintf("%s is %d: either the resource was deleted after this, or there was none", e.place("response"), e.status())
	}
}

// hasTag reports whether a list that was sent has the tag as it is.
func (e *examination) hasTag(field, tag string) bool {
	for _, m := range e.members(field) {
		if m.Raw == tag {
			return true
		}
	}
	return false
}

// changedAfterRefusal is about a read that has the content of a write that was refused.
//
// It is never certain, since somebody else may have written the same; and a write that is repeated, because the answer to
// the first was lost, is rightly refused while its content is there.
func changedAfterRefusal(e *examination) []Finding {
	put := e.refusedPut()
	if put == nil || !e.mayShow(put) {
		return nil
	}
	before := put.last(func(p *examination) bool { return p.tells() || p.writes() })
	evidence := []Fact{put.asked(), put.sent("If-Match"), put.sent("If-None-Match"), put.answered(), put.got("ETag"), e.asked(), e.got("ETag")}
	refused := fmt.Sprintf("the write was answered %d", put.status())
	switch {
	case before != nil && (before.writes() && !before.succeeded() || before.unchanged(e)):
		return nil // that one may have done it, or it was so already
	case before != nil && before.differs(e):
		evidence = append([]Fact{before.asked(), before.answered(), before.got("ETag")}, evidence...)
		if !put.x.Request.Content.Complete() {
			return one(Possible, refused+", and now the content is another than before and has the length of what that write sent", evidence...)
		}
		return one(Likely, refused+"; before it the content was another, and now it is what that write sent", evidence...)
	case !put.x.Request.Content.Complete():
		return nil
	case before == nil && put.status() == 412 && otherStrongTag(put, e):
		return one(Likely, refused+" with another tag than the resource has now, and the content is what that write sent", evidence...)
	}
	return one(Possible, refused+", and the content is what that write sent; unless it was so before, as when the write was a repeated one", evidence...)
}

// refusedPut returns the latest write before a whole representation if it was a PUT that was refused, or nil.
func (e *examination) refusedPut() *examination {
	if e.method() != "GET" || e.status() != 200 || e.x.Cache != "" {
		return nil
	}
	put := e.last((*examination).writes)
	if put == nil || put.method() != "PUT" || put.status() != 412 && put.status() != 304 || put.x.Request.Header.Has("Content-Range") {
		return nil
	}
	return put
}

// mayShow reports whether the representation may be what the write sent: the same bytes, or, if the capture lacks what was
// sent, as many.
func (e *examination) mayShow(put *examination) bool {
	sent, now := put.x.Request.Content, e.x.Response.Content
	if sent.Complete() {
		return len(sent.Data) > 0 && now.Complete() && bytes.Equal(sent.Data, now.Data)
	}
	return sent.Len > 0 && sent.Len == now.Len && !e.coded()
}

// unchanged reports whether the representation that a later read shows was there already.
func (e *examination) unchanged(later *examination) bool {
	switch {
	case e.shows() && bothComplete(e, later):
		return !unequalContent(e, later)
	case e.after.Exists && e.after.ETag != "":
		return e.after.ETag == later.resp("ETag")
	}
	return false
}

// differs reports whether what the exchange left is another representation than a later read shows.
func (e *examination) differs(later *examination) bool {
	sent := e.x.Request.Content
	switch {
	case e.after.Known && !e.after.Exists:
		return true
	case e.shows() && bothComplete(e, later):
		return unequalContent(e, later)
	case e.method() == "PUT" && e.succeeded() && sent.Complete() && later.x.Response.Content.Complete():
		return !bytes.Equal(sent.Data, later.x.Response.Content.Data)
	}
	return e.reads() && otherStrongTag(e, later)
}

// otherStrongTag reports whether two responses have different strong tags, which are not those of two codings.
func otherStrongTag(a, b *examination) bool {
	x, y := etagOf(a), etagOf(b)
	return !x.IsZero() && !y.IsZero() && !x.IsWeak() && !y.IsWeak() && x != y && sameCoding(a, b)
}

// notRefused takes back what was said of the refusal that a finding speaks against.
func notRefused(e *examination, f Finding) {
	put := e.refusedPut()
	if put == nil {
		return
	}
	if f.Confidence < Likely {
		for i := range put.found {
			if put.found[i].Rule.Level == Good {
				put.found[i].Confidence = min(put.found[i].Confidence, Likely)
			}
		}
		return
	}
	put.found = slices.DeleteFunc(put.found, func(f Finding) bool { return f.Rule.Level == Good || f.Confidence == Insufficient })
	if put.verdict.Judgement != Right {
		return
	}
	put.verdict.Judgement, put.verdict.Expected = Unknown, nil
	put.verdict.Why = fmt.Sprintf("%s has what the write sent, so it seems to have been made although the answer is %d",
		e.place("response"), put.status())
}
