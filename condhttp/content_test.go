package condhttp

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

func TestContentUnread(t *testing.T) {
	body := http.MaxBytesReader(httptest.NewRecorder(), io.NopCloser(strings.NewReader("four")), 3)
	_, large := io.ReadAll(body)
	for _, c := range []struct {
		err    error
		status int
		reason string
		more   string
	}{
		{fmt.Errorf("stage: %w", large), 413, "content-too-large", "map[limit:3]"},
		{fmt.Errorf("read tcp: %w", os.ErrDeadlineExceeded), 408, "timeout", "map[]"},
		{io.ErrUnexpectedEOF, 400, "incomplete-content", "map[]"},
		{errors.New("malformed chunked encoding"), 400, "incomplete-content", "map[]"},
	} {
		p := ContentUnread(c.err, "it is lost")
		if p.Status != c.status || p.Reason != c.reason || fmt.Sprint(p.More) != c.more {
			t.Errorf("%v: got %d %s %v, want %+v", c.err, p.Status, p.Reason, p.More, c)
		}
		if told := strings.Contains(p.Detail, "it is lost"); told != (c.status != 413) {
			t.Errorf("%v: the detail %q tells of the outcome: %t", c.err, p.Detail, told)
		}
	}
}
