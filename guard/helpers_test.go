package guard_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/observe"
)

// observed sends every record to records.
func observed(records chan<- observe.Record) func(*guard.Options) {
	return func(o *guard.Options) {
		o.Observe = func(_ *http.Request, rec *observe.Record) { records <- *rec }
	}
}

// changed changes the one route.
func changed(f func(*guard.Route)) func(*guard.Options) {
	return func(o *guard.Options) { f(&o.Routes[0]) }
}

// connection is a TCP connection to a guard.
type connection struct {
	net.Conn
	reader *bufio.Reader
}

func (g *guarded) dial() *connection {
	g.t.Helper()
	c, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(func() { c.Close() })
	return &connection{c, bufio.NewReader(c)}
}

// read reads the response to a request with this method.
func (c *connection) read(method string) (response, error) {
	res, err := http.ReadResponse(c.reader, &http.Request{Method: method})
	if err != nil {
		return response{}, err
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return response{res.StatusCode, res.Header, string(data), nil}, err
}

// rawPut is a PUT as it is sent.
func rawPut(path, field, content string) string {
	return fmt.Sprintf("PUT %s HTTP/1.1\r\nHost: test\r\n%s\r\nContent-Length: %d\r\n\r\n%s", path, field, len(content), content)
}

// mustRead is read, and fails the test.
func (c *connection) mustRead(t testing.TB, method string) response {
	t.Helper()
	r, err := c.read(method)
	if err != nil {
		t.Fatal(err)
	}
	return r
}
