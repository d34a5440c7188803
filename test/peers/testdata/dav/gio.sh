# GNOME's files: what Nautilus and gedit do, by gio.
cat > work.sh <<'WORK'
set -eu
at=dav://$HOST
printf 'first\n' > a.txt
gio mount "$at/" </dev/null
gio mkdir "$at/papers"
gio copy a.txt "$at/papers/a.txt"
test "$(gio cat "$at/papers/a.txt")" = first
echo second | gio save "$at/papers/a.txt"
tag=$(gio info -a etag::value "$at/papers/a.txt" | sed -n 's/ *etag::value: //p')
echo third | gio save -e "$tag" "$at/papers/a.txt"
# The second one of two who saw the same version is told, and loses nothing of the first.
if echo fourth | gio save -e "$tag" "$at/papers/a.txt"; then exit 1; fi
test "$(gio cat "$at/papers/a.txt")" = third
gio move "$at/papers/a.txt" "$at/papers/b.txt"
gio copy "$at/papers/b.txt" "$at/papers/ü.txt"
test "$(gio list "$at/papers" | sort | tr '\n' ' ')" = 'b.txt ü.txt '
gio remove "$at/papers/ü.txt" "$at/papers/b.txt"
gio remove "$at/papers"
gio mount -u "$at/"
WORK
timeout -k 5 60 dbus-run-session -- bash work.sh
