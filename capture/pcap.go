package capture

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"time"
)

// A pcapReader reads the packets of a capture of tcpdump, Wireshark and others: pcap
// (draft-ietf-opsawg-pcap) and pcapng (draft-ietf-opsawg-pcapng). Only TCP over IP is looked at,
// and HTTP/1 in it.
type pcapReader struct {
	br    *bufio.Reader
	b     *builder
	t     *traffic
	order binary.ByteOrder
	links []link // of the interfaces
}

// A link is an interface: what is before IP in its packets, and how many ticks of its clock a
// second has.
type link struct {
	kind  uint32
	ticks uint64
}

// maxPacket is how long a packet or a block may be.
const maxPacket = 1 << 20

// isPcap reports whether magic begins a packet capture.
func isPcap(magic []byte) bool {
	_, _, ok := pcapMagic(magic)
	return ok || string(magic) == "\x0a\x0d\x0d\x0a"
}

// pcapMagic returns the byte order and the ticks of a second of a pcap file.
func pcapMagic(magic []byte) (order binary.ByteOrder, ticks uint64, ok bool) {
	switch string(magic) {
	case "\xd4\xc3\xb2\xa1":
		return binary.LittleEndian, 1e6, true
	case "\xa1\xb2\xc3\xd4":
		return binary.BigEndian, 1e6, true
	case "\x4d\x3c\xb2\xa1":
		return binary.LittleEndian, 1e9, true
	case "\xa1\xb2\x3c\x4d":
		return binary.BigEndian, 1e9, true
	}
	return nil, 0, false
}

func readPcap(br *bufio.Reader, b *builder) error {
	p := &pcapReader{br: br, b: b, t: newTraffic(b)}
	magic, err := peek(br, 4)
	if err != nil {
		return b.failed(err)
	}
	order, ticks, ok := pcapMagic(magic)
	switch {
	case ok:
		p.order = order
		err = p.pcap(ticks)
	case isPcap(magic):
		err = p.pcapng()
	default:
		return b.error(ErrMalformed, "this is no packet capture", "")
	}
	if finished := p.t.finish(); err == nil || err == io.EOF {
		return finished
	}
	if err == io.ErrUnexpectedEOF {
		return b.error(ErrTruncated, "the packet capture is cut off", "what came before is used")
	}
	return b.failed(err)
}

// take reads n bytes.
func (p *pcapReader) take(n int) ([]byte, error) {
	buf := make([]byte, n)
	_, err := io.ReadFull(p.br, buf)
	return buf, err
}

// pcap reads the older format.
func (p *pcapReader) pcap(ticks uint64) error {
	head, err := p.take(24)
	if err != nil {
		return noEOF(err)
	}
	l := link{p.order.Uint32(head[20:]) & 0xffff, ticks}
	for {
		h, err := p.take(16)
		if err != nil {
			return err
		}
		n := p.order.Uint32(h[8:])
		if n > maxPacket {
			return p.b.error(ErrMalformed, fmt.Sprintf("a packet of %d bytes", n), "the file is damaged")
		}
		data, err := p.take(int(n))
		if err != nil {
			return noEOF(err)
		}
		at := time.Unix(int64(p.order.Uint32(h)), int64(uint64(p.order.Uint32(h[4:]))*(1e9/ticks))).UTC()
		p.packet(l, at, data)
	}
}

// pcapng reads the newer format, block by block.
func (p *pcapReader) pcapng() error {
	for {
		head, err := p.br.Peek(12)
		if len(head) < 8 {
			if len(head) == 0 && err == io.EOF {
				return io.EOF
			}
			return noEOF(err)
		}
		if string(head[:4]) == "\x0a\x0d\x0d\x0a" && len(head) == 12 { // a section, which says its byte order
			if p.order = binary.BigEndian; head[8] == 0x4d {
				p.order = binary.LittleEndian
			}
			p.links = nil
		}
		if p.order == nil {
			return noEOF(err)
		}
		n := p.order.Uint32(head[4:])
		if n < 12 || n > maxPacket+64 || n%4 != 0 {
			return p.b.error(ErrMalformed, fmt.Sprintf("a block of %d bytes", n), "the file is damaged")
		}
		kind := p.order.Uint32(head)
		block, err := p.take(int(n))
		if err != nil {
			return noEOF(err)
		}
		p.block(kind, block[8:n-4])
	}
}

// block takes the body of a block.
func (p *pcapReader) block(kind uint32, body []byte) {
	switch {
	case kind == 1 && len(body) >= 8 && len(p.links) < 1000: // interface description
		p.links = append(p.links, link{uint32(p.order.Uint16(body)), p.ticks(body[8:])})
	case kind == 6 && len(body) >= 20: // enhanced packet
		n := int(p.order.Uint32(body))
		size := p.order.Uint32(body[12:])
		if n >= len(p.links) || uint64(size) > uint64(len(body)-20) {
			return
		}
		ticks := uint64(p.order.Uint32(body[4:]))<<32 | uint64(p.order.Uint32(body[8:]))
		p.packet(p.links[n], p.links[n].time(ticks), body[20:20+size])
	case kind == 3 && len(body) >= 4 && len(p.links) > 0: // simple packet
		p.packet(p.links[0], time.Time{}, body[4:])
	}
}

func (l link) time(ticks uint64) time.Time {
	return time.Unix(int64(ticks/l.ticks), int64(float64(ticks%l.ticks)/float64(l.ticks)*1e9)).UTC()
}

// ticks looks for if_tsresol among the options of an interface.
func (p *pcapReader) ticks(options []byte) uint64 {
	for len(options) >= 4 {
		code, n := p.order.Uint16(options), int(p.order.Uint16(options[2:]))
		if n > len(options)-4 || code == 0 {
			break
		}
		if code == 9 && n == 1 {
			v := options[4]
			if v&0x80 != 0 && v&0x7f < 63 {
				return 1 << (v & 0x7f)
			}
			ticks := uint64(1)
			for range min(v, 18) {
				ticks *= 10
			}
			return ticks
		}
		options = options[min(len(options), 4+(n+3)/4*4):]
	}
	return 1e6
}

// packet looks for TCP in a packet.
func (p *pcapReader) packet(l link, at time.Time, data []byte) {
	if s, ok := segmentOf(network(l.kind, data)); ok {
		s.at = at
		p.t.add(s)
	}
}

// network returns the packet of IP in a frame of a link, or nil.
func network(kind uint32, data []byte) []byte {
	skip, tag := 0, -1
	switch kind {
	case 0, 108: // a loopback of BSD, with the family before
		skip = 4
	case 1: // Ethernet
		skip, tag = 14, 12
	case 12, 14, 101, 228, 229: // IP alone
	case 113: // Linux, any interface
		skip, tag = 16, 14
	case 276: // the same, newer
		skip, tag = 20, 0
	default:
		return nil
	}
	if len(data) <= skip {
		return nil
	}
	for tag > 0 && len(data) > skip+4 && (data[tag] == 0x81 && data[tag+1] == 0 || data[tag] == 0x88 && data[tag+1] == 0xa8) { // IEEE 802.1Q
		tag, skip = tag+4, skip+4
	}
	return data[skip:]
}

// segmentOf reads a packet of IP (RFC 791, RFC 8200) with a segment of TCP.
func segmentOf(ip []byte) (s segment, ok bool) {
	if len(ip) < 20 {
		return s, false
	}
	var from, to netip.Addr
	var tcp []byte
	switch ip[0] >> 4 {
	case 4:
		head, total := int(ip[0]&15)*4, int(binary.BigEndian.Uint16(ip[2:]))
		if total == 0 { // the network card has cut it later
			total = len(ip)
		}
		if ip[9] != 6 || head < 20 || total < head || len(ip) < head || binary.BigEndian.Uint16(ip[6:])&0x3fff != 0 {
			return s, false
		}
		from, _ = netip.AddrFromSlice(ip[12:16])
		to, _ = netip.AddrFromSlice(ip[16:20])
		tcp = ip[head:min(total, len(ip))]
	case 6:
		if len(ip) < 40 {
			return s, false
		}
		from, _ = netip.AddrFromSlice(ip[8:24])
		to, _ = netip.AddrFromSlice(ip[24:40])
		tcp, ok = pastExtensions(ip[6], ip[40:min(len(ip), 40+max(int(binary.BigEndian.Uint16(ip[4:])), 0))])
		if !ok {
			return s, false
		}
	default:
		return s, false
	}
	return tcpSegment(from, to, tcp)
}

// pastExtensions skips the extension headers of IPv6.
func pastExtensions(next byte, data []byte) ([]byte, bool) {
	for range 8 {
		switch next {
		case 6:
			return data, true
		case 0, 43, 60:
			if len(data) < 8 {
				return nil, false
			}
			n := 8 + int(data[1])*8
			if len(data) < n {
				return nil, false
			}
			next, data = data[0], data[n:]
		default:
			return nil, false
		}
	}
	return nil, false
}

// tcpSegment reads a segment of TCP (RFC 9293 §3.1).
func tcpSegment(from, to netip.Addr, tcp []byte) (s segment, ok bool) {
	if len(tcp) < 20 {
		return s, false
	}
	head := int(tcp[12]>>4) * 4
	if head < 20 || head > len(tcp) {
		return s, false
	}
	s.from = endPoint(from, binary.BigEndian.Uint16(tcp))
	s.to = endPoint(to, binary.BigEndian.Uint16(tcp[2:]))
	s.seq, s.syn, s.data = binary.BigEndian.Uint32(tcp[4:]), tcp[13]&2 != 0, tcp[head:]
	return s, true
}

func endPoint(a netip.Addr, port uint16) string {
	if a.Is6() {
		return "[" + a.String() + "]:" + strconv.Itoa(int(port))
	}
	return a.String() + ":" + strconv.Itoa(int(port))
}
