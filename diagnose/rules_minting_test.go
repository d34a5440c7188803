package diagnose

import (
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
)

func TestIsPlaceholder(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "null": true, "Undefined": true, "None": true, "0": true,
		"0000000000000000000000000000000000000000": true,
		"00000000-0000-0000-0000-000000000000":     true,
		"1":                                        false, "-": false, "0-0": false, "00-1": false, "nullable": false,
		"d41d8cd98f00b204e9800998ecf8427e": false,
	} {
		if got := isPlaceholder(text); got != want {
			t.Errorf("isPlaceholder(%q) = %t, want %t", text, got, want)
		}
	}
}

func TestIsEscaped(t *testing.T) {
	for tag, want := range map[string]bool{
		`""abc""`: true, `"\"abc\""`: true, `\"abc\"`: true, `&quot;abc&quot;`: true, `%22abc%22`: true, `W/""abc""`: true,
		`""`: false, `"abc"`: false, `W/"abc"`: false, `"a\b"`: false, `"50%"`: false, `abc`: false, ``: false,
	} {
		if got := isEscaped(tag); got != want {
			t.Errorf("isEscaped(%s) = %t, want %t", tag, got, want)
		}
	}
}

// TestLacksQuotes shows which malformed members of a list are tags but for their quotes.
func TestLacksQuotes(t *testing.T) {
	for raw, want := range map[string]bool{
		"abc": true, "'abc'": true, `w/"abc"`: true, "0": true, "0x8DF398AD953DDC3": true,
		`"abc"`: false, `W/"abc"`: false, "*": false, "null": false, "undefined": false, "JoplinIgnore-45807": false,
		`\"abc\"`: false, "http://sabre.io/ns/sync/12": false,
	} {
		for m := range etag.Members([]string{raw}) {
			if got := lacksQuotes(m); got != want {
				t.Errorf("lacksQuotes(%s) = %t, want %t", raw, got, want)
			}
		}
	}
}
