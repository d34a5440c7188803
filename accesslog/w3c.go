package accesslog

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
)

// The fields that are logged unless someone chose others. They are assumed where a log
// has no #Fields directive, as when lines were picked from it.
const (
	iisDefaultFields = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) " +
		"sc-status sc-substatus sc-win32-status time-taken"
	httperrFields    = "date time c-ip c-port s-ip s-port cs-version cs-method cs-uri sc-status s-siteid s-reason s-queuename"
	cloudfrontFields = "date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) " +
		"cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for " +
		"ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port " +
		"time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end"
)

// realtimeFields are those of CloudFront's real-time logs, in the order in which they stand if all
// are chosen.
const realtimeFields = "timestamp c-ip s-ip time-to-first-byte sc-status sc-bytes cs-method cs-protocol cs-host cs-uri-stem cs-bytes x-edge-location " +
	"x-edge-request-id x-host-header time-taken cs-protocol-version c-ip-version cs-user-agent cs-referer cs-cookie cs-uri-query " +
	"x-edge-response-result-type x-forwarded-for ssl-protocol ssl-cipher x-edge-result-type fle-encrypted-fields fle-status sc-content-type " +
	"sc-content-len sc-range-start sc-range-end c-port x-edge-detailed-result-type c-country cs-accept-encoding cs-accept " +
	"cache-behavior-path-pattern cs-headers cs-header-names cs-headers-count"

// w3cColumns are the fields of the extended log file format with a meaning, except
// field lines, which are cs(NAME), sc(NAME) or just NAME.
var w3cColumns = map[string]column{
	"date":                        {},
	"time":                        {},
	"s-ip":                        {field: Node, rank: -1},
	"s-computername":              {field: Node, rank: 1},
	"s-sitename":                  {field: Host, rank: -2}, // keeps the sites of a centralized log apart
	"s-siteid":                    {},
	"s-port":                      {},
	"s-queuename":                 {},
	"s-reason":                    {field: Reason},
	"c-ip":                        {field: Client},
	"c-port":                      {},
	"cs-method":                   {field: Method},
	"cs-uri":                      {field: Target},
	"cs-uri-stem":                 {field: Path},
	"cs-uri-query":                {field: Query},
	"cs-username":                 {field: User, unescape: plusBlank},
	"cs-version":                  {field: Protocol},
	"cs-host":                     {field: Host},
	"cs-bytes":                    {field: BytesReceived},
	"cs-accept-encoding":          {field: AcceptEncoding},
	"cs-protocol":                 {field: Scheme},
	"cs-protocol-version":         {field: Protocol},
	"cs-headers":                  {secret: true},
	"cs-user-agent":               {field: UserAgent},
	"cs-referer":                  {field: Referer},
	"cs-cookie":                   {secret: true},
	"sc-status":                   {field: Status},
	"sc-substatus":                {field: SubStatus},
	"sc-win32-status":             {field: Win32Status},
	"sc-bytes":                    {field: BytesSent},
	"sc-content-len":              {},
	"sc-range-start":              {field: ContentRange},
	"time-taken":                  {field: Duration, unit: time.Millisecond},
	"timetakenms":                 {field: Duration, unit: time.Millisecond}, // of Advanced Logging
	"x-edge-location":             {field: Node},
	"x-edge-result-type":          {field: Cache},
	"x-edge-detailed-result-type": {field: Reason},
	"x-edge-request-id":           {field: RequestID},
	"x-host-header":               {field: Host, rank: 1},
	"x-forwarded-for":             {field: ForwardedFor},
}

// w3cColumn is the column for a field of a W3C log. Names are not case-sensitive.
func w3cColumn(name string) column {
	lower := strings.ToLower(name)
	c, known := w3cColumns[lower]
	inner, isCall := strings.CutSuffix(lower, ")")
	switch {
	case known:
	case isCall && strings.HasPrefix(inner, "cs("):
		c = headerColumn(inner[len("cs("):], request)
	case isCall && strings.HasPrefix(inner, "sc("):
		c = headerColumn(inner[len("sc("):], response)
	default:
		// A custom field of IIS has the name its administrator gave it: most
		// give it the name of the field line.
		if c = headerColumn(lower, request); c.field == NoField {
			c = headerColumn(lower, response)
		}
	}
	c.name = name
	return c
}

// A w3cDialect reads W3C logs: lines of values, in the order of the last #Fields.
type w3cDialect struct {
	separator byte
	// ansi is set if the log may be in Windows-1252.
	ansi bool
	// wrapped is set if something stands around all lines, also around directives.
	wrapped bool
	// adapt changes a column to what the server makes of it.
	adapt func(c *column)

	mu      sync.Mutex
	layouts map[string]*layout // by date and fields
}

func newIIS() *w3cDialect {
	return &w3cDialect{separator: ' ', ansi: true, layouts: map[string]*layout{}, adapt: func(c *column) {
		switch {
		case c.field == Query:
			c.unescape = iisQuery
		case isTagList(c.field):
			c.unescape = plusBlankOutsideQuotes
		case c.field != Path && c.field != Target:
			c.unescape = plusBlank
		}
	}}
}

func newCloudFront() *w3cDialect {
	return &w3cDialect{separator: '\t', layouts: map[string]*layout{}, adapt: func(c *column) {
		c.unescape = percent
		switch c.field {
		case Duration:
			c.unit = time.Second
		case Path:
			c.unescape = pathOnly // real-time logs have the query here too
		}
	}}
}

// A w3cState is what the directives so far have said.
type w3cState struct {
	layout *layout // nil before the first #Fields, and if that cannot be read
	fields string
	date   string // of #Date, as in 2026-11-03
	// advanced is set by the #Software of IIS Advanced Logging, which puts texts into quotation marks.
	advanced bool
}

// isDirective returns a line that is a directive, without what stands around it, and nil of any other.
func (d *w3cDialect) isDirective(line []byte) []byte {
	switch {
	case d == nil || len(line) == 0:
		return nil
	case line[0] == '#':
		return line
	case !d.wrapped || bytes.IndexByte(line, '#') < 0:
		return nil
	}
	if line = unwrap(bytes.Clone(line)); len(line) > 0 && line[0] == '#' {
		return line
	}
	return nil
}

// directive returns the state after a line that begins with "#".
func (d *w3cDialect) directive(s w3cState, line []byte) w3cState {
	name, value, _ := bytes.Cut(line, []byte{':'})
	switch string(name) {
	case "#Software":
		s.advanced = bytes.Contains(value, []byte("Advanced Logging"))
		return s
	case "#Fields":
		s.fields = string(bytes.TrimSpace(value))
	case "#Date":
		s.date, _, _ = strings.Cut(string(bytes.TrimSpace(value)), " ")
	default:
		return s
	}
	if s.fields != "" {
		s.layout = d.layout(s.fields, s.date, s.advanced)
	}
	return s
}

// layout returns the layout for the fields of a directive, nil if there is none. It is
// called by several goroutines.
func (d *w3cDialect) layout(fields, date string, advanced bool) *layout {
	names := strings.Fields(fields)
	isDate := func(name string) bool { return strings.EqualFold(name, "date") }
	if slices.ContainsFunc(names, isDate) {
		date = "" // each line has its own
	}
	key := date + " " + fields
	if advanced {
		key = "advanced " + key
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l, known := d.layouts[key]
	if !known {
		if l, _ = d.compile(names, date); l != nil && advanced {
			l.splitter = quotedDelimited{l.columns}
		}
		if len(d.layouts) < maxLayouts {
			d.layouts[key] = l
		}
	}
	return l
}

// maxLayouts bounds how many different #Fields of a log are remembered.
const maxLayouts = 100

// compile makes a layout from names. date, unless "", is that of all lines.
func (d *w3cDialect) compile(names []string, date string) (*layout, error) {
	if len(names) > maxColumns {
		return nil, fmt.Errorf("%d fields are more than the %d that can be read", len(names), maxColumns)
	}
	l := &layout{splitter: delimited{d.separator, len(names)}, clock: w3cTime, ansi: d.ansi, wrapped: d.wrapped}
	dateColumn, timeColumn := int8(-1), int8(-1)
	for i, name := range names {
		c := w3cColumn(name)
		d.adapt(&c)
		switch strings.ToLower(name) {
		case "date":
			dateColumn = int8(i)
		case "time":
			timeColumn = int8(i)
		case "timestamp": // of CloudFront's real-time log
			l.when, l.clock = []int8{int8(i)}, unixSeconds
		case "sc-range-end":
			l.rangeEnd = int8(i)
		}
		l.columns = append(l.columns, c)
	}
	switch {
	case timeColumn >= 0 && dateColumn >= 0:
		l.when = []int8{dateColumn, timeColumn}
	case timeColumn >= 0 && date != "":
		l.when, l.clock = []int8{timeColumn}, datedTime(date)
	}
	if err := requireStatus(l.index()); err != nil {
		return nil, err
	}
	return l, nil
}

// datedTime reads 09:15:40 of a date.
func datedTime(date string) clock {
	return func(b []byte) (at int64, ok bool) {
		if len(b) != len("15:04:05") {
			return 0, false
		}
		return w3cTime([]byte(date + " " + alias(b)))
	}
}

// delimited splits lines at a separator.
type delimited struct {
	separator byte
	n         int
}

func (d delimited) split(line []byte, spans []span) verdict {
	pos := 0
	for i := range d.n - 1 {
		n := bytes.IndexByte(line[pos:], d.separator)
		if n < 0 {
			return unreadable
		}
		spans[i] = span{uint32(pos), uint32(pos + n)}
		pos += n + 1
	}
	end := len(line)
	if end > pos && line[end-1] == d.separator {
		end-- // HTTPERR ends some lines with a blank
	}
	if bytes.IndexByte(line[pos:end], d.separator) >= 0 {
		return unreadable
	}
	spans[d.n-1] = span{uint32(pos), uint32(end)}
	return isEntry
}

// quotedDelimited splits the lines of IIS Advanced Logging: at tabs, or at blanks if there are
// none, with texts in quotation marks.
type quotedDelimited struct{ columns []column }

func (d quotedDelimited) split(line []byte, spans []span) verdict {
	separator := byte(' ')
	if bytes.IndexByte(line, '\t') >= 0 {
		separator = '\t'
	}
	pos := 0
	for i := range d.columns {
		if i > 0 {
			if pos >= len(line) || line[pos] != separator {
				return unreadable
			}
			pos++
		}
		end := quotedEnd(line, pos, separator)
		spans[i] = d.columns[i].unquoted(line, span{uint32(pos), uint32(end)})
		pos = end
	}
	if pos < len(line) && pos+1 < len(line) {
		return unreadable
	}
	return isEntry
}

// quotedEnd is where the value at pos ends: at the separator, which is not looked for inside of
// quotation marks.
func quotedEnd(line []byte, pos int, separator byte) int {
	if pos < len(line) && line[pos] == '"' {
		for from := pos + 1; ; {
			n := bytes.IndexByte(line[from:], '"')
			if n < 0 {
				break
			}
			if from += n + 1; from == len(line) || line[from] == separator {
				return from
			}
		}
	}
	if n := bytes.IndexByte(line[pos:], separator); n >= 0 {
		return pos + n
	}
	return len(line)
}

// unquoted is a value without the quotation marks around it. Those of an entity tag belong to it.
func (c *column) unquoted(line []byte, s span) span {
	if s.end-s.start < 2 || line[s.start] != '"' || line[s.end-1] != '"' {
		return s
	}
	inner := span{s.start + 1, s.end - 1}
	if text := line[inner.start:inner.end]; isTagList(c.field) && len(text) > 4 && bytes.HasPrefix(text, []byte(`""`)) &&
		bytes.HasSuffix(text, []byte(`""`)) {
		return span{inner.start + 1, inner.end - 1} // the quotes of one tag were doubled
	}
	if isTagList(c.field) && bytes.IndexByte(line[inner.start:inner.end], '"') < 0 {
		return s
	}
	return inner
}
