package command_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine/pgtest"
)

// node is a fourtwelve serve on an engine, in a process of its own.
type node struct {
	cmd *exec.Cmd
	url string
	// said is what it wrote at the start.
	said string
}

// startNode starts a server, and waits until it says where it is.
func startNode(t *testing.T, args ...string) *node {
	t.Helper()
	n := &node{cmd: exec.Command("fourtwelve", append([]string{"serve", "--listen=127.0.0.1:0"}, args...)...)}
	n.cmd.Env = append(os.Environ(), "GORACE="+raceOptions)
	pipe, err := n.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.kill)
	var said bytes.Buffer
	for buffer := make([]byte, 4096); ; {
		m, err := pipe.Read(buffer)
		said.Write(buffer[:m])
		if found := regexp.MustCompile(` at (http://[^ ]+)/ .*\n(?s:.*)  curl`).FindSubmatch(said.Bytes()); found != nil {
			n.url, n.said = string(found[1]), said.String()
			break
		}
		if err != nil {
			t.Fatalf("the server has ended:\n%s", &said)
		}
	}
	go io.Copy(io.Discard, pipe)
	return n
}

func (n *node) kill() {
	n.cmd.Process.Kill()
	n.cmd.Wait()
}

// get reads a number, with its tag.
func (n *node) get(name string) (value int, tag string, err error) {
	r, err := http.Get(n.url + "/" + name)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != http.StatusOK {
		return 0, "", fmt.Errorf("GET: status %d, error %v", r.StatusCode, err)
	}
	value, err = strconv.Atoi(string(text))
	return value, r.Header.Get("ETag"), err
}

// put writes a number if the tag is current, or nothing is there if it is empty, and returns the status.
func (n *node) put(name string, value int, tag string) (int, error) {
	q, _ := http.NewRequest(http.MethodPut, n.url+"/"+name, strings.NewReader(strconv.Itoa(value)))
	q.Header.Set("If-Match", tag)
	if tag == "" {
		q.Header.Del("If-Match")
		q.Header.Set("If-None-Match", "*")
	}
	r, err := http.DefaultClient.Do(q)
	if err != nil {
		return 0, err
	}
	defer r.Body.Close()
	io.Copy(io.Discard, r.Body)
	return r.StatusCode, nil
}

// TestThreeServersOnOneDatabase: of writers who saw the same tag through three servers one wins, each time;
// while a server is killed, and PostgreSQL is, no increment that was acknowledged is lost.
func TestThreeServersOnOneDatabase(t *testing.T) {
	pg := pgtest.Start(t)
	url := pg.Database(t)
	nodes := []*node{startNode(t, url), startNode(t, url), startNode(t, url)}
	for i := range 20 {
		raceOnce(t, nodes, fmt.Sprintf("race/%d", i), "")
	}
	for range 20 {
		_, tag, err := nodes[0].get("race/0")
		if err != nil {
			t.Fatal(err)
		}
		raceOnce(t, nodes, "race/0", tag)
	}
	countUnderFire(t, nodes, func() {
		pg.Kill(t)
		pg.Start(t)
	})
}

func raceOnce(t *testing.T, nodes []*node, name, tag string) {
	t.Helper()
	var won, refused atomic.Int64
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range 12 {
		wg.Go(func() {
			<-start
			switch status, err := nodes[i%len(nodes)].put(name, i, tag); {
			case err != nil:
				t.Error(err)
			case status == http.StatusCreated || status == http.StatusNoContent || status == http.StatusOK:
				won.Add(1)
			case status == http.StatusPreconditionFailed:
				refused.Add(1)
			default:
				t.Errorf("PUT: status %d", status)
			}
		})
	}
	close(start)
	wg.Wait()
	if won.Load() != 1 || refused.Load() != 11 {
		t.Fatalf("%s: %d won and %d were refused, want one and all others", name, won.Load(), refused.Load())
	}
}

// countUnderFire has clients count up one number through all servers, while the engine is disturbed and a server killed.
func countUnderFire(t *testing.T, nodes []*node, disturb func()) {
	if status, err := nodes[0].put("n", 0, ""); err != nil || status != http.StatusCreated {
		t.Fatalf("PUT: status %d, error %v", status, err)
	}
	var acknowledged, unknown atomic.Int64
	var stop atomic.Bool
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for !stop.Load() {
				value, tag, err := nodes[i%len(nodes)].get("n")
				if err != nil {
					time.Sleep(5 * time.Millisecond)
					continue
				}
				switch status, err := nodes[i%len(nodes)].put("n", value+1, tag); {
				case err != nil:
					unknown.Add(1) // the connection broke
				case status == http.StatusNoContent || status == http.StatusOK:
					acknowledged.Add(1)
				case status >= 500 && status != http.StatusServiceUnavailable:
					unknown.Add(1)
				}
			}
		})
	}
	wait := func() {
		for before := acknowledged.Load(); acknowledged.Load() < before+30; {
			time.Sleep(time.Millisecond)
		}
	}
	wait()
	disturb()
	wait()
	nodes[2].kill()
	wait()
	stop.Store(true)
	wg.Wait()
	value, _, err := nodes[0].get("n")
	for i := 0; err != nil && i < 100; i++ { // the pool may hold connections of the server that was killed
		time.Sleep(50 * time.Millisecond)
		value, _, err = nodes[0].get("n")
	}
	least, most := acknowledged.Load(), acknowledged.Load()+unknown.Load()
	if err != nil || int64(value) < least || int64(value) > most {
		t.Errorf("the number is %d, error %v; %d increments were acknowledged, and %d are unknown", value, err, least, unknown.Load())
	}
	t.Logf("%d acknowledged, %d unknown, and the number is %d", least, unknown.Load(), value)
}

// TestServeURL: what serve says of a URL, and of one that does not fit, in one line.
func TestServeURL(t *testing.T) {
	pg := pgtest.Start(t)
	url := pg.Database(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"postgres://test@127.0.0.1:1/x"}, "fourtwelve: cannot reach PostgreSQL at 127.0.0.1:1: connection refused: check host and port, and that it is running\n"},
		{[]string{"mysql://x/y"}, `there is no engine "mysql": write the path of a directory, or a URL that begins with postgres://, postgresql://, s3://`},
		{[]string{"--sync=none", url}, "--sync is for directories"},
		{[]string{"--read-staleness=1s", "."}, "--read-staleness is for what is served by its URL"},
		{[]string{"--read-only", url}, "there is no store in this database, and --read-only makes none"},
	} {
		out, err := exec.Command("fourtwelve", append([]string{"serve", "--listen=127.0.0.1:0"}, c.args...)...).CombinedOutput()
		if _, failed := errors.AsType[*exec.ExitError](err); !failed || !strings.Contains(string(out), c.want) {
			t.Errorf("serve %q: error %v\n%swant %q", c.args, err, out, c.want)
		}
	}
	n := startNode(t, url+"&password=topsecret")
	if strings.Contains(n.said, "topsecret") || !strings.HasPrefix(n.said, "Serving postgres://test@127.0.0.1:") {
		t.Errorf("it says\n%s", n.said)
	}
	if status, err := n.put("a/b", 1, ""); err != nil || status != http.StatusCreated {
		t.Fatalf("PUT: status %d, error %v", status, err)
	}
	_, tag, err := n.get("a/b")
	if err != nil || !regexp.MustCompile(`^"1\.`).MatchString(tag) {
		t.Errorf("the tag is %s, error %v; want one of the revision", tag, err)
	}
	reader := startNode(t, "--read-only", "--read-staleness=1h", url)
	if status, err := reader.put("a/b", 2, tag); err != nil || status < 400 {
		t.Errorf("PUT to a read-only server: status %d, error %v", status, err)
	}
	if value, _, err := reader.get("a/b"); err != nil || value != 1 {
		t.Errorf("a read-only server says %d, error %v", value, err)
	}
	pg.Kill(t)
	r, err := http.Get(n.url + "/a/b")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusServiceUnavailable || r.Header.Get("Retry-After") == "" {
		t.Errorf("without PostgreSQL GET has status %d, Retry-After %q; want 503 and when", r.StatusCode, r.Header.Get("Retry-After"))
	}
}
