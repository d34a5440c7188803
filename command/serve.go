package command

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/command/internal/flagvalue"
	"github.com/fourtwelve/fourtwelve/command/internal/server/auth"
	"github.com/fourtwelve/fourtwelve/dav"
	"github.com/fourtwelve/fourtwelve/internal/field/cachecontrol"
	"github.com/fourtwelve/fourtwelve/origin"
	"github.com/fourtwelve/fourtwelve/store/dirstore"
)

// serveOptions are the flags of fourtwelve serve.
type serveOptions struct {
	dir     string   // absolute, or empty if cluster is set
	cluster *url.URL // the engine that is shared with other processes

	front

	readOnly    bool
	readOnlySet bool // said so, one way or the other
	auth        []string
	publicRead  bool
	embed       bool
	sandbox     []string
	maxMemory   flagvalue.Size

	require      origin.Require
	dav          bool
	davRequire   origin.Require
	davSet       bool // whether --dav-require was said
	davLockTime  lockTime
	maxBody      flagvalue.Size
	staleIfRange int
	acceptReplay bool
	keyAge       age
	keyRequired  bool
	revisionTags bool
	lenientTags  bool

	keep      int
	keepBytes flagvalue.Size
	keepFiles int
	keepAge   age
	mayPurge  []string
	sync      dirstore.SyncMode
	waitLock  patience

	readStaleness age

	cacheControl []string
}

const serveLong = `Serve the files of a directory over HTTP, and let them be edited so that no update
is lost, no read is stale or spliced, and every refusal explains itself.

The files stay plain files: other programs may read and edit them at any time. What the
server knows beyond them is in one folder, .fourtwelve, inside the directory.

It listens on this machine only unless --listen says otherwise. On any other address
it is read-only, unless --auth names who may write.

With a URL instead of a directory (postgres://USER@HOST/DATABASE, s3://BUCKET/PREFIX) it serves
what is in an engine that any number of servers may share, on as many machines, with the same promises.

A hangup signal (SIGHUP) makes it read the credentials and the certificate
again, and reopen the access log. An interrupt or SIGTERM makes it finish the
requests under way and end; a second one ends it at once.`

const serveExample = `  fourtwelve serve examples/site
  fourtwelve serve postgres://fourtwelve@db.example/site
  fourtwelve serve --listen :8443 --tls-cert cert.pem --tls-key key.pem --auth htpasswd:users /srv/site
  fourtwelve serve --cache-control 'assets/**=public, max-age=31536000, immutable' /srv/site`

func newServe(env *Env) *cobra.Command {
	o := serveOptions{
		dav: true, davRequire: origin.RequireNever, davLockTime: lockTime(dav.DefaultLockTimeout), keyAge: age(24 * time.Hour),
		maxBody: origin.DefaultMaxBody, maxMemory: origin.DefaultMaxMemory, keepBytes: 1 << 30, staleIfRange: 200,
	}
	cmd := &cobra.Command{
		Use:     "serve DIR|URL",
		Short:   "Serve and edit a directory of files, or a database",
		Long:    serveLong,
		Example: serveExample,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("serve takes one directory, and got %d: write fourtwelve serve DIR", len(args))}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.dir = args[0]
			o.readOnlySet = cmd.Flags().Changed("read-only")
			o.davSet = cmd.Flags().Changed("dav-require")
			if err := o.aim(cmd.Flags()); err != nil {
				return err
			}
			p, err := o.plan()
			if err != nil {
				return err
			}
			return p.run(cmd.Context(), env)
		},
	}
	o.addFlags(cmd)
	return cmd
}

func (o *serveOptions) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.SortFlags = false
	o.addListenFlags(f)

	f.BoolVar(&o.readOnly, "read-only", false, "refuse every write")
	f.StringArrayVar(&o.auth, "auth", nil, "who is let in, as `KIND:FILE`: htpasswd (bcrypt) or bearer (tokens); repeatable")
	f.BoolVar(&o.publicRead, "public-read", false, "with --auth, let everyone read")
	f.BoolVar(&o.embed, "embed", false, "let pages of other sites use what only this machine, or only those who log in, may read")
	f.StringArrayVar(&o.sandbox, "sandbox", nil, "names of content that is not trusted, as `GLOB`: browsers run none of its scripts; repeatable")

	f.Var(requirement(&o.require), "require", "which writes need a precondition: none, those that replace or delete, or all")
	f.Var(flagvalue.NewChoice(&o.dav, []string{"on", "off"}, true, false), "dav",
		"let desktops and editors mount it (WebDAV), where writing is allowed")
	f.Var(requirement(&o.davRequire), "dav-require", "--require for clients that speak WebDAV, most of which never send a precondition")
	f.Var(&o.davLockTime, "dav-lock-timeout", "end a lock `DURATION` after its client last refreshed it, whatever it asked for: 5m to 7d")
	f.BoolVar(&o.acceptReplay, "accept-replay", false, "answer a repeated write with success if that content is stored")
	f.Var(&o.keyAge, "idempotency-age", "give the first answer again to a write whose Idempotency-Key is less than `DURATION` old; 0 ignores the field")
	f.BoolVar(&o.keyRequired, "idempotency-required", false, "refuse writes without an Idempotency-Key")
	f.Var(flagvalue.NewChoice(&o.staleIfRange, []string{"200", "412"}, 200, 412),
		"stale-if-range", "answer to a resume of what has changed: the whole, or a refusal")
	f.BoolVar(&o.lenientTags, "lenient-tags", false, "accept entity tags without their quotes")
	f.Var(flagvalue.NewChoice(&o.revisionTags, []string{"content", "revision"}, false, true),
		"etag", "make entity tags of the content, or also of the revision")
	f.Var(&o.maxBody, "max-body", `largest content of a request, such as 10M or 1G, or "none"`)
	f.Var(&o.maxMemory, "max-memory", `what all requests together hold in memory to patch and to list, such as 256M, or "none"`)

	f.IntVar(&o.keep, "keep", 8, "keep `N` earlier revisions of each resource, and `N` more that were overwritten blindly")
	f.Var(&o.keepBytes, "keep-bytes", "largest size of all kept revisions together")
	f.IntVar(&o.keepFiles, "keep-files", 100_000, "keep `N` earlier revisions of all resources together")
	f.Var(&o.keepAge, "keep-age", "forget a revision `DURATION` after it was replaced or deleted, such as 30d, unless it was overwritten blindly")
	f.StringArrayVar(&o.mayPurge, "may-purge", nil, "with --auth, `USER` who may destroy earlier revisions over HTTP; repeatable")
	f.Var(flagvalue.NewChoice(&o.sync, []string{"full", "none"}, dirstore.SyncFull, dirstore.SyncNone),
		"sync", "a write is on the disk before it is answered, or some time later")
	f.Var(&o.waitLock, "wait-lock", "if another process serves DIR, wait for it to end, `DURATION` at most")
	f.Lookup("wait-lock").NoOptDefVal = forever
	f.Var(&o.readStaleness, "read-staleness", "with a URL, answer reads from memory for `DURATION` before the engine is asked again; 0 asks each time")

	f.StringArrayVar(&o.cacheControl, "cache-control", nil, "Cache-Control by name, as `GLOB=VALUE`; the first match counts, no match is no-cache; repeatable")
	o.addRunFlags(f)
	f.StringVar(&o.metrics, "metrics", "", "`HOST:PORT` of a listener for the console (/console/), Prometheus, /healthz and /readyz")
	f.IntVar(&o.maxPerAddress, "max-per-address", defaultMaxPerAddress,
		"answer `N` requests of one address at once, over as many connections; 0 for no bound")
}

// requirement is a flag that says which writes need a precondition.
func requirement(r *origin.Require) pflag.Value {
	return flagvalue.NewChoice(r, []string{"never", "overwrite", "always"}, origin.RequireNever, origin.RequireOverwrite, origin.RequireAlways)
}

// servePlan is what serve will do, checked as far as it can be without opening
// anything for good.
type servePlan struct {
	serveOptions
	credentials *auth.Credentials // nil if everyone is let in
	rules       cachecontrol.Rules
	// sandboxed are the globs of --sandbox.
	sandboxed []cachecontrol.Glob
	// forced says that the server is read-only because nobody asked for it to be
	// otherwise, at an address where that would be dangerous.
	forced bool
	// answers is what answers requests that are heard, from newHandler on.
	answers http.Handler
}

// plan checks the flags and reads the files they name.
func (o serveOptions) plan() (*servePlan, error) {
	p := &servePlan{serveOptions: o}
	for _, step := range []func() error{
		p.checkDir, p.checkNumbers, p.checkTimeouts, p.checkSecrets, p.checkCacheControl, p.checkSandbox, p.loadCertificate, p.loadCredentials,
		p.findMetrics, p.findAddress, p.decideWriting, p.decideDAV,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *servePlan) checkDir() error {
	if p.cluster != nil {
		return nil
	}
	info, err := os.Stat(p.dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return fmt.Errorf("there is no directory %q: create it first, or check the path", p.dir)
	case err != nil:
		return fmt.Errorf("cannot serve %q: %w", p.dir, errors.Unwrap(err))
	case !info.IsDir():
		return fmt.Errorf("%q is a file: serve takes the directory it is in", p.dir)
	}
	p.dir, err = filepath.Abs(p.dir)
	return err
}

func (p *servePlan) checkNumbers() error {
	for _, check := range []struct {
		bad  bool
		what string
	}{
		{p.keep < 0, "--keep must not be negative; to keep nothing, write --keep=0"},
		{p.keyRequired && p.keyAge == 0, "--idempotency-required asks for a field that --idempotency-age=0 ignores; give an age"},
		{p.keepFiles < 1, "--keep-files must be more than 0; to keep nothing, write --keep=0"},
		{p.maxPerAddress < 0, "--max-per-address must not be negative; for no bound, write 0"},
		{p.keepBytes < 0, "--keep-bytes must be a size; to keep nothing, write --keep=0"},
	} {
		if check.bad {
			return usageError{errors.New(check.what)}
		}
	}
	return nil
}

// checkSecrets refuses to serve what is not for everyone: a file of ours that
// lies in the directory would be sent to whoever asks for it.
func (p *servePlan) checkSecrets() error {
	secrets := map[string]string{"--tls-key": p.tlsKey}
	if p.accessLog != "-" && p.accessLog != "off" {
		secrets["--access-log"] = p.accessLog
	}
	for _, source := range p.auth {
		if _, path, ok := strings.Cut(source, ":"); ok {
			secrets["--auth "+source] = path
		}
	}
	for _, flag := range slices.Sorted(maps.Keys(secrets)) {
		if path := secrets[flag]; path != "" && p.cluster == nil && isInside(path, p.dir) {
			return usageError{fmt.Errorf("%s: the file %q is inside the directory that is served, so that everyone could read it: keep it somewhere else", flag, path)}
		}
	}
	return nil
}

// isInside reports whether path leads into dir, which is absolute. The file need
// not exist, its directory should.
func isInside(path, dir string) bool {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		folder, err := filepath.EvalSymlinks(filepath.Dir(path))
		if err != nil {
			return false // it cannot be opened either
		}
		real = filepath.Join(folder, filepath.Base(path))
	}
	if real, err = filepath.Abs(real); err != nil {
		return false
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	rel, err := filepath.Rel(dir, real)
	return err == nil && filepath.IsLocal(rel)
}

func (p *servePlan) checkCacheControl() (err error) {
	if p.rules, err = cachecontrol.Parse(p.cacheControl); err != nil {
		return usageError{err}
	}
	return nil
}

func (p *servePlan) checkSandbox() error {
	for _, pattern := range p.sandbox {
		g, fault := cachecontrol.ParseGlob(pattern)
		if fault != "" {
			return usageError{fmt.Errorf("--sandbox %q: the pattern %s", pattern, fault)}
		}
		p.sandboxed = append(p.sandboxed, g)
	}
	return nil
}

func (p *servePlan) loadCredentials() (err error) {
	if len(p.auth) == 0 {
		if len(p.mayPurge) > 0 {
			return usageError{errors.New("--may-purge has a meaning with --auth only: without it, nobody has a name; use fourtwelve purge on this machine")}
		}
		if p.publicRead {
			return usageError{errors.New("--public-read has a meaning with --auth only: without it, everyone may read anyway")}
		}
		return nil
	}
	p.credentials, err = auth.Load(p.auth)
	return err
}

// decideWriting keeps strangers from writing: on an address others can reach, or under a
// name they know, the server is read-only unless it knows who may write.
func (p *servePlan) decideWriting() error {
	if p.credentials != nil || p.address.Loopback && len(p.hosts) == 0 {
		return nil
	}
	if p.readOnlySet && !p.readOnly {
		if p.address.Loopback { // a proxy may ask who it is
			return nil
		}
		return usageError{fmt.Errorf("%s can be reached from other machines, and without credentials anyone there could overwrite and delete files: "+
			"add --auth htpasswd:FILE or --auth bearer:FILE, listen on 127.0.0.1, or leave out --read-only=false", p.address)}
	}
	p.forced = !p.readOnly
	p.readOnly = true
	return nil
}

// decideDAV keeps blind overwrites from losing anything: a WebDAV client needs no precondition only where earlier revisions
// are kept.
func (p *servePlan) decideDAV() error {
	p.dav = p.dav && !p.readOnly
	if !p.dav || p.keep > 0 || p.davRequire != origin.RequireNever {
		return nil
	}
	if p.davSet {
		return usageError{errors.New("--dav-require=never with --keep=0 would lose what WebDAV clients overwrite, since most send no precondition: " +
			"keep at least one revision (--keep=1), or write --dav-require=overwrite")}
	}
	p.davRequire = origin.RequireOverwrite
	return nil
}
