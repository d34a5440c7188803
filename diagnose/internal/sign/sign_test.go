package sign

import (
	"slices"
	"testing"

	"github.com/fourtwelve/fourtwelve/etag"
)

func TestPlaceholder(t *testing.T) {
	for text, want := range map[string]bool{
		"": true, "null": true, "Undefined": true, "None": true, "0": true,
		"0000000000000000000000000000000000000000": true,
		"00000000-0000-0000-0000-000000000000":     true,
		"1":                                        false, "-": false, "0-0": false, "00-1": false, "nullable": false,
		"d41d8cd98f00b204e9800998ecf8427e": false,
	} {
		if got := Placeholder(text); got != want {
			t.Errorf("Placeholder(%q) = %t, want %t", text, got, want)
		}
	}
}

func TestEscaped(t *testing.T) {
	for tag, want := range map[string]bool{
		`""abc""`: true, `"\"abc\""`: true, `\"abc\"`: true, `&quot;abc&quot;`: true, `%22abc%22`: true, `W/""abc""`: true,
		`""`: false, `"abc"`: false, `W/"abc"`: false, `"a\b"`: false, `"50%"`: false, `abc`: false, ``: false,
	} {
		if got := Escaped(tag); got != want {
			t.Errorf("Escaped(%s) = %t, want %t", tag, got, want)
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
			if got := LacksQuotes(m); got != want {
				t.Errorf("LacksQuotes(%s) = %t, want %t", raw, got, want)
			}
		}
	}
}

// TestTargets shows which targets name a lock, and which a part of an upload.
func TestTargets(t *testing.T) {
	for target, want := range map[string][2]bool{ // lock, part
		"/state/prod.tfstate":                      {},
		"/state/prod.tfstate.tflock":               {true, false},
		"/state/prod/lock":                         {true, false},
		"/upload/o?name=prod%2Fdefault.tflock&x=1": {true, false},
		"/locksmiths/7":                            {},
		"/remote.php/dav/uploads/ana/4172/00001":   {false, true},
		"/big.bin?partNumber=3&uploadId=7":         {false, true},
		"/container/blob?comp=block&blockid=AA":    {false, true},
		"/container/blob?comp=blocklist":           {},
		"/wp-content/uploads/2026/11/picture.jpg":  {},
		"/files/plan.txt-chunking-4711-3-1":        {false, true},
		"/download/film.mkv.part":                  {false, true},
		"/sessions/7":                              {},
	} {
		if got := [2]bool{LockName(target) != "", Staging(target) != ""}; got != want {
			t.Errorf("%s: lock and part are %v, want %v", target, got, want)
		}
	}
}

// TestWeakAlone shows which lists no current tag can match.
func TestWeakAlone(t *testing.T) {
	for list, want := range map[string]bool{
		`W/"a"`: true, `W/"a", W/"b"`: true, `W/"a", "b"`: false, `*`: false, ``: false, `"a"`: false, `W/"a", b`: false,
	} {
		if got := WeakAlone(slices.Collect(etag.Members([]string{list}))); got != want {
			t.Errorf("WeakAlone(%s) = %t, want %t", list, got, want)
		}
	}
}
