package dirstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"sync"
)

// The state folder:
//
//	lock            who owns the directory; the process id
//	index           what is known of each name (a cache)
//	journal0, journal1  changes that are not durable by themselves yet
//	tmp/            contents being uploaded
//	kept/00000/1f   replaced and deleted revisions, by sequence number
//
// A kept file has the number of the change that displaced it. Files of one
// folder date from the same time, so old folders become empty and go away.

// shardBits sets how many kept files share a folder.
const shardBits = 12

func keptFile(seq uint64) string { return fmt.Sprintf("%s/%x", keptShard(seq), seq) }

func keptShard(seq uint64) string { return fmt.Sprintf("kept/%06x", seq>>shardBits) }

// writeKept makes the file for seq, with the given content and, unless old is
// nil, the permissions of old.
func (s *Store) writeKept(seq uint64, content []byte, old *fileStat) error {
	if err := s.makeShard(seq); err != nil {
		return err
	}
	return s.writeNew(keptFile(seq), content, old)
}

// rewriteKept makes the file for seq out of k, a kept revision that is no longer
// wanted: writing a file again spares the file system making one and removing
// one, which is most of the work. It reports whether that was possible: not if
// anybody has k open. k is lost in any case.
func (s *Store) rewriteKept(k kept, seq uint64, content []byte, old *fileStat) (done bool, err error) {
	err = s.makeShard(seq)
	if err == nil {
		err = s.step(stepReuse)
	}
	if err == nil {
		// It loses its name first, so that nobody takes what it will contain for k.
		err = renameAt(s.state, keptFile(k.seq), s.state, keptFile(seq))
	}
	if err != nil {
		s.discard(keptFile(k.seq))
		return false, nil
	}
	f, mine, err := openSole(s.state, keptFile(seq))
	if err != nil {
		s.discard(keptFile(seq))
		return false, nil
	}
	err = s.step(stepWrite)
	if err == nil {
		err = f.write(content)
	}
	if err == nil && mine.id.size != int64(len(content)) {
		err = f.truncate(int64(len(content)))
	}
	if err == nil {
		err = f.adopt(mine, *old)
	}
	return true, errors.Join(err, f.close())
}

// writeNew makes the file rel of the state folder.
func (s *Store) writeNew(rel string, content []byte, old *fileStat) error {
	if err := s.step(stepCreate); err != nil {
		return err
	}
	f, err := createNew(s.state, rel)
	if err != nil {
		return err
	}
	err = s.step(stepWrite)
	if err == nil {
		err = f.write(content)
	}
	if err == nil && old != nil {
		err = s.adopt(f, *old)
	}
	return errors.Join(err, f.close())
}

// adopt gives the new file f the permissions of old. All new files are alike, so
// only the first is looked at.
func (s *Store) adopt(f newFile, old fileStat) error {
	mine := s.newFiles.Load()
	if mine == nil {
		st, err := f.stat()
		if err != nil {
			return err
		}
		mine = &st
		s.newFiles.Store(mine)
	}
	return f.adopt(*mine, old)
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
	s.forgetOwn()
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

// syncNew makes the new file f in the folder dir durable, if commits are to be.
func (s *Store) syncNew(f *os.File, dir folder) error {
	if s.opts.Sync == SyncNone {
		return nil
	}
	if err := s.step(stepSync); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := s.step(stepSyncDir); err != nil {
		return err
	}
	return syncDir(dir)
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

// strays are files of the state folder that nobody needs and that could not be
// removed. Checkpoints try again.
type strays struct {
	mu    sync.Mutex
	files []string
}

// discard removes the file rel of the state folder, now or later.
func (s *Store) discard(rel string) {
	err := s.remove(rel)
	if err == nil {
		return
	}
	s.opts.Logger.Warn("a file in the state folder cannot be removed; it will be tried again", "file", rel, "error", err)
	s.discardLater(rel)
}

// discardLater lets a checkpoint remove the file rel of the state folder.
func (s *Store) discardLater(rel string) {
	s.strays.mu.Lock()
	defer s.strays.mu.Unlock()
	s.strays.files = append(s.strays.files, rel)
}

// discardStrays tries again what discard could not do. It returns the least
// sequence number of the kept files it had to leave, or most.
func (s *Store) discardStrays(most uint64) (least uint64) {
	s.strays.mu.Lock()
	defer s.strays.mu.Unlock()
	s.strays.files = slices.DeleteFunc(s.strays.files, func(rel string) bool { return s.remove(rel) == nil })
	least = most
	for _, rel := range s.strays.files {
		if seq, err := strconv.ParseUint(path.Base(rel), 16, 64); err == nil {
			least = min(least, seq)
		}
	}
	return least
}
