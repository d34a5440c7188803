package command

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/command/internal/server/coalesce"
	"github.com/fourtwelve/fourtwelve/command/internal/server/deadline"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// inPlaceEnv is how many downloads TestInPlaceWriters makes; .ci/inplace sets it. With
// a number, the files are of up to 1 GiB.
const inPlaceEnv = "FOURTWELVE_INPLACE"

// largestEach is how many downloads there are of the largest file, for each protocol and writer.
const largestEach = 3

// TestInPlaceWriters: while other programs change files in place, in every way they
// do that, an answer is either of one state of the file, which its entity tag names, or
// is not complete.
func TestInPlaceWriters(t *testing.T) {
	sizes, downloads := []int{1 << 10, 100 << 10, 300 << 10, 3 << 20}, 8
	if text := os.Getenv(inPlaceEnv); text != "" {
		total, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, 40<<20, 1<<30)
		each := len(protocols) * len(inPlaceWriters)
		downloads = 1 + (total-largestEach*each)/((len(sizes)-1)*each) // the largest file has less than its share
	}
	var count tally
	for _, protocol := range protocols {
		for name, writer := range inPlaceWriters {
			for _, size := range sizes {
				r := newInPlaceRun(t, writer, size, &count)
				r.serve(protocol)
				n := downloads
				if size >= 1<<30 {
					n = min(n, largestEach)
				}
				r.download(n, protocol+", "+name)
				if t.Failed() {
					t.FailNow()
				}
			}
		}
	}
	t.Log(&count)
	if count.whole.Load() == 0 {
		t.Error("no answer was complete, so that nothing was tested")
	}
}

// protocols are those the clients of a run speak.
var protocols = []string{"HTTP/1.1", "HTTP/1.1 over TLS", "HTTP/2"}

// inPlaceWriters put content into a file that is there already. They must not make a
// new one.
var inPlaceWriters = map[string]func(path string, content []byte) error{
	"cp": func(path string, content []byte) error { return os.WriteFile(path, content, 0o666) },
	"dd conv=notrunc": func(path string, content []byte) error {
		return writeBlocks(path, content, os.O_WRONLY)
	},
	"truncate and write": func(path string, content []byte) error {
		if err := os.Truncate(path, 0); err != nil {
			return err
		}
		return writeBlocks(path, content, os.O_WRONLY)
	},
}

func writeBlocks(path string, content []byte, flags int) error {
	f, err := os.OpenFile(path, flags, 0)
	if err != nil {
		return err
	}
	for len(content) > 0 && err == nil {
		n := min(len(content), 64<<10)
		_, err = f.Write(content[:n])
		content = content[n:]
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	return err
}

// tally is what became of downloads.
type tally struct{ whole, cut, refused atomic.Int64 }

func (c *tally) String() string {
	return fmt.Sprintf("%d downloads: %d complete, all of one state; %d cut; %d refused",
		c.whole.Load()+c.cut.Load()+c.refused.Load(), c.whole.Load(), c.cut.Load(), c.refused.Load())
}

// inPlaceRun is one file, who writes to it, and who reads it.
type inPlaceRun struct {
	t      *testing.T
	count  *tally
	path   string
	size   int
	write  func(path string, content []byte) error
	wanted chan struct{} // has a token when the file is to be changed
	url    string
	client *http.Client

	mu     sync.Mutex
	states map[string]int // version of a state by its entity tag
}

func newInPlaceRun(t *testing.T, write func(string, []byte) error, size int, count *tally) *inPlaceRun {
	r := &inPlaceRun{
		t: t, count: count, size: size, write: write,
		path: filepath.Join(t.TempDir(), "a.bin"), wanted: make(chan struct{}, 1), states: make(map[string]int),
	}
	r.state(0, os.WriteFile)
	return r
}

// state makes a version of the content: all its words are the number of the version.
func (r *inPlaceRun) state(version int, write func(string, []byte, os.FileMode) error) {
	content := make([]byte, r.size)
	fillWith(content, version)
	r.mu.Lock()
	r.states[etag.Of(content).String()] = version
	r.mu.Unlock()
	if err := write(r.path, content, 0o666); err != nil {
		r.t.Error(err)
	}
}

func fillWith(content []byte, version int) {
	word := binary.BigEndian.AppendUint64(nil, uint64(version))
	for n := copy(content, word); n < len(content); n *= 2 {
		copy(content[n:], content[:n])
	}
}

// serve starts a server for the file, as the command does.
func (r *inPlaceRun) serve(protocol string) {
	files, err := dirstore.Open(filepath.Dir(r.path), dirstore.Options{})
	if err != nil {
		r.t.Fatal(err)
	}
	p := &servePlan{serveOptions: serveOptions{front: front{idleTimeout: time.Minute, address: &server.Address{Loopback: true}}}}
	handler, err := p.newHandler(files, nil, nil, slog.New(slog.DiscardHandler))
	if err != nil {
		r.t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(coalesce.Handler(handler))
	web.Listener = coalesce.Listen(deadline.Listen(web.Listener))
	web.Config.ConnContext = coalesce.Context
	web.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	switch protocol {
	case "HTTP/1.1":
		web.Start()
	case "HTTP/2":
		web.EnableHTTP2 = true
		web.StartTLS()
	default:
		web.TLS = &tls.Config{NextProtos: []string{"http/1.1"}}
		web.StartTLS()
	}
	r.url, r.client = web.URL+"/a.bin", web.Client()
	r.t.Cleanup(func() {
		web.Close()
		if err := files.Close(); err != nil {
			r.t.Error(err)
		}
	})
}

// download makes n downloads, some at a time, each of which has the file changed while it
// is under way.
func (r *inPlaceRun) download(n int, what string) {
	var readers, writer sync.WaitGroup
	writer.Go(func() {
		version := 0
		for range r.wanted {
			version++
			r.state(version, func(path string, content []byte, _ os.FileMode) error { return r.write(path, content) })
		}
	})
	left := atomic.Int64{}
	left.Store(int64(n))
	for range 3 {
		readers.Go(func() {
			for left.Add(-1) >= 0 {
				if wrong := r.one(); wrong != "" {
					r.t.Errorf("%s, %d bytes: %s", what, r.size, wrong)
				}
			}
		})
	}
	readers.Wait()
	close(r.wanted)
	writer.Wait()
}

// ranges are what downloads ask for; "" is everything.
func (r *inPlaceRun) ranges() string {
	switch rand.N(4) {
	case 0:
		return fmt.Sprintf("bytes=%d-", r.size/4)
	case 1:
		return fmt.Sprintf("bytes=0-%d,%d-", r.size/8-1, r.size/2)
	}
	return ""
}

// one makes a download and says what is wrong with it.
func (r *inPlaceRun) one() (wrong string) {
	req, err := http.NewRequest("GET", r.url, nil)
	if err != nil {
		return err.Error()
	}
	if ranges := r.ranges(); ranges != "" {
		req.Header.Set("Range", ranges)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.count.cut.Add(1)
		return ""
	}
	defer resp.Body.Close()
	got, err := r.read(resp)
	switch {
	case err != nil:
		r.count.cut.Add(1)
		return ""
	case resp.StatusCode == http.StatusServiceUnavailable || resp.StatusCode == http.StatusRequestedRangeNotSatisfiable:
		r.count.refused.Add(1)
		return ""
	}
	r.count.whole.Add(1)
	return r.judge(resp, got)
}

// received is what came: its length, its digest, and how many words are of each version.
type received struct {
	length int64
	digest [32]byte
	words  map[uint64]int
}

// read takes the content, part by part if it has parts. It fails if the content is not
// complete.
func (r *inPlaceRun) read(resp *http.Response) (received, error) {
	got := received{words: make(map[uint64]int)}
	when := rand.Int64N(int64(r.size))
	kind, params, err := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/byteranges" {
		return got, r.readPart(&got, resp.Body, when)
	}
	for parts := multipart.NewReader(resp.Body, params["boundary"]); ; {
		part, err := parts.NextRawPart()
		if err == io.EOF {
			return got, nil
		}
		if err != nil {
			return got, err
		}
		if err := r.readPart(&got, part, when); err != nil {
			return got, err
		}
	}
}

// readPart has the file changed when so much has come.
func (r *inPlaceRun) readPart(got *received, body io.Reader, when int64) error {
	h, buf := sha256.New(), make([]byte, 64<<10)
	for {
		n, err := io.ReadFull(body, buf)
		h.Write(buf[:n])
		for i := 0; i+8 <= n; i += 8 {
			got.words[binary.BigEndian.Uint64(buf[i:])]++
		}
		if before := got.length; before <= when && when < before+int64(n) {
			select {
			case r.wanted <- struct{}{}:
			default: // it is about to be
			}
		}
		got.length += int64(n)
		switch err {
		case nil:
		case io.EOF:
			h.Sum(got.digest[:0])
			return nil
		default:
			if !errors.Is(err, io.ErrUnexpectedEOF) {
				return err
			}
			// The end of the buffer's fill, or of a connection that was cut: the next read tells.
			if _, err := body.Read(buf[:1]); err != io.EOF {
				return io.ErrUnexpectedEOF
			}
			h.Sum(got.digest[:0])
			return nil
		}
	}
}

// judge says what is wrong with a complete answer.
func (r *inPlaceRun) judge(resp *http.Response, got received) string {
	tag := resp.Header.Get("Etag")
	switch resp.StatusCode {
	case http.StatusOK:
		if want := etag.FromDigest(got.digest).String(); tag != want {
			return fmt.Sprintf("a complete 200 of %d bytes has the tag %s, but that of its content is %s", got.length, tag, want)
		}
		return ""
	case http.StatusPartialContent:
	default:
		return fmt.Sprintf("status %d", resp.StatusCode)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	version, known := r.states[tag]
	// A state between two versions can only be told from a whole answer.
	if known && (len(got.words) != 1 || got.words[uint64(version)] == 0) {
		return fmt.Sprintf("a complete 206 of version %d has words of these: %v", version, got.words)
	}
	return ""
}
