package accesslog

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

const (
	// maxSampleText bounds Sample.Text and maxSampleLine Entry.Sample, in bytes.
	maxSampleText = 200
	maxSampleLine = 1024
)

// safeText returns at most limit bytes of a line, with credentials replaced and what is
// not UTF-8 marked. It may be shown, but whoever does so must escape it for the place.
func safeText(line []byte, limit int) string {
	cut := line[:min(len(line), 4*limit)] // so that no credential is cut where it is not known any more
	text := secret.Line(strings.ToValidUTF8(string(cut), "\ufffd"))
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
	var hidden []span
	for i, c := range e.layout.columns {
		if c.secret && e.columnState(i) == Present {
			hidden = append(hidden, e.spans[i])
		}
	}
	if len(hidden) > 0 {
		line = replaceSpans(line, hidden)
	}
	return safeText(line, maxSampleLine)
}

func replaceSpans(line []byte, spans []span) []byte {
	slices.SortFunc(spans, func(a, b span) int { return int(a.start) - int(b.start) })
	var b []byte
	pos := uint32(0)
	for _, s := range spans {
		if s.start >= pos {
			b = append(append(b, line[pos:s.start]...), secret.Mark...)
			pos = s.end
		}
	}
	return append(b, line[pos:]...)
}
