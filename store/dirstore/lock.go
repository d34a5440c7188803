package dirstore

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// lockPoll is how often a waiting Open tries again.
const lockPoll = 25 * time.Millisecond

// A dirLock is the ownership of a directory. It ends with the process at the
// latest: the system lets go of the lock however the process ends.
type dirLock struct{ f *os.File }

// lockDir takes the lock for the directory dir whose state folder is state. It
// waits up to wait, without end if wait is negative, and then returns a
// *LockedError.
func lockDir(state *os.Root, dir string, wait time.Duration) (*dirLock, error) {
	// The file stays when the lock is given up: removing it would let a third
	// process lock a new one while a second still waits for this.
	f, err := state.OpenFile("lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, writeError("", err)
	}
	deadline := time.Now().Add(wait)
	for {
		locked, err := tryLock(f)
		if err != nil {
			f.Close()
			return nil, fmt.Errorf("lock directory %q: %w", dir, err)
		}
		if locked {
			break
		}
		if wait >= 0 && !time.Now().Before(deadline) {
			defer f.Close()
			return nil, &LockedError{Dir: dir, PID: readPID(f)}
		}
		time.Sleep(lockPoll)
	}
	l := &dirLock{f}
	if err := l.sign(); err != nil {
		l.release()
		return nil, writeError("", err)
	}
	return l, nil
}

// sign leaves our process id for those who find the lock taken.
func (l *dirLock) sign() error {
	if err := l.f.Truncate(0); err != nil {
		return err
	}
	_, err := l.f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func (l *dirLock) release() error {
	_ = l.f.Truncate(0)
	_ = unlock(l.f)
	return l.f.Close()
}

// readPID returns the process id in f, 0 if there is none.
func readPID(f *os.File) int {
	b, err := io.ReadAll(io.NewSectionReader(f, 0, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}
