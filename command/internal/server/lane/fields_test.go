package lane

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"

	"pgregory.net/rapid"
)

// TestFields: header sections look as net/http writes them, whatever a handler puts in.
func TestFields(t *testing.T) {
	name := rapid.OneOf(rapid.SampledFrom([]string{"Etag", "X-A", "x-a", "bad name", "", "Date", "Ünder"}),
		rapid.Map(rapid.IntRange(0, 40), func(n int) string { return fmt.Sprint("X-", n) }))
	odd := []string{"", "a", " a ", "a\r\nb", "\na", "a\t", "\ta", "a\u00a0", "\xff", `"tag"`}
	value := rapid.OneOf(rapid.SampledFrom(odd), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		h := http.Header(rapid.MapOfN(name, rapid.SliceOfN(value, 0, 3), 0, 30).Draw(t, "fields"))
		without := rapid.MapOf(name, rapid.Bool()).Draw(t, "without")
		var want bytes.Buffer
		if err := h.WriteSubset(&want, without); err != nil {
			t.Fatal(err)
		}
		if got := appendFields([]byte("before"), h, without); string(got) != "before"+want.String() {
			t.Fatalf("got\n%q, want\n%q", got, want.String())
		}
	})
}
