package memstore_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/memstore"
)

func write(t *testing.T, s store.Store, name, content string) store.Info {
	t.Helper()
	d, err := s.Stage(t.Context(), name, strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	info, err := d.Commit(t.Context(), store.Any)
	if err != nil {
		t.Fatal(err)
	}
	return info
}

// kept returns the contents of the revisions of name, newest first.
func kept(t *testing.T, s *memstore.Store, name string) string {
	t.Helper()
	var contents []string
	for info, err := range s.Revisions(t.Context(), name) {
		if err != nil {
			t.Fatal(err)
		}
		c, err := s.Open(t.Context(), name, info.Revision)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		if _, err := c.WriteRange(&b, 0, info.Size); err != nil {
			t.Fatal(err)
		}
		c.Close()
		contents = append(contents, b.String())
	}
	return strings.Join(contents, " ")
}

func TestKeep(t *testing.T) {
	for _, tc := range []struct {
		name             string
		options          memstore.Options
		want, afterwards string // before and after the deletion
	}{
		{"default", memstore.Options{}, "10 9 8 7 6 5 4 3 2", "10 9 8 7 6 5 4 3"},
		{"two", memstore.Options{Keep: 2}, "10 9 8", "10 9"},
		{"none", memstore.Options{Keep: -1}, "10", ""},
		{"three bytes", memstore.Options{KeepBytes: 3}, "10 9 8 7", "10 9"},
		{"one byte", memstore.Options{KeepBytes: 1}, "10 9", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := memstore.New(tc.options)
			for _, content := range strings.Fields("1 2 3 4 5 6 7 8 9 10") {
				write(t, s, "a", content)
			}
			if got := kept(t, s, "a"); got != tc.want {
				t.Errorf("kept %q, want %q", got, tc.want)
			}
			if _, err := s.Delete(t.Context(), "a", store.Any); err != nil {
				t.Fatal(err)
			}
			if got := kept(t, s, "a"); got != tc.afterwards {
				t.Errorf("kept %q after the deletion, want %q", got, tc.afterwards)
			}
		})
	}
}

// The clock here is set by hand, so that the seconds of Modified are exact.
func TestModified(t *testing.T) {
	now := time.Date(2024, 2, 29, 23, 59, 57, 900_000_000, time.FixedZone("east", 3600))
	s := memstore.New(memstore.Options{Now: func() time.Time { return now }})
	for _, step := range []struct {
		advance time.Duration
		want    string
	}{
		{0, "22:59:58"},                      // the first revision, at 57.9
		{0, "22:59:58"},                      // replaced in the same instant
		{100 * time.Millisecond, "22:59:59"}, // at 58.0
		{999 * time.Millisecond, "22:59:59"}, // at 58.999
		{time.Millisecond, "23:00:00"},       // at 59.0
		{-time.Hour, "23:00:01"},             // the clock was set back
		{time.Hour, "23:00:01"},              // at 59.0 again
		{time.Second, "23:00:01"},            // at 60.0
		{time.Second, "23:00:02"},            // at 61.0
		{-time.Millisecond, "23:00:03"},      // set back by a little
		{time.Second, "23:00:03"},            // at 61.999
	} {
		now = now.Add(step.advance)
		if got := write(t, s, "a", "x").Modified; got.Format("15:04:05") != step.want || got.Location() != time.UTC {
			t.Errorf("after %v: Modified is %v, want %s UTC", step.advance, got, step.want)
		}
	}
}

func TestClosedContent(t *testing.T) {
	s := memstore.New(memstore.Options{})
	write(t, s, "a", "content")
	c, err := s.Open(t.Context(), "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := c.ReadAt(make([]byte, 1), 0); err == nil {
		t.Error("ReadAt after Close succeeded")
	}
	if _, err := c.WriteRange(&strings.Builder{}, 0, 1); err == nil {
		t.Error("WriteRange after Close succeeded")
	}
}

func TestRangeOutsideContent(t *testing.T) {
	s := memstore.New(memstore.Options{})
	write(t, s, "a", "content")
	c, err := s.Open(t.Context(), "a", 0)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, r := range [][2]int64{{-1, 1}, {0, -1}, {0, 8}, {7, 1}, {8, 0}, {1 << 62, 1 << 62}} {
		if n, err := c.WriteRange(&strings.Builder{}, r[0], r[1]); n != 0 || err == nil {
			t.Errorf("WriteRange from %d, %d bytes: wrote %d, error %v; want an error", r[0], r[1], n, err)
		}
	}
	if _, err := c.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("ReadAt at offset -1 succeeded")
	}
}

func TestCancelled(t *testing.T) {
	s := memstore.New(memstore.Options{})
	write(t, s, "a", "content")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Stat(ctx, "a"); !errors.Is(err, context.Canceled) {
		t.Errorf("Stat: %v, want context.Canceled", err)
	}
	if _, err := s.Delete(ctx, "a", store.Any); !errors.Is(err, context.Canceled) {
		t.Errorf("Delete: %v, want context.Canceled", err)
	}
	if _, err := s.Stat(t.Context(), "a"); err != nil {
		t.Errorf("Stat after the cancelled Delete: %v", err)
	}
}
