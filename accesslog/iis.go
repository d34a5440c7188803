package accesslog

import (
	"bytes"
	"strings"
	"time"
	"unicode/utf8"
)

// loggedParameters are what IIS writes behind the query of the request, and what no client has
// sent: the name that Application Request Routing, its helper and Azure App Service give a request,
// what ARR knows of it, and the trail of Exchange.
var loggedParameters = []string{
	"X-ARR-LOG-ID=", "X-ARR-CACHE-HIT=", "SERVER-STATUS=", "SERVER-ROUTED=", "CorrelationID=", "cafeReqId=", "ActID=", "ClientId=",
	"RequestId=", "encoding=",
}

// exchangeParameters are common names, which are of the trail only beside those that are not.
var exchangeParameters = []string{"ClientId=", "RequestId=", "encoding="}

// withoutLogIDs returns a query without loggedParameters.
func withoutLogIDs(query, scratch []byte) (value, grown []byte) {
	if bytes.IndexByte(query, 'R') < 0 && bytes.IndexByte(query, '<') < 0 {
		return query, scratch // most have nothing of what is looked for below
	}
	exchange := bytes.Contains(query, []byte("cafeReqId=")) || bytes.Contains(query, []byte("CorrelationID=<empty>"))
	if !exchange && !bytes.Contains(query, []byte("X-ARR-")) {
		return query, scratch
	}
	n := len(scratch)
	for rest := query; len(rest) > 0; {
		part := rest
		if i := bytes.IndexByte(rest, '&'); i >= 0 {
			part, rest = rest[:i], rest[i+1:]
		} else {
			rest = nil
		}
		if len(part) == 0 || isLogged(part, exchange) {
			continue
		}
		if len(scratch) > n {
			scratch = append(scratch, '&')
		}
		scratch = append(scratch, part...)
	}
	return scratch[n:len(scratch):len(scratch)], scratch
}

// isLogged reports whether a part of a query was appended in the log. exchange says that the trail
// of Exchange is there.
func isLogged(part []byte, exchange bool) bool {
	for _, name := range loggedParameters {
		if len(part) >= len(name) && strings.EqualFold(alias(part[:len(name)]), name) {
			return exchange || !isAmong(exchangeParameters, name)
		}
	}
	return false
}

func isAmong(list []string, s string) bool {
	for _, member := range list {
		if member == s {
			return true
		}
	}
	return false
}

// windows1252 has the characters from 0x80 to 0x9f, where the encoding differs from ISO 8859-1; 0
// where it has none.
var windows1252 = [32]rune{
	'€', 0, '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', 0, 'Ž', 0,
	0, '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', 0, 'ž', 'Ÿ',
}

// appendWindows1252 appends b, which is no UTF-8, as if it were in the usual encoding of a Windows
// in western Europe or America.
func appendWindows1252(dst, b []byte) []byte {
	for _, c := range b {
		r := rune(c)
		if c >= 0x80 && c < 0xa0 {
			if r = windows1252[c-0x80]; r == 0 {
				r = utf8.RuneError
			}
		}
		dst = utf8.AppendRune(dst, r)
	}
	return dst
}

// nativeColumns are the values of the format that IIS calls its own, in their order. The lines have
// commas with blanks between them, and the time is that of the machine.
var nativeColumns = []column{
	{name: "client", field: Client}, {name: "user", field: User}, {name: "date"}, {name: "time"},
	{name: "service", field: Host, rank: -2}, {name: "server", field: Node}, {name: "server address", field: Node, rank: -1},
	{name: "ms", field: Duration, unit: time.Millisecond}, {name: "bytes received", field: BytesReceived},
	{name: "bytes sent", field: BytesSent},
	{name: "status", field: Status}, {name: "win32 status", field: Win32Status}, {name: "method", field: Method},
	{name: "target", field: Path}, {name: "parameters", field: Query, unescape: iisQuery},
}

const (
	nativeDate   = 2
	nativeTime   = 3
	nativeTarget = 13
)

type nativeSplitter struct{}

// newNative returns the layout of the IIS log file format.
func newNative(in *time.Location) *layout {
	l := &layout{splitter: nativeSplitter{}, columns: nativeColumns, ansi: true, named: true}
	l.clock, l.when = nativeClock(in), []int8{nativeDate, nativeTime}
	return l.index()
}

func (nativeSplitter) split(line []byte, spans []span) verdict {
	pos := 0
	for i := range nativeTarget {
		n := bytes.IndexByte(line[pos:], ',')
		if n < 0 {
			return unreadable
		}
		spans[i] = span{uint32(pos), uint32(pos + n)}
		pos = afterComma(line, pos+n)
	}
	rest := bytes.TrimSuffix(bytes.TrimRight(line[pos:], " "), []byte{','})
	cut := bytes.LastIndexByte(rest, ',')
	if cut < 0 {
		return unreadable
	}
	spans[nativeTarget] = span{uint32(pos), uint32(pos + cut)}
	spans[nativeTarget+1] = span{uint32(afterComma(line, pos+cut)), uint32(pos + len(rest))}
	return isEntry
}

// afterComma is what follows the comma at i, and the blank that mostly follows that.
func afterComma(line []byte, i int) int {
	if i+1 < len(line) && line[i+1] == ' ' {
		return i + 2
	}
	return i + 1
}

// nativeClock reads "11/03/26 12:34:50", as a Windows in the United States writes it, "3.11.2026
// 9:05:00" and the like.
func nativeClock(in *time.Location) clock {
	return func(b []byte) (at int64, ok bool) {
		i := bytes.IndexAny(b, " ,")
		if i < 0 {
			return 0, false
		}
		date, clock := b[:i], b[i+1:]
		year, month, day, ok := nativeDay(date)
		if !ok {
			return 0, false
		}
		if len(clock) == len("9:05:00") {
			clock = append([]byte{'0'}, clock...)
		}
		at, ok = civil(year, month, day, clock)
		return inZone(at, in), ok
	}
}

// nativeDay reads a date in the form of the machine's country. Where nothing tells, a date with
// slashes begins with the month.
func nativeDay(b []byte) (year, month, day int, ok bool) {
	i := bytes.IndexAny(b, "/.-")
	if i <= 0 {
		return 0, 0, 0, false
	}
	parts := bytes.Split(b, b[i:i+1])
	if len(parts) != 3 {
		return 0, 0, 0, false
	}
	var n [3]int
	for i, part := range parts {
		if n[i] = digits(part); n[i] < 0 || len(part) == 0 || len(part) > 4 {
			return 0, 0, 0, false
		}
	}
	switch {
	case len(parts[0]) == 4:
		return n[0], n[1], n[2], true
	case b[i] == '/' && n[0] <= 12:
		year, month, day = n[2], n[0], n[1]
	default:
		year, month, day = n[2], n[1], n[0]
	}
	if len(parts[2]) == 2 {
		year += 2000
	}
	return year, month, day, true
}
