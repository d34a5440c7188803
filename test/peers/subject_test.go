package peers

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/store/storetest"
)

// A subject is a server whose behavior is put to the test, with the directory that it
// serves in the end.
type subject struct {
	server
	t      testing.TB
	dir    string
	client *http.Client
}

func newSubject(t testing.TB, s server, dir string) *subject {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: writers}
	t.Cleanup(transport.CloseIdleConnections)
	return &subject{server: s, t: t, dir: dir, client: &http.Client{Transport: transport}}
}

var names atomic.Int64

// newName returns a name that is not in use.
func (s *subject) newName() string { return fmt.Sprintf("%d.txt", names.Add(1)) }

// behind is the server without a guard.
func (s *subject) behind(t testing.TB) *subject {
	return newSubject(t, server{name: s.process.name, base: "http://" + s.process.addr}, s.dir)
}

// newFile publishes content under a name that is not in use.
func (s *subject) newFile(content string) (name string) {
	s.t.Helper()
	name = s.newName()
	publish(s.t, s.dir, name, content)
	return name
}

// stored returns what the directory has, or "".
func (s *subject) stored(name string) string {
	data, err := os.ReadFile(filepath.Join(s.dir, name))
	if err != nil && !os.IsNotExist(err) {
		s.t.Error(err)
	}
	return string(data)
}

// reply is a response with its content.
type reply struct {
	status int
	http.Header
	body string
}

func (r reply) tag() string { return r.Get("Etag") }

// done reports whether a write was performed.
func (r reply) done() bool { return r.status/100 == 2 }

// untagged says what is wrong with the entity tag for someone who wants to save by
// it, or "".
func (r reply) untagged() string {
	switch t, err := etag.Parse(r.tag()); {
	case r.tag() == "":
		return "no entity tag"
	case err != nil:
		return "a malformed entity tag"
	case t.IsWeak():
		return "a weak entity tag"
	}
	return ""
}

// do sends a request; fields are lines such as "If-Match: *".
func (s *subject) do(method, name, content string, fields ...string) reply {
	r, err := s.try(method, name, content, fields...)
	if err != nil {
		s.t.Errorf("%s %s of %s: %v", method, name, s.name, err)
	}
	return r
}

func (s *subject) try(method, name, content string, fields ...string) (reply, error) {
	var body io.Reader
	if content != "" {
		body = strings.NewReader(content)
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.base+"/"+name, body)
	if err != nil {
		return reply{}, err
	}
	for _, line := range fields {
		field, value, _ := strings.Cut(line, ": ")
		req.Header.Add(field, value)
	}
	res, err := s.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	return readReply(res)
}

func readReply(res *http.Response) (reply, error) {
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(data)}, err
}

// contentOf is content that stands for value, is worth compressing, and is as long for
// every value of the same length.
func contentOf(value string) string {
	return storetest.Expand(value, 400) + strings.Repeat("a line that repeats itself\n", 20)
}

// valueOf returns what content stands for, if it is as contentOf made it.
func valueOf(content string) (value string, ok bool) {
	value, _, _ = strings.Cut(content, "\n")
	return value, content == contentOf(value)
}

// wire is a connection on which a test decides when each byte is sent.
type wire struct {
	net.Conn
	reader *bufio.Reader
}

func (s *subject) dial() (*wire, error) {
	c, err := net.Dial("tcp", strings.TrimPrefix(s.base, "http://"))
	if err != nil {
		return nil, err
	}
	return &wire{c, bufio.NewReader(c)}, nil
}

// begin sends the header section of a PUT.
func (w *wire) begin(name string, fields ...string) error {
	_, err := fmt.Fprintf(w, "PUT /%s HTTP/1.1\r\nHost: %s\r\n%s\r\n\r\n", name, w.RemoteAddr(), strings.Join(fields, "\r\n"))
	return err
}

// send sends bytes of content.
func (w *wire) send(content string) error {
	_, err := io.WriteString(w, content)
	return err
}

// receive reads the next response to a PUT, which may be a 100.
func (w *wire) receive() (reply, error) {
	res, err := http.ReadResponse(w.reader, &http.Request{Method: http.MethodPut})
	if err != nil {
		return reply{}, err
	}
	return readReply(res)
}

// writers is how many write at the same time.
const writers = 32

// A race has writers PUT these contents to one name, all with the same field, and returns
// the status codes.
type race func(s *subject, name, field string, contents []string) []int

// raceWhole sends whole requests at the same time.
func raceWhole(s *subject, name, field string, contents []string) []int {
	statuses := make([]int, len(contents))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i, content := range contents {
		wg.Go(func() {
			<-start
			statuses[i] = s.do("PUT", name, content, field).status
		})
	}
	close(start)
	wg.Wait()
	return statuses
}

// raceLastByte has every writer wait until its content is welcome and all others are
// as far; then all send but the last byte, and when all have, the last. Who evaluates the
// precondition before the content has come finds it true for all of them.
func raceLastByte(s *subject, name, field string, contents []string) []int {
	statuses := make([]int, len(contents))
	var welcome, almost, ended sync.WaitGroup
	welcome.Add(len(contents))
	almost.Add(len(contents))
	for i, content := range contents {
		ended.Go(func() {
			w, err := s.expect(name, field, len(content), &statuses[i])
			welcome.Done()
			welcome.Wait()
			if err == nil && w != nil {
				err = w.send(content[:len(content)-1])
			}
			almost.Done()
			almost.Wait()
			if err == nil && w != nil {
				statuses[i], err = w.finish(content)
			}
			if err != nil {
				s.t.Errorf("PUT %s of %s: %v", name, s.name, err)
			}
		})
	}
	ended.Wait()
	return statuses
}

// expect begins a PUT and waits for 100 (Continue). Without it there is no wire, but a
// final status.
func (s *subject) expect(name, field string, length int, status *int) (*wire, error) {
	w, err := s.dial()
	if err != nil {
		return nil, err
	}
	s.t.Cleanup(func() { w.Close() })
	if err := w.begin(name, field, "Expect: 100-continue", fmt.Sprintf("Content-Length: %d", length)); err != nil {
		return nil, err
	}
	r, err := w.receive()
	if err != nil {
		return nil, err
	}
	if *status = r.status; r.status == http.StatusContinue {
		return w, nil
	}
	return nil, nil
}

// finish sends the last byte of content and returns the status.
func (w *wire) finish(content string) (int, error) {
	defer w.Close()
	if err := w.send(content[len(content)-1:]); err != nil {
		return 0, err
	}
	r, err := w.receive()
	return r.status, err
}
