package command

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/fourtwelve/fourtwelve/command/internal/guardconfig"
	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/guard"
)

// say tells what is guarded, where, what will be refused, and how to try it.
func (p *guardPlan) say(w io.Writer, at, metrics net.Addr) {
	where := p.where(at)
	routes := p.config.Guard.Routes
	if len(routes) == 1 && routes[0].Host+routes[0].Path == "" {
		fmt.Fprintf(w, "Guarding %s at %s (%s).\n", routes[0].Backend.Redacted(), where.url, where.reach)
		fmt.Fprintln(w, sayValidators(routes[0]))
		fmt.Fprintln(w, sayWrites(routes[0]))
	} else {
		fmt.Fprintf(w, "Guarding %s at %s (%s), as %s says:\n", count(len(routes), "route"), where.url, where.reach, p.file)
		sayRoutes(w, routes)
	}
	if p.accessLog != "-" && p.accessLog != "off" {
		fmt.Fprintf(w, "The access log goes to %s.\n", p.accessLog)
	}
	sayMetrics(w, metrics)
	if metrics != nil && slices.ContainsFunc(routes, func(r guard.Route) bool { return r.Cache != guard.CacheOff }) {
		fmt.Fprintf(w, "To see or purge what the cache has: fourtwelve cache list --admin %s.\n", metrics)
	}
	if warning := p.certificateWarning(); warning != "" {
		fmt.Fprintf(w, "Warning: %s.\n", warning)
	}
	fmt.Fprintf(w, "Try it:\n  %s\n", p.tryLine(where))
}

// sayChecked tells what a configuration amounts to.
func (p *guardPlan) sayChecked(w io.Writer) {
	fmt.Fprintf(w, "The configuration is right. It is to listen on %s, and has %s:\n", p.listen, count(len(p.config.Guard.Routes), "route"))
	sayRoutes(w, p.config.Guard.Routes)
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// sayRoutes writes a line for each route.
func sayRoutes(w io.Writer, routes []guard.Route) {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, r := range routes {
		what := sayMatch(r, i > 0)
		fmt.Fprintf(table, "  %s\t-> %s\ttags: %v\tpreconditions: %v\trequired: %s\n",
			what, r.Backend.Redacted(), r.Validators, r.Preconditions, guardconfig.RequireWords[r.Require])
	}
	table.Flush()
}

// sayMatch says which requests a route is for, after its name if it has one of its own.
func sayMatch(r guard.Route, hasOthersBefore bool) string {
	what := r.Host + r.Path
	switch {
	case what != "":
	case hasOthersBefore:
		what = "all else"
	default:
		what = "all"
	}
	if len(r.Methods) > 0 {
		what += " " + strings.Join(r.Methods, ",")
	}
	if r.Name != guardconfig.NameOf(guard.Route{Host: r.Host, Path: r.Path}) {
		what = r.Name + ": " + what
	}
	return what
}

func sayValidators(r guard.Route) string {
	switch r.Validators {
	case guard.ValidatorsContent:
		return "Entity tags are made of content."
	case guard.ValidatorsBackend:
		return "Entity tags are the backend's, where they are strong and well-formed; what they say is believed."
	case guard.ValidatorsNone:
		return "There are no entity tags; preconditions are evaluated by dates alone."
	}
	if r.Cache == guard.CacheOn {
		return "Entity tags are the backend's where it says how long an answer is fresh, or gives strong ones; others are made of content."
	}
	return "Entity tags are made of content, until those of the backend prove sound."
}

func sayWrites(r guard.Route) string {
	s := "A write with a precondition that does not hold is refused (412); one without is not."
	switch r.Require {
	case condhttp.RequireOverwrite:
		s = "A write that would replace or delete something needs a precondition (428) that holds (412)."
	case condhttp.RequireAlways:
		s = "Every write needs a precondition (428) that holds (412)."
	}
	if r.Preconditions == guard.PreconditionsPass {
		s += " The backend is told of it, too."
	}
	return s
}

// tryLine is a command that works as it stands, on this machine, in the shells of
// Unix and of Windows.
func (p *guardPlan) tryLine(at place) string {
	args := append([]string{"curl", "-i"}, p.tlsArgs(at)...)
	first := p.config.Guard.Routes[0]
	if first.Host != "" {
		args = append(args, "-H", "Host: "+strings.Replace(first.Host, "*", "www", 1))
	}
	path, _, _ := strings.Cut(strings.TrimPrefix(first.Path, "/"), "*")
	return shell(append(args, at.url+path))
}
