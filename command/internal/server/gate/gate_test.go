package gate

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/fourtwelve/fourtwelve/command/internal/server/auth"
	"github.com/fourtwelve/fourtwelve/observe"
)

const token = "0123456789abcdef"

// credentials accepts ann with the password "secret", and the token named
// backup.
func credentials(t testing.TB, kinds ...string) *auth.Credentials {
	t.Helper()
	dir := t.TempDir()
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	var sources []string
	for _, kind := range kinds {
		text := map[string]string{"htpasswd": "ann:" + string(hash), "bearer": "backup:" + token}[kind]
		path := filepath.Join(dir, kind)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, kind+":"+path)
	}
	c, err := auth.Load(sources)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func basic(pair string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair)) }

// heard answers with the user's name.
var heard = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "heard "+User(r)) })

func TestWhoIsHeard(t *testing.T) {
	both := credentials(t, "htpasswd", "bearer")
	open, closed, publicRead := Options{}, Options{Credentials: both}, Options{Credentials: both, PublicRead: true}
	cross := "Sec-Fetch-Site: cross-site"
	announced := Options{Credentials: both, Announce: true}
	for _, tt := range []struct {
		name    string
		options Options
		method  string
		fields  []string
		want    string // what heard says, or the reason
	}{
		{"open", open, "PUT", nil, "heard "},
		{"open, credentials are not looked at", open, "PUT", []string{"Authorization: Basic x"}, "heard "},
		{"closed", closed, "GET", nil, "credentials-missing"},
		{"closed, options", closed, "OPTIONS", nil, "credentials-missing"},
		{"closed, unknown method", closed, "BREW", nil, "credentials-missing"},
		{"user", closed, "PUT", []string{"Authorization: " + basic("ann:secret")}, "heard ann"},
		{"token", closed, "DELETE", []string{"Authorization: Bearer " + token}, "heard backup"},
		{"wrong password", closed, "GET", []string{"Authorization: " + basic("ann:guess")}, "credentials-wrong"},
		{"wrong token", closed, "GET", []string{"Authorization: Bearer x"}, "credentials-wrong"},
		{"unknown scheme", closed, "GET", []string{"Authorization: Digest x"}, "credentials-malformed"},
		{"two fields", closed, "GET", []string{"Authorization: Bearer " + token, "Authorization: Bearer " + token}, "credentials-malformed"},
		{"public read", publicRead, "GET", nil, "heard "},
		{"public read, head", publicRead, "HEAD", nil, "heard "},
		{"public read, options", publicRead, "OPTIONS", nil, "heard "},
		{"public read, wrong credentials", publicRead, "GET", []string{"Authorization: Bearer x"}, "heard "},
		{"public read, write", publicRead, "PUT", nil, "credentials-missing"},
		{"public read, query", publicRead, "QUERY", nil, "heard "},
		{"public read, listing", publicRead, "PROPFIND", nil, "heard "},
		{"public read, unknown method", publicRead, "FROBNICATE", nil, "credentials-missing"},
		{"public read, write by user", publicRead, "PUT", []string{"Authorization: " + basic("ann:secret")}, "heard ann"},

		{"announced, options", announced, "OPTIONS", nil, "heard "},
		{"announced, options by user", announced, "OPTIONS", []string{"Authorization: " + basic("ann:secret")}, "heard ann"},
		{"announced, options by nobody", announced, "OPTIONS", []string{"Authorization: " + basic("ann:guess")}, "credentials-wrong"},
		{"announced, listing", announced, "PROPFIND", nil, "credentials-missing"},
		{"announced, read", announced, "GET", nil, "credentials-missing"},

		{"listing", open, "PROPFIND", nil, "heard "},
		{"listing from another site", open, "PROPFIND", []string{cross}, "cross-origin"},
		{"listing from another site, old browser", publicRead, "PROPFIND", []string{"Origin: http://evil.example"}, "cross-origin"},
		{"collection from another site", open, "MKCOL", []string{cross}, "cross-origin"},
		{"move from another site", open, "MOVE", []string{"Origin: http://evil.example"}, "cross-origin"},
		{"page of this server", open, "PUT", []string{"Sec-Fetch-Site: same-origin", "Origin: http://example.com"}, "heard "},
		{"typed by the user", open, "POST", []string{"Sec-Fetch-Site: none"}, "heard "},
		{"page of another site", open, "POST", []string{cross, "Origin: http://evil.example"}, "cross-origin"},
		{"page of a neighbour", open, "POST", []string{"Sec-Fetch-Site: same-site", "Origin: http://www.example.com"}, "cross-origin"},
		{"old browser, this server", open, "POST", []string{"Origin: http://example.com"}, "heard "},
		{"old browser, another site", open, "POST", []string{"Origin: http://evil.example"}, "cross-origin"},
		{"page that hides where it is from", open, "POST", []string{"Origin: null"}, "cross-origin"},
		{"read from another site", open, "GET", []string{cross}, "heard "},
		{"delete from another site", open, "DELETE", []string{cross}, "cross-origin"},
		{"unknown method from another site", open, "BREW", []string{cross}, "cross-origin"},
		{"user on another site's page", closed, "POST", []string{cross, "Authorization: " + basic("ann:secret")}, "cross-origin"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var records []observe.Record
			tt.options.Observe = func(r *http.Request, rec *observe.Record) { records = append(records, *rec) }
			r := httptest.NewRequest(tt.method, "http://example.com/a", nil)
			for _, f := range tt.fields {
				name, value, _ := strings.Cut(f, ": ")
				r.Header.Add(name, value)
			}
			w := httptest.NewRecorder()
			New(heard, tt.options).ServeHTTP(w, r)
			if strings.HasPrefix(tt.want, "heard") {
				if got := w.Body.String(); got != tt.want || len(records) != 0 {
					t.Errorf("got %d %q and %d records, want %q and none", w.Code, got, len(records), tt.want)
				}
				return
			}
			checkRefusal(t, w, records, tt.want)
		})
	}
}

func checkRefusal(t *testing.T, w *httptest.ResponseRecorder, records []observe.Record, reason string) {
	t.Helper()
	status := http.StatusUnauthorized
	if reason == "cross-origin" {
		status = http.StatusForbidden
	}
	var problem struct{ Reason, Detail string }
	if err := json.Unmarshal(w.Body.Bytes(), &problem); err != nil {
		t.Fatal(err)
	}
	if w.Code != status || problem.Reason != reason || problem.Detail == "" {
		t.Errorf("got %d %+v, want %d %s", w.Code, problem, status, reason)
	}
	if got := w.Header().Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("got Content-Type %q", got)
	}
	challenges := w.Header().Values("WWW-Authenticate")
	if want := status == http.StatusUnauthorized; (len(challenges) == 2) != want || !want && len(challenges) != 0 {
		t.Errorf("got challenges %q", challenges)
	}
	if len(records) != 1 {
		t.Fatalf("got %d records, want one", len(records))
	}
	if rec := records[0]; rec.Status != status || rec.Reason != reason || rec.Bytes != int64(w.Body.Len()) || rec.Started.IsZero() {
		t.Errorf("got record %+v", rec)
	}
}

func TestHosts(t *testing.T) {
	var reasons []string
	// One gate for all, as it remembers who was asked for.
	g := New(heard, Options{LocalOnly: true, Hosts: []string{"example.org"}, Observe: func(_ *http.Request, rec *observe.Record) {
		reasons = append(reasons, rec.Reason)
	}})
	for host, want := range map[string]bool{
		"127.0.0.1": true, "127.0.0.1:8412": true, "[::1]:8412": true, "[::1]": true, "192.0.2.1:80": true,
		"localhost": true, "LOCALHOST:8412": true, "localhost.": true, "app.localhost:8412": true, "": true, ":8412": true,
		"example.org": true, "Example.ORG:443": true, "example.org.": true,
		"evil.example": false, "evil.example:8412": false, "www.example.org": false, "localhost.evil.example": false,
		"notlocalhost": false, ".localhost": false, "127.0.0.1.evil.example": false, "127.0.0.1.nip.io:8412": false,
		"[evil]": false, "example.org:8412:8412": false,
	} {
		for _, method := range []string{"GET", "PUT"} {
			r := httptest.NewRequest(method, "/", nil)
			r.Host = host
			w := httptest.NewRecorder()
			reasons = nil
			g.ServeHTTP(w, r)
			if got := w.Code == http.StatusOK; got != want {
				t.Errorf("%s for %q: got %d, want heard to be %v", method, host, w.Code, want)
			}
			if !want && (w.Code != http.StatusMisdirectedRequest || len(reasons) != 1 || reasons[0] != "unknown-host") {
				t.Errorf("%s for %q: got %d and records %q", method, host, w.Code, reasons)
			}
		}
	}
	r := httptest.NewRequest("PUT", "/", nil)
	r.Host = "evil.example"
	w := httptest.NewRecorder()
	if New(heard, Options{}).ServeHTTP(w, r); w.Code != http.StatusOK {
		t.Errorf("not only local: got %d, want every host to be heard", w.Code)
	}
}

// TestGateway is of what a gateway wants: names below a name, and its own words for how
// to be known by one; and writes from other sites' pages are the backend's matter.
func TestGateway(t *testing.T) {
	h := New(heard, Options{LocalOnly: true, Hosts: []string{"*.example.org"}, HostHint: "say so", AnyOrigin: true})
	for host, want := range map[string]int{
		"notes.example.org": 200, "A.B.EXAMPLE.org:8412": 200, "example.org": 421, ".example.org": 421, "example.org.evil": 421,
		"evilexample.org": 421,
	} {
		r := httptest.NewRequest("PUT", "/", nil)
		r.Host = host
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s: got %d, want %d", host, w.Code, want)
		}
		if want == 421 && !strings.Contains(w.Body.String(), "to have it known by a name, say so") {
			t.Errorf("%s: no hint in %s", host, w.Body)
		}
	}
}

func TestChallengeNamesWhatIsAccepted(t *testing.T) {
	for kind, want := range map[string]string{
		"htpasswd": `Basic realm="fourtwelve", charset="UTF-8"`,
		"bearer":   `Bearer realm="fourtwelve"`,
	} {
		w := httptest.NewRecorder()
		New(heard, Options{Credentials: credentials(t, kind)}).ServeHTTP(w, httptest.NewRequest("HEAD", "/", nil))
		if got := w.Header().Values("WWW-Authenticate"); len(got) != 1 || got[0] != want || w.Body.Len() != 0 {
			t.Errorf("%s: got %q and %d bytes, want %q and none", kind, got, w.Body.Len(), want)
		}
	}
}

// TestGivenUp: a request that ends while its password waits for its turn gets
// an answer that says nothing about the password.
func TestGivenUp(t *testing.T) {
	g := New(heard, Options{Credentials: credentials(t, "htpasswd")}).(*gate)
	w := httptest.NewRecorder()
	p := g.challenge(w, httptest.NewRequest("GET", "/", nil), auth.ErrBusy)
	if p.Status != http.StatusServiceUnavailable || p.Reason != "too-many-logins" || w.Header().Get("Retry-After") != "1" ||
		w.Header().Get("WWW-Authenticate") != "" {
		t.Errorf("got %d %s, fields %v", p.Status, p.Reason, w.Header())
	}
}

func BenchmarkOpen(b *testing.B) { benchmark(b, Options{LocalOnly: true}, "") }

func BenchmarkPublicRead(b *testing.B) {
	benchmark(b, Options{Credentials: credentials(b, "htpasswd"), PublicRead: true}, "")
}

func BenchmarkPassword(b *testing.B) {
	benchmark(b, Options{Credentials: credentials(b, "htpasswd")}, basic("ann:secret"))
}

func BenchmarkToken(b *testing.B) {
	benchmark(b, Options{Credentials: credentials(b, "bearer")}, "Bearer "+token)
}

func benchmark(b *testing.B, o Options, authorization string) {
	h := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), o)
	r := httptest.NewRequest("GET", "http://127.0.0.1:8412/", nil)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(nil, r)
	}
}
