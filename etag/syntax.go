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

var faults = [...]struct{ name, text string }{
	None:         {"none", "well formed"},
	Empty:        {"empty", `empty; the tag with no characters is written ""`},
	Unquoted:     {"unquoted", `entity tags need quotes: "abc"`},
	SingleQuoted: {"single-quoted", `entity tags need double quotes: "abc"`},
	LowerCaseW:   {"lower-case-w", `the prefix of a weak tag is an upper-case W/: W/"abc"`},
	Unterminated: {"unterminated", `the closing quote is missing: "abc"`},
	Space:        {"space", "an entity tag cannot contain a space"},
	Control:      {"control", "an entity tag cannot contain control characters"},
	TextAfter:    {"text-after", `nothing may follow the closing quote (a quote cannot be escaped); tags are separated by commas: "abc", "def"`},
}

// Name returns the fault in kebab case, such as "single-quoted". Names do not
// change.
func (f Fault) Name() string {
	if int(f) >= len(faults) {
		return "unknown"
	}
	return faults[f].name
}

// String returns the fault and what to write instead, for people.
func (f Fault) String() string {
	if int(f) >= len(faults) {
		return "malformed"
	}
	return faults[f].text
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
