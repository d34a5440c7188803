package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/store/clusterstore/conform"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/s3engine"
)

const checkStoreLong = `Ask an engine that many servers are to share whether a store can stand on it: whether, of
many who write on the same state at once, through every endpoint given, exactly one succeeds;
whether what was written is read and listed at once; which form of tags it understands.

serve asks the same when it starts, and refuses an engine that ignores conditions. Short
records with names of their own are written, and removed again where that is possible.

Exit code: 0; 1 if a store on this engine would lose updates; 2 if it could not be asked.`

const checkStoreExample = `  fourtwelve check-store 's3://bucket/site?endpoint=http://127.0.0.1:7070&endpoint=http://127.0.0.1:7071'
  fourtwelve check-store --rounds 100 postgres://web@db.example.org/site`

// checkStoreOptions are the flags of fourtwelve check-store.
type checkStoreOptions struct {
	conform.Options
	json bool
}

func newCheckStore(env *Env) *cobra.Command {
	var o checkStoreOptions
	cmd := &cobra.Command{
		Use:     "check-store URL",
		Short:   "Ask an engine whether it can carry a store",
		Long:    checkStoreLong,
		Example: checkStoreExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{errors.New("check-store takes the URL of one engine: write fourtwelve check-store s3://BUCKET/PREFIX")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), env, args[0]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.IntVar(&o.Writers, "writers", conform.DefaultWriters, "how many write at the same time, 2 to 256")
	f.IntVar(&o.Rounds, "rounds", conform.DefaultRounds, "how often they race, 1 to 10000")
	f.BoolVar(&o.json, "json", false, "print JSON")
	return cmd
}

func (o *checkStoreOptions) run(ctx context.Context, env *Env, target string) error {
	switch {
	case o.Writers < 2 || o.Writers > 256:
		return usageError{fmt.Errorf("--writers %d: must be 2 to 256", o.Writers)}
	case o.Rounds < 1 || o.Rounds > 10000:
		return usageError{fmt.Errorf("--rounds %d: must be 1 to 10000", o.Rounds)}
	}
	findings, shown, err := askEngine(ctx, target, o.Options)
	if err != nil {
		fmt.Fprintf(env.Stderr, "fourtwelve: %v\n", err)
		return exitError{exitUsage}
	}
	if o.json {
		err = json.NewEncoder(env.Stdout).Encode(map[string]any{
			"engine": shown, "ok": conform.First(findings) == nil, "findings": findings,
		})
	} else {
		err = sayFindings(env.Stdout, shown, findings)
	}
	if err == nil && conform.First(findings) != nil {
		return exitError{exitFailure}
	}
	return err
}

// askEngine asks the engine at a URL, which it also returns as it may be shown.
func askEngine(ctx context.Context, target string, o conform.Options) (findings []conform.Finding, shown string, err error) {
	scheme, _, _ := strings.Cut(target, "://")
	switch scheme {
	case "s3":
		l, err := s3engine.ParseLocation(target)
		if err != nil {
			return nil, "", err
		}
		e, err := s3engine.Open(ctx, l)
		if err != nil {
			return nil, "", err
		}
		findings, err = e.Check(ctx, o)
		return findings, target, err
	case "postgres", "postgresql":
		at, err := url.Parse(target)
		if err != nil {
			return nil, "", errors.New("the URL of the database cannot be read: a password with any of /?#[]@:% in it is written percent-encoded")
		}
		e, err := pgengine.Open(ctx, target, pgengine.Options{})
		if err != nil {
			return nil, "", err
		}
		defer e.Close()
		way := conform.Way{Name: at.Redacted(), Heads: e.Heads(), Contents: e.Contents()}
		findings, err = conform.Check(ctx, []conform.Way{way}, o)
		return findings, at.Redacted(), err
	}
	return nil, "", fmt.Errorf("%q is no engine that many servers can share: write s3://BUCKET/PREFIX or postgres://USER@HOST/DATABASE", target)
}

// sayFindings prints one line for each finding, and what follows.
func sayFindings(w io.Writer, engine string, findings []conform.Finding) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n", engine)
	for _, f := range findings {
		if f.OK {
			fmt.Fprintf(&b, "  ok    %s\n", f.Needs)
		} else {
			fmt.Fprintf(&b, "  FAIL  %s\n        %s\n", f.Needs, f.Seen)
		}
	}
	if conform.First(findings) == nil {
		b.WriteString("\nA store can stand on it.\n")
	} else {
		b.WriteString("\nA store on this engine would lose updates: serve refuses it.\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
