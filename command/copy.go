package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/store"
	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

const copyLong = `Copy a store to another one: a directory or an engine (postgres://USER@HOST/DATABASE), with
collections, properties and the earlier revisions that are kept of what is there.

What is at the target already is left alone, so a copy that was interrupted is started again
with the same command and goes on. Each write at the target carries its condition: what
somebody else has changed there meanwhile is not overwritten but named, and the exit code is 1.
What has changed at the source since is brought over by another run.

At the target each revision gets a number and a date of its own. The source is only read: serve it
with --read-only while this runs. What is deleted at the source stays at the target.`

// copyOptions are the flags of fourtwelve copy.
type copyOptions struct {
	history bool
	quiet   bool
}

func newCopy(env *Env) *cobra.Command {
	var o copyOptions
	cmd := &cobra.Command{
		Use:   "copy FROM TO",
		Short: "Copy a store to another directory or engine",
		Long:  copyLong,
		Example: `  fourtwelve copy /srv/site postgres://fourtwelve@db.example/site
  fourtwelve copy postgres://fourtwelve@db.example/site /srv/site`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("copy takes what is copied and where to, and got %d: write fourtwelve copy FROM TO", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), env, args[0], args[1]) },
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.BoolVar(&o.history, "history", true, "copy the earlier revisions, too")
	f.BoolVar(&o.quiet, "quiet", false, "name nothing but what could not be copied")
	return cmd
}

func (o *copyOptions) run(ctx context.Context, env *Env, from, to string) (err error) {
	if from == to {
		return usageError{errors.New("both are the same: copy takes two stores")}
	}
	source, err := openToCopy(ctx, from, true)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, source.Close()) }()
	target, err := openToCopy(ctx, to, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	c := &copier{from: source, to: target, history: o.history, said: env.Stderr}
	if err := c.tree(ctx, ""); err != nil {
		return err
	}
	if !o.quiet {
		fmt.Fprintf(env.Stdout, "Copied %s of %s (%s). %s there already.\n", counted(c.revisions, "revision"), counted(c.names, "resource"),
			counted(int(c.bytes), "byte"), isAre(c.same, "resource"))
	}
	if c.refused > 0 {
		return fmt.Errorf("%s at the target, and not overwritten", isAre(c.refused, "resource")+" different")
	}
	return nil
}

func isAre(n int, what string) string {
	if n == 1 {
		return "1 " + what + " was"
	}
	return fmt.Sprintf("%d %ss were", n, what)
}

// openToCopy opens a store that is copied, or copied to.
func openToCopy(ctx context.Context, where string, readOnly bool) (served, error) {
	at, err := engineURL(where)
	if err != nil {
		return nil, err
	}
	if at != nil {
		return openClusterStore(ctx, at, engineOptions{readOnly: readOnly}, clusterstore.Options{Keep: math.MaxInt32})
	}
	if info, err := os.Stat(where); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("there is no directory %q: create it first, or check the path", where)
	}
	o := dirstore.Options{
		Keep: math.MaxInt32, KeepBytes: math.MaxInt64, KeepFiles: math.MaxInt, Logger: slog.New(slog.DiscardHandler),
	}
	files, err := dirstore.Open(where, o)
	if o.ReadOnly = readOnly; readOnly && errors.Is(err, store.ErrReadOnly) {
		files, err = dirstore.Open(where, o) // without the earlier revisions, which only the owner can read
	}
	if locked, ok := errors.AsType[*dirstore.LockedError](err); ok {
		return nil, fmt.Errorf("%s is being served by another process%s: stop that, or serve it with --read-only", where, withPID(locked.PID))
	}
	if err != nil {
		return nil, err
	}
	return files, nil
}

// copier copies one store to another.
type copier struct {
	from, to store.Store
	history  bool
	said     io.Writer

	names, revisions, same, refused int
	bytes                           int64
}

// tree copies what is in a collection, at any depth.
func (c *copier) tree(ctx context.Context, collection string) error {
	if err := c.properties(ctx, collection); err != nil {
		return err
	}
	for member, err := range c.from.List(ctx, collection) {
		if err != nil {
			return err
		}
		if !member.Collection {
			if err := c.resource(ctx, member.Name); err != nil {
				return fmt.Errorf("copy: %w", err)
			}
			continue
		}
		if made, ok := c.to.(store.Collections); ok {
			_, err := made.MakeCollection(ctx, member.Name)
			if conflict, taken := errors.AsType[*store.ConflictError](err); taken && !conflict.Current.Collection {
				c.refuse(member.Name, "is a collection at the source, and at the target it is a resource")
				continue
			} else if err != nil && !taken {
				return err
			}
		}
		if err := c.tree(ctx, member.Name); err != nil {
			return err
		}
	}
	return nil
}

// refuse names what is not copied.
func (c *copier) refuse(name, why string) {
	c.refused++
	fmt.Fprintf(c.said, "%s %s.\n", name, why)
}

// revisionsOf returns the revisions of a name that are kept, the oldest first: with digests.
func revisionsOf(ctx context.Context, s store.Store, name string) ([]store.Info, error) {
	h, ok := s.(store.History)
	if !ok {
		info, err := s.Stat(ctx, name)
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		return []store.Info{info}, err
	}
	infos, err := collect(h.Revisions(ctx, name))
	slices.Reverse(infos)
	return infos, err
}

func collect(seq iter.Seq2[store.Info, error]) (infos []store.Info, err error) {
	for info, err := range seq {
		if err != nil {
			return nil, err
		}
		infos = append(infos, info)
	}
	return infos, nil
}

// resource copies a resource: the revisions that the target does not have yet, one after the other, each
// in place of the one before.
func (c *copier) resource(ctx context.Context, name string) error {
	source, err := revisionsOf(ctx, c.from, name)
	if err != nil {
		return err
	}
	if !c.history && len(source) > 1 {
		source = source[len(source)-1:]
	}
	there, err := c.to.Stat(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return err
	case there.Collection:
		c.refuse(name, "is a resource at the source, and at the target it is a collection")
		return nil
	}
	missing := source
	if there.Exists() {
		last := len(source) - 1
		for last >= 0 && source[last].Digest != there.Digest {
			last--
		}
		if last < 0 {
			c.refuse(name, "has a content at the target that it never had at the source")
			return nil
		}
		missing = source[last+1:]
	}
	if len(missing) == 0 {
		c.same++
		return c.properties(ctx, name)
	}
	expect := store.At(there.Revision)
	for _, info := range missing {
		made, err := c.revision(ctx, name, info, expect)
		if errors.Is(err, store.ErrConflict) {
			c.refuse(name, "was changed at the target meanwhile")
			return nil
		}
		if errors.Is(err, store.ErrGone) {
			continue // forgotten meanwhile
		}
		if err != nil {
			return err
		}
		expect = store.At(made.Revision)
		c.revisions++
		c.bytes += made.Size
	}
	c.names++
	return c.properties(ctx, name)
}

// revision copies one revision. Its content is what its digest says, or nothing is written.
func (c *copier) revision(ctx context.Context, name string, info store.Info, expect store.Expect) (store.Info, error) {
	content, err := c.from.Open(ctx, name, info.Revision)
	if err != nil {
		return store.Info{}, err
	}
	defer content.Close()
	r, w := io.Pipe()
	go func() {
		_, err := content.WriteRange(w, 0, content.Info().Size)
		w.CloseWithError(err)
	}()
	defer r.Close()
	d, err := c.to.Stage(ctx, name, r)
	if err != nil {
		return store.Info{}, err
	}
	defer d.Abort(ctx)
	if d.Digest() != content.Info().Digest {
		return store.Info{}, fmt.Errorf("%q: revision %v is damaged at the source: its digest is another one", name, info.Revision)
	}
	return d.Commit(ctx, expect)
}

// properties copies what is set on a name and not at the target.
func (c *copier) properties(ctx context.Context, name string) error {
	from, ok := c.from.(store.Properties)
	to, both := c.to.(store.Properties)
	if !ok || !both {
		return nil
	}
	set, err := from.Properties(ctx, name)
	if err != nil || len(set) == 0 {
		return err
	}
	there, err := to.Properties(ctx, name)
	if err != nil {
		return err
	}
	changes := make(map[string]*string)
	for key, value := range set {
		if _, taken := there[key]; !taken {
			changes[key] = &value
		}
	}
	if len(changes) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return to.SetProperties(ctx, name, store.Any, changes)
}
