package capture

import (
	"regexp"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

var (
	logcat = lazyregexp.New(`^(?:(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d\.\d+ +\d+[- ]+\d+ .*? [VDIWE] +|[VDIWE]/\S+?(?: *\( *\d+\))?: |` +
		`(?:\S+ )*?(?:INFO|DEBUG|FINE|TRACE):? +(?:\S+ +[-:] +)?|\[[\w ./-]+\] )`)
	okRequest = lazyregexp.New(`^-{2,3}> ([A-Z]{3,16}) (https?://\S+)(?: ([hH]\S+))?`)
	okAnswer  = lazyregexp.New(`^<-{2,3} (?:(HTTP/\S+|h2|h3) )?(\d{3})(.*?) ?(?:https?://\S*)?(?: \(.*\))?$`)
	okFailed  = lazyregexp.New(`^<-- HTTP FAILED: (.*)$`)
	okField   = lazyregexp.New(`^[A-Za-z0-9!#$%&'*+.^_|~-]+: `)
	okSize    = lazyregexp.New(`^-{2,3}> END|^<-{2,3} END`)
)

// okHTTP reads what the HttpLoggingInterceptor of OkHttp prints, with or without the columns of
// logcat before it.
func okHTTP(t *transcript) func(string) {
	var k block
	var mark *regexp.Regexp // what a logger puts before each line
	const basic = "OkHttp shows header sections only at Level.HEADERS and above"
	return func(line string) {
		if line = line[len(logcat.FindString(line)):]; mark != nil {
			line = line[len(mark.FindString(line)):]
		} else if at := arrowAt(line); at > 0 && at <= maxMark && okRequest.MatchString(line[at:]) {
			mark = markOf(line[:at])
			line = line[at:]
		}
		if m := okRequest.FindStringSubmatch(line); m != nil {
			k = block{h: t.request("")}
			k.h.method, k.h.lacks, k.h.wire = m[1], basic, false
			k.h.url(m[2])
			k.h.proto = protocol(firstOf(m[3], "HTTP/1.1"))
			return
		}
		if m := okAnswer.FindStringSubmatch(line); m != nil {
			k = block{h: t.response("")}
			k.h.code(m[2], m[3])
			k.h.proto, k.h.lacks = protocol(firstOf(m[1], "HTTP/1.1")), basic
			return
		}
		switch {
		case okFailed.MatchString(line):
			t.noResponse = "there was no response: " + RedactURL(okFailed.FindStringSubmatch(line)[1])
		case k.h == nil:
		case okSize.MatchString(line):
			k.h.lacks = ""
			if trimmed, ok := strings.CutSuffix(string(k.h.body.data), "\n"); ok && k.h.body.n == int64(len(trimmed))+1 {
				k.h.body.trim(int64(len(trimmed)))
			}
			k = block{}
		case k.content:
			k.h.write(line + "\n")
		case trimBlank(line) == "":
			k.h.lacks, k.content = "", true
		case okField.MatchString(line):
			k.h.lacks = ""
			k.h.field(line)
		}
	}
}

// arrowAt is where the arrow before a request begins, which Feign draws longer.
func arrowAt(line string) int {
	at := strings.Index(line, "--> ")
	if at > 0 && line[at-1] == '-' {
		at--
	}
	return at
}

var digitRun = lazyregexp.New(`\d+`)

// maxMark bounds in bytes what a logger puts before each line.
const maxMark = 512

// markOf matches what stands before a line, and the like with other numbers. Bytes that are not
// UTF-8 match any others.
func markOf(before string) *regexp.Regexp {
	plain := strings.ToValidUTF8(before, "\uFFFD")
	return regexp.MustCompile(`^` + digitRun.ReplaceAllString(regexp.QuoteMeta(plain), `\d+`))
}

var (
	ktorRequest  = lazyregexp.New(`(?:^|\W)REQUEST: (https?://\S+)`)
	ktorResponse = lazyregexp.New(`(?:^|\W)RESPONSE: (\d{3}) ?(.*)$`)
	ktorMethod   = lazyregexp.New(`(?:^|\W)METHOD: HttpMethod\(value=([A-Z]+)\)`)
	ktorField    = lazyregexp.New(`-> ([\w-]+): ?(.*)$`)
)

// ktor reads what the Logging plugin of Ktor's client prints.
func ktor(t *transcript) func(string) {
	var h *half
	return func(line string) {
		switch {
		case ktorRequest.MatchString(line):
			h = t.request("")
			h.wire = false
			h.url(ktorRequest.FindStringSubmatch(line)[1])
		case ktorResponse.MatchString(line):
			m := ktorResponse.FindStringSubmatch(line)
			h = t.response("")
			h.code(m[1], m[2])
		case h == nil:
		case ktorMethod.MatchString(line):
			if h.message.request {
				h.method = ktorMethod.FindStringSubmatch(line)[1]
			}
		case ktorField.MatchString(line):
			m := ktorField.FindStringSubmatch(line)
			h.set(m[1], m[2])
		}
	}
}

// javaWire is the category of the wire log of Commons HttpClient 3 and of Apache HttpClient 4 and 5.
const javaWire = `(?:httpclient\.wire\.\w+|org\.apache\.http\.(?:wire|headers)|org\.apache\.hc\.client5\.http\.(?:wire|headers))`

var (
	apacheLine = lazyregexp.New(`(?:http-outgoing-(\d+)|\bex-(\d+)|` + javaWire + ` -) (>>|<<) ?(.*)$`)
	apacheWire = lazyregexp.New(`^"(.*?)((?:\[\\r\])?(?:\[\\n\])?)"$`)
)

// apacheClient reads the log of header sections of Apache HttpClient, and its wire log, which is in
// quotes, where that is all there is.
func apacheClient(t *transcript) func(string) {
	read := map[string]*block{} // by connection and direction
	seen := map[string]bool{}   // connections whose header sections are logged without quotes
	return func(line string) {
		m := apacheLine.FindStringSubmatch(line)
		if m == nil {
			return
		}
		id, text := m[1]+m[2], m[4]
		wire := apacheWire.FindStringSubmatch(text)
		if wire == nil {
			seen[id] = true
		}
		k := read[id+m[3]]
		if wire != nil {
			text = wire[1]
		}
		begin, ok := parseStart(trimBlank(text))
		switch {
		case ok && begin.request == (m[3] == ">>") && (wire == nil || !seen[id]):
			h := t.halfOf(begin.request, id)
			h.start(text)
			read[id+m[3]] = &block{h: h}
			if len(read) > 1000 {
				clear(read)
			}
		case k == nil || wire == nil && k.content:
		case wire == nil:
			k.line(text)
		case !seen[id]:
			k.wire(text, wire[2] != "")
		}
	}
}

// wire takes a line of a wire log. ended says whether it had its end.
func (k *block) wire(text string, ended bool) {
	if !k.content {
		k.line(text)
		return
	}
	if ended {
		text += "\n"
	}
	k.h.write(text)
	k.h.altered = true
}

// halfOf begins a request or a response.
func (t *transcript) halfOf(request bool, id string) *half {
	if request {
		return t.request(id)
	}
	return t.response(id)
}

var (
	javaNetRequest  = lazyregexp.New(`REQUEST: (https?://\S+) ([A-Z]+)$`)
	javaNetResponse = lazyregexp.New(`RESPONSE: \(([A-Z]+) (https?://\S+)\) (\d{3})(?: (HTTP_\S+))?`)
	javaNetHeaders  = lazyregexp.New(`HEADERS: (REQUEST|RESPONSE) HEADERS:`)
	javaNetField    = lazyregexp.New(`^\s*(:?[\w-]+): (.*)$`)
)

// javaNet reads what the HTTP client of Java prints with
// -Djdk.httpclient.HttpClient.log=requests,headers.
func javaNet(t *transcript) func(string) {
	var h *half
	return func(line string) {
		switch {
		case javaNetRequest.MatchString(line):
			m := javaNetRequest.FindStringSubmatch(line)
			h = t.request("")
			h.method, h.wire = m[2], false
			h.url(m[1])
		case javaNetResponse.MatchString(line):
			m := javaNetResponse.FindStringSubmatch(line)
			k := t.last("")
			if k == nil || k.response.told && k.response.status != 0 {
				t.request("").wire = false
				k = t.last("")
				k.request.method = m[1]
				k.request.url(m[2])
				k.request.lacks = "the header section of the request is not in the log: add headers to jdk.httpclient.HttpClient.log"
			}
			if !k.response.told {
				t.response("")
				k.response.lacks = "the header section of the response is not in the log: add headers to jdk.httpclient.HttpClient.log"
			}
			k.response.code(m[3], "")
			k.response.proto = protocol(strings.NewReplacer("HTTP_2", "HTTP/2", "HTTP_1_1", "HTTP/1.1").Replace(m[4]))
			h = nil
		case javaNetHeaders.MatchString(line):
			request := javaNetHeaders.FindStringSubmatch(line)[1] == "REQUEST"
			if k := t.last(""); request && k != nil && !k.response.told {
				h = &k.request
			} else {
				h = t.halfOf(request, "")
			}
		case h != nil && javaNetField.MatchString(line):
			m := javaNetField.FindStringSubmatch(line)
			if m[1] == ":status" {
				h.code(m[2], "")
			}
			h.set(m[1], m[2])
		case h != nil && (trimBlank(line) == "" || !h.start(line)):
			h = nil
		}
	}
}

var (
	javaPairs = lazyregexp.New(`pairs: (\{.*\})`)
	javaPair  = lazyregexp.New(`\{(?:null: (HTTP/\S+ [^{}]*)|([A-Z]+ \S+ HTTP/\S+): null|([^:{}\s]+): ([^{}]*))\}`)
)

// javaURL reads what HttpURLConnection logs at the level FINE.
func javaURL(t *transcript) func(string) {
	return func(line string) {
		m := javaPairs.FindStringSubmatch(line)
		if m == nil {
			return
		}
		var h *half
		for _, p := range javaPair.FindAllStringSubmatch(m[1], -1) {
			switch {
			case p[1] != "":
				h = t.response("")
				h.start(p[1])
			case p[2] != "":
				h = t.request("")
				h.start(p[2])
			case h != nil:
				h.set(p[3], p[4])
			}
		}
	}
}

var (
	dotnetRequest  = lazyregexp.New(`(?:Sending|Start processing) HTTP request ([A-Z]+) (https?://\S+)`)
	dotnetResponse = lazyregexp.New(`(?:Received HTTP response|End processing HTTP request)(?: headers)? after [\d.,]+ ?ms - (\d{3})`)
	dotnetHeaders  = lazyregexp.New(`(Request|Response) Headers:\s*$`)
	dotnetField    = lazyregexp.New(`^\s+([\w-]+): (.*)$`)
)

// dotnetLogger reads what IHttpClientFactory logs. It tells of each request twice, from the outer
// and from the inner handler, and shows header sections only at the level Trace.
func dotnetLogger(t *transcript) func(string) {
	var h *half
	const untold = "header sections are logged at the level Trace of System.Net.Http.HttpClient only"
	return func(line string) {
		k := t.last("")
		switch {
		case dotnetRequest.MatchString(line):
			m := dotnetRequest.FindStringSubmatch(line)
			if k == nil || k.response.told || k.request.method != m[1] || !strings.HasSuffix(RedactURL(m[2]), k.request.target) {
				r := t.request("")
				r.method, r.wire, r.lacks = m[1], false, untold
				r.url(m[2])
			}
			h = nil
		case dotnetResponse.MatchString(line):
			status := dotnetResponse.FindStringSubmatch(line)[1]
			if k != nil && !k.response.told {
				r := t.response("")
				r.code(status, "")
				r.lacks = untold
			}
			h = nil
		case dotnetHeaders.MatchString(line) && k != nil:
			h = &k.request
			if dotnetHeaders.FindStringSubmatch(line)[1] == "Response" {
				if h = &k.response; !h.told {
					h = t.response("")
				}
			}
			if h.lacks == "" { // the same again
				h = nil
			} else {
				h.lacks = ""
			}
		case h != nil && dotnetField.MatchString(line):
			m := dotnetField.FindStringSubmatch(line)
			h.set(m[1], m[2])
		case trimBlank(line) != "":
			h = nil
		}
	}
}

var (
	dotnetAsk    = lazyregexp.New(`Method: ([A-Z]+), RequestUri: '([^']*)', Version: ([\d.]+)`)
	dotnetAnswer = lazyregexp.New(`StatusCode: (\d{3}), ReasonPhrase: '([^']*)', Version: ([\d.]+)`)
)

// dotnetText reads what ToString of HttpRequestMessage and HttpResponseMessage returns.
func dotnetText(t *transcript) func(string) {
	var h *half
	return func(line string) {
		if m := dotnetAsk.FindStringSubmatch(line); m != nil {
			h = t.request("")
			h.method, h.proto, h.wire = m[1], protocol("HTTP/"+m[3]), false
			h.url(m[2])
		}
		if m := dotnetAnswer.FindStringSubmatch(line); m != nil {
			h = t.response("")
			h.code(m[1], m[2])
			h.proto = protocol("HTTP/" + m[3])
		}
		switch text := trimBlank(line); {
		case text == "}":
			h = nil
		case h != nil && dotnetField.MatchString(line):
			m := dotnetField.FindStringSubmatch(line)
			h.set(m[1], m[2])
		}
	}
}

var (
	azureCLI      = lazyregexp.New(`^(?:\S+: )?(?:cli\.azure\.cli|azure\.core\.pipeline)[\w.]*\s?: `)
	azureRequest  = lazyregexp.New(`(?:^|\W)Request \[([0-9a-f-]{36})\] ([A-Z]+) (https?://\S+)`)
	azureResponse = lazyregexp.New(`(?:^|\W)(?:Error response|Response) \[([0-9a-f-]{36})\] (\d{3}) (.*?)(?: \([\d.]+s\))?$`)
	azureURL      = lazyregexp.New(`Request URL: '(https?://[^']+)'`)
	azureMethod   = lazyregexp.New(`Request method: '([A-Z]+)'`)
	azureStatus   = lazyregexp.New(`Response status: (\d{3})`)
	azureField    = lazyregexp.New(`^\s*'?([A-Za-z][\w-]*)'?:\s?'?(.*?)'?$`)
	azureStop     = lazyregexp.New(`^(?:client assembly|A body is sent|No body was attached|Request (?:headers|URL|method)|Response (?:headers|status))`)
)

// azureSDK reads what the SDKs of Azure for .NET and for Python log. They show the values of some
// fields only.
func azureSDK(t *transcript) func(string) {
	var h *half
	return func(line string) {
		line = line[len(azureCLI.FindString(line)):]
		if m := azureRequest.FindStringSubmatch(line); m != nil {
			h = t.request(m[1])
			h.method, h.wire = m[2], false
			h.url(m[3])
			return
		}
		if m := azureResponse.FindStringSubmatch(line); m != nil {
			h = t.response(m[1])
			h.code(m[2], m[3])
			return
		}
		if m := azureURL.FindStringSubmatch(line); m != nil {
			h = t.request("")
			h.wire = false
			h.url(m[1])
			return
		}
		switch {
		case azureStatus.MatchString(line):
			h = t.response("")
			h.code(azureStatus.FindStringSubmatch(line)[1], "")
		case h == nil:
		case azureMethod.MatchString(line):
			h.method = azureMethod.FindStringSubmatch(line)[1]
		case azureStop.MatchString(trimBlank(line)):
		case azureField.MatchString(line):
			m := azureField.FindStringSubmatch(line)
			if m[2] == "REDACTED" {
				h.lacks = "the SDK hides values of fields: allow them in its diagnostics (LoggedHeaderNames, logging_enable)"
				return
			}
			h.set(m[1], m[2])
		}
	}
}
