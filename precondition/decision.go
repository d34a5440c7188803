package precondition

import "github.com/fourtwelve/fourtwelve/etag"

// Role is whose evaluation it is (RFC 9110 §13.2).
type Role uint8

const (
	// Origin is the server the resource lives on.
	Origin Role = iota
	// Cache answers GET and HEAD from a stored response (RFC 9111 §4.3.2). It
	// leaves If-Match, If-Unmodified-Since and all writes to the origin.
	Cache
)

func (r Role) String() string {
	if r == Cache {
		return "cache"
	}
	return "origin"
}

// Outcome is what to do with the request.
type Outcome uint8

const (
	// Perform the method.
	Perform Outcome = iota
	// NotModified: answer 304 (RFC 9110 §15.4.5).
	NotModified
	// PreconditionFailed: answer 412 (RFC 9110 §15.5.13).
	PreconditionFailed
	// BadRequest: answer 400; a write came with a condition that cannot be read.
	BadRequest
)

// Status returns the status code of an outcome other than Perform, and 0 for
// Perform.
func (o Outcome) Status() int { return [...]int{0, 304, 412, 400}[o] }

func (o Outcome) String() string {
	return [...]string{"perform", "not modified", "precondition failed", "bad request"}[o]
}

// Reason is why a condition was true, false, or ignored. Its text form is
// stable.
type Reason uint8

const (
	// Unconditional: there was nothing to evaluate.
	Unconditional Reason = iota
	// Matched: a tag of the list is the current one (or the date of If-Range is).
	Matched
	// CodingMatched: a tag of the list is that of another representation of the
	// current revision, in another content coding.
	CodingMatched
	// NoneMatched: no tag of the list is the current one (or the validator of If-Range is not).
	NoneMatched
	// WeakTag: a tag of the list has the current opaque text, but one of the two
	// is weak and the field takes the strong comparison.
	WeakTag
	// NoTag: tags were listed, but the representation has no entity tag.
	NoTag
	// EmptyList: the list has no members.
	EmptyList
	// Exists: "*", and a representation exists.
	Exists
	// NoRepresentation: "*", or tags in If-Match, and no representation exists.
	NoRepresentation
	// Modified: the representation was modified after the date.
	Modified
	// NotModifiedSince: it was not.
	NotModifiedSince
	// Malformed: a member of the list is not an entity tag, or the value is
	// neither tag nor date.
	Malformed
	// MixedAny: "*" stands beside other members.
	MixedAny
	// InvalidDate: the value is not an HTTP-date; the field is ignored.
	InvalidDate
	// SeveralDates: more than one date was sent; the field is ignored.
	SeveralDates
	// NoDate: the resource has no modification date; the field is ignored.
	NoDate
	// DateNotStrong: the date of If-Range equals the modification date, but that
	// second has not passed, so the date may yet cover two versions (§8.8.2.2).
	DateNotStrong
	// Superseded: ignored, because a field that takes precedence was sent.
	Superseded
	// MethodIgnores: ignored, because it has no meaning with the method.
	MethodIgnores
	// RoleIgnores: ignored, because only the origin evaluates it.
	RoleIgnores
	// NoRange: If-Range is ignored, because there is no Range.
	NoRange
)

var reasonTexts = [...]string{
	"unconditional", "matched", "coding-matched", "none-matched", "weak-tag", "no-tag",
	"empty-list", "exists", "no-representation", "modified", "not-modified", "malformed",
	"mixed-any", "invalid-date", "several-dates", "no-date", "date-not-strong", "superseded",
	"method-ignores", "role-ignores", "no-range",
}

// String returns the reason in kebab case, such as "none-matched".
func (r Reason) String() string { return reasonTexts[r] }

// MarshalText returns what String does.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// RangeUse says what becomes of the Range field.
type RangeUse uint8

const (
	// RangeAbsent: there is no Range, or the method is neither GET nor QUERY (§14.2).
	RangeAbsent RangeUse = iota
	// RangeApplies: Range is to be honoured.
	RangeApplies
	// RangeIgnored: If-Range is false; send the whole representation.
	RangeIgnored
)

// Decision is the answer of [Evaluate]: comparable and free of pointers into
// the request other than its strings.
type Decision struct {
	Outcome Outcome
	// Field is the field the outcome rests on: the one that stopped the method,
	// or, if it is to be performed, the last that was evaluated. It is NoField
	// if nothing was evaluated.
	Field Field
	// Reason is why Field was true or false.
	Reason Reason
	// Range says whether Range is to be honoured. It is RangeAbsent unless
	// Outcome is Perform.
	Range RangeUse
	// Guarded reports whether at least one of If-Match, If-None-Match and
	// If-Unmodified-Since was evaluated and could have stopped the method: what a
	// server that requires conditional requests asks for (RFC 6585 §3). Fields
	// that were ignored do not count.
	Guarded bool
	// Matched is the current tag, or one of its representations', that a member of the list
	// matched. A 304 carries it.
	Matched etag.Tag
	// Offending is the member that made the field malformed, as sent, with Fault
	// saying why (for Malformed), or the first tag that would have matched weakly
	// (for WeakTag).
	Offending string
	Fault     etag.Fault
}

// Section returns the subsection of RFC 9110 the decision rests on, such as
// "13.1.1"; "13.2.2" if nothing was evaluated.
func (d Decision) Section() string {
	if d.Field == NoField {
		return "13.2.2"
	}
	return d.Field.Section()
}
