#!/usr/bin/env bash
# Community Solid Server 7.2.0: a range of one byte, or one that ends past the end, answers 416, and If-Range is not looked at.
#
# Expected: RFC 9110 §14.1.2: "the byte positions specified are inclusive", so bytes=0-0 is the first byte; and with a last position beyond
# the end "the byte range is interpreted as the remainder of the representation". RFC 9110 §13.1.5: "A recipient of an If-Range header
# field MUST ignore the Range header field if the If-Range condition evaluates to false."
# Instead: bytes=0-0 and bytes=5-99 of ten bytes answer 416, bytes=0-1 and bytes=-1 answer 206. With an If-Range that names another
# version, the part comes all the same.
# Hurt: players and download tools, whose first request is often bytes=0-0 or a fixed block; a resumed download that joins two versions.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

echo '{"private": true}' >package.json
echo "installing some hundred packages: a minute or two"
npm install --silent --no-audit --no-fund --ignore-scripts @solid/community-server@7.2.0 >npm.log
echo "node $(node --version), @solid/community-server 7.2.0"

port=$(node -e 's = require("net").createServer().listen(0, "127.0.0.1", () => { console.log(s.address().port); s.close() })')
mkdir data
node node_modules/@solid/community-server/bin/server.js -p "$port" -b "http://127.0.0.1:$port/" \
  -c @css:config/file-root.json -f data -l warn >server.log 2>&1 &
pid=$!
curl -sS --retry 120 --retry-delay 1 --retry-connrefused -o first "http://127.0.0.1:$port/" 2>curl.log
url=http://127.0.0.1:$port/digits.txt

curl -sS -o answer -X PUT -H 'Content-Type: text/plain' --data-binary 0123456789 "$url"
echo "GET -> $(curl -sS -w ' %{http_code}' "$url")"
get() { : >body; curl -sS -o body -w '%{http_code}' "$@" "$url"; }
two=$(get -H 'Range: bytes=0-1')
echo "GET, Range: bytes=0-1 -> $two $(cat body)"
one=$(get -H 'Range: bytes=0-0')
echo "GET, Range: bytes=0-0 -> $one"
past=$(get -H 'Range: bytes=5-99')
echo "GET, Range: bytes=5-99 -> $past"
another=$(get -H 'Range: bytes=5-' -H 'If-Range: "another"')
echo "GET, Range: bytes=5-, If-Range: \"another\" -> $another $(cat body)"

[ "$two" = 206 ] && [ "$one" = 416 ] && [ "$past" = 416 ] && [ "$another" = 206 ] || { echo "changed: not all is as stated"; exit 1; }
echo "as stated: 416 for one byte and for a block that ends past the end; a part in spite of If-Range"
