package flagvalue

import (
	"testing"
	"time"
)

func TestSize(t *testing.T) {
	for text, want := range map[string]int64{
		"1": 1, "65536": 65536, "512k": 512 << 10, "512K": 512 << 10, "10M": 10 << 20, "10MB": 10 << 20,
		"10MiB": 10 << 20, "1G": 1 << 30, "2T": 2 << 40, "7B": 7, "none": -1, "9223372036854775807": 1<<63 - 1,
	} {
		var s Size
		if err := s.Set(text); err != nil || int64(s) != want {
			t.Errorf("%q: got %d, error %v, want %d", text, s, err, want)
		}
		var again Size
		if err := again.Set(s.String()); err != nil || again != s {
			t.Errorf("%q: String is %q, which reads as %d, error %v", text, s.String(), again, err)
		}
	}
	for _, text := range []string{"", "0", "0k", "-1", "+1", "1.5G", "M", "1 M", "10X", "1kk", "9223372036854775808", "9007199254740993k",
		"99999999T", "None"} {
		var s Size
		if err := s.Set(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, s)
		}
	}
}

func FuzzSize(f *testing.F) {
	for _, s := range []string{"1", "10M", "none", "9223372036854775807", "0x1", "1iB"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var s, again Size
		if s.Set(text) != nil {
			return
		}
		if err := again.Set(s.String()); err != nil || again != s || s == 0 || s < -1 {
			t.Errorf("%q: got %d, String %q, again %d, error %v", text, s, s.String(), again, err)
		}
	})
}

func TestChoice(t *testing.T) {
	v := 2
	c := NewChoice(&v, []string{"one", "two", "three"}, 1, 2, 3)
	if c.String() != "two" || c.Type() != "one|two|three" {
		t.Errorf("got %q, type %q", c.String(), c.Type())
	}
	if err := c.Set("three"); err != nil || v != 3 {
		t.Errorf("got %d, error %v", v, err)
	}
	err := c.Set("four")
	if want := "must be one, two or three"; err == nil || err.Error() != want || v != 3 {
		t.Errorf("got %d, error %v, want %s", v, err, want)
	}
}

func TestRoom(t *testing.T) {
	for text, want := range map[string]int64{"0": -1, "1": 1, "64k": 64 << 10, "4G": 4 << 30} {
		var r, again Room
		if err := r.Set(text); err != nil || int64(r) != want {
			t.Errorf("%q: got %d, error %v, want %d", text, r, err, want)
		}
		if err := again.Set(r.String()); err != nil || again != r || r.String() != text {
			t.Errorf("%q: String is %q, which reads as %d, error %v", text, r.String(), again, err)
		}
	}
	for _, text := range []string{"", "none", "-1", "much"} {
		var r Room
		if err := r.Set(text); err == nil {
			t.Errorf("%q: got %d, want an error", text, r)
		}
	}
}

func TestTimeout(t *testing.T) {
	for text, want := range map[string]time.Duration{"none": -1, "30s": 30 * time.Second, "1h": time.Hour} {
		var d Timeout
		if err := d.Set(text); err != nil || time.Duration(d) != want {
			t.Errorf("%q: got %v, error %v, want %v", text, time.Duration(d), err, want)
		}
	}
	for _, text := range []string{"", "0", "-1s", "5", "never"} {
		var d Timeout
		if err := d.Set(text); err == nil {
			t.Errorf("%q: got %v, want an error", text, time.Duration(d))
		}
	}
}
