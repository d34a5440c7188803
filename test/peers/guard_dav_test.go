package peers

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
)

// TestGuardPassesWebDAV: in front of Apache's mod_dav, litmus passes whole, cadaver does its day's
// work, and a client that names versions and locks is held to both.
func TestGuardPassesWebDAV(t *testing.T) {
	for name, change := range map[string]func(*guard.Options){
		"by default": func(*guard.Options) {},
		"checking":   func(o *guard.Options) { o.Routes[0].Preconditions = guard.PreconditionsCheck },
	} {
		t.Run(name, func(t *testing.T) {
			dir := writableDir(t)
			g := startGuard(t, startApacheDAV(t, dir), change)
			t.Run("litmus", func(t *testing.T) {
				litmus := lookPath(t, "litmus", "litmus")
				t.Setenv("TESTS", "basic copymove props locks http")
				out, _ := tryCommand(t, t.TempDir(), "", litmus, "-k", g.base+"/")
				// Apache alone has two warnings: it answers 400 and 200 where 423 and 201 are asked for.
				checkLitmus(t, strings.ReplaceAll(out, "WARNING", "a remark of litmus"))
				if t.Failed() {
					t.Log(out)
				}
			})
			t.Run("cadaver", func(t *testing.T) {
				lookPath(t, "cadaver", "cadaver")
				script, err := filepath.Abs("testdata/dav/cadaver.sh")
				if err != nil {
					t.Fatal(err)
				}
				if out, err := davCommand(t, &davSite{url: g.base}, lookPath(t, "bash", "bash"), script); err != nil {
					t.Errorf("%v\n%s", err, out)
				}
			})
			t.Run("locks and versions", func(t *testing.T) { lockAndName(t, newSubject(t, g, dir)) })
		})
	}
}

// lockAndName writes with lock tokens and entity tags, each right and wrong.
func lockAndName(t *testing.T, s *subject) {
	name := s.newFile("first")
	tag := s.do("GET", name, "").tag()
	lock := s.do("LOCK", name, `<?xml version="1.0"?><lockinfo xmlns="DAV:">`+
		`<lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>`, "Content-Type: application/xml", "Timeout: Second-600")
	token := lock.Get("Lock-Token")
	if lock.status != 200 || token == "" {
		t.Fatalf("LOCK: got %d with Lock-Token %q\n%s", lock.status, token, lock.body)
	}
	if after := s.do("GET", name, "").tag(); after != tag {
		t.Errorf("LOCK changed the entity tag from %s to %s", tag, after)
	}
	for _, c := range []struct {
		about, method, field string
		statuses             []int
	}{
		{"without the token", "PUT", "", []int{423}},
		{"with the token and another version", "PUT", `If: (` + token + ` ["other"])`, []int{412}},
		{"with another token and the version", "PUT", `If: (<urn:uuid:1> [` + tag + `])`, []int{412, 423}},
		{"with both", "PUT", `If: (` + token + ` [` + tag + `])`, []int{200, 204}},
		{"with both, once more", "PUT", `If: (` + token + ` [` + tag + `])`, []int{412}},
	} {
		var fields []string
		if c.field != "" {
			fields = append(fields, c.field)
		}
		if r := s.do(c.method, name, "second", fields...); !slices.Contains(c.statuses, r.status) {
			t.Errorf("%s %s: got %d, want one of %d\n%s", c.method, c.about, r.status, c.statuses, r.body)
		}
	}
	if got := s.stored(name); got != "second" {
		t.Errorf("%q is stored", got)
	}
	now := s.do("GET", name, "").tag()
	to := s.newName()
	move := []string{"Destination: " + s.base + "/" + to, "Overwrite: F"}
	if r := s.do("MOVE", name, "", append(move, `If: </`+name+`> (`+token+` [`+tag+`])`)...); r.status != 412 {
		t.Errorf("MOVE of another version: got %d, want 412", r.status)
	}
	if r := s.do("MOVE", name, "", append(move, `If: </`+name+`> (`+token+` [`+now+`])`)...); r.status != 201 {
		t.Errorf("MOVE: got %d, want 201\n%s", r.status, r.body)
	}
	if s.stored(to) != "second" || s.stored(name) != "" {
		t.Errorf("after MOVE there is %q, and %q at its source", s.stored(to), s.stored(name))
	}
}

// TestGuardRequiresOfCollections: with require, collections of mod_dav are not deleted or
// overwritten by who has not said so, though GET finds nothing there.
func TestGuardRequiresOfCollections(t *testing.T) {
	dir := writableDir(t)
	s := newSubject(t, startGuard(t, startApacheDAV(t, dir), func(o *guard.Options) {
		o.Routes[0].Require = condhttp.RequireOverwrite
	}), dir)
	to := "Destination: " + s.base + "/kept/"
	for _, step := range []struct {
		method, name string
		fields       []string
		status       int
	}{
		{"MKCOL", "kept/", nil, 201},
		{"PUT", "kept/a.txt", nil, 201},
		{"MKCOL", "other/", nil, 201},
		{"DELETE", "kept/", nil, 428},
		{"MOVE", "other/", []string{"If-Match: *", to}, 428},
		{"COPY", "other/", []string{to}, 428},
		{"COPY", "other/", []string{to, "Overwrite: F"}, 412},
		{"COPY", "kept/", []string{"Destination: /copied/", "Overwrite: F"}, 201},
		{"DELETE", "kept/", []string{"If-Match: *"}, 204},
	} {
		content := ""
		if step.method == "PUT" {
			content = "kept"
		}
		if r := s.do(step.method, step.name, content, step.fields...); r.status != step.status {
			t.Errorf("%s %s %q: got %d, want %d\n%s", step.method, step.name, step.fields, r.status, step.status, r.body)
		}
	}
	if got := s.stored("copied/a.txt"); got != "kept" {
		t.Errorf("the copy has %q", got)
	}
}
