package command

import (
	"context"
	"errors"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/client"
)

type rmOptions struct {
	remoteOptions
	writeConditions
}

const rmLong = `Delete a resource, if it is what --if-match says, or, unless you say that, what it was when the
command looked, a moment before.
` + remoteCodes

func newRm(env *Env) *cobra.Command {
	var o rmOptions
	cmd := &cobra.Command{
		Use: "rm URL", Short: "Delete a resource, if nobody else has changed it", Long: rmLong,
		Example: `  fourtwelve rm --if-match '"2Zyr1nPtYb4n_iIFnBhRFw"' https://www.example.org/notes/plan.txt`,
		Args:    oneURL("rm"),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := o.open(env, args[0])
			if err != nil {
				return err
			}
			return o.run(cmd.Context(), r)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.ifMatch, "if-match", "", "delete if the current entity tag is `TAG`")
	f.BoolVar(&o.force, "force", false, "delete whatever is there")
	o.addFlags(cmd)
	return cmd
}

func (o *rmOptions) run(ctx context.Context, r *remote) error {
	cond, said, err := o.condition()
	if err != nil {
		return err
	}
	if !said {
		seen, err := r.Head(ctx, r.url)
		if err == nil {
			cond, err = seen.Condition()
		}
		if err != nil {
			return r.fault(err, nil, "")
		}
	}
	err = r.Delete(ctx, r.url, cond)
	if o.force && errors.Is(err, client.ErrConditionRequired) {
		err = r.Delete(ctx, r.url, client.Exists())
	}
	if err != nil {
		advice := ""
		if errors.Is(err, client.ErrConflict) {
			advice = "Look at what is there before you delete it: fourtwelve get -o - " + r.url
		}
		return r.fault(err, nil, advice)
	}
	return r.done(r.url+": deleted", map[string]any{"url": r.url, "deleted": true, "status": http.StatusNoContent})
}
