package syncdir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/collection"
	"github.com/fourtwelve/fourtwelve/command/internal/folder"
)

// found is what a side has under a name. The key of it is the name in one normal form (NFC), since some file systems
// change the form; name is as that side spells it.
type found struct {
	name string
	side Side // Folder, Other or Unknown; Changed for a file until it is compared with the base
	// Of a file here:
	info fs.FileInfo // nil if it might look the same after a change
	size int64
	sum  folder.Sum
	// Of one there:
	member collection.Member
}

// tree is what a side has.
type tree struct {
	mu    sync.Mutex
	all   map[string]found
	files int
}

// add puts a name into the tree. Of two that are the same but for the form of their characters neither can be told.
func (t *tree) add(f found, problem func(name, why string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	key := norm.NFC.String(f.name)
	if before, twice := t.all[key]; twice {
		problem(f.name, "there are two of this name, which differ only in how they write its accents: rename one")
		before.side = Other
		t.all[key] = before
		return
	}
	t.all[key] = f
	if f.side == Changed {
		t.files++
	}
}

// Ignore says which names are left out, on both sides: patterns of path.Match for the last element, or, with a slash in
// them, for the whole name. What is in a folder that is left out is left out.
type Ignore []string

// Check is the error for a pattern that is none.
func (i Ignore) Check() error {
	for _, pattern := range i {
		if _, err := path.Match(pattern, "x"); err != nil || pattern == "" {
			return fmt.Errorf("%q is no pattern: write it as in *.tmp, or build/*.o", pattern)
		}
	}
	return nil
}

func (i Ignore) matches(name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, folder.Prefix) {
		return true
	}
	for _, pattern := range i {
		pattern = strings.TrimSuffix(pattern, "/")
		subject := base
		if strings.Contains(pattern, "/") {
			pattern, subject = strings.TrimPrefix(pattern, "/"), name
		}
		if ok, _ := path.Match(pattern, subject); ok {
			return true
		}
	}
	return false
}

// scanLocal looks at all that is here, and reads what does not look as it did.
func (s *Syncer) scanLocal(ctx context.Context) (*tree, error) {
	t := &tree{all: map[string]found{}}
	return t, s.scanFolder(ctx, t, ".")
}

func (s *Syncer) scanFolder(ctx context.Context, t *tree, dir string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	f, err := s.dir.Root().Open(dir)
	var entries []fs.DirEntry
	if err == nil {
		entries, err = f.ReadDir(-1)
		f.Close()
	}
	if err != nil {
		if dir == "." {
			return err
		}
		s.problem(dir, "cannot be read here: "+reason(err))
		t.all[norm.NFC.String(dir)] = found{name: dir, side: Unknown}
		return nil
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if s.Ignore.matches(name) {
			continue
		}
		switch {
		case !utf8.ValidString(e.Name()) || folder.Check(name) != nil:
			s.problem(strings.ToValidUTF8(name, "�"), "its name is not UTF-8, and has no place in a URL")
		case e.IsDir():
			t.add(found{name: name, side: Folder}, s.problem)
			if err := s.scanFolder(ctx, t, name); err != nil {
				return err
			}
		case e.Type().IsRegular():
			t.add(s.scanFile(name), s.problem)
		default:
			s.problem(name, "is "+folder.Kind(e.Type())+", and stays here alone")
			t.add(found{name: name, side: Other}, s.problem)
		}
	}
	return nil
}

func (s *Syncer) scanFile(name string) found {
	f := found{name: name, side: Changed}
	seen := time.Now()
	info, err := s.dir.Root().Lstat(name)
	if err == nil {
		e, known := s.state.get(norm.NFC.String(name))
		if known && e.looks(info) {
			f.info, f.size, f.sum = info, info.Size(), e.sum()
			return f
		}
		if f.sum, info, err = s.dir.SumOf(name); err == nil {
			f.info, f.size = settled(info, seen), info.Size()
			if known && f.sum == e.sum() && f.info != nil && !s.DryRun {
				e.stamp(f.info)
				err = s.state.record(e)
			}
		}
	}
	if err != nil {
		s.problem(name, "cannot be read here: "+reason(err))
		f.side = Unknown
	}
	return f
}

// scanRemote asks for all that is there, several collections at a time.
func (s *Syncer) scanRemote(ctx context.Context) (*tree, error) {
	t := &tree{all: map[string]found{}}
	root, err := s.list(ctx, ".", t)
	if err != nil {
		return nil, err
	}
	for todo := root; len(todo) > 0; {
		var next []string
		var mu sync.Mutex
		s.each(ctx, len(todo), func(i int) {
			below, err := s.list(ctx, todo[i], t)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.problem(todo[i], "cannot be listed there: "+reason(err))
				t.mu.Lock()
				t.all[norm.NFC.String(todo[i])] = found{name: todo[i], side: Unknown}
				t.mu.Unlock()
			}
			next = append(next, below...)
		})
		todo = next
	}
	return t, ctx.Err()
}

// maxDepth bounds how deep collections lie in each other, for a server that makes them up.
const maxDepth = 100

// list adds the members of one collection, and returns the collections among them.
func (s *Syncer) list(ctx context.Context, name string, t *tree) (below []string, err error) {
	if strings.Count(name, "/") > maxDepth {
		return nil, fmt.Errorf("collections lie more than %d deep in each other", maxDepth)
	}
	u := s.urlOf(name)
	if name != "." {
		u.Path += "/"
	}
	members, odd, err := s.asker.List(ctx, u)
	if err != nil {
		return nil, err
	}
	if odd > 0 {
		s.problem(name, fmt.Sprintf("%d names there cannot be names of files: they are left alone", odd))
	}
	for _, m := range members {
		full := path.Join(name, m.Name)
		if s.Ignore.matches(full) {
			continue
		}
		switch {
		case folder.Check(full) != nil || !utf8.ValidString(full) || strings.Contains(m.Name, `\`):
			s.problem(strings.ToValidUTF8(full, "�"), "its name there cannot be that of a file here")
			t.add(found{name: full, side: Other}, s.problem)
		case m.Collection:
			t.add(found{name: full, side: Folder}, s.problem)
			below = append(below, full)
		default:
			if m.Tag == "" {
				m.Tag = s.tagOf(ctx, full)
			}
			t.add(found{name: full, side: Changed, member: m}, s.problem)
		}
	}
	return below, nil
}

// tagOf asks for the tag that a listing does not have.
func (s *Syncer) tagOf(ctx context.Context, name string) string {
	r, err := s.client.Head(ctx, s.urlOf(name).String())
	if err != nil {
		return ""
	}
	return r.RawTag
}

func (s *Syncer) urlOf(name string) *url.URL {
	u := *s.root
	if name != "." {
		u.Path += name
	}
	return &u
}

// compare says what of both sides is as it was, and makes the plan's view of all names.
func (s *Syncer) compare(local, remote *tree) map[string]Trio {
	names := map[string]Trio{}
	for name, f := range local.all {
		t := Trio{Local: f.side}
		if e, ok := s.state.get(name); ok && f.side == Changed && f.sum == e.sum() {
			t.Local = Same
		}
		names[name] = t
	}
	for name, f := range remote.all {
		t := names[name]
		t.Remote = f.side
		if e, ok := s.state.get(name); ok && f.side == Changed && e.Tag != "" && strings.TrimPrefix(f.member.Tag, "W/") == e.Tag {
			t.Remote = Same
		}
		names[name] = t
	}
	for name := range s.state.base {
		t := names[name]
		t.Had = true
		if s.Ignore.matches(name) {
			t.Local, t.Remote = Unknown, Unknown
		}
		names[name] = t
	}
	for name, t := range names {
		for _, dir := range parents(name) {
			if s.Ignore.matches(dir) {
				t.Local, t.Remote = Unknown, Unknown
			}
			t.Local = under(local.all[dir].side, t.Local)
			t.Remote = under(remote.all[dir].side, t.Remote)
		}
		names[name] = t
	}
	return names
}

// under is what is known of a name in a folder: nothing if nothing is known of the folder.
func under(dir, side Side) Side {
	if dir == Unknown || dir == Other {
		return Unknown
	}
	return side
}

// reason is an error for people, without what they know.
func reason(err error) string {
	var path *fs.PathError
	switch {
	case errors.As(err, &path):
		return path.Err.Error()
	case errors.Is(err, client.ErrConditionsIgnored):
		return client.ErrConditionsIgnored.Error()
	}
	return err.Error()
}

// wait waits, or ends with ctx.
func wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
