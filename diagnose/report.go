package diagnose

import (
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// A Report is what a diagnosis says of exchanges.
type Report struct {
	// Verdicts has one for each exchange, in the order given.
	Verdicts []Verdict
	// Findings are the causes found, most probable first: by confidence, then level,
	// then the order of the exchanges. One of level Good says that an answer is as it
	// should be.
	Findings []Finding
}

// A Verdict says what an exchange asked, what was answered and what should have been.
type Verdict struct {
	Exchange *capture.Exchange
	// Preconditions are the field lines that make the request conditional, in the order
	// sent, those of WebDAV and of vendors included.
	Preconditions []capture.Line
	// Judgement says whether the status is right.
	Judgement Judgement
	// Expected are the status codes that would be right; none if that cannot be told.
	Expected []int
	// Why is how that comes about, or what is missing to tell, in a sentence or two.
	Why string
	// Decision and Steps are our own evaluation of the preconditions against State. They are zero
	// if there was nothing to evaluate or State is not known. If State is that of an earlier exchange,
	// it may have changed since; Judgement takes that into account.
	Decision precondition.Decision
	Steps    []precondition.Step
	// State is what is known of the resource at the time of the request.
	State State
	// Tags has each tag that was sent in a precondition beside the current one.
	Tags []Comparison
	// Between are the programs that handled the exchange between client and origin, as far as they
	// left a sign, and the origin if it is known.
	Between []Party
}

// Judgement says whether an answer is right. The zero Judgement is Unknown.
type Judgement uint8

const (
	// Unknown: what is known of the resource is not enough.
	Unknown Judgement = iota
	// Unconditional: the request carried no precondition that HTTP defines.
	Unconditional
	// Right: the answer is what the standard asks for, or allows.
	Right
	// Wrong: the standard asks for another answer.
	Wrong
)

var judgementNames = [...]string{"unknown", "unconditional", "right", "wrong"}

// String returns the judgement in lower case.
func (j Judgement) String() string { return nameOf(judgementNames[:], int(j)) }

// MarshalText returns what String does.
func (j Judgement) MarshalText() ([]byte, error) { return []byte(j.String()), nil }

// State is what the exchanges tell of the resource at the time of a request.
type State struct {
	// Known is set if it is known whether the resource existed.
	Known, Exists bool
	// ETag is the current entity tag as sent, which may be malformed; "" if not known.
	ETag string
	// LastModified is the modification date as sent; "" if not known.
	LastModified string
	// Source is where this was read, as in "this response" or "response 1".
	Source string
	// Facts are for etag.Recognise.
	Facts etag.Facts
}

// A Comparison is a tag that was sent in a precondition, beside the current one.
type Comparison struct {
	// Field is the name of the precondition, as in "If-Match".
	Field string
	// Sent and Current are the tags as sent, with their quotes if they have any.
	Sent, Current string
	// Relation says how they differ.
	Relation etag.Relation
}

// A Party is a program that handled an exchange.
type Party struct {
	// Name is the program or service, as in "nginx" or "Cloudflare".
	Name string
	// Sign is the field line that tells, as in "CF-Ray: 8c…".
	Sign string
}
