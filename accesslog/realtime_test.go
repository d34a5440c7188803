package accesslog

import (
	"strings"
	"testing"
)

// TestRealtime: of a real-time log with some of the fields, those are found that matter.
func TestRealtime(t *testing.T) {
	line := strings.Join([]string{"1793697340.123", "192.0.2.7", "0.010", "412", "312", "PUT", "https", "files.example.org",
		"/docs/plan.txt", "FRA50", "curl%2F8.14.1", "curl/8.14.1"}, "\t")
	log := strings.Repeat(line+"\n", 2)
	got := entriesOf(t, log)
	if want := "1 2026-11-03T09:15:40Z 192.0.2.7  PUT /docs/plan.txt 412 curl/8.14.1 \n"; !strings.HasPrefix(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := Open([]string{writeLog(t, "a.tsv", []byte("a\tb\tc\td\te\tf\n"))}, Options{}); err == nil {
		t.Error("any columns with tabs are read")
	}
}
