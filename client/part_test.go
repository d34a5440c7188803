package client

import (
	"encoding/json"
	"testing"
)

// What is read from beside a part decides where bytes are put: whatever it says, they are put behind bytes that are
// there, and the segments cover the whole once.
func FuzzPartState(f *testing.F) {
	f.Add(`{"etag":"\"a\"","total":9,"segments":[{"From":0,"To":5,"Done":2},{"From":5,"To":9,"Done":0}]}`, int64(9))
	f.Add(`{"etag":"\"a\"","total":-1,"segments":[{"From":0,"To":-1,"Done":2}]}`, int64(2))
	f.Add(`{"etag":"W/\"a\"","total":1,"segments":[{"From":0,"To":1,"Done":1}]}`, int64(1))
	f.Add(`{"etag":"\"a\"","total":-1,"segments":[{"From":0,"To":9223372036854775807},{"From":9223372036854775807,"To":-1,"Done":1}]}`, int64(1))
	f.Fuzz(func(t *testing.T, content string, size int64) {
		var s partState
		if size < 0 || json.Unmarshal([]byte(content), &s) != nil || !s.fits(size) {
			return
		}
		at := int64(0)
		for _, g := range s.Segments {
			if g.From != at || g.From < 0 || g.Done < 0 || g.Done > 0 && (g.From+g.Done < 0 || g.From+g.Done > size) {
				t.Fatalf("segment %+v does not fit behind %d, in %d bytes", *g, at, size)
			}
			at = g.To
		}
		if at != s.Total {
			t.Fatalf("the segments end at %d, the whole at %d", at, s.Total)
		}
	})
}
