package capture

import (
	"bufio"
	"bytes"
	"io"
)

// text reads lines, of which it keeps a bounded beginning, and bytes.
type text struct {
	br  *bufio.Reader
	max int // what is kept of a line
	// number is that of the line that comes next, from 1.
	number int
	// err is the reader's, other than io.EOF.
	err error
}

// newText needs a window of look-ahead, which is what content can be checked for before
// it is taken.
func newText(r io.Reader, limits Limits) *text {
	return &text{br: bufio.NewReaderSize(r, limits.Content+limits.Line+4096), max: limits.Line, number: 1}
}

// peek returns up to n bytes; fewer only before the end.
func (t *text) peek(n int) []byte {
	b, err := t.br.Peek(min(n, t.br.Size()))
	if err != nil && err != io.EOF && err != bufio.ErrBufferFull {
		t.err = err
	}
	return b
}

// skip drops n bytes, which must have been peeked at.
func (t *text) skip(n int) {
	b, _ := t.br.Peek(n)
	t.number += bytes.Count(b, []byte("\n"))
	_, _ = t.br.Discard(n) // cannot fail: they are in the buffer
}

// peekLine returns the next line without its end, its length with it, and whether
// it is longer than what is kept. The length is 0 at the end of the input.
func (t *text) peekLine() (line []byte, n int, cut bool) {
	b, _ := t.br.Peek(min(t.br.Buffered(), t.max))
	i := bytes.IndexByte(b, '\n')
	if i < 0 {
		b = t.peek(t.max)
		i = bytes.IndexByte(b, '\n')
	}
	switch {
	case i >= 0:
		return bytes.TrimSuffix(b[:i], []byte("\r")), i + 1, false
	case len(b) < t.max:
		return bytes.TrimSuffix(b, []byte("\r")), len(b), false
	}
	return b, len(b), true
}

// line reads the next line without its end. ok is false at the end of the input.
func (t *text) line() (line string, cut, ok bool) {
	b, n, cut := t.peekLine()
	if n == 0 {
		return "", false, false
	}
	line = string(b)
	t.skip(n)
	if cut {
		t.skipLine()
	}
	return line, cut, true
}

// skipLine drops the rest of the line, its end included.
func (t *text) skipLine() { t.copyLine(nil) }

// copyLine reads the rest of the line, its end included, into s unless that is nil.
func (t *text) copyLine(s *sink) {
	for {
		b := t.peek(4096)
		if len(b) == 0 {
			return
		}
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			s.write(b[:i+1])
			t.skip(i + 1)
			return
		}
		s.write(b)
		t.skip(len(b))
	}
}

// copyN reads n bytes into s and reports whether there were as many.
func (t *text) copyN(s *sink, n int64) bool {
	for n > 0 {
		b := t.peek(int(min(n, 64<<10)))
		if len(b) == 0 {
			return false
		}
		s.write(b)
		t.skip(len(b))
		n -= int64(len(b))
	}
	return true
}

// sink keeps the beginning of what is written and counts all of it.
type sink struct {
	data []byte
	n    int64
	max  int
}

func (s *sink) write(b []byte) {
	if s == nil {
		return
	}
	s.n += int64(len(b))
	if room := s.max - len(s.data); room > 0 {
		s.data = append(s.data, b[:min(room, len(b))]...)
	}
}

// content returns what was written. Data is not nil even if nothing was.
func (s *sink) content() Content {
	if s.data == nil {
		s.data = []byte{}
	}
	return Content{Data: s.data, Len: s.n, Cut: s.n > int64(len(s.data))}
}

// trim drops what was written beyond n bytes, if it was kept.
func (s *sink) trim(n int64) {
	if n < s.n && n <= int64(len(s.data)) {
		s.data, s.n = s.data[:n], n
	}
}
