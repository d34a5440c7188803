package capture

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A netlogReader reads what Chromium writes with chrome://net-export: events, which name their kind
// and the request they are about by numbers.
type netlogReader struct {
	t     *transcript
	kinds map[int]string
	// zero is when the clock of the events was zero.
	zero int64
	// urls are what requests asked for, by their source.
	urls map[int64][2]string
}

type netlogConstants struct {
	Kinds  map[string]int  `json:"logEventTypes"`
	Offset json.RawMessage `json:"timeTickOffset"`
}

type netlogEvent struct {
	Kind   int             `json:"type"`
	Time   json.RawMessage `json:"time"`
	Source struct {
		ID int64 `json:"id"`
	} `json:"source"`
	Params struct {
		Line    string          `json:"line"`
		Method  string          `json:"method"`
		URL     string          `json:"url"`
		Headers json.RawMessage `json:"headers"`
	} `json:"params"`
}

// maxSources is how many requests are remembered by their URL.
const maxSources = 20_000

// A jsonGuard bounds what is read for a value.
type jsonGuard struct {
	r      io.Reader
	n, max int
	err    error
}

var errJSONValue = errors.New("a value in it is too large")

func (g *jsonGuard) Read(p []byte) (int, error) {
	if g.n > g.max {
		return 0, errJSONValue
	}
	n, err := g.r.Read(p)
	g.n += n
	if err != nil && err != io.EOF {
		g.err = err
	}
	return n, err
}

func readNetlog(r io.Reader, b *builder) error {
	n := &netlogReader{t: newDocument(b, "a net log of Chromium"), kinds: map[int]string{}, urls: map[int64][2]string{}}
	n.t.noResponse = "the response is not in the net log"
	guard := &jsonGuard{r: r, max: b.limits.Content + 1<<20}
	err := n.document(json.NewDecoder(guard), guard)
	if added := n.t.end(); added != nil {
		return added
	}
	syntax := new(json.SyntaxError)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errJSONValue):
		return b.tooLarge(err.Error())
	case guard.err != nil:
		return b.failed(guard.err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.As(err, &syntax) && len(b.list) > 0:
		return b.error(ErrTruncated, "the net log is cut off", "stop logging before the file is copied; what came before is used")
	}
	return b.error(ErrMalformed, "this is no net log: "+RedactURL(err.Error()), "")
}

func (n *netlogReader) document(dec *json.Decoder, guard *jsonGuard) error {
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			return err
		}
		guard.n = 0
		switch name {
		case "constants":
			var c netlogConstants
			if err := dec.Decode(&c); err != nil {
				return err
			}
			for kind, number := range c.Kinds {
				n.kinds[number] = kind
			}
			n.zero = milliseconds(c.Offset)
		case "events":
			if err := n.events(dec, guard); err != nil {
				return err
			}
		default:
			var skipped json.RawMessage
			if err := dec.Decode(&skipped); err != nil {
				return err
			}
		}
	}
	return nil
}

func milliseconds(raw json.RawMessage) int64 {
	ms, _ := strconv.ParseInt(strings.Trim(string(raw), `"`), 10, 64)
	return ms
}

func (n *netlogReader) events(dec *json.Decoder, guard *jsonGuard) error {
	if _, err := dec.Token(); err != nil {
		return err
	}
	for dec.More() && n.t.full == nil {
		guard.n = 0
		var e netlogEvent
		if err := dec.Decode(&e); err != nil {
			if _, other := errors.AsType[*json.UnmarshalTypeError](err); other {
				continue // an event with parameters of its own
			}
			return err
		}
		n.event(&e)
	}
	if n.t.full != nil {
		return nil
	}
	_, err := dec.Token()
	return err
}

func (n *netlogReader) event(e *netlogEvent) {
	id := strconv.FormatInt(e.Source.ID, 10)
	switch n.kinds[e.Kind] {
	case "URL_REQUEST_START_JOB":
		if e.Params.URL != "" && len(n.urls) < maxSources {
			n.urls[e.Source.ID] = [2]string{e.Params.Method, e.Params.URL}
		}
	case "HTTP_TRANSACTION_SEND_REQUEST_HEADERS", "HTTP_TRANSACTION_HTTP2_SEND_REQUEST_HEADERS", "HTTP_TRANSACTION_QUIC_SEND_REQUEST_HEADERS":
		if len(e.Params.Headers) == 0 {
			return
		}
		h := n.t.request(id)
		if asked := n.urls[e.Source.ID]; asked[1] != "" {
			h.method = asked[0]
			h.url(asked[1])
		}
		h.start(e.Params.Line)
		h.headers(e.Params.Headers)
		if ms := milliseconds(e.Time); n.zero > 0 {
			n.t.last(id).started = time.UnixMilli(n.zero + ms).UTC()
		}
	case "HTTP_TRANSACTION_READ_RESPONSE_HEADERS":
		if len(e.Params.Headers) == 0 {
			return
		}
		h := n.t.response(id)
		h.headers(e.Params.Headers)
	}
}

// headers takes a list of lines, the first of which may be a status line, or an object of names and
// values.
func (h *half) headers(raw json.RawMessage) {
	var lines []string
	if json.Unmarshal(raw, &lines) == nil {
		for _, line := range lines {
			if !h.start(line) {
				h.field(line)
			}
		}
		return
	}
	var pairs map[string]any
	if json.Unmarshal(raw, &pairs) == nil {
		for _, name := range slices.Sorted(maps.Keys(pairs)) {
			value := pairs[name]
			if text, ok := value.(string); ok {
				h.set(name, text)
			}
		}
	}
}
