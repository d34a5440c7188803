// Package sign knows what single values tell of a cause: tags, dates and targets as they stand in a
// request, whether a capture or a line of a log has it. What else is known decides what that proves,
// and is for those who ask: a capture has other evidence than a log.
package sign

import (
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
)

// Placeholder reports whether the text of a tag stands for "no version".
func Placeholder(text string) bool {
	switch strings.ToLower(text) {
	case "", "null", "nil", "none", "undefined", "nan", "unknown":
		return true
	}
	return strings.Trim(text, "0") == "" || strings.Trim(text, "0-") == "" && len(text) == len("00000000-0000-0000-0000-000000000000")
}

// wordsForNone are what programs send that have no tag, in lower case and without quotes.
var wordsForNone = []string{"null", "undefined", "none", "nil", "nan", "[object object]", "(null)", "false"}

// WordForNone reports whether a program that had no tag sent this in the place of one.
func WordForNone(value string) bool {
	word := strings.ToLower(strings.Trim(strings.TrimPrefix(value, "W/"), `"' `))
	if !slices.Contains(wordsForNone, word) {
		return false
	}
	// In quotes a word is a tag, save for those that no server would take for one.
	return !strings.Contains(value, `"`) || word != "false"
}

// Escaped reports whether a tag has, within its quotes, others in some notation.
func Escaped(tag string) bool {
	for _, mark := range []string{`\"`, "&quot;", "&#34;", "&#x22;", "%22"} {
		if strings.Contains(tag, mark) {
			return true
		}
	}
	inner := strings.TrimPrefix(tag, "W/")
	return len(inner) > 4 && strings.HasPrefix(inner, `""`) && strings.HasSuffix(inner, `""`)
}

// LacksQuotes reports whether a member is a tag but for its quotes. What was escaped, or stands for no
// value, is another matter.
func LacksQuotes(m etag.Member) bool {
	switch m.Fault {
	case etag.Unquoted, etag.SingleQuoted, etag.Unterminated, etag.LowerCaseW:
		noValue := Placeholder(m.Raw) && strings.Trim(m.Raw, "0-") != ""
		return !noValue && !Escaped(m.Raw) && !strings.Contains(m.Raw, "://") && !strings.Contains(strings.ToLower(m.Raw), "ignore")
	}
	return false
}

// WeakAlone reports whether a list has members, and all of them are weak tags.
func WeakAlone(list []etag.Member) bool {
	return len(list) > 0 && !slices.ContainsFunc(list, func(m etag.Member) bool { return m.Any || !m.Tag.IsWeak() })
}

// SyncToken reports whether a value looks like the token of a collection's state (RFC 6578), which
// some clients send for a tag.
func SyncToken(value string) bool {
	text := strings.Trim(strings.TrimPrefix(value, "W/"), `"`)
	return strings.Contains(text, "://") && strings.Contains(strings.ToLower(text), "sync")
}

// Date reports whether the value of a field for tags is a date, or is meant as one.
func Date(value string) bool {
	return strings.Count(value, ":") == 2 && Weekday(value) && strings.Contains(value, " ")
}

// Weekday reports whether a value begins with the English name of a day, as a date does.
func Weekday(value string) bool {
	for d := time.Sunday; d <= time.Saturday; d++ {
		if strings.HasPrefix(value, d.String()[:3]) {
			return true
		}
	}
	return false
}
