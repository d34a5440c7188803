package accesslog

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestUnescape(t *testing.T) {
	tests := []struct {
		how       escaping
		raw, want string
	}{
		{asIs, `a\x22+%20#22`, `a\x22+%20#22`},
		{backslash, `\x22a\x22`, `"a"`},
		{backslash, `\"a\" \\ \/ \n\t\r\b\f\v`, "\"a\" \\ / \n\t\r\b\f\v"},
		{backslash, `\xC3\xA9\xff`, "é\xff"},
		{backslash, `\u00e9\u20AC`, "é€"},
		{backslash, `\ud83d\ude00`, "😀"},
		{backslash, `\ud83d \ude00`, "\ufffd \ufffd"},
		{backslash, `\q \x2 \xzz \u12 \`, `\q \x2 \xzz \u12 \`},
		{queryMark, `?a=\x22`, `a="`},
		{withoutPort, "192.0.2.1:80", "192.0.2.1"},
		{withoutPort, "192.0.2.1", "192.0.2.1"},
		{withoutPort, "[2001:db8::1]:80", "2001:db8::1"},
		{withoutPort, "2001:db8::1", "2001:db8::1"},
		{plusBlank, `Mozilla/5.0+(X11;+"a+b")`, `Mozilla/5.0 (X11; "a b")`},
		{plusBlankOutsideQuotes, `"a+b",+W/"c+d"`, `"a+b", W/"c+d"`},
		{plusBlankOutsideQuotes, `(<urn:uuid:1>+["a+b"])`, `(<urn:uuid:1> ["a+b"])`},
		{percent, `a%20b%2fc%C3%A9%%2`, `a b/cé%%2`},
		{numberSign, `#22a#7C#22#`, `"a|"#`},
	}
	for _, test := range tests {
		scratch := []byte("before")
		v, grown := test.how.apply([]byte("<"+test.raw+">"), span{1, uint32(len(test.raw) + 1)}, scratch)
		if string(v) != test.want || !bytes.HasPrefix(grown, scratch) {
			t.Errorf("%d: %s: got %q, want %q", test.how, test.raw, v, test.want)
		}
	}
}

// What servers write for a byte that they escape, by their documentation and source.
func escapeNginx(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < 32 || c > 126 || c == '"' || c == '\\' {
			b.WriteString(`\x` + strings.ToUpper(hex2(c)))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

func hex2(c byte) string { return strconv.FormatInt(int64(c)+256, 16)[1:] }

func escapeNginxJSON(s string) string {
	short := map[byte]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case short[c] != "":
			b.WriteString(short[c])
		case c < 32:
			b.WriteString(`\u00` + strings.ToUpper(hex2(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escapeApache(s string) string {
	short := map[byte]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\v': `\v`}
	var b strings.Builder
	for _, c := range []byte(s) {
		switch {
		case short[c] != "":
			b.WriteString(short[c])
		case c < 32 || c > 126:
			b.WriteString(`\x` + hex2(c))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

func escapeHAProxy(s string) string {
	var b strings.Builder
	for _, c := range []byte(s) {
		if c < 32 || c > 126 || strings.IndexByte(`"#{|}`, c) >= 0 {
			b.WriteString("#" + strings.ToUpper(hex2(c)))
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// FuzzRoundTrip writes values like the servers do, and reads them back.
func FuzzRoundTrip(f *testing.F) {
	f.Add(`"6ae9a5ee-bc55", W/"x"`, `say "hi" \ é`+"\t\x00")
	f.Add("", "-")
	f.Add(`\x22`, `" "`)
	f.Add("{|}#", `","b":"`)
	f.Add("\xff\xfe", "\u2028\\")
	f.Add("--", "null")
	formats := []struct {
		name   string
		line   func(tag, agent string) string
		absent absence
	}{
		{`nginx:$status "$http_if_match" "$http_user_agent"`, func(tag, agent string) string {
			return `412 "` + escapeNginx(tag) + `" "` + escapeNginx(agent) + `"`
		}, dash},
		{`nginx:escape=json {"a":"$http_if_match","s":$status,"b":"$http_user_agent"}`, func(tag, agent string) string {
			return `{"a":"` + escapeNginxJSON(tag) + `","s":412,"b":"` + escapeNginxJSON(agent) + `"}`
		}, empty},
		{`apache:"%{If-Match}i" %>s "%{User-Agent}i"`, func(tag, agent string) string {
			return `"` + escapeApache(tag) + `" 412 "` + escapeApache(agent) + `"`
		}, dash},
		{`json:status,uri,http_if_match,user_agent`, func(tag, agent string) string {
			return `{"uri":"/","http_if_match":"` + escapeNginxJSON(tag) + `" , "user_agent":[ "` + escapeApache(agent) + `" ],"status":"412"}`
		}, jsonAnything},
		{`haproxy:If-Match,User-Agent`, func(tag, agent string) string {
			return `192.0.2.7:1 [03/Nov/2026:09:15:40.123] in app/web 0/0/1/30/31 412 480 - - ---- 1/1/1/1/0 0/0 {` + escapeHAProxy(tag) + "|" +
				escapeHAProxy(agent) + `} "PUT / HTTP/1.1"`
		}, dashOrEmpty},
	}
	f.Fuzz(func(t *testing.T, tag, agent string) {
		for _, format := range formats {
			if strings.HasPrefix(format.name, "nginx:escape=json") && strings.Contains(tag+agent, "\n") {
				continue
			}
			fm, err := ParseFormat(format.name)
			if err != nil {
				t.Fatal(err)
			}
			d, err := fm.dialect(nil)
			if err != nil {
				t.Fatal(err)
			}
			p := newLineParser()
			line := format.line(tag, agent)
			if p.parse(d.start.layout, []byte(line)) != isEntry {
				t.Errorf("%s: %q cannot be read", format.name, line)
				continue
			}
			for field, want := range map[Field]string{IfMatch: tag, UserAgent: agent} {
				state := Present
				if format.absent.is([]byte(want), span{0, uint32(len(want))}) {
					want, state = "", Absent
				}
				if got := p.entry.Text(field); got != want || p.entry.State(field) != state {
					t.Errorf("%s: %v of %q: got %q (%v), want %q", format.name, field, line, got, p.entry.State(field), want)
				}
			}
		}
	})
}

func TestParseDuration(t *testing.T) {
	tests := []struct {
		text string
		unit time.Duration
		want time.Duration // -1: none
	}{
		{"31", time.Millisecond, 31 * time.Millisecond},
		{"0.031", time.Second, 31 * time.Millisecond},
		{"1.25485e-05", time.Second, 12549},
		{"1.5ms", time.Second, 1500 * time.Microsecond},
		{"+31", time.Millisecond, 31 * time.Millisecond},
		{"0", time.Second, 0},
		{"-1", time.Millisecond, -1},
		{"-", time.Millisecond, -1},
		{"", time.Millisecond, -1},
		{"99999999999999999999", time.Second, -1},
		{"9223372036854775807", time.Second, -1},
		{"NaN", time.Second, -1},
		{"Inf", time.Second, -1},
	}
	for _, test := range tests {
		got, ok := parseDuration([]byte(test.text), test.unit)
		if !ok {
			got = -1
		}
		if got != test.want {
			t.Errorf("%q: got %v, want %v", test.text, got, test.want)
		}
	}
}

func TestParseInt(t *testing.T) {
	for text, want := range map[string]int64{
		"0": 0, "412": 412, "-1": -1, "+7": 7, "999999999999999999": 999999999999999999,
		"": math.MinInt64, "-": math.MinInt64, "1.5": math.MinInt64, "9999999999999999999": math.MinInt64, "0x1": math.MinInt64,
	} {
		got, ok := parseInt([]byte(text))
		if !ok {
			got = math.MinInt64
		}
		if got != want {
			t.Errorf("%q: got %d, want %d", text, got, want)
		}
	}
}

func TestSafeText(t *testing.T) {
	long := strings.Repeat("é", 500)
	for _, test := range []struct{ line, want string }{
		{"GET /a?token=Sesame&b=c", "GET /a?token=[redacted]&b=c"},
		{"GET /a?x=1&X-Amz-Signature=Sesame HTTP/1.1", "GET /a?x=1&X-Amz-Signature=[redacted] HTTP/1.1"},
		{"GET /a?sig=Sesame HTTP/1.1", "GET /a?sig=[redacted] HTTP/1.1"},
		{"Authorization: Basic U2VzYW1l, x", "Authorization: Basic [redacted], x"},
		{"a Bearer Sesame b", "a Bearer [redacted] b"},
		{"Bearer+Sesame b", "Bearer+[redacted] b"},
		{"monkey=1 ?page=2&q=basic", "monkey=1 ?page=2&q=basic"},
		{"a\xffb", "a\ufffdb"},
		{long, long[:200] + "…"},
	} {
		got := safeText([]byte(test.line), 200)
		if got != test.want {
			t.Errorf("%.30q: got %q, want %q", test.line, got, test.want)
		}
		if !utf8.ValidString(got) {
			t.Errorf("%q is not UTF-8", got)
		}
	}
}

// TestSampleHidesColumns: a column or member that may hold credentials is hidden
// whatever it holds.
func TestSampleHidesColumns(t *testing.T) {
	tests := []struct{ format, line, want string }{
		{"iis:cs(Cookie) sc-status cs(Authorization) x", "Sesame 412 Sesame x", "[redacted] 412 [redacted] x"},
		{`nginx:$cookie_sid "$http_cookie" $status`, `Sesame "Sesame=a; b" 412`, `[redacted] "[redacted]" 412`},
		{`apache:%>s %{Cookie}i %{x}C %{SESSION_TOKEN}e`, `412 Sesame Sesame Sesame`, `412 [redacted] [redacted] [redacted]`},
		{"haproxy:Cookie,Host", `192.0.2.7:1 [03/Nov/2026:09:15:40.123] in app/web 0/0/1/30/31 412 480 sid=Sesame sid=Sesame ---- 1/1/1/1/0 0/0 {Sesame|h} "PUT / HTTP/1.1"`,
			`192.0.2.7:1 [03/Nov/2026:09:15:40.123] in app/web 0/0/1/30/31 412 480 [redacted] [redacted] ---- 1/1/1/1/0 0/0 {[redacted]|h} "PUT / HTTP/1.1"`},
		{"json:status,uri", `{"status":412,"uri":"/","cookie":"Sesame\" x","a":{"Authorization":["Sesame","b]"]},"x_token":"Sesame"}`,
			`{"status":412,"uri":"/","cookie":"[redacted]","a":{"Authorization":"[redacted]"},"x_token":"[redacted]"}`},
		{`cloudfront:sc-status cs(Cookie)`, "412\tSesame", "412\t[redacted]"},
	}
	for _, test := range tests {
		fm, err := ParseFormat(test.format)
		if err != nil {
			t.Fatal(err)
		}
		d, err := fm.dialect(nil)
		if err != nil {
			t.Fatal(err)
		}
		p := newLineParser()
		if p.parse(d.start.layout, []byte(test.line)) != isEntry {
			t.Errorf("%s: %q cannot be read", test.format, test.line)
			continue
		}
		if got := p.entry.Sample(); got != test.want {
			t.Errorf("%s:\ngot  %s\nwant %s", test.format, got, test.want)
		}
	}
}
