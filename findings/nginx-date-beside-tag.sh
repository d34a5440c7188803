#!/usr/bin/env bash
# nginx 1.22: a date that must be ignored beside an entity tag decides all the same.
#
# Expected: RFC 9110 §13.1.3: "A recipient MUST ignore If-Modified-Since if the request contains an If-None-Match header field", and
# RFC 9110 §13.1.4: "A recipient MUST ignore If-Unmodified-Since if the request contains an If-Match header field".
# Instead: nginx asks for both. If-None-Match with the current tag gets 200 and the whole content if the date beside it is another than
# Last-Modified, be it a later one; If-Match with the current tag gets 412 if the date beside it is an earlier one.
# Hurt: a client that sends with the tag the time of its last visit, as RFC 9110 §13.1.3 allows: it fetches all again each time, though
# it holds the very version; with If-Match it is told that there is another.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"

[ -x /usr/sbin/nginx ] || apt-get install -y --no-install-recommends nginx-light >apt.log
version=$(/usr/sbin/nginx -v 2>&1 | sed 's/.*nginx\///')
echo "nginx $version"
case $version in 1.22.*) ;; *) echo "skipped: this is about nginx 1.22"; exit 2 ;; esac

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir files
echo text >files/page.txt
touch -d '2024-01-10 00:00:00 UTC' files/page.txt
chmod 755 "$tmp"
cat >nginx.conf <<CONF
daemon off;
worker_processes 1;
pid $tmp/nginx.pid;
error_log $tmp/error.log;
events {}
http {
  access_log off;
  client_body_temp_path $tmp/body;
  proxy_temp_path $tmp/proxy;
  fastcgi_temp_path $tmp/fastcgi;
  uwsgi_temp_path $tmp/uwsgi;
  scgi_temp_path $tmp/scgi;
  server {
    listen 127.0.0.1:$port;
    root $tmp/files;
  }
}
CONF
/usr/sbin/nginx -c "$tmp/nginx.conf" -e "$tmp/error.log" >server.log 2>&1 &
pid=$!
url=http://127.0.0.1:$port/page.txt
curl -sS --retry 30 --retry-delay 1 --retry-connrefused -D head -o first "$url" 2>curl.log

tag=$(tr -d '\r' <head | sed -n 's/^ETag: //Ip')
echo "GET -> ETag: $tag, $(tr -d '\r' <head | grep -i '^last-modified')"
earlier='Tue, 09 Jan 2024 00:00:00 GMT'
later='Thu, 11 Jan 2024 00:00:00 GMT'
get() { curl -sS -o answer -w '%{http_code}' "$@" "$url"; }
none=$(get -H "If-None-Match: $tag")
echo "GET, If-None-Match: $tag -> $none"
none_later=$(get -H "If-None-Match: $tag" -H "If-Modified-Since: $later")
echo "GET, If-None-Match: $tag, If-Modified-Since: $later -> $none_later"
match=$(get -H "If-Match: $tag")
echo "GET, If-Match: $tag -> $match"
match_earlier=$(get -H "If-Match: $tag" -H "If-Unmodified-Since: $earlier")
echo "GET, If-Match: $tag, If-Unmodified-Since: $earlier -> $match_earlier"

[ "$none $none_later $match $match_earlier" = "304 200 200 412" ] ||
  { echo "changed: a date beside a tag is now ignored, or a tag alone is not enough"; exit 1; }
echo "as stated: the date decides though the tag matches"
