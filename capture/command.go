package capture

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// This file reads the command that browsers make with "Copy as cURL" and that people write in
// reports: a request, and no response.

var commandLine = lazyregexp.New(`(?m)^[ \t]*(?:[$#%>] ?)?curl(?:\.exe)? [^\n]*(?:https?://|-H |--header |-X |\\\r?$)`)

// isCommand reports whether head has a command, and nothing that it printed.
func isCommand(head []byte) bool {
	return commandLine.Match(head) && !isTrace(head) && !startAnywhere.Match(head)
}

// isCall returns what reports whether head has a call that a pattern matches, and nothing of what
// came of it.
func isCall(call *lazyregexp.Regexp) func(head []byte) bool {
	return func(head []byte) bool {
		return call.Match(head) && !startAnywhere.Match(head) && !devtoolsSigns.Match(head)
	}
}

// caret is how cmd.exe escapes what follows it.
var caret = lazyregexp.New(`\^(.)`)

// startAnywhere is the first line of a message, whatever stands before it.
var startAnywhere = lazyregexp.New(startLine)

// curlCommand reads a command of curl, over several lines if they end in a backslash.
func curlCommand(t *transcript) func(string) {
	t.noResponse = "there is only the command: run it with -v, and take what it prints"
	text, open, carets := "", false, false
	return func(line string) {
		if !open {
			if !commandLine.MatchString(line + "\n") {
				return
			}
			text = ""
			carets = strings.Contains(line, `^"`)
		}
		if carets {
			line = caret.ReplaceAllString(line, "$1")
		}
		more, continued := strings.CutSuffix(strings.TrimRight(line, " \t"), "\\")
		if !continued {
			more, continued = strings.CutSuffix(more, "^") // of cmd.exe
		}
		text += more + " "
		t.grow(len(more))
		if open = continued && len(text) < maxSection; !open {
			t.command(words(text))
		}
	}
}

// words splits a command as a shell does, without what expands.
func words(text string) (list []string) {
	var w strings.Builder
	quote, inWord := byte(0), false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case quote == '\'':
			if c == quote {
				quote = 0
			} else {
				w.WriteByte(c)
			}
		case c == '\\' && i+1 < len(text):
			i++
			w.WriteByte(text[i])
			inWord = true
		case quote == '"':
			if c == quote {
				quote = 0
			} else {
				w.WriteByte(c)
			}
		case c == '\'' || c == '"':
			quote, inWord = c, true
		case c == '$' && i+1 < len(text) && text[i+1] == '\'': // ANSI-C quoting of bash
		case c == ' ' || c == '\t':
			if inWord {
				list = append(list, w.String())
				w.Reset()
			}
			inWord = false
		default:
			w.WriteByte(c)
			inWord = true
		}
	}
	if inWord {
		list = append(list, w.String())
	}
	return list
}

// command tells of the request that a command makes.
func (t *transcript) command(words []string) {
	h := t.request("")
	h.wire = false
	for i := 0; i < len(words); i++ {
		word, next := words[i], ""
		if i+1 < len(words) {
			next = words[i+1]
		}
		switch {
		case word == "-X" || word == "--request":
			h.method = next
			i++
		case strings.HasPrefix(word, "-X") && len(word) > 2:
			h.method = word[2:]
		case word == "-H" || word == "--header":
			h.field(next)
			i++
		case word == "-I" || word == "--head":
			h.method = firstOf(h.method, "HEAD")
		case word == "-T" || word == "--upload-file":
			h.method = firstOf(h.method, "PUT")
			i++
		case strings.HasPrefix(word, "--data") || word == "-d":
			h.method = firstOf(h.method, "POST")
			i++
		case word == "--url":
			h.url(next)
			i++
		case strings.HasPrefix(word, "http://") || strings.HasPrefix(word, "https://"):
			h.url(word)
		case word == "-o" || word == "-u" || word == "-A" || word == "-b" || word == "-e" || word == "-m" || word == "-x":
			i++
		}
	}
	h.method = firstOf(h.method, "GET")
}
