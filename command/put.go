package command

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
)

// writeConditions are the flags that say what must hold for a write.
type writeConditions struct {
	ifMatch       string
	create, force bool
}

// condition is what the flags say; ok is false if they say nothing.
func (o *writeConditions) condition() (cond client.Condition, ok bool, err error) {
	given := 0
	for _, is := range []bool{o.ifMatch != "", o.create, o.force} {
		if is {
			given++
		}
	}
	switch {
	case given > 1:
		return cond, false, usageError{errors.New("--if-match, --create and --force exclude each other: say one")}
	case o.create:
		return client.Absent(), true, nil
	case o.force:
		return client.Unconditional(), true, nil
	case o.ifMatch != "":
		cond, err = conditionOf(o.ifMatch)
		return cond, true, err
	}
	return cond, false, nil
}

type putOptions struct {
	remoteOptions
	writeConditions
	mediaType string
}

const putLong = `Write a file to a URL, if what is there is still what you have fetched with get, or what
--if-match says. Otherwise nothing is written, and you see what was changed.

If the answer is lost, the write is sent again with its Idempotency-Key, or it is found out what
became of it; where that cannot be told, put says so.
` + remoteCodes

const putExample = `  fourtwelve get https://www.example.org/notes/plan.txt
  fourtwelve put plan.txt https://www.example.org/notes/plan.txt
  fourtwelve put --create new.txt https://www.example.org/notes/new.txt`

func newPut(env *Env) *cobra.Command {
	var o putOptions
	cmd := &cobra.Command{
		Use: "put FILE URL", Short: "Write a file, if nobody else has changed the resource", Long: putLong, Example: putExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usageError{fmt.Errorf("put takes a file and a URL, and got %d arguments: write fourtwelve put FILE URL", len(args))}
			}
			if _, err := parseTarget(args[0]); err == nil {
				return usageError{fmt.Errorf("the file comes first: write fourtwelve put FILE %s", args[0])}
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
	f.StringVar(&o.ifMatch, "if-match", "", "write if the current entity tag is `TAG`; * for any")
	f.BoolVar(&o.create, "create", false, "write if there is nothing yet")
	f.BoolVar(&o.force, "force", false, "write whatever is there, though it is lost")
	f.StringVar(&o.mediaType, "type", "", "the media `TYPE` of the content; unless set, that of what is there, or by the name of the file")
	o.addFlags(cmd)
	return cmd
}

func (o *putOptions) run(ctx context.Context, r *remote, file string) error {
	if strings.HasSuffix(r.url, "/") {
		return usageError{fmt.Errorf("%s is a collection: name the resource, as in %s", r.url, r.url+filepath.Base(file))}
	}
	sum, err := digestOf(file)
	if errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no file %s", file)
	}
	if err != nil {
		return fileFault(err)
	}
	cond, said, err := o.condition()
	if err != nil {
		return err
	}
	m, known := recall(file)
	known = known && m.URL == r.url
	if !said {
		if !known {
			return fmt.Errorf("nobody knows which version of %s this file was made from: "+
				"fetch it with fourtwelve get, or say --create, --if-match or --force", r.url)
		}
		if m.SHA256 == sum {
			facts := map[string]any{"url": r.url, "file": file, "unchanged": true, "etag": m.ETag}
			return r.done(file+" is as it was fetched; nothing was sent", facts)
		}
		if cond, err = m.representation().Condition(); err != nil {
			return r.fault(err, nil, "The server gives no validator that would guard a write. --force writes all the same.")
		}
	}
	content, err := o.content(file)
	if err != nil {
		return fileFault(err)
	}
	written, err := r.Put(ctx, r.url, content, cond)
	if o.force && errors.Is(err, client.ErrConditionRequired) { // then any version, or none
		if written, err = r.Put(ctx, r.url, content, client.Exists()); errors.Is(err, client.ErrConflict) {
			written, err = r.Put(ctx, r.url, content, client.Absent())
		}
	}
	if err != nil {
		return r.fault(err, content.Bytes, o.advice(err, r, file))
	}
	if written.RawTag == "" && content.Open == nil {
		written = r.found(ctx, written, content.Bytes)
	}
	if err := remember(file, written, r.url, sum); err != nil {
		return fmt.Errorf("%s was written, but what the file is of could not be kept beside it: %w", r.url, fileFault(err))
	}
	return r.done(fmt.Sprintf("%s: written", r.url), map[string]any{"url": r.url, "file": file, "etag": written.RawTag})
}

// found is what the server says of the content that was written, if it did not say so in its answer. What it says of any other
// content is somebody else's.
func (r *remote) found(ctx context.Context, written client.Representation, content []byte) client.Representation {
	now, err := r.Get(ctx, r.url)
	if err != nil || !bytes.Equal(now.Content, content) {
		return written
	}
	return now
}

// inMemory bounds what is held to show a difference, in bytes.
const inMemory = 8 << 20

func (o *putOptions) content(file string) (client.Content, error) {
	c := client.Content{MediaType: o.mediaType}
	if c.MediaType == "" && (o.create || o.force) {
		c.MediaType = typeOf(file)
	}
	info, err := os.Stat(file)
	if err != nil {
		return c, err
	}
	if info.Size() > inMemory {
		c.Open = func() (io.ReadCloser, error) { return os.Open(file) }
		return c, nil
	}
	c.Bytes, err = os.ReadFile(file)
	return c, err
}

func (o *putOptions) advice(err error, r *remote, file string) string {
	conflict, ok := errors.AsType[*client.Conflict](err)
	switch {
	case ok && conflict.Condition == client.Absent():
		return fmt.Sprintf("To change what is there: fourtwelve edit %s", r.url)
	case ok && conflict.TheirsErr == nil && !conflict.Theirs.Exists:
		return fmt.Sprintf("To create it anew: fourtwelve put --create %s %s", file, r.url)
	case ok:
		return fmt.Sprintf("Fetch it with fourtwelve get -o %s.theirs %s, bring the two together in %s, and then:\n  fourtwelve put --if-match '%s' %s %s",
			file, r.url, file, conflict.Theirs.RawTag, file, r.url)
	case errors.Is(err, client.ErrOutcomeUnknown):
		return fmt.Sprintf("See what is there with fourtwelve get -o - %s before you write again.", r.url)
	}
	return ""
}
