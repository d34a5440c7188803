package capture

import (
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

var (
	nghttpSend   = lazyregexp.New(`^\[ *[\d.]+\] send HEADERS frame <.*stream_id=(\d+)`)
	nghttpRecv   = lazyregexp.New(`^\[ *[\d.]+\] recv \(stream_id=(\d+)(?:, [^)]*)?\) (:?[^:]+): (.*)$`)
	nghttpField  = lazyregexp.New(`^ {6,}(:?[^:;\s][^:]*): (.*)$`)
	nghttpFrames = lazyregexp.New(`^\[ *[\d.]+\] `)
)

// nghttp reads what nghttp -v and h2 tools of its kind print.
func nghttp(t *transcript) func(string) {
	var sent *half
	return func(line string) {
		switch {
		case nghttpSend.MatchString(line):
			sent = t.request(nghttpSend.FindStringSubmatch(line)[1])
			sent.wire = false
		case nghttpRecv.MatchString(line):
			sent = nil
			m := nghttpRecv.FindStringSubmatch(line)
			k := t.last(m[1])
			if k == nil || !k.response.told || m[2] == ":status" {
				t.response(m[1])
				k = t.last(m[1])
			}
			if m[2] == ":status" {
				k.response.code(m[3], "")
				k.response.proto = "HTTP/2"
				return
			}
			k.response.set(m[2], m[3])
		case nghttpFrames.MatchString(line):
			sent = nil
		case sent != nil && nghttpField.MatchString(line):
			m := nghttpField.FindStringSubmatch(line)
			sent.set(m[1], m[2])
		}
	}
}

var (
	tsharkFrame   = lazyregexp.New(`^Frame \d+`)
	tsharkAddress = lazyregexp.New(`^Internet Protocol(?: Version \d)?, Src: (\S+?)(?: \(.*?\))?, Dst: (\S+)`)
	tsharkPorts   = lazyregexp.New(`^Transmission Control Protocol, Src Port: (?:\S+ \()?(\d+)\)?, Dst Port: (?:\S+ \()?(\d+)`)
	tsharkTime    = lazyregexp.New(`^ +(?:UTC )?Arrival Time: (.*)$`)
	tsharkStream  = lazyregexp.New(`^ +Stream: HEADERS, Stream ID: (\d+)`)
	tsharkHeader  = lazyregexp.New(`^ +Header: (:?[^:]+): (.*)$`)
	tsharkURI     = lazyregexp.New(`^ +\[Full request URI: (.*)\]$`)
)

// A tsharkReader reads what tshark -V prints, and what Wireshark exports as plain text with the
// details of packets.
type tsharkReader struct {
	t                      *transcript
	from, to, fromAt, toAt string
	before                 string // the connection of the packet before
	at                     time.Time
	http, h2               bool // in a part of the details that is a message
	h                      *half
	// content is set in lines of text that Wireshark shows for the content.
	content bool
}

func tshark(t *transcript) func(string) {
	r := &tsharkReader{t: t}
	return r.line
}

func (r *tsharkReader) line(line string) {
	if line != "" && !isBlank(line[0]) {
		r.part(line)
		return
	}
	switch {
	case tsharkTime.MatchString(line):
		r.at = tsharkArrival(tsharkTime.FindStringSubmatch(line)[1])
	case r.content && r.h != nil:
		r.h.write(strings.NewReplacer(`\r`, "", `\n`, "\n").Replace(strings.TrimPrefix(line, "    ")))
		r.h.altered = true
	case r.h2:
		r.http2(line)
	case r.http && tsharkURI.MatchString(line):
		if k := r.t.last(r.id()); k != nil && k.request.told && !k.response.told {
			k.request.url(tsharkURI.FindStringSubmatch(line)[1])
		}
	case r.http:
		r.field(line)
	}
}

// part begins a part of the details: a frame, a protocol.
func (r *tsharkReader) part(line string) {
	wasHTTP := r.http
	r.http, r.h2, r.content = false, false, false
	switch lower := strings.ToLower(line); {
	case tsharkFrame.MatchString(line):
		r.h, r.from, r.to, r.fromAt, r.toAt = nil, "", "", "", ""
	case strings.HasPrefix(lower, "hypertext transfer protocol 2"):
		r.h2, r.h = true, nil
	case strings.HasPrefix(lower, "hypertext transfer protocol"):
		r.http, r.h = true, nil
	case strings.HasPrefix(line, "Line-based text data"):
		r.content = wasHTTP || r.h != nil
	case tsharkAddress.MatchString(line):
		m := tsharkAddress.FindStringSubmatch(line)
		r.from, r.to = m[1], m[2]
	case tsharkPorts.MatchString(line):
		m := tsharkPorts.FindStringSubmatch(line)
		r.fromAt, r.toAt = m[1], m[2]
	}
}

// id names the connection, whichever way a packet went.
func (r *tsharkReader) id() string {
	if r.from != "" { // otherwise it was cut out by the one who copied it, and is the one before
		a, b := r.from+" "+r.fromAt, r.to+" "+r.toAt
		r.before = min(a, b) + " " + max(a, b)
	}
	return r.before
}

// field takes a line of a message: those of the header section are indented once and end in \r\n;
// the others are what Wireshark makes of it.
func (r *tsharkReader) field(line string) {
	text, wire := strings.CutSuffix(strings.TrimRight(line, " "), `\r\n`)
	if strings.HasPrefix(line, "      ") || strings.HasPrefix(trimBlank(line), "[") {
		return
	}
	text = trimBlank(text)
	if begin, ok := parseStart(text); ok && r.h == nil {
		r.h = r.t.halfOf(begin.request, r.id())
		r.h.start(text)
		r.begun()
		return
	}
	if r.h != nil && text != "" && wire {
		r.h.field(text)
	}
}

// begun notes when and to which server a request was sent.
func (r *tsharkReader) begun() {
	if k := r.t.last(r.id()); k != nil && r.h == &k.request {
		k.started = r.at
		if k.server = r.to; r.toAt != "" && r.to != "" {
			k.server += ":" + r.toAt
		}
	}
}

func (r *tsharkReader) http2(line string) {
	if m := tsharkStream.FindStringSubmatch(line); m != nil {
		id := r.id() + " " + m[1]
		k := r.t.last(id)
		r.h = r.t.halfOf(k == nil || k.response.told, id)
		r.h.wire = false
		if k = r.t.last(id); k != nil && r.h == &k.request {
			k.started = r.at
		}
		return
	}
	m := tsharkHeader.FindStringSubmatch(line)
	switch {
	case m == nil || r.h == nil:
	case m[1] == ":status":
		status, reason, _ := strings.Cut(m[2], " ")
		r.h.code(status, reason)
		r.h.proto = "HTTP/2"
	default:
		r.h.set(m[1], m[2])
	}
}

// tsharkArrival reads a time. One in a zone without a number is as good as none.
func tsharkArrival(s string) time.Time {
	s = strings.TrimSuffix(s, " UTC")
	for _, layout := range []string{"Jan _2, 2006 15:04:05.999999999", time.RFC3339Nano, "2006-01-02T15:04:05.999999999-0700"} {
		if t, err := time.Parse(layout, strings.Join(strings.Fields(s), " ")); err == nil {
			return t
		}
	}
	return time.Time{}
}

var (
	psProperty = lazyregexp.New(`^([A-Z]\w+) *: ?(.*)$`)
	psStatus   = lazyregexp.New(`^\d{3}$`)
)

// powerShellObject reads what PowerShell shows of the object that Invoke-WebRequest returns. Its
// RawContent has a header section; the other properties are cut to the width of the window.
func powerShellObject(t *transcript) func(string) {
	var h *half
	var raw *block
	t.noRequest = "PowerShell shows no request: use curl.exe -v"
	return func(line string) {
		m := psProperty.FindStringSubmatch(line)
		if h != nil && (strings.HasSuffix(line, "...") || strings.HasSuffix(line, "…")) && raw != nil && !raw.content {
			h.lacks = "PowerShell has cut RawContent to the width of the window"
		}
		if m == nil {
			if raw != nil && raw.h != nil {
				raw.line(strings.TrimLeft(line, " "))
			}
			return
		}
		switch m[1] {
		case "StatusCode":
			if psStatus.MatchString(trimBlank(m[2])) {
				h = t.response("")
				h.code(trimBlank(m[2]), "")
				h.lacks = "PowerShell shows the header section of the response in RawContent only"
			}
		case "StatusDescription":
			if h != nil {
				h.reason = trimBlank(m[2])
			}
		case "RawContent":
			if h == nil {
				h = t.response("")
			}
			if h.start(m[2]) {
				h.lacks = ""
				raw = &block{h: h}
			}
			return
		case "Headers":
			h = nil
		}
		raw = nil
	}
}
