package accesslog

import (
	"bytes"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// binaryMagics are the beginnings of files that people take for logs or give with a
// pattern that is too wide.
var binaryMagics = []struct{ magic, looks string }{
	{"\x1f\x8b", "gzip inside of gzip or zstd: unpack it first"},
	{"\x28\xb5\x2f\xfd", "zstd inside of gzip or zstd: unpack it first"},
	{"\xfd7zXZ\x00", "xz: unpack it with xz -dc"},
	{"\x04\x22\x4d\x18", "lz4: unpack it with lz4 -dc"},
	{"\x1f\x9d", "compress: unpack it with zcat"},
	{"PK\x03\x04", "a zip archive: unpack it first"},
	{"7z\xbc\xaf\x27\x1c", "a 7z archive: unpack it first"},
	{"Rar!", "a rar archive: unpack it first"},
	{"PAR1", "Parquet: export it as JSON or text"},
	{"ElfFile\x00", "a Windows event log"},
	{"\x7fELF", "a program"},
	{"MZ", "a program"},
	{"SQLite format 3\x00", "an SQLite database"},
	{"LPKSHHRH", "a journal of systemd: export it with journalctl -o cat"},
	{"%PDF-", "a PDF document"},
	{"\x89PNG", "a PNG image"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"GIF8", "a GIF image"},
	{"\xd4\xc3\xb2\xa1", "a packet capture"},
	{"\x0a\x0d\x0d\x0a", "a packet capture"},
}

// looksBinary says what a file is that cannot be text, or "".
func looksBinary(sample []byte) string {
	for _, m := range binaryMagics {
		if hasPrefix(sample, m.magic) && (len(m.magic) > 3 || !isText(sample)) {
			return m.looks
		}
	}
	if len(sample) > 262 && string(sample[257:262]) == "ustar" {
		return "a tar archive: unpack it first"
	}
	if bytes.HasPrefix(bytes.TrimLeft(sample, "\x00"), []byte("#")) {
		return "" // IIS after a crash
	}
	if !isText(sample) {
		return "binary data"
	}
	return ""
}

// isText reports whether b could be text: it has hardly any control characters.
// NUL bytes at its end do not count, because IIS reserves room with them.
func isText(b []byte) bool {
	control := 0
	b = bytes.Trim(b, "\x00")
	for _, c := range b {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != 0x1b {
			control++
		}
	}
	return control <= len(b)/50
}

// textLooks are texts that are no access logs, by their first lines.
var textLooks = []struct {
	pattern *lazyregexp.Regexp
	looks   string
}{
	{lazyregexp.New(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[\w+\] \d+#\d+:`), "an error log of nginx; the access log is wanted"},
	{lazyregexp.New(`^\[\w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d(\.\d+)? \d{4}\] \[`), "an error log of Apache; the access log is wanted"},
	{lazyregexp.New(`(?is)^\s*(<\?xml[^>]*>\s*)?(<\?xml-stylesheet[^>]*>\s*)?(<!--.*?-->\s*)?<failedRequest`), "a failed request trace of IIS: fourtwelve explain reads it"},
	{lazyregexp.New(`(?i)^\s*<\?xml`), "an XML document"},
	{lazyregexp.New(`(?i)^\s*(<!doctype html|<html)`), "an HTML page"},
	{lazyregexp.New(`^\s*\{\s*"log"\s*:\s*\{`), "an HTTP archive (HAR): fourtwelve explain reads it"},
	{lazyregexp.New(`(?m)\A(\*.*\n)*[<>] [A-Z]`), "the output of curl -v: fourtwelve explain reads it"},
	{lazyregexp.New(`^HTTP/\d`), "an HTTP response: fourtwelve explain reads it"},
	{lazyregexp.New(`^[A-Z]+ \S+ HTTP/\d`), "an HTTP request: fourtwelve explain reads it"},
	{lazyregexp.New(`^\*\s+<< (Request|Session|BeReq)`), "the log of varnishlog: varnishncsa writes access logs"},
	{lazyregexp.New(`^--[0-9a-f]{8,}-A--`), "an audit log of ModSecurity; the access log is wanted"},
	{lazyregexp.New(`(?s)^\s*\{.*"hits"\s*:\s*\{.*"hits"\s*:\s*\[`), "the answer of Elasticsearch to a search: jq -c '.hits.hits[]._source' FILE | fourtwelve logs -"},
	{lazyregexp.New(`(?s)^\s*\{.*"resultType"\s*:\s*"streams"`), "the answer of Loki to a query: jq -r '.data.result[].values[][1]' FILE | fourtwelve logs -"},
	{lazyregexp.New(`^\s*\{"preview":.*"_raw"`), "an export of Splunk: jq -r .result._raw FILE | fourtwelve logs -"},
	{lazyregexp.New(`^\s*\{.*"properties"\s*:\s*"\{`), "a log of Azure with JSON in a string: jq -c '.properties |= fromjson' FILE | fourtwelve logs -"},
	{lazyregexp.New(`(?m)^\{.*"reqId": ?".*"req": ?\{.*\n\{.*"reqId": ?".*"res": ?\{`), "a log of Fastify, which tells of the request and of the response in two lines: jq -cs 'group_by(.reqId)[] | add' FILE | fourtwelve logs -"},
	{lazyregexp.New(`^Started [A-Z]+ "/.* for \S+ at `), "a log of Rails, with several lines for each request: let the gem lograge write one, as logfmt or JSON"},
	{lazyregexp.New(`^\w+: Microsoft\.AspNetCore\.`), "the log of ASP.NET Core, which has no client: app.UseW3CLogging() writes an access log"},
	{lazyregexp.New(`^\s*\{.*"webaclId"`), "a log of AWS WAF, which has no status of a response; that of the load balancer or of CloudFront is wanted"},
	{lazyregexp.New(`^\s*[\[{]\s*["\]}]`), "JSON, but not one object a line with a status and a target; if they have other names there, --format json:time=PATH,client=PATH,method=PATH,target=PATH,status=PATH says which"},
	{lazyregexp.New(`(?s)^#Fields:`), "a W3C log without sc-status"},
}

// looksText says what a text is that is no access log, or "".
func looksText(sample []byte) string {
	sample = sample[:min(len(sample), 4096)]
	for _, t := range textLooks {
		if t.pattern.Match(sample) {
			return t.looks
		}
	}
	return ""
}
