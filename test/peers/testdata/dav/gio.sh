# GNOME's files: what Nautilus and gedit do, by gio.
cat > work.sh <<'WORK'
set -eu
at=dav://$HOST
printf 'first\n' > a.txt
gio mount "$at/" </dev/null
gio mkdir "$at/work"
gio copy a.txt "$at/work/a.txt"
test "$(gio cat "$at/work/a.txt")" = first
echo second | gio save "$at/work/a.txt"
tag=$(gio info -a etag::value "$at/work/a.txt" | sed -n 's/ *etag::value: //p')
echo third | gio save -e "$tag" "$at/work/a.txt"
# The second one of two who saw the same version is told, and loses nothing of the first.
if echo fourth | gio save -e "$tag" "$at/work/a.txt"; then exit 1; fi
test "$(gio cat "$at/work/a.txt")" = third
gio move "$at/work/a.txt" "$at/work/b.txt"
gio copy "$at/work/b.txt" "$at/work/ü.txt"
test "$(gio list "$at/work" | sort | tr '\n' ' ')" = 'b.txt ü.txt '
gio remove "$at/work/ü.txt" "$at/work/b.txt"
gio remove "$at/work"
gio mount -u "$at/"
WORK
timeout -k 5 60 dbus-run-session -- bash work.sh
