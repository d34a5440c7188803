package client_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/memstore"
	"golang.org/x/net/webdav"
)

// serve returns the URL of an origin over a store in memory.
func serve(t *testing.T) string {
	t.Helper()
	h, err := origin.New(origin.Options{Store: memstore.New(memstore.Options{}), Require: origin.RequireNever})
	if err != nil {
		t.Fatal(err)
	}
	return listen(t, h)
}

func listen(t *testing.T, h http.Handler) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func mustPut(t *testing.T, url, content string) client.Representation {
	t.Helper()
	r, err := (&client.Client{}).Put(t.Context(), url, client.Text(content), client.Unconditional())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func contentOf(t *testing.T, url string) string {
	t.Helper()
	r, err := (&client.Client{}).Get(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Content)
}

func TestPutGetDelete(t *testing.T) {
	url, c, ctx := serve(t)+"/note.txt", &client.Client{}, t.Context()
	if _, err := c.Get(ctx, url); !errors.Is(err, client.ErrNotFound) {
		t.Errorf("before: %v, want ErrNotFound", err)
	}
	made, err := c.Create(ctx, url, client.Text("one"))
	if err != nil || made.Tag != etag.Of([]byte("one")) {
		t.Fatalf("Create: %+v, %v", made, err)
	}
	var conflict *client.Conflict
	if _, err := c.Create(ctx, url, client.Text("two")); !errors.As(err, &conflict) || string(conflict.Theirs.Content) != "one" {
		t.Errorf("second Create: %v, want a conflict with what is there", err)
	}
	got, err := c.Get(ctx, url)
	if err != nil || string(got.Content) != "one" || got.Tag != made.Tag || got.MediaType != "text/plain; charset=utf-8" {
		t.Errorf("Get: %+v, %v", got, err)
	}
	mustPut(t, url, "two")
	cond, err := got.Condition()
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Put(ctx, url, client.Text("three"), cond)
	if !errors.As(err, &conflict) || string(conflict.Theirs.Content) != "two" || string(conflict.Mine.Bytes) != "three" {
		t.Errorf("Put on an old tag: %v, want a conflict with mine and theirs", err)
	}
	if err := c.Delete(ctx, url, cond); !errors.Is(err, client.ErrConflict) {
		t.Errorf("Delete on an old tag: %v, want a conflict", err)
	}
	if err := c.Delete(ctx, url, client.IfMatch(etag.Of([]byte("two")))); err != nil {
		t.Errorf("Delete: %v", err)
	}
	if _, err := c.Put(ctx, url, client.Text("x"), client.Condition{}); !errors.Is(err, client.ErrNoCondition) {
		t.Errorf("no condition: %v", err)
	}
}

func TestRefresh(t *testing.T) {
	url, c, ctx := serve(t)+"/note.txt", &client.Client{}, t.Context()
	mustPut(t, url, "one")
	old, err := c.Get(ctx, url)
	if err != nil {
		t.Fatal(err)
	}
	if r, changed, err := c.Refresh(ctx, old); err != nil || changed || string(r.Content) != "one" {
		t.Errorf("unchanged: %+v, %v, %v", r, changed, err)
	}
	mustPut(t, url, "two")
	if r, changed, err := c.Refresh(ctx, old); err != nil || !changed || string(r.Content) != "two" {
		t.Errorf("changed: %+v, %v, %v", r, changed, err)
	}
}

func TestPatch(t *testing.T) {
	url, c, ctx := serve(t)+"/note.json", &client.Client{}, t.Context()
	made, err := c.Create(ctx, url, client.JSON([]byte(`{"a":1}`)))
	if err != nil {
		t.Fatal(err)
	}
	patched, err := c.Patch(ctx, url, client.Content{Bytes: []byte(`{"b":2}`), MediaType: client.MergePatchType}, client.IfMatch(made.Tag))
	if err != nil || patched.Tag.IsZero() {
		t.Fatalf("Patch: %+v, %v", patched, err)
	}
	if got := contentOf(t, url); got != `{"a":1,"b":2}` {
		t.Errorf("got %s", got)
	}
}

// increment adds one to the number in a resource.
func increment(old client.Representation) (client.Content, error) {
	n := 0
	if old.Exists {
		var err error
		if n, err = strconv.Atoi(string(old.Content)); err != nil {
			return client.Content{}, err
		}
	}
	return client.Text(strconv.Itoa(n + 1)), nil
}

// count has clients increment a number, each times times, and returns how often they were told that they
// did, and how often that it is not known.
func count(t *testing.T, url string, clients, times int, transport func() http.RoundTripper) (known, unknown int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			c := &client.Client{Transport: transport()}
			for range times {
				_, err := c.Update(t.Context(), url, increment)
				mu.Lock()
				switch {
				case err == nil:
					known++
				case errors.Is(err, client.ErrOutcomeUnknown):
					unknown++
				default:
					t.Errorf("Update: %v", err)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return known, unknown
}

func TestCounter(t *testing.T) {
	url := serve(t) + "/n"
	known, unknown := count(t, url, 8, 25, func() http.RoundTripper { return nil })
	if got := contentOf(t, url); known != 200 || unknown != 0 || got != "200" {
		t.Errorf("8 clients count 200 times: %s, known %d, unknown %d", got, known, unknown)
	}
}

// cutting loses the answers of some requests, in turn: before they are sent, or after.
type cutting struct {
	mu sync.Mutex
	n  int
}

var errCut = errors.New("cut")

func (c *cutting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.mu.Lock()
	c.n++
	n := c.n
	c.mu.Unlock()
	if n%7 == 3 {
		return nil, errCut
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && n%5 == 2 {
		resp.Body.Close()
		return nil, errCut
	}
	return resp, err
}

func TestLostAnswersAreNeverGuessed(t *testing.T) {
	url := serve(t) + "/n"
	cut := &cutting{}
	known, unknown := count(t, url, 8, 10, func() http.RoundTripper { return cut })
	if unknown != 0 {
		t.Errorf("a server that keeps answers by their keys left %d outcomes unknown", unknown)
	}
	sum, err := strconv.Atoi(contentOf(t, url))
	if err != nil || sum < known || sum > known+unknown || known+unknown != 80 {
		t.Errorf("the sum is %d, %v; told that it was made %d times, that it is not known %d times", sum, err, known, unknown)
	}
}

// What a single writer does is always known: the state says it.
func TestLostAnswersOfOneWriter(t *testing.T) {
	url, n := serve(t)+"/n", 0
	c := &client.Client{Transport: &cutting{}}
	for i := range 40 {
		_, err := c.Update(t.Context(), url, func(old client.Representation) (client.Content, error) {
			n++
			content := client.Text(fmt.Sprintf("%s%d by writer 1\n", old.Content, i))
			content.Unique = true
			return content, nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(contentOf(t, url), "\n"); got != 40 || n != 40 {
		t.Errorf("%d lines after 40 updates, which called the function %d times", got, n)
	}
}

func TestServerThatIgnoresConditions(t *testing.T) {
	fs := webdav.NewMemFS()
	url := listen(t, &webdav.Handler{FileSystem: fs, LockSystem: webdav.NewMemLS()}) + "/n"
	mustPut(t, url, "1")
	c := &client.Client{}
	for range 2 {
		if _, err := c.Update(t.Context(), url, increment); !errors.Is(err, client.ErrConditionsIgnored) {
			t.Errorf("Update: %v, want ErrConditionsIgnored", err)
		}
	}
	if got := contentOf(t, url); got != "1" {
		t.Errorf("the content is %q now", got)
	}
	d, err := fs.OpenFile(context.Background(), "/", 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if names, err := d.Readdir(-1); err != nil || len(names) != 1 {
		t.Errorf("the question left something over: %v, %v", names, err)
	}
	goOn := &client.Client{Trust: client.GoOn}
	if _, err := goOn.Update(t.Context(), url, increment); err != nil {
		t.Errorf("told to go on: %v", err)
	}
}
