package origin

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/condhttp"
)

// write answers PUT, DELETE, PATCH and POST, after the checks they share.
func (x *exchange) write() {
	switch {
	case x.options.ReadOnly:
		x.refuse(condhttp.NewProblem(http.StatusForbidden, "read-only", "this server does not accept writes", ""))
	case x.target.Versioned && x.r.Method == http.MethodDelete:
		x.purge()
	case x.target.Versioned:
		x.methodNotAllowed(KindRevision)
	case !x.readKey() || x.repeats():
	case x.r.Method == http.MethodPost:
		x.post()
	case x.target.Slash:
		x.methodNotAllowed(KindCollection)
	case x.r.Method == http.MethodPut:
		x.put()
	case x.r.Method == http.MethodPatch:
		x.patch()
	default:
		x.delete()
	}
}
