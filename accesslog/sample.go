package accesslog

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	// maxSampleText bounds Sample.Text and maxSampleLine Entry.Sample, in bytes.
	maxSampleText = 200
	maxSampleLine = 1024
)

// credentials are what might let a reader of a sample in: the value of an
// authorization, and of query parameters that sign or name a session.
var credentials = regexp.MustCompile(`(?i)\b((?:basic|bearer|digest|negotiate|ntlm)(?: |\+|%20))[^ "',;+]+|` +
	`([?&; "](?:[a-z0-9_.-]*(?:token|secret|passw(?:or)?d|signature|session(?:id)?|credential|api[_-]?key)|sig|key|auth|code|pwd|sid)=)[^& "';]+`)

// Nothing matches credentials without one of these, in lower case. To look for them costs much less.
var credentialWords = []string{
	"basic", "bearer", "digest", "negotiate", "ntlm", "token", "secret", "passw", "signature", "session", "credential",
	"api", "sig=", "key=", "auth=", "code=", "pwd=", "sid=",
}

// mayHold reports whether text has one of words, whatever its case.
func mayHold(text []byte, words []string) bool {
	lower := bytes.ToLower(text)
	return slices.ContainsFunc(words, func(w string) bool { return bytes.Contains(lower, []byte(w)) })
}

// redacted replaces credentials.
const redacted = "REDACTED"

// safeText returns at most limit bytes of a line, with credentials replaced and what is
// not UTF-8 marked. It may be shown, but whoever does so must escape it for the place.
func safeText(line []byte, limit int) string {
	cut := line[:min(len(line), 4*limit)] // so that no credential is cut where it is not known any more
	safe := cut
	if mayHold(cut, credentialWords) {
		safe = credentials.ReplaceAll(cut, []byte("${1}${2}"+redacted))
	}
	text := strings.ToValidUTF8(string(safe), "\ufffd")
	if len(text) <= limit && len(cut) == len(line) {
		return text
	}
	text = text[:min(len(text), limit)]
	for len(text) > 0 && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]) {
		text = text[:len(text)-1]
	}
	return text + "…"
}

// Sample returns the line for people: at most 1024 bytes of it, with the values that
// may hold credentials replaced. It may hold anything else, so escape it for the place
// where it is shown. The string may be kept.
func (e *Entry) Sample() string {
	if e.layout == nil {
		return ""
	}
	line := e.line
	var secret []span
	for i, c := range e.layout.columns {
		if c.secret && e.columnState(i) == Present {
			secret = append(secret, e.spans[i])
		}
	}
	if len(secret) > 0 {
		line = replaceSpans(line, secret)
	}
	if e.layout.isJSON() {
		line = redactJSON(line)
	}
	return safeText(line, maxSampleLine)
}

func replaceSpans(line []byte, spans []span) []byte {
	slices.SortFunc(spans, func(a, b span) int { return int(a.start) - int(b.start) })
	var b []byte
	pos := uint32(0)
	for _, s := range spans {
		if s.start >= pos {
			b = append(append(b, line[pos:s.start]...), redacted...)
			pos = s.end
		}
	}
	return append(b, line[pos:]...)
}

func (l *layout) isJSON() bool {
	switch l.splitter.(type) {
	case *jsonTree, *jsonRequest:
		return true
	}
	return false
}

// redactJSON replaces the values of members that are secret by their name, at any depth.
func redactJSON(line []byte) []byte {
	if !mayHold(line, secretWords) {
		return line
	}
	return jsonSecret.ReplaceAllFunc(line, func(member []byte) []byte {
		name, _, _ := bytes.Cut(member[1:], []byte{'"'})
		if !isSecretHeader(strings.ToLower(string(name))) {
			return member
		}
		return append(append([]byte{'"'}, name...), `":"`+redacted+`"`...)
	})
}

// Every name that isSecretHeader knows has one of these.
var secretWords = []string{"authorization", "cookie", "x-api-key", "x-csrf-token", "token", "secret", "password"}

// jsonSecret matches a member with a string or an array of strings.
var jsonSecret = regexp.MustCompile(`"[A-Za-z0-9_-]+"[ \t]*:[ \t]*("(?:[^"\\]|\\.)*"|\[(?:[^"\]]|"(?:[^"\\]|\\.)*")*\])`)
