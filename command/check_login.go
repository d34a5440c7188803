package command

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/fourtwelve/fourtwelve/command/internal/netrc"
)

// loginOptions are the flags that say as whom to ask. At most one is given; what they name is never shown.
type loginOptions struct {
	user, passwordFile string
	bearerFile         string
	netrc              bool
	netrcFile          string
}

// The variables that may hold a secret, so that it need not be on a command line.
const (
	passwordVariable = "FOURTWELVE_PASSWORD"
	tokenVariable    = "FOURTWELVE_TOKEN"
)

// maxSecret bounds the files with credentials, in bytes.
const maxSecret = 1 << 20

func (o *loginOptions) addFlags(f interface {
	StringVarP(p *string, name, shorthand, value, usage string)
	StringVar(p *string, name, value, usage string)
	BoolVarP(p *bool, name, shorthand string, value bool, usage string)
}) {
	f.StringVarP(&o.user, "user", "u", "", "log in as `NAME:PASSWORD`, or as NAME with $"+passwordVariable)
	f.StringVar(&o.passwordFile, "password-file", "", "the password of --user is in `FILE`")
	f.StringVar(&o.bearerFile, "bearer-file", "", "the bearer token is in `FILE`; or it is $"+tokenVariable)
	f.BoolVarP(&o.netrc, "netrc", "n", false, "look up the host in $NETRC or ~/.netrc")
	f.StringVar(&o.netrcFile, "netrc-file", "", "look up the host in `FILE`")
}

// authorization returns the value of that field for a target and for what is written to, if that is not nil.
func (o *loginOptions) authorization(target, writeTo *url.URL) (string, error) {
	inURL := target.User
	target.User = nil
	if writeTo != nil {
		writeTo.User = nil
	}
	if err := o.atMostOne(); err != nil {
		return "", err
	}
	switch {
	case o.user != "":
		return o.basic()
	case o.bearerFile != "":
		return bearerOf(readSecret("--bearer-file", o.bearerFile))
	case o.netrc || o.netrcFile != "":
		return o.fromNetrc(target, writeTo)
	case inURL != nil:
		password, _ := inURL.Password()
		return basicOf(inURL.Username(), password), nil
	}
	if token := os.Getenv(tokenVariable); token != "" {
		return bearerOf(token, nil)
	}
	return "", nil
}

func (o *loginOptions) atMostOne() error {
	given := 0
	for _, is := range []bool{o.user != "", o.bearerFile != "", o.netrc || o.netrcFile != ""} {
		if is {
			given++
		}
	}
	if given > 1 {
		return errors.New("--user, --bearer-file and --netrc exclude each other: say one")
	}
	if o.passwordFile != "" && o.user == "" {
		return errors.New("--password-file needs --user")
	}
	return nil
}

func (o *loginOptions) basic() (string, error) {
	name, password, ok := strings.Cut(o.user, ":")
	switch {
	case name == "":
		return "", errors.New("--user has no name: write NAME:PASSWORD")
	case ok && o.passwordFile != "":
		return "", errors.New("the password is given twice: leave it out of --user, or leave out --password-file")
	case ok:
	case o.passwordFile != "":
		var err error
		if password, err = readSecret("--password-file", o.passwordFile); err != nil {
			return "", err
		}
	default:
		if password, ok = os.LookupEnv(passwordVariable); !ok {
			return "", fmt.Errorf("--user %s has no password: set $%s, or name a file with --password-file", name, passwordVariable)
		}
	}
	return basicOf(name, password), nil
}

// basicOf is RFC 7617 in UTF-8.
func basicOf(name, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password))
}

// bearerOf is RFC 6750 §2.1.
func bearerOf(token string, err error) (string, error) {
	if err == nil && strings.IndexFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) >= 0 {
		err = errors.New("the bearer token has blanks or other characters that a token cannot have")
	}
	return "Bearer " + token, err
}

// readSecret reads a file that has one secret, without the end of its line.
func readSecret(flag, name string) (string, error) {
	text, err := readSmall(flag, name)
	text = strings.TrimRight(text, "\r\n")
	if err == nil && text == "" {
		err = fmt.Errorf("%s: %s is empty", flag, name)
	}
	return text, err
}

func readSmall(flag, name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("%s: %w", flag, err)
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", flag, err)
	case len(data) > maxSecret:
		return "", fmt.Errorf("%s: %s is larger than %d MiB", flag, name, maxSecret>>20)
	}
	return string(data), nil
}

// fromNetrc looks a host up. What is written to is asked with the same credentials, so it must be on the
// same host, lest they reach another one.
func (o *loginOptions) fromNetrc(target, writeTo *url.URL) (string, error) {
	name := cmp.Or(o.netrcFile, netrcName())
	text, err := readSmall("--netrc", name)
	if err != nil {
		return "", err
	}
	entries, err := netrc.Parse(text)
	if err != nil {
		return "", fmt.Errorf("--netrc: %s: %w", name, err)
	}
	entry, ok := netrc.Find(entries, target.Hostname())
	switch {
	case !ok:
		return "", fmt.Errorf("--netrc: %s has nothing for %s", name, target.Hostname())
	case writeTo != nil && !strings.EqualFold(writeTo.Host, target.Host):
		return "", fmt.Errorf("--netrc: what it has for %s would also be sent to %s, as --write-to says: give credentials for both with --user", target.Host, writeTo.Host)
	}
	return basicOf(entry.Login, entry.Password), nil
}

// netrcName is where curl looks.
func netrcName() string {
	if name := os.Getenv("NETRC"); name != "" {
		return name
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return ".netrc"
	}
	if runtime.GOOS == "windows" {
		return filepath.Join(home, "_netrc")
	}
	return filepath.Join(home, ".netrc")
}
