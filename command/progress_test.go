package command

import (
	"bytes"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	for _, test := range []struct {
		done, total int64
		took        time.Duration
		want        string
	}{
		{500e6, 1000e6, time.Second, "███████████████░░░░░░░░░░░░░░░  50 %  500 MB, 500 MB/s, 1s left"},
		{1000e6, 1000e6, 2 * time.Second, "██████████████████████████████ 100 %  1000 MB, 500 MB/s, 0s left"},
		{0, 1000e6, time.Second, "0 MB, 0 MB/s"},
		{500e6, 0, 2 * time.Second, "500 MB, 250 MB/s"},        // a pipe
		{1100e6, 1000e6, 2 * time.Second, "1100 MB, 550 MB/s"}, // the file grows
	} {
		if got := progressLine(test.done, test.total, test.took); got != test.want {
			t.Errorf("%d of %d in %v:\ngot  %q\nwant %q", test.done, test.total, test.took, got, test.want)
		}
	}
}

func TestNoProgressUnlessTerminal(t *testing.T) {
	var out bytes.Buffer
	p := newProgress(&out)
	p.start = time.Now().Add(-time.Hour)
	p.show(1, 2)
	p.clear()
	if out.Len() > 0 {
		t.Errorf("got %q", out.String())
	}
}

func TestCounterLine(t *testing.T) {
	const want = "███████░░░░░░░░░░░░░░░░░░░░░░░  20 of 80 checks"
	if got := counterLine(20, 80, "checks"); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}
