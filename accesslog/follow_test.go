package accesslog

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestFollow: what is written to a log is read when it is written, after it was rotated and emptied
// too, and reading ends when it is stopped.
func TestFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	line := func(n int) string {
		return fmt.Sprintf("192.0.2.%d - - [03/Nov/2026:09:15:40 +0000] \"GET / HTTP/1.1\" 200 1 \"-\" \"curl\"\n", n)
	}
	write := func(flag int, text string) {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|flag, 0o600)
		if err == nil {
			_, err = f.WriteString(text)
		}
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	write(0, line(1)+line(2))
	stop := make(chan struct{})
	r, err := Open([]string{path}, Options{Follow: true, Stop: stop, every: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	steps := []func(){
		1: func() { write(os.O_APPEND, line(3)) },
		2: func() { write(os.O_APPEND, line(4)[:20]); write(os.O_APPEND, line(4)[20:]) },
		3: func() {
			if err := os.Rename(path, path+".1"); err != nil {
				t.Fatal(err)
			}
			write(0, line(5)+strings.Repeat("\n", 100)) // so that what comes next is shorter
		},
		4: func() { write(os.O_TRUNC, line(6)) },
		5: func() { close(stop) },
	}
	n := 0
	for e := range r.Entries(context.Background()) {
		if n++; e.Text(Client) != fmt.Sprintf("192.0.2.%d", n) {
			t.Fatalf("entry %d is of %s", n, e.Text(Client))
		}
		if live := e.File().Live(e); live != (n > 2) {
			t.Errorf("entry %d: live is %t", n, live)
		}
		if n > 1 {
			steps[n-1]()
		}
	}
	if err := r.Err(); err != nil || n != 6 {
		t.Errorf("%d of 6 entries, %v", n, err)
	}
}

// TestFollowIsLeft: a loop that is left, or whose context is done, does not wait for what may be
// written.
func TestFollowIsLeft(t *testing.T) {
	path := writeLog(t, "access.log", []byte(good))
	for _, leave := range []bool{true, false} {
		r, err := Open([]string{path}, Options{Follow: true})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		for range r.Entries(ctx) {
			if leave {
				break
			}
			cancel()
		}
		cancel()
	}
}

// TestNothingToFollow: an empty file does not tell its format, and what is packed does not grow.
func TestNothingToFollow(t *testing.T) {
	for name, content := range map[string][]byte{"a.log": nil, "a.log.gz": compressed(t, "gz", []byte(good))} {
		if _, err := Open([]string{writeLog(t, name, content)}, Options{Follow: true}); err == nil {
			t.Errorf("%s is followed", name)
		}
	}
}

// TestDirectory: a directory stands for its files, packed and plain, in the order of time, and what
// is no log is left out.
func TestDirectory(t *testing.T) {
	dir := t.TempDir()
	at := func(minute int) []byte {
		return fmt.Appendf(nil, "192.0.2.1 - - [03/Nov/2026:09:%02d:40 +0000] \"GET /%d HTTP/1.1\" 200 1 \"-\" \"curl\"\n", minute, minute)
	}
	for name, content := range map[string][]byte{
		"access.log": at(4), "access.log.1": at(3), "access.log.2.gz": compressed(t, "gz", at(2)),
		"old/access.log.3.zst": compressed(t, "zst", at(1)),
		"error.log":            []byte("2026/11/03 09:15:40 [error] 1412#1412: *7 open() failed\n"), ".hidden": at(9),
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open([]string{dir}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for e := range r.Entries(context.Background()) {
		got += strings.Clone(e.Text(Path))
	}
	if got != "/1/2/3/4" || len(r.Files()) != 5 {
		t.Errorf("got %s of %d files", got, len(r.Files()))
	}
	if _, err := Open([]string{t.TempDir()}, Options{}); err == nil {
		t.Error("an empty directory is read")
	}
}

// TestSites: where files of several sites of IIS are read, their folders keep them apart.
func TestSites(t *testing.T) {
	dir := t.TempDir()
	var paths []string
	for _, site := range []string{"W3SVC1", "W3SVC2"} {
		path := filepath.Join(dir, site, "u_ex261103.log")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("#Fields: date time sc-status cs-method cs-uri-stem\n2026-11-03 09:15:40 412 PUT /a\n"),
			0o600); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	for n, want := range []string{1: "", 2: "W3SVC1"} {
		if n == 0 {
			continue
		}
		r, err := Open(paths[:n], Options{})
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Files()[0].Site(); got != want {
			t.Errorf("of %d sites: %q, want %q", n, got, want)
		}
	}
}
