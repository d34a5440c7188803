package guard

import (
	"encoding/xml"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/target"
)

// ifList is a list of the field If (RFC 4918 §10.4): it is true if all of its conditions are.
type ifList struct {
	// resource is the URI that the list is about, or "" for the target.
	resource   string
	conditions []ifCondition
}

// ifCondition is one of its conditions: a state token, or an entity tag if token is "".
type ifCondition struct {
	not   bool
	token string
	tag   etag.Tag
}

// parseIf reads an If field. ok is false if it is not as RFC 4918 §10.4.2 wants it.
func parseIf(line string) (lists []ifList, ok bool) {
	resource := ""
	for line = strings.TrimSpace(line); line != ""; line = strings.TrimSpace(line) {
		switch line[0] {
		case '<':
			if resource, line, ok = strings.Cut(line[1:], ">"); !ok {
				return nil, false
			}
		case '(':
			list := ifList{resource: resource}
			if list.conditions, line, ok = parseIfList(line[1:]); !ok {
				return nil, false
			}
			lists = append(lists, list)
		default:
			return nil, false
		}
	}
	return lists, len(lists) > 0
}

// parseIfList reads what follows the bracket that opens a list.
func parseIfList(line string) (conditions []ifCondition, rest string, ok bool) {
	for {
		var c ifCondition
		line = strings.TrimSpace(line)
		if len(line) > 3 && strings.EqualFold(line[:3], "Not") {
			c.not, line = true, strings.TrimSpace(line[3:])
		}
		if line == "" {
			return nil, "", false
		}
		switch kind := line[0]; {
		case kind == ')' && !c.not:
			return conditions, line[1:], len(conditions) > 0
		case kind == '<':
			c.token, line, ok = strings.Cut(line[1:], ">")
			ok = ok && c.token != ""
		case kind == '[':
			var text string
			var err error
			text, line, ok = strings.Cut(line[1:], "]")
			c.tag, err = etag.Parse(strings.TrimSpace(text))
			ok = ok && err == nil
		default:
			ok = false
		}
		if !ok {
			return nil, "", false
		}
		conditions = append(conditions, c)
	}
}

// submits reports whether the field If holds a condition on a resource that is known to be evaluated
// and true. u is in normal form, as the client says it; tags are those that name its state, as far as they are known.
//
// An entity tag is compared here. A lock token counts if the backend says that the resource has that lock, or if
// it is known to evaluate what it is sent: a lock that is held keeps all others from writing.
func (x *exchange) submits(out *http.Request, u *url.URL, tags []etag.Tag) bool {
	lines := x.r.Header["If"]
	if len(lines) != 1 {
		return false
	}
	lists, ok := parseIf(lines[0])
	if !ok {
		return false
	}
	var locks []string
	asked := false
	for _, list := range lists {
		if !x.isAbout(list, u) {
			continue
		}
		if !asked && x.route.Preconditions != PreconditionsPass && list.hasToken() {
			locks, asked = x.locksOf(out, u), true
		}
		if list.holds(func(c ifCondition) bool {
			if c.token == "" {
				return slices.ContainsFunc(tags, c.tag.StrongEqual)
			}
			return x.route.Preconditions == PreconditionsPass || slices.Contains(locks, c.token)
		}) {
			return true
		}
	}
	return false
}

// isAbout reports whether a list is about the resource.
func (x *exchange) isAbout(list ifList, u *url.URL) bool {
	if list.resource == "" {
		return u == x.r.URL
	}
	tagged, err := url.Parse(list.resource)
	if err != nil || !x.names(tagged) {
		return false
	}
	own, fault := target.Normal(tagged)
	return fault == nil && own.EscapedPath() == u.EscapedPath()
}

func (l ifList) hasToken() bool {
	return slices.ContainsFunc(l.conditions, func(c ifCondition) bool { return c.token != "" })
}

// holds reports whether all conditions are true, and one of them is not about what there must not be: that
// alone names no state.
func (l ifList) holds(is func(ifCondition) bool) bool {
	named := false
	for _, c := range l.conditions {
		if is(c) == c.not {
			return false
		}
		named = named || !c.not
	}
	return named
}

// askLocks is the content of a PROPFIND for the locks of a resource (RFC 4918 §15.8).
const askLocks = `<?xml version="1.0" encoding="utf-8"?><propfind xmlns="DAV:"><prop><lockdiscovery/></prop></propfind>`

// locksOf returns the tokens of the locks that a resource has, as the backend says.
func (x *exchange) locksOf(out *http.Request, u *url.URL) []string {
	res, err := x.peek(x.lookAt(out, "PROPFIND", u, askLocks))
	if err != nil {
		return nil
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusMultiStatus {
		return nil
	}
	var tokens []string
	_ = withTimeout(res.Body, func() error {
		tokens = lockTokens(io.LimitReader(res.Body, max(x.route.MaxBuffer, 64<<10)))
		return nil
	})
	return tokens
}

// lockTokens reads the lock tokens in a multistatus response. What comes after a mistake is not read.
func lockTokens(r io.Reader) (tokens []string) {
	d := xml.NewDecoder(r)
	in := false
	for {
		t, err := d.Token()
		if err != nil {
			return tokens
		}
		switch t := t.(type) {
		case xml.StartElement:
			in = t.Name == xml.Name{Space: "DAV:", Local: "locktoken"} || in && t.Name.Local == "href"
		case xml.EndElement:
			in = in && t.Name.Local != "locktoken"
		case xml.CharData:
			if token := strings.TrimSpace(string(t)); in && token != "" {
				tokens = append(tokens, token)
			}
		}
	}
}
