package syncdir

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/collection"
	"github.com/fourtwelve/fourtwelve/command/internal/folder"
	"github.com/fourtwelve/fourtwelve/etag"
)

// inMemory bounds what is held of one file, in bytes; longer ones go through files.
const inMemory = 4 << 20

// errMoved says that a side is not what it was when the plan was made: it is looked at again.
var errMoved = errors.New("it changed meanwhile")

// take does one step.
func (s *Syncer) take(ctx context.Context, step Step, t trees) {
	s.step("before " + step.Action.String() + " " + step.Name)
	local, remote := t.local.all[step.Name], t.remote.all[step.Name]
	var kept string
	var err error
	switch step.Action {
	case Forget:
		err = s.state.record(entry{Name: step.Name})
		if err == nil {
			return
		}
	case Upload:
		err = s.upload(ctx, step.Name, local, remote)
	case Download:
		err = s.download(ctx, step.Name, local, remote)
	case DeleteLocal:
		err = s.deleteLocal(step.Name, local)
	case DeleteRemote:
		err = s.deleteRemote(ctx, step.Name, remote)
	case Compare:
		var same bool
		if kept, same, err = s.resolve(ctx, step.Name, local, remote); same && err == nil {
			return
		}
	case Clash:
		s.problem(step.Name, "is a file on one side and a folder on the other: rename one of them")
		s.mu.Lock()
		s.result.Clashes++
		s.mu.Unlock()
		return
	}
	switch {
	case errors.Is(err, errMoved), errors.Is(err, folder.ErrChanged), errors.Is(err, client.ErrConflict):
		if kept, ok := errors.AsType[*folder.Kept](err); ok {
			s.problem(step.Name, kept.Error())
		}
		s.again.Store(true)
	case err != nil && ctx.Err() != nil:
	case errors.Is(err, client.ErrConditionsIgnored):
		s.mu.Lock()
		s.fatal = err
		s.mu.Unlock()
	default:
		s.tell(step, kept, err)
	}
	s.step("after " + step.Action.String() + " " + step.Name)
}

// nameThere is how the name is spelled there, or, if it is new, here.
func nameThere(local, remote found) string {
	if remote.name != "" {
		return remote.name
	}
	return local.name
}

func nameHere(local, remote found) string {
	if local.name != "" {
		return local.name
	}
	return remote.name
}

// base is the condition that there is still what both had, or nothing.
func (s *Syncer) condition(key string, remote found) (client.Condition, error) {
	if remote.side == Absent || remote.side == Folder {
		return client.Absent(), nil
	}
	e, _ := s.state.get(key)
	tag, err := etag.Parse(e.Tag)
	if err != nil || tag.IsWeak() {
		return client.Condition{}, fmt.Errorf("its entity tag there is not known: %w", errMoved)
	}
	return client.IfMatch(tag), nil
}

// upload brings what is here there.
func (s *Syncer) upload(ctx context.Context, key string, local, remote found) error {
	cond, err := s.condition(key, remote)
	if err != nil {
		return err
	}
	content, sum, info, err := s.content(local.name)
	if err != nil {
		return err
	}
	if sum != local.sum {
		return errMoved
	}
	name := nameThere(local, remote)
	if err := s.makeCollections(ctx, folderOf(name)); err != nil {
		return err
	}
	if remote.side == Folder { // what was in it is gone by now
		if err := s.makeRoom(ctx, remote.name); err != nil {
			return err
		}
	}
	if remote.side != Same {
		content.MediaType = mime.TypeByExtension(path.Ext(name))
	}
	written, err := s.client.Put(ctx, s.urlOf(name).String(), content, cond)
	if err != nil {
		return refusal(err)
	}
	s.step("uploaded " + key)
	return s.agreed(key, sum, info, written)
}

// refusal says more about some answers.
func refusal(err error) error {
	if status, ok := errors.AsType[*client.StatusError](err); ok {
		switch status.Status {
		case http.StatusConflict:
			return fmt.Errorf("%w: a folder that it is in is missing there, or is a file", err)
		case http.StatusLocked:
			return fmt.Errorf("%w: somebody holds a lock on it", err)
		case http.StatusMethodNotAllowed:
			return fmt.Errorf("%w: it is a folder there, or the server takes no writes", err)
		}
	}
	return err
}

// content is a file here, and its digest: what is sent is what has it.
func (s *Syncer) content(name string) (client.Content, folder.Sum, fs.FileInfo, error) {
	seen := time.Now()
	f, info, err := s.dir.OpenFile(name)
	if err != nil {
		return client.Content{}, folder.Sum{}, nil, err
	}
	defer f.Close()
	long := info.Size() > inMemory
	if info = settled(info, seen); !long {
		data, err := io.ReadAll(io.LimitReader(f, inMemory+1))
		if len(data) > inMemory {
			err = errMoved
		}
		return client.Content{Bytes: data}, sha256.Sum256(data), info, err
	}
	h := sha256.New()
	size, err := io.Copy(h, f)
	if err != nil {
		return client.Content{}, folder.Sum{}, nil, err
	}
	sum := folder.Sum(h.Sum(nil))
	return client.Content{Open: func() (io.ReadCloser, error) {
		f, _, err := s.dir.OpenFile(name)
		if err != nil {
			return nil, err
		}
		return &steady{f: f, left: size, want: sum, got: sha256.New()}, nil
	}}, sum, info, nil
}

// makeCollections makes the collections there that a name is in.
func (s *Syncer) makeCollections(ctx context.Context, dir string) error {
	s.mu.Lock()
	known := s.made[dir]
	s.mu.Unlock()
	if known || dir == "." && !s.missing {
		return nil
	}
	u := s.urlOf(dir)
	if dir != "." {
		if err := s.makeCollections(ctx, folderOf(dir)); err != nil {
			return err
		}
		u.Path += "/"
	}
	// It may be there already. A server without collections says so, and makes them of names.
	res, err := s.asker.Do(ctx, "MKCOL", u, nil, http.NoBody)
	if err != nil {
		return err
	}
	res.Body.Close()
	switch {
	case res.StatusCode < 400, res.StatusCode == http.StatusMethodNotAllowed, res.StatusCode == http.StatusNotImplemented:
	case res.StatusCode == http.StatusConflict:
		return fmt.Errorf("%s cannot be made: what it is in does not exist there, or is no folder", u.Redacted())
	default:
		return &collection.StatusError{Method: "MKCOL", URL: u.Redacted(), Status: res.StatusCode}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.made[dir] = true
	return nil
}

// agreed records that both sides have this content. A tag that is weak, or that the server has not told, may be of other
// content: it is asked for at the end of the run.
func (s *Syncer) agreed(key string, sum folder.Sum, info fs.FileInfo, there client.Representation) error {
	e := entry{Name: key, Sum: hexOf(sum)}
	e.stamp(info)
	if !there.Tag.IsZero() && !there.Tag.IsWeak() {
		e.Tag = there.Tag.String()
	} else {
		s.mu.Lock()
		s.unsure = append(s.unsure, e)
		s.mu.Unlock()
	}
	return s.state.record(e)
}

// makeSure asks for the tags that are not known yet. It waits until servers that are not sure of a file of this second
// are. What has other content by then is left for the next run.
func (s *Syncer) makeSure(ctx context.Context) error {
	if len(s.unsure) == 0 {
		return nil
	}
	wait(ctx, 2*time.Second)
	s.each(ctx, len(s.unsure), func(i int) {
		e := s.unsure[i]
		sum, r, err := s.digestThere(ctx, s.urlOf(e.Name).String())
		if err == nil && hexOf(sum) == e.Sum && !r.Tag.IsZero() && !r.Tag.IsWeak() {
			e.Tag = r.Tag.String()
			_ = s.state.record(e)
		} else if err == nil && hexOf(sum) == e.Sum {
			s.problem(e.Name, "the server gives no strong entity tag for it, so a change there cannot be told, and none can be guarded")
		}
	})
	s.unsure = nil
	return ctx.Err()
}

// digestThere is the digest of what is there: as the server says it, or of what it sends.
func (s *Syncer) digestThere(ctx context.Context, u string) (folder.Sum, client.Representation, error) {
	if r, err := s.client.Head(ctx, u); err == nil {
		if sum, ok := saidDigest(r.Header); ok && r.Coding == "" {
			return sum, r, nil
		}
	}
	r, err := s.client.Get(ctx, u)
	if errors.Is(err, client.ErrTooLarge) {
		return s.digestByFile(ctx, u)
	}
	return r.SHA256(), r, err
}

// digestByFile reads what is too long to be held.
func (s *Syncer) digestByFile(ctx context.Context, u string) (folder.Sum, client.Representation, error) {
	w, r, err := s.fetchLong(ctx, u)
	if err != nil {
		return folder.Sum{}, r, err
	}
	defer w.Discard()
	return w.Sum(), r, nil
}

// fetch reads what is there into a draft.
func (s *Syncer) fetch(ctx context.Context, name string, size int64) (*folder.Draft, client.Representation, error) {
	u := s.urlOf(name).String()
	if size > inMemory {
		return s.fetchLong(ctx, u)
	}
	r, err := s.client.Get(ctx, u)
	switch {
	case errors.Is(err, client.ErrTooLarge):
		return s.fetchLong(ctx, u)
	case errors.Is(err, client.ErrNotFound):
		return nil, r, errMoved
	case err != nil:
		return nil, r, err
	case r.Coding != "":
		return nil, r, fmt.Errorf("the server sends it compressed (%s), though that was not asked for", r.Coding)
	case r.EndUnknown:
		return nil, r, client.ErrEndUnknown
	}
	w, err := s.dir.Stage(StateDir)
	if err != nil {
		return nil, r, err
	}
	if _, err := io.Copy(w, bytes.NewReader(r.Content)); err != nil {
		w.Discard()
		return nil, r, err
	}
	return w, r, nil
}

// fetchLong reads through a file that an interrupted run goes on with.
func (s *Syncer) fetchLong(ctx context.Context, u string) (*folder.Draft, client.Representation, error) {
	sum := sha256.Sum256([]byte(u))
	name := StateDir + "/get-" + hexOf(sum)[:32]
	file := path.Join(s.dir.Root().Name(), name)
	got, err := s.client.Download(ctx, u, file, client.DownloadOptions{})
	if errors.Is(err, client.ErrNotFound) {
		err = errMoved
	}
	if err != nil {
		return nil, got.Representation, err
	}
	w, err := s.dir.Take(name)
	return w, got.Representation, err
}

// download brings what is there here.
func (s *Syncer) download(ctx context.Context, key string, local, remote found) error {
	w, r, err := s.fetch(ctx, remote.name, remote.member.Size)
	if err != nil {
		return err
	}
	defer w.Discard()
	s.step("fetched " + key)
	return s.place(key, w, r, local, remote)
}

// place puts a draft to where it belongs here, if that is still what was seen.
func (s *Syncer) place(key string, w *folder.Draft, r client.Representation, local, remote found) error {
	name, sum := nameHere(local, remote), w.Sum()
	var err error
	if local.side == Absent || local.side == Folder {
		if local.side == Folder { // what was in it is gone by now
			if err := s.dir.Root().Remove(local.name); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fmt.Errorf("the folder of this name here is not empty: %w", errMoved)
			}
		}
		if err := s.dir.Root().MkdirAll(folderOf(name), 0o777); err != nil {
			return err
		}
		err = w.Create(name)
	} else {
		err = w.Replace(name, local.sum)
	}
	if err != nil {
		return err
	}
	s.step("placed " + key)
	return s.agreed(key, sum, nil, r) // what is there now may be somebody else's already: it is read the next time
}

func (s *Syncer) deleteLocal(key string, local found) error {
	if err := s.dir.Remove(local.name, local.sum, StateDir); err != nil {
		return err
	}
	s.step("deleted here " + key)
	return s.state.record(entry{Name: key})
}

func (s *Syncer) deleteRemote(ctx context.Context, key string, remote found) error {
	if err := s.checkDeletions(ctx); err != nil {
		return err
	}
	cond, err := s.condition(key, remote)
	if err != nil {
		return err
	}
	err = s.client.Delete(ctx, s.urlOf(remote.name).String(), cond)
	if isGone(err) {
		err = nil // somebody else has deleted it
	}
	if err != nil {
		return refusal(err)
	}
	s.step("deleted there " + key)
	return s.state.record(entry{Name: key})
}

// checkDeletions asks the server once whether a DELETE whose condition is false is refused, with a file of its own. There
// are servers that honour the conditions of PUT alone.
func (s *Syncer) checkDeletions(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.checked {
		return nil
	}
	token := rand.Text()
	name := folder.Prefix + "check-" + token
	if err := s.dir.Root().WriteFile(checkFile, []byte(name), 0o600); err != nil {
		return err
	}
	u := s.urlOf(name).String()
	content := client.Text("fourtwelve asks whether this server honours If-Match of DELETE. It may be deleted. " + token + "\n")
	content.Unique = true
	if _, err := s.client.Create(ctx, u, content); err != nil {
		return refusal(err)
	}
	wrong, err := etag.Strong(token)
	if err != nil {
		return err
	}
	err = s.client.Delete(ctx, u, client.IfMatch(wrong))
	if err == nil {
		return fmt.Errorf("%s: %w: it performed a DELETE whose If-Match was false", s.root, client.ErrConditionsIgnored)
	}
	gone := s.client.Delete(ctx, u, client.Exists())
	if !errors.Is(err, client.ErrConflict) {
		return err
	}
	if gone != nil {
		return fmt.Errorf("%s is left over: %w", u, gone)
	}
	s.checked = true
	return s.dir.Root().Remove(checkFile)
}

// isGone reports whether a deletion was refused because there is nothing.
func isGone(err error) bool {
	conflict, ok := errors.AsType[*client.Conflict](err)
	return ok && conflict.TheirsErr == nil && !conflict.Theirs.Exists
}

// resolve looks at a name that both sides have changed. If they have the same content, that is the new base. Otherwise what
// is here is kept under another name, from where the next pass brings it there, and what is there comes here.
func (s *Syncer) resolve(ctx context.Context, key string, local, remote found) (kept string, same bool, err error) {
	if remote.member.Size < 0 || remote.member.Size == local.size {
		sum, r, err := s.digestThere(ctx, s.urlOf(remote.name).String())
		if errors.Is(err, client.ErrNotFound) {
			err = errMoved
		}
		if err != nil {
			return "", false, err
		}
		if sum == local.sum {
			return "", true, s.agreed(key, sum, local.info, r)
		}
	}
	w, r, err := s.fetch(ctx, remote.name, remote.member.Size)
	if err != nil {
		return "", false, err
	}
	defer w.Discard()
	if w.Sum() == local.sum {
		return "", true, s.agreed(key, local.sum, local.info, r)
	}
	if kept, err = s.keep(local); err != nil {
		return "", false, err
	}
	s.step("kept " + key)
	s.again.Store(true)
	return kept, false, s.place(key, w, r, local, remote)
}

// keep makes a copy of what is here, under a name that says so. One with the same content may be there already, from a run
// that was interrupted.
func (s *Syncer) keep(local found) (string, error) {
	name := conflictName(local.name, local.sum)
	if sum, _, err := s.dir.SumOf(name); err == nil && sum == local.sum {
		return name, nil
	}
	f, _, err := s.dir.OpenFile(local.name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	w, err := s.dir.Stage(StateDir)
	if err != nil {
		return "", err
	}
	defer w.Discard()
	if _, err := io.Copy(w, f); err != nil {
		return "", err
	}
	if w.Sum() != local.sum {
		return "", errMoved
	}
	return name, w.Create(name)
}

// saidDigest is the SHA-256 in Repr-Digest (RFC 9530), if the server says it.
func saidDigest(h http.Header) (sum folder.Sum, ok bool) {
	for member := range strings.SplitSeq(h.Get("Repr-Digest"), ",") {
		if value, is := strings.CutPrefix(strings.TrimSpace(member), "sha-256=:"); is {
			return decodeSum(strings.TrimSuffix(value, ":"))
		}
	}
	return sum, false
}
