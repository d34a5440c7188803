package probe_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

// notes is a small server that does everything right but for one fault, whose name is one of
// testdata/writes.txt.
type notes struct {
	fault string

	mu    sync.Mutex
	pages map[string]*page
	// versions counts the writes. It makes the tags, and the time, which is an hour behind ours.
	versions int
}

// page is one version of a resource.
type page struct {
	content  []byte
	kind     string
	version  int
	modified time.Time
	looks    atomic.Int32 // how often GET sent it
}

func newNotes(fault string) *notes {
	n := &notes{fault: fault, pages: map[string]*page{}}
	n.store("/page.txt", []byte("a page that stands still\n"), "text/plain")
	return n
}

func (n *notes) is(fault string) bool { return n.fault == fault }

// page returns the current version; nil if there is none.
func (n *notes) page(path string) *page {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.pages[path]
}

// store makes a new version; the content is nil for none.
func (n *notes) store(path string, content []byte, kind string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.storeLocked(path, content, kind)
}

func (n *notes) storeLocked(path string, content []byte, kind string) {
	if content == nil {
		delete(n.pages, path)
		return
	}
	n.versions++
	modified := time.Now().Add(-time.Hour + time.Duration(n.versions)*time.Second)
	n.pages[path] = &page{content: content, kind: kind, version: n.versions, modified: modified.Truncate(time.Second)}
}

// swap stores the content, nil for none, unless the condition does not hold any more. It returns
// the status.
func (n *notes) swap(r *http.Request, seen *page, content []byte, kind string) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.pages[r.URL.Path]
	if now != seen && !n.is("race") {
		if status := n.judge(r, now); status != 0 {
			return status
		}
	}
	n.storeLocked(r.URL.Path, content, kind)
	if content != nil && (now == nil || n.is("created-each-time")) {
		return http.StatusCreated
	}
	return http.StatusNoContent
}

// tag is the entity tag that GET sends.
func (n *notes) tag(p *page) etag.Tag {
	switch {
	case p == nil || n.is("no-tags"):
		return etag.Tag{}
	case n.is("tag-of-length"):
		return etag.MustParse(fmt.Sprintf(`"length-%d"`, len(p.content)))
	case n.is("weak"), n.is("weak-at-first") && p.looks.Load() < 2:
		return etag.MustParse(fmt.Sprintf(`W/"v%d"`, p.version))
	}
	return etag.MustParse(fmt.Sprintf(`"v%d"`, p.version))
}

// judge evaluates the preconditions, and returns the status of a refusal or 0.
func (n *notes) judge(r *http.Request, p *page) int {
	fields := precondition.FieldsOf(r.Header)
	current := precondition.Current{Exists: p != nil, Tag: n.tag(p)}
	if p != nil {
		current.LastModified = p.modified
		if !n.is("suffix-unknown") && !current.Tag.IsZero() {
			current.Others = []etag.Tag{current.Tag.WithCoding("gzip")}
		}
	}
	n.spoil(r, &fields, &current)
	switch d := precondition.Evaluate(precondition.Origin, r.Method, fields, current); d.Outcome {
	case precondition.NotModified:
		return http.StatusNotModified
	case precondition.PreconditionFailed:
		return n.refusal(r)
	case precondition.BadRequest:
		return http.StatusBadRequest
	}
	return 0
}

// spoil is what the fault makes of a condition.
func (n *notes) spoil(r *http.Request, f *precondition.Fields, c *precondition.Current) {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return
	}
	ifMatch, inm, ius := r.Header.Get("If-Match"), r.Header.Get("If-None-Match"), r.Header.Get("If-Unmodified-Since")
	ignored, never := &f.IfMatch, []string{`"never"`}
	switch {
	case n.is("if-match-ignored"),
		n.is("if-match-of-put-ignored") && r.Method == http.MethodPut,
		n.is("if-match-of-delete-ignored") && r.Method == http.MethodDelete,
		n.is("if-match-of-patch-ignored") && r.Method == http.MethodPatch,
		n.is("unquoted-ignored") && ifMatch == "fourtwelve",
		n.is("weak-taken") && ifMatch == c.Tag.Weak().String(),
		n.is("if-match-of-missing-ignored") && !c.Exists,
		n.is("star-creates") && !c.Exists && ifMatch == "*":
		*ignored = nil
	case n.is("other-tag-compared") && len(f.IfMatch) > 0 && ifMatch != "*",
		n.is("star-compared") && ifMatch == "*",
		n.is("list-compared") && strings.Contains(ifMatch, ","),
		n.is("delete-compares-otherwise") && r.Method == http.MethodDelete && ifMatch != "" && ifMatch != "*",
		n.is("patch-compares-otherwise") && r.Method == http.MethodPatch && ifMatch != "":
		f.IfMatch = never
	case n.is("if-none-match-ignored"),
		n.is("none-match-compared-strongly") && strings.HasPrefix(inm, "W/"),
		n.is("none-match-tag-ignored") && inm != "*":
		f.IfNoneMatch = nil
	case n.is("none-match-refuses-create") && inm == "*", n.is("other-tag-matches") && inm != "" && inm != "*":
		f.IfMatch = never
	case n.is("if-unmodified-since-ignored"):
		f.IfUnmodifiedSince = nil
	case n.is("fractions-compared") && ius == c.LastModified.UTC().Format(http.TimeFormat),
		n.is("dates-as-text") && ius > c.LastModified.UTC().Format(http.TimeFormat):
		f.IfMatch = never
	}
}

func (n *notes) refusal(r *http.Request) int {
	switch {
	case r.Method == http.MethodGet:
	case n.is("refuses-with-409"):
		return http.StatusConflict
	case n.is("refuses-with-304"):
		return http.StatusNotModified
	case n.is("refuses-with-500"):
		return http.StatusInternalServerError
	}
	return http.StatusPreconditionFailed
}

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := n.page(r.URL.Path)
	if status := n.forbidden(r); status != 0 {
		w.WriteHeader(status)
		return
	}
	if status := map[string]int{"judges-on-the-way-out": http.StatusPreconditionFailed,
		"answers-304-on-the-way-out": http.StatusNotModified}[n.fault]; status != 0 {
		if plain := withoutConditions(r); plain != nil {
			n.judgeLate(w, r, plain, status)
			return
		}
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		n.get(w, r, p)
	case http.MethodPut:
		n.put(w, r, p)
	case http.MethodDelete:
		n.delete(w, r, p)
	case http.MethodPatch:
		n.patch(w, r, p)
	case http.MethodOptions:
		if !n.is("no-patch") {
			w.Header().Set("Accept-Patch", "application/merge-patch+json")
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// withoutConditions returns a conditional write as it would be without conditions; nil if r is none.
func withoutConditions(r *http.Request) *http.Request {
	if r.Method == http.MethodGet || r.Header.Get("If-Match")+r.Header.Get("If-None-Match") == "" {
		return nil
	}
	plain := r.Clone(r.Context())
	plain.Header.Del("If-Match")
	plain.Header.Del("If-None-Match")
	return plain
}

// judgeLate performs a write and then compares its conditions with the tag of what it made, as
// tools.etags of CherryPy 18.8 does, which answers 412; @fastify/etag and lighttpd's mod_deflate in
// front of a proxied server answer 304 in that way.
func (n *notes) judgeLate(w http.ResponseWriter, r, plain *http.Request, status int) {
	rec := httptest.NewRecorder()
	n.ServeHTTP(rec, plain)
	tag, ifMatch, noneMatch := rec.Header().Get("ETag"), r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	unmet := ifMatch != "" && ifMatch != "*" && ifMatch != tag || noneMatch == "*" || noneMatch != "" && noneMatch == tag
	if rec.Code/100 != 2 || !unmet {
		status = rec.Code
	}
	maps.Copy(w.Header(), rec.Header())
	w.WriteHeader(status)
}

// forbidden is the status of methods that the server does not take at all, or 0.
func (n *notes) forbidden(r *http.Request) int {
	var status int
	writes := r.Method == http.MethodPut || r.Method == http.MethodDelete || r.Method == http.MethodPatch
	guarded := r.Header.Get("If-Match")+r.Header.Get("If-None-Match")+r.Header.Get("If-Unmodified-Since") != ""
	switch {
	case writes && strings.HasPrefix(n.fault, "writes-get-"):
		fmt.Sscanf(n.fault, "writes-get-%d", &status)
	case r.Method == http.MethodDelete && n.is("no-delete"):
		status = http.StatusMethodNotAllowed
	case writes && n.is("demanding") && !guarded:
		status = http.StatusPreconditionRequired
	}
	return status
}

func (n *notes) get(w http.ResponseWriter, r *http.Request, p *page) {
	if p == nil {
		w.WriteHeader(http.StatusNotFound)
		return
	}
	p.looks.Add(1)
	tag, content := n.tag(p), p.content
	if len(content) > 1000 && r.Header.Get("Accept-Encoding") == "gzip" && !tag.IsZero() {
		tag, content = tag.WithCoding("gzip"), compressed(content)
		w.Header().Set("Content-Encoding", "gzip")
	}
	w.Header().Set("Vary", "Accept-Encoding")
	n.validators(w, tag, p)
	if status := n.judge(r, p); status != 0 {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", p.kind)
	w.Write(content)
}

func compressed(content []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write(content)
	z.Close()
	return b.Bytes()
}

func (n *notes) validators(w http.ResponseWriter, tag etag.Tag, p *page) {
	if !tag.IsZero() {
		w.Header().Set("ETag", tag.String())
	}
	if !n.is("no-dates") {
		w.Header().Set("Last-Modified", p.modified.UTC().Format(http.TimeFormat))
	}
}

func (n *notes) put(w http.ResponseWriter, r *http.Request, was *page) {
	if refused := n.refuseEarly(w, r, was); refused {
		return
	}
	content, err := io.ReadAll(r.Body)
	switch {
	case err != nil && n.is("cut-stored"), err != nil && n.is("cut-chunks-stored") && r.ContentLength < 0:
		n.store(r.URL.Path, content, "text/plain")
		return
	case err != nil:
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	if n.is("late") {
		if status := n.judge(r, was); status != 0 {
			w.WriteHeader(status)
			return
		}
	}
	if n.is("transforms") {
		content = append(content, "\r\n"...)
	}
	status := n.swap(r, was, content, r.Header.Get("Content-Type"))
	if now := n.page(r.URL.Path); status < 300 && now != nil {
		switch {
		case n.is("old-tag") && was != nil:
			now = was
		case n.is("old-date") && was != nil:
			now = &page{version: now.version, content: now.content, modified: was.modified}
		}
		if !n.is("no-tag-on-put") {
			n.validators(w, n.tag(now), now)
		}
	}
	w.WriteHeader(status)
}

// refuseEarly answers a PUT that is refused before its content is read, and reports whether it did.
func (n *notes) refuseEarly(w http.ResponseWriter, r *http.Request, was *page) bool {
	status := 0
	switch part := r.Header.Get("Content-Range") != ""; {
	case part && n.is("part-refused-with-501"):
		status = http.StatusNotImplemented
	case part && n.is("part-stored"):
		content, _ := io.ReadAll(r.Body)
		whole := bytes.Clone(was.content)
		n.store(r.URL.Path, append(append(whole[:2:2], content...), whole[4:]...), "text/plain")
		status = http.StatusNoContent
	case part && !n.is("part-replaces-all"):
		status = http.StatusBadRequest
	case !n.is("late"):
		status = n.judge(r, was)
	}
	if status == http.StatusPreconditionFailed && r.Header.Get("Expect") == "" {
		status = n.spoilRefusal(r, was)
	}
	if status != 0 {
		w.WriteHeader(status)
	}
	return status != 0
}

// spoilRefusal is what the fault makes of a PUT refused with 412. It returns the status.
func (n *notes) spoilRefusal(r *http.Request, was *page) int {
	replayed := func(content []byte) bool { return was != nil && bytes.Equal(content, was.content) }
	switch {
	case n.is("refuses-after-writing"):
		content, _ := io.ReadAll(r.Body)
		n.store(r.URL.Path, content, "text/plain")
	case n.is("replay-fails"):
		if content, _ := io.ReadAll(r.Body); replayed(content) {
			return http.StatusInternalServerError
		}
	case n.is("replay-appends"):
		if content, _ := io.ReadAll(r.Body); replayed(content) {
			n.store(r.URL.Path, append(content, content...), "text/plain")
			return http.StatusNoContent
		}
	}
	return http.StatusPreconditionFailed
}

func (n *notes) delete(w http.ResponseWriter, r *http.Request, was *page) {
	status := n.judge(r, was)
	switch {
	case was == nil:
		status = http.StatusNotFound
	case status == 0:
		status = n.swap(r, was, nil, "")
	case n.is("refuses-after-deleting"):
		n.swap(r, was, nil, "")
	}
	w.WriteHeader(status)
}

func (n *notes) patch(w http.ResponseWriter, r *http.Request, was *page) {
	status := n.judge(r, was)
	if was == nil {
		status = http.StatusNotFound
	}
	if status == 0 {
		var document, patch map[string]any
		json.Unmarshal(was.content, &document)
		json.NewDecoder(r.Body).Decode(&patch)
		for name, value := range patch {
			document[name] = value
		}
		content, _ := json.Marshal(document)
		status = n.swap(r, was, content, was.kind)
	}
	w.WriteHeader(status)
}
