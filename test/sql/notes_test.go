package sqlnotes

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

const clients = 16

// race has many clients create one note, and then replace the version that they have all read: one of
// them succeeds, and all others get 412.
func race(t *testing.T, n *Notes) {
	if _, err := n.DB.Exec("DROP TABLE IF EXISTS notes"); err != nil {
		t.Fatal(err)
	}
	if _, err := n.DB.Exec("CREATE TABLE notes (id TEXT PRIMARY KEY, text TEXT, etag TEXT)"); err != nil {
		t.Fatal(err)
	}
	for round := range 5 {
		name := fmt.Sprint("/", round)
		tag := oneWins(t, n, name, "If-None-Match", "*", http.StatusCreated)
		oneWins(t, n, name, "If-Match", tag, http.StatusNoContent)
	}
}

// oneWins returns the tag that the one client got.
func oneWins(t *testing.T, n *Notes, name, field, value string, won int) (tag string) {
	t.Helper()
	got := make([]*httptest.ResponseRecorder, clients)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range clients {
		all.Go(func() {
			r := httptest.NewRequest("PUT", name, strings.NewReader(fmt.Sprint(field, " of client ", i)))
			r.Header.Set(field, value)
			got[i] = httptest.NewRecorder()
			<-start
			n.ServeHTTP(got[i], r)
		})
	}
	close(start)
	all.Wait()
	counts := map[int]int{}
	for _, w := range got {
		if counts[w.Code]++; w.Code == won {
			tag = w.Header().Get("ETag")
		}
	}
	if counts[won] != 1 || counts[http.StatusPreconditionFailed] != clients-1 {
		t.Errorf("%s %s: got %v, want one %d, and 412 for all others", name, field, counts, won)
	}
	return tag
}

func open(t *testing.T, driver, source string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, source)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}
