#!/usr/bin/env bash
# Apache httpd 2.4: with mod_deflate, the ETag that a GET hands out is refused by mod_dav's PUT.
#
# Expected: RFC 9110 §13.1.1 says of If-Match: "the condition is true if any of the listed tags match the entity tag of the selected
# representation". RFC 9110 §8.8.3.3 asks for distinct tags for content codings, which Apache gives; a client that sends one back as it
# was given, nothing having changed, is using the field for what it is there for: not to overwrite what it has not seen.
# Instead: mod_deflate appends "-gzip" to the tag on the way out, and nothing takes it off on the way in. A PUT whose If-Match holds the
# tag of the compressed answer is 412 for ever. (A GET never gets a 304 either; the manual of DeflateAlterETag
# says that, and not that a write is refused.)
# Hurt: each WebDAV client that accepts gzip, as most HTTP libraries do unasked: it can never save, though nobody else wrote.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

[ -x /usr/sbin/apache2 ] || apt-get install -y --no-install-recommends apache2 >apt.log
version=$(dpkg-query -W -f '${Version}' apache2-bin)
echo "apache2 $version"
case $version in 2.4.*) ;; *) echo "skipped: this is about Apache httpd 2.4"; exit 2 ;; esac

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir files
for n in $(seq 200); do echo "line $n of a text that compresses well"; done >files/note.txt
touch -d '2024-01-01 00:00:00 UTC' files/note.txt # a file just written would get a weak tag
[ "$(id -u)" != 0 ] || { chmod 755 "$tmp"; chown -R www-data "$tmp"; }
cat >httpd.conf <<CONF
ServerRoot $tmp
ServerName localhost
Listen 127.0.0.1:$port
PidFile $tmp/httpd.pid
ErrorLog $tmp/error.log
User www-data
Group www-data
$(for m in mpm_event authz_core mime dav dav_fs deflate filter; do echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"; done)
TypesConfig /etc/mime.types
DocumentRoot $tmp/files
DavLockDB $tmp/locks
<Directory $tmp/files>
  Dav On
  Require all granted
  AddOutputFilterByType DEFLATE text/plain
</Directory>
CONF
/usr/sbin/apache2 -f "$tmp/httpd.conf" -DFOREGROUND >server.log 2>&1 &
pid=$!
url=http://127.0.0.1:$port/note.txt
curl -sS --retry 30 --retry-delay 1 --retry-connrefused -o first "$url" 2>curl.log

etag() { curl -sS -D - -o body "$@" "$url" | tr -d '\r' | sed -n 's/^ETag: //Ip'; }
put() { curl -sS -o answer -w '%{http_code}' -X PUT -H "If-Match: $1" --data-binary @first "$url"; }
plain=$(etag)
packed=$(etag -H 'Accept-Encoding: gzip')
echo "GET -> ETag: $plain"
echo "GET, Accept-Encoding: gzip -> ETag: $packed"
not_modified=$(curl -sS -o body -w '%{http_code}' -H 'Accept-Encoding: gzip' -H "If-None-Match: $packed" "$url")
echo "GET, Accept-Encoding: gzip, If-None-Match: $packed -> $not_modified"
refused=$(put "$packed")
echo "PUT, If-Match: $packed -> $refused"
saved=$(put "$plain")
echo "PUT, If-Match: $plain -> $saved"

[ "$refused" = 412 ] && [ "$saved" = 204 ] ||
  { echo "changed: $refused for the tag of the compressed answer, $saved for the other"; exit 1; }
echo "as stated: the tag that a GET handed out is refused"
