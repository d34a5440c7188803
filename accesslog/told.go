package accesslog

import (
	"bytes"
	"slices"
	"time"
)

// A toldLog is what a program tells of its requests among the other lines of its log. One table
// serves them all: a line as a log_format of nginx describes it, and a mark that no other line has.
type toldLog struct {
	name, server string
	line         string
	// mark is in every line of a request. One that has it and does not fit is a line that cannot be
	// read; all others tell of something else.
	mark string
	// other, if not empty, is in lines that have the mark and tell of no request.
	other string
	// clock, if not nil, reads the time in the columns that are called time, of which there may be two.
	clock func(in *time.Location) clock
	// plain is set if the mark is not enough to tell such lines from others.
	plain bool
	// mend, if not nil, puts right what a log_format cannot describe.
	mend func(l *layout, line []byte, spans []span)
	note string
}

const (
	zoneNote   = "its times are taken for UTC, or those of --time-zone"
	noClients  = "it has no clients, so nobody can tell who sent what"
	peerColumn = "$remote_socket" // an address with its port
	towerMark  = ": finished processing request latency="
)

// toldLogs are tried in this order.
var toldLogs = []toldLog{
	{
		name: "radicale", server: "Radicale", mark: " response status for '", clock: zoned,
		line: `[$time] $thread] [$level] $request_method response status for '$uri' in $request_time $unit: $status $phrase`,
		mend: withoutDepth, note: noClients,
	},
	{
		name: "wsgidav", server: "WsgiDAV", mark: "sec -> ", clock: wallTime,
		line: `$head: $remote_socket - $remote_user - [$time] "$request_method $uri" $details -> $status $phrase`,
		mend: withoutAnonymous, note: zoneNote,
	},
	{
		name: "couchdb", server: "CouchDB", mark: "[notice] ", other: "> -------- ", clock: zoned,
		line: `[notice] $time $node <$process> $request_id $host $remote_socket $remote_user $request_method $request_uri $status $outcome $response_ms`,
		mend: withoutUndefined,
	},
	{
		name: "gitea", server: "Gitea", mark: " router: completed ", clock: wallTime,
		line: `$time $time $logger [$level] router: completed $request_method $request_uri for $remote_socket, $status $phrase in $latency @ $handler`,
		note: zoneNote,
	},
	{
		name: "tower", server: "tower-http", mark: towerMark, clock: zoned,
		line: `$time $level request{method=$request_method uri=$request_uri version=$server_protocol: finished processing request latency=$latency status=$status`,
		mend: withoutSpan, note: noClients,
	},
	{
		name: "actix", server: "Actix", mark: "actix_web::middleware::logger] ", clock: zoned,
		line: `[$time $level actix_web::middleware::logger] $remote_socket "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" $request_time`,
	},
	{
		name: "gorouter", server: "gorouter of Cloud Foundry", mark: ` x_forwarded_for:"`, clock: zoned,
		line: `$host - [$time] "$request" $status $request_length $body_bytes_sent "$http_referer" "$http_user_agent" "$remote_socket" "$upstream_addr"` +
			` x_forwarded_for:"$http_x_forwarded_for" x_forwarded_proto:"$scheme" vcap_request_id:"$request_id" $rest`,
	},
	{
		name: "php", server: "PHP's built-in server", mark: "]: ", clock: ctime,
		line: `[$time] $remote_socket [$status]: $request_method $request_uri`,
		mend: withoutExcuse, note: zoneNote,
	},
	{
		name: "fiber", server: "Fiber", mark: " | ", plain: true,
		line: `$moment | $status | $latency | $remote_addr | $request_method | $uri | $failure`,
		mend: withoutBlanks, note: "its times have no date and are not read",
	},
}

// toldSpec is the format of the log with this name.
func toldSpec(name string) formatSpec {
	t := &toldLogs[slices.IndexFunc(toldLogs, func(t toldLog) bool { return t.name == name })]
	return formatSpec{t.name, t.server, "", func(_ string, in *time.Location) (*dialect, error) {
		return layoutDialect(newTold(t, in))
	}}
}

// toldCandidates are those of toldLogs, which nothing is mistaken for.
func toldCandidates() (list []candidate) {
	for _, t := range toldLogs {
		list = append(list, candidate{format: Format{name: t.name, server: t.server}, note: t.note, certain: !t.plain, accepts: looksLikeRequest})
	}
	return list
}

// A toldSplitter splits lines of the kind of a toldLog.
type toldSplitter struct {
	*template
	told   *toldLog
	layout *layout
}

// newTold returns the layout of a toldLog.
func newTold(t *toldLog, in *time.Location) (*layout, error) {
	l, err := parseNginx(t.line)
	if err != nil {
		return nil, err
	}
	for i := range l.columns {
		switch c := &l.columns[i]; c.name {
		case "$time":
			l.when = append(l.when, int8(i))
		case peerColumn:
			c.field, c.unescape = Client, withoutPort
		}
	}
	l.splitter = &toldSplitter{l.splitter.(*template), t, l}
	if t.clock != nil {
		l.clock = t.clock(in)
	}
	l.logged, l.conditional = 0, nil
	return l.index(), nil
}

func (s *toldSplitter) split(line []byte, spans []span) verdict {
	switch {
	case !bytes.Contains(line, []byte(s.told.mark)):
		if bytes.Contains(line, []byte(" HTTP/1.")) || bytes.Contains(line, []byte(" HTTP/2")) {
			return unreadable // of another program's access log
		}
		return isOther
	case s.told.other != "" && bytes.Contains(line, []byte(s.told.other)):
		return isOther
	}
	if s.template.split(line, spans) != isEntry {
		return unreadable
	}
	if s.told.mend != nil {
		s.told.mend(s.layout, line, spans)
	}
	return isEntry
}

// cutAt ends the value of a column where mark begins.
func cutAt(l *layout, f Field, mark string, line []byte, spans []span) {
	if i := l.column[f]; i >= 0 {
		s := &spans[i]
		if n := bytes.Index(line[s.start:s.end], []byte(mark)); n >= 0 {
			s.end = s.start + uint32(n)
		}
	}
}

// withoutDepth: Radicale says the depth of a PROPFIND behind the path.
func withoutDepth(l *layout, line []byte, spans []span) {
	cutAt(l, Path, "' with depth '", line, spans)
}

// withoutSpan: tower-http's protocol is followed by more of the span, and where the line is from.
func withoutSpan(l *layout, line []byte, spans []span) {
	cutAt(l, Protocol, "}", line, spans)
	cutAt(l, Protocol, " ", line, spans)
}

// withoutExcuse: PHP says behind the target why there is nothing.
func withoutExcuse(l *layout, line []byte, spans []span) { cutAt(l, Target, " - ", line, spans) }

// withoutBlanks: columns are filled up with blanks.
func withoutBlanks(_ *layout, line []byte, spans []span) {
	for i, s := range spans {
		spans[i] = trimmed(line, int(s.start), int(s.end))
	}
}

// withoutAnonymous and withoutUndefined: words for nobody.
func withoutAnonymous(l *layout, line []byte, spans []span) {
	withoutUser(l, "(anonymous)", line, spans)
}

func withoutUndefined(l *layout, line []byte, spans []span) {
	withoutUser(l, "undefined", line, spans)
}

func withoutUser(l *layout, nobody string, line []byte, spans []span) {
	if s := &spans[l.column[User]]; string(line[s.start:s.end]) == nobody {
		*s = span{}
	}
}

// zoned reads a time that says its zone, or is in UTC.
func zoned(*time.Location) clock { return zonedTime }

func zonedTime(b []byte) (at int64, ok bool) {
	const form = "2026-11-03 09:15:20"
	if n := len(form); len(b) > n && b[n] == ' ' { // before the zone
		at, ok = isoLocal(b[:n])
		offset, ok2 := zone(b[n+1:])
		return at - offset, ok && ok2
	}
	return isoTime(b)
}

// ctime reads "Tue Nov  3 09:15:20 2026", which has no zone.
func ctime(in *time.Location) clock {
	return func(b []byte) (at int64, ok bool) {
		const form = "Tue Nov  3 09:15:20 2026"
		if len(b) != len(form) || b[3] != ' ' || b[7] != ' ' || b[10] != ' ' || b[19] != ' ' {
			return 0, false
		}
		day := b[8:10]
		if day[0] == ' ' {
			day = day[1:]
		}
		at, ok = civil(digits(b[20:]), monthNumber(b[4:7]), digits(day), b[11:19])
		return inZone(at, in), ok
	}
}
