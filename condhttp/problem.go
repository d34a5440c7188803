package condhttp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/fourtwelve/fourtwelve/precondition"
)

// ProblemType is the media type of problem details (RFC 9457 §3).
const ProblemType = "application/problem+json"

// Problem is a refusal that explains itself: problem details by RFC 9457, with
// the extension members that a condition calls for. Members that are zero are
// left out. It is an error, so that code deep inside a transaction can return one
// and the handler can [Problem.Write] it.
//
// A Problem is sent to the client as it is. Put nothing into it that the client
// must not see, above all not the text of an internal error.
type Problem struct {
	// Type is a URI for this kind of problem: the section of the RFC that
	// decides it, such as https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1.
	Type string `json:"type,omitempty"`
	// Title is the kind of problem in a few words, and Status the status code.
	Title  string `json:"title,omitempty"`
	Status int    `json:"status,omitempty"`
	// Detail is what happened this time, in a sentence.
	Detail string `json:"detail,omitempty"`
	// Instance is a URI reference for this occurrence.
	Instance string `json:"instance,omitempty"`

	// Rule is the stable name of what decided: the field and the reason in kebab
	// case, such as "if-match-none-matched", or the reason alone if no field did.
	Rule string `json:"rule,omitempty"`
	// Precondition is the name of the field, such as "If-Match", and Sent
	// its value in the request, shortened and with unprintable bytes escaped.
	Precondition string `json:"precondition,omitempty"`
	Sent         string `json:"sent,omitempty"`
	// Current is the state that the condition was evaluated against.
	Current *State `json:"current,omitempty"`
	// Reason is a stable word in kebab case: a [precondition.Reason], or
	// another such as "precondition-required".
	Reason string `json:"reason,omitempty"`
	// Hint says what to do now.
	Hint string `json:"hint,omitempty"`
	// Since is when the version that the client saw was replaced.
	Since time.Time `json:"since,omitzero"`
	// Changes is what has changed since that version.
	Changes *Changes `json:"changes,omitempty"`
	// Condition is the precondition or postcondition of WebDAV that does not hold.
	Condition *Condition `json:"condition,omitempty"`

	// More holds further extension members by name. A name that is one of the
	// above is passed over. Values must be fit for [encoding/json]; if one
	// is not, none of More is sent.
	More map[string]any `json:"-"`
}

// State is the state of a resource as a client may see it.
type State struct {
	Exists bool `json:"exists"`
	// ETag is the current entity tag as in the field, quotes included.
	ETag         string    `json:"etag,omitempty"`
	LastModified time.Time `json:"lastModified,omitzero"`
}

// Changes is the difference between two versions. One of Patch and Text is set.
type Changes struct {
	// Type is the media type of the difference: application/json-patch+json
	// for Patch, text/x-diff for Text.
	Type string `json:"type"`
	// Patch is a JSON document, such as a JSON Patch (RFC 6902).
	Patch json.RawMessage `json:"patch,omitempty"`
	// Text is anything else, such as a unified diff.
	Text string `json:"text,omitempty"`
	// Truncated says that the difference was too long to be sent whole.
	Truncated bool `json:"truncated,omitempty"`
}

// Condition is a precondition or postcondition in the terms of RFC 4918 §16.
type Condition struct {
	// Name is the local name of its element in the namespace "DAV:", such as
	// "lock-token-submitted". It must be fit for one.
	Name string `json:"name"`
	// Hrefs are the URI references of the resources that it is about, percent-encoded.
	Hrefs []string `json:"hrefs,omitempty"`
}

// NewProblem returns the problem details for a status code: Type and Title are
// those of the status. reason is a stable word in kebab case, detail says
// what happened and hint what to do; each may be "".
func NewProblem(status int, reason, detail, hint string) *Problem {
	return &Problem{
		Type: statusURL(status), Title: statusTitle(status), Status: status,
		Rule: reason, Reason: reason, Detail: detail, Hint: hint,
	}
}

// Error returns the status, the detail and the hint.
func (p *Problem) Error() string {
	s := fmt.Sprintf("%d %s", p.Status, p.Title)
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	if p.Hint != "" {
		s += " (" + p.Hint + ")"
	}
	return s
}

// MarshalJSON returns p as a JSON object: the members of RFC 9457 first, those
// of More last, in the order of their names.
func (p *Problem) MarshalJSON() ([]byte, error) {
	type members Problem // without this method
	object, err := json.Marshal((*members)(p))
	if err != nil || len(p.More) == 0 {
		return object, err
	}
	var buf bytes.Buffer
	buf.Write(object[:len(object)-1])
	for _, name := range slices.Sorted(maps.Keys(p.More)) {
		if reserved[name] {
			continue
		}
		if err := appendMember(&buf, name, p.More[name]); err != nil {
			return nil, err
		}
	}
	buf.WriteByte('}')
	return buf.Bytes(), nil
}

// reserved are the names that More cannot have.
var reserved = map[string]bool{
	"type": true, "title": true, "status": true, "detail": true, "instance": true,
	"rule": true, "precondition": true, "sent": true, "current": true, "reason": true,
	"hint": true, "since": true, "changes": true, "condition": true,
}

func appendMember(buf *bytes.Buffer, name string, value any) error {
	key, err := json.Marshal(name)
	if err != nil {
		return err
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("problem member %q: %w", name, err)
	}
	if buf.Len() > len("{") {
		buf.WriteByte(',')
	}
	buf.Write(key)
	buf.WriteByte(':')
	buf.Write(text)
	return nil
}

// Write sends p as the whole response to r, without content if that is a HEAD.
//
// Response fields that were set for another answer and would be wrong on this
// one are removed: those about the content and Last-Modified. Cache-Control
// becomes no-store, as what is current now will not be when someone asks again;
// a max-age that was meant for the 200 must not stay. The ETag of a 412 and of a
// 416 is the current one, that of other refusals is removed. A 416 keeps its
// Content-Range. All other fields are kept.
func (p *Problem) Write(w http.ResponseWriter, r *http.Request) {
	p.write(w, r, ProblemType, p.encode())
}

// write sends body, which is p in the form of mediaType.
func (p *Problem) write(w http.ResponseWriter, r *http.Request, mediaType string, body []byte) {
	h := w.Header()
	p.clean(h)
	h["Content-Type"] = []string{mediaType}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	h["Cache-Control"] = []string{"no-store"}
	h["X-Content-Type-Options"] = []string{"nosniff"}
	status := p.Status
	if status == 0 {
		status = http.StatusInternalServerError
	}
	w.WriteHeader(status)
	if r != nil && r.Method == http.MethodHead {
		return
	}
	// An error here means that the client has gone, which leaves nothing to do.
	_, _ = w.Write(body)
}

// clean removes from h what belongs to another answer, and sets the ETag.
func (p *Problem) clean(h http.Header) {
	deleteFields(h, contentFields)
	h.Del("Content-Location")
	h.Del("Last-Modified")
	h.Del("Expires")
	h.Del("Etag")
	unsatisfiable := p.Status == http.StatusRequestedRangeNotSatisfiable
	if !unsatisfiable {
		h.Del("Content-Range")
	}
	tagged := unsatisfiable || p.Status == http.StatusPreconditionFailed
	if tagged && p.Current != nil && p.Current.ETag != "" {
		h["Etag"] = []string{p.Current.ETag}
	}
}

func deleteFields(h http.Header, names []string) {
	for _, name := range names {
		delete(h, name)
	}
}

// contentFields are the fields that describe the content of a 200 and that no
// refusal and no 304 has, in the canonical form of package net/http.
var contentFields = []string{
	"Content-Type", "Content-Length", "Content-Encoding", "Content-Language",
	"Content-Disposition", "Content-Digest", "Repr-Digest",
}

// encode returns p as JSON and a line feed, for people with a terminal.
func (p *Problem) encode() []byte {
	body, err := json.Marshal(p)
	if err != nil {
		// The caller's own members are at fault. The client still gets its answer.
		bare := *p
		bare.More, bare.Changes = nil, nil
		body, err = json.Marshal(&bare)
	}
	if err != nil { // a time outside the years 0 to 9999
		body = []byte("{}")
	}
	return append(body, '\n')
}

// StateOf is what a client may know of the current state: the date only once its second has
// passed.
func StateOf(c precondition.Current) *State {
	s := &State{Exists: c.Exists}
	if c.Exists {
		s.ETag = c.Tag.String()
		if Published(c.LastModified, c.Now) {
			s.LastModified = seconds(c.LastModified)
		}
	}
	return s
}

// seconds is t in the resolution and the zone of an HTTP-date (RFC 9110 §5.6.7).
func seconds(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.UTC().Truncate(time.Second)
}

// statusTitle is the name of a status code by RFC 9110. Package net/http still
// has some of RFC 7231.
func statusTitle(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return "Content Too Large"
	case http.StatusRequestedRangeNotSatisfiable:
		return "Range Not Satisfiable"
	case http.StatusUnprocessableEntity:
		return "Unprocessable Content"
	}
	return http.StatusText(status)
}

// statusURL is the section that defines a status code, or "" if this package
// knows none; a problem without a type is "about:blank" (RFC 9457 §4.2.1).
func statusURL(status int) string {
	switch {
	case status == http.StatusPreconditionRequired:
		return "https://www.rfc-editor.org/rfc/rfc6585#section-3"
	case status == http.StatusTooManyRequests:
		return "https://www.rfc-editor.org/rfc/rfc6585#section-4"
	case status == http.StatusRequestHeaderFieldsTooLarge:
		return "https://www.rfc-editor.org/rfc/rfc6585#section-5"
	case status == http.StatusLocked:
		return "https://www.rfc-editor.org/rfc/rfc4918#section-11.3"
	case status == http.StatusFailedDependency:
		return "https://www.rfc-editor.org/rfc/rfc4918#section-11.4"
	case status == http.StatusInsufficientStorage:
		return "https://www.rfc-editor.org/rfc/rfc4918#section-11.5"
	case status >= 400 && status <= 417: // in order, 15.5.1 to 15.5.18
		return sectionURL("15.5." + strconv.Itoa(status-399))
	case status == http.StatusMisdirectedRequest:
		return sectionURL("15.5.20")
	case status == http.StatusUnprocessableEntity:
		return sectionURL("15.5.21")
	case status == http.StatusUpgradeRequired:
		return sectionURL("15.5.22")
	case status >= 500 && status <= 505: // 15.6.1 to 15.6.6
		return sectionURL("15.6." + strconv.Itoa(status-499))
	}
	return ""
}

// sectionURL is the address of a section of RFC 9110.
func sectionURL(section string) string {
	return "https://www.rfc-editor.org/rfc/rfc9110#section-" + section
}
