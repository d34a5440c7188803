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
}
