package ifheader

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/etag"
)

// The bounds of a field. They leave room for a hundred locks, and keep one request from asking for the
// states of thousands of resources.
const (
	// MaxLength bounds the field's length in bytes.
	MaxLength = 16 << 10
	// MaxConditions bounds the conditions of all its lists together.
	MaxConditions = 256
	// MaxResources bounds the resources that it names.
	MaxResources = 64
)

// ErrSyntax is what errors.Is finds in every error of [Parse].
var ErrSyntax = errors.New("malformed If")

// Fault says why a text is no field If.
type Fault uint8

const (
	_ Fault = iota
	// Empty: there is no list at all.
	Empty
	// SeveralLines: the field was sent more than once.
	SeveralLines
	// TooLong: it has more than [MaxLength] bytes.
	TooLong
	// TooMany: it has more than [MaxConditions] conditions or names more than [MaxResources] resources.
	TooMany
	// Unexpected: a list or a resource should begin here, and something else does.
	Unexpected
	// EmptyList: a list has no conditions.
	EmptyList
	// Unclosed: the list, token, tag or resource has no end.
	Unclosed
	// NoList: no list follows a resource.
	NoList
	// Mixed: there are lists with a resource before them and lists without.
	Mixed
	// NotNothing: no condition follows Not.
	NotNothing
	// BadToken: a state token is no absolute URI.
	BadToken
	// BadResource: a resource is neither an absolute path nor an absolute URI.
	BadResource
	// BadTag: an entity tag in brackets is none, or has a space in it or between it and the brackets.
	BadTag
)

var faults = [...]struct{ name, text string }{
	{}, // there is no fault 0
	{"empty", `the field has no list; one looks like (<urn:uuid:...>) or (["tag"])`},
	{"several-lines", "the field may be sent once; write all lists into one field"},
	{"too-long", fmt.Sprintf("the field may have %d bytes", MaxLength)},
	{"too-many", fmt.Sprintf("the field may have %d conditions and name %d resources", MaxConditions, MaxResources)},
	{"unexpected", "a list in parentheses should begin here, or a resource in angle brackets"},
	{"empty-list", "a list needs a condition"},
	{"unclosed", "the end is missing: ) closes a list, > a token or resource, ] an entity tag"},
	{"no-list", "a list in parentheses must follow the resource; a lock token stands inside a list: (<token>)"},
	{"mixed-lists", "lists with a resource before them and lists without cannot be mixed; give each its resource"},
	{"not-nothing", `"Not" must be followed by a token or an entity tag`},
	{"bad-token", "a state token is an absolute URI in angle brackets without spaces: <urn:uuid:...>"},
	{"bad-resource", "a resource is an absolute path or URI in angle brackets without spaces: </path> or <http://host/path>"},
	{"bad-tag", `an entity tag has quotes, and no space in it, before it or after it: ["tag"]`},
}

// Name returns the fault in kebab case, such as "mixed-lists". Names do not change.
func (f Fault) Name() string { return faults[f].name }

// String returns the fault and what to write instead, for people.
func (f Fault) String() string { return faults[f].text }

// SyntaxError says why a field could not be read. errors.Is(err, ErrSyntax) holds for it.
type SyntaxError struct {
	Fault Fault
	// Offset is where in the field the fault is, in bytes.
	Offset int
	// Text is what stands there, at most 64 bytes of it.
	Text string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("malformed If at byte %d, %q: %s", e.Offset, e.Text, e.Fault)
}

// Is makes errors.Is(err, ErrSyntax) true.
func (e *SyntaxError) Is(target error) bool { return target == ErrSyntax }

// Parse reads the field, given its lines as net/http's Header keeps them (RFC 4918 §10.4.2). No
// lines give the zero Header. The error is a [*SyntaxError].
func Parse(lines []string) (Header, error) {
	switch {
	case len(lines) == 0:
		return Header{}, nil
	case len(lines) > 1:
		return Header{}, fault(SeveralLines, lines[1], 0)
	case len(lines[0]) > MaxLength:
		return Header{}, fault(TooLong, lines[0], 0)
	}
	p := parser{text: lines[0]}
	lists, err := p.lists()
	if err != nil {
		return Header{}, err
	}
	return Header{Lists: lists}, nil
}

const maxFaultText = 64

func fault(f Fault, text string, offset int) *SyntaxError {
	rest := text[offset:]
	return &SyntaxError{Fault: f, Offset: offset, Text: rest[:min(len(rest), maxFaultText)]}
}

// parser is a walk through the text; at is how far it has come.
type parser struct {
	text       string
	at         int
	conditions int
	resources  []string
}

func (p *parser) fault(f Fault, at int) error { return fault(f, p.text, at) }

// atEnd is what skipSpace returns at the end. It is white space, which it never returns otherwise.
const atEnd = ' '

// skipSpace goes on to the next character that is no linear white space, and returns it, or atEnd.
func (p *parser) skipSpace() byte {
	for p.at < len(p.text) && isSpace(p.text[p.at]) {
		p.at++
	}
	if p.at == len(p.text) {
		return atEnd
	}
	return p.text[p.at]
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }

// lists is 1*No-tag-list | 1*Tagged-list.
func (p *parser) lists() ([]List, error) {
	var lists []List
	resource, pending := "", false
	for {
		c, start := p.skipSpace(), p.at
		var err error
		switch {
		case c == atEnd && pending, c == '<' && pending:
			return nil, p.fault(NoList, start)
		case c == atEnd && len(lists) == 0:
			return nil, p.fault(Empty, start)
		case c == atEnd:
			return lists, nil
		case c == '<' && resource == "" && len(lists) > 0:
			return nil, p.fault(Mixed, start)
		case c == '<':
			resource, err = p.resource()
			pending = true
		case c == '(':
			list := List{Resource: resource}
			list.Conditions, err = p.list()
			lists, pending = append(lists, list), false
		default:
			err = p.fault(Unexpected, start)
		}
		if err != nil {
			return nil, err
		}
	}
}

// resource is Resource-Tag = "<" Simple-ref ">", at its "<".
func (p *parser) resource() (string, error) {
	start := p.at
	text, err := p.bracketed()
	if err != nil {
		return "", err
	}
	path := strings.HasPrefix(text, "/") && !strings.HasPrefix(text, "//")
	if !isURIText(text) || !path && !isAbsoluteURI(text) {
		return "", p.fault(BadResource, start)
	}
	if !slices.Contains(p.resources, text) {
		p.resources = append(p.resources, text)
	}
	if len(p.resources) > MaxResources {
		return "", p.fault(TooMany, start)
	}
	return text, nil
}

// bracketed returns what stands between "<", where it is, and ">".
func (p *parser) bracketed() (string, error) {
	text, _, closed := strings.Cut(p.text[p.at+1:], ">")
	if !closed {
		return "", p.fault(Unclosed, p.at)
	}
	p.at += len(text) + 2
	return text, nil
}

// list is List = "(" 1*Condition ")", at its "(".
func (p *parser) list() ([]Condition, error) {
	open := p.at
	p.at++
	var conditions []Condition
	for {
		switch p.skipSpace() {
		case atEnd:
			return nil, p.fault(Unclosed, open)
		case ')':
			if len(conditions) == 0 {
				return nil, p.fault(EmptyList, open)
			}
			p.at++
			return conditions, nil
		}
		if p.conditions++; p.conditions > MaxConditions {
			return nil, p.fault(TooMany, p.at)
		}
		c, err := p.condition()
		if err != nil {
			return nil, err
		}
		conditions = append(conditions, c)
	}
}

// condition is Condition = ["Not"] (State-token | "[" entity-tag "]").
func (p *parser) condition() (c Condition, err error) {
	start := p.at
	if strings.EqualFold(p.word(), "Not") {
		c.Not, p.at = true, p.at+len("Not")
		if next := p.skipSpace(); next == atEnd || next == ')' {
			return c, p.fault(NotNothing, start)
		}
	}
	switch p.text[p.at] {
	case '<':
		c.Token, err = p.token()
	case '[':
		c.Tag, err = p.tag()
	default:
		c.Token, err = p.bareToken()
	}
	return c, err
}

// word returns the characters from here on that can be of a word: up to white space or a bracket.
func (p *parser) word() string {
	rest := p.text[p.at:]
	if end := strings.IndexAny(rest, " \t<>[]()"); end >= 0 {
		return rest[:end]
	}
	return rest
}

// token is State-token = Coded-URL = "<" absolute-URI ">", at its "<".
func (p *parser) token() (string, error) {
	start := p.at
	text, err := p.bracketed()
	if err == nil && !(isURIText(text) && isAbsoluteURI(text)) {
		err = p.fault(BadToken, start)
	}
	return text, err
}

// bareToken is a token without angle brackets. Portable-WebDAV-Library sends it so before March 2017.
func (p *parser) bareToken() (string, error) {
	text := p.word()
	if !isURIText(text) || !isAbsoluteURI(text) {
		return "", p.fault(BadToken, p.at)
	}
	p.at += len(text)
	return text, nil
}

// tag is "[" entity-tag "]", at its "[". A bracket inside the quotes ends nothing.
func (p *parser) tag() (etag.Tag, error) {
	rest := p.text[p.at+1:]
	open := strings.IndexByte(rest, '"')
	if open < 0 {
		return etag.Tag{}, p.fault(BadTag, p.at)
	}
	end := strings.IndexByte(rest[open+1:], '"')
	if end < 0 {
		return etag.Tag{}, p.fault(Unclosed, p.at)
	}
	end += open + 2
	tag, err := etag.Parse(rest[:end])
	if err != nil || !strings.HasPrefix(rest[end:], "]") {
		return etag.Tag{}, p.fault(BadTag, p.at)
	}
	p.at += end + 2
	return tag, nil
}

// isURIText reports whether s has only characters that a URI can have, in any place (RFC 3986 §2).
func isURIText(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0 {
			return false
		}
	}
	return s != ""
}

// isAbsoluteURI reports whether s begins with a scheme and has something after it (RFC 3986 §3.1, §4.3).
func isAbsoluteURI(s string) bool {
	scheme, rest, ok := strings.Cut(s, ":")
	if !ok || scheme == "" || rest == "" || !isLetter(scheme[0]) {
		return false
	}
	for i := range len(scheme) {
		if c := scheme[i]; !isLetter(c) && (c < '0' || c > '9') && c != '+' && c != '-' && c != '.' {
			return false
		}
	}
	return true
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
