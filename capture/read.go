package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"html"
	"io"
)

// Read reads all exchanges of a capture, in the order in which they are in it. The name is for
// Exchange.Source and errors; "-" is shown as standard input.
//
// The format is that of the options or, if that is Unknown, found out by the content. Text may be in
// UTF-8 or, as PowerShell writes it, in UTF-16 with a byte order mark; anything may be packed with
// gzip. A Fiddler archive is read from r in place if r is an io.ReaderAt and io.Seeker, as a
// file is, and into memory otherwise.
//
// The error is a *ReadError, of which errors.Is finds ErrUnknownFormat, ErrNoExchange,
// ErrMalformed, ErrTruncated, ErrTooLarge or the error of r. The exchanges before the place where
// reading failed are returned with it.
func Read(r io.Reader, name string, o Options) ([]*Exchange, error) {
	b := &builder{name: name, limits: o.Limits.orDefault()}
	err := b.read(r, o.Format)
	if err == nil && len(b.list) == 0 {
		err = b.error(ErrNoExchange, fmt.Sprintf("no exchange in it (read as %s)", b.format), "")
	}
	return b.list, err
}

// sniffLen is how much of the input Read looks at to find out its format.
const sniffLen = 64 << 10

func (b *builder) read(r io.Reader, format Format) error {
	br := bufio.NewReaderSize(r, sniffLen)
	magic, err := peek(br, 4)
	if err != nil {
		return b.failed(err)
	}
	if (bytes.HasPrefix(magic, []byte("PK\x03\x04")) || bytes.HasPrefix(magic, []byte("PK\x05\x06"))) && (format == Unknown || format == SAZ) {
		b.format = SAZ
		return readSAZ(r, br, b)
	}
	if br, err = b.decode(br, magic); err != nil {
		return err
	}
	head, err := peek(br, sniffLen)
	if err != nil {
		return b.failed(err)
	}
	in, err := b.recognise(br, head, format)
	if err != nil {
		return err
	}
	return b.readAs(in)
}

// recognise finds out the format, unless that is given, and takes off what is around the lines of a
// capture.
func (b *builder) recognise(br *bufio.Reader, head []byte, format Format) (io.Reader, error) {
	b.format = format
	if format != Unknown && !format.hasLines() {
		return br, nil
	}
	if coloured(head) {
		b.converted = true
		br = bufio.NewReaderSize(&lineRewriter{br: br, line: withoutColour}, sniffLen)
		var err error
		if head, err = peek(br, sniffLen); err != nil {
			return nil, b.failed(err)
		}
	}
	if escapedMarks.Match(head) {
		b.converted = true
		br = bufio.NewReaderSize(&lineRewriter{br: br, line: html.UnescapeString}, sniffLen)
		var err error
		if head, err = peek(br, sniffLen); err != nil {
			return nil, b.failed(err)
		}
	}
	if open, f := outerWraps(head); f != Unknown && (format == Unknown || f == format) {
		b.format, b.converted = f, true
		return &lineRewriter{br: br, line: open}, nil
	}
	found, err := b.detect(head)
	if err == nil && (format == Unknown || found == format) {
		b.format = found
		return br, nil
	}
	if in, found := b.unwrapped(br, head); found != Unknown && (format == Unknown || found == format) {
		b.format, b.converted = found, true
		return in, nil
	}
	if format != Unknown {
		return br, nil
	}
	return br, err
}

func (b *builder) readAs(r io.Reader) error {
	switch b.format {
	case Raw:
		return readRaw(newText(r, b.limits), b)
	case Curl:
		return readCurl(newText(r, b.limits), b)
	case HAR:
		return readHAR(r, b)
	case FREB:
		return readFREB(r, b)
	case Transcript:
		return readTranscript(newText(r, b.limits), b)
	case Packets:
		return readPcap(bufio.NewReader(r), b)
	case Netlog:
		return readNetlog(r, b)
	case Charles:
		return readCharles(r, b)
	case Burp:
		return readBurp(r, b)
	case Mitmproxy:
		return readFlows(r, b)
	case Postman:
		return readPostman(r, b)
	case Insomnia:
		return readInsomnia(r, b)
	case SAZ:
		return b.error(ErrMalformed, "this is no zip archive, as a Fiddler archive is", "")
	}
	return b.error(ErrUnknownFormat, fmt.Sprintf("there is no format number %d", b.format), "")
}

// peek returns up to n bytes without taking them. io.EOF is no error.
func peek(br *bufio.Reader, n int) ([]byte, error) {
	head, err := br.Peek(n)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	return head, nil
}

// decode removes gzip and a byte order mark, and makes UTF-8 of UTF-16.
func (b *builder) decode(br *bufio.Reader, magic []byte) (*bufio.Reader, error) {
	if bytes.HasPrefix(magic, []byte{0x1f, 0x8b}) {
		zr, err := gzip.NewReader(br)
		if err != nil {
			return nil, b.error(ErrMalformed, "packed with gzip, but "+err.Error(), "")
		}
		br = bufio.NewReaderSize(&unpacked{r: zr, left: b.limits.Unpacked, b: b}, sniffLen)
		if magic, err = peek(br, 4); err != nil {
			return nil, b.failed(err)
		}
	}
	switch {
	case bytes.HasPrefix(magic, []byte("\xef\xbb\xbf")):
		_, _ = br.Discard(3) // they have been peeked at
	case bytes.HasPrefix(magic, []byte("\xff\xfe")), bytes.HasPrefix(magic, []byte("\xfe\xff")):
		_, _ = br.Discard(2)
		b.converted = true
		br = bufio.NewReaderSize(&utf16Reader{br: br, big: magic[0] == 0xfe}, sniffLen)
	}
	return br, nil
}

// unpacked limits what a compressed input expands to, and says plainly if it is cut off.
type unpacked struct {
	r    io.Reader
	left int64
	b    *builder
}

func (u *unpacked) Read(p []byte) (int, error) {
	if u.left <= 0 {
		if n, err := u.r.Read(make([]byte, 1)); n == 0 && err == io.EOF {
			return 0, io.EOF
		}
		return 0, u.b.error(ErrTooLarge, fmt.Sprintf("unpacks to more than %d bytes", u.b.limits.Unpacked), "")
	}
	n, err := u.r.Read(p[:min(int64(len(p)), u.left)])
	u.left -= int64(n)
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		err = u.b.error(ErrTruncated, "the compressed data is cut off", "")
	case err != nil && err != io.EOF:
		err = u.b.error(ErrMalformed, "the compressed data is damaged: "+err.Error(), "")
	}
	return n, err
}

// failed is the error for err, which came from the reader or from a reader of ours in between.
func (b *builder) failed(err error) error {
	if e, ok := errors.AsType[*ReadError](err); ok {
		e.Format = b.format
		return e
	}
	return b.error(err, err.Error(), "")
}

// readError is the error with which reading t ended, or nil.
func (b *builder) readError(t *text) error {
	if t.err == nil {
		return nil
	}
	return b.failed(t.err)
}
