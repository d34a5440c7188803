package guard

import (
	"net/http"
	"slices"
	"strings"
)

// conditionalFields are those that the guard evaluates, and the backend does not
// see unless it is trusted with them.
var conditionalFields = []string{
	"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range",
}

func deleteFields(h http.Header, names []string) {
	for _, name := range names {
		delete(h, name)
	}
}

// appendFields adds to what is there. The lines of src are then those of dst as well: nobody changes one, and who adds gets a copy.
func appendFields(dst, src http.Header) {
	for name, lines := range src {
		if len(dst[name]) == 0 {
			dst[name] = slices.Clip(lines)
			continue
		}
		dst[name] = append(dst[name], lines...)
	}
}

// addVary names a field in Vary, unless it is there.
func addVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for member := range strings.SplitSeq(line, ",") {
			if member = strings.TrimSpace(member); member == "*" || strings.EqualFold(member, name) {
				return
			}
		}
	}
	h["Vary"] = append(h["Vary"], name)
}

// hasToken reports whether a list of tokens, such as that in Connection, has one.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(member), token) {
				return true
			}
		}
	}
	return false
}

// isToken reports whether s is a token (RFC 9110 §5.6.2).
func isToken(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || slices.Contains([]byte(`"(),/:;<=>?@[\]{}`), c) {
			return false
		}
	}
	return s != ""
}

// hasControl reports whether a value has a control character, the tab aside (RFC 9110 §5.5).
func hasControl(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

func isEventStream(h http.Header) bool {
	return strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}
