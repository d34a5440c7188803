package client_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/etag"
)

// version is content that says in each line which version it is of.
func version(n, size int) []byte {
	line := []byte(fmt.Sprintf("version %06d\n", n))
	return bytes.Repeat(line, size/len(line)+1)[:size]
}

// source is a server of one representation, with the habits of real ones.
type source struct {
	mu      sync.Mutex
	content []byte
	n       int // of the version
	// replace says that the content is replaced after so many requests; 0 is never.
	replace int
	// cut is after how many bytes each of the first cuts answers breaks off; 0 is never.
	cut  func() int
	cuts int
	// The habits.
	ignoresRange, ignoresIfRange, weak, noTag, compresses, digest, damages bool
	seen                                                                   []http.Header
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.seen = append(s.seen, r.Header.Clone())
	if s.replace > 0 && len(s.seen)%s.replace == 0 && s.n < 5 {
		s.n++
		s.content = version(s.n, len(s.content)+s.n%3)
	}
	content, tag, cut := s.content, etag.Of(s.content), 0
	if s.cut != nil && len(s.seen) <= s.cuts {
		cut = s.cut()
	}
	s.mu.Unlock()
	if s.weak {
		tag = tag.Weak()
	}
	if !s.noTag {
		w.Header().Set("ETag", tag.String())
	}
	if s.digest {
		w.Header().Set("Repr-Digest", digestOf(content))
	}
	if s.damages {
		content = append([]byte("x"), content[1:]...)
	}
	if s.ignoresRange {
		r.Header.Del("Range")
	}
	if s.ignoresIfRange {
		r.Header.Del("If-Range")
	}
	if cut > 0 {
		w = &cutWriter{w, cut}
	}
	if s.compresses {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		z.Write(content)
		z.Close()
		return
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func digestOf(content []byte) string {
	sum := sha256.Sum256(content)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// cutWriter breaks the connection after so many bytes.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (w *cutWriter) Write(b []byte) (int, error) {
	if len(b) > w.left {
		w.ResponseWriter.Write(b[:w.left])
		w.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	w.left -= len(b)
	return w.ResponseWriter.Write(b)
}

func (w *cutWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// isOneVersion is the error for content that is not one version and whole.
func isOneVersion(content []byte) error {
	var n int
	if _, err := fmt.Sscanf(string(content), "version %d\n", &n); err != nil {
		return fmt.Errorf("no version: %w", err)
	}
	if want := version(n, len(content)); !bytes.Equal(content, want) {
		return fmt.Errorf("%d bytes are not all of version %d", len(content), n)
	}
	return nil
}

// fast is a client that does not wait.
func fast() *client.Client { return &client.Client{MaxWait: time.Millisecond} }

func TestDownload(t *testing.T) {
	const size = 1 << 20
	r := rand.New(rand.NewPCG(1, 2))
	cut := func() int { return r.IntN(size) }
	sum := sha256.Sum256(version(0, size))
	for name, s := range map[string]*source{
		"plain":                      {},
		"cut":                        {cut: cut},
		"cut, with a digest":         {cut: cut, digest: true},
		"cut, ranges ignored":        {cut: cut, ignoresRange: true},
		"cut, a weak tag":            {cut: cut, weak: true},
		"cut, no tag":                {cut: cut, noTag: true},
		"compressed":                 {compresses: true},
		"compressed and cut":         {compresses: true, cut: func() int { return r.IntN(6000) }},
		"replaced":                   {replace: 3, cut: cut},
		"replaced, If-Range ignored": {replace: 2, cut: cut, ignoresIfRange: true},
		"replaced, with a digest":    {replace: 3, cut: cut, digest: true},
	} {
		t.Run(name, func(t *testing.T) {
			s.content, s.cuts = version(0, size), 7
			file := filepath.Join(t.TempDir(), "file")
			o := client.DownloadOptions{}
			if s.replace == 0 {
				o.SHA256 = hex.EncodeToString(sum[:])
			}
			c := fast()
			c.Attempts = 100
			d, err := c.Download(t.Context(), listen(t, s)+"/f", file, o)
			if err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil || int64(len(got)) != d.Size || len(got) < size {
				t.Fatalf("%d bytes, %v; told %d", len(got), err, d.Size)
			}
			if err := isOneVersion(got); err != nil {
				t.Error(err)
			}
			onlyFile(t, file)
		})
	}
}

// onlyFile fails if anything but the file is left in its folder.
func onlyFile(t *testing.T, file string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the file there is something left: %v, %v", entries, err)
	}
}

// An interrupted download goes on in another call, and reads only what is missing.
func TestDownloadResumes(t *testing.T) {
	const size = 1 << 20
	s := &source{content: version(7, size), cuts: 1}
	url, file := listen(t, s)+"/f", filepath.Join(t.TempDir(), "file")
	s.cut = func() int { return size / 2 }
	c := fast()
	c.Attempts = 1
	if _, err := c.Download(t.Context(), url, file, client.DownloadOptions{}); err == nil {
		t.Fatal("the first download was cut and is no error")
	}
	if _, err := os.Stat(file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("half a file is in its place: %v", err)
	}
	s.cut = nil
	d, err := fast().Download(t.Context(), url, file, client.DownloadOptions{})
	if err != nil || d.Resumed != size/2 {
		t.Fatalf("resumed from %d, %v; want %d", d.Resumed, err, size/2)
	}
	h := s.seen[len(s.seen)-1]
	if got, want := h.Get("Range"), fmt.Sprintf("bytes=%d-", size/2); got != want {
		t.Errorf("Range: %s, want %s", got, want)
	}
	if got, want := h.Get("If-Range"), etag.Of(s.content).String(); got != want {
		t.Errorf("If-Range: %s, want %s", got, want)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, s.content) {
		t.Errorf("the file is not what the server has: %v", err)
	}
	onlyFile(t, file)
}

func TestDownloadBeginsAgainIfTheSourceHasChanged(t *testing.T) {
	const size = 1 << 20
	s := &source{content: version(1, size), cut: func() int { return size / 2 }, cuts: 1}
	url, file := listen(t, s)+"/f", filepath.Join(t.TempDir(), "file")
	c := fast()
	c.Attempts = 1
	c.Download(t.Context(), url, file, client.DownloadOptions{})
	s.cut, s.content = nil, version(2, size)
	d, err := fast().Download(t.Context(), url, file, client.DownloadOptions{})
	if err != nil || d.Resumed != 0 {
		t.Fatalf("resumed from %d, %v", d.Resumed, err)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, s.content) {
		t.Errorf("the file is not the new version: %v", err)
	}
}

func TestDownloadVerifies(t *testing.T) {
	content := version(1, 5000)
	s := &source{content: content, digest: true}
	url, file := listen(t, s)+"/f", filepath.Join(t.TempDir(), "file")
	d, err := fast().Download(t.Context(), url, file, client.DownloadOptions{})
	if err != nil || strings.Join(d.Verified, " ") != "Repr-Digest" {
		t.Errorf("verified by %q, %v", d.Verified, err)
	}
	wrong := strings.Repeat("0", 64)
	if _, err := fast().Download(t.Context(), url, file, client.DownloadOptions{SHA256: wrong}); !errors.Is(err, client.ErrDamaged) {
		t.Errorf("another SHA-256: %v, want ErrDamaged", err)
	}
	s.damages = true
	if _, err := fast().Download(t.Context(), url, file, client.DownloadOptions{}); !errors.Is(err, client.ErrDamaged) {
		t.Errorf("damaged content: %v, want ErrDamaged", err)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, content) {
		t.Errorf("the file that was there is another now: %v", err)
	}
	onlyFile(t, file)
}

func TestDownloadIfChanged(t *testing.T) {
	s := &source{content: version(1, 5000)}
	url, file := listen(t, s)+"/f", filepath.Join(t.TempDir(), "file")
	first, err := fast().Download(t.Context(), url, file, client.DownloadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	kept := client.Representation{URL: url, Exists: true, RawTag: first.RawTag, LastModified: first.LastModified}
	if got, err := fast().Download(t.Context(), url, file, client.DownloadOptions{Have: kept}); err != nil || !got.Unchanged {
		t.Errorf("unchanged, with nothing but the validators: %+v, %v", got, err)
	}
	again, err := fast().Download(t.Context(), url, file, client.DownloadOptions{Have: first.Representation})
	if err != nil || !again.Unchanged || again.Tag != first.Tag {
		t.Errorf("unchanged: %+v, %v", again, err)
	}
	onlyFile(t, file)
	s.content = version(2, 5000)
	again, err = fast().Download(t.Context(), url, file, client.DownloadOptions{Have: first.Representation})
	if err != nil || again.Unchanged || again.Tag == first.Tag {
		t.Errorf("changed: %+v, %v", again, err)
	}
}

func TestDownloadErrors(t *testing.T) {
	dir := t.TempDir()
	url := listen(t, http.NotFoundHandler())
	for name, tt := range map[string]struct {
		file string
		o    client.DownloadOptions
		want error
		text string
	}{
		"not found":  {file: "a", want: client.ErrNotFound},
		"a folder":   {file: ".", text: "is not a file that could be replaced"},
		"no folder":  {file: "none/a", want: os.ErrNotExist},
		"a bad hash": {file: "a", o: client.DownloadOptions{SHA256: "abc"}, text: `the SHA-256 has 64 hexadecimal digits, not "abc"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := fast().Download(t.Context(), url, filepath.Join(dir, tt.file), tt.o)
			if tt.want != nil && !errors.Is(err, tt.want) || err == nil || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v", err)
			}
		})
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) > 0 {
		t.Errorf("left over: %v, %v", entries, err)
	}
}

// Parts that are read at the same time make one version, or it is read again.
func TestDownloadInParts(t *testing.T) {
	const size = 8 << 20
	r := rand.New(rand.NewPCG(3, 4))
	cut := func() int {
		return r.IntN(size)
	}
	for name, s := range map[string]*source{
		"plain":                      {},
		"with a digest":              {digest: true},
		"cut":                        {cut: cut},
		"replaced":                   {replace: 6},
		"replaced, If-Range ignored": {replace: 7, ignoresIfRange: true},
		"replaced and cut":           {replace: 5, cut: cut},
	} {
		t.Run(name, func(t *testing.T) {
			s.content, s.cuts = version(0, size), 12
			file := filepath.Join(t.TempDir(), "file")
			c := fast()
			c.Attempts = 100
			c.SplitAtOnce()
			if _, err := c.Download(t.Context(), listen(t, s)+"/f", file, client.DownloadOptions{}); err != nil {
				t.Fatal(err)
			}
			got, err := os.ReadFile(file)
			if err != nil || len(got) < size {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if err := isOneVersion(got); err != nil {
				t.Error(err)
			}
			if name == "plain" && len(s.seen) != client.DefaultParts {
				t.Errorf("%d requests, want %d", len(s.seen), client.DefaultParts)
			}
			onlyFile(t, file)
		})
	}
}

// A canceled download keeps what it has.
func TestDownloadCanceled(t *testing.T) {
	const size = 1 << 20
	content := version(1, size)
	stopped := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", etag.Of(content).String())
		if r.Header.Get("Range") != "" {
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return
		}
		w.Header().Set("Content-Length", fmt.Sprint(size))
		w.Write(content[:size/2])
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	url, file := listen(t, stopped)+"/f", filepath.Join(t.TempDir(), "file")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for info, err := os.Stat(file + ".part"); err != nil || info.Size() < size/2; info, err = os.Stat(file + ".part") {
			time.Sleep(time.Millisecond)
		}
		cancel()
	}()
	_, err := fast().Download(ctx, url, file, client.DownloadOptions{})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	d, err := fast().Download(t.Context(), url, file, client.DownloadOptions{})
	if err != nil || d.Resumed == 0 {
		t.Errorf("resumed from %d, %v", d.Resumed, err)
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, content) {
		t.Errorf("not whole: %v", err)
	}
}
