#!/usr/bin/env bash
# CherryPy 18: tools.etags answers 412 to a PUT that it has carried out.
#
# Expected: a 412 says that nothing was done. RFC 9110 §13.1.1: "An origin server that evaluates an If-Match condition MUST NOT
# perform the requested method if the condition evaluates to false." And here the condition is true: the client sends the tag it was given.
# Instead: the tool runs after the handler, and compares If-Match with the tag of the answer, which names the NEW version. So each
# careful write that changes anything is done and then reported as refused, while a PUT that changes nothing is reported as done.
# Hurt: a client that does as RFC 9110 says. It reads again, merges, and applies its change twice (a counter, an appended line).
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

[ -d /usr/lib/python3/dist-packages/cherrypy ] || apt-get install -y --no-install-recommends python3-cherrypy3 >apt.log
version=$(dpkg-query -W -f '${Version}' python3-cherrypy3)
echo "python3-cherrypy3 $version"
case $version in 18.*) ;; *) echo "skipped: this is about CherryPy 18"; exit 2 ;; esac

cat >server.py <<'PY'
import hashlib, cherrypy

class Note:
    text = b"one"

    @cherrypy.expose
    @cherrypy.tools.etags()
    def index(self):
        if cherrypy.request.method == "PUT":
            Note.text = cherrypy.request.body.read()
        cherrypy.response.headers["ETag"] = '"%s"' % hashlib.sha256(Note.text).hexdigest()[:8]
        return Note.text

cherrypy.config.update({"server.socket_host": "127.0.0.1", "server.socket_port": 0, "environment": "production",
                        "request.methods_with_bodies": ("PUT", "POST")})
cherrypy.engine.subscribe("start", lambda: open("port", "w").write(str(cherrypy.server.bound_addr[1])), priority=100)
cherrypy.quickstart(Note())
PY
/usr/bin/python3 server.py >server.log 2>&1 &
pid=$!
for _ in $(seq 150); do [ -s port ] && break; sleep 0.2; done
url=http://127.0.0.1:$(cat port)/

tag=$(curl -sS -D - -o before "$url" | tr -d '\r' | sed -n 's/^ETag: //Ip')
echo "GET -> $(cat before), ETag: $tag"
status=$(curl -sS -o answer -w '%{http_code}' -X PUT -H "If-Match: $tag" -H 'Content-Type: text/plain' --data-binary two "$url")
echo "PUT two, If-Match: $tag -> $status"
after=$(curl -sS "$url")
echo "GET -> $after"

[ "$status" = 412 ] && [ "$after" = two ] || { echo "changed: no longer a 412 for a write that was done"; exit 1; }
echo "as stated: answered 412, and the write was done"
