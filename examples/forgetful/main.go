// Command forgetful is a small server as there are many: it keeps what is PUT, and
// knows nothing of entity tags or preconditions. Whoever writes last wins. It is
// here to be guarded:
//
//	go run ./examples/forgetful
//	go run . guard http://127.0.0.1:3000
package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:3000", "the `address` to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err == nil {
		fmt.Fprintf(os.Stderr, "Forgetting who wrote what at http://%s/\n", listener.Addr())
		err = http.Serve(listener, new(notes))
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

// maxNote bounds a note in bytes.
const maxNote = 1 << 20

// notes are texts by their paths. The zero value has none.
type notes struct {
	mu    sync.Mutex
	texts map[string]string
}

func (n *notes) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		text, ok := n.get(r.URL.Path)
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		io.WriteString(w, text)
	case http.MethodPut:
		text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNote))
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		n.put(r.URL.Path, string(text))
		w.WriteHeader(http.StatusNoContent)
	default:
		w.Header().Set("Allow", "GET, HEAD, PUT")
		http.Error(w, "this server reads and writes, and no more", http.StatusMethodNotAllowed)
	}
}

func (n *notes) get(path string) (text string, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	text, ok = n.texts[path]
	return text, ok
}

func (n *notes) put(path, text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.texts == nil {
		n.texts = make(map[string]string)
	}
	n.texts[path] = text
}
