package syncdir

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/collection"
)

const lockInfo = `<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>` +
	`<D:locktype><D:write/></D:locktype><D:owner>fourtwelve sync</D:owner></D:lockinfo>`

// removeFolder removes a collection there that has no members. A DELETE takes all members with it, and there may be some
// by the time it arrives: so the collection is locked first (RFC 4918 §7.4, nobody else can add to it), and looked at
// under the lock. The lock ends by itself; a DELETE that comes later is refused, as its token means nothing then. The error
// says why the collection stays.
func (s *Syncer) removeFolder(ctx context.Context, name string) error {
	u := s.urlOf(name)
	u.Path += "/"
	res, err := s.asker.Do(ctx, "LOCK", u, http.Header{
		"Depth": {"infinity"}, "Timeout": {"Second-10"}, "Content-Type": {"application/xml"},
	}, strings.NewReader(lockInfo))
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, io.LimitReader(res.Body, 1<<20))
	res.Body.Close()
	token := res.Header.Get("Lock-Token")
	if err != nil || res.StatusCode >= 300 || token == "" {
		return fmt.Errorf("the empty folder there cannot be locked to be removed: the server answers %d", res.StatusCode)
	}
	removed := false
	defer func() {
		if !removed {
			unlock, err := s.asker.Do(context.WithoutCancel(ctx), "UNLOCK", u, http.Header{"Lock-Token": {token}}, nil)
			if err == nil {
				unlock.Body.Close()
			}
		}
	}()
	members, odd, err := s.asker.List(ctx, u)
	if err != nil {
		return err
	}
	if len(members)+odd > 0 {
		return fmt.Errorf("the folder there is not empty: %w", errMoved)
	}
	res, err = s.asker.Do(ctx, http.MethodDelete, u, http.Header{"If": {"(" + token + ")"}, "Depth": {"infinity"}}, nil)
	if err != nil {
		return err
	}
	res.Body.Close()
	if removed = res.StatusCode < 300; !removed {
		return &collection.StatusError{Method: http.MethodDelete, URL: u.Redacted(), Status: res.StatusCode}
	}
	s.step("removed folder " + name)
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.made)
	return nil
}

// makeRoom removes a folder there that has only empty folders in it, the deepest first.
func (s *Syncer) makeRoom(ctx context.Context, name string) error {
	u := s.urlOf(name)
	u.Path += "/"
	members, odd, err := s.asker.List(ctx, u)
	if err != nil {
		return err
	}
	for _, m := range members {
		if !m.Collection {
			odd++
			continue
		}
		if err := s.makeRoom(ctx, name+"/"+m.Name); err != nil {
			return err
		}
	}
	if odd > 0 {
		return fmt.Errorf("the folder of this name there is not empty: %w", errMoved)
	}
	return s.removeFolder(ctx, name)
}

// prune removes folders that deletions have emptied, on the side where they were. One there that cannot be removed safely
// stays.
func (s *Syncer) prune(ctx context.Context, deletions []Step, t trees) {
	tried := map[string]bool{}
	for _, step := range deletions {
		for _, dir := range parents(step.Name) {
			var err error
			switch {
			case step.Action == DeleteLocal && t.local.all[dir].side == Folder:
				err = s.dir.Root().Remove(t.local.all[dir].name)
			case step.Action == DeleteRemote && t.local.all[dir].side == Absent && t.remote.all[dir].side == Folder && !tried[dir]:
				tried[dir] = true
				err = s.removeFolder(ctx, t.remote.all[dir].name)
			default:
				err = errMoved
			}
			if err != nil { // it is not empty, most of the time
				break
			}
		}
	}
}

// checkFile has the name of a question to the server that may not have been cleared away.
const checkFile = StateDir + "/check"

// clearQuestion deletes the file of a question that an interrupted run has asked.
func (s *Syncer) clearQuestion(ctx context.Context) error {
	name, err := s.dir.Root().ReadFile(checkFile)
	if err != nil {
		return nil // there is none
	}
	if err := s.client.Delete(ctx, s.urlOf(string(name)).String(), client.Exists()); err != nil && !isGone(err) {
		return err
	}
	return s.dir.Root().Remove(checkFile)
}
