package dirstore

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// A mirror is a copy of a collection on its way: a folder under tmp in the state folder. It
// is made while others write, and brought up to date when nobody can any more, so that it
// is what the collection was at one moment.
type mirror struct {
	s       *Store
	top, to string // the names of the original and the copy
	alone   bool   // no members are copied
	staged  string // of the copy, in the state folder
	copied  map[string]copied
	seen    map[string]bool // in this run
	changed bool
	props   map[string]*bound // what the copies have, by the name of the original
}

// copied is the state of a file, or a directory, that was copied.
type copied struct {
	id  fileID
	dir bool
}

// run copies what is not copied yet, or has changed since, and removes what has gone.
func (m *mirror) run(ctx context.Context) error {
	m.seen, m.changed, m.props = make(map[string]bool), false, make(map[string]*bound)
	r, err := m.s.resolve(m.top)
	if err != nil {
		return movedIfAbsent(err)
	}
	defer r.close()
	if err := m.copy(ctx, m.top, r); err != nil {
		return err
	}
	for name := range m.copied {
		if !m.seen[name] {
			m.changed = true
			if err := m.s.removeTree(m.file(name)); err != nil {
				return err
			}
			delete(m.copied, name)
		}
	}
	return nil
}

// bindAll gives the copies their properties, durably. They are nobody's until the copies arrive.
func (m *mirror) bindAll() error {
	var parts []*record
	size := 0
	for _, name := range slices.Sorted(maps.Keys(m.props)) {
		p := place{name: m.to + strings.TrimPrefix(name, m.top), dir: m.s.state, base: m.file(name)}
		st, err := statAt(p.dir, p.base)
		if err != nil {
			return err
		}
		r := bind(p, st, m.props[name].set).record(m.s.seq.Add(1))
		if parts, size = append(parts, r), size+len(r.body); size >= store.MaxPropertiesSize/2 {
			if err := m.bind(parts); err != nil {
				return err
			}
			parts, size = nil, 0
		}
	}
	return m.bind(parts)
}

func (m *mirror) bind(parts []*record) error {
	if len(parts) == 0 {
		return nil
	}
	if err := m.s.log(&record{kind: recordGroup, seq: m.s.seq.Add(1), parts: parts}); err != nil {
		return err
	}
	for _, r := range parts {
		m.s.props.set(r.next.id.ino, r.body)
	}
	return nil
}

// refresh is run when nobody can write.
func (m *mirror) refresh(ctx context.Context) (changed bool, err error) {
	if err = m.run(ctx); err == nil {
		err = m.bindAll()
	}
	return m.changed, err
}

func (m *mirror) discard() {
	if err := m.s.removeTree(m.staged); err != nil {
		m.s.opts.Logger.Warn("a folder in the state folder stays until the next start", "folder", m.staged, "error", err)
	}
}

// file is where the copy of name is in the state folder.
func (m *mirror) file(name string) string { return m.staged + strings.TrimPrefix(name, m.top) }

// copy copies what name led to.
func (m *mirror) copy(ctx context.Context, name string, r resolved) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	m.seen[name] = true
	if b := m.s.propertiesOf(r.place, r.stat); b != nil && (r.stat.mode.IsDir() || r.stat.mode.IsRegular()) {
		m.props[name] = b
	}
	before, there := m.copied[name]
	switch {
	case there && before.dir != r.stat.mode.IsDir():
		if err := m.s.removeTree(m.file(name)); err != nil {
			return err
		}
		there = false
	case there && !before.dir && before.id == r.stat.id:
		return nil
	}
	if r.stat.mode.IsDir() {
		return m.copyDir(ctx, name, r, there)
	}
	if !r.stat.mode.IsRegular() {
		delete(m.seen, name)
		return nil
	}
	m.changed = true
	return m.copyFile(name, r)
}

func (m *mirror) copyDir(ctx context.Context, name string, r resolved, there bool) error {
	if !there {
		m.changed = true
		if err := m.s.step(stepMakeDir); err != nil {
			return err
		}
		if err := mkdirAt(m.s.state, m.file(name)); err != nil {
			return err
		}
		m.copied[name] = copied{dir: true}
	}
	if m.alone {
		return nil
	}
	members, err := m.s.readDir(name)
	if err != nil {
		return movedIfAbsent(err)
	}
	for _, member := range members {
		full := path.Join(name, member.Name())
		if checkName(full) != nil {
			continue
		}
		below, err := m.s.resolve(full)
		switch {
		case isAbsent(err):
			continue
		case err != nil && member.Type() == fs.ModeSymlink:
			continue // it leads nowhere, or outside
		case err != nil:
			return err
		}
		if member.Type() != fs.ModeSymlink || !below.stat.mode.IsDir() { // a link may lead back here
			err = m.copy(ctx, full, below)
		}
		below.close()
		if err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies the file r, in one state that it was in.
func (m *mirror) copyFile(name string, r resolved) error {
	f, err := openPlain(r.dir, r.base)
	if err != nil {
		return movedIfAbsent(err)
	}
	defer f.Close()
	_, there := m.copied[name]
	for range maxTries {
		before, err := statFile(f)
		if err == nil && there {
			err = m.s.remove(m.file(name))
		}
		if err == nil {
			err = m.writeCopy(m.file(name), f, before)
		}
		if err != nil {
			return err
		}
		if after, err := statFile(f); err == nil && after.id == before.id {
			m.copied[name] = copied{id: after.id}
			return nil
		}
		there = true
	}
	return &changingError{name}
}

// writeCopy makes the file rel of the state folder, with the content, the permissions and the
// modification time of f.
func (m *mirror) writeCopy(rel string, f *os.File, st fileStat) error {
	s := m.s
	to, err := s.create(rel)
	if err != nil {
		return err
	}
	err = s.step(stepClone)
	if err == nil {
		if err = cloneFile(to, f); errors.Is(err, errors.ErrUnsupported) {
			_, err = io.Copy(to, io.NewSectionReader(f, 0, st.id.size))
		}
	}
	if err == nil {
		err = s.adopt(asNew(to), st)
	}
	err = errors.Join(err, to.Close())
	if err == nil {
		err = setModifiedAt(s.state, rel, st.id.mtime)
	}
	return err
}
