package lane

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener whose clients are in the same program.
type pipes struct {
	made chan net.Conn
	over chan struct{}
	once sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.made:
		return c, nil
	case <-p.over:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	p.once.Do(func() { close(p.over) })
	return nil
}

func (*pipes) Addr() net.Addr { return &net.TCPAddr{} }

// dial returns a client's end of a new connection.
func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.made <- server
	return client
}

// running is a server with a lane.
type running struct {
	*pipes
	lane   *Listener
	server *http.Server
	log    bytes.Buffer
}

// run starts a server that is gone when the test is over.
func run(t *testing.T, o Options, handler http.HandlerFunc) *running {
	r := &running{pipes: &pipes{made: make(chan net.Conn), over: make(chan struct{})}}
	o.Handler, o.ErrorLog = handler, log.New(&r.log, "", 0)
	r.lane = Listen(r.pipes, o)
	r.server = &http.Server{Handler: handler, ReadHeaderTimeout: o.ReadHeaderTimeout, IdleTimeout: o.IdleTimeout, ErrorLog: o.ErrorLog}
	var over sync.WaitGroup
	over.Go(r.lane.Run)
	over.Go(func() { _ = r.server.Serve(r.lane) })
	t.Cleanup(func() {
		r.server.Close()
		r.lane.Cut()
		over.Wait()
	})
	return r
}

const plain = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"

// ask sends a request and returns the answer.
func ask(t *testing.T, c net.Conn, request string) *http.Response {
	t.Helper()
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReaderSize(c, 1<<16), nil)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(content))
	return resp
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }

// isClosed reports whether c is closed from the other side by now, after whatever was said.
func isClosed(c net.Conn) bool {
	closed := make(chan bool, 1)
	go func() {
		_, err := io.Copy(io.Discard, c)
		closed <- err == nil
	}()
	synctest.Wait()
	c.SetReadDeadline(time.Now())
	defer c.SetReadDeadline(time.Time{})
	return <-closed
}

// TestPatience: each wait of a client has the bound that it has in net/http.
func TestPatience(t *testing.T) {
	const header, idle = 10 * time.Second, time.Minute
	for name, c := range map[string]struct {
		says  []string // in turn, each answered but for the last one
		limit time.Duration
	}{
		"nothing ever":               {[]string{""}, header},
		"a part of a request":        {[]string{"GET / HT"}, header},
		"nothing more":               {[]string{plain, ""}, idle},
		"a part of the next request": {[]string{plain, "GET / HT"}, header},
		"too little for a request":   {[]string{plain, "GE"}, idle},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run(t, Options{ReadHeaderTimeout: header, IdleTimeout: idle}, ok)
				client := s.dial()
				defer client.Close()
				last := len(c.says) - 1
				for _, request := range c.says[:last] {
					ask(t, client, request)
				}
				io.WriteString(client, c.says[last])
				time.Sleep(c.limit - time.Second)
				if isClosed(client) {
					t.Errorf("closed within %v", c.limit-time.Second)
				}
				time.Sleep(2 * time.Second)
				if !isClosed(client) {
					t.Errorf("not closed after %v", c.limit+time.Second)
				}
			})
		})
	}
}

// TestClientThatTakesNothing is given up after WriteTimeout.
func TestClientThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var failed error
		s := run(t, Options{WriteTimeout: time.Minute}, func(w http.ResponseWriter, _ *http.Request) {
			_, failed = w.Write(make([]byte, 1<<20))
		})
		client := s.dial()
		defer client.Close()
		io.WriteString(client, plain)
		time.Sleep(time.Minute + time.Second)
		synctest.Wait()
		if e, ok := errors.AsType[net.Error](failed); !ok || !e.Timeout() {
			t.Errorf("the handler was told %v, want a timeout", failed)
		}
	})
}

// TestContextEnds with the client or the request, for those who ask.
func TestContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := make(chan error, 1)
		var kept context.Context
		s := run(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			kept = r.Context()
			if r.URL.Path == "/wait" {
				derived, cancel := context.WithCancel(r.Context())
				defer cancel()
				<-derived.Done()
				told <- r.Context().Err()
			}
		})
		client := s.dial()
		ask(t, client, plain)
		if kept.Err() != context.Canceled {
			t.Errorf("after the answer the context has error %v", kept.Err())
		}
		<-kept.Done()
		io.WriteString(client, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		select {
		case err := <-told:
			t.Fatalf("the context ended while the client waits: %v", err)
		default:
		}
		client.Close()
		if err := <-told; err != context.Canceled {
			t.Errorf("the client has gone, and the context has error %v", err)
		}
	})
}

// TestWhatComesMeanwhileIsNotLost: who looks for the client may find the next request.
func TestWhatComesMeanwhileIsNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		s := run(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				r.Context().Done()
				<-goOn
			}
			io.WriteString(w, r.URL.Path)
		})
		client := s.dial()
		defer client.Close()
		io.WriteString(client, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		go io.WriteString(client, "GET /next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
		synctest.Wait()
		close(goOn)
		all, err := io.ReadAll(client)
		if got := string(all); err != nil || !strings.Contains(got, "\r\n\r\n/wait") || !strings.HasSuffix(got, "\r\n\r\n/next") {
			t.Errorf("got %q, error %v", got, err)
		}
	})
}

// TestPanic ends the connection, without an answer, and is told unless the handler wants it so.
func TestPanic(t *testing.T) {
	for name, c := range map[string]struct {
		with   any
		logged bool
	}{
		"a mistake":  {"no such luck", true},
		"on purpose": {http.ErrAbortHandler, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := run(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
					io.WriteString(w, "begun")
					panic(c.with)
				})
				client := s.dial()
				io.WriteString(client, plain)
				if got, err := io.ReadAll(client); len(got) > 0 || err != nil {
					t.Errorf("got %q, error %v", got, err)
				}
				synctest.Wait()
				if logged := strings.Contains(s.log.String(), "http: panic serving pipe: no such luck\ngoroutine"); logged != c.logged {
					t.Errorf("the log has %q", s.log.String())
				}
			})
		})
	}
}

// TestDrain: the end waits for requests under way, and for nothing else.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		s := run(t, Options{}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/wait" {
				<-goOn
			}
			io.WriteString(w, "whole")
		})
		idle, asking, fresh := s.dial(), s.dial(), s.dial()
		defer fresh.Close()
		ask(t, idle, plain)
		io.WriteString(asking, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n")
		synctest.Wait()
		drained := make(chan error, 1)
		go func() { drained <- s.lane.Drain(context.Background()) }()
		time.Sleep(time.Second)
		if !isClosed(idle) || isClosed(fresh) {
			t.Error("after a second: want the idle connection closed, and the fresh one open")
		}
		if resp := ask(t, fresh, plain); !resp.Close {
			t.Error("the answer to a late request does not say that the connection ends")
		}
		close(goOn)
		resp, err := http.ReadResponse(bufio.NewReader(asking), nil)
		if err != nil {
			t.Fatal(err)
		}
		if content, err := io.ReadAll(resp.Body); string(content) != "whole" || err != nil || !resp.Close {
			t.Errorf("got %q, error %v, close %v", content, err, resp.Close)
		}
		if err := <-drained; err != nil {
			t.Error(err)
		}
	})
}

// TestDrainEnds when its time is over, and Cut ends what is left.
func TestDrainEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		goOn := make(chan struct{})
		s := run(t, Options{}, func(w http.ResponseWriter, _ *http.Request) { <-goOn })
		client := s.dial()
		io.WriteString(client, plain)
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := s.lane.Drain(ctx); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
		s.lane.Cut()
		if !isClosed(client) {
			t.Error("the connection is not closed")
		}
		close(goOn)
	})
}

// TestStates: each connection is told of as new once, and as closed by whoever has it then.
func TestStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var states []string
		s := run(t, Options{ConnState: func(_ net.Conn, state http.ConnState) {
			mu.Lock()
			defer mu.Unlock()
			states = append(states, state.String())
		}}, ok)
		client := s.dial()
		ask(t, client, plain)
		client.Close()
		synctest.Wait()
		client = s.dial()
		ask(t, client, "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
		client.Close()
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		if got := strings.Join(states, " "); got != "new closed new" {
			t.Errorf("told of %s", got)
		}
	})
}

// failing is a listener that runs out of file descriptors once.
type failing struct {
	*pipes
	failed bool
}

func (f *failing) Accept() (net.Conn, error) {
	if !f.failed {
		f.failed = true
		return nil, &net.OpError{Op: "accept", Err: temporary{}}
	}
	return f.pipes.Accept()
}

type temporary struct{}

func (temporary) Error() string   { return "too many open files" }
func (temporary) Timeout() bool   { return false }
func (temporary) Temporary() bool { return true }

// TestAcceptGoesOn after an error that passes.
func TestAcceptGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ln := &failing{pipes: &pipes{made: make(chan net.Conn), over: make(chan struct{})}}
		var told bytes.Buffer
		l := Listen(ln, Options{Handler: http.HandlerFunc(ok), ErrorLog: log.New(&told, "", 0)})
		go l.Run()
		client := ln.dial()
		ask(t, client, plain)
		client.Close()
		ln.Close()
		if _, err := l.Accept(); err != net.ErrClosed {
			t.Errorf("error %v", err)
		}
		synctest.Wait()
		if !strings.Contains(told.String(), "too many open files; retrying in 5ms") {
			t.Errorf("the log has %q", told.String())
		}
	})
}
