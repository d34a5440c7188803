package guard

import (
	"bytes"
	"crypto/sha256"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/target"
)

// proxied is an exchange with a backend below /base.
func proxied(client string) *exchange {
	r := &http.Request{Host: client, Header: http.Header{}, URL: &url.URL{Path: "/"}}
	rt := &route{backend: &url.URL{Scheme: "http", Host: "backend:8080", Path: "/base"}}
	return &exchange{Handler: new(Handler), r: r, route: rt}
}

// FuzzDestination: a URI of ours goes to the backend and comes back as it was, and that
// of another server stays.
func FuzzDestination(f *testing.F) {
	f.Add("/a/b%2Fc?q#f")
	f.Add("//x/../y")
	f.Add("/base/base")
	f.Fuzz(func(t *testing.T, path string) {
		x := proxied("client.test")
		u, err := url.Parse("http://client.test" + path)
		if err != nil || !x.names(u) {
			return
		}
		u, fault := target.Normal(u)
		if fault != nil {
			return
		}
		at := x.atBackend(u)
		if !strings.HasPrefix(at, "http://backend:8080/base") {
			t.Fatalf("%q went to %q", path, at)
		}
		back := x.atClient(at)
		again, err := url.Parse(back)
		if err != nil || x.atBackend(again) != at {
			t.Errorf("%q is %q at the backend, which is %q at the client", path, at, back)
		}
	})
}

// TestLocksAreTakenInOneOrder: two requests that want the same locks do not wait for
// each other.
func TestLocksAreTakenInOneOrder(t *testing.T) {
	x := proxied("client.test")
	keys := func(from, to string) string {
		x.destination = &destination{url: &url.URL{Path: to}}
		x.nameLocks(&http.Request{URL: &url.URL{Path: "/base" + from}})
		return strings.Join(x.keys, " ")
	}
	if there, back := keys("/a", "/b"), keys("/b", "/a"); there != back || !strings.Contains(there, " ") {
		t.Errorf("%q and %q", there, back)
	}
	if same := keys("/a", "/A/"); strings.Contains(same, " ") {
		t.Errorf("%q would be taken twice", same)
	}
}

// FuzzTaggedIf: only resource tags of ours change.
func FuzzTaggedIf(f *testing.F) {
	f.Add("<http://client.test/a> (<urn:x> [\"e\"]) (Not <http://client.test/b>)")
	f.Add("((<><")
	f.Fuzz(func(t *testing.T, line string) {
		got := proxied("client.test").mapTagged(line)
		ours := strings.Contains(strings.ToLower(line), "client.test") || strings.Contains(line, "</")
		if !ours && got != line {
			t.Errorf("%q became %q", line, got)
		}
	})
}

// FuzzSpool: what is held is what was sent, wherever it went, and is accounted for.
func FuzzSpool(f *testing.F) {
	f.Add([]byte("content"), int64(3), int64(2), int64(100), int64(-1))
	f.Add(bytes.Repeat([]byte("x"), 9000), int64(5000), int64(100000), int64(4096), int64(9000))
	f.Fuzz(func(t *testing.T, content []byte, maxMemory, maxDisk, memory, expected int64) {
		maxMemory, maxDisk = bounded(maxMemory), bounded(maxDisk)
		b := new(budgets)
		b.memory.SetLimit(bounded(memory))
		b.disk.SetLimit(1 << 20)
		s := &spool{budgets: b, dir: t.TempDir(), maxMemory: maxMemory, maxDisk: maxDisk, sum: sha256.New()}
		r := iotest.HalfReader(bytes.NewReader(content))
		if err := s.fill(r, expected); err != nil {
			t.Fatal(err)
		}
		held, err := io.ReadAll(s.reader())
		rest, _ := io.ReadAll(r)
		if err != nil || !bytes.Equal(append(held, rest...), content) {
			t.Fatalf("%d bytes are held and %d are left of %d: %v", len(held), len(rest), len(content), err)
		}
		if s.whole && (len(rest) > 0 || s.tag() != etag.Of(content)) {
			t.Errorf("whole, with %d bytes left and the tag %v", len(rest), s.tag())
		}
		if !s.whole && int64(len(content)) <= min(maxMemory, bounded(memory)) && maxDisk > int64(len(content)) {
			t.Errorf("not whole, though there was room for %d bytes", len(content))
		}
		if int64(len(s.memory)) > maxMemory+1 || b.memory.Used() > bounded(memory) {
			t.Errorf("%d bytes in memory, of %d and %d", len(s.memory), maxMemory, bounded(memory))
		}
		s.close()
		if b.memory.Used() != 0 || b.disk.Used() != 0 {
			t.Error("the account is not even")
		}
	})
}

func bounded(n int64) int64 { return max(n, 0) % (64 << 10) }
