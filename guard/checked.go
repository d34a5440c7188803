package guard

import (
	"io"

	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

// checkedBody is content that is only complete if it is right: its last byte is held back until the end of
// it has been seen and check has no objection. An error ends the content before that byte.
type checkedBody struct {
	io.ReadCloser
	sum   *trust.Summer // nil for none
	check func() error

	last  [1]byte
	held  bool
	ended error // io.EOF if all was right
}

func (b *checkedBody) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if len(p) == 1 {
		return b.readByte(p)
	}
	n := 0
	if b.held {
		n, b.held = copy(p, b.last[:]), false
	}
	if b.ended == nil {
		var m int
		m, b.ended = b.next(p[n:])
		n += m
	}
	if n > 0 && b.ended != io.EOF {
		n--
		b.last[0], b.held = p[n], b.ended == nil
	}
	return n, b.ended
}

// readByte is for who reads single bytes: one more is read, to be held back.
func (b *checkedBody) readByte(p []byte) (int, error) {
	var two [2]byte
	n, err := b.Read(two[:])
	p[0] = two[0]
	if n == 2 {
		b.last[0], b.held = two[1], true
		return 1, nil
	}
	return n, err
}

// next reads on. At the end of the content it is io.EOF, or what check objects.
func (b *checkedBody) next(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.sum != nil {
		_, _ = b.sum.Write(p[:n])
	}
	if err == io.EOF {
		if objection := b.check(); objection != nil {
			err = objection
		}
	}
	return n, err
}
