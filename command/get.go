package command

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
)

type getOptions struct {
	remoteOptions
	output, sha256 string
	force          bool
}

const getLong = `Fetch a resource into a file, which then is one version of it and whole, or is not touched.

If the file is current, nothing is transferred (304). A download that was interrupted goes on
where it stopped, if the resource is still the same. What the server says of the content
(Repr-Digest, Content-Digest) is verified. A file that you have changed is not replaced.

Which version the file is, is kept beside it, in .NAME.fourtwelve.json: put uses it.
` + remoteCodes

const getExample = `  fourtwelve get https://www.example.org/notes/plan.txt
  fourtwelve get -o plan.txt https://www.example.org/notes/42
  fourtwelve get --user ann -o - https://www.example.org/notes/plan.txt`

func newGet(env *Env) *cobra.Command {
	var o getOptions
	cmd := &cobra.Command{
		Use: "get URL", Short: "Fetch a resource into a file, whole and of one version", Long: getLong, Example: getExample,
		Args: oneURL("get"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(env, args[0])
			if err != nil {
				return err
			}
			if o.output == "-" {
				return o.print(cmd.Context(), r)
			}
			return o.run(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.output, "output", "o", "", "write to `FILE`, and not to one of the name in the URL; - for standard output")
	f.BoolVar(&o.force, "force", false, "replace a file that was changed, or that get has not made")
	f.StringVar(&o.sha256, "sha256", "", "the digest, in `HEX`, that the content must have")
	o.addFlags(cmd)
	return cmd
}

// print writes the content to standard output.
func (o *getOptions) print(ctx context.Context, r *remote) error {
	got, err := r.Get(ctx, r.url)
	if err != nil {
		return r.fault(err, nil, "")
	}
	_, err = r.env.Stdout.Write(got.Content)
	return err
}

func (o *getOptions) run(ctx context.Context, r *remote) error {
	file := o.output
	if file == "" {
		if file = nameOf(r.url); file == "" {
			return usageError{fmt.Errorf("%s has no name for a file: say one with -o", r.url)}
		}
	}
	known, err := o.mayReplace(file, r.url)
	if err != nil {
		return err
	}
	bar := newProgress(r.env.Stderr)
	got, err := r.Download(ctx, r.url, file, client.DownloadOptions{
		SHA256: o.sha256, Have: known, Progress: func(done, total int64) { bar.show(done, max(total, 0)) },
	})
	bar.clear()
	if err != nil {
		advice := ""
		if ctx.Err() != nil {
			advice = "What has come so far is in " + file + ".part; the same command goes on there."
		}
		return r.fault(err, nil, advice)
	}
	sum, err := digestOf(file)
	if err == nil {
		err = remember(file, got.Representation, r.url, sum)
	}
	if err != nil {
		return fmt.Errorf("%s was fetched, but what it is of could not be kept beside it: %w", file, fileFault(err))
	}
	if info, err := os.Stat(file); err == nil {
		got.Size = info.Size() // also if nothing was transferred
	}
	what := fmt.Sprintf("%s: %d bytes", file, got.Size)
	switch {
	case got.Unchanged:
		what = file + " is current"
	case got.Resumed > 0:
		what += fmt.Sprintf(", %d of them from before", got.Resumed)
	}
	return r.done(what, map[string]any{
		"url": r.url, "file": file, "size": got.Size, "etag": got.RawTag, "unchanged": got.Unchanged,
		"resumed": got.Resumed, "verified": got.Verified, "sha256": sum,
	})
}

// mayReplace returns what the file is of already. The error is that it has something that would be lost.
func (o *getOptions) mayReplace(file, url string) (client.Representation, error) {
	sum, err := digestOf(file)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return client.Representation{}, nil
	case err != nil:
		return client.Representation{}, fileFault(err)
	}
	m, ok := recall(file)
	switch {
	case ok && m.SHA256 == sum && m.URL == url:
		return m.representation(), nil
	case o.force:
		return client.Representation{}, nil
	case !ok:
		return client.Representation{}, fmt.Errorf("%s exists, and is not from here: name another file with -o, or replace it with --force", file)
	case m.URL != url:
		return client.Representation{}, fmt.Errorf("%s is from %s: name another file with -o, or replace it with --force", file, m.URL)
	}
	return client.Representation{}, fmt.Errorf("%s was changed since it was fetched: save it with fourtwelve put %s %s, or replace it with --force",
		file, file, url)
}
