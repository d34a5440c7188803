package dirstore

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

const benchSize = 1 << 10

// inParallel runs step b.N times, in the given number of goroutines. Each gets a
// number of its own.
func inParallel(b *testing.B, writers int, newStep func(writer int) (step func() error)) {
	b.Helper()
	b.ReportAllocs()
	left := atomic.Int64{}
	left.Store(int64(b.N))
	errs := make(chan error, writers)
	steps := make([]func() error, writers)
	for i := range steps {
		steps[i] = newStep(i)
	}
	b.ResetTimer()
	for _, step := range steps {
		go func() {
			var err error
			for err == nil && left.Add(-1) >= 0 {
				err = step()
			}
			errs <- err
		}()
	}
	for range writers {
		if err := <-errs; err != nil {
			b.Error(err)
		}
	}
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
}

// BenchmarkCommit is conditional replacement of 1 KiB by writers with names of
// their own. Compare with BenchmarkFsyncPerFile.
func BenchmarkCommit(b *testing.B) {
	for _, mode := range []SyncMode{SyncFull, SyncNone} {
		for _, writers := range []int{1, 8, 64} {
			b.Run(fmt.Sprintf("sync=%v/writers=%d", mode, writers), func(b *testing.B) {
				s := openAt(b, b.TempDir(), Options{Sync: mode})
				inParallel(b, writers, func(writer int) func() error {
					return committer(s, fmt.Sprintf("f%d", writer))
				})
			})
		}
	}
}

func committer(s *Store, name string) func() error {
	content := bytes.Repeat([]byte{'x'}, benchSize)
	var seen store.Revision
	return func() error {
		copy(content, seen.String())
		d, err := s.Stage(context.Background(), name, bytes.NewReader(content))
		if err != nil {
			return err
		}
		info, err := d.Commit(context.Background(), store.At(seen))
		seen = info.Revision
		return err
	}
}

// BenchmarkFsyncPerFile is what replacing a file durably takes without sharing
// syncs: a new file, synced, renamed into place, and the directory synced.
func BenchmarkFsyncPerFile(b *testing.B) {
	for _, writers := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			dir := b.TempDir()
			d, err := os.Open(dir)
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			inParallel(b, writers, func(writer int) func() error {
				name := filepath.Join(dir, fmt.Sprintf("f%d", writer))
				content := bytes.Repeat([]byte{'x'}, benchSize)
				return func() error { return replaceSynced(d, name, content) }
			})
		})
	}
}

func replaceSynced(dir *os.File, name string, content []byte) error {
	f, err := os.Create(name + ".tmp")
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.Sum256(content)
	copy(content, sum[:]) // the other one hashes too
	if _, err := f.Write(content); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := os.Rename(name+".tmp", name); err != nil {
		return err
	}
	return dir.Sync()
}

// BenchmarkStat is what a 304 takes: one system call.
func BenchmarkStat(b *testing.B) {
	for _, name := range []string{"file", "a/b/c/file"} {
		b.Run(name, func(b *testing.B) {
			s := openAt(b, b.TempDir(), Options{})
			commit(b, s, name, "content", store.Any)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Stat(b.Context(), name); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkStage hashes and writes a large upload.
func BenchmarkStage(b *testing.B) {
	const size = 64 << 20
	s := openAt(b, b.TempDir(), Options{Sync: SyncNone})
	content := strings.Repeat("0123456789abcdef", size/16)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		d, err := s.Stage(b.Context(), "file", strings.NewReader(content))
		if err != nil {
			b.Fatal(err)
		}
		if err := d.Abort(context.Background()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHash hashes a large file another program has written.
func BenchmarkHash(b *testing.B) {
	const size = 64 << 20
	dir := b.TempDir()
	s := openAt(b, dir, Options{})
	if err := os.WriteFile(filepath.Join(dir, "file"), bytes.Repeat([]byte{'x'}, size), 0o666); err != nil {
		b.Fatal(err)
	}
	f, err := os.Open(filepath.Join(dir, "file"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	seen := sighting{id: fileID{size: size}}
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := seen.read(b.Context(), f); err != nil {
			b.Fatal(err)
		}
	}
	_ = s
}

// commit writes content under name.
func commit(tb testing.TB, s *Store, name, content string, expect store.Expect) store.Info {
	tb.Helper()
	d, err := s.Stage(context.Background(), name, strings.NewReader(content))
	if err != nil {
		tb.Fatalf("Stage(%q): %v", name, err)
	}
	defer d.Abort(context.Background())
	info, err := d.Commit(context.Background(), expect)
	if err != nil {
		tb.Fatalf("Commit(%q): %v", name, err)
	}
	return info
}

// BenchmarkMoveTree moves a collection of 10,000 members to and fro.
func BenchmarkMoveTree(b *testing.B) {
	s := openAt(b, b.TempDir(), Options{})
	for i := range 10_000 {
		name := filepath.Join(s.dir, "d", fmt.Sprint(i/100), fmt.Sprint(i))
		if err := errors.Join(os.MkdirAll(filepath.Dir(name), 0o777), os.WriteFile(name, []byte("content"), 0o666)); err != nil {
			b.Fatal(err)
		}
	}
	from, to := "d", "e"
	for b.Loop() {
		if _, err := s.Move(b.Context(), from, store.Any, to, store.Any); err != nil {
			b.Fatal(err)
		}
		from, to = to, from
	}
}
