package origin

import (
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
)

// selectWhole chooses the representation (RFC 9110 §12.5.3) of an answer that is
// not cut from ranges.
func (x *exchange) selectWhole(res *resource) *representation {
	accept := x.r.Header["Accept-Encoding"]
	if !res.negotiable || len(accept) == 0 {
		return &res.identity
	}
	candidates := x.candidates(res)
	var buf [len(codings)]string
	offered := buf[:0]
	for i, rep := range candidates {
		if rep != nil {
			offered = append(offered, codings[i])
		}
	}
	// If nothing that we have is acceptable the content as it is will do: "the
	// origin server can disregard the field" (§12.4.1), and most clients can.
	name, _ := coding.Negotiate(accept, offered...)
	for i, rep := range candidates {
		if rep != nil && codings[i] == name {
			return rep
		}
	}
	return &res.identity
}

// candidates returns the coded representation for each of codings that can be
// sent: a ready-made file, or our own if the content is not too large and the coding
// not known to gain nothing.
func (x *exchange) candidates(res *resource) [len(codings)]*representation {
	candidates := x.neighboursOf(res).reps
	for i := range candidates {
		if candidates[i] == nil && res.ours(i) {
			candidates[i] = &res.coded[i]
		}
	}
	return candidates
}

// ours reports whether we encode res ourselves in the coding with this index.
func (res *resource) ours(index int) bool {
	return res.info.Size <= maxEncoded && res.gains[index].Load() != gainNone
}

// selectRanged chooses the representation that ranges are cut from: identity,
// as that is what a client without a part resumes with, and whose offsets tools
// that fetch pieces side by side agree on; or that which If-Range names.
func (x *exchange) selectRanged(res *resource, whole *representation) *representation {
	accept := x.r.Header["Accept-Encoding"]
	if !res.negotiable {
		return &res.identity
	}
	if len(x.fields.IfRange) == 1 {
		if rep := x.namedBy(res, x.fields.IfRange[0]); rep != nil && coding.Acceptable(accept, codings[rep.index]) {
			return rep
		}
	}
	if !coding.Acceptable(accept, coding.Identity) {
		return whole
	}
	return &res.identity
}

// namedBy returns the coded representation whose tag value is, or nil.
func (x *exchange) namedBy(res *resource, value string) *representation {
	tag, err := etag.Parse(value)
	if err != nil || tag == res.identity.tag {
		return nil
	}
	for _, rep := range x.neighboursOf(res).reps {
		if rep != nil && rep.tag == tag {
			return rep
		}
	}
	for i := range res.coded {
		if res.coded[i].tag == tag && res.ours(i) {
			return &res.coded[i]
		}
	}
	return nil
}
