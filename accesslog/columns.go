package accesslog

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// This file finds out what the columns of a log are that begins as the common log format does and
// goes on with values that nothing names. Each is identified by what it holds, and by the methods
// and statuses it holds that beside.

// aColumn is a column without a name.
type aColumn struct {
	quoted bool
	values []string // "" where there is none
	field  string   // what it is, as Apache's LogFormat writes that; "" if unknown
}

// A lineHead is what the beginning of a line says.
type lineHead struct {
	read   bool // GET or HEAD
	status int
}

// commonHeads are how lines begin whose other columns may be identified.
var commonHeads = []string{apacheCommon, `%h %u %t "%r" %>s`, `%h %t "%r" %>s`, `%t %h "%r" %>s`}

// identify returns the format of lines whose columns behind the common ones were identified. proven
// is false if no column that matters for preconditions was; if there is none that tells clients or
// sites apart either, the candidate is zero.
func identify(lines [][]byte) (c candidate, proven bool) {
	for _, head := range commonHeads {
		if c, proven = identifyBehind(head, lines); c.format.arg != "" {
			break
		}
	}
	return c, proven
}

// identifyBehind is identify for lines that begin as head says.
func identifyBehind(head string, lines [][]byte) (c candidate, proven bool) {
	columns, heads := columnsOf(head, lines)
	if columns == nil {
		return candidate{}, false
	}
	matters, helps := false, false
	for i := range columns {
		columns[i].field = columns[i].kind()
	}
	matters = nameTags(columns, heads) || matters
	matters = nameDates(columns, heads) || matters
	for _, c := range columns {
		matters = matters || c.field == "%{Range}i"
		helps = helps || c.field == "%{X-Forwarded-For}i" || c.field == "%{Host}i"
	}
	if !matters && !helps {
		return candidate{}, false
	}
	format := head
	for i, c := range columns {
		field := c.field
		if field == "" {
			field = fmt.Sprintf("%%{column %d}n", 8+i)
		}
		if c.quoted {
			field = `"` + field + `"`
		}
		format += " " + field
	}
	return candidate{
		format: Format{name: "apache", arg: format}, guessed: true, accepts: isOneWord,
		note: "its columns have no names and are taken for what they hold, as --format 'apache:" + format + "'; give that with what they are, and what is said of them is certain",
	}, matters
}

// columnsOf cuts what follows the common columns of each line into columns; nil if most lines do
// not have as many.
func columnsOf(head string, lines [][]byte) (columns []aColumn, heads []lineHead) {
	l, err := parseApache(head+" %{more}n", time.UTC)
	if err != nil {
		return nil, nil
	}
	p := newLineParser()
	more := len(l.columns) - len(requestParts) - 1
	count, rows := map[int]int{}, [][]token{}
	var of []lineHead
	for _, line := range lines {
		if p.parse(l, line) != isEntry || !isOneWord(&p.entry) {
			continue
		}
		row := tokens(p.entry.raw(more))
		m := p.entry.Text(Method)
		rows, of = append(rows, row), append(of, lineHead{m == "GET" || m == "HEAD", p.entry.Status()})
		count[len(row)]++
	}
	width := 0
	for n, lines := range count {
		if n <= maxColumns/2 && lines*10 >= len(rows)*9 {
			width = n
		}
	}
	if width == 0 {
		return nil, nil
	}
	columns = make([]aColumn, width)
	for i, row := range rows {
		if len(row) != width {
			continue
		}
		heads = append(heads, of[i])
		for j, t := range row {
			columns[j].quoted = t.quoted
			columns[j].values = append(columns[j].values, t.value)
		}
	}
	return columns, heads
}

// isOneWord reports whether the client of an entry has no blanks inside, as other columns in its
// place would.
func isOneWord(e *Entry) bool { return bytes.IndexByte(e.present(Client), ' ') < 0 }

// A token is a value, as it is in the line but for its quotation marks and escapes.
type token struct {
	value  string
	quoted bool
}

// tokens cuts text at blanks that are not inside of quotation marks.
func tokens(text []byte) (list []token) {
	for text = bytes.TrimLeft(text, " "); len(text) > 0; text = bytes.TrimLeft(text, " ") {
		t := token{quoted: text[0] == '"'}
		end := -1
		if t.quoted {
			end = closingQuote(text, 1)
		}
		if t.quoted = end > 0; t.quoted {
			t.value = string(appendBackslash(nil, text[1:end]))
			text = text[end+1:]
		} else {
			if end = bytes.IndexByte(text, ' '); end < 0 {
				end = len(text)
			}
			t.value = string(appendBackslash(nil, text[:end]))
			text = text[end:]
		}
		if t.value == "-" {
			t.value = ""
		}
		list = append(list, t)
	}
	return list
}

// columnKinds are what a column may be by its values alone, which all have to fit.
var columnKinds = []struct {
	field   string
	pattern *lazyregexp.Regexp
}{
	{tagColumn, lazyregexp.New(`^(\*|(W/)?"[^" ]*"(\s*,\s*(W/)?"[^" ]*")*)$`)},
	{dateColumn, lazyregexp.New(`^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$`)},
	{"%{Range}i", lazyregexp.New(`^bytes=[\d, -]+$`)},
	{"%{Content-Range}o", lazyregexp.New(`^bytes [\d*][\d-]*/(\d+|\*)$`)},
	{"%{Referer}i", lazyregexp.New(`^https?://`)},
	{"%{Accept-Encoding}i", lazyregexp.New(`^(gzip|deflate|br|zstd|identity|compress|\*)(;q=[\d.]+)?(\s*,\s*(gzip|x-gzip|deflate|br|zstd|identity|compress|\*)(;q=[\d.]+)?)+$`)},
	{"%{X-Forwarded-For}i", lazyregexp.New(`^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F]*:[0-9a-fA-F:]+:[0-9a-fA-F.]*)(\s*,\s*[0-9a-fA-F.:]+)*$`)},
	{"%{BALANCER_WORKER_NAME}e", lazyregexp.New(`^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]|unix):\S+$`)},
	{"%{Host}i", lazyregexp.New(`^([A-Za-z0-9-]+\.)+[A-Za-z]{2,}(:\d+)?$`)},
	{"%{cache-status}e", lazyregexp.New(`^(HIT|MISS|BYPASS|EXPIRED|STALE|UPDATING|REVALIDATED|PASS)$`)},
	{"%T", lazyregexp.New(`^\d+\.\d+$`)},
	{"%{User-Agent}i", lazyregexp.New(`^[A-Za-z][\w .()-]*/\S`)},
}

const (
	tagColumn  = "tag"
	dateColumn = "date"
)

// kind is what a column is by its values: a name for the LogFormat, tagColumn, dateColumn or "".
func (c *aColumn) kind() string {
	for _, k := range columnKinds {
		fits := 0
		for _, v := range c.values {
			if v == "" {
				continue
			}
			if !k.pattern.MatchString(v) {
				fits = -1
				break
			}
			fits++
		}
		if fits > 0 {
			return k.field
		}
	}
	return ""
}

// A share counts how often a column has a value among some lines.
type share struct{ has, of int }

func (s share) all() bool    { return s.of > 0 && s.has == s.of }
func (s share) mostly() bool { return s.has*2 > s.of }

// share counts the lines for which when holds.
func (c *aColumn) share(heads []lineHead, when func(h lineHead, value string) bool) (s share) {
	for i, v := range c.values {
		if when(heads[i], v) {
			if s.of++; v != "" {
				s.has++
			}
		}
	}
	return s
}

func isFull(h lineHead, _ string) bool        { return h.read && h.status == 200 }
func isNotModified(h lineHead, _ string) bool { return h.read && h.status == 304 }
func isWrite(h lineHead, _ string) bool       { return !h.read }
func isRead(h lineHead, _ string) bool        { return h.read }
func isCreation(h lineHead, v string) bool    { return !h.read && h.status == 201 && v == "*" }

// nameTags finds out which of the columns with tags is which, and reports whether any was named. A
// condition is sent with some requests, the tag of a response with nearly all.
func nameTags(columns []aColumn, heads []lineHead) (named bool) {
	var left []int
	for i := range columns {
		c := &columns[i]
		if c.field != tagColumn {
			continue
		}
		full, unmodified, read, write := c.share(heads, isFull), c.share(heads, isNotModified), c.share(heads, isRead), c.share(heads, isWrite)
		switch c.field = ""; {
		case c.share(heads, isCreation).of > 0: // "*" that made something
			c.field = "%{If-None-Match}i"
		case slices.Contains(c.values, "*"):
			left = append(left, i)
		case full.of > 1 && full.mostly():
			c.field = "%{ETag}o"
		case unmodified.all() && full.of > 0 && !full.mostly():
			c.field = "%{If-None-Match}i"
		case write.has > 0 && read.of > 1 && read.has == 0:
			c.field = "%{If-Match}i"
		default:
			left = append(left, i)
		}
	}
	columnsNamed := func(field string) bool {
		return slices.ContainsFunc(columns, func(c aColumn) bool { return c.field == field })
	}
	// Of a log of writes alone nothing else tells: what was sent is logged before what was answered.
	if len(left) == 2 && !columnsNamed("%{If-Match}i") && !columnsNamed("%{ETag}o") && !slices.Contains(columns[left[0]].values, "*") {
		columns[left[0]].field, columns[left[1]].field = "%{If-Match}i", "%{ETag}o"
	}
	return columnsNamed("%{If-Match}i") || columnsNamed("%{ETag}o") || columnsNamed("%{If-None-Match}i")
}

// nameDates does likewise for dates.
func nameDates(columns []aColumn, heads []lineHead) (named bool) {
	for i := range columns {
		c := &columns[i]
		if c.field != dateColumn {
			continue
		}
		full, unmodified, read, write := c.share(heads, isFull), c.share(heads, isNotModified), c.share(heads, isRead), c.share(heads, isWrite)
		switch c.field = ""; {
		case full.of > 1 && full.mostly():
			c.field = "%{Last-Modified}o"
		case unmodified.has > 0 && full.of > 0 && !full.mostly():
			c.field = "%{If-Modified-Since}i"
		case write.has > 0 && read.of > 1 && read.has == 0:
			c.field = "%{If-Unmodified-Since}i"
		}
		named = named || c.field != ""
	}
	return named
}
