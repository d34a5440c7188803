//go:build !linux

package dirstore

import (
	"errors"
	"os"
	"time"
)

// syncFileSystem is not to be had; each file is synced by itself.
func syncFileSystem(folder) error { return errors.ErrUnsupported }

// syncData makes the content of f durable.
func syncData(f *os.File) error { return f.Sync() }

// session cannot be told: every start may be the first after a loss of power.
func session(folder, folder) string { return "" }

// fileClock is the clock the times of local files are taken from, in
// nanoseconds.
func fileClock() int64 { return time.Now().UnixNano() }

// localGranularity is how much older than a reading of fileClock a file's times
// must be to be told from those of a later change: more than a tick of the
// system, which is up to 16 ms.
const localGranularity = int64(50 * time.Millisecond)

func granularity(folder) int64 { return localGranularity }

// freeSpace is not looked at; history gives way when there is none.
func freeSpace(folder) (space, error) { return space{}, errors.ErrUnsupported }

// showChanges has nothing to do that would help.
func showChanges(*os.File) error { return nil }

// finish closes f, which is rel in dir, and gives it the modification time, in nanoseconds since 1970, unless
// that is 0. It returns what the file looks like then.
func (f newFile) finish(dir folder, rel string, modified int64) (fileStat, error) {
	err := f.close()
	if err == nil && modified != 0 {
		err = setModifiedAt(dir, rel, modified)
	}
	if err != nil {
		return fileStat{}, err
	}
	return statAt(dir, rel)
}

// cloneFile is not to be had; files are copied.
func cloneFile(*os.File, *os.File) error { return errors.ErrUnsupported }
