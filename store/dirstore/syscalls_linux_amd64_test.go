package dirstore

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A sysCall is a call of the system that a store has made.
type sysCall struct {
	nr   uintptr
	args [6]uint64
}

// faults are the errors that a call of the system may end with. EINTR is for calls that may wait;
// short is for those that read or write less than they were asked to. fcntl is not among
// them: the runtime makes that call itself, and without letting others run.
var faults = map[uintptr][]error{
	unix.SYS_OPENAT:          {syscall.EIO, syscall.EMFILE, syscall.ENOSPC, syscall.EINTR},
	unix.SYS_READ:            {syscall.EIO, syscall.EINTR, errShort},
	unix.SYS_PREAD64:         {syscall.EIO, syscall.EINTR, errShort},
	unix.SYS_WRITE:           {syscall.EIO, syscall.ENOSPC, syscall.EINTR, errShort},
	unix.SYS_PWRITE64:        {syscall.EIO, syscall.ENOSPC, syscall.EINTR, errShort},
	unix.SYS_FSTAT:           {syscall.EIO},
	unix.SYS_NEWFSTATAT:      {syscall.EIO},
	unix.SYS_STATX:           {syscall.EIO},
	unix.SYS_FSTATFS:         {syscall.EIO, syscall.EINTR},
	unix.SYS_READLINKAT:      {syscall.EIO},
	unix.SYS_GETDENTS64:      {syscall.EIO},
	unix.SYS_RENAMEAT:        {syscall.EIO, syscall.ENOSPC},
	unix.SYS_RENAMEAT2:       {syscall.EIO, syscall.ENOSPC},
	unix.SYS_RENAME:          {syscall.EIO, syscall.ENOSPC},
	unix.SYS_LINKAT:          {syscall.EIO, syscall.ENOSPC},
	unix.SYS_UNLINKAT:        {syscall.EIO},
	unix.SYS_MKDIRAT:         {syscall.EIO, syscall.ENOSPC},
	unix.SYS_FSYNC:           {syscall.EIO, syscall.ENOSPC, syscall.EINTR},
	unix.SYS_FDATASYNC:       {syscall.EIO, syscall.ENOSPC, syscall.EINTR},
	unix.SYS_SYNCFS:          {syscall.EIO, syscall.ENOSPC},
	unix.SYS_SYNC_FILE_RANGE: {syscall.EIO, syscall.ENOSPC},
	unix.SYS_FTRUNCATE:       {syscall.EIO, syscall.ENOSPC, syscall.EINTR},
	unix.SYS_UTIMENSAT:       {syscall.EIO, syscall.EROFS},
	unix.SYS_FCHMOD:          {syscall.EIO, syscall.EPERM},
	unix.SYS_FCHOWN:          {syscall.EIO, syscall.EPERM},
	unix.SYS_FLOCK:           {syscall.EINTR, syscall.ENOLCK},
}

// callNames are for messages.
var callNames = map[uintptr]string{
	unix.SYS_OPENAT: "openat", unix.SYS_READ: "read", unix.SYS_PREAD64: "pread64", unix.SYS_WRITE: "write",
	unix.SYS_PWRITE64: "pwrite64", unix.SYS_FSTAT: "fstat", unix.SYS_NEWFSTATAT: "newfstatat", unix.SYS_STATX: "statx",
	unix.SYS_FSTATFS: "fstatfs", unix.SYS_READLINKAT: "readlinkat", unix.SYS_GETDENTS64: "getdents64",
	unix.SYS_RENAMEAT: "renameat", unix.SYS_RENAMEAT2: "renameat2", unix.SYS_RENAME: "rename", unix.SYS_LINKAT: "linkat",
	unix.SYS_UNLINKAT: "unlinkat", unix.SYS_MKDIRAT: "mkdirat", unix.SYS_FSYNC: "fsync", unix.SYS_FDATASYNC: "fdatasync",
	unix.SYS_SYNCFS: "syncfs", unix.SYS_SYNC_FILE_RANGE: "sync_file_range", unix.SYS_FTRUNCATE: "ftruncate",
	unix.SYS_UTIMENSAT: "utimensat", unix.SYS_FCHMOD: "fchmod", unix.SYS_FCHOWN: "fchown", unix.SYS_FLOCK: "flock",
}

// errShort stands for a read or write of half of what was asked for.
var errShort = errors.New("short")

// The structures of seccomp(2).
type (
	seccompNotif struct {
		id         uint64
		pid, flags uint32
		nr         int32
		arch       uint32
		ip         uint64
		args       [6]uint64
	}
	seccompResp struct {
		id    uint64
		val   int64
		err   int32
		flags uint32
	}
)

// intercepted runs f on a thread of its own, all of whose calls listed in faults are shown to decide
// first: it returns the error a call is to end with, or nil to let it be made. Others of
// the process, the runtime among them, are left alone.
func intercepted(t *testing.T, f func(), decide func(sysCall) error) {
	t.Helper()
	type listener struct {
		fd  int
		err error
	}
	installed, begin, done := make(chan listener), make(chan struct{}), make(chan struct{})
	var panicked any
	from := callsComeFrom()
	go func() {
		runtime.LockOSThread() // the thread ends with the goroutine
		defer close(done)
		fd, err := installFilter(slices.Collect(maps.Keys(faults)), from)
		installed <- listener{fd, err}
		if err != nil {
			return
		}
		<-begin
		defer func() { panicked = recover() }()
		f()
	}()
	l := <-installed
	if l.err != nil {
		unavailable(t, fmt.Sprintf("calls of the system cannot be intercepted here: %v", l.err))
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		supervise(l.fd, done, func(q *seccompNotif) error {
			if isTestLog(q) {
				return nil
			}
			return decide(sysCall{uintptr(q.nr), q.args})
		})
	})
	close(begin)
	<-done
	wg.Wait()
	check(t, unix.Close(l.fd))
	if panicked != nil {
		t.Errorf("panic: %v", panicked)
	}
}

// installFilter lets the calling thread ask before it makes one of the calls, if the instruction that
// makes it is followed by the one at from, or from is 0. The runtime has instructions of its own: it
// must not wait for an answer while it has stopped whoever could give it.
func installFilter(calls []uintptr, from uint64) (fd int, err error) {
	const load, jump, ret = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, unix.BPF_RET | unix.BPF_K
	const offsetIP = 8
	allow := unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_ALLOW}
	var program []unix.SockFilter
	if from != 0 {
		program = append(program,
			unix.SockFilter{Code: load, K: offsetIP}, unix.SockFilter{Code: jump, Jt: 1, K: uint32(from)}, allow,
			unix.SockFilter{Code: load, K: offsetIP + 4}, unix.SockFilter{Code: jump, Jt: 1, K: uint32(from >> 32)}, allow)
	}
	program = append(program, unix.SockFilter{Code: load, K: 0}) // the number of the call
	for _, nr := range calls {
		program = append(program, unix.SockFilter{Code: jump, Jf: 1, K: uint32(nr)}, unix.SockFilter{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF})
	}
	program = append(program, allow)
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return -1, err
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	r, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return -1, errno
	}
	return int(r), nil
}

// callsComeFrom finds out where package syscall makes its calls: 0 if they cannot be intercepted.
var callsComeFrom = sync.OnceValue(func() uint64 {
	installed, done, asked := make(chan int), make(chan struct{}), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer close(done)
		fd, err := installFilter([]uintptr{unix.SYS_GETPPID}, 0)
		if err != nil {
			fd = -1
		}
		installed <- fd
		if err == nil {
			<-asked
			_, _, _ = unix.Syscall(unix.SYS_GETPPID, 0, 0, 0)
		}
	}()
	fd := <-installed
	if fd < 0 {
		return 0
	}
	defer unix.Close(fd)
	close(asked)
	var from uint64
	supervise(fd, done, func(q *seccompNotif) error { from = q.ip; return nil })
	return from
})

// isTestLog reports whether q writes down for the go command which files a test has opened.
func isTestLog(q *seccompNotif) bool {
	if q.nr != unix.SYS_WRITE {
		return false
	}
	file, err := os.Readlink(fmt.Sprint("/proc/self/fd/", q.args[0]))
	return err == nil && filepath.Base(file) == "testlog.txt"
}

// supervise answers for the thread until it is done.
func supervise(fd int, done <-chan struct{}, decide func(*seccompNotif) error) {
	for {
		ready := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(ready, 20)
		if n > 0 && ready[0].Revents&unix.POLLIN != 0 {
			var q seccompNotif
			if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_RECV, uintptr(unsafe.Pointer(&q))); errno == 0 {
				answer := respond(&q, decide)
				_, _, _ = unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SECCOMP_IOCTL_NOTIF_SEND, uintptr(unsafe.Pointer(&answer)))
			}
			continue
		}
		select {
		case <-done:
			return
		default:
		}
		if err != nil && err != unix.EINTR {
			return
		}
	}
}

func respond(q *seccompNotif, decide func(*seccompNotif) error) seccompResp {
	switch err := decide(q); {
	case err == nil:
	case err == errShort:
		if half := q.args[2] / 2; half > 0 {
			// The thread waits, with the buffer and the file that it has named.
			n, _, errno := unix.Syscall6(uintptr(q.nr), uintptr(q.args[0]), uintptr(q.args[1]), uintptr(half), uintptr(q.args[3]), 0, 0)
			if errno != 0 {
				return seccompResp{id: q.id, err: -int32(errno)}
			}
			return seccompResp{id: q.id, val: int64(n)}
		}
	default:
		errno, _ := errors.AsType[syscall.Errno](err)
		return seccompResp{id: q.id, err: -int32(errno)}
	}
	return seccompResp{id: q.id, flags: unix.SECCOMP_USER_NOTIF_FLAG_CONTINUE}
}

// sysScene is a use of a store whose calls of the system fail one after the other.
type sysScene struct {
	name    string
	session string // what the second start says of itself
}

// before leaves a directory behind as a process does that dies in the middle of a change.
func (c sysScene) before(t *testing.T) (dir string, expect expected) {
	dir, expect = fastDir(t), expected{}
	var hook func(step) error
	s := openAt(t, dir, Options{Keep: 1, manual: true, session: "first" + sessionPlace + "home", hook: func(w step) error {
		if hook == nil {
			return nil
		}
		return hook(w)
	}})
	for i, change := range everyKind()[:10] {
		if change.flush {
			check(t, s.checkpoint(false))
			continue
		}
		check(t, expect.perform(s, change, i))
	}
	hook = failFrom(8)
	_ = expect.perform(s, scripted{name: "a", size: 1000}, 10)
	s.abandon()
	return dir, expect
}

// use starts the store, and reads and changes everything.
func (c sysScene) use(t *testing.T, dir string, expect expected) {
	s, err := Open(dir, Options{Keep: 1, manual: true, session: c.session})
	if err != nil {
		return
	}
	read := func(name string) {
		_, content, err := readCurrent(s, name)
		if err == nil && !slices.Contains(expect[name], content) {
			t.Errorf("%q holds %.30q, want one of %.30q", name, content, expect[name])
		}
	}
	for i, change := range []scripted{
		{name: "a", size: 1000}, {name: "d/e/b", size: 100_000}, {name: "new/b", size: 10}, {flush: true},
		{name: "large", size: 100}, {name: "a", size: 900}, {name: "d/e/b", delete: true}, {name: "large", size: 70_000},
	} {
		if change.flush {
			_ = s.checkpoint(false)
			continue
		}
		_ = expect.perform(s, change, 20+i)
		read(change.name)
	}
	for _, err := range s.List(t.Context(), "") {
		if err != nil {
			break
		}
	}
	for name := range expect {
		read(name)
	}
	if err := s.checkpoint(false); err != nil {
		s.abandon() // and so does the process end
		return
	}
	_ = s.Close()
}

// TestEachCallFails lets each call of the system that a start, reads and changes make fail once, in
// each way it can: EIO, ENOSPC, EMFILE, EINTR, half of a read or write. Nothing that was
// acknowledged is lost, what was not done is not there, nothing panics, no file stays open, and
// nothing is left behind by the next start.
func TestEachCallFails(t *testing.T) {
	for _, scene := range []sysScene{{"the process died", "first" + sessionPlace + "home"},
		{"power was lost", "second" + sessionPlace + "home"}} {
		t.Run(scene.name, func(t *testing.T) {
			var calls []sysCall
			dir, expect := scene.before(t)
			intercepted(t, func() { scene.use(t, dir, expect) }, func(c sysCall) error { calls = append(calls, c); return nil })
			runs, wrong := 0, 0
			for at, call := range calls {
				for i, err := range faults[call.nr] {
					if (at+i)%callStride() != 0 {
						continue
					}
					runs++
					name := fmt.Sprintf("call %d (%s) %v", at, callNames[call.nr], err)
					if !t.Run(name, func(t *testing.T) { scene.fails(t, once(at, err)) }) {
						wrong++
					}
					if wrong == 10 {
						t.FailNow()
					}
				}
			}
			t.Logf("%d calls, %d of which failed in turn", len(calls), runs)
		})
	}
}

// once lets call at fail.
func once(at int, fault error) func(sysCall) error {
	n := 0
	return func(call sysCall) error {
		n++
		if n-1 == at && slices.Contains(faults[call.nr], fault) {
			return fault
		}
		return nil
	}
}

// TestWithoutDescriptors lets a store run out of file descriptors, at each file it opens, and for good:
// the start fails, or what comes after it, and the next start finds everything.
func TestWithoutDescriptors(t *testing.T) {
	scene := sysScene{"the process died", "first" + sessionPlace + "home"}
	for from, opened := 0, 1; opened > from; from++ {
		opened = 0
		t.Run(fmt.Sprint(from, " files"), func(t *testing.T) {
			scene.fails(t, func(call sysCall) error {
				if call.nr != unix.SYS_OPENAT {
					return nil
				}
				if opened++; opened > from {
					return syscall.EMFILE
				}
				return nil
			})
		})
	}
}

// fails lets calls fail, and checks what comes of it.
func (c sysScene) fails(t *testing.T, decide func(sysCall) error) {
	dir, expect := c.before(t)
	before := openFiles(t)
	intercepted(t, func() { c.use(t, dir, expect) }, decide)
	if after := openFiles(t); after != before {
		t.Errorf("%d files are open, and %d were before", after, before)
	}
	s := openAt(t, dir, Options{Keep: 1, manual: true, session: c.session})
	for name, possible := range expect {
		_, content, _ := readCurrent(s, name)
		if !slices.Contains(possible, content) {
			t.Errorf("after the next start %q holds %.30q, want one of %.30q", name, content, possible)
		}
	}
	left, _ := strayFiles(t, s)
	// An index that cannot be read is set aside, for whoever wants to look at it.
	left = slices.DeleteFunc(left, func(name string) bool { return strings.HasPrefix(name, "index.damaged-") })
	if len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
	checkPlain(t, s)
	checkHistory(t, s, false)
	check(t, s.Close())
}

// callStride is how many calls there are to one that is made to fail: with FOURTWELVE_LOSSYDISK, none
// is left out.
func callStride() int {
	if os.Getenv(lossyEnv) != "" {
		return 1
	}
	return 7
}

// openFiles returns how many file descriptors this process has.
func openFiles(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	check(t, err)
	return len(all)
}
