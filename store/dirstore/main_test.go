package dirstore

import (
	"os"
	"testing"
)

// TestMain lets the test binary stand in for another process: see childEnv.
func TestMain(m *testing.M) {
	if role := os.Getenv(childEnv); role != "" {
		os.Exit(children[role]())
	}
	os.Exit(m.Run())
}

// childEnv names the environment variable that says which part the process is to
// play instead of running tests.
const childEnv = "DIRSTORE_TEST_CHILD"

var children = map[string]func() int{
	"writer": writerChild,
	"owner":  ownerChild,
	"server": serverChild,
}

// fastDir returns a directory in memory, where there is one, for tests that open
// many stores and need no disk.
func fastDir(tb testing.TB) string {
	tb.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "dirstore")
	if err != nil {
		return tb.TempDir()
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	return dir
}
