package accesslog

import (
	"bytes"
	"math"
	"slices"
	"unicode/utf8"
)

// A lineParser reads one line at a time into its entry.
type lineParser struct {
	entry Entry
	spans []span
	clock clockCache
	// layout is the last one; clock belongs to it.
	layout *layout
}

func newLineParser() *lineParser {
	return &lineParser{spans: make([]span, 0, maxColumns+len(requestParts))}
}

var requestParts = [...]Field{Method, Target, Protocol}

// parse reads a line, whose end has been trimmed. If the verdict is isEntry, entry has what the
// line says, until the next call. The layout may be nil: then nothing can be read.
func (p *lineParser) parse(l *layout, line []byte) verdict {
	if l == nil {
		return unreadable
	}
	if l != p.layout {
		p.layout = l
		p.clock.forget()
	}
	spans := p.spans[:len(l.columns)]
	clear(spans)
	v := l.split(line, spans)
	e := &p.entry
	e.layout, e.line, e.spans, e.scratch, e.at = l, line, spans, e.scratch[:0], 0
	if v != isEntry {
		return v
	}
	if len(l.when) > 0 {
		at, ok := p.clock.read(l, line, spans)
		if !ok {
			return unreadable
		}
		e.at = at
	}
	var status int16
	var ok bool
	if raw := e.raw(int(l.column[Status])); l.statusOf == nil {
		status, ok = parseStatus(raw)
	} else {
		status, ok = l.statusOf(raw)
	}
	if !ok || l.named && e.nobody() {
		return unreadable
	}
	e.status = status
	e.ansi = l.ansi && !utf8.Valid(line)
	return isEntry
}

// inner is the line without what stands around it, if the lines of the layout have that.
func (l *layout) inner(line []byte) []byte {
	if l == nil || !l.wrapped {
		return line
	}
	return unwrap(line)
}

// nobody reports whether the client of an entry can be none: a time, or what has characters that no
// name or address has. Then something stands before the line that is not known here, and
// all its columns are in the wrong places.
func (e *Entry) nobody() bool {
	if i := e.layout.column[User]; i >= 0 && len(e.raw(int(i))) > 2 {
		user := e.raw(int(i))
		if n := bytes.IndexByte(user, ' '); n >= 0 && (user[0] == '-' || bytes.Contains(user[n:], []byte(" - "))) {
			return true // what is before it stands a column too far to the right
		}
	}
	i := e.layout.column[Client]
	if i < 0 {
		return false
	}
	client := e.raw(int(i))
	for _, c := range client {
		if notInNames[c] {
			return true
		}
	}
	switch {
	case len(client) == 0:
		return false
	case client[0] == '[': // but an IPv6 address
		return bytes.IndexByte(client, ':') < 0
	}
	return len(client) > len("2026-11-03T") && client[4] == '-' && client[7] == '-' && digits(client[:4]) > 0
}

// notInNames are characters that no name and no address of a client has.
var notInNames = func() (t [256]bool) {
	for _, c := range `|<>"{=` {
		t[c] = true
	}
	return t
}()

// parseStatus reads three digits, or what stands for no status: "-", "-1" in HAProxy's
// logs, and 0.
func parseStatus(b []byte) (status int16, ok bool) {
	switch {
	case len(b) == 3:
		n := digits(b)
		return int16(n), n >= 0
	case len(b) == 0, string(b) == "-", string(b) == "-1", string(b) == "0":
		return 0, true
	}
	return 0, false
}

// A batch is what became of a chunk.
type batch struct {
	chunk chunk
	file  *File
	// records are the entries to yield; their spans are in spans, their lines in text.
	records []record
	spans   []span
	text    []byte
	dense   bool // text is that of the chunk
	totals  batchTotals
	samples []Sample
	ready   chan struct{} // receives once when the batch is parsed
	// waiting counts the records that were not yielded yet.
	waiting int
}

// A record is an entry at rest. Its numbers are relative to those of its chunk.
type record struct {
	layout     *layout
	at         int64
	start, end uint32 // of the line, in the text of the batch
	spans      uint32 // where those of the line begin
	line       uint32 // number
	offset     uint32
	status     int16
}

// batchTotals are counted for each chunk and added to the totals of its file.
type batchTotals struct {
	Totals // without the maps
	status [1000]uint32
	method [len(methodNames)]uint32
	logged Fields
	layout *layout // the last whose fields are in logged
}

// A parser turns chunks into batches. Each worker has one.
type parser struct {
	lineParser
	worker int
	o      *Options
	since  int64
	until  int64
	each   func(worker int, e *Entry) bool

	batch   *batch
	records []record
	kept    []span
	bytes   int // of the lines of records
	broken  broken
}

func newParser(worker int, o *Options) *parser {
	p := &parser{lineParser: *newLineParser(), worker: worker, o: o, each: o.Each, since: math.MinInt64, until: math.MaxInt64}
	if !o.Filter.Since.IsZero() {
		p.since = o.Filter.Since.UnixNano()
	}
	if !o.Filter.Until.IsZero() {
		p.until = o.Filter.Until.UnixNano()
	}
	if p.each == nil {
		p.each = func(int, *Entry) bool { return true }
	}
	return p
}

// parse fills b from its chunk.
func (p *parser) parse(b *batch, w3c *w3cDialect) {
	p.batch, p.records, p.kept, p.bytes = b, p.records[:0], p.kept[:0], 0
	p.entry.file = b.file
	t, c := &b.totals, &b.chunk
	if c.long.size > 0 {
		p.long()
		return
	}
	state := c.state
	for rest := c.text; len(rest) > 0; t.Lines++ {
		n := bytes.IndexByte(rest, '\n') + 1
		if n == 0 {
			n = len(rest)
		}
		line := trimLine(rest[:n-lineEnd(rest[:n])])
		if directive := w3c.isDirective(line); directive != nil {
			state = w3c.directive(state, directive)
			p.other(n)
		} else {
			p.line(state.layout, line, len(c.text)-len(rest), n)
		}
		rest = rest[n:]
	}
	p.unmended()
	t.Bytes = int64(len(c.text))
	p.pack()
}

// lineEnd is the length of the line feed at the end of b.
func lineEnd(b []byte) int {
	if b[len(b)-1] == '\n' {
		return 1
	}
	return 0
}

// line reads a line that begins at offset in the chunk and has n bytes with its end.
func (p *parser) line(l *layout, line []byte, offset, n int) {
	t := &p.batch.totals
	if len(line) == 0 {
		p.other(n)
		return
	}
	number := t.Lines
	if l != nil && l.wrapped {
		whole, more := p.mend(line, offset, n)
		if more {
			return
		}
		if b := &p.broken; b.text != nil {
			number, offset = b.number, b.offset
			*b = broken{}
		}
		if line = unwrap(whole); len(line) == 0 {
			p.other(n) // of a program on the way alone
			return
		}
	}
	switch p.lineParser.parse(l, line) {
	case unreadable:
		p.bad(line, n, false)
		if last := len(p.batch.samples) - 1; p.batch.totals.Bad <= MaxSamples && last >= 0 {
			p.batch.samples[last].Why = p.why(l, line)
		}
		return
	case isOther:
		p.other(n)
		if l.lost > 0 {
			lost, _ := parseInt(p.entry.raw(int(l.lost)))
			t.Lost += max(lost, 0)
		}
		return
	}
	t.Entries++
	t.EntryBytes += int64(n)
	e := &p.entry
	if !p.passes(e) {
		t.Filtered++
		return
	}
	e.number, e.offset = p.batch.chunk.line+number, p.batch.chunk.offset+int64(offset)
	t.count(e)
	if p.each(p.worker, e) {
		p.keep(e)
	}
}

func (p *parser) other(n int) {
	p.batch.totals.Other++
	p.batch.totals.OtherBytes += int64(n)
}

func (p *parser) bad(line []byte, n int, long bool) {
	t := &p.batch.totals
	t.Bad++
	t.BadBytes += int64(n)
	if len(p.batch.samples) < MaxSamples {
		p.batch.samples = append(p.batch.samples, Sample{p.batch.file, p.batch.chunk.line + t.Lines, safeText(line, maxSampleText), long, ""})
	}
}

// long accounts for a line that was too long to be read.
func (p *parser) long() {
	long, t := &p.batch.chunk.long, &p.batch.totals
	if long.padding {
		p.other(int(long.size))
	} else {
		p.bad(long.head, int(long.size), true)
	}
	t.Lines, t.Bytes = 1, long.size
}

// passes reports whether e passes the filter.
func (p *parser) passes(e *Entry) bool {
	f := &p.o.Filter
	if len(e.layout.when) > 0 && (e.at < p.since || e.at >= p.until) {
		return false
	}
	if !f.Status.Empty() && !f.Status.Has(int(e.status)) {
		return false
	}
	return f.Path == nil || f.Path(e.Text(Path))
}

// count adds an entry that passed the filter.
func (t *batchTotals) count(e *Entry) {
	t.status[e.status]++
	if e.Escaped(Method) == "GET" { // as most are
		t.method[1]++
	} else {
		t.method[methodIndex(e.Text(Method))]++
	}
	if e.layout != t.layout || e.layout.sparse && t.logged != e.layout.logged {
		t.layout = e.layout
		t.logged |= e.Logged()
	}
}

// keep makes a record of e.
func (p *parser) keep(e *Entry) {
	c := &p.batch.chunk
	start := uint32(cap(c.text) - cap(e.line)) // trimLine may have moved it
	p.records = append(p.records, record{
		layout: e.layout, at: e.at, start: start, end: start + uint32(len(e.line)),
		spans: uint32(len(p.kept)), line: uint32(e.number - c.line), offset: uint32(e.offset - c.offset), status: e.status,
	})
	p.kept = append(p.kept, e.spans...)
	p.bytes += len(e.line)
}

// pack moves the records into the batch. If they are few, their lines are copied, and
// the batch needs the memory of its chunk no more.
func (p *parser) pack() {
	b := p.batch
	b.text = b.chunk.text
	if b.dense = p.bytes > len(b.text)/2; b.dense {
		b.records, p.records = p.records, b.records[:0]
		b.spans, p.kept = p.kept, b.spans[:0]
		return
	}
	b.records, b.spans = slices.Clone(p.records), slices.Clone(p.kept)
	b.text = make([]byte, 0, p.bytes)
	for i := range b.records {
		r := &b.records[i]
		line := b.chunk.text[r.start:r.end]
		r.start = uint32(len(b.text))
		b.text = append(b.text, line...)
		r.end = uint32(len(b.text))
	}
}

// entry makes e the entry of a record.
func (b *batch) entry(e *Entry, i int) {
	r := &b.records[i]
	*e = Entry{
		layout: r.layout, line: b.text[r.start:r.end:r.end], spans: b.spans[r.spans : r.spans+uint32(len(r.layout.columns))],
		at: r.at, status: r.status, number: b.chunk.line + int64(r.line), offset: b.chunk.offset + int64(r.offset),
		file: b.file, scratch: e.scratch[:0],
	}
	e.ansi = r.layout.ansi && !utf8.Valid(e.line)
}
