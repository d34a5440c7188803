package accesslog

import (
	"bytes"
	"time"
)

// minioColumns are those of a line of mc admin trace.
var minioColumns = []column{
	{name: "time"}, {name: "status", field: Status}, {name: "api", field: Method, unescape: operation}, {name: "host", field: Node},
	{name: "path", field: Target}, {name: "client", field: Client, unescape: withoutPort},
	{name: "duration", field: Duration, unit: time.Millisecond},
}

type minioSplitter struct{}

// newMinIOText returns the layout of lines such as
//
//	2026-11-03T09:15:20.123 [412 Precondition Failed] s3.PutObject node-1:9000/bucket/key 203.0.113.7  1.2ms  ↑ 512 B ↓ 241 B
//
// Its times are those of the machine on which mc runs, without a zone.
func newMinIOText(in *time.Location) *layout {
	l := &layout{splitter: minioSplitter{}, columns: minioColumns, clock: localISO(in), when: []int8{0}, named: true}
	return l.index()
}

// localISO reads 2026-11-03T09:15:20.123, in a location if it has no zone.
func localISO(in *time.Location) clock {
	return func(b []byte) (at int64, ok bool) {
		at, ok = isoTime(b)
		if zoned := len(b) > 19 && bytes.ContainsAny(b[19:], "Zz+-"); ok && !zoned {
			at = inZone(at, in)
		}
		return at, ok
	}
}

func (minioSplitter) split(line []byte, spans []span) verdict {
	open, end := bytes.IndexByte(line, '['), bytes.Index(line, []byte("] "))
	if open < len("2026-11-03T09:15:20") || end < open || line[open-1] != ' ' {
		return unreadable
	}
	if end < open+4 {
		return isOther // of a disk
	}
	spans[0] = trimmed(line, 0, open-1)
	spans[1] = span{uint32(open + 1), uint32(open + 4)}
	pos := end + 2
	var words [4]span // operation, place, client, duration
	for i := range words {
		for pos < len(line) && line[pos] == ' ' {
			pos++
		}
		start := pos
		for pos < len(line) && line[pos] != ' ' {
			pos++
		}
		words[i] = span{uint32(start), uint32(pos)}
	}
	place := line[words[1].start:words[1].end]
	slash := bytes.IndexByte(place, '/')
	if words[3].start == words[3].end || !hasPrefix(line[words[0].start:], "s3.") {
		if bytes.IndexByte(line[words[0].start:words[0].end], '.') > 0 {
			return isOther // of the disks, of other nodes
		}
		return unreadable
	}
	if slash < 0 {
		return unreadable
	}
	at := words[1].start + uint32(slash)
	spans[2], spans[3], spans[4] = words[0], span{words[1].start, at}, span{at, words[1].end}
	spans[5], spans[6] = words[2], words[3]
	return isEntry
}
