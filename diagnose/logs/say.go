package logs

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// place names a line of a log.
func place(file string, line int64) string { return file + ", line " + strconv.FormatInt(line, 10) }

// facts are those fields of e that its log has, with "absent" for those that it says were not there.
func facts(e *accesslog.Entry, fields ...accesslog.Field) []diagnose.Fact {
	var list []diagnose.Fact
	for _, f := range fields {
		v := "absent"
		switch e.State(f) {
		case accesslog.Present:
			if v = keep(e.Text(f)); e.Cut(f) {
				v += "… (cut in the log)"
			}
		case accesslog.NotLogged:
			continue
		}
		list = append(list, diagnose.Fact{Name: factName(f), Value: v, Source: place(e.File().Name(), e.Line())})
	}
	return list
}

var factNames = map[accesslog.Field]string{
	accesslog.IfMatch: "If-Match", accesslog.IfNoneMatch: "If-None-Match", accesslog.IfModifiedSince: "If-Modified-Since",
	accesslog.IfUnmodifiedSince: "If-Unmodified-Since", accesslog.IfRange: "If-Range", accesslog.Range: "Range",
	accesslog.If: "If", accesslog.Overwrite: "Overwrite", accesslog.Destination: "Destination",
	accesslog.AcceptEncoding: "Accept-Encoding", accesslog.ETag: "ETag", accesslog.UpstreamETag: "ETag from behind",
	accesslog.LastModified: "Last-Modified", accesslog.ContentEncoding: "Content-Encoding", accesslog.ContentRange: "Content-Range",
	accesslog.UserAgent: "User-Agent", accesslog.Path: "path", accesslog.Method: "method", accesslog.Status: "status",
	accesslog.Upstream: "answered by", accesslog.Node: "node", accesslog.WAF: "firewall", accesslog.Reason: "reason",
	accesslog.Attempt: "amz-sdk-request", accesslog.NewETag: "new ETag", accesslog.DecidedBy: "decided by",
	accesslog.Cache: "cache", accesslog.UpstreamStatus: "status from behind", accesslog.Age: "Age",
}

func factName(f accesslog.Field) string {
	if name := factNames[f]; name != "" {
		return name
	}
	return f.String()
}

// before is the fact that w came before.
func (w *write) fact(name string) diagnose.Fact {
	value := w.method + " by " + w.who.String() + ", " + statusText(w.status)
	if !w.who.known() {
		value = w.method + ", " + statusText(w.status)
	}
	if w.ifMatch != "" {
		value += ", If-Match " + w.ifMatch
	}
	if w.etag != "" {
		value += ", ETag " + w.etag
	}
	if w.node != "" {
		value += ", by " + w.node
	}
	if w.gone {
		value += ", the client had gone"
	}
	return diagnose.Fact{Name: name, Value: value, Source: place(w.file, w.line)}
}

func statusText(status int) string {
	if status == 0 {
		return "not answered"
	}
	return "answered " + strconv.Itoa(status)
}

// outcome is what became of w, as a clause.
func (w *write) outcome() string {
	if w.status == 0 {
		return "got no answer"
	}
	if w.gone {
		return "it was " + statusText(w.status) + " when the client had gone"
	}
	return "it was " + statusText(w.status)
}

// say is a duration for people, as in "40 s" or "3 h 20 min".
func say(d time.Duration) string {
	switch {
	case d < time.Second:
		return "less than a second"
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", d/time.Second)
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", d/time.Minute)
	case d < 48*time.Hour:
		if minutes := d % time.Hour / time.Minute; minutes > 0 {
			return fmt.Sprintf("%d h %d min", d/time.Hour, minutes)
		}
		return fmt.Sprintf("%d h", d/time.Hour)
	}
	return fmt.Sprintf("%d days", d/(24*time.Hour))
}

// members returns those of a field with tags, at most 16; none if it is not known whole.
func members(e *accesslog.Entry, f accesslog.Field) []etag.Member {
	if e.State(f) != accesslog.Present || e.Cut(f) {
		return nil
	}
	var list []etag.Member
	for m := range etag.Members([]string{e.Text(f)}) {
		if list = append(list, m); len(list) == 16 {
			break
		}
	}
	return list
}

// value is that of a field if it is known whole, or "".
func value(e *accesslog.Entry, f accesslog.Field) string {
	if e.State(f) != accesslog.Present || e.Cut(f) {
		return ""
	}
	return strings.TrimSpace(e.Text(f))
}

// config is the advice to log what is missing, for the server that wrote e.
func config(f *accesslog.File) []diagnose.Config {
	var list []diagnose.Config
	for _, a := range f.Format().Advice(f.Missing()) {
		list = append(list, diagnose.Config{Server: a.Server, Where: a.Where, Text: a.Config, Note: a.Note})
	}
	return list
}

// facts of a response for what is known of its tag.
func known(e *accesslog.Entry) etag.Facts {
	f := etag.Facts{Coding: value(e, accesslog.ContentEncoding), Server: e.File().Format().Server()}
	f.LastModified, _ = dateOf(e, accesslog.LastModified)
	if f.Coding == "" && e.Status() == 200 {
		if n, ok := e.Int(accesslog.ContentSent); ok {
			f.Size = n
		}
	}
	return f
}

// dateOf is the HTTP-date in a field, and whether there is one.
func dateOf(e *accesslog.Entry, f accesslog.Field) (t time.Time, ok bool) {
	v := value(e, f)
	if v == "" {
		return time.Time{}, false
	}
	return date.Parse(v, e.Time())
}
