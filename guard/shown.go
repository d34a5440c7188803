package guard

import (
	"net/http"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

// showing returns what the response with the whole of a representation of this size says.
func (x *exchange) showing(res *http.Response, size int64) *trust.Shown {
	h := res.Header
	return &trust.Shown{
		ContentType: joined(h, "Content-Type"), ContentLanguage: joined(h, "Content-Language"),
		ContentLocation: joined(h, "Content-Location"), CacheControl: joined(h, "Cache-Control"),
		Vary: joined(h, "Vary"), Coded: x.mayEncode(res, size),
	}
}

func joined(h http.Header, name string) string {
	switch lines := h[name]; len(lines) {
	case 0:
		return ""
	case 1:
		return lines[0]
	default:
		return strings.Join(lines, ", ")
	}
}

// complete adds to the header of a 304 what a 200 would say.
func complete(h http.Header, s *trust.Shown) {
	if s == nil {
		return
	}
	addMissing(h, "Cache-Control", s.CacheControl)
	addMissing(h, "Content-Location", s.ContentLocation)
	for member := range strings.SplitSeq(s.Vary, ",") {
		if member = strings.TrimSpace(member); member != "" {
			addVary(h, member)
		}
	}
	if s.Coded {
		addVary(h, "Accept-Encoding")
	}
}

// completePart adds to the header of a part what is needed to store it, even if it is the first of its
// representation that the client has: it may have the others from elsewhere.
func completePart(h http.Header, s *trust.Shown, modified time.Time) {
	complete(h, s)
	if s == nil {
		return
	}
	addMissing(h, "Content-Type", s.ContentType)
	addMissing(h, "Content-Language", s.ContentLanguage)
	if !modified.IsZero() {
		addMissing(h, "Last-Modified", modified.UTC().Format(http.TimeFormat))
	}
}

func addMissing(h http.Header, name, value string) {
	if value != "" && len(h[name]) == 0 {
		h[name] = []string{value}
	}
}
