package diagnose

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/fourtwelve/fourtwelve/capture"
)

// TestTranscriptsAreExplained reads one refused write as some forty programs tell of it. Whoever shows both tags lets the cause be
// certain; whoever shows no header section of the request is not taken for one that sent no precondition.
func TestTranscriptsAreExplained(t *testing.T) {
	paths, err := filepath.Glob("../capture/testdata/transcript/*.txt")
	if err != nil || len(paths) == 0 {
		t.Fatal("no transcripts")
	}
	for _, path := range paths {
		xs := readCapture(t, path)
		r := Exchanges(xs)
		x := xs[len(xs)-1]
		if x.Response.Status == 0 {
			continue // there is nothing to explain
		}
		found := slices.ContainsFunc(r.Findings, func(f Finding) bool {
			return f.Rule.ID == "compression-suffix-not-stripped" && (f.Confidence == Certain || x.Response.Header.Get("ETag")+x.Current == "")
		})
		sent := x.Request.Header.Named("If-Match")
		if shown := len(sent) > 0 && !sent[0].Redacted; shown != found {
			t.Errorf("%s: If-Match is shown: %t, and the cause is found: %t\n%s", filepath.Base(path), shown, found, listFindings(r))
		}
		if v := r.Verdicts[len(xs)-1]; v.Judgement == Unconditional {
			t.Errorf("%s: %s", filepath.Base(path), v.Why)
		}
	}
}

// An exchanged is a write with one precondition and its refusal, to be written in many formats.
type exchanged struct{ method, path, sent, current string }

func (e exchanged) request() string {
	return fmt.Sprintf("%s %s HTTP/1.1\nHost: files.example.org\nIf-Match: %s\nContent-Length: 3\n", e.method, e.path, e.sent)
}

func (e exchanged) response() string {
	return fmt.Sprintf("HTTP/1.1 412 Precondition Failed\nServer: x\nETag: %s\nContent-Length: 0\n", e.current)
}

// lines puts something before each line.
func lines(before, text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(before + line)
	}
	return b.String()
}

// fields are the header section of a message as a list of objects.
func fields(name, value, text string) []map[string]string {
	var list []map[string]string
	for line := range strings.Lines(text) {
		if n, v, ok := strings.Cut(strings.TrimSpace(line), ": "); ok && !strings.Contains(n, " ") {
			list = append(list, map[string]string{name: n, value: v})
		}
	}
	return list
}

func asJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(data)
}

// written is the exchange in many formats.
func (e exchanged) written() map[string]string {
	url := "https://files.example.org" + e.path
	crlf := strings.NewReplacer("\n", "\r\n")
	wire := func(text string) string { return crlf.Replace(text + "\n") }
	_, requestFields, _ := strings.Cut(e.request(), "\n")
	_, responseFields, _ := strings.Cut(e.response(), "\n")
	code := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	return map[string]string{
		"raw":  e.request() + "\nabc\n\n" + e.response() + "\n",
		"curl": lines("> ", e.request()) + ">\n" + lines("< ", e.response()) + "<\n",
		"OkHttp": "--> " + e.method + " " + url + "\n" + requestFields + "\nabc\n--> END " + e.method +
			" (3-byte body)\n<-- 412 Precondition Failed " + url + " (9ms)\n" + responseFields + "<-- END HTTP\n",
		"rclone": "2026/11/03 09:15:40 DEBUG : HTTP REQUEST (req 0x1)\n2026/11/03 09:15:40 DEBUG : " + e.request() + "\n2026/11/03 09:15:40 DEBUG : HTTP RESPONSE (req 0x1)\n2026/11/03 09:15:40 DEBUG : " + e.response() + "\n",
		"neon": "Sending request headers:\n" + e.request() +
			"\nSending request-line and headers:\n[status-line] < HTTP/1.1 412 Precondition Failed\n" + lines("[hdr] ", responseFields) +
			"[hdr] \nEnd of headers.\n",
		"Apache":   lines("[DEBUG] http-outgoing-0 >> ", e.request()) + lines("[DEBUG] http-outgoing-0 << ", e.response()),
		"toolbelt": lines("< ", e.request()) + "< \n< abc\n" + lines("> ", e.response()) + "> \n",
		"Git":      lines("09:15:40.1 http.c:840   => Send header: ", e.request()) + lines("09:15:40.2 http.c:840   <= Recv header: ", e.response()),
		"haproxy": "00000003:web.clireq[0010:ffffffff]: " + strings.SplitN(e.request(), "\n", 2)[0] + "\n" +
			lines("00000003:web.clihdr[0010:ffffffff]: ", requestFields) + "00000003:app.srvrep[0010:0011]: HTTP/1.1 412 Precondition Failed\n" +
			lines("00000003:app.srvhdr[0010:0011]: ", responseFields),
		"developer": "Request URL: " + url + "\nRequest Method: " + e.method + "\nStatus Code: 412 Precondition Failed\nResponse Headers\n" +
			responseFields + "Request Headers\n" + requestFields,
		"HAR": asJSON(map[string]any{"log": map[string]any{"version": "1.2", "entries": []any{map[string]any{
			"request":  map[string]any{"method": e.method, "url": url, "httpVersion": "HTTP/1.1", "headers": fields("name", "value", e.request())},
			"response": map[string]any{"status": 412, "statusText": "Precondition Failed", "headers": fields("name", "value", e.response())}}}}}),
		"Postman": asJSON(map[string]any{"info": map[string]any{"schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
			"item": []any{map[string]any{
				"request": url,
				"response": []any{map[string]any{"originalRequest": map[string]any{"method": e.method, "url": url,
					"header": fields("key", "value", e.request())},
					"code": 412, "status": "Precondition Failed", "header": fields("key", "value", e.response())}}}}}),
		"Charles": asJSON([]any{map[string]any{"method": e.method, "protocolVersion": "HTTP/1.1", "scheme": "https", "host": "files.example.org",
			"path":     e.path,
			"request":  map[string]any{"header": map[string]any{"headers": fields("name", "value", e.request())}},
			"response": map[string]any{"status": 412, "header": map[string]any{"headers": fields("name", "value", e.response())}}}}),
		"Burp": `<?xml version="1.0"?><items burpVersion="1"><item><url>` + url + `</url><request base64="true">` +
			code(wire(e.request())+"abc") + `</request><response base64="true">` + code(wire(e.response())) + "</response></item></items>",
	}
}

// TestFormatsAgree: one exchange, written in every format that can hold it, has the same findings.
func TestFormatsAgree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := exchanged{
			method: rapid.SampledFrom([]string{"PUT", "PATCH", "DELETE"}).Draw(t, "method"),
			path:   rapid.StringMatching(`/[a-z0-9._-]{1,9}(/[a-z0-9._-]{1,9})?`).Draw(t, "path"),
		}
		e.current = `"` + rapid.StringMatching(`[0-9a-f]{4,20}`).Draw(t, "tag") + `"`
		e.sent = rapid.SampledFrom([]string{`"other"`, "W/" + e.current, strings.TrimSuffix(e.current, `"`) + `-gzip"`,
			strings.Trim(e.current, `"`), `"a", "b"`, "null"}).Draw(t, "sent")
		want, of := "", ""
		written := e.written()
		for _, name := range slices.Sorted(maps.Keys(written)) {
			xs, err := capture.Read(strings.NewReader(written[name]), "x", capture.Options{})
			if err != nil || len(xs) != 1 {
				t.Fatalf("%s: %d exchanges, %v, of\n%s", name, len(xs), err, written[name])
			}
			got := causes(Exchanges(xs))
			if of == "" {
				want, of = got, name
			}
			if got != want {
				t.Errorf("%s finds %s, and %s %s, of\n%s", name, got, of, want, written[name])
			}
		}
	})
}

// told are histories as programs tell of them, by how they do.
var told = map[string]func(*strings.Builder, *capture.Exchange){
	"curl -v": func(b *strings.Builder, x *capture.Exchange) {
		request, response := heads(x)
		b.WriteString(lines("> ", request) + ">\n" + lines("< ", response) + "<\n")
	},
	"OkHttp": func(b *strings.Builder, x *capture.Exchange) {
		request, response := heads(x)
		_, request, _ = strings.Cut(request, "\n")
		_, response, _ = strings.Cut(response, "\n")
		url := "http://" + x.Request.Host + x.Request.Target
		fmt.Fprintf(b, "--> %[1]s %[2]s\n%[3]s--> END %[1]s\n<-- %[4]d  %[2]s (9ms)\n%[5]s<-- END HTTP\n", x.Request.Method, url, request,
			x.Response.Status, response)
	},
	"nghttp": func(b *strings.Builder, x *capture.Exchange) {
		request, response := heads(x)
		_, request, _ = strings.Cut(request, "\n")
		_, response, _ = strings.Cut(response, "\n")
		id := 2*b.Len() + 1
		fmt.Fprintf(b, "[  0.002] send HEADERS frame <length=60, flags=0x25, stream_id=%d>\n          :method: %s\n          :path: %s\n          :scheme: http\n          :authority: %s\n%s",
			id, x.Request.Method, x.Request.Target, x.Request.Host, lines("          ", request))
		fmt.Fprintf(b, "[  0.010] recv (stream_id=%d) :status: %d\n%s", id, x.Response.Status,
			lines(fmt.Sprintf("[  0.010] recv (stream_id=%d) ", id), response))
	},
	"developer tools": func(b *strings.Builder, x *capture.Exchange) {
		request, response := heads(x)
		_, request, _ = strings.Cut(request, "\n")
		_, response, _ = strings.Cut(response, "\n")
		fmt.Fprintf(b, "Request URL: http://%s%s\nRequest Method: %s\nStatus Code: %d\nResponse Headers\n%sRequest Headers\n%s", x.Request.Host,
			x.Request.Target, x.Request.Method,
			x.Response.Status, response, request)
	},
	"haproxy -d": func(b *strings.Builder, x *capture.Exchange) {
		request, response := heads(x)
		id := fmt.Sprintf("%08x", b.Len())
		first, request, _ := strings.Cut(request, "\n")
		status, response, _ := strings.Cut(response, "\n")
		b.WriteString(id + ":web.clireq[0010:ffffffff]: " + first + "\n" + lines(id+":web.clihdr[0010:ffffffff]: ", request))
		b.WriteString(id + ":app.srvrep[0010:0011]: " + status + "\n" + lines(id+":app.srvhdr[0010:0011]: ", response))
	},
}

// heads are the request and the response of an exchange as on the wire, without content.
func heads(x *capture.Exchange) (request, response string) {
	var q, s strings.Builder
	fmt.Fprintf(&q, "%s %s HTTP/1.1\n", x.Request.Method, x.Request.Target)
	if !x.Request.Header.Has("Host") {
		fmt.Fprintf(&q, "Host: %s\n", x.Request.Host)
	}
	fmt.Fprintf(&s, "HTTP/1.1 %d %s\n", x.Response.Status, x.Response.Reason)
	for l := range x.Request.Header.Lines() {
		fmt.Fprintf(&q, "%s: %s\n", l.Name, l.Value)
	}
	for l := range x.Response.Header.Lines() {
		fmt.Fprintf(&s, "%s: %s\n", l.Name, l.Value)
	}
	return q.String(), s.String()
}

// TestRightServerIsNotBlamedByTranscripts writes down what a right server was asked and answered as programs tell of it, and reads
// it again. What was lost on the way makes nothing the fault of the server.
func TestRightServerIsNotBlamedByTranscripts(t *testing.T) {
	for how, tell := range told {
		for seed := range uint64(10) {
			var text strings.Builder
			for _, x := range history(seed, "") {
				tell(&text, x)
			}
			xs, err := capture.Read(strings.NewReader(text.String()), "x", capture.Options{})
			if err != nil || len(xs) != 40 {
				t.Fatalf("%s: %d exchanges, %v, of\n%.3000s", how, len(xs), err, &text)
			}
			r := Exchanges(xs)
			for _, f := range r.Findings {
				if f.Confidence >= Likely && f.Rule.Level > Good && blames(f.Rule) {
					t.Fatalf("%s, seed %d: %s %s (exchange %d): %s\n%s", how, seed, f.Confidence, f.Rule.ID, f.Exchange+1, f.Says,
						describeAll(xs[:f.Exchange+1]))
				}
			}
			for i, v := range r.Verdicts {
				if v.Judgement == Wrong {
					t.Fatalf("%s, seed %d: exchange %d is wrong: %s\n%s", how, seed, i+1, v.Why, describeAll(xs[:i+1]))
				}
			}
		}
	}
}

// causes are the rules that were found, with their confidence, in short.
func causes(r *Report) string {
	var list []string
	for _, f := range r.Findings {
		list = append(list, f.Confidence.String()+" "+f.Rule.ID)
	}
	slices.Sort(list)
	return fmt.Sprint(list, r.Verdicts[0].Judgement)
}

// TestFormatsAreKnown: what no test above writes has a capture of its own in the package of the readers.
func TestFormatsAreKnown(t *testing.T) {
	for _, name := range capture.Formats() {
		if _, err := os.Stat("../capture/testdata/" + name); err != nil {
			t.Errorf("no capture of the format %s: %v", name, err)
		}
	}
}
