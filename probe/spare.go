package probe

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// A refusal that an origin lets be stored, by a max-age on all of its answers, may be kept by a
// shared cache under the URL of the target, and handed to all who ask for it next. So what may be
// refused, and what few others send, is asked under a query that nobody else has, and with
// Cache-Control: no-store (RFC 9111 §5.2.1.5). That changes no question where the server has the
// same under such a query; elsewhere the field alone has to do, unless a shared cache shows itself.

// spareName is the name of the query parameter that nobody else asks with.
const spareName = "fourtwelve-check"

// mayRemain is what is said where the field alone would have to do.
const mayRemain = "a shared cache in front could keep the refusal and hand it to others, and the server has something else under another query: ask with --risky if nobody else reads it"

// spares makes URLs that no cache has anything under.
type spares struct{ n atomic.Int64 }

// spare returns u with a query that was never asked before.
func (s *session) spare(u *url.URL) *url.URL {
	own := *u
	if own.RawQuery != "" {
		own.RawQuery += "&"
	}
	own.RawQuery += spareName + "=" + s.token + "-" + strconv.FormatInt(s.spares.n.Add(1), 10)
	return &own
}

// shield keeps what a shared cache has of the target safe from the answer to r. It returns why that
// cannot be done, or "".
func (t *trial) shield(r *request) string {
	if !slices.Contains(r.fields, "Cache-Control") {
		r.fields = append(slices.Clone(r.fields), "Cache-Control", "no-store")
	}
	switch spared := t.sparedLook(); {
	case t.err != nil:
	case sameAs(spared, t.base):
		r.url, r.spared = t.spare(t.target), true
	case t.base.byCache() && !t.opts.Risky:
		return mayRemain
	}
	return ""
}

// sparedLook returns the target under a query that nobody else asks with.
func (t *trial) sparedLook() *answer {
	s := t.sharedBy("spared")
	s.once.Do(func() {
		s.answer, s.err = t.session.do(t.ctx, request{method: http.MethodGet, url: t.spare(t.target), spared: true, limit: shownOnce})
	})
	t.err = s.err
	return s.answer
}

// sameAs reports whether two answers are of the same representation, as far as can be told.
func sameAs(a, b *answer) bool {
	return a.status == b.status && a.same(b) &&
		a.field("ETag") == b.field("ETag") && a.field("Last-Modified") == b.field("Last-Modified") &&
		a.field("Content-Type") == b.field("Content-Type") && a.field("Cache-Control") == b.field("Cache-Control")
}

// cacheFields tell that a shared cache, or something that often has one, gave the answer.
var cacheFields = []string{"Age", "Via", "X-Cache", "X-Cache-Hits", "X-Cache-Status", "Cache-Status", "Cf-Cache-Status", "X-Varnish",
	"X-Served-By", "X-Amz-Cf-Id"}

// byCache reports whether a shared cache shows itself in the answer.
func (a *answer) byCache() bool { return slices.ContainsFunc(cacheFields, a.has) }

// unusual reports whether a GET of the target with these fields may be refused, or gets an answer
// meant for few.
func (t *trial) unusual(fields []string) bool {
	seen := map[string]bool{}
	for i := 0; i+1 < len(fields); i += 2 {
		name, value := fields[i], fields[i+1]
		if seen[name] { // some servers refuse a second line
			return true
		}
		seen[name] = true
		switch name {
		case "If-Match", "If-Unmodified-Since", "Origin":
			return true
		case "If-None-Match":
			_, err := etag.Parse(value)
			if err != nil && !strings.Contains(value, ", ") {
				return true
			}
		case "If-Modified-Since":
			if _, ok := date.Parse(value, time.Time{}); !ok {
				return true
			}
		case "Range":
			if value == t.afterLast() || strings.Contains(value, beyondInt64) {
				return true
			}
		}
	}
	return false
}

// risk says why a check that may do harm is not asked, or "".
func (t *trial) risk(c *Check) string {
	if c.Harm == "" || t.opts.Risky {
		return ""
	}
	return fmt.Sprintf("not asked unless with --risky: %s", c.Harm)
}
