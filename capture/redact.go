package capture

import (
	"net/url"
	"slices"
	"strings"
)

// Redacted is what stands in place of a credential.
const Redacted = "[redacted]"

// credentialFields are field names, in lower case, whose value is or holds a credential.
var credentialFields = []string{
	"authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate", "authentication-info",
	"proxy-authentication-info", "x-functions-key", "ocp-apim-subscription-key", "x-auth-key",
	"x-goog-encryption-key", "x-ms-encryption-key", "x-amz-server-side-encryption-customer-key",
	"x-amz-copy-source-server-side-encryption-customer-key",
}

// credentialWords make any field name that contains one of them a credential's. Not knowing
// a product's own field, we would rather hide too much.
var credentialWords = []string{
	"cookie", "token", "secret", "passw", "credential", "signature", "session", "jwt", "apikey", "api-key",
	"api_key", "access-key", "assertion", "csrf", "xsrf",
}

// notCredentials are field names, in lower case, that contain such a word by accident.
var notCredentials = []string{
	"lock-token", // RFC 4918 §10.5: names a lock, and is in If as well
}

// evidenceFields are field names, in lower case, whose values are never changed: the
// validators and conditions that the capture is read for.
var evidenceFields = []string{
	"etag", "if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "if",
	"last-modified", "range", "content-range", "date", "lock-token",
}

// schemes are the authentication schemes that are shown before what is hidden.
var schemes = []string{
	"AWS", "AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "Basic", "Bearer", "Digest", "DPoP", "Hawk", "HOBA",
	"Mutual", "Negotiate", "NTLM", "OAuth", "PrivateToken", "SCRAM-SHA-1", "SCRAM-SHA-256", "SharedKey",
	"SharedKeyLite", "Token", "vapid",
}

// credentialParameters are names of URL parameters, in lower case, that grant access.
var credentialParameters = []string{
	"auth", "code", "key", "pass", "pwd", "sid", "sig", "x-amz-credential", "x-goog-credential",
}

// IsCredential reports whether the values of fields with this name are kept from view. The case
// of name does not matter.
func IsCredential(name string) bool {
	name = strings.ToLower(name)
	if slices.Contains(credentialFields, name) {
		return true
	}
	return hasCredentialWord(name) && !slices.Contains(notCredentials, name)
}

func hasCredentialWord(lower string) bool {
	return slices.ContainsFunc(credentialWords, func(w string) bool { return strings.Contains(lower, w) })
}

// redactValue returns the value as it may be kept, and whether that differs.
func redactValue(name, value string) (string, bool) {
	switch {
	case value == "":
		return value, false
	case IsCredential(name):
		return redactCredential(value), true
	case slices.Contains(evidenceFields, strings.ToLower(name)):
		return value, false
	}
	kept := RedactURL(value)
	return kept, kept != value
}

// redactCredential keeps the name of a well-known scheme.
func redactCredential(value string) string {
	scheme, _, more := strings.Cut(value, " ")
	for _, known := range schemes {
		if strings.EqualFold(scheme, known) && more {
			return known + " " + Redacted
		}
	}
	return Redacted
}

// RedactURL replaces the credentials of URLs in s, which may be a URL, a request-target or a
// text with URLs in it: the user information before "@", and the values of parameters such as
// sig, token, access_token, key and X-Amz-Signature. The rest is kept byte for byte.
func RedactURL(s string) string {
	if !strings.ContainsAny(s, "@?#") {
		return s
	}
	return redactParameters(redactUserinfo(s))
}

// redactUserinfo replaces what is between "//" and "@".
func redactUserinfo(s string) string {
	var b strings.Builder
	for {
		start := strings.Index(s, "//")
		if start < 0 {
			break
		}
		start += len("//")
		end := strings.IndexAny(s[start:], "/?#<> \t\"")
		if end < 0 {
			end = len(s) - start
		}
		b.WriteString(s[:start])
		authority := s[start : start+end]
		if at := strings.LastIndexByte(authority, '@'); at >= 0 {
			b.WriteString(Redacted)
			authority = authority[at:]
		}
		b.WriteString(authority)
		s = s[start+end:]
	}
	b.WriteString(s)
	return b.String()
}

// redactParameters replaces the values of credentialParameters in every query and
// fragment of s.
func redactParameters(s string) string {
	var b strings.Builder
	for s != "" {
		begin := strings.IndexAny(s, "?#")
		if begin < 0 {
			break
		}
		b.WriteString(s[:begin+1])
		s = s[begin+1:]
		end := strings.IndexAny(s, "<> \t\"")
		if end < 0 {
			end = len(s)
		}
		redactQuery(&b, s[:end])
		s = s[end:]
	}
	b.WriteString(s)
	return b.String()
}

func redactQuery(b *strings.Builder, query string) {
	for query != "" {
		end := strings.IndexAny(query, "&;?#")
		if end < 0 {
			end = len(query)
		}
		name, value, _ := strings.Cut(query[:end], "=")
		if value != "" && grantsAccess(name) {
			b.WriteString(name + "=" + Redacted)
		} else {
			b.WriteString(query[:end])
		}
		if end < len(query) {
			b.WriteByte(query[end])
			end++
		}
		query = query[end:]
	}
}

// grantsAccess reports whether the parameter with this name is a credential.
func grantsAccess(name string) bool {
	if plain, err := url.QueryUnescape(name); err == nil {
		name = plain
	}
	name = strings.ToLower(name)
	return slices.Contains(credentialParameters, name) || hasCredentialWord(name)
}
