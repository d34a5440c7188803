package server

import (
	"math"
	"testing"
)

// TestRoom: who sets GOGC or GOMEMLIMIT gets what they say.
func TestRoom(t *testing.T) {
	for _, c := range []struct {
		gogc  string
		limit int64
		want  int
	}{
		{"", math.MaxInt64, room},
		{"100", math.MaxInt64, 0},
		{"off", math.MaxInt64, 0},
		{"", 64 << 20, 0},
	} {
		if got := len(newRoom(c.gogc, c.limit)); got != c.want {
			t.Errorf("GOGC %q, GOMEMLIMIT %d: %d bytes, want %d", c.gogc, c.limit, got, c.want)
		}
	}
}
