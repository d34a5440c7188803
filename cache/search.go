package cache

import (
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/dunglas/httpsfv"
)

// searchVariance is what No-Vary-Search says: which parts of a query do not tell representations apart
// (draft-ietf-httpbis-no-vary-search). The zero value is the usual rule, that all of it does.
type searchVariance struct {
	// anyOrder says that the order of parameters does not count.
	anyOrder bool
	// all ignores all parameters but those that are listed; otherwise only those that are listed are ignored.
	all    bool
	listed []string
}

// parseNoVarySearch reads the field. A value that cannot be read, or asks for something that is not known, is the usual rule: ok is
// false then.
func parseNoVarySearch(lines []string) (v searchVariance, ok bool) {
	if len(lines) == 0 {
		return v, false
	}
	members, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return v, false
	}
	if order, has := members.Get("key-order"); has {
		value, isBool := boolOf(order)
		if !isBool {
			return searchVariance{}, false
		}
		v.anyOrder = value
	}
	params, has := members.Get("params")
	except, hasExcept := members.Get("except")
	switch list, isList := params.(httpsfv.InnerList); {
	case !has:
		return v, !hasExcept && v.anyOrder
	case isList:
		v.listed, ok = stringsOf(list)
		return v, ok && !hasExcept
	}
	if v.all, ok = boolOf(params); !ok || hasExcept && !v.all {
		return searchVariance{}, false
	}
	if hasExcept {
		list, isList := except.(httpsfv.InnerList)
		if !isList {
			return searchVariance{}, false
		}
		if v.listed, ok = stringsOf(list); !ok {
			return searchVariance{}, false
		}
	}
	return v, v.all || v.anyOrder
}

func boolOf(m httpsfv.Member) (value, ok bool) {
	item, isItem := m.(httpsfv.Item)
	if !isItem {
		return false, false
	}
	value, ok = item.Value.(bool)
	return value, ok
}

// stringsOf are the names in a list, as they are compared: decoded as in a query.
func stringsOf(list httpsfv.InnerList) (names []string, ok bool) {
	for _, item := range list.Items {
		text, isString := item.Value.(string)
		name, err := url.QueryUnescape(text)
		if !isString || err != nil {
			return nil, false
		}
		names = append(names, name)
	}
	return names, true
}

// normal is the part of a query that counts, so that two queries that mean the same are equal.
func (v *searchVariance) normal(query string) string {
	type parameter struct{ name, text string }
	var counting []parameter
	for pair := range strings.SplitSeq(query, "&") {
		if pair == "" {
			continue
		}
		name, value, _ := strings.Cut(pair, "=")
		name, value = decoded(name), decoded(value)
		if slices.Contains(v.listed, name) != v.all {
			continue
		}
		counting = append(counting, parameter{name, url.QueryEscape(name) + "=" + url.QueryEscape(value)})
	}
	if v.anyOrder { // that of several values of one name counts
		slices.SortStableFunc(counting, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	}
	texts := make([]string, len(counting))
	for i, p := range counting {
		texts[i] = p.text
	}
	return strings.Join(texts, "&")
}

// decoded is a name or value of a query, or the text itself if it cannot be decoded.
func decoded(text string) string {
	if plain, err := url.QueryUnescape(text); err == nil {
		return plain
	}
	return "%" + text // which no decoded text needs to equal
}

// maxVariances bounds of how many paths it is kept what their queries mean.
const maxVariances = 1 << 14

// searches is what No-Vary-Search was last said of a path.
type searches struct {
	mu    sync.Mutex
	known map[string]string // the value of the field, by key without query
}

// key returns the key under which something is stored that is as good as what key asks for, which is key itself if nothing is known.
func (s *searches) key(key string) string {
	path, _, rest := splitSearch(key)
	path += rest
	s.mu.Lock()
	rule, ok := s.known[path]
	s.mu.Unlock()
	if !ok {
		return key
	}
	return withRule(key, rule)
}

// learn keeps what a response says of its path, and returns the key to store it under.
func (s *searches) learn(key string, header map[string][]string) string {
	path, _, rest := splitSearch(key)
	path += rest
	rule := strings.Join(header["No-Vary-Search"], ", ")
	_, ok := parseNoVarySearch(header["No-Vary-Search"])
	s.mu.Lock()
	defer s.mu.Unlock()
	if !ok {
		delete(s.known, path)
		return key
	}
	if s.known == nil {
		s.known = make(map[string]string)
	}
	for other := range s.known {
		if len(s.known) < maxVariances {
			break
		}
		delete(s.known, other)
	}
	s.known[path] = rule
	return withRule(key, rule)
}

// byRule stands in a key before the rule that it was made by.
const byRule = " varies by "

// withRule is key with what counts of its query, and the rule by which that was found: what another rule has made is
// another key.
func withRule(key, rule string) string {
	path, query, rest := splitSearch(key)
	v, ok := parseNoVarySearch([]string{rule})
	if !ok {
		return key
	}
	return path + "?" + v.normal(query) + rest + byRule + rule
}

// splitSearch splits a key before and after its query.
func splitSearch(key string) (path, query, rest string) {
	before, fragment, _ := strings.Cut(key, "#")
	before, query, _ = strings.Cut(before, "?")
	if fragment != "" {
		rest = "#" + fragment
	}
	return before, query, rest
}
