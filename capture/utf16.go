package capture

import (
	"bufio"
	"io"
	"unicode/utf16"
	"unicode/utf8"
)

// utf16Reader makes UTF-8 of UTF-16. What is not valid becomes U+FFFD.
type utf16Reader struct {
	br  *bufio.Reader
	big bool // big-endian
	// out is what did not fit the last time.
	out []byte
	err error
}

func (u *utf16Reader) Read(p []byte) (int, error) {
	for len(u.out) == 0 {
		if u.err != nil {
			return 0, u.err
		}
		u.fill()
	}
	n := copy(p, u.out)
	u.out = u.out[n:]
	return n, nil
}

// fill decodes what is in the buffer.
func (u *utf16Reader) fill() {
	u.out = u.out[:0]
	for len(u.out) < 4096 {
		r, ok := u.unit()
		if !ok {
			return
		}
		if utf16.IsSurrogate(r) {
			r = u.pair(r)
		}
		u.out = utf8.AppendRune(u.out, r)
	}
}

// pair decodes the surrogate pair that begins with r.
func (u *utf16Reader) pair(r rune) rune {
	b, err := u.br.Peek(2)
	if err != nil {
		return utf8.RuneError
	}
	whole := utf16.DecodeRune(r, u.decode(b))
	if whole != utf8.RuneError {
		_, _ = u.br.Discard(2) // they have been peeked at
	}
	return whole
}

func (u *utf16Reader) unit() (rune, bool) {
	b, err := u.br.Peek(2)
	if len(b) < 2 {
		if u.err = err; err == io.EOF && len(b) == 1 {
			_, _ = u.br.Discard(1)
			return utf8.RuneError, true
		}
		return 0, false
	}
	_, _ = u.br.Discard(2)
	return u.decode(b), true
}

func (u *utf16Reader) decode(b []byte) rune {
	if u.big {
		return rune(b[0])<<8 | rune(b[1])
	}
	return rune(b[1])<<8 | rune(b[0])
}
