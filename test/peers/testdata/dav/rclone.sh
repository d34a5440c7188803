# rclone copies, checks, synchronizes, moves and purges.
cat > rclone.conf <<CONF
[dav]
type = webdav
url = $URL
vendor = other
CONF
run() { rclone --config rclone.conf --transfers 1 --checkers 1 --order-by name -q "$@"; }
mkdir -p src/sub
echo one > src/one.txt
echo two > src/sub/two.txt
run copy --max-depth 1 src dav:up # what it does at the same time comes in no order
run copy src dav:up
run check --size-only src dav:up
echo three > src/one.txt
run sync src dav:up
test "$(run cat dav:up/one.txt)" = three
# It overwrote without a condition, and nothing is lost: the Link field leads to what was there.
before=$(curl -sI "$URL/up/one.txt" | sed -n 's/^[Ll]ink: <\([^>]*\)>; rel="predecessor-version".*/\1/p')
test "$(curl -sf "$URL$before")" = one
run moveto dav:up/one.txt dav:up/moved.txt
run copyto dav:up/moved.txt dav:up/copied.txt
test "$(run lsf -R dav:up | sort | tr '\n' ' ')" = 'copied.txt moved.txt sub/ sub/two.txt '
run purge dav:up
run mkdir dav:empty
run rmdir dav:empty
