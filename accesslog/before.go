package accesslog

import "bytes"

// maxBefore bounds what is looked through for the beginning of a line.
const maxBefore = 240

// before is the length of what stands before a line that begins as the common log format or as an object of JSON does: the file and
// the number of grep, the name of a pod, marks of quotation, whatever a logger has put there. It is 0 if that is nothing, or may be a
// column: a host or forwarded addresses.
func before(line []byte) int {
	head := line[:min(len(line), maxBefore)]
	if n := bytes.Index(head, []byte(`{"`)); n > 0 && isMark(head[:n]) {
		return n
	}
	for n := 0; n < len(head); n++ {
		if n > 1 && head[n-1] == ':' && isDay(line[n:]) && bytes.IndexByte(head[:n], ' ') < 0 {
			return n // of a W3C log, as grep and findstr show it
		}
		if (n == 0 || boundary[head[n-1]]) && addressChar[head[n]] && isPeer(line[n:]) {
			if n > 0 && (mayBeColumn(head[:n]) || isInside(line, n) || head[n-1] == '"' && hasDoubled(line[n:])) {
				return 0
			}
			return n + counted(line, n)
		}
	}
	return 0
}

// counted is the length of the number of a line behind the name of a file, whose n bytes grep has put before it. Four digits that begin
// with 2 or 3 are taken for the first group of an IPv6 address.
func counted(line []byte, n int) int {
	end := n
	for end < len(line) && line[end] >= '0' && line[end] <= '9' {
		end++
	}
	if end-n == 4 && (line[n] == '2' || line[n] == '3') {
		return 0
	}
	if n > 0 && line[n-1] == ':' && end > n && end < len(line) && line[end] == ':' && isPeer(line[end+1:]) {
		return end + 1 - n
	}
	return 0
}

// isInside reports whether what begins at n is the end of a longer IPv6 address.
func isInside(line []byte, n int) bool {
	start, end := n, n
	for start > 0 && addressChar[line[start-1]] {
		start--
	}
	for end < len(line) && addressChar[line[end]] {
		end++
	}
	return start < n && isAddress(alias(line[start:end]))
}

// hasDoubled reports whether the quotation marks of a request are doubled, as in a value of a table
// with commas: then no column is where it should be.
func hasDoubled(line []byte) bool {
	i := bytes.Index(line, []byte(`] ""`))
	return i >= 0 && i+4 < len(line) && line[i+4] >= 'A' && line[i+4] <= 'Z'
}

// boundary are the bytes behind which an address may begin.
var boundary = byteSet(" \t:>|]=\"")

// addressChar are those that an address has, and a port behind it.
var addressChar = byteSet("0123456789abcdefABCDEF.:")

func byteSet(chars string) (t [256]bool) {
	for _, c := range []byte(chars) {
		t[c] = true
	}
	return t
}

// isMark reports whether what is before an object of JSON is no part of the line: blanks and marks of quotation, one word with a colon, or
// up to three words, which are names.
func isMark(head []byte) bool {
	head = bytes.Trim(head, "> \t")
	if _, isNumber := parseDigits(head); isNumber || len(head) == 0 {
		return true
	}
	words := 1
	for _, c := range head {
		switch {
		case c == ' ':
			words++
		case c == ':' && words == 1:
		case !isServiceName(c):
			return false
		}
	}
	return head[len(head)-1] == ':' || words <= 3 && (head[0] < '0' || head[0] > '9')
}

// isDay reports whether a line begins with a date and a time of day, as those of IIS do.
func isDay(line []byte) bool {
	const form = "2026-11-03 09:15:20 "
	return len(line) > len(form) && line[4] == '-' && line[7] == '-' && line[10] == ' ' &&
		line[13] == ':' && line[16] == ':' && line[19] == ' ' &&
		digits(line[:4])|digits(line[5:7])|digits(line[8:10]) >= 0
}

// isPeer reports whether a line begins with the address of a client as one does in the common log format, or in that of uvicorn.
func isPeer(line []byte) bool {
	end, colons, dots := 0, 0, 0
	for ; end < len(line) && addressChar[line[end]]; end++ {
		switch line[end] {
		case ':':
			colons++
		case '.':
			dots++
		}
	}
	if dots != 3 && colons < 2 || end == len(line) || line[end] != ' ' {
		return false
	}
	address := line[:end]
	if dots == 3 && colons == 1 {
		address = cutPort(address)
	}
	return isAddress(alias(address)) && isIdentified(line[end:])
}

// isIdentified reports whether what follows an address are two words and a time in brackets, or a dash and a request.
func isIdentified(rest []byte) bool {
	if hasPrefix(rest, ` - "`) {
		return true
	}
	for range 2 {
		end := bytes.IndexByte(rest[1:], ' ')
		if end <= 0 {
			return false
		}
		rest = rest[1+end:]
	}
	return hasPrefix(rest, " [")
}

// mayBeColumn reports whether what stands before the address is a column: one word that may be a host, or the last but one of
// several addresses.
func mayBeColumn(head []byte) bool {
	text, blank := bytes.CutSuffix(head, []byte{' '})
	if !blank {
		return false
	}
	if bytes.HasSuffix(text, []byte{','}) || bytes.HasSuffix(text, []byte{'/'}) {
		return true
	}
	first, second, two := bytes.Cut(text, []byte{' '})
	if two && (bytes.IndexByte(second, ' ') >= 0 || !isHost(alias(first))) {
		return false
	}
	if i := bytes.LastIndexByte(first, ':'); i >= 0 && digits(first[i+1:]) < 0 && !isAddress(alias(first)) {
		return false // no port of a host, but the container of a pod
	}
	for _, c := range first {
		if !isServiceName(c) && c != ':' || c == '/' || c == '@' {
			return false
		}
	}
	return len(first) > 0
}

// journalField is the name of a field of a journal with its "=", as journalctl -o export and -o verbose write it, each on a
// line of its own; -1 if a line has none.
func journalField(line []byte) (name, value []byte, ok bool) {
	line = bytes.TrimLeft(line, " ")
	name, _, ok = bytes.Cut(line[:min(len(line), 64)], []byte{'='})
	if !ok || len(name) < len("UID") {
		return nil, nil, false
	}
	for _, c := range name {
		if (c < 'A' || c > 'Z') && c != '_' && (c < '0' || c > '9') {
			return nil, nil, false
		}
	}
	return name, line[len(name)+1:], true
}

// isJournalHead reports whether a line begins an entry of journalctl -o verbose: a time and what the entry is found by.
func isJournalHead(line []byte) bool {
	return bytes.HasSuffix(line, []byte{']'}) && bytes.Contains(line, []byte(" [s=")) && bytes.Contains(line, []byte(";i="))
}
