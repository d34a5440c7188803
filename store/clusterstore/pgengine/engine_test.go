//go:build linux

package pgengine_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/enginetest"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine/pgtest"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

func open(tb testing.TB, url string, o pgengine.Options) *pgengine.Engine {
	tb.Helper()
	e, err := pgengine.Open(tb.Context(), url, o)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { e.Close() })
	return e
}

func TestPostgreSQL(t *testing.T) {
	pg := pgtest.Start(t)
	t.Run("engine", func(t *testing.T) {
		enginetest.Run(t, func(tb testing.TB) enginetest.Opened {
			url := pg.Database(tb)
			one, two := open(tb, url, pgengine.Options{}), open(tb, url, pgengine.Options{Notify: true})
			return enginetest.Opened{Heads: []clusterstore.Heads{one.Heads(), two.Heads()}, Contents: one.Contents()}
		})
	})
	t.Run("store", func(t *testing.T) {
		url := pg.Database(t)
		storetest.Run(t, func(tb testing.TB) store.Store {
			pg.SQL(tb, database(url), "DROP TABLE IF EXISTS fourtwelve_heads, fourtwelve_chunks, fourtwelve_contents, fourtwelve_schema")
			return openStore(tb, url)
		}, storetest.Options{Rounds: 10, Reopen: func(tb testing.TB, s store.Store) store.Store {
			s.(*clusterstore.Store).Close()
			return openStore(tb, url)
		}})
	})
	t.Run("messages", func(t *testing.T) { testMessages(t, pg) })
	t.Run("many at the first start", func(t *testing.T) { testFirstStart(t, pg) })
	t.Run("notices", func(t *testing.T) { testNotices(t, pg) })
}

func database(url string) string {
	name, _, _ := strings.Cut(url[strings.LastIndexByte(url, '/')+1:], "?")
	return name
}

func openStore(tb testing.TB, url string) *clusterstore.Store {
	tb.Helper()
	e := open(tb, url, pgengine.Options{})
	s, err := clusterstore.New(e.Heads(), e.Contents(), clusterstore.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { s.Close() })
	return s
}

// testMessages: what does not fit is said in one line, without the password.
func testMessages(t *testing.T, pg *pgtest.Server) {
	pg.SQL(t, "postgres", "CREATE ROLE guarded LOGIN PASSWORD 'right'")
	for _, s := range []string{
		"CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0", "CREATE DATABASE later", "CREATE DATABASE tight",
		"CREATE DATABASE quick", "ALTER DATABASE quick SET synchronous_commit = off",
	} {
		pg.SQL(t, "postgres", s)
	}
	pg.SQL(t, "later", "CREATE TABLE fourtwelve_schema (version integer); INSERT INTO fourtwelve_schema VALUES (99)")
	pg.SQL(t, "tight", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	at := fmt.Sprintf("127.0.0.1:%d", pg.Port)
	for _, c := range []struct{ url, want string }{
		{"postgres://test@127.0.0.1:1/x",
			"cannot reach PostgreSQL at 127.0.0.1:1: connection refused: check host and port, and that it is running"},
		{"postgres://guarded:wrong-secret@" + at + "/postgres",
			at + `: password authentication failed for user "guarded" (SQLSTATE 28P01): check the password`},
		{"postgres://test@" + at + "/none", at + `: database "none" does not exist (SQLSTATE 3D000): create it first (createdb none)`},
		{"postgres://nobody-there@" + at + "/postgres", `password authentication failed`},
		{"postgres://test@" + at + "/latin", "keeps text as LATIN1"},
		{"postgres://test@" + at + "/quick", "synchronous_commit is off"},
		{"postgres://test@" + at + "/later", "those of a later version (99)"},
		{"postgres://guarded:right@" + at + "/tight", "permission denied for schema public (SQLSTATE 42501): the first start makes tables"},
		{"postgres://test:secret@[::1/x", "the URL of the database cannot be read"},
	} {
		_, err := pgengine.Open(t.Context(), c.url+"?sslmode=disable", pgengine.Options{})
		said := fmt.Sprint(err)
		if !strings.Contains(said, c.want) || strings.Contains(said, "\n") || strings.Contains(said, "secret") {
			t.Errorf("Open(%q):\n%v\nwant %q in one line", c.url, err, c.want)
		}
	}
	_, err := pgengine.Open(t.Context(), pg.Database(t), pgengine.Options{ReadOnly: true})
	if err == nil || !strings.Contains(err.Error(), "no store in this database") {
		t.Errorf("read-only, of an empty database: %v", err)
	}
}

// testFirstStart: of any number who open an empty database at once all succeed.
func testFirstStart(t *testing.T, pg *pgtest.Server) {
	url := pg.Database(t)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() { open(t, url, pgengine.Options{}) })
	}
	wg.Wait()
	// Somebody who may use the tables, and make none, can start from then on.
	pg.SQL(t, database(url), "CREATE ROLE user1 LOGIN PASSWORD 'x'")
	pg.SQL(t, database(url), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO user1")
	open(t, strings.Replace(url, "test@", "user1:x@", 1), pgengine.Options{})
	pg.SQL(t, database(url), "REVOKE INSERT, UPDATE ON fourtwelve_heads FROM user1")
	e := open(t, strings.Replace(url, "test@", "user1:x@", 1), pgengine.Options{})
	if _, err := e.Heads().Swap(t.Context(), "r/a", "", []byte("x")); !errors.Is(err, store.ErrReadOnly) || errors.Is(err, store.ErrUnknown) {
		t.Errorf("Swap without the right to: error %v, want ErrReadOnly", err)
	}
}

// testNotices: a change that another process makes is heard of.
func testNotices(t *testing.T, pg *pgtest.Server) {
	url := pg.Database(t)
	one, two := open(t, url, pgengine.Options{Notify: true}), open(t, url, pgengine.Options{Notify: true})
	reader, err := clusterstore.New(one.Heads(), one.Contents(), clusterstore.Options{ReadStaleness: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	writer, err := clusterstore.New(two.Heads(), two.Contents(), clusterstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 5 {
		d, err := writer.Stage(t.Context(), "a", strings.NewReader(fmt.Sprint(i)))
		if err != nil {
			t.Fatal(err)
		}
		info, err := d.Commit(t.Context(), store.Any)
		if err != nil {
			t.Fatal(err)
		}
		for {
			seen, err := reader.Stat(t.Context(), "a")
			if err != nil && !errors.Is(err, store.ErrNotFound) {
				t.Fatal(err)
			}
			if seen.Revision == info.Revision {
				break
			}
			time.Sleep(time.Millisecond)
		}
	}
}

// TestKilledServer: PostgreSQL is killed again and again while writers count one number up, and no
// increment that was acknowledged is lost.
func TestKilledServer(t *testing.T) {
	pg := pgtest.Start(t)
	url := pg.Database(t)
	stores := []*clusterstore.Store{openStore(t, url), openStore(t, url), openStore(t, url)}
	ctx, stop := context.WithCancel(t.Context())
	var acknowledged, unknown atomic.Int64
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for ctx.Err() == nil {
				switch err := increment(t.Context(), stores[i%len(stores)]); {
				case err == nil:
					acknowledged.Add(1)
				case errors.Is(err, store.ErrUnknown):
					unknown.Add(1)
				case !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrUnavailable):
					t.Errorf("a writer: %v", err)
					return
				}
			}
		})
	}
	for i := range 3 {
		for before := acknowledged.Load(); acknowledged.Load() < before+50; {
			time.Sleep(time.Millisecond)
		}
		pg.Kill(t)
		pg.Start(t)
		t.Logf("killed %d times, %d acknowledged, %d unknown", i+1, acknowledged.Load(), unknown.Load())
	}
	stop()
	wg.Wait()
	n, _, err := read(t.Context(), stores[0])
	least, most := acknowledged.Load(), acknowledged.Load()+unknown.Load()
	if err != nil || n < least || n > most {
		t.Errorf("the number is %d, error %v; %d increments were acknowledged, and %d are unknown", n, err, least, unknown.Load())
	}
}

func read(ctx context.Context, s *clusterstore.Store) (n int64, rev store.Revision, err error) {
	c, err := s.Open(ctx, "n", 0)
	if errors.Is(err, store.ErrNotFound) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, err
	}
	defer c.Close()
	text := make([]byte, c.Info().Size)
	c.ReadAt(text, 0)
	fmt.Sscan(string(text), &n)
	return n, c.Info().Revision, nil
}

func increment(ctx context.Context, s *clusterstore.Store) error {
	n, rev, err := read(ctx, s)
	if err != nil {
		return err
	}
	d, err := s.Stage(ctx, "n", strings.NewReader(fmt.Sprint(n+1)))
	if err != nil {
		return err
	}
	defer d.Abort(ctx)
	_, err = d.Commit(ctx, store.At(rev))
	return err
}

// BenchmarkPostgreSQL measures the store on the server that FOURTWELVE_POSTGRES names, or one of its own.
func BenchmarkPostgreSQL(b *testing.B) {
	url := os.Getenv("FOURTWELVE_POSTGRES")
	if url == "" {
		pg := pgtest.Start(b)
		url = pg.Database(b)
	}
	storetest.Bench(b, func(tb testing.TB) store.Store { return openStore(tb, url) })
}
