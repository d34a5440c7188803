package evaluate

import (
	"encoding/json"
	"strconv"
	"unicode/utf8"
)

// AppendJSON appends a as a line of JSON, with the id of its case (null if that
// is nil) and a newline. The members field and content_range are left out if there
// is none. One byte of a field value becomes one character.
//
// It is written by hand because the encoders of package json take strings for
// UTF-8, which field values need not be.
func (a *Answer) AppendJSON(b []byte, id json.RawMessage) []byte {
	b = append(b, `{"id":`...)
	if id == nil {
		b = append(b, "null"...)
	}
	b = append(b, id...)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(a.Status), 10)
	b = appendOptional(b, "field", a.Field)
	b = appendMember(b, "reason", a.Reason)
	b = appendMember(b, "section", a.Section)
	b = appendOptional(b, "content_range", a.ContentRange)
	b = append(b, `,"trace":[`...)
	for i := range a.Trace {
		if i > 0 {
			b = append(b, ',')
		}
		b = a.Trace[i].appendJSON(b)
	}
	return append(b, "]}\n"...)
}

func (s *Step) appendJSON(b []byte) []byte {
	b = append(b, `{"step":`...)
	b = strconv.AppendInt(b, int64(s.Number), 10)
	b = appendMember(b, "field", s.Field)
	b = appendMember(b, "sent", s.Sent)
	b = appendOptional(b, "current", s.Current)
	b = appendMember(b, "result", s.Result)
	b = appendMember(b, "reason", s.Reason)
	b = appendMember(b, "section", s.Section)
	b = appendMember(b, "text", s.Text)
	return append(b, '}')
}

func appendOptional(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	return appendMember(b, name, value)
}

// appendMember appends a member that is not the first. name is plain ASCII.
func appendMember(b []byte, name, value string) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

const hexDigits = "0123456789abcdef"

// appendString appends the bytes of s as a JSON string, a character each.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c == 0x7f:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		default:
			b = utf8.AppendRune(b, rune(c))
		}
	}
	return append(b, '"')
}
