// Package transcript plays conversations that are written down in text files, for tests. A line
// that begins with ">" is what a client sends, one with "<" what it gets, and one with "!" a
// directive; what else there is depends on the test, whose README.md says it.
package transcript

import (
	"bufio"
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/fourtwelve/fourtwelve/internal/content/coding"
)

var update = flag.Bool("update", false, "write what came out into testdata instead of comparing it")

// A Stage is what one section of a transcript is played on, from its "##" to the next.
type Stage interface {
	// Direct obeys a line that begins with "!", which is cut off.
	Direct(line string)
	// Exchange plays an exchange, the lines of which begin with ">", "<" or "2", and returns it
	// with what came out.
	Exchange(lines []string) []string
	Close()
}

// Run plays the files that match pattern, and compares what comes out with what they say, or
// writes it into them if the test has the flag -update.
func Run(t *testing.T, pattern string, newStage func(*testing.T) Stage) {
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no transcripts: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			after := play(t, string(before), newStage)
			if *update {
				if err := os.WriteFile(file, []byte(after), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			compareLines(t, file, string(before), after)
		})
	}
}

// compareLines reports the first difference in each section.
func compareLines(t *testing.T, file, want, got string) {
	t.Helper()
	wants, gots := strings.Split(want, "\n## "), strings.Split(got, "\n## ")
	line := 1
	for i := range wants {
		w, g := strings.Split(wants[i], "\n"), strings.Split(at(gots, i), "\n")
		for j := range max(len(w), len(g)) {
			if j >= len(w) || j >= len(g) || w[j] != g[j] {
				t.Errorf("%s:%d: ## %s\n got %s\nwant %s", file, line+j, w[0], at(g, j), at(w, j))
				break
			}
		}
		line += len(w)
	}
}

func at(lines []string, i int) string {
	if i < len(lines) {
		return lines[i]
	}
	return "(nothing)"
}

// play returns the transcript with what comes out now.
func play(t *testing.T, text string, newStage func(*testing.T) Stage) string {
	var out []string
	var s Stage
	closeStage := func() {
		if s != nil {
			s.Close()
		}
	}
	defer func() { closeStage() }()
	for lines := strings.Split(text, "\n"); len(lines) > 0; {
		switch line := lines[0]; {
		case strings.HasPrefix(line, ">"):
			n := exchangeOf(lines)
			out = append(out, s.Exchange(lines[:n])...)
			lines = lines[n:]
			continue
		case strings.HasPrefix(line, "## "):
			closeStage()
			s = newStage(t)
		case strings.HasPrefix(line, "! "):
			s.Direct(line[2:])
		}
		out, lines = append(out, lines[0]), lines[1:]
	}
	return strings.Join(out, "\n")
}

// exchangeOf counts the lines up to the end of the first exchange.
func exchangeOf(lines []string) int {
	n := 0
	for n < len(lines) && lines[n] != "" && strings.Contains("><2", lines[n][:1]) {
		n++
	}
	return n
}

// Prefixed counts the lines that begin with mark.
func Prefixed(lines []string, mark string) int {
	n := 0
	for n < len(lines) && strings.HasPrefix(lines[n], mark) {
		n++
	}
	return n
}

// Request makes a request of lines that begin with mark. Host is added to all, and
// Content-Length to what has content, unless they say otherwise.
func Request(lines []string, mark, host string) (request []byte, method string) {
	head, body, hasContent := Message(lines, mark)
	method, _, _ = strings.Cut(head[0], " ")
	if !HasField(head, "Host") {
		head = append(head, "Host: "+host)
	}
	if hasContent {
		head = WithLength(head, body)
	}
	return Bytes(head, body), method
}

// Message returns the lines before the first empty one, without mark, and the content that is after it.
func Message(lines []string, mark string) (head []string, body string, hasContent bool) {
	var content []string
	for i, line := range lines {
		line = strings.TrimPrefix(strings.TrimPrefix(line, mark), " ")
		if line == "" && content == nil && i > 0 {
			content = []string{}
		} else if content != nil {
			content = append(content, line)
		} else {
			head = append(head, line)
		}
	}
	return head, contentOf(content), content != nil
}

// HasField reports whether a header section has a field of that name, case aside.
func HasField(head []string, name string) bool {
	return slices.ContainsFunc(head[1:], func(line string) bool {
		n, _, _ := strings.Cut(line, ":")
		return strings.EqualFold(n, name)
	})
}

// WithLength adds Content-Length to a header section that does not say where the content ends.
func WithLength(head []string, body string) []string {
	if HasField(head, "Content-Length") || HasField(head, "Transfer-Encoding") {
		return head
	}
	return append(head, fmt.Sprintf("Content-Length: %d", len(body)))
}

// Bytes is a message as it is sent.
func Bytes(head []string, body string) []byte {
	return []byte(strings.Join(head, "\r\n") + "\r\n\r\n" + body)
}

// contentOf joins lines. A last line that ends in a backslash has no line feed
// after it, and a line that is a "\r" alone ends in CR LF.
func contentOf(lines []string) string {
	lines = unfolded(lines)
	content := strings.Join(lines, "\n")
	content = strings.ReplaceAll(content, `\r`, "\r")
	if cut, ok := strings.CutSuffix(content, `\`); ok {
		return cut
	}
	if len(lines) > 0 {
		content += "\n"
	}
	return content
}

// Answers reads the responses to a request with this method, to the final one, as lines
// that begin with mark.
func Answers(in *bufio.Reader, method, mark string) (lines []string) {
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return append(lines, mark+" (no answer)")
		}
		start := strconv.Itoa(resp.StatusCode) + " " + http.StatusText(resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		for _, line := range Lines(start, resp.Header, body, resp.Trailer, err) {
			lines = append(lines, strings.TrimRight(mark+" "+line, " "))
		}
		if resp.StatusCode >= 200 {
			return lines
		}
	}
}

// Lines shows a message: its first line, all fields by name, content and trailers. err is what
// ended the content.
func Lines(start string, header http.Header, body []byte, trailer http.Header, err error) []string {
	lines := append([]string{start}, fields("", header)...)
	if len(body) > 0 {
		lines = append(append(lines, ""), shownContent(header, body)...)
	}
	lines = append(lines, fields("(trailer) ", trailer)...)
	if err != nil {
		lines = append(lines, "(cut: "+err.Error()+")")
	}
	return lines
}

func fields(mark string, header http.Header) (lines []string) {
	encoded := header.Get("Content-Encoding") != ""
	for _, name := range slices.Sorted(maps.Keys(header)) {
		for _, value := range header[name] {
			value = hideRandom(value)
			if encoded {
				value = hideEncoder(name, value)
			}
			lines = append(lines, mark+shownName(name)+": "+value)
		}
	}
	return lines
}

// shownName undoes what net/http does to the name of a field.
func shownName(name string) string {
	if name == "Etag" {
		return "ETag"
	}
	return name
}

// madeUp is a name that POST has made up.
var madeUp = regexp.MustCompile(`/[a-z2-7]{26}\b`)

// hideRandom replaces what is random in a field, a boundary or a name that was
// made up, by a fixed text.
func hideRandom(value string) string {
	value = madeUp.ReplaceAllString(value, "/nnnnnnnnnnnnnnnnnnnnnnnnnn")
	before, boundary, found := strings.Cut(value, "boundary=")
	if !found {
		return value
	}
	return before + "boundary=" + strings.Repeat("B", len(boundary))
}

// hideEncoder replaces what depends on how well an encoder works.
func hideEncoder(name, value string) string {
	switch name {
	case "Content-Length":
		return "(length of the encoded content)"
	case "Content-Range":
		part, _, _ := strings.Cut(value, "/")
		return part + "/(length of the encoded content)"
	case "Repr-Digest":
		return "(digest of the encoded content)"
	}
	return value
}

// shownContent is content as lines: decoded, shortened, and with what is not
// text escaped.
func shownContent(header http.Header, body []byte) []string {
	if name := header.Get("Content-Encoding"); name != "" && header.Get("Content-Range") == "" {
		decoded, err := coding.Decode(name, bytes.NewReader(body), 1<<20)
		if err != nil {
			return []string{fmt.Sprintf("(not in %s: %v)", name, err)}
		}
		plain, err := io.ReadAll(decoded)
		if err != nil {
			return []string{fmt.Sprintf("(not in %s: %v)", name, err)}
		}
		return append([]string{"(decoded from " + name + ")"}, shownText(plain)...)
	}
	if _, boundary, found := strings.Cut(header.Get("Content-Type"), "boundary="); found {
		body = bytes.ReplaceAll(body, []byte(boundary), bytes.Repeat([]byte("B"), len(boundary)))
	}
	if strings.HasSuffix(header.Get("Content-Type"), "+json") {
		var indented bytes.Buffer
		if json.Indent(&indented, body, "", "  ") == nil {
			body = indented.Bytes()
		}
	}
	return shownText(body)
}

const maxShownContent = 3000

func shownText(body []byte) []string {
	rest := ""
	if len(body) > maxShownContent {
		rest = fmt.Sprintf("(… %d bytes in all)", len(body))
		body = body[:maxShownContent/20]
	}
	text := string(body)
	if !utf8.ValidString(text) {
		text = strconv.Quote(text)
	}
	text, ended := strings.CutSuffix(strings.ReplaceAll(text, "\r", `\r`), "\n")
	if !ended {
		text += `\`
	}
	lines := foldRepeated(strings.Split(text, "\n"))
	if rest != "" {
		lines = append(lines, rest)
	}
	return lines
}

// unfolded undoes foldRepeated.
func unfolded(lines []string) (all []string) {
	for _, line := range lines {
		n := 0
		if _, err := fmt.Sscanf(line, "(%d times more)", &n); err != nil || len(all) == 0 {
			all = append(all, line)
			continue
		}
		all = append(all, slices.Repeat(all[len(all)-1:], n)...)
	}
	return all
}

// foldRepeated shows runs of the same line once.
func foldRepeated(lines []string) []string {
	var folded []string
	for len(lines) > 0 {
		n := 1
		for n < len(lines) && lines[n] == lines[0] {
			n++
		}
		folded = append(folded, lines[0])
		if n > 1 {
			folded = append(folded, fmt.Sprintf("(%d times more)", n-1))
		}
		lines = lines[n:]
	}
	return folded
}
