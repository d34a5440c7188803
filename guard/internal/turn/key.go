package turn

import (
	"path"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// Key names the lock for a target at a backend. Two spellings that some
// server takes for one resource must have one key; that two resources share one
// costs time and nothing else. So the query and path parameters are left out, the path
// is decoded and made free of dot segments, empty elements, backslashes,
// trailing dots and slashes, and the names that NTFS has for the content of a file and a folder, and characters
// are folded.
func Key(host, targetPath string) string {
	return strings.ToLower(host) + canonicalPath(targetPath)
}

// FoldedPath is what a server may take a path for that reads it as freely as any does: without
// what canonicalPath leaves out, but for the slash at the end.
func FoldedPath(p string) string {
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
	elements := strings.Split(path.Clean("/"+strings.ReplaceAll(Fold(p), `\`, "/")), "/")
	for i, element := range elements {
		element, _, _ = strings.Cut(element, ";")
		if name, _, ok := strings.Cut(element, ":$"); ok { // as in a::$DATA
			element = strings.TrimRight(name, ":")
		}
		elements[i] = strings.TrimRight(element, ". ")
	}
	elements = slices.DeleteFunc(elements, func(s string) bool { return s == "" })
	return "/" + strings.Join(elements, "/")
}

// Fold writes characters that some file system or server takes for the same in one way: those of both cases, composed ones and
// their parts, those that are compatible, and without those that are not shown.
func Fold(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) {
		return strings.ToLower(s)
	}
	s = strings.Map(foldRune, norm.NFKD.String(s))
	return strings.ReplaceAll(norm.NFKD.String(s), "ß", "ss")
}

// foldRune returns the one character that stands for all that differ in case alone, or -1 for one that is not shown.
func foldRune(r rune) rune {
	if unicode.Is(unicode.Cf, r) {
		return -1
	}
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	return unicode.ToLower(least)
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
