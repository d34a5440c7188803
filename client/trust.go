package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Trust says what is done about servers that ignore the conditions of writes.
type Trust uint8

const (
	// Find asks each server once, before the first write under a condition, and makes no write on one that
	// ignores it: ErrConditionsIgnored. A server whose answer decides nothing, because it does not let
	// such a name be written, is believed.
	Find Trust = iota
	// Believe asks nothing.
	Believe
	// GoOn asks nothing, and is for servers that are known to ignore conditions, and on which updates
	// may be lost.
	GoOn
)

// verdict is what is known of the server at an origin.
type verdict uint8

const (
	unasked verdict = iota
	honours
	undecided
	ignores
)

// checked is the error for a server that ignores conditions. It is asked at most once; if it cannot be
// reached, that is an error, and it is asked again the next time.
func (c *Client) checked(ctx context.Context, rawURL string) error {
	if c.Trust != Find {
		return nil
	}
	k, err := c.newCall(http.MethodPut, rawURL)
	if err != nil {
		return err
	}
	o := c.origin(k.home)
	o.checking.Lock()
	defer o.checking.Unlock()
	if o.verdict == unasked {
		if o.verdict, err = c.ask(ctx, k); err != nil {
			return err
		}
	}
	if o.verdict == ignores {
		return fmt.Errorf("%s: %w: it performed a PUT whose If-Match was false, and updates would be lost", k.home, ErrConditionsIgnored)
	}
	return nil
}

// ask puts a few bytes to a name beside the target that nobody uses, on a condition that is false. See
// the comment of the package on why that is harmless.
func (c *Client) ask(ctx context.Context, target *call) (verdict, error) {
	name := ".fourtwelve-check-" + newKey()
	beside := *target.url
	beside.Path = beside.Path[:strings.LastIndexByte(strings.TrimSuffix(beside.Path, "/"), '/')+1] + name
	beside.RawPath = ""
	var last error
	for attempt := 1; attempt <= min(readAttempts, c.attempts()); attempt++ {
		v, err := c.askOnce(ctx, target, &beside, name)
		if err == nil || v == ignores || ctx.Err() != nil || neverSent(err) {
			return v, err
		}
		last = err
		if err := c.backoff(ctx, Event{Method: http.MethodPut, URL: beside.Redacted(), Attempt: attempt, Err: err}); err != nil {
			return unasked, err
		}
	}
	return unasked, last
}

func (c *Client) askOnce(ctx context.Context, target *call, beside *url.URL, name string) (verdict, error) {
	content := Content{Bytes: []byte("fourtwelve asks whether this server honours If-Match. It may be deleted.\n")}
	if err := content.measure(); err != nil {
		return unasked, err
	}
	k := *target
	k.url, k.content = beside, &content
	k.header = http.Header{"If-Match": {`"` + name + `"`}, "Content-Type": {"text/plain; charset=utf-8"}}
	a, err := c.send(ctx, &k)
	if err != nil {
		return unasked, err
	}
	discard(a.Body)
	switch {
	case a.StatusCode < 300:
		return ignores, c.remove(ctx, &k)
	case a.StatusCode == http.StatusPreconditionFailed:
		return honours, nil
	case isPassing(a.StatusCode):
		return unasked, &StatusError{Method: k.method, URL: a.url, Status: a.StatusCode, Header: a.Header}
	}
	return undecided, nil
}

// remove deletes what the question has made.
func (c *Client) remove(ctx context.Context, question *call) error {
	k := *question
	k.method, k.content, k.header = http.MethodDelete, nil, http.Header{}
	a, err := c.send(ctx, &k)
	if err != nil {
		return fmt.Errorf("%w; the file that showed it is left over: %s: %w", ErrConditionsIgnored, k.url.Redacted(), err)
	}
	if discard(a.Body); a.StatusCode >= 300 && a.StatusCode != http.StatusNotFound {
		return fmt.Errorf("%w; the file that showed it is left over: %s: the server answers %d to its DELETE",
			ErrConditionsIgnored, k.url.Redacted(), a.StatusCode)
	}
	return nil
}
