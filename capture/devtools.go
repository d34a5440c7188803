package capture

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// A devtoolsReader reads what people copy out of the developer tools of a browser: names and
// values, each pair on a line or on two, under headings, the response often before the request, and
// no request line.
type devtoolsReader struct {
	t *transcript
	// to is what a heading or the fields before said the next field belongs to: 0 neither, 'q' the
	// request, 's' the response, 'x' something else that is shown there, such as content.
	to byte
	// name is that of a field whose value comes on the next line.
	name string
	// told is set if a heading said what the fields belong to.
	told bool
	// last is what the line before was about.
	last string
	// method is one that stood alone, before its URL.
	method string
	// colons is set if names stand on lines of their own, with a colon behind.
	colons bool
}

var (
	devtoolsSigns = lazyregexp.New(`(?mi)^\W*(?:` +
		`request url|request method|request-url|anfrage-url|anforderungs-url|anfragemethode|anforderungsmethode|url de la requ.te|m.thode de (?:la )?requ.te|` +
		`url de (?:la )?solicitud|url richiesta|metodo richiesta|code d.[eé]tat)\s*(?::|\r?$)` +
		`|^\W*(?:request|response) headers?(?: \([^)\n]*\))?(?:\s*view (?:source|parsed))?\W*$` +
		`|^\W*headers? (?:request|response)\W*$` +
		`|^\W*(?:anfragekopfzeilen|antwortkopfzeilen|anforderungs?header|anfrageheader|antwortheader|en-t.tes de (?:la )?(?:requ.te|r.ponse))\b.*$` +
		`|^[ \t]*(?:请求网址|请求 ?url|请求方法|リクエスト ?url|要求 ?url|url запроса|метод запроса)\s*(?:[:：]|\r?$)` +
		`|^[ \t]*(?:请求标头|响应标头|请求头|响应头|(?:リクエスト|要求|レスポンス|応答) ?ヘッダー|заголовки (?:запроса|ответа))\b.*$` +
		`|^Summary\r?\nURL: |^X-Firefox-Spdy: |^Status ?\d{3}\b|^Version ?HTTP/\d\S*\r?$` +
		`|^:(?:method|path|authority|scheme)\r?$`)
	devtoolsRequestLine = lazyregexp.New(`(?m)^\s*[A-Z]{3,16} \S+ HTTP/\d`)
	devtoolsStatusLine  = lazyregexp.New(`(?m)^\s*HTTP/\d\S* \d{3}`)

	devtoolsHeading = lazyregexp.New(`(?i)^\W*(?:general|summary|headers?|raw|view source|cookies|request payload|request body|response body|form data|query string parameters|payload|` +
		`preview|timing|initiator|allgemein|g.n.ral|` +
		`(?:(request|anfrage|anforderungs?|requ.te|solicitud|richiesta)|(response|antwort|r.ponse|respuesta|risposta))[ -]?(?:headers?|kopfzeilen|kopfdaten)?|` +
		`(?:headers?|en-t.tes|encabezados|intestazioni|cabeceras)(?: de)?(?: la| della| de la| di)? ?(?:(request|requ.te|solicitud|petici.n|richiesta)|(response|r.ponse|respuesta|risposta)))` +
		`(?: \([^)]*\))?(?:\s*view (?:source|parsed))?\W*$`)
	devtoolsOther = lazyregexp.New(`(?i)^\s*(?:(请求标头|请求头|(?:リクエスト|要求) ?ヘッダー|заголовки запроса)|(响应标头|响应头|(?:レスポンス|応答) ?ヘッダー|заголовки ответа))` +
		`(?: ?\(.*\))?\s*$`)
	devtoolsPair  = lazyregexp.New(`^(:?[^:：\t]{1,60}?)[  ]*(?:[:：][  \t]*|\t+)(.*)$`)
	devtoolsName  = lazyregexp.New(`^:?[A-Za-z][A-Za-z0-9_-]*$`)
	devtoolsCode  = lazyregexp.New(`^(?:HTTP/\S+ )?([1-5]\d\d)\b ?(.*)$`)
	devtoolsURL   = lazyregexp.New(`^(?:([A-Z]{3,16})\s+)?(https?://\S+)$`)
	devtoolsGlued = lazyregexp.New(`^(Status|Version|Transferred|Address)(\d{3}\b.*|HTTP/\d.*|\d[\d.:]+)$`)
	devtoolsCache = lazyregexp.New(`\(from ([a-zA-Z ]+?)(?: cache)?\)`)
)

// isDevtools reports whether head is a paste out of developer tools. Where there are a request and
// a response as on the wire, in this order, it is no matter what is written around them.
func isDevtools(head []byte) bool {
	if !devtoolsSigns.Match(head) {
		return false
	}
	request, response := devtoolsRequestLine.FindIndex(head), devtoolsStatusLine.FindIndex(head)
	return request == nil || response != nil && response[0] < request[0]
}

func devtools(t *transcript) func(string) {
	t.noResponse = "the response is not in what was copied"
	r := &devtoolsReader{t: t}
	return r.line
}

// general are what the first part of the panel calls things, in the languages of which it is known.
var general = map[string]string{
	"request url": "url", "url": "url", "request-url": "url", "anfrage-url": "url", "anforderungs-url": "url", "url de la requête": "url",
	"url der anfrage": "url", "url de solicitud": "url", "url de la solicitud": "url", "url richiesta": "url", "url della richiesta": "url",
	"request method": "method", "method": "method", "anfragemethode": "method", "anforderungsmethode": "method",
	"méthode de requête":    "method",
	"méthode de la requête": "method", "método de solicitud": "method", "método de la solicitud": "method", "metodo richiesta": "method",
	"status code": "status", "status": "status", "statuscode": "status", "code d'état": "status", "code d’état": "status", "estado": "status",
	"código de estado": "status", "codice di stato": "status", "stato": "status",
	"remote address": "address", "address": "address", "remoteadresse": "address", "adresse distante": "address",
	"version": "version", "protocol": "version", "versione": "version", "versión": "version",
	"请求网址": "url", "请求 url": "url", "请求url": "url", "リクエスト url": "url", "要求 url": "url", "url запроса": "url",
	"请求方法": "method", "リクエスト メソッド": "method", "要求メソッド": "method", "метод запроса": "method",
	"状态代码": "status", "状态码": "status", "ステータス コード": "status", "状態コード": "status", "код статуса": "status", "код состояния": "status",
	"远程地址": "address", "リモート アドレス": "address", "удаленный адрес": "address", "引荐来源网址政策": "", "引荐来源网址策略": "",
	"referrer policy": "", "referrer-richtlinie": "", "politique de référent": "", "transferred": "", "übertragen": "", "transfert": "",
	"transféré": "",
	"source":    "", "scheme": "", "filename": "", "request priority": "", "dns resolution": "", "initiator": "",
}

// alsoFields are those of these names that may be the name of a field, too.
var alsoFields = map[string]bool{
	"url": true, "method": true, "status": true, "address": true, "version": true, "protocol": true, "source": true, "scheme": true,
	"filename":  true,
	"initiator": true, "transferred": true,
}

func (r *devtoolsReader) line(line string) {
	text := strings.Trim(line, " \t\r\u00a0")
	if r.name != "" {
		name := r.name
		r.name = ""
		r.pair(name, text)
		return
	}
	begin, isStart := parseStart(text)
	heading := devtoolsHeading.FindStringSubmatch(text)
	if other := devtoolsOther.FindStringSubmatch(text); other != nil {
		heading = []string{"", other[1], other[2], "", ""}
	}
	switch {
	case text == "":
	case isStart:
		r.start(begin, text)
	case heading != nil && !strings.Contains(text, "\t"):
		r.heading(heading, text)
	case strings.Contains(strings.ToLower(text), "provisional headers"):
		r.request().lacks = "the browser shows the fields it meant to send, not those it sent"
	case commonMethod.MatchString(text) && r.to != 'x':
		r.method = text
	case devtoolsGlued.MatchString(text):
		m := devtoolsGlued.FindStringSubmatch(text)
		if m[1] == "Status" {
			r.to, r.told = 0, false
		}
		r.pair(m[1], m[2])
	case strings.HasSuffix(text, ":") && (r.colons || r.known(strings.TrimSuffix(text, ":"))):
		r.colons, r.name = true, strings.TrimSuffix(text, ":")
	case consoleTitle.MatchString(text):
		m := consoleTitle.FindStringSubmatch(text)
		r.url(m[2])
		r.request().method = m[1]
		r.general("status", m[3])
	case r.last == "url" && devtoolsCode.MatchString(text):
		r.general("status", text)
	case devtoolsURL.MatchString(text):
		m := devtoolsURL.FindStringSubmatch(text)
		r.url(m[2])
		if m[1] != "" {
			r.request().method = m[1]
		}
	case devtoolsPair.MatchString(text):
		m := devtoolsPair.FindStringSubmatch(text)
		r.pair(m[1], trimBlank(m[2]))
	case r.known(text) || devtoolsName.MatchString(text) && r.to != 'x' && r.last != "status":
		r.name = text
	case r.last == "status": // the reason phrase, on a line of its own
		r.response().reason = text
	}
}

// known reports whether text is the name of something that the first part of the panel shows.
func (r *devtoolsReader) known(text string) bool {
	_, ok := general[strings.ToLower(text)]
	return ok
}

// start takes a request line or a status line.
func (r *devtoolsReader) start(begin message, text string) {
	r.told = true
	if begin.request {
		k := r.t.last("")
		if k != nil && k.request.method != "" && (len(k.request.head.lines) > 0 || k.request.method != begin.method) {
			r.t.request("")
		}
		h := r.request()
		h.start(text)
		if strings.Contains(begin.target, "://") {
			h.url(begin.target)
		}
		r.to, r.last = 'q', "url"
		return
	}
	if k := r.t.last(""); k != nil && (k.response.status != 0 && k.response.status != begin.status || k.hasBoth(&k.response)) {
		r.t.begin("")
	}
	r.response().start(text)
	r.to = 's'
}

// heading takes a heading: what comes after it belongs to the request, to the response, or to neither.
func (r *devtoolsReader) heading(m []string, text string) {
	lower := strings.ToLower(text)
	if k := r.t.last(""); k != nil && (len(m[1]+m[3]) > 0 && k.hasBoth(&k.request) || len(m[2]+m[4]) > 0 && k.hasBoth(&k.response)) {
		r.t.begin("") // another exchange, under the same headings
	}
	switch {
	case m[1] != "" || m[3] != "":
		r.to, r.told = 'q', true
	case m[2] != "" || m[4] != "":
		r.to, r.told = 's', true
	case strings.Contains(lower, "payload"), strings.Contains(lower, "body"), strings.Contains(lower, "form data"),
		strings.Contains(lower, "query string"),
		strings.Contains(lower, "preview"), strings.Contains(lower, "timing"), strings.Contains(lower, "cookies"):
		r.to, r.told = 'x', true
	case strings.Contains(lower, "raw"), strings.Contains(lower, "view source"):
	default:
		r.to, r.told = 0, false
	}
	r.last = ""
}

// pair takes a name and a value.
func (r *devtoolsReader) pair(name, value string) {
	what, isGeneral := general[strings.ToLower(name)]
	r.last = ""
	if !isGeneral && strings.ContainsRune(name, ' ') {
		what, isGeneral = guess(value), true
	}
	if isGeneral && (r.to == 0 || !alsoFields[strings.ToLower(name)] || what == "status" && r.to == 's') {
		r.general(what, value)
		return
	}
	if r.to == 'x' || !devtoolsName.MatchString(name) {
		return
	}
	side := r.to
	if strings.HasPrefix(name, ":") && name != ":status" {
		side = 'q'
	} else if !r.told || side == 0 {
		side = sideOf(name, side)
	}
	switch side {
	case 'q':
		r.request().set(name, value)
		r.to = 'q'
	case 's':
		if strings.EqualFold(name, ":status") {
			r.general("status", value)
		}
		r.response().set(name, value)
		r.to = 's'
	}
}

// hasBoth reports whether a half has fields already, and the other one, too.
func (k *talk) hasBoth(h *half) bool {
	return len(h.head.lines) > 0 && len(k.request.head.lines) > 0 && len(k.response.head.lines) > 0
}

// guess tells by its value what something is whose name is in another language.
func guess(value string) string {
	switch {
	case devtoolsURL.MatchString(value):
		return "url"
	case commonMethod.MatchString(value):
		return "method"
	case devtoolsCode.MatchString(value):
		return "status"
	}
	return ""
}

var commonMethod = lazyregexp.New(`^(?:GET|HEAD|PUT|POST|PATCH|DELETE|OPTIONS|PROPFIND|PROPPATCH|MKCOL|MOVE|COPY|LOCK|UNLOCK|REPORT|SEARCH)$`)

// general takes something that the first part of the panel shows.
func (r *devtoolsReader) general(what, value string) {
	switch what {
	case "url":
		r.url(value)
	case "method":
		if commonMethod.MatchString(value) {
			r.request().method = value
		}
	case "status":
		if m := devtoolsCode.FindStringSubmatch(value); m != nil {
			if k := r.t.last(""); k != nil && k.hasBoth(&k.response) && r.to != 's' {
				r.t.begin("")
				r.to, r.told = 0, false
			}
			h := r.response()
			h.code(m[1], devtoolsCache.ReplaceAllString(m[2], ""))
			if from := devtoolsCache.FindStringSubmatch(value); from != nil {
				r.t.last("").cache = strings.ToLower(from[1])
			}
			r.last = "status"
		}
	case "address":
		if k := r.t.last(""); k != nil {
			k.server = strings.TrimSuffix(value, ":443")
		}
	case "version":
		if k := r.t.last(""); k != nil {
			k.request.proto, k.response.proto = protocol(value), protocol(value)
		}
	}
}

// url takes the URL of a request, with which another exchange begins if there is one already.
func (r *devtoolsReader) url(url string) {
	k := r.t.last("")
	if k == nil || k.request.target != "" && k.response.told {
		r.t.request("")
	}
	h := r.request()
	h.url(url)
	if r.method != "" {
		h.method, r.method = r.method, ""
	}
	r.to, r.told, r.last = 0, false, "url"
}

// consoleTitle is what the console of Postman shows of an exchange in one line.
var consoleTitle = lazyregexp.New(`^\W*([A-Z]{3,16}) (https?://\S+)\s+([1-5]\d\d)\b`)

// quotedFields are fields that no client sends in quotation marks: then the console of Postman has
// put them around all values.
var quotedFields = lazyregexp.New(`(?mi)^\s*(?:user-agent|host|accept|accept-encoding|connection|content-type|content-length|` +
	`postman-token|server|date): "`)

// isPostmanConsole reports whether head was copied out of the console of Postman, whose values are
// in quotation marks.
func isPostmanConsole(head []byte) bool { return quotedFields.Match(head) && isDevtools(head) }

// postmanConsole reads what isPostmanConsole knows.
func postmanConsole(t *transcript) func(string) {
	line := devtools(t)
	return func(text string) {
		name, value, ok := splitField(strings.TrimSpace(text))
		if ok && len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
			text = name + ": " + value[1:len(value)-1]
		}
		line(text)
	}
}

func (r *devtoolsReader) request() *half {
	k := r.t.last("")
	if k == nil {
		r.t.request("")
		k = r.t.last("")
	}
	k.request.told, k.request.wire = true, false
	return &k.request
}

func (r *devtoolsReader) response() *half {
	k := r.t.last("")
	if k == nil {
		k = r.t.begin("")
	}
	k.response.told = true
	return &k.response
}

// sideOf tells whether a field is one of requests or of responses; of those that are both it keeps
// to what the fields before it were.
func sideOf(name string, before byte) byte {
	switch strings.ToLower(name) {
	case "accept", "accept-encoding", "accept-language", "authorization", "cookie", "depth", "destination", "dnt", "expect",
		"from", "host", "if",
		"if-match", "if-modified-since", "if-none-match", "if-range", "if-unmodified-since", "origin", "overwrite", "priority", "range",
		"referer", "te",
		"upgrade-insecure-requests", "user-agent", "x-requested-with", "sec-fetch-dest", "sec-fetch-mode", "sec-fetch-site", "sec-ch-ua":
		return 'q'
	case "accept-ranges", "access-control-allow-origin", "access-control-expose-headers", "age", "alt-svc", "cf-cache-status", "cf-ray",
		"content-range",
		"date", "etag", "expires", "last-modified", "location", "retry-after", "server", "set-cookie", "strict-transport-security",
		"vary", ":status",
		"www-authenticate", "x-cache", "x-powered-by", "content-security-policy", "x-frame-options", "x-content-type-options":
		return 's'
	}
	return before
}
