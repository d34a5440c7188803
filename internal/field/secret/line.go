package secret

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// Line is Text for a line of a log, or for any other text that has more than URLs in it: it also
// replaces what follows the name of an authentication scheme, parameters wherever they begin, and
// the strings of JSON whose name is that of a credential. It costs more than Text: it is for lines
// that people are shown.
func Line(s string) string {
	s = Text(s)
	if hasHint(s, schemeHints) {
		s = afterScheme.ReplaceAllString(s, "${1}"+Mark)
	}
	if strings.IndexByte(s, '=') >= 0 {
		s = pair.ReplaceAllStringFunc(s, hidePair)
	}
	if hasHint(s, fieldHints) {
		if strings.Contains(s, `\"`) {
			s = escaped.ReplaceAllStringFunc(s, hideMember)
		}
		s = member.ReplaceAllStringFunc(s, hideMember)
	}
	return s
}

// Nothing is replaced without one of these. To look for them costs a tenth of looking for what is
// replaced.
var (
	schemeHints = byFirst("basic bearer digest negotiate ntlm")
	fieldHints  = byFirst(words + " auth -key") // every name that Field knows has one
)

// hasHint reports whether s has one of the hints, whatever its case.
func hasHint(s string, hints [256][]string) bool {
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		for _, h := range hints[c] {
			if len(s)-i >= len(h) && strings.EqualFold(s[i:i+len(h)], h) {
				return true
			}
		}
	}
	return false
}

var (
	// afterScheme finds a scheme and what follows it, in which a blank may be encoded. Case is that
	// of ASCII: under (?i) an s would also be the long one.
	afterScheme = lazyregexp.New(`\b(((?i:ba)[sS](?i:ic)|(?i:bearer)|(?i:dige)[sS](?i:t)|(?i:negotiate)|(?i:ntlm))(?: |\+|%20))[^ "',;+\[\\][^ "',;+\\]*`)
	// pair finds a parameter that begins a text, or follows what may part parameters.
	pair = lazyregexp.New(`(?:^|[?&;, "'{(|\t])[A-Za-z0-9_.%\-\[\]]+=[^& "';,|\t]+`)
	// member finds a member of JSON with a string or an array of strings, and escaped one inside a
	// string of JSON.
	member  = lazyregexp.New(`"[A-Za-z0-9_.-]+"[ \t]*:[ \t]*("(?:[^"\\]|\\.)*"|\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])`)
	escaped = lazyregexp.New(`\\"[A-Za-z0-9_.-]+\\"[ \t]*:[ \t]*\\"(?:[^"\\]|\\[^"])*\\"`)
)

func hidePair(found string) string {
	name, value, _ := strings.Cut(found, "=")
	if strings.HasPrefix(value, Mark) || !Parameter(strings.TrimLeft(name, "?&;, \"'{(|\t")) {
		return found
	}
	return name + "=" + Mark
}

// hideMember goes by the names of fields alone: "code", "state" and "key" are common in logs.
func hideMember(found string) string {
	name, _, _ := strings.Cut(found, ":")
	if !Field(strings.Trim(name, "\\\" \t")) {
		return found
	}
	quote := `"`
	if strings.HasPrefix(found, `\`) {
		quote = `\"`
	}
	return strings.TrimRight(name, " \t") + ":" + quote + Mark + quote
}
