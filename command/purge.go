package command

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

const purgeLong = `Forget earlier revisions of what fourtwelve serve keeps in a directory, deleted
resources included, so that nobody can get them any more.

A NAME is that of a resource or of a collection, as in notes/today.txt or notes, and
stands for everything in it. What is current stays: delete it first if it is to go too.

The directory may be being served: then the server does it. When the command has ended
well, no file of the directory has the content any more. Backups, snapshots and the disk
itself may have it still.`

const purgeExample = `  fourtwelve purge /srv/site notes/today.txt
  fourtwelve purge /srv/site notes/today.txt --revision 1796023970573589
  fourtwelve purge /srv/site --all --older-than 30d`

// purgeOptions are the flags of fourtwelve purge.
type purgeOptions struct {
	dir       string
	names     []string
	all       bool
	olderThan age
	revision  uint64
}

func newPurge(env *Env) *cobra.Command {
	var o purgeOptions
	cmd := &cobra.Command{
		Use:     "purge DIR [NAME]...",
		Short:   "Forget earlier revisions for good",
		Long:    purgeLong,
		Example: purgeExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("purge takes the directory that is served: write fourtwelve purge DIR NAME")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dir, o.names = args[0], args[1:]
			return o.run(cmd.Context(), env)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.all, "all", false, "forget the earlier revisions of everything")
	f.Var(&o.olderThan, "older-than", "only those replaced or deleted this `DURATION` ago or longer, such as 12h or 30d")
	f.Uint64Var(&o.revision, "revision", 0, "only the revision with this `NUMBER`, of one resource")
	return cmd
}

func (o *purgeOptions) run(ctx context.Context, env *Env) error {
	which, err := o.selection()
	if err != nil {
		return err
	}
	dir, err := filepath.Abs(o.dir)
	if err != nil {
		return err
	}
	if _, err := os.Stat(dirstore.StatePath(dir)); err != nil {
		return fmt.Errorf("%q has no history: it has not been served for writing, or is not a directory (%w)", o.dir, errors.Unwrap(err))
	}
	done, err := purge(ctx, dir, which)
	if err != nil {
		return err
	}
	if done.Revisions == 0 {
		fmt.Fprintln(env.Stdout, "There was nothing to forget.")
		return nil
	}
	fmt.Fprintf(env.Stdout, "Forgot %s of %s (%s).\n", counted(done.Revisions, "earlier revision"), counted(done.Names, "resource"),
		counted(int(done.Bytes), "byte"))
	return nil
}

func counted(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// selection checks what is asked for.
func (o *purgeOptions) selection() (which dirstore.Selection, err error) {
	switch {
	case len(o.names) == 0 && !o.all:
		err = errors.New("purge needs to know what: a NAME, or --all for everything")
	case len(o.names) > 0 && o.all:
		err = errors.New("--all is everything already: leave out the names, or --all")
	case o.revision != 0 && len(o.names) != 1:
		err = errors.New("--revision is of one resource: give its NAME, and only that")
	}
	which = dirstore.Selection{OlderThan: time.Duration(o.olderThan), Revision: store.Revision(o.revision)}
	for _, name := range o.names {
		trimmed := strings.Trim(name, "/")
		if err == nil {
			err = store.CheckName(trimmed)
		}
		if trimmed == "" && err == nil {
			err = fmt.Errorf("%q is everything: write --all", name)
		}
		which.Names = append(which.Names, trimmed)
	}
	if err != nil {
		return which, usageError{err}
	}
	return which, nil
}

// purge has the owner of the directory forget, or becomes it.
func purge(ctx context.Context, dir string, which dirstore.Selection) (done dirstore.Purged, err error) {
	// The bounds are those of the server, which is not here: so none.
	files, err := dirstore.Open(dir, dirstore.Options{Keep: math.MaxInt32, KeepBytes: math.MaxInt64, KeepFiles: math.MaxInt})
	if locked, ok := errors.AsType[*dirstore.LockedError](err); ok {
		if done, err = askToPurge(ctx, dir, which); err != nil {
			return done, fmt.Errorf("%s is being served by another process%s, and that could not be asked to forget: %w; stop it first", dir, withPID(locked.PID), err)
		}
		return done, nil
	}
	if err != nil {
		return done, err
	}
	defer func() { err = errors.Join(err, files.Close()) }()
	return files.PurgeAll(ctx, which)
}
