// Package netrc reads the file in which ftp, curl and git keep who to log in as on
// which machine.
//
//	entries, err := netrc.Parse(text)
//	…
//	entry, ok := netrc.Find(entries, "www.example.org")
//
// It is a list of words: "machine NAME login NAME password WORD", or "default" in
// place of the machine for all others; "account WORD" is read and of no use here, and
// "macdef" is passed over up to the next empty line. A word in double quotes may
// hold blanks, and \", \\, \n, \r and \t. A "#" where a new entry or its next
// part would begin is a comment up to the end of the line.
package netrc

import (
	"fmt"
	"strings"
)

// An Entry is what one machine is told. Machine is "" for the default.
type Entry struct {
	Machine, Login, Password string
}

// SyntaxError says what is wrong with a file. It quotes nothing of it, for what is out of
// place may be a password.
type SyntaxError struct {
	// Line counts from 1.
	Line  int
	Fault string
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Fault) }

// Find returns the first entry for a host, whose case does not matter, or else the
// default.
func Find(entries []Entry, host string) (Entry, bool) {
	for _, e := range entries {
		if e.Machine == "" || strings.EqualFold(e.Machine, host) {
			return e, true
		}
	}
	return Entry{}, false
}

// Parse reads a file. The error is a *SyntaxError. As for the programs that made the format, an entry after
// the default is never found.
func Parse(text string) ([]Entry, error) {
	r := &reader{rest: text, line: 1}
	var entries []Entry
	for {
		keyword, ok := r.keyword()
		if !ok {
			return entries, r.err
		}
		switch keyword {
		case "machine":
			name := r.value("the name of a machine")
			if name == "" {
				r.fail("the name of a machine is empty; for all others, write default")
				continue
			}
			entries = append(entries, Entry{Machine: name})
		case "default":
			entries = append(entries, Entry{})
		case "macdef":
			r.skipMacro()
		case "login", "password", "account":
			value := r.value("its value")
			if len(entries) == 0 {
				r.fail("login, password and account belong behind a machine or default")
				continue
			}
			entries[len(entries)-1].set(keyword, value)
		default:
			r.fail("expected machine, default, login, password, account or macdef")
		}
	}
}

func (e *Entry) set(keyword, value string) {
	switch keyword {
	case "login":
		e.Login = value
	case "password":
		e.Password = value
	}
}

// A reader cuts a file into words.
type reader struct {
	rest string
	line int
	err  error
}

const blanks = " \t\r\n"

// fail keeps the first error and ends the file.
func (r *reader) fail(fault string) {
	if r.err == nil {
		r.err = &SyntaxError{r.line, fault}
	}
	r.rest = ""
}

// take returns the first n bytes of what is left.
func (r *reader) take(n int) string {
	s := r.rest[:n]
	r.rest = r.rest[n:]
	r.line += strings.Count(s, "\n")
	return s
}

func (r *reader) skipBlanks() {
	r.take(len(r.rest) - len(strings.TrimLeft(r.rest, blanks)))
}

// keyword returns the next word that is not in a comment; false at the end.
func (r *reader) keyword() (string, bool) {
	for {
		r.skipBlanks()
		if !strings.HasPrefix(r.rest, "#") {
			break
		}
		r.skipLine()
	}
	if r.rest == "" {
		return "", false
	}
	return r.word(), true
}

// skipLine passes over the rest of the line.
func (r *reader) skipLine() {
	end := strings.IndexByte(r.rest, '\n')
	if end < 0 {
		end = len(r.rest) - 1
	}
	r.take(end + 1)
}

// value returns the word after a keyword.
func (r *reader) value(what string) string {
	r.skipBlanks()
	if r.rest == "" {
		r.fail("the file ends where " + what + " should be")
		return ""
	}
	if r.rest[0] == '"' {
		return r.quoted()
	}
	return r.word()
}

// word returns what is left up to the next blank.
func (r *reader) word() string {
	end := strings.IndexAny(r.rest, blanks)
	if end < 0 {
		end = len(r.rest)
	}
	return r.take(end)
}

// quoted returns the word in quotes with which the rest begins.
func (r *reader) quoted() string {
	var b strings.Builder
	for i := 1; i < len(r.rest); i++ {
		switch c := r.rest[i]; {
		case c == '"':
			r.take(i + 1)
			return b.String()
		case c == '\n':
			r.fail("a word in quotes does not end on its line")
			return ""
		case c == '\\' && i+1 < len(r.rest):
			i++
			b.WriteByte(unescape(r.rest[i]))
		default:
			b.WriteByte(c)
		}
	}
	r.fail("a word in quotes does not end")
	return ""
}

func unescape(c byte) byte {
	switch c {
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}

// skipMacro passes over a macro, which ends at an empty line.
func (r *reader) skipMacro() {
	for r.rest != "" {
		r.skipLine()
		if strings.HasPrefix(r.rest, "\n") || strings.HasPrefix(r.rest, "\r\n") {
			return
		}
	}
}
