package logs

import (
	"fmt"
	"strings"

	"github.com/fourtwelve/fourtwelve/accesslog"
	"github.com/fourtwelve/fourtwelve/byterange"
	"github.com/fourtwelve/fourtwelve/diagnose"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// This file judges answers by their line alone.

const (
	possible = diagnose.Possible
	likely   = diagnose.Likely
	certain  = diagnose.Certain
)

// upstream compares the tag that came from the server behind with the one that was sent.
func (w *worker) upstream(e *accesslog.Entry) {
	up, err := etag.Parse(e.Text(accesslog.UpstreamETag))
	if err != nil || up.IsWeak() || e.Cut(accesslog.UpstreamETag) {
		return
	}
	if e.State(accesslog.ETag) == accesslog.Absent {
		w.found.add("proxy-strips-etag", certain, e, func(f *finding) {
			f.says = "the server behind sent the tag " + up.String() + ", and the response went out without any"
			f.evidence = facts(e, accesslog.UpstreamETag, accesslog.ETag, accesslog.ContentEncoding, accesslog.AcceptEncoding)
		})
		return
	}
	if sent, err := etag.Parse(value(e, accesslog.ETag)); err == nil && sent == up.Weak() {
		w.found.add("proxy-weakens-etag", certain, e, func(f *finding) {
			f.says = "the server behind sent the strong tag " + up.String() + ", and it went out as the weak " + sent.String() +
				", which no If-Match can ever match"
			f.evidence = facts(e, accesslog.UpstreamETag, accesslog.ETag, accesslog.ContentEncoding, accesslog.AcceptEncoding)
		})
	}
}

// matches reports whether a tag is among the members by weak comparison, and whether one of these
// is the same to the letter.
func matches(list []etag.Member, tag etag.Tag) (matches, exactly bool) {
	for _, m := range list {
		matches = matches || m.Any || m.Tag.WeakEqual(tag)
		exactly = exactly || m.Tag == tag
	}
	return matches, exactly
}

// notModified looks at a 304 to a GET.
func (w *worker) notModified(e *accesslog.Entry) {
	w.health.NotModified++
	inm := e.State(accesslog.IfNoneMatch)
	if inm == accesslog.Absent && e.State(accesslog.IfModifiedSince) == accesslog.Absent {
		w.found.add("answer-against-standard", likely, e, func(f *finding) {
			f.says = "a 304 to a GET that carried neither If-None-Match nor If-Modified-Since"
			f.evidence = facts(e, accesslog.IfNoneMatch, accesslog.IfModifiedSince, accesslog.ETag)
		})
		return
	}
	sent := value(e, accesslog.ETag)
	if inm != accesslog.Present || sent == "" {
		return
	}
	if sent == e.Text(accesslog.IfNoneMatch) {
		w.missDropped(e)
		return
	}
	tag, err := etag.Parse(sent)
	list := members(e, accesslog.IfNoneMatch)
	if err != nil || len(list) == 0 {
		return
	}
	if ok, _ := matches(list, tag); ok {
		w.missDropped(e)
		return
	}
	w.wrongNotModified(e, list, sent)
}

func (w *worker) wrongNotModified(e *accesslog.Entry, list []etag.Member, sent string) {
	evidence := []accesslog.Field{accesslog.IfNoneMatch, accesslog.ETag, accesslog.IfModifiedSince, accesslog.LastModified}
	for _, m := range list {
		if rel := etag.Relate(m.Raw, sent, etag.Facts{}, etag.Facts{}); rel.Kind == etag.SameButForm {
			w.found.add("not-modified-etag-differs", certain, e, func(f *finding) {
				f.says = "the 304 carries another tag than the one it confirms: " + keep(rel.String())
				f.evidence = facts(e, evidence...)
			})
			return
		}
	}
	rule, says := "not-modified-etag-differs", "the 304 carries "+keep(sent)+
		", which is not among the tags the client named: its copy is another version"
	if e.State(accesslog.IfModifiedSince) == accesslog.Present {
		rule = "ims-evaluated-despite-inm"
		says = "no tag in If-None-Match is the current " + keep(sent) + ", and still the answer is 304: the server went by If-Modified-Since, which does not count beside If-None-Match"
	}
	w.found.add(rule, likely, e, func(f *finding) {
		f.says, f.evidence = says, facts(e, evidence...)
	})
}

// unneeded looks at a 200 to a GET with If-None-Match.
func (w *worker) unneeded(e *accesslog.Entry, size int64) {
	tag, err := etag.Parse(value(e, accesslog.ETag))
	if err != nil {
		return
	}
	ok, exactly := matches(members(e, accesslog.IfNoneMatch), tag)
	if !ok {
		return
	}
	w.health.Ignored++
	w.health.IgnoredBytes += size
	rule, c, says := "answer-against-standard", certain, "If-None-Match names the tag of the response, so the answer had to be 304"
	_, _, marked := tag.SplitCoding()
	switch {
	case strings.Contains(e.Text(accesslog.UserAgent), "Microsoft Office"):
		rule, c = "false-conflict-without-304", likely
		says += "; Office takes a 200 here for a change by somebody else"
	case !exactly:
		rule = "inm-compared-strongly"
		says = "If-None-Match names the tag of the response but for W/, which does not count there, so the answer had to be 304"
	case storedMark(e) != "":
		rule, c = "cdn-ignores-client-etag", likely
		says = "a cache sent the whole from what it had stored, though If-None-Match names its very tag: it does not compare tags"
	case marked:
		rule, c = "compression-suffix-not-stripped", likely
		says += "; the tag has the mark of a content coding, which the server adds to responses and does not know in requests"
	}
	w.found.add(rule, c, e, func(f *finding) {
		f.says, f.evidence = says, facts(e, accesslog.IfNoneMatch, accesslog.ETag, accesslog.ContentEncoding, accesslog.Cache,
			accesslog.UserAgent)
	})
}

// partial looks at a 206.
func (w *worker) partial(e *accesslog.Entry, g *get) {
	if at, timed := e.UnixNano(); timed {
		w.parts.note(g.download(e)^programOf(e), at)
	}
	if e.State(accesslog.Range) != accesslog.Present {
		return
	}
	w.health.Ranges++
	first, open := firstByte(value(e, accesslog.Range))
	switch {
	case e.State(accesslog.IfRange) == accesslog.Present:
		if open && asksForLastByte(e) {
			w.lastByte(e, "and it is")
		}
		w.ifRange(e)
	case open && first > 0 && absent(e, accesslog.IfRange, accesslog.IfMatch, accesslog.IfUnmodifiedSince):
		w.found.add("no-validator-resume", possible, e, func(f *finding) {
			f.says = "a client asked for the rest of a representation without saying of which version it has the beginning"
			f.evidence = facts(e, accesslog.Range, accesslog.IfRange, accesslog.ETag, accesslog.UserAgent)
		})
	}
	if got, err := byterange.ParseContentRange(value(e, accesslog.ContentRange)); err == nil && !got.Unsatisfied() &&
		first >= 0 && got.Range.Start != first {
		w.found.add("content-range-offset-mismatch", certain, e, func(f *finding) {
			f.says = fmt.Sprintf("the client asked for bytes from %d, and got them from %d", first, got.Range.Start)
			f.evidence = facts(e, accesslog.Range, accesslog.ContentRange)
		})
	}
}

// absent reports whether all of fields are logged, and absent.
func absent(e *accesslog.Entry, fields ...accesslog.Field) bool {
	for _, f := range fields {
		if e.State(f) != accesslog.Absent {
			return false
		}
	}
	return true
}

// ifRange looks at a 206 to a request with If-Range.
func (w *worker) ifRange(e *accesslog.Entry) {
	sent := value(e, accesslog.IfRange)
	wrong := false
	if tag, err := etag.Parse(sent); err == nil {
		current, err := etag.Parse(value(e, accesslog.ETag))
		wrong = err == nil && !tag.StrongEqual(current)
	} else if named, ok := dateOf(e, accesslog.IfRange); ok {
		modified, ok := dateOf(e, accesslog.LastModified)
		wrong = ok && !named.Equal(modified)
	}
	if wrong {
		w.found.add("if-range-ignored", certain, e, func(f *finding) {
			f.says = "If-Range names another version than the one a part was sent of: joined to what the client has, the file is broken"
			f.evidence = facts(e, accesslog.IfRange, accesslog.ETag, accesslog.LastModified, accesslog.Range)
		})
	}
}

// whole looks at a 200 to a request with Range.
func (w *worker) whole(e *accesslog.Entry) {
	w.health.Ranges++
	w.health.Whole++
	evidence := func() []diagnose.Fact {
		return facts(e, accesslog.Range, accesslog.IfRange, accesslog.ETag, accesslog.LastModified, accesslog.ContentEncoding,
			accesslog.UserAgent)
	}
	if asksForLastByte(e) {
		w.lastByte(e, "and it is not: all of the new version is sent")
		return
	}
	sent := value(e, accesslog.IfRange)
	tag, err := etag.Parse(sent)
	switch {
	case sent != "" && err == nil && tag.IsWeak():
		w.found.add("if-range-weak", certain, e, func(f *finding) {
			f.says = "If-Range has the weak tag " + keep(sent) + ", which never matches: each resume begins again"
			f.evidence = evidence()
		})
		return
	case sent != "" && err == nil:
		if w.staleIfRange(e, tag, evidence) {
			return
		}
	case e.State(accesslog.IfRange) == accesslog.Present:
		return // a date, or cut
	}
	if e.State(accesslog.ContentEncoding) == accesslog.Present {
		w.found.add("range-ignored-when-compressed", likely, e, func(f *finding) {
			f.says = "the client asked for a part and got the whole, coded as " + keep(e.Text(accesslog.ContentEncoding))
			f.evidence = evidence()
		})
	} else if sent != "" {
		w.found.add("if-range-etag-unsupported", possible, e, func(f *finding) {
			f.says = "If-Range has the current tag " + keep(sent) + ", and still the whole was sent: the server may not know tags in If-Range, or no ranges at all"
			f.evidence = evidence()
		})
	}
}

// staleIfRange reports whether the tag in If-Range is not the current one, or whether that is not known.
func (w *worker) staleIfRange(e *accesslog.Entry, tag etag.Tag, evidence func() []diagnose.Fact) bool {
	current, err := etag.Parse(value(e, accesslog.ETag))
	if err != nil || tag.StrongEqual(current) {
		return err != nil
	}
	rule, c, says := "full-content-as-designed", certain, "If-Range names "+keep(tag.String())+
		", and the current tag is another: the whole was rightly sent"
	switch rel := etag.Relate(tag.String(), current.String(), etag.Facts{}, known(e)); {
	case rel.Kind == etag.FarmCopies:
		rule, says = copiesRule(rel), "the download cannot go on, for another server has another tag for the same file: "+keep(rel.String())
		c = likely
	case current.IsWeak():
		rule, c = "if-range-weak", certain
		says = "the current tag " + keep(current.String()) + " is weak, so that no If-Range can match it: each resume begins again"
	}
	w.found.add(rule, c, e, func(f *finding) { f.says, f.evidence = says, evidence() })
	return true
}

// asksForLastByte reports whether a cache asks by the last byte of its copy whether that is current, as apt-cacher-ng does.
func asksForLastByte(e *accesslog.Entry) bool {
	return e.State(accesslog.IfRange) == accesslog.Present && strings.Contains(strings.ToLower(e.Text(accesslog.UserAgent)), "apt-cacher")
}

func (w *worker) lastByte(e *accesslog.Entry, how string) {
	w.found.add("revalidated-by-range", likely, e, func(f *finding) {
		f.says = "a cache has the whole file, and asks by its last byte whether that is the current one, " + how
		f.evidence = facts(e, accesslog.Range, accesslog.IfRange, accesslog.UserAgent, accesslog.Status)
	})
}

// unsatisfiable looks at a 416.
func (w *worker) unsatisfiable(e *accesslog.Entry) {
	c, says := possible, "416: a client asked for bytes behind the end; most often it has the file already"
	if asksForLastByte(e) {
		w.lastByte(e, "the file is shorter by now, so it is another version")
		return
	}
	first, open := firstByte(value(e, accesslog.Range))
	there, err := byterange.ParseContentRange(value(e, accesslog.ContentRange))
	sized := err == nil && there.Size >= 0
	switch {
	case sized && first == there.Size:
		c, says = certain, fmt.Sprintf("a client that has all %d bytes asked for the rest: the 416 is right, and the file complete", there.Size)
	case sized || e.State(accesslog.Range) == accesslog.Present && !open:
		return // it asked for something that is not there
	case open:
		c = likely
	}
	w.found.add("resume-of-complete-file", c, e, func(f *finding) {
		f.says, f.evidence = says, facts(e, accesslog.Range, accesslog.ContentRange, accesslog.UserAgent)
		if c < certain {
			f.config = config(e.File())
		}
	})
}

// maybeStartedAgain looks at a 200 shortly after a 206, in a log that does not have Range.
func (w *worker) maybeStartedAgain(e *accesslog.Entry) {
	w.found.add("client-appends-200", diagnose.Insufficient, e, func(f *finding) {
		f.says = "a client that got a part of a file (206) got the whole (200) of it soon after. If that was a resume that was refused and the client appended the whole, its file is broken; the log does not have Range, so nobody can tell"
		f.evidence = facts(e, accesslog.Path, accesslog.UserAgent)
		f.config = config(e.File())
	})
}

// notModifiedWrite looks at a 304 to a method that writes.
func (w *worker) notModifiedWrite(e *accesslog.Entry, m string) {
	if !method.Writes(m) {
		return
	}
	w.found.add("304-for-write", certain, e, func(f *finding) {
		f.says = "the answer to a " + m + " was 304, which is for GET, HEAD and QUERY alone; it had to be 412"
		f.evidence = facts(e, accesslog.Method, accesslog.Status, accesslog.IfNoneMatch, accesslog.ETag)
	})
}

// demanded looks at a 428.
func (w *worker) demanded(e *accesslog.Entry) {
	w.found.add("428-required", certain, e, func(f *finding) {
		f.says = "the server demands a precondition"
		switch {
		case e.Conditional():
			f.says += ", and those that were sent do not count"
		case absent(e, accesslog.IfMatch, accesslog.IfNoneMatch, accesslog.IfUnmodifiedSince):
			f.says += ", and the request has none"
		}
		f.evidence = facts(e, accesslog.Method, accesslog.Status, accesslog.IfMatch, accesslog.IfNoneMatch, accesslog.IfUnmodifiedSince)
	})
}

// badDate looks at the If-Modified-Since of a 200.
func (w *worker) badDate(e *accesslog.Entry) {
	if badDate(e, accesslog.IfModifiedSince) {
		w.found.add("http-date-not-gmt", certain, e, func(f *finding) {
			f.says = "If-Modified-Since is no HTTP-date, and was ignored: " + keep(e.Text(accesslog.IfModifiedSince))
			f.evidence = facts(e, accesslog.IfModifiedSince, accesslog.UserAgent)
		})
	}
}

// badDate reports whether f has a date that is none by RFC 9110 §5.6.7.
func badDate(e *accesslog.Entry, f accesslog.Field) bool {
	v := value(e, f)
	if v == "" {
		return false
	}
	// IE added the length.
	v, _, _ = strings.Cut(v, ";")
	_, ok := date.Parse(v, e.Time())
	return !ok
}

// firstByte is the first position of a single range as in bytes=100-, -1 if there is none; open is set
// if it has no last one.
func firstByte(v string) (first int64, open bool) {
	set, err := byterange.Parse(v)
	if err != nil || set.Len() != 1 || set.At(0).IsSuffix() {
		return -1, false
	}
	return set.At(0).First, set.At(0).IsOpen()
}
