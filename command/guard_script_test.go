package command_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// scriptBackend starts a server that knows nothing of preconditions, and sets
// $BACKEND: backend. It keeps what is PUT, in memory, and gives no validators but
// those that the query of a GET asks for.
//
//	GET  /any?etag="x"    the content, or 404; with that ETag, and with control and tags that Cache-Control and Cache-Tag
//	PUT  /any             201 or 204
//	GET  /request         the request as it came, in JSON
//	GET  /slow            is answered when there was a GET of /go
//	GET  /never           no answer for as long as the client stays
func scriptBackend(ts *testscript.TestScript, _ bool, _ []string) {
	b := &backend{files: map[string]string{}, release: make(chan struct{})}
	s := httptest.NewServer(b)
	ts.Setenv("BACKEND", s.URL)
	ts.Defer(func() {
		b.goOn()
		s.CloseClientConnections()
		s.Close()
	})
}

type backend struct {
	mu      sync.Mutex
	files   map[string]string
	release chan struct{}
	once    sync.Once
}

func (b *backend) goOn() { b.once.Do(func() { close(b.release) }) }

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/request":
		w.Header().Set("Content-Type", "application/json")
		fields := map[string]string{"Host": r.Host, "Method": r.Method, "URI": r.RequestURI}
		for name, values := range r.Header {
			fields[name] = strings.Join(values, ", ")
		}
		json.NewEncoder(w).Encode(fields)
		return
	case "/go":
		b.goOn()
		return
	case "/slow":
		<-b.release
		io.WriteString(w, "slow\n")
		return
	case "/never":
		<-r.Context().Done()
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	content, exists := b.files[r.URL.Path]
	switch {
	case r.Method == http.MethodPut:
		b.files[r.URL.Path] = string(body)
		w.WriteHeader(map[bool]int{true: http.StatusNoContent, false: http.StatusCreated}[exists])
	case r.Method == http.MethodDelete && exists:
		delete(b.files, r.URL.Path)
		w.WriteHeader(http.StatusNoContent)
	case !exists:
		http.NotFound(w, r)
	default:
		w.Header().Set("Content-Type", "text/plain")
		if tag := r.URL.Query().Get("etag"); tag != "" {
			w.Header().Set("ETag", tag)
		}
		for parameter, name := range map[string]string{"control": "Cache-Control", "tags": "Cache-Tag"} {
			if value := r.URL.Query().Get(parameter); value != "" {
				w.Header().Set(name, value)
			}
		}
		http.ServeContent(w, &http.Request{Method: r.Method, Header: http.Header{}}, "", time.Time{}, strings.NewReader(content))
	}
}
