package dirstore

import (
	"errors"
	"io/fs"
	"path"
	"path/filepath"
	"strconv"
)

// recover opens the index and removes what a crash left behind.
func (s *Store) recover() error {
	for _, dir := range []string{"tmp", "kept"} {
		if err := s.step(stepMakeDir); err != nil {
			return writeError("", err)
		}
		if err := s.stateRoot.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return writeError("", err)
		}
	}
	x, m, found, err := openIndex(filepath.Join(s.root.Name(), stateDir), s.opts.Logger)
	if err != nil {
		return writeError("", err)
	}
	s.index = x
	s.seq.Store(m.seq)
	s.clock.floor.Store(m.revisions)
	s.clock.given.Store(m.revisions)
	s.keptBytes.Store(m.keptBytes)
	if !found {
		s.opts.Logger.Debug("a new index was started")
	}
	if err := s.sweep(m.seq); err != nil {
		return err
	}
	s.index.begin()
	return s.index.flush(s.meta(false))
}

// sweep removes what no entry refers to: uploads, and kept files numbered above
// last.
func (s *Store) sweep(last uint64) error {
	uploads, err := s.stateFiles("tmp")
	if err != nil {
		return err
	}
	for _, file := range uploads {
		s.discard(file)
	}
	shards, err := s.stateFiles("kept")
	if err != nil {
		return err
	}
	for _, shard := range shards {
		n, err := strconv.ParseUint(path.Base(shard), 16, 64)
		if err == nil && n < last>>shardBits {
			continue
		}
		if err := s.sweepShard(shard, last); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) sweepShard(shard string, last uint64) error {
	files, err := s.stateFiles(shard)
	if err != nil {
		return err
	}
	for _, file := range files {
		if n, err := strconv.ParseUint(path.Base(file), 16, 64); err != nil || n > last {
			s.discard(file)
		}
	}
	return nil
}

// stateFiles lists the folder dir of the state folder.
func (s *Store) stateFiles(dir string) ([]string, error) {
	f, err := s.stateRoot.Open(dir)
	if err != nil {
		return nil, readError("", err)
	}
	defer f.Close()
	names, err := f.Readdirnames(-1)
	if err != nil {
		return nil, readError("", err)
	}
	for i := range names {
		names[i] = path.Join(dir, names[i])
	}
	return names, nil
}
