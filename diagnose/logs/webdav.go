package logs

import (
	"errors"
	"net/http"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/precondition/ifheader"
)

// webdav looks at what WebDAV alone answers (RFC 4918 §11), and at the field If of what was not refused with 412.
func (w *worker) webdav(e *accesslog.Entry, status int) {
	if status == http.StatusLocked || status == http.StatusFailedDependency {
		w.lockedOrFailed(e, status)
	}
	if status == http.StatusPreconditionFailed || e.State(accesslog.If) != accesslog.Present {
		return
	}
	if fault := malformedIf(e); fault != nil {
		w.found.add("webdav-if-malformed", likely, e, func(f *finding) {
			f.says, f.evidence = malformedSays(fault), facts(e, accesslog.If, accesslog.Status, accesslog.UserAgent)
		})
	}
}

// lockedOrFailed looks at a 423 or 424.
func (w *worker) lockedOrFailed(e *accesslog.Entry, status int) {
	rule, says := "webdav-locked", "a write was refused, since what it would change is locked"
	switch {
	case status == http.StatusFailedDependency:
		rule, says = "webdav-failed-dependency", "a request was not done, since another one that it depends on failed"
	case e.Text(accesslog.Method) == "LOCK":
		rule, says = "webdav-lock-conflict", "a LOCK was refused, since another lock is in the way"
	}
	w.found.add(rule, certain, e, func(f *finding) {
		f.says, f.evidence = says, facts(e, accesslog.Method, accesslog.Status, accesslog.If, accesslog.UserAgent)
	})
}

// malformedIf says what is wrong with the field If, or is nil. A value without its end may have been cut by the log.
func malformedIf(e *accesslog.Entry) *ifheader.SyntaxError {
	_, err := ifheader.Parse([]string{value(e, accesslog.If)})
	fault, ok := errors.AsType[*ifheader.SyntaxError](err)
	if !ok || fault.Fault == ifheader.Unclosed || fault.Fault == ifheader.Empty || fault.Fault == ifheader.TooLong {
		return nil
	}
	return fault
}

func malformedSays(fault *ifheader.SyntaxError) string {
	return "the field If is not in the form that WebDAV gives it: " + fault.Fault.String()
}

// lockEnded: the lock whose token the client sent had ended before.
func (r *refusal) lockEnded() *finding {
	if !r.has(accesslog.If) || r.has(accesslog.IfMatch) {
		return nil
	}
	for w := range r.a.history.of(r.target) {
		if !w.done() {
			continue
		}
		switch {
		case w.method == "LOCK":
			return nil
		case w.method == "UNLOCK" && w.who.is(r.who):
			return r.finding("webdav-lock-ended", likely,
				"the client itself had ended its lock with UNLOCK "+say(w.ago(r.at))+" before", w.fact("UNLOCK"))
		case w.method == "DELETE", w.method == "MOVE":
			return r.finding("webdav-lock-ended", likely,
				w.method+" had taken the resource away "+say(w.ago(r.at))+" before, and its locks with it", w.fact(w.method))
		}
	}
	return nil
}

// malformedIf: the field If cannot be read, so that no server can evaluate it.
func (r *refusal) malformedIf() *finding {
	if !r.has(accesslog.If) {
		return nil
	}
	fault := malformedIf(r.e)
	if fault == nil {
		return nil
	}
	return r.finding("webdav-if-malformed", likely, malformedSays(fault))
}
