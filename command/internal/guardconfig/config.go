package guardconfig

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/fourtwelve/fourtwelve/guard"
)

// Config is what a file says. Paths in it are relative to the directory of the
// file, and Load has made them relative to the working directory.
type Config struct {
	// Listen is the address to listen on, HOST:PORT or fd:3.
	Listen string
	// Hosts are names this server is asked for, beside its address, localhost and the
	// hosts of routes.
	Hosts []string
	// TLSCert and TLSKey are the files of the certificate and its key. Both are ""
	// for plain HTTP.
	TLSCert, TLSKey string
	// Metrics is the address of the listener for metrics, or "".
	Metrics string
	// AdminAuth are who may look into the cache on that listener, each "bearer:FILE" or "htpasswd:FILE". None are all who can
	// reach it on this machine.
	AdminAuth []string
	// AccessLog is the file for the access log, "-" for standard output, or "off".
	AccessLog string
	// IdleTimeout ends a connection on which nothing moves, and ShutdownTimeout is
	// what requests under way have to finish at the end.
	IdleTimeout, ShutdownTimeout time.Duration
	// Locks is the URL of the database in which guards share the locks of writes; "" for those of this process alone.
	Locks string
	// Guard are the options of the guard. Shared, Observe, Logger and Now are nil.
	Guard guard.Options
}

// Default returns what holds where a file says nothing. It has no route.
func Default() Config {
	return Config{
		Listen: "127.0.0.1:8412", AccessLog: "-", IdleTimeout: time.Minute, ShutdownTimeout: 30 * time.Second,
		Guard: guard.Options{CacheMemory: guard.DefaultCacheMemory, CacheDisk: guard.DefaultCacheDisk},
	}
}

// maxFile bounds a configuration file in bytes.
const maxFile = 1 << 20

// Load reads a file. An error of what is in it is an [Errors].
func Load(path string) (*Config, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	if info.Size() > maxFile {
		return nil, fmt.Errorf("the configuration %q is longer than %d bytes", path, maxFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse reads the text of the file called name, which is for messages, and for
// the directory that relative paths start from. Files that the text names are
// opened only if it says what backends to trust. An error is an [Errors].
func Parse(name string, text []byte) (*Config, error) {
	d := &decoder{file: name, dir: filepath.Dir(name), text: text}
	c := Default()
	d.decode(&c)
	if len(d.errs) > 0 {
		return nil, d.errs
	}
	return &c, nil
}

// CheckLocks refuses what is no URL of a database in which locks can be shared. Its errors have no password.
func CheckLocks(text string) error {
	at, err := url.Parse(text)
	switch {
	case err != nil:
		return errors.New("is no URL: a password with any of /?#[]@:% in it is written percent-encoded")
	case at.Scheme != "postgres" && at.Scheme != "postgresql" || at.Host == "":
		return errors.New("must be the URL of a PostgreSQL, such as postgres://guard@db.example.org/locks")
	}
	return nil
}
