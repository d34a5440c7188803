package lazyregexp

import (
	"strings"
	"sync"
	"testing"
)

func TestCheck(t *testing.T) {
	before := made
	defer func() { made = before }()
	New(`^a+$`)
	if err := Check(); err != nil {
		t.Errorf("of a right one: %v", err)
	}
	New(`(`)
	if err := Check(); err == nil || !strings.Contains(err.Error(), `"("`) {
		t.Errorf("got %v, want an error that names the wrong one", err)
	}
}

func TestCompiledOnce(t *testing.T) {
	r := New(`(b+)c`)
	if r.re != nil {
		t.Fatal("compiled before it was asked for")
	}
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			if m := r.FindStringSubmatch("abbc"); len(m) != 2 || m[1] != "bb" {
				t.Errorf("got %q, want bb in bbc", m)
			}
		})
	}
	wait.Wait()
}
