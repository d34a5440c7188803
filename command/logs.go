package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose/logs"
	"github.com/fourtwelve/fourtwelve/internal/field/cachecontrol"
)

// logsOptions are the flags of fourtwelve logs.
type logsOptions struct {
	outputOptions
	format accesslog.Format
	since  instant
	until  instant
	paths  []string
	status accesslog.StatusSet
	top    int
	zone   string
	proxy  []string
	follow bool
}

const logsLong = `Say who gets 412, since when and why, what else is wrong with preconditions, and what
revalidation saves and costs, from the access logs of a web server.

FILE is a log of IIS, nginx, Apache, Caddy, HAProxy, a load balancer, a cloud service or an application,
plain or packed with gzip, zstd or bzip2; a directory; a pattern such as 'u_ex*.log'; or - for standard
input. The format is found out. Several files are merged by time.

A log with just the fields its server logs by default hardly ever proves a cause. What to
add to the configuration is said. docs/log-formats.md has it for all servers.

Exit code: 0; 1 if a finding reaches --fail-on; 2 if something could not be read.`

const logsExample = `  fourtwelve logs /var/log/nginx/access.log*
  fourtwelve logs --since 2026-11-03 --path '/dav/**' --html why.html 'u_ex*.log'
  fourtwelve logs --follow /var/log/nginx/access.log
  zcat -f access.log* | fourtwelve logs --status 412 -
  fourtwelve logs --format 'nginx:$remote_addr [$time_local] "$request" $status "$http_if_match"' FILE`

func newLogs(env *Env) *cobra.Command {
	o := logsOptions{outputOptions: outputOptions{failOn: neverFail}, top: 10}
	cmd := &cobra.Command{
		Use:     "logs FILE…",
		Short:   "Say who gets 412 and why, from access logs",
		Long:    logsLong,
		Example: logsExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("logs needs a file, a pattern, or - for standard input")}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var((*logFormat)(&o.format), "format", "the `FORMAT` of all files, if it is not recognised: iis, nginx:LOG_FORMAT, apache:LOGFORMAT, haproxy:CAPTURES and so on")
	f.Var(&o.since, "since", "only requests from that `TIME` on: 2026-11-03, 2026-11-03T09:15:00Z, or 24h ago as 24h")
	f.Var(&o.until, "until", "only requests before that `TIME`")
	f.StringArrayVar(&o.paths, "path", nil, "only requests for paths that match `GLOB`, such as '/dav/**'; repeatable")
	f.Var((*statusFlag)(&o.status), "status", "only requests with that `STATUS`: 412, 4xx, or several with commas")
	f.IntVar(&o.top, "top", o.top, "how long the lists are")
	f.StringVar(&o.zone, "time-zone", "", "the `ZONE` of a log that has none (HAProxy), such as Europe/Berlin; UTC without")
	f.StringArrayVar(&o.proxy, "proxy", nil, "a proxy by its `ADDRESS`, or a network of them, that names its clients in X-Forwarded-For; repeatable")
	f.BoolVar(&o.follow, "follow", false, "go on with the file that was changed last, tell each new 412 with its cause, and give the report at the end (Ctrl-C)")
	o.addFlags(f)
	f.Var(&o.failOn, "fail-on", "the level of findings from which on the exit code is 1")
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), env, args) }
	return cmd
}

func (o *logsOptions) run(ctx context.Context, env *Env, names []string) error {
	options, err := o.options(env)
	if err != nil {
		return usageError{err}
	}
	bar := newProgress(env.Stderr)
	options.Log.Progress = bar.show
	if o.follow {
		options.Log.Follow, options.Log.Stop = true, ctx.Done()
		options.Log.Progress, options.Live = nil, o.live(env)
		ctx = context.WithoutCancel(ctx) // what was read is reported
	}
	r, err := logs.Analyse(ctx, names, options)
	bar.clear()
	if err != nil {
		sayErrors(env.Stderr, err)
	}
	if r == nil {
		return exitError{exitUsage}
	}
	if err := o.show(env, r); err != nil {
		return err
	}
	switch {
	case err != nil:
		return exitError{exitUsage}
	case o.failed(r):
		return exitError{exitFailure}
	}
	return nil
}

// live tells a 412 when it is written: a line with its cause, or one of JSON.
func (o *logsOptions) live(env *Env) func(logs.Refusal) {
	if o.json {
		lines := json.NewEncoder(env.Stdout)
		return func(r logs.Refusal) { _ = lines.Encode(r) }
	}
	style := styleOf(env.Stdout)
	return func(r logs.Refusal) { _ = report.Refusal(env.Stdout, &r, style) }
}

// sayErrors reports each of the errors that err joins.
func sayErrors(w io.Writer, err error) {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			sayErrors(w, e)
		}
		return
	}
	hint := ""
	told := func(what string) bool { return strings.Contains(err.Error(), what) }
	if errors.Is(err, accesslog.ErrNotALog) && !told("explain") && !told("jq ") && !told("--format") {
		hint = " (--format says how to read it; --help has examples)"
	}
	fmt.Fprintf(w, "fourtwelve: %s%s\n", report.Printable(err.Error()), hint)
}

// options makes the flags into those of the analysis.
func (o *logsOptions) options(env *Env) (options logs.Options, err error) {
	if o.top < 1 {
		return options, fmt.Errorf("--top %d: must be at least 1", o.top)
	}
	options = logs.Options{Status: o.status, Top: o.top}
	l := &options.Log
	l.Format, l.Stdin = o.format, env.Stdin
	l.Filter.Since, l.Filter.Until = time.Time(o.since), time.Time(o.until)
	if s, u := l.Filter.Since, l.Filter.Until; !s.IsZero() && !u.IsZero() && !s.Before(u) {
		return options, errors.New("--since is not before --until")
	}
	if l.Filter.Path, err = matchPaths(o.paths); err != nil {
		return options, err
	}
	if l.Proxies, err = parseNetworks(o.proxy); err != nil {
		return options, err
	}
	if o.zone != "" {
		if l.Location, err = time.LoadLocation(o.zone); err != nil {
			return options, fmt.Errorf("--time-zone: %w", err)
		}
	}
	return options, nil
}

// parseNetworks reads addresses and networks, as in 192.0.2.1 and 192.0.2.0/24.
func parseNetworks(texts []string) (list []netip.Prefix, err error) {
	for _, text := range texts {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			address, err := netip.ParseAddr(text)
			if err != nil {
				return nil, fmt.Errorf("--proxy: %q is no address and no network such as 192.0.2.0/24", text)
			}
			network = netip.PrefixFrom(address, address.BitLen())
		}
		list = append(list, network.Masked())
	}
	return list, nil
}

// matchPaths returns a function that reports whether a path matches any of the globs; nil if there
// are none.
func matchPaths(patterns []string) (func(path string) bool, error) {
	var globs []cachecontrol.Glob
	for _, p := range patterns {
		g, fault := cachecontrol.ParseGlob(p)
		if fault != "" {
			return nil, fmt.Errorf("--path: %q %s", p, fault)
		}
		globs = append(globs, g)
	}
	if len(globs) == 0 {
		return nil, nil
	}
	return func(path string) bool {
		name := strings.TrimPrefix(path, "/")
		return slices.ContainsFunc(globs, func(g cachecontrol.Glob) bool { return g.Match(name) })
	}, nil
}

func (o *logsOptions) show(env *Env, r *logs.Report) error {
	if o.html != "" {
		if err := writePage(o.html, func(w io.Writer) error { return report.LogsHTML(w, r) }); err != nil {
			return err
		}
	}
	if o.json && o.follow {
		return nil // each line was an object
	}
	if o.json {
		return report.LogsJSON(env.Stdout, r)
	}
	return report.Logs(env.Stdout, r, styleOf(env.Stdout))
}

func (o *logsOptions) failed(r *logs.Report) bool {
	return slices.ContainsFunc(r.Causes, func(c logs.Cause) bool { return o.failOn.reached(c.Rule, c.Confidence) })
}

// logFormat is a flag for accesslog.Format.
type logFormat accesslog.Format

func (f *logFormat) Set(text string) error {
	format, err := accesslog.ParseFormat(text)
	if err == nil {
		*f = logFormat(format)
	}
	return err
}

func (f *logFormat) String() string { return accesslog.Format(*f).Name() }

func (f *logFormat) Type() string { return "FORMAT" }

// instant is a flag for a time: one by RFC 3339, a date, a date and a time of day, or how long ago.
type instant time.Time

// instantForms are those of times without a zone, which are in UTC.
var instantForms = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04",
	time.DateOnly}

func (i *instant) Set(text string) error {
	for _, form := range instantForms {
		if t, err := time.Parse(form, text); err == nil {
			*i = instant(t)
			return nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d > 0 {
		*i = instant(time.Now().Add(-d))
		return nil
	}
	return errors.New(`must be a time such as 2026-11-03, "2026-11-03 09:15" or 2026-11-03T09:15:00+01:00 (UTC if there is no zone), or how long ago, such as 24h`)
}

func (i *instant) String() string {
	if time.Time(*i).IsZero() {
		return ""
	}
	return time.Time(*i).Format(time.RFC3339)
}

func (i *instant) Type() string { return "TIME" }

// statusFlag is a flag for a set of status codes.
type statusFlag accesslog.StatusSet

func (s *statusFlag) Set(text string) error {
	set := (*accesslog.StatusSet)(s)
	for part := range strings.SplitSeq(text, ",") {
		class, isClass := strings.CutSuffix(strings.ToLower(part), "xx")
		n, err := strconv.Atoi(class)
		switch {
		case err == nil && isClass && n >= 1 && n <= 5:
			set.AddClass(n)
		case err == nil && !isClass && n >= 100 && n <= 999:
			set.Add(n)
		default:
			return fmt.Errorf("%q is no status code such as 412, and no class such as 4xx", part)
		}
	}
	return nil
}

func (s *statusFlag) String() string { return "" }

func (s *statusFlag) Type() string { return "STATUS" }
