#!/usr/bin/env bash
# rclone 1.60: a copy over WebDAV that the server refuses deletes the file that was to be replaced.
#
# Expected: a copy that fails leaves what is at its destination. A 413 says that the server refuses to process the request (RFC 9110
# §15.5.14), and so that the resource is what it was.
# Instead: a second after its PUT was refused, or cut off, rclone sends DELETE, without a precondition, to remove what may have arrived.
# What is there is the file as it was before, and it is gone.
# Hurt: whoever copies a new version over a file on a server that is full, has a bound on uploads, or is reached over a line that breaks:
# neither the old version nor the new one is there afterwards.
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
command -v rclone >/dev/null || apt-get install -y --no-install-recommends rclone >apt.log
version=$(rclone version | sed -n '1s/^rclone v//p')
echo "rclone $version"
case $version in 1.60.*) ;; *) echo "skipped: this is about rclone 1.60"; exit 2 ;; esac

port=$(/usr/bin/python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir files
echo "the old version" >files/plan.txt
[ "$(id -u)" != 0 ] || { chmod 755 "$tmp"; chown -R www-data "$tmp"; }
cat >httpd.conf <<CONF
ServerRoot $tmp
ServerName localhost
Listen 127.0.0.1:$port
PidFile $tmp/httpd.pid
ErrorLog $tmp/error.log
User www-data
Group www-data
$(for m in mpm_event authz_core mime dav dav_fs; do echo "LoadModule ${m}_module /usr/lib/apache2/modules/mod_$m.so"; done)
TypesConfig /etc/mime.types
DocumentRoot $tmp/files
DavLockDB $tmp/locks
LogFormat "%m %U %>s" short
CustomLog $tmp/access.log short
<Directory $tmp/files>
  Dav On
  Require all granted
  LimitRequestBody 1000
</Directory>
CONF
/usr/sbin/apache2 -f "$tmp/httpd.conf" -DFOREGROUND &
pid=$!
for _ in $(seq 100); do curl -s -o /dev/null "http://127.0.0.1:$port/plan.txt" && break; sleep 0.1; done

cat >rclone.conf <<CONF
[dav]
type = webdav
url = http://127.0.0.1:$port
vendor = other
CONF
head -c 3000 /dev/zero | tr '\0' x >new.txt # more than the server takes
if rclone --config rclone.conf --retries 1 --low-level-retries 1 copyto new.txt dav:plan.txt 2>rclone.log; then
  echo "gone: the copy was not refused, so this shows nothing"; exit 1
fi
cat access.log
if [ -e files/plan.txt ]; then echo "gone: the file is still there after the copy that failed"; exit 1; fi
echo "shown: the copy failed, and the file that was there is deleted"
