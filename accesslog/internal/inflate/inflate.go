// Package inflate reads files that may be compressed with gzip (RFC 1952), zstd
// (RFC 8878) or bzip2, as rotated logs are, in bounded memory.
package inflate

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"errors"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// MaxWindow is the largest window of a zstd frame that is accepted, in bytes. It
	// bounds the memory of a Reader. zstd needs more only with --long or --ultra -21.
	MaxWindow = 32 << 20
	// MaxRatio is how many times larger than its compressed form content may be,
	// once there are MinBomb bytes of it. Logs shrink to a tenth, seldom to a
	// hundredth.
	MaxRatio = 1000
	MinBomb  = 1 << 30
)

// ErrExpands is returned for content that grows by more than MaxRatio.
var ErrExpands = fmt.Errorf("expands to more than %d times its size, which looks like a decompression bomb", MaxRatio)

// Kind is a compression format.
type Kind uint8

const (
	// Plain is not compressed, or not in a way we know.
	Plain Kind = iota
	Gzip
	Zstd
	Bzip2
)

func (k Kind) String() string {
	return [...]string{"plain", "gzip", "zstd", "bzip2"}[k]
}

var magics = [...][]byte{Gzip: {0x1f, 0x8b, 8}, Zstd: {0x28, 0xb5, 0x2f, 0xfd}, Bzip2: []byte("BZh")}

// skippable is the magic number of a zstd frame without content, up to its lowest
// four bits. pzstd and others begin a file with one.
var skippable = []byte{0x2a, 0x4d, 0x18}

// KindOf returns the format of content that begins with head, of which it looks at up
// to four bytes.
func KindOf(head []byte) Kind {
	switch {
	case bytes.HasPrefix(head, magics[Gzip]):
		return Gzip
	case len(head) >= 4 && bytes.HasPrefix(head, magics[Bzip2]) && head[3] >= '1' && head[3] <= '9':
		return Bzip2
	case bytes.HasPrefix(head, magics[Zstd]), len(head) >= 4 && head[0]&0xf0 == 0x50 && bytes.Equal(head[1:4], skippable):
		return Zstd
	}
	return Plain
}

// A Reader reads the content. It must be closed.
type Reader struct {
	kind     Kind
	src      *counter
	content  io.Reader
	close    func()
	produced int64
	minBomb  int64
}

// NewReader returns a reader of the content of r. Errors are those of reading the
// beginning of r.
func NewReader(r io.Reader) (*Reader, error) {
	src := &counter{r: r}
	buffered := bufio.NewReaderSize(src, 64<<10)
	head, err := buffered.Peek(4)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	z := &Reader{kind: KindOf(head), src: src, content: buffered, close: func() {}, minBomb: MinBomb}
	switch z.kind {
	case Gzip:
		g, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, fmt.Errorf("gzip: %w", whole(err))
		}
		z.content, z.close = g, func() { g.Close() }
	case Bzip2:
		z.content = bzip2.NewReader(buffered)
	case Zstd:
		d, err := zstd.NewReader(buffered, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(MaxWindow))
		if err != nil {
			return nil, err
		}
		z.content, z.close = d, d.Close
	}
	return z, nil
}

// Kind is the format that was found.
func (z *Reader) Kind() Kind { return z.kind }

// Read reads content. After an error what was read before it is good. A source that
// ends too early gives io.ErrUnexpectedEOF.
func (z *Reader) Read(p []byte) (int, error) {
	n, err := z.content.Read(p)
	z.produced += int64(n)
	switch {
	case z.kind == Plain:
		return n, err
	case z.produced > z.minBomb && z.produced/MaxRatio > z.src.n:
		return n, ErrExpands
	case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
		return n, fmt.Errorf("zstd: needs a window of more than %d MiB: unpack it with zstd -d --long=31", MaxWindow>>20)
	case err != nil && err != io.EOF:
		return n, fmt.Errorf("%v: %w", z.kind, whole(err))
	}
	return n, err
}

// whole turns the end of the source inside a header into the error it is.
func whole(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Close frees the memory of the decompressor; it does not close the source.
func (z *Reader) Close() error {
	z.close()
	return nil
}

type counter struct {
	r io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	return n, err
}
