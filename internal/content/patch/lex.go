package patch

import "strings"

// What follows reads s, which is valid JSON, from i on. So it need not look for
// errors of syntax.

func spaceEnd(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}

func stringEnd(s string, i int) int {
	for i++; s[i] != '"'; i++ {
		if s[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// scalarEnd is the end of a string, a number or a literal.
func scalarEnd(s string, i int) int {
	if s[i] == '"' {
		return stringEnd(s, i)
	}
	for i < len(s) && !isSpace(s[i]) && strings.IndexByte(",]}", s[i]) < 0 {
		i++
	}
	return i
}

// containerEnd is the end of an array or object.
func containerEnd(s string, i int) int {
	for depth := 0; ; i++ {
		switch s[i] {
		case '"':
			i = stringEnd(s, i) - 1
		case '[', '{':
			depth++
		case ']', '}':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
}

// nextElement is where the next element of a container begins, or its closing bracket
// stands.
func nextElement(s string, i int) int {
	if i = spaceEnd(s, i); s[i] == ',' {
		i = spaceEnd(s, i+1)
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }
