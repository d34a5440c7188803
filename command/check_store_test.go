package command

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// bucket is an S3 server in memory with a bucket of that name. It ignores the fields named in ignored.
func bucket(t *testing.T, ignored ...string) (endpoint string) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true",
	} {
		t.Setenv(name, value)
	}
	backend := s3mem.New()
	if err := backend.CreateBucket("bucket"); err != nil {
		t.Fatal(err)
	}
	inner := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range ignored {
			r.Header.Del(name)
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// TestCheckStoreS3 asks a server that keeps conditions, one that ignores them, and places that are none.
func TestCheckStoreS3(t *testing.T) {
	right, wrong := bucket(t), bucket(t, "If-Match", "If-None-Match")
	for _, c := range []struct {
		url  string
		code int
		want string
	}{
		{"s3://bucket/site?endpoint=" + right, exitOK, "A store can stand on it."},
		{"s3://bucket/site?endpoint=" + wrong, exitFailure, "would lose updates: serve refuses it"},
		{"s3://bucket/site?endpoint=" + right + "&endpoint=" + wrong, exitFailure, "it ignores conditions"},
		{"s3://elsewhere/site?endpoint=" + right, exitUsage, "there is no such bucket"},
		{"s3:bucket", exitUsage, "write s3://BUCKET/PREFIX"},
		{"s3://me:secret@bucket/", exitUsage, "credentials do not belong in the URL"},
		{"s3://bucket/?speed=high", exitUsage, `parameter "speed" is not known`},
		{"s3://bucket/?endpoint=here", exitUsage, "write https://HOST:PORT"},
		{"/srv/site", exitUsage, "is no engine that many servers can share"},
	} {
		t.Run(c.want, func(t *testing.T) {
			var out bytes.Buffer
			code := Run(t.Context(), []string{"check-store", c.url}, Env{Stdin: strings.NewReader(""), Stdout: &out, Stderr: &out})
			if code != c.code || !strings.Contains(out.String(), c.want) {
				t.Errorf("exit code %d, want %d with %q:\n%s", code, c.code, c.want, &out)
			}
		})
	}
	t.Run("json", func(t *testing.T) {
		var out bytes.Buffer
		code := Run(t.Context(), []string{"check-store", "--json", "s3://bucket/site?endpoint=" + wrong}, Env{Stdout: &out, Stderr: &out})
		var said struct {
			OK       bool
			Findings []struct {
				Name, Seen string
				OK         bool
			}
		}
		if err := json.Unmarshal(out.Bytes(), &said); err != nil || code != exitFailure || said.OK || said.Findings[0].Seen == "" {
			t.Errorf("exit code %d, %v:\n%s", code, err, &out)
		}
	})
}

// TestServeRefusesS3 starts nothing on a server that ignores conditions.
func TestServeRefusesS3(t *testing.T) {
	endpoint := bucket(t, "If-Match", "If-None-Match")
	var out bytes.Buffer
	args := []string{"serve", "s3://bucket/site?endpoint=" + endpoint, "--listen", "127.0.0.1:0"}
	code := Run(t.Context(), args, Env{Stdout: &out, Stderr: &out})
	said := out.String()
	if code != exitFailure || !strings.Contains(said, "the engine cannot carry a store") || !strings.Contains(said, "If-Match is ignored") {
		t.Errorf("exit code %d:\n%s", code, &out)
	}
}
