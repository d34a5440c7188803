package idempotency

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestKeyOf(t *testing.T) {
	long := strings.Repeat("k", MaxKey)
	for _, c := range []struct {
		lines []string
		want  string // "!" and what the error says
	}{
		{nil, ""},
		{[]string{`"8e03978e-40d5-43e8-bc93-6894a57f9324"`}, "8e03978e-40d5-43e8-bc93-6894a57f9324"},
		{[]string{"8e03978e-40d5-43e8-bc93-6894a57f9324"}, "8e03978e-40d5-43e8-bc93-6894a57f9324"},
		{[]string{` "a b\"c\\" `}, `a b"c\`},
		{[]string{`"a"; ttl=60`}, "a"},
		{[]string{`"` + long + `"`}, long},
		{[]string{`"a"`, `"a"`}, "!more than one"},
		{[]string{""}, "!empty"},
		{[]string{`""`}, "!empty"},
		{[]string{`"a`}, "!no string"},
		{[]string{`"a", "b"`}, "!no string"},
		{[]string{`"ä"`}, "!no string"},
		{[]string{"a b"}, `!no quotes, and " "`},
		{[]string{"a;b=c"}, `!no quotes, and ";"`},
		{[]string{long + "k"}, "!256 bytes"},
	} {
		got, err := KeyOf(c.lines)
		if err != nil {
			got = "!" + err.Error()
		}
		want, isError := strings.CutPrefix(c.want, "!")
		want = strings.ReplaceAll(want, "no string", "not a string")
		if isError && (err == nil || !strings.Contains(got, want)) || !isError && got != c.want {
			t.Errorf("KeyOf(%q) is %q, want %q", c.lines, got, c.want)
		}
	}
}

func FuzzKeyOf(f *testing.F) {
	for _, seed := range []string{`"a"`, "a", `"a\"b";c`, `"a`, "", "a b", `"a", "b"`, `"` + strings.Repeat("k", MaxKey) + `"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		key, err := KeyOf([]string{line})
		if (err == nil) != (key != "") {
			t.Fatalf("KeyOf(%q) is %q, %v", line, key, err)
		}
		if err != nil {
			return
		}
		quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(key) + `"`
		if again, err := KeyOf([]string{quoted}); again != key || err != nil {
			t.Errorf("KeyOf(%q) is %q, but with quotes it is %q, %v", line, key, again, err)
		}
	})
}

// TestFingerprints: what a write means is told apart, and what it does not mean is not.
func TestFingerprints(t *testing.T) {
	base := func() *http.Request {
		r := httptest.NewRequest("PUT", "http://h/a?b", nil)
		r.Header.Set("If-Match", `"1"`)
		return r
	}
	sum := [32]byte{1}
	want := FingerprintOf(base(), "a", sum)
	same := base()
	same.Header.Set("User-Agent", "other")
	same.Header.Set("Date", "later")
	same.Header.Set("Authorization", "Bearer renewed")
	if FingerprintOf(same, "a", sum) != want {
		t.Error("a field that says nothing of the write makes another fingerprint")
	}
	for what, change := range map[string]func(r *http.Request){
		"method":      func(r *http.Request) { r.Method = "PATCH" },
		"query":       func(r *http.Request) { r.URL.RawQuery = "c" },
		"tag":         func(r *http.Request) { r.Header.Set("If-Match", `"2"`) },
		"no tag":      func(r *http.Request) { r.Header.Del("If-Match") },
		"other field": func(r *http.Request) { r.Header.Del("If-Match"); r.Header.Set("If-None-Match", `"1"`) },
		"two lines":   func(r *http.Request) { r.Header.Add("If-Match", `"1"`) },
		"destination": func(r *http.Request) { r.Header.Set("Destination", "/b") },
	} {
		r := base()
		if change(r); FingerprintOf(r, "a", sum) == want {
			t.Errorf("%s: the fingerprint is the same", what)
		}
	}
	if FingerprintOf(base(), "b", sum) == want || FingerprintOf(base(), "a", [32]byte{2}) == want {
		t.Error("another target or content has the same fingerprint")
	}
	if IDOf("ab", "c") == IDOf("a", "bc") {
		t.Error("two principals share a key")
	}
}
