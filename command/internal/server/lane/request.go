package lane

import (
	"bytes"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// maxHead bounds a request that is read here, in bytes.
const maxHead = 4 << 10

// parse fills r in with the request at the beginning of b, and returns how long that is. ok is
// false if there is no whole request, or one that is not for the lane; then r is of no use.
func parse(b []byte, r *http.Request) (n int, ok bool) {
	end := bytes.Index(b, []byte("\r\n\r\n"))
	if end < 0 || !isPlain(b) {
		return 0, false
	}
	// Everything of the request is a part of this one string.
	head := string(b[:end+len("\r\n")])
	line, fields, _ := strings.Cut(head, "\r\n")
	if r.Method, r.RequestURI, ok = requestLine(line); !ok {
		return 0, false
	}
	target, err := url.ParseRequestURI(r.RequestURI)
	if err != nil || !readFields(r, fields) {
		return 0, false
	}
	r.URL = target
	return end + len("\r\n\r\n"), true
}

// isPlain reports whether b may begin with a request of ours. It only saves the work of looking at
// other requests.
func isPlain(b []byte) bool {
	return bytes.HasPrefix(b, []byte("GET /")) || bytes.HasPrefix(b, []byte("HEAD /"))
}

// requestLine takes a line of GET or HEAD apart (RFC 9112 §3).
func requestLine(line string) (method, target string, ok bool) {
	method, rest, _ := strings.Cut(line, " ")
	target, ok = strings.CutSuffix(rest, " HTTP/1.1")
	if !ok || method != http.MethodGet && method != http.MethodHead || !strings.HasPrefix(target, "/") {
		return "", "", false
	}
	for i := range len(target) {
		if target[i] <= ' ' || target[i] >= 0x7f {
			return "", "", false
		}
	}
	return method, target, true
}

// readFields fills in the header section of r from its lines, each with its end (RFC 9112 §5).
func readFields(r *http.Request, lines string) bool {
	// A field with one line, as nearly all are, has its value in this slice rather than in one of
	// its own.
	values := make([]string, strings.Count(lines, "\n"))
	r.Header = make(http.Header, len(values))
	for hosts := 0; ; {
		line, rest, found := strings.Cut(lines, "\r\n")
		if !found {
			return hosts == 1 && lines == ""
		}
		name, value, ok := fieldLine(line)
		if !ok {
			return false
		}
		switch name {
		case "Host":
			if hosts++; !isHost(value) {
				return false
			}
			r.Host = value
		case "Connection":
			switch {
			case strings.EqualFold(value, "close"):
				r.Close = true
			case !strings.EqualFold(value, "keep-alive"):
				return false
			}
			fallthrough
		default:
			if elsewhere[name] {
				return false
			}
			if before := r.Header[name]; before != nil {
				r.Header[name] = append(before, value)
				break
			}
			values[0] = value
			r.Header[name], values = values[:1:1], values[1:]
		}
		lines = rest
	}
}

// elsewhere are the fields with which net/http does more than to pass them on, or which are about
// more than this request.
var elsewhere = map[string]bool{
	"Content-Length": true, "Transfer-Encoding": true, "Trailer": true, "Expect": true, "Upgrade": true, "Http2-Settings": true,
	"Te": true, "Pragma": true, "Keep-Alive": true, "Proxy-Connection": true,
}

// fieldLine takes a field line apart, without its end. The name is in net/http's spelling.
func fieldLine(line string) (name, value string, ok bool) {
	name, value, ok = strings.Cut(line, ":")
	if !ok {
		return "", "", false
	}
	value = strings.Trim(value, " \t")
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b >= 0x7f {
			return "", "", false
		}
	}
	name, ok = canonical(name)
	return name, value, ok
}

// canonical returns the spelling of a field name that net/http uses.
func canonical(name string) (string, bool) {
	if known, ok := spellings[name]; ok {
		return known, true
	}
	if name == "" {
		return "", false
	}
	for i := range len(name) {
		if !isToken[name[i]] {
			return "", false
		}
	}
	return textproto.CanonicalMIMEHeaderKey(name), true
}

// spellings are those of fields that are often sent, as clients of HTTP/1.1 write them.
var spellings = func() map[string]string {
	m := make(map[string]string)
	for _, name := range []string{
		"Host", "Connection", "User-Agent", "Accept", "Accept-Encoding", "Accept-Language", "Authorization", "Cookie", "Referer", "Origin",
		"If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Range", "Cache-Control", "Dnt", "Priority",
		"Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "Sec-Fetch-User", "Upgrade-Insecure-Requests", "X-Forwarded-For",
		"X-Forwarded-Proto", "X-Request-Id", "Traceparent", "Want-Repr-Digest", "Want-Content-Digest",
	} {
		m[name], m[strings.ToLower(name)] = name, name
	}
	return m
}()

// isToken are the characters of a token (RFC 9110 §5.6.2).
var isToken = characters("!#$%&'*+-.^_`|~", 'a', 'z', 'A', 'Z', '0', '9')

// inHost are the characters of a Host that is read here: names, addresses and ports.
var inHost = characters("-._:[]", 'a', 'z', 'A', 'Z', '0', '9')

func isHost(value string) bool {
	for i := range len(value) {
		if !inHost[value[i]] {
			return false
		}
	}
	return value != ""
}

// characters has those that are listed, and those of the ranges, each of two ends.
func characters(listed string, ranges ...byte) (set [256]bool) {
	for i := range len(listed) {
		set[listed[i]] = true
	}
	for i := 0; i < len(ranges); i += 2 {
		for c := int(ranges[i]); c <= int(ranges[i+1]); c++ {
			set[c] = true
		}
	}
	return set
}
