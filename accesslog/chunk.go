package accesslog

import (
	"bytes"
	"errors"
	"io"
)

// maxLine is how long a line may be, in bytes without its end. A longer one is skipped.
const maxLine = 1 << 20

// A chunk is a part of a file: whole lines, or one line that is too long.
type chunk struct {
	text []byte
	// buffer is the memory that text is in, to be used again.
	buffer []byte
	// line is the number of the first line, and offset where it begins.
	line, offset int64
	// state is what directives before the chunk have said.
	state w3cState
	long  longLine
}

// A longLine is one that is too long to be read.
type longLine struct {
	size    int64 // with its end; 0 if the chunk is none
	head    []byte
	padding bool // only NUL bytes
}

// A chunker cuts a file into chunks.
type chunker struct {
	r    io.Reader
	size int
	// buffer returns memory of at least size bytes, and length size.
	buffer func() []byte
	w3c    *w3cDialect
	state  w3cState
	// broken is set if lines may be broken: see parser.mend.
	broken bool

	rest         []byte // what has been read and is part of no chunk, at the start of its buffer
	line, offset int64
	err          error // of reading
}

func newChunker(r io.Reader, size int, buffer func() []byte, d *dialect) *chunker {
	l := d.start.layout
	broken := l != nil && l.wrapped || d.w3c != nil && d.w3c.wrapped
	return &chunker{r: r, size: size, buffer: buffer, w3c: d.w3c, state: d.start, line: 1, broken: broken}
}

// next returns the next chunk, or the error that ended the file, such as io.EOF. A line
// without end, at the end, is a line.
func (c *chunker) next() (chunk, error) {
	b := c.rest
	c.rest = nil
	if b == nil {
		b = c.buffer()[:0]
	}
	for {
		b = c.fill(b)
		if c.err != nil {
			return c.last(b)
		}
		end := bytes.LastIndexByte(b, '\n') + 1
		if c.broken && len(b) <= maxLine {
			end = endOfWhole(b[:end])
		}
		if end > 0 {
			c.rest = append(c.spare(len(b)-end), b[end:]...)
			return c.cut(b[:end], b), nil
		}
		if len(b) > maxLine {
			return c.skip(b)
		}
		if len(b) < cap(b) {
			continue // the file is followed, and has just a broken line
		}
		b = append(make([]byte, 0, min(2*cap(b), maxLine+1)), b...)
	}
}

// spare returns memory for a rest of n bytes, and more to come.
func (c *chunker) spare(n int) []byte {
	if b := c.buffer(); n <= cap(b) {
		return b[:0]
	}
	return make([]byte, 0, n+c.size)
}

// fill reads until b has no more room, or sets c.err.
func (c *chunker) fill(b []byte) []byte {
	for len(b) < cap(b) && c.err == nil {
		n, err := c.r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if !errors.Is(err, errQuiet) {
			c.err = err
		} else if bytes.IndexByte(b, '\n') >= 0 {
			break // what is there is not held back
		}
	}
	return b
}

// last returns what is left when the file has ended.
func (c *chunker) last(b []byte) (chunk, error) {
	if len(b) == 0 {
		return chunk{buffer: b}, c.err
	}
	if i := bytes.LastIndexByte(b, '\n') + 1; i > 0 && i < len(b) {
		c.rest = append(c.spare(len(b)-i), b[i:]...)
		return c.cut(b[:i], b), nil
	}
	if i := bytes.IndexByte(b, '\n'); i < 0 && len(b) > maxLine {
		return c.skip(b)
	}
	return c.cut(b, b), nil
}

// cut makes a chunk of text, which is at the start of buffer.
func (c *chunker) cut(text, buffer []byte) chunk {
	k := chunk{text: text, buffer: buffer, line: c.line, offset: c.offset, state: c.state}
	lines := bytes.Count(text, []byte{'\n'})
	if text[len(text)-1] != '\n' {
		lines++
	}
	c.line += int64(lines)
	c.offset += int64(len(text))
	if c.w3c != nil {
		c.directives(text)
	}
	return k
}

// directives follows those in text.
func (c *chunker) directives(text []byte) {
	for pos := 0; ; {
		i := bytes.IndexByte(text[pos:], '#')
		if i < 0 {
			return
		}
		i += pos
		start := i
		for start > 0 && text[start-1] == 0 {
			start-- // padding
		}
		start -= len(text[:start]) - len(bytes.TrimSuffix(text[:start], utf8BOM))
		end := bytes.IndexByte(text[i:], '\n') + i
		if end < i {
			end = len(text)
		}
		if start == 0 || text[start-1] == '\n' {
			c.state = c.w3c.directive(c.state, trimLine(text[i:end]))
		} else if c.w3c.wrapped {
			line := text[bytes.LastIndexByte(text[:i], '\n')+1 : end]
			if directive := c.w3c.isDirective(trimLine(line)); directive != nil {
				c.state = c.w3c.directive(c.state, directive)
			}
			i = end - 1 // once a line
		}
		pos = i + 1
	}
}

// skip reads to the end of a line whose beginning is b.
func (c *chunker) skip(b []byte) (chunk, error) {
	long := longLine{head: bytes.Clone(b[:4*maxSampleText]), padding: true}
	k := chunk{line: c.line, offset: c.offset, state: c.state}
	line, rest, found := bytes.Cut(b, []byte{'\n'})
	for {
		long.size += int64(len(line))
		long.padding = long.padding && len(bytes.Trim(line, "\x00\r")) == 0
		if found || c.err != nil {
			break
		}
		b = c.fill(b[:0])
		line, rest, found = bytes.Cut(b, []byte{'\n'})
	}
	if found {
		long.size++
		c.rest = append(c.spare(len(rest)), rest...)
	}
	k.long, k.buffer = long, b
	c.line++
	c.offset += long.size
	return k, nil
}

// ended is the error of the file, or nil if that is its end.
func (c *chunker) ended() error {
	if errors.Is(c.err, io.EOF) {
		return nil
	}
	return c.err
}

// trimLine returns a line without its carriage return, and without what is no part of
// it: the NUL bytes of a file where a server reserved room or crashed, and the byte
// order mark at the start of a file.
func trimLine(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && (line[0] == 0 || line[n-1] == 0) {
		line = bytes.TrimSuffix(bytes.Trim(line, "\x00"), []byte{'\r'})
	}
	if len(line) > 0 && line[0] == utf8BOM[0] {
		line = bytes.TrimPrefix(line, utf8BOM)
	}
	return line
}
