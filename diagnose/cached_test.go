package diagnose

import (
	"testing"

	"github.com/fourtwelve/fourtwelve/capture"
)

// TestCachedAnswers: of an answer that came from the client's own cache nothing is found, whatever it is; of the same answer
// from the server something is.
func TestCachedAnswers(t *testing.T) {
	const text = "PUT / HTTP/1.1\nHost: a.example.org\nIf-Match: W/\"a\"\nContent-Length: 0\n\nHTTP/1.1 412 Precondition Failed\nETag: W/\"a\"\nContent-Length: 0\n\n"
	for _, cached := range []bool{false, true} {
		xs := parse(t, text)
		if cached {
			xs[0].Cache = "browser"
		}
		if found := Exchanges([]*capture.Exchange{xs[0]}).Findings; (len(found) > 0) == cached {
			t.Errorf("cached %t: found %v", cached, found)
		}
	}
}
