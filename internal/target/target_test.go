package target

import (
	"bufio"
	"crypto/tls"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"
)

// TestRequests reads request lines as net/http does, and compares with testdata.
func TestRequests(t *testing.T) {
	data, err := os.ReadFile("testdata/requests.txt")
	if err != nil {
		t.Fatal(err)
	}
	cases := 0
	for line := range strings.Lines(string(data)) {
		asked, want, ok := strings.Cut(strings.TrimSpace(line), "=>")
		if !ok || line[0] == '#' {
			continue
		}
		cases++
		if got, want := answer(t, strings.Fields(asked)), strings.TrimSpace(want); got != want {
			t.Errorf("%s: got %s, want %s", strings.TrimSpace(asked), got, want)
		}
	}
	if cases < 80 {
		t.Errorf("only %d cases were read", cases)
	}
}

// answer is what testdata has behind the arrow.
func answer(t *testing.T, words []string) string {
	host, h2, secure := "example.org", false, false
	for ; len(words) > 2; words = words[1:] {
		switch word := words[0]; {
		case word == "h2":
			h2 = true
		case word == "tls":
			secure = true
		case strings.HasPrefix(word, "host="):
			host = strings.TrimPrefix(word, "host=")
		default:
			t.Fatalf("unknown word %q", word)
		}
	}
	r := read(t, words[0], words[1], host, h2)
	scheme := "http"
	if secure {
		r.TLS, scheme = new(tls.ConnectionState), "https"
	}
	if fault := Check(r, scheme); fault != nil {
		return fault.Reason
	}
	if r.Method == http.MethodConnect {
		return "*CONNECT"
	}
	own, fault := Of(r)
	if fault != nil {
		return fault.Reason
	}
	return own.URL.RequestURI()
}

func read(t *testing.T, method, target, host string, h2 bool) *http.Request {
	t.Helper()
	if h2 { // as the server of net/http makes it
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Request{Method: method, URL: u, Host: host, RequestURI: target, Proto: "HTTP/2.0", ProtoMajor: 2}
	}
	text := method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return r
}

// TestHTTP10: a request of that version need not say for which host it is.
func TestHTTP10(t *testing.T) {
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader("GET /a HTTP/1.0\r\n\r\n")))
	if err != nil {
		t.Fatal(err)
	}
	if fault := Check(r, "http"); fault != nil {
		t.Error(fault)
	}
}

// TestElements: slashes that are encoded are none between segments.
func TestElements(t *testing.T) {
	for _, c := range [][2]string{{"/a/b", "/a/b"}, {"/a%2fb/%C3%A9", "/a%2Fb/é"}, {"/%20", "/ "}} {
		u, err := url.ParseRequestURI(c[0])
		if err != nil {
			t.Fatal(err)
		}
		u, fault := Normal(u)
		if fault != nil {
			t.Fatal(fault)
		}
		if got := Elements(u); got != c[1] {
			t.Errorf("%s: got %q, want %q", c[0], got, c[1])
		}
	}
}

func TestSameAuthority(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"a", "A:80", true}, {"a.", "a", true}, {"a:", "a:80", true}, {"a:81", "a", false}, {"a", "b", false},
		{"[::1]:80", "[::1]", true}, {"a:443", "a", false},
	} {
		if got := SameAuthority("http", c.a, c.b); got != c.same {
			t.Errorf("%q and %q: got %v", c.a, c.b, got)
		}
	}
}

// FuzzNormal: the normal form of a normal form is itself, it is sent as it is, it has no dot
// segments, and it names what path.Clean says, where that has the same opinion of slashes.
func FuzzNormal(f *testing.F) {
	for _, target := range []string{"/a/../b?x", "/a%2Fb", "/%2e%2e/", "/é\\", "//a/./b;c", "/a/..;/", "http://a/b", "/%zz"} {
		f.Add(target)
	}
	f.Fuzz(func(t *testing.T, target string) {
		sent, err := url.ParseRequestURI(target)
		if err != nil || sent.Opaque != "" || sent.Path == "*" {
			return
		}
		u, fault := Normal(sent)
		if fault != nil {
			return
		}
		uri := u.RequestURI()
		again, err := url.ParseRequestURI(uri)
		if err != nil {
			t.Fatalf("%q: the normal form %q: %v", target, uri, err)
		}
		if twice, fault := Normal(again); fault != nil || twice.RequestURI() != uri || twice.Path != u.Path {
			t.Errorf("%q: the normal form %q has another, %v (%v)", target, uri, twice, fault)
		}
		if u.Path == "" || u.Path[0] != '/' || strings.Contains(u.Path+"/", "/../") || strings.Contains(u.Path+"/", "/./") {
			t.Errorf("%q: the path %q", target, u.Path)
		}
		escaped := u.EscapedPath()
		if !strings.Contains(sent.Path, "//") && path.Clean("/"+sent.Path) != path.Clean(u.Path) {
			t.Errorf("%q: %q, but it should name %q", target, escaped, path.Clean("/"+sent.Path))
		}
	})
}
