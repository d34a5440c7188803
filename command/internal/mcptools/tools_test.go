package mcptools_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"
	"golang.org/x/net/webdav"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/folder"
	"github.com/fourtwelve/fourtwelve/command/internal/mcptools"
	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

// user is a program that uses the tools over a pipe.
type user struct {
	t *testing.T
	*mcp.ClientSession
}

func use(t *testing.T, s *mcptools.Server) user {
	t.Helper()
	toServer, fromClient := pipe(t)
	toClient, fromServer := pipe(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, toServer, fromServer) }()
	c := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	session, err := c.Connect(t.Context(), &mcp.IOTransport{Reader: toClient, Writer: fromClient}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Close(); cancel(); <-ended })
	return user{t, session}
}

func pipe(t *testing.T) (r, w *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	return r, w
}

// call calls a tool, and returns the structured answer, and what an error says.
func (u user) call(tool string, args map[string]any) (out map[string]any, fault string) {
	u.t.Helper()
	res, err := u.CallTool(context.Background(), &mcp.CallToolParams{Name: tool, Arguments: args})
	if err != nil {
		u.t.Fatalf("%s %v: %v", tool, args, err)
	}
	if res.StructuredContent != nil {
		data, err := json.Marshal(res.StructuredContent)
		if err == nil {
			err = json.Unmarshal(data, &out)
		}
		if err != nil {
			u.t.Fatal(err)
		}
	}
	if res.IsError && out == nil {
		fault = res.Content[0].(*mcp.TextContent).Text
	}
	return out, fault
}

// read returns content and version.
func (u user) read(name string) (content, version string) {
	u.t.Helper()
	out, fault := u.call("read", map[string]any{"path": name})
	if fault != "" {
		u.t.Fatalf("read %s: %s", name, fault)
	}
	return out["content"].(string), out["version"].(string)
}

func (u user) done(tool string, args map[string]any) (version string) {
	u.t.Helper()
	out, fault := u.call(tool, args)
	if fault != "" || out["done"] != true {
		u.t.Fatalf("%s %v: %s %v", tool, args, fault, out)
	}
	version, _ = out["version"].(string)
	return version
}

func (u user) conflict(tool string, args map[string]any) map[string]any {
	u.t.Helper()
	out, fault := u.call(tool, args)
	c, ok := out["conflict"].(map[string]any)
	if fault != "" || out["done"] != false || !ok {
		u.t.Fatalf("%s %v: no conflict: %s %v", tool, args, fault, out)
	}
	return c
}

// A place for the tools, and how somebody else writes there.
type place struct {
	server    func() *mcptools.Server
	elsewhere func(name, content string) // "" deletes
}

func directory(t *testing.T) place {
	root := t.TempDir()
	return place{
		func() *mcptools.Server {
			dir, err := folder.Open(root)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { dir.Close() })
			return mcptools.NewDirectory(dir, "the notes", false)
		},
		func(name, content string) {
			file := filepath.Join(root, name)
			var err error
			if content == "" {
				err = os.Remove(file)
			} else if err = os.MkdirAll(filepath.Dir(file), 0o777); err == nil {
				err = os.WriteFile(file, []byte(content), 0o666)
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}

func remote(t *testing.T) place {
	store := memstore.New(memstore.Options{})
	inner, err := dav.New(dav.Options{Origin: origin.Options{Store: store, Require: origin.RequireNever}})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(inner)
	t.Cleanup(s.Close)
	return remoteAt(t, s.URL+"/notes/")
}

func remoteAt(t *testing.T, at string) place {
	root, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	c := &client.Client{Transport: client.NewTransport()}
	return place{
		func() *mcptools.Server { return mcptools.NewRemote(c, root, false) },
		func(name, content string) {
			var err error
			if content == "" {
				err = c.Delete(t.Context(), at+name, client.Unconditional())
			} else {
				_, err = c.Put(t.Context(), at+name, client.Text(content), client.Unconditional())
			}
			if err != nil {
				t.Fatal(err)
			}
		},
	}
}

const six = "one\ntwo\nthree\nfour\nfive\nsix\n"

type args = map[string]any

// TestTools: what a model does, in a directory and on a server, alone and with somebody else.
func TestTools(t *testing.T) {
	for name, make := range map[string]func(*testing.T) place{"directory": directory, "server": remote} {
		t.Run(name, func(t *testing.T) { testTools(t, make(t)) })
	}
}

func testTools(t *testing.T, p place) {
	p.elsewhere("a.txt", six)
	u := use(t, p.server())

	_, version := u.read("a.txt")
	twice := []args{{"old": "two", "new": "TWO"}, {"old": "TWO\n", "new": "2\n"}}
	next := u.done("edit", args{"path": "a.txt", "version": version, "edits": twice})
	if got, now := u.read("a.txt"); got != strings.Replace(six, "two", "2", 1) || now != next {
		t.Errorf("after edit: %q, %s; edit said %s", got, now, next)
	}
	// The version works with the quotes of an ETag, too.
	next = u.done("write", args{"path": "/a.txt", "version": `"` + next + `"`, "content": six})

	// Somebody else changes another line: a proposal.
	p.elsewhere("a.txt", strings.Replace(six, "six", "SIX", 1))
	c := u.conflict("edit", args{"path": "a.txt", "version": next, "edits": []args{{"old": "one", "new": "ONE"}}})
	want := "ONE\ntwo\nthree\nfour\nfive\nSIX\n"
	if c["merged"] != want || c["base"] != six || !strings.Contains(c["changes"].(string), "+SIX") || c["markers"] != nil {
		t.Errorf("conflict: %v", c)
	}
	if got, _ := u.read("a.txt"); !strings.HasPrefix(got, "one") {
		t.Errorf("a refused change was made: %q", got)
	}
	next = u.done("write", args{"path": "a.txt", "version": c["version"], "content": c["merged"]})

	// The same line: markers. Another session knows no base, and says so.
	p.elsewhere("a.txt", strings.Replace(six, "one", "theirs", 1))
	c = u.conflict("write", args{"path": "a.txt", "version": next, "content": strings.Replace(want, "ONE", "mine", 1)})
	if c["markers"] != 1. || !strings.Contains(c["merged"].(string), "<<<<<<<") || !strings.Contains(c["to_do"].(string), "markers") {
		t.Errorf("conflict of one line: %v", c)
	}
	c = use(t, p.server()).conflict("write", args{"path": "a.txt", "version": next, "content": "mine"})
	if c["merged"] != nil || c["theirs"] == nil || !strings.Contains(c["left_out"].(string), "does not remember") {
		t.Errorf("conflict without a base: %v", c)
	}
	c = u.conflict("delete", args{"path": "a.txt", "version": next})
	if !strings.Contains(c["to_do"].(string), "Nothing was deleted") {
		t.Errorf("conflict of delete: %v", c)
	}
	u.done("delete", args{"path": "a.txt", "version": c["version"]})

	u.done("create", args{"path": "sub.d/new.txt", "content": "new"})
	c = u.conflict("create", args{"path": "sub.d/new.txt", "content": "other"})
	if c["theirs"] != "new" || c["exists"] != true {
		t.Errorf("conflict of create: %v", c)
	}
	_, version = u.read("sub.d/new.txt")
	p.elsewhere("sub.d/new.txt", "")
	c = u.conflict("edit", args{"path": "sub.d/new.txt", "version": version, "edits": []args{{"old": "new", "new": "x"}}})
	if c["exists"] != false || c["mine"] != "x" || !strings.Contains(c["to_do"].(string), "create") {
		t.Errorf("conflict with a deletion: %v", c)
	}
	testListAndMistakes(t, p, u)
}

func testListAndMistakes(t *testing.T, p place, u user) {
	p.elsewhere("b.txt", "a b a\n")
	p.elsewhere("d/c.txt", "c")
	p.elsewhere("bytes.bin", "a\x00b")
	out, _ := u.call("list", nil)
	if got := fmt.Sprint(out["members"]); !strings.Contains(got, "b.txt") || !strings.Contains(got, "d/") {
		t.Errorf("list: %s", got)
	}
	out, _ = u.call("list", args{"path": "d"})
	if got := fmt.Sprint(out["members"]); !strings.Contains(got, "c.txt") {
		t.Errorf("list d: %s", got)
	}
	out, _ = u.call("read", args{"path": "bytes.bin"})
	if out["content"] != "" || !strings.Contains(out["note"].(string), "no text") || out["version"] == "" {
		t.Errorf("bytes: %v", out)
	}
	_, version := u.read("b.txt")
	edit := func(old string) args {
		return args{"path": "b.txt", "version": version, "edits": []args{{"old": old, "new": "x"}}}
	}
	for _, c := range []struct {
		tool string
		args args
		says string
	}{
		{"read", args{"path": "../secret"}, "is no path here"},
		{"read", args{"path": "d/../b.txt"}, "is no path here"},
		{"read", args{"path": ""}, "is no path here"},
		{"read", args{"path": "gone.txt"}, "nothing of that name: list shows"},
		{"read", args{"path": "b.txt", "from_line": 9}, "has 1 lines, so none from 9 on"},
		{"list", args{"path": "gone"}, "nothing of that name"},
		{"edit", edit("zzz"), "does not occur in b.txt"},
		{"edit", edit("a"), "occurs 2 times"},
		{"edit", edit(""), "has no old text"},
		{"edit", args{"path": "b.txt", "version": version, "edits": []args{}}, "edits is empty"},
		{"write", args{"path": "b.txt", "version": "", "content": "x"}, "needs the version"},
		{"write", args{"path": "b.txt", "content": "x"}, "version"},
		{"create", args{"path": ".fourtwelve-x", "content": "x"}, "choose another"},
	} {
		if out, fault := u.call(c.tool, c.args); !strings.Contains(fault, c.says) {
			t.Errorf("%s %v: %q %v, want %q", c.tool, c.args, fault, out, c.says)
		}
	}
	if got, _ := u.read("b.txt"); got != "a b a\n" {
		t.Errorf("after mistakes: %q", got)
	}
	u.done("edit", args{"path": "b.txt", "version": version, "edits": []args{{"old": "a", "new": "é", "every": true}}})
}

// TestCounter: of many models that count up in one file, none loses what another has counted.
func TestCounter(t *testing.T) {
	const models, each = 3, 6
	for name, make := range map[string]func(*testing.T) place{"directory": directory, "server": remote} {
		t.Run(name, func(t *testing.T) {
			p := make(t)
			p.elsewhere("n.txt", "0")
			var all sync.WaitGroup
			for range models {
				u := use(t, p.server())
				all.Go(func() {
					for done := 0; done < each; {
						out, _ := u.call("read", args{"path": "n.txt"})
						n, err := strconv.Atoi(out["content"].(string))
						if err != nil {
							t.Errorf("content %v", out)
							return
						}
						out, fault := u.call("write", args{"path": "n.txt", "version": out["version"], "content": strconv.Itoa(n + 1)})
						if fault != "" {
							t.Error(fault)
							return
						}
						if out["done"] == true {
							done++
						}
					}
				})
			}
			all.Wait()
			if got, _ := use(t, p.server()).read("n.txt"); got != strconv.Itoa(models*each) {
				t.Errorf("%s, want %d", got, models*each)
			}
		})
	}
}

// TestNothingOutside: neither a symbolic link nor a redirect leads out.
func TestNothingOutside(t *testing.T) {
	top := t.TempDir()
	root := filepath.Join(top, "root")
	for _, err := range []error{
		os.Mkdir(root, 0o777), os.WriteFile(filepath.Join(top, "secret"), []byte("s"), 0o666),
		os.Symlink("../secret", filepath.Join(root, "link")), os.Symlink("..", filepath.Join(root, "up")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	dir, err := folder.Open(root)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	u := use(t, mcptools.NewDirectory(dir, "root", false))
	for _, name := range []string{"link", "up/secret"} {
		if out, fault := u.call("read", args{"path": name}); !strings.Contains(fault, "symbolic link") {
			t.Errorf("%s: %q %v", name, fault, out)
		}
		if out, fault := u.call("create", args{"path": name, "content": "x"}); fault == "" && out["done"] == true {
			t.Errorf("%s was created", name)
		}
	}
	var asked []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		http.Redirect(w, r, r.URL.Query().Get("to")+"/secret", http.StatusTemporaryRedirect)
	}))
	defer s.Close()
	for _, name := range []string{"a", "b"} {
		if _, fault := use(t, remoteAt(t, s.URL+"/notes/").server()).call("read", args{"path": name}); !strings.Contains(fault, "not under") {
			t.Errorf("%s: %q", name, fault)
		}
	}
	if got := strings.Join(asked, " "); got != "/notes/a /notes/b" {
		t.Errorf("asked %s", got)
	}
}

// TestConditionsIgnored: nothing is written on a server that ignores conditions.
func TestConditionsIgnored(t *testing.T) {
	files := webdav.NewMemFS()
	s := httptest.NewServer(&webdav.Handler{FileSystem: files, LockSystem: webdav.NewMemLS()})
	defer s.Close()
	p := remoteAt(t, s.URL+"/")
	p.elsewhere("a.txt", "one")
	u := use(t, p.server())
	_, version := u.read("a.txt")
	_, fault := u.call("write", args{"path": "a.txt", "version": version, "content": "two"})
	if !strings.Contains(fault, "ignores the conditions") {
		t.Errorf("says %q", fault)
	}
	if got, _ := u.read("a.txt"); got != "one" {
		t.Errorf("content %q", got)
	}
}

// TestLongFiles: long files come in parts, and too long ones not at all.
func TestLongFiles(t *testing.T) {
	p := directory(t)
	line := strings.Repeat("x", 99) + "\n"
	p.elsewhere("long.txt", strings.Repeat(line, 10_000))
	p.elsewhere("huge.txt", strings.Repeat(line, 50_000))
	p.elsewhere("wide.txt", strings.Repeat("x", 1<<20))
	u := use(t, p.server())
	all := ""
	for from := 1; ; {
		out, fault := u.call("read", args{"path": "long.txt", "from_line": from})
		if fault != "" {
			t.Fatal(fault)
		}
		content := out["content"].(string)
		if len(content) > 256<<10 {
			t.Fatalf("%d bytes in an answer", len(content))
		}
		all += content
		if out["more"] == nil {
			break
		}
		from += strings.Count(content, "\n")
	}
	if all != strings.Repeat(line, 10_000) {
		t.Errorf("the parts have %d bytes", len(all))
	}
	if _, fault := u.call("read", args{"path": "huge.txt"}); !strings.Contains(fault, "too large") {
		t.Errorf("huge: %q", fault)
	}
	if _, fault := u.call("read", args{"path": "wide.txt"}); !strings.Contains(fault, "line 1 of wide.txt alone is longer") {
		t.Errorf("wide: %q", fault)
	}
	// A conflict of long files says what is left out.
	_, version := u.read("long.txt")
	p.elsewhere("long.txt", "new\n"+strings.Repeat(line, 10_000))
	c := u.conflict("edit", args{"path": "long.txt", "version": version, "edits": []args{{"old": strings.Repeat(line, 10_000), "new": line}}})
	if c["theirs"] != nil || c["version"] == "" || !strings.Contains(c["left_out"].(string), "theirs: it has 1000004 bytes") {
		t.Errorf("conflict: %v %v", c["left_out"], c["version"])
	}
}

// TestReadOnly: without the tools that write there is no way to.
func TestReadOnly(t *testing.T) {
	dir, err := folder.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	tools, err := use(t, mcptools.NewDirectory(dir, "root", true)).ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tool := range tools.Tools {
		names = append(names, tool.Name)
	}
	if got := strings.Join(names, " "); got != "list read" {
		t.Errorf("tools %s", got)
	}
}
