package capture

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// Redacted is what stands in place of a credential.
const Redacted = secret.Mark

// IsCredential reports whether the values of fields with this name are kept from view. The case
// of name does not matter.
func IsCredential(name string) bool { return secret.Field(name) }

// redactValue returns the value as it may be kept, and whether that differs.
func redactValue(name, value string) (string, bool) {
	kept := secret.Value(name, value)
	return kept, kept != value || value != "" && secret.Field(name)
}

// RedactURL replaces the credentials of URLs in s, which may be a URL, a request-target or a
// text with URLs in it: the user information before "@", the values of parameters such as
// sig, token, otp, key and X-Amz-Signature in a query, a fragment or the path, and JSON Web Tokens
// wherever they stand. The rest is kept byte for byte.
func RedactURL(s string) string { return secret.Text(s) }

// hidden is what programs and people put in place of a value that they do not show.
var hidden = lazyregexp.New(`(?i)^(?:W/)?"?(?:[\[<({*]*(?:redacted|hidden|masked|removed|omitted|secret|private|filtered|value|etag|tag)[\])}>*]*|` +
	`\*{2,}|x{3,}|•+|█+|\.{3}|…)"?$`)

// bare are words that may be hidden as they are; others have to stand in brackets or asterisks.
var bare = lazyregexp.New(`(?i)^(?:redacted|hidden|masked)$|^[^a-z]|^x+$`)

// isHidden reports whether somebody has hidden the value of a field that a diagnosis compares. What
// takes its place is no tag, and nothing can be said of it.
func isHidden(name, value string) bool {
	switch strings.ToLower(name) {
	case "if-match", "if-none-match", "if-range", "if-modified-since", "if-unmodified-since", "if", "range",
		"etag", "last-modified", "content-range":
		plain := strings.Trim(strings.TrimPrefix(value, "W/"), `"`)
		return hidden.MatchString(value) && bare.MatchString(plain)
	}
	return false
}
