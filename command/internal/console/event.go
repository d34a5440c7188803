package console

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
	"github.com/fourtwelve/fourtwelve/observe"
)

// maxText bounds each text of a request that is kept.
const maxText = 512

// event is a request that was looked at closer. Its texts have no credentials.
type event struct {
	at     time.Time
	kind   kind
	client string // address and program, as people know it
	method string
	target string
	status int
	// blind is set for a write that took the place of something without a precondition.
	blind bool
	// fields are the preconditions, and what else of the header section is evidence.
	fields []capture.Line
	etag   string // current, or of what was written
	// reason is the word for a refusal: a rule has that name.
	reason string
	host   string
	proto  string
	// gaps are parts of the exchange that were not seen.
	gaps []capture.Gap
	line int64 // in a log
}

// conditions are the fields that are evidence, in the order in which they are shown.
var conditions = [...]struct {
	name  string
	field accesslog.Field
}{
	{"If-Match", accesslog.IfMatch}, {"If-None-Match", accesslog.IfNoneMatch},
	{"If-Modified-Since", accesslog.IfModifiedSince}, {"If-Unmodified-Since", accesslog.IfUnmodifiedSince},
	{"If-Range", accesslog.IfRange}, {"Range", accesslog.Range},
	{"If", accesslog.If}, {"Overwrite", accesslog.Overwrite},
	{"Accept-Encoding", accesslog.AcceptEncoding}, {"Idempotency-Key", accesslog.IdempotencyKey},
}

// gapOfServer is what a server does not keep of its own answers. Of the request's fields it keeps all that are preconditions.
var gapOfServer = []capture.Gap{
	{Part: capture.RequestContent, Reason: "the console keeps no content"},
	{Part: capture.ResponseHeader, Reason: "the console keeps the entity tag only"},
	{Part: capture.ResponseContent, Reason: "the console keeps no content"},
}

func eventOf(r *http.Request, rec *observe.Record, k kind, blind bool) *event {
	e := &event{
		at: rec.Started, kind: k, blind: blind, client: clientOf(r.RemoteAddr, r.UserAgent()),
		method: cut(r.Method), target: targetOf(r), status: rec.Status,
		reason: rec.Reason, host: cut(secret.Host(r.Host)), proto: r.Proto, gaps: gapOfServer,
	}
	tag := rec.Current
	if !rec.New.IsZero() {
		tag = rec.New
	}
	e.etag = cut(tag.String())
	for _, c := range conditions {
		for _, value := range r.Header[c.name] {
			e.add(c.name, value)
		}
	}
	return e
}

func (e *event) add(name, value string) {
	if len(e.fields) < 16 {
		e.fields = append(e.fields, capture.Line{Name: name, Value: cut(value), Cut: len(value) > maxText})
	}
}

// targetOf is the path and query without credentials.
func targetOf(r *http.Request) string {
	target := r.RequestURI
	if target == "" || target[0] != '/' && target != "*" {
		target = r.URL.RequestURI()
	}
	target, _, _ = strings.Cut(target[:min(len(target), 2*maxText)], "#")
	return cut(secret.Text(target))
}

func cut(s string) string {
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

// clientOf is the address and the program, without its version's tail.
func clientOf(address, agent string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		address = host
	}
	agent = secret.Text(agent[:min(len(agent), maxText)])
	if i := strings.IndexByte(agent, ' '); i > 0 && !strings.HasPrefix(agent, "Mozilla/") {
		agent = agent[:i]
	} else if i > 0 {
		agent = browserOf(agent)
	}
	if agent == "" {
		return cut(address)
	}
	return cut(address + ", " + agent)
}

// browserOf names a browser by the product that its User-Agent has beside those of others that it claims to be.
func browserOf(agent string) string {
	for _, name := range []string{"Edg/", "OPR/", "Firefox/", "HeadlessChrome/", "Chrome/", "Version/", "Office"} {
		if i := strings.Index(agent, name); i >= 0 {
			product, _, _ := strings.Cut(agent[i:], " ")
			return strings.Replace(product, "Version/", "Safari/", 1)
		}
	}
	return "Mozilla"
}

// eventOfEntry is what a line of a log says.
func eventOfEntry(l *accesslog.Entry) *event {
	e := &event{
		at: l.Time(), method: cut(clone(l.Text(accesslog.Method))), status: l.Status(), line: l.Line(),
		client: clientOf(clone(l.Text(accesslog.Client)), clone(l.Text(accesslog.UserAgent))),
		host:   cut(secret.Host(clone(l.Text(accesslog.Host)))), proto: cut(clone(l.Text(accesslog.Protocol))),
		reason: cut(clone(l.Text(accesslog.Problem))),
	}
	path, query := l.PathQuery()
	if e.target = clone(path); query != "" {
		e.target += "?" + query
	}
	e.target = cut(secret.Text(e.target))
	e.kind = kindOf(e.method, e.status)
	e.etag = cut(clone(l.Text(accesslog.ETag)))
	if tag := l.Text(accesslog.NewETag); tag != "" {
		e.etag = cut(clone(tag))
	}
	for _, c := range conditions {
		if value := l.Text(c.field); value != "" {
			e.add(c.name, clone(value))
		}
	}
	logged := l.Logged()
	e.blind = replaces(e.method, e.status) && logged.Has(accesslog.IfMatch) && l.Text(accesslog.IfMatch) == "" &&
		l.Text(accesslog.IfNoneMatch) == "" && l.Text(accesslog.IfUnmodifiedSince) == "" && l.Text(accesslog.If) == ""
	e.gaps = []capture.Gap{
		{Part: capture.RequestHeader, Reason: "a log has some of the fields only"},
		{Part: capture.RequestContent, Reason: "a log has no content"},
		{Part: capture.ResponseHeader, Reason: "a log has some of the fields only"},
		{Part: capture.ResponseContent, Reason: "a log has no content"},
	}
	return e
}

func clone(s string) string { return strings.Clone(s[:min(len(s), 4*maxText)]) }

// exchange is the event as explain reads one.
func (e *event) exchange(source string, number int) *capture.Exchange {
	x := &capture.Exchange{
		Request:  capture.Request{Method: e.method, Target: e.target, Proto: e.proto, Host: e.host, Content: capture.Content{Len: -1}},
		Response: capture.Response{Status: e.status, Proto: e.proto, Content: capture.Content{Len: -1}},
		Started:  e.at, Gaps: e.gaps, Source: capture.Source{File: source, Number: number, Line: int(e.line)},
	}
	for _, f := range e.fields {
		x.Request.Header.Add(f.Name, f.Value)
	}
	if e.etag != "" {
		x.Response.Header.Add("ETag", e.etag)
	}
	if e.kind == failedPrecondition {
		x.Current = e.etag
	}
	return x
}
