package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"golang.org/x/net/webdav"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
)

func requiring(r condhttp.Requirement) func(*guard.Options) {
	return changed(func(route *guard.Route) { route.Require = r })
}

// TestRequireSeesOtherMethods: a POST that a backend may perform as another method needs what that
// would need.
func TestRequireSeesOtherMethods(t *testing.T) {
	posts := 0
	g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "POST" {
			posts++
		}
		if r.URL.Path == "/none" {
			w.WriteHeader(404)
		}
	}), requiring(condhttp.RequireOverwrite))
	const form, parts = "Content-Type: application/x-www-form-urlencoded", "Content-Type: multipart/form-data; boundary=b"
	long := strings.Repeat("x", 70<<10)
	tag := g.do("GET", "/a", "").tag()
	for _, c := range []struct {
		path, content, field string
		status               int
	}{
		{"/a", "x", "", 200},
		{"/a", "x", "X-HTTP-Method-Override: DELETE", 428},
		{"/a", "x", "X-HTTP-Method: PUT", 428},
		{"/a", "x", "X-Method-Override: PATCH", 428},
		{"/none", "x", "X-HTTP-Method-Override: PUT", 404},
		{"/a?_method=delete", "x", "", 428},
		{"/a?x=1&%5fmethod=delete", "x", "", 428},
		{"/a?x_method=1", "x", "", 200},
		{"/a", "_method=delete", form, 428},
		{"/a", "x=1&%5F%6Dethod=delete&y=2", form, 428},
		{"/a", "x=" + long + "&_method=put", form, 428},
		{"/a", "x=_method&y_method=3", form, 200},
		{"/a", "_method=delete", "Content-Type: text/plain", 200},
		{"/a", "--b\r\nContent-Disposition: form-data; name=\"_method\"\r\n\r\nDELETE\r\n--b--\r\n", parts, 428},
		{"/a", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n" + long + "\r\n--b\r\nContent-Disposition: form-data; name=_method\r\n\r\nDELETE\r\n--b--\r\n", parts, 428},
		{"/a", "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nsome _method\r\n--b--\r\n", parts, 200},
		{"/a", `{"_method": "DELETE"}`, "Content-Type: application/json", 428},
		{"/a", `{"method": "DELETE"}`, "Content-Type: application/json", 200},
		{"/a", `{"\u005fmethod": "DELETE"}`, "Content-Type: application/json", 428},
		{"/a", `{"\u0061": "b"}`, "Content-Type: application/json", 200},
		{"/a", "_method=delete", form + ", x", 428}, // PHP reads the type up to the comma
		{"/a", "_method=delete", "Content-Type: text/plain|" + form, 428},
		{"/a", "zzz", form + "|Content-Encoding: gzip", 428}, // some decode it
		{"/a", "x=1", form + "|Content-Encoding: identity", 200},
		{"/a", "zzz", "Content-Type: text/plain|Content-Encoding: gzip", 200},
		{"/a", ".method=delete", form, 428}, // PHP makes it an underscore
		{"/a?.method=delete", "x", "", 428},
		{"/a", "_method%00x=delete", form, 428},
		{"/a", "X-HTTP-Method-Override=DELETE", form, 428},
		{"/a", "payment_method=card", form, 200},
		{"/a", "--b\r\nContent-Disposition: form-data; name= _method\r\n\r\nDELETE\r\n--b--\r\n", parts, 428},
		{"/a", "--b\r\nContent-Disposition: form-data; name*=utf-8''%5Fmethod\r\n\r\nDELETE\r\n--b--\r\n", parts, 428},
		{"/a", "--b\r\nContent-Disposition: form-data; name=\"payment_method\"\r\n\r\ncard\r\n--b--\r\n", parts, 200},
	} {
		was := posts
		fields := strings.Split(c.field, "|")
		if c.field == "" {
			fields = nil
		}
		r := g.do("POST", c.path, c.content, fields...)
		if r.status != c.status || (posts > was) != (c.status != 428) {
			t.Errorf("%s %.60q %s: got %d, and %d were sent on", c.path, c.content, c.field, r.status, posts-was)
		}
		if c.status == 428 {
			g.want(g.do("POST", c.path, c.content, append(fields, "If-Match: "+tag)...), 200)
			g.want(g.do("POST", c.path, c.content, append(fields, `If-Match: "stale"`)...), 412)
		}
	}
	for _, method := range []string{"LOCK", "MKCOL", "COPY"} {
		g.want(g.do(method, "/a", "", "X-HTTP-Method-Override: DELETE", "Destination: "+g.url+"/none"), 428)
	}
}

// locking is a backend with a lock on /a and a good tag, which evaluates nothing.
func locking(w http.ResponseWriter, r *http.Request) {
	if r.Method != "PROPFIND" {
		w.Header().Set("ETag", `"the-tag"`)
		w.WriteHeader(http.StatusOK)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if !strings.Contains(string(body), "lockdiscovery") || r.Header.Get("Depth") != "0" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	locks := ""
	if r.URL.Path == "/a" {
		locks = `<d:activelock><d:locktoken><d:href> urn:uuid:1 </d:href></d:locktoken><d:lockroot><d:href>urn:uuid:2</d:href></d:lockroot></d:activelock>`
	}
	w.WriteHeader(http.StatusMultiStatus)
	fmt.Fprintf(w, `<?xml version="1.0"?><d:multistatus xmlns:d="DAV:"><d:response><d:href>/a</d:href><d:propstat><d:prop>
		<d:lockdiscovery>%s</d:lockdiscovery></d:prop></d:propstat></d:response></d:multistatus>`, locks)
}

// TestRequireAndIf: a condition in If counts if it was judged, or if the backend is known to judge.
func TestRequireAndIf(t *testing.T) {
	g := protect(t, http.HandlerFunc(locking), requiring(condhttp.RequireAlways))
	tag := g.do("GET", "/a", "").tag()
	knows := protect(t, http.HandlerFunc(locking), requiring(condhttp.RequireAlways), changed(func(r *guard.Route) {
		r.Preconditions = guard.PreconditionsPass
	}))
	for _, c := range []struct {
		path, field string
		alone, pass int
	}{
		{"/a", "(<urn:uuid:1>)", 200, 200},
		{"/a", "<SELF/a> (<urn:uuid:1>)", 200, 200},
		{"/a", "<SELF/x/../%61> (<urn:uuid:1>)", 200, 200},
		{"/a", "(<urn:uuid:1>) (Not <DAV:no-lock>)", 200, 200},
		{"/a", "(<urn:x>)", 428, 200},
		{"/a", "(<x>)", 428, 428}, // no URI, and so no token
		{"/a", "(<urn:uuid:2>)", 428, 200},
		{"/b", "(<urn:uuid:1>)", 428, 200},
		{"/a", "<SELF/b> (<urn:uuid:1>)", 428, 428},
		{"/a", "(Not <urn:uuid:3>)", 428, 428},
		{"/a", "(<urn:uuid:1> [\"stale\"])", 412, 412},
		{"/a", "(<urn:uuid:1> [TAG])", 200, 200},
		{"/a", "([TAG])", 200, 200},
		{"/a", "([\"stale\"])", 412, 412},
		{"/a", "(Not [TAG])", 412, 412},
		{"/a", "(<urn:uuid:1>", 428, 428},
		{"/a", "()", 428, 428},
	} {
		for _, guard := range []struct {
			*guarded
			want int
		}{{g, c.alone}, {knows, c.pass}} {
			field := strings.NewReplacer("SELF", guard.url, "TAG", tag).Replace(c.field)
			if guard.guarded == knows {
				field = strings.ReplaceAll(field, tag, `"the-tag"`)
			}
			if r := guard.do("PUT", c.path, "x", "If: "+field); r.status != guard.want {
				t.Errorf("%s, If: %s: got %d, want %d (%v)", c.path, field, r.status, guard.want, guard.guarded == knows)
			}
		}
	}
}

// TestRequireAndDestinations: COPY and MOVE overwrite nothing that nobody has read.
func TestRequireAndDestinations(t *testing.T) {
	const f = "Overwrite: F"
	for _, c := range []struct {
		require             condhttp.Requirement
		destination, fields string
		copy, move          int
	}{
		{condhttp.RequireNone, "/old", "Overwrite: T", 204, 204},
		{condhttp.RequireNone, "/new", "", 201, 201},
		{condhttp.RequireOverwrite, "/new", "", 201, 428}, // MOVE removes its source
		{condhttp.RequireOverwrite, "/new", "If-Match: *", 201, 201},
		{condhttp.RequireOverwrite, "/old", "", 428, 428},
		{condhttp.RequireOverwrite, "/old", "If-Match: *", 428, 428}, // nobody has read the destination
		{condhttp.RequireOverwrite, "/old", "If-Match: *|" + f, 412, 412},
		{condhttp.RequireOverwrite, "/dir", "If-Match: *", 428, 428},
		{condhttp.RequireAlways, "/new", "If-Match: *", 428, 428},
		{condhttp.RequireAlways, "/new", "If-Match: *|" + f, 201, 201},
		{condhttp.RequireAlways, "/new", "If-Match: *|Overwrite: f", 201, 201},
		{condhttp.RequireAlways, "/new", "If-Match: *|Overwrite: T|" + f, 428, 428}, // which one counts, nobody knows
		{condhttp.RequireAlways, "/new", "If-Match: *|" + f + "|Overwrite: T", 428, 428},
		{condhttp.RequireAlways, "/old", "If-Match: *|" + f, 412, 412},
		{condhttp.RequireOverwrite, "/old", "If-Match: *|If: <SELF/old> (<urn:uuid:1>)", 428, 428},
	} {
		for method, want := range map[string]int{"COPY": c.copy, "MOVE": c.move} {
			fs := webdav.NewMemFS()
			dav := &webdav.Handler{FileSystem: fs, LockSystem: webdav.NewMemLS()}
			g := protect(t, dav, requiring(c.require))
			for _, path := range []string{"/a", "/old"} {
				file, err := fs.OpenFile(t.Context(), path, 0x42, 0o600)
				if err != nil {
					t.Fatal(err)
				}
				io.WriteString(file, path)
				file.Close()
			}
			if err := fs.Mkdir(t.Context(), "/dir", 0o700); err != nil {
				t.Fatal(err)
			}
			fields := []string{"Destination: " + g.url + c.destination}
			if c.fields != "" {
				fields = append(fields, strings.Split(strings.ReplaceAll(c.fields, "SELF", g.url), "|")...)
			}
			if r := g.do(method, "/a", "", fields...); r.status != want {
				t.Errorf("%v: %s to %s with %q: got %d, want %d\n%s", c.require, method, c.destination, c.fields, r.status, want, r.body)
			}
		}
	}
}

// TestRequireOfTheDestination: the rules of the destination's route hold there.
func TestRequireOfTheDestination(t *testing.T) {
	b := newBackend(noTag)
	b.store("/x/a", []byte("a"))
	b.store("/notes/list", []byte("list"))
	g := protect(t, b, func(o *guard.Options) {
		at := o.Routes[0].Backend
		o.Routes = []guard.Route{{Path: "/notes/", Methods: []string{"PUT", "DELETE"}, Backend: at, Require: condhttp.RequireAlways},
			{Backend: at}}
	})
	g.want(g.do("MOVE", "/x/a", "", "Destination: "+g.url+"/notes/list"), 428)
	g.want(g.do("MOVE", "/x/a", "", "Destination: "+g.url+"/y/../notes/list"), 428)
	g.want(g.do("MOVE", "/x/a", "", "Destination: "+g.url+"/NOTES/list"), 400)
	if b.content("/notes/list") != "list" {
		t.Error("the list was overwritten")
	}
	for _, method := range []string{"POST", "PATCH", "MKCOL"} {
		g.want(g.do(method, "/x/a", "", "X-HTTP-Method-Override: MOVE", "Destination: "+g.url+"/notes/list"), 428)
		g.want(g.do(method, "/x/a", "", "X-HTTP-Method-Override: MOVE", "Destination: "+g.origin.URL+"/notes/list"), 502)
		g.want(g.do(method, "/x/a?_method=COPY", "", "Destination: /notes/list"), 428)
	}
	g.want(g.do("move", "/x/a", "", "Destination: "+g.url+"/notes/list"), 428)
	g.want(g.do("MOVE", "/x/a", "", "Destination: "+g.url+"/x/b"), 201)
}

// TestRequireAndDates: where the backend gives no date, If-Unmodified-Since says nothing (RFC 9110 §13.1.4), and
// require is not met by it.
func TestRequireAndDates(t *testing.T) {
	const field = "If-Unmodified-Since: Tue, 03 Nov 2026 09:14:22 GMT"
	for require, want := range map[condhttp.Requirement]int{
		condhttp.RequireNone: 200, condhttp.RequireOverwrite: 428, condhttp.RequireAlways: 428,
	} {
		g := protect(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "x") }), requiring(require))
		r := g.want(g.do("PUT", "/a", "x", field), want)
		if want == 428 && !strings.Contains(r.body, "If-Unmodified-Since guards nothing") {
			t.Errorf("the refusal does not say why: %s", r.body)
		}
	}
}
