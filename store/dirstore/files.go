package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// The state folder:
//
//	lock            who owns the directory; the process id
//	index           what is known of each name (a cache)
//	tmp/            contents being uploaded
//	kept/00000/1f   replaced and deleted revisions, by sequence number
//
// A kept file has the number of the change that displaced it. Files of one
// folder date from the same time, so old folders become empty and go away.

// shardBits sets how many kept files share a folder.
const shardBits = 12

func keptFile(seq uint64) string { return fmt.Sprintf("%s/%x", keptShard(seq), seq) }

func keptShard(seq uint64) string { return fmt.Sprintf("kept/%06x", seq>>shardBits) }

// createKept makes the file for seq.
func (s *Store) createKept(seq uint64) (*os.File, error) {
	if err := s.makeShard(seq); err != nil {
		return nil, err
	}
	return s.create(keptFile(seq))
}

// makeShard makes the folder that the file for seq belongs in.
func (s *Store) makeShard(seq uint64) error {
	shard := seq>>shardBits + 1
	if s.shardMade.Load() == shard {
		return nil
	}
	if err := s.step(stepMakeDir); err != nil {
		return err
	}
	if err := s.stateRoot.Mkdir(keptShard(seq), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	s.shardMade.Store(shard)
	return nil
}

// renameToKept gives the displaced file rel the name for seq.
func (s *Store) renameToKept(rel string, seq uint64) (fileStat, error) {
	if err := s.makeShard(seq); err != nil {
		return fileStat{}, err
	}
	if err := s.step(stepKeep); err != nil {
		return fileStat{}, err
	}
	if err := renameAt(s.state, rel, s.state, keptFile(seq)); err != nil {
		return fileStat{}, err
	}
	return statAt(s.state, keptFile(seq))
}

// create makes the file rel of the state folder.
func (s *Store) create(rel string) (*os.File, error) {
	if err := s.step(stepCreate); err != nil {
		return nil, err
	}
	return createFile(s.state, rel)
}

// syncFile makes the content of f durable, if commits are to be.
func (s *Store) syncFile(f *os.File) error {
	if s.opts.Sync == SyncNone {
		return nil
	}
	if err := s.step(stepSync); err != nil {
		return err
	}
	return f.Sync()
}

// remove removes the file rel of the state folder; it is no failure if it is
// not there.
func (s *Store) remove(rel string) error {
	if err := s.step(stepRemove); err != nil {
		return err
	}
	if err := unlinkAt(s.state, rel); err != nil && !isAbsent(err) {
		return bare(err)
	}
	return nil
}
