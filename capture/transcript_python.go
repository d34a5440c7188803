package capture

import (
	"regexp"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

var (
	pythonSend  = lazyregexp.New(`(?:^|[: ])send: b?(['"])(.*)['"]$`)
	pythonReply = lazyregexp.New(`(?:^|[: ])reply: (['"])(HTTP/\d.*?)(?:\\r\\n)?['"]$`)
	pythonField = lazyregexp.New(`(?:^|[: ])header: ([^:\s]+): ?(.*)$`)
	pythonNames = lazyregexp.New(`(?:^|[: ])header: [^:\s]+ header: `)
)

// httpClient reads what http.client of Python prints with set_debuglevel(1), and so urllib3 and
// requests: what is sent as strings of Python.
func httpClient(t *transcript) func(string) {
	var sent, received *half
	return func(line string) {
		if m := pythonSend.FindStringSubmatch(line); m != nil {
			text := pythonText(m[2])
			head, content, whole := strings.Cut(text, "\r\n\r\n")
			first, fields, _ := strings.Cut(head, "\r\n")
			if begin, ok := parseStart(first); ok && begin.request {
				sent = t.request("")
				sent.start(first)
				for field := range strings.SplitSeq(fields, "\r\n") {
					if field != "" {
						sent.field(field)
					}
				}
				text = content
			}
			if sent != nil && text != "" && (whole || !strings.HasPrefix(first, text)) {
				sent.write(text)
			}
			return
		}
		if m := pythonReply.FindStringSubmatch(line); m != nil {
			received = t.response("")
			received.start(pythonText(m[2]))
			return
		}
		switch {
		case received == nil:
		case pythonNames.MatchString(line):
			received.lacks = "Python before 3.8 prints the names of the fields of the response, and not their values"
		case pythonField.MatchString(line):
			m := pythonField.FindStringSubmatch(line)
			received.set(m[1], m[2])
		}
	}
}

var pythonEscape = lazyregexp.New(`\\(?:x[0-9a-fA-F]{2}|.)`)

// pythonText undoes the escapes of a string or of bytes of Python.
func pythonText(s string) string {
	return pythonEscape.ReplaceAllStringFunc(s, func(e string) string {
		switch e[1] {
		case 'n':
			return "\n"
		case 'r':
			return "\r"
		case 't':
			return "\t"
		case 'x':
			if n, err := strconv.ParseUint(e[2:], 16, 8); err == nil {
				return string([]byte{byte(n)})
			}
		}
		return e[1:]
	})
}

// A pythonPair is a name and a value of a dictionary, or a pair of strings.
type pythonPair struct{ name, value string }

var (
	pythonString = `b?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")`
	pythonItem   = lazyregexp.New(pythonString + `(?:: |, )(?:` + pythonString + `|(None|True|False|-?\d+))`)
)

// pythonPairs returns the pairs of strings of a dictionary, or of a list of tuples, whose text begins s.
func pythonPairs(s string) (pairs []pythonPair) {
	for _, m := range pythonItem.FindAllStringSubmatch(bracketed(s), 500) {
		pairs = append(pairs, pythonPair{pythonText(m[1] + m[2]), pythonText(m[3]+m[4]) + m[5]})
	}
	return pairs
}

// bracketed returns the beginning of s up to the bracket that closes the first one.
func bracketed(s string) string {
	depth, quote := 0, byte(0)
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			i++
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '{' || c == '[' || c == '(':
			depth++
		case c == '}' || c == ']' || c == ')':
			if depth--; depth <= 0 {
				return s[:i+1]
			}
		}
	}
	return s
}

var (
	botoParams   = lazyregexp.New(`Making request for OperationModel\(.*?\) with params: (\{.*)$`)
	botoPrepared = lazyregexp.New(`Sending http request: <AWSPreparedRequest .*?method=([A-Z]+), url=(\S+), headers=(\{.*)$`)
	botoHeaders  = lazyregexp.New(`Response headers: (\{.*)$`)
	botoMethod   = lazyregexp.New(`'method': '([A-Z]+)'`)
	botoURL      = lazyregexp.New(`'url': '([^']+)'`)
	botoFields   = lazyregexp.New(`'headers': (\{.*)$`)
	botoBytes    = lazyregexp.New(`^b(['"])(.*)['"]$`)
	urllib3Line  = lazyregexp.New(`(https?://[^\s"]+?)/? "([A-Z]{3,16}) (\S+) (HTTP/[\d.]+)" (\d{3}) (\S+)`)
	httpxLine    = lazyregexp.New(`HTTP Request: ([A-Z]+) (https?://\S+) "(HTTP/\S+ \d{3}[^"]*)"`)
)

// botocore reads what the SDK of AWS for Python and its command line log at the level DEBUG.
func botocore(t *transcript) func(string) {
	body := false
	return func(line string) {
		k := t.last("")
		switch {
		case botoParams.MatchString(line):
			text := botoParams.FindStringSubmatch(line)[1]
			h := t.request("")
			h.wire = false
			h.lacks = "botocore adds fields after it logged these"
			if m := botoMethod.FindStringSubmatch(text); m != nil {
				h.method = m[1]
			}
			if m := botoURL.FindStringSubmatch(text); m != nil {
				h.url(m[1])
			}
			if m := botoFields.FindStringSubmatch(text); m != nil {
				h.setAll(pythonPairs(m[1]))
			}
		case botoPrepared.MatchString(line):
			m := botoPrepared.FindStringSubmatch(line)
			if k == nil || k.response.told || k.request.lacks == "" {
				t.request("").method = m[1]
				k = t.last("")
			}
			k.request.head, k.request.lacks = section{limits: t.b.limits}, ""
			k.request.wire = true
			k.request.url(m[2])
			k.request.setAll(pythonPairs(m[3]))
		case urllib3Line.MatchString(line):
			m := urllib3Line.FindStringSubmatch(line)
			if k != nil && !k.response.told {
				k.request.proto = m[4]
				t.response("").code(m[5], "")
				k.response.lacks = "the header section of the response is not in the log"
			}
		case botoHeaders.MatchString(line) && k != nil:
			h := &k.response
			if !h.told {
				h = t.response("")
			}
			h.lacks = ""
			h.setAll(pythonPairs(botoHeaders.FindStringSubmatch(line)[1]))
		case strings.Contains(line, "Response body:"):
			body = true
			return
		case body && k != nil && k.response.told:
			if m := botoBytes.FindStringSubmatch(line); m != nil {
				k.response.write(pythonText(m[2]))
			}
		}
		body = false
	}
}

func (h *half) setAll(pairs []pythonPair) {
	for _, p := range pairs {
		h.set(p.name, p.value)
	}
}

// urllib3 reads the one line that urllib3 or httpx logs of a request.
func urllib3(t *transcript) func(string) {
	const untold = "the log has no header sections: set http.client.HTTPConnection.debuglevel to 1"
	return func(line string) {
		if m := urllib3Line.FindStringSubmatch(line); m != nil {
			h := t.request("")
			h.method, h.proto, h.lacks, h.wire = m[2], m[4], untold, false
			h.url(m[1] + m[3])
			a := t.response("")
			a.code(m[5], "")
			a.lacks = untold
			return
		}
		if m := httpxLine.FindStringSubmatch(line); m != nil {
			h := t.request("")
			h.method, h.lacks, h.wire = m[1], "httpx logs no header sections: log httpcore at the level DEBUG", false
			h.url(m[2])
			a := t.response("")
			a.start(m[3])
			a.lacks = h.lacks
		}
	}
}

var (
	coreRequest  = lazyregexp.New(`send_request_headers\.started request=<Request \[b'([A-Z]+)'\]>`)
	coreResponse = lazyregexp.New(`receive_response_headers\.complete return_value=` +
		`\((?:b'(HTTP/\S+)', )?(\d{3}), (?:b['"](.*?)['"], )?(\[.*)$`)
)

// httpcore reads what httpcore, the transport of httpx, logs at the level DEBUG. Of the request it
// tells no more than the method.
func httpcore(t *transcript) func(string) {
	const untold = "httpcore logs no header section of the request"
	return func(line string) {
		if m := coreRequest.FindStringSubmatch(line); m != nil {
			h := t.request("")
			h.method, h.lacks, h.wire = m[1], untold, false
		}
		if m := coreResponse.FindStringSubmatch(line); m != nil {
			h := t.response("")
			h.code(m[2], m[3])
			h.proto = protocol(m[1])
			h.setAll(pythonPairs(m[4]))
		}
		if m, k := httpxLine.FindStringSubmatch(line), t.last(""); m != nil && k != nil {
			k.request.url(m[2])
		}
	}
}

var (
	terraformSent     = lazyregexp.New(`HTTP Request Sent:`)
	terraformReceived = lazyregexp.New(`HTTP Response Received:`)
	terraformPair     = lazyregexp.New(`(?:^| )([\w.]+)=("(?:[^"\\]|\\.)*"|\S*)`)
	terraformNew      = lazyregexp.New(`^\d{4}-\d\d-\d\dT`)
)

// terraform reads what the backends and providers of Terraform and OpenTofu for AWS log with
// TF_LOG=DEBUG: the parts of a message as pairs, over several lines if there is content.
func terraform(t *transcript) func(string) {
	var h *half
	return func(line string) {
		fresh := terraformNew.MatchString(line)
		begins := true
		id := ""
		for _, name := range []string{"tf_backend.req_id", "tf_req_id"} {
			if m := regexp.MustCompile(name + `=(\S+)`).FindStringSubmatch(line); m != nil {
				id = m[1]
			}
		}
		switch {
		case terraformSent.MatchString(line):
			h = t.request(id)
			h.wire = false
		case terraformReceived.MatchString(line):
			h = t.response(id)
		case fresh:
			h, begins = nil, false
		}
		if h == nil || !begins {
			return
		}
		if content, ok := strings.CutPrefix(strings.TrimLeft(line, " "), "| "); ok {
			h.write(content)
			h.altered = true
			return
		}
		for _, m := range terraformPair.FindAllStringSubmatch(line, 200) {
			h.terraform(m[1], unquote(m[2]))
		}
	}
}

// terraform takes a pair.
func (h *half) terraform(name, value string) {
	switch name {
	case "http.method":
		h.method = value
	case "http.url":
		h.url(value)
	case "http.status_code":
		h.code(value, "")
	case "http.request_content_length", "http.response_content_length":
		h.set("Content-Length", value)
	case "http.user_agent":
		h.set("User-Agent", value)
	case "http.request.body", "http.response.body":
		if value != "" && value != "[Redacted]" {
			h.write(value)
			h.altered = true
		}
	default:
		for _, before := range []string{"http.request.header.", "http.response.header."} {
			if field, ok := strings.CutPrefix(name, before); ok {
				h.set(strings.ReplaceAll(field, "_", "-"), value)
			}
		}
	}
}
