#!/usr/bin/env bash
# @fastify/etag 6.2.0: a PUT with If-None-Match is carried out and answered with 304.
#
# Expected: RFC 9110 §13.1.2: "An origin server that evaluates an If-None-Match condition MUST NOT perform the requested method if the
# condition evaluates to false", and for any method other than GET or HEAD it answers 412. RFC 9110 §13.2.1 has conditions evaluated just
# before the method would be performed.
# Instead: the plug-in compares If-None-Match with the tag of the answer, after the handler ran, whatever the method. A PUT whose answer
# equals what the client already holds is performed, and gets 304 Not Modified.
# Hurt: a client that says "only if it is not this already" loses the answer to a write that was done, and reads "nothing was modified".
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
npm install --silent --no-audit --no-fund --ignore-scripts fastify@5.12.8 @fastify/etag@6.2.0 >npm.log
echo "node $(node --version), fastify 5.12.8, @fastify/etag 6.2.0"

cat >server.js <<'JS'
const app = require('fastify')()
app.register(require('@fastify/etag'))
let note = 'one'
let writes = 0
app.register(async function (app) {
  app.get('/note', async () => note)
  app.put('/note', async (request) => { note = request.body; writes++; return note })
  app.get('/writes', async () => String(writes))
})
app.listen({ host: '127.0.0.1', port: 0 }).then(() => require('fs').writeFileSync('port', String(app.server.address().port)))
JS
node server.js >server.log 2>&1 &
pid=$!
for _ in $(seq 150); do [ -s port ] && break; sleep 0.2; done
url=http://127.0.0.1:$(cat port)

tag=$(curl -sS -D - -o before "$url/note" | tr -d '\r' | sed -n 's/^ETag: //Ip')
echo "GET -> $(cat before), ETag: $tag, writes done: $(curl -sS "$url/writes")"
put() { curl -sS -o answer -w '%{http_code}' -X PUT -H "If-None-Match: $tag" -H 'Content-Type: text/plain' --data-binary "$1" "$url/note"; }
same=$(put one)
echo "PUT one, If-None-Match: $tag -> $same"
other=$(put two)
echo "PUT two, If-None-Match: $tag -> $other"
writes=$(curl -sS "$url/writes")
echo "writes done: $writes"

[ "$same" = 304 ] && [ "$writes" = 2 ] || { echo "changed: no longer a 304 for a write that was done"; exit 1; }
echo "as stated: 304 to a PUT, and the write was done"
