package diagnose

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/fourtwelve/fourtwelve/capture"
)

// readExample reads the example of a rule as explain reads a capture.
func readExample(t *testing.T, id, text string) []*capture.Exchange {
	t.Helper()
	xs, err := capture.Read(strings.NewReader(text), "example of "+id, capture.Options{})
	if err != nil || len(xs) != 1 {
		t.Fatalf("%s: %d exchanges, %v, in\n%s", id, len(xs), err, text)
	}
	return xs
}

// ownWordsIn are the refusals that a diagnosis finds named.
func ownWordsIn(xs []*capture.Exchange) (ids []string) {
	for _, f := range Exchanges(xs).Findings {
		if f.Rule.Group == Refusals {
			ids = append(ids, f.Confidence.String()+" "+f.Rule.ID)
		}
	}
	return ids
}

// answeredRules are the refusals that a response can carry.
func answeredRules() []Rule { return refusalRules[:len(refusalRules)-len(loggedRules)] }

// TestRefusalExamples: the example of each refusal is an exchange in which that refusal is found and no other one. Not so if
// the problem details are another's, of another type of content, or cut.
func TestRefusalExamples(t *testing.T) {
	for _, r := range answeredRules() {
		want := "certain " + r.ID
		if got := ownWordsIn(readExample(t, r.ID, r.Example)); len(got) != 1 || got[0] != want {
			t.Errorf("%s: found %v, want %s, in\n%s", r.ID, got, want, r.Example)
		}
		for name, other := range map[string]string{
			"another's type":       strings.Replace(r.Example, problemTypes, "https://www.example.org/problems/", 1),
			"another content type": strings.Replace(r.Example, "application/problem+json", "text/html", 1),
			"cut":                  strings.TrimSuffix(r.Example, "}"),
			"another rule":         strings.Replace(r.Example, `"rule":"`+r.ID, `"rule":"x-`+r.ID, 1),
		} {
			if got := ownWordsIn(readExample(t, r.ID, other)); len(got) != 0 {
				t.Errorf("%s, %s: found %v in\n%s", r.ID, name, got, other)
			}
		}
	}
}

// TestRefusalReason: a reason that is not the rule has its own page, and both are named.
func TestRefusalReason(t *testing.T) {
	text := "PUT /notes/plan HTTP/1.1\nHost: www.example.org\nIf-Match: \"a\"\n\nHTTP/1.1 412 Precondition Failed\nContent-Type: application/problem+json\n\n" +
		`{"type":"https://www.rfc-editor.org/rfc/rfc9110#section-13.1.1","rule":"if-match-none-matched","reason":"already-applied","hint":"nothing is left to do"}`
	r := Exchanges(readExample(t, "already-applied", text))
	found := map[string]Finding{}
	for _, f := range r.Findings {
		found[f.Rule.ID] = f
	}
	if f := found["already-applied"]; len(f.Fix) != 1 || f.Fix[0] != "nothing is left to do" {
		t.Errorf("already-applied says what to do: %v; want the hint of the server", f.Fix)
	}
	if _, ok := found["if-match-none-matched"]; !ok {
		t.Errorf("if-match-none-matched is not found, only %v", found)
	}
}

// TestRefusalStatus: the example answers with the status that the page names, and the level fits it.
func TestRefusalStatus(t *testing.T) {
	for _, r := range answeredRules() {
		status := readExample(t, r.ID, r.Example)[0].Response.Status
		if http.StatusText(status) == "" || !strings.Contains(r.Explanation, "The answer is "+strconv.Itoa(status)+" ") {
			t.Errorf("%s: the example is answered %d, which the explanation does not say", r.ID, status)
		}
		if r.Level == Error && status < 500 {
			t.Errorf("%s: %d is no error of the server", r.ID, status)
		}
	}
}
