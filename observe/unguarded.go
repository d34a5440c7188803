package observe

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// Unguarded says how a write that was performed without a precondition could have been kept out: "overwrite" if
// it replaced or deleted something, so that requiring preconditions of such writes would have refused it (428, RFC 6585 §3),
// "always" if only requiring them of every write would have, since it created something, or nobody can tell. It is "" for all else: reads,
// refusals, writes with a precondition or a lock's token, and those that overwrite nothing by what they are (MKCOL, LOCK, UNLOCK).
//
// A precondition counts if it was evaluated; where the handler evaluated none, if it was sent.
func Unguarded(r *http.Request, rec *Record) string {
	if !method.Writes(r.Method) || rec.Status < 200 || rec.Status > 299 || rec.Replayed || guards(r.Header, rec) {
		return ""
	}
	switch r.Method {
	case "MKCOL", method.Lock, method.Unlock:
		return ""
	case "COPY", "MOVE":
		if r.Header.Get("Overwrite") == "F" {
			return ""
		}
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return "always"
	}
	if rec.Status == http.StatusCreated {
		return "always"
	}
	return "overwrite"
}

// guards reports whether a request has a condition that counts.
func guards(h http.Header, rec *Record) bool {
	if len(h["If"]) > 0 {
		return true
	}
	if rec.Evaluated {
		return rec.Decision.Guarded
	}
	return len(h["If-Match"]) > 0 || len(h["If-None-Match"]) > 0 || len(h["If-Unmodified-Since"]) > 0
}
