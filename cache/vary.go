package cache

import (
	"cmp"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Select returns the index of the stored response that is to serve the request, among those for its target whose method
// allows it: of those whose Vary matches, the most recent by Date (RFC 9111 §4, §4.1). It is -1 if none matches.
func (p *Policy) Select(request Request, stored []*Stored) int {
	best := -1
	for i, s := range stored {
		if !serves(&s.Request, &request) || !s.matches(s.facts(p), request) {
			continue
		}
		if best < 0 || preferred(s, stored[best]) {
			best = i
		}
	}
	return best
}

// preferred reports whether a is to be chosen before b. One without Vary among others that have it was made for a
// request without preferences (§4.1).
func preferred(a, b *Stored) bool {
	if varies, other := len(a.Header["Vary"]) > 0, len(b.Header["Vary"]) > 0; varies != other {
		return varies
	}
	if c := a.generated().Compare(b.generated()); c != 0 {
		return c > 0
	}
	return !a.Received.Before(b.Received)
}

// generated is the Date of the response, or when it arrived.
func (s *Stored) generated() time.Time {
	if t, ok := s.date(); ok {
		return t
	}
	return s.Received
}

// Matches reports whether the fields that the Vary of s names are the same in the request as in the one that s answered
// (§4.1). A Vary with "*" matches nothing.
func (s *Stored) Matches(request Request) bool {
	if s.memo != nil {
		if known := s.memo.facts.Load(); known != nil {
			return s.matches(known, request)
		}
	}
	return s.matches(s.read(new(Policy)), request)
}

func (s *Stored) matches(f *facts, request Request) bool {
	if f.any {
		return false
	}
	for i, key := range f.vary {
		if !slices.Equal(s.Request.Header[key], request.Header[key]) && f.varied[i] != normal(key, request.Header[key]) {
			return false
		}
	}
	return true
}

// Varying returns the fields of the request that the Vary of a response names: what is to be stored of it.
func Varying(request, response map[string][]string) map[string][]string {
	var named map[string][]string
	for _, name := range values(response["Vary"]) {
		if key := textproto.CanonicalMIMEHeaderKey(name); len(request[key]) > 0 {
			if named == nil {
				named = make(map[string][]string)
			}
			named[key] = slices.Clone(request[key])
		}
	}
	return named
}

// normal is a field so that two that mean the same are equal: its lines in one, without blanks beside commas, and for
// fields that choose a representation in lower case, and in the order of their weights where these are all different.
// Absent is not empty.
func normal(name string, lines []string) string {
	if len(lines) == 0 {
		return "absent"
	}
	var members []string
	for _, line := range lines {
		for member := range strings.SplitSeq(line, ",") {
			members = append(members, strings.Join(strings.Fields(member), " "))
		}
	}
	switch name {
	case "Accept-Encoding", "Accept-Language", "Accept-Charset":
		members = byWeight(members)
	}
	return "=" + strings.Join(members, ",")
}

// byWeight has members in lower case without blanks, in the order of their weights if no two have the same: then their
// order says nothing.
func byWeight(members []string) []string {
	weights := make(map[string]float64, len(members))
	seen := make(map[float64]bool, len(members))
	distinct := true
	for i, member := range members {
		member = strings.ReplaceAll(strings.ToLower(member), " ", "")
		members[i] = member
		_, weight, _ := strings.Cut(member, ";q=")
		q, err := strconv.ParseFloat(cmp.Or(weight, "1"), 64)
		distinct = distinct && err == nil && !seen[q]
		weights[member], seen[q] = q, true
	}
	if distinct {
		slices.SortFunc(members, func(a, b string) int { return cmp.Compare(weights[b], weights[a]) })
	}
	return members
}
