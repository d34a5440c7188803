// Xnetdav serves a directory with golang.org/x/net/webdav, for comparison: xnetdav ADDRESS DIR.
package main

import (
	"log"
	"net/http"
	"os"

	"golang.org/x/net/webdav"
)

func main() {
	h := &webdav.Handler{FileSystem: webdav.Dir(os.Args[2]), LockSystem: webdav.NewMemLS()}
	log.Fatal(http.ListenAndServe(os.Args[1], h))
}
