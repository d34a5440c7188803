package accesslog

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// escaping is how a format writes what it cannot write as it is.
type escaping uint8

const (
	// asIs: nothing is escaped.
	asIs escaping = iota
	// backslash: \xHH, \uXXXX, \" and the like. nginx, Apache and JSON differ in which
	// they write; no sequence means two things.
	backslash
	// jsonValue is backslash in a JSON string, or an array of such strings, which is the
	// list of them.
	jsonValue
	// queryMark is backslash, behind a "?" that does not belong to the value.
	queryMark
	// withoutPort: nothing is escaped, and what is wanted is the host of host:port.
	withoutPort
	// plusBlank: "+" is a blank, as IIS writes it.
	plusBlank
	// plusBlankOutsideQuotes is plusBlank for lists of entity tags.
	plusBlankOutsideQuotes
	// percent: %HH, as CloudFront writes it.
	percent
	// numberSign: #HH, as HAProxy writes it.
	numberSign
	// operation: the method of an operation of an object store, as in PutObject and GetBlob.
	operation
	// doubledQuotes: a quotation mark is written twice.
	doubledQuotes
	// pathOnly is percent, up to the query.
	pathOnly
	// fromRoot is jsonValue of a path without the slash that it begins with.
	fromRoot
	// iisQuery: nothing is escaped, and what IIS and its modules have appended is no part of the query.
	iisQuery
	// entities: &quot; and the like.
	entities
)

// apply returns the value that s of line stands for: a part of line itself if
// nothing is escaped there, else of the memory behind the end of scratch, which is
// returned grown.
func (k escaping) apply(line []byte, s span, scratch []byte) (value, grown []byte) {
	raw := line[s.start:s.end:s.end]
	switch k {
	case backslash:
		return unescapeWith(raw, '\\', appendBackslash, scratch)
	case queryMark:
		return unescapeWith(bytes.TrimPrefix(raw, question), '\\', appendBackslash, scratch)
	case jsonValue:
		if isJSONArray(line, s) {
			return joinJSONArray(raw, scratch)
		}
		return unescapeWith(raw, '\\', appendBackslash, scratch)
	case withoutPort:
		return cutPort(raw), scratch
	case operation:
		return methodOf(raw), scratch
	case doubledQuotes:
		return unescapeWith(raw, '"', appendDoubledQuotes, scratch)
	case pathOnly:
		raw, _, _ = bytes.Cut(raw, question)
		return unescapeWith(raw, '%', appendPercent, scratch)
	case fromRoot:
		return withSlash(raw, scratch)
	case entities:
		return unescapeWith(raw, '&', appendEntities, scratch)
	case iisQuery:
		return withoutLogIDs(raw, scratch)
	case plusBlank:
		return unescapeWith(raw, '+', appendPlus, scratch)
	case plusBlankOutsideQuotes:
		return unescapeWith(raw, '+', appendPlusOutsideQuotes, scratch)
	case percent:
		return unescapeWith(raw, '%', appendPercent, scratch)
	case numberSign:
		return unescapeWith(raw, '#', appendNumberSign, scratch)
	}
	return raw, scratch
}

// withSlash unescapes a path and puts a slash before it, unless there is one.
func withSlash(raw, scratch []byte) (value, grown []byte) {
	if len(raw) > 0 && raw[0] == '/' {
		return unescapeWith(raw, '\\', appendBackslash, scratch)
	}
	n := len(scratch)
	scratch = appendBackslash(append(scratch, '/'), raw)
	return scratch[n:len(scratch):len(scratch)], scratch
}

// cutPort returns the host of "host:port", "[host]:port" or "host".
func cutPort(b []byte) []byte {
	if len(b) > 0 && b[0] == '[' {
		if i := bytes.IndexByte(b, ']'); i > 0 {
			return b[1:i:i]
		}
	}
	if i := bytes.IndexByte(b, ':'); i >= 0 && bytes.LastIndexByte(b, ':') == i {
		return b[:i:i]
	}
	return b
}

func unescapeWith(raw []byte, mark byte, appendTo func(dst, raw []byte) []byte, scratch []byte) (value, grown []byte) {
	if bytes.IndexByte(raw, mark) < 0 {
		return raw, scratch
	}
	n := len(scratch)
	scratch = appendTo(scratch, raw)
	return scratch[n:len(scratch):len(scratch)], scratch
}

var simpleEscapes = [256]byte{
	'"': '"', '\\': '\\', '/': '/', '\'': '\'', 'n': '\n', 't': '\t', 'r': '\r', 'b': '\b', 'f': '\f', 'v': '\v',
}

// appendBackslash appends b with its backslash sequences resolved. One that is unknown
// or cut stays as it is.
func appendBackslash(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 == len(b) {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		b = b[i:]
		n := 2
		if c := simpleEscapes[b[1]]; c != 0 {
			dst = append(dst, c)
		} else if v, ok := hexByte(b[2:]); ok && b[1] == 'x' {
			dst, n = append(dst, v), 4
		} else if r, size := unicodeEscape(b); size > 0 {
			dst, n = utf8.AppendRune(dst, r), size
		} else {
			dst = append(dst, b[:2]...)
		}
		b = b[n:]
	}
}

// unicodeEscape reads \uXXXX, or two of them that are a surrogate pair, at the start
// of b. size is 0 if there is none.
func unicodeEscape(b []byte) (r rune, size int) {
	r, ok := unicodeUnit(b)
	if !ok {
		return 0, 0
	}
	if utf16.IsSurrogate(r) {
		if low, ok := unicodeUnit(b[6:]); ok {
			if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
				return pair, 12
			}
		}
		return utf8.RuneError, 6
	}
	return r, 6
}

func unicodeUnit(b []byte) (rune, bool) {
	if len(b) < 6 || b[0] != '\\' || b[1] != 'u' {
		return 0, false
	}
	high, ok1 := hexByte(b[2:])
	low, ok2 := hexByte(b[4:])
	return rune(high)<<8 | rune(low), ok1 && ok2
}

func appendPlus(dst, b []byte) []byte {
	for _, c := range b {
		if c == '+' {
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

func appendPlusOutsideQuotes(dst, b []byte) []byte {
	quoted := false
	for _, c := range b {
		switch {
		case c == '"':
			quoted = !quoted
		case c == '+' && !quoted:
			c = ' '
		}
		dst = append(dst, c)
	}
	return dst
}

func appendPercent(dst, b []byte) []byte    { return appendHex(dst, b, '%') }
func appendNumberSign(dst, b []byte) []byte { return appendHex(dst, b, '#') }

// appendHex appends b with mark and two hexadecimal digits resolved.
func appendHex(dst, b []byte, mark byte) []byte {
	for {
		i := bytes.IndexByte(b, mark)
		if i < 0 {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		b = b[i+1:]
		if v, ok := hexByte(b); ok {
			dst, b = append(dst, v), b[2:]
		} else {
			dst = append(dst, mark)
		}
	}
}

// hexByte reads two hexadecimal digits at the start of b.
func hexByte(b []byte) (byte, bool) {
	if len(b) < 2 {
		return 0, false
	}
	high, low := hexDigits[b[0]], hexDigits[b[1]]
	return high<<4 | low&15, high < 16 && low < 16
}

var hexDigits = func() (t [256]byte) {
	for i := range t {
		t[i] = 255
	}
	for i := range byte(10) {
		t['0'+i] = i
	}
	for i := range byte(6) {
		t['a'+i], t['A'+i] = 10+i, 10+i
	}
	return t
}()
