package accesslog

import "testing"

// TestBefore: what stands before a line is left out, and no part of an address with it.
func TestBefore(t *testing.T) {
	const rest = ` - - [12/Dec/2026:23:59:59 +0530] "PUT /a HTTP/1.1" 412 0 "-" "curl/8.5.0"`
	for _, c := range []struct{ before, line string }{
		{`[0] kube.web: [[1797100199.003, {}], {"log"=>"`, "2001:db8:5::9" + rest},
		{`[0] kube.web: [[1797100199.003, {}], {"log"=>"`, "203.0.113.7" + rest},
		{"web-6d5f7c9b-x2x9z:nginx ", "203.0.113.7" + rest},
		{"access.log:", "2001:db8:5::9" + rest},
		{"", "'2001:db8:5::9" + rest},                  // not known, and no address begins within another
		{"", "dav.example.com:443 203.0.113.7" + rest}, // a column
		{"", "2001:db8::1 203.0.113.7" + rest},
		{"", `"2026-12-12T18:29:59Z","203.0.113.7 - - [12/Dec/2026:23:59:59 +0530] ""PUT /a HTTP/1.1"" 412 0"`},
	} {
		if got := before([]byte(c.before + c.line)); got != len(c.before) {
			t.Errorf("%s%s\nleaves out %q, want %q", c.before, c.line, (c.before + c.line)[:got], c.before)
		}
	}
}
