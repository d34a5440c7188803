package accesslog

import (
	"bytes"
	"strings"
	"time"
)

// azureClassicNames are the values of a line of the classic logs of Azure Storage, version 1.0, in
// their order. Version 2.0 has eight more behind them, for Azure AD.
var azureClassicNames = strings.Fields("version request-start-time operation-type request-status http-status-code end-to-end-latency-in-ms " +
	"server-latency-in-ms authentication-type requester-account-name owner-account-name service-type request-url requested-object-key " +
	"request-id-header operation-count requester-ip-address request-version-header request-header-size request-packet-size " +
	"response-header-size response-packet-size request-content-length request-md5 server-md5 etag-identifier last-modified-time " +
	"conditions-used user-agent-header referrer-header client-request-id")

// azureClassicFields say what some of them mean.
var azureClassicFields = map[string]column{
	"operation-type": {field: Method, unescape: operation}, "request-status": {field: Reason}, "http-status-code": {field: Status},
	"end-to-end-latency-in-ms": {field: Duration, unit: time.Millisecond}, "requester-account-name": {field: User},
	"request-url": {field: Target, unescape: entities}, "request-id-header": {field: RequestID},
	"requester-ip-address": {field: Client, unescape: withoutPort}, "response-packet-size": {field: ContentSent},
	"request-content-length": {field: ContentLength}, "etag-identifier": {field: ETag, unescape: entities},
	"user-agent-header": {field: UserAgent, unescape: entities}, "referrer-header": {field: Referer, unescape: entities},
}

// azureConditions are the conditions that one of the values may name, as in If-Match=&quot;0x8D&quot;.
var azureConditions = []struct {
	prefix string
	field  Field
}{
	{"If-Match=", IfMatch}, {"If-None-Match=", IfNoneMatch},
	{"If-Modified-Since=", IfModifiedSince}, {"If-Unmodified-Since=", IfUnmodifiedSince},
}

type azureClassicSplitter struct{ conditions int }

// newAzureClassic returns the layout of the classic logs of Azure Storage, whose values have
// semicolons between them.
func newAzureClassic() *layout {
	l := &layout{clock: isoTime, absent: dashOrEmpty, named: true}
	s := azureClassicSplitter{}
	for i, name := range azureClassicNames {
		c := azureClassicFields[name]
		c.name = name
		l.columns = append(l.columns, c)
		switch name {
		case "request-start-time":
			l.when = []int8{int8(i)}
		case "conditions-used":
			s.conditions = i
		}
	}
	for _, c := range azureConditions {
		l.columns = append(l.columns, column{name: strings.TrimSuffix(c.prefix, "="), field: c.field, unescape: entities})
	}
	l.splitter = s
	return l.index()
}

func (a azureClassicSplitter) split(line []byte, spans []span) verdict {
	if !hasPrefix(line, "1.0;") && !hasPrefix(line, "2.0;") {
		return unreadable
	}
	pos := 0
	for i := range azureClassicNames {
		if pos > len(line) {
			return unreadable
		}
		end := pos
		if pos < len(line) && line[pos] == '"' { // there is none inside: they are written &quot;
			if end = bytes.IndexByte(line[pos+1:], '"'); end < 0 {
				return unreadable
			}
			spans[i] = span{uint32(pos + 1), uint32(pos + 1 + end)}
			end += pos + 2
		} else {
			if end = bytes.IndexByte(line[pos:], ';'); end < 0 {
				end = len(line) - pos
			}
			end += pos
			spans[i] = span{uint32(pos), uint32(end)}
		}
		pos = end + 1
	}
	used := spans[a.conditions]
	for i, c := range azureConditions {
		at := bytes.Index(line[used.start:used.end], []byte(c.prefix))
		if at < 0 {
			continue
		}
		start := used.start + uint32(at+len(c.prefix))
		end := conditionEnd(line[start:used.end])
		spans[len(azureClassicNames)+i] = span{start, start + end}
	}
	return isEntry
}

// conditionEnd is the length of a condition: up to a semicolon that does not end a character reference.
func conditionEnd(b []byte) uint32 {
	for i, c := range b {
		if c == ';' && !bytes.HasSuffix(b[:i], []byte("&quot")) && !bytes.HasSuffix(b[:i], []byte("&amp")) {
			return uint32(i)
		}
	}
	return uint32(len(b))
}

// appendEntities appends b with the character references resolved that a log of Azure has.
func appendEntities(dst, b []byte) []byte {
	for len(b) > 0 {
		found := false
		for _, e := range characterReferences {
			if bytes.HasPrefix(b, e.name) {
				dst, b, found = append(dst, e.char), b[len(e.name):], true
				break
			}
		}
		if !found {
			dst, b = append(dst, b[0]), b[1:]
		}
	}
	return dst
}

var characterReferences = []struct {
	name []byte
	char byte
}{
	{[]byte("&quot;"), '"'}, {[]byte("&amp;"), '&'}, {[]byte("&lt;"), '<'}, {[]byte("&gt;"), '>'},
	{[]byte("&#39;"), '\''}, {[]byte("&apos;"), '\''},
}
