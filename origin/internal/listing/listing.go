package listing

import (
	"net/url"
	"strings"
)

// The media types of the two forms, as Content-Type values.
const (
	HTMLType = "text/html; charset=utf-8"
	JSONType = "application/json"
)

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
