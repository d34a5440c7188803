#!/usr/bin/env bash
# Mercurial 6 hgweb: a path that does not exist answers 304 Not Modified.
#
# Expected: RFC 9110 §13.2.1: "A server MUST ignore all received preconditions if its response to the same request without those
# conditions, prior to processing the request content, would have been a status code other than a 2xx (Successful) or 412".
# Instead: hgweb has one tag for a whole repository (its time of change), gives it even to a 404, and answers 304 to whoever sends it
# before it looks whether the path exists.
# Hurt: a crawler or mirror that knows the repository's tag takes any missing path for one that it holds unchanged.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"
export HGRCPATH= HGPLAIN=1

command -v hg >which.log || apt-get install -y --no-install-recommends mercurial >apt.log
version=$(hg --version -q | sed 's/.*version \([^)]*\).*/\1/')
echo "mercurial $version"
case $version in 6.*) ;; *) echo "skipped: this is about Mercurial 6"; exit 2 ;; esac

hg init repository
echo text >repository/here.txt
hg --cwd repository --config ui.username=someone commit -q -A -m first
hg --cwd repository serve --address 127.0.0.1 --port 0 --accesslog "$tmp/access.log" --errorlog "$tmp/error.log" >serve.log 2>&1 &
pid=$!
port=
for _ in $(seq 150); do
  port=$(sed -n 's/.*:\([0-9][0-9]*\)[/ ].*/\1/p' serve.log | head -1)
  [ -n "$port" ] && break
  sleep 0.2
done
url=http://127.0.0.1:$port/raw-file/tip

etag() { curl -sS -D - -o body "$url/$1" | tr -d '\r' | sed -n 's/^ETag: //Ip'; }
status() { curl -sS -o body -w '%{http_code}' "$@"; }
tag=$(etag here.txt)
plain=$(status "$url/missing.txt")
conditional=$(status -H "If-None-Match: $tag" "$url/missing.txt")
echo "GET here.txt -> $(status "$url/here.txt"), ETag: $tag"
echo "GET missing.txt -> $plain, ETag: $(etag missing.txt)"
echo "GET missing.txt, If-None-Match: $tag -> $conditional"

[ "$plain" = 404 ] && [ "$conditional" = 304 ] || { echo "changed: the missing path answers $conditional"; exit 1; }
echo "as stated: 304 for a path that is 404"
