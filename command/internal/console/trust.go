package console

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/guard"
)

// routeViewOf says what a guard believes of a backend, and why.
func routeViewOf(r guard.RouteStatus) routeView {
	v := routeView{Name: r.Name, Backend: r.Backend, Trust: r.Trust, Cache: cacheWords[r.Cache]}
	if v.Name == "" {
		v.Name = "the only route"
	}
	switch r.Trust {
	case "trusted":
		v.Tone, v.Says = "good", "Its entity tags are passed on: "+why(r.Why)
	case "distrusted":
		v.Tone, v.Says = "error", "The guard makes its own entity tags of the content, for as long as it runs: "+why(r.Why)
	default:
		v.Tone, v.Says = "info", "The guard makes its own entity tags, and watches whether those of the backend change when the content does, and only then."
	}
	return v
}

// why says in words what speaks for or against the tags of a backend.
func why(word string) string {
	switch word {
	case "":
		return "they were sound whenever the content was seen."
	case "changes-with-content":
		return "they changed with the content, and stayed while it did."
	case "same-tag-other-content":
		return "the same tag was on other content."
	case "not-modified-whatever-is-asked":
		return "the backend says 304 to tags that it has never given out."
	}
	return strings.ReplaceAll(word, "-", " ") + "."
}

var cacheWords = map[string]string{
	"off": "no cache", "on": "cached", "coherent": "cached, and forgotten with each write",
	"incoherent": "cached, and validated each time: the backend has changed behind the guard's back",
}
