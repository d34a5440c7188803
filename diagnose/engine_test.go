package diagnose

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
)

func TestTargetURI(t *testing.T) {
	for _, c := range []struct{ scheme, host, target, want string }{
		{"https", "Example.com", "/a?b=1", "example.com/a?b=1"},
		{"", "example.com", "/a?b=1", "example.com/a?b=1"},
		{"https", "example.com:443", "/a", "example.com/a"},
		{"http", "example.com:80", "/a", "example.com/a"},
		{"http", "example.com:8080", "/a", "example.com:8080/a"},
		{"", "", "/a", "/a"},
		{"", "", "http://example.com/a#b", "example.com/a"},
		{"", "example.com", "", ""},
	} {
		x := &capture.Exchange{Scheme: c.scheme, Request: capture.Request{Method: "GET", Host: c.host, Target: c.target}}
		if got := targetURI(x); got != c.want {
			t.Errorf("%q %q %q: got %q, want %q", c.scheme, c.host, c.target, got, c.want)
		}
	}
	a, again, b, untold := query("a"), query("a"), query("b"), query("")
	untold.Request.Content = capture.Content{Len: 1}
	if resource(a) != resource(again) || resource(a) == resource(b) || resource(a) == targetURI(a) {
		t.Error("what a QUERY selects from depends on its target and content")
	}
	if got := resource(untold); got != "" {
		t.Errorf("a QUERY whose content is not in the capture may ask for anything, got %q", got)
	}
	tunnel := &capture.Exchange{Request: capture.Request{Method: "CONNECT", Host: "example.com:443", Target: "example.com:443"}}
	if got := targetURI(tunnel); got != "" {
		t.Errorf("a tunnel is no resource, got %q", got)
	}
}

// query is a QUERY with content.
func query(content string) *capture.Exchange {
	return &capture.Exchange{Request: capture.Request{
		Method: "QUERY", Host: "example.com", Target: "/a", Content: capture.Content{Data: []byte(content), Len: int64(len(content))},
	}}
}

// TestTime shows that exchanges are put in the order of time if all tell theirs, and stay in the order
// given otherwise. The verdicts stay in the order given in any case.
func TestTime(t *testing.T) {
	text := exchangeOf(t, `PUT | If-Match: "a" | 412 |`) + exchangeOf(t, `GET | | 200 | ETag: "b"`)
	xs := parse(t, text)
	if v := Exchanges(xs).Verdicts[0]; v.Judgement != Unknown {
		t.Errorf("without times: the read came after the write, got %s: %s", v.Judgement, v.Why)
	}
	start := time.Date(2026, 11, 3, 9, 0, 0, 0, time.UTC)
	xs[0].Started, xs[1].Started = start.Add(time.Minute), start
	v := Exchanges(xs).Verdicts[0]
	if v.Exchange != xs[0] || v.Judgement != Right || v.State.Source != "response 2" {
		t.Errorf("with times: the read came before the write, got %s by %q: %s", v.Judgement, v.State.Source, v.Why)
	}
}

// TestResourcesApart shows that what is known of one resource says nothing of another.
func TestResourcesApart(t *testing.T) {
	text := exchangeOf(t, `GET | | 200 | ETag: "b"`) +
		strings.Replace(exchangeOf(t, `PUT | If-Match: "a" | 412 |`), "/a", "/other", 1)
	if v := Exchanges(parse(t, text)).Verdicts[1]; v.State.Known {
		t.Errorf("got state %+v of another resource", v.State)
	}
}

func TestFindingsAreOrdered(t *testing.T) {
	for _, c := range cases(t) {
		if found := c.diagnose(t).Findings; !slices.IsSortedFunc(found, byProbability) {
			t.Errorf("%s: the most probable finding is not first", c.path)
		}
	}
}

func TestNothing(t *testing.T) {
	if r := Exchanges(nil); len(r.Verdicts)+len(r.Findings) != 0 {
		t.Errorf("of nothing: got %+v", r)
	}
	r := Exchanges([]*capture.Exchange{{}})
	if len(r.Verdicts) != 1 || r.Verdicts[0].Judgement != Unknown || r.Verdicts[0].Why == "" || len(r.Findings) != 0 {
		t.Errorf("of an empty exchange: got %+v", r)
	}
}

func TestParties(t *testing.T) {
	for _, c := range []struct{ fields, want string }{
		{"", ""},
		{"Server: nginx/1.24.0", "nginx/1.24.0"},
		{"Via: 1.1 abc.cloudfront.net (CloudFront), 1.1 varnish; X-Cache: Miss from cloudfront", "CloudFront, varnish"},
		{"Server: cloudflare; CF-Ray: 8c1a2b3c4d5e6f70-FRA; CF-Cache-Status: HIT; Age: 5", "Cloudflare"},
		{"X-Served-By: cache-fra-1; X-Cache: HIT", "Fastly"},
		{"X-Served-By: web3", ""},
		{"X-Cache: HIT from proxy", "a cache"},
		{"Age: 10", "a cache"},
		{"OC-ETag: x; Server: Apache; X-Powered-By: PHP/8.2", "Nextcloud or ownCloud, Apache, PHP/8.2"},
	} {
		var names []string
		for _, p := range Exchanges(parse(t, exchangeOf(t, "GET | | 200 | "+c.fields))).Verdicts[0].Between {
			names = append(names, p.Name)
			if p.Sign == "" {
				t.Errorf("%q: no sign of %s", c.fields, p.Name)
			}
		}
		if got := strings.Join(names, ", "); got != c.want {
			t.Errorf("%q: got %q, want %q", c.fields, got, c.want)
		}
	}
}

func TestPreconditions(t *testing.T) {
	for _, c := range []struct{ head, want string }{
		{"GET /a HTTP/1.1", ""},
		{"GET /a HTTP/1.1\nRange: bytes=1-", ""},
		{"GET /a HTTP/1.1\nif-none-match: \"a\"\nIF-RANGE: \"b\"", "if-none-match, IF-RANGE"},
		{"POST /b/o?x=1&ifGenerationMatch=0 HTTP/1.1\nx-goog-if-metageneration-match: 1", "ifGenerationMatch, x-goog-if-metageneration-match"},
		{"PUT /a HTTP/1.1\nx-amz-copy-source-if-match: \"a\"\nx-ms-lease-id: 1", "x-amz-copy-source-if-match, x-ms-lease-id"},
		{"MOVE /a HTTP/1.1\nOverwrite: T\nIf: (<urn:x>)", "If"},
		{"MOVE /a HTTP/1.1\nOverwrite: f", "Overwrite"},
		{"PUT /a HTTP/1.1\nETag: \"a\"\nIfMatch: \"a\"", ""},
	} {
		head, fields, _ := strings.Cut(c.head, "\n")
		v := Exchanges(parse(t, head+"\nHost: example.com\n"+fields+"\n\nHTTP/1.1 204 No Content\n\n")).Verdicts[0]
		var names []string
		for _, l := range v.Preconditions {
			names = append(names, l.Name)
		}
		if got := strings.Join(names, ", "); got != c.want {
			t.Errorf("%q: got %q, want %q", c.head, got, c.want)
		}
	}
}

// TestNoCredentials puts a secret in all places where clients send them, and looks for it in all
// that a report holds besides the exchanges themselves.
func TestNoCredentials(t *testing.T) {
	const secret = "open-sesame-4711"
	fields := fmt.Sprintf("Authorization: Bearer %[1]s\nCookie: sid=%[1]s\nX-Api-Key: %[1]s\nX-CSRF-Token: %[1]s\nOrigin: https://app.example.com\n"+
		"Destination: https://ana:%[1]s@example.com/b?sig=%[1]s\nReferer: https://example.com/?access_token=%[1]s\n", secret)
	answer := fmt.Sprintf("Set-Cookie: sid=%[1]s\nLocation: https://example.com/?token=%[1]s\nAccess-Control-Allow-Origin: *\n", secret)
	var text strings.Builder
	for _, c := range cases(t) {
		for _, x := range readCapture(t, c.path) {
			text.WriteString(fmt.Sprintf("%s https://ana:%s@example.com/a?sig=%s HTTP/1.1\nHost: example.com\n%s", x.Request.Method, secret,
				secret, fields))
			for l := range x.Request.Header.Lines() {
				if isPrecondition(l.Name) {
					fmt.Fprintf(&text, "%s: %s\n", l.Name, l.Value)
				}
			}
			fmt.Fprintf(&text, "\nHTTP/1.1 %d X\n%s", x.Response.Status, answer)
			for l := range x.Response.Header.Lines() {
				fmt.Fprintf(&text, "%s: %s\n", l.Name, l.Value)
			}
			text.WriteString("\n")
		}
	}
	r := Exchanges(parse(t, text.String()))
	if len(r.Findings) < 20 {
		t.Fatalf("only %d findings: the test does not test", len(r.Findings))
	}
	for i := range r.Verdicts {
		r.Verdicts[i].Exchange = nil
	}
	for _, f := range r.Findings {
		if got := fmt.Sprintf("%+v %+v %+v", f.Says, f.Evidence, f.Config); strings.Contains(got, secret) {
			t.Errorf("%s shows a credential: %s", f.Rule.ID, got)
		}
	}
	if got := fmt.Sprintf("%+v", r.Verdicts); strings.Contains(got, secret) {
		t.Errorf("a verdict shows a credential")
	}
}

// TestContentIsNotShown: content may hold credentials, so a finding may only hold words that a rule looked
// for.
func TestContentIsNotShown(t *testing.T) {
	const secret = "open-sesame-4711"
	for _, c := range cases(t) {
		xs := readCapture(t, c.path)
		for _, x := range xs {
			if x.Response.Content.Data != nil {
				x.Response.Content.Data = append(bytes.Clone(x.Response.Content.Data), secret...)
			}
			if x.Request.Content.Data != nil {
				x.Request.Content.Data = append(bytes.Clone(x.Request.Content.Data), secret...)
			}
		}
		for _, f := range Exchanges(xs).Findings {
			if got := fmt.Sprintf("%+v %+v %+v %+v", f.Says, f.Evidence, f.Config, f.Fix); strings.Contains(got, secret) {
				t.Errorf("%s: %s shows content: %s", c.path, f.Rule.ID, got)
			}
		}
	}
}

// TestHostile diagnoses what is made to cost much. That it ends at all, and how much it says, is
// what is tested; a bound that is missing shows as minutes.
func TestHostile(t *testing.T) {
	long := strings.Repeat("x", 60<<10)
	many := strings.TrimSuffix(strings.Repeat(`"a", `, 12<<10), ", ")
	content := strings.Repeat("a", 4<<20)
	for name, text := range map[string]string{
		"a huge tag":               fmt.Sprintf("PUT /a HTTP/1.1\nHost: h\nIf-Match: \"%s\"\n\nHTTP/1.1 412 X\nETag: \"%sy\"\n\n", long, long),
		"a huge list":              fmt.Sprintf("PUT /a HTTP/1.1\nHost: h\nIf-Match: %s\n\nHTTP/1.1 412 X\nETag: \"b\"\n\n", many),
		"a huge list, no state":    fmt.Sprintf("GET /a HTTP/1.1\nHost: h\nIf-Match: %[1]s\nIf-None-Match: %[1]s\nIf-Range: \"a\"\n\nHTTP/1.1 412 X\n\n", many),
		"a huge foreign condition": fmt.Sprintf("PUT /a HTTP/1.1\nHost: h\nIf: %s\nx-ms-if-%s: 1\n\nHTTP/1.1 412 X\n\n", long, long),
		"a huge target": fmt.Sprintf("PUT /%s?ifGenerationMatch=%s HTTP/1.1\nHost: h\nIf-Match: \"a\"\n\nHTTP/1.1 412 X\nVia: %s\n\n",
			long, long, long),
		"large content for a list": fmt.Sprintf("GET /a HTTP/1.1\nHost: h\nIf-None-Match: %s\n\nHTTP/1.1 200 X\nETag: \"0123456789abcdef0123456789abcdef\"\nContent-Length: %d\n\n%s\n",
			many, len(content), content),
	} {
		t.Run(name, func(t *testing.T) {
			r := Exchanges(parse(t, text))
			checkBounds(t, r)
		})
	}
}

// TestManyLines: a thousand lines of one field are joined once for each exchange.
func TestManyLines(t *testing.T) {
	var h, answer capture.Header
	for i := range 1000 {
		h.Add("If-Match", fmt.Sprintf(`"%d%s"`, i, strings.Repeat("x", 500)))
		h.Add("If-None-Match", fmt.Sprintf(`"%d%s"`, i, strings.Repeat("y", 500)))
		answer.Add("Via", "1.1 proxy-"+fmt.Sprint(i))
	}
	xs := make([]*capture.Exchange, 20)
	for i := range xs {
		xs[i] = &capture.Exchange{
			Request:  capture.Request{Method: "GET", Target: "/a", Host: "h", Header: h},
			Response: capture.Response{Status: 412, Header: answer},
		}
	}
	checkBounds(t, Exchanges(xs))
}

// checkBounds fails if a report holds more than the documentation of the package says.
func checkBounds(t testing.TB, r *Report) {
	t.Helper()
	count := map[string]int{}
	for _, f := range r.Findings {
		key := fmt.Sprint(f.Rule.ID, " ", f.Exchange)
		if count[key]++; count[key] > maxFindings {
			t.Errorf("more than %d findings of %s", maxFindings, key)
		}
		if len(f.Says) > 20*maxValue {
			t.Errorf("%s says %d bytes", f.Rule.ID, len(f.Says))
		}
		for _, e := range f.Evidence {
			if e.Name == "" || len(e.Name) > maxValue+len("…") || len(e.Value) > maxValue+len("…") {
				t.Errorf("%s: a fact has no name or is too long: %.80q: %d bytes", f.Rule.ID, e.Name, len(e.Value))
			}
		}
	}
	for _, v := range r.Verdicts {
		if len(v.Tags) > 3*maxTags || len(v.Between) > maxParties || len(v.Why) > 20*maxValue {
			t.Errorf("a verdict has %d comparisons, %d parties, %d bytes of reason", len(v.Tags), len(v.Between), len(v.Why))
		}
	}
}

// TestManyExchanges: 10,000 exchanges with one resource look at 64 earlier ones each, and not at all.
func TestManyExchanges(t *testing.T) {
	content := bytes.Repeat([]byte("a"), 1<<20)
	base := parse(t, exchangeOf(t, `GET | | 200 | ETag: "b"`)+exchangeOf(t, `PUT | If-Match: "a" | 412 | ETag: "b"`))
	base[0].Response.Content = capture.Content{Data: content, Len: int64(len(content))}
	xs := make([]*capture.Exchange, 10_000)
	for i := range xs {
		x := *base[1]
		if i%100 == 0 {
			x = *base[0]
		}
		xs[i] = &x
	}
	r := Exchanges(xs)
	if len(r.Verdicts) != len(xs) {
		t.Fatalf("got %d verdicts, want %d", len(r.Verdicts), len(xs))
	}
	checkBounds(t, r)
	loops := 0
	for _, f := range r.Findings {
		if f.Rule.ID == "client-loops-on-stale-etag" {
			loops++
		}
	}
	if loops == 0 || loops > len(xs)/maxHistory {
		t.Errorf("got %d findings of one loop", loops)
	}
}

// TestAdviceIsWellFormed reads what people are told to paste.
func TestAdviceIsWellFormed(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(frebAdvice.Text))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("web.config: %v", err)
		}
	}
	for f := capture.Raw; f <= capture.SAZ; f++ {
		if c := formatAdvice(f); c.Server == "" || c.Where == "" {
			t.Errorf("no advice for %s", f)
		}
	}
}

// TestConcurrent diagnoses the same exchanges from several goroutines, for the race detector.
func TestConcurrent(t *testing.T) {
	var xs []*capture.Exchange
	for _, c := range cases(t) {
		xs = append(xs, readCapture(t, c.path)...)
	}
	want := Exchanges(xs)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if got := Exchanges(xs); len(got.Findings) != len(want.Findings) {
				t.Errorf("got %d findings, want %d", len(got.Findings), len(want.Findings))
			}
		})
	}
	wg.Wait()
}

func TestNames(t *testing.T) {
	for _, c := range []struct {
		got  fmt.Stringer
		want string
	}{
		{Good, "good"}, {Error, "error"}, {Level(9), "unknown"},
		{Insufficient, "insufficient-evidence"}, {Certain, "certain"},
		{Unknown, "unknown"}, {Wrong, "wrong"},
		{FromExchange, "exchange"}, {FromProbe, "probe"},
		{Ranges, "ranges"},
	} {
		if c.got.String() != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
	r, ok := RuleByID("suffix-always-304")
	text, err := json.Marshal(r)
	if !ok || err != nil || !strings.Contains(string(text), `"level":"error","group":"transform"`) ||
		!strings.Contains(string(text), `"needs":["probe"]`) {
		t.Errorf("a rule in JSON: %v, %s", err, text)
	}
	if r.Checked() {
		t.Error("a rule that only probing decides is said to be checked")
	}
	if text, err := json.Marshal([]any{Likely, Wrong}); err != nil || string(text) != `["likely","wrong"]` {
		t.Errorf("confidence and judgement in JSON: %v, %s", err, text)
	}
	if l, err := ParseLevel("WARNING"); l != Warning || err != nil {
		t.Errorf("ParseLevel = %s, %v", l, err)
	}
	if c, err := ParseConfidence("likely"); c != Likely || err != nil {
		t.Errorf("ParseConfidence = %s, %v", c, err)
	}
	if _, err := ParseLevel("bad"); err == nil || !strings.Contains(err.Error(), `"bad"`) || !strings.Contains(err.Error(), "warning") {
		t.Errorf("ParseLevel of nonsense = %v", err)
	}
	if Group("x").Title() != "x" || Conflict.Title() != "a true conflict" {
		t.Error("titles of groups are wrong")
	}
}
