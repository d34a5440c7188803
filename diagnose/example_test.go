package diagnose_test

import (
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/diagnose"
)

// A file behind Apache, which marks the tags of compressed responses.
func Example() {
	const text = `GET /plan.txt HTTP/1.1
Host: www.example.com
Accept-Encoding: gzip

HTTP/1.1 200 OK
Server: Apache
ETag: "bc55-65f5bb0296fc6-gzip"
Content-Encoding: gzip
Vary: Accept-Encoding
Content-Length: 0

PUT /plan.txt HTTP/1.1
Host: www.example.com
If-Match: "bc55-65f5bb0296fc6-gzip"
Content-Length: 0

HTTP/1.1 412 Precondition Failed
Server: Apache
ETag: "bc55-65f5bb0296fc6"
Content-Length: 0
`
	xs, err := capture.Read(strings.NewReader(text), "capture.txt", capture.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	r := diagnose.Exchanges(xs)
	fmt.Println(r.Verdicts[1].Judgement, r.Verdicts[1].Why)
	for _, f := range r.Findings {
		fmt.Println(f.Confidence, f.Rule.ID, f.Rule.Section)
		fmt.Println(f.Says)
	}
	// Output:
	// right If-Match is false: the current entity tag "bc55-65f5bb0296fc6" is not among those sent, so 412 is right
	// certain compression-suffix-not-stripped RFC 9110 §8.8.3.3
	// "bc55-65f5bb0296fc6-gzip" is the current tag "bc55-65f5bb0296fc6" with the mark of a content coding; nothing has changed, and it was refused for that mark
}

// The answer is right, and is said to be.
func ExampleExchanges_workingAsDesigned() {
	const text = `GET /big.iso HTTP/1.1
Host: www.example.com
Range: bytes=1000-
If-Range: "a"

HTTP/1.1 200 OK
ETag: "b"
Content-Length: 0
`
	xs, err := capture.Read(strings.NewReader(text), "capture.txt", capture.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range diagnose.Exchanges(xs).Findings {
		fmt.Println(f.Rule.Level, f.Rule.Summary)
		fmt.Println(f.Says)
		fmt.Println(f.Rule.Fix[0])
	}
	// Output:
	// good The 200 is right: the client does not have the current version
	// If-Range is false: the current validator is "b", so the Range is ignored and all of it is sent
	// Client: replace the stored response, or the partial file, with what came. Never append a 200 to a part.
}

func ExampleRuleByID() {
	r, ok := diagnose.RuleByID("weak-etag-in-if-match")
	fmt.Println(ok, r.Level, r.Group.Title())
	fmt.Println(r.Summary)
	// Output:
	// true error compression and other layers in between
	// If-Match carries a weak tag, which can never match
}
