// Package accesslogtest writes access logs for benchmarks: always the same bytes for the same
// options, with the traffic of a document server of which a few requests fail.
package accesslogtest

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Options say what to write.
type Options struct {
	// Format is one of Formats.
	Format string
	// Size is how much to write, in bytes; the last line goes over it.
	Size int64
	// Seed gives another log of the same kind.
	Seed uint64
	// URLs and Clients are how many different ones there are at most; 0 is 5000 and 2000.
	// A few of them make most of the requests.
	URLs, Clients int
	// Start is the time of the first request; zero is 3 November 2026.
	Start time.Time
}

var writers = map[string]struct{ head, line func([]byte, *request) []byte }{
	"nginx":      {nil, nginx},
	"apache":     {nil, apache},
	"iis":        {iisHead, iis},
	"iis-custom": {iisCustomHead, iisCustom},
	"caddy":      {nil, caddy},
	"haproxy":    {nil, haproxy},
	"s3":         {nil, s3},
	"cloudfront": {cloudfrontHead, cloudfront},
	"fourtwelve": {nil, fourtwelve},
}

// Formats returns the names of the formats.
func Formats() []string {
	var names []string
	for name := range writers {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Write writes a log.
func Write(w io.Writer, o Options) error {
	format, known := writers[o.Format]
	if !known {
		return fmt.Errorf("unknown format %q: choose one of %s", o.Format, strings.Join(Formats(), ", "))
	}
	out := bufio.NewWriterSize(w, 1<<20)
	g := newGenerator(o)
	line := make([]byte, 0, 4096)
	if format.head != nil {
		line = format.head(line, g.next())
	}
	for written := int64(0); written < o.Size; {
		line = format.line(line, g.next())
		if _, err := out.Write(line); err != nil {
			return err
		}
		written += int64(len(line))
		line = line[:0]
	}
	return out.Flush()
}

// A request and what came of it.
type request struct {
	at                             time.Time
	micros                         int // it took
	client, user                   string
	method, path, query            string
	status                         int
	sent                           int
	agent, referer                 string
	ifMatch, ifNoneMatch, ifRange  string
	ranges, etag, modified, coding string
	node                           int
}

type generator struct {
	random        *rand.Rand
	urls, clients int
	r             request
}

func newGenerator(o Options) *generator {
	g := &generator{random: rand.New(rand.NewPCG(o.Seed, 412)), urls: o.URLs, clients: o.Clients}
	if g.urls <= 0 {
		g.urls = 5000
	}
	if g.clients <= 0 {
		g.clients = 2000
	}
	if g.r.at = o.Start; o.Start.IsZero() {
		g.r.at = time.Date(2026, 11, 3, 8, 0, 0, 0, time.UTC)
	}
	return g
}

var (
	folders = []string{"docs", "images", "projects/2026/q4", "api/v2/items", "dav/team", "downloads", "static/js", "notes"}
	names   = []string{"report", "plan", "invoice", "photo", "bundle.min", "readme", "budget", "minutes-of-the-meeting", "logo"}
	suffix  = []string{"docx", "pdf", "jpg", "js", "txt", "xlsx", "json", "html"}
	queries = []string{"v=1.4.2", "page=2&sort=-modified", "download=1", "q=annual+report&lang=en"}
	users   = []string{"ana", "bo.lind", "chidi", "dora"}
	agents  = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148",
		"curl/8.14.1", "Wget/1.25.0", "Microsoft Office Core Storage Infrastructure/1.0", "aws-sdk-go-v2/1.39.0 os/linux lang/go#1.26",
	}
)

// next returns the next request, which lives until the one after it.
func (g *generator) next() *request {
	r := &g.r
	r.at = r.at.Add(time.Duration(g.random.IntN(40)) * time.Millisecond)
	r.micros = 200 + g.random.IntN(90000)
	client, document := g.skewed(g.clients), g.skewed(g.urls)
	r.client = "10." + strconv.Itoa(client>>16&255) + "." + strconv.Itoa(client>>8&255) + "." + strconv.Itoa(client&255)
	r.agent = agents[client%len(agents)]
	r.path = "/" + folders[document%len(folders)] + "/" + names[document%len(names)] + "-" + strconv.Itoa(document) + "." +
		suffix[document%len(suffix)]
	r.node = g.random.IntN(3)
	r.user, r.query, r.referer, r.ifMatch, r.ifNoneMatch, r.ifRange, r.ranges, r.coding = "", "", "", "", "", "", "", ""
	if g.random.IntN(4) == 0 {
		r.query = queries[document%len(queries)]
	}
	if g.random.IntN(2) == 0 {
		r.referer = "https://intranet.example.org/" + folders[client%len(folders)] + "/"
	}
	size := 300 + document*7919%2000000
	r.etag = fmt.Sprintf(`"%x-%x"`, 0x6ae9a5ee+document, size)
	r.modified = "Tue, 03 Nov 2026 0" + strconv.Itoa(document%8) + ":14:22 GMT"
	r.method, r.status, r.sent = "GET", 200, size
	g.outcome(size)
	return r
}

// skewed returns a number below n; small ones are frequent.
func (g *generator) skewed(n int) int {
	f := g.random.Float64()
	return int(math.Pow(f, 3) * float64(n))
}

// outcome decides what the request is about.
func (g *generator) outcome(size int) {
	r := &g.r
	switch n := g.random.IntN(1000); {
	case n < 250:
		r.status, r.sent, r.ifNoneMatch = 304, 0, r.etag
	case n < 300:
		r.status, r.sent = 404, 153
	case n < 340:
		r.status, r.sent, r.ranges, r.ifRange = 206, size/2, "bytes="+strconv.Itoa(size/2)+"-", r.etag
	case n < 390:
		r.method, r.status, r.sent, r.ifMatch, r.user = "PUT", 204, 0, r.etag, users[size%len(users)]
	case n < 394:
		r.method, r.status, r.sent, r.ifMatch, r.user = "PUT", 412, 0, `W/"6ae9a5ee-bc55"`, users[size%len(users)]
	case n < 420:
		r.method, r.sent = "HEAD", 0
	case n < 425:
		r.status, r.sent = 500, 177
	case n < 700:
		r.coding = "gzip"
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func (r *request) target() string {
	if r.query == "" {
		return r.path
	}
	return r.path + "?" + r.query
}

func nginx(b []byte, r *request) []byte {
	b = append(append(b, r.client...), " - "...)
	b = append(append(b, orDash(r.user)...), " ["...)
	b = r.at.AppendFormat(b, "02/Jan/2006:15:04:05 -0700")
	b = append(append(append(b, `] "`...), r.method...), ' ')
	b = append(append(b, r.target()...), ` HTTP/1.1" `...)
	b = strconv.AppendInt(b, int64(r.status), 10)
	b = strconv.AppendInt(append(b, ' '), int64(r.sent), 10)
	b = append(append(b, ` "`...), orDash(r.referer)...)
	return append(append(append(b, `" "`...), r.agent...), "\"\n"...)
}

func apache(b []byte, r *request) []byte {
	if r.sent == 0 {
		line := nginx(nil, r)
		return append(b, strings.Replace(string(line), " 0 \"", " - \"", 1)...)
	}
	return nginx(b, r)
}

const iisFields = "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken"

func iisHead(b []byte, r *request) []byte {
	b = append(b, "#Software: Microsoft Internet Information Services 10.0\r\n#Version: 1.0\r\n#Date: "...)
	b = r.at.AppendFormat(b, "2006-01-02 15:04:05")
	return append(b, "\r\n#Fields: "+iisFields+"\r\n"...)
}

func iisCustomHead(b []byte, r *request) []byte {
	b = iisHead(b, r)
	return append(b[:len(b)-2], " s-computername If-Match If-None-Match If-Range Range ETag Last-Modified\r\n"...)
}

func plus(s string) string { return strings.ReplaceAll(orDash(s), " ", "+") }

func iisLine(b []byte, r *request) []byte {
	b = r.at.AppendFormat(b, "2006-01-02 15:04:05")
	b = strconv.AppendInt(append(b, " 10.20.0.1"...), int64(r.node), 10)
	for _, v := range [...]string{r.method, r.path, orDash(r.query), "443", orDash(r.user), r.client, plus(r.agent), orDash(r.referer)} {
		b = append(append(b, ' '), v...)
	}
	b = strconv.AppendInt(append(b, ' '), int64(r.status), 10)
	return strconv.AppendInt(append(b, " 0 0 "...), int64(r.micros/1000), 10)
}

func iis(b []byte, r *request) []byte { return append(iisLine(b, r), "\r\n"...) }

func iisCustom(b []byte, r *request) []byte {
	b = iisLine(b, r)
	b = strconv.AppendInt(append(b, " WEB0"...), int64(r.node+1), 10)
	for _, v := range [...]string{r.ifMatch, r.ifNoneMatch, r.ifRange, r.ranges, r.etag, r.modified} {
		b = append(append(b, ' '), plus(v)...)
	}
	return append(b, "\r\n"...)
}

func caddyHeaders(b []byte, pairs ...string) []byte {
	b = append(b, '{')
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			continue
		}
		if b[len(b)-1] != '{' {
			b = append(b, ',')
		}
		b = strconv.AppendQuote(b, pairs[i])
		b = append(strconv.AppendQuote(append(b, ":["...), pairs[i+1]), ']')
	}
	return append(b, '}')
}

func caddy(b []byte, r *request) []byte {
	b = fmt.Appendf(b, `{"level":"info","ts":%d.%06d,"logger":"http.log.access.log0","msg":"handled request","request":{"remote_ip":%q,"remote_port":"50412","client_ip":%q,"proto":"HTTP/2.0","method":%q,"host":"files.example.org","uri":%q,"headers":`,
		r.at.Unix(), r.at.Nanosecond()/1000, r.client, r.client, r.method, r.target())
	b = caddyHeaders(b, "User-Agent", r.agent, "Accept-Encoding", "gzip, br", "If-Match", r.ifMatch, "If-None-Match", r.ifNoneMatch,
		"If-Range", r.ifRange, "Range", r.ranges, "Referer", r.referer)
	b = fmt.Appendf(b, `,"tls":{"resumed":false,"version":772,"cipher_suite":4865,"proto":"h2","server_name":"files.example.org"}},"bytes_read":0,"user_id":%q,"duration":0.%06d,"size":%d,"status":%d,"resp_headers":`,
		r.user, r.micros, r.sent, r.status)
	b = caddyHeaders(b, "Server", "Caddy", "Etag", r.etag, "Last-Modified", r.modified, "Content-Encoding", r.coding)
	return append(b, "}\n"...)
}

func hashes(s string) string {
	return strings.NewReplacer(`"`, "#22", "{", "#7B", "|", "#7C", "}", "#7D").Replace(s)
}

func haproxy(b []byte, r *request) []byte {
	b = r.at.AppendFormat(b, "Jan _2 15:04:05")
	b = append(append(append(b, " lb1 haproxy[1412]: "...), r.client...), ":50412 ["...)
	b = r.at.AppendFormat(b, "02/Jan/2006:15:04:05.000")
	b = fmt.Appendf(b, "] https-in~ app/web%d 0/0/1/%d/%d %d %d - - ---- 12/12/3/1/0 0/0 {%s|%s|||%s|%s|gzip} {%s|%s|} \"%s %s HTTP/1.1\"\n",
		r.node, r.micros/1000, r.micros/1000+1, r.status, r.sent+212, hashes(r.ifMatch), hashes(r.ifNoneMatch), hashes(r.ifRange), r.ranges,
		hashes(r.etag), r.modified, r.method, r.target())
	return b
}

func s3(b []byte, r *request) []byte {
	code := "-"
	switch r.status {
	case 412:
		code = "PreconditionFailed"
	case 304:
		code = "NotModified"
	case 404:
		code = "NoSuchKey"
	}
	return fmt.Appendf(b, "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be files-example [%s] %s arn:aws:iam::123456789012:user/%s %016X REST.%s.OBJECT %s \"%s /files-example%s HTTP/1.1\" %d %s %s %d %d %d \"-\" \"%s\" - s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader files-example.s3.eu-central-1.amazonaws.com TLSv1.3 - -\n",
		r.at.Format("02/Jan/2006:15:04:05 -0700"), r.client, orDash(r.user), r.at.UnixNano(), r.method, r.path[1:], r.method, r.target(),
		r.status, code, strconv.Itoa(r.sent), r.sent, r.micros/1000, r.micros/2000, r.agent)
}

func cloudfrontHead(b []byte, _ *request) []byte {
	return append(b, "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end\n"...)
}

func cloudfront(b []byte, r *request) []byte {
	result, first, last := "Hit", "-", "-"
	if r.status >= 400 {
		result = "Error"
	}
	if r.status == 206 {
		first, last = strconv.Itoa(r.sent), strconv.Itoa(2*r.sent-1)
	}
	return fmt.Appendf(b, "%s\tFRA56-P2\t%d\t%s\t%s\td111111abcdef8.cloudfront.net\t%s\t%d\t%s\t%s\t%s\t-\t%s\t%016x==\tfiles.example.org\thttps\t312\t0.%06d\t-\tTLSv1.3\tTLS_AES_128_GCM_SHA256\t%s\tHTTP/2.0\t-\t-\t50412\t0.%06d\t%s\ttext/html\t%d\t%s\t%s\n",
		r.at.Format("2006-01-02\t15:04:05"), r.sent+400, r.client, r.method, r.path, r.status, orDash(r.referer), url.PathEscape(r.agent),
		orDash(r.query),
		result, r.at.UnixNano(), r.micros, result, r.micros/2, result, r.sent, first, last)
}

func fourtwelve(b []byte, r *request) []byte {
	b = r.at.AppendFormat(b, `{"time":"2006-01-02T15:04:05.000000Z"`)
	b = fmt.Appendf(b, `,"remote":"%s:50412"`, r.client)
	text := func(name, value string) {
		if value != "" {
			b = strconv.AppendQuote(append(append(append(b, `,"`...), name...), `":`...), value)
		}
	}
	text("user", r.user)
	text("method", r.method)
	text("target", r.target())
	text("proto", "HTTP/2.0")
	text("host", "files.example.org")
	b = fmt.Appendf(b, `,"status":%d,"bytes":%d,"duration_us":%d`, r.status, r.sent, r.micros)
	text("user_agent", r.agent)
	text("referer", r.referer)
	text("if_match", r.ifMatch)
	text("if_none_match", r.ifNoneMatch)
	text("if_range", r.ifRange)
	text("range", r.ranges)
	text("etag", r.etag)
	return append(b, "}\n"...)
}
