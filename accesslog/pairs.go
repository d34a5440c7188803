package accesslog

import (
	"bytes"
	"fmt"
	"strings"
	"time"
)

// pairKind says how a log writes names and values: logfmt, as loggers of Go, Lograge and Heroku do,
// or LTSV.
type pairKind struct {
	name        string
	between, is byte // between pairs, and between a name and its value
}

var (
	logfmtPairs = pairKind{"logfmt", ' ', '='}
	ltsvPairs   = pairKind{"ltsv", '\t', ':'}
)

// stampName is that of the time that stands before all pairs, without a name.
const stampName = "(time)"

// A pairSplitter splits lines of names with values. Words without a name are left out.
type pairSplitter struct {
	pairKind
	columns map[string]int8
	isEntry func(spans []span) bool
}

func (p *pairSplitter) split(line []byte, spans []span) verdict {
	pos := leadingStamp(line)
	pairs := 0
	if i, ok := p.columns[stampName]; ok && pos > 0 {
		spans[i] = span{0, uint32(pos)}
	}
	for pos < len(line) {
		name, value, next, ok := p.pair(line, pos)
		pos = next
		if !ok {
			continue
		}
		pairs++
		if i, known := p.columns[alias(line[name.start:name.end])]; known {
			spans[i] = value
		}
	}
	switch {
	case pairs == 0:
		return unreadable
	case p.isEntry(spans):
		return isEntry
	}
	return isOther
}

// pair reads the pair or the word at pos, and returns where the next begins. ok is false for a word.
func (p *pairSplitter) pair(line []byte, pos int) (name, value span, next int, ok bool) {
	end := pos
	for end < len(line) && line[end] != p.is && line[end] != p.between {
		end++
	}
	if end == len(line) || line[end] == p.between || end == pos {
		return name, value, end + 1, false
	}
	name = span{uint32(pos), uint32(end)}
	start := end + 1
	if p.is == '=' && start < len(line) && line[start] == '"' {
		if end = closingQuote(line, start+1); end >= 0 {
			return name, span{uint32(start + 1), uint32(end)}, end + 1, true
		}
	}
	if end = bytes.IndexByte(line[start:], p.between); end < 0 {
		return name, span{uint32(start), uint32(len(line))}, len(line), true
	}
	return name, span{uint32(start), uint32(start + end)}, start + end + 1, true
}

// leadingStamp is the length of a time at the beginning of a line, as log/slog and others write it
// before the pairs.
func leadingStamp(line []byte) int {
	if n := stamp(line); n > 0 {
		return n - 1
	}
	const form = "2026/11/03 09:15:20"
	if len(line) <= len(form) || line[4] != line[7] || line[4] != '-' && line[4] != '/' ||
		line[10] != ' ' || line[13] != ':' || line[16] != ':' {
		return 0
	}
	n := len(form)
	for n < len(line) && (line[n] == '.' || line[n] == ',' || line[n] >= '0' && line[n] <= '9') {
		n++
	}
	return n
}

// ltsvNames are the labels that ltsv.org recommends and that mean something else elsewhere.
var ltsvNames = map[string]string{
	"host": "client", "vhost": "host", "req": "request", "ua": "useragent", "size": "bytes", "reqsize": "bytesreceived",
	"reqtime": "requesttime", "reqtime_microsec": "durationus", "apptime": "", "cache": "cache", "runtime": "",
}

// pairNames are names that stand for something in logs of pairs alone.
var pairNames = map[string]string{"fwd": "client", "service": "duration", "took": "duration", "elapsed": "duration", "req": "request"}

// namesOfPairs returns the names in lines, in the order in which they come.
func (k pairKind) namesOfPairs(lines [][]byte) (names []string) {
	p := pairSplitter{pairKind: k}
	seen := map[string]bool{}
	add := func(name string) {
		if !seen[name] && len(names) < maxColumns && !strings.Contains(name, ",") {
			seen[name] = true
			names = append(names, name)
		}
	}
	for _, line := range lines {
		pos := leadingStamp(line)
		if pos > 0 {
			add(stampName)
		}
		for pos < len(line) {
			name, _, next, ok := p.pair(line, pos)
			if pos = next; ok {
				add(string(line[name.start:name.end]))
			}
		}
	}
	return names
}

// newPairs returns the layout of lines with these names. ok is false if they do not look like an
// access log.
func newPairs(k pairKind, names []string, in *time.Location) (l *layout, ok bool) {
	splitter := &pairSplitter{pairKind: k, columns: map[string]int8{}}
	l = &layout{absent: jsonAnything, sparse: true, clock: anyTime(in)}
	var requests []int
	for i, path := range nestedPaths(names[:min(len(names), maxColumns)]) {
		c := path.column
		if other, special := k.meaning(path.path); special {
			c = jsonColumn(other)
			c.name = path.path
			if other == "request" {
				requests = append(requests, i)
			}
		}
		if path.path == stampName {
			c = column{name: "time", rank: -1}
		}
		if c.unescape == asIs {
			c.unescape = jsonValue
		}
		splitter.columns[path.path] = int8(i)
		l.columns = append(l.columns, c)
	}
	l.splitter = splitter
	if len(requests) > 0 {
		l.splitter = &pairRequest{splitter, requests[0], len(l.columns)}
		for _, f := range []Field{Method, Target, Protocol} {
			l.columns = append(l.columns, column{name: "request", field: f, unescape: jsonValue})
		}
	}
	if l.when = whenOf(l.columns); l.when == nil {
		if i, is := splitter.columns["t"]; is {
			l.when = []int8{i}
		}
	}
	l.takeTargets()
	status, method, target, path := l.column[Status], l.column[Method], l.column[Target], l.column[Path]
	has := func(spans []span, i int8) bool { return i >= 0 && spans[i].end > 0 }
	splitter.isEntry = func(spans []span) bool {
		if len(requests) > 0 {
			return has(spans, status) && spans[requests[0]].end > 0
		}
		return has(spans, status) && has(spans, method) && (has(spans, target) || has(spans, path))
	}
	return l, status >= 0 && method >= 0 && (target >= 0 || path >= 0)
}

// meaning is what a name stands for in logs of this kind, if that is not what it stands for in others.
func (k pairKind) meaning(name string) (other string, special bool) {
	if k == ltsvPairs {
		if other, special = ltsvNames[name]; special {
			return other, true
		}
	}
	other, special = pairNames[name]
	return other, special
}

// A pairRequest takes apart the request line that lines have as one value.
type pairRequest struct {
	*pairSplitter
	request int // column
	parts   int // first of three columns
}

func (r *pairRequest) split(line []byte, spans []span) verdict {
	v := r.pairSplitter.split(line, spans)
	if v == isEntry {
		splitRequest(line, spans[r.request], spans[r.parts:r.parts+3])
	}
	return v
}

// pairSpec is the format of one kind.
func pairSpec(k pairKind) func(string, *time.Location) (*dialect, error) {
	return func(arg string, in *time.Location) (*dialect, error) {
		if arg == "" {
			return &dialect{}, nil // the names come from the first lines: see detectGiven
		}
		l, ok := newPairs(k, strings.Split(arg, ","), in)
		if !ok {
			return nil, fmt.Errorf("the names %s are not enough: a status, a method and a target are needed", arg)
		}
		return layoutDialect(l, nil)
	}
}

// pairCandidate is for lines that have pairs.
func pairCandidate(lines [][]byte) (list []candidate) {
	for _, k := range []pairKind{ltsvPairs, logfmtPairs} {
		if names := k.namesOfPairs(lines); len(names) > 2 {
			if _, ok := newPairs(k, names, nil); ok {
				list = append(list, candidate{format: Format{name: k.name, arg: strings.Join(names, ",")}})
			}
		}
	}
	return list
}
