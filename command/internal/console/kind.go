package console

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// kind is what became of a request.
type kind uint8

const (
	sent       kind = iota // content was sent, or a redirect
	unmodified             // 304: nothing was sent again
	written                // a write was performed
	failedPrecondition
	neededPrecondition
	refused // for another reason
	failed  // the server's or the backend's fault
	numKinds
)

// kinds say how each is shown: its class is the colour of the page's style.
var kinds = [numKinds]struct{ name, class, says string }{
	sent:               {"sent", "k-sent", "Content was sent"},
	unmodified:         {"304", "k-304", "Not sent again: the client's copy is right"},
	written:            {"written", "k-written", "Writes that were performed"},
	failedPrecondition: {"412", "k-412", "The precondition is false"},
	neededPrecondition: {"428", "k-428", "Refused for want of a precondition"},
	refused:            {"other 4xx", "k-4xx", "Refused for another reason"},
	failed:             {"5xx", "k-5xx", "The server or the backend failed"},
}

// answers and refusals are the kinds of the two charts.
var (
	answers  = []kind{sent, unmodified, written}
	refusals = []kind{failedPrecondition, neededPrecondition, refused, failed}
)

func kindOf(m string, status int) kind {
	switch {
	case status == http.StatusNotModified:
		return unmodified
	case status == http.StatusPreconditionFailed:
		return failedPrecondition
	case status == http.StatusPreconditionRequired:
		return neededPrecondition
	case status >= 500:
		return failed
	case status >= 400:
		return refused
	case !method.IsSafe(m):
		return written
	}
	return sent
}

// replaces reports whether an answer says that a write took the place of something. Only a write without any
// precondition is a blind one.
func replaces(m string, status int) bool {
	if status != http.StatusOK && status != http.StatusNoContent {
		return false
	}
	return m == http.MethodPut || m == http.MethodDelete || m == http.MethodPatch
}
