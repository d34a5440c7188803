package capture

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

var inLine = lazyregexp.New(`((?:` + strings.Join(methods, "|") + `) \S+ HTTP/\d(?:\.\d)?|HTTP/\d(?:\.\d)? \d{3}[^\\"']*)\\r\\n`)

// inOneLine reads messages that a program, or strace, writes into one line each, with \r\n for the
// ends of their lines.
func inOneLine(t *transcript) func(string) {
	return func(line string) {
		for {
			at := inLine.FindStringIndex(line)
			if at == nil {
				return
			}
			rest := line[at[0]:]
			line = line[at[1]:]
			first, fields, _ := strings.Cut(rest, `\r\n`)
			head, content, whole := strings.Cut(fields, `\r\n\r\n`)
			if strings.HasPrefix(fields, `\r\n`) {
				head, content, whole = "", fields[len(`\r\n`):], true
			}
			begin, ok := parseStart(first)
			if !ok {
				continue
			}
			h := t.halfOf(begin.request, "")
			h.start(first)
			for field := range strings.SplitSeq(head, `\r\n`) {
				if field != "" {
					h.field(strings.ReplaceAll(field, `\"`, `"`))
				}
			}
			if !whole {
				h.lacks = "the line ends within the header section"
			}
			h.wire = false
			_ = content // where it ends in the line is not known
		}
	}
}
