package accesslog

import (
	"bytes"
	"strings"
	"time"
)

// Logs of servers that come with a framework, as a log_format of nginx or a LogFormat of Apache
// would write them. morgan writes those of Express; its "combined" and "common" are Apache's.
// werkzeug writes Flask's, and Python's http.server writes the same. runserver is Django's.
const (
	morganDev    = `$request_method $request_uri $status $response_ms ms - $body_bytes_sent`
	morganTiny   = `$request_method $request_uri $status $body_bytes_sent - $response_ms ms`
	morganShort  = `$remote_addr $remote_user $request_method $request_uri $server_protocol $status $body_bytes_sent - $response_ms ms`
	aiohttpLog   = `$remote_addr [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`
	werkzeugLog  = `%h %l %u [%{%d/%b/%Y %H:%M:%S}t] "%r" %>s %b`
	runserverLog = `[%{%d/%b/%Y %H:%M:%S}t] "%r" %>s %b`
)

// looksLikeRequest reports whether method and target of an entry are such as requests have, for
// formats that would read much else.
func looksLikeRequest(e *Entry) bool {
	if methodIndex(e.Text(Method)) == len(methodNames)-1 {
		return false
	}
	target := e.Text(Target)
	return strings.HasPrefix(target, "/") || target == "*" || strings.HasPrefix(target, "http")
}

// uvicornColumns are those of the access log of uvicorn, which may have a time before the client.
var uvicornColumns = []column{
	{name: "asctime"}, {name: "client_addr", field: Client}, {name: "request_line"}, {name: "status_code", field: Status},
	{name: "request_line", field: Method}, {name: "request_line", field: Target}, {name: "request_line", field: Protocol},
}

const (
	uvicornTime = iota
	uvicornClient
	uvicornRequest
	uvicornStatus
	uvicornParts
)

// A uvicornSplitter reads lines such as
//
//	INFO:     203.0.113.7:53418 - "GET /a HTTP/1.1" 200 OK
//
// with, if timed, a time at their beginning.
type uvicornSplitter struct{ timed bool }

func newUvicorn(timed bool) *layout {
	l := &layout{splitter: uvicornSplitter{timed}, columns: uvicornColumns, named: true}
	if timed {
		l.clock, l.when = isoTime, []int8{uvicornTime}
	}
	return l.index()
}

func (u uvicornSplitter) split(line []byte, spans []span) verdict {
	quote := bytes.IndexByte(line, '"')
	if quote < 0 && !u.timed && (hasPrefix(line, "INFO: ") || hasPrefix(line, "WARNING: ") || hasPrefix(line, "ERROR: ")) {
		return isOther // what the server says of itself
	}
	if quote < len(" - ") || string(line[quote-len(" - "):quote]) != " - " {
		return unreadable
	}
	head := line[:quote-len(" - ")]
	client := bytes.LastIndexByte(head, ' ') + 1
	port := bytes.LastIndexByte(head, ':')
	end := closingQuote(line, quote+1)
	if end < 0 || end+5 > len(line) || line[end+1] != ' ' || port < client {
		return unreadable
	}
	if _, ok := parseDigits(head[port+1:]); !ok {
		return unreadable
	}
	spans[uvicornClient] = span{uint32(client), uint32(port)}
	spans[uvicornRequest] = span{uint32(quote + 1), uint32(end)}
	spans[uvicornStatus] = span{uint32(end + 2), uint32(end + 5)}
	if end+5 < len(line) && line[end+5] != ' ' {
		return unreadable
	}
	if u.timed && !uvicornStamp(line[:client], &spans[uvicornTime]) {
		return unreadable
	}
	splitRequest(line, spans[uvicornRequest], spans[uvicornParts:])
	return isEntry
}

// uvicornStamp finds the time in what stands before the client, as in "2026-11-03 09:15:00,123 INFO ".
func uvicornStamp(head []byte, s *span) bool {
	start := 0
	for start < len(head) && (head[start] == '[' || head[start] == ' ') {
		start++
	}
	const form = "2026-11-03 09:15:00"
	end := start + len(form)
	if end > len(head) || head[start+4] != '-' {
		return false
	}
	if end < len(head) && (head[end] == ',' || head[end] == '.') {
		for end++; end < len(head) && head[end] >= '0' && head[end] <= '9'; end++ {
		}
	}
	*s = span{uint32(start), uint32(end)}
	return true
}

// ginColumns are those of the log that Gin writes, with bars between them.
var ginColumns = []column{
	{name: "time"}, {name: "status", field: Status}, {name: "latency", field: Duration, unit: time.Second}, {name: "client", field: Client},
	{name: "method", field: Method}, {name: "path", field: Target, unescape: backslash},
}

type ginSplitter struct{}

// newGin returns the layout of lines such as
//
//	[GIN] 2026/11/03 - 09:15:00 | 200 |     12.345ms |     203.0.113.7 | GET      "/a?b=c"
func newGin(in *time.Location) *layout {
	l := &layout{splitter: ginSplitter{}, columns: ginColumns, clock: ginTime(in), when: []int8{0}, named: true}
	return l.index()
}

func (ginSplitter) split(line []byte, spans []span) verdict {
	const mark = "[GIN] "
	if hasPrefix(line, "[GIN-debug]") {
		return isOther
	}
	if !hasPrefix(line, mark) {
		return unreadable
	}
	pos := len(mark)
	for i := range 4 {
		n := bytes.IndexByte(line[pos:], '|')
		if n < 0 {
			return unreadable
		}
		spans[i] = trimmed(line, pos, pos+n)
		pos += n + 1
	}
	quote := bytes.IndexByte(line[pos:], '"')
	if quote < 0 || line[len(line)-1] != '"' || pos+quote+1 > len(line)-1 {
		return unreadable
	}
	spans[4] = trimmed(line, pos, pos+quote)
	spans[5] = span{uint32(pos + quote + 1), uint32(len(line) - 1)}
	return isEntry
}

// trimmed is a part of a line without the blanks around it.
func trimmed(line []byte, start, end int) span {
	for start < end && line[start] == ' ' {
		start++
	}
	for end > start && line[end-1] == ' ' {
		end--
	}
	return span{uint32(start), uint32(end)}
}

// ginTime reads 2026/11/03 - 09:15:00, which has no zone.
func ginTime(in *time.Location) clock {
	return func(b []byte) (at int64, ok bool) {
		const form = "2026/11/03 - 09:15:00"
		if len(b) != len(form) || string(b[10:13]) != " - " {
			return 0, false
		}
		at, ok = civil(digits(b[:4]), digits(b[5:7]), digits(b[8:10]), b[13:])
		return inZone(at, in), ok
	}
}
