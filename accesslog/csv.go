package accesslog

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// A csvSplitter splits lines whose values have commas between them (RFC 4180), one entry a line.
// The line with their names is none.
type csvSplitter struct {
	n    int
	head string // the names, as jsonColumn knows them, with commas
}

// newCSV returns the layout for columns with these names. ok is false if they do not look like
// those of an access log.
func newCSV(names []string, in *time.Location) (l *layout, ok bool) {
	l = &layout{splitter: csvSplitter{len(names), strings.Join(names, ",")}, absent: dashOrEmpty, clock: anyTime(in)}
	for _, name := range names {
		c := jsonColumn(name)
		if c.unescape == asIs {
			c.unescape = doubledQuotes
		}
		l.columns = append(l.columns, c)
	}
	l.when = whenOf(l.columns)
	l.takeTargets()
	return l, len(names) <= maxColumns && l.logged.Has(Status) && (l.logged.Has(Path) || l.logged.Has(Method))
}

func newCSVDialect(arg string, in *time.Location) (*dialect, error) {
	if arg == "" {
		return &dialect{}, nil // the names come from the first line: see detectGiven
	}
	l, ok := newCSV(strings.Split(arg, ","), in)
	if !ok {
		return nil, fmt.Errorf("the columns %s are not enough: a status, and a method or target, are needed", arg)
	}
	return layoutDialect(l, nil)
}

// csvNames returns the names in the first line of a file.
func csvNames(line []byte) (names []string) {
	for len(line) > 0 && len(names) <= maxColumns {
		value, rest := csvValue(line, 0)
		name := strings.TrimSpace(strings.Trim(string(line[value.start:value.end]), `"`))
		names = append(names, strings.ReplaceAll(name, ",", " "))
		line = bytes.TrimPrefix(line[rest:], []byte{','})
	}
	return names
}

func (c csvSplitter) split(line []byte, spans []span) verdict {
	pos := 0
	for i := range c.n {
		if pos > len(line) {
			return unreadable
		}
		spans[i], pos = csvValue(line, pos)
		if pos++; i < c.n-1 && pos > len(line) || i == c.n-1 && pos <= len(line) {
			return unreadable
		}
	}
	if c.isHead(line, spans) {
		return isOther
	}
	return isEntry
}

// isHead reports whether a line has the names of the columns.
func (c csvSplitter) isHead(line []byte, spans []span) bool {
	names := c.head
	for i := range c.n {
		value := alias(line[spans[i].start:spans[i].end])
		if !strings.HasPrefix(names, value) {
			return false
		}
		names = strings.TrimPrefix(names[len(value):], ",")
	}
	return names == ""
}

// csvValue returns the value at pos, without the quotation marks around it, and where it ends in
// the line.
func csvValue(line []byte, pos int) (s span, end int) {
	if pos < len(line) && line[pos] == '"' {
		for from := pos + 1; ; {
			n := bytes.IndexByte(line[from:], '"')
			if n < 0 {
				break
			}
			if from += n + 1; from == len(line) || line[from] == ',' {
				return span{uint32(pos + 1), uint32(from - 1)}, from
			}
			if line[from] == '"' {
				from++
			}
		}
	}
	end = len(line)
	if n := bytes.IndexByte(line[pos:], ','); n >= 0 {
		end = pos + n
	}
	return span{uint32(pos), uint32(end)}, end
}

// appendDoubledQuotes appends b with one quotation mark for two.
func appendDoubledQuotes(dst, b []byte) []byte {
	for i := 0; i < len(b); i++ {
		dst = append(dst, b[i])
		if b[i] == '"' && i+1 < len(b) && b[i+1] == '"' {
			i++
		}
	}
	return dst
}
