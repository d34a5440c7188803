package cli

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// address is where serve listens.
type address struct {
	text string
	tcp  *net.TCPAddr // nil for a listener that was handed over
	// handed is that listener.
	handed net.Listener
	// loopback says that only this machine can reach it.
	loopback bool
}

func (a *address) String() string { return a.text }

// findAddress looks the address up, so that what is decided by it holds for what is
// listened on.
func (p *servePlan) findAddress() error {
	if n, ok := strings.CutPrefix(p.listen, "fd:"); ok {
		return p.takeListener(n)
	}
	tcp, err := net.ResolveTCPAddr("tcp", p.listen)
	if err != nil {
		return usageError{fmt.Errorf("--listen %q is not an address: %w (write HOST:PORT, such as 127.0.0.1:8412, or :8412 for every address of this machine)", p.listen, err)}
	}
	p.address = &address{text: p.listen, tcp: tcp, loopback: tcp.IP.IsLoopback()}
	if host, _, err := net.SplitHostPort(p.listen); err == nil {
		p.hosts = append(p.hosts, host)
	}
	return nil
}

// takeListener takes the listening socket that the process was started with, as
// systemd does it with socket units: then connections wait in it while the
// server is restarted, rather than being refused.
func (p *servePlan) takeListener(number string) error {
	fd, err := strconv.Atoi(number)
	if err != nil || fd < 3 {
		return usageError{fmt.Errorf("--listen %q: write fd: and the number of a file descriptor from 3 on, such as fd:3", p.listen)}
	}
	f := os.NewFile(uintptr(fd), p.listen)
	defer f.Close()
	ln, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("--listen %s is not a listening socket: %w", p.listen, err)
	}
	tcp, ok := ln.Addr().(*net.TCPAddr)
	p.address = &address{text: ln.Addr().String(), handed: ln, loopback: ok && tcp.IP.IsLoopback()}
	return nil
}

// open starts to listen.
func (a *address) open() (net.Listener, error) {
	if a.handed != nil {
		return a.handed, nil
	}
	ln, err := net.ListenTCP("tcp", a.tcp)
	switch {
	case err == nil:
		return ln, nil
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("%s is in use by another program: stop that, or choose another port with --listen (:0 takes any that is free)", a)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be listened on: ports below 1024 need privileges, choose another with --listen", a)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is not an address of this machine: choose another with --listen", a)
	}
	return nil, fmt.Errorf("cannot listen on %s: %w", a, err)
}

// certificate is a certificate that can be replaced while it is in use.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

func (p *servePlan) loadCertificate() error {
	switch {
	case p.tlsCert == "" && p.tlsKey == "":
		return nil
	case p.tlsCert == "":
		return usageError{errors.New("--tls-key needs --tls-cert: the file with the certificate that belongs to the key")}
	case p.tlsKey == "":
		return usageError{errors.New("--tls-cert needs --tls-key: the file with the certificate's key")}
	}
	p.certificate = &certificate{certFile: p.tlsCert, keyFile: p.tlsKey}
	return p.certificate.reload()
}

// reload reads the files again. After an error the certificate is the one it was.
func (c *certificate) reload() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("the certificate %s with the key %s cannot be used: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return nil
}

func (c *certificate) leaf() *x509.Certificate { return c.current.Load().Leaf }

func (c *certificate) config() *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
	}
}
