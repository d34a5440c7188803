package patch

import (
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// unquote returns the text that raw, a valid JSON string, stands for. Half a
// surrogate pair, which no UTF-8 can express, becomes the three bytes it would
// have, so that different strings stay different.
func unquote(raw string) string {
	s := raw[1 : len(raw)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	b := make([]byte, 0, len(s))
	for len(s) > 0 {
		if s[0] != '\\' {
			b, s = append(b, s[0]), s[1:]
			continue
		}
		b, s = appendEscaped(b, s)
	}
	return string(b)
}

// appendEscaped appends what the escape sequence at the start of s stands for,
// and returns what follows it.
func appendEscaped(b []byte, s string) (text []byte, rest string) {
	if s[1] != 'u' {
		return append(b, unescaped(s[1])), s[2:]
	}
	r, rest := codeUnit(s), s[6:]
	if utf16.IsSurrogate(r) && strings.HasPrefix(rest, `\u`) {
		if pair := utf16.DecodeRune(r, codeUnit(rest)); pair != utf8.RuneError {
			return utf8.AppendRune(b, pair), rest[6:]
		}
	}
	if utf16.IsSurrogate(r) {
		return append(b, 0xe0|byte(r>>12), 0x80|byte(r>>6)&0x3f, 0x80|byte(r)&0x3f), rest
	}
	return utf8.AppendRune(b, r), rest
}

// codeUnit reads the \uXXXX at the start of s.
func codeUnit(s string) rune {
	n, err := strconv.ParseUint(s[2:6], 16, 16)
	if err != nil {
		panic("patch: " + err.Error()) // the parser has checked the syntax
	}
	return rune(n)
}

func unescaped(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c // quote, backslash, slash
}

// quote spells s, which is UTF-8, as a JSON string.
func quote(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		panic("patch: " + err.Error()) // every string can be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}
