// Package secret knows what lets a reader in: the one list of the fields, the parameters and the
// shapes that are credentials, for everything that prints or keeps a URL, a field value or a line
// of a log.
//
//	secret.Text("/report?sig=a1&page=2")          // "/report?sig=[redacted]&page=2"
//	secret.Value("Authorization", "Basic YTpi")  // "Basic [redacted]"
//
// Not knowing every product's own names, it hides too much where it has the choice. It never changes a
// validator or a condition: what a diagnosis compares has to be what was sent.
package secret

import (
	"net/url"
	"strings"
)

// Mark is what stands in place of a credential.
const Mark = "[redacted]"

// fields are field names, in lower case, whose value is or holds a credential.
var fields = set(`authorization proxy-authorization www-authenticate proxy-authenticate authentication-info
	proxy-authentication-info x-functions-key ocp-apim-subscription-key x-auth-key x-goog-encryption-key x-ms-encryption-key
	x-amz-server-side-encryption-customer-key x-amz-copy-source-server-side-encryption-customer-key`)

// notFields are field names, in lower case, that contain one of words by accident.
var notFields = set("lock-token") // RFC 4918 §10.5: names a lock, and is in If as well

// evidence are field names, in lower case, whose values are never changed.
var evidence = set(`etag if-match if-none-match if-modified-since if-unmodified-since if-range if last-modified range
	content-range date lock-token`)

// words make any name that contains one of them that of a credential, whatever stands before and after.
const words = `cookie token secret passw credential signature session sessid jwt apikey api-key api_key access-key access_key
	accesskey assertion csrf xsrf saml hmac`

var wordsByFirst = byFirst(words)

// parts are names of parameters, and the last part of longer ones as in login_otp and user.pin.
var parts = set("otp totp pin sig pwd ticket auth authz sid")

// parameters are whole names of parameters, in lower case, that are too common as a part of others.
var parameters = set("code key pass state sas wresult hdnts hdnea oauth_verifier code_verifier")

// schemes are the authentication schemes that are shown before what is hidden.
var schemes = strings.Fields(`AWS AWS4-HMAC-SHA256 AWS4-ECDSA-P256-SHA256 Basic Bearer Digest DPoP Hawk HOBA Mutual Negotiate NTLM
	OAuth PrivateToken SCRAM-SHA-1 SCRAM-SHA-256 SharedKey SharedKeyLite Token vapid`)

func set(names string) map[string]bool {
	m := map[string]bool{}
	for _, name := range strings.Fields(names) {
		m[name] = true
	}
	return m
}

func byFirst(list string) (m [256][]string) {
	for _, w := range strings.Fields(list) {
		m[w[0]] = append(m[w[0]], w)
	}
	return m
}

// Field reports whether the value of a field with this name is or holds a credential. The case
// of name does not matter.
func Field(name string) bool {
	var buf [64]byte
	lower := lowered(buf[:0], name)
	return fields[string(lower)] || hasWord(lower) && !notFields[string(lower)]
}

// Evidence reports whether the value of a field with this name is a validator or a condition, which
// Value leaves as it is. The case of name does not matter.
func Evidence(name string) bool {
	var buf [64]byte
	return evidence[string(lowered(buf[:0], name))]
}

// Parameter reports whether the value of a parameter of a URL or a form with this name grants
// access. The case of name does not matter, and it may be percent-encoded, also more than once.
func Parameter(name string) bool {
	name = decoded(name)
	var buf [64]byte
	lower := lowered(buf[:0], strings.TrimSuffix(name, "[]"))
	if parameters[string(lower)] || hasWord(lower) {
		return true
	}
	last := lower
	for i, c := range lower {
		if c == '_' || c == '-' || c == '.' || c == '[' {
			last = lower[i+1:]
		}
	}
	return parts[strings.TrimSuffix(string(last), "]")]
}

// decoded undoes percent-encoding, at most three times.
func decoded(name string) string {
	for range 3 {
		if !strings.Contains(name, "%") {
			break
		}
		plain, err := url.QueryUnescape(name)
		if err != nil {
			break
		}
		name = plain
	}
	return name
}

func lowered(buf []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		buf = append(buf, c)
	}
	return buf
}

func hasWord(lower []byte) bool {
	for i, c := range lower {
		for _, w := range wordsByFirst[c] {
			if len(lower)-i >= len(w) && string(lower[i:i+len(w)]) == w {
				return true
			}
		}
	}
	return false
}

// Value returns the value of a field as it may be shown: without the credential if the field has
// one, and otherwise as by Text. A validator or a condition is left as it is.
func Value(name, value string) string {
	switch {
	case value == "":
		return value
	case Field(name):
		return credential(value)
	case Evidence(name):
		return value
	case strings.EqualFold(name, "Host"):
		return Host(value)
	}
	return Text(value)
}

// credential keeps the name of a well-known scheme.
func credential(value string) string {
	scheme, _, more := strings.Cut(value, " ")
	for _, known := range schemes {
		if strings.EqualFold(scheme, known) && more {
			return known + " " + Mark
		}
	}
	return Mark
}

// Host returns an authority without its user information (RFC 3986 §3.2.1).
func Host(authority string) string {
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		return Mark + authority[at:]
	}
	return authority
}
