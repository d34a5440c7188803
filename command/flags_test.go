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

func TestLockTime(t *testing.T) {
	for text, want := range map[string]time.Duration{"5m": 5 * time.Minute, "1h": time.Hour, "7d": 168 * time.Hour} {
		var l lockTime
		if err := l.Set(text); err != nil || time.Duration(l) != want {
			t.Errorf("%q: got %v, error %v, want %v", text, time.Duration(l), err, want)
		}
	}
	for _, text := range []string{"", "0", "-1h", "299s", "8d", "169h", "20000d", "60000d", "5", "none"} {
		var l lockTime
		if err := l.Set(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, time.Duration(l))
		}
	}
}
