package capture

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// A segment is what a packet carried of a TCP connection.
type segment struct {
	from, to string // address and port
	seq      uint32
	syn      bool
	data     []byte
	at       time.Time
	// altered is set if data is not what was sent byte by byte, so that its length tells nothing of
	// the sequence.
	altered bool
}

// A traffic puts segments together to the exchanges of HTTP/1 in them.
type traffic struct {
	b     *builder
	conns map[string]*conn // those that are open, by their end points
	list  []*conn
	size  int
	// encrypted and http2 count the connections that cannot be read.
	encrypted, http2 int
	altered          bool
	// dropped is set if there was no room for some of the segments.
	dropped bool
}

// maxConns is how many connections of a capture are looked at.
const maxConns = 20_000

// A conn is a connection: what either end sent. ends[0] is the end that sent first.
type conn struct {
	ends  [2]string
	sides [2]side
	began time.Time
}

// A side is what one end sent.
type side struct {
	segments []placed
	next     uint32
	offset   int64 // of next
	begun    bool
}

// placed is a segment in its place.
type placed struct {
	offset int64
	data   []byte
	at     time.Time
}

func newTraffic(b *builder) *traffic { return &traffic{b: b, conns: map[string]*conn{}} }

// add takes a segment.
func (t *traffic) add(s segment) {
	key := min(s.from, s.to) + " " + max(s.from, s.to)
	c := t.conns[key]
	if c != nil && s.syn && c.sides[c.side(s.from)].begun && len(c.sides[c.side(s.from)].segments) > 0 {
		c = nil // the same ports again
	}
	if c == nil {
		if len(t.list) >= maxConns || !s.syn && len(s.data) == 0 {
			t.dropped = t.dropped || len(t.list) >= maxConns
			return
		}
		c = &conn{ends: [2]string{s.from, s.to}, began: s.at}
		t.conns[key] = c
		t.list = append(t.list, c)
	}
	side := &c.sides[c.side(s.from)]
	if s.altered {
		t.altered = true
		side.append(s)
	} else {
		side.place(s)
	}
	if t.size += len(s.data); t.size > t.b.limits.Total && len(side.segments) > 0 && len(s.data) > 0 {
		side.segments = side.segments[:len(side.segments)-1]
		t.size -= len(s.data)
		t.dropped = true
	}
}

func (c *conn) side(from string) int {
	if from == c.ends[0] {
		return 0
	}
	return 1
}

// place puts a segment where its sequence number says (RFC 9293 §3.4).
func (s *side) place(g segment) {
	if !s.begun {
		s.begun, s.next = true, g.seq
	}
	offset := s.offset + int64(int32(g.seq-s.next))
	if g.syn {
		offset++
		g.seq++
	}
	if len(g.data) > 0 {
		s.segments = append(s.segments, placed{offset, bytes.Clone(g.data), g.at})
	}
	if g.syn || offset+int64(len(g.data)) > s.offset {
		s.offset, s.next = offset+int64(len(g.data)), g.seq+uint32(len(g.data))
	}
}

// append puts a segment behind the others, unless it is one that was sent again.
func (s *side) append(g segment) {
	if len(g.data) == 0 || s.begun && g.seq != 0 && int32(g.seq-s.next) <= 0 {
		return
	}
	s.begun, s.next = true, g.seq
	s.segments = append(s.segments, placed{s.offset, g.data, g.at})
	s.offset += int64(len(g.data))
}

// A piece is what one end sent without a loss.
type piece struct {
	data []byte
	// marks are the number of line ends before each segment, and its time.
	marks []mark
	// lost is set if something is missing behind it.
	lost bool
}

type mark struct {
	lines int
	// ends is set if the segment ends with a line.
	ends bool
	at   time.Time
}

// pieces puts the segments in order.
func (s *side) pieces() []piece {
	slices.SortStableFunc(s.segments, func(a, b placed) int { return cmp.Compare(a.offset, b.offset) })
	var list []piece
	var end int64
	lines, seeking := 0, false
	for i, g := range s.segments {
		if i == 0 || g.offset > end {
			if seeking = i > 0; seeking && len(list) > 0 {
				list[len(list)-1].lost = true
			}
			list, end, lines = append(list, piece{}), g.offset, 0
		}
		if end-g.offset >= int64(len(g.data)) {
			continue // sent again
		}
		fresh := g.data[end-g.offset:]
		if seeking && !beginsMessage(fresh) {
			end += int64(len(fresh)) // the rest of what was lost in part
			continue
		}
		seeking = false
		p := &list[len(list)-1]
		p.marks = append(p.marks, mark{lines, bytes.HasSuffix(fresh, []byte("\n")), g.at})
		p.data = append(p.data, fresh...)
		lines += bytes.Count(fresh, []byte("\n"))
		end += int64(len(fresh))
	}
	s.segments = nil
	return list
}

// beginsMessage reports whether data begins with the first line of a message.
func beginsMessage(data []byte) bool {
	line, _, _ := bytes.Cut(data[:min(len(data), 8<<10)], []byte("\n"))
	_, ok := parseStart(trimBlank(string(line)))
	return ok
}

// at is the time at which the segment was sent in which the line with the number begins.
func (p *piece) at(line int) time.Time {
	before := line - 1 // line ends
	i, _ := slices.BinarySearchFunc(p.marks, before, func(m mark, n int) int { return cmp.Compare(m.lines, n) })
	if i > 0 && !(i < len(p.marks) && p.marks[i-1].ends && p.marks[i].lines == before) {
		i-- // the line begins within the segment before
	}
	if i >= len(p.marks) {
		return time.Time{}
	}
	return p.marks[i].at
}

// A sent message is one with its time.
type sentMessage struct {
	message
	at time.Time
}

// messages reads the messages of one side. to tells the method that the next response answers.
func (t *traffic) messages(pieces []piece, requests bool, to func(at time.Time, m *message) string) (list []sentMessage) {
	for i := range pieces {
		p := &pieces[i]
		r := &rawReader{t: newText(bytes.NewReader(p.data), t.b.limits), limits: t.b.limits, p: &pairer{b: t.b}}
		for r.toStart() && len(list) <= t.b.limits.Exchanges {
			line, _, _ := r.t.peekLine()
			begin, ok := parseStart(trimBlank(string(line)))
			if !ok || begin.request != requests {
				r.t.skipLine()
				continue
			}
			at := p.at(r.t.number)
			method := ""
			if to != nil {
				method = to(at, &begin)
			}
			m := r.message(method)
			if m.status == 304 && !t.altered {
				m.excess = r.beforeStart()
			}
			if p.lost && r.t.peek(1) == nil {
				m.headerGap = firstOf(m.headerGap, "packets are missing from the capture")
			}
			if t.altered && m.header.Len() == 0 {
				m.headerGap = "tcpdump shows header sections with -A and -v only"
			}
			m.content.Altered = m.content.Altered || t.altered && len(m.content.Data) > 0
			list = append(list, sentMessage{m, at})
		}
	}
	return list
}

// finish adds the exchanges of all connections.
func (t *traffic) finish() error {
	var all []*Exchange
	for _, c := range t.list {
		all = append(all, t.exchanges(c)...)
		if len(all) > t.b.limits.Exchanges {
			break
		}
	}
	slices.SortStableFunc(all, func(a, b *Exchange) int { return a.Started.Compare(b.Started) })
	for _, x := range all {
		if x.Started.Year() <= 1 { // the time of a day that is not known
			x.Started = time.Time{}
		}
		if err := t.b.add(x); err != nil {
			return err
		}
	}
	switch {
	case t.dropped:
		return t.b.tooLarge(fmt.Sprintf("more than %d bytes of TCP, or %d connections", t.b.limits.Total, maxConns))
	case len(all) > 0:
		return nil
	case t.encrypted > 0:
		return t.b.error(ErrNoExchange, "all that it has is encrypted", "let the client write its keys (SSLKEYLOGFILE), "+
			"open the capture and the keys in Wireshark, and save with File > Export Packet Dissections > As Plain Text; "+
			"or take a HAR of the browser")
	case t.http2 > 0:
		return t.b.error(ErrNoExchange, "all that it has is HTTP/2",
			"save it with tshark -V, or with File > Export Packet Dissections > As Plain Text of Wireshark")
	}
	return t.b.error(ErrNoExchange, "no packet in it has HTTP/1",
		"capture with tcpdump -s 0 -w FILE on the side where the traffic is not encrypted")
}

// exchanges returns those of a connection.
func (t *traffic) exchanges(c *conn) []*Exchange {
	var pieces [2][]piece
	for i := range c.sides {
		pieces[i] = c.sides[i].pieces()
	}
	client := clientSide(pieces)
	if client < 0 {
		return nil
	}
	if t.unreadable(pieces[client]) {
		return nil
	}
	requests := t.messages(pieces[client], true, nil)
	answered := 0
	responses := t.messages(pieces[1-client], false, func(at time.Time, m *message) string {
		if answered >= len(requests) {
			return ""
		}
		method := requests[answered].method
		if m.status >= 200 && !at.Before(requests[answered].at) {
			answered++
		}
		return method
	})
	list := paired(requests, responses)
	for i, x := range list {
		if i > 0 && x.Started.Before(list[i-1].Started) { // packets may come in another order than they were sent in
			x.Started = list[i-1].Started
		}
		x.Scheme, x.Server = "http", serverAddress(c.ends[1-client])
		x.Source = Source{File: t.b.name, Format: t.b.format}
	}
	return list
}

// serverAddress returns the address of a server without a port that goes without saying.
func serverAddress(end string) string {
	if a, err := netip.ParseAddrPort(end); err == nil && a.Port() == 80 {
		return a.Addr().String()
	}
	return end
}

// clientSide returns the side that sends requests, or -1.
func clientSide(pieces [2][]piece) int {
	for i, list := range pieces {
		for _, p := range list {
			for line := range bytes.Lines(p.data[:min(len(p.data), 64<<10)]) {
				if m, ok := parseStart(trimBlank(string(line))); ok {
					if m.request {
						return i
					}
					return 1 - i
				}
			}
			if len(p.data) > 2 && p.data[0] == 0x16 && p.data[1] == 3 {
				return i
			}
		}
	}
	return -1
}

// unreadable counts a connection that is not HTTP/1 in clear.
func (t *traffic) unreadable(pieces []piece) bool {
	if len(pieces) == 0 {
		return false
	}
	switch data := pieces[0].data; {
	case len(data) > 2 && data[0] == 0x16 && data[1] == 3:
		t.encrypted++
	case bytes.HasPrefix(data, []byte("PRI * HTTP/2.0")):
		t.http2++
	default:
		return false
	}
	return true
}

// paired makes exchanges of the messages of both sides: a response answers the first request that
// is not answered and was sent before it.
func paired(requests, responses []sentMessage) (list []*Exchange) {
	const notCaptured = "it is not among the packets captured"
	for len(requests) > 0 || len(responses) > 0 {
		x := &Exchange{}
		x.Request.Content.Len, x.Response.Content.Len = -1, -1
		if len(requests) == 0 || len(responses) > 0 && responses[0].at.Before(requests[0].at) {
			for _, p := range []Part{RequestLine, RequestHeader, RequestContent} {
				x.miss(p, "the request: "+notCaptured)
			}
			x.Started = responses[0].at
		} else {
			x.setRequest(requests[0].message)
			x.Started = requests[0].at
			requests = requests[1:]
		}
		for len(responses) > 0 && responses[0].status < 200 && responses[0].status != 101 {
			m := responses[0]
			x.Interim = append(x.Interim, Response{Status: m.status, Reason: m.reason, Proto: m.proto, Header: m.header})
			x.Interim = x.Interim[:min(len(x.Interim), maxInterim)]
			responses = responses[1:]
		}
		if len(responses) == 0 {
			for _, p := range []Part{ResponseLine, ResponseHeader, ResponseContent} {
				x.miss(p, "the response: "+notCaptured)
			}
		} else {
			x.setResponse(responses[0].message)
			x.Excess = responses[0].excess
			x.Duration = max(0, responses[0].at.Sub(x.Started))
			responses = responses[1:]
		}
		list = append(list, x)
	}
	return list
}
