package accesslog

import (
	"bytes"
	"unicode/utf8"
)

// maxWrappers bounds how many programs have put something before a line.
const maxWrappers = 4

// unwrap returns a line without what programs on its way have put around it: the container runtime
// of Kubernetes (CRI), kubectl, Docker and Compose, syslog (RFC 3164, RFC 5424) on the wire and in
// files, journald, and those that make the line a member of JSON. It may change the memory of line.
// A line with nothing around it is returned as it is, so that a file may have both.
func unwrap(line []byte) []byte {
	if bytes.IndexByte(line, '\x1b') >= 0 {
		line = withoutColors(line)
	}
	for range maxWrappers {
		if len(line) > 1 && line[0] == '{' && (line[1] == '"' || line[1] == ' ') {
			inner, ok := unwrapJSON(line)
			if !ok {
				return line
			}
			line = inner
			continue
		}
		n := wrapper(line)
		if n == 0 || n >= len(line) {
			return ofJournal(line)
		}
		line = line[n:]
	}
	return line
}

// ofJournal is the message that a field of a journal has, nothing of another field, and any other
// line as it is.
func ofJournal(line []byte) []byte {
	if len(line) == 0 || line[0] > '_' && line[0] != ' ' || line[0] == '[' {
		return line
	}
	switch name, value, ok := journalField(line); {
	case ok && string(name) == "MESSAGE":
		return value
	case ok || isJournalHead(line):
		return line[:0]
	}
	return line
}

// unwrapAll unwraps copies of lines, and reports whether that changed any of them.
func unwrapAll(lines [][]byte) (inner [][]byte, wrapped bool) {
	var head []byte // of a broken line
	for _, line := range lines {
		if n, _, partial := criMark(line); partial || n > 0 && head != nil {
			if head = append(head, line[n:]...); partial {
				wrapped = true
				continue
			}
			line, head = head, nil
		}
		in := unwrap(bytes.Clone(line))
		wrapped = wrapped || len(in) != len(line)
		if len(in) > 0 {
			inner = append(inner, in)
		}
	}
	return inner, wrapped
}

// wrapper is the length of what one program has put before the line; 0 if there is nothing.
func wrapper(line []byte) int {
	if len(line) < len("[a] ") {
		return 0
	}
	switch c := line[0]; {
	case c == '<':
		return priority(line)
	case c == ' ':
		blanks := len(line) - len(bytes.TrimLeft(line, " ")) // of cf logs
		if n := stamp(line[blanks:]); n > 0 {
			if tag := afterTime(line[blanks+n:]); tag > 0 {
				return blanks + n + tag
			}
		}
	case c == '[':
		if n := bracketed(line); n > 0 {
			return n
		}
		return before(line)
	case c >= '0' && c <= '9':
		if n := stamp(line); n > 0 {
			if len(line) > n+4 && line[n] == '[' && line[n+4] == ' ' && digits(line[n+1:n+4]) >= 0 {
				return 0 // the time and the status of a trace of MinIO
			}
			if brace := bytes.Index(line, []byte("\t{")); brace >= 0 && line[n-1] == '\t' {
				return brace + 1 // the tag, or level and place, and an object of JSON
			}
			tag := afterTime(line[n:])
			if tag == 0 && stamp(line[n:]) == 0 && bytes.Contains(line, []byte(towerMark)) {
				return 0 // the time that tower-http's lines begin with
			}
			return n + tag
		}
		if n := afterDigits(line); n != 0 {
			return max(n, 0)
		}
	}
	if n := oldTime(line); n > 0 {
		if tag := syslogTag(line[n:]); tag > 0 {
			return n + tag
		}
	}
	if n := pythonLogger(line); n > 0 {
		return n
	}
	if n := composed(line); n > 0 {
		return n
	}
	return before(line)
}

// afterDigits is the length of what stands before a line that begins with digits: the count of
// octets that RFC 6587 puts before a message of syslog, or the version of RFC 5424 without the
// priority. It is -1 if nothing does, as before an address, and 0 if that has to be found out.
func afterDigits(line []byte) int {
	n := 1
	for n < len(line) && line[n] >= '0' && line[n] <= '9' {
		n++
	}
	switch rest := line[n:]; {
	case len(rest) < 2:
		return -1
	case rest[0] == '.' && n <= 3:
		return -1 // an address, most likely
	case rest[0] == ' ' && rest[1] == '<':
		return n + 1
	case line[0] == '1' && rest[0] == ' ' && n == 1 && stamp(rest[1:]) > 0:
		return len("1 ") + syslog5424(line[2:])
	}
	return 0
}

// colorCode is an escape sequence of a terminal, as Compose writes around names.
func colorCode(line []byte) int {
	if len(line) < 3 || line[1] != '[' {
		return 0
	}
	for i, c := range line[2:] {
		if c == 'm' {
			return i + len("\x1b[m")
		}
		if (c < '0' || c > '9') && c != ';' {
			break
		}
	}
	return 0
}

// withoutColors takes the escape sequences of a terminal out of a line, in place.
func withoutColors(line []byte) []byte {
	kept := line[:0]
	for i := 0; i < len(line); {
		if n := 0; line[i] == '\x1b' {
			if n = colorCode(line[i:]); n > 0 {
				i += n
				continue
			}
		}
		kept = append(kept, line[i])
		i++
	}
	return kept
}

// pythonLogger is what Python's logging puts before a line by default, as in "INFO:werkzeug:".
func pythonLogger(line []byte) int {
	for _, level := range []string{"INFO:", "DEBUG:", "WARNING:", "ERROR:"} {
		if !hasPrefix(line, level) {
			continue
		}
		n := len(level)
		for n < len(line) && (isServiceName(line[n]) && line[n] != '/') {
			n++
		}
		if n > len(level) && n < len(line) && line[n] == ':' && !isAddress(alias(line[len(level):n])) {
			return n + 1
		}
	}
	return 0
}

// priority is that of syslog, as in <190>, with what follows it.
func priority(line []byte) int {
	end := bytes.IndexByte(line[:min(len(line), len("<191> "))], '>')
	if end < 2 || digits(line[1:end]) < 0 {
		return 0
	}
	n := end + 1
	if rest := line[n:]; bytes.HasPrefix(rest, []byte("1 ")) {
		return n + 2 + syslog5424(rest[2:])
	}
	return n
}

// syslog5424 is the rest of a header of RFC 5424: the time, four names and the structured data.
func syslog5424(line []byte) int {
	n := 0
	for range 5 {
		i := bytes.IndexByte(line[n:], ' ')
		if i < 0 {
			return 0
		}
		n += i + 1
	}
	if n += structuredData(line[n:]); n < len(line) && line[n] == ' ' {
		n++
	}
	if bytes.HasPrefix(line[n:], utf8BOM) {
		n += len(utf8BOM)
	}
	return n
}

// structuredData is the length of "-", or of elements in brackets; 0 if it is neither.
func structuredData(line []byte) (n int) {
	if len(line) > 0 && line[0] == '-' {
		return 1
	}
	for n < len(line) && line[n] == '[' {
		quoted := false
		for n++; n < len(line) && (quoted || line[n] != ']'); n++ {
			switch line[n] {
			case '\\':
				n++
			case '"':
				quoted = !quoted
			}
		}
		n++
	}
	return min(n, len(line))
}

// bracketed is a name in brackets, as kubectl logs --prefix writes it. A time is none, for it
// begins logs of Envoy.
func bracketed(line []byte) int {
	end := bytes.IndexByte(line, ']')
	if end < 2 || end+1 >= len(line) || line[end+1] != ' ' || bytes.IndexByte(line[:end], ' ') >= 0 || line[1] >= '0' && line[1] <= '9' {
		return 0
	}
	switch name := string(line[1:end]); name {
	case "debug", "info", "notice", "warning", "error":
		return 0 // the level of a line, as CouchDB writes it
	}
	return end + 2
}

// stamp is a time by RFC 3339 with the blank behind it, also with a comma, or without a colon in
// the zone.
func stamp(line []byte) int {
	const form = "0000-00-00T00:00:00"
	if len(line) <= len(form) || line[4] != '-' || line[7] != '-' || line[10] != 'T' || line[13] != ':' || line[16] != ':' {
		return 0
	}
	if digits(line[:4])|digits(line[5:7])|digits(line[8:10])|digits(line[11:13])|digits(line[14:16])|digits(line[17:19]) < 0 {
		return 0
	}
	n := len(form)
	if line[n] == '.' || line[n] == ',' {
		for n++; n < len(line) && line[n] >= '0' && line[n] <= '9'; n++ {
		}
	}
	zone := bytes.IndexByte(line[n:], ' ')
	if tab := bytes.IndexByte(line[n:min(len(line), n+8)], '\t'); tab >= 0 {
		zone = tab
	}
	if zone < 0 || zone > len("+00:00") || zone > 0 && !bytes.ContainsRune([]byte("Z+-"), rune(line[n])) {
		return 0
	}
	return n + zone + 1
}

// criMark is the time, the stream and the tag that a container runtime of Kubernetes puts before a
// line (CRI), their length and the stream. partial is set for a part of a line that the next of
// that stream goes on with.
func criMark(line []byte) (n int, stream byte, partial bool) {
	n = stamp(line)
	if n == 0 {
		return 0, 0, false
	}
	rest := line[n:]
	if len(rest) < len("stdout F ") || rest[7] != 'F' && rest[7] != 'P' || rest[8] != ' ' && rest[8] != ':' {
		return 0, 0, false
	}
	if !bytes.HasPrefix(rest, []byte("stdout ")) && !bytes.HasPrefix(rest, []byte("stderr ")) {
		return 0, 0, false
	}
	end := bytes.IndexByte(rest[8:], ' ') // there may be more tags, as in F:x
	if end < 0 {
		return 0, 0, false
	}
	return n + 8 + end + 1, rest[3], rest[7] == 'P'
}

// A broken line has been read in part: the rest follows in a line of its own.
type broken struct {
	text   []byte // in the memory of the chunk
	stream byte
	number int64 // of its first line, in the chunk
	offset int   // of that
	bytes  int   // of all its lines
}

// mend deals with a line of a file whose lines may be broken. If it is part of one, line is what is
// known of the whole, and more reports whether that is not all.
func (p *parser) mend(line []byte, offset, n int) (whole []byte, more bool) {
	mark, stream, partial := criMark(line)
	b := &p.broken
	if mark == 0 || b.text != nil && b.stream != stream {
		p.unmended()
		if !partial {
			return line, false
		}
	}
	rest := line[mark:]
	if !partial && b.text == nil {
		return rest, false
	}
	if b.text == nil {
		*b = broken{text: rest, stream: stream, number: p.batch.totals.Lines, offset: offset}
	} else {
		b.text = joinBefore(b.text, rest)
	}
	if b.bytes += n; partial {
		p.other(n)
	}
	return b.text, partial
}

// joinBefore moves head, which is before tail in the same memory, to the place right before it.
func joinBefore(head, tail []byte) []byte {
	at := cap(head) - cap(tail) // of tail, from the start of head
	all := head[:at+len(tail)]
	copy(all[at-len(head):at], head)
	return all[at-len(head):]
}

// unmended counts what was read of a line without an end.
func (p *parser) unmended() {
	b := &p.broken
	if b.text == nil {
		return
	}
	t := &p.batch.totals
	t.Other--
	t.OtherBytes -= int64(b.bytes)
	lines := t.Lines
	t.Lines = b.number
	p.bad(b.text, b.bytes, false)
	t.Lines = lines
	*b = broken{}
}

// endOfWhole returns where the last line of text that is not broken ends.
func endOfWhole(text []byte) int {
	end := len(text)
	for end > 0 {
		start := bytes.LastIndexByte(text[:end-1], '\n') + 1
		if n, _, partial := criMark(text[start:end]); n == 0 || !partial {
			return end
		}
		end = start
	}
	return 0
}

// afterTime is what follows the time: the stream and the tag of a container runtime, or a host and
// a program.
func afterTime(line []byte) int {
	if n := bytes.Index(line[:min(len(line), len("[RTR/10] OUT "))], []byte("] OUT ")); n > 0 && line[0] == '[' {
		return n + len("] OUT ") // of cf logs
	}
	for _, mark := range []string{"stdout F ", "stderr F ", "stdout P ", "stderr P "} {
		if hasPrefix(line, mark) {
			return len(mark)
		}
	}
	return syslogTag(line)
}

// oldTime is a time of RFC 3164, as in "Nov  3 09:15:20 ", or of journalctl, as in "Tue 2026-11-03 09:15:20 UTC ".
func oldTime(line []byte) int {
	const form, full = "Nov  3 09:15:20 ", "Tue 2026-11-03 09:15:20 "
	switch {
	case len(line) > len(form) && line[3] == ' ' && line[9] == ':' && line[12] == ':' && line[15] == ' ' && digits(line[7:9]) >= 0:
		return len(form)
	case len(line) > len(full) && line[3] == ' ' && line[8] == '-' && line[17] == ':' && line[20] == ':' && line[23] == ' ':
		if zone := bytes.IndexByte(line[len(full):], ' '); zone > 0 && zone <= len("+0000") {
			return len(full) + zone + 1
		}
	}
	return 0
}

// syslogTag is the name of a program with its colon, as in "nginx[123]: ", with or without the name
// of a host before it.
func syslogTag(line []byte) int {
	first := bytes.IndexByte(line, ' ')
	if first <= 0 {
		return 0
	}
	const end = "]:"
	n := bytes.Index(line[:min(len(line), 100)], []byte(end))
	if n > 0 && n+len(end) < len(line) && line[n+len(end)] != ' ' && bytes.Count(line[:n], []byte{' '}) <= 1 {
		return n + len(end) // nothing between the name and what it says
	}
	if line[first-1] == ':' {
		return first + 1
	}
	second := bytes.IndexByte(line[first+1:], ' ')
	if second > 0 && line[first+second] == ':' {
		return first + 1 + second + 1
	}
	return 0
}

// composed is the name of a service before a bar, as Docker Compose writes it.
func composed(line []byte) int {
	n := 0
	for n < len(line) && isServiceName(line[n]) {
		n++
	}
	if n == 0 {
		return 0
	}
	for n < len(line) && line[n] == ' ' {
		n++
	}
	if n+1 >= len(line) || line[n] != '|' {
		return 0
	}
	n++
	if n < len(line) && line[n] == ' ' {
		return n + 1
	}
	return 0
}

func isServiceName(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.' || c == '@' || c == '/'
}

// innerMembers are the members of JSON that have a line of a log: Docker's json-file, journalctl -o
// json, Fluent Bit, Google Cloud, Loki and Splunk.
var innerMembers = []string{"log", "MESSAGE", "message", "textPayload", "line", "_raw"}

// unwrapJSON returns the line that a member of an object has. It is unescaped in place, since it is
// never longer so.
func unwrapJSON(line []byte) (inner []byte, ok bool) {
	const first = `{"log":"` // of Docker, which writes nothing in between, so that the line need not be looked through twice
	if hasPrefix(line, first) && line[len(line)-1] == '}' {
		return stringInPlace(line, len(first))
	}
	s := jsonScanner{b: line}
	if !s.open() {
		return nil, false
	}
	for key, more := s.next(); more; key, more = s.next() {
		v := s.value()
		if string(key) == "MESSAGE" && isJSONArray(line, v) {
			return bytesInPlace(line, v)
		}
		for _, name := range innerMembers {
			if string(key) == name && v.start > 0 && v.end > v.start && line[v.start-1] == '"' {
				return unescapeInPlace(line, v)
			}
		}
	}
	return nil, false
}

// stringInPlace reads the string of JSON whose content begins at start, in its own memory: nothing
// is longer without escapes.
func stringInPlace(line []byte, start int) (text []byte, ok bool) {
	end := start // of what has been read
	for pos := start; ; {
		quote := bytes.IndexByte(line[pos:], '"')
		if quote < 0 {
			return nil, false
		}
		part := line[pos : pos+quote]
		escape := bytes.IndexByte(part, '\\')
		if escape >= 0 {
			part = part[:escape]
		}
		if end != pos {
			copy(line[end:], part)
		}
		end += len(part)
		if pos += len(part); escape < 0 {
			return bytes.TrimRight(line[start:end], "\r\n"), true
		}
		if pos+1 == len(line) {
			return nil, false
		}
		if c := simpleEscapes[line[pos+1]]; c != 0 {
			line[end] = c
			end, pos = end+1, pos+2
			continue
		}
		n := 2
		if r, size := unicodeEscape(line[pos:]); size > 0 {
			end, n = len(utf8.AppendRune(line[:end], r)), size
		} else {
			end += copy(line[end:], line[pos:pos+2])
		}
		pos += n
	}
}

// unescapeInPlace resolves the escapes of a string of JSON in its own memory: nothing is longer
// without them.
func unescapeInPlace(line []byte, v span) ([]byte, bool) {
	text := line[v.start:v.end]
	if first := bytes.IndexByte(text, '\\'); first >= 0 {
		text = text[:len(appendBackslash(text[:first], text[first:]))]
	}
	return bytes.TrimRight(text, "\r\n"), true
}

// bytesInPlace reads an array of numbers, as journalctl writes what it takes for no text, in its
// own memory.
func bytesInPlace(line []byte, v span) ([]byte, bool) {
	n := v.start
	for number := range bytes.SplitSeq(line[v.start+1:v.end-1], []byte{','}) {
		c, ok := parseDigits(bytes.TrimSpace(number))
		if !ok || c > 255 {
			return nil, false
		}
		line[n] = byte(c)
		n++
	}
	return bytes.TrimRight(line[v.start:n], "\r\n"), true
}
