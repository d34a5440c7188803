package pace

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// answers starts a server with next behind Answers, as fourtwelve guard does.
func answers(t *testing.T, next http.HandlerFunc) *pipe {
	return start(t, &http.Server{Handler: Answers(next, limit)})
}

// TestQuietStreamLives: a gateway may have nothing to tell for long.
func TestQuietStreamLives(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		p := answers(t, func(w http.ResponseWriter, r *http.Request) {
			control := http.NewResponseController(w)
			pass(10 * limit)
			for i := range 5 {
				fmt.Fprintf(w, "event %d\n", i)
				if err := control.Flush(); err != nil {
					t.Error(err)
				}
				pass(10 * limit)
			}
			io.WriteString(w, "end\n")
		})
		resp, err := client(t, p, two).Get("http://x/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		if want := "event 0\nevent 1\nevent 2\nevent 3\nevent 4\nend\n"; string(got) != want || err != nil {
			t.Errorf("got %q, error %v, want %q", got, err, want)
		}
	})
}

// TestStalledAnswerIsCut is of a client that takes a part and then nothing more.
func TestStalledAnswerIsCut(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		h := &send{size: 64 << 20, done: make(chan struct{})}
		resp, err := client(t, answers(t, h.handle), two).Get("http://x/")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if _, err := io.CopyN(io.Discard, resp.Body, chunk); err != nil {
			t.Fatal(err)
		}
		<-h.done
		if h.err == nil || h.took > 2*limit {
			t.Errorf("got error %v after %v, want one within %v", h.err, h.took, 2*limit)
		}
	})
}

// TestSmallAnswerThatNobodyReadsIsCut: it is written after the handler has
// returned.
func TestSmallAnswerThatNobodyReadsIsCut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := answers(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "small") }).dial()
		if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
			t.Fatal(err)
		}
		pass(limit + time.Second)
		synctest.Wait()
		if n, err := c.Read(make([]byte, 4096)); err != io.EOF || n != 0 {
			t.Errorf("got %d bytes and error %v, want the connection closed", n, err)
		}
	})
}

// TestUnreadContentIsNotWaitedFor: neither before nor after the answer has gone.
func TestUnreadContentIsNotWaitedFor(t *testing.T) {
	for name, size := range map[string]int{"small answer": 10, "large answer": 64 << 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := answers(t, func(w http.ResponseWriter, r *http.Request) {
					w.WriteHeader(http.StatusPreconditionFailed)
					io.WriteString(w, strings.Repeat("x", size))
				}).dial()
				began := time.Now()
				if _, err := io.WriteString(c, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"); err != nil {
					t.Fatal(err)
				}
				resp, err := http.ReadResponse(bufio.NewReader(c), nil)
				if err != nil || resp.StatusCode != http.StatusPreconditionFailed {
					t.Fatalf("got %v, error %v", resp, err)
				}
				if _, err := io.ReadAll(c); err != nil {
					t.Error(err)
				}
				if took := time.Since(began); took > 2*linger {
					t.Errorf("the connection was closed after %v, want it within %v", took, 2*linger)
				}
			})
		})
	}
}

// TestConnectionIsUsedAgain: no deadline of one request is left for the next.
func TestConnectionIsUsedAgain(t *testing.T) {
	eachVersion(t, func(t *testing.T, two bool) {
		p := answers(t, func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.Copy(w, r.Body); err != nil {
				t.Error(err)
			}
		})
		c := client(t, p, two)
		for range 4 {
			pass(limit - time.Second)
			resp, err := c.Post("http://x/", "text/plain", strings.NewReader("content"))
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(resp.Body); string(got) != "content" || err != nil {
				t.Errorf("got %q, error %v", got, err)
			}
			resp.Body.Close()
		}
	})
}

// TestAnswersFromFile: a file is copied by the system, anything else by Write.
func TestAnswersFromFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, make([]byte, 3*chunk/2), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, isFile := range []bool{true, false} {
		var copies int
		h := Answers(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			f, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var src io.Reader = f
			if !isFile {
				src = struct{ io.Reader }{f}
			}
			n, err := w.(io.ReaderFrom).ReadFrom(src)
			if n != 3*chunk/2 || err != nil {
				t.Errorf("copied %d bytes, error %v", n, err)
			}
		}), limit)
		h.ServeHTTP(&counting{ResponseRecorder: httptest.NewRecorder(), copies: &copies}, httptest.NewRequest("GET", "/", nil))
		if got := copies > 0; got != isFile {
			t.Errorf("file: %v, but copied by the system: %v", isFile, got)
		}
	}
}

// counting counts the calls of ReadFrom.
type counting struct {
	*httptest.ResponseRecorder
	copies *int
}

func (c *counting) ReadFrom(src io.Reader) (int64, error) {
	*c.copies++
	return io.Copy(c.ResponseRecorder, src)
}
