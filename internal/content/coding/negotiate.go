package coding

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/qvalue"
)

// Negotiate chooses the coding of a response by the request's Accept-Encoding
// field lines (RFC 9110 §12.5.3): one of offered, which are in the order the
// server prefers, or "" for identity. ok is false if the client accepts neither
// one of them nor identity: the answer then is 406, or identity all the same
// (§12.1 allows both). It does not allocate.
func Negotiate(lines []string, offered ...string) (coding string, ok bool) {
	best := identityScore(lines)
	for _, c := range offered {
		if s := codingScore(lines, c); s > best {
			coding, best = c, s
		}
	}
	return coding, best > 0
}

// Acceptable reports whether the client accepts coding ("" is identity)
// according to its Accept-Encoding field lines. Without the field it accepts
// all.
func Acceptable(lines []string, coding string) bool {
	switch {
	case len(lines) == 0:
		return true
	case isIdentity(coding):
		return identityScore(lines) > 0
	}
	return codingScore(lines, coding) > 0
}

// A score is 0 for what is not acceptable. Otherwise the weight decides, and at
// equal weight how the client expressed it.
const (
	byDefault  = 1 // identity that nothing mentions
	byWildcard = 2 // a coding that only "*" covers
	asIs       = 3 // identity, named or covered by "*"
	byName     = 4 // a coding that is named
	perWeight  = 8
)

func codingScore(lines []string, coding string) int {
	named, wildcard := weights(lines, coding)
	if named == unmentioned {
		return score(wildcard, byWildcard)
	}
	return score(named, byName)
}

func identityScore(lines []string) int {
	named, wildcard := weights(lines, Identity)
	switch {
	case named != unmentioned:
		return score(named, asIs)
	case wildcard != unmentioned:
		return score(wildcard, asIs)
	}
	return byDefault
}

func score(weight, how int) int {
	if weight <= 0 {
		return 0
	}
	return weight*perWeight + how
}

const unmentioned = -1

// weights returns the weights that the lines give to coding and to "*", each
// unmentioned if they do not.
func weights(lines []string, coding string) (named, wildcard int) {
	named, wildcard = unmentioned, unmentioned
	for m := range qvalue.Members(lines) {
		switch {
		case m.Value == "*":
			wildcard = lower(wildcard, m.Weight)
		case isName(m.Value, coding):
			named = lower(named, m.Weight)
		}
	}
	return named, wildcard
}

func lower(known, weight int) int {
	if known == unmentioned {
		return weight
	}
	return min(known, weight)
}

// isName reports whether s, from a field, names coding. Names are
// case-insensitive, and x-gzip and x-compress are old names that recipients
// take for the new ones (§8.4.1.1, §8.4.1.3).
func isName(s, coding string) bool {
	if len(s) == len(coding)+2 && (s[0]|0x20) == 'x' && s[1] == '-' && (coding == Gzip || coding == "compress") {
		s = s[2:]
	}
	return strings.EqualFold(s, coding)
}
