//go:build linux

package command_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"sync/atomic"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// TestThreeServersOnS3 is TestThreeServersOnOneDatabase on a server of the S3 API, which loses every seventh answer to a
// PUT while numbers are counted: after it was carried out, and also before.
func TestThreeServersOnS3(t *testing.T) {
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
	var losing atomic.Bool
	var puts, lost atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n := int64(1)
		if losing.Load() && r.Method == http.MethodPut {
			n = puts.Add(1)
		}
		if n%14 == 0 {
			lost.Add(1)
			panic(http.ErrAbortHandler) // cut before it was carried out
		}
		if n%7 == 0 {
			inner.ServeHTTP(httptest.NewRecorder(), r)
			lost.Add(1)
			panic(http.ErrAbortHandler) // cut after it was carried out
		}
		inner.ServeHTTP(w, r)
	}))
	defer server.Close()
	url := "s3://bucket/site?endpoint=" + server.URL
	nodes := []*node{startNode(t, url), startNode(t, url), startNode(t, url)}
	for i := range 10 {
		raceOnce(t, nodes, fmt.Sprintf("race/%d", i), "")
	}
	for range 10 {
		_, tag, err := nodes[0].get("race/0")
		if err != nil {
			t.Fatal(err)
		}
		raceOnce(t, nodes, "race/0", tag)
	}
	losing.Store(true)
	countUnderFire(t, nodes, func() {})
	if lost.Load() == 0 {
		t.Error("no answer was lost, so nothing was shown")
	}
}
