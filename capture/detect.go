package capture

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// detect finds out the format by the beginning of the input.
func (b *builder) detect(head []byte) (Format, error) {
	trimmed := bytes.TrimLeft(head, " \t\r\n")
	switch {
	case isPcap(head[:min(len(head), 4)]):
		return Packets, nil
	case len(trimmed) == 0:
		return Unknown, b.unknown("nothing but blanks in its beginning", "", head)
	case trimmed[0] == '{' && looksLikeHAR.Match(trimmed), isPartOfHAR(trimmed):
		return HAR, nil
	case trimmed[0] == '<' && bytes.Contains(trimmed, []byte("<failedRequest")):
		return FREB, nil
	case trimmed[0] == '<' && bytes.Contains(trimmed, []byte("<items burpVersion")):
		return Burp, nil
	case trimmed[0] == '<' && bytes.Contains(trimmed, []byte("<charles-session")):
		return Charles, nil
	case isFlows(head):
		return Mitmproxy, nil
	case (trimmed[0] == '{' || trimmed[0] == '[') && detectDocument(trimmed) != Unknown:
		return detectDocument(trimmed), nil
	}
	if f := detectText(head); f != Unknown {
		return f, nil
	}
	for _, l := range lookalikes {
		if l.matches(head) {
			return Unknown, b.unknown("looks like "+l.what, l.hint, head)
		}
	}
	if bytes.IndexByte(head, 0) >= 0 {
		return Unknown, b.unknown("binary data of no kind known here", "", head)
	}
	return Unknown, b.unknown("neither requests nor responses in its beginning", "", head)
}

// detectText finds out the format of text by its beginning; Unknown if it is none with lines.
func detectText(head []byte) Format {
	switch {
	case isTrace(head):
		return Curl
	case dialectOf(head) != nil:
		return Transcript
	}
	if f := detectLines(head); f != Unknown || !bareAnywhere.Match(head) {
		return f
	}
	return Raw
}

// bareAnywhere is a request line without a version, before a field line.
var bareAnywhere = lazyregexp.New(`(?m)` + bareRequest.String())

// unknown is the error for an input in no format. It never shows the input.
func (b *builder) unknown(detail, hint string, head []byte) error {
	if len(head) == 0 {
		detail = "is empty"
	}
	if hint == "" {
		hint = fmt.Sprintf("known are raw HTTP text, output of curl -v or -i, HAR, traces of IIS (fr000001.xml), archives of Fiddler, "+
			"Charles, Burp and mitmproxy, packet captures and the debug output of many programs; if it is one of these, name the format: %s", strings.Join(Formats(), ", "))
	}
	return b.error(ErrUnknownFormat, detail, hint)
}

// detectLines goes by the first line that can only be in one of the formats with lines.
func detectLines(head []byte) Format {
	for line := range bytes.Lines(head) {
		if len(line) > 16<<10 {
			continue
		}
		switch line := strings.TrimRight(string(line), "\r\n"); {
		case isCurl(line):
			return Curl
		case isStart(line):
			return Raw
		}
	}
	return Unknown
}

// looksLikeHAR matches a JSON object with a log object in it, whatever comes before that.
var looksLikeHAR = lazyregexp.New(`^\{[^{\[]*"log"\s*:\s*\{`)

// lookalike is what somebody may take for a capture.
type lookalike struct {
	magic      []string           // how it begins, or
	re         *lazyregexp.Regexp // what its beginning matches
	what, hint string
}

func (l *lookalike) matches(head []byte) bool {
	for _, m := range l.magic {
		if bytes.HasPrefix(head, []byte(m)) {
			return true
		}
	}
	return l.re != nil && l.re.Match(head)
}

// lookalikes are what people have at hand when they look for a capture.
var lookalikes = []lookalike{
	{[]string{"#Software:", "#Version:", "#Fields:", "#Date:"}, nil, "an access log of IIS or CloudFront", "read it with fourtwelve logs"},
	{nil, lazyregexp.New(`(?m)^\S+ \S+ \S+ \[\d\d/\w{3}/\d{4}:`), "an access log", "read it with fourtwelve logs"},
	{nil, lazyregexp.New(`^\s*\{.*"(?:request|status)"\s*:`), "an access log in JSON",
		"read it with fourtwelve logs, or export a HAR from the browser"},
	{nil, lazyregexp.New(`(?m)^(?:CLIENT_RANDOM|(?:CLIENT|SERVER)_(?:HANDSHAKE_)?TRAFFIC_SECRET(?:_0)?) [0-9a-fA-F]+ `), "a key log of TLS",
		"give what tshark -o tls.keylog_file:KEYS -r CAPTURE -V prints"},
	{nil, lazyregexp.New(`"_source"\s*:\s*\{\s*"layers"`), "the JSON of tshark", "use tshark -V"},
	{nil, lazyregexp.New(`^\s*[\[{]`), "JSON, but not a HAR, which begins with {\"log\": {", "in the browser's network panel choose \"Save all as HAR\""},
	{nil, lazyregexp.New(`(?i)^\s*<(?:!doctype html|html)`), "an HTML page",
		"save the exchange, not the page: curl -v, or a HAR from the browser"},
	{nil, lazyregexp.New(`<pdml|<psml`), "the XML of tshark", "use tshark -V"},
	{nil, lazyregexp.New(`^\s*<\?xml|^\s*<[A-Za-z]`), "XML, but not a failed request trace of IIS", ""},
	{nil, lazyregexp.New(`(?m)The remote server returned an error: \(\d{3}\)|Response status code does not indicate success: \d{3}|` +
		`^VERBOSE: (?:(?:PUT|GET|POST|DELETE|PATCH) http|Requested HTTP/|HTTP/\d)`),
		"what PowerShell says of a request, without its header sections", "use curl.exe -v"},
	{nil, lazyregexp.New(`(?m)\d{3} (?:Client|Server) Error: .* for url: `), "an exception of Python's requests, which has no header sections",
		"set http.client.HTTPConnection.debuglevel = 1 and take what it prints"},
	{nil, lazyregexp.New(`AxiosError|Request failed with status code \d{3}|^HTTP \d+: `), "what Node.js or axios says of a request",
		"take a HAR of the browser, or repeat the request with curl -v"},
	{nil, lazyregexp.New(`(?m)^curl: \(22\) |^(?:curl: )?.*The requested URL returned error: \d{3}`), "the last line that curl prints of a refused request",
		"repeat it with -v and without -f, and take all it prints"},
	{nil, lazyregexp.New(`\$metadata'?: \{|"httpStatusCode": \d{3}|ClientResponseError: \d{3}|HTTPStatusError: Client error`),
		"what a client says of a refusal, without the header sections", "take the wire log of the client, or repeat the request with curl -v"},
	{nil, lazyregexp.New(`Server replied \\?"\d{3} [^"]*" to \\?"[A-Z]+ https?://`), "a log of the desktop client of ownCloud or Nextcloud",
		"start it with --logdebug and OWNCLOUD_HTTPLOG=1 (--loghttp), and take what it logs"},
	{nil, lazyregexp.New(`(?m)^(?:meta|get|put|post|delete|patch) \{\r?$`), "a request of Bruno", "it has no response: take what Bruno's timeline shows, or a HAR"},
	{nil, lazyregexp.New(`(?m)^type: collection\.insomnia\.rest/`), "an export of Insomnia as YAML", "export as HAR"},
	{[]string{"ElfFile\x00"}, nil, "a Windows event log", "enable failed request tracing in IIS and take fr000001.xml"},
}
