package command

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/command/internal/evaluate"
	"github.com/fourtwelve/fourtwelve/command/internal/flagvalue"
	"github.com/fourtwelve/fourtwelve/command/internal/report"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// evaluateOptions are the flags of fourtwelve evaluate. All but the last three
// describe one case by hand.
type evaluateOptions struct {
	method       string
	role         precondition.Role
	fields       []string
	etag         string
	otherETags   []string
	lastModified string
	size         int64
	absent       bool
	now          string
	baseStatus   int

	lenientTags  bool
	staleIfRange int
	json         bool
}

const evaluateLong = `Say what a server answers to conditional requests, and why, without sending any.

Cases come as JSON Lines from FILE or standard input, and the answers go out the same
way, in the same order:

  {"id":1,"role":"origin","method":"PUT","state":{"exists":true,"etag":"\"a\"",
   "last_modified":null,"size":10},"headers":[["If-Match","\"b\""]]}     (in one line)

A bad line is reported with its number, the rest still runs, and the exit code is 1.
Or one case is described by flags, and its trace printed as text. The format is in
docs/evaluate.md.`

const evaluateExample = `  fourtwelve evaluate cases.jsonl > answers.jsonl
  fourtwelve evaluate --method PUT --etag '"a"' -H 'If-Match: "b"'
  fourtwelve evaluate --etag '"a"' --size 10 -H 'Range: bytes=0-1' -H 'If-Range: "a"'`

func newEvaluate(env *Env) *cobra.Command {
	o := evaluateOptions{staleIfRange: 200}
	cmd := &cobra.Command{
		Use:     "evaluate [FILE]",
		Short:   "Say what conditional requests are answered, and why",
		Long:    evaluateLong,
		Example: evaluateExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usageError{fmt.Errorf("evaluate takes one file, and got %d; join them with cat, and leave FILE out", len(args))}
			}
			return nil
		},
	}
	byHand := o.addFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		one := slices.ContainsFunc(byHand, cmd.Flags().Changed)
		switch {
		case one && len(args) > 0:
			return usageError{errors.New("FILE and the flags of one case exclude each other; leave one out")}
		case one:
			return o.runOne(env, cmd.Flags().Changed)
		}
		return o.runLines(cmd, env, args)
	}
	return cmd
}

// addFlags returns the names of the flags that describe one case.
func (o *evaluateOptions) addFlags(cmd *cobra.Command) (byHand []string) {
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&o.method, "method", "GET", "`METHOD` of the request")
	f.StringArrayVarP(&o.fields, "header", "H", nil, "`FIELD` line of the request, such as 'If-Match: \"a\"'; repeatable")
	f.Var(flagvalue.NewChoice(&o.role, []string{"origin", "cache"}, precondition.Origin, precondition.Cache), "role", "whose evaluation it is")
	f.StringVar(&o.etag, "etag", "", "entity `TAG` of the current representation, with its quotes: '\"a\"'")
	f.StringArrayVar(&o.otherETags, "other-etag", nil, "`TAG` of the same revision in another content coding; repeatable")
	f.StringVar(&o.lastModified, "last-modified", "", "its modification `DATE`, an HTTP-date")
	f.Int64Var(&o.size, "size", -1, "its size in `BYTES`; Range is ignored without")
	f.Lookup("size").DefValue = "0" // which the help leaves out
	f.BoolVar(&o.absent, "absent", false, "there is no current representation")
	f.StringVar(&o.now, "now", "", "the server's `DATE`; long after --last-modified without")
	f.IntVar(&o.baseStatus, "base-status", 0, "`STATUS` of the answer without preconditions and Range, if not the usual")
	f.VisitAll(func(flag *pflag.Flag) { byHand = append(byHand, flag.Name) })

	f.BoolVar(&o.lenientTags, "lenient-tags", false, "accept entity tags without their quotes")
	f.Var(flagvalue.NewChoice(&o.staleIfRange, []string{"200", "412"}, 200, 412),
		"stale-if-range", "answer to a false If-Range: the whole, or a refusal")
	f.BoolVar(&o.json, "json", false, "answer one case in JSON, too")
	return byHand
}

func (o *evaluateOptions) policy() precondition.Policy {
	return precondition.Policy{LenientTags: o.lenientTags, StaleIfRange: o.staleIfRange == 412}
}

// runLines answers the cases of a file or of standard input.
func (o *evaluateOptions) runLines(cmd *cobra.Command, env *Env, args []string) error {
	in, name := env.Stdin, ""
	if len(args) == 1 && args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer file.Close()
		in, name = file, args[0]+": "
	}
	bad := 0
	err := evaluate.Stream(cmd.Context(), in, env.Stdout, o.policy(), func(e *evaluate.LineError) {
		bad++
		fmt.Fprintf(env.Stderr, "fourtwelve: %s%s\n", name, report.Printable(e.Error()))
	})
	if err == nil && bad > 0 {
		return exitError{exitFailure}
	}
	return err
}

// runOne answers the case that the flags describe.
func (o *evaluateOptions) runOne(env *Env, changed func(string) bool) error {
	c, err := o.readCase(changed)
	if err != nil {
		return usageError{err}
	}
	a := c.Answer()
	if o.json {
		_, err = env.Stdout.Write(a.AppendJSON(nil, nil))
		return err
	}
	return sayAnswer(env.Stdout, a)
}

// readCase makes the flags into a case.
func (o *evaluateOptions) readCase(changed func(string) bool) (c evaluate.Case, err error) {
	c = evaluate.Case{Policy: o.policy(), Role: o.role, Method: o.method, Size: o.size, BaseStatus: o.baseStatus}
	c.Current.Exists = !o.absent
	if o.method == "" {
		return c, errors.New("--method is empty; leave it out for GET")
	}
	for _, of := range []string{"etag", "other-etag", "last-modified", "size"} {
		if o.absent && changed(of) {
			return c, fmt.Errorf("--absent and --%s exclude each other: what does not exist has none", of)
		}
	}
	if changed("size") && o.size < 0 {
		return c, fmt.Errorf("--size %d is negative", o.size)
	}
	if changed("base-status") {
		if err := evaluate.CheckStatus(o.baseStatus); err != nil {
			return c, fmt.Errorf("--base-status: %w", err)
		}
	}
	if err := o.readState(&c.Current, changed); err != nil {
		return c, err
	}
	for _, line := range o.fields {
		name, value, ok := strings.Cut(line, ":")
		if !ok || name == "" || strings.ContainsAny(name, " \t") {
			return c, fmt.Errorf(`-H %q is no field line; write for example -H 'If-Match: "a"'`, line)
		}
		c.AddField(name, strings.Trim(value, " \t"))
	}
	return c, nil
}

func (o *evaluateOptions) readState(current *precondition.Current, changed func(string) bool) (err error) {
	if changed("etag") {
		if current.Tag, err = readTag("etag", o.etag); err != nil {
			return err
		}
	}
	for _, other := range o.otherETags {
		tag, err := readTag("other-etag", other)
		if err != nil {
			return err
		}
		current.Others = append(current.Others, tag)
	}
	if changed("now") {
		if current.Now, err = evaluate.ParseDate(o.now, current.Now); err != nil {
			return fmt.Errorf("--now: %w", err)
		}
	}
	if changed("last-modified") {
		if current.LastModified, err = evaluate.ParseDate(o.lastModified, current.Now); err != nil {
			return fmt.Errorf("--last-modified: %w", err)
		}
	}
	return nil
}

func readTag(flag, value string) (etag.Tag, error) {
	tag, err := etag.Parse(value)
	if err != nil {
		return etag.Tag{}, fmt.Errorf(`--%s: %w (in a shell, --%s '"abc"')`, flag, err, flag)
	}
	return tag, nil
}

// sayAnswer prints the steps and, in the last line, the answer.
func sayAnswer(w io.Writer, a evaluate.Answer) error {
	var b strings.Builder
	for _, s := range a.Trace {
		fmt.Fprintf(&b, "%d. %s (%s, RFC 9110 §%s)\n", s.Number, report.Printable(s.Text), s.Reason, s.Section)
	}
	b.WriteString(strconv.Itoa(a.Status))
	if text := http.StatusText(a.Status); text != "" {
		b.WriteString(" " + text)
	}
	if a.ContentRange != "" {
		b.WriteString(", Content-Range: " + a.ContentRange)
	}
	b.WriteString("  (")
	if a.Field != "" {
		b.WriteString(a.Field + ", ")
	}
	fmt.Fprintf(&b, "%s, RFC 9110 §%s)\n", a.Reason, a.Section)
	_, err := io.WriteString(w, b.String())
	return err
}
