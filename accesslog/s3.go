package accesslog

import (
	"bytes"
	"time"
)

// s3Columns are the values of an Amazon S3 server access log, in their order. Lines end
// early in logs from before a value was added, and later ones may be added again.
var s3Columns = []column{
	{name: "bucket owner"},
	{name: "bucket", field: Host, rank: -1},
	{name: "time"},
	{name: "remote ip", field: Client},
	{name: "requester", field: User},
	{name: "request id", field: RequestID},
	{name: "operation"},
	{name: "key"},
	{name: "request-uri"},
	{name: "http status", field: Status},
	{name: "error code", field: Reason},
	{name: "bytes sent", field: ContentSent},
	{name: "object size", field: ObjectSize},
	{name: "total time", field: Duration, unit: time.Millisecond},
	{name: "turn-around time"},
	{name: "referer", field: Referer},
	{name: "user-agent", field: UserAgent},
	{name: "version id"},
	{name: "host id"},
	{name: "signature version"},
	{name: "cipher suite"},
	{name: "authentication type"},
	{name: "host header", field: Host},
	{name: "tls version"},
	{name: "access point arn"},
	{name: "acl required"},
	{name: "source region"},
}

const (
	s3Time      = 2
	s3Operation = 6
	s3Key       = 7
	s3Request   = 8
	s3UserAgent = 16
	s3Required  = 18 // lines have at least these
)

type s3Splitter struct{}

func newS3() *layout {
	l := &layout{splitter: s3Splitter{}, clock: commonTime, when: []int8{s3Time}}
	l.columns = append(l.columns, s3Columns...)
	for _, f := range []Field{Method, Target, Protocol} {
		l.columns = append(l.columns, column{name: "request-uri", field: f})
	}
	return l.index()
}

func (s3Splitter) split(line []byte, spans []span) verdict {
	pos, n := 0, 0
	for ; n < len(s3Columns) && pos < len(line); n++ {
		start, end := s3Value(line, pos, n == s3UserAgent)
		if end < 0 {
			return unreadable
		}
		spans[n] = span{uint32(start), uint32(end)}
		if pos = end; start > 0 && (line[start-1] == '"' || line[start-1] == '[') {
			pos++
		}
		pos++ // the blank
	}
	if n < s3Required {
		return unreadable
	}
	parts := spans[len(s3Columns):]
	splitRequest(line, spans[s3Request], parts)
	if parts[0].end == 0 {
		s3WithoutRequest(line, spans, parts)
	}
	return isEntry
}

// s3Value returns where the value at pos begins and ends, without the quotes or
// brackets around it; end is -1 if they are not closed. Quotes inside are not escaped,
// but behind the last value that is quoted there are none.
func s3Value(line []byte, pos int, lastQuoted bool) (start, end int) {
	closing := " "
	switch line[pos] {
	case '"':
		start, closing = pos+1, `" `
	case '[':
		start, closing = pos+1, "] "
	default:
		start = pos
	}
	if last := bytes.LastIndexByte(line, '"'); lastQuoted && last >= start && start > pos {
		return start, last
	}
	if end = findFrom(line, start, closing); end >= 0 {
		return start, end
	}
	switch last := len(line) - 1; {
	case start == pos:
		return start, len(line)
	case last >= start && line[last] == closing[0]:
		return start, last
	}
	return start, -1
}

// s3WithoutRequest takes method and target of an entry that has no request line, as
// each object of a multi-object delete has one, from operation and key.
func s3WithoutRequest(line []byte, spans, parts []span) {
	if s := spans[s3Key]; s.end-s.start > 1 || s.end > s.start && line[s.start] != '-' {
		parts[1] = s
	}
	s := spans[s3Operation]
	operation := line[s.start:s.end]
	first, last := bytes.IndexByte(operation, '.'), bytes.LastIndexByte(operation, '.')
	if first < last && isToken(operation[first+1:last]) {
		parts[0] = span{s.start + uint32(first) + 1, s.start + uint32(last)}
	}
}
