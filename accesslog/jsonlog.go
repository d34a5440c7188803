package accesslog

import (
	"bytes"
	"net/textproto"
	"slices"
	"strings"
	"time"
)

// A jsonTree splits lines that are JSON objects.
type jsonTree struct {
	jsonObject
	// isEntry reports, from the spans, whether a line tells of a request.
	isEntry func(line []byte, spans []span) bool
}

// A jsonObject says what the members of an object are, by their keys.
type jsonObject map[string]jsonMember

// A jsonMember is a value for a column, or an object with members of its own.
type jsonMember struct {
	column int8
	object jsonObject
}

func (t *jsonTree) split(line []byte, spans []span) verdict {
	s := jsonScanner{b: line}
	if s.open() {
		t.read(&s, spans)
	}
	switch {
	case s.bad || s.peek() != 0:
		return unreadable
	case t.isEntry(line, spans):
		return isEntry
	}
	return isOther
}

// read reads the members of the object that s has entered.
func (o jsonObject) read(s *jsonScanner, spans []span) {
	for key, ok := s.next(); ok && !s.bad; key, ok = s.next() {
		m, known := o[string(key)]
		switch {
		case !known:
			s.value()
		case m.object == nil:
			spans[m.column] = s.value()
		case s.peek() == '{':
			s.pos++
			m.object.read(s, spans)
		default:
			s.value()
		}
	}
}

// A jsonBuilder collects the columns of a layout.
type jsonBuilder struct{ columns []column }

// add adds a column and returns the member for it.
func (b *jsonBuilder) add(c column) jsonMember {
	if c.unescape == asIs {
		c.unescape = jsonValue
	}
	b.columns = append(b.columns, c)
	return jsonMember{column: int8(len(b.columns) - 1)}
}

// headers returns the object of field lines: by their names, as net/http writes them.
func (b *jsonBuilder) headers(d direction) jsonObject {
	names := requestFields
	if d == response {
		names = responseFields
	}
	o := jsonObject{}
	for name := range names {
		o[textproto.CanonicalMIMEHeaderKey(name)] = b.add(headerColumn(name, d))
	}
	return o
}

// newFourtwelve returns the layout of fourtwelve's own access log, docs/access-log.md.
func newFourtwelve() *layout {
	var b jsonBuilder
	o := jsonObject{}
	for _, m := range ownMembers {
		o[m.name] = b.add(m)
	}
	l := &layout{columns: b.columns, absent: jsonNothing, clock: isoTime, cut: ownCut}
	at := func(name string) int8 { return o[name].column }
	l.when, l.lost = []int8{at("time")}, at("lost")
	status, target := at("status"), at("target")
	l.splitter = &jsonTree{o, func(_ []byte, s []span) bool { return s[status].end > 0 && s[target].end > 0 }}
	return l.index()
}

var ownMembers = []column{
	{name: "time"}, {name: "lost"}, {name: "cut"},
	{name: "remote", field: Client, unescape: withoutPort}, {name: "user", field: User}, {name: "method", field: Method},
	{name: "target", field: Target}, {name: "proto", field: Protocol}, {name: "host", field: Host}, {name: "status", field: Status},
	{name: "bytes", field: ContentSent}, {name: "duration_us", field: Duration, unit: time.Microsecond},
	{name: "user_agent", field: UserAgent}, {name: "referer", field: Referer}, {name: "request_id", field: RequestID},
	{name: "if_match", field: IfMatch}, {name: "if_none_match", field: IfNoneMatch}, {name: "if_modified_since", field: IfModifiedSince},
	{name: "if_unmodified_since", field: IfUnmodifiedSince}, {name: "if_range", field: IfRange}, {name: "range", field: Range},
	{name: "etag", field: ETag}, {name: "new_etag", field: NewETag},
	{name: "decision", field: Decision}, {name: "field", field: DecidedBy}, {name: "reason", field: Reason},
	{name: "section", field: Section}, {name: "problem", field: Problem},
	{name: "backend_status", field: UpstreamStatus}, {name: "backend_etag", field: UpstreamETag},
}

// ownCut looks for the member's name in "cut".
func ownCut(e *Entry, f Field) bool {
	i := slices.IndexFunc(e.layout.columns, func(c column) bool { return c.name == "cut" })
	name := e.layout.columns[e.layout.column[f]].name
	if isJSONArray(e.line, e.spans[i]) {
		return bytes.Contains(e.raw(i), []byte(`"`+name+`"`))
	}
	return string(e.raw(i)) == name // the only one
}

// newCaddy returns the layout of Caddy's access log, http.log.access, in its JSON
// encoding.
func newCaddy(in *time.Location) *layout {
	var b jsonBuilder
	// remote_ip, and client_ip after it, since 2.5; remote_addr, with the port, before.
	client := b.add(column{name: "client_ip", field: Client, unescape: withoutPort})
	o := jsonObject{
		"ts":         b.add(column{name: "ts"}),
		"logger":     b.add(column{name: "logger"}),
		"status":     b.add(column{name: "status", field: Status}),
		"size":       b.add(column{name: "size", field: ContentSent}),
		"bytes_read": b.add(column{name: "bytes_read", field: BytesReceived}),
		"duration":   b.add(column{name: "duration", field: Duration, unit: time.Second}),
		"user_id":    b.add(column{name: "user_id", field: User}),
		"request": {object: jsonObject{
			"client_ip":   client,
			"remote_ip":   client,
			"remote_addr": client,
			"proto":       b.add(column{name: "proto", field: Protocol}),
			"method":      b.add(column{name: "method", field: Method}),
			"host":        b.add(column{name: "host", field: Host}),
			"uri":         b.add(column{name: "uri", field: Target}),
			"headers":     {object: b.headers(request)},
		}},
		"resp_headers": {object: b.headers(response)},
	}
	l := &layout{columns: b.columns, absent: jsonNothing, clock: anyTime(in), when: []int8{o["ts"].column}}
	logger, status := o["logger"].column, o["status"].column
	method := o["request"].object["method"].column
	l.splitter = &jsonTree{o, func(line []byte, s []span) bool {
		// The error log repeats the request under http.log.error.
		return s[status].end > 0 && s[method].end > 0 && !hasPrefix(line[s[logger].start:s[logger].end], "http.log.error")
	}}
	return l.index()
}

// jsonNames are names that people give to the members of a JSON log, beside the names
// of nginx's variables and of W3C fields, in lower case with underscores.
var jsonNames = map[string]column{
	"client": {field: Client}, "client_ip": {field: Client}, "clientip": {field: Client}, "remote_ip": {field: Client},
	"remote": {field: Client, unescape: withoutPort}, "ip": {field: Client}, "remote_host": {field: Client},
	"user": {field: User}, "method": {field: Method}, "verb": {field: Method},
	"target": {field: Target}, "url": {field: Target}, "path": {field: Path}, "query": {field: Query},
	"protocol": {field: Protocol}, "proto": {field: Protocol}, "scheme": {field: Scheme}, "host": {field: Host},
	"node": {field: Node}, "upstream": {field: Upstream}, "upstream_status": {field: UpstreamStatus}, "upstream_etag": {field: UpstreamETag},
	"status": {field: Status}, "status_code": {field: Status}, "response": {field: Status},
	"bytes": {field: ContentSent}, "size": {field: ContentSent}, "content_sent": {field: ContentSent}, "bytes_sent": {field: BytesSent},
	"bytes_received": {field: BytesReceived}, "content_length": {field: ContentLength},
	"duration": {field: Duration, unit: time.Second}, "duration_s": {field: Duration, unit: time.Second},
	"duration_ms": {field: Duration, unit: time.Millisecond}, "duration_us": {field: Duration, unit: time.Microsecond},
	"user_agent": {field: UserAgent}, "agent": {field: UserAgent}, "referer": {field: Referer}, "referrer": {field: Referer},
	"request_id": {field: RequestID}, "if_match": {field: IfMatch}, "if_none_match": {field: IfNoneMatch},
	"if_modified_since": {field: IfModifiedSince}, "if_unmodified_since": {field: IfUnmodifiedSince}, "if_range": {field: IfRange},
	"range": {field: Range}, "if": {field: If}, "overwrite": {field: Overwrite}, "destination": {field: Destination},
	"accept_encoding": {field: AcceptEncoding}, "etag": {field: ETag}, "new_etag": {field: NewETag},
	"last_modified": {field: LastModified}, "content_encoding": {field: ContentEncoding}, "content_range": {field: ContentRange},
	"age": {field: Age}, "cache": {field: Cache}, "via": {field: Via}, "waf": {field: WAF}, "reason": {field: Reason},
}

var jsonTimes = []string{"time", "timestamp", "@timestamp", "ts", "time_iso8601", "time_local", "msec", "datetime"}

// jsonColumn is the column for a member of a JSON log that someone designed.
func jsonColumn(name string) column {
	lower := strings.ToLower(name)
	c, known := jsonNames[strings.ReplaceAll(lower, "-", "_")]
	if !known {
		c = nginxColumn(strings.TrimPrefix(lower, "$"))
	}
	if c.field == NoField && !known {
		c = w3cColumn(name)
	}
	if c.field == Duration && name == "time-taken" {
		c.unit = time.Second // CloudFront's version 2
	}
	c.name = name
	return c
}

// newJSON returns the layout for JSON objects with these keys, in the order in which
// they came. ok is false if they do not look like an access log.
func newJSON(keys []string, in *time.Location) (l *layout, ok bool) {
	var b jsonBuilder
	o := jsonObject{}
	for _, key := range keys {
		if len(b.columns) < maxColumns {
			o[key] = b.add(jsonColumn(key))
		}
	}
	l = &layout{columns: b.columns, absent: jsonAnything, sparse: true, clock: anyTime(in)}
	request := slices.IndexFunc(b.columns, func(c column) bool { return c.name == "request" })
	splitter := &jsonTree{jsonObject: o}
	l.splitter = splitter
	if request >= 0 {
		l.splitter = &jsonRequest{splitter, request, len(b.columns)}
		for _, f := range []Field{Method, Target, Protocol} {
			l.columns = append(l.columns, column{name: "request", field: f, unescape: jsonValue})
		}
	}
	l.when = jsonWhen(o)
	l.index()
	status := l.column[Status]
	splitter.isEntry = func(_ []byte, s []span) bool { return s[status].end > 0 }
	return l, status >= 0 && (l.logged.Has(Path) || l.logged.Has(Method))
}

func jsonWhen(o jsonObject) []int8 {
	date, dated := o["date"]
	for _, name := range jsonTimes {
		if m, ok := o[name]; ok {
			if dated && name == "time" {
				return []int8{date.column, m.column}
			}
			return []int8{m.column}
		}
	}
	return nil
}

// A jsonRequest takes apart the request line that lines have as one value.
type jsonRequest struct {
	*jsonTree
	request int // column
	parts   int // first of three columns
}

func (r *jsonRequest) split(line []byte, spans []span) verdict {
	v := r.jsonTree.split(line, spans)
	if s := spans[r.request]; v == isEntry && s.end > 0 && !isJSONArray(line, s) {
		splitRequest(line, s, spans[r.parts:r.parts+3])
	}
	return v
}
