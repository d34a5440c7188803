package logs

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestReportHasNoCredentials: wherever a client puts a credential into a URL, neither the JSON nor
// what is made of it has it.
func TestReportHasNoCredentials(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.U2VzYW1l"
	var log strings.Builder
	for range 30 {
		for _, target := range []string{
			"/a;jsessionid=Sesame/b", "/reset/" + jwt, "/c?otp=Sesame&%73ig=Sesame", "//ana:Sesame@h/d", "/e?u=%2Ff%3Fticket%3DSesame",
		} {
			log.WriteString(`192.0.2.7 - - [03/Nov/2026:09:15:40 +0000] "PUT ` + target + ` HTTP/1.1" 412 5 "https://h/?pin=Sesame&t=` + jwt +
				`" "agent" "\"a\"" "-"` + "\n")
		}
	}
	path := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(path, []byte(log.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := Analyse(context.Background(), []string{path}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if r.Refused.Count != 150 || len(r.Causes) == 0 || len(r.Causes[0].Samples) == 0 {
		t.Fatalf("the log is not read as it is meant: %+v", r)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"Sesame", "U2VzYW1l"} {
		if i := strings.Index(string(text), secret); i >= 0 {
			t.Errorf("the report has a secret: %s", text[max(0, i-200):min(len(text), i+50)])
		}
	}
}
