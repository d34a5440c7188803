package accesslog

import (
	"strings"
	"testing"
)

// TestIdentify: columns without names are taken for what they hold, and for nothing if that is not
// clear.
func TestIdentify(t *testing.T) {
	const head = `192.0.2.7 - ana [03/Nov/2026:09:15:40 +0000] `
	for _, test := range []struct {
		name, want string // of the columns behind the common ones; "" if nothing is identified
		lines      []string
		helps      bool // no more than that
	}{
		{"a star that made something", `"%{column 8}n" "%{User-Agent}i" "%{If-None-Match}i"`, []string{
			`"PUT /a HTTP/1.1" 201 0 "-" "curl/8.14.1" "*"`, `"PUT /a HTTP/1.1" 412 96 "-" "curl/8.14.1" "*"`,
		}, false},
		{"a star that made nothing", ``, []string{`"PUT /a HTTP/1.1" 204 0 "-" "curl/8.14.1" "*"`}, false},
		{"as Apache escapes", `"%{If-Match}i" "%{If-None-Match}i" "%{ETag}o" %T`, []string{
			`"GET /a HTTP/1.1" 200 5 "-" "-" "\"v1\"" 0.010`, `"GET /b HTTP/1.1" 200 5 "-" "\"v0\"" "\"v2\"" 0.010`, `"GET /b HTTP/1.1" 200 5 "-" "-" "\"v2\"" 0.010`,
			`"GET /a HTTP/1.1" 304 0 "-" "\"v1\"" "\"v1\"" 0.010`, `"PUT /a HTTP/1.1" 412 0 "\"v0\"" "-" "\"v1\"" 0.010`,
		}, false},
		{"as nginx escapes, with dates and ranges", `"%{If-Modified-Since}i" "%{Last-Modified}o" "%{Range}i" "%{Referer}i"`, []string{
			`"GET /a HTTP/1.1" 200 5 "-" "Tue, 03 Nov 2026 09:14:22 GMT" "-" "-"`, `"GET /a HTTP/1.1" 200 5 "-" "Tue, 03 Nov 2026 09:14:22 GMT" "-" "https://h/"`,
			`"GET /a HTTP/1.1" 304 0 "Tue, 03 Nov 2026 09:14:22 GMT" "Tue, 03 Nov 2026 09:14:22 GMT" "-" "-"`, `"GET /a HTTP/1.1" 206 0 "-" "Tue, 03 Nov 2026 09:14:22 GMT" "bytes=5-" "-"`,
		}, false},
		{"without quotation marks", `%{If-Match}i %{column 9}n %{BALANCER_WORKER_NAME}e`, []string{
			`"GET /a HTTP/1.1" 200 5 - - 10.0.0.3:80`, `"GET /a HTTP/1.1" 200 5 - - 10.0.0.3:80`, `"PUT /a HTTP/1.1" 412 5 \x22v1\x22 - 10.0.0.4:80`,
		}, false},
		{"writes alone", `"%{If-Match}i" "%{ETag}o"`,
			[]string{`"PUT /a HTTP/1.1" 412 5 "\x22v1\x22" "\x22v2\x22"`, `"PUT /a HTTP/1.1" 204 5 "\x22v2\x22" "\x22v3\x22"`}, false},
		{"one tag with writes alone", ``, []string{`"PUT /a HTTP/1.1" 412 5 "\x22v1\x22"`, `"PUT /a HTTP/1.1" 204 5 "\x22v2\x22"`}, false},
		{"a proxy and a site", `"%{column 8}n" "%{User-Agent}i" "%{X-Forwarded-For}i" %T %{Host}i`, []string{
			`"GET /a HTTP/1.1" 200 5 "-" "curl/8.14.1" "192.0.2.9" 0.012 cloud.example.org`, `"GET /a HTTP/1.1" 200 5 "-" "curl/8.14.1" "192.0.2.9, 10.0.0.3" 0.012 wiki.example.org`,
		}, true},
		{"combined", ``, []string{`"PUT /a HTTP/1.1" 412 5 "https://h/" "curl/8.14.1"`, `"GET /a HTTP/1.1" 200 5 "-" "-"`}, false},
		{"an agent that looks like a tag", ``,
			[]string{`"GET /a HTTP/1.1" 200 5 "-" "\"bot\""`, `"GET /a HTTP/1.1" 404 5 "-" "curl/8.14.1"`}, false},
	} {
		var lines [][]byte
		for _, line := range test.lines {
			lines = append(lines, []byte(head+line))
		}
		c, proven := identify(lines)
		if got := strings.TrimPrefix(c.format.arg, apacheCommon+" "); got != test.want || proven != (test.want != "" && !test.helps) {
			t.Errorf("%s:\ngot  %s\nwant %s", test.name, got, test.want)
		}
	}
}

// TestIdentifyShort: the columns before may be fewer than those of the common log format.
func TestIdentifyShort(t *testing.T) {
	for head, want := range map[string]string{
		`192.0.2.7 [03/Nov/2026:09:15:40 +0000] `:     `%h %t "%r" %>s "%{If-None-Match}i" "%{column 9}n"`,
		`192.0.2.7 ana [03/Nov/2026:09:15:40 +0000] `: `%h %u %t "%r" %>s "%{If-None-Match}i" "%{column 9}n"`,
		`[03/Nov/2026:09:15:40 +0000] 192.0.2.7 `:     `%t %h "%r" %>s "%{If-None-Match}i" "%{column 9}n"`,
	} {
		c, proven := identify([][]byte{[]byte(head + `"PUT /a HTTP/1.1" 201 "*" "-"`), []byte(head + `"PUT /a HTTP/1.1" 412 "*" "-"`)})
		if c.format.arg != want || !proven {
			t.Errorf("%s: got %s", head, c.format.arg)
		}
	}
}

// FuzzIdentify: what is identified is a format, and one that reads the lines.
func FuzzIdentify(f *testing.F) {
	f.Add(`"PUT /a HTTP/1.1" 412 5 "\x22v1\x22" "\x22v2\x22" 0.1`, `"PUT /a HTTP/1.1" 201 5 "*" "-" -`)
	f.Fuzz(func(t *testing.T, first, second string) {
		const head = `192.0.2.7 - ana [03/Nov/2026:09:15:40 +0000] `
		lines := [][]byte{[]byte(head + first), []byte(head + second)}
		c, ok := identify(lines)
		if !ok {
			return
		}
		if _, err := c.format.dialect(nil); err != nil {
			t.Errorf("%s: %v", c.format.arg, err)
		}
	})
}
