package caching

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/capture"
	"github.com/fourtwelve/fourtwelve/internal/field/date"
	"github.com/fourtwelve/fourtwelve/internal/field/method"
)

// Verdict is what caches make of an exchange.
type Verdict struct {
	// Silent says why nothing can be said of storing the response; "" if it can.
	Silent string
	// Shared and Private are what a cache of many users and that of one user may do with the response. Nil if Silent is set.
	Shared, Private *Keeping
	// SharedHad and PrivateHad are what such caches, had they seen the exchanges before this one, would have done with this request;
	// nil if they had nothing for it, or the capture has no times.
	SharedHad, PrivateHad *Earlier
	// Assumed is what the capture does not show and was taken for granted, a clause each.
	Assumed []string
	// Validation are the fields by which a cache that has stored the response asks whether it is current; none if it has nothing
	// to ask by.
	Validation []capture.Line
	// Invalidates are the target URIs and groups that caches on the way have to validate after this request (RFC 9111 §4.4).
	Invalidates cache.Invalidation
}

// Keeping is what a cache may do with a response.
type Keeping struct {
	// Reason is [cache.Allowed], or why it must not store the response.
	Reason cache.Reason
	// Freshness is how old the response was when it arrived, and how long it is fresh. Zero if it is not stored.
	cache.Freshness
	// Undated says that the lifetime cannot be told, as it ends at a date and the capture has no time.
	Undated bool
	// Next is what it does with a request that has no wishes of its own, as soon as the response is stored.
	Next cache.Reuse
}

// Stored reports whether the cache may store the response.
func (k *Keeping) Stored() bool { return k.Reason == cache.Allowed }

// Earlier is what a cache would do with a request, as it has the response of an earlier one.
type Earlier struct {
	// Exchange is the index of the one whose response it has.
	Exchange int
	cache.Reuse
}

// Exchanges says what caches make of each exchange, given in the order in which they took place. The exchanges must not be
// changed while it runs.
func Exchanges(xs []*capture.Exchange) []Verdict {
	verdicts := make([]Verdict, len(xs))
	shared, private := newShelf(cache.Shared), newShelf(cache.Private)
	all := make([]message, len(xs))
	for i, x := range xs {
		all[i] = read(x)
	}
	timed := !slices.ContainsFunc(all, func(m message) bool { return m.began.IsZero() })
	for i, one := range all {
		v := &verdicts[i]
		v.Invalidates = one.invalidates()
		if v.Silent = one.silent(); v.Silent == "" {
			v.Assumed = one.assumed()
			v.Shared, v.Private = shared.keeping(one), private.keeping(one)
			if v.Stored() {
				v.Validation = shared.validation(one)
			}
		}
		if timed {
			v.SharedHad, v.PrivateHad = shared.earlier(one), private.earlier(one)
			shared.see(i, one, v)
			private.see(i, one, v)
		}
	}
	return verdicts
}

// message is an exchange as the decisions of package cache look at it.
type message struct {
	x        *capture.Exchange
	target   *url.URL // nil if it is not known
	request  cache.Request
	response cache.Response
	// began and came are when the request was sent and the response arrived: by the capture, or else both are the Date of the response
	// with its Age added. They are zero if neither tells.
	began, came time.Time
}

func read(x *capture.Exchange) message {
	m := message{
		x: x, request: cache.Request{Method: x.Request.Method, Header: x.Request.Header.Map()},
		response: cache.Response{Status: x.Response.Status, Header: x.Response.Header.Map()},
		began:    x.Started, came: x.Started.Add(x.Duration),
	}
	if sent, ok := date.Parse(x.Response.Header.Get("Date"), time.Time{}); ok && x.Started.IsZero() {
		age, _ := strconv.ParseUint(x.Response.Header.Get("Age"), 10, 31)
		m.began = sent.Add(time.Duration(age) * time.Second)
		m.came = m.began
	}
	if u, err := url.Parse(x.URL()); err == nil && u.Host != "" {
		m.target = u
	}
	if m.request.Method == "" || m.request.Method == http.MethodHead { // what a GET would be told
		m.request.Method = http.MethodGet
	}
	return m
}

// silent says why nothing can be said.
func (m *message) silent() string {
	switch x := m.x; {
	case x.Cache != "":
		return "a cache of the client answered (" + x.Cache + "), and the server was not asked"
	case x.Response.Status == 0:
		return "there is no response"
	case x.Missing(capture.ResponseHeader):
		return "the capture lacks header fields of the response"
	case x.Response.Status == http.StatusNotModified && method.IsSafe(m.request.Method):
		return "a 304 is not stored: it makes what a cache has as fresh as its own fields say (RFC 9111 §4.3.4)"
	}
	return ""
}

func (m *message) assumed() (all []string) {
	switch {
	case m.x.Request.Method == "":
		all = append(all, "the request was a GET")
	case m.x.Request.Method == http.MethodHead:
		all = append(all, "a GET is answered with the same fields as this HEAD")
	}
	if m.x.Request.Method == "" || m.x.Missing(capture.RequestHeader) {
		all = append(all, "the request had no Authorization, Cookie or Cache-Control")
	}
	return all
}

func (m *message) invalidates() cache.Invalidation {
	if m.target == nil || m.x.Request.Method == "" || m.x.Cache != "" {
		return cache.Invalidation{}
	}
	return cache.Invalidates(m.request.Method, m.target, m.response)
}

// shelf is a cache without content: what it would have after the exchanges so far.
type shelf struct {
	policy cache.Policy
	stored map[string][]shelved // by target URI
}

type shelved struct {
	exchange int
	*cache.Stored
}

// maxShelved bounds what is remembered of one target.
const maxShelved = 64

func newShelf(role cache.Role) *shelf {
	return &shelf{cache.Policy{Role: role}, make(map[string][]shelved)}
}

func (s *shelf) keeping(m message) *Keeping {
	k := new(Keeping)
	if k.Reason = s.policy.Storable(m.request, m.response, m.came); k.Reason != cache.Allowed {
		return k
	}
	entry := s.policy.Entry(m.request, m.response, m.began, m.came)
	k.Freshness, k.Next = s.policy.Freshness(entry, m.came), s.policy.Reuse(plain(entry), entry, m.came)
	k.Undated = k.Source == cache.FromExpires && m.came.IsZero()
	return k
}

// plain is a request that selects the entry and asks for nothing else.
func plain(entry *cache.Stored) cache.Request {
	return cache.Request{Method: entry.Request.Method, Header: entry.Request.Header}
}

// validation are the conditions of a request that has none of its own.
func (s *shelf) validation(m message) (lines []capture.Line) {
	entry := s.policy.Entry(m.request, m.response, m.began, m.came)
	sent := s.policy.Conditions(plain(entry), []*cache.Stored{entry})
	for _, name := range []string{"If-None-Match", "If-Modified-Since"} {
		for _, value := range sent[name] {
			lines = append(lines, capture.Line{Name: name, Value: value})
		}
	}
	return lines
}

// earlier says what the cache would have done with the request.
func (s *shelf) earlier(m message) *Earlier {
	if m.target == nil || m.x.Request.Method != http.MethodGet && m.x.Request.Method != http.MethodHead {
		return nil
	}
	request := m.request
	request.Method = m.x.Request.Method
	all := s.stored[cache.Target(m.target)]
	e := s.policy.Explain(request, descriptions(all), m.began)
	if e.Chosen < 0 {
		return nil
	}
	return &Earlier{all[e.Chosen].exchange, e.Reuse}
}

func descriptions(all []shelved) []*cache.Stored {
	list := make([]*cache.Stored, len(all))
	for i := range all {
		list[i] = all[i].Stored
	}
	return list
}

// see takes in an exchange: it stores the response, renews what a 304 is about, and marks what an unsafe request has changed.
func (s *shelf) see(i int, m message, v *Verdict) {
	for _, target := range v.Invalidates.Targets {
		for n, old := range s.stored[target] {
			marked := *old.Stored
			marked.Invalid = true
			s.stored[target][n].Stored = &marked
		}
	}
	if m.target == nil || m.x.Cache != "" || m.x.Request.Method != http.MethodGet || m.x.Missing(capture.ResponseHeader) {
		return
	}
	target := cache.Target(m.target)
	all := s.stored[target]
	if m.response.Status == http.StatusNotModified {
		for _, n := range s.policy.Freshens(descriptions(all), m.response, m.came) {
			all[n] = shelved{i, s.policy.Update(all[n].Stored, m.response, m.began, m.came)}
		}
		return
	}
	if s.policy.Storable(m.request, m.response, m.came) != cache.Allowed {
		return
	}
	all = slices.DeleteFunc(all, func(old shelved) bool { return old.Matches(m.request) })
	all = append(all, shelved{i, s.policy.Entry(m.request, m.response, m.began, m.came)})
	s.stored[target] = all[max(0, len(all)-maxShelved):]
}

// Same reports whether a shared and a private cache may do the same with the response.
func (v *Verdict) Same() bool { return v.Shared != nil && *v.Shared == *v.Private }

// Stored reports whether any cache may store the response.
func (v *Verdict) Stored() bool { return v.Shared != nil && (v.Shared.Stored() || v.Private.Stored()) }
