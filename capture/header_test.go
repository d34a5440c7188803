package capture

import (
	"slices"
	"testing"
)

func TestHeaderKeepsOrderCaseAndLines(t *testing.T) {
	var h Header
	h.Add("if-none-match", `"a"`)
	h.Add("Host", "example.com")
	h.Add("If-None-Match", `W/"b", "c"`)
	if got, want := h.Values("IF-NONE-MATCH"), []string{`"a"`, `W/"b", "c"`}; !slices.Equal(got, want) {
		t.Errorf("Values = %q, want %q", got, want)
	}
	if got, want := h.Get("If-None-Match"), `"a", W/"b", "c"`; got != want {
		t.Errorf("Get = %q, want %q", got, want)
	}
	if h.Has("If-Match") || h.Values("If-Match") != nil || h.Get("If-Match") != "" {
		t.Error("a field that was not sent is there")
	}
	m := h.Map()
	if got, want := m["If-None-Match"], []string{`"a"`, `W/"b", "c"`}; !slices.Equal(got, want) {
		t.Errorf("Map has %q, want %q", got, want)
	}
	m["Host"] = nil
	if !h.Has("Host") {
		t.Error("changing the map changed the header")
	}
	var names []string
	for l := range h.Lines() {
		names = append(names, l.Name)
	}
	if want := []string{"if-none-match", "Host", "If-None-Match"}; !slices.Equal(names, want) {
		t.Errorf("Lines have the names %q, want %q", names, want)
	}
	if named := h.Named("host"); len(named) != 1 || named[0].Name != "Host" {
		t.Errorf("Named = %v", named)
	}
}

func TestFieldValuesAreRedacted(t *testing.T) {
	for _, c := range []struct{ name, value, want string }{
		{"Authorization", "Basic YW5hOnNlc2FtZQ==", "Basic [redacted]"},
		{"authorization", "bearer eyJhbGciOi", "Bearer [redacted]"},
		{"Authorization", "AWS4-HMAC-SHA256 Credential=AKIA/2026, Signature=fe5f", "AWS4-HMAC-SHA256 [redacted]"},
		{"Authorization", "hunter2", "[redacted]"},
		{"Authorization", "hunter2 hunter3", "[redacted]"},
		{"Authorization", "Basic", "[redacted]"}, // might be a token of that name; nothing is lost
		{"Authorization", "", ""},
		{"Proxy-Authorization", "Digest username=\"ana\"", "Digest [redacted]"},
		{"WWW-Authenticate", "Negotiate oYG2MIGzoAMK", "Negotiate [redacted]"},
		{"Cookie", "sid=1; lang=de", "[redacted]"},
		{"Set-Cookie", "sid=1; HttpOnly", "[redacted]"},
		{"X-Api-Key", "k", "[redacted]"},
		{"x-goog-api-key", "k", "[redacted]"},
		{"requesttoken", "abc", "[redacted]"},
		{"X-CSRF-Token", "abc", "[redacted]"},
		{"X-Amz-Security-Token", "abc", "[redacted]"},
		{"Ocp-Apim-Subscription-Key", "abc", "[redacted]"},
		{"X-MS-Client-Session-Id", "abc", "[redacted]"},
		{"Lock-Token", "<opaquelocktoken:1>", "<opaquelocktoken:1>"},
		{"If", "</a?token=1> (<opaquelocktoken:1>)", "</a?token=1> (<opaquelocktoken:1>)"},
		{"If-Match", `"a?sig=b"`, `"a?sig=b"`},
		{"Idempotency-Key", "7f", "7f"},
		{"Referer", "https://ana:pw@example.com/a?q=1&token=abc#x", "https://[redacted]@example.com/a?q=1&token=[redacted]#x"},
		{"Location", "/done?access_token=abc&next=/b", "/done?access_token=[redacted]&next=/b"},
		{"Link", `<https://h/a?sig=x>; rel="next", <https://h/b?page=2>`, `<https://h/a?sig=[redacted]>; rel="next", <https://h/b?page=2>`},
	} {
		var h Header
		h.Add(c.name, c.value)
		l := h.Named(c.name)[0]
		if l.Value != c.want || l.Redacted != (c.want != c.value) {
			t.Errorf("%s: %s is kept as %q (redacted: %t), want %q", c.name, c.value, l.Value, l.Redacted, c.want)
		}
	}
}

func TestRedactURL(t *testing.T) {
	for _, c := range []struct{ url, want string }{
		{"", ""},
		{"/a/b?x=1&y=2#f", "/a/b?x=1&y=2#f"},
		{"/a@b", "/a@b"},
		{"//u:p@host/", "//[redacted]@host/"},
		{"https://u:p@w@host/a", "https://[redacted]@host/a"},
		{"https://host/@scope/name", "https://host/@scope/name"},
		{"https://host?u@v", "https://host?u@v"},
		{"/b?sv=2024&sig=ab%2Fc&se=1", "/b?sv=2024&sig=[redacted]&se=1"},
		{"/b?X-Amz-Signature=1&X-Amz-Date=2&x-amz-credential=3", "/b?X-Amz-Signature=[redacted]&X-Amz-Date=2&x-amz-credential=[redacted]"},
		{"/b?%73ig=1", "/b?%73ig=[redacted]"},
		{"/b?sig=", "/b?sig="},
		{"/b?sig", "/b?sig"},
		{"/b?a=1;token=2", "/b?a=1;token=[redacted]"},
		{"/b#access_token=1&state=2", "/b#access_token=[redacted]&state=[redacted]"},
		{"/b?a?token=1", "/b?a?token=[redacted]"},
		{"/design?sigma=1&monkey=2&keyword=3", "/design?sigma=1&monkey=2&keyword=3"},
	} {
		if got := RedactURL(c.url); got != c.want {
			t.Errorf("RedactURL(%q) = %q, want %q", c.url, got, c.want)
		}
		if again := RedactURL(c.want); again != c.want {
			t.Errorf("RedactURL(%q) = %q: not stable", c.want, again)
		}
	}
}

func FuzzRedactURL(f *testing.F) {
	f.Add("https://u:p@host/a?b=c&sig=SECRET#d")
	f.Add("/?a;token=SECRET")
	f.Fuzz(func(t *testing.T, s string) {
		once := RedactURL(s)
		if twice := RedactURL(once); twice != once {
			t.Errorf("RedactURL(%q) = %q, and of that %q", s, once, twice)
		}
	})
}

func TestURL(t *testing.T) {
	for _, c := range []struct{ scheme, host, method, target, want string }{
		{"https", "h:8443", "GET", "/a?b", "https://h:8443/a?b"},
		{"", "h", "GET", "/a", "//h/a"},
		{"", "", "GET", "/a", "/a"},
		{"http", "h", "GET", "http://h/a", "http://h/a"},
		{"http", "h", "OPTIONS", "*", "http://h"},
		{"http", "h", "CONNECT", "x:443", "x:443"},
	} {
		x := Exchange{Scheme: c.scheme, Request: Request{Host: c.host, Method: c.method, Target: c.target}}
		if got := x.URL(); got != c.want {
			t.Errorf("%+v: URL = %q, want %q", c, got, c.want)
		}
	}
}

func TestMissing(t *testing.T) {
	var x Exchange
	x.miss(RequestHeader, "not traced")
	x.miss(RequestHeader, "not traced")
	if len(x.Gaps) != 1 || !x.Missing(RequestHeader) || x.Missing(ResponseHeader) {
		t.Errorf("Gaps = %v", x.Gaps)
	}
}

func TestFormatNames(t *testing.T) {
	for _, name := range Formats() {
		f, err := ParseFormat(name)
		if err != nil || f == Unknown || f.Name() != name {
			t.Errorf("ParseFormat(%q) = %v, %v", name, f, err)
		}
	}
	if _, err := ParseFormat("evtx"); err == nil {
		t.Error("evtx is not a format")
	}
}

// TestHiddenValues: what somebody has put in place of a value is nothing to compare.
func TestHiddenValues(t *testing.T) {
	for value, hidden := range map[string]bool{
		"[REDACTED]": true, "<hidden>": true, "***": true, "XXXX": true, `"<etag>"`: true, `W/"[redacted]"`: true, "(masked)": true,
		"…": true, "██": true, "redacted": true,
		"*": false, `"etag"`: false, `"secret"`: false, "null": false, `"5f0c"`: false, `"xx"`: false, "": false, `""`: false,
		`"a", "b"`: false,
	} {
		var h Header
		h.Add("If-Match", value)
		h.Add("X-Other", value)
		for l := range h.Lines() {
			if want := hidden && l.Name == "If-Match"; l.Cut != want || l.Redacted != want {
				t.Errorf("%s: %q is hidden: %v, want %v", l.Name, value, l.Cut, want)
			}
		}
	}
}
