package accesslog

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ErrNotALog is wrapped by the errors for files whose first lines have no known format.
var ErrNotALog = errors.New("not an access log")

const (
	// sampleSize is how much of a file is looked at to find its format.
	sampleSize = 64 << 10
	// sampleLines is how many lines of that are tried.
	sampleLines = 200
)

// detect finds the dialect of a file that begins with sample. whole says that this is
// all of it. It returns nil for a file without any line.
func detect(sample []byte, whole bool, in *time.Location) (*dialect, error) {
	sample = bytes.TrimPrefix(sample, utf8BOM)
	if looks := looksBinary(sample); looks != "" {
		return nil, fmt.Errorf("%w: looks like %s", ErrNotALog, looks)
	}
	lines := linesOf(sample, whole)
	if len(lines) == 0 {
		if len(bytes.Trim(sample, "\x00\r\n\t ")) > 0 {
			return nil, fmt.Errorf("%w: its first line has no end", ErrNotALog)
		}
		return nil, nil
	}
	if f := directiveFormat(lines); f != "" {
		return directed(f, false, in)
	}
	if inner, wrapped := unwrapAll(lines); wrapped {
		if f := directiveFormat(inner); f != "" {
			return directed(f, true, in)
		}
	}
	if d := bestOf(lines, in); d != nil {
		return d, nil
	}
	if looks := looksText(sample); looks != "" {
		return nil, fmt.Errorf("%w: looks like %s", ErrNotALog, looks)
	}
	return nil, fmt.Errorf("%w: no known format fits its first lines, such as %q; if it is one, say which", ErrNotALog,
		safeText(lines[0], 120))
}

var utf8BOM = []byte("\xef\xbb\xbf")

// detectGiven returns the dialect for a format that was given, which may lack what only
// the file can tell.
func detectGiven(f Format, sample []byte, whole bool, in *time.Location) (*dialect, error) {
	if looks := looksBinary(bytes.TrimPrefix(sample, utf8BOM)); looks != "" {
		return nil, fmt.Errorf("%w: looks like %s", ErrNotALog, looks)
	}
	if f.name == "json" && f.arg == "" {
		lines := linesOf(sample, whole)
		l, ok := newJSON(jsonPaths(jsonKeys(lines)), in)
		if !ok {
			l, ok = newJSON(nestedPaths(jsonMembers(lines)), in)
		}
		if !ok {
			return nil, fmt.Errorf("%w: its first lines are no JSON objects with a status and a method or target", ErrNotALog)
		}
		return &dialect{format: f, start: w3cState{layout: l}}, nil
	}
	if k := (pairKind{}); f.arg == "" && (f.name == logfmtPairs.name || f.name == ltsvPairs.name) {
		if k = logfmtPairs; f.name == ltsvPairs.name {
			k = ltsvPairs
		}
		lines := linesOf(sample, whole)
		names := k.namesOfPairs(lines)
		if _, ok := newPairs(k, names, in); !ok {
			return nil, fmt.Errorf("%w: its first lines have no names of a status, a method and a target", ErrNotALog)
		}
		f.arg = strings.Join(names, ",")
	}
	if f.name == "csv" && f.arg == "" {
		lines := linesOf(sample, whole)
		if len(lines) == 0 {
			return nil, nil
		}
		names := csvNames(lines[0])
		if _, ok := newCSV(names, in); !ok {
			return nil, fmt.Errorf("%w: its first line has no names of columns, or none of a status and a method or target", ErrNotALog)
		}
		f.arg = strings.Join(names, ",")
	}
	d, err := f.dialect(in)
	if err == nil && d.start.layout != nil && d.w3c == nil {
		d.unwrapIfBetter(linesOf(sample, whole))
	}
	return d, err
}

// bestOf returns the dialect that reads most of the lines, as they are or without what stands
// around them.
func bestOf(lines [][]byte, in *time.Location) *dialect {
	plain, read := bestCandidate(lines, in)
	inner, wrapped := unwrapAll(lines)
	if !wrapped || len(inner) == 0 {
		return plain
	}
	unwrapped, more := bestCandidate(inner, in)
	switch {
	case unwrapped == nil || more < read || unwrapped.w3c != nil && plain != nil:
		return plain
	case plain != nil && more == read && (slices.Contains(marked, plain.format.name) || lines[0][0] == '{'):
		return plain // which knows what stands before its lines, or has a message beside its fields
	}
	unwrapped.unwrap()
	return unwrapped
}

// marked are formats to which what stands before the line belongs, as far as it is usual.
var marked = []string{"haproxy", "caddy-console", "uvicorn", "uvicorn-timed", "logfmt", "minio-text", "radicale",
	"wsgidav", "couchdb", "gitea", "tower",
	"actix", "gorouter", "php", "fiber"}

// unwrapIfBetter has the lines unwrapped if the format, which was given, reads more of them then.
func (d *dialect) unwrapIfBetter(lines [][]byte) {
	inner, wrapped := unwrapAll(lines)
	c := candidate{format: d.format}
	if wrapped && c.countEntries(d, inner) > c.countEntries(d, lines) {
		d.unwrap()
	}
}

// unwrap has the lines read without what stands around them.
func (d *dialect) unwrap() {
	l := *d.start.layout
	l.wrapped = true
	d.start.layout = &l
	d.notes = append(d.notes, unwrappedNote)
}

const unwrappedNote = "what programs on the way have put around its lines is left out"

// linesOf returns the first lines of a sample that have something in them.
func linesOf(sample []byte, whole bool) (lines [][]byte) {
	for len(lines) < sampleLines {
		line, rest, found := bytes.Cut(sample, []byte{'\n'})
		if !found && !whole && len(lines) > 0 {
			break // it may go on
		}
		if line = trimLine(line); len(line) > 0 {
			lines = append(lines, line)
		}
		if sample = rest; len(rest) == 0 {
			break
		}
	}
	return lines
}

// directiveFormat returns the name of the format that the directives of a W3C log tell,
// or "".
func directiveFormat(lines [][]byte) string {
	for _, line := range lines {
		fields, isFields := bytes.CutPrefix(line, []byte("#Fields:"))
		software, isSoftware := bytes.CutPrefix(line, []byte("#Software:"))
		switch {
		case isFields && bytes.Contains(fields, []byte("x-edge-")):
			return "cloudfront"
		case isFields && bytes.Contains(fields, []byte("s-reason")):
			return "httperr"
		case isFields && bytes.Contains(fields, []byte("sc-status")):
			return "iis"
		case isSoftware && bytes.Contains(software, []byte("HTTP API")):
			return "httperr"
		case isSoftware && bytes.Contains(software, []byte("Internet Information Services")),
			isSoftware && bytes.Contains(software, []byte("IIS Advanced Logging")):
			return "iis"
		}
	}
	return ""
}

// directed is the dialect of a W3C log that has directives. wrapped is set if something stands around its lines, and around them.
func directed(format string, wrapped bool, in *time.Location) (*dialect, error) {
	d, err := Format{name: format, server: specOf(format).server}.dialect(in)
	if err != nil {
		return nil, err
	}
	d.start = w3cState{}
	if d.w3c.wrapped = wrapped; wrapped {
		d.w3c.layouts = map[string]*layout{}
		d.notes = append(d.notes, unwrappedNote)
	}
	return d, nil
}

// A candidate is a format that lines may have.
type candidate struct {
	format Format
	// note, if not empty, is told to people when the candidate is chosen.
	note string
	// accepts, if not nil, must hold for every entry.
	accepts func(e *Entry) bool
	// certain formats are not mistaken: one entry is enough, whatever the other lines are.
	certain bool
	// proves, if not nil, must hold for at least one.
	proves func(e *Entry) bool
	// guessed is set if columns are taken for what they hold.
	guessed bool
}

// textCandidates are tried on lines that are no JSON, in this order; of equally good ones
// the first wins.
var textCandidates = []candidate{
	{format: Format{name: "s3", server: "Amazon S3"}, certain: true},
	{format: Format{name: "caddy-console", server: "Caddy"}, certain: true},
	{format: Format{name: "azure-storage-classic", server: "Azure Storage"}, certain: true},
	{
		format: Format{name: "minio-text", server: "MinIO"}, certain: true,
		note: "its times are taken for UTC, or those of --time-zone",
	},
	{
		format:  Format{name: "haproxy", arg: haproxyCapturesAdvised, server: "HAProxy"},
		note:    "its captures are taken for " + haproxyCapturesAdvised,
		accepts: couldBeAdvisedCaptures, proves: hasAdvisedCaptures,
	},
	{format: Format{name: "haproxy", server: "HAProxy"}},
	{format: Format{name: "vhost_combined", server: "Apache"}, accepts: func(e *Entry) bool {
		_, ok := parseDigits(e.raw(1)) // the port
		return ok
	}},
	{
		format:  Format{name: "apache", arg: hostCombined},
		note:    "its first column is taken for the host that was asked",
		accepts: func(e *Entry) bool { return isHost(e.Text(Host)) && isAddress(e.Text(Client)) },
	},
	{
		format:  Format{name: "apache", arg: lighttpdCombined},
		note:    "its second column is taken for the host that was asked, as lighttpd writes it",
		accepts: func(e *Entry) bool { return isHost(e.Text(Host)) },
	},
	{format: Format{name: "nginx", arg: lancacheLog, server: "nginx"}},
	{format: Format{name: "istio", server: "Istio"}},
	{format: Format{name: "envoy", server: "Envoy"}},
	{format: Format{name: "alb", server: "AWS load balancer"}},
	{format: Format{name: "elb", server: "AWS classic load balancer"}},
	{format: Format{name: "nginx", arg: hypercornLog, server: "Hypercorn"}},
	{format: Format{name: "combined"}},
	{format: Format{name: "nginx", arg: nginxMain, server: "nginx"}, accepts: isForwarded},
	{format: Format{name: "nginx", arg: ingressLog, server: "nginx"}, note: "it is taken for the format of ingress-nginx"},
	{
		format:  Format{name: "apache", arg: forwardedCombined},
		note:    "its first column is taken for X-Forwarded-For",
		accepts: isForwarded,
	},
	{format: Format{name: "apache", arg: `"` + apacheCombined + `"`, server: "LiteSpeed"}},
	{format: Format{name: "gin", server: "Gin"}},
	{format: Format{name: "combined_more"}, note: "what follows the user agent is not read: give the log_format or LogFormat of this log"},
	{format: Format{name: "common"}},
	{format: Format{name: "vhost_common", server: "Apache"}, accepts: func(e *Entry) bool {
		_, ok := parseDigits(e.raw(1)) // the port
		return ok
	}},
	{
		format:  Format{name: "apache", arg: "%v " + apacheCommon},
		note:    "its first column is taken for the host that was asked",
		accepts: func(e *Entry) bool { return isHost(e.Text(Host)) && isAddress(e.Text(Client)) },
	},
	{format: Format{name: "nginx", arg: apisixLog, server: "APISIX"}},
	{format: Format{name: "nginx", arg: gatewayLog, server: "Amazon API Gateway"}},
	{format: Format{name: "nginx", arg: isoCombined}},
	{
		format: Format{name: "nginx", arg: isoCombined + ` $more`},
		note:   "what follows the user agent is not read: give the log_format of this log",
	},
	{format: Format{name: "nginx", arg: isoCommon}},
	{
		format: Format{name: "common_more"}, accepts: isOneWord,
		note: "what follows the size is not read: give the log_format or LogFormat of this log",
	},
	{format: Format{name: "nginx", arg: istioOldLog, server: "Istio"}},
	{format: Format{name: "nginx", arg: chiLog, server: "chi"}, note: "its times are not read"},
	{format: Format{name: "squid", server: "Squid"}},
	{format: Format{name: "uvicorn-timed", server: "uvicorn"}},
	{format: Format{name: "uvicorn", server: "uvicorn"}, note: "it has no times"},
	{format: Format{name: "werkzeug", server: "werkzeug"}},
	{format: Format{name: "nginx", arg: aiohttpLog, server: "aiohttp"}, accepts: isOneWord},
	{format: Format{name: "runserver", server: "Django"}, note: "it has no clients, so nobody can tell who sent what"},
	{format: Format{name: "morgan-short", server: "morgan"}, note: "it has no times", accepts: looksLikeRequest},
	{format: Format{name: "morgan-dev", server: "morgan"}, note: "it has neither times nor clients, so nobody can tell who sent what",
		accepts: looksLikeRequest},
	{format: Format{name: "morgan-tiny", server: "morgan"}, note: "it has neither times nor clients, so nobody can tell who sent what",
		accepts: looksLikeRequest},
	{format: Format{name: "iis-native", server: "IIS"},
		note: "its times are taken for UTC, or those of --time-zone, and its dates for month/day/year if they can be"},
	{
		format: Format{name: "iis", server: "IIS"}, accepts: isOfAddress,
		note: "it has no #Fields directive, so the default fields of IIS are assumed",
	},
	{
		format: Format{name: "httperr", server: "HTTP.sys"}, accepts: isOfAddress,
		note: "it has no #Fields directive, so the fields of current versions are assumed",
	},
	{
		format: Format{name: "cloudfront", server: "CloudFront"}, accepts: isOfAddress,
		note: "it has no #Fields directive, so the fields of standard logs are assumed",
	},
}

// hasAdvisedCaptures reports whether the captured fields of an entry are as many as we
// advise to capture.
func hasAdvisedCaptures(e *Entry) bool {
	for _, last := range []Field{AcceptEncoding, ContentEncoding} {
		i := int(e.layout.column[last])
		if e.spans[i].end == 0 || bytes.IndexByte(e.raw(i), '|') >= 0 {
			return false
		}
	}
	return bytes.Count(e.line, []byte(" {")) == 2
}

// couldBeAdvisedCaptures reports whether an entry has no captured fields, or such as we
// advise, with values that look right.
func couldBeAdvisedCaptures(e *Entry) bool {
	if !hasAdvisedCaptures(e) {
		return !bytes.Contains(e.line, []byte(" {"))
	}
	for _, f := range []Field{IfMatch, IfNoneMatch, IfRange, ETag} {
		v := strings.TrimPrefix(e.Text(f), "W/")
		if v != "" && v != "*" && v[0] != '"' && f != IfRange {
			return false
		}
	}
	for _, f := range []Field{IfModifiedSince, IfUnmodifiedSince, LastModified} {
		if v := e.Text(f); v != "" && !strings.HasSuffix(v, "GMT") {
			return false
		}
	}
	ranges := e.Text(Range)
	return ranges == "" || strings.Contains(ranges, "=")
}

// nginxMain is the log_format of the nginx.conf that comes with nginx.
const nginxMain = nginxCombined + ` "$http_x_forwarded_for"`

// Formats of access logs with a column for the host.
const (
	hostCombined     = `%v %h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`
	lighttpdCombined = `%h %V %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`
	lancacheLog      = `[$cache] $remote_addr / $http_x_forwarded_for - $remote_user [$time_local] "$request" $status $body_bytes_sent ` +
		`"$http_referer" "$http_user_agent" "$upstream_cache_status" "$host" "$http_range"`
)

// forwardedCombined is combined with X-Forwarded-For in the place of the client, and ingressLog
// what ingress-nginx has by default.
const (
	forwardedCombined = `%{X-Forwarded-For}i %l %u %t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"`
	ingressLog        = nginxCombined + ` $request_length $request_time [$proxy_upstream_name] [$proxy_alternative_upstream_name] $upstream_addr ` +
		`$upstream_response_length $upstream_response_time $upstream_status $request_id`
)

// Formats that begin as the common log format does, with something in between or behind.
const (
	isoCommon   = `$remote_addr - $remote_user [$time_iso8601] "$request" $status $body_bytes_sent`
	isoCombined = isoCommon + ` "$http_referer" "$http_user_agent"`
	apisixLog   = `$remote_addr - $remote_user [$time_local] $http_host "$request" $status $body_bytes_sent $request_time ` +
		`"$http_referer" "$http_user_agent" $upstream_addr $upstream_status $upstream_response_time "$upstream_url"`
	hypercornLog = `$remote_addr:$remote_port $identity $remote_user [$time_local] "$request_method $request_uri $server_protocol" ` +
		`$status $body_bytes_sent "$http_referer" "$http_user_agent"`
	gatewayLog = `$remote_addr $identity $remote_user [$time_local]"$request" $status $body_bytes_sent $request_id`
	chiLog     = `$day $clock [$request_id] "$request" from $remote_addr:$remote_port - $status ${body_bytes_sent}B in $response_time`
)

// isOfAddress reports whether the client of an entry is an address, or not told.
func isOfAddress(e *Entry) bool {
	client := e.Text(Client)
	return client == "" || isAddress(client)
}

// isForwarded reports whether X-Forwarded-For of an entry has addresses alone.
func isForwarded(e *Entry) bool {
	for address := range strings.SplitSeq(e.Text(ForwardedFor), ",") {
		if address = strings.TrimSpace(address); address != "" && address != "unknown" && !isAddress(address) {
			return false
		}
	}
	return true
}

// isHost reports whether a value is the name of a host with a dot in it, or an address in its place.
func isHost(s string) bool {
	return len(s) > 2 && strings.Contains(s, ".") && !strings.ContainsAny(s, "@ ,/\"[]") && s[0] != '-' && s[0] != '.'
}

// isAddress reports whether a value is an IP address.
func isAddress(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

var jsonCandidates = []candidate{
	{format: Format{name: "fourtwelve", server: "fourtwelve"}, certain: true,
		accepts: func(e *Entry) bool { return e.State(Client) == Present }},
	{format: Format{name: "caddy", server: "Caddy"}, certain: true},
}

// bestCandidate returns the dialect that reads most of the lines, and at least a third, and how
// many it reads.
func bestCandidate(lines [][]byte, in *time.Location) (best *dialect, read int) {
	candidates := slices.Concat(toldCandidates(), textCandidates)
	if bytes.HasPrefix(bytes.TrimLeft(lines[0], " \t"), []byte("{")) {
		candidates = slices.Clone(jsonCandidates)
		for _, shape := range jsonShapes {
			candidates = append(candidates, candidate{format: Format{name: shape.name, server: shape.server}, certain: true})
		}
		candidates = append(candidates, candidate{format: Format{name: "json", arg: strings.Join(jsonKeys(lines), ",")}})
		if c, ok := nestedCandidate(lines, in); ok {
			candidates = append(candidates, c)
		}
	}
	if c, proven := identify(lines); proven {
		candidates = append([]candidate{c}, candidates...)
	} else if i := slices.IndexFunc(candidates, isMore); c.format.arg != "" && i >= 0 {
		candidates = slices.Insert(slices.Clone(candidates), i, c)
	}
	candidates = append(slices.Clip(candidates), columnCandidates(lines)...)
	if c, ok := identifySeparated(lines); ok {
		candidates = append(candidates, c)
	}
	most := (len(lines) + 2) / 3
	for _, c := range candidates {
		d, err := c.format.dialect(in)
		if err != nil {
			continue
		}
		entries := c.countEntries(d, lines)
		if entries == 0 || entries < most && !c.certain {
			continue
		}
		best, read, most = d, entries, entries+1
		best.guessed = c.guessed
		if c.note != "" {
			best.notes = append(best.notes, c.note)
		}
		if c.certain {
			break
		}
	}
	if best != nil {
		best.guessServer(lines)
	}
	return best, read
}

// isMore reports whether a candidate is combined with more behind it.
func isMore(c candidate) bool { return c.format.name == "combined_more" }

// countEntries counts the lines that d, the dialect of c, reads as entries.
func (c *candidate) countEntries(d *dialect, lines [][]byte) (n int) {
	p := newLineParser()
	proven := c.proves == nil
	for _, line := range lines {
		if p.parse(d.start.layout, line) == isEntry && (c.accepts == nil || c.accepts(&p.entry)) {
			n++
			proven = proven || c.proves(&p.entry)
		}
	}
	if !proven {
		return 0
	}
	return n
}

// jsonKeys returns the keys of the objects in lines, in the order in which they come.
func jsonKeys(lines [][]byte) (keys []string) {
	seen := map[string]bool{}
	for _, line := range lines {
		s := jsonScanner{b: line}
		if !s.open() {
			continue
		}
		for key, ok := s.next(); ok && len(keys) < maxColumns; key, ok = s.next() {
			if name := string(key); !seen[name] && !strings.Contains(name, ",") {
				seen[name] = true
				keys = append(keys, name)
			}
			s.value()
		}
	}
	return keys
}

// columnCandidates are for lines whose first tells of their columns: it has the names of them, or
// tabs between them.
func columnCandidates(lines [][]byte) (list []candidate) {
	first := lines[0]
	if bytes.IndexByte(first, ',') > 0 {
		if names := csvNames(first); len(names) > 2 {
			if _, ok := newCSV(names, nil); ok {
				list = append(list, candidate{format: Format{name: "csv", arg: strings.Join(names, ",")}})
			}
		}
	}
	list = append(list, pairCandidate(lines)...)
	if bytes.IndexByte(first, '\t') > 0 && first[0] != '#' {
		if c, ok := realtimeCandidate(lines); ok {
			list = append(list, c)
		}
	}
	return list
}

// nestedCandidate is for JSON objects whose members are in others: what each means is told by its
// names. ok is false if that does not make a log.
func nestedCandidate(lines [][]byte, in *time.Location) (c candidate, ok bool) {
	paths := nestedPaths(jsonMembers(lines))
	l, ok := newJSON(paths, in)
	if !ok {
		return candidate{}, false
	}
	var pairs []string
	seen := map[Field]bool{}
	add := func(field string, column int8) {
		if path := paths[column].path; !strings.ContainsAny(path, ",=") {
			pairs = append(pairs, field+"="+path)
		}
	}
	if len(l.when) == 1 {
		add("time", l.when[0])
	}
	for _, column := range l.column {
		switch {
		case column < 0:
		case int(column) >= len(paths): // a part of the request line
			if parts := l.splitter.(*jsonRequest); !seen[NoField] {
				seen[NoField] = true
				add("request", int8(parts.request))
			}
		case !seen[l.columns[column].field]:
			seen[l.columns[column].field] = true
			add(fieldWithUnit(&l.columns[column]), column)
		}
	}
	arg := strings.Join(pairs, ",")
	return candidate{format: Format{name: "json", arg: arg}, note: "its members are taken by their names, as --format json:" + arg}, true
}

// fieldWithUnit is the name of the column's field, for mappedPaths.
func fieldWithUnit(c *column) string {
	if c.field != Duration {
		return c.field.String()
	}
	switch c.unit {
	case time.Millisecond:
		return "duration_ms"
	case time.Microsecond:
		return "duration_us"
	case time.Nanosecond:
		return "duration_ns"
	}
	return "duration"
}

// jsonMembers returns the paths of all members of the objects in lines, in the order in which they come.
func jsonMembers(lines [][]byte) (paths []string) {
	seen := map[string]bool{}
	var walk func(s *jsonScanner, prefix string, depth int)
	walk = func(s *jsonScanner, prefix string, depth int) {
		for key, ok := s.next(); ok && !s.bad; key, ok = s.next() {
			path := prefix + string(key)
			if s.peek() == '{' && depth < 5 {
				s.pos++
				walk(s, path+".", depth+1)
				continue
			}
			s.value()
			if !seen[path] && len(paths) < maxColumns {
				seen[path] = true
				paths = append(paths, path)
			}
		}
	}
	for _, line := range lines {
		if s := (jsonScanner{b: line}); s.open() {
			walk(&s, "", 0)
		}
	}
	return paths
}

// guessServer finds out who wrote a log in a format that nginx and Apache share: they
// escape differently, and count the bytes of an answer without content differently.
func (d *dialect) guessServer(lines [][]byte) {
	if d.format.server != "" || slices.Contains([]string{"json", "csv", logfmtPairs.name, ltsvPairs.name}, d.format.name) {
		return
	}
	p := newLineParser()
	nginx, apache, headers := 0, 0, 0
	for _, line := range lines {
		if p.parse(d.start.layout, line) != isEntry {
			continue
		}
		if bytes.Contains(line, []byte(`\"`)) {
			apache++
		}
		if bytes.Contains(line, []byte(`\x22`)) {
			nginx++
		}
		switch n := p.entry.present(ContentSent); {
		case p.entry.Status() != 304 && p.entry.Text(Method) != "HEAD":
		case n == nil:
			apache++ // %b
		case string(n) == "0":
			nginx++
		default:
			apache++ // %O
			headers++
		}
	}
	switch {
	case nginx > apache:
		d.format.server = "nginx"
	case apache > nginx:
		d.format.server = "Apache"
	}
	if headers > 0 && headers > nginx {
		d.start.layout = d.start.layout.countingHeaders()
	}
}
