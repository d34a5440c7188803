package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// jsonReader pulls JSON (RFC 8259) from a stream and keeps of each string no more than asked
// for, which encoding/json cannot: a HAR may hold contents of any length. Control characters in
// strings, which RFC 8259 forbids, are kept.
type jsonReader struct {
	br    *bufio.Reader
	depth int
}

// maxJSONDepth is far beyond that of any HAR.
const maxJSONDepth = 64

// maxLiteral is how long a number may be written.
const maxLiteral = 1024

var (
	errJSON      = errors.New("this is not well-formed JSON")
	errJSONDepth = errors.New("values are nested too deeply")
)

// next skips white space and returns the byte that begins the next token, without taking it.
func (j *jsonReader) next() (byte, error) {
	for {
		c, err := j.br.ReadByte()
		if err != nil {
			return 0, eofInside(err)
		}
		switch c {
		case ' ', '\t', '\r', '\n':
			continue
		}
		return c, j.br.UnreadByte()
	}
}

func eofInside(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// take takes the next token if it is c.
func (j *jsonReader) take(c byte) (bool, error) {
	have, err := j.next()
	if err != nil || have != c {
		return false, err
	}
	_, err = j.br.ReadByte()
	return true, err
}

func (j *jsonReader) expect(c byte) error {
	ok, err := j.take(c)
	if err == nil && !ok {
		err = errJSON
	}
	return err
}

// object calls member with each name; member must take the value. A value that is no object
// is skipped.
func (j *jsonReader) object(member func(name string) error) error {
	return j.list('{', '}', func() error {
		name, _, err := j.str(256)
		if err != nil {
			return err
		}
		if err := j.expect(':'); err != nil {
			return err
		}
		return member(name)
	})
}

// array calls element for each element, which it must take. A value that is no array is skipped.
func (j *jsonReader) array(element func() error) error { return j.list('[', ']', element) }

func (j *jsonReader) list(open, close byte, item func() error) error {
	c, err := j.next()
	if err != nil {
		return err
	}
	if c != open {
		return j.skip()
	}
	if j.depth++; j.depth > maxJSONDepth {
		return errJSONDepth
	}
	defer func() { j.depth-- }()
	_, _ = j.br.ReadByte() // is there
	if done, err := j.take(close); done || err != nil {
		return err
	}
	for {
		if err := item(); err != nil {
			return err
		}
		if more, err := j.take(','); err != nil {
			return err
		} else if !more {
			return j.expect(close)
		}
	}
}

// skip takes any value.
func (j *jsonReader) skip() error {
	c, err := j.next()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return j.object(func(string) error { return j.skip() })
	case '[':
		return j.array(j.skip)
	case '"':
		_, _, err := j.str(0)
		return err
	}
	_, err = j.literal()
	return err
}

// literal takes a number, true, false or null.
func (j *jsonReader) literal() (string, error) {
	var b []byte
	for len(b) < maxLiteral {
		c, err := j.br.ReadByte()
		if err != nil && err != io.EOF {
			return "", err
		}
		if err == io.EOF || !strings.ContainsRune("+-.0123456789Eaeflnrstu", rune(c)) {
			if !json.Valid(b) {
				return "", errJSONAt(err)
			}
			if err == nil {
				err = j.br.UnreadByte()
			}
			return string(b), ignoreEOF(err)
		}
		b = append(b, c)
	}
	return "", errJSON
}

// errJSONAt is the error for a literal that is not one, perhaps because it is cut off.
func errJSONAt(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return errJSON
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}

// number takes a value and returns it, or missing if it is no number.
func (j *jsonReader) number(missing float64) (float64, error) {
	c, err := j.next()
	if err != nil {
		return missing, err
	}
	if c != '-' && (c < '0' || c > '9') {
		return missing, j.skip()
	}
	s, err := j.literal()
	if err != nil {
		return missing, err
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return f, nil
	}
	return missing, errJSON
}

// text takes a value and returns it, or "" if it is no string.
func (j *jsonReader) text(limit int) (string, error) {
	s, _, err := j.maybeString(limit)
	return string(s), err
}

// maybeString takes a value and returns it, or nil if it is no string.
func (j *jsonReader) maybeString(limit int) (s []byte, cut bool, err error) {
	c, err := j.next()
	if err != nil {
		return nil, false, err
	}
	if c != '"' {
		return nil, false, j.skip()
	}
	str, cut, err := j.str(limit)
	return []byte(str), cut, err
}

// str takes a string, of which it keeps limit bytes at most.
func (j *jsonReader) str(limit int) (s string, cut bool, err error) {
	if err := j.expect('"'); err != nil {
		return "", false, err
	}
	var b []byte
	keep := func(more []byte) {
		if room := limit - len(b); len(more) > room {
			more, cut = more[:room], true
		}
		b = append(b, more...)
	}
	for {
		chunk, err := j.br.Peek(max(1, j.br.Buffered()))
		if len(chunk) == 0 {
			return "", false, eofInside(err)
		}
		i := bytes.IndexAny(chunk, `"\`)
		if i < 0 {
			keep(chunk)
			_, _ = j.br.Discard(len(chunk)) // they have been peeked at
			continue
		}
		keep(chunk[:i])
		end := chunk[i] == '"'
		_, _ = j.br.Discard(i + 1)
		if end {
			return string(b), cut, nil
		}
		r, err := j.escape()
		if err != nil {
			return "", false, err
		}
		keep(utf8.AppendRune(nil, r))
	}
}

// escape takes what follows a backslash.
func (j *jsonReader) escape() (rune, error) {
	c, err := j.br.ReadByte()
	if err != nil {
		return 0, eofInside(err)
	}
	switch c {
	case '"', '\\', '/':
		return rune(c), nil
	case 'b':
		return '\b', nil
	case 'f':
		return '\f', nil
	case 'n':
		return '\n', nil
	case 'r':
		return '\r', nil
	case 't':
		return '\t', nil
	case 'u':
		return j.unicode()
	}
	return 0, errJSON
}

// unicode takes the digits of a \u escape and, if it is half a surrogate pair, the other half.
func (j *jsonReader) unicode() (rune, error) {
	r, err := j.hex()
	if err != nil || !utf16.IsSurrogate(r) {
		return r, err
	}
	if b, err := j.br.Peek(6); err != nil || b[0] != '\\' || b[1] != 'u' {
		return utf8.RuneError, nil
	} else if low, err := strconv.ParseUint(string(b[2:]), 16, 16); err == nil {
		if whole := utf16.DecodeRune(r, rune(low)); whole != utf8.RuneError {
			_, _ = j.br.Discard(6) // they have been peeked at
			return whole, nil
		}
	}
	return utf8.RuneError, nil
}

func (j *jsonReader) hex() (rune, error) {
	var b [4]byte
	if _, err := io.ReadFull(j.br, b[:]); err != nil {
		return 0, eofInside(err)
	}
	r, err := strconv.ParseUint(string(b[:]), 16, 16)
	if err != nil {
		return 0, errJSON
	}
	return rune(r), nil
}

// flag takes a value and reports whether it is true.
func (j *jsonReader) flag() (bool, error) {
	c, err := j.next()
	if err != nil || c != 't' {
		return false, j.skipUnless(err)
	}
	s, err := j.literal()
	return s == "true", err
}

func (j *jsonReader) skipUnless(err error) error {
	if err != nil {
		return err
	}
	return j.skip()
}
