package guard

import (
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

// showing returns what the response with the whole of a representation of this size says.
func (x *exchange) showing(res *http.Response, size int64) *trust.Shown {
	return trust.Showing(res.Header, x.mayEncode(res, size))
}

// complete adds to the header of a 304, or of a part, what a 200 would say.
func complete(h http.Header, s *trust.Shown, part bool) {
	for name, value := range s.Beside(part) {
		if name != "Vary" {
			addMissing(h, name, value)
			continue
		}
		for member := range strings.SplitSeq(value, ",") {
			if member = strings.TrimSpace(member); member != "" {
				addVary(h, member)
			}
		}
	}
	if s != nil && s.Coded {
		addVary(h, "Accept-Encoding")
	}
}

func addMissing(h http.Header, name, value string) {
	if value != "" && len(h[name]) == 0 {
		h[name] = []string{value}
	}
}
