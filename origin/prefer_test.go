package origin

import "testing"

func TestPreferredReturn(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  returns
	}{
		{nil, returnsAny},
		{[]string{""}, returnsAny},
		{[]string{"return=minimal"}, returnsMinimal},
		{[]string{"return=representation"}, returnsRepresentation},
		{[]string{"RETURN = representation"}, returnsRepresentation},
		{[]string{`return="representation"`}, returnsRepresentation},
		{[]string{"wait=10, return=representation; x=y"}, returnsRepresentation},
		{[]string{"wait=10", "return=representation"}, returnsRepresentation},
		{[]string{"return=minimal, return=representation"}, returnsMinimal},
		{[]string{"return=everything, return=minimal"}, returnsAny},
		{[]string{"return"}, returnsAny},
		{[]string{"return=Minimal"}, returnsAny},
		{[]string{"returned=minimal"}, returnsAny},
	} {
		if got := preferredReturn(c.lines); got != c.want {
			t.Errorf("Prefer %q: %d, want %d", c.lines, got, c.want)
		}
	}
}
