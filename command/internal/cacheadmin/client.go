package cacheadmin

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Client asks the guard whose metrics are at Address: HOST:PORT, or the URL of that.
type Client struct {
	Address string
	// Token is sent as a bearer token, unless it is "".
	Token string
}

// timeout bounds a question; a purge of much on a slow disk takes its time.
const timeout = 5 * time.Minute

// Purge asks for something to be removed.
func (c *Client) Purge(ctx context.Context, q Purge) (a Purged, err error) {
	return a, c.ask(ctx, "purge", q, &a)
}

// List asks for what is stored.
func (c *Client) List(ctx context.Context, q List) (a Listed, err error) {
	return a, c.ask(ctx, "list", q, &a)
}

// Explain asks what would be done with a request.
func (c *Client) Explain(ctx context.Context, q Explain) (a Explained, err error) {
	return a, c.ask(ctx, "explain", q, &a)
}

// CheckAddress says what is wrong with an address.
func CheckAddress(text string) error {
	_, err := base(text)
	return err
}

func base(text string) (string, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		return "", errors.New("write HOST:PORT of the guard's metrics, such as 127.0.0.1:9412")
	}
	return u.Scheme + "://" + u.Host, nil
}

func (c *Client) ask(ctx context.Context, what string, q, a any) error {
	at, err := base(c.Address)
	if err != nil {
		return err
	}
	content, err := json.Marshal(q)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, at+"/cache/"+what, bytes.NewReader(content))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	// What stands in the environment for proxies is not for this, and a token goes to nobody else.
	client := &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(r)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	return c.read(resp, a)
}

func (c *Client) unreachable(err error) error {
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nobody listens at %s: start the guard with --metrics %s, or name its address with --admin", c.Address, c.Address)
	case errors.As(err, &dns):
		return fmt.Errorf("there is no host %q: --admin takes the address of the guard's metrics, such as 127.0.0.1:9412", dns.Name)
	}
	if u, ok := errors.AsType[*url.Error](err); ok {
		err = u.Err
	}
	return fmt.Errorf("the guard at %s cannot be asked: %w", c.Address, err)
}

func (c *Client) read(resp *http.Response, a any) error {
	content, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return c.unreachable(err)
	}
	kind := resp.Header.Get("Content-Type")
	if resp.StatusCode == http.StatusOK && strings.HasPrefix(kind, "application/json") {
		if err := json.Unmarshal(content, a); err != nil {
			return fmt.Errorf("what %s answers is not understood: %w", c.Address, err)
		}
		return nil
	}
	p := new(Problem)
	isProblem := strings.HasPrefix(kind, "application/problem+json") && json.Unmarshal(content, p) == nil
	switch {
	case resp.StatusCode == http.StatusUnauthorized:
		return fmt.Errorf("%s lets in only who is known: give the token with --token-file", c.Address)
	case isProblem && p.Detail != "" && (resp.StatusCode != http.StatusNotFound || p.Reason == notGuarded):
		return p
	}
	return fmt.Errorf("what listens at %s is not the admin listener of a guard (it answers %s): --admin takes the address of --metrics, "+
		"not that of --listen", c.Address, resp.Status)
}
