package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// This file reads the flows that mitmproxy saves: a sequence of tnetstrings, each the length, a
// colon, the data and a character for the kind of value.

var looksLikeFlows = lazyregexp.New(`^\d{1,10}:\d{1,4}:`)

// isFlows reports whether head begins a file of mitmproxy.
func isFlows(head []byte) bool {
	return looksLikeFlows.Match(head) && slices.ContainsFunc([]string{"7:version;", "4:type;", "7:request;"}, func(name string) bool {
		return bytes.Contains(head, []byte(name))
	})
}

var errFlow = errors.New("this is not a flow of mitmproxy")

func readFlows(r io.Reader, b *builder) error {
	br := bufio.NewReader(r)
	t := newDocument(b, "mitmproxy")
	for t.full == nil {
		data, kind, err := nextFlow(br, b.limits.Total)
		if err == io.EOF {
			break
		}
		if err == nil {
			var v any
			if v, err = flowValue(data, kind, 0); err == nil {
				flow, _ := v.(map[string]any)
				flowInto(t, flow)
				continue
			}
		}
		if added := t.end(); added != nil {
			return added
		}
		switch {
		case errors.Is(err, errFlow):
			return b.error(ErrMalformed, err.Error(), "what came before is used")
		case errors.Is(err, io.ErrUnexpectedEOF):
			return b.error(ErrTruncated, "the file of flows is cut off", "what came before is used")
		}
		return b.failed(err)
	}
	return t.end()
}

// nextFlow reads one value of the sequence.
func nextFlow(br *bufio.Reader, max int) (data []byte, kind byte, err error) {
	n := 0
	for digits := 0; ; digits++ {
		c, err := br.ReadByte()
		switch {
		case err != nil && digits == 0:
			return nil, 0, err
		case err != nil:
			return nil, 0, noEOF(err)
		case c == ':' && digits > 0:
			if n > max {
				return nil, 0, fmt.Errorf("%w: one has %d bytes", errFlow, n)
			}
			data = make([]byte, n+1)
			if _, err := io.ReadFull(br, data); err != nil {
				return nil, 0, io.ErrUnexpectedEOF
			}
			return data[:n], data[n], nil
		case c < '0' || c > '9' || digits > 9:
			return nil, 0, errFlow
		}
		n = n*10 + int(c-'0')
	}
}

// flowValue makes a value of a tnetstring.
func flowValue(data []byte, kind byte, depth int) (any, error) {
	if depth > maxXMLDepth {
		return nil, errFlow
	}
	switch kind {
	case ',', ';':
		return string(data), nil
	case '#':
		n, err := strconv.ParseInt(string(data), 10, 64)
		if err != nil {
			return nil, errFlow
		}
		return n, nil
	case '^':
		f, err := strconv.ParseFloat(string(data), 64)
		if err != nil {
			return nil, errFlow
		}
		return f, nil
	case '!':
		return string(data) == "true", nil
	case '~':
		return nil, nil
	case ']', '}':
		return flowMembers(data, kind, depth)
	}
	return nil, errFlow
}

func flowMembers(data []byte, kind byte, depth int) (any, error) {
	var list []any
	for len(data) > 0 {
		digits, rest, ok := bytes.Cut(data[:min(len(data), 12)], []byte(":"))
		n, err := strconv.Atoi(string(digits))
		_ = rest
		if !ok || err != nil || n < 0 || len(digits)+1+n+1 > len(data) {
			return nil, errFlow
		}
		at := len(digits) + 1
		v, err := flowValue(data[at:at+n], data[at+n], depth+1)
		if err != nil {
			return nil, err
		}
		list, data = append(list, v), data[at+n+1:]
	}
	if kind == ']' {
		return list, nil
	}
	if len(list)%2 != 0 {
		return nil, errFlow
	}
	m := map[string]any{}
	for i := 0; i < len(list); i += 2 {
		if name, ok := list[i].(string); ok {
			m[name] = list[i+1]
		}
	}
	return m, nil
}

// flowInto tells of a flow, if it is one of HTTP.
func flowInto(t *transcript, flow map[string]any) {
	request, ok := flow["request"].(map[string]any)
	if !ok {
		return
	}
	h := t.request("")
	h.method = flowText(request["method"])
	host := flowText(request["host"])
	if authority := flowText(request["authority"]); authority != "" {
		host = authority
	} else if port, ok := request["port"].(int64); ok && port != 80 && port != 443 {
		host += ":" + strconv.FormatInt(port, 10)
	}
	h.url(flowText(request["scheme"]) + "://" + host + flowText(request["path"]))
	flowMessage(h, request)
	if at, ok := request["timestamp_start"].(float64); ok {
		t.last("").started = time.UnixMicro(int64(at * 1e6)).UTC()
	}
	if server, ok := flow["server_conn"].(map[string]any); ok {
		if address, ok := server["ip_address"].([]any); ok && len(address) > 1 {
			t.last("").server = flowText(address[0])
		}
	}
	response, ok := flow["response"].(map[string]any)
	if !ok {
		return
	}
	a := t.response("")
	if code, ok := response["status_code"].(int64); ok {
		a.code(strconv.FormatInt(code, 10), flowText(response["reason"]))
	}
	flowMessage(a, response)
}

// flowMessage takes what requests and responses have.
func flowMessage(h *half, m map[string]any) {
	h.proto = protocol(flowText(m["http_version"]))
	fields, _ := m["headers"].([]any)
	for _, f := range fields {
		if pair, ok := f.([]any); ok && len(pair) == 2 {
			h.set(flowText(pair[0]), flowText(pair[1]))
		}
	}
	if content, ok := m["content"].(string); ok {
		h.whole(content)
	}
}

func flowText(v any) string {
	s, _ := v.(string)
	return s
}
