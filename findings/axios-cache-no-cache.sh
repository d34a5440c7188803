#!/usr/bin/env bash
# axios-cache-interceptor 1.12.3: `Cache-Control: no-cache` is taken for no-store, so what could be validated is fetched whole each time.
#
# Expected: RFC 9111 §5.2.2.4: no-cache "indicates that the response MUST NOT be used to satisfy any other request without forwarding it
# for validation and receiving a successful response". A cache may keep it, and ask with If-None-Match next time; no-store is another word.
# Instead: the response is not kept, and no later request is conditional. With max-age=0, which asks for the same, it is kept and validated.
# (make-fetch-happen and cacheable-request validate both.)
# Hurt: an origin that says no-cache, as many do for what has an ETag, pays for the whole content each time instead of a 304.
set -euo pipefail
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"

echo '{"private": true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts axios@1.21.1 axios-cache-interceptor@1.12.3 >npm.log
echo "node $(node --version), axios 1.21.1, axios-cache-interceptor 1.12.3"

cat >main.js <<'JS'
const http = require('http')
const axios = require('axios')
const { setupCache } = require('axios-cache-interceptor')

const origin = http.createServer((request, response) => {
  const tag = request.headers['if-none-match']
  response.setHeader('ETag', '"v1"')
  response.setHeader('Cache-Control', request.url.slice(1))
  response.statusCode = tag === '"v1"' ? 304 : 200
  console.log(`${request.url.slice(1)}: If-None-Match: ${tag || '(none)'} -> ${response.statusCode}`)
  response.end(response.statusCode === 200 ? 'text' : undefined)
})
origin.listen(0, '127.0.0.1', async () => {
  const client = setupCache(axios.create({ proxy: false }))
  for (const policy of ['no-cache', 'max-age=0']) {
    for (let i = 0; i < 3; i++) await client.get(`http://127.0.0.1:${origin.address().port}/${policy}`)
  }
  origin.close()
  origin.closeAllConnections()
})
JS
node main.js | tee seen

count() { grep -c "^$1: .*-> $2\$" seen || true; }
[ "$(count no-cache 200)" = 3 ] && [ "$(count max-age=0 304)" = 2 ] ||
  { echo "changed: no-cache is now validated, or max-age=0 is not"; exit 1; }
echo "as stated: no-cache fetched whole three times, max-age=0 validated"
