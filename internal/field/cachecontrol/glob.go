package cachecontrol

import (
	"path"
	"slices"
	"strings"
)

// Glob is a pattern for names, by elements:
//
//   - "*" is any text within an element, "?" one character, "[a-z]" one of a
//     class, "\" takes the special meaning from the character after it ([path.Match]).
//   - "**" as a whole element is any number of elements, none included.
//   - A pattern of one element, such as "*.css", is for the last element of a
//     name, at any depth. With a slash, "/*.css" too, it is for the whole name.
//   - A pattern that ends in a slash is for all that lies below; "/" alone, as
//     "**", is for everything.
type Glob []string

const anyDepth = "**"

// ParseGlob returns the glob, or what is wrong with it as the rest of a sentence
// about what holds it.
func ParseGlob(pattern string) (g Glob, fault string) {
	if pattern == "" {
		return nil, `is empty: write a glob such as "*.css" or "/dav/**"`
	}
	if strings.HasSuffix(pattern, "/") {
		pattern += anyDepth
	}
	whole, rooted := strings.CutPrefix(pattern, "/")
	g = strings.Split(whole, "/")
	for _, element := range g {
		if fault := checkElement(element); fault != "" {
			return nil, fault
		}
	}
	if len(g) == 1 && !rooted {
		g = Glob{anyDepth, g[0]}
	}
	return slices.CompactFunc(g, func(a, b string) bool { return a == anyDepth && b == anyDepth }), ""
}

func checkElement(element string) string {
	switch {
	case element == anyDepth:
		return ""
	case element == "":
		return "has an empty element in its glob"
	case element == "." || element == "..":
		return `has a "` + element + `" in its glob; names have none`
	case strings.Contains(element, anyDepth):
		return `has "**" beside other text in its glob; it must be a whole element, as in "assets/**/*.js"`
	}
	if _, err := path.Match(element, ""); err != nil {
		return `has a bracket or backslash in its glob that is not closed or not followed by anything`
	}
	return ""
}

// Match reports whether g is for name, elements joined by slashes and none before
// the first. When an element does not match, the last
// "**" takes one element more; an earlier one taking more could not help.
func (g Glob) Match(name string) bool {
	p, n := 0, 0 // where in g and name the next element begins
	if name == "" {
		n = 1 // the root collection has no elements
	}
	star, taken := -1, 0
	for n <= len(name) {
		switch {
		case p < len(g) && g[p] == anyDepth:
			star, taken = p, n
			p++
		case p < len(g) && matchElement(g[p], name[n:]):
			p, n = p+1, next(name, n)
		case star >= 0:
			taken = next(name, taken)
			p, n = star+1, taken
		default:
			return false
		}
	}
	for p < len(g) && g[p] == anyDepth {
		p++
	}
	return p == len(g)
}

// matchElement reports whether the first element of name matches pattern.
func matchElement(pattern, name string) bool {
	element, _, _ := strings.Cut(name, "/")
	ok, err := path.Match(pattern, element)
	return ok && err == nil
}

// next returns where the element after that at n begins, beyond the end of name
// if it was the last.
func next(name string, n int) int {
	if i := strings.IndexByte(name[n:], '/'); i >= 0 {
		return n + i + 1
	}
	return len(name) + 1
}
