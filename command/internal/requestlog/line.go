package requestlog

import (
	"crypto/tls"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/precondition"
)

const (
	// maxTarget bounds the target URI in a line and maxValue every other text, in
	// bytes of the request. What is longer is cut, and the member is named in
	// "cut".
	maxTarget = 4096
	maxValue  = 1024
)

// sentFields are the field lines copied from the request, by their key in
// http.Header, in the order of the members.
// Those that are free may have a credential in them; the others are evidence, which stays as it was sent.
var sentFields = [...]struct {
	member, key string
	free        bool
}{
	{"user_agent", "User-Agent", true},
	{"referer", "Referer", true},
	{"request_id", "X-Request-Id", true},
	{"idempotency_key", "Idempotency-Key", true},
	{"if_match", "If-Match", false},
	{"if_none_match", "If-None-Match", false},
	{"if_modified_since", "If-Modified-Since", false},
	{"if_unmodified_since", "If-Unmodified-Since", false},
	{"if_range", "If-Range", false},
	{"range", "Range", false},
	{"if", "If", false},
	{"overwrite", "Overwrite", false},
	{"destination", "Destination", true},
}

// AppendLine appends the line for r, line feed included, to b. user is the name
// r was authenticated under, or "". It does not allocate unless b must grow, a
// field came in several lines, or something must be cut.
func AppendLine(b []byte, r *http.Request, rec *observe.Record, user string) []byte {
	l := line{b: append(b, `{"time":"`...)}
	l.b = appendTime(l.b, rec.Started)
	l.b = append(l.b, '"')
	l.text("remote", r.RemoteAddr, maxValue)
	l.optional("user", user)
	l.text("method", r.Method, maxValue)
	l.target(r)
	l.text("proto", r.Proto, maxValue)
	if r.TLS != nil {
		l.text("tls", tls.VersionName(r.TLS.Version), maxValue)
	}
	l.optional("host", secret.Host(r.Host))
	l.number("status", int64(rec.Status))
	l.number("bytes", rec.Bytes)
	l.number("duration_us", rec.Duration.Microseconds())
	for _, f := range sentFields {
		if values := r.Header[f.key]; len(values) > 0 {
			value := combine(values)
			if f.free {
				value = secret.Text(head(value, maxValue))
			}
			l.text(f.member, value, maxValue)
		}
	}
	l.optional("etag", rec.Current.String())
	l.optional("new_etag", rec.New.String())
	if rec.Evaluated {
		l.decision(rec.Decision)
	}
	if rec.Replayed {
		l.member("replayed")
		l.b = append(l.b, "true"...)
	}
	l.optional("problem", rec.Reason)
	l.optional("unguarded", observe.Unguarded(r, rec))
	l.guard(rec)
	if rec.Err != nil {
		l.text("error", secret.Text(rec.Err.Error()), maxValue)
	}
	return l.end()
}

// line is a line under construction.
type line struct {
	b []byte
	// cut names the members whose text was too long.
	cut []string
}

func (l *line) member(name string) {
	l.b = append(l.b, ',', '"')
	l.b = append(l.b, name...)
	l.b = append(l.b, '"', ':')
}

func (l *line) number(name string, n int64) {
	l.member(name)
	l.b = strconv.AppendInt(l.b, n, 10)
}

// optional is text that is left out if it is empty.
func (l *line) optional(name, value string) {
	if value != "" {
		l.text(name, value, maxValue)
	}
}

func (l *line) text(name, value string, limit int) {
	if len(value) > limit {
		value = value[:boundary(value, limit)]
		l.cut = append(l.cut, name)
	}
	l.member(name)
	l.b = appendString(l.b, value)
}

// target writes the path and query of the target URI as they were sent. Scheme
// and authority of the absolute form (RFC 9112 §3.2.2) are left out, and with
// them any user information.
func (l *line) target(r *http.Request) {
	target := r.RequestURI
	if target == "" || target[0] != '/' && target != "*" {
		target = r.URL.RequestURI()
	}
	l.text("target", safeTarget(head(target, maxTarget)), maxTarget)
}

// safeTarget is a target URI without credentials. A fragment has no place in one, and is where browsers
// are given tokens.
func safeTarget(target string) string {
	if i := strings.IndexByte(target, '#'); i >= 0 && i+1 < len(target) {
		target = target[:i+1] + secret.Mark
	}
	return secret.Text(target)
}

// head is the beginning of a value, which is cut to limit later: it bounds what is searched for credentials.
func head(s string, limit int) string { return s[:min(len(s), 2*limit)] }

var decisions = [...]string{
	precondition.Perform:            "perform",
	precondition.NotModified:        "not-modified",
	precondition.PreconditionFailed: "precondition-failed",
	precondition.BadRequest:         "bad-request",
}

func (l *line) decision(d precondition.Decision) {
	l.text("decision", decisions[d.Outcome], maxValue)
	l.optional("field", d.Field.String())
	l.text("reason", d.Reason.String(), maxValue)
	l.text("section", d.Section(), maxValue)
}

// guard writes what only a guard knows: where the tag comes from, and the
// backend's side of it.
func (l *line) guard(rec *observe.Record) {
	l.optional("route", rec.Route)
	if rec.Validator != observe.NoTag {
		l.text("validator", rec.Validator.String(), maxValue)
	}
	l.optional("why", rec.Why)
	if rec.LockWait > 0 {
		l.number("lock_wait_us", rec.LockWait.Microseconds())
	}
	if rec.Backend.Cache != "" {
		l.cache(&rec.Backend)
	}
	if rec.Backend.Requests == 0 {
		return
	}
	l.number("backend_requests", int64(rec.Backend.Requests))
	if rec.Backend.Status != 0 {
		l.number("backend_status", int64(rec.Backend.Status))
	}
	l.optional("backend_etag", rec.Backend.ETag)
	l.optional("backend_last_modified", rec.Backend.LastModified)
	l.optional("backend_fault", rec.Backend.Fault)
	l.number("backend_us", rec.Backend.Duration.Microseconds())
}

// cache writes what the cache of a guard had to do with a request.
func (l *line) cache(b *observe.Backend) {
	l.text("cache", b.Cache, maxValue)
	l.optional("cache_fwd", b.CacheForwarded)
	l.optional("cache_detail", b.CacheDetail)
	if b.CacheTimes {
		l.number("cache_age", int64(b.CacheAge/time.Second))
		l.number("cache_ttl", int64(b.CacheTTL/time.Second))
	}
	if b.CacheStored {
		l.member("cache_stored")
		l.b = append(l.b, "true"...)
	}
}

func (l *line) end() []byte {
	for i, name := range l.cut {
		if i == 0 {
			l.member("cut")
			l.b = append(l.b, '[')
		} else {
			l.b = append(l.b, ',')
		}
		l.b = appendString(l.b, name)
	}
	if len(l.cut) > 0 {
		l.b = append(l.b, ']')
	}
	return append(l.b, '}', '\n')
}

// combine is the field value of several field lines (RFC 9110 §5.3).
func combine(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	return strings.Join(values, ", ")
}

// appendTime appends t by RFC 3339 in UTC with microseconds, always of the same
// length, as in 2026-11-24T11:00:00.123456Z.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(appendDigits(b, year, 4), '-')
	b = append(appendDigits(b, int(month), 2), '-')
	b = append(appendDigits(b, day, 2), 'T')
	b = append(appendDigits(b, hour, 2), ':')
	b = append(appendDigits(b, minute, 2), ':')
	b = append(appendDigits(b, second, 2), '.')
	return append(appendDigits(b, t.Nanosecond()/1000, 6), 'Z')
}

// appendDigits appends the last width decimal digits of n >= 0.
func appendDigits(b []byte, n, width int) []byte {
	b = append(b, "000000"[:width]...)
	for i := len(b) - 1; n > 0 && width > 0; i, width = i-1, width-1 {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}
