package capture

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

// TestTraceKeepsBytes writes a trace as curl does and reads it: with --trace each byte comes back,
// and with --trace-ascii each that can be printed. The lengths are around those of a line of the
// dump.
func TestTraceKeepsBytes(t *testing.T) {
	for _, length := range []int{1, 15, 16, 17, 63, 64, 65, 128, 200} {
		for _, content := range []string{
			strings.Repeat("x", length),
			strings.Repeat("y", length) + "\r\n" + strings.Repeat("z", length),
			"\r\n" + strings.Repeat("\r\n", length),
			strings.Repeat("0000: 47 45 54 20", length),
		} {
			for _, hex := range []bool{true, false} {
				head := fmt.Sprintf("PUT /doc HTTP/1.1\r\nHost: example.com\r\nIf-Match: \"%s\"\r\nContent-Length: %d\r\n\r\n",
					strings.Repeat("t", length), len(content))
				trace := event("=> Send header", head, hex) + event("=> Send data", content, hex) +
					event("<= Recv header", "HTTP/1.1 412 Precondition Failed\r\n", hex) +
					event("<= Recv header", fmt.Sprintf("Content-Length: %d\r\n", len(content)), hex) +
					event("<= Recv header", "\r\n", hex) + event("<= Recv data", content, hex)
				xs, err := readString("== Info: Connected to example.com (192.0.2.1) port 80 (#0)\n"+trace, Options{})
				if err != nil || len(xs) != 1 {
					t.Fatalf("hexadecimal %t: %d exchanges, error %v, of\n%s", hex, len(xs), err, trace)
				}
				x := xs[0]
				if got, want := x.Request.Header.Get("If-Match"), `"`+strings.Repeat("t", length)+`"`; got != want {
					t.Errorf("hexadecimal %t: If-Match is %q, want %q", hex, got, want)
				}
				for _, c := range []Content{x.Request.Content, x.Response.Content} {
					if string(c.Data) != content || !c.Complete() {
						t.Errorf("hexadecimal %t: content is %q (complete: %t), want %q", hex, c.Data, c.Complete(), content)
					}
				}
			}
		}
	}
}

// TestTraceDoubtsDots shows that content with a dot is not taken for certain if the trace has no bytes.
func TestTraceDoubtsDots(t *testing.T) {
	trace := event("=> Send header", "PUT /doc HTTP/1.1\r\nContent-Length: 3\r\n\r\n", false) + event("=> Send data", "a\nb", false)
	xs, err := readString(trace, Options{})
	if err != nil || len(xs) != 1 {
		t.Fatalf("%d exchanges, error %v", len(xs), err)
	}
	if c := xs[0].Request.Content; string(c.Data) != "a.b" || c.Complete() {
		t.Errorf("content is %q, complete: %t", c.Data, c.Complete())
	}
}

// event writes an event with its dump: 16 bytes a line in hexadecimal, or 64 characters, with a new
// line after CRLF.
func event(kind, data string, hex bool) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d bytes (0x%x)\n", kind, len(data), len(data))
	for at := 0; at < len(data); {
		width, next := 16, 0
		if !hex {
			width = 64
		}
		line := data[at:min(at+width, len(data))]
		next = at + len(line)
		if end := strings.Index(data[at:], "\r\n"); !hex && end >= 0 && end <= len(line) {
			line, next = data[at:at+end], at+end+2
		}
		fmt.Fprintf(&b, "%04x: ", at)
		if hex {
			fmt.Fprintf(&b, "%-48s", fmt.Sprintf("% x ", line))
		}
		b.Write(bytes.Map(printable, []byte(line)))
		b.WriteString("\n")
		at = next
	}
	return b.String()
}

func printable(r rune) rune {
	if r < 0x20 || r >= 0x7f {
		return '.'
	}
	return r
}
