package capture

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// azureSaid are members of what the SDK of Azure for Java logs that are no fields.
var azureSaid = map[string]bool{
	"az.sdk.message": true, "method": true, "url": true, "tryCount": true, "statusCode": true, "durationMs": true, "body": true,
	"contentLength": true, "redactedHeaders": true,
}

// azureJava reads the log of the SDK of Azure for Java, which has an object of JSON for each message.
func azureJava(t *transcript) func(string) {
	return func(line string) {
		at := strings.Index(line, `{"az.sdk.message"`)
		var o map[string]any
		if at < 0 || json.Unmarshal([]byte(line[at:]), &o) != nil {
			return
		}
		status, isResponse := o["statusCode"].(float64)
		h := t.halfOf(!isResponse, "")
		h.wire = false
		if isResponse {
			h.status = statusOf(status)
		} else {
			h.method, _ = o["method"].(string)
			address, _ := o["url"].(string)
			h.url(address)
		}
		told := 0
		for _, name := range slices.Sorted(maps.Keys(o)) {
			if text, isText := o[name].(string); isText && !azureSaid[name] {
				h.set(name, text)
				told++
			}
		}
		if _, some := o["redactedHeaders"]; some || told == 0 {
			h.lacks = "the SDK hides fields: set HttpLogDetailLevel.HEADERS and allow their names"
		}
	}
}

var (
	ownCloudText = lazyregexp.New(`"([\w-]+): (Request|Response): ([A-Z]+)(?: (\d{3}))? (https?://\S+?) (?:\([^)]*\) )?Header: \{ ?(.*?),? ?\}(?: Data:|"?$)`)
	ownCloudJSON = lazyregexp.New(`\{"(request|response)":\{.*\}\}`)
)

// An ownCloudMessage is a message as newer clients log it.
type ownCloudMessage struct {
	Header map[string]string
	Info   struct {
		ID, Method, URL string
		Reply           struct{ Status float64 }
	}
}

// ownCloud reads what the desktop clients of ownCloud and Nextcloud log of HTTP with
// OWNCLOUD_HTTPLOG or --loghttp.
func ownCloud(t *transcript) func(string) {
	return func(line string) {
		if m := ownCloudText.FindStringSubmatch(line); m != nil {
			h := t.halfOf(m[2] == "Request", m[1])
			h.wire = false
			if h.message.request {
				h.method = m[3]
				h.url(m[5])
			} else {
				h.code(m[4], "")
			}
			davxFields(h, strings.ReplaceAll(m[6], `\"`, `"`))
			return
		}
		text := ownCloudJSON.FindString(line)
		var o struct{ Request, Response *ownCloudMessage }
		if text == "" || json.Unmarshal([]byte(text), &o) != nil {
			return
		}
		for _, m := range []*ownCloudMessage{o.Request, o.Response} {
			if m == nil {
				continue
			}
			h := t.halfOf(m == o.Request, m.Info.ID)
			h.wire = false
			if h.message.request {
				h.method = m.Info.Method
				h.url(m.Info.URL)
			} else {
				h.status = statusOf(m.Info.Reply.Status)
			}
			for _, name := range slices.Sorted(maps.Keys(m.Header)) {
				h.set(name, m.Header[name])
			}
		}
	}
}

var rubyLine = lazyregexp.New(`^(<-|->) (".*")$`)

// rubyHTTP reads what set_debug_output of Ruby's net/http prints: strings in quotes, of requests
// all at once, of responses line by line.
func rubyHTTP(t *transcript) func(string) {
	var h *half
	return func(line string) {
		m := rubyLine.FindStringSubmatch(line)
		if m == nil {
			return
		}
		text := strings.ReplaceAll(strings.ReplaceAll(m[2][1:len(m[2])-1], `\"`, `"`), `\\`, `\`)
		for field := range strings.SplitSeq(strings.TrimSuffix(text, `\r\n`), `\r\n`) {
			begin, ok := parseStart(field)
			switch {
			case ok && begin.request == (m[1] == "<-"):
				h = t.halfOf(begin.request, "")
				h.start(field)
			case h == nil || h.message.request != (m[1] == "<-"):
			case field == "": // the content comes
				h = nil
			default:
				h.field(field)
			}
		}
	}
}
