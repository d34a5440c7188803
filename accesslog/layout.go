package accesslog

import "time"

// A layout says where a line of one format has its values.
type layout struct {
	splitter
	columns []column
	// column has the index into columns for each field, or -1.
	column [numFields]int8
	// conditional has the columns of ConditionalFields.
	conditional []int8
	logged      Fields
	absent      absence
	// sparse layouts log, in each line, just the columns that line has.
	sparse bool
	// cut, if not nil, tells whether a value is only a beginning.
	cut func(e *Entry, f Field) bool
	// statusOf, if not nil, reads the column of Status, which has no status code.
	statusOf func(raw []byte) (code int16, ok bool)
	// wrapped layouts are of files in which something stands around the lines: see unwrap.
	wrapped bool
	// named layouts have a column for the client that names or numbers a machine, so that a line with
	// anything else there is not of the layout.
	named bool
	// ansi layouts are of logs that may be in Windows-1252.
	ansi bool
	// lost, if not 0, is the column of lines that say how many requests are not in
	// the log.
	lost int8
	// rangeEnd, if not 0, is the column with the last byte of ContentRange, whose column
	// has the first.
	rangeEnd int8
	// when has the columns that make up the time, and clock reads them.
	when  []int8
	clock clock
}

// A splitter finds the values in a line.
type splitter interface {
	// split sets spans, one for each column, and reports what the line is.
	// The spans are all zero before.
	split(line []byte, spans []span) verdict
}

// A verdict on a line.
type verdict uint8

const (
	unreadable verdict = iota
	isEntry
	// isOther is a line that belongs to the format but tells of no request.
	isOther
)

// A column is a value that lines of a layout have.
type column struct {
	// name is what the format calls the value.
	name     string
	field    Field // NoField if nobody asks for it
	unescape escaping
	// secret columns hold credentials and are never shown.
	secret bool
	// unit is that of a number in Duration.
	unit time.Duration
	// rank decides which column a field is read from if several have it; the
	// highest wins, then the first.
	rank int8
}

// absence says how a format writes that there is no value.
type absence uint8

const (
	dash         absence = iota // "-"
	empty                       // ""
	dashOrEmpty                 // either
	jsonNothing                 // null or [], or the member is left out
	jsonAnything                // any of these
)

func (a absence) is(line []byte, s span) bool {
	switch n := s.end - s.start; {
	case n == 0:
		return a != dash && a != jsonNothing
	case n == 1:
		return line[s.start] == '-' && a != empty && a != jsonNothing
	case n == 2 && a == jsonAnything && line[s.start] == '-' && line[s.start+1] == '-':
		return true // Nextcloud's user
	}
	return a >= jsonNothing && isJSONNothing(line, s)
}

// index fills what follows from the columns.
func (l *layout) index() *layout {
	for f := range l.column {
		l.column[f] = -1
	}
	for i, c := range l.columns {
		if old := l.column[c.field]; c.field != NoField && (old < 0 || c.rank > l.columns[old].rank) {
			l.column[c.field] = int8(i)
			l.logged |= 1 << c.field
		}
	}
	for f := range ConditionalFields.All() {
		if i := l.column[f]; i >= 0 {
			l.conditional = append(l.conditional, i)
		}
	}
	if l.logged.Has(Target) {
		l.logged |= 1<<Path | 1<<Query
	} else if l.logged.Has(Path) {
		l.logged |= 1 << Target
	}
	if len(l.when) > 0 {
		l.logged |= 1 << Time
	}
	return l
}

// countingHeaders returns a copy in which the size of the response includes the header
// section, as %O does that Debian puts where %b was.
func (l *layout) countingHeaders() *layout {
	c := *l
	c.columns = append([]column(nil), l.columns...)
	if i := l.column[ContentSent]; i >= 0 {
		c.columns[i].field = BytesSent
	}
	c.logged, c.conditional = 0, nil
	return c.index()
}
