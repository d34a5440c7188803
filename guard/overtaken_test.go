package guard_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// tearing is a backend that sends the beginning of one version with the end of another, if a write
// comes while it answers.
type tearing struct {
	mu      sync.Mutex
	content string
	// during is called in the middle of each GET of the reader, with its number.
	during func(get int)
	gets   int
	order  []string
}

func (b *tearing) note(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.order = append(b.order, fmt.Sprintf(format, args...))
}

func (b *tearing) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPut {
		data, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		b.content = string(data)
		b.mu.Unlock()
		b.note("PUT %.1s", data)
		w.WriteHeader(http.StatusNoContent)
		return
	}
	b.mu.Lock()
	before := b.content
	b.mu.Unlock()
	if r.Header.Get("Reader") != "" { // and not the guard's own look
		b.gets++
		b.during(b.gets)
		b.note("GET %d", b.gets)
	}
	b.mu.Lock()
	after := b.content
	b.mu.Unlock()
	w.Header().Set("Content-Length", fmt.Sprint(len(before)))
	_, _ = io.WriteString(w, before[:len(before)/2])
	if end := min(len(before), len(after)); end > len(before)/2 { // it may end too early
		_, _ = io.WriteString(w, after[len(before)/2:end])
	}
}

// TestReadsAreNotTorn: a read that a write through the guard has overtaken is done again, whether what came
// looks whole or is cut off. After three of them the write has to wait.
func TestReadsAreNotTorn(t *testing.T) {
	for name, length := range map[string]int{"of one length": 100, "getting shorter": 90, "getting longer": 130} {
		t.Run(name, func(t *testing.T) {
			version := func(i int) string { return strings.Repeat(fmt.Sprint(i), 100+(length-100)*i/5) }
			b := &tearing{content: version(0)}
			origin := httptest.NewServer(b)
			t.Cleanup(origin.Close)
			g := protectServer(t, origin)
			var late sync.WaitGroup
			b.during = func(get int) {
				if get <= 3 {
					g.want(g.do("PUT", "/a", version(get)), 204)
					return
				}
				late.Go(func() { g.want(g.do("PUT", "/a", version(get)), 204) }) // which does not get through before the end of this GET
			}
			if got := g.do("GET", "/a", "", "Reader: yes"); got.err != nil || got.body != version(3) {
				t.Errorf("got %d bytes, %.30q…, error %v; want all of version 3", len(got.body), got.body, got.err)
			}
			late.Wait()
			if got, want := strings.Join(b.order, ", "), "PUT 1, GET 1, PUT 2, GET 2, PUT 3, GET 3, GET 4, PUT 4"; got != want {
				t.Errorf("the backend was asked\n%s\nwant\n%s", got, want)
			}
		})
	}
}
