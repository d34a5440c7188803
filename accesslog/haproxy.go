package accesslog

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A haproxySplitter splits the lines of "option httplog", with or without the head that
// syslog puts before them.
type haproxySplitter struct {
	// request and response are the columns of the captured field lines, in the order
	// of their declaration.
	request, response []int
}

// The columns of a HAProxy line.
const (
	haproxyClient = iota
	haproxyWhen
	haproxyFrontend
	haproxyServer
	haproxyTimers
	haproxyStatus
	haproxyBytes
	haproxyCookie1
	haproxyCookie2
	haproxyTermination
	haproxyConnections
	haproxyQueues
	haproxyRequest
	haproxyParts    // method, target and protocol
	haproxyCaptures = haproxyParts + 3
)

var haproxyColumns = [haproxyCaptures]column{
	haproxyClient:      {name: "client_ip:port", field: Client},
	haproxyWhen:        {name: "accept_date"},
	haproxyFrontend:    {name: "frontend_name", field: Node},
	haproxyServer:      {name: "backend_name/server_name", field: Upstream},
	haproxyTimers:      {name: "Ta", field: Duration, unit: time.Millisecond},
	haproxyStatus:      {name: "status_code", field: Status},
	haproxyBytes:       {name: "bytes_read", field: BytesSent},
	haproxyCookie1:     {name: "captured_request_cookie", secret: true},
	haproxyCookie2:     {name: "captured_response_cookie", secret: true},
	haproxyTermination: {name: "termination_state", field: Reason},
	haproxyConnections: {name: "retries", field: Retries},
	haproxyQueues:      {name: "srv_queue/backend_queue"},
	haproxyRequest:     {name: "http_request", unescape: numberSign},
	haproxyParts:       {name: "http_request", field: Method, unescape: numberSign},
	haproxyParts + 1:   {name: "http_request", field: Target, unescape: numberSign},
	haproxyParts + 2:   {name: "http_request", field: Protocol, unescape: numberSign},
}

// newHAProxy returns the layout for the captures that the frontend declares, as in
//
//	If-Match:256,If-None-Match|ETag,Last-Modified
//
// request fields before "|" and response fields behind it, in the order of their
// "capture … header" lines, each with its len if the line has one.
func newHAProxy(captures string, in *time.Location) (*layout, error) {
	l := &layout{columns: append([]column(nil), haproxyColumns[:]...), absent: dashOrEmpty, clock: haproxyTime(in), when: []int8{haproxyWhen}}
	lengths := map[int]int{}
	sent, received, _ := strings.Cut(captures, "|")
	s := &haproxySplitter{}
	for i, list := range []string{sent, received} {
		for name := range strings.SplitSeq(list, ",") {
			name, length, hasLength := strings.Cut(strings.TrimSpace(name), ":")
			if name == "" {
				continue
			}
			c := headerColumn(name, direction(i == 1))
			c.unescape = numberSign
			at := len(l.columns)
			if l.columns = append(l.columns, c); len(l.columns) > maxColumns {
				return nil, fmt.Errorf("more than %d captures", maxColumns-haproxyCaptures)
			}
			if i == 0 {
				s.request = append(s.request, at)
			} else {
				s.response = append(s.response, at)
			}
			if n, err := strconv.Atoi(length); hasLength && (err != nil || n <= 0) {
				return nil, fmt.Errorf("the length %q of capture %q is no number above 0", length, name)
			} else if hasLength {
				lengths[at] = n
			}
		}
	}
	l.splitter = s
	l.cut = func(e *Entry, f Field) bool {
		i := int(e.layout.column[f])
		limit, known := lengths[i]
		return known && len(e.value(i)) >= limit
	}
	return l.index(), nil
}

func (h *haproxySplitter) split(line []byte, spans []span) verdict {
	pos := h.head(line, spans)
	if pos < 0 {
		return unreadable
	}
	for i := haproxyFrontend; i <= haproxyQueues; i++ {
		n := bytes.IndexByte(line[pos:], ' ')
		if n < 0 {
			return h.short(line, spans, i)
		}
		spans[i] = span{uint32(pos), uint32(pos + n)}
		pos += n + 1
	}
	if !h.narrow(line, spans) {
		return unreadable
	}
	pos = h.captures(line, pos, spans)
	if pos >= len(line) || line[pos] != '"' {
		return unreadable
	}
	end := bytes.IndexByte(line[pos+1:], '"') // a quote inside is written #22
	if end < 0 {
		return unreadable
	}
	spans[haproxyRequest] = span{uint32(pos + 1), uint32(pos + 1 + end)}
	splitRequest(line, spans[haproxyRequest], spans[haproxyParts:])
	return isEntry
}

// head finds client and time and returns where the frontend begins, or -1.
func (h *haproxySplitter) head(line []byte, spans []span) int {
	for from := 0; ; {
		i := bytes.IndexByte(line[from:], '[')
		if i < 0 {
			return -1
		}
		if i += from; i > 1 && line[i-1] == ' ' && len(line) > i+27 && line[i+3] == '/' && line[i+25] == ']' && line[i+26] == ' ' {
			client := bytes.LastIndexByte(line[:i-1], ' ') + 1
			port := bytes.LastIndexByte(line[client:i-1], ':')
			if port < 0 {
				return -1
			}
			spans[haproxyClient] = span{uint32(client), uint32(client + port)}
			spans[haproxyWhen] = span{uint32(i + 1), uint32(i + 25)}
			return i + 27
		}
		from = i + 1
	}
}

// short judges a line that ends in the middle: with three timers and no status it is
// one of "option tcplog", which tells of a connection and no request.
func (h *haproxySplitter) short(line []byte, spans []span, have int) verdict {
	timers := spans[haproxyTimers]
	if have >= haproxyTimers+4 && bytes.Count(line[timers.start:timers.end], []byte{'/'}) == 2 {
		return isOther
	}
	return unreadable
}

// narrow reduces the spans that have several values to the one that is wanted.
func (h *haproxySplitter) narrow(line []byte, spans []span) bool {
	if s := &spans[haproxyFrontend]; s.end > s.start && line[s.end-1] == '~' {
		s.end-- // the mark of TLS
	}
	for _, i := range []int{haproxyTimers, haproxyConnections} {
		s := &spans[i]
		v := line[s.start:s.end]
		if bytes.Count(v, []byte{'/'}) != 4 {
			return false
		}
		s.start += uint32(bytes.LastIndexByte(v, '/')) + 1
	}
	return true
}

// captures reads the blocks of captured field lines at pos and returns what follows.
func (h *haproxySplitter) captures(line []byte, pos int, spans []span) int {
	groups := [][]int{h.request, h.response}
	if len(h.request) == 0 {
		groups = groups[1:]
	}
	for block := 0; pos < len(line) && line[pos] == '{'; block++ {
		n := bytes.IndexByte(line[pos:], '}')
		if n < 0 || pos+n+1 >= len(line) {
			return len(line)
		}
		if block < len(groups) {
			splitCaptures(line, pos+1, pos+n, groups[block], spans)
		}
		pos += n + 2
	}
	return pos
}

func splitCaptures(line []byte, pos, end int, columns []int, spans []span) {
	for _, i := range columns {
		n := bytes.IndexByte(line[pos:end], '|')
		if n < 0 {
			spans[i] = span{uint32(pos), uint32(end)}
			return
		}
		spans[i] = span{uint32(pos), uint32(pos + n)}
		pos += n + 1
	}
}
