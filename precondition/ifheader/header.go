package ifheader

import (
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/etag"
)

// Header is a field If that has been read. The zero Header is that of a request without the field.
type Header struct {
	// Lists are its lists in their order. The field holds if one of them does (RFC 4918 §10.4.3).
	Lists []List
}

// List is a list of conditions about one resource. It holds if all of them do.
type List struct {
	// Resource is the Resource-Tag before the list as it was sent, an absolute path or URI, or ""
	// for a list about the target of the request.
	Resource string
	// Conditions has at least one.
	Conditions []Condition
}

// Condition is a state token or an entity tag that the resource shall have, or, with Not, shall not
// have.
type Condition struct {
	Not bool
	// Token is the state token without its angle brackets, or "" if the condition is about Tag.
	Token string
	Tag   etag.Tag
}

// Sent reports whether the request had the field.
func (h Header) Sent() bool { return len(h.Lists) > 0 }

// Tokens returns the state tokens that the request submits, each once, in their order: all that
// appear in the field, negated or not, in lists that hold or do not (RFC 4918 §10.4.1).
func (h Header) Tokens() []string {
	var tokens []string
	for _, l := range h.Lists {
		for _, c := range l.Conditions {
			if c.Token != "" && !slices.Contains(tokens, c.Token) {
				tokens = append(tokens, c.Token)
			}
		}
	}
	return tokens
}

// String returns the field in its shortest form; Parse gives h back.
func (h Header) String() string {
	var b strings.Builder
	for i, l := range h.Lists {
		if i > 0 {
			b.WriteByte(' ')
		}
		if l.Resource != "" && (i == 0 || h.Lists[i-1].Resource != l.Resource) {
			b.WriteString("<" + l.Resource + "> ")
		}
		b.WriteString(l.String())
	}
	return b.String()
}

// String returns the list without the resource it is about, as in `(<urn:uuid:1> ["a"])`.
func (l List) String() string {
	conditions := make([]string, len(l.Conditions))
	for i, c := range l.Conditions {
		conditions[i] = c.String()
	}
	return "(" + strings.Join(conditions, " ") + ")"
}

// String returns the condition as in a field: `Not <urn:uuid:1>`, `["a"]`.
func (c Condition) String() string {
	text := "<" + c.Token + ">"
	if c.Token == "" {
		text = "[" + c.Tag.String() + "]"
	}
	if c.Not {
		return "Not " + text
	}
	return text
}
