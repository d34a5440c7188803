package client

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/content/patch"
	"github.com/fourtwelve/fourtwelve/internal/field/digest"
)

// keyField is that of draft-ietf-httpapi-idempotency-key.
const keyField = "Idempotency-Key"

// Media types of patches for [Client.Patch].
const (
	MergePatchType = "application/merge-patch+json" // RFC 7396
	JSONPatchType  = patch.JSONPatchType            // RFC 6902
)

// Put writes content under a condition, once: if the condition is false, the error is a [*Conflict] with
// what is there now. It returns what was written, with the validators that the server sent for it; a server
// that sends none has to be read again before the next write. The Representation has no Content if
// that came from Content.Open.
//
// Other errors are an [*UnknownOutcome], a [*ValidatorError] for a condition that can never hold, a
// [*StatusError], ErrConditionsIgnored, ErrRedirect, ErrNoCondition, or what the transport says.
func (c *Client) Put(ctx context.Context, url string, content Content, cond Condition) (Representation, error) {
	return c.write(ctx, &write{method: http.MethodPut, url: url, mine: content, cond: cond})
}

// Create writes content where nothing is yet (If-None-Match: *). If there is something, the error is a
// [*Conflict] with that; other errors are those of Put.
func (c *Client) Create(ctx context.Context, url string, content Content) (Representation, error) {
	return c.Put(ctx, url, content, Absent())
}

// Delete deletes under a condition. The errors are those of Put. What is not there under a condition that
// names a tag is a Conflict, too: another writer has deleted it.
func (c *Client) Delete(ctx context.Context, url string, cond Condition) error {
	_, err := c.write(ctx, &write{method: http.MethodDelete, url: url, cond: cond})
	return err
}

// Patch applies a patch document (RFC 5789) under a condition; its MediaType says of which kind,
// MergePatchType or JSONPatchType if the server is one of ours. The Representation it returns has no
// content. The errors are those of Put.
func (c *Client) Patch(ctx context.Context, url string, document Content, cond Condition) (Representation, error) {
	return c.write(ctx, &write{method: http.MethodPatch, url: url, mine: document, cond: cond})
}

// write is one change that is to be made at most once.
type write struct {
	method, url string
	cond        Condition
	base        Representation
	mine        Content
	prefer      bool // ask for the current representation with a 412

	key string
	// lost is how the answer of an earlier sending was lost; nil if each was answered.
	lost     error
	attempts int
	problem  *condhttp.Problem
}

// write makes the change, and sends it as often as it takes to know what became of it.
func (c *Client) write(ctx context.Context, w *write) (Representation, error) {
	if err := w.cond.check(); err != nil {
		return Representation{}, fmt.Errorf("%s %s: %w", w.method, shown(w.url), err)
	}
	if err := w.mine.measure(); err != nil {
		return Representation{}, err
	}
	if w.cond.field != "" {
		if err := c.checked(ctx, w.url); err != nil {
			return Representation{}, err
		}
	}
	w.key = newKey()
	for {
		w.attempts++
		s := c.sendWrite(ctx, w)
		r, done, err := c.react(ctx, w, s)
		if done {
			return r, err
		}
		if w.attempts >= c.attempts() {
			return r, w.giveUp(s)
		}
		e := Event{Method: w.method, URL: shown(w.url), Attempt: w.attempts, Err: s.err}
		if s.wait > 0 {
			err = c.wait(ctx, e, s.wait)
		} else {
			err = c.backoff(ctx, e)
		}
		if err != nil {
			return r, w.giveUp(sent{err: err})
		}
	}
}

// end is how one sending of a write ended.
type end uint8

const (
	made      end = iota // 2xx
	refused              // the condition is false
	contested            // it met another one, and was not made; the condition may be true or false
	busy                 // it was not made, and may be sent again
	lost                 // it may have been made
	failed               // it was not made, and never will be
)

// sent is what came of one sending of a write.
type sent struct {
	end    end
	answer *answer // of made; its body is closed
	err    error   // of all others
	theirs *Representation
	wait   time.Duration
	// notMade says that the server, which keeps answers by their keys, has none of a write that was made.
	notMade bool
	// tooLong says that the server asks for a longer wait than is allowed.
	tooLong bool
}

// react says what follows from one sending: an end, or another attempt.
func (c *Client) react(ctx context.Context, w *write, s sent) (r Representation, done bool, err error) {
	switch s.end {
	case made:
		return w.written(s.answer), true, nil
	case failed:
		if w.lost != nil {
			return c.settle(ctx, w, true) // an earlier one may have been made all the same
		}
		return Representation{}, true, s.err
	case refused:
		if w.lost != nil && !s.notMade {
			return c.settle(ctx, w, true)
		}
		return Representation{}, true, c.conflict(ctx, w, s.theirs)
	case contested:
		return c.contest(ctx, w)
	case lost:
		w.lost = s.err
		if r, done, err = c.settle(ctx, w, false); !done && s.tooLong {
			return r, true, s.err
		}
		return r, done, err
	}
	return Representation{}, false, nil
}

// contest says what follows from a 409 of S3: another write was under way at the same time.
func (c *Client) contest(ctx context.Context, w *write) (r Representation, done bool, err error) {
	if w.lost != nil {
		return c.settle(ctx, w, false)
	}
	now, err := c.current(ctx, w.url)
	if err == nil && w.repeatable(now) {
		return r, false, nil
	}
	e := c.conflict(ctx, w, &now)
	e.TheirsErr = err
	return r, true, e
}

// giveUp is the error after the last attempt.
func (w *write) giveUp(s sent) error {
	if w.lost == nil {
		return s.err
	}
	return w.unknown(nil, nil)
}

// sendWrite sends the write once.
func (c *Client) sendWrite(ctx context.Context, w *write) sent {
	k, err := c.newCall(w.method, w.url)
	if err != nil {
		return sent{end: failed, err: err}
	}
	w.setFields(k)
	if !c.NoKeys {
		k.header.Set(keyField, `"`+w.key+`"`)
	}
	a, err := c.send(ctx, k)
	switch {
	case err == nil:
		return w.judge(c, a)
	case errors.Is(err, ErrRedirect):
		return sent{end: failed, err: err}
	case neverSent(err) && w.lost == nil:
		return sent{end: failed, err: err}
	}
	return sent{end: lost, err: err}
}

// setFields sets the content and its fields, and the condition.
func (w *write) setFields(k *call) {
	for name, values := range w.mine.Header {
		k.header[http.CanonicalHeaderKey(name)] = values
	}
	w.cond.set(k.header)
	if w.prefer {
		k.header.Set("Prefer", "return=representation")
	}
	if w.method == http.MethodDelete {
		return
	}
	k.content = &w.mine
	if w.mine.MediaType != "" {
		k.header.Set("Content-Type", w.mine.MediaType)
	}
	if w.mine.Coding != "" {
		k.header.Set("Content-Encoding", w.mine.Coding)
	}
	field := "Repr-Digest"
	if w.method == http.MethodPatch {
		field = "Content-Digest" // of the patch, not of a representation (RFC 9530 §3.1)
	}
	k.header.Set(field, digest.Format(digest.SHA256, w.mine.sum[:]))
}

// judge says what an answer to the write means, and closes it.
func (w *write) judge(c *Client, a *answer) sent {
	switch {
	case a.StatusCode < 300:
		discard(a.Body)
		return sent{end: made, answer: a}
	case a.StatusCode == http.StatusPreconditionFailed && a.Header.Get("Preference-Applied") == "return=representation":
		r, err := c.representation(http.MethodGet, a)
		if err != nil {
			return sent{end: refused, notMade: saysNotMade(a)}
		}
		return sent{end: refused, theirs: &r, notMade: saysNotMade(a)}
	}
	e, content := readRefusal(w.method, a)
	s := sent{end: failed, err: e, wait: e.RetryAfter, notMade: saysNotMade(a)}
	w.problem = e.Problem
	switch {
	case e.Status == http.StatusPreconditionFailed:
		s.end = refused
	case isS3Conflict(e.Status, content):
		s.end = contested
	case (e.Status == http.StatusNotFound || e.Status == http.StatusGone) && w.cond.field == "If-Match":
		s.end = refused // S3, and others, for what is not there
	case e.Status == http.StatusTooManyRequests, e.Status == http.StatusLocked && e.RetryAfter > 0, e.isUnderway():
		s.end = busy
	case e.Status == http.StatusConflict && content == nil:
		s.end = lost // it broke off before it said which conflict it is
	case isPassing(e.Status):
		s.end = lost // 500 and 502 to 504 come of a gateway, too, behind which it may have been made
	}
	if s.wait > c.maxWait() {
		s.wait, s.tooLong = 0, true
	}
	if s.tooLong && s.end == busy {
		s.end = failed
	}
	return s
}

// saysNotMade reports whether a refusal is of a server that keeps the answers to writes by their keys, and that has
// made none with this key. What was under way earlier cannot be made any more: its condition is false.
func saysNotMade(a *answer) bool { return a.Header.Get("Idempotent-Replayed") == "false" }

// isUnderway reports whether the server says that a request with the same key has not ended yet.
func (e *StatusError) isUnderway() bool {
	return e.Status == http.StatusConflict && e.Problem != nil && e.Problem.Reason == "idempotency-key-in-use"
}

// written is what the write has made.
func (w *write) written(a *answer) Representation {
	r := Representation{URL: a.url, Exists: w.method != http.MethodDelete}
	if r.setValidators(a.Header, time.Now()); !r.Exists {
		r.RawTag, r.Tag, r.LastModified = "", etag.Tag{}, time.Time{}
	}
	if w.method == http.MethodPut {
		r.Content, r.MediaType, r.Coding = w.mine.Bytes, w.mine.MediaType, w.mine.Coding
	}
	return r
}

// conflict is the error for a condition that is false. What is there now comes from the refusal, if
// that carries it, and else is read.
func (c *Client) conflict(ctx context.Context, w *write, theirs *Representation) *Conflict {
	e := &Conflict{
		Method: w.method, URL: shown(w.url), Condition: w.cond, Base: w.base, Mine: w.mine, Attempts: w.attempts, Problem: w.problem,
	}
	if theirs != nil {
		e.Theirs = *theirs
	} else {
		e.Theirs, e.TheirsErr = c.current(ctx, w.url)
	}
	return e
}

// settle finds out what became of a write whose answer was lost. answered says that it was sent again since
// and refused.
func (c *Client) settle(ctx context.Context, w *write, answered bool) (r Representation, done bool, err error) {
	now, err := c.current(ctx, w.url)
	if err != nil {
		return r, true, w.unknown(nil, err)
	}
	if c.Recognise != nil {
		switch c.Recognise(now, w.mine) {
		case Made:
			return w.found(now), true, nil
		case NotMade:
			if !w.repeatable(now) {
				return r, true, c.conflict(ctx, w, &now)
			}
		}
	}
	switch {
	case w.repeatable(now):
		return r, false, nil
	case w.mine.Unique && w.isIn(now):
		return w.found(now), true, nil
	case !answered && !c.NoKeys && w.guarded():
		return r, false, nil // with the same key: the first answer comes again, or a refusal
	}
	return r, true, w.unknown(&now, nil)
}

// guarded reports whether the write cannot be made on another state than the one it is meant for.
func (w *write) guarded() bool { return w.cond.field != "" && w.cond != Exists() }

// repeatable reports whether the state is still the one that the condition names, so that the write can be
// sent again: it was not made, or if it still is under way, only one of the two can be.
func (w *write) repeatable(now Representation) bool { return w.guarded() && w.cond.holds(now) }

// isIn reports whether r is what the write sends, byte for byte.
func (w *write) isIn(r Representation) bool {
	return w.method == http.MethodPut && r.Exists && r.Coding == w.mine.Coding &&
		int64(len(r.Content)) == w.mine.size && sha256.Sum256(r.Content) == w.mine.sum
}

// found is what the write has made, as it was found afterwards. The validators are those of now, if it is
// still that.
func (w *write) found(now Representation) Representation {
	if w.isIn(now) || w.method != http.MethodPut {
		return now
	}
	return Representation{URL: now.URL, Exists: true, Content: w.mine.Bytes, MediaType: w.mine.MediaType, Coding: w.mine.Coding}
}

// unknown is the error for a write of which nothing more can be found out.
func (w *write) unknown(now *Representation, nowErr error) error {
	e := &UnknownOutcome{
		Method: w.method, URL: shown(w.url), Condition: w.cond, Key: w.key, Base: w.base, Mine: w.mine, NowErr: nowErr, Cause: w.lost,
	}
	if now != nil {
		e.Now, e.SameContent = *now, w.isIn(*now)
	}
	return e
}

// newKey returns 128 random bits in base64url.
func newKey() string {
	var b [16]byte
	_, _ = io.ReadFull(rand.Reader, b[:]) // never fails
	return base64.RawURLEncoding.EncodeToString(b[:])
}
