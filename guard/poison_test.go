package guard_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// mirror is a backend that shows in its answer all that it was sent, says that this may be stored, and names nothing in Vary: what of a
// request reaches it reaches those who get the stored answer. What the query asks for, it does.
func mirror(w http.ResponseWriter, r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	h := w.Header()
	h.Set("Cache-Control", "max-age=600")
	status := http.StatusOK
	text := fmt.Sprintf("%s %s for %s with %s\n", r.Method, r.URL.Path, r.Host, content)
	for name, lines := range r.Header {
		text += name + ": " + strings.Join(lines, ", ") + "\n"
	}
	switch q := r.URL.Query(); {
	case r.Header.Get("Attack") == "": // the victim
	case q.Has("private"):
		h.Set("Cache-Control", "private, max-age=600")
	case q.Has("any"):
		h.Set("Vary", "Accept, *")
	case q.Has("cookie"):
		h.Del("Cache-Control")
		h.Set("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT")
		h.Set("Set-Cookie", "session=evil")
	case q.Has("status"):
		_, _ = fmt.Sscan(q.Get("status"), &status)
	case q.Has("part"): // nobody has asked for a part
		h.Set("Content-Range", "bytes 0-3/4")
		status = http.StatusPartialContent
		text = "evil"
	case q.Has("cut"):
		h.Set("Content-Length", "100000")
	case q.Has("elsewhere"):
		h.Set("Content-Location", "/victim")
		h.Set("Location", "/victim")
	case q.Has("connection"):
		h.Set("Connection", "X-Evil")
		h.Set("X-Evil", "evil")
		text = "fine"
	case q.Has("old"):
		h.Set("Age", "100000")
	}
	if len(h["Content-Length"]) == 0 {
		h.Set("Content-Length", fmt.Sprint(len(text)))
	}
	w.WriteHeader(status)
	io.WriteString(w, text)
}

// TestCachePoison: what one client sends, or makes the backend send, is not in what another one gets.
func TestCachePoison(t *testing.T) {
	const host = "Host: site.example"
	request := func(line string, fields ...string) string {
		lines := append([]string{line + " HTTP/1.1", host}, fields...)
		return strings.Join(lines, "\r\n") + "\r\n\r\n"
	}
	attack := func(line string, fields ...string) string { return request(line, append(fields, "Attack: yes")...) }
	const smuggled = "0\r\n\r\nGET /evil HTTP/1.1\r\nHost: x\r\n\r\n"
	type attempt struct{ name, attack, victim string }
	var all []attempt
	for _, field := range []string{
		"X-Forwarded-Host: evil", "X-Forwarded-For: evil", "X-Forwarded-Proto: evil", "X-Forwarded-Port: 666evil", "Forwarded: host=evil",
		"X-Real-Ip: evil", "X-Original-Url: /evil", "X-Rewrite-Url: /evil", "X-Http-Method-Override: EVIL", "X-Http-Method: EVIL",
		"X-Method-Override: EVIL", "True-Client-Ip: evil", "X-Client-Ip: evil", "Proxy: http://evil/",
		"Connection: X-Evil, close\r\nX-Evil: evil",
		"X_Forwarded_Host: evil", "Proxy-Authorization: evil", "Te: evil", "Keep-Alive: evil", "X-Forwarded-Scheme: evil", "X-Host: evil",
		"X-Forwarded-Server: evil",
	} {
		all = append(all, attempt{"field " + field, attack("GET /", field), request("GET /")})
	}
	all = append(all, []attempt{
		{"credentials", attack("GET /", "Authorization: Basic evil"), request("GET /")},
		{"another host", strings.Replace(attack("GET /"), host, "Host: evil", 1), request("GET /")},
		{"a host with a port", strings.Replace(attack("GET /"), host, "Host: site.example:666\r\nX-Evil: evil", 1), request("GET /")},
		{"a target with another host", attack("GET http://evil/"), request("GET /")},
		{"two hosts", attack("GET /", "Host: evil"), request("GET /")},
		{"a method in the query", attack("GET /?_method=EVIL"), request("GET /")},
		{"a range", attack("GET /", "Range: bytes=0-0", "X-Evil: evil"), request("GET /", "Range: bytes=5000-")},
		{"HEAD", attack("HEAD /", "X-Evil: evil"), request("GET /")},
		{"content in a GET", attack("GET /", "Content-Length: 4") + "evil", request("GET /")},
		{"chunked content in a GET", attack("GET /", "Transfer-Encoding: chunked") + "4\r\nevil\r\n0\r\n\r\n", request("GET /")},
		{"POST", attack("POST /", "Content-Length: 4") + "evil", request("GET /")},
		{"OPTIONS", attack("OPTIONS /", "X-Evil: evil"), request("GET /")},
		{"an unknown method", attack("EVIL /", "X-Evil: evil"), request("GET /")},
		{"QUERY", attack("QUERY /", "Content-Length: 4", "Content-Type: text/plain") + "evil", request("GET /")},
		{"another QUERY", attack("QUERY /", "Content-Length: 4", "Content-Type: text/plain") + "evil",
			request("QUERY /", "Content-Length: 4", "Content-Type: text/plain") + "good"},
		{"the same QUERY of another type", attack("QUERY /", "Content-Length: 4", "Content-Type: text/evil") + "same",
			request("QUERY /", "Content-Length: 4", "Content-Type: text/plain") + "same"},
		{"no-store", attack("GET /", "Cache-Control: no-store", "X-Evil: evil"), request("GET /")},
		{"a private answer", attack("GET /?private", "X-Evil: evil"), request("GET /?private")},
		{"an answer that varies by all", attack("GET /?any", "X-Evil: evil"), request("GET /?any")},
		{"an answer with a cookie and a guess", attack("GET /?cookie", "X-Evil: evil"), request("GET /?cookie")},
		{"a part that nobody asked for", attack("GET /?part", "X-Evil: evil"), request("GET /?part")},
		{"an answer that is cut", attack("GET /?cut", "X-Evil: evil"), request("GET /?cut")},
		{"an answer that is old", attack("GET /?old", "X-Evil: evil"), request("GET /?old")},
		{"an answer that names another target", attack("GET /?elsewhere", "X-Evil: evil"), request("GET /victim")},
		{"fields of the connection", attack("GET /?connection"), request("GET /?connection")},
		{"an encoded question mark", attack("GET /%3Fa=1", "X-Evil: evil"), request("GET /?a=1")},
		{"an encoded number sign", attack("GET /a%23b", "X-Evil: evil"), request("GET /a")},
		{"a number sign", attack("GET /a#b", "X-Evil: evil"), request("GET /a")},
		{"an encoded slash", attack("GET /a%2Fb", "X-Evil: evil"), request("GET /a/b")},
		{"dot segments", attack("GET /a/../c", "X-Evil: evil"), request("GET /a/../d")},
		{"another case", attack("GET /A", "X-Evil: evil"), request("GET /a")},
		{"another order of the query", attack("GET /?a=1&b=2", "X-Evil: evil"), request("GET /?b=2&a=1")},
		{"a semicolon in the query", attack("GET /?a=1;b=2", "X-Evil: evil"), request("GET /?a=1&b=2")},
		{"a query that is empty", attack("GET /?", "X-Evil: evil"), request("GET /")},
		{"a name of a key", attack("GET /?x#http%3A", "X-Evil: evil"), request("GET /?x")},
		{"a long target", attack("GET /" + strings.Repeat("a", 6000) + "?evil"), request("GET /" + strings.Repeat("a", 6000))},
		{"smuggled by lengths", attack("GET /", "Content-Length: 4", "Transfer-Encoding: chunked") + smuggled, request("GET /")},
		{"smuggled by two lengths", attack("POST /", "Content-Length: 0", "Content-Length: 4") + "evil", request("GET /")},
	}...)
	for _, status := range []int{401, 407, 412, 413, 416, 421, 425, 428, 429, 431} {
		path := fmt.Sprintf("GET /?status=%d", status)
		all = append(all, attempt{fmt.Sprint("an answer of ", status), attack(path, "X-Evil: evil"), request(path)})
	}
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			g := protect(t, http.HandlerFunc(mirror), func(o *guard.Options) { o.Routes[0].Cache = guard.CacheOn })
			for range 2 { // what was stored at once, and what that was used for
				_, _ = g.raw(c.attack)
				guard.Settle(g.handler)
			}
			res, content := g.raw(c.victim)
			if res == nil || res.StatusCode >= 500 {
				t.Fatalf("the victim got %v", res)
			}
			if got := strings.ToLower(content + fmt.Sprint(res.Header)); strings.Contains(got, "evil") {
				t.Errorf("the victim got %s", got)
			}
		})
	}
	if len(all) < 60 {
		t.Errorf("there are %d attempts", len(all))
	}
}

// raw sends what no client would, and returns the answer, or nil.
func (g *guarded) raw(text string) (*http.Response, string) {
	g.t.Helper()
	c, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		g.t.Fatal(err)
	}
	defer c.Close()
	io.WriteString(c, text)
	method, _, _ := strings.Cut(text, " ")
	res, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return nil, ""
	}
	defer res.Body.Close()
	content, _ := io.ReadAll(res.Body)
	return res, string(content)
}

// TestCacheNothingCrosses: of clients who ask for the same with credentials or cookies of their own, each gets its own.
func TestCacheNothingCrosses(t *testing.T) {
	for _, mode := range []guard.CacheMode{guard.CacheOn, guard.CacheCoherent} {
		for _, control := range []string{"", "max-age=600", "no-cache", "private, max-age=600", "max-age=0, must-revalidate"} {
			for _, field := range []string{"Authorization", "Cookie"} {
				if field == "Cookie" && strings.HasPrefix(control, "max-age=6") {
					continue // an origin that lets caches store what depends on a cookie has to name it in Vary
				}
				t.Run(fmt.Sprint(mode, " ", control, " ", field), func(t *testing.T) {
					g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						if control != "" {
							w.Header().Set("Cache-Control", control)
						}
						w.Header().Set("Etag", `"one"`)
						w.Header().Set("Last-Modified", "Thu, 01 Jan 2015 00:00:00 GMT")
						fmt.Fprintf(w, "for %s", r.Header.Get(field))
					}), func(o *guard.Options) { o.Routes[0].Cache = mode })
					names := []string{"ann", "bob", "", "ann", "cyd", "bob", ""}
					for i, name := range slices.Concat(names, names) {
						var fields []string
						if name != "" {
							fields = []string{field + ": " + name}
						}
						if got := g.do("GET", "/", "", fields...); got.body != "for "+name {
							t.Errorf("request %d: %q got %q", i, name, got.body)
						}
						guard.Settle(g.handler)
					}
				})
			}
		}
	}
}
