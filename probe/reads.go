package probe

import "net/http"

func readChecks() []*Check {
	return []*Check{{
		ID: "inm-exact", Group: Caching, Level: Should, Since: "0.1", Section: "RFC 9110 §13.1.2",
		Title: "If-None-Match with the current tag gets 304",
		Sends: "GET with If-None-Match: the tag of the first answer.",
		Right: "304 Not Modified.",
		Means: "Every visit downloads the whole content again.",
		Fix:   []string{"Let the program that makes the tag evaluate If-None-Match as well."},
		Rules: []string{"answer-against-standard"},
		ask: func(t *trial) verdict {
			tag := t.base.tag()
			if tag.IsZero() {
				return inapplicable("the resource has no entity tag")
			}
			a := t.get("If-None-Match", tag.String())
			if a.status != http.StatusNotModified {
				return wrong("got %s, want 304", a)
			}
			return right("304")
		},
	}}
}
