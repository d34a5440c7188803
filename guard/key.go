package guard

import (
	"net/url"
	"path"
	"slices"
	"strings"
)

// lockKey names the lock for a target at a backend. Two spellings that some
// server takes for one resource must have one key; that two resources share one
// costs time and nothing else. So the query and path parameters are left out, the path
// is decoded and made free of dot segments, empty elements, backslashes and
// trailing dots and slashes, and case does not count.
func lockKey(backend *url.URL, targetPath string) string {
	return strings.ToLower(backend.Host) + canonicalPath(targetPath)
}

// foldedPath is what a server may take a path for that reads it as freely as any does: without
// what canonicalPath leaves out, but for the slash at the end.
func foldedPath(p string) string {
	folded := canonicalPath(p)
	if strings.HasSuffix(p, "/") && folded != "/" {
		folded += "/"
	}
	return folded
}

func canonicalPath(p string) string {
	if isCanonical(p) {
		return p
	}
	elements := strings.Split(path.Clean("/"+strings.ReplaceAll(p, `\`, "/")), "/")
	for i, element := range elements {
		element, _, _ = strings.Cut(element, ";")
		elements[i] = strings.TrimRight(element, ". ")
	}
	elements = slices.DeleteFunc(elements, func(s string) bool { return s == "" })
	return strings.ToLower("/" + strings.Join(elements, "/"))
}

// isCanonical reports whether p is its own canonical path, as nearly all are. It may be wrong
// about one that is, and never about one that is not.
func isCanonical(p string) bool {
	last := byte('/')
	for i := range len(p) {
		c := p[i]
		switch {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '-', c == '_':
		case c == '/' && last != '/' && last != '.':
		case c == '.' && last != '/':
		case c == '/' && i == 0:
		default:
			return false
		}
		last = c
	}
	return last != '/' && last != '.' && p[0] == '/'
}
