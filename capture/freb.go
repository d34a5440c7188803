package capture

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

// frebReader reads a failed request trace of IIS, which holds one request and what the modules
// of the server did with it. encoding/xml neither fetches nor expands entities; the rest is
// bounded here.
type frebReader struct {
	b     *builder
	guard *xmlGuard
	dec   *xml.Decoder
	x     *Exchange

	request, response section
	sawRequest        bool // the header section of the request is traced
	sawResponse       bool
	content           [2]sink // of request and response
	file              string  // of the FILE_CACHE_ACCESS_START before
	ruleName          string  // of the RULE_EVALUATION_START before
	depth             int
	events            int
	eventSize         int // of the texts of the event
	traceSize         int // of the events kept
	// why something is not in the trace.
	why, whyRequest string
	// verbose is set if events are traced that only a verbose trace has, full if IIS stopped
	// because the file was large, began if the beginning of the request is traced, read if the
	// server began to read the content of the request.
	verbose, full, began, read bool
	// cut is set for the contents that IIS cut in the trace.
	cut [2]bool
	// trigger is the status for which the request was traced.
	trigger int
}

const (
	// maxXMLDepth is far beyond that of a trace.
	maxXMLDepth = 32
	// maxXMLToken is how long a tag or a text may be.
	maxXMLToken = 2 << 20
	// maxEvents is how many events of a trace are kept.
	maxEvents = 10_000
)

func readFREB(r io.Reader, b *builder) error {
	f := &frebReader{b: b, guard: &xmlGuard{r: r}}
	f.request.limits, f.response.limits = b.limits, b.limits
	f.content[0].max, f.content[1].max = b.limits.Content, b.limits.Content
	f.dec = xml.NewDecoder(f.guard)
	f.dec.CharsetReader = charset
	err := f.document()
	if f.x == nil {
		return f.problem(err)
	}
	f.because(err)
	f.finish()
	if added := b.add(f.x); added != nil {
		return added
	}
	return f.problem(err)
}

// because says why something may not be in the trace.
func (f *frebReader) because(err error) {
	switch {
	case err != nil:
		f.why = "the trace is cut off: raise maxLogFileSizeKB of the site's traceFailedRequestsLogging"
		f.x.miss(ServerTrace, f.why)
	case f.full:
		f.why = "IIS ended the trace because the file had reached its largest size: " +
			"raise maxLogFileSizeKB of the site's traceFailedRequestsLogging (0 is no limit)"
		f.x.miss(ServerTrace, f.why)
	case f.verbose:
		f.why = "the trace is verbose, and has no such event"
	default:
		f.why = `it needs the provider "WWW Server" with verbosity="Verbose"`
	}
	if f.whyRequest = f.why; !f.began && f.events > 0 && err == nil {
		f.whyRequest = `the rule of the trace began to apply after the request had begun: put it at the site, with path="*"`
	}
}

// charset accepts what a declaration may say of a text that has been found to be UTF-8.
func charset(name string, r io.Reader) (io.Reader, error) {
	switch strings.ToLower(name) {
	case "utf-16", "utf-8", "us-ascii", "unicode":
		return r, nil
	}
	return nil, fmt.Errorf("encoding %q is not known", name)
}

func (f *frebReader) problem(err error) error {
	syntax, isSyntax := errors.AsType[*xml.SyntaxError](err)
	_, known := errors.AsType[*ReadError](err)
	switch {
	case err == nil, known:
		return err
	case errors.Is(err, errXMLToken), errors.Is(err, errXMLDepth):
		return f.b.error(ErrTooLarge, err.Error(), "a trace of IIS has neither")
	case errors.Is(err, io.ErrUnexpectedEOF), isSyntax && syntax.Msg == "unexpected EOF":
		return f.b.error(ErrTruncated, "the trace is cut off", "raise maxLogFileSizeKB of the site's traceFailedRequestsLogging; what came before is used")
	case isSyntax:
		return f.b.error(ErrMalformed, fmt.Sprintf("line %d is not well-formed XML: %s", syntax.Line, syntax.Msg), "")
	case f.guard.err != nil:
		return f.b.failed(f.guard.err)
	}
	return f.b.error(ErrMalformed, err.Error(), "")
}

var (
	errXMLToken = fmt.Errorf("a tag or text has more than %d bytes", maxXMLToken)
	errXMLDepth = fmt.Errorf("elements are nested more than %d deep", maxXMLDepth)
)

// xmlGuard bounds what is read for a token, and replaces control characters, which header
// fields may contain and XML must not.
type xmlGuard struct {
	r   io.Reader
	n   int // since the last token
	max int // that a token may have; maxXMLToken if it is 0
	err error
}

func (g *xmlGuard) Read(p []byte) (int, error) {
	if g.n > max(g.max, maxXMLToken) {
		return 0, errXMLToken
	}
	n, err := g.r.Read(p)
	for i, c := range p[:n] {
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' {
			p[i] = '?'
		}
	}
	g.n += n
	if err != nil && err != io.EOF {
		g.err = err
	}
	return n, err
}

// token returns the next token, or io.EOF.
func (f *frebReader) token() (xml.Token, error) {
	f.guard.n = 0
	t, err := f.dec.Token()
	if err != nil {
		return nil, err
	}
	switch t.(type) {
	case xml.StartElement:
		if f.depth++; f.depth > maxXMLDepth {
			return nil, errXMLDepth
		}
	case xml.EndElement:
		f.depth--
	}
	return t, nil
}

func (f *frebReader) document() error {
	for {
		t, err := f.token()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		start, ok := t.(xml.StartElement)
		switch {
		case !ok:
		case start.Name.Local == "failedRequest":
			f.begin(start.Attr)
		case start.Name.Local == "Event" && f.x != nil:
			if err := f.event(); err != nil {
				return err
			}
		}
	}
}

// begin takes the attributes of the root.
func (f *frebReader) begin(attrs []xml.Attr) {
	if f.x != nil {
		return
	}
	f.x = &Exchange{Source: Source{File: f.b.name, Format: FREB}}
	f.x.Request.Content.Len, f.x.Response.Content.Len = -1, -1
	for _, a := range attrs {
		switch a.Name.Local {
		case "url":
			f.setURL(a.Value)
		case "verb":
			f.x.Request.Method = a.Value
		case "statusCode":
			status, _, _ := strings.Cut(a.Value, ".") // 404.7
			f.x.Response.Status = number(status)
		case "triggerStatusCode":
			status, _, _ := strings.Cut(a.Value, ".")
			f.trigger = number(status)
		case "timeTaken":
			f.x.Duration = time.Duration(number(a.Value)) * time.Millisecond
		}
	}
}

func number(s string) int {
	n, err := strconv.Atoi(trimBlank(s))
	if err != nil || n < 0 {
		return 0
	}
	return n
}

func (f *frebReader) setURL(url string) {
	url = RedactURL(url)
	scheme, authority := splitTarget(url)
	f.x.Scheme = firstOf(scheme, f.x.Scheme)
	f.x.Request.Host = secret.Host(firstOf(authority, f.x.Request.Host))
	if scheme != "" {
		_, rest, _ := strings.Cut(url, "://")
		url = "/"
		if i := strings.IndexByte(rest, '/'); i >= 0 {
			url = rest[i:]
		}
	}
	f.x.Request.Target = url
}

// frebEvent is an event as in the file.
type frebEvent struct {
	name string // RenderingInfo/Opcode, not System/Opcode, which is a number
	at   time.Time
	// level is 5 for what only a verbose trace has.
	level int
	data  map[string]string
	// text has the descriptions of data that are numbers.
	text map[string]string
}

// value is the description of a datum or, without one, the datum.
func (e *frebEvent) value(name string) string {
	return strings.Join(strings.Fields(firstOf(e.text[name], e.data[name])), " ")
}

// event reads an Event element. Names are compared without their name spaces, which vary.
func (f *frebReader) event() error {
	e := frebEvent{data: map[string]string{}, text: map[string]string{}}
	f.eventSize = 0
	level := f.depth
	var parent string
	for f.depth >= level {
		t, err := f.token()
		if err != nil {
			return noEOF(err)
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		switch name := start.Name.Local; name {
		case "System", "EventData", "RenderingInfo":
			parent = name
		case "TimeCreated":
			e.at, _ = time.Parse(time.RFC3339Nano, attr(start, "SystemTime"))
		case "Level":
			levels := map[string]string{}
			err = f.chars(levels, name)
			e.level = number(levels[name])
		case "Data":
			err = f.chars(e.data, attr(start, "Name"))
		case "Description":
			err = f.chars(e.text, attr(start, "Data"))
		case "Opcode":
			if parent == "RenderingInfo" {
				names := map[string]string{}
				err = f.chars(names, name)
				e.name = trimBlank(names[name])
			}
		}
		if err != nil {
			return err
		}
	}
	f.take(&e)
	return nil
}

func noEOF(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

func attr(e xml.StartElement, name string) string {
	for _, a := range e.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

// chars reads the text of an element to its end.
func (f *frebReader) chars(into map[string]string, name string) error {
	level := f.depth
	var b strings.Builder
	for f.depth >= level {
		t, err := f.token()
		if err != nil {
			return noEOF(err)
		}
		if text, ok := t.(xml.CharData); ok && b.Len() < maxXMLToken {
			b.Write(text)
		}
	}
	if f.eventSize += len(name) + b.Len(); len(into) < 100 && f.eventSize < 2*maxXMLToken {
		into[name] = b.String()
	}
	return nil
}

// take takes what an event says.
func (f *frebReader) take(e *frebEvent) {
	if f.x.Started.IsZero() {
		f.x.Started = e.at
	}
	f.events++
	f.verbose = f.verbose || e.level >= 5
	switch e.name {
	case "LOG_FILE_MAX_SIZE_TRUNCATE":
		f.full = true
	case "GENERAL_READ_ENTITY_START":
		f.read = true
	case "GENERAL_REQUEST_START":
		f.began = true
		f.x.Request.Method = firstOf(f.x.Request.Method, e.value("RequestVerb"))
		if url := e.value("RequestURL"); strings.Contains(url, "://") || f.x.Request.Target == "" {
			f.setURL(url)
		}
	case "GENERAL_REQUEST_HEADERS":
		if !f.sawRequest {
			f.sawRequest = addBlock(&f.request, e.data["Headers"])
		}
	case "GENERAL_RESPONSE_HEADERS":
		if !f.sawResponse {
			f.sawResponse = addBlock(&f.response, e.data["Headers"])
		}
	case "GENERAL_REQUEST_ENTITY":
		f.read = true
		f.buffer(0, e.data["Buffer"])
	case "GENERAL_RESPONSE_ENTITY_BUFFER":
		f.buffer(1, e.data["Buffer"])
	case "GENERAL_REQUEST_END":
		if status := number(e.data["HttpStatus"]); status != 0 && f.x.Response.Status == 0 {
			f.x.Response.Status = status
		}
	default:
		f.trace(e)
	}
}

// buffer takes some of a content, at the end of which IIS says in words if it has cut it.
func (f *frebReader) buffer(of int, text string) {
	text, cut := strings.CutSuffix(text, "TRUNCATED...")
	f.cut[of] = f.cut[of] || cut
	f.content[of].write([]byte(text))
}

// addBlock adds the lines of a header section, and reports whether there are any.
func addBlock(s *section, block string) bool {
	for line := range strings.Lines(block) {
		if line = strings.TrimRight(line, "\r\n"); trimBlank(line) != "" {
			s.add(line[:min(len(line), s.limits.Line)], len(line) > s.limits.Line)
		}
	}
	return len(s.lines) > 0
}

// trace keeps the events that say who did what.
func (f *frebReader) trace(e *frebEvent) {
	v := Event{Name: e.name, Module: e.value("ModuleName"), Phase: e.value("Notification"), Error: e.value("ErrorCode")}
	switch e.name {
	case "MODULE_SET_RESPONSE_ERROR_STATUS", "MODULE_SET_RESPONSE_SUCCESS_STATUS":
		v.Kind, v.Reason = StatusSet, e.value("HttpReason")
		v.Status, v.SubStatus = number(e.data["HttpStatus"]), number(e.data["HttpSubStatus"])
	case "GENERAL_SET_REQUEST_HEADER":
		v.Kind, v.Field = RequestFieldSet, redactedLine(e.value("HeaderName"), e.value("HeaderValue"))
	case "GENERAL_SET_RESPONSE_HEADER":
		v.Kind, v.Field = ResponseFieldSet, redactedLine(e.value("HeaderName"), e.value("HeaderValue"))
		if strings.EqualFold(v.Field.Name, "ETag") && v.Field.Value != "" {
			f.x.Current = v.Field.Value
		}
	case "URL_CHANGED":
		v.Kind, v.From, v.To = URLChanged, RedactURL(e.value("OldUrl")), RedactURL(e.value("NewUrl"))
	case "RULE_EVALUATION_START":
		f.ruleName = e.value("RuleName")
		return
	case "RULE_EVALUATION_END":
		if !isTrue(e.data["Succeeded"]) {
			return
		}
		v.Kind, v.To = RuleMatched, firstOf(e.value("RuleName"), f.ruleName)
	case "GENERAL_SEND_CUSTOM_ERROR":
		v.Kind, v.To = ErrorPageSent, RedactURL(e.value("FileNameOrURL"))
		v.Status, v.SubStatus = number(e.data["HttpStatus"]), number(e.data["HttpSubStatus"])
	case "ARR_SERVER_ROUTED", "ARR_REQUEST_ROUTED":
		v.Kind, v.To = Routed, e.value("Server")
	case "HANDLER_CHANGED":
		v.Kind, v.To, v.Module = HandlerChosen, e.value("NewHandlerName"), e.value("NewHandlerModules")
	case "FILE_CACHE_ACCESS_START":
		f.file = e.value("FileName")
		return
	case "FILE_CACHE_ACCESS_END":
		v.Kind, v.File, v.LastModified = FileOpened, f.file, frebTime(e.value("LastModifiedTime"))
	case "STATIC_COMPRESSION_SUCCESS", "DYNAMIC_COMPRESSION_SUCCESS":
		v.Kind = Compressed
	default:
		return
	}
	f.keep(e, v)
}

func (f *frebReader) keep(e *frebEvent, v Event) {
	if f.traceSize += f.eventSize; len(f.x.Trace) >= maxEvents || f.traceSize > f.b.limits.Total {
		f.x.miss(ServerTrace, "the trace is long, and only its beginning is kept")
		return
	}
	if !e.at.IsZero() {
		v.After = e.at.Sub(f.x.Started)
	}
	f.x.Trace = append(f.x.Trace, v)
}

func redactedLine(name, value string) Line {
	var h Header
	h.Add(name, value)
	return h.lines[0]
}

func isTrue(s string) bool {
	s = trimBlank(s)
	return s == "1" || strings.EqualFold(s, "true")
}

// frebTime reads the time of a file. Its form is that of the machine's language in some versions; those
// are not guessed at.
func frebTime(s string) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "Mon, 02 Jan 2006 15:04:05 GMT"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC()
		}
	}
	return time.Time{}
}

// finish makes the exchange of what was read.
func (f *frebReader) finish() {
	x := f.x
	request, response := message{request: true, method: x.Request.Method}, message{status: x.Response.Status}
	request.take(&f.request)
	response.take(&f.response)
	f.setContents(&request, &response)
	x.Request.Header, x.Request.Content = request.header, request.content
	x.Response.Header, x.Response.Content = response.header, response.content
	x.gapsOf(request, RequestHeader, RequestContent)
	x.gapsOf(response, ResponseHeader, ResponseContent)
	x.Request.Host = secret.Host(firstOf(x.Request.Host, x.Request.Header.Get("Host")))
	for _, e := range x.Trace {
		if e.Kind == StatusSet && e.Status == x.Response.Status {
			x.Response.Reason = firstOf(e.Reason, x.Response.Reason)
		}
	}
	f.gaps()
}

// setContents gives the messages the contents that were traced, as text.
func (f *frebReader) setContents(request, response *message) {
	for i, m := range []*message{request, response} {
		switch s := &f.content[i]; {
		case !m.mayHaveContent(request.method) || m.length() == 0:
			m.none()
		case s.n > 0:
			m.setContent(s)
			m.content.Altered = true
			if f.cut[i] {
				m.content.Cut, m.contentGap = true, "IIS has cut the content in the trace"
			}
		case m.request && f.sawRequest && f.verbose && !f.read && !f.full:
			m.noContent("the server did not read the content before it answered")
		case m.request && m.length() < 0 && !m.chunked() && f.sawRequest:
			m.none()
		case m.request:
			m.noContent("the content is not in the trace: " + f.whyRequest)
		default:
			m.noContent("the content is not in the trace: " + f.why)
		}
	}
}

func (f *frebReader) gaps() {
	if !f.sawRequest {
		f.x.miss(RequestHeader, "the header section of the request is not in the trace: "+f.whyRequest)
	}
	if !f.sawResponse {
		f.x.miss(ResponseHeader, "the header section of the response is not in the trace: "+f.why)
	}
	if f.trigger != 0 && f.trigger != f.x.Response.Status {
		f.x.Trace = append(f.x.Trace, Event{Kind: Triggered, Name: "triggerStatusCode", Status: f.trigger})
	}
	if f.events == 0 {
		f.x.miss(ServerTrace, "no event was traced: "+f.why+` and the areas "Module,RequestNotifications,StaticFile,Rewrite,Cache"`)
	}
}
