// Command middleware is a small web API for notes in which no update is lost. Its
// reads are tagged by a middleware, its writes are checked under the lock that they
// hold.
//
//	go run ./examples/middleware
//
// Then, in another terminal:
//
//	curl -i localhost:8413/notes/7 -T- -H 'If-None-Match: *' <<< 'buy milk'
//	curl -i localhost:8413/notes/7
//	curl -i localhost:8413/notes/7 -T- <<< 'buy tea'
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/fourtwelve/fourtwelve/condhttp"
	"github.com/fourtwelve/fourtwelve/etag"
	"github.com/fourtwelve/fourtwelve/precondition"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8413", "the `address` to listen on")
	flag.Parse()
	listener, err := net.Listen("tcp", *listen)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	url := "http://" + listener.Addr().String() + "/notes/7"
	fmt.Printf("try: curl -i %s -T- -H 'If-None-Match: *' <<< 'buy milk'\n", url)
	server := &http.Server{Handler: newNotes(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	log.Fatal(server.Serve(listener))
}

// maxNote bounds a note in bytes.
const maxNote = 64 << 10

// notes keeps notes in memory.
type notes struct {
	mu   sync.Mutex
	text map[string][]byte // by the name in the path; the bytes are never changed
}

// newNotes returns the API with no notes in it.
func newNotes() http.Handler {
	n := &notes{text: make(map[string][]byte)}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /notes/{id}", n.get)
	mux.HandleFunc("PUT /notes/{id}", n.put)
	mux.HandleFunc("DELETE /notes/{id}", n.delete)
	// The list knows nothing of tags, and need not.
	mux.Handle("GET /notes/", condhttp.ContentTag(http.HandlerFunc(n.list)))
	return mux
}

// checker refuses writes that nothing guards: with 428, and how to go about it.
var checker = condhttp.Checker{Require: condhttp.RequireOverwrite}

// current is the state of a note. The caller holds the lock.
func (n *notes) current(id string) precondition.Current {
	text, exists := n.text[id]
	if !exists {
		return precondition.Current{}
	}
	return precondition.Current{Exists: true, Tag: etag.Of(text)}
}

func (n *notes) get(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	current, text := n.current(r.PathValue("id")), n.text[r.PathValue("id")]
	n.mu.Unlock()
	if !current.Exists {
		condhttp.WriteError(w, r, errNoNote)
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	if checker.Check(w, r, current) {
		// An error means that the client has gone.
		_, _ = w.Write(text)
	}
}

// put replaces or creates a note. Preconditions are evaluated twice: before the
// content is read, so that a client need not send what would be refused, and
// again with the write. No lock is held in between: nobody is to wait for a
// slow client.
func (n *notes) put(w http.ResponseWriter, r *http.Request) {
	if _, err := n.write(r, func(string) {}); err != nil {
		condhttp.WriteError(w, r, err)
		return
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNote))
	if err != nil {
		condhttp.WriteError(w, r, errTooLong)
		return
	}
	created, err := n.write(r, func(id string) { n.text[id] = text })
	if err != nil {
		condhttp.WriteError(w, r, err)
		return
	}
	w.Header().Set("ETag", etag.Of(text).String())
	if created {
		w.WriteHeader(http.StatusCreated)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (n *notes) delete(w http.ResponseWriter, r *http.Request) {
	created, err := n.write(r, func(id string) { delete(n.text, id) })
	if err == nil && created {
		err = errNoNote // there was none, and there still is none
	}
	if err != nil {
		condhttp.WriteError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// write makes a change, if the preconditions of r let it. Nobody else can write
// between the evaluation and the change. created reports whether there was no
// note before.
func (n *notes) write(r *http.Request, change func(id string)) (created bool, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	current := n.current(r.PathValue("id"))
	if err := checker.Verify(r, current); err != nil {
		return false, err
	}
	change(r.PathValue("id"))
	return !current.Exists, nil
}

func (n *notes) list(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	ids := slices.Sorted(maps.Keys(n.text))
	n.mu.Unlock()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, id := range ids {
		_, _ = fmt.Fprintf(w, "%q\n", id)
	}
}

var (
	errNoNote = condhttp.NewProblem(http.StatusNotFound, "no-such-note",
		"there is no such note", "GET /notes/ lists them")
	errTooLong = condhttp.NewProblem(http.StatusRequestEntityTooLarge, "note-too-long",
		fmt.Sprintf("a note has at most %d bytes, and has to arrive whole", maxNote), "send a shorter one")
)
