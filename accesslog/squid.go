package accesslog

import (
	"bytes"
	"time"
)

// squidColumns are the values of Squid's native log, "logformat squid", in their order.
var squidColumns = []column{
	{name: "time"}, {name: "elapsed", field: Duration, unit: time.Millisecond}, {name: "client", field: Client},
	{name: "result", field: Cache},
	{name: "status", field: Status}, {name: "bytes", field: BytesSent}, {name: "method", field: Method}, {name: "url", field: Target},
	{name: "user", field: User}, {name: "hierarchy"}, {name: "peer", field: Upstream}, {name: "type"},
}

// The places of squidColumns that share a word of the line with the one before.
const (
	squidResult    = 3
	squidHierarchy = 9
)

type squidSplitter struct{}

// newSquid returns the layout of Squid's native log.
func newSquid() *layout {
	l := &layout{splitter: squidSplitter{}, columns: squidColumns, clock: unixSeconds, when: []int8{0}, named: true}
	return l.index()
}

func (squidSplitter) split(line []byte, spans []span) verdict {
	pos := 0
	for i := 0; i < len(squidColumns); i++ {
		for pos < len(line) && line[pos] == ' ' { // numbers are padded
			pos++
		}
		end := bytes.IndexByte(line[pos:], ' ') + pos
		if end < pos {
			end = len(line)
		}
		if end == pos {
			return unreadable
		}
		spans[i] = span{uint32(pos), uint32(end)}
		if i == squidResult || i == squidHierarchy {
			slash := bytes.IndexByte(line[pos:end], '/')
			if slash < 0 {
				return unreadable
			}
			spans[i].end = uint32(pos + slash)
			i++
			spans[i] = span{uint32(pos + slash + 1), uint32(end)}
		}
		pos = end
	}
	// What log_mime_hdrs adds stands in brackets.
	if rest := bytes.TrimLeft(line[pos:], " "); len(rest) > 0 && rest[0] != '[' {
		return unreadable
	}
	return isEntry
}
