package byterange

import "testing"

func TestResolveDoesNotAllocate(t *testing.T) {
	for _, value := range []string{"bytes=0-499", "bytes=500-", "bytes=-500", "bytes=20000-", "bytes=500-700,601-999"} {
		lines := []string{value}
		if n := testing.AllocsPerRun(100, func() { Resolve(lines, 10000) }); n != 0 {
			t.Errorf("Resolve(%q): %v allocations, want 0", value, n)
		}
	}
}
