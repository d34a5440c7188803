package mcptools

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"

	"github.com/fourtwelve/fourtwelve/command/internal/folder"
	"github.com/fourtwelve/fourtwelve/etag"
)

// local is a directory. The version of a file is the tag of its content.
type local struct{ dir *folder.Dir }

func (l local) read(_ context.Context, name string, max int64) (state, error) {
	s, _, err := l.look(name, max)
	return s, err
}

func (l local) look(name string, max int64) (state, folder.Sum, error) {
	f, info, err := l.dir.OpenFile(name)
	if err != nil {
		return state{}, folder.Sum{}, localFault(name, err)
	}
	defer f.Close()
	if info.Size() > max {
		return state{}, folder.Sum{}, fmt.Errorf("%s: %w: %d bytes, and the most is %d", name, errTooLarge, info.Size(), max)
	}
	content, err := io.ReadAll(io.LimitReader(f, max+1))
	if err != nil {
		return state{}, folder.Sum{}, err
	}
	if int64(len(content)) > max {
		return state{}, folder.Sum{}, fmt.Errorf("%s: %w: it is growing beyond %d bytes", name, errTooLarge, max)
	}
	sum := sha256.Sum256(content)
	return state{content: content, version: tagOf(sum), mediaType: mime.TypeByExtension(path.Ext(name))}, sum, nil
}

func tagOf(sum folder.Sum) string { return strings.Trim(etag.FromDigest(sum).String(), `"`) }

func (l local) write(ctx context.Context, name, content, version string) (string, error) {
	var want folder.Sum
	if version != "" {
		now, sum, err := l.look(name, maxFile)
		if errors.Is(err, errNone) || err == nil && now.version != version {
			return "", &moved{exists: err == nil, now: now}
		}
		if err != nil {
			return "", err
		}
		want = sum
	}
	in := path.Dir(name)
	if version == "" {
		if err := l.dir.Root().MkdirAll(in, 0o777); err != nil {
			return "", localFault(name, err)
		}
	}
	w, err := l.dir.Stage(in)
	if err != nil {
		return "", localFault(name, err)
	}
	defer w.Discard()
	if _, err := io.WriteString(w, content); err != nil {
		return "", err
	}
	sum := w.Sum()
	if version == "" {
		err = w.Create(name)
	} else {
		err = w.Replace(name, want)
	}
	if err != nil {
		return "", l.refusal(name, err)
	}
	return tagOf(sum), nil
}

func (l local) delete(_ context.Context, name, version string) error {
	now, sum, err := l.look(name, maxFile)
	switch {
	case errors.Is(err, errNone), err == nil && now.version != version:
		return &moved{exists: err == nil, now: now}
	case err != nil:
		return err
	}
	if err := l.dir.Remove(name, sum, path.Dir(name)); err != nil {
		return l.refusal(name, err)
	}
	return nil
}

// refusal says what is there instead of what was expected.
func (l local) refusal(name string, err error) error {
	var kept *folder.Kept
	if !errors.Is(err, folder.ErrChanged) || errors.As(err, &kept) {
		return localFault(name, err)
	}
	now, _, err := l.look(name, maxFile)
	if errors.Is(err, errNone) {
		return &moved{}
	}
	return &moved{exists: true, now: now, err: err}
}

func (l local) list(_ context.Context, name string) ([]Member, error) {
	f, err := l.dir.Root().Open(name)
	if err != nil {
		return nil, localFault(name, err)
	}
	defer f.Close()
	entries, err := f.ReadDir(maxMembers + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, localFault(name, err)
	}
	var members []Member
	for _, e := range entries {
		m := Member{Name: e.Name(), Folder: e.IsDir()}
		info, err := e.Info()
		switch {
		case strings.HasPrefix(e.Name(), folder.Prefix) || err != nil:
			continue
		case e.IsDir():
			m.Name += "/"
		case e.Type().IsRegular():
			m.Size = info.Size()
		default:
			m.Note = folder.Kind(e.Type()) + ": these tools leave it alone"
		}
		members = append(members, m)
	}
	return members, nil
}

// localFault says what is wrong with a name in a directory, without where that is.
func localFault(name string, err error) error {
	var path *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s: %w", name, errNone)
	case errors.As(err, &path) && path.Err.Error() == "path escapes from parent":
		return fmt.Errorf("%s: a symbolic link on the way leads out of the directory, where these tools do nothing", name)
	case errors.As(err, &path):
		return fmt.Errorf("%s: %w", name, path.Err)
	}
	return err
}
