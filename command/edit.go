package command

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/merge"
)

type editOptions struct {
	remoteOptions
	noLock bool
	dir    string
}

const editLong = `Open a resource in your editor ($VISUAL, or $EDITOR), and save it when the editor ends, if nobody
else has changed it. If somebody has, both changes are brought together, and you see the result in
the editor before it is saved, with markers where only you can choose.

Where the server has locks (WebDAV), one is held while you edit; if somebody else holds it, you are
told who. What you type is never lost: it is in a file, which is removed only when the server has
it, and whose name you are told whenever something goes wrong.
` + remoteCodes

func newEdit(env *Env) *cobra.Command {
	var o editOptions
	cmd := &cobra.Command{
		Use: "edit URL", Short: "Open a resource in your editor, and save it safely", Long: editLong,
		Example: `  fourtwelve edit https://www.example.org/notes/plan.txt
  EDITOR='code --wait' fourtwelve edit --user ann https://dav.example.org/plan.txt`,
		Args: oneURL("edit"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(env, args[0])
			if err != nil {
				return err
			}
			// An interrupt is for the editor: what was typed is to be saved, or to be kept.
			return o.run(context.WithoutCancel(cmd.Context()), r)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.noLock, "no-lock", false, "take no lock")
	f.StringVar(&o.dir, "dir", "", "keep what is being edited in `DIR`; unless set, in one of the user's cache")
	o.addFlags(cmd)
	return cmd
}

// session is a resource that is being edited.
type session struct {
	*remote
	editor string
	file   string                // what the editor has
	base   client.Representation // what that was made from
	token  string                // of the lock, or ""
}

func (o *editOptions) run(ctx context.Context, r *remote) (err error) {
	s := &session{remote: r, editor: cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"))}
	if s.editor == "" {
		return errors.New("neither $VISUAL nor $EDITOR names an editor: set one, as in EDITOR=nano")
	}
	if nameOf(r.url) == "" {
		return usageError{fmt.Errorf("%s is a collection, or has no name: name a resource in it", r.url)}
	}
	if !o.noLock {
		held, err := r.lock(ctx)
		if err != nil {
			return err
		}
		defer held.release()
		s.token = held.token
	}
	if s.base, err = r.look(ctx); err != nil {
		return r.fault(err, nil, "")
	}
	if bytes.IndexByte(s.base.Content, 0) >= 0 {
		return fmt.Errorf("%s is no text: fetch it with fourtwelve get, and save it with fourtwelve put", r.url)
	}
	if _, err := s.base.Condition(); err != nil {
		return r.fault(err, nil, "The server gives no validator, so somebody else's change could be lost. fourtwelve put --force writes all the same.")
	}
	if s.file, err = o.newFile(nameOf(r.url), s.base.Content); err != nil {
		return fmt.Errorf("there is no place for what you would type: %w; name another directory with --dir", fileFault(err))
	}
	// Said first, so that it is known even if this process is killed.
	fmt.Fprintf(r.env.Stderr, "Until it is saved, what you type is in %s\n", s.file)
	return s.edit(ctx)
}

// newFile is a file for what is edited, in a directory of its own, so that it can have the name of the resource.
func (o *editOptions) newFile(name string, content []byte) (string, error) {
	dir := o.dir
	if dir == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			cache = os.TempDir()
		}
		dir = filepath.Join(cache, "fourtwelve", "edit")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	own, err := os.MkdirTemp(dir, "")
	if err != nil {
		return "", err
	}
	file := filepath.Join(own, name)
	if err = writeWhole(file, content); err != nil {
		os.RemoveAll(own)
	}
	return file, err
}

// writeWhole writes a file that is whole on the disk, or leaves what is there.
func writeWhole(file string, content []byte) error {
	f, err := os.OpenFile(file+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(file+".new", file)
	}
	if err != nil {
		os.Remove(file + ".new")
	}
	return err
}

// edit lets the person edit, and saves, until that is done.
func (s *session) edit(ctx context.Context) error {
	shown := s.base.Content // what the editor began with
	for {
		mine, err := s.openEditor(ctx)
		if err != nil {
			return s.keep(err.Error(), shown, exitFailure)
		}
		if bytes.Equal(mine, s.base.Content) {
			s.remove()
			return s.done(s.url+": nothing was changed", map[string]any{"url": s.url, "unchanged": true})
		}
		if hasMarkers(mine) && !hasMarkers(s.base.Content) {
			if bytes.Equal(mine, shown) {
				return s.keep("the markers of the conflict are still in it", nil, exitConflict)
			}
			fmt.Fprintln(s.env.Stderr, "There are still markers of a conflict in it (<<<<<<<). The editor opens again; leave it as it is to give up.")
			shown = mine
			continue
		}
		written, err := s.save(ctx, mine)
		if err == nil {
			s.remove()
			return s.done(s.url+": saved", map[string]any{"url": s.url, "etag": written.RawTag})
		}
		conflict, ok := errors.AsType[*client.Conflict](err)
		if !ok {
			code := exitFailure
			if errors.Is(err, client.ErrOutcomeUnknown) {
				code = exitUnknown
			}
			return s.keep(plainly(err).Error(), nil, code)
		}
		if shown, err = s.bringTogether(ctx, mine, conflict); err != nil {
			return s.keep(err.Error(), nil, exitConflict)
		}
	}
}

// openEditor runs the editor, and returns what it has left.
func (s *session) openEditor(ctx context.Context) ([]byte, error) {
	cmd := exec.CommandContext(ctx, "sh", "-c", s.editor+` "$1"`, "sh", s.file)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = s.env.Stdin, s.env.Stdout, s.env.Stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("the editor has failed (%w), so nothing was saved", err)
	}
	mine, err := os.ReadFile(s.file)
	if err != nil {
		return nil, fmt.Errorf("what the editor has left cannot be read: %w", fileFault(err))
	}
	return mine, nil
}

// save writes what was typed.
func (s *session) save(ctx context.Context, mine []byte) (client.Representation, error) {
	cond, err := s.base.Condition()
	if err != nil {
		return client.Representation{}, err
	}
	content := client.Content{Bytes: mine}
	if !s.base.Exists {
		content.MediaType = typeOf(s.file)
	}
	if s.token != "" {
		content.Header = map[string][]string{"If": {"(<" + s.token + ">)"}}
	}
	return s.Put(ctx, s.url, content, cond)
}

// bringTogether merges what was typed with what somebody else has written, for the editor to show. What was typed stays beside
// it, in a file with .mine at its end.
func (s *session) bringTogether(ctx context.Context, mine []byte, conflict *client.Conflict) ([]byte, error) {
	theirs := conflict.Theirs
	if conflict.TheirsErr != nil {
		return nil, fmt.Errorf("somebody else has changed %s, and it cannot be read: %w", s.url, conflict.TheirsErr)
	}
	if !theirs.Exists {
		fmt.Fprintf(s.env.Stderr, "Somebody else has deleted %s. The editor opens again: save it to create it anew, or empty it to give up.\n", s.url)
		s.base = client.Representation{URL: s.url}
		return mine, nil
	}
	labels := merge.Options{Mine: "yours", Base: "before", Theirs: "on the server"}
	result, err := merge.Of(theirs.MediaType, s.base.Content, mine, theirs.Content, labels)
	if err != nil {
		return nil, fmt.Errorf("somebody else has changed %s, and the two cannot be brought together: %w", s.url, err)
	}
	err = writeWhole(s.file+".mine", mine)
	if err == nil {
		err = writeWhole(s.file, result.Content)
	}
	if err != nil {
		return nil, fmt.Errorf("somebody else has changed %s, and the two could not be brought together: %w", s.url, fileFault(err))
	}
	fmt.Fprintf(s.env.Stderr, "Somebody else has changed %s meanwhile:\n", s.url)
	showDiff(s.env.Stderr, s.base.Content, theirs.Content)
	s.base = theirs
	if result.Conflicts > 0 {
		fmt.Fprintf(s.env.Stderr, "Both have changed the same lines, in %s: look for <<<<<<< in the editor, and choose.\n", places(result.Conflicts))
	} else {
		fmt.Fprintln(s.env.Stderr, "Both changes are in what the editor shows now. Leave it to save them.")
	}
	return result.Content, nil
}

func places(n int) string {
	if n == 1 {
		return "one place"
	}
	return fmt.Sprintf("%d places", n)
}

func hasMarkers(content []byte) bool {
	return bytes.HasPrefix(content, []byte("<<<<<<<")) || bytes.Contains(content, []byte("\n<<<<<<<"))
}

// keep says why nothing was saved, and where what was typed is. began is what the editor began with, if nothing may have been
// typed.
func (s *session) keep(why string, began []byte, code int) error {
	out := s.env.Stderr
	fmt.Fprintf(out, "fourtwelve: %s\n", strings.TrimSuffix(why, "."))
	left, err := os.ReadFile(s.file)
	if began != nil && err == nil && bytes.Equal(left, began) && len(s.beside()) == 0 {
		s.remove()
		fmt.Fprintln(out, "Nothing was typed.")
		return exitError{code}
	}
	// put takes it from here: on the version that it was made from.
	remembered := s.base.Exists && remember(s.file, s.base, s.url, hexOf(s.base.Content)) == nil
	fmt.Fprintf(out, "What you have typed is in %s\n", s.file)
	for _, name := range s.beside() {
		fmt.Fprintf(out, "and, before it was brought together with the change of somebody else, in %s\n", name)
	}
	if remembered {
		fmt.Fprintf(out, "To save it later: fourtwelve put %s %s\n", s.file, s.url)
	} else if !s.base.Exists {
		fmt.Fprintf(out, "To save it later: fourtwelve put --create %s %s\n", s.file, s.url)
	}
	return exitError{code}
}

// beside are the files that have what was typed before.
func (s *session) beside() []string {
	if _, err := os.Stat(s.file + ".mine"); err != nil {
		return nil
	}
	return []string{s.file + ".mine"}
}

// remove removes what the server has now.
func (s *session) remove() { os.RemoveAll(filepath.Dir(s.file)) }
