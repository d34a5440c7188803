package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/command/internal/console"
	"github.com/fourtwelve/fourtwelve/command/internal/server"
	"github.com/fourtwelve/fourtwelve/command/internal/server/gate"
	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

const consoleLong = `Show in a browser what a web server decides, while it decides it, from the access log that
it writes: how many requests are answered in which way, who is refused and why, which
resources are hot, and which clients loop.

FILE is what fourtwelve logs reads. The one that was changed last is followed. The page is
for this machine alone.

fourtwelve serve and fourtwelve guard have the same page, and more on it, at the address of
--metrics, under /console/.`

const consoleExample = `  fourtwelve console /var/log/nginx/access.log
  fourtwelve console --listen 127.0.0.1:8413 'C:\inetpub\logs\LogFiles\W3SVC1\u_ex*.log'`

// consoleIdle is after how long a connection on which nothing moves is given up.
const consoleIdle = time.Minute

func newConsole(env *Env) *cobra.Command {
	var format accesslog.Format
	var listen string
	cmd := &cobra.Command{
		Use:     "console FILE…",
		Short:   "Show live in a browser what a growing access log says",
		Long:    consoleLong,
		Example: consoleExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usageError{errors.New("console needs the access log that a server writes: a file, a directory or a pattern")}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return watchLog(cmd.Context(), env, listen, args, accesslog.Options{Format: format, Stdin: env.Stdin, Workers: 1})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&listen, "listen", "127.0.0.1:0", "`HOST:PORT` of the page, on this machine; port 0 is one that is free")
	f.Var((*logFormat)(&format), "format", "the `FORMAT` of all files, if it is not recognised, as for fourtwelve logs")
	return cmd
}

// watchLog serves the page until ctx is done, or the log cannot be read.
func watchLog(ctx context.Context, env *Env, listen string, names []string, o accesslog.Options) error {
	at, err := server.Resolve("--listen", listen)
	switch {
	case err != nil:
		return usageError{fmt.Errorf("--listen %q is not an address: %w (write HOST:PORT, such as 127.0.0.1:8413)", listen, err)}
	case !at.Loopback:
		return usageError{fmt.Errorf("--listen %q can be reached from other machines, and a log says who does what: use 127.0.0.1, ::1 or localhost", listen)}
	}
	ln, err := at.Open()
	if err != nil {
		return err
	}
	defer ln.Close()
	c := console.New(console.Options{Title: titleOfLog(names), Log: true})
	defer c.Close()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	read := make(chan error, 1)
	go func() {
		read <- c.Follow(ctx, names, o, func() {
			fmt.Fprintf(env.Stderr, "Open http://%s/console/ in a browser of this machine. Ctrl-C ends it.\n", ln.Addr())
		})
		cancel()
	}()
	mux := http.NewServeMux()
	mux.Handle("/console/", c.Handler())
	mux.Handle("GET /{$}", http.RedirectHandler("/console/", http.StatusSeeOther))
	logger := secret.Logger(slog.New(slog.NewTextHandler(env.Stderr, nil)))
	endpoint := server.NewHTTP(ln, server.Options{
		Handler: gate.New(mux, gate.Options{LocalOnly: true, Private: true}), Logger: logger,
		IdleTimeout: consoleIdle, ReadTimeout: consoleIdle, WriteTimeout: consoleIdle,
	})
	go endpoint.Serve()
	defer endpoint.Close()
	<-ctx.Done()
	if err := <-read; err != nil {
		sayErrors(env.Stderr, err)
		return exitError{exitUsage}
	}
	return nil
}

func titleOfLog(names []string) string {
	title := filepath.Base(names[0])
	if len(names) > 1 {
		title += fmt.Sprintf(" and %d more", len(names)-1)
	}
	return title
}

// newConsole returns what shows what this server does.
func (p *servePlan) newConsole(files served) *console.Console {
	o := console.Options{Title: "fourtwelve serve " + p.source(), Site: &console.Site{
		Store: files, ReadOnly: p.readOnly,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { p.answers.ServeHTTP(w, r) }),
	}}
	if p.dav {
		o.Locks = func() []console.Lock { return locksOf(p.answers) }
	}
	return console.New(o)
}

var markup = regexp.MustCompile(`<[^>]*>`)

// locksOf are the locks of a WebDAV server, their owners as text.
func locksOf(h http.Handler) (locks []console.Lock) {
	d, ok := h.(*dav.Handler)
	if !ok {
		return nil
	}
	for _, l := range d.Locks() {
		locks = append(locks, console.Lock{
			Name: l.Name, Infinite: l.Infinite, Shared: l.Shared, Expires: l.Expires,
			Owner: secret.Text(strings.TrimSpace(markup.ReplaceAllString(l.Owner, " "))),
		})
	}
	return locks
}
