package main

import (
	"testing"

	"github.com/fourtwelve/fourtwelve/internal/lazyregexp"
)

// TestPatterns holds every regular expression of the program to be right, since none is compiled
// before it is needed.
func TestPatterns(t *testing.T) {
	if err := lazyregexp.Check(); err != nil {
		t.Error(err)
	}
}
