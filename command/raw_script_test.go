package command_test

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptRaw sends requests as they stand in a file, each on a connection of its own and with one after it, and
// compares the statuses of the answers.
//
//	raw URL FILE [CERTIFICATE]
//
// A line "-> STATUS…" ends each. The last status is that of the request after it, unless the connection is closed before that.
func scriptRaw(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: raw URL FILE [CERTIFICATE]")
	}
	var sent strings.Builder
	for line := range strings.Lines(ts.ReadFile(args[1])) {
		line = strings.TrimSuffix(line, "\n")
		want, ends := strings.CutPrefix(line, "-> ")
		if !ends {
			sent.WriteString(line + "\r\n")
			continue
		}
		conn := dialRaw(ts, args[0], args[2:])
		if got := statusesOf(ts, conn, sent.String()); got != want {
			ts.Fatalf("got %s, want %s after\n%s", got, want, sent.String())
		}
		conn.Close()
		sent.Reset()
	}
}

// dialRaw connects to the server of the URL, which may have the certificate.
func dialRaw(ts *testscript.TestScript, target string, certificate []string) net.Conn {
	u, err := url.Parse(target)
	ts.Check(err)
	var conn net.Conn
	if u.Scheme == "https" {
		tr, err := newTransport(ts.MkAbs(certificate[0]))
		ts.Check(err)
		conn, err = tls.Dial("tcp", u.Host, tr.TLSClientConfig)
		ts.Check(err)
	} else {
		conn, err = net.Dial("tcp", u.Host)
		ts.Check(err)
	}
	ts.Defer(func() { conn.Close() })
	ts.Check(conn.SetDeadline(time.Now().Add(time.Minute)))
	return conn
}

// statusesOf sends a request and another one, and returns the statuses of the answers until the connection is
// closed.
func statusesOf(ts *testscript.TestScript, conn net.Conn, request string) string {
	_, err := io.WriteString(conn, request+"GET /next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
	ts.Check(err)
	var statuses []string
	for r := bufio.NewReader(conn); ; {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return strings.Join(statuses, " ")
		}
		_, err = io.Copy(io.Discard, resp.Body)
		ts.Check(err)
		statuses = append(statuses, strconv.Itoa(resp.StatusCode))
	}
}
