package evaluate

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fourtwelve/fourtwelve/precondition"
)

var update = flag.Bool("update", false, "write the answers of the code into testdata; read the diff before you keep it")

// stream runs Stream and returns what it wrote and reported.
func stream(t *testing.T, r io.Reader) (out string, bad []string) {
	t.Helper()
	var w strings.Builder
	err := Stream(t.Context(), r, &w, precondition.Policy{}, func(e *LineError) { bad = append(bad, e.Error()) })
	if err != nil {
		t.Fatal(err)
	}
	return w.String(), bad
}

// TestStream answers testdata/cases.jsonl.
func TestStream(t *testing.T) {
	cases, err := os.ReadFile("testdata/cases.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	got, bad := stream(t, bytes.NewReader(cases))
	if len(bad) > 0 {
		t.Errorf("got bad lines %q", bad)
	}
	if *update {
		if err := os.WriteFile("testdata/answers.jsonl", []byte(got), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/answers.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

// kase is a line with a number as its id.
func kase(id int) string {
	return fmt.Sprintf(`{"id":%d,"method":"PUT","state":{"exists":true,"etag":"\"a\""},"headers":[["If-Match","\"b\""]]}`+"\n", id)
}

// TestOrder answers many lines on all processors, some of them bad, and expects
// the answers and the reports in the order of the lines.
func TestOrder(t *testing.T) {
	const n = 5_000
	var in strings.Builder
	for i := 1; i <= n; i++ {
		if i%500 == 0 {
			in.WriteString("{\n")
			continue
		}
		in.WriteString(kase(i))
	}
	out, bad := stream(t, iotest.HalfReader(strings.NewReader(in.String())))
	next := 1
	for line := range strings.Lines(out) {
		if next%500 == 0 {
			next++
		}
		if want := fmt.Sprintf(`{"id":%d,"status":412,`, next); !strings.HasPrefix(line, want) {
			t.Fatalf("got %s, want it to begin with %s", line, want)
		}
		next++
	}
	if next != n {
		t.Errorf("the last answer was for %d, want %d", next-1, n-1)
	}
	if len(bad) != n/500 || bad[1] != "line 1000: not JSON: unexpected end of JSON input" {
		t.Errorf("got %d bad lines: %q", len(bad), bad)
	}
}

func TestLines(t *testing.T) {
	for _, c := range []struct {
		name, in string
		answers  int
		bad      string
	}{
		{"nothing", "", 0, ""},
		{"blank lines", "\n \t\r\n\n", 0, ""},
		{"no newline at the end", strings.TrimSuffix(kase(1), "\n"), 1, ""},
		{"a byte order mark", "\ufeff" + kase(1), 1, ""},
		{"CRLF", strings.ReplaceAll(kase(1)+kase(2), "\n", "\r\n"), 2, ""},
		{"stray CRs", kase(1) + "\r\r\n\n" + strings.ReplaceAll(kase(2), "\n", "\r\r\n") + "\n\r\n", 2, ""},
		{"blank lines count", "\n\n{\n" + kase(4), 1, "line 3: not JSON: unexpected end of JSON input"},
	} {
		out, bad := stream(t, iotest.OneByteReader(strings.NewReader(c.in)))
		if got := strings.Count(out, "\n"); got != c.answers || strings.Join(bad, "\n") != c.bad {
			t.Errorf("%s: got %d answers, bad lines %q; want %d, %q", c.name, got, bad, c.answers, c.bad)
		}
	}
}

// TestLongLines: a line that is too long is skipped without hiding what follows.
func TestLongLines(t *testing.T) {
	out, bad := stream(t, io.MultiReader(io.LimitReader(zeros{}, MaxLine+1), strings.NewReader("\n"+kase(2))))
	if !strings.HasPrefix(out, `{"id":2,`) || strings.Count(out, "\n") != 1 {
		t.Errorf("got %q, want the answer of line 2", out)
	}
	if want := "line 1: longer than 16777216 bytes"; len(bad) != 1 || bad[0] != want {
		t.Errorf("got bad lines %q, want %q", bad, want)
	}
}

// TestLineLength: the bound is exact, and a line's end does not count. Whether the
// reader has the line in one piece does not matter.
func TestLineLength(t *testing.T) {
	for _, size := range []int{100, 101, 102, 4096} {
		for _, end := range []string{"\n", "\r\n", ""} {
			for length, tooLong := range map[int]bool{99: false, 100: false, 101: true, 102: true, 1000: true} {
				in := strings.NewReader(strings.Repeat("x", length) + end)
				lines := lineReader{r: bufio.NewReaderSize(in, size), max: 100}
				b := newBatch()
				b.text = []byte("before")
				if err := lines.next(b); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				got := b.lines[0]
				if (got.err != nil) != tooLong || !tooLong && (got.start != 6 || got.end-got.start != length) {
					t.Errorf("%d bytes and %q, read by %d: got %d to %d, error %v", length, end, size, got.start, got.end, got.err)
				}
			}
		}
	}
}

// TestEndlessLineTakesBoundedMemory reads a line far longer than what it may take.
func TestEndlessLineTakesBoundedMemory(t *testing.T) {
	const length, bound = 256 << 20, 128 << 20
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, bad := stream(t, io.LimitReader(zeros{}, length)); len(bad) != 1 {
		t.Errorf("got bad lines %q, want one", bad)
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > bound {
		t.Errorf("a line of %d bytes took %d bytes of memory, want at most %d", length, took, bound)
	}
}

// zeros is a reader of zero bytes without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

// TestAskAndWait: a program can send a line, wait for its answer, and send the
// next.
func TestAskAndWait(t *testing.T) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	result := make(chan error, 1)
	go func() {
		result <- Stream(t.Context(), inR, outW, precondition.Policy{}, func(e *LineError) { t.Error(e) })
		outW.Close()
	}()
	answers := bufio.NewReader(outR)
	for i := range 3 {
		if _, err := io.WriteString(inW, kase(i)); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if want := fmt.Sprintf(`{"id":%d,`, i); err != nil || !strings.HasPrefix(line, want) {
			t.Fatalf("got %q, error %v; want %s", line, err, want)
		}
	}
	inW.Close()
	if err := <-result; err != nil {
		t.Error(err)
	}
}

func TestStreamEnds(t *testing.T) {
	broken := errors.New("broken")
	ignore := func(*LineError) {}
	t.Run("reading fails", func(t *testing.T) {
		// The line that was cut is neither answered nor reported.
		var out strings.Builder
		in := io.MultiReader(strings.NewReader(kase(1)+kase(2)[:20]), iotest.ErrReader(broken))
		err := Stream(t.Context(), in, &out, precondition.Policy{}, func(e *LineError) { t.Error(e) })
		if !errors.Is(err, broken) || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("got error %v and %q; want the reader's and one answer", err, out.String())
		}
	})
	t.Run("writing fails", func(t *testing.T) {
		err := Stream(t.Context(), strings.NewReader(strings.Repeat(kase(1), 1_000)), failingWriter{broken}, precondition.Policy{}, ignore)
		if !errors.Is(err, broken) {
			t.Errorf("got error %v, want the writer's", err)
		}
	})
	t.Run("the context is done", func(t *testing.T) {
		// Nothing is ever read from the pipe.
		r, w := io.Pipe()
		defer w.Close()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := Stream(ctx, r, io.Discard, precondition.Policy{}, ignore); !errors.Is(err, context.Canceled) {
			t.Errorf("got error %v, want context.Canceled", err)
		}
	})
}

type failingWriter struct{ err error }

func (w failingWriter) Write([]byte) (int, error) { return 0, w.err }

// BenchmarkStream reports cases a second, reading and writing JSON included.
func BenchmarkStream(b *testing.B) {
	cases, err := os.ReadFile("testdata/cases.jsonl")
	if err != nil {
		b.Fatal(err)
	}
	const repeat = 1000
	in := bytes.Repeat(cases, repeat)
	n := 0
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		err := Stream(b.Context(), bytes.NewReader(in), io.Discard, precondition.Policy{}, func(e *LineError) { b.Error(e) })
		if err != nil {
			b.Fatal(err)
		}
		n += repeat * (bytes.Count(cases, []byte("\n")) - 1) // one line is blank
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "cases/s")
}
