package accesslog

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

// nginxCombined is the log_format that nginx has built in.
const nginxCombined = `$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"`

// nginxVariables are those of which entries know the meaning. $http_NAME and
// $sent_http_NAME are field lines and not listed.
var nginxVariables = map[string]column{
	"remote_addr":            {field: Client},
	"proxy_protocol_addr":    {field: Client, rank: -1},
	"binary_remote_addr":     {},
	"remote_user":            {field: User},
	"request":                {},
	"request_method":         {field: Method},
	"request_uri":            {field: Target},
	"uri":                    {field: Path, rank: -1},
	"document_uri":           {field: Path, rank: -1},
	"args":                   {field: Query},
	"query_string":           {field: Query},
	"server_protocol":        {field: Protocol},
	"scheme":                 {field: Scheme},
	"host":                   {field: Host},
	"server_name":            {field: Host, rank: -2},
	"hostname":               {field: Node},
	"server_addr":            {field: Node, rank: -1},
	"status":                 {field: Status},
	"body_bytes_sent":        {field: ContentSent},
	"bytes_sent":             {field: BytesSent},
	"request_length":         {field: BytesReceived},
	"content_length":         {field: ContentLength},
	"request_time":           {field: Duration, unit: time.Second},
	"request_id":             {field: RequestID},
	"upstream_addr":          {field: Upstream},
	"upstream_status":        {field: UpstreamStatus},
	"upstream_http_etag":     {field: UpstreamETag},
	"upstream_cache_status":  {field: Cache},
	"sent_http_etag":         {field: ETag},
	"cookie_":                {secret: true},
	"time_local":             {},
	"time_iso8601":           {},
	"msec":                   {},
	"ssl_client_raw_cert":    {secret: true},
	"ssl_session_id":         {secret: true},
	"app_protect_outcome":    {field: WAF},
	"upstream_response_time": {},
	"response_flags":         {field: Reason}, // of Envoy
	"response_ms":            {field: Duration, unit: time.Millisecond},
}

// nginxSlots are the variables whose values are not just up to the next literal.
var nginxSlots = map[string]slot{
	"request":                  {how: spaced, n: 2},
	"time_local":               {how: fixed, n: 26},
	"upstream_addr":            {how: list},
	"upstream_status":          {how: list},
	"upstream_response_time":   {how: list},
	"upstream_connect_time":    {how: list},
	"upstream_header_time":     {how: list},
	"upstream_bytes_sent":      {how: list},
	"upstream_bytes_received":  {how: list},
	"upstream_response_length": {how: list},
	"http_x_forwarded_for":     {how: list},
}

// nginxColumn is the column for a variable.
func nginxColumn(name string) column {
	c, known := nginxVariables[name]
	switch {
	case known:
	case strings.HasPrefix(name, "http_"):
		c = headerColumn(strings.ReplaceAll(name[len("http_"):], "_", "-"), request)
	case strings.HasPrefix(name, "sent_http_"):
		c = headerColumn(strings.ReplaceAll(name[len("sent_http_"):], "_", "-"), response)
	case isFirewallName(name):
		c.field = WAF
	case strings.HasPrefix(name, "cookie_"), strings.HasPrefix(name, "arg_") && secret.Parameter(strings.TrimPrefix(name, "arg_")):
		c.secret = true
	}
	c.name = "$" + name
	return c
}

// An nginxEscape is how nginx writes what might break a line.
type nginxEscape string

const (
	nginxDefault nginxEscape = "default" // \xHH; "-" for no value
	nginxJSON    nginxEscape = "json"    // as in JSON; "" for no value
	nginxNone    nginxEscape = "none"    // as it is; "" for no value
)

// parseNginx makes a layout from a log_format: the whole directive as in nginx.conf, or
// its text alone, with "escape=json" or "escape=none" before it where the directive
// has that.
func parseNginx(text string) (*layout, error) {
	escape, format, err := nginxDirective(text)
	if err != nil {
		return nil, err
	}
	format = strings.ReplaceAll(format, `\t`, "\t") // as nginx takes it
	b := newTemplateBuilder()
	var time nginxTime
	for len(format) > 0 {
		literal, name, rest := cutVariable(format)
		b.literal(literal)
		if format = rest; name == "" {
			continue
		}
		c := nginxColumn(name)
		if escape != nginxNone {
			c.unescape = backslash
		}
		time.note(len(b.columns), name)
		if name == "request" {
			b.request = len(b.columns)
		}
		if err := b.value(c, nginxSlots[name], escape != nginxNone); err != nil {
			return nil, err
		}
	}
	l, err := b.layout()
	if err != nil {
		return nil, err
	}
	l.named = true
	if escape != nginxDefault {
		l.absent = empty
	}
	time.set(l)
	return l, requireStatus(l)
}

// errNoStatus: without a status there is nothing to diagnose, and nothing to know a line
// by.
var errNoStatus = errors.New("the format has no status, so nothing can be said of its requests")

func requireStatus(l *layout) error {
	if !l.logged.Has(Status) {
		return errNoStatus
	}
	return nil
}

// nginxTime notes which variable has the time.
type nginxTime struct {
	columns int8
	name    string
}

func (t *nginxTime) note(i int, name string) {
	switch name {
	case "time_local", "time_iso8601":
		if t.name == "" {
			t.columns, t.name = int8(i), name
		}
	case "msec":
		t.columns, t.name = int8(i), name
	}
}

func (t *nginxTime) set(l *layout) {
	switch t.name {
	case "time_local":
		l.clock = commonTime
	case "time_iso8601":
		l.clock = isoTime
	case "msec":
		l.clock = unixSeconds
	}
	if t.name != "" {
		l.when = []int8{t.columns}
	}
	l.index()
}

// cutVariable returns the text before the first variable of a log_format, the name of
// that variable, and what follows it.
func cutVariable(format string) (literal, name, rest string) {
	i := strings.IndexByte(format, '$')
	if i < 0 {
		return format, "", ""
	}
	literal, rest = format[:i], format[i+1:]
	if inner, after, closed := strings.Cut(strings.TrimPrefix(rest, "{"), "}"); strings.HasPrefix(rest, "{") && closed {
		return literal, inner, after
	}
	n := 0
	for n < len(rest) && (tokenChars[rest[n]] && rest[n] != '-') {
		n++
	}
	if n == 0 {
		return format[:i+1], "", rest
	}
	return literal, rest[:n], rest[n:]
}

// nginxDirective returns the escape and the text of a log_format.
func nginxDirective(text string) (escape nginxEscape, format string, err error) {
	text = strings.TrimSpace(text)
	escape, format = nginxDefault, text
	words, isDirective := text, false
	if rest, ok := strings.CutPrefix(text, "log_format"); ok && strings.TrimLeft(rest, " \t\r\n") != rest {
		isDirective = true
		_, words, _ = cutSpace(strings.TrimSpace(rest)) // the name
	}
	if value, ok := strings.CutPrefix(words, "escape="); ok {
		var name string
		name, words, _ = cutSpace(value)
		escape, format = nginxEscape(name), words
	}
	switch escape {
	case nginxDefault, nginxJSON, nginxNone:
	default:
		return "", "", fmt.Errorf("escape=%s is not one of default, json and none", escape)
	}
	if isDirective {
		format, err = joinQuoted(words)
	}
	return escape, format, err
}

// cutSpace cuts s around its first white space.
func cutSpace(s string) (before, after string, found bool) {
	i := strings.IndexAny(s, " \t\r\n")
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimSpace(s[i:]), true
}

// joinQuoted joins the quoted strings of a directive of nginx, which ends with ";".
func joinQuoted(s string) (string, error) {
	var b strings.Builder
	for s = strings.TrimSpace(s); s != "" && s != ";"; s = strings.TrimSpace(s) {
		quote := s[0]
		if quote != '\'' && quote != '"' {
			return "", fmt.Errorf("expected a quoted string at %q", s)
		}
		i := 1
		for ; i < len(s) && s[i] != quote; i++ {
			if s[i] == '\\' && i+1 < len(s) {
				i++
				if c := s[i]; c != quote && c != '\\' {
					b.WriteByte('\\')
				}
			}
			b.WriteByte(s[i])
		}
		if i == len(s) {
			return "", fmt.Errorf("the string %q has no end", s)
		}
		s = s[i+1:]
	}
	return b.String(), nil
}
