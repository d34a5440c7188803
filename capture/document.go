package capture

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// This file reads the documents in which tools keep requests and responses as JSON: collections of
// Postman, exports of Insomnia and sessions of Charles. None of them is large, so each is read as a
// whole.

var (
	looksLikePostman  = lazyregexp.New(`^\{[\s\S]*?"(?:_postman_id|schema)"\s*:\s*"(?:https://schema\.(?:get)?postman\.com/|[0-9a-f-]{8,})`)
	looksLikeInsomnia = lazyregexp.New(`^\{[^{\[]*"_type"\s*:\s*"export"`)
	looksLikeCharles  = lazyregexp.New(`^\[\s*\{[\s\S]*?"(?:actualPort|protocolVersion)"\s*:`)
	looksLikeNetlog   = lazyregexp.New(`^\{\s*"constants"\s*:\s*\{`)
)

// detectDocument finds out the format of a JSON document that is no HAR; Unknown if it is none of
// those known.
func detectDocument(trimmed []byte) Format {
	switch {
	case looksLikeNetlog.Match(trimmed):
		return Netlog
	case looksLikeInsomnia.Match(trimmed):
		return Insomnia
	case looksLikePostman.Match(trimmed):
		return Postman
	case looksLikeCharles.Match(trimmed):
		return Charles
	}
	return Unknown
}

// readDocument reads a JSON document into v, which points to what its format has.
func readDocument(r io.Reader, b *builder, v any) error {
	data, err := io.ReadAll(io.LimitReader(r, int64(b.limits.Total)+1))
	if err != nil {
		return b.failed(err)
	}
	if len(data) > b.limits.Total {
		return b.tooLarge(fmt.Sprintf("more than %d bytes", b.limits.Total))
	}
	if err := json.Unmarshal(data, v); err != nil {
		if syntax, ok := errors.AsType[*json.SyntaxError](err); ok && syntax.Offset >= int64(len(data)) {
			return b.error(ErrTruncated, "the document is cut off", "export it again")
		}
		return b.error(ErrMalformed, "this is no document of the kind: "+RedactURL(err.Error()), "export it again")
	}
	return nil
}

func newDocument(b *builder, program string) *transcript {
	return &transcript{b: b, program: program, open: map[string]*talk{}}
}

// end adds the exchanges of a document.
func (t *transcript) end() error {
	for _, k := range t.talks {
		k.line = 0
		if err := t.b.add(t.exchange(k)); err != nil {
			return err
		}
	}
	return t.full
}

// whole gives the half the content as it was sent, save for its content coding.
func (h *half) whole(content string) {
	h.exact = true
	h.write(content)
}

// Postman.

// A postmanItem is a request, or a folder of items.
type postmanItem struct {
	Item     []postmanItem     `json:"item"`
	Request  postmanRequest    `json:"request"`
	Response []postmanResponse `json:"response"`
}

type postmanRequest struct {
	Method string          `json:"method"`
	Header postmanHeader   `json:"header"`
	URL    postmanURL      `json:"url"`
	Body   *postmanContent `json:"body"`
}

// UnmarshalJSON takes a URL for a request, too.
func (r *postmanRequest) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		r.Method = "GET"
		return json.Unmarshal(data, &r.URL.Raw)
	}
	type plain postmanRequest
	return json.Unmarshal(data, (*plain)(r))
}

type postmanURL struct {
	Raw string `json:"raw"`
}

// UnmarshalJSON takes a text for a URL, too.
func (u *postmanURL) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &u.Raw)
	}
	type plain postmanURL
	return json.Unmarshal(data, (*plain)(u))
}

type postmanContent struct {
	Mode string `json:"mode"`
	Raw  string `json:"raw"`
}

type postmanResponse struct {
	Original postmanRequest `json:"originalRequest"`
	Status   string         `json:"status"`
	Code     int            `json:"code"`
	Header   postmanHeader  `json:"header"`
	Body     *string        `json:"body"`
}

// A postmanHeader is a header section: a list, or a text.
type postmanHeader []struct {
	Key      string `json:"key"`
	Value    string `json:"value"`
	Disabled bool   `json:"disabled"`
}

// UnmarshalJSON takes a text with lines for a list, too.
func (h *postmanHeader) UnmarshalJSON(data []byte) error {
	if len(data) == 0 || data[0] == '[' || data[0] == 'n' {
		type plain postmanHeader
		return json.Unmarshal(data, (*plain)(h))
	}
	var text string
	if err := json.Unmarshal(data, &text); err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		name, value, ok := splitField(strings.TrimRight(line, "\r\n"))
		if ok {
			*h = append(*h, struct {
				Key      string `json:"key"`
				Value    string `json:"value"`
				Disabled bool   `json:"disabled"`
			}{name, value, false})
		}
	}
	return nil
}

func (h postmanHeader) into(to *half) {
	for _, f := range h {
		if !f.Disabled && f.Key != "" {
			to.set(f.Key, f.Value)
		}
	}
}

func readPostman(r io.Reader, b *builder) error {
	var collection struct {
		postmanItem
		Collection *postmanItem `json:"collection"`
	}
	if err := readDocument(r, b, &collection); err != nil {
		return err
	}
	root := &collection.postmanItem
	if collection.Collection != nil {
		root = collection.Collection
	}
	t := newDocument(b, "Postman")
	t.noResponse = "the collection has no response: save it as an example, or take what the console of Postman shows"
	root.into(t, root.saved(0), 0)
	return t.end()
}

// saved reports whether there is any response.
func (i *postmanItem) saved(depth int) bool {
	if len(i.Response) > 0 {
		return true
	}
	for k := range i.Item {
		if depth < maxJSONDepth && i.Item[k].saved(depth+1) {
			return true
		}
	}
	return false
}

// into tells of the responses that were saved and, if there are none at all, of the requests.
func (i *postmanItem) into(t *transcript, saved bool, depth int) {
	for k := range i.Item {
		if depth < maxJSONDepth {
			i.Item[k].into(t, saved, depth+1)
		}
	}
	for k := range i.Response {
		r := &i.Response[k]
		if r.Original.Method == "" && r.Original.URL.Raw == "" {
			r.Original = i.Request
		}
		r.Original.into(t)
		h := t.response("")
		h.code(fmt.Sprint(r.Code), r.Status)
		r.Header.into(h)
		if r.Body != nil {
			h.whole(*r.Body)
		}
	}
	if !saved && i.Request.URL.Raw != "" {
		i.Request.into(t)
	}
}

func (r *postmanRequest) into(t *transcript) {
	h := t.request("")
	h.method, h.wire = strings.ToUpper(r.Method), false
	h.url(r.URL.Raw)
	r.Header.into(h)
	if r.Body != nil && r.Body.Mode == "raw" {
		h.whole(r.Body.Raw)
	}
}

// Insomnia.

func readInsomnia(r io.Reader, b *builder) error {
	var export struct {
		Resources []struct {
			Type    string `json:"_type"`
			Method  string `json:"method"`
			URL     string `json:"url"`
			Headers []struct {
				Name     string `json:"name"`
				Value    string `json:"value"`
				Disabled bool   `json:"disabled"`
			} `json:"headers"`
			Body struct {
				Text string `json:"text"`
			} `json:"body"`
		} `json:"resources"`
	}
	if err := readDocument(r, b, &export); err != nil {
		return err
	}
	t := newDocument(b, "Insomnia")
	t.noResponse = "an export of Insomnia has no responses: export as HAR, or copy the timeline"
	for _, q := range export.Resources {
		if q.Type != "request" {
			continue
		}
		h := t.request("")
		h.method, h.wire = strings.ToUpper(q.Method), false
		h.url(q.URL)
		for _, f := range q.Headers {
			if !f.Disabled && f.Name != "" {
				h.set(f.Name, f.Value)
			}
		}
		if q.Body.Text != "" {
			h.whole(q.Body.Text)
		}
	}
	return t.end()
}

// Charles.

// A charlesMessage is a request or a response in a session of Charles.
type charlesMessage struct {
	Status int `json:"status"`
	Header struct {
		First   string `json:"firstLine"`
		Headers []struct {
			Name  string `json:"name"`
			Value string `json:"value"`
		} `json:"headers"`
	} `json:"header"`
	Body *struct {
		Text     *string `json:"text"`
		Encoding string  `json:"encoding"`
		Encoded  string  `json:"encoded"`
	} `json:"body"`
}

func readCharles(r io.Reader, b *builder) error {
	br := bufio.NewReader(r)
	if head, err := peek(br, 512); err == nil && strings.HasPrefix(strings.TrimSpace(string(head)), "<") {
		return readCharlesXML(br, b)
	}
	var session []struct {
		Method  string `json:"method"`
		Version string `json:"protocolVersion"`
		Scheme  string `json:"scheme"`
		Host    string `json:"host"`
		Port    *int   `json:"port"`
		Path    string `json:"path"`
		Query   string `json:"query"`
		Times   struct {
			Start string `json:"start"`
		} `json:"times"`
		Request  charlesMessage `json:"request"`
		Response charlesMessage `json:"response"`
	}
	if err := readDocument(br, b, &session); err != nil {
		return err
	}
	t := newDocument(b, "Charles")
	for _, s := range session {
		if s.Method == "" || s.Method == "CONNECT" {
			continue
		}
		host := s.Host
		if s.Port != nil {
			host += fmt.Sprintf(":%d", *s.Port)
		}
		h := t.request("")
		h.method, h.proto = s.Method, protocol(s.Version)
		h.url(charlesURL(s.Scheme, host, s.Path, s.Query))
		s.Request.into(h)
		t.last("").started, _ = time.Parse(time.RFC3339Nano, s.Times.Start)
		if s.Response.Status != 0 {
			a := t.response("")
			a.code(fmt.Sprint(s.Response.Status), "")
			a.proto = protocol(s.Version)
			s.Response.into(a)
		}
	}
	return t.end()
}

func charlesURL(scheme, host, path, query string) string {
	url := scheme + "://" + host + path
	if query != "" {
		url += "?" + query
	}
	return url
}

func (m *charlesMessage) into(h *half) {
	h.start(m.Header.First)
	for _, f := range m.Header.Headers {
		h.set(f.Name, f.Value)
	}
	switch {
	case m.Body == nil:
	case m.Body.Text != nil:
		h.whole(*m.Body.Text)
	case m.Body.Encoding == "base64":
		if data, err := base64.StdEncoding.DecodeString(m.Body.Encoded); err == nil {
			h.whole(string(data))
		}
	}
}
