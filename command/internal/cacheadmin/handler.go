package cacheadmin

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/fourtwelve/fourtwelve/cache"
	"github.com/fourtwelve/fourtwelve/guard"
	"github.com/fourtwelve/fourtwelve/internal/field/secret"
)

// Options are what New needs.
type Options struct {
	// Guard is the guard in force.
	Guard func() *guard.Handler
	// Usage is what its caches keep.
	Usage func() cache.Usage
	// Observe is told of each purge.
	Observe func(soft bool, done cache.Purged)
	// Logger is told of each purge.
	Logger *slog.Logger
}

// notGuarded is the reason of a problem that tells a guard from other servers, which do not find the cache.
const notGuarded = "not-guarded"

const (
	maxContent   = 1 << 20
	maxNames     = 1000
	defaultLimit = 100
	maxLimit     = 1000
	maxSimilar   = 5
)

// New returns a handler for /cache/. Who may ask is decided before.
func New(o Options) http.Handler {
	a := admin{o}
	mux := http.NewServeMux()
	mux.Handle("/cache/purge", answer(a.purge))
	mux.Handle("/cache/list", answer(a.list))
	mux.Handle("/cache/explain", answer(a.explain))
	mux.HandleFunc("/cache/", func(w http.ResponseWriter, r *http.Request) {
		send(w, http.StatusNotFound, problem(http.StatusNotFound, "no-such-thing", "there is nothing here",
			"POST to /cache/purge, /cache/list or /cache/explain"))
	})
	return mux
}

// Closed answers in place of New where nobody is known: option says who may be asked.
func Closed(option string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		send(w, http.StatusForbidden, problem(http.StatusForbidden, "nobody-known",
			"the admin listener can be reached from other machines, and nobody is known who may look into the cache",
			"start the guard with "+option+" bearer:FILE, or with its metrics on 127.0.0.1"))
	})
}

type admin struct{ Options }

// answer makes a handler of a function from a question to its answer.
func answer[Q, A any](do func(*Q) (*A, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := new(Q)
		if p := read(r, w, q); p != nil {
			if p.Status == http.StatusMethodNotAllowed {
				w.Header().Set("Allow", http.MethodPost)
			}
			send(w, p.Status, p)
			return
		}
		a, err := do(q)
		if p, ok := errors.AsType[*Problem](err); ok {
			send(w, p.Status, p)
			return
		}
		if err != nil {
			send(w, http.StatusInternalServerError, problem(http.StatusInternalServerError, "storage", err.Error(), ""))
			return
		}
		send(w, http.StatusOK, a)
	})
}

// read reads the question of a request. A page of another site cannot make a browser send this type.
func read(r *http.Request, w http.ResponseWriter, q any) *Problem {
	if r.Method != http.MethodPost {
		return problem(http.StatusMethodNotAllowed, "method", "the cache is asked by POST", "")
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/json" {
		return problem(http.StatusUnsupportedMediaType, "not-json", "the question must be application/json",
			"send Content-Type: application/json")
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxContent))
	d.DisallowUnknownFields()
	err := d.Decode(q)
	if err == nil {
		if _, err = d.Token(); err == io.EOF {
			return nil
		}
		err = errors.New("there is something after the object")
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return problem(http.StatusRequestEntityTooLarge, "too-long", "the question is longer than 1 MiB", "ask for less at a time")
	}
	return problem(http.StatusBadRequest, "unreadable", "the question cannot be read: "+err.Error(), "docs/caching.md has its members")
}

func problem(status int, reason, detail, hint string) *Problem {
	return &Problem{Title: http.StatusText(status), Status: status, Reason: reason, Detail: detail, Hint: hint}
}

func send(w http.ResponseWriter, status int, content any) {
	w.Header().Set("Content-Type", "application/json")
	if _, ok := content.(*Problem); ok {
		w.Header().Set("Content-Type", "application/problem+json")
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	_ = e.Encode(content)
}

// CheckURL says what is wrong with a URL as one that clients ask for.
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("%q is not a URL", text)
	case u.Scheme == "" || !strings.Contains(text, "://"):
		return fmt.Errorf("%q has no scheme: write all of it, as clients ask for it, such as http://example.org/page", text)
	case u.Scheme != "http" && u.Scheme != "https":
		return fmt.Errorf("%q: only http and https URLs are stored", text)
	case u.Host == "":
		return fmt.Errorf("%q has no host: write all of it, such as http://example.org/page", text)
	case u.User != nil:
		return errors.New("a URL with a user in it is never stored: leave out the user")
	}
	return nil
}

// CheckPrefix says what is wrong with the beginning of URLs.
func CheckPrefix(text string) error {
	if err := CheckURL(text); err != nil {
		return fmt.Errorf("prefix %w", err)
	}
	_, rest, _ := strings.Cut(text, "://")
	switch {
	case !strings.Contains(rest, "/"):
		return fmt.Errorf("prefix %q ends in the host, and would be that of other hosts, too: write %s/ for all of this host", text, text)
	case strings.ContainsAny(text, "*#"):
		return fmt.Errorf("prefix %q: it is no pattern; write how the URLs begin, without * and #", text)
	}
	return nil
}

func check(urls, prefixes, tags []string) error {
	if len(urls)+len(prefixes)+len(tags) > maxNames {
		return problem(http.StatusBadRequest, "too-many", fmt.Sprintf("more than %d names at once", maxNames), "ask in several requests")
	}
	for _, text := range urls {
		if err := CheckURL(text); err != nil {
			return problem(http.StatusBadRequest, "bad-url", err.Error(), "")
		}
	}
	for _, text := range prefixes {
		if err := CheckPrefix(text); err != nil {
			return problem(http.StatusBadRequest, "bad-prefix", err.Error(), "")
		}
	}
	if slices.Contains(tags, "") {
		return problem(http.StatusBadRequest, "bad-tag", "a tag is empty", "")
	}
	return nil
}

// prefixes are in the form of targets: scheme and host in lower case, no port that is the scheme's own.
func prefixes(texts []string) (all []string) {
	for _, text := range texts {
		scheme, rest, _ := strings.Cut(text, "://")
		host, path, _ := strings.Cut(rest, "/")
		bare := cache.Target(&url.URL{Scheme: scheme, Host: host, Path: "/"})
		all = append(all, bare+path)
	}
	return all
}

func (a admin) purge(q *Purge) (*Purged, error) {
	if err := check(q.URLs, q.Prefixes, q.Tags); err != nil {
		return nil, err
	}
	which := cache.Selection{All: q.All, Targets: q.URLs, AnyQuery: q.AnyQuery, Prefixes: prefixes(q.Prefixes), Tags: q.Tags}
	switch {
	case which.IsZero():
		return nil, problem(http.StatusBadRequest, "nothing-named", "nothing is named that is to be purged", "give urls, prefixes, tags or all")
	case q.AnyQuery && len(q.URLs) == 0:
		return nil, problem(http.StatusBadRequest, "nothing-named", "any_query belongs to urls, and there are none",
			"a prefix is for any query as it is")
	}
	done, err := a.Guard().Purge(which, q.Soft)
	if err == nil || done.Targets > 0 {
		a.Observe(q.Soft, done)
		a.Logger.Info("the cache was purged", "soft", q.Soft, "targets", done.Targets, "responses", done.Responses, "bytes", done.Bytes)
	}
	if err != nil {
		return nil, a.problemOf(err, q.URLs)
	}
	answer := &Purged{Targets: done.Targets, Responses: done.Responses, Bytes: done.Bytes, Soft: q.Soft}
	if done.Targets == 0 {
		answer.Similar = a.similar(q.URLs)
	}
	return answer, nil
}

// problemOf says why a guard has nothing to say of URLs.
func (a admin) problemOf(err error, urls []string) error {
	switch {
	case errors.Is(err, guard.ErrNoCache) && len(urls) == 0:
		return problem(http.StatusConflict, "cache-off", "this guard has no cache",
			"start it with --cache=on, or write cache: true into its configuration")
	case errors.Is(err, guard.ErrNoCache):
		return problem(http.StatusConflict, "cache-off", "the route of that URL has no cache",
			"start the guard with --cache=on, or write cache: true into the route")
	case errors.Is(err, guard.ErrNotGuarded):
		hint := "give the URL as clients of the guard ask for it"
		if similar := a.similar(urls); len(similar) > 0 {
			hint = "stored is " + strings.Join(similar, ", ")
		}
		return problem(http.StatusNotFound, notGuarded, "no route of this guard is for that URL", hint)
	}
	return problem(http.StatusInternalServerError, "storage", err.Error(), "see to the directory of the cache, and purge again")
}

// similar are URLs that are stored under the paths of others.
func (a admin) similar(urls []string) (found []string) {
	paths := make(map[string]bool)
	for _, text := range urls {
		if u, err := url.Parse(text); err == nil {
			paths[u.EscapedPath()] = true
		}
	}
	if len(paths) == 0 {
		return nil
	}
	all, _, err := a.Guard().Contents(cache.Selection{All: true}, "", 1<<30)
	if err != nil {
		return nil
	}
	for _, c := range all {
		u, err := url.Parse(c.URL)
		if err == nil && paths[u.EscapedPath()] && !slices.Contains(urls, c.URL) && len(found) < maxSimilar {
			found = append(found, secret.Text(c.URL))
		}
	}
	return slices.Compact(found)
}

func (a admin) list(q *List) (*Listed, error) {
	if err := check(nil, q.Prefixes, q.Tags); err != nil {
		return nil, err
	}
	limit := q.Limit
	switch {
	case limit == 0:
		limit = defaultLimit
	case limit < 0 || limit > maxLimit:
		return nil, problem(http.StatusBadRequest, "bad-limit", fmt.Sprintf("limit %d is not between 1 and %d", limit, maxLimit), "")
	}
	which := cache.Selection{All: len(q.Prefixes)+len(q.Tags) == 0, Prefixes: prefixes(q.Prefixes), Tags: q.Tags}
	all, more, err := a.Guard().Contents(which, q.After, limit)
	if err != nil {
		return nil, a.problemOf(err, nil)
	}
	usage := a.Usage()
	answer := &Listed{Targets: []Target{}, Keys: usage.Keys, Bytes: usage.Bytes}
	now := time.Now()
	for _, c := range all {
		answer.Targets = append(answer.Targets, targetOf(c, now))
	}
	if more {
		answer.Next = all[len(all)-1].URL
	}
	return answer, nil
}

func (a admin) explain(q *Explain) (*Explained, error) {
	if q.Method == "" {
		q.Method = http.MethodGet
	}
	if q.Method != http.MethodGet && q.Method != http.MethodHead {
		return nil, problem(http.StatusBadRequest, "bad-method", fmt.Sprintf("what is explained is GET or HEAD, and not %.20q", q.Method), "")
	}
	if err := check([]string{q.URL}, nil, nil); err != nil {
		return nil, err
	}
	h := a.Guard()
	c, err := h.CachedAt(q.URL)
	if err != nil {
		return nil, a.problemOf(err, []string{q.URL})
	}
	header := make(http.Header)
	for name, lines := range q.Header {
		header[textproto.CanonicalMIMEHeaderKey(name)] = lines
	}
	e, now := h.Explain(c, q.Method, header)
	answer := &Explained{
		Target: targetOf(c, now), Chosen: e.Chosen, Action: e.Action.String(), Reason: e.Reason.String(), Section: e.Reason.Section(),
		Sent: asked(e.Sent),
	}
	if e.Chosen >= 0 {
		answer.OnError = &Decision{e.OnError.Action.String(), e.OnError.Reason.String(), e.OnError.Reason.Section()}
	}
	if len(c.Entries) == 0 {
		answer.Similar = a.similar([]string{q.URL})
	}
	return answer, nil
}

// asked leaves those of the fields by which what is stored is asked about.
func asked(sent map[string][]string) map[string][]string {
	about := make(map[string][]string)
	for _, name := range []string{"If-None-Match", "If-Modified-Since", "Range", "If-Range"} {
		if lines := sent[name]; len(lines) > 0 {
			about[name] = lines
		}
	}
	return about
}

func targetOf(c guard.Cached, now time.Time) Target {
	t := Target{URL: secret.Text(c.URL), Route: c.Route, Mode: c.Mode, Responses: []Response{}}
	for _, e := range c.Entries {
		t.Responses = append(t.Responses, responseOf(c.Policy, e, now))
	}
	return t
}

func responseOf(p *cache.Policy, e *cache.Entry, now time.Time) Response {
	f := p.Freshness(e.Stored, now)
	r := Response{
		Method: e.Request.Method, Status: e.Status, ETag: first(e.Header, "Etag"), LastModified: first(e.Header, "Last-Modified"),
		Age: int64(f.Age / time.Second), Lifetime: int64(f.Lifetime / time.Second), Source: f.Source.String(), Fresh: f.Fresh(),
		Until: now.Add(f.Left()).UTC().Truncate(time.Second), Stored: e.Received.UTC().Truncate(time.Second),
		Invalid: e.Invalid, Size: e.Length(), Tags: cache.Tags(e.Header), CacheControl: strings.Join(e.Header["Cache-Control"], ", "),
	}
	if !e.Expired.IsZero() {
		since := e.Expired.UTC().Truncate(time.Second)
		r.MadeStale = &since
	}
	for _, part := range e.Parts {
		r.Parts = append(r.Parts, [2]int64{part.Start, part.End() - 1})
	}
	for _, name := range varyOf(e.Header) {
		if r.Vary == nil {
			r.Vary = make(map[string]*string)
		}
		r.Vary[name] = nil
		if lines := e.Request.Header[name]; len(lines) > 0 {
			value := secret.Value(name, strings.Join(lines, ", "))
			r.Vary[name] = &value
		}
	}
	return r
}

func varyOf(header map[string][]string) (names []string) {
	for _, line := range header["Vary"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.CanonicalMIMEHeaderKey(strings.Trim(name, " \t")); name != "" {
				names = append(names, name)
			}
		}
	}
	return names
}

func first(header map[string][]string, name string) string {
	if lines := header[name]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}
