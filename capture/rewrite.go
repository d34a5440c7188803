package capture

import (
	"bufio"
	"io"
	"net/url"
	"regexp"
	"strings"
)

// A rewriting makes of what another program prints what curl -v would have printed, line by line. It is for programs that
// print the lines of a message as they are, behind marks of their own.
type rewriting struct {
	// sign is in the beginning of the input if the rewriting is for it.
	sign *regexp.Regexp
	// begin returns the function for the lines of one input. That returns what takes the place of a line, which may be
	// several lines or none; head is the beginning of the input.
	begin func(head []byte) func(line string) []string
}

const (
	startLine = `(?:[A-Z]{3,16} \S+ HTTP/\d|HTTP/\d\S* \d{3})`
	// runtimes put this before a line: Compose, kubectl, a container runtime, docker logs -t.
	runtimes = `(?:[\w.@/-]+ +\| ?|\[[\w./-]+\] |\d{4}-\d\d-\d\dT[\d:.,]+(?:Z|[+-]\d\d:?\d\d) (?:std(?:out|err) F )?)`
)

var rewritings = []rewriting{
	{regexp.MustCompile(`(?m)^` + runtimes + `+[<>] ` + startLine), func([]byte) func(string) []string { return withoutRuntime }},
	{regexp.MustCompile(`(?m)^[ \t]+> ` + startLine), withoutIndent},
	{regexp.MustCompile(`(?m)^.*http-outgoing-\d+ (?:>>|<<) ` + startLine), func([]byte) func(string) []string { return fromHTTPClient }},
	{regexp.MustCompile(`(?m)^(?:.*: )?send: b?['"]` + `[A-Z]{3,16} \S+ HTTP/\d`), func([]byte) func(string) []string { return fromPython }},
	{regexp.MustCompile(`(?m)^.*--> [A-Z]{3,16} https?://`), func([]byte) func(string) []string { return new(okHTTP).line }},
}

// rewritten returns the input as curl -v would have printed it, and whether it was another program's.
func rewritten(br *bufio.Reader, head []byte) (io.Reader, bool) {
	for _, w := range rewritings {
		if w.sign.Match(head) {
			return &lineRewriter{br: br, line: w.begin(head)}, true
		}
	}
	return br, false
}

// A lineRewriter reads what line makes of each line. A line that is too long to be held is passed on as it is, in pieces.
type lineRewriter struct {
	br   *bufio.Reader
	line func(string) []string
	out  []byte
	err  error
}

func (r *lineRewriter) Read(p []byte) (int, error) {
	for len(r.out) == 0 {
		if r.err != nil {
			return 0, r.err
		}
		var b []byte
		b, r.err = r.br.ReadSlice('\n')
		if r.err == bufio.ErrBufferFull {
			r.out, r.err = append(r.out[:0], b...), nil
			break
		}
		if len(b) == 0 {
			continue
		}
		r.out = r.out[:0]
		for _, line := range r.line(strings.TrimRight(string(b), "\r\n")) {
			r.out = append(append(r.out, line...), '\n')
		}
	}
	n := copy(p, r.out)
	r.out = r.out[n:]
	return n, nil
}

var runtimePrefix = regexp.MustCompile(`^` + runtimes + `+`)

func withoutRuntime(line string) []string {
	return []string{line[len(runtimePrefix.FindString(line)):]}
}

// withoutIndent takes off what stands before the first request.
func withoutIndent(head []byte) func(string) []string {
	found := regexp.MustCompile(`(?m)^([ \t]+)> ` + startLine).FindSubmatch(head)
	indent := string(found[1])
	return func(line string) []string { return []string{strings.TrimPrefix(line, indent)} }
}

var outgoing = regexp.MustCompile(`^.*http-outgoing-\d+ (>>|<<) (.*)$`)

// fromHTTPClient reads the header log of Apache HttpClient. Its wire log, in quotes, has the same again.
func fromHTTPClient(line string) []string {
	m := outgoing.FindStringSubmatch(line)
	if m == nil || strings.HasPrefix(m[2], `"`) {
		return nil
	}
	return []string{m[1][:1] + " " + m[2]}
}

var (
	pythonSend  = regexp.MustCompile(`^(?:.*: )?send: b?(['"])([A-Z]{3,16} \S+ HTTP/\d.*)['"]$`)
	pythonReply = regexp.MustCompile(`^(?:.*: )?reply: ['"](HTTP/\d\S* \d{3}.*?)(?:\\r\\n)?['"]$`)
	pythonField = regexp.MustCompile(`^(?:.*: )?header: ([^:]+:.*)$`)
)

// fromPython reads what http.client prints with set_debuglevel(1), and so urllib3 and requests: a message to send as one
// string of Python.
func fromPython(line string) (lines []string) {
	if m := pythonSend.FindStringSubmatch(line); m != nil {
		header, _, _ := strings.Cut(m[2], `\r\n\r\n`)
		for field := range strings.SplitSeq(header, `\r\n`) {
			lines = append(lines, "> "+strings.NewReplacer(`\'`, `'`, `\"`, `"`, `\\`, `\`).Replace(field))
		}
		return append(lines, "> ")
	}
	if m := pythonReply.FindStringSubmatch(line); m != nil {
		return []string{"< " + m[1]}
	}
	if m := pythonField.FindStringSubmatch(line); m != nil {
		return []string{"< " + m[1]}
	}
	return nil
}

// An okHTTP reads what the HttpLoggingInterceptor of OkHttp prints, with or without the columns of logcat before it.
type okHTTP struct{ mark string }

var (
	logcat    = regexp.MustCompile(`^(?:(?:\d{4}-)?\d\d-\d\d \d\d:\d\d:\d\d\.\d+ +\d+[- ]+\d+ .*? [VDIWE] +|[VDIWE]/\S+?(?: *\( *\d+\))?: |(?:\S+ )*?(?:INFO|DEBUG):? )`)
	okRequest = regexp.MustCompile(`^--> ([A-Z]{3,16}) (https?://\S+)`)
	okAnswer  = regexp.MustCompile(`^<-- (\d{3})(.*?) ?(?:https?://\S*)?(?: \(.*\))?$`)
	okField   = regexp.MustCompile(`^[A-Za-z0-9!#$%&'*+.^_|~-]+: `)
)

func (o *okHTTP) line(line string) []string {
	line = line[len(logcat.FindString(line)):]
	if m := okRequest.FindStringSubmatch(line); m != nil {
		o.mark = "> "
		target, host := m[2], ""
		if u, err := url.Parse(m[2]); err == nil {
			target, host = u.RequestURI(), u.Host
		}
		return []string{"> " + m[1] + " " + target + " HTTP/1.1", "> Host: " + host}
	}
	if m := okAnswer.FindStringSubmatch(line); m != nil {
		o.mark = "< "
		return []string{"< HTTP/1.1 " + m[1] + " " + strings.TrimSpace(m[2])}
	}
	switch {
	case strings.HasPrefix(line, "--> END"), strings.HasPrefix(line, "<-- END"):
		mark := o.mark
		if o.mark = ""; mark != "" {
			return []string{mark}
		}
	case o.mark != "" && line == "": // the content follows
		mark := o.mark
		o.mark = ""
		return []string{mark}
	case o.mark != "" && okField.MatchString(line):
		return []string{o.mark + line}
	}
	return nil
}
