package dav

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/dav/internal/davxml"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
)

// propfind answers PROPFIND (§9.1).
func (x *exchange) propfind() {
	d, err := depthOf(x.r.Header["Depth"], infinity)
	if err != nil {
		x.fail(err)
		return
	}
	asked, err := davxml.ReadPropfind(x.document())
	if err != nil {
		x.fail(x.documentError(err))
		return
	}
	info, err := x.lookUp()
	switch {
	case err != nil:
		x.fail(err)
	case info.Collection && d == infinity:
		x.refuse(errInfinite)
	default:
		x.sendProperties(question{Propfind: asked, brief: x.isBrief()}, info, d == depth1 && info.Collection)
	}
}

// errInfinite refuses to go through a whole tree for one request.
var errInfinite = func() *condhttp.Problem {
	p := condhttp.NewProblem(http.StatusForbidden, "infinite-depth",
		"PROPFIND of a collection with Depth: infinity, or without Depth, would list all that is in it (RFC 4918 §9.1)",
		"send Depth: 1, and ask again for each collection in it")
	p.Condition = &condhttp.Condition{Name: "propfind-finite-depth"}
	return p
}()

// isBrief reports whether the client does not want to be told of properties that are not there: by RFC 8144 §2.1, or
// by the older Brief of [MS-WDVME] §2.2.1.
func (x *exchange) isBrief() bool {
	for _, line := range x.r.Header["Prefer"] {
		if strings.Contains(line, "return=minimal") {
			x.header["Preference-Applied"] = []string{"return=minimal"}
			return true
		}
	}
	return strings.EqualFold(x.r.Header.Get("Brief"), "t")
}

// question is what a PROPFIND asks of each resource.
type question struct {
	*davxml.Propfind
	brief bool
}

// needsTag reports whether the answer has entity tags.
func (q question) needsTag() bool {
	return q.AllProp || slices.ContainsFunc(q.Props, func(n davxml.Name) bool {
		l, ok := liveOf(n)
		return ok && l.needsTag
	})
}

// needsDead reports whether the answer may have dead properties.
func (q question) needsDead() bool {
	isDead := func(n davxml.Name) bool {
		_, ok := liveOf(n)
		return !ok
	}
	return q.AllProp || q.PropName || slices.ContainsFunc(q.Props, isDead)
}

// sendProperties answers 207 with the properties of info, and of its members. The members are sent as they are listed,
// so that the first are on their way before the last are looked at, and none is held in memory.
func (x *exchange) sendProperties(q question, info store.Info, members bool) {
	w, to := x.multistatus()
	err := x.sendResponse(w, q, info)
	if err == nil && members {
		if err = w.Send(); err == nil {
			_ = http.NewResponseController(x.w).Flush() // an answer in one piece is as good
			err = x.sendMembers(w, q, info.Name)
		}
	}
	x.sent(w, to, err)
}

func (x *exchange) sendMembers(w *davxml.Writer, q question, collection string) error {
	for member, err := range x.store.List(x.ctx, collection) {
		if err != nil {
			return err
		}
		if err := x.sendMember(w, q, member); err != nil {
			return err
		}
	}
	return nil
}

// sendMember sends the response for a member. One that has gone meanwhile has none; one that cannot be read says so.
func (x *exchange) sendMember(w *davxml.Writer, q question, member store.Info) error {
	var err error
	if !member.Collection && !member.Exists() && q.needsTag() {
		// The listing does not know the content, and its tag is to be that of GET.
		member, err = x.store.Stat(x.ctx, member.Name)
	}
	if err == nil {
		err = x.sendResponse(w, q, member)
	}
	switch {
	case err == nil || errors.Is(err, store.ErrNotFound):
		return w.Err()
	case w.Err() != nil:
		return w.Err()
	}
	x.log.WarnContext(x.ctx, "the properties of a member could not be read", "name", member.Name, "error", err)
	w.Open("response")
	w.Element("href", pathOf(member))
	w.Status(origin.ProblemOf(err).Status)
	w.Close()
	return w.Err()
}

// sendResponse sends what is asked of one resource. If it returns an error nothing of it was written, unless that is w's.
func (x *exchange) sendResponse(w *davxml.Writer, q question, info store.Info) error {
	var dead map[string]string
	if q.needsDead() && x.hasProperties() {
		var err error
		if dead, err = x.store.Properties(x.ctx, info.Name); err != nil {
			return err
		}
	}
	w.Open("response")
	w.Element("href", pathOf(info))
	switch {
	case q.PropName:
		x.sendNames(w, info, dead)
	case q.AllProp:
		x.sendAll(w, q, info, dead)
	default:
		x.sendProps(w, q, info, dead)
	}
	w.Close()
	return w.Err()
}

// hasProperties reports whether there may be dead properties anywhere. Where nobody sets any they cost nothing, in listings of many
// members above all.
func (x *exchange) hasProperties() bool {
	hint, ok := x.store.(store.PropertyHint)
	return !ok || hint.HasProperties()
}

// sendNames sends the names of all properties (§9.1.4).
func (x *exchange) sendNames(w *davxml.Writer, info store.Info, dead map[string]string) {
	w.Open("propstat")
	w.Open("prop")
	for _, name := range liveNames {
		if liveProperties[name].has(x, info) {
			w.Empty(name)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(dead)) {
		if name, ok := davxml.ParseName(key); ok {
			w.Name(name)
		}
	}
	w.Close()
	w.Status(http.StatusOK)
	w.Close()
}

// sendAll sends all properties, and those that are to be included (§9.1.5). All that are live are among them anyway.
func (x *exchange) sendAll(w *davxml.Writer, q question, info store.Info, dead map[string]string) {
	w.Open("propstat")
	w.Open("prop")
	for _, name := range liveNames {
		x.sendLive(w, name, info)
	}
	for _, key := range slices.Sorted(maps.Keys(dead)) {
		w.Fragment(dead[key])
	}
	w.Close()
	w.Status(http.StatusOK)
	w.Close()
	missing := slices.DeleteFunc(slices.Clone(q.Include), func(n davxml.Name) bool { return x.isSet(n, info, dead) })
	sendMissing(w, q, missing)
}

// sendProps sends the properties asked for by name, and which of them there are not.
func (x *exchange) sendProps(w *davxml.Writer, q question, info store.Info, dead map[string]string) {
	var missing []davxml.Name
	found := 0
	for _, n := range q.Props {
		if !x.isSet(n, info, dead) {
			missing = append(missing, n)
			continue
		}
		if found++; found == 1 {
			w.Open("propstat")
			w.Open("prop")
		}
		if fragment, ok := dead[n.String()]; ok {
			w.Fragment(fragment)
		} else {
			x.sendLive(w, n.Local, info)
		}
	}
	if found > 0 {
		w.Close()
		w.Status(http.StatusOK)
		w.Close()
	} else if len(missing) == 0 || q.brief {
		w.Open("propstat") // a response has something
		w.Empty("prop")
		w.Status(http.StatusOK)
		w.Close()
	}
	sendMissing(w, q, missing)
}

// isSet reports whether there is a property of that name.
func (x *exchange) isSet(n davxml.Name, info store.Info, dead map[string]string) bool {
	if l, ok := liveOf(n); ok {
		return l.has(x, info)
	}
	_, ok := dead[n.String()]
	return ok
}

// sendLive sends a live property, if info has it.
func (x *exchange) sendLive(w *davxml.Writer, name string, info store.Info) {
	l := liveProperties[name]
	if !l.has(x, info) {
		return
	}
	w.Open(name)
	l.write(x, w, info)
	w.Close()
}

func sendMissing(w *davxml.Writer, q question, missing []davxml.Name) {
	if len(missing) == 0 || q.brief {
		return
	}
	w.Open("propstat")
	w.Open("prop")
	for _, n := range missing {
		w.Name(n)
	}
	w.Close()
	w.Status(http.StatusNotFound)
	w.Close()
}
