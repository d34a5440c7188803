package capture

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

var (
	packetClient = netip.MustParseAddrPort("192.0.2.9:53788")
	packetServer = netip.MustParseAddrPort("192.0.2.1:80")
)

// packetOf is a packet of IPv4 with a segment of TCP.
func packetOf(from, to netip.AddrPort, seq uint32, data []byte) []byte {
	p := make([]byte, 40, 40+len(data))
	p[0], p[9] = 0x45, 6
	binary.BigEndian.PutUint16(p[2:], uint16(40+len(data)))
	copy(p[12:], from.Addr().AsSlice())
	copy(p[16:], to.Addr().AsSlice())
	binary.BigEndian.PutUint16(p[20:], from.Port())
	binary.BigEndian.PutUint16(p[22:], to.Port())
	binary.BigEndian.PutUint32(p[24:], seq)
	p[32], p[33] = 5<<4, 0x18
	return append(p, data...)
}

// pcapOf is a packet capture with these packets, a millisecond apart.
func pcapOf(packets [][]byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 101, 0, 0, 0)
	for i, p := range packets {
		b = binary.LittleEndian.AppendUint32(b, 1793697340)
		b = binary.LittleEndian.AppendUint32(b, uint32(i*1000))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = binary.LittleEndian.AppendUint32(b, uint32(len(p)))
		b = append(b, p...)
	}
	return b
}

// cutUp cuts what one end sent into segments, some of which are sent again, and swaps neighbours.
func cutUp(t *rapid.T, from, to netip.AddrPort, data string) (packets [][]byte) {
	isn := rapid.Uint32().Draw(t, "sequence number")
	for at := 0; at < len(data); {
		n := min(rapid.IntRange(1, 40).Draw(t, "length"), len(data)-at)
		back := rapid.IntRange(0, min(at, 5)).Draw(t, "sent again")
		packets = append(packets, packetOf(from, to, isn+uint32(at-back), []byte(data[at-back:at+n])))
		at += n
	}
	for i := 2; i < len(packets); i++ { // the first one says where the numbers begin
		if rapid.IntRange(0, 4).Draw(t, "swapped") == 0 {
			packets[i-1], packets[i] = packets[i], packets[i-1]
		}
	}
	return packets
}

// TestSegments: however a conversation was cut into packets, it is read as if it had been given as
// it is.
func TestSegments(t *testing.T) {
	const get = "GET /docs/plan.txt HTTP/1.1\r\nHost: files.example.org\r\n\r\n"
	const got = "HTTP/1.1 200 OK\r\nETag: \"5f0c-gzip\"\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"
	const put = "PUT /docs/plan.txt HTTP/1.1\r\nHost: files.example.org\r\nIf-Match: \"5f0c-gzip\"\r\nContent-Length: 3\r\n\r\nabc"
	const refused = "HTTP/1.1 412 Precondition Failed\r\nETag: \"5f0c\"\r\nContent-Length: 0\r\n\r\n"
	raw, err := readString(get+got+put+refused, Options{})
	if err != nil || len(raw) != 2 {
		t.Fatal(describe(raw, err))
	}
	rapid.Check(t, func(t *rapid.T) {
		sent := cutUp(t, packetClient, packetServer, get+put)
		received := cutUp(t, packetServer, packetClient, got+refused)
		xs, err := Read(bytes.NewReader(pcapOf(slices.Concat(sent, received))), "test", Options{})
		if err != nil || len(xs) != 2 {
			t.Fatal(describe(xs, err))
		}
		for i, x := range xs {
			if g, w := messagesOf(x), messagesOf(raw[i]); g != w {
				t.Errorf("got\n%s\nwant\n%s", g, w)
			}
		}
	})
}

// messagesOf describes the messages of an exchange, and nothing else.
func messagesOf(x *Exchange) string {
	text := describe([]*Exchange{x}, nil)
	return text[strings.Index(text, "--- request"):]
}

// TestEncryptedPackets: what cannot be read is said, with what to do.
func TestEncryptedPackets(t *testing.T) {
	for _, c := range []struct{ what, data, says string }{
		{"TLS", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "SSLKEYLOGFILE"},
		{"HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "tshark -V"},
		{"something else", "EHLO example.org\r\n", "tcpdump"},
	} {
		xs, err := Read(bytes.NewReader(pcapOf([][]byte{packetOf(packetClient, packetServer, 1, []byte(c.data))})), "test", Options{})
		if err == nil || !strings.Contains(err.Error(), c.says) || len(xs) > 0 {
			t.Errorf("%s: %d exchanges, %v", c.what, len(xs), err)
		}
	}
}
