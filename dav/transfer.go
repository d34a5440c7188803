package dav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/store"
)

// transfer answers COPY and MOVE (§9.8, §9.9). What was at the destination is replaced, never merged. It is
// kept as deleted things are, or spared if the request says nothing about its state.
func (x *exchange) transfer() {
	t, err := x.transferOf()
	if err != nil {
		x.fail(err)
		return
	}
	replaced := false
	_, err = x.attempt(write{
		lookUp:  t.lookUp,
		touched: t.touched(),
		check:   t.check, overwrites: t.to,
		replaces: func(_, at store.Info) bool { return t.move || isThere(at) },
		try: func(ctx context.Context, p passage, from, at store.Info) (store.Info, error) {
			replaced = isThere(at)
			after, err := t.try(ctx, from, at)
			if err == nil {
				t.endLocks(p)
			}
			return after, err
		},
	})
	switch {
	case err != nil:
		x.fail(t.explained(err))
	case replaced:
		x.noContent(http.StatusNoContent)
	default:
		x.header["Location"] = []string{t.location()}
		x.noContent(http.StatusCreated)
	}
}

// transfer is a COPY or MOVE.
type transfer struct {
	*exchange
	move bool
	to   string // the name of the destination
	// slash is set if the path of the destination ends in "/".
	toSlash bool
	// keep is set if what is at the destination must not be replaced ("Overwrite: F").
	keep bool
	// shallow is set if a collection is copied without its members ("Depth: 0").
	shallow bool
	// collection is set once the source was seen to be one.
	collection bool
	// at is what was last seen at the destination.
	at store.Info
}

// transferOf reads the fields of the request. The error is a problem.
func (x *exchange) transferOf() (*transfer, error) {
	t := &transfer{exchange: x, move: x.r.Method == "MOVE"}
	if x.hasContent() {
		return nil, condhttp.NewProblem(http.StatusUnsupportedMediaType, "unexpected-content",
			x.r.Method+" has no content that this server knows (RFC 4918 §8.4)", "send the request without content")
	}
	d, err := depthOf(x.r.Header["Depth"], infinity)
	if err != nil {
		return nil, err
	}
	// "A client MUST NOT submit a Depth header on a MOVE on a collection with any value but infinity" (§9.9.2).
	if d == depth1 || d == depth0 && t.move && x.isCollection() {
		return nil, badDepth(x.r.Method + " cannot be as deep as that")
	}
	t.shallow = d == depth0
	if t.keep, err = keeps(x.r.Header["Overwrite"]); err != nil {
		return nil, err
	}
	t.to, t.toSlash, err = x.destination()
	return t, err
}

// keeps reads the lines of an Overwrite field (§10.6). None is T.
func keeps(lines []string) (bool, error) {
	if len(lines) == 0 {
		return false, nil
	}
	if len(lines) == 1 {
		switch strings.ToUpper(strings.TrimSpace(lines[0])) {
		case "T":
			return false, nil
		case "F":
			return true, nil
		}
	}
	return false, condhttp.NewProblem(http.StatusBadRequest, "malformed-overwrite",
		"Overwrite is neither T nor F", "correct the field, or leave it out")
}

// destination reads the Destination field (§10.3): an absolute URI of this server, or an absolute path.
func (x *exchange) destination() (name string, slash bool, err error) {
	lines := x.r.Header["Destination"]
	if len(lines) != 1 || lines[0] == "" {
		return "", false, badDestination("COPY and MOVE need one Destination")
	}
	u, err := url.Parse(lines[0])
	switch {
	case err != nil:
		return "", false, badDestination("the Destination is no URI")
	case u.Fragment != "" || u.RawQuery != "" || u.User != nil || u.Opaque != "":
		return "", false, badDestination("the Destination has more than a scheme, a host and a path")
	case u.Host != "" && !x.isHere(u), u.Scheme != "" && u.Host == "":
		p := condhttp.NewProblem(http.StatusBadGateway, "destination-elsewhere",
			"the Destination is on another server, and this one writes to none but itself",
			"send a Destination with the scheme and host of the request, or the path alone; a proxy has to pass Host on as it came")
		return "", false, p
	}
	name, slash, err = nameOf(u)
	if err != nil {
		return "", false, err
	}
	return x.spelled(name), slash, nil
}

// isHere reports whether u is a URI of this server. The scheme may be that of a proxy before it.
func (x *exchange) isHere(u *url.URL) bool {
	switch strings.ToLower(u.Scheme) {
	case "http", "https", "":
		return strings.EqualFold(withoutPort(u.Host), withoutPort(x.r.Host))
	}
	return false
}

// withoutPort returns a host without the port that is the usual one of http or https.
func withoutPort(host string) string {
	for _, port := range [...]string{":80", ":443"} {
		if rest, ok := strings.CutSuffix(host, port); ok {
			return rest
		}
	}
	return host
}

func badDestination(detail string) error {
	return condhttp.NewProblem(http.StatusBadRequest, "invalid-destination", detail, "send the absolute URI of where it is to be")
}

func (t *transfer) touched() []touch {
	to := touch{name: t.to, tree: true, member: true}
	if t.move {
		return []touch{{name: t.name, tree: true, member: true}, to}
	}
	return []touch{to}
}

// lookUp describes the source and what is at the destination.
func (t *transfer) lookUp() (from, at store.Info, err error) {
	if from, err = t.exchange.lookUp(); err != nil {
		return from, at, err
	}
	t.collection = from.Collection
	if at, err = t.stat(t.to); err != nil {
		return from, at, err
	}
	t.at = at
	if t.toSlash && !from.Collection && !at.Collection {
		err = badDestination("the Destination ends in a slash, but neither what is there nor what would be is a collection")
	}
	return from, at, err
}

func isThere(info store.Info) bool { return info.Exists() || info.Collection }

// check holds the request to Overwrite.
func (t *transfer) check(_, at store.Info) error {
	switch {
	case t.name == t.to:
		return errInside
	case t.keep && isThere(at):
		return t.destinationExists(at)
	}
	return nil
}

// destinationExists refuses a request that must not replace anything.
func (t *transfer) destinationExists(at store.Info) error {
	p := condhttp.NewProblem(http.StatusPreconditionFailed, "destination-exists",
		"the request has Overwrite: F, but there is something at the destination", "choose another destination, or send Overwrite: T")
	p.Type = "https://www.rfc-editor.org/rfc/rfc4918#section-10.6"
	p.Precondition, p.Sent = "Overwrite", "F"
	p.More = map[string]any{"destination": pathOf(store.Info{Name: t.to, Collection: at.Collection})}
	return p
}

// try performs the write on the source and the destination that were seen. If the destination must not be replaced, or
// nothing was there, nothing is there at that moment either.
func (t *transfer) try(ctx context.Context, from, at store.Info) (store.Info, error) {
	expectFrom, expectTo := expectOf(from), expectOf(at)
	switch {
	case t.move:
		return t.store.Move(ctx, t.name, expectFrom, t.to, expectTo)
	case from.Collection && t.shallow:
		return t.store.CopyCollection(ctx, t.name, t.to, expectTo)
	}
	return t.store.Copy(ctx, t.name, expectFrom, t.to, expectTo)
}

// endLocks ends the locks on what is no more. They do not move with a resource (§7.7).
func (t *transfer) endLocks(p passage) {
	if t.move {
		p.unmapped(t.name)
	}
	p.replaced(t.to)
}

// expectOf is what a write insists on that was evaluated against info.
func expectOf(info store.Info) store.Expect {
	if info.Collection {
		return store.Any
	}
	return store.At(info.Revision)
}

// explained is err as the client is told of it: which name it is about.
func (t *transfer) explained(err error) error {
	if _, ok := errors.AsType[*condhttp.Problem](err); ok {
		return err
	}
	if name, ok := errors.AsType[*store.NameError](err); ok && name.Name == t.to {
		return condhttp.NewProblem(http.StatusForbidden, "bad-name", fmt.Sprintf("the Destination: %v", name), "choose another name")
	}
	if lost, ok := errors.AsType[*store.UnsparedError](err); ok {
		return t.wouldLoseSome(lost)
	}
	return err
}

// location is the path of what is at the destination now.
func (t *transfer) location() string { return pathOf(store.Info{Name: t.to, Collection: t.collection}) }
