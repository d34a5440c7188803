package probe

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/capture"
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
	input := ""
	if r.content != nil || r.body != nil {
		var more []string
		more, input = curlContent(r)
		if req.Header.Get("Content-Type") == "" {
			args = append(args, "-H", "Content-Type:")
		}
		args = append(args, more...)
	}
	return input + strings.Join(append(args, quote(capture.RedactURL(req.URL.String()))), " ")
}

// curlField returns a field as curl wants it: an empty one ends with a semicolon, and a credential
// is the variable that holds it.
func curlField(name, value string) string {
	switch {
	case capture.IsCredential(name):
		return fmt.Sprintf(`"%s: $%s"`, name, strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	case value == "":
		return quote(name + ";")
	}
	return quote(name + ": " + value)
}

// curlContent returns the arguments that send the content, and the command before curl that makes
// it, if it is one byte over and over and too long to be typed. A body that ends before its content
// is a transfer that is cut.
func curlContent(r request) (args []string, input string) {
	c := r.content
	switch {
	case len(c) > 200 && bytes.Count(c, c[:1]) == len(c):
		input = fmt.Sprintf("head -c %d /dev/zero | tr '\\0' %s | ", len(c), quote(string(c[:1])))
		args = []string{"--data-binary", "@-"}
	case len(c) <= 200 && utf8.Valid(c) && !slices.ContainsFunc(c, func(b byte) bool { return b < ' ' && b != '\n' }):
		args = []string{"--data-binary", quote(string(c))}
	default:
		args = []string{"--data-binary", fmt.Sprintf("@%d-bytes", len(c))}
	}
	if r.body != nil && r.length > int64(len(c)) {
		args = append([]string{"-m", "2", "-H", quote(fmt.Sprintf("Content-Length: %d", r.length))}, args...)
	}
	return args, input
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
