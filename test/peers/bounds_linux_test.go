package peers

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// boundsEnv has TestBounds measure nginx and Caddy in the same run, too; .ci/bounds sets it.
const boundsEnv = "FOURTWELVE_BOUNDS"

// A bomb is what is made to have a server hold as much as it can be brought to.
type bomb struct {
	name   string
	all    bool // other servers have something like it
	within int  // MiB of resident memory that serve may come to
	drop   func(t *testing.T, target bombed) (answers string)
}

// bombed is a server that is ready for a bomb.
type bombed struct{ base, addr string }

// memoryLimit is what the system lets serve have of memory that it writes to: past it the process ends.
const memoryLimit = 640 << 20

// TestBounds drops each bomb on a server that the system lets have no more than memoryLimit. It
// lives, others are answered meanwhile, and the largest size it came to is within what
// docs/limits.md says.
func TestBounds(t *testing.T) {
	const listed = 200_000
	dir, err := os.MkdirTemp("/dev/shm", "bounds")
	if err != nil {
		dir = t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Mkdir(filepath.Join(dir, "many"), 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range listed {
		writeFile(t, filepath.Join(dir, "many", fmt.Sprintf("file-%06d.txt", i)), "x")
	}
	writeFile(t, filepath.Join(dir, "small.txt"), "small")
	cert, key := selfSigned(t)
	program := filepath.Join(t.TempDir(), "fourtwelve")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../..").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	starts := map[string]func(*testing.T) (addr string, p *process){
		"serve": func(t *testing.T) (string, *process) { return bombedServe(t, program, dir, cert, key) },
	}
	if os.Getenv(boundsEnv) != "" {
		starts["nginx"] = func(t *testing.T) (string, *process) { return bombedNginx(t, dir, cert, key) }
		starts["Caddy"] = func(t *testing.T) (string, *process) { return bombedCaddy(t, dir, cert, key) }
	}
	t.Log("| attack | server | peak | processor | others, median | worst | answers |")
	for _, b := range bombs() {
		for _, name := range slices.Backward(slices.Sorted(maps.Keys(starts))) {
			if b.all || name == "serve" {
				addr, p := starts[name](t)
				b.measure(t, name, addr, p)
				p.kill()
			}
		}
	}
}

func bombs() []bomb {
	return []bomb{
		{"10 GET at once for a listing of 200,000 files", true, 320, func(t *testing.T, s bombed) string { return listAtOnce(t, s, "GET") }},
		{"10 HEAD at once for it", true, 320, func(t *testing.T, s bombed) string { return listAtOnce(t, s, "HEAD") }},
		{"12 PATCH at once of 40 bytes, on 8 MiB of `[[],[],…]`", false, 448, func(t *testing.T, s bombed) string {
			return patchAtOnce(t, s, "/bomb.json", `[{"op":"replace","path":"/0","value":1}]`)
		}},
		{"12 PATCH at once that copy the document into itself 40 times", false, 320, func(t *testing.T, s bombed) string {
			double := strings.Repeat(`{"op":"copy","from":"","path":"/twice"},`, 39)
			return patchAtOnce(t, s, "/copies.json", "["+double+`{"op":"copy","from":"","path":"/twice"}]`)
		}},
		{"40 connections, each with 40,000 requests taken back at once", true, 320, rapidResets},
	}
}

// measure drops b on a server, and says what came of it.
func (b bomb) measure(t *testing.T, name, addr string, p *process) {
	t.Helper()
	s := bombed{base: "https://" + addr, addr: addr}
	if name == "serve" {
		put(t, s.base+"/bomb.json", "["+strings.Repeat("[],", 8<<20/3-2)+"[]]")
		put(t, s.base+"/copies.json", `{"text":"`+strings.Repeat("x", 30_000)+`"}`)
	}
	before := processorTime(t, p)
	stop := watchOthers(s.base + "/small.txt")
	answers := b.drop(t, s)
	latencies, failed := stop()
	select {
	case err := <-p.exited:
		p.running = nil
		t.Fatalf("%s: %s ended: %v; %s", b.name, name, err, answers)
	default:
	}
	used, peak := processorTime(t, p)-before, peakMemory(t, p)
	worst := latencies[len(latencies)-1].Round(time.Millisecond)
	if failed > 0 {
		answers += fmt.Sprintf("; %d of others failed", failed)
	}
	t.Logf("| %s | %s | %d MB | %.1f s | %v | %v | %s |", b.name, name, peak>>20, used.Seconds(),
		latencies[len(latencies)/2].Round(10*time.Microsecond), worst, answers)
	if name != "serve" {
		return
	}
	if peak > int64(b.within)<<20 {
		t.Errorf("%s: serve came to %d MB, want at most %d", b.name, peak>>20, b.within)
	}
	if failed > 0 {
		t.Errorf("%s: %d requests of others failed", b.name, failed)
	}
}

// bombClient makes a connection of its own.
func bombClient() *http.Client {
	return &http.Client{Timeout: time.Minute, Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
}

// put creates what is not there from the bomb before.
func put(t *testing.T, url, content string) {
	t.Helper()
	req := newRequest(t, "PUT", url, content)
	req.Header.Set("If-None-Match", "*")
	resp, err := bombClient().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusCreated && resp.StatusCode != http.StatusPreconditionFailed {
		t.Fatalf("PUT %s: %s", url, resp.Status)
	}
}

// atOnce asks n times at once, and counts the answers.
func atOnce(t *testing.T, n int, request func() *http.Request) string {
	var mu sync.Mutex
	var wg sync.WaitGroup
	count := map[string]int{}
	for range n {
		wg.Go(func() {
			answer := "failed"
			if resp, err := bombClient().Do(request()); err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				answer = strconv.Itoa(resp.StatusCode)
				if err != nil {
					answer += ", cut"
				}
			}
			mu.Lock()
			defer mu.Unlock()
			count[answer]++
		})
	}
	wg.Wait()
	var all []string
	for _, answer := range slices.Sorted(maps.Keys(count)) {
		all = append(all, fmt.Sprintf("%d of %s", count[answer], answer))
	}
	return strings.Join(all, ", ")
}

func newRequest(t *testing.T, method, url, content string) *http.Request {
	req, err := http.NewRequest(method, url, strings.NewReader(content))
	if err != nil {
		t.Error(err)
	}
	return req
}

func listAtOnce(t *testing.T, s bombed, method string) string {
	return atOnce(t, 10, func() *http.Request { return newRequest(t, method, s.base+"/many/", "") })
}

func patchAtOnce(t *testing.T, s bombed, path, patch string) string {
	return atOnce(t, 12, func() *http.Request {
		req := newRequest(t, "PATCH", s.base+path, patch)
		req.Header.Set("Content-Type", "application/json-patch+json")
		req.Header.Set("If-Match", "*")
		return req
	})
}

// rapidResets sends requests over HTTP/2 that are taken back at once (CVE-2023-44487).
func rapidResets(t *testing.T, s bombed) string {
	const connections, requests = 40, 40_000
	var ended, sent atomic.Int64
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"h2"}})
			if err != nil {
				ended.Add(1)
				return
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(time.Minute))
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			n := takeBack(conn, requests)
			if sent.Add(int64(n)); n < requests {
				ended.Add(1)
			}
		})
	}
	wg.Wait()
	if ended.Load() == 0 {
		return "all were sent"
	}
	return fmt.Sprintf("%d connections ended before all was sent, after %d requests of %d", ended.Load(), sent.Load(), connections*requests)
}

// takeBack sends so many requests, each followed by RST_STREAM, and returns how many could be sent.
func takeBack(conn net.Conn, most int) int {
	frame := func(kind, flags byte, stream uint32, payload string) string { // RFC 9113 §4.1
		n := len(payload)
		return string(binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream)) + payload
	}
	const headers, rstStream, settings, endOfStreamAndHeaders = 1, 3, 4, 5
	const fields = "\x82\x87\x84\x01\x09localhost" // RFC 7541: GET, https, /, and a literal :authority
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"+frame(settings, 0, 0, "")); err != nil {
		return 0
	}
	for i := 0; i < most; {
		var b bytes.Buffer
		for range 50 {
			id := uint32(2*i + 1)
			b.WriteString(frame(headers, endOfStreamAndHeaders, id, fields) + frame(rstStream, 0, id, "\x00\x00\x00\x08"))
			i++
		}
		if _, err := conn.Write(b.Bytes()); err != nil {
			return i
		}
	}
	return most
}

// watchOthers asks for a small file again and again, on a connection of its own, until the function
// returned is called: that returns how long the answers took, in order, and how many there were
// not.
func watchOthers(url string) func() (sorted []time.Duration, failed int) {
	done := make(chan struct{})
	var all []time.Duration
	var wg sync.WaitGroup
	failed := 0
	client := bombClient()
	client.Timeout = 30 * time.Second
	wg.Go(func() {
		for {
			begin := time.Now()
			resp, err := client.Get(url)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			all = append(all, time.Since(begin))
			if err != nil || resp.StatusCode != http.StatusOK {
				failed++
			}
			select {
			case <-done:
				return
			default:
			}
		}
	})
	return func() ([]time.Duration, int) {
		close(done)
		wg.Wait()
		slices.Sort(all)
		return all, failed
	}
}

// peakMemory returns the largest resident size that p has had.
func peakMemory(t *testing.T, p *process) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.running.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	text, _, _ := strings.Cut(after, "kB")
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		t.Fatalf("%v in %s", err, status)
	}
	return n << 10
}

// processorTime returns what p has used.
func processorTime(t *testing.T, p *process) time.Duration {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.running.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')'):])) // of which the first is ")"
	user, err1 := strconv.ParseInt(fields[12], 10, 64)
	system, err2 := strconv.ParseInt(fields[13], 10, 64)
	if err1 != nil || err2 != nil {
		t.Fatalf("%s", stat)
	}
	return time.Duration(user+system) * (time.Second / 100)
}

// bombedServe starts this project's server, which may have no more memory than memoryLimit.
func bombedServe(t *testing.T, program, dir, cert, key string) (string, *process) {
	t.Helper()
	addr := freeAddress(t)
	s := run(t, "serve", addr, program, "serve", "--listen", addr, "--tls-cert", cert, "--tls-key", key, "--access-log", "off", dir)
	limit := unix.Rlimit{Cur: memoryLimit, Max: memoryLimit}
	if err := unix.Prlimit(s.process.running.Process.Pid, unix.RLIMIT_DATA, &limit, nil); err != nil {
		t.Fatal(err)
	}
	return addr, s.process
}

func bombedNginx(t *testing.T, dir, cert, key string) (string, *process) {
	t.Helper()
	program := lookPath(t, "nginx", "nginx-light")
	state, addr := t.TempDir(), freeAddress(t)
	conf := filepath.Join(state, "nginx.conf")
	writeFile(t, conf, fmt.Sprintf(`
daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error.log;
events {}
http {
  access_log off; default_type application/octet-stream; types { text/plain txt; }
  client_body_temp_path %[1]s/b; proxy_temp_path %[1]s/p; fastcgi_temp_path %[1]s/f;
  uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  server { listen %[2]s ssl http2; ssl_certificate %[4]s; ssl_certificate_key %[5]s; root %[3]s; autoindex on; }
}
`, state, addr, dir, cert, key))
	s := run(t, "nginx", addr, program, "-c", conf, "-e", filepath.Join(state, "error.log"))
	return addr, s.process
}

func bombedCaddy(t *testing.T, dir, cert, key string) (string, *process) {
	t.Helper()
	program := lookPath(t, "caddy", "caddy")
	state, addr := t.TempDir(), freeAddress(t)
	conf := filepath.Join(state, "Caddyfile")
	writeFile(t, conf, fmt.Sprintf(`
{
	admin off
	auto_https off
	storage file_system %s
}
https://%s {
	tls %s %s
	root * %s
	file_server browse
}
`, state, addr, cert, key, dir))
	s := run(t, "Caddy", addr, "/usr/bin/env", "XDG_CONFIG_HOME="+state, "XDG_DATA_HOME="+state,
		program, "run", "--config", conf, "--adapter", "caddyfile")
	return addr, s.process
}

// selfSigned makes a certificate for this machine.
func selfSigned(t *testing.T) (cert, key string) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	made, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeFile(t, cert, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: secret})))
	return cert, key
}
