package logs

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/diagnose"
)

// TestDocumentedMembers shows that docs/logs.md has each member of the JSON.
func TestDocumentedMembers(t *testing.T) {
	text, err := os.ReadFile("../../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, doc, _ := strings.Cut(string(text), "## JSON")
	members := map[string]bool{}
	collect(reflect.TypeFor[Report](), members, map[reflect.Type]bool{})
	for _, more := range []string{"rule", "level", "summary", "section", "fix", "width_seconds"} { // of the MarshalJSON methods
		members[more] = true
	}
	if len(members) < 60 {
		t.Errorf("only %d members", len(members))
	}
	for name := range members {
		if !strings.Contains(doc, "`"+name+"`") {
			t.Errorf("docs/logs.md does not say what %q is", name)
		}
	}
}

// collect adds the names of all members of t.
func collect(t reflect.Type, members map[string]bool, seen map[reflect.Type]bool) {
	switch t.Kind() {
	case reflect.Slice, reflect.Pointer, reflect.Map:
		collect(t.Elem(), members, seen)
	case reflect.Struct:
		if seen[t] || t.PkgPath() == "time" {
			return
		}
		seen[t] = true
		for i := range t.NumField() {
			f := t.Field(i)
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			if name == "-" || !f.IsExported() {
				continue
			}
			members[name] = true
			collect(f.Type, members, seen)
		}
	}
}

// TestJSON shows the form of a finding, which others rely on.
func TestJSON(t *testing.T) {
	r := analyse(t, Options{}, "testdata/weak-etag-in-if-match/bad-certain-iis.log")
	b, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Findings []struct {
			Rule, Confidence, Level string
			Count                   int
			ByConfidence            map[string]int `json:"by_confidence"`
			Evidence                []diagnose.Fact
			Fix                     []string
			Samples                 []Sample
		}
		Timeline struct {
			Width int `json:"width_seconds"`
			Parts []struct{ Causes map[string]int }
		}
		Storms, Splits, Advice []any
	}
	if err := json.Unmarshal(b, &got); err != nil {
		t.Fatal(err)
	}
	f := got.Findings[0]
	if f.Rule != "weak-etag-in-if-match" || f.Confidence != "certain" || f.Level != "error" || f.Count != 1 ||
		f.ByConfidence["certain"] != 1 ||
		len(f.Evidence) == 0 || len(f.Fix) == 0 || len(f.Samples) != 1 || f.Samples[0].Line != 5 {
		t.Errorf("got %+v", f)
	}
	if got.Timeline.Width != 1 || got.Timeline.Parts[0].Causes["weak-etag-in-if-match"] != 1 || got.Storms == nil || got.Splits == nil {
		t.Errorf("got %+v", got)
	}
}
