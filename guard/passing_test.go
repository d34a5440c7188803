package guard_test

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
)

// TestRefusedByTheBackend: when a backend refuses a precondition that held, what is there tells what the client is told.
func TestRefusedByTheBackend(t *testing.T) {
	upper := func(s *likened, r *http.Request, content []byte) { s.store(r.URL.Path, bytes.ToUpper(content)) }
	store := func(s *likened, r *http.Request, content []byte) { s.store(r.URL.Path, content) }
	other := func(s *likened, r *http.Request, _ []byte) { s.store(r.URL.Path, []byte("of another")) }
	remove := func(s *likened, r *http.Request, _ []byte) { s.remove(&discarder{header: make(http.Header)}, r) }
	nothing := func(*likened, *http.Request, []byte) {}
	for _, c := range []struct {
		name   string
		method string
		field  string // "": If-Match with the current tag
		// proven says that the backend has accepted a precondition before.
		proven bool
		mode   guard.Preconditions
		does   func(*likened, *http.Request, []byte) // before it refuses
		want   int
		reason string
		stored string
	}{
		{"nothing was done", "PUT", "", false, guard.PreconditionsAuto, nothing, 204, "", "mine"},
		{"nothing was done, and none are to go without", "PUT", "", false, guard.PreconditionsPass, nothing, 502, "backend-refused", "first"},
		{"it was done", "PUT", "", false, guard.PreconditionsAuto, store, 204, "", "mine"},
		{"it was done, with pass", "PUT", "", false, guard.PreconditionsPass, store, 204, "", "mine"},
		{"it was created", "PUT", "If-None-Match: *", false, guard.PreconditionsAuto, store, 201, "", "mine"},
		{"it was removed", "DELETE", "", false, guard.PreconditionsAuto, remove, 204, "", ""},
		{"something was stored", "PUT", "", false, guard.PreconditionsAuto, upper, 502, "outcome-unknown", "MINE"},
		{"something else is there", "PUT", "", false, guard.PreconditionsAuto, other, 502, "outcome-unknown", "of another"},
		{"somebody else wrote", "PUT", "", true, guard.PreconditionsAuto, other, 412, "none-matched", "of another"},
		{"somebody else wrote, with pass", "PUT", "", false, guard.PreconditionsPass, other, 412, "none-matched", "of another"},
		{"somebody else wrote the same", "PUT", "", true, guard.PreconditionsAuto, store, 412, "already-applied", "mine"},
		{"somebody else removed it", "DELETE", "", true, guard.PreconditionsAuto, remove, 404, "not-found", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := likenesses[0].with(newBackend(goodTags))
			refuses := false
			s.instead = func(s *likened, w http.ResponseWriter, r *http.Request) bool {
				if !refuses || isRead(r) || r.Header.Get("If-Match")+r.Header.Get("If-None-Match") == "" {
					return false
				}
				content, _ := io.ReadAll(r.Body)
				c.does(s, r, content)
				w.WriteHeader(http.StatusPreconditionFailed)
				return true
			}
			g := protect(t, s, changed(func(r *guard.Route) { r.Preconditions = c.mode }))
			s.teach(g)
			path := "/new"
			fields := []string{c.field}
			if c.proven {
				g.want(g.do("PUT", "/lesson-1", "other", "If-Match: "+g.do("GET", "/lesson-1", "").tag()), 204)
			}
			if c.field == "" {
				path = "/a"
				s.store(path, []byte("first"))
				fields = []string{"If-Match: " + g.do("GET", path, "").tag()}
			}
			refuses = true
			content := ""
			if c.method == "PUT" {
				content = "mine"
			}
			r := g.want(g.do(c.method, path, content, fields...), c.want)
			if c.reason != "" && !strings.Contains(r.body, `"`+c.reason+`"`) {
				t.Errorf("got %s", r.body)
			}
			if got := s.content(path); got != c.stored {
				t.Errorf("%q is stored, want %q", got, c.stored)
			}
			if c.want/100 == 2 && c.method == "PUT" {
				if tag := g.do("GET", path, "").tag(); r.tag() != tag {
					t.Errorf("the answer has ETag %s, and the next read %s", r.tag(), tag)
				}
			}
		})
	}
}
