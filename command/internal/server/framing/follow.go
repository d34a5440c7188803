package framing

import (
	"bytes"
	"strconv"
)

// head is what the header section of a request says about its content.
type head struct {
	transferEncoding, contentLength bool
	// unclear says that the section cannot be read in one way only.
	unclear bool
	// tunnel says that what follows may be of another protocol.
	tunnel bool
}

// follower goes along with the bytes of one connection, request by request, by the rules of RFC 9112 §6.3
// as net/http applies them. It decides nothing: where it loses the way, it says so.
type follower struct {
	state state
	// blank counts the bytes of blank lines before a request.
	blank int
	cr    bool // the last of them is a CR

	head head
	// line has the beginning of a line that came in pieces.
	line []byte
	// last is the field whose line was read last, of those that count.
	last string
	// length is Content-Length, or -1; left is what is to come of the content or the chunk.
	length, left int64
	chunked      bool
}

type state uint8

const (
	between   state = iota // before a request line
	request                // in it
	fields                 // in the header section
	content                // in content with Content-Length
	chunkSize              // in the line that begins a chunk
	chunkData
	chunkEnd // in the line that ends its data
	trailers
	lost // nothing is known from here on
)

const (
	// maxBlank bounds the bytes of blank lines that are skipped before a request.
	maxBlank = 16
	// maxLine bounds what is kept of a line. A field about the content that is longer is not clear.
	maxLine = 512
)

// bytes goes along with p, and calls found with each head that ends in it. It takes blank lines before
// requests out of p, and returns how many bytes are left.
func (f *follower) bytes(p []byte, found func(head)) (kept int) {
	for rest := p; len(rest) > 0; {
		if f.state == between {
			if f.isBlank(rest[0]) {
				rest = rest[1:]
				continue
			}
			f.begin()
		}
		n := f.step(rest, found)
		if kept+len(rest) < len(p) { // something was taken out
			copy(p[kept:], rest[:n])
		}
		kept += n
		rest = rest[n:]
	}
	return kept
}

// step goes along with the beginning of p, and returns the length of that.
func (f *follower) step(p []byte, found func(head)) int {
	switch f.state {
	case lost:
		return len(p)
	case content, chunkData:
		n := min(f.left, int64(len(p)))
		if f.left -= n; f.left == 0 {
			f.afterContent()
		}
		return int(n)
	}
	line, n, whole := f.cutLine(p)
	if whole {
		f.endOf(line, found)
	}
	return n
}

// isBlank reports whether b belongs to a blank line before a request (RFC 9112 §2.2). After a request
// for another protocol it may be a part of that.
func (f *follower) isBlank(b byte) bool {
	switch {
	case f.head.tunnel || f.blank >= maxBlank:
		return false
	case b == '\r' && !f.cr:
		f.cr = true
	case b == '\n':
		f.cr = false
	default:
		return false
	}
	f.blank++
	return true
}

// begin begins a request.
func (f *follower) begin() {
	f.head = head{unclear: f.cr}
	f.blank, f.cr, f.last, f.length, f.chunked = 0, false, "", -1, false
	f.state = request
}

// cutLine returns the line at the beginning of p, with what came of it before, and how much of p it is.
func (f *follower) cutLine(p []byte) (line []byte, n int, whole bool) {
	i := bytes.IndexByte(p, '\n')
	if i < 0 {
		f.line = append(f.line, p[:min(len(p), max(maxLine-len(f.line), 0))]...)
		return nil, len(p), false
	}
	line = p[:i]
	if len(f.line) > 0 {
		line = append(f.line, line[:min(len(line), max(maxLine-len(f.line), 0))]...)
		f.line = f.line[:0]
	}
	return bytes.TrimSuffix(line, []byte("\r")), i + 1, true
}

// endOf takes the line that has ended.
func (f *follower) endOf(line []byte, found func(head)) {
	switch f.state {
	case request:
		f.state = fields
		if bytes.HasPrefix(line, []byte("PRI ")) {
			f.state = lost // HTTP/2
		}
		f.head.tunnel = bytes.HasPrefix(line, []byte("CONNECT "))
	case fields:
		if len(line) > 0 {
			f.field(line)
			return
		}
		found(f.head)
		f.afterHead()
	case chunkSize:
		f.chunk(line)
	case chunkEnd:
		f.state = chunkSize
		if len(line) > 0 {
			f.state = lost
		}
	case trailers:
		if len(line) == 0 {
			f.state = between
		}
	}
}

// field takes a field line of the header section.
func (f *follower) field(line []byte) {
	if line[0] == ' ' || line[0] == '\t' { // the line before goes on, which it must not (RFC 9112 §5.2)
		f.head.unclear = f.head.unclear || f.last != ""
		return
	}
	f.last = ""
	name, value, _ := bytes.Cut(line, []byte(":"))
	switch {
	case isField(name, "Content-Length"):
		value = bytes.Trim(value, " \t")
		n, err := strconv.ParseUint(string(value), 10, 63)
		if err != nil || f.length >= 0 && f.length != int64(n) || len(line) >= maxLine {
			f.head.unclear = true
		}
		f.last, f.head.contentLength, f.length = "Content-Length", true, int64(n)
	case isField(name, "Transfer-Encoding"):
		f.chunked = isField(bytes.Trim(value, " \t"), "chunked")
		f.head.unclear = f.head.unclear || f.head.transferEncoding || !f.chunked
		f.last, f.head.transferEncoding = "Transfer-Encoding", true
	case isField(name, "Upgrade"):
		f.head.tunnel = true
	}
}

func isField(b []byte, name string) bool {
	return len(b) == len(name) && bytes.EqualFold(b, []byte(name))
}

// afterHead goes on with the content.
func (f *follower) afterHead() {
	h := f.head
	switch {
	case h.unclear, h.transferEncoding && h.contentLength:
		f.state = lost // the connection ends with this request
	case f.chunked:
		f.state = chunkSize
	case f.length > 0:
		f.state, f.left = content, f.length
	default:
		f.state = between
	}
}

func (f *follower) afterContent() {
	f.state = between
	if f.chunked {
		f.state = chunkEnd
	}
}

// chunk takes the line that begins a chunk (RFC 9112 §7.1).
func (f *follower) chunk(line []byte) {
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(bytes.TrimRight(size, " \t")), 16, 63)
	switch {
	case err != nil:
		f.state = lost
	case n == 0:
		f.state = trailers
	default:
		f.state, f.left = chunkData, int64(n)
	}
}
