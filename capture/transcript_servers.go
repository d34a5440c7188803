package capture

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

var (
	nginxLine   = lazyregexp.New(`\[debug\] \d+#\d+: (?:\*(\d+) )?(.*)$`)
	nginxAsk    = lazyregexp.New(`^http request line: "(.*)"$`)
	nginxField  = lazyregexp.New(`^(?:http|http2|http2 http|http3) (?:header|request header): "(.*)"$`)
	nginxOutput = lazyregexp.New(`^http[23] output header: "(:?[^:]+): (.*)"$`)
	nginxStatus = lazyregexp.New(`^(HTTP/\d\S* \d{3}.*)$`)
	nginxTag    = lazyregexp.New(`^http (?:im|inm):"(.*)" etag:(.*)$`)
	nginxAny    = lazyregexp.New(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d \[`)
)

// nginxDebug reads the debug log of nginx. The header section of a response follows its first line
// without marks.
func nginxDebug(t *transcript) func(string) {
	var k block
	t.noRequest = "the request is not in this part of the log"
	return func(line string) {
		m := nginxLine.FindStringSubmatch(line)
		if m == nil {
			if nginxAny.MatchString(line) {
				k = block{}
			}
			if !k.content { // nginx logs no content
				k.line(line)
			}
			return
		}
		k = block{}
		id, text := m[1], m[2]
		switch talk := t.last(id); {
		case nginxAsk.MatchString(text):
			t.request(id).start(nginxAsk.FindStringSubmatch(text)[1])
		case nginxStatus.MatchString(text):
			k.h = t.response(id)
			k.h.start(text)
		case nginxOutput.MatchString(text):
			f := nginxOutput.FindStringSubmatch(text)
			if f[1] == ":status" {
				h := t.response(id)
				h.code(f[2], "")
				h.proto = "HTTP/2"
			} else if talk != nil && talk.response.told {
				talk.response.set(f[1], f[2])
			}
		case nginxField.MatchString(text) && talk != nil && !talk.response.told:
			talk.request.field(nginxField.FindStringSubmatch(text)[1])
		case nginxTag.MatchString(text) && talk != nil && !talk.response.told:
			talk.tag = nginxTag.FindStringSubmatch(text)[2]
		}
	}
}

var haproxyLine = lazyregexp.New(`^([0-9a-f]{8}):\S+\.(clireq|clihdr|srvrep|srvhdr|clicls|closed)\[[^\]]*\]:? ?(.*)$`)

// haproxyDebug reads what HAProxy prints with -d.
func haproxyDebug(t *transcript) func(string) {
	return func(line string) {
		m := haproxyLine.FindStringSubmatch(line)
		if m == nil {
			return
		}
		k := t.last(m[1])
		switch {
		case m[2] == "clireq":
			t.request(m[1]).start(m[3])
		case m[2] == "srvrep":
			t.response(m[1]).start(m[3])
		case m[2] == "clihdr" && k != nil && !k.response.told:
			k.request.field(m[3])
		case m[2] == "srvhdr" && k != nil && k.response.told:
			k.response.field(m[3])
		}
	}
}

var (
	varnishBegin = lazyregexp.New(`^\*+ +<< (\w+) +>> (\d+)`)
	varnishLine  = lazyregexp.New(`^-+ +(\w+) +(.*)$`)
)

// varnishlog reads what varnishlog prints. What was said to the client and what was said to the
// backend are exchanges of their own.
func varnishlog(t *transcript) func(string) {
	id, fetch := "", false
	return func(line string) {
		if m := varnishBegin.FindStringSubmatch(line); m != nil {
			id, fetch = m[2], m[1] == "BeReq"
			return
		}
		m := varnishLine.FindStringSubmatch(line)
		if m == nil {
			return
		}
		name, value := m[1], trimBlank(m[2])
		if fetch {
			name = strings.TrimPrefix(strings.TrimPrefix(name, "Bereq"), "Beresp")
			name = map[bool]string{true: "Resp", false: "Req"}[strings.HasPrefix(m[1], "Beresp")] + name
		}
		k := t.last(id)
		switch name {
		case "ReqMethod":
			if k == nil || k.response.told || k.request.method != "" {
				t.request(id).method = value
			}
		case "ReqURL", "ReqProtocol", "ReqHeader":
			if k != nil && !k.response.told && k.request.told {
				k.request.varnish(name, value)
			}
		case "RespProtocol", "RespStatus", "RespReason", "RespHeader":
			if k != nil && !k.response.told {
				t.response(id)
			}
			if k != nil {
				k.response.varnish(name, value)
			}
		}
	}
}

// varnish takes a record of the log.
func (h *half) varnish(name, value string) {
	switch name {
	case "ReqURL":
		if h.target == "" {
			h.url(value)
		}
	case "ReqProtocol", "RespProtocol":
		h.proto = protocol(value)
	case "RespStatus":
		h.code(value, h.reason)
	case "RespReason":
		h.reason = value
	default:
		h.field(value)
	}
}

var (
	envoyBegin = lazyregexp.New(`\[C(\d+)\]\[S(\d+)\] (request headers complete|encoding headers via codec)`)
	envoyPair  = lazyregexp.New(`^'([^']+)', '(.*)'$`)
)

// envoyDebug reads what Envoy logs at the level debug.
func envoyDebug(t *transcript) func(string) {
	var h *half
	return func(line string) {
		if m := envoyBegin.FindStringSubmatch(line); m != nil {
			h = t.halfOf(strings.HasPrefix(m[3], "request"), m[1]+"/"+m[2])
			h.wire = false
			return
		}
		m := envoyPair.FindStringSubmatch(line)
		switch {
		case m == nil:
			h = nil
		case h != nil:
			h.set(m[1], m[2])
		}
	}
}

var dumpioLine = lazyregexp.New(`(?:\[pid (\d+)(?::tid \d+)?\] )?.*mod_dumpio: +dumpio_(in|out) \(data-\w+\): (.*)$`)

// dumpio reads what mod_dumpio of Apache logs.
func dumpio(t *transcript) func(string) {
	open := map[string]*block{}
	return func(line string) {
		m := dumpioLine.FindStringSubmatch(line)
		if m == nil {
			return
		}
		text := strings.ReplaceAll(m[3], `\r\n`, "\n")
		for part := range strings.SplitSeq(strings.TrimSuffix(text, "\n"), "\n") {
			begin, ok := parseStart(trimBlank(part))
			if ok && begin.request == (m[2] == "in") {
				h := t.halfOf(begin.request, m[1])
				h.start(part)
				if len(open) > 1000 {
					clear(open)
				}
				open[m[1]+m[2]] = &block{h: h}
			} else if k := open[m[1]+m[2]]; k != nil && !k.content {
				k.line(part)
			}
		}
	}
}
