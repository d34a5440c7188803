package cache

import (
	"slices"
	"strings"
	"time"
)

// Delta is the argument of a directive that is a number of seconds (RFC 9111 §1.2.2).
type Delta struct {
	// Set says that the directive is there.
	Set bool
	// Invalid says that its argument is missing or no number. Such a lifetime is over (§4.2.1).
	Invalid bool
	// Duration is at most [Forever]. It is 0 if the argument is invalid.
	Duration time.Duration
}

// Forever is the longest duration a directive can give: 2^31 seconds, which stands for any that is longer (§1.2.2).
const Forever = (1 << 31) * time.Second

// RequestDirectives are what a request asks of caches (RFC 9111 §5.2.1, RFC 5861 §4).
type RequestDirectives struct {
	NoStore, NoCache, NoTransform, OnlyIfCached bool

	MaxAge, MinFresh, StaleIfError Delta
	// MaxStale is the directive with its limit. AnyStale says that it has none.
	MaxStale Delta
	AnyStale bool
}

// ResponseDirectives are what a response asks of caches (RFC 9111 §5.2.2, RFC 5861, RFC 8246).
type ResponseDirectives struct {
	Public, NoStore, MustRevalidate, ProxyRevalidate, MustUnderstand, NoTransform, Immutable bool
	// Private and NoCache are the directives without field names.
	Private, NoCache bool
	// PrivateFields and NoCacheFields are the names that these directives are limited to, in lower case.
	PrivateFields, NoCacheFields []string

	MaxAge, SharedMaxAge, StaleWhileRevalidate, StaleIfError Delta
}

// ParseRequest reads the lines of a request's Cache-Control, and its Pragma if there are none (§5.4).
func ParseRequest(header map[string][]string) RequestDirectives {
	var d RequestDirectives
	lines := header["Cache-Control"]
	if len(lines) == 0 && len(header["Pragma"]) == 0 {
		return d
	}
	if len(lines) == 0 && strings.EqualFold(strings.TrimSpace(strings.Join(header["Pragma"], ",")), "no-cache") {
		d.NoCache = true
	}
	for name, argument := range members(lines) {
		switch name {
		case "no-store":
			d.NoStore = true
		case "no-cache":
			d.NoCache = true
		case "no-transform":
			d.NoTransform = true
		case "only-if-cached":
			d.OnlyIfCached = true
		case "max-age":
			d.MaxAge.add(argument)
		case "min-fresh":
			d.MinFresh.add(argument)
		case "stale-if-error":
			d.StaleIfError.add(argument)
		case "max-stale":
			if !argument.given {
				d.AnyStale = true
				continue
			}
			d.MaxStale.add(argument)
		}
	}
	return d
}

// ParseResponse reads the lines of a response's Cache-Control.
func ParseResponse(lines []string) ResponseDirectives {
	var d ResponseDirectives
	for name, argument := range members(lines) {
		d.add(name, argument)
	}
	return d
}

// add takes in one directive. One that permits something must be written as it ought to be.
func (d *ResponseDirectives) add(name string, a argument) {
	plain := !a.faulty && !a.given
	switch name {
	case "public":
		d.Public = d.Public || plain
	case "private":
		limit(&d.Private, &d.PrivateFields, a)
	case "no-cache":
		limit(&d.NoCache, &d.NoCacheFields, a)
	case "no-store":
		d.NoStore = true
	case "must-revalidate":
		d.MustRevalidate = true
	case "proxy-revalidate":
		d.ProxyRevalidate = true
	case "must-understand":
		d.MustUnderstand = d.MustUnderstand || plain
	case "no-transform":
		d.NoTransform = true
	case "immutable":
		d.Immutable = d.Immutable || plain
	case "max-age":
		d.MaxAge.add(a)
	case "s-maxage":
		d.SharedMaxAge.add(a)
	case "stale-while-revalidate":
		d.StaleWhileRevalidate.add(a)
	case "stale-if-error":
		d.StaleIfError.add(a)
	}
}

// limit takes in a directive that may be limited to field names. Without any it holds for all.
func limit(whole *bool, fields *[]string, a argument) {
	names := strings.FieldsFunc(strings.ToLower(a.text), func(r rune) bool { return r == ',' || r == ' ' || r == '\t' })
	if len(names) == 0 || a.faulty {
		*whole = true
	}
	for _, name := range names {
		if !slices.Contains(*fields, name) {
			*fields = append(*fields, name)
		}
	}
}

// add takes in an argument. Of several the least counts.
func (d *Delta) add(a argument) {
	t, ok := seconds(a.text)
	if a.faulty || !ok {
		*d = Delta{Set: true, Invalid: true}
		return
	}
	if !d.Set || t < d.Duration {
		d.Set, d.Duration = true, t
	}
}

// seconds reads delta-seconds (§1.2.2).
func seconds(s string) (time.Duration, bool) {
	if s == "" {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
		n = min(n*10+int64(s[i]-'0'), int64(Forever/time.Second))
	}
	return time.Duration(n) * time.Second, true
}

// An argument of a directive.
type argument struct {
	text  string // a token, or what stands in a quoted-string
	given bool
	// faulty says that the directive does not follow the syntax, by a blank beside its "=", for instance.
	faulty bool
}

// members yields the directives of the lines of a field, their names in lower case:
//
//	Cache-Control   = #cache-directive
//	cache-directive = token [ "=" ( token / quoted-string ) ]
//
// A member that does not follow the syntax is yielded with what can be told of it, so that it can make a response
// stale and never fresh.
func members(lines []string) func(yield func(string, argument) bool) {
	return func(yield func(string, argument) bool) {
		for _, line := range lines {
			for rest := line; rest != ""; {
				var member string
				member, rest = cutMember(rest)
				name, a := parseMember(strings.Trim(member, " \t"))
				if name != "" && !yield(name, a) {
					return
				}
			}
		}
	}
}

// cutMember splits s at the first comma that is not in a quoted-string.
func cutMember(s string) (member, rest string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

func parseMember(s string) (name string, a argument) {
	before, after, given := strings.Cut(s, "=")
	name = strings.ToLower(strings.Trim(before, " \t"))
	a = argument{text: after, given: given, faulty: name != strings.ToLower(before)}
	switch {
	case strings.ContainsAny(name, " \t\""):
		a.faulty = true
		name, _, _ = strings.Cut(strings.Trim(name, "\" \t"), " ")
	case strings.HasPrefix(after, `"`):
		a.text, a.faulty = unquote(after)
	case strings.ContainsAny(after, " \t\""):
		a.faulty = true
	}
	return name, a
}

// unquote returns what stands in a quoted-string (RFC 9110 §5.6.4), and whether s is none.
func unquote(s string) (text string, faulty bool) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), i != len(s)-1
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return b.String(), true
}
