package secret

import (
	"strings"
)

// Text replaces the credentials in s, which may be a URL, a request-target or a text with URLs in it:
//
//   - the user information before "@";
//   - the values of those parameters, in a query, a fragment or a segment of the path (";jsessionid="), that Parameter knows;
//   - the value of any parameter that is itself a URL with a credential;
//   - what has the shape of a JSON Web Token (RFC 7519), wherever it stands.
//
// The rest is kept byte for byte. It returns s itself, without an allocation, if there is nothing
// to hide.
func Text(s string) string {
	if strings.Contains(s, jwtStart) {
		s = hideTokens(s)
	}
	if strings.IndexByte(s, '@') >= 0 {
		s = hideUser(s)
	}
	if strings.IndexByte(s, '=') >= 0 && strings.ContainsAny(s, "?#;") {
		s = hideParameters(s)
	}
	return s
}

// A cutter builds a text with some parts replaced. It copies nothing until the first is.
type cutter struct {
	s    string
	done int
	b    strings.Builder
}

// hide replaces s[from:to]. The parts come in order.
func (c *cutter) hide(from, to int) {
	c.b.WriteString(c.s[c.done:from])
	c.b.WriteString(Mark)
	c.done = to
}

func (c *cutter) String() string {
	if c.done == 0 {
		return c.s
	}
	c.b.WriteString(c.s[c.done:])
	return c.b.String()
}

// hideUser replaces what is between "//" and "@".
func hideUser(s string) string {
	c := cutter{s: s}
	for at := 0; ; {
		start := strings.Index(s[at:], "//")
		if start < 0 {
			return c.String()
		}
		start += at + len("//")
		end := start + until(s[start:], "/?#<> \t\"")
		if i := strings.LastIndexByte(s[start:end], '@'); i > 0 && s[start:start+i] != Mark {
			c.hide(start, start+i)
		}
		at = end
	}
}

// until is the number of bytes before the first that is one of those, or all.
func until(s, those string) int {
	if i := strings.IndexAny(s, those); i >= 0 {
		return i
	}
	return len(s)
}

// hideParameters replaces the values of parameters that grant access. A parameter begins behind
// "?", "#", "&" or ";".
func hideParameters(s string) string {
	c := cutter{s: s}
	inQuery := false // a "/" does not end a parameter there
	for i := 0; i < len(s); {
		switch s[i] {
		case '?', '#':
			inQuery = true
		case ';':
		case '&':
			if !inQuery {
				i++
				continue
			}
		case ' ', '\t', '"', '<', '>':
			inQuery = false
			i++
			continue
		default:
			i++
			continue
		}
		i = c.parameter(i+1, inQuery)
	}
	return c.String()
}

// parameter hides the value of the parameter that begins at from, if it is to be, and returns where
// it ends.
func (c *cutter) parameter(from int, inQuery bool) (end int) {
	ends := "&;?# \t\"<>"
	if !inQuery {
		ends = "/;?# \t\"<>"
	}
	end = from + until(c.s[from:], ends)
	name, value, ok := strings.Cut(c.s[from:end], "=")
	if ok && value != "" && value != Mark && (Parameter(name) || hasSecret(value)) {
		c.hide(end-len(value), end)
	}
	return end
}

// hasSecret reports whether a value is an encoded URL with a credential in it.
func hasSecret(value string) bool {
	if !strings.Contains(value, "%") {
		return false
	}
	plain := decoded(value)
	return plain != value && Text(plain) != plain
}

// jwtStart is how a JSON object begins in base64url, so that each JSON Web Token begins with it.
const jwtStart = "eyJ"

// hideTokens replaces what has the shape of a JSON Web Token: three parts of base64url with dots
// between them, or five.
func hideTokens(s string) string {
	c := cutter{s: s}
	for at := 0; at < len(s); {
		i := strings.Index(s[at:], jwtStart)
		if i < 0 {
			break
		}
		from := at + i
		to := from
		for to < len(s) && (isBase64URL(s[to]) || s[to] == '.') {
			to++
		}
		dots := strings.Count(s[from:to], ".")
		if dots >= 2 && to-from >= 20 && (from == 0 || !isBase64URL(s[from-1])) {
			c.hide(from, to)
		}
		at = to
	}
	return c.String()
}

func isBase64URL(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_'
}
