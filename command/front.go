package command

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/spf13/pflag"
)

// front is where requests come in: the flags, and what check makes of them.
type front struct {
	listen          string
	hosts           []string
	tlsCert, tlsKey string
	accessLog       string
	metrics         string
	idleTimeout     time.Duration
	shutdownTimeout time.Duration
	// maxPerAddress bounds the connections of one address, and its requests that are
	// answered at once; 0 is no bound. exempt addresses have none; nil is none.
	maxPerAddress int
	exempt        func(netip.Addr) bool

	// file is the configuration file that said all this, or "" for flags.
	file string

	certificate *certificate // nil for plain HTTP
	address     *address
	metricsAt   *address // nil for none
}

func (f *front) addListenFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.listen, "listen", "127.0.0.1:8412", "`HOST:PORT` to listen on, or fd:3 for a socket from the service manager")
	flags.StringArrayVar(&f.hosts, "host", nil, "`NAME` this server is asked for, beside its address and localhost; repeatable")
	flags.StringVar(&f.tlsCert, "tls-cert", "", "PEM `FILE` of the certificate, for HTTPS and HTTP/2")
	flags.StringVar(&f.tlsKey, "tls-key", "", "PEM `FILE` of the certificate's key")
}

func (f *front) addRunFlags(flags *pflag.FlagSet) {
	flags.StringVar(&f.accessLog, "access-log", "-", "`FILE` for the access log, - for standard output, or off")
	flags.DurationVar(&f.idleTimeout, "idle-timeout", time.Minute, "give up a connection on which nothing moves for this `DURATION`")
	flags.DurationVar(&f.shutdownTimeout, "shutdown-timeout", 30*time.Second, "`DURATION` that requests under way have to finish at the end")
}

// option names an option as its user knows it: the flag, or the key in the file.
func (f *front) option(flag string) string {
	if f.file == "" {
		return "--" + flag
	}
	return fmt.Sprintf("%q in %s", strings.ReplaceAll(flag, "-", "_"), f.file)
}

// mistake is an error of who gave the options.
func (f *front) mistake(format string, args ...any) error {
	err := fmt.Errorf(format, args...)
	if f.file == "" {
		return usageError{err}
	}
	return err
}

func (f *front) checkTimeouts() error {
	switch {
	case f.idleTimeout <= 0:
		return f.mistake("%s must be more than 0", f.option("idle-timeout"))
	case f.shutdownTimeout < 0:
		return f.mistake("%s must not be negative", f.option("shutdown-timeout"))
	}
	return nil
}

// address is where a server listens.
type address struct {
	text string
	// option is what chose it.
	option string
	tcp    *net.TCPAddr // nil for a listener that was handed over
	// handed is that listener.
	handed net.Listener
	// loopback says that only this machine can reach it.
	loopback bool
}

func (a *address) String() string { return a.text }

// findAddress looks the address up, so that what is decided by it holds for what is
// listened on.
func (f *front) findAddress() (err error) {
	if n, ok := strings.CutPrefix(f.listen, "fd:"); ok {
		return f.takeListener(n)
	}
	f.address, err = f.resolve("listen", f.listen)
	return err
}

// findMetrics looks up the address of the metrics.
func (f *front) findMetrics() (err error) {
	if f.metrics != "" {
		f.metricsAt, err = f.resolve("metrics", f.metrics)
	}
	return err
}

// resolve looks up an address that an option gave.
func (f *front) resolve(flag, text string) (*address, error) {
	tcp, err := net.ResolveTCPAddr("tcp", text)
	if err != nil {
		return nil, f.mistake("%s %q is not an address: %w (write HOST:PORT, such as 127.0.0.1:8412, or :8412 for every address of this machine)", f.option(flag), text, err)
	}
	return &address{text: text, option: f.option(flag), tcp: tcp, loopback: tcp.IP.IsLoopback()}, nil
}

// names are the names the server is asked for, beside localhost.
func (f *front) names() []string { return append(f.listenName(), f.hosts...) }

// listenName is the host of --listen, or nothing.
func (f *front) listenName() []string {
	if host, _, err := net.SplitHostPort(f.listen); err == nil && f.address.handed == nil {
		return []string{host}
	}
	return nil
}

// takeListener takes the listening socket that the process was started with, as
// systemd does it with socket units: then connections wait in it while the
// server is restarted, rather than being refused.
func (f *front) takeListener(number string) error {
	fd, err := strconv.Atoi(number)
	if err != nil || fd < 3 {
		return f.mistake("%s %q: write fd: and the number of a file descriptor from 3 on, such as fd:3", f.option("listen"), f.listen)
	}
	socket := os.NewFile(uintptr(fd), f.listen)
	defer socket.Close()
	ln, err := net.FileListener(socket)
	if err != nil {
		return fmt.Errorf("%s %s is not a listening socket: %w", f.option("listen"), f.listen, err)
	}
	tcp, ok := ln.Addr().(*net.TCPAddr)
	f.address = &address{text: ln.Addr().String(), handed: ln, loopback: ok && tcp.IP.IsLoopback()}
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
		return nil, fmt.Errorf("%s is in use by another program: stop that, or choose another port with %s (:0 takes any that is free)", a, a.option)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("%s may not be listened on: ports below 1024 need privileges, choose another with %s", a, a.option)
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, fmt.Errorf("%s is not an address of this machine: choose another with %s", a, a.option)
	}
	return nil, fmt.Errorf("cannot listen on %s: %w", a, err)
}

// certificate is a certificate that can be replaced while it is in use.
type certificate struct {
	certFile, keyFile string
	current           atomic.Pointer[tls.Certificate]
}

func (f *front) loadCertificate() error {
	switch {
	case f.tlsCert == "" && f.tlsKey == "":
		return nil
	case f.tlsCert == "":
		return f.mistake("--tls-key needs --tls-cert: the file with the certificate that belongs to the key")
	case f.tlsKey == "":
		return f.mistake("--tls-cert needs --tls-key: the file with the certificate's key")
	}
	f.certificate = &certificate{certFile: f.tlsCert, keyFile: f.tlsKey}
	return f.certificate.reload()
}

// reload reads the files again. After an error the certificate is the one it was.
func (c *certificate) reload() error { return c.reloadFrom(c.certFile, c.keyFile) }

// reloadFrom is reload with files that may be others than before.
func (c *certificate) reloadFrom(certFile, keyFile string) error {
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("the certificate %s with the key %s cannot be used: %w", certFile, keyFile, err)
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
