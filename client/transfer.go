package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/internal/content/coding"
)

// errRestart: what is there is not of the version that is current, and is to be read from the beginning.
var errRestart = errors.New("the source has changed")

// maxDecoded is no bound: what a server sends to be written to a disk has none either.
const maxDecoded = 1 << 62

// bufferSize is how much is read at a time.
const bufferSize = 256 << 10

// round reads all segments that are not whole, at the same time, and ends with the first error.
func (d *download) round(ctx context.Context) error {
	pending := d.part.begin()
	if d.serial && len(pending) > 1 {
		pending = pending[:1]
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	g := &workers{ctx: ctx, cancel: cancel}
	for _, s := range pending {
		g.start(func() error { return d.segment(g, s, len(pending) == 1) })
	}
	g.wg.Wait()
	if g.err != nil && len(d.part.pending()) > 1 {
		d.serial = true // a server may have enough of several connections
	}
	d.report(true)
	return g.err
}

// workers read segments until one fails.
type workers struct {
	ctx    context.Context
	cancel context.CancelCauseFunc
	wg     sync.WaitGroup
	once   sync.Once
	err    error
}

func (g *workers) start(f func() error) {
	g.wg.Go(func() {
		if err := f(); err != nil {
			g.once.Do(func() {
				g.err = err
				g.cancel(err)
			})
		}
	})
}

// segment reads one segment, by one request. alone says that no other is being read.
func (d *download) segment(g *workers, s *segment, alone bool) error {
	k, ranged := d.request(s)
	a, err := d.c.send(g.ctx, k)
	if err != nil {
		return err
	}
	defer func() { a.Body.Close() }()
	switch a.StatusCode {
	case http.StatusOK, http.StatusNonAuthoritativeInfo:
		if ranged && !alone {
			return errRestart
		}
		if ranged || d.part.size() > 0 { // what is there is of another version, or nobody knows
			d.startAgain()
			s = d.part.begin()[0]
		}
		return d.whole(g, s, a)
	case http.StatusPartialContent:
		if !ranged {
			return fmt.Errorf("%s: 206, though the whole was asked for", a.url)
		}
		return d.ranged(g, s, a, alone)
	case http.StatusNotModified:
		d.setHeader(a)
		return errNotModified
	case http.StatusRequestedRangeNotSatisfiable, http.StatusPreconditionFailed:
		if ranged {
			return d.unsatisfied(s, a)
		}
	}
	refusal, _ := readRefusal(http.MethodGet, a)
	return refusal
}

// request makes the call for a segment. If nothing is there yet, it asks for the whole.
func (d *download) request(s *segment) (k *call, ranged bool) {
	copied := *d.call
	k = &copied
	k.header = k.header.Clone()
	k.header.Set("Want-Repr-Digest", "sha-256=10, sha-512=5")
	st := d.part.describe(s)
	if st.validator == "" || st.from == 0 && st.to == st.total {
		have := d.options.Have
		if have.RawTag != "" {
			k.header.Set("If-None-Match", have.RawTag)
		}
		if !have.LastModified.IsZero() {
			k.header.Set("If-Modified-Since", have.LastModified.Format(http.TimeFormat))
		}
		return k, false
	}
	spec := byterange.From(st.from)
	if st.to >= 0 && st.to != st.total {
		spec = byterange.Interval(st.from, st.to-1)
	}
	k.header.Set("Range", byterange.NewSet(spec).String())
	k.header.Set("If-Range", st.validator)
	return k, true
}

// whole reads a 200, into a segment that has nothing yet.
func (d *download) whole(g *workers, s *segment, a *answer) error {
	d.setHeader(a)
	name := d.codingToUndo(a)
	d.sums.expect(a.Header["Repr-Digest"], a.Header["Content-Digest"], name != "", true)
	var body io.Reader = a.Body
	if name != "" {
		decoded, err := coding.Decode(name, d.sums.tee(body), maxDecoded)
		if err != nil {
			return fmt.Errorf("%s: the content is not in the coding %s: %w", a.url, name, err)
		}
		defer decoded.Close()
		body = decoded
	}
	d.decoded = name
	d.part.know(a, name != "")
	if err := d.copy(g, s, body, -1, d.splitter(a)); err != nil {
		return err
	}
	d.part.ends(s)
	d.endUnknown = a.ContentLength < 0 && a.ProtoMajor == 1 && len(a.TransferEncoding) == 0
	return nil
}

// codingToUndo is the coding that a server has used though it was not asked to, or "". One that the name of the
// file promises belongs to the file, and one that is not known here stays.
func (d *download) codingToUndo(a *answer) string {
	name := strings.TrimPrefix(strings.ToLower(strings.TrimSpace(a.Header.Get("Content-Encoding"))), "x-")
	ext := coding.Extension(name)
	path, _, _ := strings.Cut(a.url, "?")
	if ext == "" || strings.HasSuffix(strings.ToLower(path), ext) || strings.HasSuffix(d.part.target, ext) {
		return ""
	}
	return name
}

// ranged reads a 206, if it is of the version that is there and has what was asked for.
func (d *download) ranged(g *workers, s *segment, a *answer, alone bool) error {
	lines := a.Header["Content-Range"]
	if len(lines) != 1 {
		return d.unfit() // several parts, or nobody knows which
	}
	r, err := byterange.ParseContentRange(lines[0])
	if err != nil || !d.part.accepts(s, r, a) {
		return d.unfit()
	}
	d.setHeader(a)
	var splitter *splitter
	if alone {
		splitter = d.splitter(a)
	}
	return d.copy(g, s, a.Body, r.Range.Length, splitter)
}

// unfit is the error for a part that cannot be put to what is there.
func (d *download) unfit() error {
	d.part.forgetValidator()
	return errRestart
}

// unsatisfied is the error for a 416 or 412 to a range: nil if it says that nothing is left to read.
func (d *download) unsatisfied(s *segment, a *answer) error {
	r, err := byterange.ParseContentRange(a.Header.Get("Content-Range"))
	if a.StatusCode == http.StatusRequestedRangeNotSatisfiable && err == nil && r.Unsatisfied() && d.part.endsAt(s, r.Size, a) {
		return nil
	}
	return errRestart
}

// copy writes content to its place in the segment: as many bytes as limit says, or all if that is negative.
func (d *download) copy(g *workers, s *segment, body io.Reader, limit int64, sp *splitter) error {
	buf := buffers.Get().(*[bufferSize]byte)
	defer buffers.Put(buf)
	for limit != 0 {
		b := buf[:]
		if limit > 0 {
			b = b[:min(limit, bufferSize)]
		}
		n, err := body.Read(b)
		if n > 0 {
			limit -= int64(n)
			whole, writeErr := d.write(s, b[:n])
			if writeErr != nil {
				return writeErr
			}
			if whole && d.isSplit {
				return nil // what follows is another segment's
			}
			d.report(false)
			sp.consider(g, s)
		}
		switch {
		case err == io.EOF && limit > 0:
			return fmt.Errorf("%s: the answer broke off: %w", d.shown, io.ErrUnexpectedEOF)
		case err == io.EOF:
			return nil
		case err != nil:
			return fmt.Errorf("%s: the answer broke off: %w", d.shown, err)
		}
	}
	return nil
}

var buffers = sync.Pool{New: func() any { return new([bufferSize]byte) }}

// write puts bytes behind those that the segment has, and says whether it has all then.
func (d *download) write(s *segment, b []byte) (whole bool, err error) {
	at, n := d.part.room(s, len(b))
	if _, err := d.part.file.WriteAt(b[:n], at); err != nil {
		return false, &fatalError{err}
	}
	d.sums.write(at, b[:n])
	if after := at + int64(n); after/writeBackEvery != at/writeBackEvery {
		writeBack(d.part.file, (after/writeBackEvery-1)*writeBackEvery, writeBackEvery)
	}
	d.mu.Lock()
	d.read += int64(n)
	d.mu.Unlock()
	return d.part.add(s, n), nil
}

// writeBackEvery is how much is begun to be brought to the disk at a time.
const writeBackEvery = 8 << 20

// fatalError is an error that another attempt does not mend, such as that of a full disk.
type fatalError struct{ error }

func (e *fatalError) Unwrap() error { return e.error }

// reportEvery is the time between two calls of Progress.
const reportEvery = 100 * time.Millisecond

// report tells how far the download is, and saves that, if it is time.
func (d *download) report(now bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !now && time.Since(d.reported) < reportEvery {
		return
	}
	d.reported = time.Now()
	d.part.tick()
	if d.options.Progress != nil {
		d.options.Progress(d.part.progress())
	}
}

// tuning says when more than one part is read at the same time: if so much is left, and one connection would take
// so long for it, as measured over the first while.
type tuning struct {
	worthBytes          int64
	worthTime, measured time.Duration
}

var usualTuning = tuning{worthBytes: 32 << 20, worthTime: 5 * time.Second, measured: 1500 * time.Millisecond}

// splitter divides what is left of a segment between several connections, if that is worth it.
type splitter struct {
	d     *download
	begun time.Time
	first int64 // bytes read before
	parts int
}

// splitter returns nil if the answer, or the caller, does not allow several parts.
func (d *download) splitter(a *answer) *splitter {
	parts := d.options.Parts
	if parts == 0 {
		parts = DefaultParts
	}
	ranges := a.StatusCode == http.StatusPartialContent || strings.EqualFold(strings.TrimSpace(a.Header.Get("Accept-Ranges")), byterange.Unit)
	if parts < 2 || !ranges || d.serial {
		return nil
	}
	return &splitter{d: d, begun: time.Now(), first: d.bytesRead(), parts: parts}
}

func (sp *splitter) consider(g *workers, s *segment) {
	if sp == nil || sp.parts == 0 || sp.d.decoded != "" || time.Since(sp.begun) < sp.d.tune.measured {
		return
	}
	took, n := time.Since(sp.begun), sp.d.bytesRead()-sp.first
	parts := sp.parts
	sp.parts = 0 // once
	more := sp.d.part.split(s, parts, n, took, sp.d.tune)
	if len(more) > 0 {
		sp.d.isSplit = true
		sp.d.sums.leave()
	}
	for _, more := range more {
		g.start(func() error { return sp.d.segment(g, more, false) })
	}
}
