package capture

import (
	"encoding/hex"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

var (
	tcpdumpTime = lazyregexp.New(`^(?:(\d{4}-\d\d-\d\d) )?(\d\d:\d\d:\d\d\.\d+|\d{10}\.\d+) `)
	tcpdumpEnds = lazyregexp.New(`(?:^| )(\S+) > (\S+): Flags \[([^\]]*)\](?:.*?, seq (\d+)(?::\d+)?)?` +
		`.*?(?:options \[(.*?)\], )?length (\d+)(: HTTP)?`)
	// tcpdumpOld is how tcpdump 3 says it: P 1:134(133) ack 1.
	tcpdumpOld   = lazyregexp.New(`(?:^| )(\S+) > (\S+): ([SFPRWE.]+) (?:(\d+):\d+\((\d+)\))?.*?(?:<(.*?)>)?$`)
	tcpdumpHex   = lazyregexp.New(`^\s+0x([0-9a-f]{4}):  ?((?:[0-9a-f]{2,4} ?)+)`)
	tcpdumpStart = lazyregexp.New(`(?:` + strings.Join(methods, "|") + `) \S+ HTTP/\d|HTTP/\d\.\d \d{3}`)
)

// methods are those that are found in the middle of a line, the ones that end like others first.
var methods = []string{"MKCALENDAR", "PROPPATCH", "PROPFIND", "OPTIONS", "CONNECT", "DELETE", "REPORT", "SEARCH", "UNLOCK", "PATCH",
	"MKCOL", "TRACE",
	"QUERY", "PURGE", "HEAD", "POST", "COPY", "MOVE", "LOCK", "PUT", "GET", "ACL"}

// A tcpdumpReader reads what tcpdump prints with -A, -X or -v: each packet a line, and what it carried.
type tcpdumpReader struct {
	t *traffic
	// packet is the one that is being read; it has no from if there is none.
	packet  segment
	text    strings.Builder // of the packet
	raw     []byte          // of the packet, in hexadecimal digits
	options string
	length  int
	// summary is the first line of a message that tcpdump puts behind what it says of the packet.
	summary string
	now     time.Time
}

func tcpdump(t *transcript) func(string) {
	r := &tcpdumpReader{t: newTraffic(t.b)}
	t.atEnd = func() error {
		r.flush()
		return r.t.finish()
	}
	return r.line
}

func (r *tcpdumpReader) line(line string) {
	stamp := tcpdumpTime.FindStringSubmatch(line)
	if stamp != nil {
		r.flush()
		r.now = r.time(stamp[1], stamp[2])
	}
	if m := tcpdumpEnds.FindStringSubmatch(line); m != nil {
		r.flush()
		r.packet = segment{from: m[1], to: m[2], syn: strings.Contains(m[3], "S"), at: r.now, altered: true}
		seq, _ := strconv.ParseUint(m[4], 10, 32)
		r.packet.seq, r.options = uint32(seq), m[5]
		r.length, _ = strconv.Atoi(m[6])
		if _, request, ok := strings.Cut(line[strings.Index(line, "length "):], "HTTP: "); ok {
			r.summary = request + "\n"
		}
		return
	}
	if m := tcpdumpOld.FindStringSubmatch(line); m != nil && stamp != nil {
		r.packet = segment{from: m[1], to: m[2], syn: strings.Contains(m[3], "S"), at: r.now, altered: true}
		seq, _ := strconv.ParseUint(m[4], 10, 32)
		r.packet.seq, r.options = uint32(seq), strings.ReplaceAll(m[6], "timestamp", "TS")
		r.length, _ = strconv.Atoi(m[5])
		return
	}
	switch m := tcpdumpHex.FindStringSubmatch(line); {
	case stamp != nil || r.packet.from == "":
	case m != nil:
		digits, err := hex.DecodeString(strings.ReplaceAll(m[2], " ", ""))
		if err == nil && len(r.raw) < maxPacket {
			r.raw = append(r.raw, digits...)
		}
	case r.text.Len() < maxPacket:
		r.text.WriteString(line + "\n")
	}
}

// time reads the time of a packet. One without a date has the order only.
func (r *tcpdumpReader) time(date, clock string) time.Time {
	if seconds, fraction, ok := strings.Cut(clock, "."); ok && !strings.Contains(clock, ":") {
		s, _ := strconv.ParseInt(seconds, 10, 64)
		n, _ := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
		return time.Unix(s, n).UTC()
	}
	if date == "" {
		t, _ := time.Parse("15:04:05.999999999", clock) // in the year 0
		return t
	}
	t, _ := time.Parse("2006-01-02 15:04:05.999999999", date+" "+clock)
	return t
}

// flush takes the packet that has been read.
func (r *tcpdumpReader) flush() {
	s, text, raw := r.packet, r.text.String(), r.raw
	summary := r.summary
	r.packet, r.raw, r.summary = segment{}, nil, ""
	r.text.Reset()
	if s.from == "" {
		return
	}
	if real, ok := segmentFromHex(raw); ok {
		real.at = s.at
		r.t.add(real)
		return
	}
	if r.length == 0 {
		r.t.add(s)
		return
	}
	if s.data = []byte(r.payload(text)); strings.TrimSpace(text) == "" {
		s.data = []byte(summary)
	}
	r.t.add(s)
}

// segmentFromHex reads a packet that was printed with -x or -X, or with -xx and -XX, which print
// the frame, too.
func segmentFromHex(raw []byte) (segment, bool) {
	for _, kind := range []uint32{101, 1, 113, 276, 0} {
		if ip := network(kind, raw); len(ip) > 0 {
			if s, ok := segmentOf(ip); ok {
				return s, true
			}
		}
	}
	return segment{}, false
}

// payload returns what of the text of a packet was sent in the connection: -A prints the headers of
// IP and TCP before it.
func (r *tcpdumpReader) payload(text string) string {
	for _, indent := range []string{"\t", "        "} {
		if rest, ok := strings.CutPrefix(text, indent); ok {
			var b strings.Builder
			for line := range strings.Lines(rest) {
				line, indented := strings.CutPrefix(line, indent)
				if b.Len() > 0 && !indented && strings.TrimSpace(line) != "" {
					break // -A prints the packet again
				}
				b.WriteString(line)
			}
			return b.String()
		}
	}
	text = strings.TrimSuffix(text, "\n") // which is the end of what was printed, and not of what was sent
	if at := tcpdumpStart.FindStringIndex(text[:min(len(text), 300)]); at != nil {
		return text[at[0]:]
	}
	// Each byte is a character, save for carriage returns before line feeds.
	head := 20 + 20 + r.optionBytes()
	if strings.HasPrefix(text, "`") {
		head += 20
	}
	return text[min(head, len(text)):]
}

// optionBytes is how long the options of TCP are.
func (r *tcpdumpReader) optionBytes() int {
	n := 0
	for option := range strings.SplitSeq(r.options, ",") {
		switch name, rest, _ := strings.Cut(option, " "); name {
		case "nop", "eol":
			n++
		case "TS":
			n += 10
		case "sackOK":
			n += 2
		case "mss":
			n += 4
		case "wscale":
			n += 3
		case "sack":
			count, _, _ := strings.Cut(rest, " ")
			n += 2 + 8*min(number(count), 4)
		}
	}
	return (n + 3) / 4 * 4
}
