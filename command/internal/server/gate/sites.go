package gate

import (
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/origin"
)

// A page of another site cannot read what a browser fetches for it, but it can use it: run it as
// a script, show it, measure it; and so learn what is in it. For what everyone may read that is no
// loss. What only this machine may read, or only those who log in, must not be had that way.

var (
	sameOrigin = []string{"same-origin"}
	sandboxed  = []string{"sandbox"}
)

// protect sets the fields that tell a browser who may use the answer.
func (g *gate) protect(header http.Header, r *http.Request) {
	if g.isPrivate(r) {
		header["Cross-Origin-Resource-Policy"] = sameOrigin
	}
	if g.Sandbox != nil && g.Sandbox(strings.TrimPrefix(r.URL.Path, "/")) {
		header["Content-Security-Policy"] = sandboxed
	}
}

// isPrivate reports whether what r asks for is not for everyone.
func (g *gate) isPrivate(r *http.Request) bool {
	return g.Private || g.PublicRead && origin.AsksForRevision(r.URL)
}

// readsForOther returns the refusal of a read that a page of another origin makes a browser
// send, or nil. To follow a link to here is no such thing: the other page does not see where it
// leads. A client that sends no Sec-Fetch-Site is no browser, or an old one; or it does not
// trust this origin, being neither HTTPS nor this machine.
func (g *gate) readsForOther(r *http.Request) *condhttp.Problem {
	if !g.isPrivate(r) || !method.IsSafe(r.Method) {
		return nil
	}
	if len(r.Header["Sec-Fetch-Site"]) == 0 {
		return nil
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return nil
	}
	if r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document" {
		return nil
	}
	return condhttp.NewProblem(http.StatusForbidden, "cross-origin",
		"a page from another origin made a browser send this read of what is not for everyone",
		"open it in a window of its own, or have the server let other sites use what it serves")
}
