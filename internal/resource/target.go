package resource

import (
	"net/url"
	"strconv"
	"strings"

	"github.com/fourtwelve/fourtwelve/store"
)

// Target is what a target URI (RFC 9110 §7.1) names in the store.
type Target struct {
	// Name is the name in the store; "" is the root collection.
	Name string
	// Slash is set for a path that ends in "/": it can only name a collection.
	Slash bool
	// Versioned is set if the query asks for one revision, which is Revision, or
	// 0 if what was asked for is not a number of one.
	Versioned bool
	Revision  store.Revision
	// Earlier is set if the query asks for all revisions before the current one.
	Earlier bool
}

// revisionParam is the query parameter that asks for an earlier revision.
const revisionParam = "revision"

// everyEarlier is its value for all earlier revisions together.
const everyEarlier = "earlier"

// ParseTarget reads a target URI whose form has been checked. It refuses only what
// the decoded name would hide; all else about names is the store's to judge. The error is
// a [*store.NameError].
func ParseTarget(u *url.URL) (Target, error) {
	path := u.Path
	if path == "" && u.Host != "" { // absolute-form without a path (§7.1)
		path = "/"
	}
	rest, ok := strings.CutPrefix(path, "/")
	if !ok || u.Opaque != "" {
		return Target{}, &store.NameError{Name: u.String(), Reason: "is not an absolute path"}
	}
	if hasEncodedSlash(u.RawPath) {
		return Target{}, &store.NameError{Name: u.RawPath, Reason: "has an encoded slash (%2F), which is neither a separator nor part of a name"}
	}
	t := Target{Name: rest, Slash: path == "/"}
	if name, cut := strings.CutSuffix(rest, "/"); cut {
		t.Name, t.Slash = name, true
		if name == "" {
			return Target{}, &store.NameError{Name: path, Reason: "has an empty element"}
		}
	}
	if u.RawQuery != "" {
		var value string
		value, t.Versioned = askedRevision(u.RawQuery)
		t.Revision, t.Earlier = parseRevision(value), value == everyEarlier
	}
	return t, nil
}

// hasEncodedSlash looks at the path as sent. url.URL keeps it in RawPath when
// encoding the decoded path again would not give it back, as is the case here.
func hasEncodedSlash(rawPath string) bool {
	for {
		_, rest, found := strings.Cut(rawPath, "%2")
		if !found {
			return false
		}
		if rest != "" && rest[0]|0x20 == 'f' {
			return true
		}
		rawPath = rest
	}
}

// AsksForRevision reports whether a target URI is that of an earlier revision, or of
// all of them, rather than of what is current.
func AsksForRevision(u *url.URL) bool {
	_, asked := askedRevision(u.RawQuery)
	return asked
}

// askedRevision looks for the parameter that asks for a revision. A query that does not
// parse asks for none. The value is "" if there are several.
func askedRevision(query string) (value string, asked bool) {
	if !strings.Contains(query, revisionParam) {
		return "", false
	}
	values, err := url.ParseQuery(query)
	if err != nil || len(values[revisionParam]) == 0 {
		return "", false
	}
	if len(values[revisionParam]) > 1 {
		return "", true
	}
	return values.Get(revisionParam), true
}

// parseRevision returns the revision that value is the number of, or 0.
func parseRevision(value string) store.Revision {
	n, err := strconv.ParseUint(value, 10, 64)
	if err != nil {
		return 0
	}
	return store.Revision(n)
}

// PathOf returns the path, percent-encoded, under which name is served. It
// begins with exactly one slash, as a name does not begin with one.
func PathOf(name string) string {
	u := url.URL{Path: "/" + name}
	return u.EscapedPath()
}

// CollectionPathOf is PathOf for a collection: it ends in "/".
func CollectionPathOf(name string) string {
	if name == "" {
		return "/"
	}
	return PathOf(name) + "/"
}

// RevisionPathOf is the URI reference of one revision of name.
func RevisionPathOf(name string, rev store.Revision) string {
	return PathOf(name) + "?" + revisionParam + "=" + rev.String()
}

// Member is the name of a member of a collection.
func Member(collection, element string) string {
	if collection == "" {
		return element
	}
	return collection + "/" + element
}
