package probe

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/capture"
)

// scratch is the resource that may be written to. Checks that write are asked one after another, so
// one goroutine uses it at a time.
type scratch struct {
	*session
	url *url.URL
	// collection holds it, and what else is needed; nil if Options.WriteTo names no collection.
	collection *collection

	// drafts are what is put there, and opening what it is created with.
	drafts
	opening string

	// ours is set once a write has created it: only then is it written to without a condition, and
	// removed. unsure is set while that cannot be told.
	ours, unsure bool
	// refusals is how many writes were refused, and done has those of them that were performed
	// nevertheless.
	refusals int
	done     []string
	// denied is why nothing can be put there, and kept why nothing can be deleted; "" if that is not so.
	denied, kept string
	// demanding is set if the server wants a precondition with every write (RFC 6585 §3).
	demanding bool
	// weak and dateless are set once it was waited in vain for a strong entity tag and for a
	// modification date.
	weak, dateless bool
}

// drafts are the contents of the scratch resource: what was there before, what is there, and what
// is written.
type drafts struct {
	older, before, written string
	kind                   string // media type
	// given is set if they are those of Options.Contents: then the server may take no others.
	given bool
}

// drafts are those to write. Without Options.Contents each has another length, so that tags made of
// length and second differ.
func (o *Options) drafts() drafts {
	d := drafts{older: "an older draft", before: "a draft", written: "what another writer saves", kind: cmp.Or(o.ContentType, "text/plain")}
	if c := o.Contents; len(c) > 1 {
		d.before, d.written, d.older, d.given = string(c[0]), string(c[1]), string(c[len(c)-1]), true
	}
	return d
}

// newScratch returns one that is created with content nobody else has, so that it can be told whose
// it is.
func (s *session) newScratch(to *url.URL) *scratch {
	d := s.opts.drafts()
	opening := d.before
	if !d.given {
		opening = "a draft to begin with, number " + s.token
	}
	return &scratch{session: s, url: to, drafts: d, opening: opening}
}

// isOurs reports whether an answer has what the resource was created with, though the server may
// have added to it.
func (s *scratch) isOurs(a *answer) bool {
	return a.successful() && (string(a.content) == s.opening || !s.given && strings.Contains(string(a.content), s.token))
}

// moment is how long to wait for validators that a server gives only to what did not change in the
// second that runs: a little more than that. A server that dates two writes in one second apart
// needs two.
const moment = 1100 * time.Millisecond

// lockTries is how often a write is sent while the resource is locked, by one before it that the
// server has not given up yet, and lockPause how long to wait in between.
const (
	lockTries = 10
	lockPause = 300 * time.Millisecond
)

// openScratch makes sure that what may be written to does not exist. It returns nil if nothing may be.
func (s *session) openScratch(ctx context.Context) (*scratch, error) {
	to := s.opts.WriteTo
	if to == nil {
		return nil, nil
	}
	if err := checkTarget(to); err != nil {
		return nil, err
	}
	a, err := s.do(ctx, request{method: http.MethodGet, url: to})
	shown := capture.RedactURL(to.String())
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case a.status == 0:
		return nil, fmt.Errorf("%w: %s: %v", ErrUnreachable, shown, err)
	case a.missing() && strings.HasSuffix(to.Path, "/"):
		return s.newCollection(to), nil
	case a.missing():
		return s.newScratch(to), nil
	case a.status/100 == 2:
		return nil, fmt.Errorf("%w: %s: nothing was written; name a resource that does not exist yet", ErrExists, shown)
	}
	return nil, fmt.Errorf("%w: %s answers %d, so that it is not sure that it does not exist; nothing was written%s", ErrUnfit, shown,
		a.status, credentialHint(a.status))
}

// close removes what was written, and reports whether nothing is left. Neither a stop nor the
// budget keeps from that; but a server that wants to be left alone gets no more than one DELETE,
// after a look if it must be told first whose it is.
func (s *scratch) close(ctx context.Context) bool {
	switch {
	case s != nil && s.collection != nil:
		return s.closeCollection(ctx)
	case s == nil || !s.ours && !s.unsure:
		return true
	}
	reason := s.resume(4)
	defer s.stop(reason)
	if s.unsure {
		a, _ := s.do(ctx, request{method: http.MethodGet, url: s.url})
		if s.ours = s.isOurs(a); !s.ours {
			return a.missing() || a.successful() // nobody's, or somebody else's
		}
	}
	a, _ := s.do(ctx, s.removal())
	if reason != nil {
		return a.successful() || a.missing()
	}
	if a.status == http.StatusPreconditionRequired {
		s.demanding = true
		s.do(ctx, s.removal())
	}
	a, _ = s.do(ctx, request{method: http.MethodGet, url: s.url})
	return a.missing()
}

// resume lets n more requests be sent even after a stop, and returns its reason.
func (s *scratch) resume(n int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason := s.stopped
	s.stopped = nil
	s.opts.Budget += n
	return reason
}

// removal is the DELETE of what is there, whatever it is.
func (s *scratch) removal() request {
	return s.writing(http.MethodDelete, "", s.guard()...)
}

// guard is the condition that is true of whatever is there, if the server wants one.
func (s *scratch) guard() []string {
	if s.demanding {
		return []string{"If-Match", "*"}
	}
	return nil
}

// missing reports whether the answer says that there is nothing.
func (a *answer) missing() bool {
	return a.status == http.StatusNotFound || a.status == http.StatusGone
}

// successful reports whether the status is 2xx.
func (a *answer) successful() bool { return a.status/100 == 2 }

// unasked: what the check presumes could not be brought about.
func unasked(format string, args ...any) *verdict {
	return &verdict{outcome: NotAsked, says: fmt.Sprintf(format, args...)}
}

// writing is the request to the scratch resource with content, unless that is "", and fields.
func (s *scratch) writing(method, content string, fields ...string) request {
	r := request{method: method, url: s.url, fields: fields}
	if content != "" {
		r.content = []byte(content)
		if !slices.Contains(fields, "Content-Type") {
			r.fields = append([]string{"Content-Type", s.kind}, fields...)
		}
	}
	return r
}

// put sends a PUT to the scratch resource with fields, which are names and values in turn.
func (t *trial) put(content string, fields ...string) *answer {
	return t.do(t.scratch.writing(http.MethodPut, content, fields...))
}

// delete sends a DELETE as put does a PUT.
func (t *trial) delete(fields ...string) *answer {
	return t.do(t.scratch.writing(http.MethodDelete, "", fields...))
}

// read sends a GET as put does a PUT.
func (t *trial) read(fields ...string) *answer {
	return t.do(t.scratch.writing(http.MethodGet, "", fields...))
}

// overwrite puts content whatever is there, for what comes after it: it is no question.
func (t *trial) overwrite(content string, fields ...string) *answer {
	a := t.overwriteNow(content, fields...)
	for try := 1; try < lockTries && a.status == http.StatusLocked; try++ {
		t.pause(lockPause)
		a = t.overwriteNow(content, fields...)
	}
	return a
}

func (t *trial) overwriteNow(content string, fields ...string) *answer {
	s := t.scratch
	if !s.demanding {
		a := t.put(content, fields...)
		if a.status != http.StatusPreconditionRequired {
			return a
		}
		s.demanding = true
	}
	a := t.put(content, append([]string{"If-Match", "*"}, fields...)...)
	if a.status == http.StatusPreconditionFailed {
		a = t.put(content, append([]string{"If-None-Match", "*"}, fields...)...)
	}
	return a
}

// begin creates the scratch resource, with a condition, so that nothing that somebody else made is ever
// overwritten. It returns why checks that write do not apply, or nil.
func (t *trial) begin() *verdict {
	s := t.scratch
	if !s.ours && s.denied == "" {
		t.makeCollection()
	}
	if !s.ours && s.denied == "" {
		t.create()
	}
	if s.denied != "" {
		v := inapplicable("%s", s.denied)
		return &v
	}
	return nil
}

// create puts the first content there. What is there afterwards tells whether it was stored,
// whatever the answer.
func (t *trial) create() {
	s := t.scratch
	if s.unsure { // the answer to a write before was lost
		if s.ours = s.isOurs(t.read()); s.ours || t.err != nil {
			s.unsure = !s.ours
			return
		}
	}
	s.unsure = true
	a := t.put(s.opening, "If-None-Match", "*")
	now := t.read()
	if a.status == http.StatusPreconditionFailed && now.missing() {
		a = t.put(s.opening)
		now = t.read()
	}
	stored := s.isOurs(now)
	s.ours = stored || a.successful()
	s.unsure = !s.ours && (now.status == 0 || a.status/100 == 5 && !now.missing())
	switch {
	case a.refuses() && stored:
		s.wasDone(a)
	case !a.successful():
		s.denied = denial(a, now)
	case !now.successful():
		s.denied = fmt.Sprintf("PUT gets %d, but nothing can be read there after it", a.status)
	}
}

// refuses reports whether the answer tells a client that its write was not made.
func (a *answer) refuses() bool {
	return a.status/100 == 4 || a.status == http.StatusNotModified
}

// wasDone remembers a write that was refused, and performed nevertheless.
func (s *scratch) wasDone(write *answer) {
	s.done = append(s.done, fmt.Sprintf("%s got %d", write.asked(), write.status))
}

// asked says what the answer was to, as in "PUT with If-None-Match: *".
func (a *answer) asked() string {
	if a.x == nil {
		return "a request"
	}
	said := a.x.Request.Method
	for l := range a.x.Request.Header.Lines() {
		if strings.HasPrefix(l.Name, "If-") {
			said += fmt.Sprintf(" with %s: %s", l.Name, l.Value)
		}
	}
	return said
}

// denial says what an answer to the first PUT means; now is what a GET then got.
func denial(a, now *answer) string {
	switch a.status {
	case http.StatusUnauthorized:
		return fmt.Sprintf("PUT gets %d: give the credentials that writing needs", a.status)
	case http.StatusForbidden:
		return fmt.Sprintf("PUT gets %d: give the credentials that writing needs, or with --content what the server takes", a.status)
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity:
		return fmt.Sprintf("PUT gets %d: give two contents that the server takes, with --content and --content-type", a.status)
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusNotFound:
		allowed := ""
		if a.has("Allow") {
			allowed = ", Allow: " + a.field("Allow")
		}
		return fmt.Sprintf("the server takes no PUT there (%d%s)", a.status, allowed)
	case http.StatusConflict:
		return "PUT gets 409: name a resource in a folder that exists"
	case http.StatusPreconditionFailed:
		if !now.missing() {
			return "somebody else created that resource meanwhile: nothing was written"
		}
	}
	return fmt.Sprintf("PUT gets %d", a.status)
}

// place puts content and returns what a GET then gets. If that cannot be done it returns a verdict
// as well.
func (t *trial) place(content string, fields ...string) (*answer, *verdict) {
	if v := t.begin(); v != nil {
		return &answer{}, v
	}
	put := t.overwrite(content, fields...)
	now := t.read()
	switch {
	case !put.successful():
		return now, unasked("content had to be put there first, and that got %s", put)
	case now.status != http.StatusOK:
		return now, unasked("content was put there first, and then GET got %s", now)
	}
	return now, nil
}

// clear makes sure that the scratch resource does not exist, and returns what a GET gets. If that
// cannot be done it returns a verdict as well.
func (t *trial) clear() (*answer, *verdict) {
	if v := t.begin(); v != nil {
		return &answer{}, v
	}
	s := t.scratch
	if s.kept == "" {
		a := t.do(s.removal())
		if a.status == http.StatusPreconditionRequired {
			s.demanding = true
			a = t.do(s.removal())
		}
		now := t.read()
		if now.missing() {
			return now, nil
		}
		if t.err != nil {
			return now, unasked("")
		}
		s.kept = noDelete(a)
	}
	v := inapplicable("%s", s.kept)
	return &answer{}, &v
}

// whenStrong returns an answer with a strong entity tag, if a moment brings one: some servers call
// that of a fresh file weak. now is the last answer.
func (t *trial) whenStrong(now *answer) *answer {
	return t.later(now, &t.scratch.weak, func(a *answer) bool { return a.tag().IsZero() || !a.tag().IsWeak() })
}

// whenDated returns an answer with a modification date, if a moment brings one: some servers
// withhold it while the second runs. now is the last answer.
func (t *trial) whenDated(now *answer) *answer {
	return t.later(now, &t.scratch.dateless, func(a *answer) bool { return !a.time("Last-Modified").IsZero() })
}

// later waits two moments at most, and looks again after each, unless now will do or that was in
// vain before.
func (t *trial) later(now *answer, vain *bool, fit func(*answer) bool) *answer {
	if *vain {
		return now
	}
	for range 2 {
		if t.err != nil || fit(now) {
			return now
		}
		t.pause(moment)
		now = t.read()
	}
	*vain = !fit(now)
	return now
}

// pause waits, if the run goes on.
func (t *trial) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
	}
}

// blamed names the rule of package diagnose that is the cause if the check failed and has none yet.
func (v verdict) blamed(rule string) verdict {
	if v.outcome == Failed && v.rule == "" {
		v.rule = rule
	}
	return v
}

// untouched judges a write that must not be performed on what was there.
func (t *trial) untouched(was, write *answer) verdict {
	after := t.read()
	changed := after.missing() != was.missing() || !was.missing() && !after.same(was)
	if write.refuses() {
		t.scratch.refusals++
	}
	switch what := effect(was, after); {
	case changed && write.successful():
		return wrong("the server answers %s and %s", write, what).because("precondition-ignored")
	case changed:
		return t.doneThough(write, what)
	case write.successful():
		return wrong("the server answers %s, although nothing was changed", write)
	}
	return right("%s, and nothing was changed", write)
}

// effect is what was done, if anything was.
func effect(was, after *answer) string {
	switch {
	case was.missing():
		return "creates it"
	case after.missing():
		return "deletes it"
	}
	return "changes it"
}

// doneThough judges a write that was performed although the answer says otherwise.
func (t *trial) doneThough(write *answer, what string) verdict {
	v := wrong("the server answers %s, but %s nevertheless", write, what)
	if !write.refuses() {
		return v
	}
	t.scratch.wasDone(write)
	v.says += ": the write is refused, and done"
	return v.because("precondition-evaluated-after-write")
}

// performed judges a write that must be performed on what was there.
func (t *trial) performed(was, write *answer) verdict {
	after := t.read()
	if write.refuses() {
		t.scratch.refusals++
	}
	changed := after.missing() != was.missing() || !was.missing() && !after.same(was)
	switch {
	case !write.successful() && changed && after.status != 0:
		return t.doneThough(write, effect(was, after))
	case !write.successful():
		return wrong("the server refuses with %s", write)
	case !changed:
		return wrong("the server answers %s, but nothing was changed", write)
	}
	return right("%s", write)
}

func writeChecks() []*Check {
	checks := slices.Concat(putChecks, guardedChecks(), raceChecks, davChecks(), refusalChecks)
	for _, c := range checks {
		c.Writes = true
	}
	return checks
}
