package command

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/user"
	"slices"
	"strings"
	"time"
)

// davLock is a lock of WebDAV (RFC 4918 §6) that is held, or none.
type davLock struct {
	*remote
	token   string
	refresh chan struct{} // closed to end refreshing; nil without a lock
}

// lockTimeout is asked for, and renewed when half of it is over.
const lockTimeout = 10 * time.Minute

// lock takes a lock if the server has any. The error is for the person: who holds it.
func (r *remote) lock(ctx context.Context) (*davLock, error) {
	none := &davLock{remote: r}
	res, _, err := r.ask(ctx, http.MethodOptions, nil, "")
	if err != nil || !hasLocks(res.Header) {
		return none, nil // the first read says what is wrong
	}
	name := "fourtwelve edit"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if host, err := os.Hostname(); err == nil {
		name += " on " + host
	}
	var owner strings.Builder
	_ = xml.EscapeText(&owner, []byte(name))
	body := `<?xml version="1.0" encoding="utf-8"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>` +
		`<D:locktype><D:write/></D:locktype><D:owner>` + owner.String() + `</D:owner></D:lockinfo>`
	res, content, err := r.ask(ctx, "LOCK", http.Header{
		"Content-Type": {"application/xml"}, "Depth": {"0"}, "Timeout": {seconds(lockTimeout)},
	}, body)
	switch {
	case err != nil:
		return none, nil
	case res.StatusCode == http.StatusLocked:
		return nil, errors.New(r.url + " is locked" + r.holder(ctx) +
			": try again later, or edit it all the same with --no-lock, to save it when the lock has ended")
	case res.StatusCode/100 != 2:
		return none, nil // no lock for this one
	}
	none.token = strings.Trim(res.Header.Get("Lock-Token"), "<> ")
	if none.token == "" {
		none.token = firstToken(content)
	}
	if none.token != "" {
		none.refresh = make(chan struct{})
		go none.keepAlive(ctx)
	}
	return none, nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("Second-%d", int(d.Seconds())) }

// hasLocks reports whether the server has class 2 of WebDAV.
func hasLocks(h http.Header) bool {
	classes := strings.Split(strings.Join(h.Values("Dav"), ","), ",")
	return slices.ContainsFunc(classes, func(class string) bool { return strings.TrimSpace(class) == "2" })
}

// keepAlive refreshes the lock until it is released.
func (l *davLock) keepAlive(ctx context.Context) {
	tick := time.NewTicker(lockTimeout / 2)
	defer tick.Stop()
	for {
		select {
		case <-l.refresh:
			return
		case <-tick.C:
			_, _, _ = l.ask(ctx, "LOCK", http.Header{"If": {"(<" + l.token + ">)"}, "Timeout": {seconds(lockTimeout)}}, "")
		}
	}
}

// release gives the lock back. If that fails, it ends by itself.
func (l *davLock) release() {
	if l.refresh == nil {
		return
	}
	close(l.refresh)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, _, _ = l.ask(ctx, "UNLOCK", http.Header{"Lock-Token": {"<" + l.token + ">"}}, "")
}

// holder says by whom the resource is locked, as far as the server tells.
func (r *remote) holder(ctx context.Context) string {
	_, content, err := r.ask(ctx, "PROPFIND", http.Header{"Content-Type": {"application/xml"}, "Depth": {"0"}},
		`<?xml version="1.0"?><D:propfind xmlns:D="DAV:"><D:prop><D:lockdiscovery/></D:prop></D:propfind>`)
	if err != nil {
		return " by somebody else"
	}
	if owner := strings.Join(strings.Fields(textOf(content, "owner")), " "); owner != "" {
		return fmt.Sprintf(" by %.100s", printable(owner))
	}
	return " by somebody else"
}

func firstToken(content []byte) string { return strings.TrimSpace(textOf(content, "locktoken")) }

// textOf is the text inside the first element with the name.
func textOf(content []byte, name string) string {
	d := xml.NewDecoder(strings.NewReader(string(content)))
	depth, text := 0, ""
	for {
		token, err := d.Token()
		if err != nil {
			return text
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth > 0 || t.Name.Local == name {
				depth++
			}
		case xml.EndElement:
			if depth > 0 {
				if depth--; depth == 0 {
					return text
				}
			}
		case xml.CharData:
			if depth > 0 {
				text += string(t)
			}
		}
	}
}

// ask sends a request that is no read and no write of the resource.
func (r *remote) ask(ctx context.Context, method string, header http.Header, body string) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, r.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	for _, fields := range []http.Header{r.Header, header} {
		for name, lines := range fields {
			req.Header[name] = lines
		}
	}
	res, err := r.Transport.RoundTrip(req)
	if err != nil {
		return nil, nil, err
	}
	defer res.Body.Close()
	content, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return res, content, err
}
