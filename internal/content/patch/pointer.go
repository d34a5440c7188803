package patch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// pointer is a JSON Pointer (RFC 6901), its reference tokens unescaped. The empty
// one is the whole document.
type pointer []string

// parsePointer reads a pointer as RFC 6901 §3 has it.
func parsePointer(s string) (pointer, error) {
	if s == "" {
		return nil, nil
	}
	if s[0] != '/' {
		return nil, fmt.Errorf("pointer %q does not begin with a slash", abbreviate(s))
	}
	// Nothing is as deep as the last of these: what follows need not be taken apart.
	tokens := strings.SplitN(s[1:], "/", MaxDepth+2)
	for i, t := range tokens {
		if strings.Contains(t, "~") {
			plain, ok := unescape(t)
			if !ok {
				return nil, fmt.Errorf(`pointer %q has a "~" that neither 0 nor 1 follows`, abbreviate(s))
			}
			tokens[i] = plain
		}
	}
	return tokens, nil
}

// unescape replaces ~1 by a slash and ~0 by a tilde (§4).
func unescape(token string) (string, bool) {
	var b strings.Builder
	for {
		before, after, found := strings.Cut(token, "~")
		b.WriteString(before)
		switch {
		case !found:
			return b.String(), true
		case strings.HasPrefix(after, "0"):
			b.WriteByte('~')
		case strings.HasPrefix(after, "1"):
			b.WriteByte('/')
		default:
			return "", false
		}
		token = after[1:]
	}
}

// parent is all of p but the last token, which p must have.
func (p pointer) parent() pointer { return p[:len(p)-1] }

// last is p's last token, which p must have.
func (p pointer) last() string { return p[len(p)-1] }

var escaper = strings.NewReplacer("~", "~0", "/", "~1")

func (p pointer) String() string {
	var b strings.Builder
	for _, token := range p {
		b.WriteByte('/')
		b.WriteString(escaper.Replace(token))
	}
	return b.String()
}

// contains reports whether other is a place inside the one p names.
func (p pointer) contains(other pointer) bool {
	return len(p) < len(other) && slices.Equal(p, other[:len(p)])
}

// arrayIndex reads an array index (§4): digits without a leading zero.
func arrayIndex(token string) (int, bool) {
	if token == "" || len(token) > 1 && token[0] == '0' {
		return 0, false
	}
	for i := range len(token) {
		if token[i] < '0' || token[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.Atoi(token)
	return n, err == nil
}
