package origin

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"

	"github.com/fourtwelve/fourtwelve/store"
)

// failing is a store whose disk does not answer.
type failing struct{ store.Store }

func (failing) Stat(_ context.Context, name string) (store.Info, error) {
	return store.Info{}, fmt.Errorf("%q: %w", name, syscall.EIO)
}

// TestLoggedWithoutCredentials: what goes wrong is logged with the name it is about, and without what a name
// gives access to; the error names it, too.
func TestLoggedWithoutCredentials(t *testing.T) {
	const signature = "c2VjcmV0c2lnbmF0dXJlb2Z0aGV0b2tlbg"
	var b strings.Builder
	h := handlerOf(t, Options{Store: failing{}, Logger: slog.New(slog.NewTextHandler(&b, nil))})
	for _, path := range []string{"/reset/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0." + signature, "/a;jsessionid=" + signature} {
		b.Reset()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if got := b.String(); w.Code != http.StatusInternalServerError || !strings.Contains(got, "input/output error") ||
			strings.Contains(got, signature) {
			t.Errorf("GET %s: %d, logged as %s", path, w.Code, got)
		}
	}
}
