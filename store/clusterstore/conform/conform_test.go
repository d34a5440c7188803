package conform_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/fourtwelve/fourtwelve/store/clusterstore/conform"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/s3engine"
)

// TestCheck asks engines that keep conditions and engines that do not, each through two endpoints.
func TestCheck(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	right := func(next http.Handler) http.Handler { return next }
	for _, c := range []struct {
		name          string
		first, second func(http.Handler) http.Handler
		want          string // a part of what was seen; "" if all is right
	}{
		{"keeps conditions", right, right, ""},
		{"ignores all conditions", without("If-Match", "If-None-Match"), without("If-Match", "If-None-Match"), "If-Match is ignored"},
		{"ignores If-None-Match", without("If-None-Match"), without("If-None-Match"), "it ignores conditions"},
		{"ignores them at the second endpoint", right, without("If-Match", "If-None-Match"), "it ignores conditions"},
		{"understands tags without quotes", unquotedOnly, unquotedOnly, ""},
		{"checks, and acts later", late, late, "writers were told that they had succeeded"},
	} {
		t.Run(c.name, func(t *testing.T) {
			err := checked(t, c.first, c.second)
			switch {
			case c.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("got %v, want a refusal with %q", err, c.want)
			}
		})
	}
}

// checked is what a start does.
func checked(t *testing.T, first, second func(http.Handler) http.Handler) error {
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	var endpoints []string
	for _, wrap := range []func(http.Handler) http.Handler{first, second} {
		server := httptest.NewServer(wrap(gofakes3.New(backend).Server()))
		defer server.Close()
		endpoints = append(endpoints, server.URL)
	}
	e, err := s3engine.Open(t.Context(), s3engine.Location{Bucket: "bucket", Endpoints: endpoints})
	if err != nil {
		t.Fatal(err)
	}
	findings, err := e.Check(t.Context(), conform.Options{})
	if err != nil {
		return err
	}
	if listed, err := backend.ListBucket("bucket", nil, gofakes3.ListBucketPage{}); err != nil {
		t.Fatal(err)
	} else {
		for _, o := range listed.Contents {
			if !strings.HasPrefix(o.Key, "n/") {
				t.Errorf("the check left %q behind", o.Key)
			}
		}
	}
	return conform.First(findings)
}

// without has a server that ignores fields.
func without(fields ...string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPut {
				for _, f := range fields {
					r.Header.Del(f)
				}
			}
			next.ServeHTTP(w, r)
		})
	}
}

// unquotedOnly has a server to which a tag in quotes is never that of the object, as with Ceph 16.
func unquotedOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if tag := r.Header.Get("If-Match"); r.Method == http.MethodPut && tag != "" {
			if strings.HasPrefix(tag, `"`) {
				tag = "never"
			}
			r.Header.Set("If-Match", `"`+tag+`"`)
		}
		next.ServeHTTP(w, r)
	})
}

// late has a server that looks at the conditions first, and writes later without them.
func late(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
		if r.Method != http.MethodPut || match == "" && none == "" {
			next.ServeHTTP(w, r)
			return
		}
		look := httptest.NewRecorder()
		head := r.Clone(context.Background())
		head.Method, head.Body = http.MethodHead, http.NoBody
		head.Header.Del("If-Match")
		head.Header.Del("If-None-Match")
		next.ServeHTTP(look, head)
		if found := look.Code == http.StatusOK; none != "" && found || match != "" && (!found || look.Header().Get("ETag") != match) {
			w.WriteHeader(http.StatusPreconditionFailed)
			return
		}
		time.Sleep(20 * time.Millisecond) // the moment in between, that others may use
		r.Header.Del("If-Match")
		r.Header.Del("If-None-Match")
		next.ServeHTTP(w, r)
	})
}
