// Package linewise makes lines with one entry each of logs that are written in another way: text in
// UTF-16, as PowerShell makes of what it redirects, messages of syslog behind their lengths, and
// entries that are the objects of one JSON document, or take several lines each.
package linewise

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"strconv"

	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// headSize is how much of the content tells what it is.
const headSize = 512

// NewReader returns a reader of the lines in r, and what was done to have them, for people; "" if r
// has them already. It reads the beginning of r; an error of that is returned by Read.
func NewReader(r io.Reader) (lines io.Reader, note string) {
	head, r := peek(r)
	if order, ok := utf16Order(head); ok {
		note = "it is in UTF-16"
		head, r = peek(transform.NewReader(r, unicode.UTF16(order, unicode.UseBOM).NewDecoder()))
	}
	if counted.Match(head) {
		return &countedReader{r: bufio.NewReader(r)}, "its messages have their length before them: the n-th is counted as line n"
	}
	depth := entryDepth(head)
	if depth < 0 {
		return r, note
	}
	d := &documentReader{r: r, at: depth, buffer: make([]byte, 32<<10)}
	return d, "its entries are the objects of a JSON document: the n-th is counted as line n"
}

// peek returns the beginning of r, and a reader of all of it.
func peek(r io.Reader) (head []byte, all io.Reader) {
	head = make([]byte, headSize)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return head, io.MultiReader(bytes.NewReader(head), failed{err})
	}
	return head, io.MultiReader(bytes.NewReader(head), r)
}

type failed struct{ err error }

func (f failed) Read([]byte) (int, error) { return 0, f.err }

// utf16Order goes by the byte order mark.
func utf16Order(head []byte) (order unicode.Endianness, ok bool) {
	switch {
	case bytes.HasPrefix(head, []byte{0xff, 0xfe}):
		return unicode.LittleEndian, true
	case bytes.HasPrefix(head, []byte{0xfe, 0xff}):
		return unicode.BigEndian, true
	}
	return order, false
}

var (
	list = lazyregexp.New(`^(?:\xef\xbb\xbf)?\s*\[\s*\{`)
	// listed are the members in which services put all entries: CloudTrail, Azure, CloudWatch, and
	// what exports them.
	listed = lazyregexp.New(`^(?:\xef\xbb\xbf)?\s*\{\s*"(?:Records|records|value|events|logEvents|entries|items|logs)"\s*:\s*\[\s*\{`)
	spread = lazyregexp.New(`^(?:\xef\xbb\xbf)?\s*\{[ \t]*\r?\n`)
)

// counted are messages of syslog on a stream with their lengths before them (RFC 6587 §3.4.1), and
// no line ends between them.
var counted = lazyregexp.New(`^[1-9]\d{1,4} <\d{1,3}>[^\n]*\S[1-9]\d{1,4} <\d{1,3}>`)

// A countedReader makes a line of each message.
type countedReader struct {
	r   *bufio.Reader
	out []byte
	err error
}

// maxMessage bounds the length of a message.
const maxMessage = 1 << 20

func (c *countedReader) Read(p []byte) (int, error) {
	for len(c.out) == 0 {
		if c.err != nil {
			return 0, c.err
		}
		c.out, c.err = c.next()
	}
	n := copy(p, c.out)
	c.out = c.out[n:]
	return n, nil
}

// next returns the next message as a line. Where there is no length, it is what comes up to the
// next line end.
func (c *countedReader) next() ([]byte, error) {
	head, err := c.r.Peek(len("1048576 "))
	switch {
	case len(head) == 0:
		return nil, err
	case head[0] == '\n' || head[0] == '\r':
		_, _ = c.r.Discard(1) // between messages
		return nil, nil
	}
	digits, _, ok := bytes.Cut(head, []byte{' '})
	n, err := strconv.Atoi(string(digits))
	if !ok || err != nil || n <= 0 || n > maxMessage {
		line, err := c.r.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			err = nil
		}
		return line, err
	}
	_, _ = c.r.Discard(len(digits) + 1) // they have been peeked at
	message := make([]byte, n, n+1)
	n, err = io.ReadFull(c.r, message)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = io.EOF
	}
	message = bytes.TrimRight(message[:n], "\r\n")
	for i, b := range message {
		if b == '\n' {
			message[i] = ' '
		}
	}
	return append(message, '\n'), err
}

// entryDepth is in how many others the objects are that are entries; -1 if the content has lines.
func entryDepth(head []byte) int {
	switch {
	case list.Match(head):
		return 1
	case listed.Match(head):
		return 2
	case spread.Match(head):
		return 0
	}
	return -1
}

// A documentReader reads JSON and returns each object at a depth in a line of its own, without blanks.
type documentReader struct {
	r      io.Reader
	at     int
	buffer []byte
	made   []byte // of what was read last
	out    []byte // of that, what is left
	err    error

	depth           int
	text, backslash bool // inside of a string, behind a backslash in it
}

func (d *documentReader) Read(p []byte) (int, error) {
	for len(d.out) == 0 {
		if d.err != nil {
			return 0, d.err
		}
		var n int
		n, d.err = d.r.Read(d.buffer)
		d.made = d.made[:0]
		for _, c := range d.buffer[:n] {
			d.take(c)
		}
		d.out = d.made
	}
	n := copy(p, d.out)
	d.out = d.out[n:]
	return n, nil
}

// take takes the next byte, and keeps it if it is part of an entry.
func (d *documentReader) take(c byte) {
	inside, ended := d.depth > d.at, false
	switch {
	case d.text:
		d.text = c != '"' || d.backslash
		d.backslash = c == '\\' && !d.backslash
		if c == '\n' || c == '\r' {
			c = ' ' // which JSON does not allow
		}
	case c == '"':
		d.text = true
	case c == ' ', c == '\t', c == '\r', c == '\n':
		return
	case c == '{', c == '[':
		d.depth++
		inside = d.depth > d.at
	case c == '}', c == ']':
		d.depth = max(d.depth-1, 0)
		ended = inside && d.depth == d.at
	}
	if inside {
		d.made = append(d.made, c)
	}
	if ended {
		d.made = append(d.made, '\n')
	}
}
