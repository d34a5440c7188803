package dirstore

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"testing"
	"time"
)

// ownerChild opens a directory, says so, and waits for its input to end.
func ownerChild() int {
	s, err := Open(os.Getenv("DIRSTORE_DIR"), Options{})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("open")
	bufio.NewReader(os.Stdin).ReadByte()
	if err := s.Close(); err != nil {
		return 1
	}
	return 0
}

// TestOneOwner: a directory another process owns is refused with that process's
// id, until that ends, however it ends.
func TestOneOwner(t *testing.T) {
	dir := t.TempDir()
	owner := childProcess(t, "owner", "DIRSTORE_DIR="+dir)
	stdin, err := owner.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := owner.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := owner.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "open\n" {
		t.Fatalf("the owner says %q, error %v", line, err)
	}
	s, err := Open(dir, Options{})
	locked, ok := errors.AsType[*LockedError](err)
	if !ok || locked.PID != owner.Process.Pid || locked.Dir != dir {
		t.Fatalf("Open of an owned directory: %v, %v; want a *LockedError for process %d", s, err, owner.Process.Pid)
	}
	if _, err := Open(dir, Options{WaitLock: time.Millisecond}); !errors.As(err, &locked) {
		t.Errorf("Open that waits a millisecond: %v, want a *LockedError", err)
	}
	if r := openAt(t, dir, Options{ReadOnly: true}); r == nil {
		t.Error("an owned directory cannot be opened read-only")
	}

	waiting := make(chan error)
	go func() {
		s, err := Open(dir, Options{WaitLock: -1})
		if err == nil {
			err = s.Close()
		}
		waiting <- err
	}()
	owner.Process.Kill()
	owner.Wait()
	stdin.Close()
	if err := <-waiting; err != nil {
		t.Errorf("Open that waits for the owner to be killed: %v", err)
	}
}

// TestOneOwnerInProcess: nor can one process open a directory twice.
func TestOneOwnerInProcess(t *testing.T) {
	dir := t.TempDir()
	s := openAt(t, dir, Options{})
	_, err := Open(dir, Options{})
	if locked, ok := errors.AsType[*LockedError](err); !ok || locked.PID != os.Getpid() {
		t.Errorf("second Open: %v, want a *LockedError for process %d", err, os.Getpid())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	openAt(t, dir, Options{})
}
