package capture

import (
	"fmt"
	"strings"
)

// section collects the lines of a header section, folded or not, before they become a Header,
// which could not be added to any more without showing credentials in part.
type section struct {
	limits Limits
	lines  []Line
	size   int // of names and values
	// unreadable and dropped count lines that are in no Header.
	unreadable, dropped int
}

// maxSection is what is kept of a header section, far beyond what servers accept.
const maxSection = 1 << 20

// add reads one line. cut says that it is only the beginning.
func (s *section) add(line string, cut bool) {
	if n := len(s.lines); n > 0 && line != "" && isBlank(line[0]) {
		s.fold(&s.lines[n-1], line, cut)
		return
	}
	name, value, ok := splitField(line)
	switch {
	case !ok:
		s.unreadable++
	case len(s.lines) >= s.limits.Fields, s.size+len(line) > maxSection:
		s.dropped++
	default:
		s.size += len(line)
		s.lines = append(s.lines, Line{Name: name, Value: value, Cut: cut})
	}
}

// fold appends an obsolete line folding (RFC 9112 §5.2).
func (s *section) fold(l *Line, more string, cut bool) {
	if more = trimBlank(more); more == "" {
		return
	}
	if len(l.Value)+len(more) >= s.limits.Line || s.size+len(more) > maxSection {
		l.Cut = true
		return
	}
	s.size += len(more)
	l.Value, l.Cut = strings.TrimLeft(l.Value+" "+more, " \t"), l.Cut || cut
}

// splitField splits a field line at its colon. The name of a pseudo-header field of HTTP/2
// (RFC 9113 §8.3) begins with one.
func splitField(line string) (name, value string, ok bool) {
	if line == "" {
		return "", "", false
	}
	i := strings.IndexByte(line[1:], ':')
	if i < 0 || line[0] == ':' && i == 0 {
		return "", "", false
	}
	name = strings.TrimRight(line[:i+1], " \t")
	if name == "" || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == '"' || r == 0x7f }) {
		return "", "", false
	}
	return name, trimBlank(line[i+2:]), true
}

// pseudo are the pseudo-header fields.
type pseudo struct{ method, scheme, authority, path, status string }

// header returns the lines, without pseudo-header fields, and these.
func (s *section) header() (h Header, p pseudo) {
	for _, l := range s.lines {
		switch l.Name {
		case ":method":
			p.method = l.Value
		case ":scheme":
			p.scheme = l.Value
		case ":authority":
			p.authority = l.Value
		case ":path":
			p.path = RedactURL(l.Value)
		case ":status":
			p.status = l.Value
		default:
			if l.Name[0] != ':' {
				h.add(l)
			}
		}
	}
	return h, p
}

// gap says what is wrong with the section, or "".
func (s *section) gap() string {
	switch {
	case s.dropped > 0:
		return fmt.Sprintf("%d field lines after the first %d were dropped", s.dropped, len(s.lines))
	case s.unreadable == 1:
		return "a line of the header section is not a field line"
	case s.unreadable > 1:
		return fmt.Sprintf("%d lines of the header section are not field lines", s.unreadable)
	}
	return ""
}

func isBlank(c byte) bool       { return c == ' ' || c == '\t' }
func trimBlank(s string) string { return strings.Trim(s, " \t\r\n") }
