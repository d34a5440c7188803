package s3engine_test

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/enginetest"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/s3engine"
)

// credentials are in the environment as they usually are, and no file of the machine plays a part.
func credentials(tb testing.TB) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "adm", "AWS_SECRET_ACCESS_KEY": "adm12345", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		tb.(interface{ Setenv(string, string) }).Setenv(name, value)
	}
}

// open opens a place at an endpoint.
func open(tb testing.TB, l s3engine.Location) *s3engine.Engine {
	tb.Helper()
	e, err := s3engine.Open(tb.Context(), l)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// fake is an S3 server in this process.
func fake(tb testing.TB) string {
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		tb.Fatal(err)
	}
	server := httptest.NewServer(gofakes3.New(backend).Server())
	tb.Cleanup(server.Close)
	return server.URL
}

// TestFake runs the contract of engines against a server in memory.
func TestFake(t *testing.T) {
	credentials(t)
	n := 0
	endpoint := fake(t)
	enginetest.Run(t, func(tb testing.TB) enginetest.Opened {
		n++
		return opened(tb, endpoint, fmt.Sprintf("p%d", n))
	})
}

func opened(tb testing.TB, endpoint, prefix string) enginetest.Opened {
	a := open(tb, s3engine.Location{Bucket: "bucket", Prefix: prefix, Endpoints: []string{endpoint}})
	b := open(tb, s3engine.Location{Bucket: "bucket", Prefix: prefix, Endpoints: []string{endpoint}})
	o := enginetest.Opened{Contents: a.Contents()}
	o.Heads = append(o.Heads, a.Heads(), b.Heads())
	return o
}

// TestVersitygw runs the contract against a real server, that FOURTWELVE_VERSITYGW names: .ci/s3 builds it.
func TestVersitygw(t *testing.T) {
	program := os.Getenv("FOURTWELVE_VERSITYGW")
	if program == "" {
		return // the server in memory stands for it; .ci/s3 builds this one and runs the test
	}
	credentials(t)
	endpoint := versitygw(t, program)
	n := 0
	enginetest.Run(t, func(tb testing.TB) enginetest.Opened {
		n++
		return opened(tb, endpoint, fmt.Sprintf("p%d", n))
	})
}

// versitygw starts the program on a folder with a bucket.
func versitygw(tb testing.TB, program string) string {
	dir := tb.TempDir()
	if err := os.Mkdir(dir+"/bucket", 0o700); err != nil {
		tb.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, program, "--access", "adm", "--secret", "adm12345", "--port", address, "posix", dir)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { cancel(); cmd.Wait() })
	for range 300 {
		if c, err := net.Dial("tcp", address); err == nil {
			c.Close()
			return "http://" + address
		}
		time.Sleep(50 * time.Millisecond)
	}
	tb.Fatalf("versitygw does not listen:\n%s", &out)
	return ""
}

// TestErrors has an engine answer with what goes wrong in practice: each is one line that says what to do.
func TestErrors(t *testing.T) {
	credentials(t)
	problem := func(status int, code string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Amz-Bucket-Region", "eu-west-3")
			w.Header().Set("Content-Type", "application/xml")
			w.WriteHeader(status)
			fmt.Fprintf(w, "<?xml version=\"1.0\"?><Error><Code>%s</Code><Message>m</Message></Error>", code)
		}
	}
	ok := func(special, answer string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/xml")
			switch q := r.URL.Query(); {
			case q.Has(special):
				fmt.Fprint(w, answer)
			case q.Has("list-type"):
				fmt.Fprint(w, "<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>")
			default:
				problem(501, "NotImplemented")(w, r)
			}
		}
	}
	for _, c := range []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{"bucket missing", problem(404, "NoSuchBucket"), "there is no such bucket"},
		{"missing rights", problem(403, "AccessDenied"), "access denied; the credentials need s3:ListBucket"},
		{"expired credentials", problem(400, "ExpiredToken"), "the credentials have expired"},
		{"wrong key", problem(403, "SignatureDoesNotMatch"), "the credentials are not accepted (SignatureDoesNotMatch)"},
		{"clock", problem(403, "RequestTimeTooSkewed"), "clock differs too much"},
		{"another region", problem(301, "PermanentRedirect"), `the bucket is in region "eu-west-3", and requests went to region "us-east-1"`},
		{"wrong region", problem(400, "AuthorizationHeaderMalformed"), `set AWS_REGION or ?region=`},
		{"throttled", problem(503, "SlowDown"), "asks for fewer requests (SlowDown)"},
		{"full", problem(507, "InsufficientStorage"), "no space left"},
		{"not S3", func(w http.ResponseWriter, r *http.Request) { http.Error(w, "<html>Welcome", 404) }, "does not speak S3"},
		{"object lock", ok("object-lock", "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>"),
			"has object lock on"},
		{"versioning", ok("versioning", "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"), "has versioning on"},
		{"nothing wrong", ok("none", ""), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			server := httptest.NewServer(c.handler)
			defer server.Close()
			err := open(t, s3engine.Location{Bucket: "bucket", Endpoints: []string{server.URL}}).Reach(t.Context())
			wantError(t, err, c.want)
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		server := httptest.NewServer(nil)
		server.Close()
		err := open(t, s3engine.Location{Bucket: "bucket", Endpoints: []string{server.URL}}).Reach(t.Context())
		wantError(t, err, "cannot be reached; check the endpoint")
	})
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("error %v, want none", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("error %v, want one that says %q", err, want)
	case err != nil && strings.Contains(err.Error(), "\n"):
		t.Errorf("error of several lines: %q", err)
	}
}

// TestRequests pins what operations cost: they are what is paid for.
func TestRequests(t *testing.T) {
	credentials(t)
	var requests atomic.Int64
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	inner := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	engine := open(t, s3engine.Location{Bucket: "bucket", Endpoints: []string{server.URL}})
	heads, contents := engine.Heads(), engine.Contents()
	id := enginetestID("r/docs/a", 1)
	cost := func(what string, want int64, do func() error) {
		t.Helper()
		before := requests.Load()
		if err := do(); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if got := requests.Load() - before; got != want {
			t.Errorf("%s costs %d requests, want %d", what, got, want)
		}
	}
	ctx := t.Context()
	token, err := heads.Swap(ctx, "r/docs/a", "", []byte("one"))
	if err != nil {
		t.Fatal(err)
	}
	cost("a swap", 1, func() error { token, err = heads.Swap(ctx, "r/docs/a", token, []byte("two")); return err })
	cost("a look at a head", 1, func() error { _, _, err := heads.Get(ctx, "r/docs/a", ""); return err })
	cost("a look at a known head", 1, func() error { _, _, err := heads.Get(ctx, "r/docs/a", token); return err })
	cost("a page of a listing", 1, func() error { _, _, err := heads.List(ctx, "r/docs/", "", 100); return err })
	cost("the first content of a collection", 2, func() error { return contents.Put(ctx, id, 5, strings.NewReader("hello")) })
	id.ID = strings.Replace(id.ID, "1", "2", 1)
	cost("a content", 1, func() error { return contents.Put(ctx, id, 5, strings.NewReader("hello")) })
	cost("a content of 20 MiB", 5, func() error {
		return contents.Put(ctx, enginetestID("r/docs/a", 7), -1, bytes.NewReader(make([]byte, 20<<20)))
	})
	cost("a part of a content", 1, func() error {
		r, err := contents.Open(ctx, id, 1, 3)
		if err == nil {
			r.Close()
		}
		return err
	})
	cost("removing a content", 1, func() error { return contents.Remove(ctx, id) })
}

func enginetestID(head string, n int) clusterstore.ContentID {
	return clusterstore.ContentID{Head: head, ID: fmt.Sprintf("0190000000%022x", n)}
}
