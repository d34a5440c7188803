package guard

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/fourtwelve/fourtwelve/guard/internal/trust"
)

// TestCheckedBody: however content is read, all of it comes if it is right, and all but its last byte if not.
func TestCheckedBody(t *testing.T) {
	wrong := errors.New("wrong")
	readers := map[string]func(io.Reader) io.Reader{
		"as it is":           func(r io.Reader) io.Reader { return r },
		"by bytes":           iotest.OneByteReader,
		"with end and bytes": iotest.DataErrReader,
		"by halves":          iotest.HalfReader,
	}
	for from, inner := range readers {
		for to, outer := range readers {
			if to == "with end and bytes" {
				continue // it loses bytes that come with an end
			}
			for _, content := range []string{"", "1", "12", "123456789"} {
				for _, objection := range []error{nil, wrong} {
					quick, checks := trust.NewSummer(), 0
					b := &checkedBody{ReadCloser: io.NopCloser(inner(strings.NewReader(content))), sum: &quick, check: func() error {
						checks++
						return objection
					}}
					got, err := io.ReadAll(outer(b))
					want := content
					if objection != nil {
						want = content[:max(len(content)-1, 0)]
					}
					if string(got) != want || !errors.Is(err, objection) || checks != 1 {
						t.Errorf("%q, read %s and then %s: got %q, %v after %d checks, want %q, %v", content, from, to, got, err, checks, want, objection)
					}
					all := trust.NewSummer()
					_, _ = io.WriteString(&all, content)
					if quick.Sum() != all.Sum() {
						t.Errorf("%q, read %s and then %s: another sum", content, from, to)
					}
				}
			}
		}
	}
	broken := &checkedBody{ReadCloser: io.NopCloser(iotest.ErrReader(wrong)), check: func() error { t.Error("checked"); return nil }}
	if _, err := io.ReadAll(broken); err != wrong {
		t.Errorf("got %v", err)
	}
}
