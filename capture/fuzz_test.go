package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf8"
)

// small limits make the fuzzers meet them.
var small = Limits{Exchanges: 20, Content: 256, Total: 4096, Line: 128, Fields: 8, Unpacked: 1 << 20, Archive: 1 << 20}

func addCaptures(f *testing.F, format string) {
	for _, path := range captures(f, format) {
		if data, err := os.ReadFile(path); err == nil { // a directory is not
			f.Add(data)
		}
	}
}

// FuzzRaw and its like read anything as one format. What is read keeps the promises of the
// package, and the same is read again in pieces.
func FuzzRaw(f *testing.F) { fuzz(f, Raw, "raw") }

func FuzzCurl(f *testing.F) { fuzz(f, Curl, "curl") }

func FuzzHAR(f *testing.F) { fuzz(f, HAR, "har") }

func FuzzFREB(f *testing.F) { fuzz(f, FREB, "freb") }

func FuzzNetlog(f *testing.F) { fuzz(f, Netlog, "netlog") }

func FuzzCharles(f *testing.F) { fuzz(f, Charles, "charles") }

func FuzzBurp(f *testing.F) { fuzz(f, Burp, "burp") }

func FuzzMitmproxy(f *testing.F) { fuzz(f, Mitmproxy, "mitmproxy") }

func FuzzPostman(f *testing.F) { fuzz(f, Postman, "postman") }

func FuzzInsomnia(f *testing.F) { fuzz(f, Insomnia, "insomnia") }

func FuzzPcap(f *testing.F) { fuzz(f, Packets, "pcap") }

func fuzz(f *testing.F, format Format, name string) {
	addCaptures(f, name)
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
			return // what is packed may expand, and is FuzzDetect's
		}
		xs, err := Read(bytes.NewReader(data), "f", Options{Format: format, Limits: small})
		judge(t, xs, err)
		// The window makes no difference where there are no contents beyond it.
		again, errAgain := Read(pieces{bytes.NewReader(data)}, "f", Options{Format: format, Limits: small})
		if got, want := describe(again, errAgain), describe(xs, err); got != want {
			t.Errorf("in pieces:\n%s\nat once:\n%s", got, want)
		}
	})
}

// pieces is read seven bytes at a time.
type pieces struct{ r io.Reader }

func (p pieces) Read(b []byte) (int, error) { return p.r.Read(b[:min(len(b), 7)]) }

// judge checks what holds whatever was read.
func judge(t *testing.T, xs []*Exchange, err error) {
	t.Helper()
	if len(xs) == 0 && err == nil {
		t.Error("neither exchanges nor an error")
	}
	if len(xs) > small.Exchanges {
		t.Errorf("%d exchanges", len(xs))
	}
	for i, x := range xs {
		if x.Source.Number != i+1 || x.Source.File != "f" || x.Source.Format == Unknown {
			t.Errorf("exchange %d is from %#v", i, x.Source)
		}
		if x.Response.Status == 0 && !x.Missing(ResponseLine) && x.Source.Format != FREB {
			t.Errorf("no status, and no reason for that: %s", describe(xs[i:i+1], nil))
		}
		if x.Request.Method == "" && !x.Missing(RequestLine) && x.Source.Format != FREB {
			t.Errorf("no method, and no reason for that: %s", describe(xs[i:i+1], nil))
		}
		if RedactURL(x.Request.Target) != x.Request.Target {
			t.Errorf("the target %q has credentials", x.Request.Target)
		}
		for _, h := range []Header{x.Request.Header, x.Response.Header} {
			judgeHeader(t, h)
		}
		for _, c := range []Content{x.Request.Content, x.Response.Content} {
			judgeContent(t, c)
		}
	}
}

func judgeHeader(t *testing.T, h Header) {
	t.Helper()
	if h.Len() > small.Fields+8 {
		t.Errorf("%d fields", h.Len())
	}
	for l := range h.Lines() {
		if l.Name == "" || strings.ContainsAny(l.Name, " \t\r\n") || strings.ContainsAny(l.Value, "\n") {
			t.Errorf("field %q with value %q", l.Name, l.Value)
		}
		if kept, _ := redactValue(l.Name, l.Value); kept != l.Value {
			t.Errorf("field %q shows %q", l.Name, l.Value)
		}
	}
}

func judgeContent(t *testing.T, c Content) {
	t.Helper()
	if len(c.Data) > small.Content || c.Len < -1 {
		t.Errorf("content with %d bytes, length %d", len(c.Data), c.Len)
	}
	if c.Complete() && int64(len(c.Data)) != c.Len {
		t.Errorf("complete content with %d bytes, length %d", len(c.Data), c.Len)
	}
}

// FuzzDetect reads anything as whatever it seems to be.
func FuzzDetect(f *testing.F) {
	for _, format := range Formats() {
		addCaptures(f, format)
	}
	f.Add(gzipped([]byte("GET / HTTP/1.1\n\n")))
	f.Fuzz(func(t *testing.T, data []byte) {
		xs, err := Read(bytes.NewReader(data), "f", Options{Limits: small})
		judge(t, xs, err)
	})
}

// FuzzSAZ packs what it is given and reads that; and takes it for an archive.
func FuzzSAZ(f *testing.F) {
	f.Add([]byte("PUT / HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc"), []byte("HTTP/1.1 100 X\r\n\r\nHTTP/1.1 412 X\r\n\r\n"), []byte(`<Session><SessionTimers ClientBeginRequest="2026-11-24T08:30:25+01:00"/></Session>`))
	f.Fuzz(func(t *testing.T, request, response, meta []byte) {
		packed := pack(t, fstest.MapFS{"raw/1_c.txt": {Data: request}, "raw/1_s.txt": {Data: response}, "raw/1_m.xml": {Data: meta}})
		xs, err := Read(packed, "f", Options{Limits: small})
		judge(t, xs, err)
		xs, err = Read(bytes.NewReader(append([]byte("PK\x03\x04"), request...)), "f", Options{Limits: small})
		judge(t, xs, err)
	})
}

// FuzzJSON compares the reader with encoding/json on what that accepts.
func FuzzJSON(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.5e3,true,null,"x\u00e4\ud83d\ude00\n\"\\\/"]}`, `[]`, ` {} `, `"\ud800x"`, `"\ud83d\ud83d\ude00"`,
		`[[[{"a":{}}]],0]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var want any
		if !utf8.ValidString(s) || len(s) >= maxLiteral || strings.Count(s, "[")+strings.Count(s, "{") > maxJSONDepth {
			return
		}
		wantErr := json.Unmarshal([]byte(s), &want)
		j := &jsonReader{br: bufio.NewReaderSize(strings.NewReader(s), 16)}
		got, err := anyValue(j)
		if wantErr != nil {
			return // it may accept control characters, and text after the value
		}
		if err != nil {
			t.Fatalf("%q: error %v", s, err)
		}
		gotText, _ := json.Marshal(got)
		wantText, _ := json.Marshal(want)
		if !bytes.Equal(gotText, wantText) {
			t.Errorf("%q is read as %s, want %s", s, gotText, wantText)
		}
		skipper := &jsonReader{br: bufio.NewReaderSize(strings.NewReader(s+" x"), 16)}
		if err := skipper.skip(); err != nil {
			t.Errorf("%q cannot be skipped: %v", s, err)
		} else if c, err := skipper.next(); err != nil || c != 'x' {
			t.Errorf("%q is skipped too far or not far enough: %q, %v", s, c, err)
		}
	})
}

// anyValue reads what encoding/json would.
func anyValue(j *jsonReader) (any, error) {
	c, err := j.next()
	if err != nil {
		return nil, err
	}
	switch c {
	case '{':
		m := map[string]any{}
		return m, j.object(func(name string) (err error) {
			m[name], err = anyValue(j)
			return err
		})
	case '[':
		a := []any{}
		err := j.array(func() error {
			v, err := anyValue(j)
			a = append(a, v)
			return err
		})
		return a, err
	case '"':
		s, _, err := j.str(1 << 20)
		return s, err
	}
	s, err := j.literal()
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		return nil, err
	}
	return v, nil
}

func TestJSONNumbers(t *testing.T) {
	for s, want := range map[string]float64{"12": 12, "-1.5e2": -150, `"12"`: -7, "null": -7, "[1]": -7, "{}": -7} {
		j := &jsonReader{br: bufio.NewReader(strings.NewReader(s + ","))}
		if got, err := j.number(-7); err != nil || got != want {
			t.Errorf("number of %s is %s, %v, want %v", s, strconv.FormatFloat(got, 'g', -1, 64), err, want)
		}
	}
}
