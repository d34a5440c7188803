package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// preferUpTo is the size, in bytes, up to which Update asks for the current representation with a refusal:
// a server may send it back with a success, too.
const preferUpTo = 64 << 10

// Update reads the resource, calls change with what it read, and writes what that returns, on the
// condition that what was read is still there. If another writer was first, it begins again with what is
// there now, after a random wait, up to Attempts times; then the error is a [*Conflict].
//
// change is called with a Representation whose Exists is false if there is nothing: what it returns is
// then created. If it returns the same content, nothing is written. Its error ends the update and is
// returned as it is. It may be called several times, and must not rely on an earlier call.
//
// Update returns what was written, as Put does. Other errors are those of Get and Put; and a
// [*ValidatorError], before change is called, if a write could not be guarded. If the read was redirected
// to another origin, that is ErrRedirect: the write would have to go there.
func (c *Client) Update(ctx context.Context, url string, change func(old Representation) (Content, error)) (Representation, error) {
	old, err := c.readToWrite(ctx, url)
	if err != nil {
		return Representation{}, err
	}
	futile := 0
	for attempt := 1; ; attempt++ {
		content, err := change(old)
		if err != nil {
			return Representation{}, err
		}
		if old.holds(&content) {
			return old, nil
		}
		written, err := c.replace(ctx, url, old, content)
		var conflict *Conflict
		if err == nil || !errors.As(err, &conflict) || conflict.TheirsErr != nil {
			return written, err
		}
		if conflict.Attempts = attempt; attempt >= c.attempts() {
			return Representation{}, err
		}
		theirs, err := c.afterConflict(ctx, url, old, conflict, &futile)
		if err != nil {
			return Representation{}, err
		}
		old = theirs
	}
}

// holds reports whether r is what content would make it, and fills in what content leaves open.
func (r Representation) holds(content *Content) bool {
	if content.MediaType == "" {
		content.MediaType = r.MediaType
	}
	return r.Exists && content.Open == nil && bytes.Equal(r.Content, content.Bytes) &&
		content.Coding == r.Coding && content.MediaType == r.MediaType
}

// replace writes content in the place of old, with the credentials in url.
func (c *Client) replace(ctx context.Context, url string, old Representation, content Content) (Representation, error) {
	cond, err := old.condition(c.LenientTags)
	if err != nil {
		return Representation{}, err
	}
	if err := content.measure(); err != nil {
		return Representation{}, err
	}
	return c.write(ctx, &write{
		method: http.MethodPut, url: withUser(old.URL, url), cond: cond, base: old, mine: content,
		prefer: content.size <= preferUpTo && int64(len(old.Content)) <= preferUpTo,
	})
}

// maxFutile is how often a server may refuse the very tag that it sends.
const maxFutile = 5

// staleAfter is how long what came with a refusal is good for another attempt: among many writers another one has
// come meanwhile, and the attempt would be in vain.
const staleAfter = 8 * time.Millisecond

// afterConflict waits, and returns what the next attempt begins with.
func (c *Client) afterConflict(
	ctx context.Context, url string, old Representation, conflict *Conflict, futile *int,
) (Representation, error) {
	theirs := conflict.Theirs
	if same := theirs.Exists == old.Exists && theirs.RawTag == old.RawTag && bytes.Equal(theirs.Content, old.Content); !same {
		*futile = 0
	} else if *futile++; *futile == maxFutile {
		return theirs, &ValidatorError{Representation: theirs, Reason: fmt.Sprintf(
			"the server refuses %s although it sends this itself, and nothing has changed", conflict.Condition)}
	}
	e := Event{Method: conflict.Method, URL: conflict.URL, Attempt: conflict.Attempts, Err: conflict}
	wait := c.jitter(e)
	if err := c.wait(ctx, e, wait); err != nil {
		return theirs, errors.Join(conflict, err)
	}
	_, err := theirs.condition(c.LenientTags)
	if err != nil || theirs.EndUnknown || wait > staleAfter {
		return c.readToWrite(ctx, url)
	}
	return theirs, nil
}

// The wait until a resource that was modified just now has a strong validator, and how often it may be in vain
// although nobody has modified it again.
const (
	ripening     = 1100 * time.Millisecond
	maxRipenings = 3
)

// readToWrite reads what a write is to replace. If its validators are weak because it was modified just
// now, it waits and reads again.
func (c *Client) readToWrite(ctx context.Context, url string) (Representation, error) {
	k, err := c.newCall(http.MethodGet, url)
	if err != nil {
		return Representation{}, err
	}
	var before []byte
	inVain := 0
	for n := 1; ; n++ {
		r, err := c.current(ctx, url)
		if err != nil {
			return r, err
		}
		if n > 1 && bytes.Equal(r.Content, before) {
			inVain++
		}
		before = r.Content
		if at, err := c.newCall(http.MethodGet, r.URL); err != nil || at.home != k.home {
			return r, fmt.Errorf("%w: %s is at %s, which is another server; use that URL, if it is meant", ErrRedirect, k.url.Redacted(), r.URL)
		}
		if r.EndUnknown {
			return r, fmt.Errorf("%s: the answer says neither its length nor where it ends, so that it may have been cut", r.URL)
		}
		_, err = r.condition(c.LenientTags)
		if err == nil || !r.becomesStrong() || inVain == maxRipenings || n >= c.attempts() {
			return r, err
		}
		if err := c.wait(ctx, Event{Method: http.MethodGet, URL: r.URL, Attempt: n, Err: err}, ripening); err != nil {
			return r, err
		}
	}
}
