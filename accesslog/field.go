package accesslog

import (
	"iter"
	"math/bits"
	"strings"
)

// A Field is something that a log can say of a request. The zero Field is none.
type Field uint8

// The request and who served it.
const (
	NoField Field = iota
	// Time is when the request was logged or, with Apache, received. See Entry.Time.
	Time
	// Client is the address of the peer, without port, or its host name.
	Client
	// ForwardedFor is X-Forwarded-For, or another field in which a proxy names its client:
	// Forwarded, X-Real-IP, CF-Connecting-IP and the like.
	ForwardedFor
	// User is the name the client was authenticated under.
	User
	Method
	// Target is path and query as they were sent, or as much as the log keeps of that:
	// IIS decodes the path and writes "+" for a blank.
	Target
	// Path is the target up to "?", and Query what follows.
	Path
	Query
	// Protocol is the version, as in HTTP/1.1.
	Protocol
	Scheme
	// Host is the Host field, the authority, or the name of the virtual server.
	Host
	// Node is the machine that wrote the line: computer name, server address, frontend
	// or edge location.
	Node
	// Upstream is the server behind, which was asked: address or name, or several
	// separated by commas in the order they were tried.
	Upstream
	// UpstreamStatus is the status of each of these, separated likewise.
	UpstreamStatus
	// UpstreamETag is the ETag as it came from the server behind.
	UpstreamETag
	Status
	// SubStatus is the part after the dot that IIS adds, as the 7 of 404.7.
	SubStatus
	// Win32Status is the system error IIS adds; 64 says that the client was gone.
	Win32Status
	// Reason is the server's word for how the request ended: the reason of HTTPERR,
	// the termination state of HAProxy, the error code of S3, the detailed result type
	// of CloudFront, and the reason of fourtwelve's decision.
	Reason
	// BytesSent is the size of the response, header section included.
	BytesSent
	// ContentSent is the size of the response without header section.
	ContentSent
	// BytesReceived is the size of the request, header section included.
	BytesReceived
	// ContentLength is the Content-Length field of the request.
	ContentLength
	Duration
	UserAgent
	Referer
	// RequestID is a name of this request that other logs may know too.
	RequestID
	// Attempt is the amz-sdk-request field, as in "attempt=2; max=3".
	Attempt
	// Retries is how often the server behind was tried again.
	Retries
	IdempotencyKey
	// Expect is the Expect field.
	Expect
)

// The conditional fields of the request, and what goes with them.
const (
	IfMatch Field = iota + Expect + 1
	IfNoneMatch
	IfModifiedSince
	IfUnmodifiedSince
	IfRange
	Range
	// If, Overwrite and Destination are those of WebDAV (RFC 4918 §10).
	If
	Overwrite
	Destination
	AcceptEncoding
)

// The validators of the response, and what was decided.
const (
	// ETag is the one sent.
	ETag Field = iota + AcceptEncoding + 1
	// NewETag is that of the representation a write made, in fourtwelve's log, where
	// ETag is that of the representation the request met.
	NewETag
	LastModified
	ContentEncoding
	ContentRange
	Age
	// Cache says what a cache did: HIT, MISS, EXPIRED and so on, in the words of the cache.
	Cache
	Via
	// WAF is the mark of a firewall or bot filter that answered or let pass.
	WAF
	// Decision, DecidedBy, Section and Problem are fourtwelve's: what the evaluation of the
	// preconditions led to, the field that decided, the section of RFC 9110, and the
	// problem reported.
	Decision
	DecidedBy
	Section
	Problem
	// ObjectSize is the size of the whole representation, in the log of S3: of a write, that of
	// what was written.
	ObjectSize

	numFields
)

var fieldNames = [numFields]string{
	NoField: "none", Time: "time", Client: "client", ForwardedFor: "forwarded_for", User: "user", Method: "method",
	Target: "target", Path: "path", Query: "query", Protocol: "protocol", Scheme: "scheme", Host: "host", Node: "node",
	Upstream: "upstream", UpstreamStatus: "upstream_status", UpstreamETag: "upstream_etag", Status: "status",
	SubStatus: "sub_status", Win32Status: "win32_status", Reason: "reason", BytesSent: "bytes_sent",
	ContentSent: "content_sent", BytesReceived: "bytes_received", ContentLength: "content_length", Duration: "duration",
	UserAgent: "user_agent", Referer: "referer", RequestID: "request_id", Attempt: "attempt", Retries: "retries",
	IdempotencyKey: "idempotency_key", Expect: "expect",
	IfMatch: "if_match", IfNoneMatch: "if_none_match", IfModifiedSince: "if_modified_since",
	IfUnmodifiedSince: "if_unmodified_since", IfRange: "if_range", Range: "range", If: "if", Overwrite: "overwrite",
	Destination: "destination", AcceptEncoding: "accept_encoding",
	ETag: "etag", NewETag: "new_etag", LastModified: "last_modified", ContentEncoding: "content_encoding",
	ContentRange: "content_range", Age: "age", Cache: "cache", Via: "via", WAF: "waf",
	Decision: "decision", DecidedBy: "decided_by", Section: "section", Problem: "problem",
	ObjectSize: "object_size",
}

// String returns the name in lower case with underscores, as in if_none_match.
func (f Field) String() string {
	if f < numFields {
		return fieldNames[f]
	}
	return "unknown"
}

// Fields is a set of fields. The zero Fields is empty; sets compare with ==.
type Fields uint64

// FieldsOf returns the set of fields.
func FieldsOf(fields ...Field) (s Fields) {
	for _, f := range fields {
		s |= 1 << f
	}
	return s &^ (1 << NoField)
}

// ConditionalFields are those of the request that make it conditional (RFC 9110 §13.1,
// RFC 4918 §10.4 and §10.6).
const ConditionalFields = Fields(1<<IfMatch | 1<<IfNoneMatch | 1<<IfModifiedSince | 1<<IfUnmodifiedSince |
	1<<IfRange | 1<<If | 1<<Overwrite)

// DiagnosisFields are those without which the cause of a 412, of a wrong 304 or of a
// broken resume cannot be proven.
const DiagnosisFields = Fields(1<<IfMatch | 1<<IfNoneMatch | 1<<IfModifiedSince | 1<<IfUnmodifiedSince |
	1<<IfRange | 1<<Range | 1<<AcceptEncoding | 1<<ETag | 1<<LastModified | 1<<ContentEncoding)

// Has reports whether f is in s.
func (s Fields) Has(f Field) bool { return s&(1<<f) != 0 }

// Len is the number of fields in s.
func (s Fields) Len() int { return bits.OnesCount64(uint64(s)) }

// All yields the fields of s, in the order of their constants.
func (s Fields) All() iter.Seq[Field] {
	return func(yield func(Field) bool) {
		for ; s != 0; s &= s - 1 {
			if !yield(Field(bits.TrailingZeros64(uint64(s)))) {
				return
			}
		}
	}
}

// String returns the names, separated by blanks.
func (s Fields) String() string {
	var names []string
	for f := range s.All() {
		names = append(names, f.String())
	}
	return strings.Join(names, " ")
}

// A State says whether a log knows a value.
type State uint8

const (
	// NotLogged: the format of the line has no place for the value, so nobody can tell.
	NotLogged State = iota
	// Absent: the value has a place in the format, and the log says that there was none.
	Absent
	// Present: the value is there. It may be the empty string.
	Present
)

var stateNames = [...]string{"not logged", "absent", "present"}

func (s State) String() string {
	if int(s) < len(stateNames) {
		return stateNames[s]
	}
	return "unknown"
}
