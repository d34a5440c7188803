package accesslog

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestToldAmongOthers: what another program logs in the same file is not passed over in silence, and
// neither is a line of a request in another form.
func TestToldAmongOthers(t *testing.T) {
	const ours = "2026/11/03 09:15:20 HTTPRequest [I] router: completed PUT /a/b for 203.0.113.7:52631, 412 Precondition Failed in 7.5ms @ a.go:1(a.B)\n"
	for _, c := range []struct {
		name, line string
		bad, other int64
	}{
		{"what the program says of itself", "2026/11/03 09:15:21 cmd/web.go:1:f() [I] Listen: http://0.0.0.0:3000\n", 0, 1},
		{"another access log", `203.0.113.7 - - [03/Nov/2026:09:15:22 +0000] "PUT /a HTTP/1.1" 412 0 "-" "curl/8.5.0"` + "\n", 1, 0},
		{"a request in another form", "2026/11/03 09:15:23 HTTPRequest [I] router: completed PUT /a/b for 203.0.113.7:52631, 412\n", 1, 0},
		{"a request that was cut", "2026/11/03 09:15:23 HTTPRequest [I] router: completed PUT /a/", 1, 0},
	} {
		file := filepath.Join(t.TempDir(), "gitea.log")
		if err := os.WriteFile(file, []byte(strings.Repeat(ours, 3)+c.line), 0o666); err != nil {
			t.Fatal(err)
		}
		r, err := Open([]string{file}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		entries := 0
		for e := range r.Entries(context.Background()) {
			if entries++; e.Status() != 412 || e.Text(Client) != "203.0.113.7" {
				t.Errorf("%s: got the status %d and the client %q", c.name, e.Status(), e.Text(Client))
			}
		}
		if s := r.Stats(); entries != 3 || s.Bad != c.bad || s.Other != c.other {
			t.Errorf("%s: got %d entries, %d bad, %d other; want 3, %d, %d", c.name, entries, s.Bad, s.Other, c.bad, c.other)
		}
	}
}
