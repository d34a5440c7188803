package accesslog

import (
	"bytes"
	"slices"
	"time"
	"unicode/utf8"
	"unsafe"
)

// An Entry is what one line of a log says of one request.
//
// An entry, and every string its methods return, lives until the next entry is asked
// for: until the body of the loop over Reader.Entries ends, or Options.Each returns.
// After that its memory holds another line. Clone makes one that may be kept.
//
// An Entry must not be used by several goroutines at once, a Clone neither: Text
// unescapes into memory of the entry. The zero Entry says nothing.
type Entry struct {
	layout *layout
	line   []byte // without its end
	spans  []span // by column of the layout
	at     int64  // nanoseconds since 1970
	status int16  // 0 if absent
	number int64
	offset int64
	file   *File
	ansi   bool // the line is in Windows-1252

	scratch []byte // unescaped values
}

// span is a part of a line. The zero span is a value the line does not have.
type span struct{ start, end uint32 }

// Time is when the request was logged; in Apache's formats, when it was received. It
// is in UTC, with the resolution of the log. It is the zero Time if the format logs none.
func (e *Entry) Time() time.Time {
	if e.State(Time) != Present {
		return time.Time{}
	}
	return time.Unix(0, e.at).UTC()
}

// UnixNano is Time in nanoseconds since 1970, and whether the format logs a time. It costs less.
func (e *Entry) UnixNano() (nanos int64, ok bool) {
	return e.at, e.layout != nil && len(e.layout.when) > 0
}

// Status is the status code of the response, or 0 if the log gives none, as for a
// connection that ended before there was a response.
func (e *Entry) Status() int { return int(e.status) }

// Logged is the set of fields the format of this line has a place for.
func (e *Entry) Logged() Fields {
	switch {
	case e.layout == nil:
		return 0
	case !e.layout.sparse:
		return e.layout.logged
	}
	var s Fields
	for f := range e.layout.logged.All() {
		if e.State(f) != NotLogged {
			s |= 1 << f
		}
	}
	return s
}

// State says whether f is logged, and whether it is there.
func (e *Entry) State(f Field) State {
	if l := e.layout; l != nil && l.logged>>f&1 != 0 {
		return e.loggedState(f)
	}
	return NotLogged
}

// loggedState is the state of a field that the layout has.
func (e *Entry) loggedState(f Field) State {
	if i := e.layout.column[f]; i >= 0 {
		return e.columnState(int(i))
	}
	return e.partState(f)
}

// partState is that of a part of the target where the layout has just the whole, and
// that of the whole where it has the parts.
func (e *Entry) partState(f Field) State {
	path, target := e.layout.column[Path], e.layout.column[Target]
	switch {
	case f == Time && len(e.layout.when) > 0:
		return Present
	case f == Target && path >= 0:
		return e.columnState(int(path))
	case f == Path && target >= 0:
		return e.columnState(int(target))
	case f == Query && target >= 0:
		state := e.columnState(int(target))
		if state == Present && !bytes.Contains(e.raw(int(target)), question) {
			return Absent
		}
		return state
	}
	return NotLogged
}

var question = []byte{'?'}

func (e *Entry) columnState(i int) State {
	if e.spans[i] == (span{}) {
		if e.layout.sparse {
			return NotLogged
		}
		return Absent
	}
	if e.layout.absent.is(e.line, e.spans[i]) {
		return Absent
	}
	return Present
}

// raw is the value of column i as it is in the line.
func (e *Entry) raw(i int) []byte {
	s := e.spans[i]
	return e.line[s.start:s.end:s.end]
}

// Text returns the value of f, unescaped, or "" unless its State is Present. See Entry
// for how long the string lives.
//
// Time is in the form of RFC 3339, in UTC.
//
// Target, Path and Query keep the escapes of the URI. IIS logs the decoded path and "+"
// for a blank: its "+" stay, as nobody can tell them from real ones. In other fields of
// an IIS log "+" becomes a blank, except inside quotes: entity tags have no blanks.
func (e *Entry) Text(f Field) string {
	if e.layout == nil || !e.layout.logged.Has(f) {
		return ""
	}
	if i := e.layout.column[f]; i >= 0 {
		if f == ContentRange && e.layout.rangeEnd > 0 {
			return alias(e.joinRange(int(i), int(e.layout.rangeEnd)))
		}
		return alias(e.value(int(i)))
	}
	switch f {
	case Time:
		return alias(e.formatTime())
	case Target:
		return alias(e.joinTarget())
	case Path:
		path, _ := e.cutTarget()
		return alias(path)
	case Query:
		_, query := e.cutTarget()
		return alias(query)
	}
	return ""
}

// PathQuery returns Text(Path) and Text(Query), for less than the two of them cost.
func (e *Entry) PathQuery() (path, query string) {
	if e.layout == nil || e.layout.column[Path] >= 0 || e.layout.column[Query] >= 0 {
		return e.Text(Path), e.Text(Query)
	}
	p, q := e.cutTarget()
	return alias(p), alias(q)
}

// Escaped returns the value of f as it is in the line, or "" unless its State is Present or if it
// is a part of another. It costs less than Text, and tells values of the same format apart as well.
// See Entry for how long the string lives.
func (e *Entry) Escaped(f Field) string { return alias(e.present(f)) }

// value is the unescaped value of column i, nil unless it is present.
func (e *Entry) value(i int) []byte {
	if e.columnState(i) != Present {
		return nil
	}
	var v []byte
	v, e.scratch = e.layout.columns[i].unescape.apply(e.line, e.spans[i], e.scratch)
	if e.ansi && !utf8.Valid(v) {
		n := len(e.scratch)
		e.scratch = appendWindows1252(e.scratch, v)
		v = e.scratch[n:len(e.scratch):len(e.scratch)]
	}
	return v
}

// formatTime returns the time by RFC 3339, in UTC.
func (e *Entry) formatTime() []byte {
	if e.State(Time) != Present {
		return nil
	}
	n := len(e.scratch)
	e.scratch = e.Time().AppendFormat(e.scratch, time.RFC3339Nano)
	return e.scratch[n:len(e.scratch):len(e.scratch)]
}

func (e *Entry) cutTarget() (path, query []byte) {
	i := e.layout.column[Target]
	if i < 0 {
		return nil, nil
	}
	path, query, _ = bytes.Cut(e.value(int(i)), question)
	return withoutAuthority(path), query
}

// withoutAuthority is the path of a target in absolute form (RFC 9112 §3.2.2).
func withoutAuthority(target []byte) []byte {
	if len(target) == 0 || target[0] == '/' { // nearly all
		return target
	}
	i := bytes.Index(target, []byte("://"))
	if i <= 0 || bytes.IndexByte(target[:i], '/') >= 0 {
		return target
	}
	rest := target[i+3:]
	if i = bytes.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return rest[:0]
}

func (e *Entry) joinTarget() []byte {
	i := e.layout.column[Path]
	if i < 0 {
		return nil
	}
	path := e.value(int(i))
	if e.State(Query) != Present {
		return path
	}
	query := e.value(int(e.layout.column[Query]))
	if len(query) == 0 {
		return path
	}
	n := len(e.scratch)
	e.scratch = append(append(append(e.scratch, path...), '?'), query...)
	return e.scratch[n:len(e.scratch):len(e.scratch)]
}

// joinRange makes a Content-Range of its first and its last byte.
func (e *Entry) joinRange(first, last int) []byte {
	if e.columnState(first) != Present {
		return nil
	}
	n := len(e.scratch)
	e.scratch = append(append(append(e.scratch, "bytes "...), e.raw(first)...), '-')
	e.scratch = append(append(e.scratch, e.raw(last)...), "/*"...)
	return e.scratch[n:len(e.scratch):len(e.scratch)]
}

// Int returns the value of a field that is a number, such as BytesSent. ok is false if
// it is not logged, absent or not a number. Of several numbers (UpstreamStatus after
// a retry) it is the last.
func (e *Entry) Int(f Field) (n int64, ok bool) {
	b := e.present(f)
	if len(b) == 0 {
		return 0, false
	}
	if n, ok = parseInt(b); ok {
		return n, true
	}
	return parseInt(b[bytes.LastIndexAny(b, " ,")+1:])
}

// Sent is the size of the response in bytes, and whether it is known. It counts the
// content if the format does, and otherwise the header section too.
func (e *Entry) Sent() (n int64, ok bool) {
	if n, ok = e.Int(ContentSent); ok {
		return n, ok
	}
	return e.Int(BytesSent)
}

// Duration is how long the request took, as the server measures it, and whether it is
// known.
func (e *Entry) Duration() (d time.Duration, ok bool) {
	if e.State(Duration) != Present {
		return 0, false
	}
	i := int(e.layout.column[Duration])
	return parseDuration(e.raw(i), e.layout.columns[i].unit)
}

// present is the raw value of f, nil unless it is present in a column of its own.
func (e *Entry) present(f Field) []byte {
	if e.State(f) != Present || e.layout.column[f] < 0 {
		return nil
	}
	return e.raw(int(e.layout.column[f]))
}

// Conditional reports whether the log says that the request carried a precondition: any
// of ConditionalFields is Present.
func (e *Entry) Conditional() bool {
	if e.layout == nil {
		return false
	}
	for _, i := range e.layout.conditional {
		if e.columnState(int(i)) == Present {
			return true
		}
	}
	return false
}

// Cut reports whether the log says that the value of f was too long and only its
// beginning was kept, so that it must not be compared with another.
func (e *Entry) Cut(f Field) bool {
	if e.layout == nil || f >= numFields || e.layout.column[f] < 0 || e.layout.cut == nil {
		return false
	}
	return e.layout.cut(e, f)
}

// File is the file the entry was read from.
func (e *Entry) File() *File { return e.file }

// Line is the number of the entry's line in its file, unpacked, from 1.
func (e *Entry) Line() int64 { return e.number }

// Offset is where the line begins in its file, unpacked, in bytes.
func (e *Entry) Offset() int64 { return e.offset }

// Raw is the line as it is in the log, without its end. It may hold credentials: show
// Sample to people.
func (e *Entry) Raw() string { return alias(e.line) }

// Clone returns a copy that shares no memory with e and may be kept as long as its
// strings are needed.
func (e *Entry) Clone() *Entry {
	c := *e
	c.line, c.spans, c.scratch = bytes.Clone(e.line), slices.Clone(e.spans), nil
	return &c
}

// alias returns b as a string that shares its memory.
func alias(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
