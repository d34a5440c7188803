package logs

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/fourtwelve/fourtwelve/accesslog"
)

// TestLive: a 412 that is written while the log is followed is told with its cause, by what was written before; one from before is not.
func TestLive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "access.log")
	const before = `{"time":"2026-11-03T09:00:00Z","client":"192.0.2.9","method":"PUT","target":"/old","status":"412","if_match":"W/\"v0\""}
{"time":"2026-11-03T09:00:10Z","client":"192.0.2.8","user":"bob","method":"PUT","target":"/plan?key=Sesame","status":"204","if_match":"\"v1\"","etag":"\"v2\""}
`
	const since = `{"time":"2026-11-03T09:00:40Z","client":"192.0.2.7","user":"ana","method":"PUT","target":"/plan?key=Sesame","status":"412","if_match":"\"v1\"","etag":"\"v2\""}
`
	if err := os.WriteFile(path, []byte(before), 0o600); err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	var seen []Refusal
	o := Options{Log: accesslog.Options{Follow: true, Stop: stop}, Live: func(r Refusal) {
		seen = append(seen, r)
		close(stop)
	}}
	o.Log.Filter.Path = func(string) bool { // the log has been opened when its first line is read
		f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Error(err)
			return true
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.Size() == int64(len(before)) {
			_, _ = f.WriteString(since)
		}
		return true
	}
	o.Log.Workers = 1
	r, err := Analyse(context.Background(), []string{path}, o)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 || seen[0].Rule != "stale-etag-concurrent-edit" || seen[0].User != "ana" || seen[0].Path != "/plan" ||
		seen[0].Confidence != certain {
		t.Errorf("seen: %+v", seen)
	}
	if r.Refused.Count != 2 || r.Totals.Requests != 3 {
		t.Errorf("the report has %d of 2 refusals, %d requests", r.Refused.Count, r.Totals.Requests)
	}
}
