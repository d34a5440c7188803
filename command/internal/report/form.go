package report

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
)

// ExplainForm writes the page into which a capture is pasted. problem says what was wrong with the one before, or is "".
func ExplainForm(w io.Writer, problem string) error {
	return render(w, "form.html", problem)
}

// StyleSource returns the source expression (CSP3 §2.3.1) for the styles of the pages, so that a policy allows these and no others.
func StyleSource() string {
	css, _ := files.ReadFile("page.css") // it is embedded
	sum := sha256.Sum256(append([]byte("\n"), css...))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

// StyleSheet returns the style sheet of the pages, for a page that is to look like them.
func StyleSheet() string {
	css, _ := files.ReadFile("page.css") // it is embedded
	return string(css)
}
