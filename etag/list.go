package etag

import "iter"

// Member is one element of an If-Match or If-None-Match list.
type Member struct {
	// Tag is the entity tag, or zero for "*" and for a malformed member.
	Tag Tag
	// Any is set for a member that is "*". As the only member it is the
	// wildcard; beside others it is an error of the list that the caller judges.
	Any bool
	// Raw is the member as it was sent, without the spaces around it.
	Raw string
	// Fault says what is wrong with a malformed member; it is None otherwise.
	Fault Fault
}

// Lenient returns the tag that a malformed member was most likely meant to be:
// an opaque-tag without its quotes, as some clients send. ok is false when the
// text cannot be one even so.
func (m Member) Lenient() (t Tag, ok bool) {
	if m.Fault != Unquoted {
		return m.Tag, m.Fault == None && !m.Any
	}
	prefix, opaque := "", m.Raw
	if len(opaque) > 2 && opaque[:2] == "W/" {
		prefix, opaque = "W/", opaque[2:]
	}
	t, err := Parse(prefix + `"` + opaque + `"`)
	return t, err == nil
}

// Members yields the members of a list of entity tags (RFC 9110 §13.1.1,
// §5.6.1.2), given all field lines of the field in order. Empty elements are
// skipped, commas inside quotes do not separate, and a malformed member is
// yielded with its Fault and does not hide those after it. The iteration does
// not allocate.
func Members(lines []string) iter.Seq[Member] {
	return func(yield func(Member) bool) {
		for _, line := range lines {
			for rest := skipSeparators(line); rest != ""; rest = skipSeparators(rest) {
				m, n := member(rest)
				if !yield(m) {
					return
				}
				rest = rest[n:]
			}
		}
	}
}

// member reads the member at the start of s, which neither is empty nor begins
// with a separator, and the number of bytes it takes.
func member(s string) (Member, int) {
	end, fault := scan(s)
	if fault == None && !endsMember(s[end:]) {
		fault = TextAfter
	}
	if fault == None {
		return Member{Tag: Tag{s[:end]}, Raw: s[:end]}, end
	}
	end = malformedEnd(s, end, fault)
	raw := trimRight(s[:end])
	if raw == "*" {
		return Member{Any: true, Raw: raw}, end
	}
	return Member{Raw: raw, Fault: fault}, end
}

// malformedEnd finds where a malformed member ends: at the next comma, save that
// commas inside the quotes of what was meant to be a tag belong to it. from is
// where its fault shows.
func malformedEnd(s string, from int, fault Fault) int {
	if fault == LowerCaseW {
		if n, f := scan(s[len("w/"):]); f == None {
			from = len("w/") + n
		}
	}
	inside := fault == Space || fault == Control
	for i := from; i < len(s); i++ {
		switch {
		case s[i] == '"':
			inside = false
		case s[i] == ',' && !inside:
			return i
		}
	}
	return len(s)
}

// endsMember reports whether s, the text after a member, lets it end there.
func endsMember(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isSpace(s[i]) {
			return s[i] == ','
		}
	}
	return true
}

func skipSeparators(s string) string {
	for len(s) > 0 && (s[0] == ',' || isSpace(s[0])) {
		s = s[1:]
	}
	return s
}

func trimRight(s string) string {
	for len(s) > 0 && isSpace(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' }
