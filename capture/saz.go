package capture

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"
)

// sazSession are the members of one exchange in a Fiddler archive: raw/12_c.txt what the client sent,
// raw/12_s.txt what the server sent, raw/12_m.xml when and to whom.
type sazSession struct {
	number                 int
	request, response, xml *zip.File
}

// readSAZ reads a Fiddler archive. br is what r has been read into so far.
func readSAZ(r io.Reader, br io.Reader, b *builder) error {
	at, size, err := randomAccess(r, br, b)
	if err != nil {
		return err
	}
	z, err := zip.NewReader(at, size)
	if err != nil {
		return b.error(ErrMalformed, "no Fiddler archive: "+err.Error(), "it may be cut off")
	}
	sessions := sazSessions(z)
	if len(sessions) == 0 {
		return b.error(ErrUnknownFormat, "a zip archive, but not one of Fiddler, which has raw/1_c.txt in it",
			"unpack it and give the files in it")
	}
	s := &sazReader{b: b, left: b.limits.Unpacked, t: newText(bytes.NewReader(nil), b.limits)}
	for _, session := range sessions {
		if err := s.session(session); err != nil {
			return err
		}
	}
	return nil
}

// randomAccess returns the archive from where r stood when Read was called.
func randomAccess(r, br io.Reader, b *builder) (io.ReaderAt, int64, error) {
	type file interface {
		io.ReaderAt
		io.Seeker
	}
	if f, ok := r.(file); ok {
		// br has read up to sniffLen bytes of it.
		if end, err := f.Seek(0, io.SeekEnd); err == nil {
			return f, end, nil
		}
	}
	data, err := io.ReadAll(io.LimitReader(br, b.limits.Archive+1))
	if err != nil {
		return nil, 0, b.failed(err)
	}
	if int64(len(data)) > b.limits.Archive {
		return nil, 0, b.error(ErrTooLarge, fmt.Sprintf("an archive of more than %d bytes cannot be read from a stream", b.limits.Archive),
			"give it as a file")
	}
	return bytes.NewReader(data), int64(len(data)), nil
}

// sazSessions finds the exchanges, in the order of their numbers.
func sazSessions(z *zip.Reader) []*sazSession {
	byNumber := map[int]*sazSession{}
	for _, f := range z.File {
		name, ok := strings.CutPrefix(strings.ToLower(strings.ReplaceAll(f.Name, `\`, "/")), "raw/")
		digits, kind, cut := strings.Cut(name, "_")
		n, err := strconv.Atoi(digits)
		if !ok || !cut || err != nil {
			continue
		}
		s := byNumber[n]
		if s == nil {
			s = &sazSession{number: n}
		}
		switch kind {
		case "c.txt":
			s.request = f
		case "s.txt":
			s.response = f
		case "m.xml":
			s.xml = f
		default:
			continue
		}
		byNumber[n] = s
	}
	var sessions []*sazSession
	for _, s := range byNumber {
		if s.request != nil || s.response != nil {
			sessions = append(sessions, s)
		}
	}
	slices.SortFunc(sessions, func(a, b *sazSession) int { return a.number - b.number })
	return sessions
}

type sazReader struct {
	b    *builder
	t    *text
	left int64 // what the rest may unpack to
}

func (s *sazReader) session(files *sazSession) error {
	p := &pairer{b: s.b, noRequest: "the archive does not have the request", noResponse: "the archive does not have the response"}
	var meta sazMeta
	if files.xml != nil {
		if err := s.open(files.xml, func(r io.Reader) error { return meta.read(r) }); err != nil {
			return err
		}
	}
	p.server = meta.server
	for _, f := range []*zip.File{files.request, files.response} {
		if f == nil {
			continue
		}
		p.member = firstOf(p.member, f.Name)
		if err := s.open(f, func(r io.Reader) error { return s.messages(r, p, &meta) }); err != nil {
			return err
		}
	}
	if p.open != nil {
		meta.apply(p.open)
	}
	return p.flush()
}

// open calls read with the unpacked member.
func (s *sazReader) open(f *zip.File, read func(io.Reader) error) error {
	if f.Flags&1 != 0 || f.Method == 99 {
		return s.b.error(ErrMalformed, "the archive is protected with a password", "save it from Fiddler without one")
	}
	r, err := f.Open()
	if err != nil {
		return s.b.error(ErrMalformed, fmt.Sprintf("%q cannot be unpacked: %v", f.Name, err), "")
	}
	defer r.Close()
	u := &unpacked{r: r, left: s.left, b: s.b}
	err = read(u)
	s.left = u.left
	return err
}

// messages reads a file: the request, or the response with interim ones before it.
func (s *sazReader) messages(r io.Reader, p *pairer, meta *sazMeta) error {
	s.t.br.Reset(r)
	s.t.err, s.t.number = nil, 1
	raw := &rawReader{t: s.t, limits: s.b.limits, p: p}
	for raw.toStart() {
		first, _, _ := s.t.peekLine()
		m, _ := parseStart(trimBlank(string(first)))
		raw.alone = m.status == 0 || m.status >= 200
		m = raw.message(p.method())
		m.line = 0
		if p.open != nil && m.status >= 200 {
			meta.apply(p.open)
		}
		if _, err := p.next(m); err != nil {
			return err
		}
		if raw.alone {
			break
		}
	}
	return s.b.readError(s.t)
}

// sazMeta is what Fiddler notes of an exchange.
type sazMeta struct {
	begin, done time.Time
	server      string
}

func (m *sazMeta) apply(x *Exchange) {
	x.Started = m.begin
	if d := m.done.Sub(m.begin); !m.begin.IsZero() && !m.done.IsZero() && d > 0 {
		x.Duration = d
	}
}

// read reads the session's XML. What is not as expected is not worth an error.
func (m *sazMeta) read(r io.Reader) error {
	guard := &xmlGuard{r: r}
	dec := xml.NewDecoder(guard)
	for depth := 0; depth <= maxXMLDepth; {
		guard.n = 0
		t, err := dec.Token()
		if e, ok := errors.AsType[*ReadError](err); ok {
			return e
		}
		if err != nil {
			break
		}
		if _, ok := t.(xml.EndElement); ok {
			depth--
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		depth++
		switch {
		case start.Name.Local == "SessionTimers":
			m.begin, _ = time.Parse(time.RFC3339Nano, attr(start, "ClientBeginRequest"))
			m.done, _ = time.Parse(time.RFC3339Nano, attr(start, "ClientDoneResponse"))
		case start.Name.Local == "SessionFlag" && attr(start, "N") == "x-hostip":
			m.server = attr(start, "V")
		}
	}
	return nil
}
