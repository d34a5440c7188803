package diagnose

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/capture"
)

// FuzzExchanges diagnoses whatever the reader of raw HTTP makes of a text: it ends, keeps its bounds, and
// does not contradict itself.
func FuzzExchanges(f *testing.F) {
	for _, c := range cases(f) {
		text, err := os.ReadFile(c.path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		xs, _ := capture.Read(strings.NewReader(text), "fuzz", capture.Options{Format: capture.Raw})
		r := Exchanges(xs)
		checkBounds(t, r)
		for i, v := range r.Verdicts {
			checkVerdict(t, i, v)
		}
		for _, found := range r.Findings {
			if found.Rule == nil || found.Says == "" || found.Exchange < 0 || found.Exchange >= len(xs) {
				t.Errorf("finding without rule, words or exchange: %+v", found)
			}
			if found.Confidence == Insufficient && found.Rule.ID != "insufficient-evidence" {
				t.Errorf("%s decides nothing, and is found", found.Rule.ID)
			}
		}
		again := Exchanges(xs)
		if len(again.Findings) != len(r.Findings) {
			t.Errorf("the second time there are %d findings, and not %d", len(again.Findings), len(r.Findings))
		}
	})
}

func checkVerdict(t *testing.T, i int, v Verdict) {
	t.Helper()
	status := v.Exchange.Response.Status
	switch {
	case v.Why == "":
		t.Errorf("exchange %d: no reason", i)
	case v.Judgement == Wrong && slices.Contains(v.Expected, status):
		t.Errorf("exchange %d: %d is wrong, and expected: %s", i, status, v.Why)
	case v.Judgement == Wrong && len(v.Expected) == 0:
		t.Errorf("exchange %d: %d is wrong, and nothing would be right: %s", i, status, v.Why)
	case v.Judgement == Right && (status == 304 || status == 412) && !slices.Contains(v.Expected, status):
		t.Errorf("exchange %d: %d is right, and not expected, but %v: %s", i, status, v.Expected, v.Why)
	}
}
