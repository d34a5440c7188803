package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
)

type watchOptions struct {
	remoteOptions
	every, atMost time.Duration
	run           string
	once          bool
}

const watchLong = `Look at a resource again and again, and show what changed.

Each look is a conditional request, so that nothing is transferred as long as it is the same
(304). As long as nothing changes, the looks become rarer, from --every to --at-most; what the
server asks for (Retry-After) is kept to.

With --run a command is run by the shell at each change, with the new content as its input, and
with FOURTWELVE_URL and FOURTWELVE_ETAG.

Exit code: 0 when it is interrupted, and with --once at the first change; 1 if the server cannot
be asked; 2 for a mistake in the command line.`

func newWatch(env *Env) *cobra.Command {
	o := watchOptions{every: 5 * time.Second, atMost: 5 * time.Minute}
	cmd := &cobra.Command{
		Use: "watch URL", Short: "Show what changes, and run a command", Long: watchLong,
		Example: `  fourtwelve watch https://www.example.org/notes/plan.txt
  fourtwelve watch --run 'jq .version' https://www.example.org/release.json`,
		Args: oneURL("watch"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if o.every < 100*time.Millisecond || o.atMost < o.every {
				return usageError{errors.New("--every must be 100ms or more, and --at-most no less than that")}
			}
			r, err := o.open(env, args[0])
			if err != nil {
				return err
			}
			return o.watch(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.DurationVar(&o.every, "every", o.every, "look again after `DURATION`")
	f.DurationVar(&o.atMost, "at-most", o.atMost, "wait no longer than `DURATION`, though nothing changes")
	f.StringVar(&o.run, "run", "", "run `COMMAND` at each change")
	f.BoolVar(&o.once, "once", false, "end after the first change")
	o.addFlags(cmd)
	return cmd
}

func (o *watchOptions) watch(ctx context.Context, r *remote) error {
	seen, err := r.look(ctx)
	if err != nil {
		return r.fault(err, nil, "")
	}
	fmt.Fprintf(r.env.Stderr, "Watching %s. Interrupt to end.\n", r.url)
	for wait := o.every; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		now, changed, err := r.lookAgain(ctx, seen)
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			return r.fault(err, nil, "")
		case !changed:
			wait = min(wait*3/2, o.atMost)
			continue
		}
		wait = o.every
		if err := o.tell(ctx, r, seen, now); err != nil {
			return err
		}
		if seen = now; o.once {
			return nil
		}
	}
}

// look reads the resource, which need not exist yet.
func (r *remote) look(ctx context.Context) (client.Representation, error) {
	seen, err := r.Get(ctx, r.url)
	if errors.Is(err, client.ErrNotFound) {
		return client.Representation{URL: r.url}, nil
	}
	return seen, err
}

func (r *remote) lookAgain(ctx context.Context, seen client.Representation) (now client.Representation, changed bool, err error) {
	if !seen.Exists {
		now, err = r.look(ctx)
		return now, now.Exists, err
	}
	now, changed, err = r.Refresh(ctx, seen)
	return now, changed && (now.Exists != seen.Exists || !bytes.Equal(now.Content, seen.Content)), err
}

// tell shows a change, and runs the command.
func (o *watchOptions) tell(ctx context.Context, r *remote, before, now client.Representation) error {
	switch {
	case r.json:
		if err := json.NewEncoder(r.env.Stdout).Encode(map[string]any{
			"url": r.url, "exists": now.Exists, "etag": now.RawTag, "size": len(now.Content), "time": time.Now().UTC().Truncate(time.Second),
		}); err != nil {
			return err
		}
	case !now.Exists:
		fmt.Fprintf(r.env.Stdout, "%s is gone.\n", r.url)
	default:
		fmt.Fprintf(r.env.Stdout, "%s has changed:\n", r.url)
		showDiff(r.env.Stdout, before.Content, now.Content)
	}
	if o.run == "" {
		return nil
	}
	cmd := exec.CommandContext(ctx, "sh", "-c", o.run)
	cmd.Env = append(os.Environ(), "FOURTWELVE_URL="+r.url, "FOURTWELVE_ETAG="+now.RawTag)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(now.Content), r.env.Stdout, r.env.Stderr
	if err := cmd.Run(); err != nil && ctx.Err() == nil {
		fmt.Fprintf(r.env.Stderr, "fourtwelve: --run: %v\n", err)
	}
	return nil
}
