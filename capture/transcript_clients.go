package capture

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// dialects are all that are known, the ones whose sign could be in another's output last.
var dialects = []dialect{
	{name: "Jersey", sign: lazyregexp.New(`(?m)(?:^|[: ])\d+ > [A-Z]{3,16} https?://\S+\r?$`), lines: jersey.lines},
	{name: "REST-assured", sign: lazyregexp.New(`(?m)^Request method:\s+[A-Z]+\r?\nRequest URI:`), lines: restAssured.lines},
	{name: "resty", sign: lazyregexp.New(`(?m)^~~~ REQUEST ~~~`), lines: resty.lines},
	{name: "gcloud --log-http", sign: lazyregexp.New(`(?m)^==== request start ====`), lines: gcloud.lines},
	{name: "HttpLogging of ASP.NET Core", sign: lazyregexp.New(`HttpLoggingMiddleware\[\d+\]`), lines: kestrel.lines},
	{name: "Faraday", sign: lazyregexp.New(`(?m) -- request: [A-Z]{3,16} https?://`), lines: faraday.lines},
	{name: "Playwright", sign: lazyregexp.New(`(?m)^(?:.*pw:api )?\s*→ [A-Z]{3,16} https?://`), lines: playwright.lines},
	{name: "the Azure SDK for Go", sign: lazyregexp.New(`(?m)==> OUTGOING REQUEST \(Try=`), lines: azureGoLines},
	{name: "the Azure SDK for Java", sign: lazyregexp.New(`\{"az\.sdk\.message":"HTTP (?:request|response)"`), lines: azureJava},
	{name: "the client of ownCloud or Nextcloud", sign: lazyregexp.New(`sync\.httplogger`), lines: ownCloud},
	{name: "net/http of Ruby", sign: lazyregexp.New(`(?m)^<- "[A-Z]{3,16} \S+ HTTP/\d`), lines: rubyHTTP},
	{
		name: "a log without header sections", lines: statusOnly.lines,
		sign: lazyregexp.New(`(?m)RestTemplate\s*: HTTP [A-Z]+ https?://|^UNDICI \d+: sending request to `),
	},
	{name: "rclone --dump", sign: lazyregexp.New(`(?m)DEBUG *: HTTP REQUEST \(req 0x`), lines: rclone},
	{name: "neon", sign: lazyregexp.New(`(?m)^(?:\[status-line\] < HTTP/\d|Sending request headers:\r?$)`), lines: neon},
	{name: "GIT_TRACE_CURL", sign: lazyregexp.New(`(?m)(?:=> Send|<= Recv) header: ` + startLine), lines: gitTrace},
	{name: "kubectl -v", sign: lazyregexp.New(`(?m)round_trippers\.go:\d+\] `), lines: kubectl},
	{name: "DAVx5", sign: lazyregexp.New(`(?m)Request\{method=[A-Z]+, url=https?://`), lines: davx5},
	{name: "requests-toolbelt", sign: lazyregexp.New(`(?m)^< [A-Z]{3,16} \S+ HTTP/\d[\s\S]*^> HTTP/\d`), lines: toolbelt},
	{name: "OkHttp", sign: lazyregexp.New(`(?m)--> [A-Z]{3,16} https?://`), lines: okHTTP},
	{name: "Ktor", sign: lazyregexp.New(`(?m)METHOD: HttpMethod\(value=[A-Z]+\)`), lines: ktor},
	{name: "mc admin trace", sign: lazyregexp.New(`(?m)^\S* ?\[REQUEST \S+\] \[`), lines: minioTrace},
	{name: "mitmdump", sign: lazyregexp.New(`(?m)^ *<< (?:HTTP/\d\S* )?\d{3}\b`), lines: mitmdump},

	{
		name: "http-outgoing of Apache HttpClient", lines: apacheClient,
		sign: lazyregexp.New(`(?m)(?:http-outgoing-\d+ |\bex-\d+ |` + javaWire + ` - )(?:>>|<<) "?` + startLine),
	},
	{name: "java.net.http", sign: lazyregexp.New(`(?m)HEADERS: (?:REQUEST|RESPONSE) HEADERS:`), lines: javaNet},
	{name: "HttpURLConnection", sign: lazyregexp.New(`(?m)sun\.net\.www\.MessageHeader@\S+ pairs: \{`), lines: javaURL},

	{
		name: "System.Net.Http", lines: dotnetLogger,
		sign: lazyregexp.New(`(?m)(?:Sending|Start processing) HTTP request [A-Z]+ http|Received HTTP response (?:headers )?after `),
	},
	{
		name: "HttpRequestMessage", lines: dotnetText,
		sign: lazyregexp.New(`(?m)Method: [A-Z]+, RequestUri: '|StatusCode: \d{3}, ReasonPhrase: '`),
	},
	{
		name: "the Azure SDK", lines: azureSDK,
		sign: lazyregexp.New(`(?m)(?:^|\W)Request \[[0-9a-f-]{36}\] [A-Z]+ https?://|Request URL: 'https?://`),
	},

	{name: "http.client", sign: lazyregexp.New(`(?m)(?:^|[: ])send: b?['"][A-Z]{3,16} \S+ HTTP/\d`), lines: httpClient},
	{
		name: "boto3", lines: botocore,
		sign: lazyregexp.New(`(?m)Making request for OperationModel\(|Sending http request: <AWSPreparedRequest`),
	},
	{
		name: "httpcore", lines: httpcore,
		sign: lazyregexp.New(`(?m)(?:send_request_headers|receive_response_headers)\.(?:started|complete)`),
	},
	{name: "urllib3", sign: lazyregexp.New(`(?m)https?://\S+ "[A-Z]{3,16} \S+ HTTP/\d\S*" \d{3} `), lines: urllib3},
	{name: "httpx", sign: lazyregexp.New(`(?m)HTTP Request: [A-Z]+ https?://\S+ "HTTP/\d`), lines: urllib3},
	{name: "Terraform", sign: lazyregexp.New(`(?m)HTTP Request Sent: .*`), lines: terraform},

	{
		name: "the nginx debug log", lines: nginxDebug,
		sign: lazyregexp.New(`(?m)\[debug\] \d+#\d+: (?:\*\d+ )?http[23]? (?:request line|http header|header|output header|script|im|inm|ims)\b`),
	},
	{name: "haproxy -d", sign: lazyregexp.New(`(?m)^[0-9a-f]{8}:\S+\.(?:clireq|clihdr|srvrep|srvhdr)\[`), lines: haproxyDebug},
	{name: "varnishlog", sign: lazyregexp.New(`(?m)^-+ +(?:ReqMethod|BereqMethod|RespStatus|BerespStatus) `), lines: varnishlog},
	{name: "the Envoy debug log", sign: lazyregexp.New(`(?m)\[C\d+\]\[S\d+\] request headers complete`), lines: envoyDebug},
	{name: "mod_dumpio", sign: lazyregexp.New(`(?m)mod_dumpio: +dumpio_(?:in|out) \(data-\w+\): ` + startLine), lines: dumpio},

	{name: "nghttp", sign: lazyregexp.New(`(?m)(?:send|recv) (?:HEADERS frame <|\(stream_id=\d+)`), lines: nghttp},
	{name: "tshark", sign: lazyregexp.New(`(?mi)^(?:Hypertext Transfer Protocol|HyperText Transfer Protocol 2)`), lines: tshark},
	{
		name: "tcpdump", lines: tcpdump,
		sign: lazyregexp.New(`(?m)^(?:\d{4}-\d\d-\d\d )?(?:\d\d:\d\d:\d\d\.\d+|\d{10}\.\d+) .*(?:Flags \[|tos 0x|: [SFP.]+ \d+:\d+\(\d+\) )`),
	},

	{name: "PowerShell", sign: lazyregexp.New(`(?m)^(?:RawContent +: HTTP/|StatusCode +: \d{3}\b)`), lines: powerShellObject},
	{
		name: "a log with messages in one line", lines: inOneLine,
		sign: lazyregexp.New(`(?m)(?:` + strings.Join(methods, "|") + `) \S+ HTTP/\d(?:\.\d)?\\r\\n\S`),
	},
	{
		name: "a list of packets", lines: packetList.lines,
		sign: lazyregexp.New(`(?m)^\s*\d+\s+[\d.:-]+\s+\S+\s+(?:→|->|\S+)\s*\S*\s+HTTP\S*\s+\d+\s+` + startLine),
	},
	{name: "a curl command", fits: isCommand, lines: curlCommand},
	{name: "a call of fetch", fits: isCall(fetchCall.request), lines: fetchCall.called},
	{name: "a call of PowerShell", fits: isCall(invoked.request), lines: invoked.called},
	{name: "the console of Postman", fits: isPostmanConsole, lines: postmanConsole},
	{name: "developer tools", fits: isDevtools, lines: devtools},
}

// startLine is how a message begins.
const startLine = `(?:[A-Z]{3,16} \S+ HTTP/\d|HTTP/\d\S* \d{3})`

var (
	rcloneLine = lazyregexp.New(`^(?:<\d>)?(?:\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(?:\.\d+)? )?` +
		`(DEBUG|NOTICE|INFO|ERROR|CRITICAL|WARNING) *: (.*)$`)
	rcloneMessage = lazyregexp.New(`^HTTP (REQUEST|RESPONSE) \(req (0x[0-9a-f]+)\)`)
)

// rclone reads what --dump headers, bodies and the like print: the first line of a message behind
// the marks of a log, and the others as they are.
func rclone(t *transcript) func(string) {
	var k block
	begin := false
	return func(line string) {
		m := rcloneLine.FindStringSubmatch(line)
		if m == nil {
			k.line(line)
			return
		}
		if begin && k.h.start(m[2]) {
			begin = false
			return
		}
		k, begin = block{}, false
		if to := rcloneMessage.FindStringSubmatch(m[2]); to != nil {
			begin = true
			if to[1] == "REQUEST" {
				k = block{h: t.request(to[2])}
			} else {
				k = block{h: t.response(to[2])}
			}
		}
	}
}

var (
	neonHeader = lazyregexp.New(`^\[hdr\] ?(.*)$`)
	neonStatus = lazyregexp.New(`^\[status-line\] < (.*)$`)
	neonBlock  = lazyregexp.New(`^(?:Body block|Read block) \((\d+) bytes\):`)
)

// neon reads the debugging output of the library neon: cadaver, davfs2, litmus.
func neon(t *transcript) func(string) {
	var k block
	var to *half // whose content comes
	body := false
	return func(line string) {
		if body {
			text, end := strings.CutSuffix(strings.TrimPrefix(line, "["), "]")
			to.write(text)
			if body = !end; body {
				to.write("\n")
			}
			to.altered = true
			return
		}
		switch {
		case strings.HasPrefix(line, "Sending request headers:"):
			k = block{h: t.request("")}
		case neonStatus.MatchString(line):
			k = block{}
			h := t.response("")
			h.start(neonStatus.FindStringSubmatch(line)[1])
			to = h
		case neonHeader.MatchString(line):
			if field := neonHeader.FindStringSubmatch(line)[1]; to != nil && trimBlank(field) != "" {
				to.field(field)
			}
		case neonBlock.MatchString(line):
			body = to != nil && neonBlock.FindStringSubmatch(line)[1] != "0"
		case k.h != nil && trimBlank(line) == "":
			to, k = k.h, block{}
		case k.h != nil && k.h.method == "":
			k.h.start(line)
		case k.h != nil:
			k.h.field(line)
		}
	}
}

var gitLine = lazyregexp.New(`(=> Send|<= Recv) (header|data)(?:, .*?)?: ?(.*)$`)

// gitTrace reads what Git writes with GIT_TRACE_CURL.
func gitTrace(t *transcript) func(string) {
	var h *half
	return func(line string) {
		m := gitLine.FindStringSubmatch(strings.TrimSuffix(line, `\r`))
		if m == nil || m[2] != "header" {
			return
		}
		begin, ok := parseStart(trimBlank(m[3]))
		switch {
		case ok && begin.request:
			h = t.request("")
			h.start(m[3])
		case ok:
			h = t.response("")
			h.start(m[3])
		case h != nil && trimBlank(m[3]) != "" && h.message.request == (m[1] == "=> Send"):
			h.field(m[3])
		}
	}
}

var (
	kubectlLine   = lazyregexp.New(`^(?:[IWEF]\d{4} \S+ +\d+ )?(?:round_trippers|request|helper|logging)\.go:\d+\] ?(.*)$`)
	kubectlURL    = lazyregexp.New(`^([A-Z]{3,8}) (https?://\S+)$`)
	kubectlStatus = lazyregexp.New(`^Response Status: (?:HTTP/\S+ )?(\d{3})(?: (.*?))?(?: in \d+ milliseconds)?$`)
	kubectlKeys   = lazyregexp.New(`^"(?:HTTP|Request|Response)" `)
	kubectlPair   = lazyregexp.New(`(\w+)=("(?:[^"\\]|\\.)*"|<|\S+)`)
	kubectlBody   = lazyregexp.New(`^(Request|Response) Body: (.*)$`)
)

// kubectl reads what kubectl -v=8 and higher, and other programs with the Go client of Kubernetes,
// print.
func kubectl(t *transcript) func(string) {
	var h *half
	asked := false // a command has told of the request
	return func(line string) {
		m := kubectlLine.FindStringSubmatch(line)
		if m == nil { // a header section that goes on, in the structured form of newer ones, or a command
			switch field := trimBlank(line); {
			case strings.HasPrefix(field, "curl -v -X"):
				t.command(words(field))
				h, asked = nil, true
			case h != nil && strings.HasPrefix(line, "\t"):
				h.field(field)
			}
			return
		}
		text := m[1]
		switch {
		case kubectlURL.MatchString(text):
			h = t.request("")
			f := kubectlURL.FindStringSubmatch(text)
			h.method = f[1]
			h.url(f[2])
		case kubectlStatus.MatchString(text):
			h = t.response("")
			f := kubectlStatus.FindStringSubmatch(text)
			h.code(f[1], f[2])
		case kubectlKeys.MatchString(text):
			h = kubectlStructured(t, text, asked)
			asked = false
		case kubectlBody.MatchString(text):
			f := kubectlBody.FindStringSubmatch(text)
			kubectlContent(t, f[1] == "Request", f[2])
		case h != nil && strings.HasPrefix(text, "    "):
			h.field(trimBlank(text))
		}
	}
}

// kubectlStructured reads a line of key=value pairs, and returns whose header section follows it.
// asked says that a command has told of the request.
func kubectlStructured(t *transcript, text string, asked bool) *half {
	pairs := map[string]string{}
	for _, p := range kubectlPair.FindAllStringSubmatch(text, 20) {
		pairs[p[1]] = unquote(p[2])
	}
	k := t.last("")
	if pairs["verb"] != "" && !asked {
		h := t.request("")
		h.method = pairs["verb"]
		h.url(pairs["url"])
		h.wire = false
		k = t.last("")
		if pairs["status"] == "" {
			return h
		}
		h.lacks = "kubectl shows no header section of the request in this line"
	}
	if code, reason, _ := strings.Cut(pairs["status"], " "); code != "" {
		h := t.response("")
		h.code(code, reason)
		return h
	}
	if k == nil {
		return nil
	}
	return &k.request
}

// kubectlContent takes the content of a message, which may come before the message itself.
func kubectlContent(t *transcript, request bool, content string) {
	k := t.last("")
	if k == nil || request {
		return // the content of a request is told before the request
	}
	k.response.write(content)
	k.response.altered = true
}

// unquote removes the quotes of a Go string, if it has them.
func unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\n`, "\n", `\r`, "").Replace(s[1 : len(s)-1])
	}
	return s
}

var (
	davxRequest  = lazyregexp.New(`Request\{method=([A-Z]+), url=([^\s,}]+)(?:, headers=\[(.*?)\](?:, tags=\{.*)?)?\}?`)
	davxResponse = lazyregexp.New(`Response\{protocol=([^,]*), code=(\d{3}), message=([^,]*), url=([^\s}]+)\}`)
	// davxField is where the next field of a list begins. A comma alone may be in a value.
	davxField = lazyregexp.New(`(?:^|, )([!#$%&'*+.^_|~0-9A-Za-z-]+):`)
)

// davx5 reads the debug info of DAVx5, which has the request and the response as OkHttp prints
// them, each with its content.
func davx5(t *transcript) func(string) {
	var h *half
	return func(line string) {
		if m := davxRequest.FindStringSubmatch(line); m != nil {
			h = t.request("")
			h.method, h.wire = m[1], false
			h.url(m[2])
			davxFields(h, m[3])
			return
		}
		if m := davxResponse.FindStringSubmatch(line); m != nil {
			h = t.response("")
			h.code(m[2], m[3])
			h.proto = protocol(m[1])
			h.lacks = "DAVx5 shows no header section of the response"
			return
		}
		switch {
		case strings.HasPrefix(line, "HTTP RESPONSE"), strings.HasPrefix(line, "HTTP REQUEST"), strings.HasPrefix(line, "---"), line == "":
			h = nil
		case h != nil:
			h.write(line + "\n")
			h.altered = true
		}
	}
}

func davxFields(h *half, list string) {
	at := davxField.FindAllStringSubmatchIndex(list, -1)
	for i, m := range at {
		end := len(list)
		if i+1 < len(at) {
			end = at[i+1][0]
		}
		h.set(list[m[2]:m[3]], list[m[1]:end])
	}
}

// toolbelt reads what requests_toolbelt.utils.dump prints, whose marks are the other way round than
// those of curl.
func toolbelt(t *transcript) func(string) {
	var k block
	return func(line string) {
		mark, rest := "", line
		if len(line) > 0 && (line[0] == '<' || line[0] == '>') {
			mark, rest = line[:1], strings.TrimPrefix(line[1:], " ")
		}
		m, ok := parseStart(trimBlank(rest))
		switch {
		case ok && m.request && mark == "<":
			k = block{h: t.request("")}
			k.h.start(rest)
		case ok && !m.request && mark == ">":
			k = block{h: t.response("")}
			k.h.start(rest)
		case mark != "" && !k.content:
			k.line(rest)
		default:
			k.content = true
			k.line(line)
		}
	}
}

var (
	minioRequest  = lazyregexp.New(`\[REQUEST [^\]]*\](?: \[([^\]]*)\])?`)
	minioResponse = lazyregexp.New(`\[RESPONSE\]`)
	minioLine     = lazyregexp.New(`^(GET|HEAD|PUT|POST|DELETE|OPTIONS) (/\S*)$`)
	minioStatus   = lazyregexp.New(`^(\d{3}) (.*)$`)
)

// minioTrace reads what mc admin trace -v prints: each line behind the name of the server.
func minioTrace(t *transcript) func(string) {
	var h *half
	node := ""
	return func(line string) {
		switch {
		case minioRequest.MatchString(line):
			node, _, _ = strings.Cut(line, "[REQUEST")
			h = t.request("")
			return
		case minioResponse.MatchString(line):
			h = t.response("")
			return
		}
		rest, ok := strings.CutPrefix(line, node)
		if rest = trimBlank(rest); !ok || h == nil || rest == "" {
			return
		}
		m := minioLine.FindStringSubmatch(rest)
		s := minioStatus.FindStringSubmatch(rest)
		switch {
		case rest == "<BODY>" || strings.HasPrefix(rest, "<BLOB>"):
			h.wire = false
		case h.message.request && m != nil && h.method == "":
			h.method = m[1]
			h.url(m[2])
		case !h.message.request && s != nil && h.status == 0:
			h.code(s[1], s[2])
		case h.message.request && strings.HasPrefix(rest, "Proto: "):
			h.proto = protocol(rest[len("Proto: "):])
		case !strings.HasPrefix(rest, "<"):
			h.field(rest)
		}
	}
}

var (
	mitmRequest  = lazyregexp.New(`^(?:\[?[\w.:\]-]+: )?([A-Z]{3,16}) (https?://\S+)(?: (HTTP/\S+))?$`)
	mitmResponse = lazyregexp.New(`^ *<< (?:(HTTP/\S+) )?(\d{3})(.*?)(?: [\d.]+[kmg]?b)?$`)
)

// mitmdump reads what mitmdump prints with --flow-detail 2 and more.
func mitmdump(t *transcript) func(string) {
	var k block
	return func(line string) {
		if m := mitmRequest.FindStringSubmatch(line); m != nil {
			k = block{h: t.request("")}
			k.h.method, k.h.proto, k.h.wire = m[1], protocol(m[3]), false
			k.h.url(m[2])
			k.h.lacks = "mitmdump shows header sections only with --flow-detail 2"
			return
		}
		if m := mitmResponse.FindStringSubmatch(line); m != nil {
			k = block{h: t.response("")}
			k.h.code(m[2], m[3])
			k.h.proto = protocol(m[1])
			k.h.lacks = "mitmdump shows header sections only with --flow-detail 2"
			return
		}
		field, indented := strings.CutPrefix(line, "    ")
		switch {
		case k.h == nil || !indented && line != "":
		case k.content:
			k.h.write(field + "\n")
			k.h.altered = true
		case trimBlank(line) == "":
			k.content = true
		default:
			k.h.lacks = ""
			k.h.field(field)
		}
	}
}
