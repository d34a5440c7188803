package command

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/command/internal/flagvalue"
	"github.com/fourtwelve/fourtwelve/command/internal/service"
)

const serviceLong = `Write what a service manager needs to run fourtwelve serve or fourtwelve guard: a unit of
systemd, a property list of launchd, or commands for Windows. The command line of the server
follows after --; relative paths in it become absolute ones.

The unit of systemd says when the server is ready, has a watchdog, reloads on systemctl reload,
and may do little more than answer requests: write only where it has to, see no home
directories, gain no rights. Without --user it runs as a user that exists only meanwhile;
keys and passwords are then handed to it by LoadCredential, and may stay readable for root alone.`

const serviceExample = `  fourtwelve service print -- guard --listen :8412 http://127.0.0.1:3000
  fourtwelve service print --user www-data -- serve --listen :443 --tls-cert cert.pem --tls-key key.pem /srv/site
  sudo fourtwelve service install --socket --user www-data -- serve --listen :8080 /srv/site`

// The service managers that service knows.
const (
	withSystemd = "systemd"
	withLaunchd = "launchd"
	withWindows = "windows"
)

// serviceOptions are the flags of fourtwelve service print and install.
type serviceOptions struct {
	env           *Env
	manager       string
	name, user    string
	socket, force bool
	root          string
}

func newService(env *Env) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "service",
		Short:   "Have systemd, launchd or Windows run a server",
		Long:    serviceLong,
		Example: serviceExample,
		Args:    onlyCommands,
		RunE:    func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newServicePrint(env), newServiceInstall(env))
	return cmd
}

func newServicePrint(env *Env) *cobra.Command {
	o := &serviceOptions{env: env}
	cmd := &cobra.Command{
		Use:     "print -- serve|guard …",
		Short:   "Print what the service manager needs",
		Long:    serviceLong,
		Example: serviceExample,
		RunE:    o.run(o.print),
	}
	o.addFlags(cmd.Flags())
	return cmd
}

func newServiceInstall(env *Env) *cobra.Command {
	o := &serviceOptions{env: env}
	cmd := &cobra.Command{
		Use:     "install -- serve|guard …",
		Short:   "Put it where the service manager looks for it",
		Long:    serviceLong + "\n\nInstall starts nothing: it says how to.",
		Example: serviceExample,
		RunE:    o.run(o.install),
	}
	f := cmd.Flags()
	o.addFlags(f)
	f.BoolVar(&o.force, "force", false, "replace what is installed under the name")
	f.StringVar(&o.root, "root", "/", "`DIR` in place of /, to prepare an image or a package")
	return cmd
}

func (o *serviceOptions) addFlags(f *pflag.FlagSet) {
	f.SortFlags = false
	o.manager = map[string]string{"darwin": withLaunchd, "windows": withWindows}[runtime.GOOS]
	if o.manager == "" {
		o.manager = withSystemd
	}
	managers := []string{withSystemd, withLaunchd, withWindows}
	f.Var(flagvalue.NewChoice(&o.manager, managers, managers...), "manager", "for whom: systemd, launchd or Windows")
	f.StringVar(&o.name, "name", "", "`NAME` of the service, fourtwelve-serve or fourtwelve-guard unless given")
	f.StringVar(&o.user, "user", "", "`NAME` of the account that it runs as; serve needs one that may write the directory")
	f.BoolVar(&o.socket, "socket", false, "let systemd listen, so that no connection is refused while the server is restarted")
}

// run returns what makes a unit of the command line behind --, and has do do the rest.
func (o *serviceOptions) run(do func(*service.Unit) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		if cmd.ArgsLenAtDash() != 0 || len(args) == 0 {
			return usageError{fmt.Errorf("the command line of the server has to follow after --, as in %s -- guard http://127.0.0.1:3000", cmd.CommandPath())}
		}
		unit, err := o.unit(args)
		if err != nil {
			return err
		}
		return do(unit)
	}
}

// serverFlags are the flags of a server's command line that say what its manager has to allow it.
type serverFlags struct{ *pflag.FlagSet }

func (f serverFlags) text(name string) string {
	if flag := f.Lookup(name); flag != nil {
		return flag.Value.String()
	}
	return ""
}

// unit makes of the command line of a server what its manager has to know.
func (o *serviceOptions) unit(args []string) (*service.Unit, error) {
	server, rest, err := newRoot(o.env).Find(args)
	if err != nil || server.Name() != "serve" && server.Name() != "guard" {
		return nil, usageError{fmt.Errorf("%q is no server: services are made of serve and guard", args[0])}
	}
	if err := server.ParseFlags(rest); err != nil {
		return nil, server.FlagErrorFunc()(server, err)
	}
	f := serverFlags{server.Flags()}
	if err := server.ValidateArgs(f.Args()); err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	u := &service.Unit{
		Name: o.name, User: o.user, Secrets: map[string]string{},
		Description: "Fourtwelve " + server.Name() + " " + strings.Join(f.Args(), " "),
		Shared:      server.Name() == "serve",
	}
	if u.Name == "" {
		u.Name = "fourtwelve-" + server.Name()
	}
	if strings.ContainsAny(u.Name, "/\\ ") {
		return nil, usageError{fmt.Errorf("--name %q: a name of a service has no blanks and no slashes", u.Name)}
	}
	u.Grace, _ = f.GetDuration("shutdown-timeout")
	if err := o.listens(u, f); err != nil {
		return nil, err
	}
	if err := o.writes(u, server.Name(), f); err != nil {
		return nil, err
	}
	words, err := o.words(u, f)
	if err != nil {
		return nil, err
	}
	u.Command = append([]string{program, server.Name()}, words...)
	return u, nil
}

// listens notes where the server listens, or has the manager do so.
func (o *serviceOptions) listens(u *service.Unit, f serverFlags) error {
	_, port, err := net.SplitHostPort(f.text("listen"))
	if err == nil {
		n, _ := strconv.Atoi(port)
		u.LowPort = n > 0 && n < 1024 && !o.socket
	}
	switch {
	case !o.socket:
		return nil
	case o.manager != withSystemd:
		return usageError{errors.New("--socket is for systemd alone")}
	case f.text("config") != "":
		return usageError{errors.New(`--socket does not go with --config: say listen: fd:3 there, and write the socket unit yourself`)}
	case err != nil:
		return usageError{fmt.Errorf("--socket needs an address in --listen, and that is %q", f.text("listen"))}
	}
	u.Socket = f.text("listen")
	return f.Set("listen", "fd:3")
}

// writes notes where the server writes.
func (o *serviceOptions) writes(u *service.Unit, server string, f serverFlags) error {
	if server == "serve" && f.text("read-only") != "true" && !strings.Contains(f.Arg(0), "://") {
		if u.User == "" && o.manager == withSystemd {
			return usageError{fmt.Errorf("serve writes to %s: name the account that may do so with --user, or give serve --read-only", f.Arg(0))}
		}
		u.Writes = append(u.Writes, f.Arg(0))
	}
	for _, name := range []string{"cache-dir", "spool-dir"} {
		if dir := f.text(name); dir != "" {
			u.Writes = append(u.Writes, dir)
		}
	}
	if file := f.text("access-log"); file != "-" && file != "off" {
		u.Writes = append(u.Writes, filepath.Dir(file))
	}
	for i, dir := range u.Writes {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return err
		}
		u.Writes[i] = abs
		if o.manager == withSystemd && u.User == "" && !service.Makes(abs) {
			return usageError{fmt.Errorf("a user that systemd makes up may not write to %s: take a directory below /var/lib, /var/cache or "+
				"/var/log, as in /var/cache/%s, or name an account with --user", abs, u.Name)}
		}
	}
	return nil
}

// secretFlags name files that need not be readable for everyone.
var secretFlags = []string{"auth", "admin-auth", "tls-cert", "tls-key", "backend-cert", "backend-key", "backend-ca"}

// words returns the command line of the server, with all paths absolute, or handed to it as secrets.
func (o *serviceOptions) words(u *service.Unit, f serverFlags) (words []string, err error) {
	secret := o.manager == withSystemd && u.User == ""
	path := func(flag, value string) string {
		kind := ""
		if before, file, ok := strings.Cut(value, ":"); ok && strings.HasSuffix(flag, "auth") {
			kind, value = before+":", file
		}
		abs, e := filepath.Abs(value)
		err = errors.Join(err, e)
		if !secret || !slices.Contains(secretFlags, flag) {
			return kind + abs
		}
		name := flag
		for n := 2; u.Secrets[name] != ""; n++ {
			name = fmt.Sprintf("%s-%d", flag, n)
		}
		u.Secrets[name] = abs
		return kind + service.Secret(name)
	}
	f.Visit(func(flag *pflag.Flag) {
		values := []string{flag.Value.String()}
		if list, ok := flag.Value.(pflag.SliceValue); ok {
			values = list.GetSlice()
		}
		takes, _ := pflag.UnquoteUsage(flag)
		for _, value := range values {
			isPath := takes == "FILE" || takes == "KIND:FILE" || takes == "DIR"
			if isPath && value != "-" && value != "off" {
				value = path(flag.Name, value)
			}
			words = append(words, "--"+flag.Name+"="+value)
		}
	})
	for _, arg := range f.Args() {
		if !strings.Contains(arg, "://") {
			arg = path("", arg)
		}
		words = append(words, arg)
	}
	return words, err
}

func (o *serviceOptions) print(u *service.Unit) error {
	for _, file := range o.files(u) {
		if file.path != "" && u.Socket != "" {
			fmt.Fprintf(o.env.Stdout, "# %s\n", file.path)
		}
		fmt.Fprint(o.env.Stdout, file.text)
	}
	return nil
}

type serviceFile struct{ path, text string }

// files are what the manager reads; without a path it is to be run.
func (o *serviceOptions) files(u *service.Unit) []serviceFile {
	switch o.manager {
	case withLaunchd:
		return []serviceFile{{"/Library/LaunchDaemons/" + u.Name + ".plist", u.Launchd()}}
	case withWindows:
		return []serviceFile{{"", u.Windows()}}
	}
	files := []serviceFile{{"/etc/systemd/system/" + u.Name + ".service", u.Systemd()}}
	if u.Socket != "" {
		files = append(files, serviceFile{"/etc/systemd/system/" + u.Name + ".socket", u.SystemdSocket()})
	}
	return files
}

func (o *serviceOptions) install(u *service.Unit) error {
	files := o.files(u)
	if files[0].path == "" {
		return usageError{errors.New("on Windows, run what fourtwelve service print says, as an administrator")}
	}
	for _, file := range files {
		if err := o.write(filepath.Join(o.root, file.path), file.text); err != nil {
			return err
		}
	}
	what := u.Name + ".service"
	if u.Socket != "" {
		what = u.Name + ".socket"
	}
	switch o.manager {
	case withSystemd:
		fmt.Fprintf(o.env.Stderr, "Start it, now and at each boot:\n  systemctl daemon-reload\n  systemctl enable --now %s\n", what)
	case withLaunchd:
		fmt.Fprintf(o.env.Stderr, "Start it, now and at each boot:\n  launchctl bootstrap system %s\n", files[0].path)
	}
	return nil
}

// write puts a file in its place, and never over another one, unless it is told to.
func (o *serviceOptions) write(path, text string) error {
	switch old, err := os.ReadFile(path); {
	case err == nil && string(old) == text:
		fmt.Fprintf(o.env.Stderr, "%s is installed already.\n", path)
		return nil
	case err == nil && !o.force:
		return fmt.Errorf("%s exists and says something else: choose another --name, or replace it with --force", path)
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			return fmt.Errorf("%w: run it with the rights of an administrator, or see what fourtwelve service print says", err)
		}
		return err
	}
	fmt.Fprintf(o.env.Stderr, "Wrote %s.\n", path)
	return nil
}
