# Two people edit one document. With a lock the second is told. Without one the second save replaces the first, unless it says which
# version it has seen; and what it replaced is got back as the guide says.
cat > rclone.conf <<CONF
[dav]
type = webdav
url = $URL
vendor = other
CONF
save() { rclone --config rclone.conf --retries 1 --low-level-retries 1 copyto "$1" dav:plan.txt; }
content() { curl -sf "$URL/plan.txt"; }
echo base > base.txt
echo "of ann" > ann.txt
echo "of bob, who came later" > bob.txt # of another size: rclone looks at nothing else here
save base.txt

# Ann has it locked, in cadaver; bob saves with rclone, and fails. Ann's own save arrives.
mkfifo orders
cadaver "$URL/" < orders > cadaver.log 2>&1 &
exec 3> orders
echo 'lock plan.txt' >&3
for _ in $(seq 100); do
  curl -s -X PROPFIND -H 'Depth: 0' "$URL/plan.txt" | grep -q '<D:locktoken>' && break
  sleep 0.1
done
if save bob.txt 2> rclone.log; then echo "bob has written over ann's lock"; exit 1; fi
grep -q 423 rclone.log
test "$(content)" = base
printf 'put ann.txt plan.txt\nunlock plan.txt\nquit\n' >&3
exec 3>&-
wait
test "$(content)" = "of ann"

# Bob saves blindly. What ann wrote is where the Link leads.
save bob.txt
test "$(content)" = "$(cat bob.txt)"
link=$(curl -sI "$URL/plan.txt" | tr -d '\r' | sed -n 's/^[Ll]ink: <\(.*\)>; rel="predecessor-version"$/\1/p')
test "$(curl -sf "$URL$link")" = "of ann"
# It is put back on the condition that nobody has saved since.
tag=$(curl -sI "$URL/plan.txt" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
curl -sf "$URL$link" | curl -sf -T - -H "If-Match: $tag" "$URL/plan.txt"
test "$(content)" = "of ann"

# GNOME's files say which version they have read: bob, who has read his own, is told that there is another.
export HOST tag
cat > gnome.sh <<'WORK'
gio mount "dav://$HOST/" </dev/null
if gio save -e "${tag//\"/}" "dav://$HOST/plan.txt" < bob.txt || gio save -e "$tag" "dav://$HOST/plan.txt" < bob.txt; then exit 1; fi
gio mount -u "dav://$HOST/"
WORK
timeout -k 5 60 dbus-run-session -- bash -eu gnome.sh
test "$(content)" = "of ann"
