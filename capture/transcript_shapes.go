package capture

import (
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// A shape is how a program tells of exchanges in lines that say by themselves what they are.
// Patterns may be nil. Of a pattern with named groups each is taken for what its name says: method,
// url, proto, code, reason, name, value.
type shape struct {
	// before is what a logger puts before a line, and after what it puts behind.
	before, after *lazyregexp.Regexp
	// request and response begin a message; more says more of the request.
	request, response, more *lazyregexp.Regexp
	// requestFields and responseFields say that there is a header section, or whose fields come. If
	// apart is set, there are fields behind these alone.
	requestFields, responseFields *lazyregexp.Regexp
	apart                         bool
	field                         *lazyregexp.Regexp
	// stop ends the fields.
	stop *lazyregexp.Regexp
	// lacks is why a header section is missing of which no field was told.
	lacks string
	// value, if not nil, makes the value of a field of what is shown.
	value func(string) string
}

// lines returns what reads the lines of a shape.
func (s *shape) lines(t *transcript) func(string) {
	var h *half
	return func(line string) {
		if s.before != nil {
			line = line[len(s.before.FindString(line)):]
		}
		if s.after != nil {
			line = s.after.ReplaceAllString(line, "")
		}
		k := t.last("")
		switch {
		case found(s.request, line):
			h = t.request("")
			h.wire, h.lacks = false, s.lacks
			h.say(s.request, line)
			if s.apart {
				h = nil
			}
		case found(s.response, line):
			h = t.response("")
			h.lacks = s.lacks
			h.say(s.response, line)
		case found(s.requestFields, line) && k != nil:
			h = &k.request
			h.lacks = ""
		case found(s.responseFields, line) && k != nil:
			if h = &k.response; !h.told {
				h = t.response("")
			}
			h.lacks = ""
		case found(s.stop, line):
			h = nil
		case found(s.more, line) && k != nil && (h == nil && s.apart || h == &k.request):
			k.request.say(s.more, line)
		case h == nil:
		case found(s.field, line):
			s.set(h, line)
		}
	}
}

// set takes a field line.
func (s *shape) set(h *half, line string) {
	g := groups(s.field, line)
	value := g["value"]
	if s.value != nil {
		value = s.value(value)
	}
	h.lacks = ""
	h.set(g["name"], value)
}

func found(re *lazyregexp.Regexp, line string) bool { return re != nil && re.MatchString(line) }

// groups returns what the named groups of a pattern match in a line. Several may have one name.
func groups(re *lazyregexp.Regexp, line string) map[string]string {
	m := re.FindStringSubmatch(line)
	of := map[string]string{}
	for i, name := range re.SubexpNames() {
		if i < len(m) && name != "" && m[i] != "" {
			of[name] = m[i]
		}
	}
	return of
}

// say takes what the groups of a pattern say of a message.
func (h *half) say(re *lazyregexp.Regexp, line string) {
	g := groups(re, line)
	if g["method"] != "" {
		h.method = strings.ToUpper(g["method"])
	}
	if g["url"] != "" {
		h.url(g["url"])
	}
	if g["query"] != "" {
		h.target += RedactURL(g["query"])
	}
	if g["proto"] != "" {
		h.proto = protocol(g["proto"])
	}
	if g["host"] != "" {
		h.set("Host", g["host"])
	}
	if g["code"] != "" {
		h.code(g["code"], strings.TrimRight(g["reason"], " \t"))
	}
}

// inQuotes is a value without the quotation marks around it, and without the backslashes that they need.
func inQuotes(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return strings.NewReplacer(`\"`, `"`, `\'`, `'`, `\\`, `\`).Replace(s[1 : len(s)-1])
	}
	return s
}

// Groups of patterns that have their names.
const (
	groupMethod = `(?P<method>[A-Z]{3,16})`
	groupURL    = `(?P<url>https?://\S+)`
	groupCode   = `(?P<code>\d{3})`
	groupField  = `(?P<name>[\w-]+): (?P<value>.*)$`
)

// jersey is the LoggingFeature of Jersey, and what RESTEasy and others do in its way.
var jersey = shape{
	before:  lazyregexp.New(`^(?:.*? )?(?:INFO|FINE|DEBUG)[: ] (?:.*? - )?`),
	request: lazyregexp.New(`^\d+ > ` + groupMethod + ` ` + groupURL + `$`), response: lazyregexp.New(`^\d+ < ` + groupCode + `\s*$`),
	field: lazyregexp.New(`^\d+ [<>] ` + groupField),
}

// restAssured is what REST-assured logs of requests; responses are shown as on the wire.
var restAssured = shape{
	request:  lazyregexp.New(`^Request method:\s+` + groupMethod),
	more:     lazyregexp.New(`^Request URI:\s+` + groupURL),
	response: lazyregexp.New(`^(?P<proto>HTTP/\S+) ` + groupCode + `(?: (?P<reason>.*))?$`),
	field:    lazyregexp.New(`^(?:Headers:)?\s+(?P<name>[\w-]+)=(?P<value>.*)$|^` + groupField),
	stop:     lazyregexp.New(`^(?:Cookies|Multiparts|Body):|^$`),
	lacks:    "REST-assured shows header sections with log().all() or log().headers()",
}

// resty is what the client resty of Go prints with SetDebug.
var resty = shape{
	request:  lazyregexp.New(`^` + groupMethod + `\s+(?P<url>(?:/|https?://)\S*)\s+(?P<proto>HTTP/\S+)$`),
	more:     lazyregexp.New(`^HOST\s+: (?P<host>\S+)$`),
	response: lazyregexp.New(`^STATUS\s+: ` + groupCode + `(?: (?P<reason>.*))?$`),
	field:    lazyregexp.New(`^\s+` + groupField), stop: lazyregexp.New(`^BODY\s+:`),
}

// gcloud is what gcloud prints with --log-http.
var gcloud = shape{
	request: lazyregexp.New(`^uri: ` + groupURL), more: lazyregexp.New(`^method: ` + groupMethod + `$`),
	response:      lazyregexp.New(`^status: ` + groupCode + `$`),
	requestFields: lazyregexp.New(`^== headers start ==$`), responseFields: lazyregexp.New(`^-- headers start --$`),
	field: lazyregexp.New(`^(?:b'(?P<name>[\w-]+)': b'(?P<value>.*)'|` + groupField + `)$`),
	stop:  lazyregexp.New(`^(?:==|--) headers end`),
}

// kestrel is the HttpLogging middleware of ASP.NET Core.
var kestrel = shape{
	before:  lazyregexp.New(`^\s+`),
	request: lazyregexp.New(`^Request:$`),
	more: lazyregexp.New(`^Method: ` + groupMethod + `$|^(?:PathBase|Path): (?P<url>\S*)$|^QueryString: (?P<query>\S*)$|^Host: (?P<host>\S+)$|` +
		`^Protocol: (?P<proto>\S+)$|^(?:Scheme|PathBase|QueryString):`),
	response: lazyregexp.New(`^StatusCode: ` + groupCode + `$`),
	field:    lazyregexp.New(`^` + groupField), stop: lazyregexp.New(`^(?:\w+: )?Microsoft\.|^(?:Request|Response)Body:|^Duration:`),
}

// faraday is the logger of Ruby's Faraday.
var faraday = shape{
	before:   lazyregexp.New(`^[A-Z], \[\S+ #\d+\] +[A-Z]+ -- `),
	request:  lazyregexp.New(`^request: ` + groupMethod + ` ` + groupURL + `$`),
	response: lazyregexp.New(`^response: Status ` + groupCode), value: inQuotes,
	field: lazyregexp.New(`^(?:request: |response: )?(?P<name>[\w-]+): (?P<value>".*")$`),
	lacks: "Faraday shows header sections with the logger's option headers: true",
}

// playwright is what Playwright prints of its own requests with DEBUG=pw:api, and in its traces.
var playwright = shape{
	before: lazyregexp.New(`^.*?pw:api `), after: lazyregexp.New(` \+\d+m?s$`),
	request:  lazyregexp.New(`^\s*→ ` + groupMethod + ` ` + groupURL + `$`),
	response: lazyregexp.New(`^\s*← ` + groupCode + `(?: (?P<reason>.*))?$`),
	field:    lazyregexp.New(`^\s+` + groupField),
}

// azureGo is the log of the SDK of Azure for Go. It tells of the request again when the response
// has come.
var azureGo = shape{
	request:  lazyregexp.New(`^ {3}` + groupMethod + ` ` + groupURL + `$`),
	response: lazyregexp.New(`^ {3}RESPONSE Status: ` + groupCode + `(?: (?P<reason>.*))?$`),
	field:    lazyregexp.New(`^ {3}` + groupField), stop: lazyregexp.New(`^ {3}-{20,}|^ {3}ERROR:`),
}

// azureGoLines leaves out the request where it is told again.
func azureGoLines(t *transcript) func(string) {
	line := azureGo.lines(t)
	again := false
	return func(text string) {
		switch {
		case strings.Contains(text, "==> OUTGOING REQUEST"):
			again = false
		case strings.Contains(text, "==> REQUEST/RESPONSE"):
			k := t.last("")
			again = k != nil && !k.response.told
		case again && strings.HasPrefix(text, "   RESPONSE"):
			again = false
			line(text)
		case !again:
			line(text)
		}
	}
}

// fetchCall is a call of fetch, as browsers copy it, and people write it.
var fetchCall = shape{
	request:       lazyregexp.New(`(?:^|\W)fetch\(["'` + "`" + `](?P<url>https?://[^"'` + "`" + `]+)`),
	more:          lazyregexp.New(`^\s*["']?method["']?: ["'](?P<method>[A-Za-z]+)["']`),
	requestFields: lazyregexp.New(`^\s*["']?headers["']?: (?:new Headers\()?\{`), apart: true,
	field: lazyregexp.New(`^\s*(?:["'](?P<name>[\w-]+)["']|(?P<name>\w+)):\s*(?P<value>["'].*["']),?\s*$`), value: inQuotes,
	stop: lazyregexp.New(`^\s*\}`),
}

// invoked is a call of Invoke-WebRequest, as browsers copy it for PowerShell.
var invoked = shape{
	request: lazyregexp.New(`(?i)Invoke-(?:WebRequest|RestMethod)\b.* -Uri "?(?P<url>https?://[^"\s]+)`),
	more:    lazyregexp.New(`(?i)^-Method "?(?P<method>[A-Za-z]+)`), apart: true,
	requestFields: lazyregexp.New(`(?i)^-Headers @\{`), stop: lazyregexp.New(`^\s*\}`),
	field: lazyregexp.New(`^\s*"(?P<name>[\w-]+)"\s*=\s*(?P<value>".*")\s*$`),
	value: func(s string) string { return strings.ReplaceAll(inQuotes(s), "`\"", `"`) },
}

// called reads a call: a request without a response, with GET if it does not say the method.
func (s *shape) called(t *transcript) func(string) {
	t.noResponse = "there is only the call: the network panel of the browser shows the response, too; save it all as HAR"
	line := s.lines(t)
	return func(text string) {
		line(text)
		if k := t.last(""); k != nil && k.request.method == "" {
			k.request.method = http.MethodGet
		}
	}
}

// packetList is the list of packets of tshark and Wireshark, a line each.
var packetList = shape{
	request:  lazyregexp.New(`\sHTTP\S*\s+\d+\s+` + groupMethod + ` (?P<url>\S+) (?P<proto>HTTP/\S+)`),
	response: lazyregexp.New(`\sHTTP\S*\s+\d+\s+(?P<proto>HTTP/\S+) ` + groupCode + `(?: (?P<reason>.*?))?(?:\s+\(.*\))?\s*$`),
	lacks:    "the list of packets has no header sections: tshark -V shows them",
}

// statusOnly is what programs say of exchanges of which they show no header section.
var statusOnly = shape{
	before:  lazyregexp.New(`^.*?(?:RestTemplate\s*:|UNDICI \d+:|RestClient\s*:) `),
	request: lazyregexp.New(`^(?:HTTP |sending request to )` + groupMethod + ` ` + groupURL + `$`),
	response: lazyregexp.New(`^Response ` + groupCode + `(?: (?P<reason>.*))?$|` +
		`^received response to [A-Z]+ \S+ - HTTP ` + groupCode + `$`),
	lacks: "this log has no header sections: take the wire log of the HTTP client, or what a proxy sees",
}
