package origin

import (
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/patch"
	"github.com/fourtwelve/fourtwelve/internal/field/mediatype"
	"github.com/fourtwelve/fourtwelve/internal/idempotency"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/precondition"
	"github.com/fourtwelve/fourtwelve/store"
)

const (
	// reasonApplied is the reason of a refusal whose write had been applied before.
	reasonApplied = "already-applied"
	// maxSearched bounds how many kept revisions are looked at to find the one
	// that a client saw.
	maxSearched = 64
	// maxChanges is how many bytes of differences between revisions are remembered.
	maxChanges = 8 << 20
)

// refuseRead answers the decision to refuse a GET or HEAD: 412.
func (x *exchange) refuseRead(res *resource.Resource, rep *resource.Representation) {
	p := x.explained(res.Current(rep, x.fields, x.now))
	if !res.IsGenerated() {
		x.addHistory(p, res.Info)
	}
	x.refuse(p, x.varyField(res))
}

// refuseWrite answers the decision to refuse a write: 412, or 400 if its
// precondition cannot be read. same is that of admits.
func (x *exchange) refuseWrite(info store.Info, current precondition.Current, same func(store.Info) bool) {
	if x.repeats() {
		return
	}
	p := x.explained(current)
	if p.Status != http.StatusPreconditionFailed {
		x.refuse(p)
		return
	}
	if same != nil && same(info) {
		if x.acceptsReplay() {
			x.succeeded(http.StatusNoContent, info)
			return
		}
		p.Reason = reasonApplied
		p.Hint = "the content is what is stored already, perhaps by this very request, sent before: there is nothing left to do"
	} else {
		x.addHistory(p, info)
	}
	if x.repeats() {
		return
	}
	if preferredReturn(x.r.Header["Prefer"]) == returnsRepresentation && x.refuseWithRepresentation(info, p) {
		return
	}
	x.refuse(p)
}

// refuseWithRepresentation answers 412 with what is current instead of what is
// wrong, as the client prefers (RFC 8144 §3.2). It does nothing if there is
// nothing, or not any more.
func (x *exchange) refuseWithRepresentation(info store.Info, p *condhttp.Problem) bool {
	if !info.Exists() {
		return false
	}
	res := x.catalog.Of(info)
	c, size, err := x.catalog.Open(x.ctx, res, &res.Identity)
	if err != nil {
		return false
	}
	defer c.Close()
	x.rec.Reason = p.Reason
	x.header["Etag"] = []string{res.Identity.Tag.String()}
	x.header["Cache-Control"] = noStore
	x.header["Preference-Applied"] = appliedRepr
	if x.isFirst() {
		x.header[idempotency.FieldReplayed] = replayedFalse
	}
	x.sendCurrent(http.StatusPreconditionFailed, res, c, size)
	return true
}

// explained is the problem for a decision that refuses a request.
func (x *exchange) explained(current precondition.Current) *condhttp.Problem {
	return x.withheld(condhttp.FromDecision(x.r.Method, x.fields, x.rec.Decision, current), current)
}

// withheld takes a modification date out of p that must not be given out yet.
func (x *exchange) withheld(p *condhttp.Problem, current precondition.Current) *condhttp.Problem {
	if p.Current == nil || condhttp.Published(current.LastModified, x.now) {
		return p
	}
	p.Current.LastModified = time.Time{}
	if x.rec.Decision.Reason == precondition.Modified {
		p.Detail = "the request has " + p.Precondition + ": " + p.Sent + ", but the resource was modified just now"
	}
	return p
}

// addHistory says since when the version that the client saw is not current any
// more, and what has changed, if that version is still kept.
func (x *exchange) addHistory(p *condhttp.Problem, current store.Info) {
	if !x.seesHistory() {
		return
	}
	seen, since, ok := x.seenRevision(current)
	if !ok {
		return
	}
	if since.After(x.now) {
		since = x.now
	}
	p.Since = since.Truncate(time.Second)
	if x.r.Method != http.MethodHead {
		p.Changes = x.changes(seen, current)
	}
}

// seenRevision finds the revision that the client's precondition is about, and
// when it was replaced.
func (x *exchange) seenRevision(current store.Info) (seen store.Info, since time.Time, ok bool) {
	isSeen := x.seenBy()
	if isSeen == nil || !current.Exists() {
		return store.Info{}, time.Time{}, false
	}
	next, searched := current, 0
	for info, err := range x.history.Revisions(x.ctx, current.Name) {
		if searched++; err != nil || searched > maxSearched {
			break
		}
		if info.Revision >= current.Revision {
			continue
		}
		if isSeen(info) {
			return info, next.Modified, true
		}
		next = info
	}
	return store.Info{}, time.Time{}, false
}

// seenBy returns how to tell the revision that the deciding field names: by one
// of its tags, or by having been current at its date. It is nil if it names none.
func (x *exchange) seenBy() func(store.Info) bool {
	switch d := x.rec.Decision; {
	case d.Field == precondition.IfMatch && d.Reason == precondition.NoneMatched:
		return x.isListed
	case d.Field == precondition.IfUnmodifiedSince && d.Reason == precondition.Modified:
		date, ok := precondition.ParseDate(x.fields.IfUnmodifiedSince[0], x.now)
		if ok {
			return func(info store.Info) bool { return !info.Modified.After(date) }
		}
	}
	return nil
}

// isListed reports whether If-Match lists a tag of a revision, in any coding.
func (x *exchange) isListed(info store.Info) bool {
	res := x.catalog.OfRevision(info)
	for m := range etag.Members(x.fields.IfMatch) {
		if res.HasTag(m.Tag) {
			return true
		}
	}
	return false
}

// change is a pair of contents of which the difference is remembered.
type change struct {
	before, after store.Digest
	mediaType     string
}

// changes says what changed from one revision to another, or nil if that cannot
// be told in a few words.
func (x *exchange) changes(before, after store.Info) *condhttp.Changes {
	if before.Size > patch.MaxCompared || after.Size > patch.MaxCompared {
		return nil
	}
	key := change{before.Digest, after.Digest, mediatype.Of(after.Name)}
	if known, ok := x.differences.Get(key); ok {
		return known
	}
	// What changed is good to know, but not needed: nobody waits for it.
	need := before.Size + after.Size + patch.MaxCompareWork
	if !x.memory.working.TryTake(need) {
		return nil
	}
	defer x.memory.working.Give(need)
	found, err := x.compare(before, after, key.mediaType)
	if err != nil {
		return nil // one of them is gone
	}
	x.differences.Put(key, found, int64(patch.MaxChange))
	return found
}

func (x *exchange) compare(before, after store.Info, mediaType string) (*condhttp.Changes, error) {
	old, err := x.catalog.ReadRevision(x.ctx, before)
	if err != nil {
		return nil, err
	}
	new, err := x.catalog.ReadRevision(x.ctx, after)
	if err != nil {
		return nil, err
	}
	c, ok := patch.Changes(mediaType, old, new)
	if !ok {
		return nil, nil
	}
	return &condhttp.Changes{Type: c.MediaType, Patch: c.JSON, Text: c.Text, Truncated: c.Truncated}, nil
}
