//go:build unix

package dirstore

import (
	"testing"

	"golang.org/x/sys/unix"
)

func makeFIFO(tb testing.TB, path string) {
	tb.Helper()
	check(tb, unix.Mkfifo(path, 0o666))
}
