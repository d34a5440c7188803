package probe

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
)

// Run asks the checks of the options of the target. It returns an error only if nothing could be asked:
// ErrTarget, ErrUnreachable, ErrUnfit or ErrExists; or that of ctx, with what had been found by then. A
// server that stops answering in between leaves results that are NotAsked.
func Run(ctx context.Context, target *url.URL, o Options) (*Report, error) {
	o = o.withDefaults()
	if err := checkTarget(target); err != nil {
		return nil, err
	}
	if err := o.checkContents(); err != nil {
		return nil, err
	}
	s := newSession(target, o)
	defer s.close()
	report := &Report{Started: time.Now(), Results: make([]Result, len(o.Checks))}
	if err := s.resolve(ctx); err != nil {
		return nil, err
	}
	base, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	s.base = base
	report.Target, report.Addresses = capture.RedactURL(s.target.String()), s.addresses
	report.Server = base.field("Server")
	scratch, err := s.openScratch(ctx)
	if err != nil {
		return nil, err
	}
	if scratch != nil {
		report.WriteTo = capture.RedactURL(scratch.at().String())
	}
	s.ask(ctx, base, scratch, report.Results)
	holdAgainst(report.Results)
	refute(report.Results)
	report.Left = !scratch.close(context.WithoutCancel(ctx))
	report.Written = scratch != nil && scratch.ours
	report.Took, report.Requests = time.Since(report.Started), int(s.sent.Load())
	if reason := s.reason(); reason != nil {
		report.Stopped, report.Died = reason.Error(), s.died
	}
	report.Interrupted = ctx.Err() != nil
	return report, ctx.Err()
}

func checkTarget(u *url.URL) error {
	if u == nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("%w: %q: give one as in https://example.org/file.txt", ErrTarget, u)
	}
	return nil
}

// resolve finds the addresses of the target.
func (s *session) resolve(ctx context.Context) error {
	port := s.target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[s.target.Scheme]
	}
	names := s.opts.Addresses
	if len(names) == 0 {
		var err error
		ctx, cancel := context.WithTimeout(ctx, s.opts.Timeout)
		defer cancel()
		names, err = net.DefaultResolver.LookupHost(ctx, s.target.Hostname())
		if err == nil && len(names) == 0 {
			err = &net.DNSError{IsNotFound: true}
		}
		if err != nil {
			return fmt.Errorf("%w: %s: %v", ErrUnreachable, s.target.Hostname(), dnsReason(err))
		}
	}
	s.addresses, s.pinned = nil, len(names) > 1 || len(s.opts.Addresses) > 0
	for _, name := range names {
		if _, _, err := net.SplitHostPort(name); err != nil {
			name = net.JoinHostPort(strings.Trim(name, "[]"), port)
		}
		s.addresses = append(s.addresses, name)
	}
	return nil
}

func dnsReason(err error) string {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		if dns.IsNotFound {
			return "no such host"
		}
		return dns.Err
	}
	return err.Error()
}

// look gets the target for the first time, and follows redirects as far as that is allowed.
func (s *session) look(ctx context.Context) (*answer, error) {
	seen := []string{s.target.String()}
	for {
		a, err := s.reach(ctx)
		shown := capture.RedactURL(s.target.String())
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case a.status == 0:
			return nil, fmt.Errorf("%w: %s: %v", ErrUnreachable, shown, err)
		case err != nil:
			return nil, fmt.Errorf("%w: %s: %v", ErrUnfit, shown, err)
		case a.status == http.StatusOK:
			return a, nil
		}
		next, err := s.redirect(a)
		if err != nil {
			return nil, err
		}
		if slices.Contains(seen, next.String()) {
			return nil, fmt.Errorf("%w: %s answers %d and points to %s, which was there before: these redirects never end",
				ErrUnfit, shown, a.status, capture.RedactURL(next.String()))
		}
		if len(seen) > s.opts.Redirects {
			return nil, fmt.Errorf("%w: %s answers %d and points to %s, and %d redirects may be followed: check that URL, or allow more with --follow",
				ErrUnfit, shown, a.status, capture.RedactURL(next.String()), s.opts.Redirects)
		}
		if next.Host != s.target.Host || next.Scheme != s.target.Scheme {
			// Addresses and credentials are those of the first server.
			s.opts.Addresses, s.opts.Authorization, s.opts.Header = nil, "", nil
		} else if s.came == nil {
			s.came = s.target
		}
		seen, s.target = append(seen, next.String()), next
		if err := s.resolve(ctx); err != nil {
			return nil, err
		}
	}
}

// reach gets the target from the first of its addresses that can be reached, from which everything
// else is got, too.
func (s *session) reach(ctx context.Context) (*answer, error) {
	for s.asked = 0; ; s.asked++ {
		a, err := s.do(ctx, request{method: http.MethodGet})
		if a.status != 0 || ctx.Err() != nil || s.asked+1 >= len(s.addresses) {
			return a, err
		}
	}
}

// first is where everything is sent that does not compare addresses, so that one server answers.
func (s *session) first() string { return s.addresses[s.asked] }

// redirect returns where an answer points to, or an error if it is none.
func (s *session) redirect(a *answer) (*url.URL, error) {
	here := capture.RedactURL(s.target.String())
	if a.status/100 != 3 || !a.has("Location") {
		return nil, fmt.Errorf("%w: %s answers %d: name a resource that can be read with GET%s", ErrUnfit, here, a.status,
			credentialHint(a.status))
	}
	next, err := s.target.Parse(a.header.Get("Location"))
	if err != nil || checkTarget(next) != nil {
		return nil, fmt.Errorf("%w: %s answers %d with a Location that is not an http URL: %q", ErrUnfit, here, a.status,
			a.header.Get("Location"))
	}
	return next, nil
}

func credentialHint(status int) string {
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return ", and give the credentials it needs"
	}
	return ""
}

// ask asks the checks: those that read side by side, as many as there may be connections, then
// those that write one after another.
func (s *session) ask(ctx context.Context, base *answer, scratch *scratch, results []Result) {
	var progress sync.Mutex
	done := 0
	one := func(i int) {
		t := &trial{ctx: ctx, session: s, base: base, scratch: scratch}
		results[i] = t.run(s.opts.Checks[i])
		progress.Lock()
		defer progress.Unlock()
		if done++; s.opts.Progress != nil {
			s.opts.Progress(done, len(results))
		}
	}
	var workers sync.WaitGroup
	next := make(chan int)
	for range s.opts.Connections {
		workers.Go(func() {
			for i := range next {
				one(i)
			}
		})
	}
	for i, c := range s.opts.Checks {
		if !c.Writes {
			next <- i
		}
	}
	close(next)
	workers.Wait()
	s.settle(ctx, results)
	for i, c := range s.opts.Checks {
		if c.Writes {
			one(i)
		}
	}
}

func (t *trial) run(c *Check) Result {
	if c.Writes && t.scratch == nil {
		return t.result(c, inapplicable("nothing may be written: name a resource that does not exist yet with --write-to"))
	}
	if risk := t.risk(c); risk != "" {
		return t.result(c, inapplicable("%s", risk))
	}
	if err := t.reason(); err != nil {
		t.err = err
		return t.result(c, verdict{})
	}
	return t.result(c, c.ask(t))
}

// settle looks at the target again. Failures that rest on what changed while it was asked may be due to
// that.
func (s *session) settle(ctx context.Context, results []Result) {
	s.do(ctx, request{method: http.MethodGet})
	for i := range results {
		r := &results[i]
		if r.Outcome != Failed {
			continue
		}
		if changed := s.changed & r.Check.rests; changed != 0 {
			r.Outcome, r.Rule = NotAsked, ""
			r.Says = fmt.Sprintf("%v changed while it was asked, so that this may be due to that: check a resource that stands still", changed)
		}
	}
}

// compare remembers what of a whole, uncoded answer to a GET of the target is not as it was at
// first. What comes whole though a part was asked for is judged by the checks.
func (s *session) compare(r request, a *answer) {
	if s.base == nil || !r.ofTarget() || r.method != http.MethodGet || a.status != http.StatusOK ||
		r.address != "" && r.address != s.first() || slices.Contains(r.fields, "Accept-Encoding") || slices.Contains(r.fields, "Range") {
		return
	}
	var changed aspects
	if a.field("ETag") != s.base.field("ETag") {
		changed |= byTag
	}
	if a.field("Last-Modified") != s.base.field("Last-Modified") {
		changed |= byDate
	}
	if !a.same(s.base) {
		changed |= byContent
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed |= changed
}
