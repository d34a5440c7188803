package dav

import (
	"errors"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/dav/internal/lock"
)

// unlock answers UNLOCK (§9.11).
func (x *exchange) unlock() {
	err := x.endLock()
	if err != nil {
		x.fail(err)
		return
	}
	x.header["Cache-Control"] = []string{"no-store"} // §9.11: "Responses to this method MUST NOT be cached"
	x.noContent(http.StatusNoContent)
}

func (x *exchange) endLock() error {
	token, ok := tokenOf(x.r.Header["Lock-Token"])
	if !ok {
		return condhttp.NewProblem(http.StatusBadRequest, "no-lock-token",
			"UNLOCK needs the field Lock-Token with one token (RFC 4918 §9.11)", "send Lock-Token: <urn:uuid:...>")
	}
	// "Naturally, when the If header is present, it has its normal meaning as a conditional header."
	c, err := x.locks.condition(x.r)
	if err != nil {
		return err
	}
	if err := c.check(x.now); err != nil {
		return err
	}
	switch err := x.locks.table.Unlock(x.ctx, x.now, x.name, token, x.principal(x.r)); {
	case errors.Is(err, lock.ErrNotCreator):
		return errNotCreator
	case errors.Is(err, lock.ErrNoLock):
		p := condhttp.NewProblem(http.StatusConflict, "lock-token-unknown",
			"no lock with this token is on the resource; it may have ended (RFC 4918 §9.11.1)", "PROPFIND of lockdiscovery shows the locks "+
				"there are")
		p.Condition = &condhttp.Condition{Name: "lock-token-matches-request-uri"}
		return p
	case err != nil:
		return refusalOf(err)
	}
	return nil
}

// tokenOf reads the lines of a Lock-Token field (§10.5). The token may lack its angle brackets: npm's webdav and old Windows
// clients send it so, and a lock that cannot be ended stays in everybody's way.
func tokenOf(lines []string) (token string, ok bool) {
	if len(lines) != 1 {
		return "", false
	}
	token = strings.Trim(lines[0], " \t")
	if rest, open := strings.CutPrefix(token, "<"); open {
		if token, ok = strings.CutSuffix(rest, ">"); !ok {
			return "", false
		}
	}
	return token, token != "" && !strings.ContainsAny(token, "<> \t")
}
