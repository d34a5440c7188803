package guard_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/webdav"
)

// TestInPlaceWrites: behind a server that truncates files and writes them in place, nobody is sent what is none of the versions,
// whatever the guard thinks of its tags.
func TestInPlaceWrites(t *testing.T) {
	for name, taught := range map[string]bool{"cold": false, "warm": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			g := protect(t, &webdav.Handler{FileSystem: webdav.Dir(dir), LockSystem: webdav.NewMemLS()})
			if taught {
				teachOldFiles(t, dir, g)
			}
			version := func(i int) string { return strings.Repeat(fmt.Sprintf("%07d\n", i), 32<<10) } // 256 KiB
			g.want(g.do("PUT", "/a.bin", version(0)), 201)
			var all sync.WaitGroup
			writing := make(chan struct{})
			all.Go(func() {
				defer close(writing)
				for i := range 60 {
					g.want(g.do("PUT", "/a.bin", version(i+1)), 201, 204)
				}
			})
			for range 4 {
				all.Go(func() {
					for reads := 0; ; reads++ {
						select {
						case <-writing:
							return
						default:
						}
						r, err := g.try("GET", "/a.bin", "")
						if err != nil || r.err != nil || r.status != 200 {
							continue // it is known to be incomplete
						}
						if len(r.body) < 8 || r.body != strings.Repeat(r.body[:8], 32<<10) {
							t.Errorf("a read got %d bytes of no version, with ETag %s", len(r.body), r.tag())
							return
						}
					}
				})
			}
			all.Wait()
			if r := g.want(g.do("GET", "/a.bin", ""), 200); r.body != version(60) {
				t.Errorf("at last %d bytes of another version", len(r.body))
			}
		})
	}
}

// teachOldFiles has the guard trust tags of files that were written long ago.
func teachOldFiles(t *testing.T, dir string, g *guarded) {
	t.Helper()
	for round := range 3 {
		for i := range 2 {
			name := filepath.Join(dir, fmt.Sprintf("lesson-%d.bin", i))
			old := time.Now().Add(-time.Hour + time.Duration(round)*time.Minute)
			if err := os.WriteFile(name, []byte(fmt.Sprint("lesson ", i, round)), 0o600); err != nil {
				t.Fatal(err)
			}
			if err := os.Chtimes(name, old, old); err != nil {
				t.Fatal(err)
			}
			for range 8 {
				g.want(g.do("GET", "/"+filepath.Base(name), ""), 200)
			}
		}
	}
	if trust(g) != "trusted" {
		t.Fatalf("got %+v", g.handler.Routes()[0])
	}
}
