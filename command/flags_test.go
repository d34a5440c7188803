package command

import (
	"testing"
	"time"
)

func TestPatience(t *testing.T) {
	for text, want := range map[string]time.Duration{"forever": -1, "30s": 30 * time.Second, "0": 0} {
		var p patience
		if err := p.Set(text); err != nil || time.Duration(p) != want {
			t.Errorf("%q: got %v, error %v, want %v", text, time.Duration(p), err, want)
		}
	}
	for _, text := range []string{"", "-1s", "5", "ever"} {
		var p patience
		if err := p.Set(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, time.Duration(p))
		}
	}
}
