package origin

import (
	"net/http"

	"github.com/fourtwelve/fourtwelve/store"
)

// delete answers DELETE (RFC 9110 §9.3.5).
func (x *exchange) delete() {
	seen, err := x.lookUpExisting()
	if err != nil {
		x.fail(err)
		return
	}
	if !x.admits(seen, nil) {
		return
	}
	release, ok := x.claimKey(store.Digest{})
	if !ok {
		return
	}
	defer release()
	_, _, ok = x.perform(attempt{
		lookUp: x.lookUpExisting,
		try: func(seen store.Info, expect store.Expect) (store.Info, error) {
			name := x.target.Name
			return x.commit(name, seen, func() (store.Info, error) { return x.remove(name, expect) })
		},
	}, seen)
	if ok {
		x.noContent(http.StatusNoContent)
	}
}
