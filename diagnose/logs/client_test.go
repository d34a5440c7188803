package logs

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// TestClientOf: who a request is from, by its peer and X-Forwarded-For.
func TestClientOf(t *testing.T) {
	for _, c := range []struct{ peer, forwarded, want string }{
		{"203.0.113.7", "-", "203.0.113.7"},
		{"172.18.0.3", "198.51.100.4", "198.51.100.4"},
		{"10.0.0.1", "198.51.100.4:51234", "198.51.100.4"},
		{"::1", "[2001:db8::7]:443", "2001:db8::7"},
		{"127.0.0.1", "2001:db8::7", "2001:db8::7"},
		{"::ffff:10.0.0.1", "198.51.100.4", "198.51.100.4"},
		{"unix:", "198.51.100.4", "198.51.100.4"},

		// Each proxy appends its peer; what comes before may be made up.
		{"10.0.0.1", "192.0.2.66, 198.51.100.4", "198.51.100.4"},
		{"10.0.0.1", "198.51.100.4, 10.0.0.9", "198.51.100.4"},
		{"10.0.0.1", "10.1.0.7, 10.0.0.9", "10.1.0.7"},
		{"10.0.0.1", "unknown, 198.51.100.4", "198.51.100.4"},
		{"10.0.0.1", "unknown", "10.0.0.1"},

		// A peer of another network is no proxy of ours: it may say what it likes.
		{"203.0.113.7", "198.51.100.4", "203.0.113.7"},
	} {
		if got := clientIn(t, c.peer, c.forwarded); got != c.want {
			t.Errorf("peer %s, X-Forwarded-For %s: got %s, want %s", c.peer, c.forwarded, got, c.want)
		}
	}
}

// clientIn reads a line with the two addresses.
func clientIn(t *testing.T, peer, forwarded string) (client string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "a.log")
	line := peer + ` - - [03/Nov/2026:09:15:40 +0000] "GET /a HTTP/1.1" 200 5 "-" "agent" "` + forwarded + `"` + "\n"
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := accesslog.ParseFormat(`nginx:$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent" "$http_x_forwarded_for"`)
	if err != nil {
		t.Fatal(err)
	}
	r, err := accesslog.Open([]string{path}, accesslog.Options{Format: f})
	if err != nil {
		t.Fatal(err)
	}
	for e := range r.Entries(context.Background()) {
		client = strings.Clone(clientOf(e))
	}
	return client
}

// TestTwoBehindOneProxy: a 412 to one client is no retry of what another one behind the same proxy wrote.
func TestTwoBehindOneProxy(t *testing.T) {
	const log = `172.18.0.3 - - [03/Nov/2026:09:15:40 +0000] "PUT /a HTTP/1.1" 204 0 "-" "agent" "198.51.100.4"
172.18.0.3 - - [03/Nov/2026:09:15:43 +0000] "PUT /a HTTP/1.1" 412 381 "-" "agent" "CLIENT"
`
	for client, want := range map[string]bool{"198.51.100.4": true, "203.0.113.77": false} {
		path := filepath.Join(t.TempDir(), "a.log")
		if err := os.WriteFile(path, []byte(strings.ReplaceAll(log, "CLIENT", client)), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := Analyse(context.Background(), []string{path}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		retry := slices.ContainsFunc(r.Causes, func(c Cause) bool { return c.Rule.ID == "retry-after-lost-response" })
		if retry != want {
			t.Errorf("client %s: retry-after-lost-response %t, want %t", client, retry, want)
		}
		if names := r.Refused.Clients; len(names) != 1 || names[0].Name != client {
			t.Errorf("the refused clients are %v, want %s", names, client)
		}
	}
}
