package accesslog

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected files in testdata anew")

// logs returns the log files in testdata.
func logs(tb testing.TB) []string {
	tb.Helper()
	files, err := filepath.Glob("testdata/*/*.log")
	if err != nil || len(files) < 20 {
		tb.Fatal(err, files)
	}
	return files
}

// givenFormat is what the .format file beside a log says, or the zero Format.
func givenFormat(tb testing.TB, log string) Format {
	tb.Helper()
	text, err := os.ReadFile(strings.TrimSuffix(log, ".log") + ".format")
	if os.IsNotExist(err) {
		return Format{}
	}
	if err != nil {
		tb.Fatal(err)
	}
	f, err := ParseFormat(string(text))
	if err != nil {
		tb.Fatalf("%s: %v", log, err)
	}
	return f
}

// TestLogs compares what is read from each testdata/FORMAT/NAME.log, with the format in
// NAME.format if there is one, with NAME.txt.
func TestLogs(t *testing.T) {
	for _, log := range logs(t) {
		t.Run(strings.TrimPrefix(log, "testdata/"), func(t *testing.T) {
			r, err := Open([]string{log}, Options{Format: givenFormat(t, log), Workers: 1})
			if err != nil {
				t.Fatal(err)
			}
			got := describe(t, r)
			file := strings.TrimSuffix(log, ".log") + ".txt"
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s\ngot:\n%s\nwant:\n%s", file, got, want)
			}
		})
	}
}

// describe reads all of r and returns it as text.
func describe(t *testing.T, r *Reader) string {
	t.Helper()
	var b strings.Builder
	for e := range r.Entries(context.Background()) {
		fmt.Fprintf(&b, "\nline %d\n", e.Line())
		describeEntry(&b, e)
	}
	if r.Err() != nil {
		t.Fatal(r.Err())
	}
	f, s := r.Files()[0], r.Stats()
	var head strings.Builder
	fmt.Fprintf(&head, "format: %v\nserver: %s\nlogged: %v\nmissing: %v\n", f.Format(), f.Format().Server(), f.Logged(), f.Missing())
	for _, note := range f.Notes() {
		fmt.Fprintf(&head, "note: %s\n", note)
	}
	fmt.Fprintf(&head, "lines: %d, of them %d entries, %d bad, %d other; %d requests lost\n", s.Lines, s.Entries, s.Bad, s.Other, s.Lost)
	for _, status := range slices.Sorted(maps.Keys(s.Status)) {
		fmt.Fprintf(&head, "status %d: %d\n", status, s.Status[status])
	}
	for _, sample := range s.Samples {
		fmt.Fprintf(&head, "bad line %d: %s\n", sample.Line, sample.Text)
		if sample.Why != "" {
			fmt.Fprintf(&head, "  %s\n", sample.Why)
		}
	}
	return head.String() + b.String()
}

// describeEntry writes the values that are present, and names those that are absent.
func describeEntry(b *strings.Builder, e *Entry) {
	var absent []string
	for f := range e.Logged().All() {
		switch e.State(f) {
		case Present:
			cut := ""
			if e.Cut(f) {
				cut = " (cut)"
			}
			fmt.Fprintf(b, "  %-19s %s%s\n", f.String()+":", oneLine(e.Text(f)), cut)
		case Absent:
			absent = append(absent, f.String())
		}
	}
	if d, ok := e.Duration(); ok {
		fmt.Fprintf(b, "  (took %v)\n", d)
	}
	if len(absent) > 0 {
		fmt.Fprintf(b, "  absent: %s\n", strings.Join(absent, " "))
	}
}

// oneLine shows text as it is, unless that would not be one line of text.
func oneLine(s string) string {
	if quoted := fmt.Sprintf("%q", s); s == "" || strings.ContainsAny(quoted, `\`) && !strings.ContainsAny(s, `\"`) {
		return quoted
	}
	return s
}
