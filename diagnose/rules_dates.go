package diagnose

import (
	"fmt"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/diagnose/internal/sign"
	"github.com/fourtwelve/fourtwelve/etag"
)

// dateRules are the causes in dates.
var dateRules = []Rule{
	{
		ID:      "subsecond-mtime-vs-httpdate",
		Level:   Error,
		Group:   Dates,
		Summary: "The server compares the date it gave out with a finer time, and refuses its own date",
		Explanation: "An HTTP date has whole seconds. The file system or the database has finer times. A server that cuts the fraction off for Last-Modified but " +
			"compares with the whole time finds that 09:14:22.43 is later than 09:14:22: the date it has just given out fails. " +
			"If-Unmodified-Since is answered 412 for ever, and If-Modified-Since never 304, though nobody changed anything.\n\n" +
			"The precondition holds if the modification date is earlier than or equal to the one sent.",
		Example: "PUT /plan HTTP/1.1\nIf-Unmodified-Since: Tue, 03 Nov 2026 09:14:22 GMT\n\nHTTP/1.1 412 Precondition Failed\nLast-Modified: Tue, 03 Nov 2026 09:14:22 GMT",
		Fix: []string{
			"Server: cut the time off to the second before comparing, as for the Last-Modified field.",
			"Client: use If-Match with the entity tag, if there is one.",
			"Until then a file can be given a time without a fraction: touch -d '2026-11-03T09:14:22Z'.",
		},
		Section: "RFC 9110 §13.1.4",
		Needs:   []Evidence{FromExchange, FromHistory, FromLog, FromProbe},
		Probe: []string{
			"curl -sI URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Unmodified-Since: LAST-MODIFIED' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Unmodified-Since: LAST-MODIFIED-AND-A-SECOND' URL",
		},
		Since: "0.1",
		check: subSecond,
	},
	{
		ID:      "http-date-not-gmt",
		Level:   Error,
		Group:   Dates,
		Summary: "A date is not written as HTTP demands, so recipients ignore it",
		Explanation: "An HTTP date reads \"Tue, 03 Nov 2026 09:14:22 GMT\": English names, two digits for the day, and GMT. UTC, +0000, a zone of one's own, one digit, names " +
			"in another language or the ISO form are other things. A recipient must ignore a precondition with such a value, so that the request " +
			"becomes unconditional: a guarded write is no longer guarded. Some servers answer 400 or 412 in place of that.",
		Example: "PUT /plan HTTP/1.1\nIf-Unmodified-Since: Tue, 03 Nov 2026 10:14:22 +0100\n\nHTTP/1.1 204 No Content",
		Fix: []string{
			"Write dates with the function for HTTP dates of the library, and not with one for mail or ISO dates.",
			"Convert to UTC first, and write GMT; set the locale to English, or C, for it.",
			"Client: best send back the text of Last-Modified as it came.",
			"Server: ignore a date that is none, and do not compare it as a text.",
		},
		Section: "RFC 9110 §5.6.7",
		Needs:   []Evidence{FromExchange, FromLog},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   dateMalformed,
	},
	{
		ID:      "server-parses-date-as-local",
		Level:   Error,
		Group:   Dates,
		Summary: "The server takes a date in GMT for local time, or the other way round",
		Explanation: "The server reads the digits of a date in its own time zone, or writes local time and calls it GMT. All comparisons are then off by the distance " +
			"from UTC: east of Greenwich dates seem too early, and guarded requests are refused for some hours after each change; west " +
			"of it changes go unnoticed for as long. In summer it differs from winter.\n\n" +
			"It also happens when copies come from file systems or archives that store local time, as FAT and zip do.",
		Example: "GET /plan HTTP/1.1\nIf-Modified-Since: Tue, 03 Nov 2026 08:30:00 GMT\n\nHTTP/1.1 304 Not Modified\nLast-Modified: Tue, 03 Nov 2026 09:14:22 GMT",
		Fix: []string{
			"Server: parse and write dates with the functions for HTTP dates, and compare instants, not texts.",
			"Run the server with TZ=UTC to see whether the fault goes away.",
		},
		Section: "RFC 9110 §5.6.7",
		Needs:   []Evidence{FromExchange, FromProbe},
		Probe: []string{
			"curl -sI URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Modified-Since: LAST-MODIFIED-LESS-ONE-HOUR' URL",
			"curl -s -o /dev/null -w '%{http_code}\\n' -H 'If-Modified-Since: LAST-MODIFIED' URL",
		},
		Since: "0.1",
		check: localDate,
	},
	{
		ID:      "last-modified-in-future",
		Level:   Warning,
		Group:   Dates,
		Summary: "Last-Modified is later than the response itself",
		Explanation: "The modification date lies in the future by the server's own clock: a file with a wrong time, a build machine whose clock is ahead, local time called GMT. An origin " +
			"server must replace such a date by that of the response. While the date is in the future, a change that is made now " +
			"gets an earlier date than the version before it, so clients that ask by date are told 304 and keep the old one.",
		Example: "HTTP/1.1 200 OK\nDate: Tue, 03 Nov 2026 09:15:00 GMT\nLast-Modified: Tue, 03 Nov 2026 11:14:22 GMT",
		Fix: []string{
			"Set the times of the files right, and the clocks of the machines that make them.",
			"Server: never send a Last-Modified later than Date.",
		},
		Section: "RFC 9110 §8.8.2.1",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   modifiedInFuture,
	},
	{
		ID:      "clock-skew",
		Level:   Warning,
		Group:   Dates,
		Summary: "The clocks of client and server differ, and a date of the one is compared with the other",
		Explanation: "The dates in preconditions are to be understood by the server's clock. A client that makes them from its own clock, as \"the time of my last " +
			"visit\", asks about another moment if the clocks differ. If it is ahead, changes made in between are never seen.",
		Example: "GET /feed HTTP/1.1\nIf-Modified-Since: Tue, 03 Nov 2026 09:25:00 GMT\n\nHTTP/1.1 304 Not Modified\nDate: Tue, 03 Nov 2026 09:15:00 GMT",
		Fix: []string{
			"Client: send back the Last-Modified, or at least the Date, of the server's last response, never a time of its own.",
			"Set both clocks by NTP.",
		},
		Section: "RFC 9110 §13.1.3",
		Needs:   []Evidence{FromExchange},
		Probe:   []string{"curl -sI -w '%{time_total}\\n' URL"},
		Since:   "0.1",
		check:   clockSkew,
	},
	{
		ID:      "rollback-older-mtime",
		Level:   Warning,
		Group:   Dates,
		Summary: "An older version was restored with its old date, and clients with the newer one get 304",
		Explanation: "A backup or an earlier release was put back, with its times. Now the modification date is earlier than the one clients have, and If-Modified-Since asks only whether " +
			"it is later. So the server rightly answers 304, and the clients keep the version that was withdrawn. Tags do not have this fault: " +
			"they are compared for being equal.",
		Example: "GET /app.js HTTP/1.1\nIf-Modified-Since: Tue, 03 Nov 2026 09:14:22 GMT\n\nHTTP/1.1 304 Not Modified\nLast-Modified: Mon, 19 Oct 2026 07:00:00 GMT",
		Fix: []string{
			"Give restored files the time of the restoring (touch), or tags made of the content.",
			"Server: take only the exact date for not modified, as a server may (nginx: if_modified_since exact, which is its default).",
		},
		Section: "RFC 9110 §13.1.3",
		Needs:   []Evidence{FromExchange, FromHistory},
		Probe:   []string{"curl -sI URL"},
		Since:   "0.1",
		check:   rolledBack,
	},
	{
		ID:      "weak-last-modified-used-strongly",
		Level:   Warning,
		Group:   Dates,
		Summary: "Last-Modified is used as a strong validator, although the file was just changed",
		Explanation: "A date with whole seconds is proof of a version only if the version can no longer change within that second. A client may use it in If-Range, or to guard a write, only if " +
			"the response it came with has a Date at least one second later, and by the same clock. Otherwise the file may have changed once more " +
			"in that second, and the parts that are joined belong to two versions.",
		Example: "HTTP/1.1 200 OK\nDate: Tue, 03 Nov 2026 09:14:22 GMT\nLast-Modified: Tue, 03 Nov 2026 09:14:22 GMT\n\n" +
			"GET /log HTTP/1.1\nRange: bytes=1000-\nIf-Range: Tue, 03 Nov 2026 09:14:22 GMT",
		Fix: []string{
			"Client: use the entity tag if it is strong; or leave the range out and get the whole.",
			"Client: ask again a second later; the date is strong then.",
			"Server: send strong entity tags.",
		},
		Section: "RFC 9110 §8.8.2.2",
		Needs:   []Evidence{FromExchange, FromHistory},
		Since:   "0.1",
		check:   weakDate,
	},
}

// maxZone is the largest distance from UTC that a time zone has.
const maxZone = 14 * time.Hour

// dateSent is the date in a precondition, zero if it is not sent, not valid, or sent twice.
func (e *examination) dateSent(field string) time.Time {
	lines := e.x.Request.Header.Named(field)
	if len(lines) != 1 || lines[0].Cut {
		return time.Time{}
	}
	return parseDate(lines[0].Value)
}

// modified is the date in Last-Modified, zero if there is none.
func (e *examination) modified() time.Time { return parseDate(e.resp("Last-Modified")) }

func subSecond(e *examination) []Finding {
	if len(e.fields.IfMatch)+len(e.fields.IfNoneMatch) > 0 || e.blind() {
		return nil
	}
	if e.status() == 412 {
		return e.refusedOwnDate()
	}
	return e.ignoredOwnDate()
}

// refusedOwnDate is about If-Unmodified-Since with the current date.
func (e *examination) refusedOwnDate() []Finding {
	sent := e.dateSent("If-Unmodified-Since")
	if sent.IsZero() || len(e.foreign()) > 0 {
		return nil
	}
	evidence := []Fact{e.sent("If-Unmodified-Since"), e.got("Last-Modified"), e.answered()}
	if now := e.modified(); !now.IsZero() {
		if !now.Equal(sent) {
			return nil
		}
		return one(Certain, "the server refuses the very date that it gives for the resource, with which the condition holds; it seems to compare with a finer time than it shows", evidence...)
	}
	p := e.gaveDate(sent)
	if p == nil || e.resp("ETag") != "" && e.resp("ETag") != p.resp("ETag") {
		return nil
	}
	return one(Likely, "the server refuses the date that it gave for the resource before",
		append(evidence, p.got("Last-Modified"), e.gap(p))...)
}

// gaveDate returns the latest earlier read that had this Last-Modified, unless something was written after it.
func (e *examination) gaveDate(date time.Time) *examination {
	p := e.last(func(p *examination) bool {
		return p.writes() && p.succeeded() || p.reads() && p.status() < 300 && p.modified().Equal(date)
	})
	if p == nil || !p.reads() {
		return nil
	}
	return p
}

// ignoredOwnDate is about If-Modified-Since with the current date. Many programs send a
// Last-Modified and never look at the condition, so it proves less.
func (e *examination) ignoredOwnDate() []Finding {
	sent := e.dateSent("If-Modified-Since")
	if !e.sentAnyway() || sent.IsZero() || !e.modified().Equal(sent) {
		return nil
	}
	evidence := []Fact{e.sent("If-Modified-Since"), e.got("Last-Modified"), e.got("ETag"), e.answered()}
	if r, ok := e.reading(); ok && r.Fit >= etag.Confirmed && r.Time.Nanosecond() != 0 {
		return one(Likely, fmt.Sprintf("the date sent is the current one, and the time in the tag is %s: later by a fraction of a second",
			r.Time.Format("15:04:05.999999999")), evidence...)
	}
	return one(Possible, "the date sent is the current one, and yet all was sent again: the server compares with a finer time, or never looks at the date", evidence...)
}

func dateMalformed(e *examination) []Finding {
	for _, field := range []string{"If-Modified-Since", "If-Unmodified-Since", "If-Range"} {
		for _, l := range e.x.Request.Header.Named(field) {
			if field == "If-Range" && !meantAsDate(l.Value) || l.Cut || l.Value == "" || !parseDate(l.Value).IsZero() {
				continue
			}
			effect := "the server has to ignore it"
			if field == "If-Modified-Since" && e.status() == 304 && len(e.fields.IfNoneMatch) == 0 {
				return []Finding{e.malformedButUsed(field, l.Value)}
			}
			if field == "If-Range" {
				effect = "it equals no modification date, so the Range has no effect"
			}
			return one(Certain, fmt.Sprintf("the date in %s %s; %s", field, dateFault(l.Value), effect), e.sent(field), e.answered())
		}
	}
	for _, l := range e.x.Response.Header.Named("Last-Modified") {
		if !l.Cut && l.Value != "" && parseDate(l.Value).IsZero() {
			return one(Certain, fmt.Sprintf("the date in Last-Modified %s; clients cannot use it", dateFault(l.Value)), e.got("Last-Modified"))
		}
	}
	return nil
}

// malformedButUsed is about a malformed date that the server did not ignore: it answered 304.
func (e *examination) malformedButUsed(field, value string) Finding {
	says := fmt.Sprintf("the date in %s %s; the server has to ignore it, and answered 304", field, dateFault(value))
	modified := e.verdict.State.LastModified
	if meant := lenientDate(value); !meant.IsZero() && parseDate(modified).After(meant) {
		says += fmt.Sprintf(", although even the date that is meant, %s, is before the last modification: it compares the text", meant.Format(time.DateOnly))
	}
	f := finding(Certain, says, e.sent(field), e.answered(),
		Fact{Name: "Last-Modified", Value: clip(modified), Source: e.verdict.State.Source})
	if modified == "" {
		f.Evidence = f.Evidence[:2]
	}
	f.Fix = []string{
		"Server: ignore a date that is none (RFC 9110 §13.1.3), and compare dates, not texts; a 304 that is wrong leaves the client with the old version.",
		"Client: write dates with the function for HTTP dates of the library: two digits for the day, and GMT; best send back the text of Last-Modified as it came.",
	}
	return f
}

// lenientDate reads what somebody may have meant by a malformed date; zero if that is not clear.
func lenientDate(value string) time.Time {
	for _, layout := range []string{"Mon, 2 Jan 2006 15:04:05 MST", "Mon, 2 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 MST",
		time.RFC3339, "2006-01-02 15:04:05"} {
		if t, err := time.Parse(layout, value); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// meantAsDate reports whether the value of If-Range is a date or is meant as one, and not as a tag.
func meantAsDate(value string) bool {
	return strings.Count(value, ":") == 2 && strings.ContainsAny(value, " T") && !strings.HasSuffix(value, `"`)
}

// dateFault says what is wrong with a date that is no HTTP-date.
func dateFault(value string) string {
	zone := value[strings.LastIndexByte(value, ' ')+1:]
	switch {
	case strings.Trim(value, "-0123456789.") == "":
		return "is a number"
	case strings.Contains(value, "T") && strings.Count(value, "-") >= 2 && value[0] >= '0' && value[0] <= '9':
		return "is in the form of ISO 8601"
	case zone != "GMT" && (zone == "UTC" || zone == "Z" || zone == "UT" || strings.EqualFold(zone, "GMT") || strings.ContainsAny(zone, "+-")):
		return fmt.Sprintf("ends in %q, where only GMT is allowed", clip(zone))
	case !sign.Weekday(value):
		return "does not begin with the English name of a day"
	case len(value) > 6 && value[3] == ',' && value[6] == ' ':
		return "has a day with one digit, where two are needed"
	}
	return "has none of the three forms of an HTTP date"
}

func localDate(e *examination) []Finding {
	if fs := e.taggedOtherHour(); fs != nil {
		return fs
	}
	now := e.modified()
	if now.IsZero() || e.blind() || len(e.foreign()) > 0 || e.cached().Name != "" || len(e.fields.IfMatch)+len(e.fields.IfNoneMatch) > 0 {
		return nil
	}
	switch e.status() {
	case 412:
		sent := e.dateSent("If-Unmodified-Since")
		if late := sent.Sub(now); !sent.IsZero() && late >= time.Second && late <= maxZone {
			return one(Likely, fmt.Sprintf("the resource was last modified %s before the date that was sent, and the server says that it was after it", late),
				e.sent("If-Unmodified-Since"), e.got("Last-Modified"), e.answered())
		}
	case 304:
		sent := e.dateSent("If-Modified-Since")
		if early := now.Sub(sent); !sent.IsZero() && e.reads() && early >= time.Second && early <= maxZone {
			return one(Likely, fmt.Sprintf("the resource was modified %s after the date that was sent, and the server says that it was not", early),
				e.sent("If-Modified-Since"), e.got("Last-Modified"), e.answered())
		}
	}
	return nil
}

// taggedOtherHour is about a tag whose time is whole hours away from Last-Modified.
func (e *examination) taggedOtherHour() []Finding {
	now := e.modified()
	if now.IsZero() || !e.shows() {
		return nil
	}
	known := e.facts()
	size := known.Size
	known.Content = nil
	for _, r := range etag.Recognise(e.resp("ETag"), etag.Facts{}) {
		apart := r.Time.Truncate(time.Second).Sub(now)
		if r.Time.IsZero() || apart == 0 || apart.Abs() > maxZone || apart%time.Hour != 0 || r.Size < 0 || r.Size != size {
			continue
		}
		return one(Likely, fmt.Sprintf("the time in the tag, %s, is %s away from Last-Modified, to the second",
			r.Time.Format(time.RFC3339), apart.Abs()),
			e.got("ETag"), e.got("Last-Modified"))
	}
	return nil
}

func modifiedInFuture(e *examination) []Finding {
	date, modified := parseDate(e.resp("Date")), e.modified()
	if date.IsZero() || modified.Sub(date) <= time.Second {
		return nil // a second may be rounding
	}
	c := Certain
	if modified.Sub(date) < time.Minute {
		c = Likely // Date may have been set by another machine on the way
	}
	return one(c, fmt.Sprintf("Last-Modified is %s later than Date", modified.Sub(date)), e.got("Last-Modified"), e.got("Date"))
}

// clockSlack is what clocks may differ without anybody calling it wrong.
const clockSlack = time.Minute

func clockSkew(e *examination) []Finding {
	date := parseDate(e.resp("Date"))
	if date.IsZero() || e.cached().Name != "" {
		return nil
	}
	for _, field := range []string{"If-Modified-Since", "If-Unmodified-Since"} {
		sent := e.dateSent(field)
		if sent.Sub(date) <= clockSlack {
			continue
		}
		if e.last(func(p *examination) bool { return p.modified().Equal(sent) }) != nil || e.modified().Equal(sent) {
			return nil // the server gave it out; see last-modified-in-future
		}
		return one(Likely, fmt.Sprintf("the date in %s is %s later than the server's clock", field, sent.Sub(date)), e.sent(field),
			e.got("Date"), e.answered())
	}
	return e.clocksApart(date)
}

// clocksApart compares the clock of the capture with that of the server, if a date plays a part.
func (e *examination) clocksApart(date time.Time) []Finding {
	if e.x.Started.IsZero() || e.dateSent("If-Modified-Since").IsZero() && e.dateSent("If-Unmodified-Since").IsZero() {
		return nil
	}
	apart := date.Sub(e.x.Started)
	if apart > 0 {
		apart = max(apart-e.x.Duration, 0)
	}
	if apart.Abs() <= clockSlack {
		return nil
	}
	return one(Likely, fmt.Sprintf("the clock of the server and that of the capture are %s apart", apart.Abs().Truncate(time.Second)),
		e.fact("time of the request", e.x.Started.UTC().Format(time.RFC3339)), e.got("Date"))
}

func rolledBack(e *examination) []Finding {
	sent, now := e.dateSent("If-Modified-Since"), e.modified()
	if e.status() != 304 || !e.reads() || len(e.fields.IfNoneMatch) > 0 || sent.IsZero() || now.IsZero() || !now.Before(sent) {
		return nil
	}
	evidence := []Fact{e.sent("If-Modified-Since"), e.got("Last-Modified"), e.answered()}
	says := fmt.Sprintf("the current version is dated %s before the one that the client has, and 304 tells it to keep that", sent.Sub(now))
	if p := e.last(func(p *examination) bool { return p.shows() && p.modified().Equal(sent) }); p != nil {
		return one(Likely, says+"; the server had sent that later date itself", append(evidence, p.got("Last-Modified"))...)
	}
	if date := parseDate(e.resp("Date")); !date.IsZero() && sent.After(date) {
		return nil // see clock-skew
	}
	return one(Possible, says+"; or the date was not that of a version", evidence...)
}

func weakDate(e *examination) []Finding {
	field := "If-Range"
	if len(e.fields.Range) == 0 || e.dateSent(field).IsZero() {
		field = "If-Unmodified-Since"
	}
	sent := e.dateSent(field)
	if sent.IsZero() || len(e.fields.IfMatch) > 0 {
		return nil
	}
	from := e.last(func(p *examination) bool { return p.status() < 300 && p.modified().Equal(sent) })
	if from == nil && e.modified().Equal(sent) {
		from = e // the client's own response is older still
	}
	if from == nil {
		return nil
	}
	date := parseDate(from.resp("Date"))
	if date.IsZero() || date.Sub(sent) >= time.Second {
		return nil
	}
	return one(Certain, fmt.Sprintf("the date in %s came with a response that was made in the same second, so it is a weak validator", field),
		e.sent(field), from.got("Last-Modified"), from.got("Date"))
}
