package etag

// Fault says why a text is not an entity tag.
type Fault uint8

const (
	// None: it is one.
	None Fault = iota
	// Empty: there is no text at all.
	Empty
	// Unquoted: the opaque-tag has no quotes around it.
	Unquoted
	// SingleQuoted: it has apostrophes around it instead of quotes.
	SingleQuoted
	// LowerCaseW: w/ instead of W/, which is case-sensitive.
	LowerCaseW
	// Unterminated: the closing quote is missing.
	Unterminated
	// Space: there is a space inside the quotes.
	Space
	// Control: there is a control character inside the quotes.
	Control
	// TextAfter: something follows the closing quote.
	TextAfter
)

// String returns the fault and what to write instead, for people.
func (f Fault) String() string {
	switch f {
	case None:
		return "well formed"
	case Empty:
		return `empty; the tag with no characters is written ""`
	case Unquoted:
		return `entity tags need quotes: "abc"`
	case SingleQuoted:
		return `entity tags need double quotes: "abc"`
	case LowerCaseW:
		return `the prefix of a weak tag is an upper-case W/: W/"abc"`
	case Unterminated:
		return `the closing quote is missing: "abc"`
	case Space:
		return "an entity tag cannot contain a space"
	case Control:
		return "an entity tag cannot contain control characters"
	case TextAfter:
		return `nothing may follow the closing quote (a quote or backslash cannot be escaped inside); tags are separated by commas: "abc", "def"`
	}
	return "malformed"
}

// scan reads one entity-tag at the start of s, and returns where it ends or
// where its fault shows.
//
//	entity-tag = [ weak ] opaque-tag
//	weak       = %s"W/"
//	opaque-tag = DQUOTE *etagc DQUOTE
//	etagc      = %x21 / %x23-7E / obs-text
func scan(s string) (end int, fault Fault) {
	i := 0
	if len(s) > 1 && s[1] == '/' && s[0]|0x20 == 'w' {
		if s[0] == 'w' {
			return 0, LowerCaseW
		}
		i = len("W/")
	}
	if i == len(s) {
		if i == 0 {
			return 0, Empty
		}
		return i, Unquoted
	}
	switch s[i] {
	case '"':
	case '\'':
		return i, SingleQuoted
	default:
		return i, Unquoted
	}
	for i++; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return i + 1, None
		case c == ' ':
			return i, Space
		case c < ' ' || c == 0x7f:
			return i, Control
		}
	}
	return len(s), Unterminated
}
