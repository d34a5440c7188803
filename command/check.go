package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/command/internal/flagvalue"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/probe"
)

// checkOptions are the flags of fourtwelve check.
type checkOptions struct {
	writeTo, addresses []string
	contents           []string
	contentType        string
	only, skip         []string
	risky              bool
	list, compare      bool

	rate                         float64
	budget, connections, writers int
	timeout                      time.Duration
	maxContent                   flagvalue.Size
	follow                       int

	userAgent string
	fields    []string
	login     loginOptions
	caCert    string
	insecure  bool

	verbose            int
	curl, json         bool
	html, junit, sarif string
	failOn             checkLevel
}

const checkLong = `Ask a live server, or the chain of CDN, proxy and server behind a URL, whether its
preconditions hold: which conditional requests it answers rightly, which wrongly, what that
means to users, and how to mend it.

Nothing is written, unless --write-to names a resource that does not exist yet; it is
created, written to and removed. If it ends in a slash it is a collection, and WebDAV's locks,
properties and moves are asked for, too. At most 4 connections are open, and nothing more is
sent once the server answers 429 or 503.

Exit code: 0; 1 if a check fails that is as binding as --fail-on; 2 if something could not be
asked, such as a URL that does not answer, or if it was interrupted.`

const checkExample = `  fourtwelve check https://www.example.org/logo.svg
  fourtwelve check --write-to https://dav.example.org/scratch.txt https://dav.example.org/plan.txt
  fourtwelve check --compare https://staging.example.org/a.css https://www.example.org/a.css
  fourtwelve check --fail-on should --junit check.xml --sarif check.sarif https://www.example.org/
  fourtwelve check --list inm-exact`

func newCheck(env *Env) *cobra.Command {
	o := checkOptions{
		rate: 20, budget: probe.DefaultBudget, connections: 4, writers: 4, timeout: 10 * time.Second, maxContent: 8 << 20,
		userAgent: probe.DefaultUserAgent, failOn: checkLevel{level: probe.Must},
	}
	cmd := &cobra.Command{
		Use:     "check URL",
		Short:   "Ask a live server whether its preconditions hold",
		Long:    checkLong,
		Example: checkExample,
	}
	o.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.list {
			return o.showList(env, args)
		}
		return o.run(cmd.Context(), env, args)
	}
	return cmd
}

func (o *checkOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringArrayVar(&o.writeTo, "write-to", nil, "also ask what writes, at a `URL` where nothing is yet")
	f.StringArrayVar(&o.contents, "content", nil, "write `TEXT` or @FILE there; give two that can replace each other")
	f.StringVar(&o.contentType, "content-type", "", "the media `TYPE` of what is written; text/plain without it")
	f.BoolVar(&o.compare, "compare", false, "ask two URLs, and show where they differ")
	f.StringSliceVar(&o.only, "only", nil, "ask only these: `NAMES` of checks, groups or levels; repeatable")
	f.StringSliceVar(&o.skip, "skip", nil, "do not ask these `NAMES`; repeatable")
	f.BoolVar(&o.risky, "risky", false, "also ask what may harm a fragile server, or others behind a shared cache")
	f.BoolVar(&o.list, "list", false, "list all checks, or teach the ones that are named")

	f.StringArrayVar(&o.addresses, "address", nil, "ask the server at this `ADDRESS`, not where its name points to; repeatable")
	f.IntVar(&o.follow, "follow", 0, "follow `N` redirects to what is asked")
	f.Float64Var(&o.rate, "rate", o.rate, "requests a second at most; 0 for no limit")
	f.IntVar(&o.budget, "budget", o.budget, "requests at most")
	f.IntVar(&o.connections, "connections", o.connections, "connections at a time, 1 to 4")
	f.IntVar(&o.writers, "writers", o.writers, "how many write at the same time in the race, 2 to 64")
	f.DurationVar(&o.timeout, "timeout", o.timeout, "time for each request with its answer")
	f.Var(&o.maxContent, "max-content", "how much of an answer is read")

	f.StringVar(&o.userAgent, "user-agent", o.userAgent, "who asks")
	f.StringArrayVarP(&o.fields, "header", "H", nil, "send a field, as `'NAME: VALUE'`, with every request; repeatable")
	o.login.addFlags(f)
	f.StringVar(&o.caCert, "cacert", "", "trust the certificates in `FILE`, not those of the system")
	f.BoolVarP(&o.insecure, "insecure", "k", false, "accept any certificate")

	f.CountVarP(&o.verbose, "verbose", "v", "show what was sent and got where a check fails; -vv everywhere")
	f.BoolVar(&o.curl, "curl", false, "show each request as a curl command")
	f.BoolVar(&o.json, "json", false, "print JSON")
	f.StringVar(&o.html, "html", "", "write a page with pictures to `FILE` too")
	f.StringVar(&o.junit, "junit", "", "write JUnit XML to `FILE` too")
	f.StringVar(&o.sarif, "sarif", "", "write SARIF to `FILE` too")
	f.Var(&o.failOn, "fail-on", "how binding a check must be that makes the exit code 1")
}

// checkLevel is a flag for the level from which on a failure makes the command fail.
type checkLevel struct {
	never bool
	level probe.Level
}

func (l *checkLevel) Set(text string) error {
	if text == "never" {
		*l = checkLevel{never: true}
		return nil
	}
	level, err := probe.ParseLevel(text)
	if err != nil {
		return errors.New("must be must, should, advice or never")
	}
	*l = checkLevel{level: level}
	return nil
}

func (l *checkLevel) String() string {
	if l.never {
		return "never"
	}
	return l.level.String()
}

func (l *checkLevel) Type() string { return "must|should|advice|never" }

// run asks the targets one after another, and shows what was found.
func (o *checkOptions) run(ctx context.Context, env *Env, args []string) error {
	plans, err := o.plan(args)
	if err != nil {
		return usageError{err}
	}
	// net/http reports there what servers send unasked, such as content with a 304.
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard)
	var found []*report.Checked
	for _, p := range plans {
		bar := newCounter(env.Stderr, "checks")
		p.options.Progress = func(done, of int) { bar.show(int64(done), int64(of)) }
		r, err := probe.Run(ctx, p.target, p.options)
		bar.clear()
		if err != nil && ctx.Err() == nil {
			sayUnasked(env.Stderr, err)
			return exitError{exitUsage}
		}
		if r != nil {
			found = append(found, &report.Checked{Report: r, Causes: causesOf(r)})
		}
		if ctx.Err() != nil {
			break
		}
	}
	if err := o.show(env, found); err != nil {
		return err
	}
	sayEnd(env.Stderr, found, ctx.Err() != nil)
	return o.verdict(found, ctx.Err() != nil)
}

// verdict is how the command ends. What was not asked in full passes for no success.
func (o *checkOptions) verdict(found []*report.Checked, interrupted bool) error {
	unasked := interrupted
	for _, c := range found {
		if !o.failOn.never && c.Fails(o.failOn.level) {
			return exitError{exitFailure}
		}
		unasked = unasked || c.Stopped != "" || c.Score() < 0
	}
	if unasked {
		return exitError{exitUsage}
	}
	return nil
}

// show writes what was found: of two targets side by side.
func (o *checkOptions) show(env *Env, found []*report.Checked) error {
	if len(found) == 0 {
		return nil
	}
	page := func(w io.Writer) error { return report.CheckHTML(w, found[0]) }
	text := func(w io.Writer) error {
		return report.Check(w, found[0], styleOf(w), o.detail())
	}
	data := func(w io.Writer) error { return report.CheckJSON(w, found[0]) }
	if len(found) == 2 {
		page = func(w io.Writer) error { return report.ComparisonHTML(w, found[0], found[1]) }
		text = func(w io.Writer) error {
			return report.Comparison(w, found[0], found[1], styleOf(w), o.detail())
		}
		data = func(w io.Writer) error { return report.ComparisonJSON(w, found[0], found[1]) }
	}
	for _, file := range []struct {
		flag, name string
		write      func(io.Writer) error
	}{
		{"--html", o.html, page},
		{"--junit", o.junit, func(w io.Writer) error { return report.JUnit(w, found...) }},
		{"--sarif", o.sarif, func(w io.Writer) error { return report.SARIF(w, found...) }},
	} {
		if file.name == "" {
			continue
		}
		if err := writeFile(file.flag, file.name, file.write); err != nil {
			return err
		}
	}
	if o.json {
		return data(env.Stdout)
	}
	return text(env.Stdout)
}

func (o *checkOptions) detail() report.CheckDetail {
	return report.CheckDetail{Failed: o.verbose > 0, All: o.verbose > 1, Curl: o.curl}
}

// showList lists the checks that --only and --skip leave, or teaches those that are named.
func (o *checkOptions) showList(env *Env, names []string) error {
	checks, err := o.listed(names)
	if err != nil {
		return usageError{err}
	}
	style := styleOf(env.Stdout)
	switch {
	case o.json:
		return report.ChecksJSON(env.Stdout, checks, len(names) == 1)
	case len(names) == 0:
		return report.Checks(env.Stdout, checks, style)
	}
	for i, c := range checks {
		if i > 0 {
			fmt.Fprintln(env.Stdout)
		}
		if err := report.CheckRecord(env.Stdout, c, style); err != nil {
			return err
		}
	}
	return nil
}

func (o *checkOptions) listed(names []string) ([]*probe.Check, error) {
	if len(names) == 0 {
		return o.selected()
	}
	var list []*probe.Check
	for _, name := range names {
		c, ok := probe.CheckByID(strings.ToLower(name))
		if !ok {
			return nil, fmt.Errorf("no check %q; fourtwelve check --list lists all", name)
		}
		list = append(list, c)
	}
	return list, nil
}
