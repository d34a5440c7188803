package etag

import "strings"

// Difference is a difference of form between two texts for the same tag.
type Difference uint8

const (
	// WeakPrefix: one has W/.
	WeakPrefix Difference = iota + 1
	// CodingMark: one has the mark of a content coding, or each of another.
	CodingMark
	// Quotes: one has no quotes, or twice as many, or others.
	Quotes
	// Escapes: one has its quotes escaped with \, %22 or &quot;, or is percent-encoded.
	Escapes
	// Case: they differ in upper and lower case.
	Case
)

var differences = [...]string{
	WeakPrefix: "the prefix W/",
	CodingMark: "the mark of a content coding",
	Quotes:     "the quotes around it",
	Escapes:    "escaped characters",
	Case:       "upper and lower case",
}

// String says what the difference is in, as in "the prefix W/".
func (d Difference) String() string {
	if d == 0 || int(d) >= len(differences) {
		return "form"
	}
	return differences[d]
}

// normal is a text with what clients, servers and logs do to a tag undone.
type normal struct {
	// core is the opaque text without anything around it, and whole is that with its marks.
	core, whole string
	// weak is set if there was a W/, and lower if it was w/.
	weak, lower bool
	// inner is set if the W/ was inside the quotes.
	inner bool
	// mark is all the marks of content codings, as in "-gzip", and coding what the last one
	// stands for in Content-Encoding.
	mark, coding string
	// before and after are the numbers of quotes, single those of apostrophes.
	before, after, single int
	// escapes is the kinds of escapes there were, and escaped their number.
	escapes escapeKind
	escaped int
}

// maxRounds is how often quotes and escapes around others are undone. A text that has more
// was not made by accident; it is left as it is.
const maxRounds = 4

// normalise undoes, from the outside in, spaces, escapes, W/, quotes and coding marks.
// Normalising what it returns as core changes nothing.
func normalise(text string) normal {
	n := normal{core: text}
	for range maxRounds {
		before := n.core
		n.undoSpace()
		n.undoEscapes()
		n.undoWeak()
		n.undoQuotes()
		n.undoMarks()
		if n.core == before {
			if n.whole == "" {
				n.whole = n.core
			}
			return n
		}
	}
	return normal{core: text, whole: text}
}

func (n *normal) undoSpace() { n.core = strings.Trim(n.core, " \t") }

func (n *normal) undoWeak() {
	if len(n.core) < 3 || n.core[1] != '/' || n.core[0]|0x20 != 'w' {
		return
	}
	n.inner = n.before > 0
	n.weak, n.lower = true, n.core[0] == 'w'
	n.core = n.core[2:]
}

// undoQuotes removes quotes at either end, also a single one that a careless client left,
// and apostrophes if they are at both ends.
func (n *normal) undoQuotes() {
	for strings.HasPrefix(n.core, `"`) {
		n.core = n.core[1:]
		n.before++
	}
	for strings.HasSuffix(n.core, `"`) {
		n.core = n.core[:len(n.core)-1]
		n.after++
	}
	for len(n.core) > 2 && n.core[0] == '\'' && n.core[len(n.core)-1] == '\'' {
		n.core = n.core[1 : len(n.core)-1]
		n.single++
	}
}

// marks are what programs put behind a tag when they apply a content coding. Longer ones
// come first. A semicolon and no coding is how LiteSpeed marks the identity.
var marks = [...]struct{ mark, coding string }{
	{"--gzip", "gzip"}, {"--br", "br"}, {"--zstd", "zstd"}, {"--deflate", "deflate"},
	{"-gzip", "gzip"}, {"-br", "br"}, {"-zstd", "zstd"}, {"-deflate", "deflate"}, {"-compress", "compress"},
	{"-df", "deflate"}, {";gz", "gzip"}, {";br", "br"}, {";;;", ""},
}

// plainDeflateMark is what Apache Traffic Server puts behind the tag of what it compresses. One tag
// with it is as likely one that ends in a size in hexadecimal, but not beside the same tag without
// it.
const plainDeflateMark = "-df"

// netlifyMark is what must be before "-df", which without it is as likely a size in
// hexadecimal.
const netlifyMark = "-ssl"

func (n *normal) undoMarks() {
	for {
		cut, coding, ok := cutMark(n.core)
		if !ok {
			return
		}
		if n.whole == "" {
			n.whole = n.core
		}
		if n.mark == "" {
			n.coding = coding
		}
		n.mark = n.core[cut:] + n.mark
		n.core = n.core[:cut]
	}
}

// cutMark finds the mark at the end of s; something must be before it.
func cutMark(s string) (cut int, coding string, ok bool) {
	trimmed := trimGeneration(s)
	for i := range marks {
		m := &marks[i]
		of := s
		if m.mark[0] == '-' {
			of = trimmed
		}
		rest, found := strings.CutSuffix(of, m.mark)
		if m.mark == "-df" {
			found = found && strings.HasSuffix(rest, netlifyMark)
		}
		if found && rest != "" {
			return len(rest), m.coding, true
		}
	}
	return 0, "", false
}

// trimGeneration removes the number of an encoder's generation, as in "-gzip2": one or
// two digits, not 0 or 1, behind a letter.
func trimGeneration(s string) string {
	end := len(s)
	for end > 0 && len(s)-end < 2 && isDigit(s[end-1]) {
		end--
	}
	digits := s[end:]
	if digits == "" || digits[0] == '0' || digits == "1" || end == 0 || isDigit(s[end-1]) {
		return s
	}
	return s[:end]
}

// candidates are the texts that may be of a dialect: without the marks, and with them, as what
// looks like a mark may be part of it; and likewise for W/ inside the quotes.
func (n *normal) candidates() []candidate {
	list := make([]candidate, 1, 3)
	list[0] = candidate{text: n.core, weak: n.weak, mark: n.mark, coding: n.coding}
	if n.mark != "" {
		list = append(list, candidate{text: n.whole, weak: n.weak})
	}
	if n.inner && !n.lower {
		list = append(list, candidate{text: "W/" + n.whole})
	}
	return list
}

// compare returns what differs between the forms of two texts whose core is the same, save
// perhaps for case.
func (n *normal) compare(m *normal) []Difference {
	var list []Difference
	add := func(d Difference, differs bool) {
		if differs {
			list = append(list, d)
		}
	}
	add(WeakPrefix, n.weak != m.weak)
	add(CodingMark, n.mark != m.mark)
	add(Quotes, n.before != m.before || n.after != m.after || n.single != m.single || n.weak && m.weak && n.inner != m.inner)
	add(Escapes, n.escapes != m.escapes || n.escaped != m.escaped)
	add(Case, n.core != m.core || n.weak && m.weak && n.lower != m.lower)
	if list == nil {
		add(Escapes, n.escaped > 0)
		add(Quotes, n.escaped == 0)
	}
	return list
}

// minCase is the shortest text whose case can be a matter of form; "a" and "A" are more likely
// two versions.
const minCase = 6

// sameCore reports whether a and b are one text but for a change of case, which makes all of a text
// lower or upper case: two texts of mixed case, as base64 is, are two versions even if they differ
// by the case of a letter only.
func sameCore(a, b string) bool {
	return a == b || len(a) >= minCase && strings.EqualFold(a, b) && (oneCase(a) || oneCase(b))
}

func oneCase(s string) bool { return s == strings.ToLower(s) || s == strings.ToUpper(s) }

// escapeKind is a set of ways to escape.
type escapeKind uint8

const (
	backslashed escapeKind = 1 << iota // \" \x22 \u0022 \/
	entities                           // &quot; &#34; &#x22;
	percent                            // %22
)

// escapeTable has the escapes that stand for one character. Percent-encoding is apart.
var escapeTable = [...]struct {
	text string
	char byte
	kind escapeKind
}{
	{`\"`, '"', backslashed}, {`\x22`, '"', backslashed}, {`\u0022`, '"', backslashed}, {`\/`, '/', backslashed},
	{"&quot;", '"', entities}, {"&#34;", '"', entities}, {"&#x22;", '"', entities},
}

func (n *normal) undoEscapes() {
	if !strings.ContainsAny(n.core, `\&%`) {
		return
	}
	plain := make([]byte, 0, len(n.core))
	for i := 0; i < len(n.core); {
		char, length, kind := escape(n.core[i:])
		if length > 1 {
			n.escapes |= kind
			n.escaped++
		}
		plain = append(plain, char)
		i += length
	}
	n.core = string(plain)
}

// escape reads the character at the start of s and how many bytes stand for it.
func escape(s string) (char byte, length int, kind escapeKind) {
	switch s[0] {
	case '%':
		if char, ok := percentDecoded(s); ok {
			return char, len("%22"), percent
		}
	case '\\', '&':
		for i := range escapeTable {
			if e := &escapeTable[i]; strings.HasPrefix(s, e.text) {
				return e.char, len(e.text), e.kind
			}
		}
	}
	return s[0], 1, 0
}

// percentDecoded returns the character that %HH at the start of s stands for, if it can be
// seen.
func percentDecoded(s string) (byte, bool) {
	if len(s) < 3 {
		return 0, false
	}
	high, low := hexDigit(s[1]), hexDigit(s[2])
	if high < 0 || low < 0 {
		return 0, false
	}
	char := byte(high<<4 | low)
	return char, char > ' ' && char < 0x7f
}
