package secret

import (
	"regexp"
	"strings"
)

// Line is Text for a line of a log, or for any other text that has more than URLs in it: it also replaces what follows
// the name of an authentication scheme, parameters wherever they begin, and the strings of JSON whose
// name is that of a credential. It costs more than Text: it is for lines that people are shown.
func Line(s string) string {
	s = Text(s)
	s = afterScheme.ReplaceAllString(s, "${1}"+Mark)
	s = pair.ReplaceAllStringFunc(s, hidePair)
	s = escaped.ReplaceAllStringFunc(s, hideMember)
	return member.ReplaceAllStringFunc(s, hideMember)
}

var (
	// afterScheme finds a scheme and what follows it, in which a blank may be encoded.
	afterScheme = regexp.MustCompile(`(?i)\b((?:basic|bearer|digest|negotiate|ntlm)(?: |\+|%20))[^ "',;+\[\\][^ "',;+\\]*`)
	// pair finds a parameter that begins a text, or follows what may part parameters.
	pair = regexp.MustCompile(`(?:^|[?&;, "'{(|\t])[A-Za-z0-9_.%\-\[\]]+=[^& "';,|\t]+`)
	// member finds a member of JSON with a string or an array of strings, and escaped one inside a string of JSON.
	member  = regexp.MustCompile(`"[A-Za-z0-9_.-]+"[ \t]*:[ \t]*("(?:[^"\\]|\\.)*"|\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])`)
	escaped = regexp.MustCompile(`\\"[A-Za-z0-9_.-]+\\"[ \t]*:[ \t]*\\"(?:[^"\\]|\\[^"])*\\"`)
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
