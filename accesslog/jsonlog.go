package accesslog

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"net/textproto"
	"slices"
	"strings"
	"time"
	"unicode"
)

// A jsonTree splits lines that are JSON objects.
type jsonTree struct {
	jsonObject
	// isEntry reports, from the spans, whether a line tells of a request.
	isEntry func(line []byte, spans []span) bool
}

// A jsonObject says what the members of an object are, by their keys.
type jsonObject map[string]jsonMember

// A jsonMember is a value for a column, or an object with members of its own, or one of these where
// a line may have either.
type jsonMember struct {
	column int8 // noColumn if it is just an object
	object jsonObject
	// second is set if another member has the value, and this only in lines that lack that.
	second bool
}

const noColumn = -1

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
		case !known, m.second && spans[m.column].end > 0:
			s.value()
		case m.object != nil && s.peek() == '{':
			if m.column != noColumn {
				spans[m.column] = span{uint32(s.pos), uint32(s.pos + 1)} // it is there
			}
			s.pos++
			m.object.read(s, spans)
		case m.object == nil || m.column != noColumn:
			spans[m.column] = s.value()
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
	{name: "if", field: If}, {name: "overwrite", field: Overwrite}, {name: "destination", field: Destination},
	{name: "etag", field: ETag}, {name: "new_etag", field: NewETag},
	{name: "decision", field: Decision}, {name: "field", field: DecidedBy}, {name: "reason", field: Reason},
	{name: "section", field: Section}, {name: "problem", field: Problem},
	{name: "backend_status", field: UpstreamStatus}, {name: "backend_etag", field: UpstreamETag},
	{name: "cache", field: Cache}, {name: "cache_age", field: Age},
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
		"request": {column: noColumn, object: jsonObject{
			"client_ip":   client,
			"remote_ip":   client,
			"remote_addr": client,
			"proto":       b.add(column{name: "proto", field: Protocol}),
			"method":      b.add(column{name: "method", field: Method}),
			"host":        b.add(column{name: "host", field: Host}),
			"uri":         b.add(column{name: "uri", field: Target}),
			"headers":     {column: noColumn, object: b.headers(request)},
		}},
		"resp_headers": {column: noColumn, object: b.headers(response)},
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

// A consoleSplitter reads what Caddy writes in its console encoding: the time, the level, the
// logger and the message with tabs between them, and the rest as JSON.
type consoleSplitter struct {
	*jsonTree
	when, logger int8
}

// newCaddyConsole returns the layout of Caddy's access log in its console encoding.
func newCaddyConsole(in *time.Location) *layout {
	l := newCaddy(in)
	tree := l.splitter.(*jsonTree)
	c := consoleSplitter{tree, l.when[0], tree.jsonObject["logger"].column}
	tree.jsonObject = maps.Clone(tree.jsonObject)
	delete(tree.jsonObject, "ts")
	delete(tree.jsonObject, "logger")
	l.splitter = c
	return l
}

func (c consoleSplitter) split(line []byte, spans []span) verdict {
	brace := bytes.IndexByte(line, '{')
	if brace < 0 {
		if bytes.Count(line, []byte{'\t'}) >= 2 {
			return isOther // a message of another kind
		}
		return unreadable
	}
	head := line[:brace]
	blank := func(c byte) bool { return c == '\t' || c == ' ' }
	end := 0
	for end < len(head) && head[end] != '\t' && (head[end] != ' ' || end < len("2026/11/03 ")) {
		end++ // the time has a blank inside
	}
	spans[c.when] = span{0, uint32(end)}
	if logger := bytes.Index(head, []byte("http.log.")); logger >= 0 {
		n := logger
		for n < len(head) && !blank(head[n]) {
			n++
		}
		spans[c.logger] = span{uint32(logger), uint32(n)}
	}
	s := jsonScanner{b: line, pos: brace}
	if s.open() {
		c.read(&s, spans)
	}
	switch {
	case s.bad || s.peek() != 0:
		return unreadable
	case c.isEntry(line, spans):
		return isEntry
	}
	return isOther
}

// jsonNames are names that people give to the members of a JSON log, or to the columns of one with
// commas, beside the names of nginx's variables, of W3C fields and of field lines: in lower case,
// without anything between the words.
var jsonNames = names(map[column]string{
	{field: Client}: "client clientip clientaddr clientaddress remoteip remoteaddr remoteaddress remotehost remote ip ipaddress cip sourceip srcip " +
		"peer peeraddr clientipaddress calleripaddress",
	{field: ForwardedFor}: "forwardedfor xff xforwardedfor",
	{field: User}:         "user username remoteuser authuser userid",
	{field: Method}:       "method verb httpmethod requestmethod reqmethod csmethod httprequestmethod clientrequestmethod",
	{field: Target}: "target url uri requesteduri requesturi requesturl requri requrl httpurl httptarget httprequesturl fulluri originalurl rawurl csuri " +
		"requesttarget clientrequesturi",
	{field: Path}:           "path urlpath uripath httppath requestpath reqpath csuristem pathname resourcepath",
	{field: Query}:          "query querystring args querystr csuriquery rawquery",
	{field: Protocol}:       "protocol proto httpversion requestprotocol serverprotocol httpprotocol",
	{field: Scheme}:         "scheme",
	{field: Host}:           "host vhost virtualhost authority domain requesthost httphost cshost clientrequesthost",
	{field: Node}:           "node",
	{field: Upstream}:       "upstream upstreamhost upstreamaddr backend",
	{field: UpstreamStatus}: "upstreamstatus originstatus backendstatus",
	{field: UpstreamETag}:   "upstreametag originetag",
	{field: Status}: "status statuscode response responsestatus responsecode responsestatuscode resstatus resstatuscode respstatus httpstatus " +
		"httpstatuscode scstatus httpcode edgeresponsestatus",
	{field: Status, rank: -1}:  "code", // of fluentd's parser for nginx
	{field: ContentSent}:       "bytes size contentsent bodybytessent responsesize responsebytes responselength respsize responsebodysize bytesout",
	{field: BytesSent}:         "bytessent scbytes edgeresponsebytes",
	{field: BytesReceived}:     "bytesreceived csbytes requestlength bytesin",
	{field: ContentLength}:     "contentlength requestsize requestbodysize",
	{field: UserAgent}:         "useragent agent requestuseragent csuseragent",
	{field: Referer}:           "referer referrer requestreferer csreferer",
	{field: RequestID}:         "requestid reqid correlationid",
	{field: IfMatch}:           "ifmatch",
	{field: IfNoneMatch}:       "ifnonematch",
	{field: IfModifiedSince}:   "ifmodifiedsince",
	{field: IfUnmodifiedSince}: "ifunmodifiedsince",
	{field: IfRange}:           "ifrange",
	{field: Range}:             "range",
	{field: If}:                "if",
	{field: Overwrite}:         "overwrite",
	{field: Destination}:       "destination",
	{field: AcceptEncoding}:    "acceptencoding",
	{field: ETag}:              "etag",
	{field: NewETag}:           "newetag",
	{field: LastModified}:      "lastmodified",
	{field: ContentEncoding}:   "contentencoding",
	{field: ContentRange}:      "contentrange",
	{field: Age}:               "age",
	{field: Cache}:             "cache cachestatus upstreamcachestatus",
	{field: Via}:               "via",
	{field: WAF}:               "waf",
	{field: Reason}:            "reason",

	{field: Duration, unit: time.Second}:      "duration durations requesttime",
	{field: Duration, unit: time.Millisecond}: "durationms responsetime responsetimems elapsedms latencyms timetaken requesttimems",
	{field: Duration, unit: time.Microsecond}: "durationus timetakenmicros",
	{field: Duration, unit: time.Nanosecond}:  "durationns",
})

func names(lists map[column]string) map[string]column {
	of := map[string]column{}
	for c, list := range lists {
		if c.field == Client {
			c.unescape = withoutPort
		}
		for name := range strings.FieldsSeq(list) {
			of[name] = c
		}
	}
	return of
}

// jsonTimes are names of the member that has the time, the best first, written like those of jsonNames.
var jsonTimes = strings.Fields("time timestamp @timestamp ts timeiso8601 timelocal msec datetime eventtime starttime startedat startutc timemicros asctime " +
	"requesttimestamp logtime @time edgestarttimestamp edgeendtimestamp date")

// plainName is a name without what stands between its words, in lower case.
func plainName(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '_', '-', ' ', '$':
			return -1
		}
		return unicode.ToLower(r)
	}, name)
}

// messageNames are what stands before the name of a field line, with the message that has it.
var messageNames = []struct {
	prefix string
	of     direction
}{
	{"requestheaders", request}, {"requestheader", request}, {"reqheaders", request}, {"reqheader", request}, {"request", request},
	{"req", request},
	{"http", request}, {"senthttp", response}, {"responseheaders", response}, {"responseheader", response}, {"resheaders", response},
	{"resheader", response}, {"respheaders", response}, {"respheader", response}, {"response", response}, {"resp", response},
	{"res", response},
	{"sent", response}, {"headers", request}, {"header", request},
}

// jsonColumn is the column for a member of a JSON log that someone designed.
func jsonColumn(name string) column {
	plain := plainName(name)
	c, known := jsonNames[plain]
	if !known {
		c = nginxColumn(strings.TrimPrefix(strings.ToLower(name), "$"))
	}
	if c.field == NoField && !known && !c.secret {
		c = w3cColumn(name)
	}
	if c.field == NoField && !known && !c.secret {
		c = fieldLineColumn(plain)
	}
	switch name {
	case "time-taken", "request_time":
		c.unit = time.Second // CloudFront's version 2, nginx
	}
	c.name = name
	return c
}

// fieldLineColumn is the column for a field line by its plain name, with what stands before it.
func fieldLineColumn(plain string) column {
	for _, m := range messageNames {
		rest, ok := strings.CutPrefix(plain, m.prefix)
		if !ok {
			continue
		}
		fields := requestFields
		if m.of == response {
			fields = responseFields
		}
		for name := range fields {
			if plainName(name) == rest {
				return headerColumn(name, m.of)
			}
		}
	}
	return column{}
}

// A jsonPath is a member, by the names on the way to it, and what it means.
type jsonPath struct {
	path string
	column
}

// jsonPaths are those of members at the top, by their names.
func jsonPaths(keys []string) (paths []jsonPath) {
	for _, key := range keys {
		paths = append(paths, jsonPath{key, jsonColumn(key)})
	}
	return paths
}

// nestedPaths are those of members that may be anywhere, by the last of their names, or the last
// but one with it. The less deep ones come first.
func nestedPaths(paths []string) (list []jsonPath) {
	for _, path := range paths {
		names := strings.Split(path, ".")
		c := column{}
		for n := min(len(names), 3); n > 0 && c.field == NoField && !c.secret; n-- {
			c = jsonColumn(strings.Join(names[len(names)-n:], "_"))
		}
		c.name, c.rank = path, c.rank-int8(4*len(names))
		list = append(list, jsonPath{path, c})
	}
	return list
}

// mappedPaths reads FIELD=PATH,…: what each member means was said.
func mappedPaths(arg string) (list []jsonPath, err error) {
	for pair := range strings.SplitSeq(arg, ",") {
		field, path, ok := strings.Cut(strings.TrimSpace(pair), "=")
		field, path = strings.TrimSpace(field), strings.TrimPrefix(strings.TrimSpace(path), ".")
		if !ok || field == "" || path == "" {
			return nil, fmt.Errorf("%q is not FIELD=PATH, as in status=response.code", pair)
		}
		c := jsonColumn(field)
		if c.field == NoField && field != "request" && !slices.Contains(jsonTimes, plainName(field)) {
			all := Fields(math.MaxUint64 & (1<<numFields - 2))
			return nil, fmt.Errorf("no field is called %q: there are time, request, duration_ms, duration_us and %s", field, all)
		}
		if len(list) == maxColumns {
			return nil, fmt.Errorf("more than %d members", maxColumns)
		}
		c.name = field
		list = append(list, jsonPath{path, c})
	}
	return list, nil
}

// newJSON returns the layout for JSON objects with these members, in the order in which
// they came. ok is false if they do not look like an access log.
func newJSON(paths []jsonPath, in *time.Location) (l *layout, ok bool) {
	var b jsonBuilder
	o := jsonObject{}
	for _, p := range paths[:min(len(paths), maxColumns)] {
		o.put(strings.Split(p.path, "."), b.add(p.column))
	}
	l = &layout{columns: b.columns, absent: jsonAnything, sparse: true, clock: anyTime(in)}
	request := slices.IndexFunc(b.columns, func(c column) bool { return slices.Contains(requestLines, plainName(c.name)) })
	splitter := &jsonTree{jsonObject: o}
	l.splitter = splitter
	if request >= 0 {
		l.splitter = &jsonRequest{splitter, request, len(b.columns)}
		for _, f := range []Field{Method, Target, Protocol} {
			l.columns = append(l.columns, column{name: "request", field: f, unescape: jsonValue})
		}
	}
	l.when = whenOf(b.columns)
	l.takeTargets()
	status := l.column[Status]
	asked := askedOf(l, request)
	splitter.isEntry = func(_ []byte, s []span) bool { return s[status].end > 0 && asked(s) }
	return l, status >= 0 && (l.logged.Has(Path) || l.logged.Has(Method))
}

// takeTargets is index for columns that are known by their names: a path is taken for a target if
// nothing else has that or the query, for then people log both as one.
func (l *layout) takeTargets() {
	l.index()
	if i := l.column[Path]; i >= 0 && l.column[Target] < 0 && l.column[Query] < 0 {
		l.columns[i].field = Target
		l.logged, l.conditional = 0, nil
		l.index()
	}
}

// askedOf returns what reports whether a line says what was asked for: a method, a target or the
// request line. A line that does not tells of the response alone, as those of Fastify do.
func askedOf(l *layout, request int) func(spans []span) bool {
	var columns []int8
	for _, f := range []Field{Method, Target, Path} {
		if i := l.column[f]; i >= 0 && int(i) < len(l.columns) {
			columns = append(columns, i)
		}
	}
	if request >= 0 {
		columns = append(columns, int8(request))
	}
	return func(spans []span) bool {
		return slices.ContainsFunc(columns, func(i int8) bool { return int(i) < len(spans) && spans[i].end > 0 })
	}
}

// requestLines are names of the member that has the whole request line, written like those of jsonNames.
var requestLines = []string{"request", "requestline", "httprequest", "requestedurl"}

// whenOf returns the column that has the time by its name, or those of date and time.
func whenOf(columns []column) []int8 {
	at := map[string]int8{}
	for i, c := range columns {
		names := strings.Split(c.name, ".")
		if name := plainName(names[len(names)-1]); c.field == NoField || name == "starttime" {
			if _, taken := at[name]; !taken || len(names) == 1 {
				at[name] = int8(i)
			}
		}
	}
	date, dated := at["date"]
	for _, name := range jsonTimes {
		if i, ok := at[name]; ok {
			if dated && name == "time" {
				return []int8{date, i}
			}
			return []int8{i}
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
