package target

import (
	"net/url"
	"strings"
)

// Normal returns the path and query of u with the path in normal form (RFC 3986 §6.2.2): it
// begins with a slash, dot segments are resolved, of the characters none is percent-encoded
// that need not be, all are that must be, and the digits of their codes are in upper case.
// It is u itself if u is like that already. The query stays as it is.
//
// Empty segments, parameters and encoded slashes are left, as they may mean something. What
// some servers would resolve as dot segments, and others not, is refused: those beside an
// encoded slash or a backslash, or with parameters. So are control characters.
func Normal(u *url.URL) (*url.URL, *Fault) {
	if isNormal(u) {
		return u, nil
	}
	path, fault := encode(rawPath(u))
	if fault != nil {
		return nil, fault
	}
	if path = resolve(path); hidesDots(path) {
		return nil, &Fault{ReasonAmbiguous, `the path has "." or ".." where some servers would resolve it, and others not`,
			"resolve it before you send the request"}
	}
	own := &url.URL{Path: decode(path), RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
	if own.EscapedPath() != path {
		own.RawPath = path
	}
	return own, nil
}

// isNormal reports whether u is in normal form, as nearly all are. It may be wrong about one
// that is, and never about one that is not.
func isNormal(u *url.URL) bool {
	if u.RawPath != "" || u.Path == "" || u.Path[0] != '/' || u.Scheme != "" || u.Host != "" {
		return false
	}
	last := byte('x')
	for i := range len(u.Path) {
		c := u.Path[i]
		if !isUnreserved(c) && c != '/' || c == '.' && last == '/' {
			return false
		}
		last = c
	}
	return true
}

// rawPath is the path as it was sent, as far as u knows.
func rawPath(u *url.URL) string {
	if u.RawPath != "" && decode(u.RawPath) == u.Path {
		return u.RawPath
	}
	return u.EscapedPath()
}

// encode writes each character in its one form.
func encode(path string) (string, *Fault) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		c, coded := path[i], false
		if c == '%' && i+2 < len(path) && isHex(path[i+1]) && isHex(path[i+2]) {
			c, coded = unhex(path[i+1])<<4|unhex(path[i+2]), true
			i += 2
		}
		switch {
		case c < ' ' || c == 0x7f:
			return "", &Fault{ReasonForm, "the path has a control character", "send it without"}
		case isUnreserved(c), !coded && isReserved(c):
			b.WriteByte(c)
		default:
			const digits = "0123456789ABCDEF"
			b.Write([]byte{'%', digits[c>>4], digits[c&15]})
		}
	}
	return b.String(), nil
}

// resolve removes dot segments (RFC 3986 §5.2.4).
func resolve(path string) string {
	if !strings.Contains(path, "/.") {
		return "/" + strings.TrimPrefix(path, "/")
	}
	var kept []string
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range segments {
		switch s {
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		case ".":
		default:
			kept = append(kept, s)
			continue
		}
		if i == len(segments)-1 {
			kept = append(kept, "") // what is left is a collection
		}
	}
	return "/" + strings.Join(kept, "/")
}

// hidesDots reports whether a path in normal form has dot segments for a server that
// decodes slashes, takes backslashes for slashes, or cuts parameters and trailing blanks off.
func hidesDots(path string) bool {
	if !strings.ContainsAny(path, "%;") {
		return false
	}
	for segment := range strings.SplitSeq(strings.ReplaceAll(decode(path), `\`, "/"), "/") {
		name, _, _ := strings.Cut(segment, ";")
		if name = strings.TrimRight(name, " "); name == "." || name == ".." {
			return true
		}
	}
	return false
}

// Elements returns the path of a URL in normal form with everything decoded but encoded
// slashes, so that its slashes are those between segments.
func Elements(u *url.URL) string {
	if !strings.Contains(u.RawPath, "%2F") {
		return u.Path
	}
	parts := strings.Split(u.RawPath, "%2F")
	for i, part := range parts {
		parts[i] = decode(part)
	}
	return strings.Join(parts, "%2F")
}

// decode undoes percent-encoding; what is none stays.
func decode(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
			b.WriteByte(unhex(s[i+1])<<4 | unhex(s[i+2]))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// isUnreserved reports whether a character means the same encoded or not (RFC 3986 §2.3).
func isUnreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

// isReserved reports whether a character may stand for itself in a path, though it is not
// unreserved (RFC 3986 §3.3).
func isReserved(c byte) bool { return strings.IndexByte("/!$&'()*+,;=:@", c) >= 0 }

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c&^0x20 - 'A' + 10
}
