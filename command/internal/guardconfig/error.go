package guardconfig

import (
	"fmt"
	"slices"
	"strings"
)

// Errors are the mistakes in a file, in its order.
type Errors []*Error

// Error returns the messages with their excerpts, one below the other.
func (errs Errors) Error() string {
	texts := make([]string, len(errs))
	for i, e := range errs {
		texts[i] = e.Error()
	}
	return strings.Join(texts, "\n")
}

// OneLine returns the messages without excerpts, for a log.
func (errs Errors) OneLine() string {
	texts := make([]string, len(errs))
	for i, e := range errs {
		texts[i] = e.OneLine()
	}
	return strings.Join(texts, "; ")
}

// Error is a mistake in a file.
type Error struct {
	File string
	// Line and Column count from 1, Column in characters.
	Line, Column int
	Message      string
	// Excerpt is the line itself, or "" if there is none.
	Excerpt string
}

// Error returns the message, where it is, and below it the line with a mark.
func (e *Error) Error() string {
	s := e.OneLine()
	if e.Excerpt == "" {
		return s
	}
	gutter := fmt.Sprintf("%5d | ", e.Line)
	return fmt.Sprintf("%s\n%s%s\n%*s%s^", s, gutter, e.Excerpt, len(gutter), "| ", strings.Repeat(" ", e.Column-1))
}

// OneLine returns the message, and where it is.
func (e *Error) OneLine() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

const (
	// maxErrors bounds how many mistakes are reported at once.
	maxErrors = 10
	// maxExcerpt bounds an excerpt in characters.
	maxExcerpt = 120
)

// lines splits a text at the line breaks of YAML.
func lines(text []byte) []string {
	return strings.Split(strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text)), "\n")
}

// excerpt returns a line of the text, made harmless for a terminal. It is "" if the
// column is too far to the right to be shown.
func excerpt(text []byte, line, column int) string {
	lines := lines(text)
	if line < 1 || line > len(lines) || column < 1 || column > maxExcerpt {
		return ""
	}
	shown := []rune(lines[line-1])
	if len(shown) > maxExcerpt {
		shown = append(shown[:maxExcerpt-1], '…')
	}
	for i, r := range shown {
		if r == '\t' || r < ' ' || r >= 0x7f && r <= 0x9f {
			shown[i] = ' '
		}
	}
	return string(shown)
}

// closest returns the word that someone who wrote name may have meant, or "".
func closest(name string, words []string) string {
	best, least := "", max(1, len(name)/3)+1
	for _, w := range words {
		if n := edits(name, w); n < least {
			best, least = w, n
		}
	}
	return best
}

// edits counts the characters to be changed, added or taken away to make b of a.
func edits(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		previous := slices.Clone(row)
		row[0] = i + 1
		for j := range len(b) {
			row[j+1] = min(previous[j+1], row[j]) + 1
			if a[i] == b[j] {
				row[j+1] = previous[j]
			} else {
				row[j+1] = min(row[j+1], previous[j]+1)
			}
		}
	}
	return row[len(b)]
}
