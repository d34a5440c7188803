package dirstore

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
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
// A kept file has the number of the change that displaced it; or, if it was that of a revision which was
// no longer wanted, the number it has had since it was made. Files of one
// folder date from the same time, so old folders become empty.

// shardBits sets how many kept files share a folder.
const shardBits = 12

const keptDir = "kept/"

func keptFile(number uint64) string {
	b := append(appendShard(make([]byte, 0, 32), number), '/')
	return string(strconv.AppendUint(b, number, 16))
}

func keptShard(number uint64) string { return string(appendShard(make([]byte, 0, 32), number)) }

// appendShard appends the folder of the file with the number, with at least six digits.
func appendShard(b []byte, number uint64) []byte {
	shard := number >> shardBits
	b = append(b, keptDir...)
	for digits := uint(20); digits > 0 && shard>>digits == 0; digits -= 4 {
		b = append(b, '0')
	}
	return strconv.AppendUint(b, shard, 16)
}

// keptNumber is the reverse of keptFile.
func keptNumber(rel string) (number uint64, ok bool) {
	if !strings.HasPrefix(rel, keptDir) {
		return 0, false
	}
	number, err := strconv.ParseUint(path.Base(rel), 16, 64)
	return number, err == nil
}

// writeKept makes the file for seq, with the given content and, unless old is
// nil, the permissions of old, and unless it is 0 the modification time.
func (s *Store) writeKept(seq uint64, content []byte, old *fileStat, modified int64) (fileStat, error) {
	if err := s.makeShard(seq); err != nil {
		return fileStat{}, err
	}
	return s.writeNew(keptFile(seq), content, old, modified)
}

// rewriteKept writes content into the file of k, a kept revision that is no longer
// wanted: writing a file again spares the file system making one and removing
// one, which is most of the work. It reports whether that was possible: not if
// anybody has it open. If so k is lost, even if there is an error. Whoever opens the file for k later finds by
// its digest that it is gone: it must be small.
func (s *Store) rewriteKept(k kept, content []byte, old *fileStat, modified int64) (st fileStat, done bool, err error) {
	if s.step(stepReuse) != nil {
		return st, false, nil
	}
	f, mine, err := openSole(s.state, k.path())
	if err != nil {
		return st, false, nil
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
	if err != nil {
		return st, true, errors.Join(err, f.close())
	}
	st, err = f.finish(s.state, k.path(), modified)
	return st, true, err
}

// writeNew makes the file rel of the state folder, and returns what it looks like.
func (s *Store) writeNew(rel string, content []byte, old *fileStat, modified int64) (fileStat, error) {
	if err := s.step(stepCreate); err != nil {
		return fileStat{}, err
	}
	f, err := createNew(s.state, rel)
	if err != nil {
		return fileStat{}, err
	}
	err = s.step(stepWrite)
	if err == nil {
		err = f.write(content)
	}
	if err == nil && old != nil {
		err = s.adopt(f, *old)
	}
	if err != nil {
		return fileStat{}, errors.Join(err, f.close())
	}
	return f.finish(s.state, rel, modified)
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
