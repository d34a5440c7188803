package requestlog

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fourtwelve/fourtwelve/observe"
)

// sink is a sink that can be made to fail or to block. It notes when it was
// written to.
type sink struct {
	mu     sync.Mutex
	text   bytes.Buffer
	writes []time.Duration // since start
	start  time.Time
	err    error // returned by the next writes
	takes  int   // bytes taken by a write that fails
	gate   chan struct{}
}

func newSink() *sink { return &sink{start: time.Now()} }

func (s *sink) Write(p []byte) (int, error) {
	s.mu.Lock()
	gate := s.gate
	s.mu.Unlock()
	if gate != nil {
		<-gate
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes = append(s.writes, time.Since(s.start))
	if s.err != nil {
		n := min(s.takes, len(p))
		s.text.Write(p[:n])
		return n, s.err
	}
	return s.text.Write(p)
}

func (s *sink) Reopen() error {
	s.text.WriteString("-- reopened --\n")
	return nil
}

func (s *sink) fail(err error, takes int) {
	s.mu.Lock()
	s.err, s.takes = err, takes
	s.mu.Unlock()
}

func (s *sink) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

func wantText(t *testing.T, s *sink, want string) {
	t.Helper()
	if got := s.String(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFirstLineGoesAtOnceLaterOnesTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		w := NewWriter(s, Options{})
		defer w.Close(time.Second)
		w.add([]byte("1\n"))
		synctest.Wait()
		wantText(t, s, "1\n")
		w.add([]byte("2\n"))
		pass(100 * time.Millisecond)
		w.add([]byte("3\n"))
		synctest.Wait()
		wantText(t, s, "1\n")
		pass(restFor)
		synctest.Wait()
		wantText(t, s, "1\n2\n3\n")
		if len(s.writes) != 2 || s.writes[1] != restFor {
			t.Errorf("writes at %v, want two, the second after %v", s.writes, restFor)
		}
	})
}

func TestManyLinesDoNotWaitForTheRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		w := NewWriter(s, Options{})
		defer w.Close(time.Second)
		line := bytes.Repeat([]byte("x"), 1024)
		w.add(line)
		synctest.Wait()
		for range flushSize / len(line) {
			w.add(line)
		}
		synctest.Wait()
		if got, want := len(s.String()), flushSize+len(line); got != want {
			t.Errorf("got %d bytes at once, want %d", got, want)
		}
	})
}

func TestSlowSinkLosesLinesAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.gate = make(chan struct{})
		w := NewWriter(s, Options{})
		line := []byte(strings.Repeat("x", 1023) + "\n")
		w.add(line)
		synctest.Wait() // the sink has it, and blocks
		const lost = 7
		for range maxPending/len(line) + lost {
			w.add(line)
		}
		if err := w.Close(time.Second); err == nil {
			t.Error("closing did not fail although the sink takes nothing")
		}
		close(s.gate)
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
		got := s.String()
		if n := strings.Count(got, string(line)); n != 1+maxPending/len(line) {
			t.Errorf("got %d lines, want %d", n, 1+maxPending/len(line))
		}
		if want := `","lost":7}` + "\n"; !strings.HasSuffix(got, want) {
			t.Errorf("got %q at the end, want %q", got[len(got)-60:], want)
		}
	})
}

func TestFailingSinkIsReportedOnceAndLosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var logged bytes.Buffer
		s := newSink()
		w := NewWriter(s, Options{Logger: slog.New(slog.NewTextHandler(&logged, nil))})
		s.fail(errors.New("no space left"), 3)
		w.add([]byte("first\n"))
		synctest.Wait()
		s.fail(errors.New("no space left"), 0)
		for range 3 {
			pass(retry)
			w.add([]byte("more\n"))
			synctest.Wait()
		}
		wantText(t, s, "fir")
		s.fail(nil, 0)
		pass(retry)
		synctest.Wait()
		wantText(t, s, "first\nmore\nmore\nmore\n")
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
		if n := strings.Count(logged.String(), "no space left"); n != 1 {
			t.Errorf("the error was reported %d times, want once:\n%s", n, &logged)
		}
		if !strings.Contains(logged.String(), "written again") {
			t.Errorf("the end of the failure was not reported:\n%s", &logged)
		}
	})
}

func TestTornLineDoesNotGoOnInTheReopenedSink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		w := NewWriter(s, Options{Now: func() time.Time { return noon }})
		s.fail(errors.New("no space left"), 3)
		w.add([]byte("first\n"))
		w.add([]byte("second\n"))
		synctest.Wait()
		s.fail(errors.New("no space left"), 0)
		if err := w.Reopen(); err != nil {
			t.Error(err)
		}
		s.fail(nil, 0)
		pass(retry)
		synctest.Wait()
		w.add([]byte("third\n"))
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
		got := s.String()
		want := "fir-- reopened --\nsecond\n" + `{"time":"2026-11-24T11:00:00.123456Z","lost":1}` + "\nthird\n"
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	})
}

func TestCloseReportsWhatCouldNotBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		s.fail(errors.New("no space left"), 0)
		w := NewWriter(s, Options{})
		w.add([]byte("12345\n"))
		synctest.Wait()
		w.add([]byte("67\n"))
		err := w.Close(time.Second)
		if err == nil || !strings.Contains(err.Error(), "last 9 bytes") {
			t.Errorf("got error %v, want one about the last 9 bytes", err)
		}
		w.add([]byte("after the end\n")) // must not block or panic
		if err := w.Reopen(); err != nil {
			t.Error(err)
		}
	})
}

func TestObserverWritesWholeLinesFromManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSink()
		w := NewWriter(s, Options{})
		told := Observer(w, func(*http.Request) string { return "ann" })
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				r := httptest.NewRequest("GET", "/a", nil)
				for range 100 {
					told(r, &observe.Record{Started: noon, Status: 200})
				}
			})
		}
		wg.Wait()
		if err := w.Close(time.Second); err != nil {
			t.Error(err)
		}
		lines := strings.SplitAfter(s.String(), "\n")
		if got, want := len(lines)-1, 3200; got != want {
			t.Errorf("got %d lines, want %d", got, want)
		}
		for _, line := range lines[:len(lines)-1] {
			if m := checkLine(t, "line", []byte(line)); m["user"] != "ann" {
				t.Fatalf("no user in %s", line)
			}
		}
	})
}

// TestReopenFollowsRotation does what logrotate does: it renames the file and
// asks for a new one.
func TestReopenFollowsRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "access.log")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(f, Options{})
	w.add([]byte("old\n"))
	if err := os.Rename(path, path+".1"); err != nil {
		t.Fatal(err)
	}
	if err := w.Reopen(); err != nil {
		t.Fatal(err)
	}
	w.add([]byte("new\n"))
	if err := w.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"access.log.1": "old\n", "access.log": "new\n"} {
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(got) != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
}

func TestReopenKeepsTheOldFileIfItCannot(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(filepath.Join(dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := NewWriter(f, Options{})
	moved := dir + "-moved"
	if err := os.Rename(dir, moved); err != nil {
		t.Skip("a directory with an open file cannot be renamed here:", err)
	}
	if err := w.Reopen(); err == nil {
		t.Error("reopening in a directory that is gone did not fail")
	}
	w.add([]byte("line\n"))
	if err := w.Close(time.Minute); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(moved, "access.log")); err != nil || string(got) != "line\n" {
		t.Errorf("got %q, %v, want the line in the old file", got, err)
	}
}

func BenchmarkObserve(b *testing.B) {
	w := NewWriter(io.Discard, Options{})
	defer w.Close(time.Second)
	observe := Observer(w, nil)
	r, rec := benchRequest()
	b.ReportAllocs()
	for b.Loop() {
		observe(r, rec)
	}
}

func BenchmarkObserveParallel(b *testing.B) {
	w := NewWriter(io.Discard, Options{})
	defer w.Close(time.Second)
	observe := Observer(w, nil)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		r, rec := benchRequest()
		for pb.Next() {
			observe(r, rec)
		}
	})
}

// pass lets time pass on the clock of a synctest bubble, which does not wait.
func pass(d time.Duration) { <-time.After(d) }
