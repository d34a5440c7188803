#!/usr/bin/env bash
# cadaver 0.24: a file without a date is listed as an error, "404 Not Found", though it is there.
#
# Expected: RFC 4918 §9.1: a property that is not defined is noted with 404 for that property alone, in a propstat of its own. §15.7
# has getlastmodified defined only where GET sends Last-Modified, which a server may leave out (RFC 9110 §8.8.2.1). The file has a size,
# an entity tag and a type, and all of them are answered with 200.
# Instead: "ls" prints "Error: a.txt  404 Not Found" in place of the line of the file.
# Hurt: who has just uploaded a file to a server that gives no date while its second lasts, as careful ones do, and takes it for lost.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

command -v cadaver >/dev/null || apt-get install -y --no-install-recommends cadaver >apt.log
version=$(dpkg-query -W -f '${Version}' cadaver)
echo "cadaver $version"
case $version in 0.24*) ;; *) echo "skipped: this is about cadaver 0.24"; exit 2 ;; esac

cat >server.py <<'PY'
from http.server import BaseHTTPRequestHandler, HTTPServer

def response(href, found, missing):
    return ('<D:response><D:href>%s</D:href><D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>'
            '<D:propstat><D:prop>%s</D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>' % (href, found, missing))

FOLDER = response("/", "<D:resourcetype><D:collection/></D:resourcetype>", "<D:getcontentlength/>")
DATE = "<D:getlastmodified>Tue, 03 Nov 2026 09:14:22 GMT</D:getlastmodified>"
FILE = "<D:resourcetype/><D:getcontentlength>6</D:getcontentlength>"

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body=""):
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.send_response(status)
        self.send_header("DAV", "1")
        self.send_header("Content-Type", "application/xml; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def do_OPTIONS(self):
        self.answer(200)

    def do_PROPFIND(self):
        members = ""
        if self.headers.get("Depth") != "0":
            members = response("/dated.txt", FILE + DATE, "<D:displayname/>") + response("/undated.txt", FILE, "<D:getlastmodified/>")
        self.answer(207, '<?xml version="1.0"?><D:multistatus xmlns:D="DAV:">' + FOLDER + members + "</D:multistatus>")

    def log_message(self, *args):
        pass

server = HTTPServer(("127.0.0.1", 0), Handler)
open("port", "w").write(str(server.server_port))
server.serve_forever()
PY
/usr/bin/python3 server.py >server.log 2>&1 &
pid=$!
for _ in $(seq 150); do [ -s port ] && break; sleep 0.2; done

export HOME=$tmp no_proxy=127.0.0.1
printf 'ls\nquit\n' | cadaver "http://127.0.0.1:$(cat port)/" >said.txt 2>&1
grep -E 'dated' said.txt

grep -Eq '^ +dated\.txt +6' said.txt || { echo "changed: the file with a date is not listed either"; exit 1; }
grep -Eq '^Error: undated\.txt +404 Not Found' said.txt || { echo "changed: a file without a date is no error any more"; exit 1; }
echo "as stated: the file without a date is shown as an error"
