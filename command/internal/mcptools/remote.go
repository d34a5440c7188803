package mcptools

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/client"
	"github.com/fourtwelve/fourtwelve/command/internal/collection"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// remote is what is under a URL. The version of a resource is its entity tag without the quotes, or, if it has none
// that would do, its date.
type remote struct {
	client *client.Client
	asker  *collection.Asker
	root   *url.URL // ends in a slash
}

// datePrefix begins a version that is a date. No entity tag has a space in it.
const datePrefix = "date "

func newRemote(c *client.Client, root *url.URL) *remote {
	base := *root
	base.RawQuery, base.Fragment, base.RawPath = "", "", ""
	if !strings.HasSuffix(base.Path, "/") {
		base.Path += "/"
	}
	within := &within{next: c.Transport, root: &base}
	inside := &client.Client{
		Transport: within, Header: c.Header, Timeout: c.Timeout, Attempts: c.Attempts, MaxWait: c.MaxWait, MaxContent: maxFile,
	}
	return &remote{client: inside, asker: &collection.Asker{Transport: within, Header: c.Header}, root: &base}
}

// within sends nothing to a URL that is not under the root: no redirect leads out of it.
type within struct {
	next http.RoundTripper
	root *url.URL
}

func (t *within) RoundTrip(r *http.Request) (*http.Response, error) {
	escaped := strings.ToLower(r.URL.EscapedPath())
	clean := path.Clean(r.URL.Path)
	if strings.HasSuffix(r.URL.Path, "/") && clean != "/" {
		clean += "/"
	}
	if r.URL.Scheme != t.root.Scheme || r.URL.Host != t.root.Host || clean != r.URL.Path ||
		strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%5c") || !strings.HasPrefix(clean, t.root.Path) {
		return nil, fmt.Errorf("%w: it leads to %s, which is not under %s, where these tools do nothing",
			client.ErrRedirect, r.URL.Redacted(), t.root.Redacted())
	}
	return t.next.RoundTrip(r)
}

func (p *remote) url(name string) string {
	u := *p.root
	if name != "." {
		u.Path += name
	}
	return u.String()
}

func (p *remote) read(ctx context.Context, name string, max int64) (state, error) {
	seen, err := p.client.Get(ctx, p.url(name))
	if err == nil && seen.Exists {
		if _, weak := seen.Condition(); weak != nil && !seen.LastModified.IsZero() && seen.Date.Sub(seen.LastModified) < 2*time.Second {
			// Modified in this second: servers that are not sure of it then make the tag strong a moment later.
			timer := time.NewTimer(2 * time.Second)
			defer timer.Stop()
			select {
			case <-timer.C:
			case <-ctx.Done():
				return state{}, ctx.Err()
			}
			seen, err = p.client.Get(ctx, p.url(name))
		}
	}
	if err != nil {
		return state{}, p.fault(name, err)
	}
	if int64(len(seen.Content)) > max {
		return state{}, fmt.Errorf("%s: %w: %d bytes, and the most is %d", name, errTooLarge, len(seen.Content), max)
	}
	return stateOf(seen), nil
}

// stateOf is a representation with its version.
func stateOf(r client.Representation) state {
	s := state{content: r.Content, mediaType: r.MediaType}
	if r.Coding != "" {
		s.unguarded = "the server sent it compressed (" + r.Coding + ") though that was not asked for"
		return s
	}
	cond, err := r.Condition()
	switch {
	case err != nil:
		s.unguarded = err.Error()
	case cond == client.IfMatch(r.Tag):
		s.version = strings.Trim(r.Tag.String(), `"`)
	default:
		s.version = datePrefix + r.LastModified.UTC().Format(http.TimeFormat)
	}
	return s
}

// conditionOf reads a version.
func conditionOf(version string) (client.Condition, error) {
	if text, ok := strings.CutPrefix(version, datePrefix); ok {
		t, ok := date.Parse(text, time.Now())
		if !ok {
			return client.Condition{}, badVersion(version)
		}
		return client.IfUnmodifiedSince(t), nil
	}
	tag, err := etag.Strong(strings.Trim(version, `"`))
	if err != nil || strings.HasPrefix(version, "W/") {
		return client.Condition{}, badVersion(version)
	}
	return client.IfMatch(tag), nil
}

func (p *remote) write(ctx context.Context, name, content, version string) (string, error) {
	cond, body := client.Absent(), client.Content{Bytes: []byte(content)}
	if version != "" {
		var err error
		if cond, err = conditionOf(version); err != nil {
			return "", err
		}
	} else {
		body.MediaType = typeOf(name)
	}
	written, err := p.client.Put(ctx, p.url(name), body, cond)
	if err != nil {
		return "", p.refusal(name, err)
	}
	if s := stateOf(written); written.RawTag != "" {
		return s.version, nil
	}
	// A server that does not say which version it has made of it: what it says of other content is somebody else's.
	now, err := p.read(ctx, name, maxFile)
	if err != nil || string(now.content) != content {
		return "", nil
	}
	return now.version, nil
}

func (p *remote) delete(ctx context.Context, name, version string) error {
	cond, err := conditionOf(version)
	if err != nil {
		return err
	}
	if err := p.client.Delete(ctx, p.url(name), cond); err != nil {
		return p.refusal(name, err)
	}
	return nil
}

// refusal is the error of a write.
func (p *remote) refusal(name string, err error) error {
	var conflict *client.Conflict
	if !errors.As(err, &conflict) {
		return p.fault(name, err)
	}
	return &moved{exists: conflict.Theirs.Exists || conflict.TheirsErr != nil, now: stateOf(conflict.Theirs), err: conflict.TheirsErr}
}

func (p *remote) fault(name string, err error) error {
	var status *client.StatusError
	switch {
	case errors.Is(err, client.ErrNotFound):
		return fmt.Errorf("%s: %w", name, errNone)
	case errors.Is(err, client.ErrTooLarge):
		return fmt.Errorf("%s: %w: more than %d bytes", name, errTooLarge, maxFile)
	case errors.Is(err, client.ErrOutcomeUnknown):
		return fmt.Errorf("%s: %w, because its answer was lost: read it again before anything else", name, errUnknown)
	case errors.Is(err, client.ErrConditionsIgnored):
		return fmt.Errorf("%w; nothing was written, and these tools write nothing there", err)
	case errors.As(err, &status) && status.Status == http.StatusConflict:
		return fmt.Errorf("%s: the server answers 409: the folder %s may not exist there, or %s is a folder", name, path.Dir(name), name)
	case errors.As(err, &status) && status.Status == http.StatusUnauthorized:
		return fmt.Errorf("%w: the person who started this server has to give it a login (--user, --bearer-file, --netrc)", err)
	case errors.As(err, &status) && status.Status == http.StatusLocked:
		return fmt.Errorf("%w: somebody holds a lock on it; try again later", err)
	}
	return err
}

func (p *remote) list(ctx context.Context, name string) ([]Member, error) {
	u := *p.root
	if name != "." {
		u.Path += name + "/"
	}
	found, _, err := p.asker.List(ctx, &u)
	if errors.Is(err, collection.ErrNone) {
		return nil, fmt.Errorf("%s: %w", name, errNone)
	}
	if err != nil {
		return nil, err
	}
	members := make([]Member, 0, len(found))
	for _, m := range found {
		e := Member{Name: m.Name, Folder: m.Collection, Size: max(m.Size, 0)}
		if m.Collection {
			e.Name += "/"
		}
		members = append(members, e)
	}
	return members, nil
}
