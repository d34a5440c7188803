package probe

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/exchange"
)

// curlSends are the fields that curl has of its own.
var curlSends = []string{"Accept", "User-Agent"}

// curl returns the command that sends the same request.
func curl(req *http.Request, r request) string {
	args := []string{"curl", "-i"}
	if req.Method == http.MethodHead {
		args[1] = "-I"
	} else if req.Method != http.MethodGet {
		args = append(args, "-X", req.Method)
	}
	if r.address != "" {
		args = append(args, "--connect-to", quote("::"+r.address))
	}
	for _, name := range slices.Sorted(maps.Keys(req.Header)) {
		if slices.Contains(curlSends, name) {
			continue
		}
		for _, value := range req.Header[name] {
			args = append(args, "-H", curlField(name, value))
		}
	}
	switch {
	case r.body != nil:
		args = append(args, "-T", "-")
	case r.content != nil:
		if req.Header.Get("Content-Type") == "" {
			args = append(args, "-H", "Content-Type:")
		}
		args = append(args, "--data-binary", curlContent(r.content))
	}
	return strings.Join(append(args, quote(exchange.RedactURL(req.URL.String()))), " ")
}

// curlField returns a field as curl wants it: an empty one ends with a semicolon, and a credential
// is the variable that holds it.
func curlField(name, value string) string {
	switch {
	case exchange.IsCredential(name):
		return fmt.Sprintf(`"%s: $%s"`, name, strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	case value == "":
		return quote(name + ";")
	}
	return quote(name + ": " + value)
}

// curlContent returns content that can be typed, or the name of a file to make.
func curlContent(content []byte) string {
	if len(content) <= 200 && utf8.Valid(content) && !slices.ContainsFunc(content, func(b byte) bool { return b < ' ' && b != '\n' }) {
		return quote(string(content))
	}
	return fmt.Sprintf("@%d-bytes", len(content))
}

// quote returns s for a POSIX shell.
func quote(s string) string {
	if s != "" && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+,=", r))
	}) < 0 {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
