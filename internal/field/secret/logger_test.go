package secret

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
)

// TestLogger: what a record says of a request has no credential, wherever it stands.
func TestLogger(t *testing.T) {
	var b strings.Builder
	l := Logger(slog.New(slog.NewTextHandler(&b, nil)))
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2VjcmV0c2lnbmF0dXJl"
	target, err := url.Parse("/a?token=hunter2&n=3")
	if err != nil {
		t.Fatal(err)
	}
	l = l.With("with", "/reset/"+jwt)
	l.WithGroup("group").Warn("an answer was cut", "name", "mail;jsessionid=hunter2", "target", target,
		"error", fmt.Errorf("stage %q: %w", "/b?sig=hunter2", errors.New("no space")),
		slog.Group("inner", "field", "Bearer hunter2"), "names", []string{"/c?code=hunter2"}, "bytes", 17)
	got := b.String()
	for _, secret := range []string{"hunter2", "c2VjcmV0c2lnbmF0dXJl"} {
		if strings.Contains(got, secret) {
			t.Errorf("%q is in the log: %s", secret, got)
		}
	}
	for _, kept := range []string{"an answer was cut", "/reset/", "n=3", "no space", "group.bytes=17", "group.inner.field="} {
		if !strings.Contains(got, kept) {
			t.Errorf("%q is missing in the log: %s", kept, got)
		}
	}
	if again := Logger(l); again != l {
		t.Error("a logger that hides already is wrapped again")
	}
	Logger(nil).Error("nobody hears this")
}
