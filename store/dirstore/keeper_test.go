package dirstore

import (
	"context"
	"fmt"
	"maps"
	"testing"
)

// keptRecords returns all records of s.
func keptRecords(t *testing.T, s *Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	for r, err := range s.Kept(t.Context(), "") {
		check(t, err)
		all[r.Key] = string(r.Value)
	}
	return all
}

// TestRecordsAfterDeath lets the disk refuse everything from each step in turn on. A record
// whose Keep has returned is there after the next start; of the last one either state is.
func TestRecordsAfterDeath(t *testing.T) {
	values := []string{"a=1", "b=1", "flush", "a=2", "c=1", "b=", "flush", "a=", "c=2"}
	for _, session := range []string{"", "after a loss of power"} {
		for n := 1; ; n++ {
			dir := fastDir(t)
			var hook func(step) error
			s := openAt(t, dir, Options{manual: true, hook: func(w step) error {
				if hook == nil {
					return nil
				}
				return hook(w)
			}})
			hook = failFrom(n)
			before, after := map[string]string{}, map[string]string{}
			ended := true
			for _, v := range values {
				if v == "flush" {
					_ = s.checkpoint(false)
					continue
				}
				var value []byte
				if v[2:] != "" {
					value = []byte(v[2:])
					after[v[:1]] = v[2:]
				} else {
					delete(after, v[:1])
				}
				if err := s.Keep(context.Background(), v[:1], value); err != nil {
					ended = false
					break
				}
				before = maps.Clone(after)
			}
			s.abandon()
			for range 2 {
				s = openAt(t, dir, Options{session: session})
				if got := keptRecords(t, s); !maps.Equal(got, before) && !maps.Equal(got, after) {
					t.Fatalf("stopped at step %d: there are %v, want %v or %v", n, got, before, after)
				}
				check(t, s.Close())
			}
			if ended {
				break
			}
		}
	}
}

// TestRecordsSurviveTheIndex: an index that turns out to be damaged while the store is open is
// begun again with all records.
func TestRecordsSurviveTheIndex(t *testing.T) {
	dir := fastDir(t)
	s := openAt(t, dir, Options{manual: true})
	want := map[string]string{}
	for i := range 10 {
		key := fmt.Sprint(i)
		want[key] = "value " + key
		check(t, s.Keep(t.Context(), key, []byte(want[key])))
		check(t, s.checkpoint(false))
	}
	s.index.damaged.Store(true)
	check(t, s.checkpoint(false))
	check(t, s.Close())
	s = openAt(t, dir, Options{})
	if got := keptRecords(t, s); !maps.Equal(got, want) {
		t.Errorf("there are %v, want %v", got, want)
	}
	check(t, s.Close())
}
