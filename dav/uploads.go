package dav

import (
	"hash/maphash"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/observe"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store"
)

// uploads remembers which PUTs have failed just now. rclone sends a DELETE a second after a PUT of its own that was refused or cut, to
// remove what may have arrived. Nothing has: what is there is what was there before, and would be lost.
type uploads struct {
	seed maphash.Seed

	any    atomic.Bool // whether there has been any
	mu     sync.Mutex
	failed map[uint64]time.Time // by client and name; until when
}

const (
	// uploadTime is how long a failed PUT is remembered.
	uploadTime = 10 * time.Second
	// maxUploads bounds how many are.
	maxUploads = 4096
)

func newUploads() *uploads {
	return &uploads{seed: maphash.MakeSeed(), failed: make(map[uint64]time.Time)}
}

func (u *uploads) key(who client, name string) uint64 {
	return maphash.String(u.seed, strings.Join([]string{who.user, who.address, who.agent, name}, "\n"))
}

// note remembers how a PUT ended.
func (u *uploads) note(who client, name string, failed bool, now time.Time) {
	key := u.key(who, name)
	u.mu.Lock()
	defer u.mu.Unlock()
	u.any.Store(u.any.Load() || failed)
	if !failed {
		delete(u.failed, key)
		return
	}
	if len(u.failed) >= maxUploads {
		clear(u.failed)
	}
	u.failed[key] = now.Add(uploadTime)
}

// hasFailed reports whether the last PUT of the client to the name has failed, a few seconds ago.
func (u *uploads) hasFailed(who client, name string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return now.Before(u.failed[u.key(who, name)])
}

// observing returns an observer that remembers how PUTs have ended, and tells then.
func (h *Handler) observing(then observe.Observer) observe.Observer {
	return func(r *http.Request, rec *observe.Record) {
		if failed := rec.Status/100 != 2; r.Method == http.MethodPut && (failed || h.uploads.any.Load()) {
			if name, _, err := nameOf(r.URL); err == nil {
				h.uploads.note(h.clientOf(r), name, failed, h.options.now())
			}
		}
		if then != nil {
			then(r, rec)
		}
	}
}

// tidiesUp reports whether a DELETE without a precondition is to remove what a failed PUT of the same client has left, though that is
// nothing, and there is something else. An empty resource may be the client's own: Explorer and locks make one first.
func (x *exchange) tidiesUp(target store.Info) bool {
	return target.Exists() && target.Size > 0 && x.requireOf(x.r) == origin.RequireWhereLost &&
		x.uploads.hasFailed(x.clientOf(x.r), x.name, x.now)
}

// nothingToTidy refuses that.
func (x *exchange) nothingToTidy(target store.Info) error {
	p := condhttp.Required(x.r.Method, x.fields, x.current(target))
	p.Detail = "the PUT before this DELETE failed and has left nothing here, so it would delete what was there before"
	p.Hint = "to delete that, send its ETag in If-Match, or wait a few seconds"
	return p
}
