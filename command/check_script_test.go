package command_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// A faulty is a server that does one thing wrong for each path.
type faulty struct {
	hanging chan struct{} // closed when a request hangs
	once    sync.Once
}

// scriptFaulty starts servers for a script, each on a free port, until the script ends. It sets
// $FAULTY to the URL of a faulty, $FAULTY_HOST to its address, $FAULTY_AS_ANN to the URL with
// credentials, $SILENT to the URL of a port that takes a connection and closes it, $OTHER to that
// of a server that speaks another protocol, and $NOBODY to that of a port where nothing listens.
func scriptFaulty(ts *testscript.TestScript, _ bool, _ []string) {
	f := &faulty{hanging: make(chan struct{})}
	server := httptest.NewServer(f)
	ts.Defer(func() {
		server.CloseClientConnections()
		server.Close()
	})
	host := strings.TrimPrefix(server.URL, "http://")
	ts.Setenv("FAULTY", server.URL)
	ts.Setenv("FAULTY_HOST", host)
	ts.Setenv("FAULTY_AS_ANN", "http://ann:correct%20horse@"+host)
	ts.Setenv("SILENT", listenRaw(ts, ""))
	ts.Setenv("OTHER", listenRaw(ts, "SSH-2.0-other\r\n"))
	nobody, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv("NOBODY", "http://"+nobody.Addr().String())
	nobody.Close()
	faulties.Store(ts.Getenv("WORK"), f)
}

var faulties sync.Map // by $WORK

// scriptFaultyAwait waits until a request hangs.
func scriptFaultyAwait(ts *testscript.TestScript, _ bool, _ []string) {
	f, ok := faulties.Load(ts.Getenv("WORK"))
	if !ok {
		ts.Fatalf("start a faulty first")
	}
	<-f.(*faulty).hanging
}

// scriptExits runs a command that must end with a code: exits CODE COMMAND [ARGUMENT]…
func scriptExits(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND [ARGUMENT]...")
	}
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("got the exit code %d, want %s", got, args[0])
	}
}

// listenRaw answers every connection with text, and closes it.
func listenRaw(ts *testscript.TestScript, text string) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Defer(func() { ln.Close() })
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, text)
				if text != "" {
					io.Copy(io.Discard, io.LimitReader(conn, 1)) // lest a reset overtakes the text
				}
			}()
		}
	}()
	return "http://" + ln.Addr().String()
}

func (f *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Server", "nginx/1.26.2")
	conditional := r.Header.Get("If-None-Match") != ""
	switch r.URL.Path {
	case "/deaf": // to every condition
		w.Header().Set("ETag", `"deaf"`)
		w.Header().Set("Last-Modified", "Mon, 02 Nov 2026 09:30:00 GMT")
		io.WriteString(w, "content")
	case "/plain": // without validators
		io.WriteString(w, "content")
	case "/right":
		w.Header().Set("ETag", `"right"`)
		http.ServeContent(w, r, "", time.Time{}, strings.NewReader("content"))
	case "/redirect":
		http.Redirect(w, r, "/deaf", http.StatusFound)
	case "/loop":
		http.Redirect(w, r, "/loop", http.StatusFound)
	case "/nowhere":
		w.Header().Set("Location", "mailto:ann@example.org")
		w.WriteHeader(http.StatusFound)
	case "/private":
		name, password, _ := r.BasicAuth()
		if name+":"+password != "ann:correct horse" && r.Header.Get("Authorization") != "Bearer t0ken" && r.Header.Get("X-Pass-Token") != "open" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		w.Header().Set("ETag", `"deaf"`)
		fmt.Fprintf(w, "content")
	case "/busy":
		w.Header().Set("ETag", `"busy"`)
		if conditional {
			w.Header().Set("Retry-After", "120")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	case "/cut":
		w.Header().Set("ETag", `"cut"`)
		if conditional {
			panic(http.ErrAbortHandler)
		}
	case "/hang":
		w.Header().Set("ETag", `"hang"`)
		if conditional {
			f.once.Do(func() { close(f.hanging) })
			<-r.Context().Done()
		}
	case "/never":
		<-r.Context().Done()
	case "/endless":
		w.Header().Set("ETag", `"endless"`)
		for {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	case "/hostile":
		w.Header().Set("Server", "<script>alert(1)</script>\u009b31m")
		w.Header().Set("ETag", "\"\u009b31m</script>\"")
		io.WriteString(w, "content")
	default:
		http.NotFound(w, r)
	}
}
