package origin_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
)

const writers = 32

// rounds is how often a race is run.
func rounds() int {
	if raceDetector {
		return 50
	}
	return 200
}

// TestOneWriterWins: of writers who saw the same state, and whose requests
// arrive at the same time, exactly one is told that it wrote, and its content is what is
// stored. Requests arrive whole, or all but their last byte first: then all of them have been
// evaluated before any is complete.
func TestOneWriterWins(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s})
		conns := make([]*connection, writers)
		for i := range conns {
			conns[i] = srv.dial()
		}
		for _, held := range []int{0, 1} {
			t.Run(fmt.Sprintf("replace, %d bytes held back", held), func(t *testing.T) {
				path := fmt.Sprintf("/replaced-%d", held)
				tag := srv.do("PUT", path, "first", "If-None-Match: *").etag()
				for round := range rounds() {
					tag = race(t, srv, conns, round, held, path, "If-Match: "+tag)
				}
			})
			t.Run(fmt.Sprintf("create, %d bytes held back", held), func(t *testing.T) {
				for round := range rounds() {
					race(t, srv, conns, round, held, fmt.Sprintf("/created-%d-%d", held, round), "If-None-Match: *")
				}
			})
		}
	})
}

// race sends one PUT on each connection, all at the same time, and returns the tag that the winner
// was given.
func race(t *testing.T, srv *server, conns []*connection, round, held int, path, field string) string {
	t.Helper()
	answers := make([]response, len(conns))
	contents := make([]string, len(conns))
	var ready, done sync.WaitGroup
	start := make(chan struct{})
	for i, c := range conns {
		contents[i] = fmt.Sprintf("writer %d in round %d", i, round)
		request := rawPut(path, field, contents[i])
		early, late := request[:len(request)-held], request[len(request)-held:]
		if held == 0 {
			early, late = "", request
		}
		ready.Add(1)
		done.Go(func() {
			fmt.Fprint(c, early)
			ready.Done()
			<-start
			fmt.Fprint(c, late)
			var err error
			if answers[i], err = c.read("PUT"); err != nil {
				t.Errorf("writer %d: %v", i, err)
			}
		})
	}
	ready.Wait()
	close(start)
	done.Wait()
	return judge(t, answers, contents, srv.do("GET", path, ""))
}

// judge checks that one of answers is a success, that all others are 412, and
// that what is stored is the winner's.
func judge(t *testing.T, answers []response, contents []string, stored response) string {
	t.Helper()
	winner := -1
	for i, a := range answers {
		switch {
		case a.status/100 == 2 && winner >= 0:
			t.Fatalf("writers %d and %d were both told that they wrote", winner, i)
		case a.status/100 == 2:
			winner = i
		case a.status != http.StatusPreconditionFailed:
			t.Fatalf("writer %d: status %d, want 412\n%s", i, a.status, a.body)
		case a.etag() != stored.etag():
			t.Fatalf("writer %d: the 412 has ETag %s, want the current one, %s", i, a.etag(), stored.etag())
		}
	}
	if winner < 0 {
		t.Fatal("nobody was told that they wrote")
	}
	if stored.status != http.StatusOK || stored.body != contents[winner] || stored.etag() != answers[winner].etag() {
		t.Fatalf("stored is %q with ETag %s; writer %d was told that it wrote %q with ETag %s",
			stored.body, stored.etag(), winner, contents[winner], answers[winner].etag())
	}
	return stored.etag()
}

// TestOneDeleterWins: a deletion is a write.
func TestOneDeleterWins(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s})
		for round := range rounds() / 4 {
			tag := srv.do("PUT", "/a", fmt.Sprint("content ", round), "If-None-Match: *").etag()
			var deleted atomic.Int32
			var wg sync.WaitGroup
			for i := range writers / 4 {
				wg.Go(func() {
					method, content, want := "DELETE", "", http.StatusNotFound
					if i%2 == 0 {
						method, content, want = "PUT", fmt.Sprint("rewritten by ", i), http.StatusPreconditionFailed
					}
					r, err := srv.try(method, "/a", content, "If-Match: "+tag)
					switch {
					case err != nil:
						t.Error(err)
					case r.status == http.StatusNoContent:
						deleted.Add(1)
					case r.status != want && r.status != http.StatusPreconditionFailed:
						t.Errorf("%s: status %d, want 204, %d or 412", method, r.status, want)
					}
				})
			}
			wg.Wait()
			if n := deleted.Load(); n != 1 {
				t.Fatalf("%d of the requests succeeded, want one", n)
			}
			srv.do("DELETE", "/a", "", "If-Match: *")
		}
	})
}

// TestPatchesLoseNothing: patches that were admitted at the same time are applied
// one after the other, each to what the one before has made.
func TestPatchesLoseNothing(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s, Require: origin.RequireNever})
		srv.do("PUT", "/a.json", "{}")
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				r, err := srv.try("PATCH", "/a.json", fmt.Sprintf(`{"member %d": %d}`, i, i), "Content-Type: application/merge-patch+json")
				if err != nil || r.status != http.StatusNoContent {
					t.Errorf("status %d, error %v\n%s", r.status, err, r.body)
				}
			})
		}
		wg.Wait()
		var members map[string]int
		if err := json.Unmarshal([]byte(srv.do("GET", "/a.json", "").body), &members); err != nil || len(members) != writers {
			t.Errorf("%d members of %d are there, error %v", len(members), writers, err)
		}
	})
}

// TestUnconditionalWritersAllSucceed: without a precondition, where none is
// required, the last one wins and nobody is refused.
func TestUnconditionalWritersAllSucceed(t *testing.T) {
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s, Require: origin.RequireNever})
		var created atomic.Int32
		var wg sync.WaitGroup
		for i := range writers {
			wg.Go(func() {
				r, err := srv.try("PUT", "/a", fmt.Sprint("writer ", i))
				switch {
				case err != nil:
					t.Error(err)
				case r.status == http.StatusCreated:
					created.Add(1)
				case r.status != http.StatusNoContent:
					t.Errorf("status %d, want 201 or 204\n%s", r.status, r.body)
				}
			})
		}
		wg.Wait()
		if n := created.Load(); n != 1 {
			t.Errorf("%d writers were told that they created the resource, want one", n)
		}
	})
}

// TestReadersDuringRewrites: while a large resource is rewritten again and again no
// reader gets a mixture, a cut, or a tag that does not go with the content, whole
// or in two ranges.
func TestReadersDuringRewrites(t *testing.T) {
	const (
		size    = 4 << 20
		readers = 2
	)
	rewrites := rounds() / 10
	eachStore(t, func(t *testing.T, s store.Store) {
		srv := serve(t, origin.Options{Store: s})
		tag := srv.do("PUT", "/big", version(0, size), "If-None-Match: *").etag()
		var wg sync.WaitGroup
		var over atomic.Bool
		for i := range readers {
			wg.Go(func() {
				for !over.Load() {
					if i%2 == 0 {
						readWhole(t, srv, "/big")
					} else {
						readHalves(t, srv, "/big", size)
					}
				}
			})
		}
		for n := range rewrites {
			r := srv.do("PUT", "/big", version(n+1, size), "If-Match: "+tag)
			srv.wantStatus(http.StatusNoContent, r)
			tag = r.etag()
		}
		over.Store(true)
		wg.Wait()
	})
}

// version is content of which each line tells the version.
func version(n, size int) string {
	line := fmt.Sprintf("%07d\n", n)
	return strings.Repeat(line, size/len(line))
}

func readWhole(t *testing.T, srv *server, path string) {
	r, err := srv.try("GET", path, "")
	if err != nil || r.status != http.StatusOK {
		t.Errorf("GET: status %d, %v", r.status, err)
		return
	}
	checkTag(t, r.body, r.etag())
}

// readHalves fetches the second half on the condition that it is of the same
// version as the first.
func readHalves(t *testing.T, srv *server, path string, size int) {
	first, err := srv.try("GET", path, "", fmt.Sprintf("Range: bytes=0-%d", size/2-1))
	if err != nil || first.status != http.StatusPartialContent {
		t.Errorf("GET of the first half: status %d, %v", first.status, err)
		return
	}
	second, err := srv.try("GET", path, "", fmt.Sprintf("Range: bytes=%d-", size/2), "If-Range: "+first.etag())
	switch {
	case err != nil:
		t.Errorf("GET of the second half: %v", err)
	case second.status == http.StatusPartialContent:
		checkTag(t, first.body+second.body, first.etag())
	case second.status == http.StatusOK:
		checkTag(t, second.body, second.etag())
	default:
		t.Errorf("GET of the second half: status %d", second.status)
	}
}

// checkTag holds content against its tag, which is made of its digest.
func checkTag(t *testing.T, content, tag string) {
	if want := etag.FromDigest(sha256.Sum256([]byte(content))).String(); tag != want {
		t.Errorf("%d bytes that begin with %q came with ETag %s, want %s", len(content), content[:min(8, len(content))], tag, want)
	}
}
