package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
)

type patchOptions struct {
	remoteOptions
	ifMatch, file string
}

const patchLong = `Change part of a JSON resource by PATCH (RFC 5789).

A change is KEY=VALUE: the value is JSON, or else taken as text; null removes the member, and a
dot in the key leads into an object. With -f the patch is in a file: an object is a merge patch
(RFC 7396), an array is a JSON patch (RFC 6902).

The patch is applied to what was there when the command looked. If somebody else was first,
changes by KEY=VALUE are made to what is there now, and a patch of a file is not applied.
` + remoteCodes

const patchExample = `  fourtwelve patch https://www.example.org/config.json debug=true log.level=info
  fourtwelve patch -f change.json https://www.example.org/config.json`

func newPatch(env *Env) *cobra.Command {
	var o patchOptions
	cmd := &cobra.Command{
		Use: "patch URL [KEY=VALUE...]", Short: "Change part of a JSON resource", Long: patchLong, Example: patchExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("patch takes a URL and what to change: write fourtwelve patch URL KEY=VALUE")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(env, args[0])
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), r, args[1:])
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.file, "file", "f", "", "the patch is in `FILE`")
	f.StringVar(&o.ifMatch, "if-match", "", "change it if the current entity tag is `TAG`")
	o.addFlags(cmd)
	return cmd
}

func (o *patchOptions) run(ctx context.Context, r *remote, changes []string) error {
	document, err := o.document(changes)
	if err != nil {
		return err
	}
	tries := 1
	if o.file == "" && o.ifMatch == "" {
		tries = 10 // it says what the members are to be, whatever else there is
	}
	var changed client.Representation
	for {
		var cond client.Condition
		if o.ifMatch != "" {
			if cond, err = conditionOf(o.ifMatch); err != nil {
				return err
			}
		} else {
			seen, err := r.Head(ctx, r.url)
			if err == nil {
				cond, err = seen.Condition()
			}
			if err != nil {
				return r.fault(err, nil, "")
			}
		}
		changed, err = r.Patch(ctx, r.url, document, cond)
		if tries--; err == nil || tries == 0 || !errors.Is(err, client.ErrConflict) {
			break
		}
	}
	if err != nil {
		advice := ""
		if s, ok := errors.AsType[*client.StatusError](err); ok && (s.Status == 405 || s.Status == 415 || s.Status == 501) {
			advice = "The server takes no such patches. Change the whole with fourtwelve edit " + r.url
		}
		return r.fault(err, nil, advice)
	}
	return r.done(r.url+": changed", map[string]any{"url": r.url, "etag": changed.RawTag})
}

// document is the patch.
func (o *patchOptions) document(changes []string) (client.Content, error) {
	if o.file != "" {
		if len(changes) > 0 {
			return client.Content{}, usageError{errors.New("the patch is in a file, or in KEY=VALUE: say one")}
		}
		data, err := os.ReadFile(o.file)
		if err != nil {
			return client.Content{}, fileFault(err)
		}
		if !json.Valid(data) {
			return client.Content{}, fmt.Errorf("%s is not JSON", o.file)
		}
		if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
			return client.Content{Bytes: data, MediaType: client.JSONPatchType}, nil
		}
		return client.Content{Bytes: data, MediaType: client.MergePatchType}, nil
	}
	if len(changes) == 0 {
		return client.Content{}, usageError{errors.New("nothing to change: say KEY=VALUE, or name a patch with -f")}
	}
	patch := map[string]any{}
	for _, change := range changes {
		key, text, ok := strings.Cut(change, "=")
		if !ok || key == "" {
			return client.Content{}, usageError{fmt.Errorf("%q is no change: write KEY=VALUE", change)}
		}
		var value any = text
		if json.Valid([]byte(text)) {
			value = json.RawMessage(text)
		}
		if err := setIn(patch, key, value); err != nil {
			return client.Content{}, usageError{err}
		}
	}
	data, err := json.Marshal(patch)
	return client.Content{Bytes: data, MediaType: client.MergePatchType}, err
}

// setIn sets what the key leads to.
func setIn(patch map[string]any, key string, value any) error {
	names := strings.Split(key, ".")
	for _, name := range names[:len(names)-1] {
		next, ok := patch[name].(map[string]any)
		if !ok {
			if patch[name] != nil {
				return fmt.Errorf("%s is given as a value, and as something with members", name)
			}
			next = map[string]any{}
			patch[name] = next
		}
		patch = next
	}
	last := names[len(names)-1]
	if _, ok := patch[last].(map[string]any); ok {
		return fmt.Errorf("%s is given as a value, and as something with members", last)
	}
	patch[last] = value
	return nil
}
