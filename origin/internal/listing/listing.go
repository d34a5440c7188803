package listing

import (
	"cmp"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/internal/field/mediatype"
	"github.com/fourtwelve/fourtwelve/store"
)

// The media types of the two forms, as Content-Type values.
const (
	HTMLType = "text/html; charset=utf-8"
	JSONType = "application/json"
)

// Render returns the listing of the collection with this name ("" is the root) in
// the form of mediaType, [JSONType] or else [HTMLType].
func Render(mediaType, name string, members []store.Info) []byte {
	if mediaType == JSONType {
		return JSON(name, members)
	}
	return HTML(name, members)
}

// member is what both forms say about a member.
type member struct {
	// Name is the last element, with a slash if it is a collection.
	Name string
	// Href is the URI reference from the collection to the member.
	Href       string
	Collection bool
	Size       int64
	Modified   time.Time // in UTC
	Type       string    // of content
}

// membersOf prepares the members of a collection, in the byte order of their names.
func membersOf(infos []store.Info) []member {
	members := make([]member, len(infos))
	for i, info := range infos {
		members[i] = memberOf(info)
	}
	slices.SortFunc(members, func(a, b member) int { return cmp.Compare(a.Name, b.Name) })
	return members
}

func memberOf(info store.Info) member {
	element := lastElement(info.Name)
	m := member{Name: element, Href: reference(element), Collection: info.Collection, Modified: info.Modified.UTC()}
	if m.Collection {
		m.Name += "/"
		m.Href += "/"
		return m
	}
	m.Size, m.Type = info.Size, mediatype.Of(element)
	return m
}

// path is the path of the collection name, decoded.
func path(name string) string {
	if name == "" {
		return "/"
	}
	return "/" + name + "/"
}

func lastElement(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }

// reference returns a relative reference to element (RFC 3986 §4.2). One that
// holds a colon begins with "./", lest it be taken for a URI with a scheme.
func reference(element string) string {
	escaped := url.PathEscape(element)
	if strings.Contains(escaped, ":") {
		return "./" + escaped
	}
	return escaped
}
