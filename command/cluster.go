package command

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/fourtwelve/fourtwelve/store/clusterstore"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/conform"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/pgengine"
	"github.com/fourtwelve/fourtwelve/store/clusterstore/s3engine"
)

// engines are the engines that many servers share, by the scheme of their URL.
var engines = map[string]openEngine{
	"postgres":   openPostgres,
	"postgresql": openPostgres,
	"s3":         openS3,
}

// openEngine opens the engine at a URL. Its errors are one line each, without a password.
type openEngine func(ctx context.Context, at *url.URL, o engineOptions) (clusterstore.Heads, clusterstore.Contents, error)

// engineOptions are the same for all engines.
type engineOptions struct {
	readOnly bool
	// notify says that others may read from memory, and want to hear of changes.
	notify bool
}

func openPostgres(ctx context.Context, at *url.URL, o engineOptions) (clusterstore.Heads, clusterstore.Contents, error) {
	e, err := pgengine.Open(ctx, at.String(), pgengine.Options{ReadOnly: o.readOnly, Notify: o.notify})
	if err != nil {
		return nil, nil, err
	}
	return e.Heads(), e.Contents(), nil
}

// startRounds is how often writers race when a server starts: what ignores conditions is found the first time.
const startRounds = 2

// openS3 opens a bucket, and refuses one whose server does not keep conditions. Who only reads does not ask, as it must not write.
func openS3(ctx context.Context, at *url.URL, o engineOptions) (clusterstore.Heads, clusterstore.Contents, error) {
	l, err := s3engine.ParseLocation(at.String())
	if err != nil {
		return nil, nil, usageError{err}
	}
	e, err := s3engine.Open(ctx, l)
	if err != nil {
		return nil, nil, err
	}
	if o.readOnly {
		return e.Heads(), e.Contents(), e.Reach(ctx)
	}
	findings, err := e.Check(ctx, conform.Options{Rounds: startRounds})
	if err == nil {
		err = conform.First(findings)
	}
	return e.Heads(), e.Contents(), err
}

// engineURL returns the URL of an engine that target is, or nil if it is a directory.
func engineURL(target string) (*url.URL, error) {
	scheme, _, ok := strings.Cut(target, "://")
	if !ok {
		return nil, nil
	}
	if engines[scheme] == nil {
		known := slices.Sorted(maps.Keys(engines))
		return nil, usageError{fmt.Errorf("there is no engine %q: write the path of a directory, or a URL that begins with %s://",
			scheme, strings.Join(known, "://, "))}
	}
	at, err := url.Parse(target)
	if err != nil {
		return nil, usageError{fmt.Errorf("the URL of the engine (%s://…) cannot be read: a user or a password with any of /?#[]@:%% in it is written percent-encoded", scheme)}
	}
	return at, nil
}

// openClusterStore opens the store on the engine at a URL.
func openClusterStore(ctx context.Context, at *url.URL, e engineOptions, o clusterstore.Options) (*clusterstore.Store, error) {
	heads, contents, err := engines[at.Scheme](ctx, at, e)
	if err != nil {
		return nil, err
	}
	return clusterstore.New(heads, contents, o)
}

// aim finds out what is served, and what follows from that for flags that nobody has set.
func (o *serveOptions) aim(flags *pflag.FlagSet) (err error) {
	if o.cluster, err = engineURL(o.dir); err != nil {
		return err
	}
	if o.cluster == nil {
		if flags.Changed("read-staleness") {
			return usageError{errors.New("--read-staleness is for what is served by its URL: a directory is always asked")}
		}
		return nil
	}
	o.dir = ""
	for _, name := range []string{"sync", "wait-lock", "keep-files"} {
		if flags.Changed(name) {
			return usageError{fmt.Errorf("--%s is for directories, and this is %s: leave it out", name, o.source())}
		}
	}
	if !flags.Changed("etag") {
		o.revisionTags = true
	}
	if !flags.Changed("dav") {
		o.dav = false
	}
	return nil
}

// source is what is served, as it may be shown: a password may be in the URL, or in its query.
func (o *serveOptions) source() string {
	if o.cluster == nil {
		return o.dir
	}
	shown := *o.cluster
	shown.RawQuery = ""
	return shown.Redacted()
}

// openCluster opens the store on the engine, and sweeps it now and then until ctx is done.
func (p *servePlan) openCluster(ctx context.Context, logger *slog.Logger) (served, error) {
	o := clusterstore.Options{
		Keep: p.keep, KeepBytes: int64(p.keepBytes), KeepAge: time.Duration(p.keepAge), ReadStaleness: time.Duration(p.readStaleness),
	}
	if p.keep == 0 {
		o.Keep = -1
	}
	s, err := openClusterStore(ctx, p.cluster, engineOptions{readOnly: p.readOnly, notify: p.readStaleness > 0}, o)
	if err != nil {
		return nil, err
	}
	if !p.readOnly {
		go sweepNowAndThen(ctx, s, logger)
	}
	return s, nil
}

// sweepEvery is about how often a server looks for contents that nothing names.
const sweepEvery = time.Hour

// sweepNowAndThen sweeps until ctx is done: each time after a while that differs, so that servers which
// were started together do not all do it at once.
func sweepNowAndThen(ctx context.Context, s *clusterstore.Store, logger *slog.Logger) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(sweepEvery/2 + rand.N(sweepEvery)):
		}
		swept, err := s.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			logger.Warn("contents that nothing names could not all be removed; the next sweep tries again", "error", err)
		} else if swept.Removed > 0 {
			logger.Info("removed contents that nothing names", "contents", swept.Removed, "bytes", swept.Bytes)
		}
	}
}
