package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// Address is where a server listens.
type Address struct {
	// Text is how its user wrote it.
	Text string
	// TCP is the address looked up, so that what is decided by it holds for what is listened on. It is
	// nil for a listener that was handed over.
	TCP *net.TCPAddr
	// Loopback says that only this machine can reach it.
	Loopback bool

	option string // what chose it, for messages
	handed net.Listener
}

// Resolve looks up text, a HOST:PORT that option gave. The error is that of [net.ResolveTCPAddr].
func Resolve(option, text string) (*Address, error) {
	tcp, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		return nil, err
	}
	return &Address{Text: text, TCP: tcp, Loopback: tcp.IP.IsLoopback(), option: option}, nil
}

// Take takes the listening socket fd that the process was started with, as systemd does it with socket units: then
// connections wait in it while the server is restarted, rather than being refused.
func Take(option, text string, fd int) (*Address, error) {
	socket := os.NewFile(uintptr(fd), text)
	defer socket.Close()
	ln, err := net.FileListener(socket)
	if err != nil {
		return nil, fmt.Errorf("%s %s is not a listening socket: %w", option, text, err)
	}
	tcp, ok := ln.Addr().(*net.TCPAddr)
	return &Address{Text: ln.Addr().String(), Loopback: ok && tcp.IP.IsLoopback(), option: option, handed: ln}, nil
}

// Handed reports whether the listener was handed over.
func (a *Address) Handed() bool { return a.handed != nil }

// String returns the address as its user wrote it.
func (a *Address) String() string { return a.Text }

// Open starts to listen.
func (a *Address) Open() (net.Listener, error) {
	if a.handed != nil {
		return a.handed, nil
	}
	ln, err := net.ListenTCP("tcp", a.TCP)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop that, or choose another port with %s (:0 takes any that is free)", a, a.option)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be listened on: ports below 1024 need privileges, choose another with %s", a, a.option)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is not an address of this machine: choose another with %s", a, a.option)
	}
	return nil, fmt.Errorf("cannot listen on %s: %w", a, err)
}
