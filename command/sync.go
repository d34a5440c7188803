package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/folder"
	"github.com/fourtwelve/fourtwelve/command/internal/syncdir"
)

type syncOptions struct {
	remoteOptions
	ignore     []string
	dryRun     bool
	allowEmpty bool
}

const syncLong = `Bring a directory and a collection of a server to the same files, in both directions. What was
created, changed or deleted on one side since the last time is done on the other. If both have
changed a file, the server's version keeps the name, and yours is kept beside it, as
NAME (conflict DIGEST).EXT, on both sides.

Nothing is overwritten or deleted that is not what both sides had: writes and deletions there carry
its entity tag, and files here are looked at once more when they are replaced. It can be interrupted
at any moment, and goes on the next time. What it remembers is in DIR/.fourtwelve-sync.

The server needs WebDAV, or is fourtwelve serve, and gives entity tags. One that ignores conditions is
found out, and nothing is written there. Links and devices stay where they are; an empty folder is
not carried over, and stays there when its files are gone.

Exit code: 0 if both sides are the same; 1 if something failed, or changed all the time; 2 for a mistake in the
command line; 3 if there are conflicts for you to resolve, and all else is the same.`

const syncExample = `  fourtwelve sync --dry-run notes https://dav.example.org/notes/
  fourtwelve sync --netrc --ignore '*.tmp' --ignore build notes https://dav.example.org/notes/`

func newSync(env *Env) *cobra.Command {
	var o syncOptions
	cmd := &cobra.Command{
		Use: "sync DIR URL", Short: "Keep a directory and a collection the same, and lose nothing", Long: syncLong, Example: syncExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("sync takes a directory and a URL, and got %d arguments: write fourtwelve sync DIR URL", len(args))}
			}
			if _, err := parseTarget(args[0]); err == nil {
				return usageError{fmt.Errorf("the directory comes first: write fourtwelve sync DIR %s", args[0])}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(env, args[1])
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), r, args[0])
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "print what would be done, and do nothing")
	f.StringArrayVar(&o.ignore, "ignore", nil, "leave out names like `PATTERN` on both sides, such as '*.tmp', build or docs/*.pdf; repeatable")
	f.BoolVar(&o.allowEmpty, "allow-empty", false, "delete all files of one side if the other has none of them any more")
	o.addFlags(cmd)
	return cmd
}

func (o *syncOptions) run(ctx context.Context, r *remote, at string) error {
	if err := syncdir.Ignore(o.ignore).Check(); err != nil {
		return usageError{fmt.Errorf("--ignore %w", err)}
	}
	info, err := os.Stat(at)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return usageError{fmt.Errorf("there is no directory %s: make it, and it is filled with what is at %s", at, r.url)}
	case err != nil:
		return fileFault(err)
	case !info.IsDir():
		return usageError{fmt.Errorf("%s is a file: name a directory, or use fourtwelve put", at)}
	}
	root, err := url.Parse(r.url)
	if err != nil {
		return err
	}
	dir, err := folder.Open(at)
	if err != nil {
		return fileFault(err)
	}
	defer dir.Close()
	var all []syncdir.Done
	bar := newCounter(r.env.Stderr, "changes")
	s := syncdir.New(dir, r.Client, root, syncdir.Options{
		Ignore: o.ignore, DryRun: o.dryRun, Emptied: o.allowEmpty,
		Progress: func(done, total int) { bar.show(int64(done), int64(total)) },
		Did: func(d syncdir.Done) {
			bar.clear()
			if all = append(all, d); !o.json {
				r.tellStep(d)
			}
		},
	})
	result, err := s.Run(ctx)
	bar.clear()
	if o.json {
		return r.syncJSON(all, result, err)
	}
	return o.conclude(ctx, r, result, err)
}

// tellStep prints what was done, or why it was not.
func (r *remote) tellStep(d syncdir.Done) {
	name := printable(d.Name)
	switch {
	case d.Error != "":
		fmt.Fprintf(r.env.Stderr, "fourtwelve: %s: not done (%s): %s\n", name, d.Action, d.Error)
	case d.Kept != "":
		fmt.Fprintf(r.env.Stdout, "%-12s  %s (your version is in %s)\n", d.Action, name, printable(d.Kept))
	default:
		fmt.Fprintf(r.env.Stdout, "%-12s  %s\n", d.Action, name)
	}
}

// syncDocument is what --json prints.
type syncDocument struct {
	Steps []syncdir.Done `json:"steps"`
	syncdir.Result
	Error string `json:"error,omitempty"`
}

func (r *remote) syncJSON(all []syncdir.Done, result syncdir.Result, err error) error {
	d := syncDocument{Steps: all, Result: result}
	if d.Steps == nil {
		d.Steps = []syncdir.Done{}
	}
	if err != nil {
		d.Error = syncFault(err).Error()
	}
	if err := json.NewEncoder(r.env.Stdout).Encode(d); err != nil {
		return err
	}
	if code := syncCode(result, err); code != exitOK {
		return exitError{code}
	}
	return nil
}

func syncCode(result syncdir.Result, err error) int {
	switch {
	case err != nil || result.Failed > 0 || result.Unsettled:
		return exitFailure
	case result.Conflicts > 0 || result.Clashes > 0:
		return exitConflict
	}
	return exitOK
}

// syncFault says what to do about some errors.
func syncFault(err error) error {
	switch {
	case errors.Is(err, client.ErrConditionsIgnored):
		return fmt.Errorf("%w; nothing was written there", err)
	case errors.Is(err, context.Canceled):
		return errors.New("interrupted; the next sync goes on from here")
	}
	return plainly(fileFault(err))
}

// conclude says how it ended.
func (o *syncOptions) conclude(ctx context.Context, r *remote, result syncdir.Result, err error) error {
	out := r.env.Stderr
	for _, name := range result.Recovered {
		fmt.Fprintf(out, "%s: what a sync that was interrupted had found there, changed by somebody else\n", printable(name))
	}
	for _, p := range result.Problems {
		fmt.Fprintf(out, "%s: %s\n", printable(p.Name), p.Why)
	}
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		fmt.Fprintf(out, "fourtwelve: %v\n", syncFault(err))
		return exitError{exitFailure}
	}
	fmt.Fprintln(r.env.Stdout, o.sentence(result))
	if result.Unsettled {
		fmt.Fprintln(out, "fourtwelve: files changed all the time: run sync again")
	}
	if code := syncCode(result, nil); code != exitOK {
		return exitError{code}
	}
	return nil
}

// sentence sums up.
func (o *syncOptions) sentence(result syncdir.Result) string {
	var parts []string
	for _, p := range []struct {
		n    int
		what string
	}{
		{result.Uploaded, "uploaded"}, {result.Downloaded, "downloaded"}, {result.Deleted, "deleted"},
		{result.Conflicts, "in conflict"}, {result.Clashes, "file against folder"}, {result.Failed, "failed"},
		{result.Compared, "compared, as both sides have changed them: in conflict, unless in the same way"},
	} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	switch {
	case o.dryRun && len(parts) == 0:
		return fmt.Sprintf("nothing to do: %d files are the same", result.Files)
	case o.dryRun:
		return "would be: " + strings.Join(parts, ", ")
	case len(parts) == 0:
		return fmt.Sprintf("%d files are the same", result.Files)
	}
	return fmt.Sprintf("%s; %d files are the same now", strings.Join(parts, ", "), result.Files)
}
