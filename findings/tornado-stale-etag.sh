#!/usr/bin/env bash
# Tornado 6: the ETag of a static file stays that of its first version for as long as the process lives.
#
# Expected: RFC 9110 §8.8.1: "A strong validator is representation metadata that changes value whenever a change occurs to the
# representation data that would be observable in the content of a 200 (OK) response to GET."
# Instead: StaticFileHandler keeps each file's digest in a table that no change of the file clears (it serves for making ?v= links, and
# for the ETag too). After an edit the new text goes out under the old strong tag, and who asks with If-None-Match is told 304.
# (The setting static_hash_cache=False, described as one for development, ends it.)
# Hurt: browsers and caches keep the old page until the process restarts; a resumed download with If-Range joins halves of two versions.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

[ -d /usr/lib/python3/dist-packages/tornado ] || apt-get install -y --no-install-recommends python3-tornado >apt.log
version=$(dpkg-query -W -f '${Version}' python3-tornado)
echo "python3-tornado $version"
case $version in 6.*) ;; *) echo "skipped: this is about Tornado 6"; exit 2 ;; esac

mkdir files
printf 'AAAAAAAA' >files/page.txt
touch -d '2024-01-01 00:00:00 UTC' files/page.txt
cat >server.py <<'PY'
import tornado.httpserver, tornado.ioloop, tornado.netutil, tornado.web
app = tornado.web.Application([(r"/(.*)", tornado.web.StaticFileHandler, {"path": "files"})])
sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
tornado.httpserver.HTTPServer(app).add_sockets(sockets)
open("port", "w").write(str(sockets[0].getsockname()[1]))
tornado.ioloop.IOLoop.current().start()
PY
/usr/bin/python3 server.py >server.log 2>&1 &
pid=$!
for _ in $(seq 150); do [ -s port ] && break; sleep 0.2; done
url=http://127.0.0.1:$(cat port)/page.txt

etag() { curl -sS -D - -o body "$url" | tr -d '\r' | sed -n 's/^ETag: //Ip'; }
first=$(etag)
echo "GET -> $(cat body), ETag: $first"
printf 'BBBBBBBB' >files/page.txt
touch -d '2024-02-01 00:00:00 UTC' files/page.txt
echo "the file is edited; its modification time is a month later"
second=$(etag)
echo "GET -> $(cat body), ETag: $second"
new=$(cat body)
status=$(curl -sS -o answer -w '%{http_code}' -H "If-None-Match: $first" "$url")
echo "GET, If-None-Match: $first -> $status"
part=$(curl -sS -o half -w '%{http_code}' -H "If-Range: $first" -H 'Range: bytes=4-' "$url")
echo "GET, Range: bytes=4-, If-Range: $first -> $part $(cat half)"

[ "$new" = BBBBBBBB ] && [ "$first" = "$second" ] && [ "$status" = 304 ] || { echo "changed: the tag now follows the file"; exit 1; }
echo "as stated: another text under the same strong tag, and 304 for it"
