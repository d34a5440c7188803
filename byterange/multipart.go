package byterange

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// Multipart is the content of a 206 with several ranges: a multipart/byteranges
// message body (RFC 9110 §14.6). Its length is known before the first byte is
// sent. It does not change once made, and may be used from any number of
// goroutines.
type Multipart struct {
	ranges      []Range
	size        int64
	contentType string
	boundary    string
	length      int64
}

// NewMultipart prepares the multipart/byteranges content that holds ranges of a
// representation of size bytes (negative if not known), in the order given.
//
// contentType is the Content-Type that a 200 would have; each part repeats it.
// "" means that there is none, and the parts get none either.
//
// boundary is a token of up to 70 characters that never appears in the content
// at the start of a line after "--". "" chooses one at random, with 130 bits, so
// that the content need not be searched for it. It is never such that it needs
// quotes, which some clients get wrong (§14.6, note 2).
//
// A request for one range must not be answered with a multipart (§15.3.7.2): a
// [Plan] says [Multi] only for two or more.
//
// It returns an error, and then the caller has a bug or an absurd size, if
// ranges is empty or has a member that is empty or reaches past size, if
// contentType or boundary could not be sent, or if the length exceeds an int64.
func NewMultipart(ranges []Range, size int64, contentType, boundary string) (*Multipart, error) {
	if boundary == "" {
		boundary = rand.Text()
	}
	m := &Multipart{ranges: slices.Clone(ranges), size: size, contentType: contentType, boundary: boundary}
	if err := m.check(); err != nil {
		return nil, fmt.Errorf("multipart/byteranges: %w", err)
	}
	if err := m.measure(); err != nil {
		return nil, fmt.Errorf("multipart/byteranges: %w", err)
	}
	return m, nil
}

func (m *Multipart) check() error {
	if len(m.ranges) == 0 {
		return errors.New("want at least one range")
	}
	for _, r := range m.ranges {
		if r.Start < 0 || r.Length < 1 || r.Length > math.MaxInt64-r.Start || m.size >= 0 && r.End() > m.size {
			return fmt.Errorf("range of %d bytes from %d does not lie within %d bytes", r.Length, r.Start, m.size)
		}
	}
	if !isBoundary(m.boundary) {
		return fmt.Errorf("boundary %q: want 1 to 70 letters, digits or any of '+-._", m.boundary)
	}
	if !isFieldValue(m.contentType) {
		return fmt.Errorf("content type %q: want no control characters", m.contentType)
	}
	return nil
}

// measure adds up the length, with the very code that makes what is sent.
func (m *Multipart) measure() error {
	var buf []byte
	for i, r := range m.ranges {
		buf = m.appendPartHeader(buf[:0], i)
		if r.Length > math.MaxInt64-int64(len(buf))-m.length {
			return errors.New("length exceeds an int64")
		}
		m.length += int64(len(buf)) + r.Length
	}
	end := int64(len(m.appendEnd(buf[:0])))
	if end > math.MaxInt64-m.length {
		return errors.New("length exceeds an int64")
	}
	m.length += end
	return nil
}

// ContentType returns the value of the Content-Type field of the answer, as in
// "multipart/byteranges; boundary=THIS_STRING_SEPARATES".
func (m *Multipart) ContentType() string {
	return "multipart/byteranges; boundary=" + m.boundary
}

// Length returns the value of the Content-Length field of the answer: exactly
// what [Multipart.Send] writes.
func (m *Multipart) Length() int64 { return m.length }

// Send writes the content to w. It calls part once a range, in order, to write
// the bytes of that range, and no more or less, to w itself; part returns how
// many it wrote. The writer is passed on as it is, so that one that can have
// the operating system copy a file still does.
//
// Send stops at the first error, of w or of part, and returns it; if part
// returns no error but a wrong number, the error is [io.ErrUnexpectedEOF] or
// [io.ErrShortWrite]. The answer's length can then no longer come true, and a
// server has to break the connection. n is the number of bytes written.
func (m *Multipart) Send(w io.Writer, part func(w io.Writer, r Range) (int64, error)) (n int64, err error) {
	var buf []byte
	for i, r := range m.ranges {
		buf = m.appendPartHeader(buf[:0], i)
		wrote, err := w.Write(buf)
		n += int64(wrote)
		if err != nil {
			return n, err
		}
		sent, err := part(w, r)
		n += sent
		if err == nil && sent != r.Length {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, fmt.Errorf("part %s: %w", r.ContentRange(m.size), err)
		}
	}
	wrote, err := w.Write(m.appendEnd(buf[:0]))
	return n + int64(wrote), err
}

// appendPartHeader appends all that comes before the bytes of range i. A line end comes before the
// first boundary, too: RFC 9110 §14.6 allows it (note 1), and there are clients, zsync 0.6.2 for one,
// that look for the boundary with it.
func (m *Multipart) appendPartHeader(b []byte, i int) []byte {
	b = append(b, "\r\n--"...)
	b = append(b, m.boundary...)
	if m.contentType != "" {
		b = append(b, "\r\nContent-Type: "...)
		b = append(b, m.contentType...)
	}
	b = append(b, "\r\nContent-Range: "...)
	b = m.ranges[i].AppendContentRange(b, m.size)
	return append(b, "\r\n\r\n"...)
}

// appendEnd appends all that comes after the bytes of the last range.
func (m *Multipart) appendEnd(b []byte) []byte {
	b = append(b, "\r\n--"...)
	b = append(b, m.boundary...)
	return append(b, "--\r\n"...)
}

// isBoundary reports whether s is a boundary by RFC 2046 §5.1.1 that is also a
// token, and so needs no quotes.
func isBoundary(s string) bool {
	for i := range len(s) {
		switch b := s[i]; {
		case 'a' <= b && b <= 'z', 'A' <= b && b <= 'Z', '0' <= b && b <= '9':
		case b == '\'', b == '+', b == '-', b == '.', b == '_':
		default:
			return false
		}
	}
	return 1 <= len(s) && len(s) <= 70
}

// isFieldValue reports whether s can be sent as a field value (RFC 9110 §5.5):
// above all that it holds no line break.
func isFieldValue(s string) bool {
	for i := range len(s) {
		if b := s[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
