package listing

import (
	"strings"

	"github.com/fourtwelve/fourtwelve/internal/field/qvalue"
)

// Negotiate chooses the form of a listing by the request's Accept field lines
// (RFC 9110 §12.5.1): [HTMLType] or [JSONType], the former without the field and
// when the client likes both the same. ok is false, and the form HTMLType, if it
// accepts neither. Parameters of a media range, other than its weight, do not
// keep it from matching. It does not allocate.
func Negotiate(accept []string) (mediaType string, ok bool) {
	if len(accept) == 0 {
		return HTMLType, true
	}
	html := weight(accept, "text", "html")
	if json := weight(accept, "application", "json"); json > html {
		return JSONType, true
	}
	return HTMLType, html > 0
}

// How specific a media range is: "the most specific reference has precedence".
const (
	noMatch        = iota
	anything       // */*
	anySubtype     // text/*
	withParameters // text/html;level=1
	exactly        // text/html
)

// weight returns the weight that the most specific matching media range gives to
// top/sub, the highest if there are several; 0 if none matches.
func weight(accept []string, top, sub string) int {
	best, w := noMatch, 0
	for m := range qvalue.Members(accept) {
		switch s := specificity(m.Value, top, sub); {
		case s > best:
			best, w = s, m.Weight
		case s == best && s != noMatch:
			w = max(w, m.Weight)
		}
	}
	return w
}

func specificity(mediaRange, top, sub string) int {
	name, _, parameters := strings.Cut(mediaRange, ";")
	t, s, _ := strings.Cut(strings.TrimRight(name, " \t"), "/")
	switch {
	case t == "*" && s == "*":
		return anything
	case !strings.EqualFold(t, top):
		return noMatch
	case s == "*":
		return anySubtype
	case !strings.EqualFold(s, sub):
		return noMatch
	case parameters:
		return withParameters
	}
	return exactly
}
