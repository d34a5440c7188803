package condhttp_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
)

// TestOneWriterWins holds that of 32 clients which have all read the same version,
// one lands its update and the others are told, in the handlers of both
// examples, over 200 rounds.
func TestOneWriterWins(t *testing.T) {
	db := openNotes("7", "0", tagOf("0"))
	handlers := map[string]http.HandlerFunc{
		"transaction":        noteStore{db}.put,
		"conditional update": noteTable{db}.put,
	}
	version := "0"
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			mux := http.NewServeMux()
			mux.Handle("PUT /notes/{id}", handler)
			for round := range 200 {
				version = oneRound(t, mux, round, version)
			}
		})
	}
}

// oneRound lets all writers go at once, and returns what the winner has written.
func oneRound(t *testing.T, h http.Handler, round int, version string) string {
	t.Helper()
	const writers = 32
	var wg sync.WaitGroup
	start := make(chan struct{})
	statuses := make([]int, writers)
	text := func(i int) string { return version + "." + strconv.Itoa(i) }
	if round%10 == 0 { // so that it does not grow for ever
		text = func(i int) string { return strconv.Itoa(round) + "-" + strconv.Itoa(i) }
	}
	for i := range writers {
		wg.Go(func() {
			r := httptest.NewRequest("PUT", "/notes/7", strings.NewReader(text(i)))
			r.Header.Set("If-Match", tagOf(version))
			w := httptest.NewRecorder()
			<-start
			h.ServeHTTP(w, r)
			statuses[i] = w.Code
		})
	}
	close(start)
	wg.Wait()
	winner := -1
	for i, status := range statuses {
		switch {
		case status == http.StatusNoContent && winner < 0:
			winner = i
		case status != http.StatusPreconditionFailed:
			t.Fatalf("round %d: writer %d got %d after writer %d had won", round, i, status, winner)
		}
	}
	if winner < 0 {
		t.Fatalf("round %d: nobody won", round)
	}
	return text(winner)
}

func tagOf(content string) string { return etag.Of([]byte(content)).String() }
