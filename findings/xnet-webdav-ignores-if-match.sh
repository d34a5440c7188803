#!/usr/bin/env bash
# golang.org/x/net/webdav v0.62.0: a PUT ignores If-Match, and a replaced resource is answered with 201 Created.
#
# Expected: RFC 9110 §13.1.1: "the origin server MUST evaluate the If-Match condition per Section 13.2 prior to performing the method."
# And RFC 9110 §9.3.4: "If the target resource does have a current representation and that representation is successfully modified in
# accordance with the state of the enclosed representation, then the origin server MUST send either a 200 (OK) or a 204 (No Content)".
# Instead: the handler sends a strong ETag with each PUT, but looks at no precondition when the next one comes; every PUT answers 201.
# (Its GET does evaluate them, as it goes through net/http.)
# Hurt: two editors that both send If-Match overwrite each other, and each is told that it created the file.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"
export GOFLAGS=-mod=mod

mkdir files
go mod init example.test/finding 2>go.log
go get golang.org/x/net@v0.62.0 2>>go.log
cat >main.go <<'GO'
package main

import (
	"net"
	"net/http"
	"os"

	"golang.org/x/net/webdav"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	if err := os.WriteFile("port", []byte(listener.Addr().String()), 0o600); err != nil {
		panic(err)
	}
	http.Serve(listener, &webdav.Handler{FileSystem: webdav.Dir("files"), LockSystem: webdav.NewMemLS()})
}
GO
go build -o server . 2>>go.log
echo "$(go version | cut -d' ' -f3), golang.org/x/net $(go list -m -f '{{.Version}}' golang.org/x/net)"
./server >server.log 2>&1 &
pid=$!
for _ in $(seq 150); do [ -s port ] && break; sleep 0.2; done
url=http://$(cat port)/note.txt

put() { curl -sS -D - -o answer -X PUT "$@" "$url" | tr -d '\r' >head; awk 'NR == 1 { print $2 }' head; }
echo "PUT one -> $(put --data-binary one)"
tag=$(sed -n 's/^ETag: //Ip' head)
echo "ETag: $tag"
replaced=$(put --data-binary 'someone else' -H "If-Match: $tag")
echo "PUT someone else, If-Match: $tag -> $replaced, $(grep -i '^etag' head)"
stale=$(put --data-binary 'from the old one' -H "If-Match: $tag")
now=$(curl -sS "$url")
echo "PUT from the old one, If-Match: $tag -> $stale"
echo "GET -> $now"

[ "$replaced" = 201 ] && [ "$stale" = 201 ] && [ "$now" = "from the old one" ] ||
  { echo "changed: it no longer writes over a newer version with 201"; exit 1; }
echo "as stated: the false If-Match was ignored, and the replacement is called a creation"
