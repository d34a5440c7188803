package accesslog

import "bytes"

// A jsonScanner reads the JSON of one line without building anything. It takes also
// what is not quite JSON but written by servers: the \xHH of Apache and nginx, and
// bytes that are not UTF-8.
type jsonScanner struct {
	b   []byte
	pos int
	bad bool
}

// open enters the object at the position, after blanks.
func (s *jsonScanner) open() bool {
	if s.peek() != '{' {
		s.bad = true
		return false
	}
	s.pos++
	return true
}

// next goes to the value of the next member of the object that was entered, and
// returns its key, as it is written. At the end of the object, and at what is no JSON,
// ok is false.
func (s *jsonScanner) next() (key []byte, ok bool) {
	if s.peek() == ',' {
		s.pos++
	}
	switch s.peek() {
	case '}':
		s.pos++
		return nil, false
	case '"':
		k := s.str()
		if s.peek() == ':' && !s.bad {
			s.pos++
			return s.b[k.start:k.end], true
		}
	}
	s.bad = true
	return nil, false
}

// peek skips blanks and returns the byte after them, or 0 at the end.
func (s *jsonScanner) peek() byte {
	for s.pos < len(s.b) {
		if c := s.b[s.pos]; c != ' ' && c != '\t' {
			return c
		}
		s.pos++
	}
	return 0
}

// value skips the value at the position and returns what there is to read of it: the
// inside of a string, a number or other word, the only element of an array, or else
// an array as it is. It is the zero span for an object.
func (s *jsonScanner) value() span {
	switch s.peek() {
	case '"':
		return s.str()
	case '[':
		return s.array()
	case '{':
		s.skip()
		return span{}
	case 0, ',', '}', ']', ':':
		s.bad = true
		return span{}
	}
	return s.word()
}

// str reads the string at the position.
func (s *jsonScanner) str() span {
	start := s.pos + 1
	end := closingQuote(s.b, start)
	if end < 0 {
		s.bad, s.pos = true, len(s.b)
		return span{}
	}
	s.pos = end + 1
	return span{uint32(start), uint32(end)}
}

// closingQuote is the index of the first quote from start that is not escaped, or -1.
func closingQuote(b []byte, start int) int {
	for i := start; ; i++ {
		n := bytes.IndexByte(b[i:], '"')
		if n < 0 {
			return -1
		}
		if i += n; !escaped(b[start:i]) {
			return i
		}
	}
}

// escaped reports whether what follows b is escaped: b ends with an odd number of
// backslashes.
func escaped(b []byte) bool {
	n := len(b)
	for n > 0 && b[n-1] == '\\' {
		n--
	}
	return (len(b)-n)%2 == 1
}

// word reads a number, true, false or null.
func (s *jsonScanner) word() span {
	start := s.pos
	for s.pos < len(s.b) {
		switch s.b[s.pos] {
		case ',', '}', ']', ' ', '\t', '"', '{', '[', ':':
			return span{uint32(start), uint32(s.pos)}
		}
		s.pos++
	}
	return span{uint32(start), uint32(s.pos)}
}

func (s *jsonScanner) array() span {
	start := s.pos
	s.skip()
	if s.bad {
		return span{}
	}
	inner := jsonScanner{b: s.b[:s.pos-1], pos: start + 1}
	if inner.peek() == '"' {
		if v := inner.str(); inner.peek() == 0 {
			return v
		}
	}
	return span{uint32(start), uint32(s.pos)}
}

// skip skips the array or object at the position.
func (s *jsonScanner) skip() {
	for depth := 0; s.pos < len(s.b); {
		switch s.b[s.pos] {
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		case '"':
			s.str()
			continue
		}
		if s.pos++; depth == 0 {
			return
		}
	}
	s.bad = true
}

// isJSONArray reports whether v, of a line of JSON, is an array and not the inside of
// a string.
func isJSONArray(line []byte, v span) bool {
	return v.start > 0 && v.start < v.end && line[v.start] == '[' && line[v.start-1] != '"'
}

// isJSONNothing reports whether v, of a line of JSON, is null or an empty array.
func isJSONNothing(line []byte, v span) bool {
	if v.start == 0 || line[v.start-1] == '"' {
		return false
	}
	switch text := line[v.start:v.end]; text[0] {
	case 'n':
		return string(text) == "null"
	case '[':
		return len(bytes.Trim(text, "[] \t")) == 0
	}
	return false
}

// joinJSONArray appends the strings of an array to scratch, combined like field lines
// (RFC 9110 §5.3).
func joinJSONArray(raw, scratch []byte) (value, grown []byte) {
	n := len(scratch)
	s := jsonScanner{b: raw, pos: 1}
	for i := 0; !s.bad; i++ {
		c := s.peek()
		if c == ']' || c == 0 {
			break
		}
		if c == ',' {
			s.pos++
			s.peek()
		}
		v := s.value()
		if i > 0 {
			scratch = append(scratch, ", "...)
		}
		scratch = appendBackslash(scratch, raw[v.start:v.end])
	}
	return scratch[n:len(scratch):len(scratch)], scratch
}
