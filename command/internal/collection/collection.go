// Package collection asks a server what is in a collection: by PROPFIND (RFC 4918 §9.1), or, where the
// server has no WebDAV, by the listing that `fourtwelve serve` gives to programs.
package collection

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/date"
)

// Bounds on what one collection may have.
const (
	MaxBytes   = 256 << 20
	MaxMembers = 1 << 20
)

// What errors.Is finds.
var (
	// ErrNone: there is no such collection.
	ErrNone = errors.New("there is no such collection")
	// ErrNoListing: the server does not tell what is in it.
	ErrNoListing = errors.New("the server does not tell what is in a collection: it has neither WebDAV (PROPFIND) nor the listing of fourtwelve serve")
	// ErrTooMuch: it has more than the bounds let through.
	ErrTooMuch = errors.New("the collection has too many members")
)

// Member is what is in a collection.
type Member struct {
	// Name is its last path segment, decoded.
	Name string
	// Collection is set for one, and all below is then zero.
	Collection bool
	// Size is in bytes, -1 if the server does not say.
	Size int64
	// Tag is the entity tag as the server writes it, or "" if it does not say.
	Tag string
	// Modified is zero if the server does not say.
	Modified time.Time
}

// Asker asks one server. It may be used from any number of goroutines.
type Asker struct {
	Transport http.RoundTripper
	// Header has fields for each request, such as Authorization.
	Header http.Header
}

const propfind = `<?xml version="1.0" encoding="utf-8"?><D:propfind xmlns:D="DAV:"><D:prop>` +
	`<D:resourcetype/><D:getetag/><D:getcontentlength/><D:getlastmodified/></D:prop></D:propfind>`

// List returns the members of the collection at u, whose path ends in a slash, in the order of their
// names. Names that are no path segment are left out and counted.
func (a *Asker) List(ctx context.Context, u *url.URL) (members []Member, odd int, err error) {
	header := http.Header{"Depth": {"1"}, "Content-Type": {`application/xml; charset="utf-8"`}}
	res, err := a.Do(ctx, "PROPFIND", u, header, strings.NewReader(propfind))
	if err != nil {
		return nil, 0, err
	}
	defer discard(res.Body)
	switch res.StatusCode {
	case http.StatusMultiStatus:
		members, odd, err = readMultistatus(io.LimitReader(res.Body, MaxBytes), u)
	case http.StatusNotFound:
		return nil, 0, fmt.Errorf("%s: %w", u.Redacted(), ErrNone)
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusBadRequest:
		members, odd, err = a.listing(ctx, u)
	default:
		return nil, 0, &StatusError{"PROPFIND", u.Redacted(), res.StatusCode}
	}
	if err != nil {
		return nil, 0, err
	}
	slices.SortFunc(members, func(a, b Member) int { return strings.Compare(a.Name, b.Name) })
	return members, odd, nil
}

// StatusError is an answer that says no.
type StatusError struct {
	Method, URL string
	Status      int
}

func (e *StatusError) Error() string {
	text := fmt.Sprintf("%s %s: the server answers %d %s", e.Method, e.URL, e.Status, http.StatusText(e.Status))
	switch e.Status {
	case http.StatusUnauthorized:
		text += ": log in with --user, --bearer-file or --netrc"
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		text += ": give the URL to which it redirects"
	}
	return text
}

// Do sends one request, which is not sent again.
func (a *Asker) Do(ctx context.Context, method string, u *url.URL, header http.Header, body io.Reader) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, u.String(), body)
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "fourtwelve")
	for _, h := range []http.Header{a.Header, header} {
		for name, values := range h {
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	res, err := a.Transport.RoundTrip(r)
	if err != nil {
		return nil, &url.Error{Op: method, URL: u.Redacted(), Err: err}
	}
	return res, nil
}

func discard(body io.ReadCloser) {
	io.Copy(io.Discard, io.LimitReader(body, 64<<10)) //nolint:errcheck // it is of no use
	body.Close()
}

// response is a response element of a multistatus (RFC 4918 §14.24).
type response struct {
	Href     string `xml:"DAV: href"`
	Propstat []struct {
		Status string `xml:"DAV: status"`
		Prop   struct {
			Collection *struct{} `xml:"DAV: resourcetype>collection"`
			Tag        string    `xml:"DAV: getetag"`
			Length     string    `xml:"DAV: getcontentlength"`
			Modified   string    `xml:"DAV: getlastmodified"`
		} `xml:"DAV: prop"`
	} `xml:"DAV: propstat"`
}

// member takes what the properties say that the server has.
func (r *response) member(name string) Member {
	m := Member{Name: name, Size: -1}
	for _, p := range r.Propstat {
		if fields := strings.Fields(p.Status); len(fields) < 2 || fields[1] != "200" {
			continue
		}
		if p.Prop.Collection != nil {
			return Member{Name: name, Collection: true}
		}
		m.Tag = strings.TrimSpace(p.Prop.Tag)
		if n, err := strconv.ParseInt(strings.TrimSpace(p.Prop.Length), 10, 64); err == nil && n >= 0 {
			m.Size = n
		}
		if t, ok := date.Parse(strings.TrimSpace(p.Prop.Modified), time.Now()); ok {
			m.Modified = t
		}
	}
	return m
}

// readMultistatus reads the answer to PROPFIND, a response at a time.
func readMultistatus(body io.Reader, base *url.URL) (members []Member, odd int, err error) {
	d := xml.NewDecoder(body)
	root := false
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) && root {
			return members, odd, nil
		}
		if err != nil {
			return nil, 0, fmt.Errorf("%s: the answer to PROPFIND cannot be read: %w", base.Redacted(), err)
		}
		start, ok := t.(xml.StartElement)
		if !ok {
			continue
		}
		if !root {
			if start.Name != (xml.Name{Space: "DAV:", Local: "multistatus"}) {
				return nil, 0, fmt.Errorf("%s: the answer to PROPFIND is no multistatus", base.Redacted())
			}
			root = true
			continue
		}
		if start.Name != (xml.Name{Space: "DAV:", Local: "response"}) {
			if err := d.Skip(); err != nil {
				return nil, 0, err
			}
			continue
		}
		var r response
		if err := d.DecodeElement(&r, &start); err != nil {
			return nil, 0, fmt.Errorf("%s: the answer to PROPFIND cannot be read: %w", base.Redacted(), err)
		}
		switch name, is := memberName(base, r.Href); {
		case !is:
			odd++
		case name == "": // the collection itself
		case len(members) == MaxMembers:
			return nil, 0, fmt.Errorf("%s: %w: more than %d", base.Redacted(), ErrTooMuch, MaxMembers)
		default:
			members = append(members, r.member(name))
		}
	}
}

// memberName is the name of the member that href names, "" for the collection itself. ok is false
// for what is no member, or has a name that is no path segment.
func memberName(base *url.URL, href string) (name string, ok bool) {
	u, err := base.Parse(strings.TrimSpace(href))
	if err != nil {
		return "", false
	}
	escaped := strings.ToLower(u.EscapedPath())
	if strings.Contains(escaped, "%2f") || strings.Contains(escaped, "%00") {
		return "", false
	}
	if path.Clean(u.Path) == path.Clean(base.Path) {
		return "", true
	}
	name, ok = strings.CutPrefix(u.Path, base.Path)
	name = strings.TrimSuffix(name, "/")
	if !ok || name == "" || name == "." || name == ".." || strings.Contains(name, "/") {
		return "", false
	}
	return name, true
}

// listing asks for the listing of fourtwelve serve.
func (a *Asker) listing(ctx context.Context, u *url.URL) (members []Member, odd int, err error) {
	res, err := a.Do(ctx, http.MethodGet, u, http.Header{"Accept": {"application/json"}}, nil)
	if err != nil {
		return nil, 0, err
	}
	defer discard(res.Body)
	switch t, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type")); {
	case res.StatusCode == http.StatusNotFound:
		return nil, 0, fmt.Errorf("%s: %w", u.Redacted(), ErrNone)
	case res.StatusCode == http.StatusUnauthorized || res.StatusCode == http.StatusForbidden:
		return nil, 0, &StatusError{http.MethodGet, u.Redacted(), res.StatusCode}
	case res.StatusCode != http.StatusOK || t != "application/json":
		return nil, 0, fmt.Errorf("%s: %w", u.Redacted(), ErrNoListing)
	}
	var list struct {
		Name    string `json:"name"`
		Members []struct {
			Href       string    `json:"href"`
			Collection bool      `json:"collection"`
			Size       int64     `json:"size"`
			Modified   time.Time `json:"modified"`
		} `json:"members"`
	}
	err = json.NewDecoder(io.LimitReader(res.Body, MaxBytes)).Decode(&list)
	if err != nil || list.Members == nil && list.Name == "" {
		return nil, 0, fmt.Errorf("%s: %w", u.Redacted(), ErrNoListing)
	}
	for _, m := range list.Members {
		name, ok := memberName(u, m.Href)
		switch {
		case !ok || name == "":
			odd++
		case m.Collection:
			members = append(members, Member{Name: name, Collection: true})
		default:
			members = append(members, Member{Name: name, Size: m.Size, Modified: m.Modified})
		}
	}
	return members, odd, nil
}
