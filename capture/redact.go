package capture

import "github.com/fourtwelve/fourtwelve/internal/field/secret"

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
