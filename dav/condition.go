package dav

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
	"github.com/fourtwelve/fourtwelve/internal/resource"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

// condition is the field If of a request (§10.4), with what it is evaluated against.
type condition struct {
	*admission
	x        *exchange
	header   ifheader.Header
	decision ifheader.Decision
	// field is the field that the condition came in.
	field string
	// err is why a resource could not be looked at.
	err error
}

// condition reads the field If. The error is a problem.
func (a *admission) condition(r *http.Request) (*condition, error) {
	c := &condition{admission: a, x: a.exchangeOf(r), field: "If"}
	var err error
	if c.header, err = ifheader.Parse(r.Header["If"]); err != nil {
		return nil, malformedIf(r, err)
	}
	if tokens := r.Header["Lock-Token"]; !c.header.Sent() && r.Method == http.MethodPut && len(tokens) == 1 {
		// Word 2016 sends the token of its lock with a PUT so. It is what If would say.
		if token, ok := tokenOf(tokens); ok {
			list := ifheader.List{Conditions: []ifheader.Condition{{Token: token}}}
			c.header, c.field = ifheader.Header{Lists: []ifheader.List{list}}, "Lock-Token"
		}
	}
	return c, nil
}

// exchangeOf is as much of an exchange as it takes to find out what URIs name.
func (h *Handler) exchangeOf(r *http.Request) *exchange {
	return &exchange{Handler: h, r: r, ctx: context.WithoutCancel(r.Context())}
}

// malformedIf refuses a field that cannot be read: 400, and 412 for a request that only reads, as with If-Match.
func malformedIf(r *http.Request, err error) *condhttp.Problem {
	status := http.StatusBadRequest
	if method.IsSafe(r.Method) {
		status = http.StatusPreconditionFailed
	}
	p := condhttp.NewProblem(status, "if-malformed", err.Error(), "correct the field If, or leave it out")
	if e, ok := errors.AsType[*ifheader.SyntaxError](err); ok {
		p.Hint = e.Fault.String()
	}
	p.Type = "https://www.rfc-editor.org/rfc/rfc4918#section-10.4.2"
	p.Precondition, p.Sent = "If", condhttp.Shown(strings.Join(r.Header["If"], ", "))
	return p
}

// others are the names of resources of this server that the field is about, beside the target. They must not change
// while a write goes on that depends on them.
func (c *condition) others() []string {
	var names []string
	for _, l := range c.header.Lists {
		if l.Resource == "" {
			continue
		}
		if name, here := c.nameOf(l.Resource); here && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// check evaluates the field. The error is a 412, or says why a resource could not be looked at.
func (c *condition) check(now time.Time) error {
	c.decision = ifheader.Evaluate(c.header, c.x.r.URL.EscapedPath(), func(uri string) ifheader.State { return c.state(uri, now) })
	switch {
	case c.err != nil:
		return c.err
	case !c.decision.Holds:
		return c.failed()
	}
	return nil
}

// admit evaluates the field, and looks whether what is touched is as it has to be: the collection exists in which something is to be
// made, and the name still does, or does not. No tree that this lies in is taken away before the write has left.
func (c *condition) admit(now time.Time, touched []touch) error {
	if err := c.check(now); err != nil {
		return err
	}
	for _, t := range touched {
		if t.settled && c.exists(c.x.ctx, t.name) == t.member {
			return errMeanwhile
		}
		if !t.inCollection {
			continue
		}
		if err := c.x.hasCollection(t.name); err != nil {
			return err
		}
	}
	return nil
}

// nameOf is the name of the resource that a URI in the field is about. here is false for one that is not of this server.
func (c *condition) nameOf(uri string) (name string, here bool) {
	u, err := url.Parse(uri)
	if err != nil || u.Opaque != "" || u.Fragment != "" || u.User != nil || resource.AsksForRevision(u) || u.Host != "" && !c.x.isHere(u) {
		return "", false
	}
	if name, _, err = nameOf(u); err != nil {
		return "", false
	}
	return c.x.spelled(name), true
}

// state is what is known of a resource that the field is about.
func (c *condition) state(uri string, now time.Time) ifheader.State {
	name, here := c.nameOf(uri)
	if !here {
		return ifheader.State{Name: uri, Elsewhere: true}
	}
	s := ifheader.State{Name: name}
	for _, l := range c.table.Covering(now, name) {
		s.Locks = append(s.Locks, l.Token)
	}
	info, err := c.x.stat(name)
	if err != nil {
		c.err = err
		return s
	}
	s.Exists = isThere(info)
	if info.Exists() {
		res := c.catalog.Of(info)
		s.Tags = append(s.Tags, res.Identity.Tag)
		s.Tags = append(s.Tags, res.Tags()...)
	}
	return s
}

// guards reports whether the field would have stopped the write, had what it changes been in another state.
func (c *condition) guards(touched []touch) bool {
	return c.decision.Guarded || slices.ContainsFunc(touched, func(t touch) bool { return c.decision.Guards(t.name) })
}

// failed refuses a request whose field is false (§10.4.3).
func (c *condition) failed() *condhttp.Problem {
	d := c.decision
	p := problemOfIf(d.Reason, condhttp.Shown(d.Text()))
	p.Type = "https://www.rfc-editor.org/rfc/rfc4918#section-" + d.Section()
	p.Precondition, p.Sent = c.field, condhttp.Shown(strings.Join(c.x.r.Header[c.field], ", "))
	if uri := d.List.Resource; uri != "" {
		p.More = c.about(uri)
	}
	return p
}

// about tells of the resource that decided, if it is not the target, of which the problem tells anyway.
func (c *condition) about(uri string) map[string]any {
	name, here := c.nameOf(uri)
	if target, _ := c.nameOf(c.x.r.URL.EscapedPath()); !here || name == target {
		return nil
	}
	info, err := c.x.stat(name)
	if err != nil || !info.Exists() {
		return map[string]any{"resource": resource.PathOf(name)}
	}
	return map[string]any{"resource": resource.PathOf(name), "resourceETag": c.catalog.Tag(info).String()}
}

// problemOfIf is the refusal for the reason why a list does not hold.
func problemOfIf(reason ifheader.Reason, text string) *condhttp.Problem {
	const status = http.StatusPreconditionFailed
	switch reason {
	case ifheader.Locked, ifheader.TagMatches:
		return condhttp.NewProblem(status, "if-denied-state", text, "the list says Not of what is the case; look at the resource again")
	case ifheader.NotLocked:
		return condhttp.NewProblem(status, "if-not-locked", text,
			"the lock has ended, or was on another resource; look whether the resource has changed, lock it again, and send the new token")
	case ifheader.Elsewhere:
		return condhttp.NewProblem(status, "if-elsewhere", text,
			"name the resource by its path alone, or with the host that the request is sent to; a proxy has to pass Host on as it came")
	}
	return condhttp.NewProblem(status, "if-tag-differs", text, "the resource has changed since it was read; read it again, and decide "+
		"what to keep")
}

// mayRead evaluates the field If of a request that reads (§10.4.1 makes any request conditional).
func (x *exchange) mayRead() error {
	if len(x.r.Header["If"]) == 0 || !method.IsSafe(x.r.Method) {
		return nil
	}
	c, err := x.locks.condition(x.r)
	if err != nil {
		return err
	}
	return c.check(x.now)
}
