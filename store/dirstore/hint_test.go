package dirstore

import (
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// TestHasProperties: there are none until some are set, and then there are, also for who opens the
// directory again.
func TestHasProperties(t *testing.T) {
	dir := t.TempDir()
	open := func() *Store {
		s, err := Open(dir, Options{})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	s := open()
	d, err := s.Stage(t.Context(), "a.txt", strings.NewReader("hello"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Commit(t.Context(), store.Absent); err != nil {
		t.Fatal(err)
	}
	if s.HasProperties() {
		t.Error("there are properties, and nobody has set any")
	}
	value := "x"
	if err := s.SetProperties(t.Context(), "a.txt", store.Any, map[string]*string{"a": &value}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if set, err := s.Properties(t.Context(), "a.txt"); err != nil || len(set) != 1 || !s.HasProperties() {
			t.Errorf("got %v, %v, and that there are some: %v", set, err, s.HasProperties())
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open()
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
