package command

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/diagnose/caching"
)

// explainOptions are the flags of fourtwelve explain.
type explainOptions struct {
	outputOptions
	format capture.Format
	all    bool
	cache  bool // tell what caches do
	// web is where the page into which captures are pasted is served; "" if it is not.
	web string
}

const explainLong = `Say why a request got 412, 304, 200, 206, 416 or 428, whether that is right, and what
to change if not.

FILE, or standard input, is a capture of one or more requests with their responses: raw
HTTP, what curl -v or curl -i printed, a HAR file of a browser or what was copied out of
its network panel, a failed request trace of IIS (fr*.xml), a Fiddler archive (SAZ), a
packet capture, or the debug output of many clients, libraries and servers. Which one it
is, is found out. Earlier requests for the same resource help: take them along. Nothing is sent anywhere, and credentials in
a capture are not shown.

Exit code: 0; 1 if a finding reaches --fail-on; 2 if something could not be read.`

const explainExample = `  curl -v -T plan.txt -H 'If-Match: "a"' https://example.org/plan.txt 2>&1 | fourtwelve explain
  fourtwelve explain site.har --html why.html
  curl -sv https://example.org/ -o page 2>&1 | fourtwelve explain --cache
  fourtwelve explain --web
  fourtwelve explain --json --fail-on error before.txt refused.txt`

func newExplain(env *Env) *cobra.Command {
	o := explainOptions{outputOptions: outputOptions{failOn: neverFail}}
	cmd := &cobra.Command{
		Use:     "explain [FILE…]",
		Short:   "Say why captured requests were answered as they were",
		Long:    explainLong,
		Example: explainExample,
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.Var((*captureFormat)(&o.format), "format", "the `FORMAT` of the capture, if it is not recognised: "+
		strings.Join(capture.Formats(), ", "))
	f.BoolVar(&o.all, "all", false, "tell all exchanges in full, also those without a finding")
	f.BoolVar(&o.cache, "cache", false, "tell of each exchange what caches may store, for how long, and what they validate")
	o.addFlags(f)
	f.StringVar(&o.web, "web", "", "serve a page at `HOST:PORT` into which captures are pasted; this machine only, and nothing leaves it")
	f.Lookup("web").NoOptDefVal = webAddress
	f.Var(&o.failOn, "fail-on", "the level of findings from which on the exit code is 1")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if o.web != "" {
			if len(args) > 0 || o.json || o.html != "" {
				return errors.New("--web takes captures from the browser: no FILE, --json or --html beside it")
			}
			return o.serveWeb(cmd.Context(), env)
		}
		if len(args) == 0 {
			args = []string{"-"}
		}
		return o.run(env, args)
	}
	return cmd
}

// captureFormat is a flag for capture.Format.
type captureFormat capture.Format

func (f *captureFormat) Set(name string) error {
	format, err := capture.ParseFormat(name)
	if err == nil {
		*f = captureFormat(format)
	}
	return err
}

func (f *captureFormat) String() string {
	if format := capture.Format(*f); format != capture.Unknown {
		return format.Name()
	}
	return ""
}

func (f *captureFormat) Type() string { return "FORMAT" }

func (o *explainOptions) run(env *Env, names []string) error {
	var xs []*capture.Exchange
	unread := false
	for _, name := range names {
		some, err := o.read(env, name)
		xs = append(xs, some...)
		if err != nil {
			unread = true
			fmt.Fprintf(env.Stderr, "fourtwelve: %s\n", report.Printable(err.Error()))
		}
	}
	if len(xs) == 0 {
		return exitError{exitUsage}
	}
	r := o.explanation(xs)
	if err := o.show(env, r); err != nil {
		return err
	}
	switch {
	case unread:
		return exitError{exitUsage}
	case o.failed(r.Report):
		return exitError{exitFailure}
	}
	return nil
}

// read reads a capture. What could be read of it is returned with the error.
func (o *explainOptions) read(env *Env, name string) ([]*capture.Exchange, error) {
	options := capture.Options{Format: o.format}
	if name == "-" {
		if f, ok := env.Stdin.(*os.File); ok && isTerminal(f) {
			fmt.Fprintln(env.Stderr, "reading a capture from standard input; end it with Ctrl-D")
		}
		return capture.Read(io.MultiReader(env.Stdin), name, options) // hides that a pipe cannot seek
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	xs, err := capture.Read(f, name, options)
	if bad, ok := errors.AsType[*capture.ReadError](err); ok && bad.Hint == "" && errors.Is(err, capture.ErrUnknownFormat) {
		err = fmt.Errorf("%w; is it a log? Then use fourtwelve logs %s", err, name)
	}
	return xs, err
}

// explanation is what is to be told of exchanges.
func (o *explainOptions) explanation(xs []*capture.Exchange) report.Explanation {
	e := report.Explanation{Report: diagnose.Exchanges(xs)}
	if o.cache {
		e.Caching = caching.Exchanges(xs)
	}
	return e
}

func (o *explainOptions) show(env *Env, r report.Explanation) error {
	if o.html != "" {
		if err := writePage(o.html, func(w io.Writer) error { return report.ExplainHTML(w, r) }); err != nil {
			return err
		}
	}
	if o.json {
		return report.JSON(env.Stdout, r)
	}
	return report.Explain(env.Stdout, r, styleOf(env.Stdout), o.all)
}

func (o *explainOptions) failed(r *diagnose.Report) bool {
	for i := range r.Findings {
		if o.failOn.reached(r.Findings[i].Rule, r.Findings[i].Confidence) {
			return true
		}
	}
	return false
}
