// Package gate decides who is heard at all, before anything is looked up: it turns
// away requests without credentials, if there are to be any, and writes that a
// page of another site makes a browser send (cross-site request forgery).
package gate

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/auth"
	"github.com/fourtwelve/fourtwelve/origin"
)

// Options are the choices of New. The zero value lets everyone read and write,
// except through another site's page.
type Options struct {
	// Credentials are those that are accepted. Nil asks for none.
	Credentials *auth.Credentials
	// PublicRead asks none of GET, HEAD and OPTIONS; what they send is not looked
	// at.
	PublicRead bool
	// Observe is told of the requests that were turned away. It may be nil.
	Observe origin.Observer
}

// New returns a handler that passes on to next who may be heard.
func New(next http.Handler, o Options) http.Handler {
	return &gate{Options: o, next: next, crossOrigin: http.NewCrossOriginProtection()}
}

type gate struct {
	Options
	next        http.Handler
	crossOrigin *http.CrossOriginProtection
}

type userKey struct{}

// User returns the name r was let in under, or "".
func User(r *http.Request) string {
	if id, ok := r.Context().Value(userKey{}).(*auth.Identity); ok {
		return id.Name
	}
	return ""
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.Credentials != nil && !(g.PublicRead && isRead(r.Method)) {
		id, err := g.Credentials.Check(r.Context(), r.Header["Authorization"])
		if err != nil {
			g.refuse(w, r, g.challenge(w, r, err))
			return
		}
		r = r.WithContext(context.WithValue(r.Context(), userKey{}, id))
	}
	// A browser sends the credentials it has with every request, whoever's page
	// asked for it.
	if err := g.crossOrigin.Check(r); err != nil {
		g.refuse(w, r, condhttp.NewProblem(http.StatusForbidden, "cross-origin",
			"a page from another origin made a browser send this write", "send it from a page of this server, or not from a browser"))
		return
	}
	g.next.ServeHTTP(w, r)
}

func isRead(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

// challenge is the answer to an error of Check. It sets the fields that go with
// it (RFC 9110 §11.6.1).
func (g *gate) challenge(w http.ResponseWriter, r *http.Request, err error) *condhttp.Problem {
	if !errors.Is(err, auth.ErrMissing) && !errors.Is(err, auth.ErrMalformed) && !errors.Is(err, auth.ErrWrong) {
		w.Header().Set("Retry-After", "1")
		return condhttp.NewProblem(http.StatusServiceUnavailable, "too-many-logins",
			"too many passwords are being checked at the moment", "try again in a second")
	}
	for _, scheme := range g.Credentials.Schemes() {
		w.Header().Add("WWW-Authenticate", challenges[scheme])
	}
	switch {
	case errors.Is(err, auth.ErrMissing):
		return condhttp.NewProblem(http.StatusUnauthorized, "credentials-missing",
			"this needs credentials, and none were sent", "send them in the Authorization field")
	case errors.Is(err, auth.ErrMalformed):
		return condhttp.NewProblem(http.StatusUnauthorized, "credentials-malformed",
			"the Authorization field cannot be read, or is of a scheme that is not accepted", "see the WWW-Authenticate field for those that are")
	}
	return condhttp.NewProblem(http.StatusUnauthorized, "credentials-wrong",
		"the user, the password or the token is wrong", "")
}

var challenges = map[string]string{
	"Basic":  `Basic realm="fourtwelve", charset="UTF-8"`,
	"Bearer": `Bearer realm="fourtwelve"`,
}

// refuse answers with p and tells the observer.
func (g *gate) refuse(w http.ResponseWriter, r *http.Request, p *condhttp.Problem) {
	started := time.Now()
	counted := &counter{ResponseWriter: w}
	p.Write(counted, r)
	if g.Observe != nil {
		g.Observe(r, &origin.Record{
			Started: started, Duration: time.Since(started),
			Status: p.Status, Bytes: counted.n, Reason: p.Reason,
		})
	}
}

// counter counts the bytes of an answer.
type counter struct {
	http.ResponseWriter
	n int64
}

func (c *counter) Write(p []byte) (int, error) {
	n, err := c.ResponseWriter.Write(p)
	c.n += int64(n)
	return n, err
}
