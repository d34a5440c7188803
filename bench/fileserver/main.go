// Command fileserver serves a directory with http.FileServer and nothing else, the
// baseline of bench/compare; or, without a directory, answers 304 to everything,
// which is as fast as a handler of net/http can be.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	var handler http.Handler
	switch len(os.Args) {
	case 2:
		handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Etag"] = []string{`"empty"`}
			w.WriteHeader(http.StatusNotModified)
		})
	case 3:
		handler = http.FileServer(http.Dir(os.Args[2]))
	default:
		log.Fatal("usage: fileserver ADDRESS [DIR]")
	}
	log.Fatal(http.ListenAndServe(os.Args[1], handler))
}
