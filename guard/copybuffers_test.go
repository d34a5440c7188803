package guard

import (
	"testing"

	"github.com/fourtwelve/fourtwelve/internal/content/budget"
)

func TestLargeCopyBuffersAreBounded(t *testing.T) {
	var lent budget.Budget
	lent.SetLimit(2 * largeCopyBufferSize)
	long := copyBuffers{&lent, longContent}
	var out [][]byte
	for _, step := range []struct {
		about   string
		buffers copyBuffers
		want    int
	}{
		{"short content", copyBuffers{&lent, longContent - 1}, copyBufferSize},
		{"content of unknown length", copyBuffers{&lent, -1}, copyBufferSize},
		{"long content", long, largeCopyBufferSize},
		{"more long content", long, largeCopyBufferSize},
		{"long content when no large buffer is left", long, copyBufferSize},
	} {
		b := step.buffers.Get()
		if len(b) != step.want {
			t.Errorf("%s: copied through %d bytes, want %d", step.about, len(b), step.want)
		}
		out = append(out, b)
	}
	for _, b := range out {
		long.Put(b[:1]) // whole again for the next one
	}
	if n := lent.Used(); n != 0 {
		t.Errorf("%d bytes are still counted as lent", n)
	}
	if b := long.Get(); len(b) != largeCopyBufferSize {
		t.Errorf("after all were given back: copied through %d bytes, want %d", len(b), largeCopyBufferSize)
	}
}
