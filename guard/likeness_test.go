package guard_test

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
)

// likeness is a small server that behaves as a real one does, in one respect. What it does not change is right: strong tags of
// content, conditional requests, ranges, and preconditions evaluated in one step with the write.
type likeness struct {
	name string
	// trust is what is thought of its tags after lessons, in which nothing changes if still is set.
	trust string
	still bool
	// tag is made of a file; nil is the MD5 of the content.
	tag func(b *backend, path string, f file) string
	// instead answers in the place of all else, if it returns true.
	instead func(s *likened, w http.ResponseWriter, r *http.Request) bool
	// edit changes the header of an answer before it is sent.
	edit func(r *http.Request, status int, h http.Header)
	// blind ignores the preconditions of writes.
	blind bool
}

// likened is a likeness with files.
type likened struct {
	likeness
	*backend
	writing sync.Mutex
	first   map[string]string // the first tag of each path, for those that keep it
}

func (l likeness) with(b *backend) *likened {
	return &likened{likeness: l, backend: b, first: make(map[string]string)}
}

func (s *likened) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.edit != nil {
		w = &editor{ResponseWriter: w, edit: func(status int, h http.Header) { s.edit(r, status, h) }}
	}
	switch {
	case s.instead != nil && s.instead(s, w, r):
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		s.read(w, r)
	case r.Method == http.MethodPut || r.Method == http.MethodDelete:
		s.write(w, r)
	default:
		w.WriteHeader(http.StatusMethodNotAllowed)
	}
}

// stateOf returns the file at a path and its tag, or false.
func (s *likened) stateOf(path string) (f file, tag string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if f, ok = s.files[path]; !ok {
		return f, "", false
	}
	if s.tag == nil {
		return f, `"` + f.sum + `"`, true
	}
	return f, s.tag(s.backend, path, f), true
}

func (s *likened) read(w http.ResponseWriter, r *http.Request) {
	f, tag, ok := s.stateOf(r.URL.Path)
	if !ok {
		http.Error(w, "no such file", http.StatusNotFound)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain")
	h.Set("Etag", tag)
	http.ServeContent(w, r, "", f.modified, bytes.NewReader(f.content))
}

// write evaluates and performs in one step.
func (s *likened) write(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, tag, exists := s.stateOf(r.URL.Path)
	if !s.blind && !holds(r.Header, tag, exists) {
		w.WriteHeader(http.StatusPreconditionFailed)
		return
	}
	s.perform(w, r, content)
}

// holds evaluates the two preconditions that a guard passes on.
func holds(h http.Header, tag string, exists bool) bool {
	match, none := h.Get("If-Match"), h.Get("If-None-Match")
	return (match == "" || exists && match == tag) && (none != "*" || !exists)
}

// perform stores or removes without a condition.
func (s *likened) perform(w http.ResponseWriter, r *http.Request, content []byte) {
	_, _, existed := s.stateOf(r.URL.Path)
	switch {
	case r.Method == http.MethodPut:
		s.store(r.URL.Path, content)
		status := http.StatusCreated
		if existed {
			status = http.StatusNoContent
		}
		w.WriteHeader(status)
	default:
		s.remove(w, r)
	}
}

// editor changes a header before it is sent.
type editor struct {
	http.ResponseWriter
	edit func(status int, h http.Header)
	sent bool
}

func (e *editor) WriteHeader(status int) {
	if !e.sent {
		e.sent = true
		e.edit(status, e.Header())
	}
	e.ResponseWriter.WriteHeader(status)
}

func (e *editor) Write(p []byte) (int, error) {
	if !e.sent {
		e.WriteHeader(http.StatusOK)
	}
	return e.ResponseWriter.Write(p)
}

// likenesses are those of servers that were seen to go wrong, with or without a guard before them.
var likenesses = []likeness{
	{name: "a sound one", trust: "trusted"},
	{name: "nginx: tags of time and size, 304 and 206 without Vary, preconditions ignored", trust: "trusted", blind: true,
		tag: func(_ *backend, _ string, f file) string {
			return fmt.Sprintf(`"%x-%x"`, f.modified.Unix(), len(f.content))
		},
		edit: func(_ *http.Request, status int, h http.Header) {
			if status == http.StatusOK {
				h.Set("Vary", "Accept-Language")
			}
		}},
	{name: "S3: the tag of a PUT is the digest of its content", trust: "trusted", edit: nil,
		instead: func(s *likened, w http.ResponseWriter, r *http.Request) bool {
			return putTag(s, w, r, func(content []byte) string { return fmt.Sprintf(`"%x"`, md5.Sum(content)) })
		}},
	{name: "SeaweedFS: the tag of a PUT is not that of the next GET", trust: "trusted",
		instead: func(s *likened, w http.ResponseWriter, r *http.Request) bool {
			return putTag(s, w, r, func(content []byte) string { return fmt.Sprintf(`"%08x"`, len(content)) })
		}},
	{name: "armadietto: tags that tell nothing", trust: "trusted",
		tag: func(_ *backend, _ string, f file) string { return fmt.Sprintf(`"%d"`, f.modified.UnixMilli()) }},
	{name: "CherryPy: performs a write, then compares, and answers 412", trust: "trusted",
		instead: writesThenRefuses(http.StatusPreconditionFailed)},
	{name: "@fastify/etag: performs a write and answers 304", trust: "trusted", instead: writesThenRefuses(http.StatusNotModified)},
	{name: "refuses what holds", trust: "trusted", instead: func(_ *likened, w http.ResponseWriter, r *http.Request) bool {
		if isRead(r) || r.Header.Get("If-Match")+r.Header.Get("If-None-Match") == "" {
			return false
		}
		io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusPreconditionFailed)
		return true
	}},
	{name: "Tornado: the tag is the digest of the first version for ever", trust: "trusted", still: true, blind: true, instead: keepsFirstTag},
	{name: "Squid 5.7: a 200 to a false If-Range is shifted", trust: "trusted", instead: shifts},
	{name: "x/net/webdav: truncates, and writes in place", trust: "trusted", blind: true, instead: truncates,
		tag: func(_ *backend, _ string, f file) string {
			return fmt.Sprintf(`"%x-%x"`, f.modified.UnixNano(), len(f.content))
		}},
	{name: "Apache: a tag for each coding, weak if coded", trust: "trusted", instead: codesFor},
	{name: "weak tags", trust: "learning", tag: func(_ *backend, _ string, f file) string { return `W/"` + f.sum + `"` }},
	{name: "hgweb: one tag for all there is", trust: "distrusted",
		tag: func(b *backend, _ string, _ file) string { return fmt.Sprintf(`"%d"`, b.writes) }},
	{name: "ignores ranges", trust: "trusted", instead: func(_ *likened, _ http.ResponseWriter, r *http.Request) bool {
		deleteAll(r.Header, "Range", "If-Range")
		return false
	}},
	{name: "Community Solid Server: ranges whatever If-Range says", trust: "trusted",
		instead: func(_ *likened, w http.ResponseWriter, r *http.Request) bool {
			deleteAll(r.Header, "If-Range")
			if r.Header.Get("Range") == "bytes=0-0" {
				w.WriteHeader(http.StatusRequestedRangeNotSatisfiable)
				return true
			}
			return false
		}},
	{name: "parts without Content-Type and Last-Modified", trust: "trusted", edit: func(_ *http.Request, status int, h http.Header) {
		if status == http.StatusPartialContent {
			deleteAll(h, "Last-Modified")
			h["Content-Type"] = nil // which net/http would guess
		}
	}},
	{name: "parts and HEAD without tags", trust: "trusted", edit: func(r *http.Request, status int, h http.Header) {
		if status == http.StatusPartialContent || r.Method == http.MethodHead {
			deleteAll(h, "Etag")
		}
	}},
	{name: "a digest of the content in each answer", trust: "trusted", edit: func(r *http.Request, status int, h http.Header) {
		if status == http.StatusOK && isRead(r) {
			h.Set("Content-Digest", "sha-256=:"+h.Get("Etag")+":")
		}
	}},
	{name: "of unknown length", trust: "trusted", edit: func(_ *http.Request, status int, h http.Header) {
		if status == http.StatusOK {
			deleteAll(h, "Content-Length")
		}
	}},
}

func isRead(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

func deleteAll(h http.Header, names ...string) {
	for _, name := range names {
		h.Del(name)
	}
}

// putTag has the answer to a PUT say what its tag is.
func putTag(s *likened, w http.ResponseWriter, r *http.Request, tag func([]byte) string) bool {
	if r.Method != http.MethodPut {
		return false
	}
	content, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(content))
	s.write(&editor{ResponseWriter: w, edit: func(status int, h http.Header) {
		if status/100 == 2 {
			h.Set("Etag", tag(content))
		}
	}}, r)
	return true
}

// writesThenRefuses holds the precondition to what is there after the write.
func writesThenRefuses(status int) func(*likened, http.ResponseWriter, *http.Request) bool {
	return func(s *likened, w http.ResponseWriter, r *http.Request) bool {
		if isRead(r) || r.Header.Get("If-Match")+r.Header.Get("If-None-Match") == "" {
			return false
		}
		content, _ := io.ReadAll(r.Body)
		s.perform(&discarder{header: make(http.Header)}, r, content)
		w.WriteHeader(status)
		return true
	}
}

// keepsFirstTag gives the tag of what was there at first, until the process ends.
func keepsFirstTag(s *likened, w http.ResponseWriter, r *http.Request) bool {
	f, tag, ok := s.stateOf(r.URL.Path)
	if !isRead(r) || !ok {
		return false
	}
	s.mu.Lock()
	if s.first[r.URL.Path] == "" {
		s.first[r.URL.Path] = tag
	}
	w.Header().Set("Etag", s.first[r.URL.Path])
	s.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain")
	if r.Header.Get("If-None-Match") == w.Header().Get("Etag") {
		w.Header().Set("Last-Modified", f.modified.UTC().Format(http.TimeFormat)) // which tells
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	http.ServeContent(w, r, "", f.modified, bytes.NewReader(f.content))
	return true
}

// shifts answers a false If-Range with the whole, from which the start of the range was cut.
func shifts(s *likened, w http.ResponseWriter, r *http.Request) bool {
	f, tag, ok := s.stateOf(r.URL.Path)
	start, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	n, err := strconv.Atoi(start)
	if !ok || !isRead(r) || err != nil || n > len(f.content) || r.Header.Get("If-Range") == "" || r.Header.Get("If-Range") == tag {
		return false
	}
	w.Header().Set("Etag", tag)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Length", strconv.Itoa(len(f.content)))
	w.Write(append(f.content[n:len(f.content):len(f.content)], f.content[:n]...))
	return true
}

// truncates shows nothing, and then half, of what is being written.
func truncates(s *likened, w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPut {
		return false
	}
	content, err := io.ReadAll(r.Body)
	if err != nil {
		return true
	}
	s.writing.Lock()
	defer s.writing.Unlock()
	_, _, existed := s.stateOf(r.URL.Path)
	for _, n := range []int{0, len(content) / 2, len(content)} {
		s.store(r.URL.Path, content[:n])
		for range 50 {
			runtime.Gosched()
		}
	}
	if existed {
		w.WriteHeader(http.StatusNoContent)
	} else {
		w.WriteHeader(http.StatusCreated)
	}
	return true
}

// codesFor codes for clients that accept gzip.
func codesFor(s *likened, w http.ResponseWriter, r *http.Request) bool {
	f, tag, ok := s.stateOf(r.URL.Path)
	w.Header().Set("Vary", "Accept-Encoding")
	if !ok || !isRead(r) || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return false
	}
	w.Header().Set("Etag", "W/"+strings.TrimSuffix(tag, `"`)+`-gzip"`)
	w.Header().Set("Content-Type", "text/plain")
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(gzipped(f.content))
	return true
}
