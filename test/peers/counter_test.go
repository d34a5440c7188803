package peers

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/guard"
)

// load is how many clients count, and how far together. .ci/counter sets FOURTWELVE_COUNT to "32x1000".
func load(t *testing.T, clients, total int) (int, int) {
	t.Helper()
	text := os.Getenv("FOURTWELVE_COUNT")
	if text == "" {
		return clients, total
	}
	c, n, ok := strings.Cut(text, "x")
	clients, err1 := strconv.Atoi(c)
	total, err2 := strconv.Atoi(n)
	if !ok || err1 != nil || err2 != nil {
		t.Fatalf("FOURTWELVE_COUNT is %q, and should be as 32x1000", text)
	}
	return clients, total
}

// tally is what is counted: the sum, and how much of it each client has added, so that each can
// tell whether its own change is in it.
type tally struct {
	Sum int
	By  map[string]int
}

// counting is one race of clients that count up one resource.
type counting struct {
	url            string
	clients, total int
	transport      func() http.RoundTripper
	change         func(*client.Client)
	recognise      bool // tell from the content whether a change was made
}

// counted is how often clients were told that they did, that they did not, and that it is not known.
type counted struct{ known, unknown, refused int }

// run counts, and returns what clients were told and what the sum is then.
func (c counting) run(t *testing.T) (counted, int) {
	t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	var told counted
	for i := range c.clients {
		name := "client " + strconv.Itoa(i)
		times := c.total / c.clients
		if i < c.total%c.clients {
			times++
		}
		wg.Go(func() {
			for range times {
				err := c.countUp(t, name)
				mu.Lock()
				switch {
				case err == nil:
					told.known++
				case errors.Is(err, client.ErrOutcomeUnknown):
					if told.unknown++; told.unknown < 4 {
						t.Log(err)
					}
				default:
					if told.refused++; told.refused < 4 {
						t.Log(err)
					}
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	r, err := c.client("a reader").Get(t.Context(), c.url)
	if errors.Is(err, client.ErrNotFound) {
		return told, 0
	}
	if err != nil {
		t.Fatal(err)
	}
	var sum tally
	if err := json.Unmarshal(r.Content, &sum); err != nil {
		t.Fatalf("%v: %q", err, r.Content)
	}
	return told, sum.Sum
}

func (c counting) client(name string) *client.Client {
	k := &client.Client{}
	if c.transport != nil {
		k.Transport = c.transport()
	}
	if c.change != nil {
		c.change(k)
	}
	if c.recognise {
		k.Recognise = func(now client.Representation, mine client.Content) client.Outcome {
			var is, would tally
			if json.Unmarshal(mine.Bytes, &would) != nil || now.Exists && json.Unmarshal(now.Content, &is) != nil {
				return client.Unknown
			}
			if is.By[name] >= would.By[name] {
				return client.Made
			}
			return client.NotMade
		}
	}
	return k
}

func (c counting) countUp(t *testing.T, name string) error {
	_, err := c.client(name).Update(t.Context(), c.url, func(old client.Representation) (client.Content, error) {
		n := tally{By: map[string]int{}}
		if old.Exists {
			if err := json.Unmarshal(old.Content, &n); err != nil {
				return client.Content{}, err
			}
		}
		n.Sum++
		n.By[name]++
		b, err := json.Marshal(n)
		return client.JSON(b), err
	})
	return err
}

// startCutting is a proxy of connections, every third of which breaks off: after some bytes to the
// server, or after some bytes from it.
func startCutting(t *testing.T, base string) string {
	t.Helper()
	u, err := url.Parse(base)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			from, err := l.Accept()
			if err != nil {
				return
			}
			go cut(from, u.Host)
		}
	}()
	return "http://" + l.Addr().String()
}

func cut(from net.Conn, host string) {
	defer from.Close()
	to, err := net.Dial("tcp", host)
	if err != nil {
		return
	}
	defer to.Close()
	out, back := int64(1<<40), int64(1<<40)
	switch rand.IntN(6) {
	case 0:
		out = rand.Int64N(3000)
	case 1:
		back = rand.Int64N(3000)
	}
	done := make(chan struct{}, 2)
	transfer := func(w io.Writer, r io.Reader, n int64) {
		io.CopyN(w, r, n) //nolint:errcheck // it is meant to break off
		done <- struct{}{}
	}
	go transfer(to, from, out)
	go transfer(from, to, back)
	<-done
}

// TestCounter: clients count up one number. The sum is how often they were told that they did;
// where answers are lost, it is between that and as much more as they were told is not known.
func TestCounter(t *testing.T) {
	before := func(start func(testing.TB, string) server, change ...func(*guard.Options)) func(*testing.T) string {
		return func(t *testing.T) string { return startGuard(t, start(t, writableDir(t)), change...).base }
	}
	for _, s := range []struct {
		name           string
		start          func(t *testing.T) string
		clients, total int
		keys           bool // it keeps answers by their keys
	}{
		{"serve", func(t *testing.T) string { return startServe(t, writableDir(t)).base }, 8, 40, true},
		{"guard before nginx", before(startNginxDAV), 4, 20, true},
		{"guard before an application without tags", before(startPython), 4, 16, true},
		{"guard before Apache", before(startApacheDAV), 4, 16, true},
		{"Apache", func(t *testing.T) string { return startApacheDAV(t, writableDir(t)).base }, 1, 2, false},
	} {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			base := s.start(t)
			clients, total := load(t, s.clients, s.total)
			if s.name == "Apache" {
				// It checks before the content has come, and does not look again: of two writers at
				// once both are told that they did. No client can be exact there. And its tags are
				// weak for a second, which takes as long.
				clients, total = 1, 2
			}
			c := counting{url: base + "/n.json", clients: clients, total: total}
			if told, sum := c.run(t); told != (counted{known: total}) || sum != total {
				t.Errorf("%d clients count up to %d: %d, and were told %+v", clients, total, sum, told)
			}
			c.url, c.transport = startCutting(t, base)+"/cut.json", func() http.RoundTripper {
				return &http.Transport{DisableKeepAlives: true} // so that each request can be cut
			}
			told, sum := c.run(t)
			t.Logf("with lost answers: %d of %d, told %+v", sum, total, told)
			if told.refused > 0 || sum < told.known || sum > told.known+told.unknown || s.keys && told.unknown > 0 {
				t.Errorf("with lost answers the sum is %d, and they were told %+v", sum, told)
			}
			c.url, c.recognise = strings.Replace(c.url, "cut", "recognised", 1), true
			if told, sum := c.run(t); told != (counted{known: total}) || sum != total {
				t.Errorf("with lost answers and recognition: %d, told %+v, want %d", sum, told, total)
			}
		})
	}
}

// A server that ignores conditions is found out, before it does harm.
func TestCounterOnServersThatIgnoreConditions(t *testing.T) {
	for name, start := range map[string]func(testing.TB, string) server{
		"x/net/webdav": startNetWebDAV, "nginx": startNginxDAV, "an application": startPython,
	} {
		t.Run(name, func(t *testing.T) {
			dir := writableDir(t)
			c := counting{url: start(t, dir).base + "/n.json", clients: 4, total: 8}
			told, sum := c.run(t)
			if told != (counted{refused: 8}) || sum != 0 {
				t.Errorf("the sum is %d, told %+v", sum, told)
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("left over: %v, %v", left, err)
			}
		})
	}
}

// TestCounterOnS3: versitygw, an S3 server. .ci/counter builds it.
func TestCounterOnS3(t *testing.T) {
	program := os.Getenv("FOURTWELVE_VERSITYGW")
	if program == "" {
		t.Skip("FOURTWELVE_VERSITYGW does not name the program: see .ci/counter")
	}
	addr := freeAddress(t)
	dir := writableDir(t)
	if err := os.Mkdir(dir+"/bucket", 0o777); err != nil {
		t.Fatal(err)
	}
	s := run(t, "versitygw", addr, program, "--access", s3Key, "--secret", s3Secret, "--port", addr, "posix", dir)
	clients, total := load(t, 8, 80)
	sign := func(c *client.Client) { c.Authorize = signS3 }
	c := counting{url: s.base + "/bucket/n.json", clients: clients, total: total, change: sign}
	if told, sum := c.run(t); told != (counted{known: total}) || sum != total {
		t.Errorf("%d clients count up to %d: %d, and were told %+v", clients, total, sum, told)
	}
	c.recognise = true
	proxy := startCutting(t, s.base)
	c.change = func(c *client.Client) {
		c.Transport = &http.Transport{DisableKeepAlives: true}
		c.Authorize = func(r *http.Request) error { r.Host = addr; return signS3(r) }
	}
	c.url = proxy + "/bucket/cut.json"
	if told, sum := c.run(t); told != (counted{known: total}) || sum != total {
		t.Errorf("with lost answers: %d, told %+v, want %d", sum, told, total)
	}
}

const s3Key, s3Secret = "adm", "adm12345"

// signS3 signs a request by version 4 of Amazon's scheme, with the content unsigned.
func signS3(r *http.Request) error {
	now := time.Now().UTC()
	day, date := now.Format("20060102"), now.Format("20060102T150405Z")
	r.Header.Set("X-Amz-Date", date)
	r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
	names := "host;x-amz-content-sha256;x-amz-date"
	canonical := strings.Join([]string{
		r.Method, r.URL.EscapedPath(), r.URL.RawQuery,
		"host:" + r.Host, "x-amz-content-sha256:UNSIGNED-PAYLOAD", "x-amz-date:" + date, "", names, "UNSIGNED-PAYLOAD",
	}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	scope := day + "/us-east-1/s3/aws4_request"
	key := []byte("AWS4" + s3Secret)
	text := "AWS4-HMAC-SHA256\n" + date + "\n" + scope + "\n" + hex.EncodeToString(sum[:])
	for _, part := range []string{day, "us-east-1", "s3", "aws4_request", text} {
		h := hmac.New(sha256.New, key)
		h.Write([]byte(part))
		key = h.Sum(nil)
	}
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%x", s3Key, scope, names, key))
	return nil
}
