package command

import (
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/command/internal/server"
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

	certificate *server.Certificate // nil for plain HTTP
	address     *server.Address
	metricsAt   *server.Address // nil for none
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

// findAddress looks up the address to listen on.
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
func (f *front) resolve(flag, text string) (*server.Address, error) {
	address, err := server.Resolve(f.option(flag), text)
	if err != nil {
		return nil, f.mistake("%s %q is not an address: %w (write HOST:PORT, such as 127.0.0.1:8412, or :8412 for every address of this machine)", f.option(flag), text, err)
	}
	return address, nil
}

// names are the names the server is asked for, beside localhost.
func (f *front) names() []string { return append(f.listenName(), f.hosts...) }

// listenName is the host of --listen, or nothing.
func (f *front) listenName() []string {
	if host, _, err := net.SplitHostPort(f.listen); err == nil && !f.address.Handed() {
		return []string{host}
	}
	return nil
}

// takeListener takes the listening socket that the process was started with.
func (f *front) takeListener(number string) error {
	fd, err := strconv.Atoi(number)
	if err != nil || fd < 3 {
		return f.mistake("%s %q: write fd: and the number of a file descriptor from 3 on, such as fd:3", f.option("listen"), f.listen)
	}
	f.address, err = server.Take(f.option("listen"), f.listen, fd)
	return err
}

func (f *front) loadCertificate() (err error) {
	switch {
	case f.tlsCert == "" && f.tlsKey == "":
		return nil
	case f.tlsCert == "":
		return f.mistake("--tls-key needs --tls-cert: the file with the certificate that belongs to the key")
	case f.tlsKey == "":
		return f.mistake("--tls-cert needs --tls-key: the file with the certificate's key")
	}
	f.certificate, err = server.LoadCertificate(f.tlsCert, f.tlsKey)
	return err
}
