package cache_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
)

// TestBeside has two transports of one storage: a write that one of them is told of is known to the other, for what that has stored, also
// after the first was made, and for what is on its way.
func TestBeside(t *testing.T) {
	inEach(t, func(t *testing.T, storage func() cache.Storage) {
		began, goOn := make(chan bool), make(chan bool)
		handler := func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", "max-age=600")
			if r.URL.RawQuery == "slow" {
				began <- true
				<-goOn
			}
			fmt.Fprint(w, "one")
		}
		s := newSite(t, cache.Options{Policy: &cache.Policy{Coherent: true}, Storage: storage()}, handler)
		second := cache.NewTransport(cache.Options{Policy: &cache.Policy{}, Beside: s.cache, Now: s.time})
		forget := func() { second.Forget([]string{s.server.URL + "/a"}, false, time.Time{}) }

		s.do("GET", "/a?x=1")
		s.settled(0)
		forget()
		if s.do("GET", "/a?x=1"); s.settled(0) != 2 {
			t.Errorf("asked %d times; what the first has stored is not forgotten at the second", s.asked.Load())
		}
		done := make(chan bool)
		go func() {
			s.do("GET", "/a?slow")
			done <- true
		}()
		<-began
		forget()
		goOn <- true
		<-done
		s.settled(0)
		go func() {
			<-began
			goOn <- true
		}()
		if s.do("GET", "/a?slow"); s.settled(0) != 4 {
			t.Errorf("asked %d times; what was on its way when the second was told is stored", s.asked.Load())
		}
	})
}
