#!/usr/bin/env bash
# Caddy 2.6.2: `encode gzip` compresses a part after it was cut out of the uncompressed file, all under one strong tag.
#
# Expected: RFC 9110 §14.1.2: "If the representation data has a content coding applied, each byte range is calculated with respect to the
# encoded sequence of bytes". And RFC 9110 §8.8.3.3: a strong tag of a coded representation has to be distinct from that of the uncoded.
# Instead: a 206 with Content-Encoding: gzip whose Content-Range counts bytes of the uncompressed file, and whose content is a gzip stream
# of its own. The whole file, compressed or not, and the part all have the same strong ETag.
# Hurt: a client that resumes a compressed download. It asks with If-Range for what follows the bytes it has, is told 206, joins the two
# as RFC 9110 §15.3.7.3 lets it, and has a broken file.
set -euo pipefail
tmp=$(mktemp -d)
pid=
finish() {
  if [ -n "$pid" ]; then kill "$pid" 2>/dev/null || true; wait "$pid" 2>/dev/null || true; fi
  rm -rf "$tmp"
}
trap finish EXIT
cd "$tmp"
export XDG_DATA_HOME=$tmp XDG_CONFIG_HOME=$tmp

[ -x /usr/bin/caddy ] || apt-get install -y --no-install-recommends caddy >apt.log
version=$(dpkg-query -W -f '${Version}' caddy)
echo "caddy $version"
case $version in 2.6.*) ;; *) echo "skipped: this is about Caddy 2.6"; exit 2 ;; esac

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir files
seq 4000 >files/numbers.txt
cat >Caddyfile <<CONF
{
	admin off
	auto_https off
}
http://:$port {
	bind 127.0.0.1
	root * files
	encode gzip
	file_server
}
CONF
/usr/bin/caddy run --config Caddyfile --adapter caddyfile >server.log 2>&1 &
pid=$!
url=http://127.0.0.1:$port/numbers.txt
curl -sS --retry 30 --retry-delay 1 --retry-connrefused -o first "$url" 2>curl.log

get() { curl -sS -D - -o "$1" -H 'Accept-Encoding: gzip' "${@:2}" "$url" | tr -d '\r' >"$1.head"; awk 'NR == 1 { print $2 }' "$1.head"; }
field() { sed -n "s/^$2: //Ip" "$1.head"; }
echo "GET, Accept-Encoding: gzip -> $(get whole), $(field whole Content-Encoding), $(wc -c <whole) bytes, ETag: $(field whole ETag)"
tag=$(field whole ETag)
head -c 4000 whole >begun
status=$(get rest -H 'Range: bytes=4000-' -H "If-Range: $tag")
coding=$(field rest Content-Encoding)
range=$(field rest Content-Range)
echo "the download breaks off after 4000 bytes"
echo "GET, Accept-Encoding: gzip, Range: bytes=4000-, If-Range: $tag -> $status, $coding, Content-Range: $range, ETag: $(field rest ETag)"
cat begun rest >joined
same=no
gzip -dc joined 2>gzip.log | cmp -s - files/numbers.txt && same=yes
echo "the two joined are the file: $same; gzip says: $(sed 's/^gzip: *//' gzip.log | xargs)"

size=$(wc -c <files/numbers.txt)
[ "$status" = 206 ] && [ "$coding" = gzip ] && [ "$range" = "bytes 4000-$((size - 1))/$size" ] && [ $same = no ] ||
  { echo "changed: the part now fits the whole, or is not compressed"; exit 1; }
echo "as stated: a compressed part with the offsets of the uncompressed file"
