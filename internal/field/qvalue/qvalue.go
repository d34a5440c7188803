package qvalue

import "iter"

// Max is the weight of a member that states none: q=1, in thousandths.
const Max = 1000

// Member is one element of a weighted list.
type Member struct {
	// Value is what is weighted, with the parameters before the weight, as sent:
	// "gzip", "*", "text/html;level=1". It is not empty.
	Value string
	// Weight is the preference in thousandths, 0 (not acceptable) to [Max].
	Weight int
}

// Members yields the members of the list that the field lines make together, in
// order. Empty elements are skipped, and so are members whose weight is
// malformed: what they prefer is not known. Commas and semicolons inside quoted
// strings do not separate. Parameters after the weight are dropped. The
// iteration does not allocate.
func Members(lines []string) iter.Seq[Member] {
	return func(yield func(Member) bool) {
		for _, line := range lines {
			for start := 0; start < len(line); {
				end := index(line, ',', start)
				m, ok := member(trim(line[start:end]))
				if ok && !yield(m) {
					return
				}
				start = end + 1
			}
		}
	}
}

// member reads one element, which has no spaces around it; ok is false if it is
// empty or its weight malformed.
func member(element string) (m Member, ok bool) {
	first := index(element, ';', 0)
	m = Member{Value: element, Weight: Max}
	for semicolon := first; semicolon < len(element); {
		next := index(element, ';', semicolon+1)
		if q, found := weight(trim(element[semicolon+1 : next])); found {
			m.Value = trim(element[:semicolon])
			m.Weight, ok = Parse(q)
			return m, ok && m.Value != ""
		}
		semicolon = next
	}
	return m, first > 0
}

// weight returns what follows "q=" in a parameter that is a weight. The name
// of a parameter is case-insensitive.
func weight(parameter string) (q string, ok bool) {
	if len(parameter) < 2 || parameter[0]|0x20 != 'q' || parameter[1] != '=' {
		return "", false
	}
	return parameter[2:], true
}

// Parse reads a qvalue (RFC 9110 §12.4.2), "0" to "1" with up to three decimals,
// and returns it in thousandths.
func Parse(s string) (thousandths int, ok bool) {
	if s == "" || s[0] != '0' && s[0] != '1' || len(s) > len("0.000") || len(s) > 1 && s[1] != '.' {
		return 0, false
	}
	thousandths = int(s[0]-'0') * Max
	for i, unit := 2, Max/10; i < len(s); i, unit = i+1, unit/10 {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		thousandths += int(s[i]-'0') * unit
	}
	return thousandths, thousandths <= Max
}

// index returns where separator next stands in s, from start on, outside of
// quoted strings (RFC 9110 §5.6.4), or len(s).
func index(s string, separator byte, start int) int {
	quoted := false
	for i := start; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && quoted:
			i++
		case c == separator && !quoted:
			return i
		}
	}
	return len(s)
}

func trim(s string) string {
	for len(s) > 0 && isSpace(s[0]) {
		s = s[1:]
	}
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
